/* optimizer.h - a plan that gives the same rows with less work. */
#ifndef PROTOBASE_QUERY_OPTIMIZER_H
#define PROTOBASE_QUERY_OPTIMIZER_H
#include "query/plan.h"
#include <protobase/query.h>

/* Rewrites `self` by the rules of query.h but those in `rules_off`. `out` lies in `arena` and shares
 * what did not change. */
PBASE_MUST_CHECK pbase_status plan_optimize(const plan *self, uint32_t rules_off,
                                            pbase_arena *arena, plan *out, pbase_error *err);
/* The terms of a condition that must all be true: those of `and`, else itself. */
size_t plan_terms(const expr *condition, const expr *const **out);
/* How many rows will be read of the rows behind step `index`; PLAN_NO_LIMIT when that hangs on the
 * rows. */
uint64_t plan_rows_wanted(const plan *self, size_t index);

#endif
