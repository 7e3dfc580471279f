/* function.c - the table. */
#include "expr/function.h"
#include "base/nearest.h"

#define CALL EXPR_NOTATION_CALL, EXPR_PRECEDENCE_ATOM
#define INFIX(level) EXPR_NOTATION_INFIX, EXPR_PRECEDENCE_##level
#define OWN(level) EXPR_NOTATION_OWN, EXPR_PRECEDENCE_##level

static const expr_function functions[] = {
    /* name, symbol, kernel, row, prepare, least and most arguments, notation, flat, code */
    {"=", "=", kernel_compare, NULL, NULL, 2, 2, INFIX(COMPARE), false, COMPARE_EQ},
    {"<>", "<>", kernel_compare, NULL, NULL, 2, 2, INFIX(COMPARE), false, COMPARE_NE},
    {"<=>", "<=>", kernel_compare, NULL, NULL, 2, 2, INFIX(COMPARE), false, COMPARE_SAME},
    {"<", "<", kernel_compare, NULL, NULL, 2, 2, INFIX(COMPARE), false, COMPARE_LT},
    {"<=", "<=", kernel_compare, NULL, NULL, 2, 2, INFIX(COMPARE), false, COMPARE_LE},
    {">", ">", kernel_compare, NULL, NULL, 2, 2, INFIX(COMPARE), false, COMPARE_GT},
    {">=", ">=", kernel_compare, NULL, NULL, 2, 2, INFIX(COMPARE), false, COMPARE_GE},
    {"and", "and", kernel_and_or, NULL, NULL, 1, EXPR_ARGS_MAX, INFIX(AND), true, 0},
    {"or", "or", kernel_and_or, NULL, NULL, 1, EXPR_ARGS_MAX, INFIX(OR), true, 1},
    {"not", "not", kernel_not, NULL, NULL, 1, 1, EXPR_NOTATION_PREFIX, EXPR_PRECEDENCE_NOT, false,
     0},
    {"in", "in", kernel_in, NULL, prepare_in, 2, EXPR_ARGS_MAX, OWN(COMPARE), false, 0},
    {"between", "between", kernel_between, NULL, NULL, 3, 3, OWN(COMPARE), false, BETWEEN_CLOSED},
    {"between_open", NULL, kernel_between, NULL, NULL, 3, 3, CALL, false, BETWEEN_OPEN},
    {"between_left_open", NULL, kernel_between, NULL, NULL, 3, 3, CALL, false, BETWEEN_LEFT_OPEN},
    {"between_right_open", NULL, kernel_between, NULL, NULL, 3, 3, CALL, false, BETWEEN_RIGHT_OPEN},
    {"is_null", "is null", kernel_is_null, NULL, NULL, 1, 1, EXPR_NOTATION_POSTFIX,
     EXPR_PRECEDENCE_COMPARE, false, 0},
    {"not_null", "is not null", kernel_is_null, NULL, NULL, 1, 1, EXPR_NOTATION_POSTFIX,
     EXPR_PRECEDENCE_COMPARE, false, 1},
    {"exists", NULL, kernel_exists, NULL, NULL, 1, 1, CALL, false, 0},
    {"type", NULL, kernel_type, NULL, NULL, 1, 1, CALL, false, 0},
    {"like", "like", kernel_strict, row_like, prepare_like, 2, 2, INFIX(COMPARE), false, 0},
    {"ilike", "ilike", kernel_strict, row_like, prepare_like, 2, 2, INFIX(COMPARE), false, 1},
    {"starts_with", NULL, kernel_strict, row_starts_with, NULL, 2, 2, CALL, false, 0},
    {"ends_with", NULL, kernel_strict, row_ends_with, NULL, 2, 2, CALL, false, 0},
    {"contains", NULL, kernel_strict, row_contains, NULL, 2, 2, CALL, false, 0},
    {"+", "+", kernel_strict, row_add, NULL, 2, 2, INFIX(ADD), false, 0},
    {"-", "-", kernel_strict, row_subtract, NULL, 1, 2, INFIX(ADD), false, 0},
    {"*", "*", kernel_strict, row_multiply, NULL, 2, 2, INFIX(MULTIPLY), false, 0},
    {"/", "/", kernel_strict, row_divide, NULL, 2, 2, INFIX(MULTIPLY), false, 0},
    {"//", "//", kernel_strict, row_truncate, NULL, 2, 2, INFIX(MULTIPLY), false, 0},
    {"%", "%", kernel_strict, row_remainder, NULL, 2, 2, INFIX(MULTIPLY), false, 0},
    {"abs", NULL, kernel_strict, row_abs, NULL, 1, 1, CALL, false, 0},
    {"concat", "||", kernel_strict, row_concat, NULL, 1, EXPR_ARGS_MAX, CALL, true, 0},
    {"length", NULL, kernel_strict, row_length, NULL, 1, 1, CALL, false, 0},
    {"lower", NULL, kernel_strict, row_lower, NULL, 1, 1, CALL, false, 0},
    {"upper", NULL, kernel_strict, row_upper, NULL, 1, 1, CALL, false, 0},
    {"upper_ascii", NULL, kernel_strict, row_upper_ascii, NULL, 1, 1, CALL, false, 0},
    {"substr", NULL, kernel_strict, row_substr, NULL, 2, 3, CALL, false, 0},
    {"case", "case", kernel_case, NULL, NULL, 2, EXPR_ARGS_MAX, OWN(ATOM), false, 0},
    {"coalesce", NULL, kernel_coalesce, NULL, NULL, 1, EXPR_ARGS_MAX, CALL, false, 0},
    {"list_length", NULL, kernel_strict, row_list_length, NULL, 1, 1, CALL, false, 0},
};

const expr_function *function_find(pbase_bytes name, pbase_error *err)
{
    nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        pbase_bytes known = pbase_bytes_text(functions[i].name);
        if (pbase_bytes_equal(known, name)) {
            return &functions[i];
        }
        if (err != NULL) {
            nearest_offer(&near, known);
        }
    }
    nearest_hint(&near, err);
    return NULL;
}

const expr_function *function_named(const char *name)
{
    const expr_function *found = function_find(pbase_bytes_text(name), NULL);
    PBASE_ASSERT(found != NULL);
    return found;
}
