/* push_second.c - filters through the steps that bring rows together or take them apart.
 *
 * A term moves where every row it drops would be dropped behind the step too, and no other: to a
 * side of a join whose rows the join does not give with nulls in place of the other's; into the
 * condition of a join that gives no nulls at all, if it is an equality of its sides, since pairs are
 * then found by hash; into both inputs of a set operation; before an unnest whose element it does
 * not read. A term that is never
 * true for such nulls makes an outer join narrower first: a left join is then an inner one. */
#include "expr/function.h"
#include "query/join_terms.h"
#include "query/optimizer_steps.h"

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
}

/* Terms on their way: those that go left or right, rewritten, and those that stay. */
typedef struct {
    const expr **left;
    size_t left_count;
    const expr **right;
    size_t right_count;
    const expr **rest;
    size_t rest_count;
} sorting;

static pbase_status sorting_begin(plan_steps *list, size_t count, sorting *out)
{
    memset(out, 0, sizeof *out);
    out->left = pbase_arena_array(list->arena, count, sizeof *out->left);
    out->right = pbase_arena_array(list->arena, count, sizeof *out->right);
    out->rest = pbase_arena_array(list->arena, count, sizeof *out->rest);
    return out->left == NULL || out->right == NULL || out->rest == NULL ? no_memory(list->err)
                                                                        : PBASE_OK;
}

/* Terms looked at, and steps copied with a second input. */
static bool is_too_much(plan_steps *list, size_t count, const plan_step *step)
{
    list->work += count + (step->with == NULL ? 0 : 8 * step->with->count);
    return list->work > PLAN_WORK_MAX;
}

/* A where of these terms, said to be the step that `like` was. */
static pbase_status make_filter(plan_steps *list, const plan_step *like, const expr *const *terms,
                                size_t count, plan_step *out)
{
    memset(out, 0, sizeof *out);
    out->op = PLAN_WHERE;
    out->position = like->position;
    out->place = like->place;
    out->top = PLAN_NO_LIMIT;
    return plan_join_terms(list, terms, count, &out->condition);
}

/* `before` with a filter at its end. */
static pbase_status append_filter(plan_steps *list, const plan *before, const plan_step *filter,
                                  const plan **out)
{
    plan *made = pbase_arena_alloc(list->arena, sizeof *made);
    plan_step *steps = pbase_arena_array(list->arena, before->count + 1, sizeof *steps);
    if (made == NULL || steps == NULL) {
        return no_memory(list->err);
    }
    memcpy(steps, before->steps, before->count * sizeof *steps);
    steps[before->count] = *filter;
    made->steps = steps;
    made->count = before->count + 1;
    *out = made;
    return PBASE_OK;
}

/* Replaces the filter at `index` by `rest` of it, or removes it, and puts the `moved` ones before
 * the step at index - 1. */
static pbase_status place_filters(plan_steps *list, size_t index, const expr *const *moved,
                                  size_t moved_count, const expr *const *rest, size_t rest_count)
{
    const plan_step filter = list->steps[index];
    plan_step before;
    pbase_status status = PBASE_OK;
    if (rest_count > 0) {
        status = plan_join_terms(list, rest, rest_count, &list->steps[index].condition);
    } else {
        plan_steps_remove(list, index);
    }
    if (status == PBASE_OK && moved_count > 0) {
        status = make_filter(list, &filter, moved, moved_count, &before);
        if (status == PBASE_OK) {
            status = plan_steps_insert(list, index - 1, &before);
        }
    }
    return status;
}

/* --- unnest ------------------------------------------------------------------------------------- */

static bool reads(const expr *self, pbase_bytes name)
{
    if (self->kind == EXPR_FIELD) {
        return self->path.steps[0].name.data == NULL ||
               pbase_bytes_equal(self->path.steps[0].name, name);
    }
    for (size_t i = 0; i < self->arg_count; i++) {
        if (reads(self->args[i], name)) {
            return true;
        }
    }
    return false;
}

pbase_status plan_push_unnest(plan_steps *list, size_t index, bool *out_moved)
{
    sorting s;
    const expr *const *terms = NULL;
    size_t count = plan_terms_of(&list->steps[index].condition, &terms);
    *out_moved = false;
    if (is_too_much(list, count, &list->steps[index - 1])) {
        return PBASE_OK;
    }
    pbase_status status = sorting_begin(list, count, &s);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        if (reads(terms[i], list->steps[index - 1].columns[0].name)) {
            s.rest[s.rest_count++] = terms[i];
        } else {
            s.left[s.left_count++] = terms[i];
        }
    }
    *out_moved = status == PBASE_OK && s.left_count > 0;
    return *out_moved ? place_filters(list, index, s.left, s.left_count, s.rest, s.rest_count)
                      : status;
}

/* --- set operations ----------------------------------------------------------------------------- */

/* A column that one side lacks exists in the result all the same. */
static bool asks_existence(const expr *self)
{
    if (self->kind == EXPR_CALL && self->function->kernel == kernel_exists) {
        return true;
    }
    for (size_t i = 0; i < self->arg_count; i++) {
        if (asks_existence(self->args[i])) {
            return true;
        }
    }
    return false;
}

pbase_status plan_push_set(plan_steps *list, size_t index, bool *out_moved)
{
    sorting s;
    plan_step filter;
    const expr *const *terms = NULL;
    size_t count = plan_terms_of(&list->steps[index].condition, &terms);
    *out_moved = false;
    if (is_too_much(list, count, &list->steps[index - 1])) {
        return PBASE_OK;
    }
    pbase_status status = sorting_begin(list, count, &s);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        if (asks_existence(terms[i])) {
            s.rest[s.rest_count++] = terms[i];
        } else {
            s.left[s.left_count++] = terms[i];
        }
    }
    *out_moved = status == PBASE_OK && s.left_count > 0;
    if (!*out_moved) {
        return status;
    }
    plan_step *set = &list->steps[index - 1];
    status = make_filter(list, &list->steps[index], s.left, s.left_count, &filter);
    if (status == PBASE_OK) {
        status = append_filter(list, set->with, &filter, &set->with);
    }
    return status == PBASE_OK
               ? place_filters(list, index, s.left, s.left_count, s.rest, s.rest_count)
               : status;
}

/* --- joins -------------------------------------------------------------------------------------- */

/* Sides whose rows a filter behind the join may leave out before it. */
static unsigned free_sides(join_kind kind)
{
    switch (kind) {
    case JOIN_INNER:
    case JOIN_CROSS:
        return SIDE_LEFT | SIDE_RIGHT;
    case JOIN_LEFT:
    case JOIN_SEMI:
    case JOIN_ANTI:
        return SIDE_LEFT;
    case JOIN_RIGHT:
        return SIDE_RIGHT;
    case JOIN_FULL:
        break;
    }
    return 0;
}

/* Sides whose rows a term of `on` may leave out before the join: those that are not given when
 * nothing matches. */
static unsigned free_condition_sides(join_kind kind)
{
    switch (kind) {
    case JOIN_INNER:
    case JOIN_CROSS:
    case JOIN_SEMI:
        return SIDE_LEFT | SIDE_RIGHT;
    case JOIN_LEFT:
    case JOIN_ANTI:
        return SIDE_RIGHT;
    case JOIN_RIGHT:
        return SIDE_LEFT;
    case JOIN_FULL:
        break;
    }
    return 0;
}

/* --- outer joins whose nulls a filter drops ------------------------------------------------------ */

/* Null whenever every field of the side is. */
static bool is_null_with(const plan_step *join, unsigned side, const expr *self)
{
    if (self->kind != EXPR_CALL) {
        return self->kind == EXPR_FIELD && join_sides(join, self) == side;
    }
    const expr_function *function = self->function;
    bool is_comparison = function->kernel == kernel_compare && function->code != COMPARE_SAME;
    if (function->kernel == kernel_in) {
        return is_null_with(join, side, self->args[0]);
    }
    if (!is_comparison && function->kernel != kernel_strict && function->kernel != kernel_not) {
        return false;
    }
    for (size_t i = 0; i < self->arg_count; i++) {
        if (is_null_with(join, side, self->args[i])) {
            return true;
        }
    }
    return false;
}

/* Never true when every field of the side is null. */
static bool rejects_nulls(const plan_step *join, unsigned side, const expr *term)
{
    bool asks_presence = term->kind == EXPR_CALL && term->function == function_named("not_null");
    return is_null_with(join, side, asks_presence ? term->args[0] : term);
}

/* A filter behind it that drops the rows which one side is null in makes an outer join narrower. */
static void narrow_kind(plan_step *join, const expr *const *terms, size_t count)
{
    bool drops_left = false, drops_right = false; /* rows without a left, a right row */
    for (size_t i = 0; i < count; i++) {
        drops_left = drops_left || rejects_nulls(join, SIDE_LEFT, terms[i]);
        drops_right = drops_right || rejects_nulls(join, SIDE_RIGHT, terms[i]);
    }
    bool gives_left = join->kind == JOIN_LEFT || join->kind == JOIN_FULL;
    bool gives_right = join->kind == JOIN_RIGHT || join->kind == JOIN_FULL;
    if (!gives_left && !gives_right) {
        return;
    }
    gives_left = gives_left && !drops_right;
    gives_right = gives_right && !drops_left;
    join->kind = gives_left && gives_right ? JOIN_FULL
                 : gives_left              ? JOIN_LEFT
                 : gives_right             ? JOIN_RIGHT
                                           : JOIN_INNER;
}

/* --- joins, continued ---------------------------------------------------------------------------- */

static pbase_status sort_term(plan_steps *list, const plan_step *join, unsigned free,
                              const expr *term, sorting *s)
{
    unsigned sides = join_sides(join, term);
    bool can = (sides == SIDE_LEFT || sides == SIDE_RIGHT) && (sides & free) != 0;
    const expr *alone = NULL;
    pbase_status status =
        can ? join_side_term(join, sides, term, list->arena, &alone, &can, list->err) : PBASE_OK;
    if (status != PBASE_OK || !can) {
        s->rest[s->rest_count++] = term;
    } else if (sides == SIDE_LEFT) {
        s->left[s->left_count++] = alone;
    } else {
        s->right[s->right_count++] = alone;
    }
    return status;
}

/* A semi or anti join gives its left rows as they came: everything behind it reads those. */
static pbase_status sort_filter(plan_steps *list, const plan_step *join, const expr *const *terms,
                                size_t count, sorting *s)
{
    bool gives_left = join->kind == JOIN_SEMI || join->kind == JOIN_ANTI;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        if (gives_left) {
            s->left[s->left_count++] = terms[i];
        } else {
            status = sort_term(list, join, free_sides(join->kind), terms[i], s);
        }
    }
    return status;
}

static pbase_status filter_right(plan_steps *list, size_t join, const plan_step *like,
                                 const sorting *s)
{
    plan_step filter;
    plan_step *step = &list->steps[join];
    if (s->right_count == 0) {
        return PBASE_OK;
    }
    pbase_status status = make_filter(list, like, s->right, s->right_count, &filter);
    return status == PBASE_OK ? append_filter(list, step->with, &filter, &step->with) : status;
}

/* Computing it ends no query, whichever row it is computed for. */
static bool never_fails(const expr *self)
{
    const expr_function *function = self->kind == EXPR_CALL ? self->function : NULL;
    if (function != NULL && function->row != NULL && function->row != row_lower &&
        function->row != row_upper && function->row != row_upper_ascii) {
        return false;
    }
    for (size_t i = 0; i < self->arg_count; i++) {
        if (!never_fails(self->args[i])) {
            return false;
        }
    }
    return true;
}

/* Of the terms that stay, those that say which rows meet become part of what the join says: `from a,
 * b where a.x = b.y` is a join on that. A term whose computing may fail stays, since a join computes
 * its keys for rows that meet nothing, too. */
static pbase_status take_equalities(plan_steps *list, plan_step *join, sorting *s, bool *out_taken)
{
    size_t kept = 0, taken = 0;
    const expr **terms = pbase_arena_array(list->arena, s->rest_count + 1, sizeof *terms);
    *out_taken = false;
    if (terms == NULL) {
        return no_memory(list->err);
    }
    if (join->condition != NULL) {
        terms[taken++] = join->condition;
    }
    size_t said = taken;
    for (size_t i = 0; i < s->rest_count; i++) {
        if (join_is_equality(join, s->rest[i]) && never_fails(s->rest[i])) {
            terms[taken++] = s->rest[i];
        } else {
            s->rest[kept++] = s->rest[i];
        }
    }
    if (taken == said) {
        return PBASE_OK;
    }
    s->rest_count = kept;
    join->kind = JOIN_INNER;
    *out_taken = true;
    return plan_join_terms(list, terms, taken, &join->condition);
}

pbase_status plan_push_join(plan_steps *list, size_t index, bool *out_moved)
{
    sorting s;
    const expr *const *terms = NULL;
    size_t count = plan_terms_of(&list->steps[index].condition, &terms);
    *out_moved = false;
    if (is_too_much(list, count, &list->steps[index - 1])) {
        return PBASE_OK;
    }
    pbase_status status = sorting_begin(list, count, &s);
    narrow_kind(&list->steps[index - 1], terms, count);
    if (status == PBASE_OK) {
        status = sort_filter(list, &list->steps[index - 1], terms, count, &s);
    }
    bool is_taken = false;
    join_kind kind = list->steps[index - 1].kind;
    if (status == PBASE_OK && (kind == JOIN_INNER || kind == JOIN_CROSS)) {
        status = take_equalities(list, &list->steps[index - 1], &s, &is_taken);
    }
    if (status == PBASE_OK) {
        status = filter_right(list, index - 1, &list->steps[index], &s);
    }
    if (status != PBASE_OK || (s.left_count + s.right_count == 0 && !is_taken)) {
        return status;
    }
    *out_moved = s.left_count > 0;
    return place_filters(list, index, s.left, s.left_count, s.rest, s.rest_count);
}

/* The terms of one join's condition. `out_added`: steps that came before it. */
static pbase_status push_condition(plan_steps *list, size_t index, size_t *out_added)
{
    sorting s;
    plan_step filter;
    plan_step *join = &list->steps[index];
    const plan_step said = *join;
    const expr *const *terms = NULL;
    size_t count = join->condition == NULL ? 0 : plan_terms_of(&join->condition, &terms);
    *out_added = 0;
    if (count == 0 || is_too_much(list, count, join)) {
        return PBASE_OK;
    }
    pbase_status status = sorting_begin(list, count, &s);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = sort_term(list, &said, free_condition_sides(said.kind), terms[i], &s);
    }
    if (status != PBASE_OK || s.left_count + s.right_count == 0) {
        return status;
    }
    join->condition = NULL;
    if (s.rest_count > 0) {
        status = plan_join_terms(list, s.rest, s.rest_count, &join->condition);
    }
    if (status == PBASE_OK) {
        status = filter_right(list, index, &said, &s);
    }
    if (status == PBASE_OK && s.left_count > 0) {
        *out_added = 1;
        status = make_filter(list, &said, s.left, s.left_count, &filter);
        return status == PBASE_OK ? plan_steps_insert(list, index, &filter) : status;
    }
    return status;
}

pbase_status plan_push_conditions(plan_steps *list)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 1; i < list->count && status == PBASE_OK; i++) {
        size_t added = 0;
        if (list->steps[i].op == PLAN_JOIN) {
            status = push_condition(list, i, &added);
        }
        i += added;
    }
    return status;
}
