/* bind.h - an expression bound to a schema: fields resolved to columns, constants prepared.
 *
 * A bound expression is what the operator contract calls pbase_expression: immutable, in the arena
 * of the plan's binding. Binding a field of a document asks its column for that path (wanted.h). */
#ifndef PROTOBASE_EXPR_BIND_H
#define PROTOBASE_EXPR_BIND_H
#include "expr/expr.h"
#include <protobase/plugin/operator.h>

typedef enum {
    BOUND_CONSTANT, /* of any row */
    BOUND_COLUMN,   /* a column's cell, or what `rest` finds in it */
    BOUND_FIELD,    /* a wanted field of a document column, at `slot` */
    BOUND_CALL
} bound_kind;

struct pbase_expression {
    bound_kind kind;
    pbase_value constant;
    uint32_t column;
    uint32_t slot;
    pbase_path rest;
    bool asks_existence;           /* COLUMN: whether `rest` is there, instead of its value */
    const expr_function *function; /* CALL */
    const pbase_expression *const *args;
    size_t arg_count;
    const void *prepared; /* the function's own */
};

/* `position`: of the step that reads it, among those that run. A parameter without a value becomes an
 * error of every row. LIMIT: the plan wants more than WANTED_FIELDS_MAX fields of a document. */
PBASE_MUST_CHECK pbase_status expr_bind(const expr *self, const pbase_schema *schema,
                                        uint32_t position, pbase_arena *arena,
                                        const pbase_expression **out, pbase_error *err);

#endif
