/* row.c - columns merged into one map: a named column replaces the document's field of its name. */
#include "query/row.h"
#include "expr/wanted.h"
#include "query/chunk.h"

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a row");
}

bool row_is_open(const pbase_schema *schema)
{
    return schema->count > 0 && schema->columns[0].name.size == 0;
}

static size_t column_named(const pbase_schema *schema, pbase_bytes name)
{
    size_t c = 1;
    while (c < schema->count && !pbase_bytes_equal(schema->columns[c].name, name)) {
        c++;
    }
    return c;
}

/* The document's fields, each replaced by the column of its name, then the other columns. */
static pbase_status merge_row(const pbase_schema *schema, const pbase_chunk *chunk, uint32_t row,
                              pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    const pbase_value *document = &chunk->columns[0].cells[row];
    size_t own = document->kind == PBASE_MAP ? document->as.map.count : 0, count = 0;
    pbase_field *fields = pbase_arena_array(arena, own + schema->count, sizeof *fields);
    bool *is_given = pbase_arena_array(arena, schema->count, sizeof *is_given);
    if (fields == NULL || is_given == NULL) {
        return no_memory(err);
    }
    memset(is_given, 0, schema->count * sizeof *is_given);
    for (size_t i = 0; i < own; i++) {
        size_t c = column_named(schema, document->as.map.fields[i].name);
        fields[count] = document->as.map.fields[i];
        if (c < schema->count) {
            fields[count].value = chunk->columns[c].cells[row];
            is_given[c] = true;
        }
        count++;
    }
    for (size_t c = 1; c < schema->count; c++) {
        if (!is_given[c]) {
            fields[count].name = schema->columns[c].name;
            fields[count++].value = chunk->columns[c].cells[row];
        }
    }
    *out = pbase_value_map(fields, count);
    return PBASE_OK;
}

static pbase_status map_row(const pbase_schema *schema, const pbase_chunk *chunk, uint32_t row,
                            pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    pbase_field *fields = pbase_arena_array(arena, schema->count, sizeof *fields);
    if (fields == NULL) {
        return no_memory(err);
    }
    for (size_t c = 0; c < schema->count; c++) {
        fields[c].name = schema->columns[c].name;
        fields[c].value = chunk->columns[c].cells[row];
    }
    *out = pbase_value_map(fields, schema->count);
    return PBASE_OK;
}

pbase_status row_value(const pbase_schema *schema, const pbase_chunk *chunk, uint32_t row,
                       pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    if (!row_is_open(schema)) {
        return map_row(schema, chunk, row, arena, out, err);
    }
    if (schema->count > 1) {
        return merge_row(schema, chunk, row, arena, out, err);
    }
    *out = chunk->columns[0].cells[row];
    return PBASE_OK;
}

static pbase_status raise_column(const pbase_chunk *chunk, size_t column, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (uint32_t n = 0; n < chunk->selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(chunk, n);
        status = pbase_cell_raise(&chunk->columns[column].cells[row], err);
    }
    return status;
}

pbase_status row_open_all(pbase_chunk *chunk, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t c = 0; c < chunk->column_count && status == PBASE_OK; c++) {
        status = chunk_open_cells(chunk, c, chunk->selection, chunk->selected_count, err);
        if (status == PBASE_OK) {
            status = raise_column(chunk, c, err);
        }
    }
    return status;
}

pbase_status row_pack(const pbase_schema *schema, const pbase_chunk *in, pbase_chunk *out,
                      pbase_error *err)
{
    pbase_chunk opened = *in;
    pbase_value *cells = NULL;
    chunk_share(out, in);
    if (schema->count == 1 && row_is_open(schema)) {
        return PBASE_OK;
    }
    opened.arena = out->arena;
    opened.columns = pbase_arena_array(out->arena, in->column_count, sizeof *opened.columns);
    if (opened.columns == NULL) {
        return no_memory(err);
    }
    memcpy(opened.columns, in->columns, in->column_count * sizeof *opened.columns);
    pbase_status status = row_open_all(&opened, err);
    if (status == PBASE_OK) {
        status = chunk_columns(out, 1, err);
    }
    if (status == PBASE_OK) {
        status = chunk_cells(out, &cells, err);
    }
    for (uint32_t n = 0; n < in->selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(in, n);
        status = row_value(schema, &opened, row, out->arena, &cells[row], err);
    }
    if (status == PBASE_OK) {
        out->columns[0].cells = cells;
    }
    return status;
}

void row_want_all(pbase_binder *binder)
{
    for (size_t i = 0; i < binder->input->count; i++) {
        binder->services->want(binder, i);
    }
}
