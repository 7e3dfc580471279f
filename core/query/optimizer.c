/* optimizer.c - a few rules, each on the list of steps, from the source down.
 *
 * Filters move towards the source: through where (joined), order (a stable sort keeps what is left
 * in order), select and extend (what they name is put in), distinct, unnest, joins and set
 * operations (push_second.c). Never through limit, offset, group, traverse or count, whose result
 * hangs on the rows they see. */
#include "query/optimizer.h"
#include "expr/function.h"
#include "query/join_terms.h"
#include "query/optimizer_steps.h"
#include "query/rewrite.h"

#define JOINED_TERMS_MAX 1024u /* of filters joined into one */

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
}

void plan_steps_remove(plan_steps *list, size_t index)
{
    memmove(&list->steps[index], &list->steps[index + 1],
            (list->count - index - 1) * sizeof *list->steps);
    list->count--;
}

pbase_status plan_steps_insert(plan_steps *list, size_t index, const plan_step *step)
{
    if (list->count == list->capacity) {
        plan_step *grown = pbase_arena_array(list->arena, list->capacity * 2, sizeof *list->steps);
        if (grown == NULL) {
            return no_memory(list->err);
        }
        memcpy(grown, list->steps, list->count * sizeof *grown);
        list->steps = grown;
        list->capacity *= 2;
    }
    memmove(&list->steps[index + 1], &list->steps[index],
            (list->count - index) * sizeof *list->steps);
    list->steps[index] = *step;
    list->count++;
    return PBASE_OK;
}

size_t plan_terms(const expr *condition, const expr *const **out)
{
    if (condition->kind == EXPR_CALL && condition->function == function_named("and")) {
        *out = condition->args;
        return condition->arg_count;
    }
    return 0;
}

size_t plan_terms_of(const expr *const *condition, const expr *const **out)
{
    size_t count = plan_terms(*condition, out);
    if (count == 0) {
        *out = condition;
        count = 1;
    }
    return count;
}

pbase_status plan_join_terms(plan_steps *list, const expr *const *terms, size_t count,
                             const expr **out)
{
    if (count == 1) {
        *out = terms[0];
        return PBASE_OK;
    }
    return expr_call(list->arena, function_named("and"), terms, count, out, list->err);
}

/* --- filters towards the source ---------------------------------------------------------------- */

/* Splits the terms of a filter behind a select or extend into those that can go before it, already
 * rewritten, and the rest. */
static pbase_status split_terms(plan_steps *list, const plan_step *through,
                                const expr *const *terms, size_t count, const expr **moved,
                                size_t *moved_count, const expr **rest, size_t *rest_count)
{
    bool is_closed = through->op == PLAN_SELECT;
    pbase_status status = PBASE_OK;
    *moved_count = *rest_count = 0;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        if (rewrite_can(terms[i], through->columns, through->column_count, is_closed)) {
            status = rewrite_over(terms[i], through->columns, through->column_count, list->arena,
                                  &moved[(*moved_count)++], list->err);
        } else {
            rest[(*rest_count)++] = terms[i];
        }
    }
    return status;
}

/* Moves what can be moved of the filter at `index` before the columns at index - 1. */
static pbase_status push_through_columns(plan_steps *list, size_t index, bool *out_moved)
{
    const expr *const *terms = NULL;
    size_t count = plan_terms_of(&list->steps[index].condition, &terms);
    size_t moved_count = 0, rest_count = 0;
    list->work += count * (1 + list->steps[index - 1].column_count);
    if (list->work > PLAN_WORK_MAX) {
        *out_moved = false;
        return PBASE_OK;
    }
    const expr **moved = pbase_arena_array(list->arena, count, sizeof *moved);
    const expr **rest = pbase_arena_array(list->arena, count, sizeof *rest);
    if (moved == NULL || rest == NULL) {
        return no_memory(list->err);
    }
    pbase_status status = split_terms(list, &list->steps[index - 1], terms, count, moved,
                                      &moved_count, rest, &rest_count);
    *out_moved = moved_count > 0;
    if (status != PBASE_OK || moved_count == 0) {
        return status;
    }
    plan_step filter = list->steps[index];
    status = plan_join_terms(list, moved, moved_count, &filter.condition);
    if (status == PBASE_OK && rest_count > 0) {
        status = plan_join_terms(list, rest, rest_count, &list->steps[index].condition);
    } else if (status == PBASE_OK) {
        plan_steps_remove(list, index);
    }
    return status == PBASE_OK ? plan_steps_insert(list, index - 1, &filter) : status;
}

static pbase_status join_filters(plan_steps *list, size_t index)
{
    const expr *const *terms = NULL;
    size_t count = plan_terms_of(&list->steps[index - 1].condition, &terms) +
                   plan_terms_of(&list->steps[index].condition, &terms);
    if (count > JOINED_TERMS_MAX) {
        return PBASE_OK;
    }
    const expr *both[2] = {list->steps[index - 1].condition, list->steps[index].condition};
    pbase_status status = plan_join_terms(list, both, 2, &list->steps[index - 1].condition);
    if (status == PBASE_OK) {
        plan_steps_remove(list, index);
    }
    return status;
}

static void swap_steps(plan_steps *list, size_t index)
{
    plan_step filter = list->steps[index];
    list->steps[index] = list->steps[index - 1];
    list->steps[index - 1] = filter;
}

static pbase_status push_filter(plan_steps *list, size_t index)
{
    pbase_status status = PBASE_OK;
    bool has_moved = true;
    for (; index > 1 && has_moved && status == PBASE_OK; index--) {
        switch (list->steps[index - 1].op) {
        case PLAN_WHERE:
            return join_filters(list, index);
        case PLAN_ORDER:
        case PLAN_DISTINCT:
            swap_steps(list, index);
            break;
        case PLAN_SELECT:
        case PLAN_EXTEND:
            status = push_through_columns(list, index, &has_moved);
            break;
        case PLAN_UNNEST:
            status = plan_push_unnest(list, index, &has_moved);
            break;
        case PLAN_JOIN:
            status = plan_push_join(list, index, &has_moved);
            break;
        case PLAN_UNION:
        case PLAN_UNION_ALL:
        case PLAN_INTERSECT:
        case PLAN_EXCEPT:
            status = plan_push_set(list, index, &has_moved);
            break;
        case PLAN_FROM:
        case PLAN_LIMIT:
        case PLAN_OFFSET:
        case PLAN_COUNT:
        case PLAN_GROUP:
        case PLAN_TRAVERSE:
            has_moved = false;
            break;
        }
    }
    return status;
}

static pbase_status push_filters(plan_steps *list)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 1; i < list->count && status == PBASE_OK; i++) {
        if (list->steps[i].op == PLAN_WHERE) {
            size_t before = list->count;
            status = push_filter(list, i);
            i -= list->count < before; /* joined: the next step took its place */
        }
    }
    return status;
}

/* --- constants --------------------------------------------------------------------------------- */

static pbase_status fold_expr(void *state, const expr *before, const expr **after, pbase_error *err)
{
    return expr_fold(before, state, after, err);
}

static bool is_true(const expr *term)
{
    return term->kind == EXPR_LITERAL && term->literal.kind == PBASE_BOOL &&
           term->literal.as.boolean;
}

/* Leaves out terms that are true; one that is a literal and not true lets no row pass. */
static pbase_status simplify_filter(plan_steps *list, size_t index, bool *out_removed)
{
    plan_step *step = &list->steps[index];
    const expr *const *terms = NULL;
    size_t count = plan_terms_of(&step->condition, &terms), kept = 0;
    const expr **left = pbase_arena_array(list->arena, count, sizeof *left);
    if (left == NULL) {
        return no_memory(list->err);
    }
    for (size_t i = 0; i < count; i++) {
        if (terms[i]->kind == EXPR_LITERAL && !is_true(terms[i])) {
            step->op = PLAN_LIMIT;
            step->condition = NULL;
            step->n = 0;
            return PBASE_OK;
        }
        if (!is_true(terms[i])) {
            left[kept++] = terms[i];
        }
    }
    *out_removed = kept == 0;
    if (kept == 0) {
        plan_steps_remove(list, index);
        return PBASE_OK;
    }
    return kept == count ? PBASE_OK : plan_join_terms(list, left, kept, &step->condition);
}

static pbase_status simplify_filters(plan_steps *list)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 1; i < list->count && status == PBASE_OK;) {
        bool is_removed = false;
        if (list->steps[i].op == PLAN_WHERE) {
            status = simplify_filter(list, i, &is_removed);
        }
        i += is_removed ? 0 : 1;
    }
    return status;
}

/* --- rows that nobody reads -------------------------------------------------------------------- */

/* A count does not care for order and columns. */
static void prune_counts(plan_steps *list)
{
    for (size_t i = 1; i < list->count; i++) {
        while (list->steps[i].op == PLAN_COUNT && i > 1 &&
               (list->steps[i - 1].op == PLAN_ORDER || list->steps[i - 1].op == PLAN_SELECT ||
                list->steps[i - 1].op == PLAN_EXTEND)) {
            plan_steps_remove(list, i - 1);
            i--;
        }
    }
}

uint64_t plan_rows_wanted(const plan *self, size_t index)
{
    uint64_t skipped = 0, wanted = PLAN_NO_LIMIT;
    for (size_t i = index + 1; i < self->count; i++) {
        const plan_step *step = &self->steps[i];
        uint64_t reach = 0;
        switch (step->op) {
        case PLAN_SELECT:
        case PLAN_EXTEND:
        case PLAN_UNION_ALL: /* the rows before it come first */
            break;
        case PLAN_OFFSET:
            skipped = step->n > PLAN_NO_LIMIT - skipped ? PLAN_NO_LIMIT : skipped + step->n;
            break;
        case PLAN_LIMIT:
            reach = step->n > PLAN_NO_LIMIT - skipped ? PLAN_NO_LIMIT : skipped + step->n;
            wanted = reach < wanted ? reach : wanted;
            break;
        case PLAN_FROM:
        case PLAN_WHERE:
        case PLAN_ORDER:
        case PLAN_COUNT:
        case PLAN_GROUP:
        case PLAN_DISTINCT:
        case PLAN_JOIN:
        case PLAN_UNION:
        case PLAN_INTERSECT:
        case PLAN_EXCEPT:
        case PLAN_UNNEST:
        case PLAN_TRAVERSE:
            return wanted;
        }
    }
    return wanted;
}

static void bound_orders(plan_steps *list)
{
    const plan view = {list->steps, list->count};
    for (size_t i = 1; i < list->count; i++) {
        if (list->steps[i].op == PLAN_ORDER) {
            list->steps[i].top = plan_rows_wanted(&view, i);
        }
    }
}

/* --- joins -------------------------------------------------------------------------------------- */

/* What a join hashes and what it tries; without the rule it tries everything. */
static pbase_status split_joins(plan_steps *list, uint32_t rules_off)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < list->count && status == PBASE_OK; i++) {
        plan_step *step = &list->steps[i];
        if (step->op == PLAN_JOIN && (rules_off & PBASE_RULE_HASH_JOIN) == 0) {
            status = join_split(step, list->arena, list->err);
        } else if (step->op == PLAN_JOIN) {
            step->residual = step->condition;
        }
    }
    return status;
}

/* --- all rules ---------------------------------------------------------------------------------- */

static pbase_status optimize_steps(const plan *self, uint32_t rules_off, size_t *work,
                                   pbase_arena *arena, plan *out, pbase_error *err);

static pbase_status optimize_second(plan_steps *list, uint32_t rules_off)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < list->count && status == PBASE_OK; i++) {
        plan_step *step = &list->steps[i];
        plan *with = step->with == NULL ? NULL : pbase_arena_alloc(list->arena, sizeof *with);
        if (step->with == NULL) {
            continue;
        }
        status = with == NULL ? no_memory(list->err)
                              : optimize_steps(step->with, rules_off, &list->work, list->arena,
                                               with, list->err);
        step->with = with;
    }
    return status;
}

static pbase_status push_all(plan_steps *list)
{
    pbase_status status = plan_push_conditions(list);
    return status == PBASE_OK ? push_filters(list) : status;
}

static pbase_status optimize_steps(const plan *self, uint32_t rules_off, size_t *work,
                                   pbase_arena *arena, plan *out, pbase_error *err)
{
    plan_steps list = {NULL, self->count, self->count + 1, *work, arena, err};
    list.steps = pbase_arena_array(arena, list.capacity, sizeof *list.steps);
    if (list.steps == NULL) {
        return no_memory(err);
    }
    memcpy(list.steps, self->steps, self->count * sizeof *list.steps);
    pbase_status status = (rules_off & PBASE_RULE_PUSH_FILTER) != 0 ? PBASE_OK : push_all(&list);
    if (status == PBASE_OK && (rules_off & PBASE_RULE_FOLD) == 0) {
        status = simplify_filters(&list);
    }
    if (status == PBASE_OK && (rules_off & PBASE_RULE_PRUNE) == 0) {
        prune_counts(&list);
    }
    if (status == PBASE_OK && (rules_off & PBASE_RULE_TOP) == 0) {
        bound_orders(&list);
    }
    if (status == PBASE_OK) {
        status = split_joins(&list, rules_off);
    }
    if (status == PBASE_OK) {
        status = optimize_second(&list, rules_off);
    }
    *work = list.work;
    if (status == PBASE_OK) {
        out->steps = list.steps;
        out->count = list.count;
    }
    return status;
}

pbase_status plan_optimize(const plan *self, uint32_t rules_off, pbase_arena *arena, plan *out,
                           pbase_error *err)
{
    plan folded = *self;
    size_t work = 0;
    pbase_status status = (rules_off & PBASE_RULE_FOLD) != 0
                              ? PBASE_OK
                              : plan_map(self, fold_expr, arena, arena, &folded, err);
    return status == PBASE_OK ? optimize_steps(&folded, rules_off, &work, arena, out, err) : status;
}
