/* optimizer_steps.h - the list of steps that rules work on, shared by the files of the optimizer. */
#ifndef PROTOBASE_QUERY_OPTIMIZER_STEPS_H
#define PROTOBASE_QUERY_OPTIMIZER_STEPS_H
#include "query/optimizer.h"

typedef struct {
    plan_step *steps; /* room for one more than `count` */
    size_t count;
    size_t capacity;
    size_t work; /* terms rewritten, times columns looked at; of the whole plan */
    pbase_arena *arena;
    pbase_error *err;
} plan_steps;

/* What would cost more than it can save is left undone. */
#define PLAN_WORK_MAX 262144u

void plan_steps_remove(plan_steps *list, size_t index);
PBASE_MUST_CHECK pbase_status plan_steps_insert(plan_steps *list, size_t index,
                                                const plan_step *step);
/* As plan_terms, with a condition that is one term as a list of it. */
size_t plan_terms_of(const expr *const *condition, const expr *const **out);
/* The condition of one or more terms that must all be true. */
PBASE_MUST_CHECK pbase_status plan_join_terms(plan_steps *list, const expr *const *terms,
                                              size_t count, const expr **out);

/* push_second.c: each moves what it can of the filter at `index` before the step at index - 1.
 * `out_moved` is true when there is a filter before that step now; what could not move stays behind
 * it. */
PBASE_MUST_CHECK pbase_status plan_push_unnest(plan_steps *list, size_t index, bool *out_moved);
PBASE_MUST_CHECK pbase_status plan_push_join(plan_steps *list, size_t index, bool *out_moved);
PBASE_MUST_CHECK pbase_status plan_push_set(plan_steps *list, size_t index, bool *out_moved);
/* Moves the terms of join conditions that read one side alone to that side, where a row that they
 * drop would match nothing and is not given either. */
PBASE_MUST_CHECK pbase_status plan_push_conditions(plan_steps *list);

#endif
