/* text.c - pipes: one function per step, over the lexer and the expression parser of expr/. */
#include "query/text.h"
#include "query/text_parts.h"

/* `items` with room for one more of `size` bytes: itself, or a copy twice as wide. NULL when there is
 * no memory, which lx->err then says. */
static void *grow(lexer *lx, void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    size_t wider = *capacity == 0 ? 4 : *capacity * 2;
    void *grown = pbase_arena_array(lx->arena, wider, size);
    if (grown == NULL) {
        (void)PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a plan"); /* NULL tells */
        return NULL;
    }
    if (count > 0) {
        memcpy(grown, items, count * size);
    }
    *capacity = wider;
    return grown;
}

pbase_status text_add_step(lexer *lx, step_list *list, plan_op op, plan_step **out)
{
    plan_step *steps = grow(lx, list->steps, list->count, &list->capacity, sizeof *steps);
    if (steps == NULL) {
        return PBASE_NO_MEMORY;
    }
    list->steps = steps;
    plan_step *step = &steps[list->count++];
    memset(step, 0, sizeof *step);
    step->op = op;
    step->position = (uint32_t)list->count;
    step->top = PLAN_NO_LIMIT;
    *out = step;
    return PBASE_OK;
}

pbase_status text_add_column(lexer *lx, column_list *list, plan_column column)
{
    plan_column *columns = grow(lx, list->columns, list->count, &list->capacity, sizeof *columns);
    if (columns == NULL) {
        return PBASE_NO_MEMORY;
    }
    list->columns = columns;
    columns[list->count++] = column;
    return PBASE_OK;
}

pbase_status text_add_aggregate(lexer *lx, aggregate_list *list, plan_aggregate aggregate)
{
    plan_aggregate *aggregates =
        grow(lx, list->aggregates, list->count, &list->capacity, sizeof *aggregates);
    if (aggregates == NULL) {
        return PBASE_NO_MEMORY;
    }
    list->aggregates = aggregates;
    aggregates[list->count++] = aggregate;
    return PBASE_OK;
}

pbase_status text_fail_inner(const lexer *lx, size_t offset, const pbase_error *inner)
{
    pbase_status status = lexer_fail_at(lx, offset, inner->code, "%s", inner->message);
    if (inner->hint[0] != '\0') {
        pbase_error_hint(lx->err, "%s", inner->hint);
    }
    return status;
}

/* --- columns and aggregates -------------------------------------------------------------------- */

pbase_status text_label(lexer *lx, pbase_bytes *out)
{
    token ahead;
    if (lx->current.kind != TOKEN_WORD && lx->current.kind != TOKEN_NAME) {
        return PBASE_OK;
    }
    pbase_status status = lexer_peek(lx, &ahead);
    if (status != PBASE_OK || !token_is_symbol(&ahead, ":")) {
        return status;
    }
    *out = lx->current.text;
    status = lexer_next(lx);
    return status == PBASE_OK ? lexer_next(lx) : status;
}

/* [as NAME], when there is no name yet. */
static pbase_status read_as(lexer *lx, pbase_bytes *name)
{
    bool is_as = false;
    pbase_status status = name->size == 0 ? lexer_skip_word(lx, "as", &is_as) : PBASE_OK;
    return status == PBASE_OK && is_as ? expr_text_name(lx, "a column's name", name) : status;
}

bool text_is_aggregate(const lexer *lx)
{
    token ahead;
    aggregate_kind kind;
    return lx->current.kind == TOKEN_WORD && aggregate_find(lx->current.text, &kind, NULL) &&
           lexer_peek(lx, &ahead) == PBASE_OK && token_is_symbol(&ahead, "(");
}

/* The last step of a path names a column that has no other name. */
static bool name_of_path(const expr *value, pbase_bytes *out)
{
    if (value->kind != EXPR_FIELD) {
        return false;
    }
    *out = value->path.steps[value->path.count - 1].name;
    return out->size > 0;
}

pbase_status text_column(lexer *lx, plan_column *out)
{
    size_t offset = lx->current.offset;
    out->name = pbase_bytes_of(NULL, 0);
    pbase_status status = text_label(lx, &out->name);
    if (status == PBASE_OK && text_is_aggregate(lx)) {
        status = lexer_fail_at(lx, lx->current.offset, PBASE_INVALID,
                               "'%.*s' is an aggregate: it belongs into group",
                               (int)lx->current.text.size, (const char *)lx->current.text.data);
        pbase_error_hint(lx->err, "group by KEY { name: %.*s(...) }", (int)lx->current.text.size,
                         (const char *)lx->current.text.data);
        return status;
    }
    if (status == PBASE_OK) {
        status = expr_text_parse(lx, &out->value);
    }
    if (status == PBASE_OK) {
        status = read_as(lx, &out->name);
    }
    if (status == PBASE_OK && out->name.size == 0 && !name_of_path(out->value, &out->name)) {
        status = lexer_fail_at(lx, offset, PBASE_INVALID, "this column has no name");
        pbase_error_hint(lx->err, "write name: expression");
    }
    return status;
}

pbase_status text_columns(lexer *lx, column_list *out)
{
    bool has_more = true;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && has_more) {
        plan_column column;
        status = text_column(lx, &column);
        if (status == PBASE_OK) {
            status = text_add_column(lx, out, column);
        }
        if (status == PBASE_OK) {
            status = lexer_skip_symbol(lx, ",", &has_more);
        }
    }
    return status;
}

/* [distinct] expression | * | nothing, up to the closing parenthesis. */
static pbase_status read_argument(lexer *lx, plan_aggregate *out)
{
    bool is_star = false;
    pbase_status status = lexer_skip_word(lx, "distinct", &out->is_distinct);
    if (status == PBASE_OK && out->function == AGGREGATE_COUNT && !out->is_distinct) {
        status = lexer_skip_symbol(lx, "*", &is_star);
    }
    bool is_empty = token_is_symbol(&lx->current, ")");
    if (status == PBASE_OK && !is_star && !is_empty) {
        status = expr_text_parse(lx, &out->argument);
    }
    return status == PBASE_OK ? lexer_expect_symbol(lx, ")") : status;
}

static pbase_status read_filter(lexer *lx, plan_aggregate *out)
{
    bool is_filter = false;
    pbase_status status = lexer_skip_word(lx, "filter", &is_filter);
    if (status != PBASE_OK || !is_filter) {
        return status;
    }
    status = lexer_expect_symbol(lx, "(");
    if (status == PBASE_OK) {
        status = lexer_expect_word(lx, "where");
    }
    if (status == PBASE_OK) {
        status = expr_text_parse(lx, &out->filter);
    }
    return status == PBASE_OK ? lexer_expect_symbol(lx, ")") : status;
}

pbase_status text_aggregate(lexer *lx, plan_aggregate *out)
{
    pbase_error inner;
    pbase_error_init(&inner);
    size_t offset = lx->current.offset;
    memset(out, 0, sizeof *out);
    if (lx->current.kind != TOKEN_WORD) {
        return lexer_fail_expected(lx, "an aggregate: count, sum, avg, min, max, ...");
    }
    if (!aggregate_find(lx->current.text, &out->function, &inner)) {
        (void)PBASE_FAIL(&inner, PBASE_INVALID, "there is no aggregate '%.*s'",
                         (int)(lx->current.text.size > 64 ? 64 : lx->current.text.size),
                         (const char *)lx->current.text.data);
        (void)aggregate_find(lx->current.text, &out->function, &inner);
        return text_fail_inner(lx, offset, &inner);
    }
    pbase_status status = lexer_next(lx);
    if (status == PBASE_OK) {
        status = lexer_expect_symbol(lx, "(");
    }
    if (status == PBASE_OK) {
        status = read_argument(lx, out);
    }
    return status == PBASE_OK ? read_filter(lx, out) : status;
}

/* { name: fn(...), ... }; an aggregate without a name has its function's. */
static pbase_status read_aggregates(lexer *lx, aggregate_list *out)
{
    bool is_end = false, has_more = false;
    pbase_status status = lexer_expect_symbol(lx, "{");
    if (status == PBASE_OK) {
        status = lexer_skip_symbol(lx, "}", &is_end);
    }
    while (status == PBASE_OK && !is_end) {
        plan_aggregate aggregate;
        pbase_bytes name = pbase_bytes_of(NULL, 0);
        status = text_label(lx, &name);
        if (status == PBASE_OK) {
            status = text_aggregate(lx, &aggregate);
        }
        if (status == PBASE_OK) {
            status = read_as(lx, &name);
        }
        if (status == PBASE_OK) {
            aggregate.name =
                name.size > 0 ? name : pbase_bytes_text(aggregate_name(aggregate.function));
            status = text_add_aggregate(lx, out, aggregate);
        }
        if (status == PBASE_OK) {
            status = lexer_skip_symbol(lx, ",", &has_more);
        }
        if (status == PBASE_OK && !has_more) {
            status = lexer_expect_symbol(lx, "}");
            is_end = true;
        }
    }
    return status;
}

/* --- steps ------------------------------------------------------------------------------------- */

/* What may stand behind a collection, and so is no alias unless "as" or quotes say so. */
static bool is_clause(const token *at)
{
    static const char *const words[] = {
        "on",    "key",   "beside", "where", "group", "having", "order",     "limit",  "offset",
        "inner", "left",  "right",  "full",  "semi",  "anti",   "cross",     "join",   "union",
        "as",    "outer", "by",     "using", "and",   "or",     "intersect", "except",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (token_is_word(at, words[i])) {
            return true;
        }
    }
    return false;
}

pbase_status text_alias(lexer *lx, pbase_bytes *out)
{
    bool is_as = false;
    pbase_status status = lexer_skip_word(lx, "as", &is_as);
    bool is_name = lx->current.kind == TOKEN_NAME ||
                   (lx->current.kind == TOKEN_WORD && !is_clause(&lx->current));
    return status == PBASE_OK && (is_as || is_name) ? expr_text_name(lx, "a name for the rows", out)
                                                    : status;
}

/* A name, or `$objects` as it is: what looks like a parameter is no other source. */
pbase_status text_source(lexer *lx, pbase_bytes *out)
{
    if (lx->current.kind == TOKEN_PARAMETER &&
        pbase_bytes_equal(lx->current.text, pbase_bytes_text("objects"))) {
        *out = pbase_bytes_text("$objects");
        return lexer_next(lx);
    }
    return expr_text_name(lx, "the name of a collection", out);
}

pbase_status text_from(lexer *lx, plan_step *step)
{
    bool is_key = false;
    pbase_status status = text_source(lx, &step->source);
    if (status == PBASE_OK) {
        status = text_alias(lx, &step->alias);
    }
    if (status == PBASE_OK) {
        status = lexer_skip_word(lx, "key", &is_key);
    }
    return status == PBASE_OK && is_key ? expr_text_name(lx, "a name for the key", &step->key_name)
                                        : status;
}

/* [asc | desc] [nulls first | nulls last] */
static pbase_status read_direction(lexer *lx, plan_key *key)
{
    bool is_asc = false, is_nulls = false, is_last = false;
    pbase_status status = lexer_skip_word(lx, "desc", &key->is_descending);
    if (status == PBASE_OK && !key->is_descending) {
        status = lexer_skip_word(lx, "asc", &is_asc);
    }
    key->nulls_first = !key->is_descending;
    if (status == PBASE_OK) {
        status = lexer_skip_word(lx, "nulls", &is_nulls);
    }
    if (status != PBASE_OK || !is_nulls) {
        return status;
    }
    status = lexer_skip_word(lx, "first", &key->nulls_first);
    if (status == PBASE_OK && !key->nulls_first) {
        status = lexer_skip_word(lx, "last", &is_last);
        return status == PBASE_OK && !is_last ? lexer_fail_expected(lx, "'first' or 'last'")
                                              : status;
    }
    return status;
}

pbase_status text_order(lexer *lx, plan_step *step)
{
    plan_key *keys = NULL;
    size_t capacity = 0;
    bool has_more = true;
    pbase_status status = lexer_expect_word(lx, "by");
    while (status == PBASE_OK && has_more) {
        keys = grow(lx, keys, step->key_count, &capacity, sizeof *keys);
        if (keys == NULL) {
            return PBASE_NO_MEMORY;
        }
        plan_key *key = &keys[step->key_count++];
        memset(key, 0, sizeof *key);
        status = expr_text_parse(lx, &key->value);
        if (status == PBASE_OK) {
            status = read_direction(lx, key);
        }
        if (status == PBASE_OK) {
            status = lexer_skip_symbol(lx, ",", &has_more);
        }
    }
    step->keys = keys;
    return status;
}

pbase_status text_rows(lexer *lx, plan_step *step)
{
    if (lx->current.kind != TOKEN_INT || lx->current.magnitude > (uint64_t)INT64_MAX) {
        return lexer_fail_expected(lx, "a number of rows");
    }
    step->n = lx->current.magnitude;
    return lexer_next(lx);
}

static pbase_status read_columns(lexer *lx, plan_step *step)
{
    column_list list = {NULL, 0, 0};
    bool has_brace = false;
    pbase_status status = lexer_skip_symbol(lx, "{", &has_brace);
    if (status == PBASE_OK) {
        status = text_columns(lx, &list);
    }
    if (status == PBASE_OK && has_brace) {
        status = lexer_expect_symbol(lx, "}");
    }
    step->columns = list.columns;
    step->column_count = list.count;
    return status;
}

static pbase_status read_group(lexer *lx, plan_step *step)
{
    column_list keys = {NULL, 0, 0};
    aggregate_list aggregates = {NULL, 0, 0};
    bool has_keys = false;
    pbase_status status = lexer_skip_word(lx, "by", &has_keys);
    if (status == PBASE_OK && has_keys) {
        status = text_columns(lx, &keys);
    }
    if (status == PBASE_OK) {
        status = read_aggregates(lx, &aggregates);
    }
    step->columns = keys.columns;
    step->column_count = keys.count;
    step->aggregates = aggregates.aggregates;
    step->aggregate_count = aggregates.count;
    return status;
}

/* What follows the name of a step. */
static pbase_status read_step(lexer *lx, plan_step *step)
{
    pbase_status status = PBASE_OK;
    switch (step->op) {
    case PLAN_FROM:
        return text_from(lx, step);
    case PLAN_WHERE:
        return expr_text_parse(lx, &step->condition);
    case PLAN_SELECT:
    case PLAN_EXTEND:
        return read_columns(lx, step);
    case PLAN_ORDER:
        return text_order(lx, step);
    case PLAN_LIMIT:
    case PLAN_OFFSET:
        return text_rows(lx, step);
    case PLAN_GROUP:
        return read_group(lx, step);
    case PLAN_JOIN:
        status = text_kind(lx, &step->kind);
        return status == PBASE_OK ? text_joined(lx, step) : status;
    case PLAN_UNION:
    case PLAN_UNION_ALL:
    case PLAN_INTERSECT:
    case PLAN_EXCEPT:
        return text_second(lx, &step->with);
    case PLAN_UNNEST:
        return text_unnest(lx, step);
    case PLAN_TRAVERSE:
        return text_traverse(lx, step);
    case PLAN_COUNT:
    case PLAN_DISTINCT:
        break;
    }
    return PBASE_OK;
}

/* The step that the current word names. */
static pbase_status read_op(lexer *lx, uint32_t position, plan_op *out)
{
    char name[PBASE_NAME_BYTES_MAX];
    pbase_bytes word = lx->current.text;
    pbase_error inner;
    pbase_error_init(&inner);
    if (lx->current.kind != TOKEN_WORD || word.size > sizeof name) {
        return lexer_fail_expected(lx, "a step: from, where, select, ...");
    }
    for (size_t i = 0; i < word.size; i++) {
        uint8_t c = word.data[i];
        name[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    pbase_status status = plan_op_find(pbase_bytes_of(name, word.size), position, out, &inner);
    return status == PBASE_OK ? lexer_next(lx) : text_fail_inner(lx, lx->current.offset, &inner);
}

static pbase_status read_pipe(lexer *lx, step_list *steps)
{
    plan_op op = PLAN_FROM;
    plan_step *step = NULL;
    bool is_all = false;
    pbase_status status = read_op(lx, (uint32_t)steps->count + 1, &op);
    if (status == PBASE_OK && op == PLAN_UNION) { /* "union all", as SQL says it */
        status = lexer_skip_word(lx, "all", &is_all);
        op = is_all ? PLAN_UNION_ALL : op;
    }
    if (status == PBASE_OK) {
        status = text_add_step(lx, steps, op, &step);
    }
    return status == PBASE_OK ? read_step(lx, step) : status;
}

/* Steps as far as pipes lead. */
static pbase_status read_steps(lexer *lx, step_list *steps)
{
    bool has_more = true;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && has_more) {
        size_t before = steps->count, offset = lx->current.offset;
        bool is_sugar = before == 0 && token_is_word(&lx->current, "select");
        if (before >= PLAN_STEPS_MAX) {
            return lexer_fail_at(lx, offset, PBASE_LIMIT, "more than %u steps", PLAN_STEPS_MAX);
        }
        status = is_sugar ? text_select(lx, steps) : read_pipe(lx, steps);
        for (size_t i = before; i < steps->count; i++) {
            steps->steps[i].place = offset;
        }
        if (status == PBASE_OK) {
            status = lexer_skip_symbol(lx, "|", &has_more);
        }
    }
    return status;
}

pbase_status text_plan(lexer *lx, plan *out)
{
    step_list steps = {NULL, 0, 0};
    size_t wrong = 0;
    if (lx->nesting == PLAN_DEPTH_MAX) {
        return lexer_fail_at(lx, lx->current.offset, PBASE_LIMIT,
                             "plans inside plans deeper than %u", PLAN_DEPTH_MAX);
    }
    lexer_call *call = lx->call;
    lx->call = NULL; /* of a selection around this plan */
    lx->nesting++;
    pbase_status status = read_steps(lx, &steps);
    lx->nesting--;
    lx->call = call;
    if (status != PBASE_OK) {
        return status;
    }
    plan made = {steps.steps, steps.count};
    pbase_error inner;
    pbase_error_init(&inner);
    status = plan_check(&made, &wrong, &inner);
    if (status != PBASE_OK) {
        return text_fail_inner(lx, made.steps[wrong].place, &inner);
    }
    *out = made;
    return PBASE_OK;
}

pbase_status plan_parse(pbase_bytes text, pbase_arena *arena, plan *out, pbase_error *err)
{
    lexer lx;
    pbase_status status = lexer_init(&lx, text, arena, err);
    if (status == PBASE_OK) {
        status = text_plan(&lx, out);
    }
    return status == PBASE_OK && lx.current.kind != TOKEN_END
               ? lexer_fail_expected(&lx, "'|' or the end")
               : status;
}
