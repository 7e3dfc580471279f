/* expr.h - the tree of an expression, as written: literals, fields, parameters, calls.
 *
 * It comes from query text (expr_text.h) or from the JSON plan, and goes back to either. Nodes are
 * immutable and lie in the arena they were made in. and, or and concat are flat lists; a tree is at
 * most EXPR_DEPTH_MAX deep. What a call does is its function's (function.h); expr_bind (bind.h)
 * makes a tree ready to compute. */
#ifndef PROTOBASE_EXPR_EXPR_H
#define PROTOBASE_EXPR_EXPR_H
#include "expr/path.h"

#define EXPR_DEPTH_MAX 100u /* so that the JSON form stays within PBASE_DEPTH_MAX */

typedef struct expr_function expr_function;
typedef enum { EXPR_LITERAL, EXPR_FIELD, EXPR_PARAMETER, EXPR_CALL } expr_kind;
typedef struct expr expr;
struct expr {
    expr_kind kind;
    uint32_t depth;                /* of the tree below: 1 for a leaf */
    pbase_value literal;           /* LITERAL */
    pbase_path path;               /* FIELD */
    pbase_bytes parameter;         /* PARAMETER: its name without the $ */
    const expr_function *function; /* CALL */
    const expr *const *args;
    size_t arg_count;
};

/* Each makes a node; what it points to is borrowed for the arena's life. */
PBASE_MUST_CHECK pbase_status expr_literal(pbase_arena *arena, pbase_value value, const expr **out,
                                           pbase_error *err);
PBASE_MUST_CHECK pbase_status expr_field(pbase_arena *arena, pbase_path path, const expr **out,
                                         pbase_error *err);
PBASE_MUST_CHECK pbase_status expr_parameter(pbase_arena *arena, pbase_bytes name, const expr **out,
                                             pbase_error *err);
/* INVALID: `count` arguments are too few or too many, or exists() of what is not a field. LIMIT:
 * too deep. A flat function merges arguments that are calls of itself. */
PBASE_MUST_CHECK pbase_status expr_call(pbase_arena *arena, const expr_function *function,
                                        const expr *const *args, size_t count, const expr **out,
                                        pbase_error *err);

/* From the JSON form. Text points into `json`. INVALID names what is wrong, with the nearest
 * operator. */
PBASE_MUST_CHECK pbase_status expr_from_value(const pbase_value *json, pbase_arena *arena,
                                              const expr **out, pbase_error *err);
/* To the JSON form. */
PBASE_MUST_CHECK pbase_status expr_to_value(const expr *self, pbase_arena *arena, pbase_value *out,
                                            pbase_error *err);
/* Appends the text form; it parses back to an equal tree. */
PBASE_MUST_CHECK pbase_status expr_format(const expr *self, pbase_buffer *out, pbase_error *err);

/* The tree with parameters replaced by the fields of the map `parameters`. A parameter without one
 * stays, or is INVALID if `must_have`. */
PBASE_MUST_CHECK pbase_status expr_substitute(const expr *self, const pbase_value *parameters,
                                              bool must_have, pbase_arena *arena, const expr **out,
                                              pbase_error *err);
/* The tree with every call of literals computed, unless it cannot be. */
PBASE_MUST_CHECK pbase_status expr_fold(const expr *self, pbase_arena *arena, const expr **out,
                                        pbase_error *err);
bool expr_equal(const expr *a, const expr *b);
/* Calls `each` for every node, parents first; a result other than OK ends the walk with it. */
PBASE_MUST_CHECK pbase_status expr_walk(const expr *self,
                                        pbase_status (*each)(void *state, const expr *node,
                                                             pbase_error *err),
                                        void *state, pbase_error *err);

#endif
