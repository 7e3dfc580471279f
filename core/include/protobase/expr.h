/* expr.h - one expression over one value, outside a query.
 *
 * The expressions of queries (docs/query.md), as text ("age >= 18 and city like 'La%'") or in the
 * JSON form of plans (["and", [">=", {"f": "age"}, 18], ...]). Threads: immutable. */
#ifndef PROTOBASE_EXPR_H
#define PROTOBASE_EXPR_H
#include <protobase/base/value.h>
PBASE_BEGIN_DECLS

typedef struct pbase_expr pbase_expr;

/* Returns an expression that the caller destroys. `alloc` NULL: the C library's heap. INVALID with
 * err->where "line L column C". */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_expr_parse(const pbase_alloc *alloc, pbase_bytes text,
                                                         pbase_expr **out, pbase_error *err);
/* The same of its JSON form. Copies what it keeps. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_expr_from_value(const pbase_alloc *alloc,
                                                              const pbase_value *json,
                                                              pbase_expr **out, pbase_error *err);
/* Its JSON form. Lent until the expression is destroyed. */
PBASE_API const pbase_value *pbase_expr_value(const pbase_expr *expr);
/* Computes it with `row` as the document; `parameters` is a map or NULL. `out` lies in `arena` or
 * where `row` does. INVALID: an int overflow, or a parameter that is not given. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_expr_evaluate(const pbase_expr *expr,
                                                            const pbase_value *row,
                                                            const pbase_value *parameters,
                                                            pbase_arena *arena, pbase_value *out,
                                                            pbase_error *err);
/* Appends it as text. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_expr_format(const pbase_expr *expr, pbase_buffer *out,
                                                          pbase_error *err);
/* NULL is fine. */
PBASE_API void pbase_expr_destroy(pbase_expr *expr);

PBASE_END_DECLS
#endif
