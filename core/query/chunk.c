/* chunk.c - columns in the chunk's arena; kept rows are rows of cells, not columns. */
#include "query/chunk.h"
#include "expr/wanted.h"

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a chunk of rows");
}

void chunk_init(pbase_chunk *chunk, pbase_arena *arena)
{
    memset(chunk, 0, sizeof *chunk);
    chunk->struct_size = sizeof *chunk;
    chunk->arena = arena;
}

pbase_status chunk_columns(pbase_chunk *chunk, size_t count, pbase_error *err)
{
    pbase_chunk_column *columns = pbase_arena_array(chunk->arena, count, sizeof *columns);
    if (columns == NULL) {
        return no_memory(err);
    }
    memset(columns, 0, count * sizeof *columns);
    chunk->columns = columns;
    chunk->column_count = (uint32_t)count;
    return PBASE_OK;
}

pbase_status chunk_cells(pbase_chunk *chunk, pbase_value **out, pbase_error *err)
{
    pbase_value *cells = pbase_arena_array(chunk->arena, chunk->row_count, sizeof *cells);
    if (cells == NULL) {
        return no_memory(err);
    }
    *out = cells;
    return PBASE_OK;
}

void chunk_share(pbase_chunk *out, const pbase_chunk *in)
{
    pbase_arena *arena = out->arena;
    *out = *in;
    out->arena = arena;
}

pbase_status chunk_column_of(pbase_chunk *chunk, const pbase_vector *vector,
                             const pbase_value **out, pbase_error *err)
{
    pbase_value *cells = NULL;
    if (vector->mask != 0) {
        *out = vector->cells;
        return PBASE_OK;
    }
    pbase_status status = chunk_cells(chunk, &cells, err);
    for (uint32_t n = 0; n < chunk->selected_count && status == PBASE_OK; n++) {
        cells[pbase_chunk_row(chunk, n)] = vector->cells[0];
    }
    if (status == PBASE_OK) {
        *out = cells;
    }
    return status;
}

pbase_status cell_copy(const pbase_value *cell, pbase_arena *arena, pbase_value *out,
                       pbase_error *err)
{
    bool is_bytes = cell->kind == PBASE_STRING || cell->kind == PBASE_BYTES ||
                    cell->kind == PBASE_CELL_ENCODED || cell->kind == PBASE_CELL_ERROR;
    bool is_tree =
        cell->kind == PBASE_LIST || cell->kind == PBASE_MAP || cell->kind == PBASE_VECTOR;
    if (is_tree) {
        return pbase_value_copy(cell, arena, out, err);
    }
    *out = *cell;
    return is_bytes ? pbase_arena_copy(arena, cell->as.string, &out->as.string, err) : PBASE_OK;
}

/* --- kept rows --------------------------------------------------------------------------------- */

/* Appends the parts of one column to `parts` (NULL: only counts them). */
static uint32_t column_parts(const pbase_column *column, uint32_t index, uint32_t position,
                             row_part *parts)
{
    const pbase_wanted *wanted = column->wanted;
    uint32_t count = 0;
    if (wanted == NULL || wanted->whole_last_use > position) {
        if (parts != NULL) {
            parts[count] = (row_part){index, ROW_LAYOUT_WHOLE};
        }
        count++;
    }
    for (uint32_t slot = 0; wanted != NULL && slot < wanted->count; slot++) {
        if (wanted->last_use[slot] > position) {
            if (parts != NULL) {
                parts[count] = (row_part){index, slot};
            }
            count++;
        }
    }
    return count;
}

pbase_status row_layout_make(const pbase_schema *schema, uint32_t position, pbase_arena *arena,
                             row_layout *out, pbase_error *err)
{
    uint32_t width = 0, at = 0;
    for (uint32_t i = 0; i < schema->count; i++) {
        width += column_parts(&schema->columns[i], i, position, NULL);
    }
    row_part *parts = pbase_arena_array(arena, width, sizeof *parts);
    if (parts == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < schema->count; i++) {
        at += column_parts(&schema->columns[i], i, position, parts + at);
    }
    out->parts = parts;
    out->width = width;
    out->columns = schema->columns;
    out->column_count = (uint32_t)schema->count;
    return PBASE_OK;
}

pbase_status row_layout_keep(const row_layout *layout, const pbase_chunk *chunk, uint32_t row,
                             pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; i < layout->width && status == PBASE_OK; i++) {
        const pbase_chunk_column *column = &chunk->columns[layout->parts[i].column];
        uint32_t slot = layout->parts[i].slot;
        const pbase_value *cells = slot == ROW_LAYOUT_WHOLE ? column->cells : column->fields[slot];
        status = cell_copy(&cells[row], arena, &out[i], err);
    }
    return status;
}

/* Room for the fields of column `index`, those that are not carried NULL. */
static pbase_status prepare_fields(const row_layout *layout, uint32_t index,
                                   pbase_chunk_column *column, pbase_arena *arena, pbase_error *err)
{
    const pbase_wanted *wanted = layout->columns[index].wanted;
    if (wanted == NULL || wanted->count == 0) {
        return PBASE_OK;
    }
    column->fields = pbase_arena_array(arena, wanted->count, sizeof *column->fields);
    if (column->fields == NULL) {
        return no_memory(err);
    }
    memset(column->fields, 0, wanted->count * sizeof *column->fields);
    column->field_count = wanted->count;
    return PBASE_OK;
}

static const pbase_value **part_place(const row_part *part, pbase_chunk *chunk, size_t first)
{
    pbase_chunk_column *column = &chunk->columns[first + part->column];
    return part->slot == ROW_LAYOUT_WHOLE ? &column->cells : &column->fields[part->slot];
}

/* What a part of a row that is not there holds: null, and nothing exists. */
static pbase_value absent_part(const row_layout *layout, const row_part *part)
{
    const pbase_wanted *wanted = layout->columns[part->column].wanted;
    bool asks = part->slot != ROW_LAYOUT_WHOLE && wanted->is_existence[part->slot];
    return asks ? pbase_value_bool(false) : pbase_value_null();
}

pbase_status row_layout_fill(const row_layout *layout, const pbase_value *const *rows,
                             const pbase_row_reader *const *readers, pbase_chunk *out, size_t first,
                             pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; i < layout->column_count && status == PBASE_OK; i++) {
        out->columns[first + i].reader = readers[i];
        status = prepare_fields(layout, i, &out->columns[first + i], out->arena, err);
    }
    for (uint32_t i = 0; i < layout->width && status == PBASE_OK; i++) {
        const pbase_value absent = absent_part(layout, &layout->parts[i]);
        pbase_value *cells = NULL;
        status = chunk_cells(out, &cells, err);
        for (uint32_t row = 0; row < out->row_count && status == PBASE_OK; row++) {
            cells[row] = rows[row] == NULL ? absent : rows[row][i];
        }
        *part_place(&layout->parts[i], out, first) = cells;
    }
    return status;
}

pbase_status row_layout_gather(const row_layout *layout, const pbase_chunk *in,
                               const uint32_t *rows, pbase_chunk *out, size_t first,
                               pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; i < layout->column_count && status == PBASE_OK; i++) {
        out->columns[first + i].reader = in == NULL ? NULL : in->columns[i].reader;
        status = prepare_fields(layout, i, &out->columns[first + i], out->arena, err);
    }
    for (uint32_t i = 0; i < layout->width && status == PBASE_OK; i++) {
        const row_part *part = &layout->parts[i];
        const pbase_value absent = absent_part(layout, part);
        const pbase_value *from = NULL;
        pbase_value *cells = NULL;
        if (in != NULL) {
            const pbase_chunk_column *column = &in->columns[part->column];
            from = part->slot == ROW_LAYOUT_WHOLE ? column->cells : column->fields[part->slot];
        }
        status = chunk_cells(out, &cells, err);
        for (uint32_t row = 0; row < out->row_count && status == PBASE_OK; row++) {
            cells[row] = rows[row] == ROW_NONE ? absent : from[rows[row]];
        }
        *part_place(part, out, first) = cells;
    }
    return status;
}

pbase_status row_layout_emit(const row_layout *layout, const pbase_value *const *rows,
                             uint32_t count, const pbase_row_reader *const *readers,
                             pbase_chunk *out, pbase_error *err)
{
    pbase_status status = chunk_columns(out, layout->column_count, err);
    out->row_count = out->selected_count = count;
    return status == PBASE_OK ? row_layout_fill(layout, rows, readers, out, 0, err) : status;
}
