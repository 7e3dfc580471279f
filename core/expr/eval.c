/* eval.c - computes bound expressions for the selected rows of a chunk, a node at a time.
 *
 * Constants and columns are lent without a copy; calls fill a fresh column in the frame's arena. */
#include "expr/function.h"
#include "expr/wanted.h"
#include <stdio.h>

pbase_status expr_results(expr_frame *frame, pbase_value **out, pbase_error *err)
{
    if (frame->spare_count > 0) {
        *out = frame->spare[--frame->spare_count];
        return PBASE_OK;
    }
    pbase_value *cells = pbase_arena_array(frame->arena, frame->row_count, sizeof *cells);
    if (cells == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the results of an expression");
    }
    *out = cells;
    return PBASE_OK;
}

void expr_release(expr_frame *frame, const pbase_expression *node, const pbase_vector *vector)
{
    /* Only calls fill a column of their own; it came from expr_results and is ours to write. */
    if (node->kind == BOUND_CALL && vector->mask != 0 && frame->spare_count < EXPR_SPARE_MAX) {
        frame->spare[frame->spare_count++] = (pbase_value *)(uintptr_t)vector->cells;
    }
}

pbase_status expr_error_cell(pbase_arena *arena, pbase_value *out, pbase_error *err,
                             const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t kept = size < 0 ? 0 : (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
    pbase_bytes copy = pbase_bytes_of(NULL, 0);
    pbase_status status = pbase_arena_copy(arena, pbase_bytes_of(text, kept), &copy, err);
    if (status == PBASE_OK) {
        *out = pbase_value_string(copy);
        out->kind = PBASE_CELL_ERROR;
    }
    return status;
}

/* A cell's part at `rest`, or whether there is one. Errors stay errors. */
static pbase_value look_inside(const pbase_expression *node, const pbase_value *cell)
{
    if (cell->kind == PBASE_CELL_ERROR) {
        return *cell;
    }
    const pbase_value *found = path_lookup(cell, &node->rest);
    if (node->asks_existence) {
        return pbase_value_bool(found != NULL);
    }
    return found == NULL ? pbase_value_null() : *found;
}

static pbase_status evaluate_column(const pbase_expression *node, expr_frame *frame,
                                    const expr_rows *rows, pbase_vector *out, pbase_error *err)
{
    pbase_status status =
        chunk_open_cells(frame->chunk, node->column, rows->selection, rows->count, err);
    const pbase_value *cells = frame->chunk->columns[node->column].cells;
    if (status == PBASE_OK && (node->rest.count > 0 || node->asks_existence)) {
        pbase_value *results = NULL;
        status = expr_results(frame, &results, err);
        for (uint32_t n = 0; n < rows->count && status == PBASE_OK; n++) {
            uint32_t row = expr_row(rows, n);
            results[row] = look_inside(node, &cells[row]);
        }
        cells = results;
    }
    if (status == PBASE_OK) {
        *out = expr_column(cells);
    }
    return status;
}

pbase_status expr_evaluate(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                           pbase_vector *out, pbase_error *err)
{
    switch (node->kind) {
    case BOUND_CONSTANT:
        *out = expr_constant(&node->constant);
        return PBASE_OK;
    case BOUND_COLUMN:
        return evaluate_column(node, frame, rows, out, err);
    case BOUND_FIELD:
        *out = expr_column(frame->chunk->columns[node->column].fields[node->slot]);
        return PBASE_OK;
    case BOUND_CALL:
        break;
    }
    return node->function->kernel(node, frame, rows, out, err);
}

/* Points `args` at one row's arguments. Returns the one that settles the result: an error before a
 * null, NULL when there is neither. */
static const pbase_value *gather(const pbase_vector *vectors, size_t count, uint32_t row,
                                 const pbase_value **args)
{
    const pbase_value *settled = NULL;
    for (size_t i = 0; i < count; i++) {
        args[i] = pbase_vector_cell(&vectors[i], row);
        if (args[i]->kind == PBASE_CELL_ERROR || (args[i]->kind == PBASE_NULL && settled == NULL)) {
            settled = settled != NULL && settled->kind == PBASE_CELL_ERROR ? settled : args[i];
        }
    }
    return settled;
}

pbase_status kernel_strict(const pbase_expression *node, expr_frame *frame, const expr_rows *rows,
                           pbase_vector *out, pbase_error *err)
{
    size_t count = node->arg_count;
    pbase_vector *vectors = pbase_arena_array(frame->arena, count, sizeof *vectors);
    const pbase_value **args = pbase_arena_array(frame->arena, count, sizeof *args);
    if (vectors == NULL || args == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the arguments of an expression");
    }
    pbase_value *results = NULL;
    pbase_status status = expr_results(frame, &results, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = expr_evaluate(node->args[i], frame, rows, &vectors[i], err);
    }
    for (uint32_t n = 0; n < rows->count && status == PBASE_OK; n++) {
        uint32_t row = expr_row(rows, n);
        const pbase_value *settled = gather(vectors, count, row, args);
        if (settled != NULL) {
            results[row] = *settled;
        } else {
            status = node->function->row(node, frame->arena, args, &results[row], err);
        }
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        expr_release(frame, node->args[i], &vectors[i]);
    }
    if (status == PBASE_OK) {
        *out = expr_column(results);
    }
    return status;
}
