/* text_second.c - the steps that look beyond the rows before them: join, unnest, traverse. */
#include "query/text_parts.h"

/* --- second inputs ------------------------------------------------------------------------------ */

/* NAME, short for (from NAME). */
static pbase_status read_collection(lexer *lx, plan *out)
{
    step_list steps = {NULL, 0, 0};
    plan_step *from = NULL;
    size_t place = lx->current.offset;
    pbase_status status = text_add_step(lx, &steps, PLAN_FROM, &from);
    if (status == PBASE_OK) {
        from->place = place;
        status = expr_text_name(lx, "the name of a collection, or a query in parentheses",
                                &from->source);
    }
    out->steps = steps.steps;
    out->count = steps.count;
    return status;
}

pbase_status text_second(lexer *lx, const plan **out)
{
    plan *made = pbase_arena_alloc(lx->arena, sizeof *made);
    bool is_open = false;
    if (made == NULL) {
        return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    pbase_status status = lexer_skip_symbol(lx, "(", &is_open);
    if (status == PBASE_OK) {
        status = is_open ? text_plan(lx, made) : read_collection(lx, made);
    }
    if (status == PBASE_OK && is_open) {
        status = lexer_expect_symbol(lx, ")");
    }
    if (status == PBASE_OK) {
        *out = made;
    }
    return status;
}

/* --- join --------------------------------------------------------------------------------------- */

bool text_is_kind(const lexer *lx, join_kind *out)
{
    for (join_kind kind = JOIN_INNER; kind <= JOIN_CROSS; kind++) {
        if (token_is_word(&lx->current, join_kind_name(kind))) {
            *out = kind;
            return true;
        }
    }
    return false;
}

/* "left outer" is "left". */
pbase_status text_kind(lexer *lx, join_kind *out)
{
    bool is_outer = false;
    *out = JOIN_INNER;
    pbase_status status = text_is_kind(lx, out) ? lexer_next(lx) : PBASE_OK;
    bool may_be_outer = *out == JOIN_LEFT || *out == JOIN_RIGHT || *out == JOIN_FULL;
    return status == PBASE_OK && may_be_outer ? lexer_skip_word(lx, "outer", &is_outer) : status;
}

/* A collection without an alias is known by its own name. */
static pbase_status read_alias(lexer *lx, plan_step *step)
{
    pbase_status status = text_alias(lx, &step->alias);
    if (status != PBASE_OK || step->alias.size > 0) {
        return status;
    }
    const plan_step *first = &step->with->steps[0];
    if (step->with->count > 1 || first->alias.size > 0 || first->key_name.size > 0) {
        return lexer_fail_expected(lx, "a name for the joined rows");
    }
    step->alias = first->source;
    return PBASE_OK;
}

pbase_status text_joined(lexer *lx, plan_step *step)
{
    bool is_beside = false, is_on = false;
    pbase_status status = text_second(lx, &step->with);
    if (status == PBASE_OK) {
        status = read_alias(lx, step);
    }
    if (status == PBASE_OK) {
        status = lexer_skip_word(lx, "beside", &is_beside);
    }
    if (status == PBASE_OK && is_beside) {
        status = expr_text_name(lx, "a name for the rows before", &step->left_alias);
    }
    if (status == PBASE_OK) {
        status = lexer_skip_word(lx, "on", &is_on);
    }
    return status == PBASE_OK && is_on ? expr_text_parse(lx, &step->condition) : status;
}

/* --- unnest, traverse --------------------------------------------------------------------------- */

/* A path, as an expression. */
static pbase_status read_path(lexer *lx, const expr **out)
{
    pbase_path path = {NULL, 0};
    pbase_status status = expr_text_path(lx, &path);
    return status == PBASE_OK ? expr_field(lx->arena, path, out, lx->err) : status;
}

/* "outer", unless it is the path itself: then a point, a bracket, "as" or nothing follows. */
static pbase_status skip_outer(lexer *lx, bool *out)
{
    token ahead;
    if (!token_is_word(&lx->current, "outer")) {
        return PBASE_OK;
    }
    pbase_status status = lexer_peek(lx, &ahead);
    *out = status == PBASE_OK && (ahead.kind == TOKEN_WORD || ahead.kind == TOKEN_NAME) &&
           !token_is_word(&ahead, "as");
    return *out ? lexer_next(lx) : status;
}

pbase_status text_unnest(lexer *lx, plan_step *step)
{
    size_t offset = lx->current.offset;
    bool is_as = false;
    plan_column *column = pbase_arena_alloc(lx->arena, sizeof *column);
    if (column == NULL) {
        return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    memset(column, 0, sizeof *column);
    pbase_status status = skip_outer(lx, &step->is_outer);
    if (status == PBASE_OK) {
        status = read_path(lx, &column->value);
    }
    if (status == PBASE_OK) {
        status = lexer_skip_word(lx, "as", &is_as);
    }
    if (status == PBASE_OK && is_as) {
        status = expr_text_name(lx, "a name for the elements", &column->name);
    }
    if (status == PBASE_OK && !is_as) {
        column->name = column->value->path.steps[column->value->path.count - 1].name;
    }
    if (status == PBASE_OK && column->name.size == 0) {
        return lexer_fail_at(lx, offset, PBASE_INVALID,
                             "these elements have no name: say 'as NAME'");
    }
    step->columns = column;
    step->column_count = 1;
    return status;
}

static pbase_status read_direction(lexer *lx, plan_relation *relation)
{
    bool is_down = false;
    pbase_status status = lexer_skip_word(lx, "up", &relation->is_up);
    if (status == PBASE_OK && !relation->is_up) {
        status = lexer_skip_word(lx, "down", &is_down);
    }
    return status == PBASE_OK && !relation->is_up && !is_down
               ? lexer_fail_expected(lx, "'up' or 'down'")
               : status;
}

static pbase_status read_labelled_path(lexer *lx, const char *label, const expr **out)
{
    pbase_status status = lexer_expect_word(lx, label);
    return status == PBASE_OK ? read_path(lx, out) : status;
}

/* [depth N] [bfs | dfs] [include start] */
static pbase_status read_reach(lexer *lx, plan_relation *relation)
{
    bool is_bounded = false, is_breadth = false;
    relation->depth_max = PLAN_NO_LIMIT;
    pbase_status status = lexer_skip_word(lx, "depth", &is_bounded);
    if (status == PBASE_OK && is_bounded) {
        if (lx->current.kind != TOKEN_INT || lx->current.magnitude > (uint64_t)INT64_MAX) {
            return lexer_fail_expected(lx, "a number of steps");
        }
        relation->depth_max = lx->current.magnitude;
        status = lexer_next(lx);
    }
    if (status == PBASE_OK) {
        status = lexer_skip_word(lx, "dfs", &relation->is_depth_first);
    }
    if (status == PBASE_OK && !relation->is_depth_first) {
        status = lexer_skip_word(lx, "bfs", &is_breadth);
    }
    if (status == PBASE_OK) {
        status = lexer_skip_word(lx, "include", &relation->has_start);
    }
    return status == PBASE_OK && relation->has_start ? lexer_expect_word(lx, "start") : status;
}

pbase_status text_traverse(lexer *lx, plan_step *step)
{
    plan_relation *relation = pbase_arena_alloc(lx->arena, sizeof *relation);
    if (relation == NULL) {
        return PBASE_FAIL(lx->err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    memset(relation, 0, sizeof *relation);
    step->relation = relation;
    pbase_status status = read_direction(lx, relation);
    if (status == PBASE_OK) {
        status = expr_text_name(lx, "the name of a collection", &step->source);
    }
    if (status == PBASE_OK) {
        status = read_labelled_path(lx, "key", &relation->key);
    }
    if (status == PBASE_OK) {
        status = read_labelled_path(lx, "ref", &relation->ref);
    }
    return status == PBASE_OK ? read_reach(lx, relation) : status;
}
