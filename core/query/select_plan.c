/* select_plan.c - a selection as the steps that pipes would say.
 *
 * from, join, where; with aggregates or group by: group, where (having); then order, offset, limit,
 * select. With distinct: select, distinct, order, offset, limit. A name in having and order by is
 * first that of a selected column. Beside aggregates a column is made of keys and aggregates. */
#include "base/nearest.h"
#include "query/rewrite.h"
#include "query/text_selection.h"

static pbase_status no_memory(lexer *lx)
{
    return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a plan");
}

static bool is_grouped(const selection *s)
{
    return s->has_group || s->aggregate_count > 0;
}

/* --- names -------------------------------------------------------------------------------------- */

typedef struct {
    lexer *lx;
    const selection *s;
    size_t place; /* where errors point */
} naming;

/* With every input under a name, a field begins with one of them. */
static pbase_status check_field(void *state, const expr *node, pbase_error *err)
{
    const naming *n = state;
    const selection *s = n->s;
    nearest near;
    (void)err;
    if (node->kind != EXPR_FIELD || node->path.steps[0].name.data == NULL) {
        return PBASE_OK;
    }
    pbase_bytes name = node->path.steps[0].name;
    nearest_init(&near, name);
    nearest_offer(&near, s->from.alias);
    bool is_known =
        pbase_bytes_equal(name, s->from.alias) || pbase_bytes_equal(name, s->from.key_name);
    for (size_t i = 0; i < s->joins.count && !is_known; i++) {
        is_known = pbase_bytes_equal(name, s->joins.steps[i].alias);
        nearest_offer(&near, s->joins.steps[i].alias);
    }
    for (size_t i = 0; i < s->aggregate_count && !is_known; i++) {
        is_known = node->path.steps == s->aggregates[i].field;
    }
    if (is_known) {
        return PBASE_OK;
    }
    pbase_status status =
        lexer_fail_at(n->lx, n->place, PBASE_INVALID, "'%.*s' is not one of the names behind from",
                      (int)(name.size > 64 ? 64 : name.size), (const char *)name.data);
    if (near.best.size > 0) {
        nearest_hint(&near, n->lx->err);
    } else {
        pbase_error_hint(n->lx->err, "write %.*s.%.*s", (int)s->from.alias.size,
                         (const char *)s->from.alias.data, (int)(name.size > 64 ? 64 : name.size),
                         (const char *)name.data);
    }
    return status;
}

static pbase_status check_names(naming *n, const expr *self, size_t place)
{
    n->place = place;
    return self == NULL || n->s->from.alias.size == 0 ? PBASE_OK
                                                      : expr_walk(self, check_field, n, n->lx->err);
}

static pbase_status check_all_names(lexer *lx, const selection *s)
{
    naming n = {lx, s, s->place};
    pbase_status status = check_names(&n, s->where, s->where_place);
    for (size_t i = 0; i < s->count && status == PBASE_OK; i++) {
        status = check_names(&n, s->items[i].value, s->items[i].place);
    }
    for (size_t i = 0; i < s->keys.count && status == PBASE_OK; i++) {
        status = check_names(&n, s->keys.columns[i].value, s->keys_place);
    }
    for (size_t i = 0; i < s->aggregate_count && status == PBASE_OK; i++) {
        const select_aggregate *one = &s->aggregates[i];
        status = check_names(&n, one->aggregate.argument, one->place);
        if (status == PBASE_OK) {
            status = check_names(&n, one->aggregate.filter, one->place);
        }
    }
    return status;
}

static pbase_status field_named(lexer *lx, pbase_bytes name, const expr **out)
{
    pbase_path_step *step = pbase_arena_alloc(lx->arena, sizeof *step);
    if (step == NULL) {
        return no_memory(lx);
    }
    step->name = name;
    step->index = 0;
    pbase_path path = {step, 1};
    return expr_field(lx->arena, path, out, lx->err);
}

/* The columns as rewriting takes them. */
static pbase_status item_columns(lexer *lx, const selection *s, column_list *out)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < s->count && status == PBASE_OK; i++) {
        plan_column column = {s->items[i].name, s->items[i].value};
        status = text_add_column(lx, out, column);
    }
    return status;
}

/* --- groups ------------------------------------------------------------------------------------- */

static pbase_bytes key_name(const selection *s, const expr *value)
{
    for (size_t i = 0; i < s->keys.count; i++) {
        if (expr_equal(s->keys.columns[i].value, value)) {
            return s->keys.columns[i].name;
        }
    }
    return pbase_bytes_of(NULL, 0);
}

/* A field that names a key or stands for an aggregate. */
static bool is_of_group(const selection *s, const expr *field)
{
    for (size_t i = 0; i < s->aggregate_count; i++) {
        if (field->path.steps == s->aggregates[i].field) {
            return true;
        }
    }
    for (size_t i = 0; i < s->keys.count; i++) {
        if (field->path.steps[0].name.data != NULL &&
            pbase_bytes_equal(field->path.steps[0].name, s->keys.columns[i].name)) {
            return true;
        }
    }
    return false;
}

/* The expression over the rows of the group: what repeats a key becomes its name. */
static pbase_status over_group(lexer *lx, const selection *s, size_t place, const expr *self,
                               const expr **out)
{
    pbase_bytes key = key_name(s, self);
    if (key.size > 0) {
        return field_named(lx, key, out);
    }
    if (self->kind == EXPR_FIELD && !is_of_group(s, self)) {
        pbase_status status = lexer_fail_at(
            lx, place, PBASE_INVALID, "beside aggregates a column is one of the keys of group by");
        pbase_error_hint(lx->err, "add it to group by, or put it into an aggregate");
        return status;
    }
    *out = self;
    if (self->arg_count == 0) {
        return PBASE_OK;
    }
    const expr **args = pbase_arena_array(lx->arena, self->arg_count, sizeof *args);
    if (args == NULL) {
        return no_memory(lx);
    }
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->arg_count && status == PBASE_OK; i++) {
        status = over_group(lx, s, place, self->args[i], &args[i]);
    }
    return status == PBASE_OK
               ? expr_call(lx->arena, self->function, args, self->arg_count, out, lx->err)
               : status;
}

/* An expression of having or order by: a selected column's name stands for its expression. */
static pbase_status over_columns(lexer *lx, const selection *s, const column_list *columns,
                                 size_t place, const expr *self, const expr **out)
{
    pbase_status status =
        rewrite_over(self, columns->columns, columns->count, lx->arena, out, lx->err);
    return status == PBASE_OK && is_grouped(s) ? over_group(lx, s, place, *out, out) : status;
}

/* --- steps -------------------------------------------------------------------------------------- */

static pbase_status add_where(lexer *lx, step_list *steps, const expr *condition)
{
    plan_step *step = NULL;
    if (condition == NULL) {
        return PBASE_OK;
    }
    pbase_status status = text_add_step(lx, steps, PLAN_WHERE, &step);
    if (status == PBASE_OK) {
        step->condition = condition;
    }
    return status;
}

static pbase_status add_number(lexer *lx, step_list *steps, plan_op op, bool is_there, uint64_t n)
{
    plan_step *step = NULL;
    pbase_status status = is_there ? text_add_step(lx, steps, op, &step) : PBASE_OK;
    if (status == PBASE_OK && is_there) {
        step->n = n;
    }
    return status;
}

pbase_status select_add_order(lexer *lx, const selection *s, step_list *steps)
{
    plan_step *step = NULL;
    pbase_status status = s->has_order ? text_add_step(lx, steps, PLAN_ORDER, &step) : PBASE_OK;
    if (status == PBASE_OK && s->has_order) {
        step->keys = s->order.keys;
        step->key_count = s->order.key_count;
    }
    if (status == PBASE_OK) {
        status = add_number(lx, steps, PLAN_OFFSET, s->has_offset, s->offset.n);
    }
    return status == PBASE_OK ? add_number(lx, steps, PLAN_LIMIT, s->has_limit, s->limit.n)
                              : status;
}

static pbase_status add_columns(lexer *lx, step_list *steps, const column_list *columns)
{
    plan_step *step = NULL;
    pbase_status status = text_add_step(lx, steps, PLAN_SELECT, &step);
    if (status == PBASE_OK) {
        step->columns = columns->columns;
        step->column_count = columns->count;
    }
    return status;
}

/* from, joins and where. */
static pbase_status add_inputs(lexer *lx, const selection *s, step_list *steps)
{
    plan_step *step = NULL;
    pbase_status status = text_add_step(lx, steps, PLAN_FROM, &step);
    if (status == PBASE_OK) {
        step->source = s->from.source;
        step->alias = s->from.alias;
        step->key_name = s->from.key_name;
    }
    for (size_t i = 0; i < s->joins.count && status == PBASE_OK; i++) {
        status = text_add_step(lx, steps, PLAN_JOIN, &step);
        if (status == PBASE_OK) {
            uint32_t position = step->position;
            *step = s->joins.steps[i];
            step->position = position;
        }
    }
    return status == PBASE_OK ? add_where(lx, steps, s->where) : status;
}

static pbase_status add_group(lexer *lx, selection *s, const column_list *columns, step_list *steps)
{
    plan_step *group = NULL;
    aggregate_list aggregates = {NULL, 0, 0};
    const expr *having = s->having;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < s->aggregate_count && status == PBASE_OK; i++) {
        plan_aggregate aggregate = s->aggregates[i].aggregate;
        aggregate.name = s->aggregates[i].field->name;
        status = text_add_aggregate(lx, &aggregates, aggregate);
    }
    if (status == PBASE_OK) {
        status = text_add_step(lx, steps, PLAN_GROUP, &group);
    }
    if (status != PBASE_OK) {
        return status;
    }
    group->columns = s->keys.columns;
    group->column_count = s->keys.count;
    group->aggregates = aggregates.aggregates;
    group->aggregate_count = aggregates.count;
    if (having != NULL) {
        status = over_columns(lx, s, columns, s->having_place, s->having, &having);
    }
    for (size_t i = 0; i < s->count && status == PBASE_OK; i++) {
        status = over_group(lx, s, s->items[i].place, columns->columns[i].value,
                            &columns->columns[i].value);
    }
    return status == PBASE_OK ? add_where(lx, steps, having) : status;
}

/* The keys of the order over the rows before select. */
static pbase_status rewrite_order(lexer *lx, selection *s, const column_list *columns)
{
    pbase_status status = PBASE_OK;
    plan_key *keys = pbase_arena_array(lx->arena, s->order.key_count, sizeof *keys);
    if (keys == NULL) {
        return no_memory(lx);
    }
    for (size_t i = 0; i < s->order.key_count && status == PBASE_OK; i++) {
        keys[i] = s->order.keys[i];
        status = over_columns(lx, s, columns, s->order_place, keys[i].value, &keys[i].value);
    }
    s->order.keys = keys;
    return status;
}

/* Behind distinct there are only the columns: a key is one of them, or its expression. */
static pbase_status name_order(lexer *lx, selection *s)
{
    plan_key *keys = pbase_arena_array(lx->arena, s->order.key_count, sizeof *keys);
    if (keys == NULL) {
        return no_memory(lx);
    }
    for (size_t k = 0; k < s->order.key_count; k++) {
        const expr *value = s->order.keys[k].value;
        size_t i = 0;
        keys[k] = s->order.keys[k];
        while (i < s->count && !expr_equal(s->items[i].value, value) &&
               !(value->kind == EXPR_FIELD && value->path.steps[0].name.data != NULL &&
                 pbase_bytes_equal(value->path.steps[0].name, s->items[i].name))) {
            i++;
        }
        if (i == s->count && !s->is_star) {
            pbase_status status = lexer_fail_at(lx, s->order_place, PBASE_INVALID,
                                                "with distinct, order by names selected columns");
            pbase_error_hint(lx->err, "select what it orders by");
            return status;
        }
        bool is_value = i < s->count && expr_equal(s->items[i].value, value);
        pbase_status status =
            is_value ? field_named(lx, s->items[i].name, &keys[k].value) : PBASE_OK;
        if (status != PBASE_OK) {
            return status;
        }
    }
    s->order.keys = keys;
    return PBASE_OK;
}

static pbase_status add_distinct(lexer *lx, selection *s, const column_list *columns,
                                 step_list *steps)
{
    plan_step *step = NULL;
    pbase_status status = name_order(lx, s);
    if (status == PBASE_OK && !s->is_star) {
        status = add_columns(lx, steps, columns);
    }
    if (status == PBASE_OK) {
        status = text_add_step(lx, steps, PLAN_DISTINCT, &step);
    }
    return status == PBASE_OK ? select_add_order(lx, s, steps) : status;
}

static pbase_status check_selection(lexer *lx, const selection *s)
{
    if (s->having != NULL && !is_grouped(s)) {
        return lexer_fail_at(lx, s->having_place, PBASE_INVALID,
                             "having needs group by or an aggregate");
    }
    if (s->is_star && is_grouped(s)) {
        return lexer_fail_at(lx, s->place, PBASE_INVALID, "select * cannot go with group by");
    }
    return check_all_names(lx, s);
}

pbase_status select_plan(lexer *lx, selection *s, step_list *steps)
{
    column_list columns = {NULL, 0, 0};
    pbase_status status = check_selection(lx, s);
    if (status == PBASE_OK) {
        status = add_inputs(lx, s, steps);
    }
    if (status == PBASE_OK) {
        status = item_columns(lx, s, &columns);
    }
    if (status == PBASE_OK && !s->is_distinct && s->has_order) {
        status = rewrite_order(lx, s, &columns);
    }
    if (status == PBASE_OK && is_grouped(s)) {
        status = add_group(lx, s, &columns, steps);
    }
    if (status == PBASE_OK && s->is_distinct) {
        return add_distinct(lx, s, &columns, steps);
    }
    if (status == PBASE_OK) {
        status = select_add_order(lx, s, steps);
    }
    return status == PBASE_OK && !s->is_star ? add_columns(lx, steps, &columns) : status;
}
