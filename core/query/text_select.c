/* text_select.c - "select columns from collection where .. group by .. having .. order by .. limit
 * .. offset ..", translated to the steps that pipes would say.
 *
 * Without aggregates: from, where, order, offset, limit, select; a key of the order that names a
 * selected column stands for its expression. With aggregates or group by: from, where, group, where
 * (having), select, order, offset, limit; a selected column is then a key or an aggregate. What goes
 * beyond is said in pipes. */
#include "query/rewrite.h"
#include "query/text_parts.h"

/* One selected column: an expression, or an aggregate. */
typedef struct {
    pbase_bytes name;
    const expr *value; /* NULL: aggregate `index` */
    size_t index;
    size_t offset;
} item;

typedef struct {
    item *items; /* PLAN_COLUMNS_MAX of them */
    size_t count;
    bool is_star;
    aggregate_list aggregates;
    plan_step from;
    const expr *where;
    column_list keys;
    bool has_group;
    const expr *having;
    plan_step order;
    bool has_order, has_limit, has_offset;
    plan_step limit, offset;
    size_t end; /* of the select list, for messages */
} selection;

static pbase_status read_item_aggregate(lexer *lx, selection *s, item *out)
{
    plan_aggregate aggregate;
    bool is_as = false;
    pbase_status status = text_aggregate(lx, &aggregate);
    if (status == PBASE_OK && out->name.size == 0) {
        out->name = pbase_bytes_text(aggregate_name(aggregate.function));
        status = lexer_skip_word(lx, "as", &is_as);
        if (status == PBASE_OK && is_as) {
            status = expr_text_name(lx, "a column's name", &out->name);
        }
    }
    aggregate.name = out->name;
    out->index = s->aggregates.count;
    return status == PBASE_OK ? text_add_aggregate(lx, &s->aggregates, aggregate) : status;
}

static pbase_status read_item(lexer *lx, selection *s)
{
    if (s->count == PLAN_COLUMNS_MAX) {
        return lexer_fail_at(lx, lx->current.offset, PBASE_LIMIT, "more than %u columns",
                             PLAN_COLUMNS_MAX);
    }
    item *out = &s->items[s->count++];
    memset(out, 0, sizeof *out);
    out->offset = lx->current.offset;
    if (text_is_aggregate(lx)) {
        return read_item_aggregate(lx, s, out);
    }
    plan_column column;
    pbase_status status = text_column(lx, &column);
    if (status == PBASE_OK) {
        out->name = column.name;
        out->value = column.value;
    }
    return status;
}

static pbase_status read_items(lexer *lx, selection *s)
{
    bool has_more = true;
    pbase_status status = lexer_skip_symbol(lx, "*", &s->is_star);
    if (s->is_star) {
        return status;
    }
    if (token_is_word(&lx->current, "distinct")) {
        return lexer_fail_at(lx, lx->current.offset, PBASE_UNSUPPORTED,
                             "'distinct' is not available in this version");
    }
    while (status == PBASE_OK && has_more) {
        status = read_item(lx, s);
        if (status == PBASE_OK) {
            status = lexer_skip_symbol(lx, ",", &has_more);
        }
    }
    return status;
}

/* An optional clause: its word, then an expression. */
static pbase_status read_condition(lexer *lx, const char *word, const expr **out)
{
    bool is_there = false;
    pbase_status status = lexer_skip_word(lx, word, &is_there);
    return status == PBASE_OK && is_there ? expr_text_parse(lx, out) : status;
}

static pbase_status read_group_by(lexer *lx, selection *s)
{
    pbase_status status = lexer_skip_word(lx, "group", &s->has_group);
    if (status != PBASE_OK || !s->has_group) {
        return status;
    }
    status = lexer_expect_word(lx, "by");
    return status == PBASE_OK ? text_columns(lx, &s->keys) : status;
}

static pbase_status read_rows(lexer *lx, selection *s)
{
    pbase_status status = lexer_skip_word(lx, "order", &s->has_order);
    if (status == PBASE_OK && s->has_order) {
        status = text_order(lx, &s->order);
    }
    if (status == PBASE_OK) {
        status = lexer_skip_word(lx, "limit", &s->has_limit);
    }
    if (status == PBASE_OK && s->has_limit) {
        status = text_rows(lx, &s->limit);
    }
    if (status == PBASE_OK) {
        status = lexer_skip_word(lx, "offset", &s->has_offset);
    }
    return status == PBASE_OK && s->has_offset ? text_rows(lx, &s->offset) : status;
}

static pbase_status read_clauses(lexer *lx, selection *s)
{
    pbase_status status = lexer_expect_word(lx, "select");
    if (status == PBASE_OK) {
        status = read_items(lx, s);
    }
    s->end = lx->current.offset;
    if (status == PBASE_OK) {
        status = lexer_expect_word(lx, "from");
    }
    if (status == PBASE_OK) {
        status = text_from(lx, &s->from);
    }
    if (status == PBASE_OK) {
        status = read_condition(lx, "where", &s->where);
    }
    if (status == PBASE_OK) {
        status = read_group_by(lx, s);
    }
    if (status == PBASE_OK) {
        status = read_condition(lx, "having", &s->having);
    }
    return status == PBASE_OK ? read_rows(lx, s) : status;
}

/* --- translation ------------------------------------------------------------------------------- */

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

static pbase_status add_order(lexer *lx, step_list *steps, const selection *s)
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

static pbase_status add_select(lexer *lx, step_list *steps, const column_list *columns)
{
    plan_step *step = NULL;
    pbase_status status = text_add_step(lx, steps, PLAN_SELECT, &step);
    if (status == PBASE_OK) {
        step->columns = columns->columns;
        step->column_count = columns->count;
    }
    return status;
}

static pbase_status rows_plan(lexer *lx, selection *s, step_list *steps)
{
    column_list columns = {NULL, 0, 0};
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < s->count && status == PBASE_OK; i++) {
        plan_column column = {s->items[i].name, s->items[i].value};
        status = text_add_column(lx, &columns, column);
    }
    plan_key *keys = pbase_arena_array(lx->arena, s->order.key_count, sizeof *keys);
    if (keys == NULL) {
        return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    for (size_t i = 0; i < s->order.key_count && status == PBASE_OK; i++) {
        keys[i] = s->order.keys[i];
        status = rewrite_over(keys[i].value, columns.columns, columns.count, lx->arena,
                              &keys[i].value, lx->err);
    }
    s->order.keys = keys;
    if (status == PBASE_OK) {
        status = add_order(lx, steps, s);
    }
    return status == PBASE_OK && !s->is_star ? add_select(lx, steps, &columns) : status;
}

/* The key that a selected expression repeats; its name stands for it behind the group. */
static const plan_column *key_of(const selection *s, const expr *value)
{
    for (size_t i = 0; i < s->keys.count; i++) {
        if (expr_equal(s->keys.columns[i].value, value)) {
            return &s->keys.columns[i];
        }
    }
    return NULL;
}

static pbase_status field_named(lexer *lx, pbase_bytes name, const expr **out)
{
    pbase_path_step *step = pbase_arena_alloc(lx->arena, sizeof *step);
    if (step == NULL) {
        return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    step->name = name;
    step->index = 0;
    pbase_path path = {step, 1};
    return expr_field(lx->arena, path, out, lx->err);
}

static pbase_status group_column(lexer *lx, const selection *s, const item *selected,
                                 column_list *columns)
{
    plan_column column = {selected->name, NULL};
    pbase_bytes from = selected->name;
    if (selected->value != NULL) {
        const plan_column *key = key_of(s, selected->value);
        if (key == NULL) {
            pbase_status status =
                lexer_fail_at(lx, selected->offset, PBASE_INVALID,
                              "beside aggregates a column is one of the keys of group by");
            pbase_error_hint(lx->err, "say it in pipes: group by ... { ... } | select ...");
            return status;
        }
        from = key->name;
    }
    pbase_status status = field_named(lx, from, &column.value);
    return status == PBASE_OK ? text_add_column(lx, columns, column) : status;
}

static pbase_status groups_plan(lexer *lx, selection *s, step_list *steps)
{
    plan_step *group = NULL;
    column_list columns = {NULL, 0, 0};
    if (s->is_star) {
        return lexer_fail_at(lx, s->end, PBASE_INVALID, "select * cannot go with group by");
    }
    pbase_status status = text_add_step(lx, steps, PLAN_GROUP, &group);
    if (status != PBASE_OK) {
        return status;
    }
    group->columns = s->keys.columns;
    group->column_count = s->keys.count;
    group->aggregates = s->aggregates.aggregates;
    group->aggregate_count = s->aggregates.count;
    status = add_where(lx, steps, s->having);
    for (size_t i = 0; i < s->count && status == PBASE_OK; i++) {
        status = group_column(lx, s, &s->items[i], &columns);
    }
    if (status == PBASE_OK) {
        status = add_select(lx, steps, &columns);
    }
    return status == PBASE_OK ? add_order(lx, steps, s) : status;
}

pbase_status text_select(lexer *lx, step_list *steps)
{
    selection s;
    memset(&s, 0, sizeof s);
    s.items = pbase_arena_array(lx->arena, PLAN_COLUMNS_MAX, sizeof *s.items);
    if (s.items == NULL) {
        return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    size_t start = lx->current.offset;
    pbase_status status = read_clauses(lx, &s);
    plan_step *from = NULL;
    if (status == PBASE_OK) {
        status = text_add_step(lx, steps, PLAN_FROM, &from);
    }
    if (status != PBASE_OK) {
        return status;
    }
    from->source = s.from.source;
    from->alias = s.from.alias;
    from->key_name = s.from.key_name;
    bool is_grouped = s.has_group || s.aggregates.count > 0;
    if (s.having != NULL && !is_grouped) {
        return lexer_fail_at(lx, start, PBASE_INVALID, "having needs group by or an aggregate");
    }
    status = add_where(lx, steps, s.where);
    if (status != PBASE_OK) {
        return status;
    }
    return is_grouped ? groups_plan(lx, &s, steps) : rows_plan(lx, &s, steps);
}
