/* comparison.c - = <> < <= > >= <=>, between and in.
 *
 * A class is a kind, with int and float together. `=` across classes is false and `<` is null;
 * within a class both follow the total order of pbase_value_compare, so equal means the same for
 * comparisons, groups and keys. */
#include "expr/function.h"

static uint8_t class_of(uint8_t kind)
{
    return kind == PBASE_FLOAT ? (uint8_t)PBASE_INT : kind;
}

/* Below, at or above 0; both of one class. */
static inline int order(const pbase_value *a, const pbase_value *b)
{
    if (a->kind == PBASE_INT && b->kind == PBASE_INT) {
        return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    }
    return pbase_value_compare(a, b);
}

static inline bool holds(uint8_t code, int sign)
{
    switch (code) {
    case COMPARE_NE:
        return sign != 0;
    case COMPARE_LT:
        return sign < 0;
    case COMPARE_LE:
        return sign <= 0;
    case COMPARE_GT:
        return sign > 0;
    case COMPARE_GE:
        return sign >= 0;
    default:
        return sign == 0;
    }
}

static inline pbase_value compare(uint8_t code, const pbase_value *a, const pbase_value *b)
{
    if (a->kind == PBASE_CELL_ERROR || b->kind == PBASE_CELL_ERROR) {
        return a->kind == PBASE_CELL_ERROR ? *a : *b;
    }
    if (code != COMPARE_SAME && (a->kind == PBASE_NULL || b->kind == PBASE_NULL)) {
        return pbase_value_null();
    }
    if (class_of(a->kind) != class_of(b->kind)) {
        bool is_equality = code == COMPARE_EQ || code == COMPARE_NE || code == COMPARE_SAME;
        return is_equality ? pbase_value_bool(code == COMPARE_NE) : pbase_value_null();
    }
    return pbase_value_bool(holds(code, order(a, b)));
}

pbase_status kernel_compare(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                            pbase_vector *out, pbase_error *err)
{
    pbase_vector a, b;
    pbase_value *results = NULL;
    pbase_status status = expr_results(frame, &results, err);
    if (status == PBASE_OK) {
        status = expr_evaluate(node->args[0], frame, rows, &a, err);
    }
    if (status == PBASE_OK) {
        status = expr_evaluate(node->args[1], frame, rows, &b, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t code = node->function->code;
    for (uint32_t n = 0; n < rows->count; n++) {
        uint32_t row = expr_row(rows, n);
        results[row] = compare(code, pbase_vector_cell(&a, row), pbase_vector_cell(&b, row));
    }
    expr_release(frame, node->args[0], &a);
    expr_release(frame, node->args[1], &b);
    *out = expr_column(results);
    return PBASE_OK;
}

/* low and high of one row, combined as `and` does. */
static pbase_value between(uint8_t code, const pbase_value *x, const pbase_value *low,
                           const pbase_value *high)
{
    bool low_open = code == BETWEEN_OPEN || code == BETWEEN_LEFT_OPEN;
    bool high_open = code == BETWEEN_OPEN || code == BETWEEN_RIGHT_OPEN;
    pbase_value above = compare(low_open ? COMPARE_GT : COMPARE_GE, x, low);
    pbase_value below = compare(high_open ? COMPARE_LT : COMPARE_LE, x, high);
    if (above.kind == PBASE_BOOL && !above.as.boolean) {
        return above;
    }
    if (below.kind == PBASE_BOOL && (!below.as.boolean || above.kind == PBASE_BOOL)) {
        return below;
    }
    if (above.kind == PBASE_CELL_ERROR || below.kind == PBASE_BOOL) {
        return above;
    }
    return below.kind == PBASE_CELL_ERROR ? below : pbase_value_null();
}

pbase_status kernel_between(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                            pbase_vector *out, pbase_error *err)
{
    pbase_vector args[3];
    pbase_value *results = NULL;
    pbase_status status = expr_results(frame, &results, err);
    for (size_t i = 0; i < 3 && status == PBASE_OK; i++) {
        status = expr_evaluate(node->args[i], frame, rows, &args[i], err);
    }
    for (uint32_t n = 0; n < rows->count && status == PBASE_OK; n++) {
        uint32_t row = expr_row(rows, n);
        results[row] = between(node->function->code, pbase_vector_cell(&args[0], row),
                               pbase_vector_cell(&args[1], row), pbase_vector_cell(&args[2], row));
    }
    for (size_t i = 0; i < 3 && status == PBASE_OK; i++) {
        expr_release(frame, node->args[i], &args[i]);
    }
    *out = expr_column(results);
    return status;
}

/* The constants of an in-list, hashed. */
typedef struct {
    const pbase_value **buckets; /* open addressing; NULL: free */
    size_t mask;
    bool has_null;
} in_set;

static const pbase_value **in_set_find(const in_set *set, const pbase_value *value)
{
    size_t at = (size_t)pbase_value_hash(value) & set->mask;
    while (set->buckets[at] != NULL && pbase_value_compare(set->buckets[at], value) != 0) {
        at = (at + 1) & set->mask;
    }
    return &set->buckets[at];
}

/* A set when every listed value is constant, else nothing: then they are compared one by one. */
pbase_status prepare_in(const pbase_expression *node, pbase_arena *arena, const void **out,
                        pbase_error *err)
{
    size_t capacity = 4;
    while (capacity < 2 * node->arg_count) {
        capacity *= 2;
    }
    for (size_t i = 1; i < node->arg_count; i++) {
        if (node->args[i]->kind != BOUND_CONSTANT) {
            return PBASE_OK;
        }
    }
    in_set *set = pbase_arena_alloc(arena, sizeof *set);
    const pbase_value **buckets = pbase_arena_array(arena, capacity, sizeof *buckets);
    if (set == NULL || buckets == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a list of %zu values",
                          node->arg_count - 1);
    }
    memset(buckets, 0, capacity * sizeof *buckets);
    set->buckets = buckets;
    set->mask = capacity - 1;
    set->has_null = false;
    for (size_t i = 1; i < node->arg_count; i++) {
        const pbase_value *value = &node->args[i]->constant;
        set->has_null = set->has_null || value->kind == PBASE_NULL;
        if (value->kind != PBASE_NULL) {
            *in_set_find(set, value) = value;
        }
    }
    *out = set;
    return PBASE_OK;
}

static pbase_value in_constants(const in_set *set, const pbase_value *x)
{
    if (x->kind == PBASE_NULL || x->kind == PBASE_CELL_ERROR) {
        return *x;
    }
    bool is_found = *in_set_find(set, x) != NULL;
    return is_found || !set->has_null ? pbase_value_bool(is_found) : pbase_value_null();
}

static pbase_status in_constant_rows(const pbase_expression *node, const pbase_vector *x,
                                     const expr_rows *rows, pbase_value *results)
{
    for (uint32_t n = 0; n < rows->count; n++) {
        uint32_t row = expr_row(rows, n);
        results[row] = in_constants(node->prepared, pbase_vector_cell(x, row));
    }
    return PBASE_OK;
}

/* x = a or x = b or ...: the terms of `or`, in order. */
static pbase_status in_computed_rows(const pbase_expression *node, expr_frame *frame,
                                     const pbase_vector *x, const expr_rows *rows,
                                     pbase_value *results, pbase_error *err)
{
    for (uint32_t n = 0; n < rows->count; n++) {
        results[expr_row(rows, n)] = pbase_value_bool(false);
    }
    pbase_status status = PBASE_OK;
    for (size_t i = 1; i < node->arg_count && status == PBASE_OK; i++) {
        pbase_vector listed;
        status = expr_evaluate(node->args[i], frame, rows, &listed, err);
        for (uint32_t n = 0; n < rows->count && status == PBASE_OK; n++) {
            uint32_t row = expr_row(rows, n);
            pbase_value *result = &results[row];
            pbase_value term =
                compare(COMPARE_EQ, pbase_vector_cell(x, row), pbase_vector_cell(&listed, row));
            bool is_settled = result->kind == PBASE_BOOL && result->as.boolean;
            bool is_true = term.kind == PBASE_BOOL && term.as.boolean;
            if (!is_settled &&
                (is_true || (term.kind != PBASE_BOOL && result->kind != PBASE_CELL_ERROR))) {
                *result = term;
            }
        }
        if (status == PBASE_OK) {
            expr_release(frame, node->args[i], &listed);
        }
    }
    return status;
}

pbase_status kernel_in(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                       pbase_vector *out, pbase_error *err)
{
    pbase_vector x;
    pbase_value *results = NULL;
    pbase_status status = expr_results(frame, &results, err);
    if (status == PBASE_OK) {
        status = expr_evaluate(node->args[0], frame, rows, &x, err);
    }
    if (status == PBASE_OK) {
        status = node->prepared != NULL ? in_constant_rows(node, &x, rows, results)
                                        : in_computed_rows(node, frame, &x, rows, results, err);
    }
    if (status == PBASE_OK) {
        expr_release(frame, node->args[0], &x);
    }
    *out = expr_column(results);
    return status;
}
