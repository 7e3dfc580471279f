/* query_case.h - queries over small collections, written and answered as JSON text.
 *
 *     query_case c;
 *     query_case_init(&c);
 *     query_case_collection(&c, "people", "[{'name': 'Ada', 'age': 36}]");
 *     assert_rows(&c, "from people | where age > 30 | select name", "[{'name': 'Ada'}]");
 *     query_case_fini(&c);
 *
 * Every question is asked three times, with chunks of 1, 7 and 2048 rows, and must have the same
 * answer. Rows are compared with pbase_value_identical: 1 is not 1.0. */
#ifndef PBASE_TEST_QUERY_CASE_H
#define PBASE_TEST_QUERY_CASE_H
#include "json_value.h"
#include "memory_catalog.h"
#include <protobase/query.h>

typedef struct {
    pbase_arena arena;
    memory_catalog catalog;
    pbase_query_options options; /* of every question, but chunk_rows */
    pbase_value parameters;      /* a map; bound to every question that has them */
    pbase_error error;           /* of the last failure */
} query_case;

void query_case_init(query_case *c);
void query_case_fini(query_case *c);
/* A list of documents; keys are positions. */
void query_case_collection(query_case *c, const char *name, const char *documents);
/* A map of documents by string key, in the order of the text. */
void query_case_dictionary(query_case *c, const char *name, const char *documents);
/* Values for the parameters of the questions that follow. */
void query_case_parameters(query_case *c, const char *map);

/* The rows of a query, as a list. Fails the test when it fails. */
pbase_value query_case_rows(query_case *c, const pbase_query *query, uint32_t chunk_rows);
pbase_query *query_case_parse(query_case *c, const char *text);
pbase_query *query_case_plan(query_case *c, const char *plan);
/* Runs to the end; the status of the first failure, or OK. c->error tells more. */
pbase_status query_case_try(query_case *c, const char *text);
pbase_status query_case_try_plan(query_case *c, const char *plan);

#define assert_rows(c, text, rows) query_case_assert_rows(c, text, rows, __FILE__, __LINE__)
#define assert_plan_rows(c, plan, rows)                                                            \
    query_case_assert_plan_rows(c, plan, rows, __FILE__, __LINE__)
/* The expression, over the only row of a collection "one" that is the document `{}` unless the case
 * has it, is the value `json`. */
#define assert_expr(c, text, json) query_case_assert_expr(c, text, json, __FILE__, __LINE__)
/* The query fails with `code` and a message that has `part` in it. */
#define assert_fails(c, text, code, part)                                                          \
    query_case_assert_fails(c, text, code, part, __FILE__, __LINE__)
#define assert_plan_fails(c, plan, code, part)                                                     \
    query_case_assert_plan_fails(c, plan, code, part, __FILE__, __LINE__)

void query_case_assert_rows(query_case *c, const char *text, const char *rows, const char *file,
                            int line);
void query_case_assert_plan_rows(query_case *c, const char *plan, const char *rows,
                                 const char *file, int line);
void query_case_assert_expr(query_case *c, const char *text, const char *json, const char *file,
                            int line);
void query_case_assert_fails(query_case *c, const char *text, pbase_status code, const char *part,
                             const char *file, int line);
void query_case_assert_plan_fails(query_case *c, const char *plan, pbase_status code,
                                  const char *part, const char *file, int line);

#endif
