/* function.h - the functions and operators of expressions: one table.
 *
 * A function is computed for many rows at once by its kernel. Most use the strict kernel: null if
 * an argument is null, an error if an argument is one, else their `row` function; the others
 * (and, or, case, coalesce, in, comparisons) decide for themselves, and which rows each argument
 * is computed for. All are pure: the same arguments give the same result. */
#ifndef PROTOBASE_EXPR_FUNCTION_H
#define PROTOBASE_EXPR_FUNCTION_H
#include "expr/bind.h"
#include "expr/expr.h"

/* The rows that a kernel computes: `count` numbers, or the first `count` when `selection` is NULL. */
typedef struct {
    const uint16_t *selection;
    uint32_t count;
} expr_rows;
static inline uint32_t expr_row(const expr_rows *rows, uint32_t n)
{
    return rows->selection == NULL ? n : rows->selection[n];
}

#define EXPR_SPARE_MAX 8u

/* What a computation is lent. Start it with the first three, the rest cleared. */
typedef struct {
    pbase_chunk *chunk; /* NULL when there are no columns: constants only */
    pbase_arena *arena; /* results and scratch */
    uint32_t row_count; /* row numbers are below */
    uint32_t spare_count;
    pbase_value *spare[EXPR_SPARE_MAX]; /* columns of results that were given back */
} expr_frame;

/* Computes `node` for `rows`; cells of other rows are unspecified. Fails for lack of memory and
 * unreadable documents only: what a row does wrong becomes its ERROR cell. */
typedef pbase_status expr_kernel(const pbase_expression *node, expr_frame *frame,
                                 const expr_rows *rows, pbase_vector *out, pbase_error *err);
/* One row; no argument is null or an error. */
typedef pbase_status expr_row_function(const pbase_expression *node, pbase_arena *arena,
                                       const pbase_value *const *args, pbase_value *out,
                                       pbase_error *err);

typedef enum {
    EXPR_NOTATION_CALL,    /* name(a, b) */
    EXPR_NOTATION_INFIX,   /* a name b, also of many */
    EXPR_NOTATION_PREFIX,  /* name a */
    EXPR_NOTATION_POSTFIX, /* a is null */
    EXPR_NOTATION_OWN      /* in, between, case: format.c knows */
} expr_notation;

/* How tightly text binds, loosest first. */
enum {
    EXPR_PRECEDENCE_OR = 1,
    EXPR_PRECEDENCE_AND = 2,
    EXPR_PRECEDENCE_NOT = 3,
    EXPR_PRECEDENCE_COMPARE = 4,
    EXPR_PRECEDENCE_ADD = 5,
    EXPR_PRECEDENCE_MULTIPLY = 6,
    EXPR_PRECEDENCE_NEGATE = 7,
    EXPR_PRECEDENCE_ATOM = 8
};

#define EXPR_ARGS_MAX 65535u

struct expr_function {
    const char *name;   /* in the JSON plan, and in text unless `symbol` says otherwise */
    const char *symbol; /* of infix and postfix notation */
    expr_kernel *kernel;
    expr_row_function *row; /* of the strict kernel */
    /* Optional, at bind: what the function makes once of arguments that are constant. */
    pbase_status (*prepare)(const pbase_expression *node, pbase_arena *arena, const void **out,
                            pbase_error *err);
    uint32_t arg_min;
    uint32_t arg_max;
    expr_notation notation;
    uint8_t precedence;
    bool is_flat; /* f(f(a, b), c) is f(a, b, c) */
    uint8_t code; /* tells functions of one kernel apart */
};

/* NULL when there is none; `hint` then gets the nearest name if err is not NULL. */
const expr_function *function_find(pbase_bytes name, pbase_error *err);
/* For those that the parser and the optimizer ask for by name: must exist. */
const expr_function *function_named(const char *name);

/* Computes any node. */
PBASE_MUST_CHECK pbase_status expr_evaluate(const pbase_expression *node, expr_frame *frame,
                                            const expr_rows *rows, pbase_vector *out,
                                            pbase_error *err);
/* The kernel of functions that have a row function. */
PBASE_MUST_CHECK pbase_status kernel_strict(const pbase_expression *node, expr_frame *frame,
                                            const expr_rows *rows, pbase_vector *out,
                                            pbase_error *err);
static inline pbase_vector expr_column(const pbase_value *cells)
{
    pbase_vector vector = {cells, UINT32_MAX, 0};
    return vector;
}
static inline pbase_vector expr_constant(const pbase_value *cell)
{
    pbase_vector vector = {cell, 0, 0};
    return vector;
}
/* A column of results for kernels to fill. */
PBASE_MUST_CHECK pbase_status expr_results(expr_frame *frame, pbase_value **out, pbase_error *err);
/* Gives back what computing `node` lent, once its cells have been read: a long list of terms then
 * works in a few columns. */
void expr_release(expr_frame *frame, const pbase_expression *node, const pbase_vector *vector);
/* An ERROR cell with a message in `arena`. */
PBASE_MUST_CHECK pbase_status expr_error_cell(pbase_arena *arena, pbase_value *out,
                                              pbase_error *err, const char *format, ...)
    PBASE_PRINTF(4, 5);

/* logic.c: kernels that choose the rows of their arguments. */
expr_kernel kernel_and_or, kernel_not, kernel_case, kernel_coalesce, kernel_is_null, kernel_exists;
/* comparison.c */
expr_kernel kernel_compare, kernel_between, kernel_in;
pbase_status prepare_in(const pbase_expression *node, pbase_arena *arena, const void **out,
                        pbase_error *err);
enum {
    COMPARE_EQ, /* codes of kernel_compare */
    COMPARE_NE,
    COMPARE_LT,
    COMPARE_LE,
    COMPARE_GT,
    COMPARE_GE,
    COMPARE_SAME /* <=> */
};
enum { BETWEEN_CLOSED, BETWEEN_OPEN, BETWEEN_LEFT_OPEN, BETWEEN_RIGHT_OPEN };
/* arithmetic.c */
expr_row_function row_add, row_subtract, row_multiply, row_divide, row_truncate, row_remainder,
    row_abs;
/* string.c */
expr_row_function row_concat, row_length, row_lower, row_upper, row_upper_ascii, row_substr,
    row_starts_with, row_ends_with, row_contains, row_list_length;
expr_kernel kernel_type;
/* like.c */
expr_row_function row_like;
pbase_status prepare_like(const pbase_expression *node, pbase_arena *arena, const void **out,
                          pbase_error *err);

#endif
