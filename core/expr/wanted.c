/* wanted.c - slots by linear search over few paths; extraction row by row, all paths in one pass. */
#include "expr/wanted.h"

#define CAPACITY_FIRST 16u

pbase_status wanted_create(pbase_arena *arena, pbase_wanted **out, pbase_error *err)
{
    pbase_wanted *self = pbase_arena_alloc(arena, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    memset(self, 0, sizeof *self);
    self->arena = arena;
    *out = self;
    return PBASE_OK;
}

static pbase_status wanted_grow(pbase_wanted *self, pbase_error *err)
{
    uint32_t capacity = self->capacity == 0 ? CAPACITY_FIRST : self->capacity * 2;
    pbase_path *paths = pbase_arena_array(self->arena, capacity, sizeof *paths);
    bool *is_existence = pbase_arena_array(self->arena, capacity, sizeof *is_existence);
    uint32_t *last_use = pbase_arena_array(self->arena, capacity, sizeof *last_use);
    if (paths == NULL || is_existence == NULL || last_use == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    if (self->count > 0) {
        memcpy(paths, self->paths, self->count * sizeof *paths);
        memcpy(is_existence, self->is_existence, self->count * sizeof *is_existence);
        memcpy(last_use, self->last_use, self->count * sizeof *last_use);
    }
    self->paths = paths;
    self->is_existence = is_existence;
    self->last_use = last_use;
    self->capacity = capacity;
    return PBASE_OK;
}

pbase_status wanted_add(pbase_wanted *self, const pbase_path *path, bool is_existence,
                        uint32_t position, uint32_t *out_slot, pbase_error *err)
{
    uint32_t slot = 0;
    while (slot < self->count &&
           (self->is_existence[slot] != is_existence || !path_equal(&self->paths[slot], path))) {
        slot++;
    }
    if (slot == WANTED_FIELDS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "the plan reads more than %u fields of a document",
                          WANTED_FIELDS_MAX);
    }
    if (slot == self->count) {
        pbase_status status = slot == self->capacity ? wanted_grow(self, err) : PBASE_OK;
        if (status != PBASE_OK) {
            return status;
        }
        self->paths[slot] = *path;
        self->is_existence[slot] = is_existence;
        self->last_use[slot] = 0;
        self->has_existence = self->has_existence || is_existence;
        self->count++;
    }
    if (position > self->last_use[slot]) {
        self->last_use[slot] = position;
    }
    *out_slot = slot;
    return PBASE_OK;
}

void wanted_whole(pbase_wanted *self, uint32_t position)
{
    if (position > self->whole_last_use) {
        self->whole_last_use = position;
    }
}

static void lookup_all(const pbase_wanted *wanted, const pbase_value *document, pbase_value *out)
{
    for (uint32_t slot = 0; slot < wanted->count; slot++) {
        const pbase_value *found = path_lookup(document, &wanted->paths[slot]);
        if (found != NULL) {
            out[slot] = *found;
        } else {
            out[slot].kind = PBASE_VALUE_MISSING;
        }
    }
}

/* What was found of one row, to its cells: missing reads as null, and exists() asks only that. */
static void deliver(const pbase_wanted *wanted, const pbase_value *found, pbase_value *cells,
                    uint32_t row_count, uint32_t row)
{
    for (uint32_t slot = 0; slot < wanted->count; slot++) {
        bool is_missing = found[slot].kind == PBASE_VALUE_MISSING;
        pbase_value *cell = &cells[(size_t)slot * row_count + row];
        if (wanted->is_existence[slot]) {
            *cell = pbase_value_bool(!is_missing);
        } else {
            *cell = is_missing ? pbase_value_null() : found[slot];
        }
    }
}

/* The columns of all slots, one behind the other. */
static pbase_status fields_create(const pbase_wanted *wanted, pbase_chunk *chunk,
                                  pbase_chunk_column *column, pbase_value **out, pbase_error *err)
{
    column->fields = pbase_arena_array(chunk->arena, wanted->count, sizeof *column->fields);
    pbase_value *cells =
        pbase_arena_array(chunk->arena, (size_t)wanted->count * chunk->row_count, sizeof *cells);
    if (column->fields == NULL || cells == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the fields of a chunk");
    }
    for (uint32_t slot = 0; slot < wanted->count; slot++) {
        column->fields[slot] = cells + (size_t)slot * chunk->row_count;
    }
    column->field_count = wanted->count;
    *out = cells;
    return PBASE_OK;
}

pbase_status wanted_extract(const pbase_column *column, pbase_chunk *chunk, size_t index,
                            pbase_error *err)
{
    const pbase_wanted *wanted = column->wanted;
    pbase_chunk_column *data = &chunk->columns[index];
    if (wanted == NULL || wanted->count == 0) {
        return PBASE_OK;
    }
    pbase_value *found = pbase_arena_array(chunk->arena, wanted->count, sizeof *found);
    if (found == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the fields of a chunk");
    }
    pbase_value *cells = NULL;
    pbase_status status = fields_create(wanted, chunk, data, &cells, err);
    for (uint32_t n = 0; n < chunk->selected_count && status == PBASE_OK; n++) {
        uint32_t row = pbase_chunk_row(chunk, n);
        const pbase_value *cell = &data->cells[row];
        if (cell->kind == PBASE_CELL_ENCODED) {
            status = data->reader->vtable->extract(data->reader, cell->as.string, wanted->paths,
                                                   wanted->count, chunk->arena, found, err);
        } else {
            lookup_all(wanted, cell, found);
        }
        if (status == PBASE_OK) {
            deliver(wanted, found, cells, chunk->row_count, row);
        }
    }
    return status;
}

/* How many of the first rows are not encoded. */
static uint32_t count_open(const pbase_value *cells, const uint16_t *rows, uint32_t count)
{
    uint32_t n = 0;
    while (n < count && cells[rows == NULL ? n : rows[n]].kind != PBASE_CELL_ENCODED) {
        n++;
    }
    return n;
}

pbase_status chunk_open_cells(pbase_chunk *chunk, size_t index, const uint16_t *rows,
                              uint32_t count, pbase_error *err)
{
    pbase_chunk_column *column = &chunk->columns[index];
    uint32_t first = column->reader == NULL ? count : count_open(column->cells, rows, count);
    if (first == count) {
        return PBASE_OK;
    }
    pbase_value *cells = pbase_arena_array(chunk->arena, chunk->row_count, sizeof *cells);
    if (cells == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the documents of a chunk");
    }
    memcpy(cells, column->cells, chunk->row_count * sizeof *cells);
    pbase_status status = PBASE_OK;
    for (uint32_t n = first; n < count && status == PBASE_OK; n++) {
        pbase_value *cell = &cells[rows == NULL ? n : rows[n]];
        if (cell->kind == PBASE_CELL_ENCODED) {
            status = column->reader->vtable->decode(column->reader, cell->as.string, chunk->arena,
                                                    cell, err);
        }
    }
    if (status == PBASE_OK) {
        column->cells = cells;
    }
    return status;
}
