/* step.h - reading the keys of a step, for the built-in operators. */
#ifndef PROTOBASE_QUERY_OPERATORS_STEP_H
#define PROTOBASE_QUERY_OPERATORS_STEP_H
#include <protobase/plugin/operator.h>

#define STEP_ANY_KIND 0xffu

/* The value of `key`, of the given kind. INVALID names the key. */
PBASE_MUST_CHECK pbase_status step_get(const pbase_value *step, const char *key, uint8_t kind,
                                       const pbase_value **out, pbase_error *err);
/* Item `index` of a list that must have it. */
PBASE_MUST_CHECK pbase_status step_item(const pbase_value *list, size_t index, uint8_t kind,
                                        const pbase_value **out, pbase_error *err);
/* The string at an optional key; empty without it. */
PBASE_MUST_CHECK pbase_status step_name(const pbase_value *step, const char *key, pbase_bytes *out,
                                        pbase_error *err);
/* A number of rows at "n". */
PBASE_MUST_CHECK pbase_status step_rows(const pbase_value *step, uint64_t *out, pbase_error *err);
/* Memory of the plan's binding. */
PBASE_MUST_CHECK pbase_status step_alloc(pbase_binder *binder, size_t count, size_t size,
                                         void **out, pbase_error *err);
/* Compiles the pairs [name, expression] of a list: columns of a schema, and what computes them. */
PBASE_MUST_CHECK pbase_status step_columns(const pbase_value *list, pbase_binder *binder,
                                           pbase_column **out_columns,
                                           const pbase_expression ***out_expressions,
                                           pbase_error *err);

#endif
