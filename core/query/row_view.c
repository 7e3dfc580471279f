/* row_view.c - every path that is wanted of a row, traced to the column it lies in. */
#include "expr/path.h"
#include "expr/wanted.h"
#include "query/chunk.h"
#include "query/row.h"

pbase_status row_view_bind(row_view *self, const pbase_schema *input, pbase_bytes name,
                           pbase_binder *binder, pbase_column *out, pbase_error *err)
{
    memset(self, 0, sizeof *self);
    self->input = *input;
    self->column = out;
    return binder->services->document(binder, name, out, err);
}

/* The named column that the path begins with, else the nameless one, else none. */
static uint32_t column_of(const pbase_schema *schema, const pbase_path *path)
{
    uint32_t found = row_is_open(schema) ? 0 : UINT32_MAX;
    for (size_t i = 0; i < schema->count && path->steps[0].name.data != NULL; i++) {
        if (schema->columns[i].name.size > 0 &&
            pbase_bytes_equal(schema->columns[i].name, path->steps[0].name)) {
            found = (uint32_t)i;
        }
    }
    return found;
}

static pbase_status trace(row_view *self, uint32_t slot, pbase_binder *binder, pbase_error *err)
{
    const pbase_wanted *wanted = self->column->wanted;
    row_view_field *field = &self->fields[slot];
    field->column = column_of(&self->input, &wanted->paths[slot]);
    field->slot = ROW_LAYOUT_WHOLE;
    if (field->column == UINT32_MAX) {
        return PBASE_OK;
    }
    const pbase_column *column = &self->input.columns[field->column];
    field->rest = path_after(&wanted->paths[slot], column->name.size == 0 ? 0 : 1);
    if (column->wanted == NULL) {
        return PBASE_OK;
    }
    if (field->rest.count > 0) {
        return wanted_add(column->wanted, &field->rest, wanted->is_existence[slot],
                          binder->position, &field->slot, err);
    }
    wanted_whole(column->wanted, binder->position);
    return PBASE_OK;
}

pbase_status row_view_settle(row_view *self, pbase_binder *binder, pbase_error *err)
{
    const pbase_wanted *wanted = self->column->wanted;
    pbase_binder over = *binder;
    over.input = &self->input;
    self->is_whole = wanted->whole_last_use > 0;
    self->fields = pbase_arena_array(binder->arena, wanted->count, sizeof *self->fields);
    if (self->fields == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    memset(self->fields, 0, wanted->count * sizeof *self->fields);
    if (self->is_whole) {
        row_want_all(&over);
    }
    pbase_status status = PBASE_OK;
    for (uint32_t slot = 0; slot < wanted->count && status == PBASE_OK; slot++) {
        status = trace(self, slot, binder, err);
    }
    return status;
}

/* A cell's part, or whether it is there; an ERROR stays one. */
static pbase_value part_of(const pbase_value *cell, const pbase_path *rest, bool asks_existence)
{
    if (cell->kind == PBASE_CELL_ERROR) {
        return *cell;
    }
    const pbase_value *found = path_lookup(cell, rest);
    return asks_existence  ? pbase_value_bool(found != NULL)
           : found == NULL ? pbase_value_null()
                           : *found;
}

static pbase_status view_field(const row_view *self, uint32_t slot, const pbase_chunk *in,
                               pbase_chunk *opened, const pbase_value **out, pbase_error *err)
{
    const row_view_field *field = &self->fields[slot];
    bool asks = self->column->wanted->is_existence[slot];
    const pbase_value absent = asks ? pbase_value_bool(false) : pbase_value_null();
    pbase_value *cells = NULL;
    if (field->column != UINT32_MAX && field->slot != ROW_LAYOUT_WHOLE) {
        *out = in->columns[field->column].fields[field->slot];
        return PBASE_OK;
    }
    pbase_status status = chunk_cells(opened, &cells, err);
    if (status == PBASE_OK && field->column != UINT32_MAX) {
        status = chunk_open_cells(opened, field->column, in->selection, in->selected_count, err);
    }
    for (uint32_t n = 0; n < in->selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(in, n);
        cells[row] = field->column == UINT32_MAX
                         ? absent
                         : part_of(&opened->columns[field->column].cells[row], &field->rest, asks);
    }
    *out = cells;
    return status;
}

/* The rows of `in` with columns that may be opened without a change to those. */
static pbase_status open_begin(const pbase_chunk *in, pbase_arena *arena, pbase_chunk *out,
                               pbase_error *err)
{
    chunk_init(out, arena);
    chunk_share(out, in);
    pbase_status status = chunk_columns(out, in->column_count, err);
    if (status == PBASE_OK && in->column_count > 0) {
        memcpy(out->columns, in->columns, in->column_count * sizeof *out->columns);
    }
    return status;
}

pbase_status row_view_apply(const row_view *self, const pbase_chunk *in, pbase_chunk *out,
                            pbase_error *err)
{
    const pbase_wanted *wanted = self->column->wanted;
    pbase_chunk opened, whole = *out;
    const pbase_value *cells = NULL;
    pbase_status status = open_begin(in, out->arena, &opened, err);
    if (status == PBASE_OK && self->is_whole) {
        status = row_pack(&self->input, in, &whole, err);
        cells = status == PBASE_OK ? whole.columns[0].cells : NULL;
    }
    chunk_share(out, in);
    if (status == PBASE_OK) {
        status = chunk_columns(out, 1, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    const pbase_value **fields =
        pbase_arena_array(out->arena, wanted->count, sizeof *out->columns[0].fields);
    if (fields == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the fields of a chunk");
    }
    for (uint32_t slot = 0; slot < wanted->count && status == PBASE_OK; slot++) {
        status = view_field(self, slot, in, &opened, &fields[slot], err);
    }
    out->columns[0].cells = cells;
    out->columns[0].fields = fields;
    out->columns[0].field_count = wanted->count;
    return status;
}
