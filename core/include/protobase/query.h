/* query.h - questions about collections: parse, bind parameters, run, read rows.
 *
 *     pbase_query *query = NULL;
 *     pbase_query_parse(NULL, pbase_bytes_text("from people | where age > $min | limit 10"), &query,
 *                       err);
 *     pbase_value min = pbase_value_int(30);
 *     pbase_query_bind(query, "min", &min, err);
 *     pbase_query_run(query, snapshot, NULL, &result, err);
 *     while ((status = pbase_result_next(result, &row, err)) == PBASE_OK) { ... }
 *     pbase_result_close(result);
 *     pbase_query_destroy(query);
 *
 * A query is a plan with parameters: text and JSON plan make the same one (docs/query.md is the
 * language). Nothing is read before the first row is asked for, and then no more than is needed.
 *
 * Threads: a query is confined while parameters are bound to it, and immutable otherwise: several
 * results may run from it at once, with other values for each (pbase_query_options.parameters). A
 * result is confined. */
#ifndef PROTOBASE_QUERY_H
#define PROTOBASE_QUERY_H
#include <protobase/base/call.h>
#include <protobase/plugin/chunk.h>
PBASE_BEGIN_DECLS

typedef struct pbase_query pbase_query;   /* a plan and the values of its parameters */
typedef struct pbase_result pbase_result; /* a cursor over the rows of one run */
struct pbase_snapshot;
struct pbase_txn;

/* Makes a query of its text form. `alloc` NULL: the C library's heap. Returns a query that the
 * caller destroys. INVALID with err->where "line L column C", and the nearest known name in
 * err->hint; UNSUPPORTED for a step that this version does not have; LIMIT past
 * PBASE_QUERY_TEXT_BYTES_MAX or PBASE_DEPTH_MAX. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_query_parse(const pbase_alloc *alloc,
                                                          pbase_bytes text, pbase_query **out,
                                                          pbase_error *err);
/* Makes a query of its JSON plan: a list of steps, as pbase_json_parse gives it. Copies what it
 * keeps. INVALID and UNSUPPORTED name the step by its position ("step 3 (where): ..."). */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_query_from_plan(const pbase_alloc *alloc,
                                                              const pbase_value *plan,
                                                              pbase_query **out, pbase_error *err);
/* NULL is fine. Results that run from it go on. */
PBASE_API void pbase_query_destroy(pbase_query *query);

/* The plan in its JSON form, parameters unbound. Lent until the query is destroyed. */
PBASE_API const pbase_value *pbase_query_plan(const pbase_query *query);
/* The names of its parameters ("min"), each once, in the order of first use. Lent likewise. */
PBASE_API size_t pbase_query_parameter_count(const pbase_query *query);
PBASE_API const char *pbase_query_parameter_name(const pbase_query *query, size_t index);
/* Gives parameter `name` a value, a copy of it; again replaces it. NOT_FOUND names the nearest
 * parameter. A query with a parameter not bound does not run (INVALID). */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_query_bind(pbase_query *query, const char *name,
                                                         const pbase_value *value,
                                                         pbase_error *err);

typedef struct {
    uint32_t struct_size;   /* sizeof(pbase_query_options) */
    uint32_t chunk_rows;    /* rows worked on at once; 0: PBASE_CHUNK_ROWS, the most */
    const pbase_call *call; /* deadline and cancel flag; NULL: neither. Borrowed until close */
    uint64_t
        memory_budget_bytes; /* what sorts, groups and joins may hold; 0: 1 GiB. Past it: LIMIT */
    uint64_t row_limit;      /* rows of the result; 0: no limit. Past it: LIMIT */
    uint32_t rules_off;      /* PBASE_RULE_*: what the optimizer is not to do, for diagnosis */
    uint32_t reserved;
    /* Values of parameters for this run alone, a map by name; they go before those bound to the
     * query. So one query runs on many threads at once, each with its own. NULL: none. Copied. */
    const pbase_value *parameters;
} pbase_query_options;
/* Rules of the optimizer. None changes a result, except that a rule may spare an error of a row
 * which a later step drops. */
#define PBASE_RULE_FOLD 0x01u        /* compute constant expressions once */
#define PBASE_RULE_PUSH_FILTER 0x02u /* move filters towards the source */
#define PBASE_RULE_TOP 0x04u         /* order and limit keep the top rows only */
#define PBASE_RULE_PRUNE 0x08u       /* leave out steps that cannot matter to a count */
#define PBASE_RULE_OFFER 0x10u       /* offer filters and limits to the source */
#define PBASE_RULE_HASH_JOIN 0x20u   /* find the pairs of a join by hash, where it has equalities */
#define PBASE_RULE_INDEX 0x40u       /* read by an index where that is cheaper */

/* Starts the query on what `snapshot` sees. Borrows the snapshot until the result is closed.
 * `options` NULL: the defaults. NOT_FOUND: no such collection, or a value for a parameter that the
 * query has not, with the nearest name. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_query_run(const pbase_query *query,
                                                        struct pbase_snapshot *snapshot,
                                                        const pbase_query_options *options,
                                                        pbase_result **out, pbase_error *err);
/* The same on what `txn` sees, its own changes included; what is read counts for its conflicts.
 * The transaction must not be changed while the result is open. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_query_run_in(const pbase_query *query,
                                                           struct pbase_txn *txn,
                                                           const pbase_query_options *options,
                                                           pbase_result **out, pbase_error *err);

/* The names of the columns, in order. 0: rows are whole documents, each with its own fields. */
PBASE_API size_t pbase_result_column_count(const pbase_result *result);
PBASE_API pbase_bytes pbase_result_column_name(const pbase_result *result, size_t index);
/* The next row: a map of the columns, or a whole document. Lent until the next call on this result.
 * END after the last. Any other failure ends the result: it is repeated by later calls. INVALID: an
 * expression cannot be computed for a row that is in the result; TIMEOUT and CANCELLED: the call is
 * over; LIMIT: past the budget or the row limit. Do not mix with pbase_result_next_chunk. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_result_next(pbase_result *result, pbase_value *out,
                                                          pbase_error *err);
/* The next rows together, for callers that read columns: cells of column c are
 * chunk->columns[c].cells[pbase_chunk_row(chunk, n)], never ENCODED and never ERROR; column 0 holds
 * the whole document when the result has no named columns. Lent until the next call. END after the
 * last. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_result_next_chunk(pbase_result *result,
                                                                const pbase_chunk **out,
                                                                pbase_error *err);
/* Ends the run, half-way too, and everything it lent. NULL is fine. */
PBASE_API void pbase_result_close(pbase_result *result);

/* How a plan is told. */
typedef enum {
    PBASE_EXPLAIN_TEXT =
        0, /* a string: the optimised plan as query text, with what each step does */
    PBASE_EXPLAIN_JSON = 1, /* a map: {"version": 1, "pipelines": [...]}, stable */
    PBASE_EXPLAIN_PLAN = 2  /* the JSON plan of the text, before optimisation */
} pbase_explain_form;
/* Explains without running, and without data: estimates are left out. Unbound parameters stay as
 * they are. `out` lies in `arena`. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_query_explain(const pbase_query *query,
                                                            pbase_explain_form form,
                                                            pbase_arena *arena, pbase_value *out,
                                                            pbase_error *err);
/* The same with what `snapshot` knows of the collections. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_query_explain_on(const pbase_query *query,
                                                               struct pbase_snapshot *snapshot,
                                                               pbase_explain_form form,
                                                               pbase_arena *arena, pbase_value *out,
                                                               pbase_error *err);

PBASE_END_DECLS
#endif
