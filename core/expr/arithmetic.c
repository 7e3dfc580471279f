/* arithmetic.c - numbers: int with int stays int and overflow is an error; a float makes a float;
 * what is not a number gives null; division by zero is null. */
#include "expr/function.h"
#include <inttypes.h>
#include <math.h>

static bool is_int(const pbase_value *v)
{
    return v->kind == PBASE_INT;
}

static bool is_number(const pbase_value *v)
{
    return v->kind == PBASE_INT || v->kind == PBASE_FLOAT;
}

static double real_of(const pbase_value *v)
{
    return v->kind == PBASE_INT ? (double)v->as.integer : v->as.real;
}

static pbase_status overflow(pbase_arena *arena, const char *symbol, const pbase_value *const *args,
                             pbase_value *out, pbase_error *err)
{
    return expr_error_cell(arena, out, err,
                           "integer overflow: %" PRId64 " %s %" PRId64 " is outside int64",
                           args[0]->as.integer, symbol, args[1]->as.integer);
}

pbase_status row_add(const pbase_expression *node, pbase_arena *arena,
                     const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    int64_t sum = 0;
    if (is_int(args[0]) && is_int(args[1])) {
        if (__builtin_add_overflow(args[0]->as.integer, args[1]->as.integer, &sum)) {
            return overflow(arena, "+", args, out, err);
        }
        *out = pbase_value_int(sum);
    } else if (is_number(args[0]) && is_number(args[1])) {
        *out = pbase_value_float(real_of(args[0]) + real_of(args[1]));
    } else {
        *out = pbase_value_null();
    }
    return PBASE_OK;
}

/* With one argument: its negation. */
static pbase_status row_negate(pbase_arena *arena, const pbase_value *arg, pbase_value *out,
                               pbase_error *err)
{
    if (is_int(arg)) {
        if (arg->as.integer == INT64_MIN) {
            return expr_error_cell(arena, out, err,
                                   "integer overflow: -(%" PRId64 ") is outside int64",
                                   arg->as.integer);
        }
        *out = pbase_value_int(-arg->as.integer);
    } else {
        *out = is_number(arg) ? pbase_value_float(-arg->as.real) : pbase_value_null();
    }
    return PBASE_OK;
}

pbase_status row_subtract(const pbase_expression *node, pbase_arena *arena,
                          const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    int64_t difference = 0;
    if (node->arg_count == 1) {
        return row_negate(arena, args[0], out, err);
    }
    if (is_int(args[0]) && is_int(args[1])) {
        if (__builtin_sub_overflow(args[0]->as.integer, args[1]->as.integer, &difference)) {
            return overflow(arena, "-", args, out, err);
        }
        *out = pbase_value_int(difference);
    } else if (is_number(args[0]) && is_number(args[1])) {
        *out = pbase_value_float(real_of(args[0]) - real_of(args[1]));
    } else {
        *out = pbase_value_null();
    }
    return PBASE_OK;
}

pbase_status row_multiply(const pbase_expression *node, pbase_arena *arena,
                          const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    int64_t product = 0;
    if (is_int(args[0]) && is_int(args[1])) {
        if (__builtin_mul_overflow(args[0]->as.integer, args[1]->as.integer, &product)) {
            return overflow(arena, "*", args, out, err);
        }
        *out = pbase_value_int(product);
    } else if (is_number(args[0]) && is_number(args[1])) {
        *out = pbase_value_float(real_of(args[0]) * real_of(args[1]));
    } else {
        *out = pbase_value_null();
    }
    return PBASE_OK;
}

/* Both numbers, the second not zero. */
static bool can_divide(const pbase_value *const *args)
{
    return is_number(args[0]) && is_number(args[1]) &&
           (is_int(args[1]) ? args[1]->as.integer != 0 : args[1]->as.real != 0.0);
}

pbase_status row_divide(const pbase_expression *node, pbase_arena *arena,
                        const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    (void)arena;
    (void)err;
    *out = can_divide(args) ? pbase_value_float(real_of(args[0]) / real_of(args[1]))
                            : pbase_value_null();
    return PBASE_OK;
}

pbase_status row_truncate(const pbase_expression *node, pbase_arena *arena,
                          const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    if (!can_divide(args)) {
        *out = pbase_value_null();
    } else if (is_int(args[0]) && is_int(args[1])) {
        if (args[0]->as.integer == INT64_MIN && args[1]->as.integer == -1) {
            return overflow(arena, "//", args, out, err);
        }
        *out = pbase_value_int(args[0]->as.integer / args[1]->as.integer);
    } else {
        *out = pbase_value_float(trunc(real_of(args[0]) / real_of(args[1])));
    }
    return PBASE_OK;
}

pbase_status row_remainder(const pbase_expression *node, pbase_arena *arena,
                           const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    (void)arena;
    (void)err;
    if (!can_divide(args)) {
        *out = pbase_value_null();
    } else if (is_int(args[0]) && is_int(args[1])) {
        bool is_minus_one = args[1]->as.integer == -1; /* INT64_MIN % -1 traps */
        *out = pbase_value_int(is_minus_one ? 0 : args[0]->as.integer % args[1]->as.integer);
    } else {
        *out = pbase_value_float(fmod(real_of(args[0]), real_of(args[1])));
    }
    return PBASE_OK;
}

pbase_status row_abs(const pbase_expression *node, pbase_arena *arena,
                     const pbase_value *const *args, pbase_value *out, pbase_error *err)
{
    (void)node;
    if (is_int(args[0]) && args[0]->as.integer < 0) {
        return row_negate(arena, args[0], out, err);
    }
    if (is_int(args[0])) {
        *out = *args[0];
    } else {
        *out = is_number(args[0]) ? pbase_value_float(fabs(args[0]->as.real)) : pbase_value_null();
    }
    return PBASE_OK;
}
