/* run.h - runs a query over a catalog: what pbase_query_run and pbase_query_run_in stand on.
 *
 * space/ makes a catalog of a snapshot or a transaction and hands it over; the result closes it. */
#ifndef PROTOBASE_QUERY_RUN_H
#define PROTOBASE_QUERY_RUN_H
#include "query/source.h"
#include <protobase/base/os.h>
#include <protobase/query.h>

/* Takes `catalog`, on failure too. Borrows `query` for the call; `os`, and what `options` points
 * to, until the result is closed. `options` NULL: the defaults. The first rows are not read yet. */
PBASE_MUST_CHECK pbase_status query_run(const pbase_query *query, query_catalog **catalog,
                                        const pbase_os *os, const pbase_query_options *options,
                                        pbase_result **out, pbase_error *err);

/* As pbase_query_explain, with what `catalog` knows about its collections (NULL: nothing). Takes
 * `catalog`. */
PBASE_MUST_CHECK pbase_status query_explain(const pbase_query *query, query_catalog **catalog,
                                            const pbase_os *os, pbase_explain_form form,
                                            pbase_arena *arena, pbase_value *out, pbase_error *err);
/* Pairs of rows that the run has tried against one another so far. */
uint64_t query_compared(const pbase_result *result);

#endif
