/* text.h - the text form of a query: steps separated by |, SQL expressions (docs/query.md).
 *
 * "select ... from ... where ... group by ... having ... order by ... limit ..." is accepted too,
 * and makes the same plan. */
#ifndef PROTOBASE_QUERY_TEXT_H
#define PROTOBASE_QUERY_TEXT_H
#include "query/plan.h"

/* INVALID with err->where "line L column C", a caret below the place in the message, and the nearest
 * known name as hint. Names and strings may point into `text`. */
PBASE_MUST_CHECK pbase_status plan_parse(pbase_bytes text, pbase_arena *arena, plan *out,
                                         pbase_error *err);

#endif
