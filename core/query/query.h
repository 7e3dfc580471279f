/* query.h - the inside of a pbase_query: a plan, its parameters and their values.
 *
 * Counted: results that run from a query keep its plan alive. Values of parameters are copied by
 * who runs it, so that binding others does not disturb. */
#ifndef PROTOBASE_QUERY_QUERY_H
#define PROTOBASE_QUERY_QUERY_H
#include "query/plan.h"
#include <protobase/query.h>
#include <stdatomic.h>

typedef struct {
    const char *name;
    pbase_arena arena; /* of the value */
    pbase_value value;
    bool is_bound;
} query_parameter;

struct pbase_query {
    const pbase_alloc *alloc;
    _Atomic uint32_t counts;
    pbase_arena arena; /* of all but the values of parameters */
    plan plan;
    pbase_value json;
    query_parameter *parameters;
    size_t parameter_count;
    size_t parameter_capacity;
};

void query_ref(pbase_query *self);
void query_unref(pbase_query *self); /* NULL is fine */

/* The plan with the values of parameters put in, all of them copied to `arena`: those of the map
 * `given` (NULL: none), else those bound. A parameter without one stays, or is INVALID if
 * `must_have`. NOT_FOUND: a value for none. */
PBASE_MUST_CHECK pbase_status query_resolve(const pbase_query *self, const pbase_value *given,
                                            bool must_have, pbase_arena *arena, plan *out,
                                            pbase_error *err);

#endif
