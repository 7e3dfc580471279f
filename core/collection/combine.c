/* combine.c - the algebra of sets and counted sets: two collections of one kind become a third.
 *
 * A rule says how often an element is in the result when it is there `mine` and `theirs` times; in a
 * set once or not at all. The result begins as a version of one of the two, which one being chosen so
 * that only the elements of the smaller have to be visited, and is changed where the rule differs
 * from what it has. The other one is asked element by element, in order: by a few steps of a cursor
 * where the elements lie close, by a search where they do not. */
#include "collection/collection_private.h"
#include "collection/kind.h"
#include "collection/tree_cursor.h"

/* ------------------------------------------------------------------------------- probing ------ */

#define PROBE_STEPS 8u

/* Finds ascending keys in a tree. */
typedef struct {
    tree_cursor at;
    bool begun, ended;
} probe;

static void probe_init(probe *self, const collection *in)
{
    tree_cursor_init(&self->at, &in->tree, in->context->alloc);
    self->begun = self->ended = false;
}

static pbase_status probe_move(probe *self, pbase_bytes key, pbase_error *err)
{
    for (uint32_t i = 0; self->begun && i < PROBE_STEPS; i++) {
        if (tree_cursor_compare(&self->at, key) >= 0) {
            return PBASE_OK;
        }
        pbase_status status = tree_cursor_next(&self->at, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    self->begun = true;
    return tree_cursor_seek(&self->at, key, false, err);
}

/* How often the entry under a cursor is there. */
static pbase_status count_at(uint8_t kind, tree_cursor *at, uint64_t *out, pbase_error *err)
{
    tree_value value;
    if (!kind_counted(kind)) {
        *out = 1;
        return PBASE_OK;
    }
    pbase_status status = tree_cursor_value(at, &value, err);
    return status == PBASE_OK ? change_count_of(value.bytes, out, err) : status;
}

static pbase_status probe_count(probe *self, uint8_t kind, pbase_bytes key, uint64_t *out,
                                pbase_error *err)
{
    pbase_status status = self->ended ? PBASE_END : probe_move(self, key, err);
    *out = 0;
    if (status == PBASE_END) {
        self->ended = true;
        return PBASE_OK;
    }
    return status == PBASE_OK && tree_cursor_compare(&self->at, key) == 0
               ? count_at(kind, &self->at, out, err)
               : status;
}

/* -------------------------------------------------------------------------------- rules ------- */

static uint64_t rule_union(uint64_t mine, uint64_t theirs)
{
    return mine > theirs ? mine : theirs;
}

static uint64_t rule_intersection(uint64_t mine, uint64_t theirs)
{
    return mine < theirs ? mine : theirs;
}

static uint64_t rule_difference(uint64_t mine, uint64_t theirs)
{
    return mine > theirs ? mine - theirs : 0;
}

static uint64_t rule_symmetric(uint64_t mine, uint64_t theirs)
{
    return mine > theirs ? mine - theirs : theirs - mine;
}

static uint64_t rule_sum(uint64_t mine, uint64_t theirs)
{
    return mine + theirs; /* each at most PBASE_COUNT_MAX; adding checks the sum */
}

typedef uint64_t (*combine_rule)(uint64_t mine, uint64_t theirs);
static const combine_rule rules[] = {
    [COMBINE_UNION] = rule_union,
    [COMBINE_INTERSECTION] = rule_intersection,
    [COMBINE_DIFFERENCE] = rule_difference,
    [COMBINE_SYMMETRIC] = rule_symmetric,
    [COMBINE_SUM] = rule_sum,
};

/* ------------------------------------------------------------------------------- changing ----- */

/* Makes an element of the result be there `after` times instead of `before`. */
static pbase_status change_count(collection *result, const encoded_key *key, uint64_t before,
                                 uint64_t after, pbase_error *err)
{
    bool counted = kind_counted(result->kind), adds = after > before;
    change operation = {.key = *key, .count = adds ? after - before : before - after};
    if (before == after) {
        return PBASE_OK;
    }
    operation.op = counted ? (adds ? CHANGE_COUNT_ADD : CHANGE_COUNT_TAKE)
                           : (adds ? CHANGE_SET_ADD : CHANGE_SET_REMOVE);
    return collection_change(result, &operation, err);
}

/* One element that both are asked for. `from` is the version that the result began as; what others do
 * to the element there may change the result, unless adding is all it takes. */
static pbase_status combine_element(collection *result, const collection *from,
                                    const encoded_key *key, uint64_t mine, uint64_t theirs,
                                    uint8_t how, pbase_error *err)
{
    uint64_t after = rules[how](mine, theirs);
    bool blind =
        how == COMBINE_SUM || (how == COMBINE_UNION && mine == 0 && !kind_counted(result->kind));
    pbase_status status = blind ? PBASE_OK : collection_read_key(from, key->bytes, err);
    return status == PBASE_OK ? change_count(result, key, mine, after, err) : status;
}

/* Visits the elements of `other` and asks the version that the result began as for each. */
static pbase_status visit_other(collection *result, const collection *from, const collection *other,
                                uint8_t how, pbase_error *err)
{
    tree_cursor at;
    probe mine;
    pbase_status status = collection_read_whole(other, err);
    if (status != PBASE_OK) {
        return status;
    }
    tree_cursor_init(&at, &other->tree, other->context->alloc);
    probe_init(&mine, from);
    status = tree_cursor_first(&at, err);
    while (status == PBASE_OK) {
        encoded_key key;
        uint64_t have = 0, theirs = 0;
        status = tree_cursor_key(&at, &key, err);
        status = status == PBASE_OK ? count_at(other->kind, &at, &theirs, err) : status;
        status =
            status == PBASE_OK ? probe_count(&mine, from->kind, key.bytes, &have, err) : status;
        status = status == PBASE_OK ? combine_element(result, from, &key, have, theirs, how, err)
                                    : status;
        status = status == PBASE_OK ? tree_cursor_next(&at, err) : status;
    }
    tree_cursor_fini(&mine.at);
    tree_cursor_fini(&at);
    return status == PBASE_END ? PBASE_OK : status;
}

/* Visits the elements that the result began with and asks `other` for each. */
static pbase_status visit_own(collection *result, const collection *from, const collection *other,
                              uint8_t how, pbase_error *err)
{
    tree_cursor at;
    probe theirs;
    pbase_status status = collection_read_whole(from, err);
    if (status != PBASE_OK) {
        return status;
    }
    tree_cursor_init(&at, &from->tree, from->context->alloc);
    probe_init(&theirs, other);
    status = tree_cursor_first(&at, err);
    while (status == PBASE_OK) {
        encoded_key key;
        uint64_t have = 0, count = 0;
        status = tree_cursor_key(&at, &key, err);
        status = status == PBASE_OK ? count_at(from->kind, &at, &have, err) : status;
        status = status == PBASE_OK ? collection_read_key(other, key.bytes, err) : status;
        status =
            status == PBASE_OK ? probe_count(&theirs, other->kind, key.bytes, &count, err) : status;
        status = status == PBASE_OK ? change_count(result, &key, have, rules[how](have, count), err)
                                    : status;
        status = status == PBASE_OK ? tree_cursor_next(&at, err) : status;
    }
    tree_cursor_fini(&theirs.at);
    tree_cursor_fini(&at);
    return status == PBASE_END ? PBASE_OK : status;
}

/* ------------------------------------------------------------------------------- together ----- */

static pbase_status counts_of(const collection *a, const collection *b, uint64_t *out_a,
                              uint64_t *out_b, pbase_error *err)
{
    pbase_status status = collection_same_space(a, b, err);
    if (status == PBASE_OK) {
        status = tree_count(&a->tree, out_a, err);
    }
    return status == PBASE_OK ? tree_count(&b->tree, out_b, err) : status;
}

pbase_status combine(const collection *a, const collection *b, uint8_t how, collection **out,
                     pbase_error *err)
{
    uint64_t count_a = 0, count_b = 0;
    collection *result = NULL;
    pbase_status status = counts_of(a, b, &count_a, &count_b, err);
    if (status != PBASE_OK) {
        return collection_noted(a, status, err);
    }
    bool a_is_larger = count_a >= count_b;
    bool from_a = how == COMBINE_DIFFERENCE ||
                  (how == COMBINE_INTERSECTION ? count_a <= count_b : a_is_larger);
    bool own = how == COMBINE_INTERSECTION || (how == COMBINE_DIFFERENCE && !a_is_larger);
    const collection *from = from_a ? a : b, *other = from_a ? b : a;
    status = collection_keep_part(from, a->context, &result, err);
    if (status == PBASE_OK) {
        status = own ? visit_own(result, from, other, how, err)
                     : visit_other(result, from, other, how, err);
    }
    if (status != PBASE_OK) {
        collection_close(result);
        return collection_noted(a, status, err);
    }
    *out = result;
    return PBASE_OK;
}

/* Visits `a` until an element is there `accepts` says no to; tells whether there was none. */
static pbase_status holds_for_all(const collection *a, const collection *b,
                                  bool (*accepts)(uint64_t mine, uint64_t theirs), bool *out,
                                  pbase_error *err)
{
    tree_cursor at;
    probe theirs;
    bool holds = true;
    tree_cursor_init(&at, &a->tree, a->context->alloc);
    probe_init(&theirs, b);
    pbase_status status = tree_cursor_first(&at, err);
    while (status == PBASE_OK && holds) {
        encoded_key key;
        uint64_t have = 0, count = 0;
        status = tree_cursor_key(&at, &key, err);
        status = status == PBASE_OK ? count_at(a->kind, &at, &have, err) : status;
        status =
            status == PBASE_OK ? probe_count(&theirs, b->kind, key.bytes, &count, err) : status;
        holds = status != PBASE_OK || accepts(have, count);
        status = status == PBASE_OK && holds ? tree_cursor_next(&at, err) : status;
    }
    tree_cursor_fini(&theirs.at);
    tree_cursor_fini(&at);
    status = status == PBASE_END ? PBASE_OK : status;
    if (status == PBASE_OK) {
        *out = holds;
    }
    return status;
}

static bool is_no_more(uint64_t mine, uint64_t theirs)
{
    return mine <= theirs;
}

static bool is_apart(uint64_t mine, uint64_t theirs)
{
    (void)mine; /* at least 1 */
    return theirs == 0;
}

/* What a question about two wholes begins with. */
static pbase_status both_read(const collection *a, const collection *b, uint64_t *out_a,
                              uint64_t *out_b, pbase_error *err)
{
    pbase_status status = counts_of(a, b, out_a, out_b, err);
    if (status == PBASE_OK) {
        status = collection_read_whole(a, err);
    }
    return status == PBASE_OK ? collection_read_whole(b, err) : status;
}

pbase_status combine_is_subset(const collection *a, const collection *b, bool *out,
                               pbase_error *err)
{
    uint64_t count_a = 0, count_b = 0;
    pbase_status status = both_read(a, b, &count_a, &count_b, err);
    if (status == PBASE_OK && count_a > count_b) {
        *out = false;
        return PBASE_OK;
    }
    if (status == PBASE_OK) {
        status = holds_for_all(a, b, is_no_more, out, err);
    }
    return collection_noted(a, status, err);
}

pbase_status combine_is_disjoint(const collection *a, const collection *b, bool *out,
                                 pbase_error *err)
{
    uint64_t count_a = 0, count_b = 0;
    pbase_status status = both_read(a, b, &count_a, &count_b, err);
    if (status == PBASE_OK) {
        bool a_first = count_a <= count_b;
        status = holds_for_all(a_first ? a : b, a_first ? b : a, is_apart, out, err);
    }
    return collection_noted(a, status, err);
}
