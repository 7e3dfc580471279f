/* text_select.c - "select [distinct] columns from collection [join ...] where .. group by .. having ..
 * order by .. limit .. offset ..", and selections that union, intersect and except bring together.
 *
 * Aggregates may stand in any expression of the columns, of having and of order by: where the parser
 * of expressions meets one it asks here, and gets a field that stands for it. Set operations go from
 * left to right; what follows the last selection orders and limits all of them. */
#include "query/text_selection.h"
#include <stdio.h>

static pbase_status no_memory(lexer *lx)
{
    return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a plan");
}

/* `items` with room for one more; NULL when there is no memory. */
static void *grow(lexer *lx, void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    size_t wider = *capacity == 0 ? 4 : *capacity * 2;
    void *grown = pbase_arena_array(lx->arena, wider, size);
    if (grown != NULL) {
        if (count > 0) {
            memcpy(grown, items, count * size);
        }
        *capacity = wider;
    }
    return grown;
}

/* --- aggregates inside expressions -------------------------------------------------------------- */

static bool is_same(const expr *a, const expr *b)
{
    return a == b || (a != NULL && b != NULL && expr_equal(a, b));
}

static select_aggregate *find_aggregate(const selection *s, const plan_aggregate *wanted)
{
    for (size_t i = 0; i < s->aggregate_count; i++) {
        const plan_aggregate *known = &s->aggregates[i].aggregate;
        if (known->function == wanted->function && known->is_distinct == wanted->is_distinct &&
            is_same(known->argument, wanted->argument) && is_same(known->filter, wanted->filter)) {
            return &s->aggregates[i];
        }
    }
    return NULL;
}

/* Adds an aggregate under a name that nobody writes. */
static pbase_status add_aggregate(lexer *lx, selection *s, const plan_aggregate *aggregate,
                                  size_t place, select_aggregate **out)
{
    char name[32];
    if (s->aggregate_count == PLAN_COLUMNS_MAX) {
        return lexer_fail_at(lx, lx->current.offset, PBASE_LIMIT, "more than %u aggregates",
                             PLAN_COLUMNS_MAX);
    }
    select_aggregate *grown =
        grow(lx, s->aggregates, s->aggregate_count, &s->aggregate_capacity, sizeof *grown);
    pbase_path_step *field = pbase_arena_alloc(lx->arena, sizeof *field);
    if (grown == NULL || field == NULL) {
        return no_memory(lx);
    }
    s->aggregates = grown;
    (void)snprintf(name, sizeof name, "#%zu", s->aggregate_count + 1); /* fits */
    char *text = pbase_arena_text(lx->arena, pbase_bytes_text(name));
    if (text == NULL) {
        return no_memory(lx);
    }
    field->name = pbase_bytes_text(text);
    field->index = 0;
    *out = &grown[s->aggregate_count++];
    **out = (select_aggregate){*aggregate, field, false, place};
    return PBASE_OK;
}

static pbase_status read_call(lexer *lx, void *state, bool *out_taken, const expr **out)
{
    selection *s = state;
    plan_aggregate aggregate;
    select_aggregate *found = NULL;
    size_t place = lx->current.offset;
    if (!text_is_aggregate(lx)) {
        return PBASE_OK;
    }
    *out_taken = true;
    if (!s->may_aggregate) {
        return lexer_fail_at(lx, place, PBASE_INVALID, "an aggregate cannot stand here");
    }
    s->may_aggregate = false; /* not inside one another */
    pbase_status status = text_aggregate(lx, &aggregate);
    s->may_aggregate = true;
    if (status != PBASE_OK) {
        return status;
    }
    bool counts_rows = aggregate.function == AGGREGATE_COUNT && !aggregate.is_distinct;
    if (aggregate.argument == NULL && !counts_rows) {
        return lexer_fail_at(lx, place, PBASE_INVALID, "'%s' needs an expression",
                             aggregate_name(aggregate.function));
    }
    found = find_aggregate(s, &aggregate);
    if (found == NULL) {
        status = add_aggregate(lx, s, &aggregate, place, &found);
    }
    if (status != PBASE_OK || found == NULL) {
        return status;
    }
    pbase_path path = {found->field, 1};
    return expr_field(lx->arena, path, out, lx->err);
}

/* The aggregate that the expression is, and nothing else; NULL if it is more. */
static select_aggregate *aggregate_alone(const selection *s, const expr *value)
{
    for (size_t i = 0; i < s->aggregate_count && value->kind == EXPR_FIELD; i++) {
        if (value->path.steps == s->aggregates[i].field) {
            return &s->aggregates[i];
        }
    }
    return NULL;
}

/* --- columns ------------------------------------------------------------------------------------ */

static bool is_taken(const selection *s, pbase_bytes name)
{
    for (size_t i = 0; i < s->aggregate_count; i++) {
        if (pbase_bytes_equal(s->aggregates[i].field->name, name)) {
            return true;
        }
    }
    return false;
}

/* A column that is one aggregate has its name from it, and gives it the column's. */
static pbase_status name_item(lexer *lx, selection *s, select_item *item)
{
    bool is_as = false;
    select_aggregate *alone = aggregate_alone(s, item->value);
    pbase_status status = item->name.size == 0 ? lexer_skip_word(lx, "as", &is_as) : PBASE_OK;
    if (status == PBASE_OK && is_as) {
        status = expr_text_name(lx, "a column's name", &item->name);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (item->name.size == 0 && alone != NULL) {
        item->name = pbase_bytes_text(aggregate_name(alone->aggregate.function));
    } else if (item->name.size == 0 && item->value->kind == EXPR_FIELD) {
        item->name = item->value->path.steps[item->value->path.count - 1].name;
    }
    if (item->name.size == 0) {
        status = lexer_fail_at(lx, item->place, PBASE_INVALID, "this column has no name");
        pbase_error_hint(lx->err, "write expression as name");
        return status;
    }
    if (alone != NULL && !alone->is_named && !is_taken(s, item->name)) {
        alone->field->name = item->name;
        alone->is_named = true;
    }
    return PBASE_OK;
}

static pbase_status read_item(lexer *lx, selection *s)
{
    if (s->count == PLAN_COLUMNS_MAX) {
        return lexer_fail_at(lx, lx->current.offset, PBASE_LIMIT, "more than %u columns",
                             PLAN_COLUMNS_MAX);
    }
    select_item *items = grow(lx, s->items, s->count, &s->capacity, sizeof *items);
    if (items == NULL) {
        return no_memory(lx);
    }
    s->items = items;
    select_item *item = &items[s->count++];
    memset(item, 0, sizeof *item);
    item->place = lx->current.offset;
    pbase_status status = text_label(lx, &item->name);
    if (status == PBASE_OK) {
        status = expr_text_parse(lx, &item->value);
    }
    return status == PBASE_OK ? name_item(lx, s, item) : status;
}

static pbase_status read_items(lexer *lx, selection *s)
{
    bool has_more = true;
    pbase_status status = lexer_skip_word(lx, "distinct", &s->is_distinct);
    if (status == PBASE_OK) {
        status = lexer_skip_symbol(lx, "*", &s->is_star);
    }
    s->may_aggregate = true;
    while (status == PBASE_OK && has_more && !s->is_star) {
        status = read_item(lx, s);
        if (status == PBASE_OK) {
            status = lexer_skip_symbol(lx, ",", &has_more);
        }
    }
    s->may_aggregate = false;
    return status;
}

/* --- clauses ------------------------------------------------------------------------------------ */

static pbase_status read_source(lexer *lx, selection *s)
{
    pbase_status status = lexer_expect_word(lx, "from");
    if (status == PBASE_OK && token_is_symbol(&lx->current, "(")) {
        status = lexer_fail_at(lx, lx->current.offset, PBASE_INVALID, "a query cannot stand here");
        pbase_error_hint(lx->err, "say it in pipes: from ... | ... | select ...");
        return status;
    }
    return status == PBASE_OK ? text_from(lx, &s->from) : status;
}

/* [KIND] join INPUT alias [on EXPRESSION], and a comma for a cross join. */
static pbase_status read_joins(lexer *lx, selection *s)
{
    join_kind kind = JOIN_INNER;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK) {
        plan_step *step = NULL;
        bool is_comma = token_is_symbol(&lx->current, ",");
        size_t place = lx->current.offset;
        if (!is_comma && !text_is_kind(lx, &kind) && !token_is_word(&lx->current, "join")) {
            break;
        }
        status = is_comma ? lexer_next(lx) : text_kind(lx, &kind);
        if (status == PBASE_OK && !is_comma) {
            status = lexer_expect_word(lx, "join");
        }
        if (status == PBASE_OK) {
            status = text_add_step(lx, &s->joins, PLAN_JOIN, &step);
        }
        if (status == PBASE_OK) {
            step->kind = is_comma ? JOIN_CROSS : kind;
            step->place = place;
            status = text_joined(lx, step);
        }
    }
    return status;
}

/* An optional clause: its word, then an expression. */
static pbase_status read_condition(lexer *lx, const char *word, size_t *out_place, const expr **out)
{
    bool is_there = false;
    pbase_status status = lexer_skip_word(lx, word, &is_there);
    *out_place = lx->current.offset;
    return status == PBASE_OK && is_there ? expr_text_parse(lx, out) : status;
}

static pbase_status read_group_by(lexer *lx, selection *s)
{
    pbase_status status = lexer_skip_word(lx, "group", &s->has_group);
    if (status != PBASE_OK || !s->has_group) {
        return status;
    }
    status = lexer_expect_word(lx, "by");
    s->keys_place = lx->current.offset;
    return status == PBASE_OK ? text_columns(lx, &s->keys) : status;
}

static pbase_status read_rows(lexer *lx, selection *s)
{
    s->order_place = lx->current.offset;
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

/* As far as having. */
static pbase_status read_clauses(lexer *lx, selection *s)
{
    s->place = lx->current.offset;
    pbase_status status = lexer_expect_word(lx, "select");
    if (status == PBASE_OK) {
        status = read_items(lx, s);
    }
    if (status == PBASE_OK) {
        status = read_source(lx, s);
    }
    if (status == PBASE_OK) {
        status = read_joins(lx, s);
    }
    if (status == PBASE_OK) {
        status = read_condition(lx, "where", &s->where_place, &s->where);
    }
    if (status == PBASE_OK) {
        status = read_group_by(lx, s);
    }
    s->may_aggregate = true;
    return status == PBASE_OK ? read_condition(lx, "having", &s->having_place, &s->having) : status;
}

/* Reads with aggregates in expressions going to `s`. */
static pbase_status read_with(lexer *lx, selection *s,
                              pbase_status (*read)(lexer *lx, selection *s))
{
    lexer_call *call = lx->call;
    void *call_state = lx->call_state;
    lx->call = read_call;
    lx->call_state = s;
    pbase_status status = read(lx, s);
    lx->call = call;
    lx->call_state = call_state;
    return status;
}

/* --- set operations ----------------------------------------------------------------------------- */

/* union [all] | intersect | except, if one is current. */
static pbase_status read_operation(lexer *lx, plan_op *out, bool *out_is_there)
{
    static const plan_op operations[] = {PLAN_UNION, PLAN_INTERSECT, PLAN_EXCEPT};
    bool is_all = false;
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (token_is_word(&lx->current, plan_op_name(operations[i]))) {
            *out = operations[i];
            *out_is_there = true;
        }
    }
    if (!*out_is_there) {
        return PBASE_OK;
    }
    pbase_status status = lexer_next(lx);
    if (status == PBASE_OK && *out == PLAN_UNION) {
        status = lexer_skip_word(lx, "all", &is_all);
        *out = is_all ? PLAN_UNION_ALL : *out;
    }
    return status;
}

/* In SQL the columns of selections meet by place: they take the names of the first. */
static pbase_status rename_items(lexer *lx, const selection *first, selection *s)
{
    if (first->is_star || s->is_star) {
        return PBASE_OK;
    }
    if (first->count != s->count) {
        return lexer_fail_at(lx, s->place, PBASE_INVALID,
                             "this selection has %zu columns, the first has %zu", s->count,
                             first->count);
    }
    for (size_t i = 0; i < s->count; i++) {
        s->items[i].name = first->items[i].name;
    }
    return PBASE_OK;
}

/* The selection behind a set operation, as a plan. */
static pbase_status read_operand(lexer *lx, const selection *first, const plan **out)
{
    selection s;
    step_list steps = {NULL, 0, 0};
    plan *made = pbase_arena_alloc(lx->arena, sizeof *made);
    memset(&s, 0, sizeof s);
    if (made == NULL) {
        return no_memory(lx);
    }
    pbase_status status = read_with(lx, &s, read_clauses);
    if (status == PBASE_OK) {
        status = rename_items(lx, first, &s);
    }
    if (status == PBASE_OK) {
        status = select_plan(lx, &s, &steps);
    }
    made->steps = steps.steps;
    made->count = steps.count;
    *out = made;
    size_t wrong = 0;
    pbase_error inner;
    pbase_error_init(&inner);
    if (status == PBASE_OK && plan_check(made, &wrong, &inner) != PBASE_OK) {
        return text_fail_inner(lx, s.place, &inner);
    }
    return status;
}

static pbase_status read_operands(lexer *lx, const selection *first, step_list *steps)
{
    bool has_more = true;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK) {
        plan_op op = PLAN_UNION;
        plan_step *step = NULL;
        has_more = false;
        status = read_operation(lx, &op, &has_more);
        if (status != PBASE_OK || !has_more) {
            break;
        }
        const plan *with = NULL;
        status = read_operand(lx, first, &with);
        if (status == PBASE_OK) {
            status = text_add_step(lx, steps, op, &step);
        }
        if (status == PBASE_OK) {
            step->with = with;
        }
    }
    return status;
}

static bool is_operation(const lexer *lx)
{
    return token_is_word(&lx->current, "union") || token_is_word(&lx->current, "intersect") ||
           token_is_word(&lx->current, "except");
}

/* Order and limits behind several selections are those of all of them. */
static pbase_status read_compound(lexer *lx, selection *first, step_list *steps)
{
    selection all;
    memset(&all, 0, sizeof all);
    pbase_status status = select_plan(lx, first, steps);
    if (status == PBASE_OK) {
        status = read_operands(lx, first, steps);
    }
    if (status == PBASE_OK) {
        status = read_rows(lx, &all);
    }
    return status == PBASE_OK ? select_add_order(lx, &all, steps) : status;
}

pbase_status text_select(lexer *lx, step_list *steps)
{
    selection s;
    memset(&s, 0, sizeof s);
    pbase_status status = read_with(lx, &s, read_clauses);
    if (status == PBASE_OK && is_operation(lx)) {
        return read_compound(lx, &s, steps);
    }
    if (status == PBASE_OK) {
        status = read_with(lx, &s, read_rows);
    }
    return status == PBASE_OK ? select_plan(lx, &s, steps) : status;
}
