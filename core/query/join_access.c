/* join_access.c - the choice between building, looking up and narrowing, by cost.
 *
 * For each side it is asked what the keys of the join are in the documents of its collection, which of
 * its indexes has them in front, and what one key costs; then the three ways are compared. */
#include "query/join_access.h"

#include "index/entry.h"
#include "query/join_terms.h"
#include "query/optimizer.h"
#include "query/rewrite.h"

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
}

/* One of the two inputs. */
typedef struct {
    unsigned which; /* SIDE_* */
    const plan *plan;
    size_t count;        /* of its steps */
    const expr **keys;   /* [pair_count] over the rows of its from; NULL: cannot be said so */
    query_facts facts;   /* of its collection */
    access_terms terms;  /* of the filter right behind its from */
    double rows, cost;   /* that come out of it, and of reading it in order */
    bool is_guess;       /* the number of rows is */
    const char *why_not; /* it cannot be read by keys; NULL: it can, by: */
    join_lookup by;
    const index_definition *index; /* NULL: by the key of the collection */
    pbase_bytes how;               /* "index by_who (who)", "key" */
    double key_cost;
    bool has_one;          /* a key has one row at most; else how many is a guess */
    access_reason *unused; /* other indexes of it */
    size_t unused_count;
} side;

typedef struct {
    const plan_step *join;
    query_catalog *catalog;
    pbase_arena *arena;
    pbase_error *err;
    side left, right;
    uint64_t wanted; /* rows that will be read of what comes out */
} chooser;

/* ----------------------------------------------------------------------------------- sizes ----- */

/* Of the rows, per term of a filter: as operators/filter.c tells. */
#define SHARE_OF_TERM 0.3

static void size_of_filter(const plan_step *filter, side *out)
{
    const expr *const *terms = NULL;
    size_t count = plan_terms(filter->condition, &terms);
    for (size_t i = 0; i < (count == 0 ? 1 : count); i++) {
        out->rows *= SHARE_OF_TERM;
    }
    out->is_guess = true;
}

static void size_of_step(const plan_step *step, side *out)
{
    double n = (double)step->n;
    switch (step->op) {
    case PLAN_WHERE:
        size_of_filter(step, out);
        break;
    case PLAN_LIMIT:
        out->rows = n < out->rows ? n : out->rows;
        break;
    case PLAN_OFFSET:
        out->rows = n < out->rows ? out->rows - n : 0;
        break;
    case PLAN_COUNT:
        out->rows = 1;
        break;
    case PLAN_FROM:
    case PLAN_SELECT:
    case PLAN_EXTEND:
    case PLAN_ORDER:
        break;
    case PLAN_GROUP:
    case PLAN_DISTINCT:
    case PLAN_JOIN:
    case PLAN_UNION:
    case PLAN_UNION_ALL:
    case PLAN_INTERSECT:
    case PLAN_EXCEPT:
    case PLAN_UNNEST:
    case PLAN_TRAVERSE:
        out->is_guess = true; /* as many as before, for want of better */
        break;
    }
}

/* How many rows a side gives, and what it costs to read them in order. */
static void size_of(side *out)
{
    const access_choice *access = out->plan->steps[0].access;
    bool by_index = access != NULL && access->uses_index;
    out->rows = by_index ? access->rows : (double)out->facts.rows;
    out->cost = by_index ? access->cost : out->rows * ACCESS_COST_ROW;
    for (size_t i = 1; i < out->count; i++) {
        if (i == 1 && by_index && out->plan->steps[i].op == PLAN_WHERE) {
            out->is_guess = !access->is_exact;
        } else {
            size_of_step(&out->plan->steps[i], out);
        }
    }
}

/* ------------------------------------------------------------------------------------ keys ----- */

/* `*key`, over the rows behind the last of `count` steps, as one over those of the from; NULL when it
 * cannot be said so. */
static pbase_status trace_key(const chooser *c, const plan *self, size_t count, const expr **key)
{
    pbase_status status = PBASE_OK;
    for (size_t i = count; i-- > 1 && *key != NULL && status == PBASE_OK;) {
        const plan_step *step = &self->steps[i];
        if (step->op != PLAN_SELECT && step->op != PLAN_EXTEND) {
            continue;
        }
        bool can = rewrite_can(*key, step->columns, step->column_count, step->op == PLAN_SELECT);
        status = can ? rewrite_over(*key, step->columns, step->column_count, c->arena, key, c->err)
                     : PBASE_OK;
        *key = can ? *key : NULL;
    }
    return status;
}

static pbase_status keys_make(const chooser *c, side *out)
{
    const plan_step *join = c->join;
    pbase_status status = PBASE_OK;
    out->keys = pbase_arena_array(c->arena, join->pair_count, sizeof *out->keys);
    if (out->keys == NULL) {
        return no_memory(c->err);
    }
    for (size_t i = 0; i < join->pair_count && status == PBASE_OK; i++) {
        bool can = false;
        const expr *said = out->which == SIDE_LEFT ? join->pairs[i].left : join->pairs[i].right;
        status = join_side_term(join, out->which, said, c->arena, &out->keys[i], &can, c->err);
        out->keys[i] = can ? out->keys[i] : NULL;
        status = status == PBASE_OK ? trace_key(c, out->plan, out->count, &out->keys[i]) : status;
    }
    return status;
}

/* Why a side cannot be read by keys, whatever indexes there are; NULL: it can. */
static const char *why_not_side(const chooser *c, const side *s)
{
    join_kind kind = c->join->kind;
    const access_choice *access = s->plan->steps[0].access;
    if (s->which == SIDE_RIGHT && (kind == JOIN_RIGHT || kind == JOIN_FULL)) {
        return "all its rows are asked for";
    }
    if (s->which == SIDE_LEFT && kind != JOIN_INNER && kind != JOIN_SEMI && kind != JOIN_RIGHT) {
        return "all its rows are asked for";
    }
    if (access != NULL && access->uses_index && access->by.is_ordered) {
        return "it is read in the order of an index";
    }
    for (size_t i = 1; i < s->count; i++) {
        plan_op op = s->plan->steps[i].op;
        if (op != PLAN_WHERE && op != PLAN_SELECT && op != PLAN_EXTEND) {
            return "it is more than a filtered collection";
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------------------- candidates ---- */

static bool pair_of(const chooser *c, const side *s, const pbase_path *path, size_t *out)
{
    pbase_path found;
    for (*out = 0; *out < c->join->pair_count; (*out)++) {
        if (s->keys[*out] != NULL && access_path(&s->plan->steps[0], s->keys[*out], &found) &&
            path_equal(&found, path)) {
            return true;
        }
    }
    return false;
}

/* The element at which the filter lets the field stand; empty: it says no single one. */
static pbase_status constant_of(const chooser *c, const side *s, const pbase_path *path,
                                pbase_bytes *out)
{
    pbase_buffer element;
    bool is_cut = false;
    pbase_status status = PBASE_OK;
    pbase_buffer_init(&element, c->arena->alloc);
    *out = pbase_bytes_of(NULL, 0);
    for (size_t i = 0; i < s->terms.count && out->size == 0 && status == PBASE_OK; i++) {
        const access_term *term = &s->terms.items[i];
        if (term->kind == TERM_POINTS && term->count == 1 && path_equal(&term->path, path)) {
            status = entry_element(&term->values[0], &element, &is_cut, c->err);
            status = status == PBASE_OK
                         ? pbase_arena_copy(c->arena, pbase_buffer_view(&element), out, c->err)
                         : status;
        }
    }
    pbase_buffer_fini(&element);
    return status;
}

/* The leading fields that stand still in a look-up. `out_pairs`: how many of them at a key. */
static pbase_status fields_match(const chooser *c, const side *s,
                                 const index_definition *definition, join_lookup *out,
                                 size_t *out_pairs)
{
    join_field *fields = pbase_arena_array(c->arena, definition->field_count, sizeof *fields);
    pbase_status status = fields == NULL ? no_memory(c->err) : PBASE_OK;
    out->fields = fields;
    *out_pairs = 0;
    while (out->field_count < definition->field_count && status == PBASE_OK) {
        const index_field *field = &definition->fields[out->field_count];
        join_field *to = &fields[out->field_count];
        if (field->is_each) {
            break;
        }
        if (pair_of(c, s, &field->path, &to->pair)) {
            (*out_pairs)++;
        } else {
            to->pair = JOIN_FIELD_CONSTANT;
            status = constant_of(c, s, &field->path, &to->constant);
            if (to->constant.size == 0) {
                break;
            }
        }
        out->field_count++;
    }
    return status;
}

static pbase_status describe(const chooser *c, const index_definition *definition, pbase_bytes *out)
{
    pbase_buffer text;
    pbase_buffer_init(&text, c->arena->alloc);
    pbase_status status =
        pbase_buffer_append_text(&text, c->err, "index %.*s (", (int)definition->name.size,
                                 (const char *)definition->name.data);
    status = status == PBASE_OK ? access_fields_format(definition, &text, c->err) : status;
    status = status == PBASE_OK ? pbase_buffer_append_text(&text, c->err, ")") : status;
    status = status == PBASE_OK ? pbase_arena_copy(c->arena, pbase_buffer_view(&text), out, c->err)
                                : status;
    pbase_buffer_fini(&text);
    return status;
}

static const char *why_not_index(const chooser *c, const side *s,
                                 const index_definition *definition)
{
    size_t pair = 0;
    for (size_t i = 0; i < definition->field_count; i++) {
        if (pair_of(c, s, &definition->fields[i].path, &pair)) {
            return definition->fields[i].is_each ? "its entries are elements, not whole lists"
                                                 : "its first field is not joined";
        }
    }
    return "none of its fields is joined";
}

static pbase_status leave_out(const chooser *c, side *s, const index_definition *definition,
                              const char *why)
{
    access_reason *reason = &s->unused[s->unused_count];
    reason->why = why;
    reason->share = -1;
    pbase_status status = pbase_arena_copy(c->arena, definition->name, &reason->index, c->err);
    s->unused_count += status == PBASE_OK;
    return status;
}

#define COST_OF_KEY(rows)                                                                          \
    (ACCESS_COST_RANGE + (rows) * (ACCESS_COST_ENTRY + ACCESS_COST_ROW_BY_KEY))

/* What stands still in it is in `by`: the side is read by this index, unless it has a cheaper way. */
static pbase_status take_index(const chooser *c, side *s, const query_index *index, join_lookup by)
{
    static const char *const dearer = "another way to its rows is cheaper";
    const index_definition *definition = index->definition;
    bool has_one = definition->is_unique && by.field_count == definition->field_count;
    pbase_status status = has_one ? PBASE_OK
                                  : index_group_entries(index->entries, by.field_count,
                                                        c->arena->alloc, &by.matches, c->err);
    double cost = COST_OF_KEY(by.matches);
    if (status == PBASE_OK && s->why_not == NULL && s->key_cost <= cost) {
        return leave_out(c, s, definition, dearer);
    }
    if (status == PBASE_OK && s->index != NULL) {
        status = leave_out(c, s, s->index, dearer);
    }
    s->why_not = NULL;
    s->index = definition;
    s->by = by;
    s->key_cost = cost;
    s->has_one = has_one;
    status = status == PBASE_OK ? describe(c, definition, &s->how) : status;
    return status == PBASE_OK ? pbase_arena_copy(c->arena, definition->name, &s->by.index, c->err)
                              : status;
}

static pbase_status try_index(const chooser *c, side *s, const query_index *index)
{
    const index_definition *definition = index->definition;
    join_lookup by = {{NULL, 0}, NULL, 0, 1};
    size_t pairs = 0;
    pbase_status status = fields_match(c, s, definition, &by, &pairs);
    if (status == PBASE_OK && pairs > 0) {
        return take_index(c, s, index, by);
    }
    return status == PBASE_OK ? leave_out(c, s, definition, why_not_index(c, s, definition))
                              : status;
}

static pbase_status try_key(const chooser *c, side *s)
{
    size_t pair = 0;
    while (pair < c->join->pair_count &&
           (s->keys[pair] == NULL || !access_is_key(&s->plan->steps[0], s->keys[pair]))) {
        pair++;
    }
    if (!s->facts.finds_keys || pair == c->join->pair_count) {
        return PBASE_OK;
    }
    join_field *field = pbase_arena_alloc(c->arena, sizeof *field);
    if (field == NULL) {
        return no_memory(c->err);
    }
    *field = (join_field){pair, {NULL, 0}};
    s->why_not = NULL;
    s->by = (join_lookup){{NULL, 0}, field, 1, 1};
    s->key_cost = ACCESS_COST_ROW_BY_KEY;
    s->has_one = true;
    s->how = pbase_bytes_text("key");
    return PBASE_OK;
}

static pbase_status side_choose(const chooser *c, side *s)
{
    size_of(s);
    s->why_not = why_not_side(c, s);
    if (s->why_not != NULL) {
        return PBASE_OK;
    }
    s->unused = pbase_arena_array(c->arena, s->facts.count, sizeof *s->unused);
    pbase_status status = s->unused == NULL ? no_memory(c->err) : keys_make(c, s);
    if (status == PBASE_OK && s->count > 1 && s->plan->steps[1].op == PLAN_WHERE) {
        status = access_terms_read(&s->plan->steps[0], s->plan->steps[1].condition, c->arena,
                                   &s->terms, c->err);
    }
    s->why_not = "it has no index on its keys";
    status = status == PBASE_OK ? try_key(c, s) : status;
    for (size_t i = 0; i < s->facts.count && status == PBASE_OK; i++) {
        status = try_index(c, s, &s->facts.indexes[i]);
    }
    return status;
}

/* ------------------------------------------------------------------------------------ costs ---- */

/* What each way costs, the reading of both sides in it. */
typedef struct {
    double left_rows; /* that will be read */
    double build, look_up, narrow;
    double right_build; /* reading and keeping the right side */
    double left_read;
} costs;

static costs costs_of(const chooser *c)
{
    const side *left = &c->left, *right = &c->right;
    costs made = {.left_rows = left->rows, .left_read = left->cost};
    if (c->wanted != PLAN_NO_LIMIT && (double)c->wanted < left->rows) {
        made.left_rows = (double)c->wanted;
        made.left_read *= made.left_rows / left->rows;
    }
    made.right_build = right->cost + right->rows * JOIN_COST_KEPT;
    made.build = made.left_read + made.right_build;
    made.look_up = made.left_read + made.left_rows * right->key_cost;
    made.narrow = made.right_build + right->rows * left->key_cost;
    return made;
}

/* Looking up costs more, as far as is known. With what is only a guess it can be tried: how many left
 * rows there are, or how many rows one key has. `out_most`: for how long. */
static bool is_worth_trying(const chooser *c, const costs *cost, double *out_most)
{
    if (c->left.is_guess || cost->left_rows < c->left.rows) {
        *out_most = cost->right_build * JOIN_TRY_SHARE;
        return true;
    }
    *out_most = cost->right_build;
    return !c->right.has_one && cost->left_rows * COST_OF_KEY(1) < cost->right_build;
}

static join_way cheapest(const chooser *c, const costs *cost, double *out_most)
{
    bool can_look_up = c->right.why_not == NULL, can_narrow = c->left.why_not == NULL;
    if (can_look_up && cost->look_up < cost->build &&
        (!can_narrow || cost->look_up <= cost->narrow)) {
        *out_most = cost->right_build;
        return JOIN_LOOKS_UP;
    }
    if (can_narrow && (cost->narrow < cost->build || c->right.is_guess || !c->left.has_one)) {
        *out_most = c->left.cost;
        return JOIN_NARROWS;
    }
    return can_look_up && is_worth_trying(c, cost, out_most) ? JOIN_LOOKS_UP : JOIN_BUILDS;
}

/* ------------------------------------------------------------------------------------ words ---- */

static pbase_status tell_unused(const chooser *c, const side *s, pbase_buffer *out)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < s->unused_count && status == PBASE_OK; i++) {
        const access_reason *reason = &s->unused[i];
        status = pbase_buffer_append_text(out, c->err, ", not by %.*s: %s", (int)reason->index.size,
                                          (const char *)reason->index.data, reason->why);
    }
    return status;
}

static pbase_status tell_side(const chooser *c, const side *s, const char *name, pbase_buffer *out)
{
    pbase_status status =
        s->why_not != NULL
            ? pbase_buffer_append_text(out, c->err, ", %s side not by keys: %s", name, s->why_not)
            : pbase_buffer_append_text(out, c->err, ", %s side not by %.*s: costs more", name,
                                       (int)s->how.size, (const char *)s->how.data);
    return status == PBASE_OK ? tell_unused(c, s, out) : status;
}

static pbase_status tell_read(const chooser *c, const side *s, const join_access *made,
                              pbase_buffer *out)
{
    double keys = s->key_cost > 0 ? made->most_cost / s->key_cost : 0;
    pbase_status status = pbase_buffer_append_text(
        out, c->err,
        made->way == JOIN_LOOKS_UP
            ? ", right side by %.*s for the keys of left rows, built behind about %.0f of them"
            : ", left side by %.*s when the right one has at most %.0f keys",
        (int)s->how.size, (const char *)s->how.data, keys);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_text(out, c->err,
                                          ", about %.3g rows a key, cost %.0f, of building %.0f",
                                          s->by.matches, made->cost, made->build_cost);
    }
    return status == PBASE_OK ? tell_unused(c, s, out) : status;
}

static pbase_status tell(const chooser *c, const join_access *made, pbase_bytes *out)
{
    const side *read = made->way == JOIN_LOOKS_UP ? &c->right : &c->left;
    pbase_buffer text;
    pbase_status status = PBASE_OK;
    pbase_buffer_init(&text, c->arena->alloc);
    if (made->way == JOIN_BUILDS) {
        status = tell_side(c, &c->right, "right", &text);
        status = status == PBASE_OK ? tell_side(c, &c->left, "left", &text) : status;
    } else {
        status = tell_read(c, read, made, &text);
    }
    status = status == PBASE_OK ? pbase_arena_copy(c->arena, pbase_buffer_view(&text), out, c->err)
                                : status;
    pbase_buffer_fini(&text);
    return status;
}

/* -------------------------------------------------------------------------------------- all ---- */

static pbase_status access_make(const chooser *c, const join_access **out)
{
    const costs cost = costs_of(c);
    join_access *made = pbase_arena_alloc(c->arena, sizeof *made);
    if (made == NULL) {
        return no_memory(c->err);
    }
    memset(made, 0, sizeof *made);
    made->way = cheapest(c, &cost, &made->most_cost);
    const side *read = made->way == JOIN_LOOKS_UP ? &c->right : &c->left;
    made->by = read->by;
    made->key_cost = read->key_cost;
    made->build_cost = cost.build;
    made->cost = made->way == JOIN_LOOKS_UP  ? cost.look_up
                 : made->way == JOIN_NARROWS ? cost.narrow
                                             : cost.build;
    made->left_rows = c->left.is_guess || cost.left_rows < c->left.rows ? -1 : cost.left_rows;
    made->unused = read->unused;
    made->unused_count = read->unused_count;
    pbase_status status = tell(c, made, &made->how);
    *out = status == PBASE_OK ? made : *out;
    return status;
}

static pbase_status facts_of(const chooser *c, side *s, bool *out_known)
{
    pbase_status status =
        c->catalog->vtable->facts(c->catalog, s->plan->steps[0].source, &s->facts, c->err);
    *out_known = status == PBASE_OK;
    return status == PBASE_NOT_FOUND ? PBASE_OK : status; /* opening it says what is missing */
}

pbase_status join_access_choose(const plan *self, size_t index, query_catalog *catalog,
                                pbase_arena *arena, const join_access **out, pbase_error *err)
{
    bool is_known = false;
    chooser c = {.join = &self->steps[index], .catalog = catalog, .arena = arena, .err = err};
    c.left = (side){.which = SIDE_LEFT, .plan = self, .count = index};
    c.right = (side){.which = SIDE_RIGHT, .plan = c.join->with, .count = c.join->with->count};
    if (c.join->pair_count == 0) {
        return PBASE_OK;
    }
    c.wanted = plan_rows_wanted(self, index);
    pbase_status status = facts_of(&c, &c.left, &is_known);
    status = status == PBASE_OK && is_known ? facts_of(&c, &c.right, &is_known) : status;
    if (status != PBASE_OK || !is_known) {
        return status;
    }
    status = side_choose(&c, &c.right);
    status = status == PBASE_OK ? side_choose(&c, &c.left) : status;
    return status == PBASE_OK ? access_make(&c, out) : status;
}
