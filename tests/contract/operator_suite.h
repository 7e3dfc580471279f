/* operator_suite.h - what every query operator must do, whoever wrote it.
 *
 * A case names an operator, a step of the JSON plan for it and the rows it is given; the suite
 * drives the table as the executor does: bind, open, chunks of a second input, chunks, finish, scan,
 * close, in every order of failure. */
#ifndef PBASE_TEST_OPERATOR_SUITE_H
#define PBASE_TEST_OPERATOR_SUITE_H
#include <protobase/plugin/operator.h>

typedef struct {
    const pbase_operator_vtable *vtable;
    const char *step;        /* JSON, as json_value.h reads it */
    const char *input;       /* JSON list of rows, each a map with fields a and b */
    const char *second;      /* likewise the rows of its second input; NULL: it has none */
    const char *output;      /* JSON list of the rows that come out */
    const char *const *junk; /* steps that bind must refuse, NULL-ended; may be NULL */
} operator_case;

/* Not for sources: those need a catalog. */
void operator_suite_run(const operator_case *tested);

#endif
