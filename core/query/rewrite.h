/* rewrite.h - expressions moved across the columns of a select or an extend.
 *
 * An expression over the rows behind such a step becomes one over the rows before it: what names a
 * column is replaced by the column's expression. */
#ifndef PROTOBASE_QUERY_REWRITE_H
#define PROTOBASE_QUERY_REWRITE_H
#include "query/plan.h"

/* True when `self` can be rewritten: it does not ask exists() of a column, nor for a part of one
 * that is not itself a field, and each column it names is cheap enough to compute twice (a field or
 * a literal). With `is_closed` (select) every field must name a column. */
bool rewrite_can(const expr *self, const plan_column *columns, size_t count, bool is_closed);
/* Replaces the columns that `self` names; a part of one that is not a field stays as it is. */
PBASE_MUST_CHECK pbase_status rewrite_over(const expr *self, const plan_column *columns,
                                           size_t count, pbase_arena *arena, const expr **out,
                                           pbase_error *err);

#endif
