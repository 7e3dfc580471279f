/* builder.c - steps made by calls: each a node before which others stand, never changed.
 *
 * A query goes through the JSON form, so that it is what the other forms make of the same steps,
 * checked alike. */
#include "query/builder.h"
#include "query/text.h"

/* --- the builder -------------------------------------------------------------------------------- */

pbase_status pbase_builder_create(const pbase_alloc *alloc, pbase_builder **out, pbase_error *err)
{
    alloc = alloc == NULL ? pbase_alloc_default() : alloc;
    pbase_builder *self = pbase_alloc_zeroed(alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a builder of queries");
    }
    self->alloc = alloc;
    pbase_arena_init(&self->arena, alloc);
    pbase_error_init(&self->error);
    *out = self;
    return PBASE_OK;
}

void pbase_builder_destroy(pbase_builder *builder)
{
    if (builder != NULL) {
        const pbase_alloc *alloc = builder->alloc;
        pbase_arena_fini(&builder->arena);
        pbase_alloc_free(alloc, builder, sizeof *builder);
    }
}

void builder_fail(pbase_builder *b, pbase_status status, const pbase_error *error)
{
    if (b->status == PBASE_OK) {
        b->status = status;
        b->error = *error;
    }
}

void builder_fail_null(pbase_builder *b, const char *what)
{
    pbase_error error;
    pbase_error_init(&error);
    builder_fail(b, PBASE_FAIL(&error, PBASE_INVALID, "%s is missing", what), &error);
}

static void fail_memory(pbase_builder *b)
{
    pbase_error error;
    pbase_error_init(&error);
    builder_fail(b, PBASE_FAIL(&error, PBASE_NO_MEMORY, "no memory for a plan"), &error);
}

bool builder_text(pbase_builder *b, const char *text, pbase_bytes *out)
{
    if (text == NULL) {
        *out = pbase_bytes_of(NULL, 0);
        return true;
    }
    if (pbase_arena_copy(&b->arena, pbase_bytes_text(text), out, NULL) != PBASE_OK) {
        fail_memory(b);
        return false;
    }
    return true;
}

/* --- nodes -------------------------------------------------------------------------------------- */

/* A cleared step behind `before`; NULL after a failure. */
static pbase_plan *node_create(pbase_builder *b, const pbase_plan *before, plan_op op)
{
    if (before == NULL && op != PLAN_FROM) {
        builder_fail_null(b, "the plan before a step");
        return NULL;
    }
    pbase_plan *self = pbase_arena_alloc(&b->arena, sizeof *self);
    if (self == NULL) {
        fail_memory(b);
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->before = before;
    self->count = before == NULL ? 1 : before->count + 1;
    self->step.op = op;
    self->step.position = (uint32_t)self->count;
    self->step.top = PLAN_NO_LIMIT;
    return self;
}

/* Cleared memory for `count` parts of a step; NULL after a failure. */
static void *parts_create(pbase_builder *b, size_t count, size_t size)
{
    void *parts = pbase_arena_array(&b->arena, count, size);
    if (parts == NULL) {
        fail_memory(b);
        return NULL;
    }
    memset(parts, 0, count * size);
    return parts;
}

/* --- from, where, select, extend, order, limit ... ---------------------------------------------- */

const pbase_plan *pbase_plan_from(pbase_builder *b, const char *source, const char *alias,
                                  const char *key)
{
    pbase_plan *self = node_create(b, NULL, PLAN_FROM);
    bool is_made = self != NULL && builder_text(b, source, &self->step.source) &&
                   builder_text(b, alias, &self->step.alias) &&
                   builder_text(b, key, &self->step.key_name);
    return is_made ? self : NULL;
}

const pbase_plan *pbase_plan_parse(pbase_builder *b, const char *text)
{
    pbase_error error;
    plan parsed = {NULL, 0};
    pbase_bytes copy = pbase_bytes_of(NULL, 0);
    pbase_error_init(&error);
    if (text == NULL) {
        builder_fail_null(b, "the text of a query");
        return NULL;
    }
    if (!builder_text(b, text, &copy)) {
        return NULL;
    }
    pbase_status status = plan_parse(copy, &b->arena, &parsed, &error);
    if (status != PBASE_OK) {
        builder_fail(b, status, &error);
        return NULL;
    }
    pbase_plan *self = NULL;
    for (size_t i = 0; i < parsed.count; i++) {
        pbase_plan *next = node_create(b, self, parsed.steps[i].op);
        if (next == NULL) {
            return NULL;
        }
        next->step = parsed.steps[i];
        self = next;
    }
    return self;
}

const pbase_plan *pbase_plan_where(pbase_builder *b, const pbase_plan *before,
                                   const pbase_term *condition)
{
    pbase_plan *self = node_create(b, before, PLAN_WHERE);
    if (condition == NULL) {
        builder_fail_null(b, "the condition of a where");
        return NULL;
    }
    if (self != NULL) {
        self->step.condition = builder_expr(condition);
    }
    return self;
}

/* Columns as a step has them; false after a failure. */
static bool copy_columns(pbase_builder *b, const pbase_plan_column *columns, size_t count,
                         plan_step *step)
{
    plan_column *made = parts_create(b, count, sizeof *made);
    if (made == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (columns[i].value == NULL) {
            builder_fail_null(b, "the expression of a column");
            return false;
        }
        made[i].value = builder_expr(columns[i].value);
        if (!builder_text(b, columns[i].name, &made[i].name)) {
            return false;
        }
    }
    step->columns = made;
    step->column_count = count;
    return true;
}

static const pbase_plan *add_columns(pbase_builder *b, const pbase_plan *before, plan_op op,
                                     const pbase_plan_column *columns, size_t count)
{
    pbase_plan *self = node_create(b, before, op);
    return self != NULL && copy_columns(b, columns, count, &self->step) ? self : NULL;
}

const pbase_plan *pbase_plan_select(pbase_builder *b, const pbase_plan *before,
                                    const pbase_plan_column *columns, size_t count)
{
    return add_columns(b, before, PLAN_SELECT, columns, count);
}

const pbase_plan *pbase_plan_extend(pbase_builder *b, const pbase_plan *before,
                                    const pbase_plan_column *columns, size_t count)
{
    return add_columns(b, before, PLAN_EXTEND, columns, count);
}

const pbase_plan *pbase_plan_order(pbase_builder *b, const pbase_plan *before,
                                   const pbase_plan_key *keys, size_t count)
{
    pbase_plan *self = node_create(b, before, PLAN_ORDER);
    plan_key *made = self == NULL ? NULL : parts_create(b, count, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (keys[i].value == NULL) {
            builder_fail_null(b, "a key of an order");
            return NULL;
        }
        bool is_usual = keys[i].nulls == PBASE_NULLS_AS_USUAL;
        made[i].value = builder_expr(keys[i].value);
        made[i].is_descending = keys[i].is_descending;
        made[i].nulls_first =
            is_usual ? !keys[i].is_descending : keys[i].nulls == PBASE_NULLS_FIRST;
    }
    self->step.keys = made;
    self->step.key_count = count;
    return self;
}

static const pbase_plan *add_rows(pbase_builder *b, const pbase_plan *before, plan_op op,
                                  uint64_t rows)
{
    pbase_plan *self = node_create(b, before, op);
    if (self != NULL) { /* more rows than an int64 counts are all of them */
        self->step.n = rows > (uint64_t)INT64_MAX ? (uint64_t)INT64_MAX : rows;
    }
    return self;
}

const pbase_plan *pbase_plan_limit(pbase_builder *b, const pbase_plan *before, uint64_t rows)
{
    return add_rows(b, before, PLAN_LIMIT, rows);
}

const pbase_plan *pbase_plan_offset(pbase_builder *b, const pbase_plan *before, uint64_t rows)
{
    return add_rows(b, before, PLAN_OFFSET, rows);
}

const pbase_plan *pbase_plan_count(pbase_builder *b, const pbase_plan *before)
{
    return node_create(b, before, PLAN_COUNT);
}

const pbase_plan *pbase_plan_distinct(pbase_builder *b, const pbase_plan *before)
{
    return node_create(b, before, PLAN_DISTINCT);
}

/* --- group -------------------------------------------------------------------------------------- */

static bool copy_aggregate(pbase_builder *b, const pbase_plan_aggregate *from, plan_aggregate *to)
{
    pbase_error error;
    pbase_error_init(&error);
    const char *function = from->function == NULL ? "" : from->function;
    if (!aggregate_find(pbase_bytes_text(function), &to->function, NULL)) {
        pbase_status status =
            PBASE_FAIL(&error, PBASE_INVALID, "there is no aggregate '%.64s'", function);
        (void)aggregate_find(pbase_bytes_text(function), &to->function, &error); /* for the hint */
        builder_fail(b, status, &error);
        return false;
    }
    to->argument = builder_expr(from->argument);
    to->filter = builder_expr(from->filter);
    to->is_distinct = from->is_distinct;
    return builder_text(b, from->name, &to->name);
}

const pbase_plan *pbase_plan_group(pbase_builder *b, const pbase_plan *before,
                                   const pbase_plan_column *keys, size_t key_count,
                                   const pbase_plan_aggregate *aggregates, size_t count)
{
    pbase_plan *self = node_create(b, before, PLAN_GROUP);
    plan_aggregate *made = self == NULL ? NULL : parts_create(b, count, sizeof *made);
    if (made == NULL || !copy_columns(b, keys, key_count, &self->step)) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!copy_aggregate(b, &aggregates[i], &made[i])) {
            return NULL;
        }
    }
    self->step.aggregates = made;
    self->step.aggregate_count = count;
    return self;
}

/* --- second inputs ------------------------------------------------------------------------------ */

static pbase_plan *add_second(pbase_builder *b, const pbase_plan *before, plan_op op,
                              const pbase_plan *with)
{
    pbase_plan *self = node_create(b, before, op);
    if (with == NULL) {
        builder_fail_null(b, "the second input of a step");
        return NULL;
    }
    if (self != NULL) {
        self->with = with;
    }
    return self;
}

const pbase_plan *pbase_plan_join(pbase_builder *b, const pbase_plan *before, pbase_join_kind kind,
                                  const pbase_plan *with, const char *left, const char *right,
                                  const pbase_term *on)
{
    static const join_kind kinds[] = {JOIN_INNER, JOIN_LEFT, JOIN_RIGHT, JOIN_FULL,
                                      JOIN_SEMI,  JOIN_ANTI, JOIN_CROSS};
    if ((unsigned)kind >= sizeof kinds / sizeof kinds[0]) {
        builder_fail_null(b, "the kind of a join");
        return NULL;
    }
    pbase_plan *self = add_second(b, before, PLAN_JOIN, with);
    if (self == NULL || !builder_text(b, left, &self->step.left_alias) ||
        !builder_text(b, right, &self->step.alias)) {
        return NULL;
    }
    self->step.kind = kinds[kind];
    self->step.condition = builder_expr(on);
    return self;
}

const pbase_plan *pbase_plan_combine(pbase_builder *b, const pbase_plan *before,
                                     pbase_set_operation operation, const pbase_plan *with)
{
    static const plan_op ops[] = {PLAN_UNION, PLAN_UNION_ALL, PLAN_INTERSECT, PLAN_EXCEPT};
    if ((unsigned)operation >= sizeof ops / sizeof ops[0]) {
        builder_fail_null(b, "the kind of a set operation");
        return NULL;
    }
    return add_second(b, before, ops[operation], with);
}

/* --- lists and relations ------------------------------------------------------------------------ */

const pbase_plan *pbase_plan_unnest(pbase_builder *b, const pbase_plan *before, const char *path,
                                    const char *name, bool is_outer)
{
    pbase_plan *self = node_create(b, before, PLAN_UNNEST);
    const pbase_plan_column column = {name, pbase_term_field(b, path)};
    if (self == NULL || column.value == NULL || !copy_columns(b, &column, 1, &self->step)) {
        return NULL;
    }
    self->step.is_outer = is_outer;
    return self;
}

const pbase_plan *pbase_plan_traverse(pbase_builder *b, const pbase_plan *before,
                                      const char *source, const char *key, const char *ref,
                                      const pbase_traverse_options *options)
{
    pbase_plan *self = node_create(b, before, PLAN_TRAVERSE);
    plan_relation *relation = self == NULL ? NULL : parts_create(b, 1, sizeof *relation);
    if (options == NULL || options->struct_size < sizeof *options) {
        builder_fail_null(b, "the options of a traverse, with their struct_size,");
        return NULL;
    }
    if (relation == NULL || !builder_text(b, source, &self->step.source)) {
        return NULL;
    }
    relation->key = builder_expr(pbase_term_field(b, key));
    relation->ref = builder_expr(pbase_term_field(b, ref));
    relation->is_up = options->is_up;
    relation->is_depth_first = options->is_depth_first;
    relation->has_start = options->includes_start;
    relation->depth_max = options->is_bounded ? options->depth_max : PLAN_NO_LIMIT;
    self->step.relation = relation;
    return relation->key != NULL && relation->ref != NULL ? self : NULL;
}

/* --- queries ------------------------------------------------------------------------------------ */

static pbase_status check_depth(uint32_t depth, pbase_error *err)
{
    return depth > PLAN_DEPTH_MAX
               ? PBASE_FAIL(err, PBASE_LIMIT, "plans inside plans deeper than %u", PLAN_DEPTH_MAX)
               : PBASE_OK;
}

/* The steps of a plan in their order, those of second inputs too. */
static pbase_status collect(const pbase_plan *last, uint32_t depth, pbase_arena *arena, plan *out,
                            pbase_error *err)
{
    pbase_status status = check_depth(depth, err);
    if (status == PBASE_OK && last->count > PLAN_STEPS_MAX) {
        status =
            PBASE_FAIL(err, PBASE_LIMIT, "%zu steps; the limit is %u", last->count, PLAN_STEPS_MAX);
    }
    plan_step *steps =
        status == PBASE_OK ? pbase_arena_array(arena, last->count, sizeof *steps) : NULL;
    if (status == PBASE_OK && steps == NULL) {
        status = PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    for (const pbase_plan *at = last; at != NULL && status == PBASE_OK; at = at->before) {
        plan_step *step = &steps[at->count - 1];
        *step = at->step;
        if (at->with != NULL) {
            plan *with = pbase_arena_alloc(arena, sizeof *with);
            status = with == NULL ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan")
                                  : collect(at->with, depth + 1, arena, with, err);
            step->with = with;
        }
    }
    out->steps = steps;
    out->count = last->count;
    return status;
}

static pbase_status make_query(pbase_builder *b, const pbase_plan *last, pbase_query **out,
                               pbase_error *err)
{
    pbase_arena arena;
    plan steps = {NULL, 0};
    pbase_value json;
    pbase_arena_init(&arena, b->alloc);
    pbase_status status = collect(last, 1, &arena, &steps, err);
    if (status == PBASE_OK) {
        status = plan_to_value(&steps, &arena, &json, err);
    }
    if (status == PBASE_OK) {
        status = pbase_query_from_plan(b->alloc, &json, out, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

pbase_status pbase_builder_query(pbase_builder *builder, const pbase_plan *last, pbase_query **out,
                                 pbase_error *err)
{
    if (last == NULL) {
        builder_fail_null(builder, "the plan of a query");
    }
    pbase_status status = builder->status;
    if (status != PBASE_OK) {
        if (err != NULL) {
            *err = builder->error;
        }
        builder->status = PBASE_OK;
        pbase_error_init(&builder->error);
        return status;
    }
    return make_query(builder, last, out, err);
}
