/* plan.c - names of steps, checks, and rewriting every expression. */
#include "query/plan.h"
#include "base/nearest.h"

static const char *const op_names[] = {
    [PLAN_FROM] = "from",           [PLAN_WHERE] = "where",         [PLAN_SELECT] = "select",
    [PLAN_EXTEND] = "extend",       [PLAN_ORDER] = "order",         [PLAN_LIMIT] = "limit",
    [PLAN_OFFSET] = "offset",       [PLAN_COUNT] = "count",         [PLAN_GROUP] = "group",
    [PLAN_DISTINCT] = "distinct",   [PLAN_JOIN] = "join",           [PLAN_UNION] = "union",
    [PLAN_UNION_ALL] = "union_all", [PLAN_INTERSECT] = "intersect", [PLAN_EXCEPT] = "except",
    [PLAN_UNNEST] = "unnest",       [PLAN_TRAVERSE] = "traverse",
};
#define OP_COUNT (sizeof op_names / sizeof op_names[0])

/* Steps of the language that come later. */
static const char *const later_names[] = {"plugin", "knn"};
#define LATER_COUNT (sizeof later_names / sizeof later_names[0])

static const char *const kind_names[] = {
    [JOIN_INNER] = "inner", [JOIN_LEFT] = "left", [JOIN_RIGHT] = "right", [JOIN_FULL] = "full",
    [JOIN_SEMI] = "semi",   [JOIN_ANTI] = "anti", [JOIN_CROSS] = "cross",
};
#define KIND_COUNT (sizeof kind_names / sizeof kind_names[0])

const char *join_kind_name(join_kind kind)
{
    return kind_names[kind];
}

bool join_kind_find(pbase_bytes name, join_kind *out, pbase_error *err)
{
    nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (pbase_bytes_equal(name, pbase_bytes_text(kind_names[i]))) {
            *out = (join_kind)i;
            return true;
        }
        nearest_offer(&near, pbase_bytes_text(kind_names[i]));
    }
    nearest_hint(&near, err);
    return false;
}

bool plan_op_has_second(plan_op op)
{
    return op == PLAN_JOIN || op == PLAN_UNION || op == PLAN_UNION_ALL || op == PLAN_INTERSECT ||
           op == PLAN_EXCEPT;
}

const char *plan_op_name(plan_op op)
{
    return op_names[op];
}

pbase_status plan_op_find(pbase_bytes name, uint32_t position, plan_op *out, pbase_error *err)
{
    nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (pbase_bytes_equal(name, pbase_bytes_text(op_names[i]))) {
            *out = (plan_op)i;
            return PBASE_OK;
        }
        nearest_offer(&near, pbase_bytes_text(op_names[i]));
    }
    for (size_t i = 0; i < LATER_COUNT; i++) {
        if (pbase_bytes_equal(name, pbase_bytes_text(later_names[i]))) {
            return PBASE_FAIL(err, PBASE_UNSUPPORTED,
                              "step %u: '%s' is not available in this version", position,
                              later_names[i]);
        }
    }
    pbase_status status =
        PBASE_FAIL(err, PBASE_INVALID, "step %u: there is no step '%.*s'", position,
                   (int)(name.size > 64 ? 64 : name.size), (const char *)name.data);
    nearest_hint(&near, err);
    return status;
}

static pbase_status check_name(pbase_bytes name, pbase_error *err)
{
    if (name.size == 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "a column has no name");
    }
    if (name.size > PBASE_NAME_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a name of %zu bytes; the limit is %u", name.size,
                          PBASE_NAME_BYTES_MAX);
    }
    return pbase_utf8_valid(name)
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_INVALID, "a name is not well-formed UTF-8");
}

/* The name of column `index` among a step's columns, then its aggregates. */
static pbase_bytes column_name(const plan_step *step, size_t index)
{
    return index < step->column_count ? step->columns[index].name
                                      : step->aggregates[index - step->column_count].name;
}

static pbase_status check_columns(const plan_step *step, pbase_error *err)
{
    size_t count = step->column_count + step->aggregate_count;
    if (count > PLAN_COLUMNS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu columns; the limit is %u", count,
                          PLAN_COLUMNS_MAX);
    }
    if (count == 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "no column is named");
    }
    for (size_t i = 0; i < count; i++) {
        pbase_bytes name = column_name(step, i);
        pbase_status status = check_name(name, err);
        for (size_t j = 0; j < i && status == PBASE_OK; j++) {
            if (pbase_bytes_equal(name, column_name(step, j))) {
                status = PBASE_FAIL(err, PBASE_INVALID, "two columns are named '%.*s'",
                                    (int)name.size, (const char *)name.data);
            }
        }
        if (status != PBASE_OK) {
            return status;
        }
    }
    return PBASE_OK;
}

static pbase_status check_aggregates(const plan_step *step, pbase_error *err)
{
    for (size_t i = 0; i < step->aggregate_count; i++) {
        const plan_aggregate *aggregate = &step->aggregates[i];
        bool counts_rows = aggregate->function == AGGREGATE_COUNT && !aggregate->is_distinct;
        if (aggregate->argument == NULL && !counts_rows) {
            return PBASE_FAIL(err, PBASE_INVALID, "'%s%s' needs an expression",
                              aggregate_name(aggregate->function),
                              aggregate->is_distinct ? " distinct" : "");
        }
    }
    return PBASE_OK;
}

static pbase_status check_from(const plan_step *step, pbase_error *err)
{
    pbase_status status = check_name(step->source, err);
    if (status == PBASE_OK && step->alias.size > 0) {
        status = check_name(step->alias, err);
    }
    if (status == PBASE_OK && step->key_name.size > 0) {
        status = check_name(step->key_name, err);
    }
    if (status == PBASE_OK && step->alias.size > 0 &&
        pbase_bytes_equal(step->alias, step->key_name)) {
        status = PBASE_FAIL(err, PBASE_INVALID, "the row and its key are both named '%.*s'",
                            (int)step->alias.size, (const char *)step->alias.data);
    }
    return status;
}

static pbase_status check_join(const plan_step *step, pbase_error *err)
{
    pbase_status status = check_name(step->alias, err);
    if (status == PBASE_OK && step->left_alias.size > 0) {
        status = check_name(step->left_alias, err);
    }
    if (status == PBASE_OK && pbase_bytes_equal(step->alias, step->left_alias)) {
        status = PBASE_FAIL(err, PBASE_INVALID, "both rows are named '%.*s'", (int)step->alias.size,
                            (const char *)step->alias.data);
    }
    return status;
}

static pbase_status check_step(const plan_step *step, bool is_first, pbase_error *err)
{
    if ((step->op == PLAN_FROM) != is_first) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          is_first ? "the first step must be 'from'"
                                   : "'from' can only be the first step");
    }
    pbase_status status = PBASE_OK;
    switch (step->op) {
    case PLAN_FROM:
        return check_from(step, err);
    case PLAN_SELECT:
    case PLAN_EXTEND:
    case PLAN_UNNEST:
        return check_columns(step, err);
    case PLAN_JOIN:
        return check_join(step, err);
    case PLAN_TRAVERSE:
        return check_name(step->source, err);
    case PLAN_GROUP:
        status = check_columns(step, err);
        return status == PBASE_OK ? check_aggregates(step, err) : status;
    case PLAN_ORDER:
        if (step->key_count == 0 || step->key_count > PLAN_COLUMNS_MAX) {
            return PBASE_FAIL(err, PBASE_INVALID, "order takes 1 to %u keys, not %zu",
                              PLAN_COLUMNS_MAX, step->key_count);
        }
        return PBASE_OK;
    case PLAN_WHERE:
    case PLAN_LIMIT:
    case PLAN_OFFSET:
    case PLAN_COUNT:
    case PLAN_DISTINCT:
    case PLAN_UNION:
    case PLAN_UNION_ALL:
    case PLAN_INTERSECT:
    case PLAN_EXCEPT:
        break;
    }
    return PBASE_OK;
}

pbase_status plan_check(const plan *self, size_t *out_step, pbase_error *err)
{
    *out_step = 0;
    if (self->count == 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "a plan has at least one step, a 'from'");
    }
    if (self->count > PLAN_STEPS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu steps; the limit is %u", self->count,
                          PLAN_STEPS_MAX);
    }
    for (size_t i = 0; i < self->count; i++) {
        pbase_status status = check_step(&self->steps[i], i == 0, err);
        if (status != PBASE_OK) {
            *out_step = i;
            return status;
        }
    }
    return PBASE_OK;
}

/* --- rewriting --------------------------------------------------------------------------------- */

typedef struct {
    plan_rewrite *rewrite;
    void *state;
    pbase_arena *arena;
    pbase_error *err;
} rewriting;

static pbase_status map_expr(const rewriting *r, const expr **place)
{
    const expr *before = *place;
    return before == NULL ? PBASE_OK : r->rewrite(r->state, before, place, r->err);
}

static pbase_status copy_array(const rewriting *r, const void *items, size_t count, size_t size,
                               void **out)
{
    *out = pbase_arena_array(r->arena, count, size);
    if (*out == NULL) {
        return PBASE_FAIL(r->err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    if (count > 0) {
        memcpy(*out, items, count * size);
    }
    return PBASE_OK;
}

static pbase_status map_columns(const rewriting *r, plan_step *step)
{
    void *copy = NULL;
    pbase_status status =
        copy_array(r, step->columns, step->column_count, sizeof *step->columns, &copy);
    plan_column *columns = copy;
    for (size_t i = 0; i < step->column_count && status == PBASE_OK; i++) {
        status = map_expr(r, &columns[i].value);
    }
    step->columns = columns;
    return status;
}

static pbase_status map_keys(const rewriting *r, plan_step *step)
{
    void *copy = NULL;
    pbase_status status = copy_array(r, step->keys, step->key_count, sizeof *step->keys, &copy);
    plan_key *keys = copy;
    for (size_t i = 0; i < step->key_count && status == PBASE_OK; i++) {
        status = map_expr(r, &keys[i].value);
    }
    step->keys = keys;
    return status;
}

static pbase_status map_aggregates(const rewriting *r, plan_step *step)
{
    void *copy = NULL;
    pbase_status status =
        copy_array(r, step->aggregates, step->aggregate_count, sizeof *step->aggregates, &copy);
    plan_aggregate *aggregates = copy;
    for (size_t i = 0; i < step->aggregate_count && status == PBASE_OK; i++) {
        status = map_expr(r, &aggregates[i].argument);
        if (status == PBASE_OK) {
            status = map_expr(r, &aggregates[i].filter);
        }
    }
    step->aggregates = aggregates;
    return status;
}

static pbase_status map_pairs(const rewriting *r, plan_step *step)
{
    void *copy = NULL;
    pbase_status status = copy_array(r, step->pairs, step->pair_count, sizeof *step->pairs, &copy);
    plan_pair *pairs = copy;
    for (size_t i = 0; i < step->pair_count && status == PBASE_OK; i++) {
        status = map_expr(r, &pairs[i].left);
        if (status == PBASE_OK) {
            status = map_expr(r, &pairs[i].right);
        }
    }
    step->pairs = pairs;
    return status == PBASE_OK ? map_expr(r, &step->residual) : status;
}

static pbase_status map_second(const rewriting *r, plan_step *step)
{
    plan *copy = step->with == NULL ? NULL : pbase_arena_alloc(r->arena, sizeof *copy);
    if (step->with == NULL) {
        return PBASE_OK;
    }
    if (copy == NULL) {
        return PBASE_FAIL(r->err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    const plan *before = step->with;
    step->with = copy;
    return plan_map(before, r->rewrite, r->state, r->arena, copy, r->err);
}

static pbase_status map_step(const rewriting *r, plan_step *step)
{
    pbase_status status = map_expr(r, &step->condition);
    if (status == PBASE_OK) {
        status = map_pairs(r, step);
    }
    if (status == PBASE_OK) {
        status = map_second(r, step);
    }
    if (status == PBASE_OK) {
        status = map_columns(r, step);
    }
    if (status == PBASE_OK) {
        status = map_keys(r, step);
    }
    return status == PBASE_OK ? map_aggregates(r, step) : status;
}

pbase_status plan_map(const plan *self, plan_rewrite *rewrite, void *state, pbase_arena *arena,
                      plan *out, pbase_error *err)
{
    rewriting r = {rewrite, state, arena, err};
    void *copy = NULL;
    pbase_status status = copy_array(&r, self->steps, self->count, sizeof *self->steps, &copy);
    plan_step *steps = copy;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        status = map_step(&r, &steps[i]);
        if (status != PBASE_OK) {
            pbase_error_note(err, "step %u (%s)", steps[i].position, plan_op_name(steps[i].op));
        }
    }
    if (status == PBASE_OK) {
        out->steps = steps;
        out->count = self->count;
    }
    return status;
}
