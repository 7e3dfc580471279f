/* join_terms.c - by the first step of every field. */
#include "query/join_terms.h"
#include "expr/function.h"
#include "query/optimizer.h"

static bool begins_with(const expr *field, pbase_bytes alias)
{
    return alias.size > 0 && field->path.steps[0].name.data != NULL &&
           pbase_bytes_equal(field->path.steps[0].name, alias);
}

unsigned join_sides(const plan_step *join, const expr *self)
{
    if (self->kind == EXPR_FIELD) {
        return begins_with(self, join->alias) ? SIDE_RIGHT : SIDE_LEFT;
    }
    unsigned sides = 0;
    for (size_t i = 0; i < self->arg_count; i++) {
        sides |= join_sides(join, self->args[i]);
    }
    return sides;
}

/* --- one side alone ----------------------------------------------------------------------------- */

static bool can_stand_alone(const expr *self, pbase_bytes alias)
{
    if (self->kind == EXPR_FIELD) {
        return alias.size == 0 || (begins_with(self, alias) && self->path.count > 1 &&
                                   self->path.steps[1].name.data != NULL);
    }
    for (size_t i = 0; i < self->arg_count; i++) {
        if (!can_stand_alone(self->args[i], alias)) {
            return false;
        }
    }
    return true;
}

static pbase_status strip(const expr *self, pbase_arena *arena, const expr **out, pbase_error *err)
{
    if (self->kind == EXPR_FIELD) {
        return expr_field(arena, path_after(&self->path, 1), out, err);
    }
    *out = self;
    if (self->arg_count == 0) {
        return PBASE_OK;
    }
    const expr **args = pbase_arena_array(arena, self->arg_count, sizeof *args);
    if (args == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->arg_count && status == PBASE_OK; i++) {
        status = strip(self->args[i], arena, &args[i], err);
    }
    return status == PBASE_OK ? expr_call(arena, self->function, args, self->arg_count, out, err)
                              : status;
}

pbase_status join_side_term(const plan_step *join, unsigned side, const expr *self,
                            pbase_arena *arena, const expr **out, bool *out_can, pbase_error *err)
{
    pbase_bytes alias = side == SIDE_RIGHT ? join->alias : join->left_alias;
    *out = self;
    *out_can = can_stand_alone(self, alias);
    return *out_can && alias.size > 0 ? strip(self, arena, out, err) : PBASE_OK;
}

/* --- equalities --------------------------------------------------------------------------------- */

static bool as_pair(const plan_step *join, const expr *term, plan_pair *out)
{
    if (term->kind != EXPR_CALL || term->function != function_named("=")) {
        return false;
    }
    unsigned first = join_sides(join, term->args[0]), second = join_sides(join, term->args[1]);
    bool is_turned = first == SIDE_RIGHT && second == SIDE_LEFT;
    out->left = term->args[is_turned ? 1 : 0];
    out->right = term->args[is_turned ? 0 : 1];
    return is_turned || (first == SIDE_LEFT && second == SIDE_RIGHT);
}

bool join_is_equality(const plan_step *join, const expr *term)
{
    plan_pair pair;
    return as_pair(join, term, &pair);
}

pbase_status join_split(plan_step *join, pbase_arena *arena, pbase_error *err)
{
    const expr *const *terms = NULL;
    join->residual = join->condition;
    if (join->condition == NULL) {
        return PBASE_OK;
    }
    size_t count = plan_terms(join->condition, &terms), pairs = 0, rest = 0;
    terms = count == 0 ? &join->condition : terms;
    count = count == 0 ? 1 : count;
    plan_pair *made = pbase_arena_array(arena, count, sizeof *made);
    const expr **left_over = pbase_arena_array(arena, count, sizeof *left_over);
    if (made == NULL || left_over == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    for (size_t i = 0; i < count; i++) {
        bool is_true = terms[i]->kind == EXPR_LITERAL && terms[i]->literal.kind == PBASE_BOOL &&
                       terms[i]->literal.as.boolean;
        if (as_pair(join, terms[i], &made[pairs])) {
            pairs++;
        } else if (!is_true) {
            left_over[rest++] = terms[i];
        }
    }
    join->pairs = made;
    join->pair_count = pairs;
    join->residual = rest == 1 ? left_over[0] : NULL;
    return rest > 1 ? expr_call(arena, function_named("and"), left_over, rest, &join->residual, err)
                    : PBASE_OK;
}
