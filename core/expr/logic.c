/* logic.c - three-valued logic and choice: kernels that compute each argument only for the rows
 * that still need it.
 *
 * and: false if any is false, else an error if any is one, else null if any is null (or not a
 * boolean), else true; or is its mirror. So a false term hides another's error. */
#include "expr/function.h"

/* Rows still open, in their order. */
typedef struct {
    uint16_t *numbers;
    uint32_t count;
} open_rows;

static pbase_status open_rows_create(expr_frame *frame, const expr_rows *rows, open_rows *out,
                                     pbase_error *err)
{
    out->numbers = pbase_arena_array(frame->arena, rows->count, sizeof *out->numbers);
    if (out->numbers == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a selection of rows");
    }
    for (uint32_t n = 0; n < rows->count; n++) {
        out->numbers[n] = (uint16_t)expr_row(rows, n);
    }
    out->count = rows->count;
    return PBASE_OK;
}

static expr_rows rows_of(const open_rows *open)
{
    expr_rows rows = {open->numbers, open->count};
    return rows;
}

static pbase_status results_begin(expr_frame *frame, const expr_rows *rows, pbase_value initial,
                                  pbase_value **out_results, open_rows *out_open, pbase_error *err)
{
    pbase_status status = expr_results(frame, out_results, err);
    if (status == PBASE_OK) {
        status = open_rows_create(frame, rows, out_open, err);
    }
    for (uint32_t n = 0; n < rows->count && status == PBASE_OK; n++) {
        (*out_results)[expr_row(rows, n)] = initial;
    }
    return status;
}

enum { LOGIC_AND, LOGIC_OR }; /* codes of kernel_and_or */

/* Takes one term into a row's result; true while further terms matter. */
static bool combine(pbase_value *result, const pbase_value *term, bool deciding)
{
    if (term->kind == PBASE_BOOL && term->as.boolean == deciding) {
        *result = *term;
        return false;
    }
    if (term->kind == PBASE_CELL_ERROR && result->kind != PBASE_CELL_ERROR) {
        *result = *term;
    } else if (term->kind != PBASE_BOOL && result->kind == PBASE_BOOL) {
        *result = pbase_value_null();
    }
    return true;
}

pbase_status kernel_and_or(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                           pbase_vector *out, pbase_error *err)
{
    bool deciding = node->function->code == LOGIC_OR;
    pbase_value *results = NULL;
    open_rows open;
    pbase_status status =
        results_begin(frame, rows, pbase_value_bool(!deciding), &results, &open, err);
    for (size_t i = 0; i < node->arg_count && status == PBASE_OK && open.count > 0; i++) {
        pbase_vector terms;
        expr_rows still = rows_of(&open);
        status = expr_evaluate(node->args[i], frame, &still, &terms, err);
        uint32_t kept = 0;
        for (uint32_t n = 0; n < open.count && status == PBASE_OK; n++) {
            uint16_t row = open.numbers[n];
            if (combine(&results[row], pbase_vector_cell(&terms, row), deciding)) {
                open.numbers[kept++] = row;
            }
        }
        open.count = kept;
        if (status == PBASE_OK) {
            expr_release(frame, node->args[i], &terms);
        }
    }
    *out = expr_column(results);
    return status;
}

pbase_status kernel_not(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                        pbase_vector *out, pbase_error *err)
{
    pbase_vector terms;
    pbase_value *results = NULL;
    pbase_status status = expr_results(frame, &results, err);
    if (status == PBASE_OK) {
        status = expr_evaluate(node->args[0], frame, rows, &terms, err);
    }
    for (uint32_t n = 0; n < rows->count && status == PBASE_OK; n++) {
        uint32_t row = expr_row(rows, n);
        const pbase_value *term = pbase_vector_cell(&terms, row);
        if (term->kind == PBASE_BOOL) {
            results[row] = pbase_value_bool(!term->as.boolean);
        } else {
            results[row] = term->kind == PBASE_CELL_ERROR ? *term : pbase_value_null();
        }
    }
    if (status == PBASE_OK) {
        expr_release(frame, node->args[0], &terms);
    }
    *out = expr_column(results);
    return status;
}

pbase_status kernel_is_null(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                            pbase_vector *out, pbase_error *err)
{
    bool wants_null = node->function->code == 0;
    pbase_vector terms;
    pbase_value *results = NULL;
    pbase_status status = expr_results(frame, &results, err);
    if (status == PBASE_OK) {
        status = expr_evaluate(node->args[0], frame, rows, &terms, err);
    }
    for (uint32_t n = 0; n < rows->count && status == PBASE_OK; n++) {
        uint32_t row = expr_row(rows, n);
        const pbase_value *term = pbase_vector_cell(&terms, row);
        results[row] = term->kind == PBASE_CELL_ERROR
                           ? *term
                           : pbase_value_bool((term->kind == PBASE_NULL) == wants_null);
    }
    if (status == PBASE_OK) {
        expr_release(frame, node->args[0], &terms);
    }
    *out = expr_column(results);
    return status;
}

pbase_status kernel_exists(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                           pbase_vector *out, pbase_error *err)
{
    (void)node;
    (void)frame;
    (void)rows;
    (void)out;
    return PBASE_FAIL(err, PBASE_INTERNAL, "exists() was not resolved when it was bound");
}

/* Writes `values` to the results of `taken`. */
static void assign(pbase_value *results, const pbase_vector *values, const open_rows *taken)
{
    for (uint32_t n = 0; n < taken->count; n++) {
        results[taken->numbers[n]] = *pbase_vector_cell(values, taken->numbers[n]);
    }
}

/* Splits the open rows by a condition: true ones to `taken`, errors settled, others stay open. */
static void split(open_rows *open, const pbase_vector *condition, pbase_value *results,
                  open_rows *taken)
{
    uint32_t kept = 0;
    taken->count = 0;
    for (uint32_t n = 0; n < open->count; n++) {
        uint16_t row = open->numbers[n];
        const pbase_value *cell = pbase_vector_cell(condition, row);
        if (cell->kind == PBASE_BOOL && cell->as.boolean) {
            taken->numbers[taken->count++] = row;
        } else if (cell->kind == PBASE_CELL_ERROR) {
            results[row] = *cell;
        } else {
            open->numbers[kept++] = row;
        }
    }
    open->count = kept;
}

/* The value at args[index] for `taken`, into the results. */
static pbase_status choose(const pbase_expression *node, size_t index, expr_frame *frame,
                           const open_rows *taken, pbase_value *results, pbase_error *err)
{
    if (taken->count == 0) {
        return PBASE_OK;
    }
    pbase_vector values;
    expr_rows rows = rows_of(taken);
    pbase_status status = expr_evaluate(node->args[index], frame, &rows, &values, err);
    if (status == PBASE_OK) {
        assign(results, &values, taken);
        expr_release(frame, node->args[index], &values);
    }
    return status;
}

/* Arguments: condition, value, condition, value, ..., and a default if their number is odd. */
pbase_status kernel_case(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                         pbase_vector *out, pbase_error *err)
{
    pbase_value *results = NULL;
    open_rows open, taken;
    pbase_status status = results_begin(frame, rows, pbase_value_null(), &results, &open, err);
    if (status == PBASE_OK) {
        status = open_rows_create(frame, rows, &taken, err);
    }
    size_t pairs = node->arg_count / 2;
    for (size_t i = 0; i < pairs && status == PBASE_OK && open.count > 0; i++) {
        pbase_vector condition;
        expr_rows still = rows_of(&open);
        status = expr_evaluate(node->args[2 * i], frame, &still, &condition, err);
        if (status == PBASE_OK) {
            split(&open, &condition, results, &taken);
            expr_release(frame, node->args[2 * i], &condition);
            status = choose(node, 2 * i + 1, frame, &taken, results, err);
        }
    }
    if (status == PBASE_OK && node->arg_count % 2 == 1) {
        status = choose(node, node->arg_count - 1, frame, &open, results, err);
    }
    *out = expr_column(results);
    return status;
}

pbase_status kernel_coalesce(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                             pbase_vector *out, pbase_error *err)
{
    pbase_value *results = NULL;
    open_rows open;
    pbase_status status = results_begin(frame, rows, pbase_value_null(), &results, &open, err);
    for (size_t i = 0; i < node->arg_count && status == PBASE_OK && open.count > 0; i++) {
        pbase_vector values;
        expr_rows still = rows_of(&open);
        status = expr_evaluate(node->args[i], frame, &still, &values, err);
        uint32_t kept = 0;
        for (uint32_t n = 0; n < open.count && status == PBASE_OK; n++) {
            uint16_t row = open.numbers[n];
            results[row] = *pbase_vector_cell(&values, row);
            if (results[row].kind == PBASE_NULL) {
                open.numbers[kept++] = row;
            }
        }
        open.count = kept;
        if (status == PBASE_OK) {
            expr_release(frame, node->args[i], &values);
        }
    }
    *out = expr_column(results);
    return status;
}
