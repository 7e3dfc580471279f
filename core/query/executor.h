/* executor.h - drives the operators of a plan.
 *
 * The bound plan is cut into pipelines: a source, transforms, and a sink, which is the source of
 * the next pipeline. All but the last run to their end before the first row comes; the last is
 * pulled chunk by chunk. Every chunk begins with a look at the deadline, the cancel flag and the
 * memory budget. One worker.
 *
 * A step with a second input has a branch, the bound plan of that input. What builds (a join) gets
 * its branch's rows before the first row of its pipeline; what appends (a union) after the last;
 * rows that a join has left when all have come through follow.
 *
 * Threads: confined. */
#ifndef PROTOBASE_QUERY_EXECUTOR_H
#define PROTOBASE_QUERY_EXECUTOR_H
#include "query/plan.h"
#include "query/source.h"
#include <protobase/plugin/operator.h>
#include <protobase/query.h>

typedef struct executor executor;
typedef struct executor_branch executor_branch; /* the steps of one plan */

/* Binds an optimised plan whose parameters have values. Borrows the plan and `arena` until destroy.
 * With OFFER in `rules_off` the source is offered nothing. */
PBASE_MUST_CHECK pbase_status executor_create(const plan *self, uint32_t rules_off,
                                              const pbase_alloc *alloc, pbase_arena *arena,
                                              executor **out, pbase_error *err);
void executor_destroy(executor *self); /* NULL is fine */

typedef struct {
    query_catalog *catalog;
    const pbase_os *os;
    const pbase_call *call; /* NULL: never over */
    uint32_t chunk_rows;
    uint64_t memory_budget_bytes;
} executor_run;
/* Opens every operator. Borrows what `run` points to until destroy. */
PBASE_MUST_CHECK pbase_status executor_open(executor *self, const executor_run *run,
                                            pbase_error *err);
/* The next chunk with at least one row, lent until the next call; END after the last. */
PBASE_MUST_CHECK pbase_status executor_next(executor *self, pbase_chunk **out, pbase_error *err);
/* Of the rows that come out. Lent until destroy. */
const pbase_schema *executor_schema(const executor *self);

/* Pairs of rows that operators tried against one another so far. */
uint64_t executor_compared(const executor *self);

/* What explain asks. */
const executor_branch *executor_main(const executor *self);
size_t executor_count(const executor_branch *branch);
const plan_step *executor_step(const executor_branch *branch, size_t index);
/* Where the second input of step `index` comes from; NULL when it has none. */
const executor_branch *executor_second(const executor_branch *branch, size_t index);
bool executor_is_sink(const executor_branch *branch, size_t index);
/* Rows and cost of step `index` from those before it (two of them with a second input), unknown
 * without an estimate slot. */
PBASE_MUST_CHECK pbase_status executor_estimate(const executor_branch *branch, size_t index,
                                                const pbase_estimate *inputs, pbase_estimate *out,
                                                pbase_error *err);
PBASE_MUST_CHECK pbase_status executor_explain(const executor_branch *branch, size_t index,
                                               pbase_buffer *out, pbase_error *err);

#endif
