/* index_case.h - a database with indexes, and questions to it, for tests of queries that read by them.
 *
 * Every step asserts that it succeeds. What is returned lies in the arena of the case. */
#ifndef PBASE_TEST_INDEX_CASE_H
#define PBASE_TEST_INDEX_CASE_H
#include "json_value.h"
#include "space_fixture.h"

typedef struct {
    space_fixture space;
    pbase_arena arena;
    pbase_query_options options; /* of every question, but rules_off */
    pbase_error error;           /* of the last failure */
} index_case;

/* With a space in memory. */
void index_case_init(index_case *c);
void index_case_fini(index_case *c);
/* An index over the fields in `field_names`, separated by commas. */
void index_case_create(index_case *c, const char *root, const char *name, const char *field_names);
/* A document by integer key in a dictionary, which is made when it is missing. */
void index_case_put_in(index_case *c, pbase_txn *txn, const char *root, int64_t key,
                       const char *document);
/* In a transaction of its own. */
void index_case_put(index_case *c, const char *root, int64_t key, const char *document);
/* The rows of a query as JSON, in a snapshot or, when `txn` is not NULL, in a transaction; and how it
 * failed if it did. */
const char *index_case_ask(index_case *c, pbase_txn *txn, const char *text, uint32_t rules_off);
pbase_value index_case_explained(index_case *c, const char *text, pbase_explain_form form);
const char *index_case_explain(index_case *c, const char *text);
void index_case_assert_explains(index_case *c, const char *text, const char *part);

#endif
