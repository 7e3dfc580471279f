/* upkeep.c - what differs between two versions of a collection, as removals and additions of entries.
 *
 * Rows are compared in order; the entries that differ are gathered, sorted, and applied in runs of
 * RUN_BYTES_MAX, so that a tree is edited from left to right. All removals of a run come before its
 * additions: two rows may exchange their unique keys. When a key is taken and a later run may still
 * free it, it is looked at again in the end. */
#include "index/upkeep.h"

#include "collection/tree_cursor.h"
#include "index/entry.h"
#include "index/row_entries.h"
#include "index/touched.h"

#include <protobase/base/limits.h>

#define RUN_BYTES_MAX 134217728u /* of entries gathered before they are applied */

/* Entries of one index that are to go and to come. */
typedef struct {
    index_entries removed, added;
} pending;

/* A unique key that was taken when it was added. */
typedef struct {
    size_t index;
    pbase_bytes prefix;
} suspect;

typedef struct {
    const index_upkeep *upkeep;
    pending *pending;    /* [upkeep->count] */
    pbase_path *paths;   /* of all fields of all indexes */
    pbase_value *values; /* of one row */
    size_t path_count;
    pbase_arena lasting; /* paths, values, suspects */
    pbase_arena run;     /* entries gathered */
    pbase_arena row;     /* values extracted from one row */
    pbase_buffer scratch;
    index_entries old_ones, new_ones; /* of one row */
    size_t run_bytes;
    bool is_last; /* the run being applied is */
    suspect *suspects;
    size_t suspect_count, suspect_capacity;
} keeper;

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to keep indexes");
}

/* ---------------------------------------------------------------------------------- life ------- */

static pbase_status keeper_init(keeper *k, const index_upkeep *upkeep, pbase_error *err)
{
    memset(k, 0, sizeof *k);
    k->upkeep = upkeep;
    pbase_arena_init(&k->lasting, upkeep->alloc);
    pbase_arena_init(&k->run, upkeep->alloc);
    pbase_arena_init(&k->row, upkeep->alloc);
    pbase_buffer_init(&k->scratch, upkeep->alloc);
    index_entries_init(&k->old_ones, upkeep->alloc);
    index_entries_init(&k->new_ones, upkeep->alloc);
    for (size_t i = 0; i < upkeep->count; i++) {
        k->path_count += upkeep->indexes[i].definition->field_count;
    }
    k->pending = pbase_arena_array(&k->lasting, upkeep->count, sizeof *k->pending);
    k->paths = pbase_arena_array(&k->lasting, k->path_count, sizeof *k->paths);
    k->values = pbase_arena_array(&k->lasting, k->path_count, sizeof *k->values);
    if (k->pending == NULL || k->paths == NULL || k->values == NULL) {
        k->pending = NULL;
        return no_memory(err);
    }
    size_t at = 0;
    for (size_t i = 0; i < upkeep->count; i++) {
        const index_definition *definition = upkeep->indexes[i].definition;
        index_entries_init(&k->pending[i].removed, upkeep->alloc);
        index_entries_init(&k->pending[i].added, upkeep->alloc);
        for (size_t j = 0; j < definition->field_count; j++) {
            k->paths[at++] = definition->fields[j].path;
        }
    }
    return PBASE_OK;
}

static void keeper_fini(keeper *k)
{
    for (size_t i = 0; k->pending != NULL && i < k->upkeep->count; i++) {
        index_entries_fini(&k->pending[i].removed);
        index_entries_fini(&k->pending[i].added);
    }
    index_entries_fini(&k->old_ones);
    index_entries_fini(&k->new_ones);
    pbase_buffer_fini(&k->scratch);
    pbase_arena_fini(&k->row);
    pbase_arena_fini(&k->run);
    pbase_arena_fini(&k->lasting);
}

/* ------------------------------------------------------------------------------- applying ------ */

static pbase_status tell(const keeper *k, const index_live *index, const index_entry *entry,
                         bool is_added, pbase_error *err)
{
    index_listener *listener = k->upkeep->listener;
    if (listener == NULL) {
        return PBASE_OK;
    }
    index_event event = {.definition = index->definition,
                         .key = entry->key,
                         .prefix = entry->prefix,
                         .is_added = is_added,
                         .is_exclusive =
                             is_added && index->definition->is_unique && !entry->has_null};
    return listener->entry(listener, &event, err);
}

/* Two rows at `prefix` are one too many. */
static pbase_status check_alone(const keeper *k, const index_live *index, pbase_bytes prefix,
                                pbase_error *err)
{
    char key[96], rows[2][96];
    size_t fields = index->definition->field_count, found = 0;
    tree_cursor cursor;
    tree_cursor_init(&cursor, &index->entries, k->upkeep->alloc);
    pbase_status status = tree_cursor_seek(&cursor, prefix, false, err);
    while (status == PBASE_OK && found < 2) {
        encoded_key entry;
        pbase_bytes row;
        status = tree_cursor_key(&cursor, &entry, err);
        if (status != PBASE_OK || entry.bytes.size < prefix.size ||
            memcmp(entry.bytes.data, prefix.data, prefix.size) != 0 ||
            !entry_row(entry.bytes, fields, &row)) {
            break;
        }
        entry_describe(entry.bytes, fields, key, sizeof key);
        index_row_describe(k->upkeep->kind, row, rows[found++], sizeof rows[0]);
        status = tree_cursor_next(&cursor, err);
    }
    tree_cursor_fini(&cursor);
    if (status != PBASE_OK && status != PBASE_END) {
        return status;
    }
    return found < 2 ? PBASE_OK
                     : PBASE_FAIL(err, PBASE_EXISTS,
                                  "index '%.*s' is unique: %s is the key of %s %s, and of %s",
                                  (int)index->definition->name.size,
                                  (const char *)index->definition->name.data, key,
                                  tree_kind_positional(k->upkeep->kind) ? "elements" : "rows",
                                  rows[0], rows[1]);
}

static pbase_status suspect_add(keeper *k, size_t index, pbase_bytes prefix, pbase_error *err)
{
    if (k->suspect_count == k->suspect_capacity) {
        size_t capacity = k->suspect_capacity == 0 ? 8 : k->suspect_capacity * 2;
        suspect *grown = pbase_arena_array(&k->lasting, capacity, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        if (k->suspect_count > 0) {
            memcpy(grown, k->suspects, k->suspect_count * sizeof *grown);
        }
        k->suspects = grown;
        k->suspect_capacity = capacity;
    }
    suspect *one = &k->suspects[k->suspect_count];
    one->index = index;
    pbase_status status = pbase_arena_copy(&k->lasting, prefix, &one->prefix, err);
    k->suspect_count += status == PBASE_OK;
    return status;
}

/* Whether an entry begins with `prefix`; `above` is a buffer to work in. */
static pbase_status is_taken(keeper *k, const index_live *index, pbase_bytes prefix, bool *out,
                             pbase_error *err)
{
    uint64_t below = 0, up_to = 0;
    k->scratch.size = 0;
    pbase_status status = tree_rank(&index->entries, prefix, &below, NULL, err);
    status = status == PBASE_OK ? pbase_buffer_append_bytes(&k->scratch, prefix, err) : status;
    status = status == PBASE_OK ? pbase_buffer_append_u8(&k->scratch, ENTRY_ABOVE, err) : status;
    status = status == PBASE_OK
                 ? tree_rank(&index->entries, pbase_buffer_view(&k->scratch), &up_to, NULL, err)
                 : status;
    *out = up_to > below;
    return status;
}

/* Before a unique key is added. */
static pbase_status check_unique(keeper *k, size_t at, const index_entry *entry, bool *out_taken,
                                 pbase_error *err)
{
    const index_live *index = &k->upkeep->indexes[at];
    pbase_bytes prefix = pbase_bytes_of(entry->key.data, entry->prefix);
    *out_taken = false;
    if (!index->definition->is_unique || entry->has_null) {
        return PBASE_OK;
    }
    pbase_status status = is_taken(k, index, prefix, out_taken, err);
    return status == PBASE_OK && *out_taken && !k->is_last ? suspect_add(k, at, prefix, err)
                                                           : status;
}

static pbase_status add_entry(keeper *k, size_t at, const index_entry *entry, bool is_fresh,
                              pbase_error *err)
{
    index_live *index = &k->upkeep->indexes[at];
    encoded_key key = {.bytes = entry->key, .spelling = pbase_bytes_of(NULL, 0)};
    tree_value nothing = tree_value_of(pbase_bytes_of(NULL, 0));
    bool is_taken_now = false;
    pbase_status status = check_unique(k, at, entry, &is_taken_now, err);
    if (status == PBASE_OK) {
        status = is_fresh ? tree_append_key(&index->entries, &key, &nothing, err)
                          : tree_put(&index->entries, &key, &nothing, NULL, err);
    }
    return status == PBASE_OK && is_taken_now && k->is_last
               ? check_alone(k, index, pbase_bytes_of(entry->key.data, entry->prefix), err)
               : status;
}

static int64_t cut_balance(const pending *p)
{
    int64_t balance = 0;
    for (size_t i = 0; i < p->added.count; i++) {
        balance += p->added.items[i].is_cut;
    }
    for (size_t i = 0; i < p->removed.count; i++) {
        balance -= p->removed.items[i].is_cut;
    }
    return balance;
}

static pbase_status mark_read(const tree *entries, uint64_t *out, pbase_error *err)
{
    tree_item item;
    bool found = false;
    *out = 0;
    pbase_status status = tree_get(entries, INDEX_CUT_MARK, &item, &found, err);
    if (status != PBASE_OK || !found) {
        return status;
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(item.value.bytes);
    if (!pbase_read_varint(&reader, out) || *out == 0) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the mark of an index is malformed");
    }
    tree_item_release(entries->source, &item);
    return status;
}

/* Moves the count of cut entries. */
static pbase_status mark_move(keeper *k, index_live *index, int64_t balance, pbase_error *err)
{
    uint64_t count = 0;
    encoded_key key = {.bytes = INDEX_CUT_MARK, .spelling = pbase_bytes_of(NULL, 0)};
    index_entry mark = {.key = INDEX_CUT_MARK, .prefix = 1, .has_null = true};
    if (balance == 0) {
        return PBASE_OK;
    }
    pbase_status status = mark_read(&index->entries, &count, err);
    status = status == PBASE_OK ? tell(k, index, &mark, balance > 0, err) : status;
    if (status != PBASE_OK) {
        return status;
    }
    count = balance < 0 && count < (uint64_t)-balance ? 0 : count + (uint64_t)balance;
    if (count == 0) {
        return tree_remove(&index->entries, key.bytes, NULL, err);
    }
    k->scratch.size = 0;
    status = pbase_buffer_append_varint(&k->scratch, count, err);
    tree_value value = tree_value_of(pbase_buffer_view(&k->scratch));
    return status == PBASE_OK ? tree_put(&index->entries, &key, &value, NULL, err) : status;
}

static pbase_status apply_index(keeper *k, size_t at, pbase_error *err)
{
    pending *p = &k->pending[at];
    index_live *index = &k->upkeep->indexes[at];
    pbase_status status = PBASE_OK;
    index_entries_sort(&p->removed);
    index_entries_sort(&p->added);
    for (size_t i = 0; i < p->removed.count && status == PBASE_OK; i++) {
        status = tell(k, index, &p->removed.items[i], false, err);
        status = status == PBASE_OK
                     ? tree_remove(&index->entries, p->removed.items[i].key, NULL, err)
                     : status;
    }
    bool is_fresh = index->entries.root == ATOM_REF_NONE;
    for (size_t i = 0; i < p->added.count && status == PBASE_OK; i++) {
        status = tell(k, index, &p->added.items[i], true, err);
        status = status == PBASE_OK ? add_entry(k, at, &p->added.items[i], is_fresh, err) : status;
    }
    status = status == PBASE_OK ? mark_move(k, index, cut_balance(p), err) : status;
    p->removed.count = p->added.count = 0;
    return status;
}

static pbase_status apply_run(keeper *k, bool is_last, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    k->is_last = is_last;
    for (size_t i = 0; i < k->upkeep->count && status == PBASE_OK; i++) {
        status = apply_index(k, i, err);
    }
    for (size_t i = 0; is_last && i < k->suspect_count && status == PBASE_OK; i++) {
        status =
            check_alone(k, &k->upkeep->indexes[k->suspects[i].index], k->suspects[i].prefix, err);
    }
    pbase_arena_reset(&k->run);
    k->run_bytes = 0;
    return status;
}

/* ---------------------------------------------------------------------------------- rows ------- */

/* The entries of both lists that are not in the other. */
static pbase_status keep_differences(keeper *k, pending *p, pbase_error *err)
{
    const index_entries *a = &k->old_ones, *b = &k->new_ones;
    size_t i = 0, j = 0;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && (i < a->count || j < b->count)) {
        int order = i == a->count   ? 1
                    : j == b->count ? -1
                                    : pbase_bytes_compare(a->items[i].key, b->items[j].key);
        if (order < 0) {
            k->run_bytes += a->items[i].key.size + sizeof a->items[i];
            status = index_entries_add(&p->removed, &a->items[i], err);
        } else if (order > 0) {
            k->run_bytes += b->items[j].key.size + sizeof b->items[j];
            status = index_entries_add(&p->added, &b->items[j], err);
        }
        i += order <= 0;
        j += order >= 0;
    }
    return status;
}

/* The entries of a stored value in every index, into `k->old_ones` or `new_ones` of each in turn. */
static pbase_status read_row(keeper *k, pbase_bytes stored, pbase_value *values, pbase_error *err)
{
    value_coder *coder = k->upkeep->coder;
    return stored.data == NULL ? PBASE_OK
                               : coder->vtable->extract(coder, stored, k->paths, k->path_count,
                                                        &k->row, values, err);
}

static pbase_status row_entries(keeper *k, const index_definition *definition,
                                const pbase_value *values, pbase_bytes row, index_entries *out,
                                pbase_error *err)
{
    out->count = 0;
    return values == NULL
               ? PBASE_OK
               : index_row_entries(definition, values, row, &k->scratch, &k->run, out, err);
}

/* A row before and after; data NULL: it is not there. */
static pbase_status keep_row(keeper *k, pbase_bytes row, pbase_bytes before, pbase_bytes after,
                             pbase_error *err)
{
    if (before.data != NULL && after.data != NULL && pbase_bytes_equal(before, after)) {
        return PBASE_OK;
    }
    pbase_arena_reset(&k->row);
    pbase_value *old_values = pbase_arena_array(&k->row, k->path_count, sizeof *old_values);
    if (old_values == NULL) {
        return no_memory(err);
    }
    pbase_status status = read_row(k, before, old_values, err);
    status = status == PBASE_OK ? read_row(k, after, k->values, err) : status;
    for (size_t i = 0, at = 0; i < k->upkeep->count && status == PBASE_OK; i++) {
        const index_definition *definition = k->upkeep->indexes[i].definition;
        status = row_entries(k, definition, before.data == NULL ? NULL : old_values + at, row,
                             &k->old_ones, err);
        if (status == PBASE_OK) {
            status = row_entries(k, definition, after.data == NULL ? NULL : k->values + at, row,
                                 &k->new_ones, err);
        }
        if (status == PBASE_OK) {
            status = keep_differences(k, &k->pending[i], err);
        }
        at += definition->field_count;
    }
    return status == PBASE_OK && k->run_bytes > RUN_BYTES_MAX ? apply_run(k, false, err) : status;
}

/* What a value that is there reads as, even when it has no bytes. */
static pbase_bytes present(pbase_bytes stored)
{
    static const uint8_t nothing = 0;
    return stored.data == NULL ? pbase_bytes_of(&nothing, 0) : stored;
}

static pbase_status keep_found(keeper *k, pbase_bytes row, tree_item items[2], const bool found[2],
                               pbase_error *err)
{
    static const pbase_bytes absent = {NULL, 0};
    return keep_row(k, row, found[0] ? present(items[0].value.bytes) : absent,
                    found[1] ? present(items[1].value.bytes) : absent, err);
}

/* Looks a row up on both sides, by its key or by its position. */
static pbase_status keep_looked_up(keeper *k, pbase_bytes row, const uint64_t *place,
                                   pbase_error *err)
{
    const tree *sides[2] = {&k->upkeep->before, &k->upkeep->after};
    tree_item items[2];
    bool found[2] = {false, false};
    pbase_status status = PBASE_OK;
    for (int i = 0; i < 2 && status == PBASE_OK; i++) {
        status = place == NULL ? tree_get(sides[i], row, &items[i], &found[i], err)
                               : tree_at(sides[i], *place, &items[i], &found[i], err);
    }
    if (status == PBASE_OK) {
        status = keep_found(k, row, items, found, err);
    }
    for (int i = 0; i < 2; i++) {
        if (found[i]) {
            tree_item_release(sides[i]->source, &items[i]);
        }
    }
    return status;
}

static pbase_status cursor_stands(tree_cursor *cursor, pbase_status moved, pbase_bytes *out,
                                  pbase_error *err)
{
    tree_value value;
    *out = pbase_bytes_of(NULL, 0);
    if (moved != PBASE_OK) {
        return moved == PBASE_END ? PBASE_OK : moved;
    }
    pbase_status status = tree_cursor_value(cursor, &value, err);
    if (status == PBASE_OK) {
        *out = present(value.bytes);
    }
    return status;
}

/* Every element from `from` on, side by side. */
static pbase_status keep_tail(keeper *k, uint64_t from, pbase_error *err)
{
    tree_cursor sides[2];
    pbase_bytes stored[2];
    tree_cursor_init(&sides[0], &k->upkeep->before, k->upkeep->alloc);
    tree_cursor_init(&sides[1], &k->upkeep->after, k->upkeep->alloc);
    pbase_status moved[2] = {tree_cursor_seek_index(&sides[0], from, err), PBASE_OK};
    moved[1] = tree_cursor_seek_index(&sides[1], from, err);
    pbase_status status = PBASE_OK;
    for (uint64_t place = from; status == PBASE_OK; place++) {
        uint8_t bytes[KEY_INDEX_BYTES];
        status = cursor_stands(&sides[0], moved[0], &stored[0], err);
        status = status == PBASE_OK ? cursor_stands(&sides[1], moved[1], &stored[1], err) : status;
        if (status != PBASE_OK || (stored[0].data == NULL && stored[1].data == NULL)) {
            break;
        }
        status = keep_row(k, key_of_index(place, bytes), stored[0], stored[1], err);
        for (int i = 0; i < 2 && status == PBASE_OK; i++) {
            moved[i] = moved[i] == PBASE_OK ? tree_cursor_next(&sides[i], err) : moved[i];
        }
    }
    tree_cursor_fini(&sides[0]);
    tree_cursor_fini(&sides[1]);
    return status;
}

/* The key and the value under a cursor, if it stands on an entry. */
static pbase_status cursor_row(tree_cursor *cursor, pbase_status moved, encoded_key *key,
                               pbase_bytes *stored, pbase_error *err)
{
    pbase_status status = moved == PBASE_OK ? tree_cursor_key(cursor, key, err) : PBASE_OK;
    return status == PBASE_OK ? cursor_stands(cursor, moved, stored, err) : status;
}

/* The row that comes first; `order`: below 0 it is only there before, above 0 only after. */
static pbase_status keep_either(keeper *k, const encoded_key keys[2], const pbase_bytes stored[2],
                                int order, pbase_error *err)
{
    static const pbase_bytes absent = {NULL, 0};
    return keep_row(k, keys[order > 0].bytes, order > 0 ? absent : stored[0],
                    order < 0 ? absent : stored[1], err);
}

/* Every row of a keyed collection, both sides merged by key. */
static pbase_status keep_all(keeper *k, pbase_error *err)
{
    tree_cursor sides[2];
    tree_cursor_init(&sides[0], &k->upkeep->before, k->upkeep->alloc);
    tree_cursor_init(&sides[1], &k->upkeep->after, k->upkeep->alloc);
    pbase_status moved[2] = {tree_cursor_first(&sides[0], err), PBASE_OK};
    moved[1] = tree_cursor_first(&sides[1], err);
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK) {
        encoded_key keys[2] = {{{NULL, 0}, {NULL, 0}}, {{NULL, 0}, {NULL, 0}}};
        pbase_bytes stored[2];
        for (int i = 0; i < 2 && status == PBASE_OK; i++) {
            status = cursor_row(&sides[i], moved[i], &keys[i], &stored[i], err);
        }
        if (status != PBASE_OK || (stored[0].data == NULL && stored[1].data == NULL)) {
            break;
        }
        int order = stored[0].data == NULL   ? 1
                    : stored[1].data == NULL ? -1
                                             : pbase_bytes_compare(keys[0].bytes, keys[1].bytes);
        status = keep_either(k, keys, stored, order, err);
        if (status == PBASE_OK && order <= 0) {
            moved[0] = tree_cursor_next(&sides[0], err);
        }
        if (status == PBASE_OK && order >= 0) {
            moved[1] = tree_cursor_next(&sides[1], err);
        }
    }
    tree_cursor_fini(&sides[0]);
    tree_cursor_fini(&sides[1]);
    return status;
}

static pbase_status keep_touched(keeper *k, const index_touched *touched, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (touched->is_all) {
        return touched->is_positional ? keep_tail(k, 0, err) : keep_all(k, err);
    }
    for (size_t i = 0; i < touched->count && status == PBASE_OK; i++) {
        uint8_t bytes[KEY_INDEX_BYTES];
        status = touched->is_positional ? keep_looked_up(k, key_of_index(touched->places[i], bytes),
                                                         &touched->places[i], err)
                                        : keep_looked_up(k, touched->keys[i], NULL, err);
    }
    return status == PBASE_OK && touched->is_positional ? keep_tail(k, touched->from, err) : status;
}

pbase_status index_upkeep_run(const index_upkeep *self, const index_touched *touched,
                              pbase_error *err)
{
    keeper k;
    pbase_status status = keeper_init(&k, self, err);
    if (status == PBASE_OK) {
        status = keep_touched(&k, touched, err);
    }
    if (status == PBASE_OK) {
        status = apply_run(&k, true, err);
    }
    keeper_fini(&k);
    return status;
}

pbase_status index_entries_count(const tree *entries, uint64_t *out_count, uint64_t *out_cut,
                                 pbase_error *err)
{
    uint64_t count = 0, cut = 0;
    pbase_status status = tree_count(entries, &count, err);
    if (status == PBASE_OK) {
        status = mark_read(entries, &cut, err);
    }
    if (status == PBASE_OK) {
        *out_count = count - (cut > 0);
        *out_cut = cut;
    }
    return status;
}
