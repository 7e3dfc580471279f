/* join_keys.c - join: the keys it lends to those who read one of its inputs by them. */
#include "query/group_table.h"
#include "query/operators/join.h"
#include "query/operators/operators.h"

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the keys of a join");
}

/* The keys of a left row; false: one of them is null, so it matches nothing. */
static bool keys_of_row(const join *self, uint32_t row, pbase_value *out)
{
    for (size_t i = 0; i < self->node->key_count; i++) {
        out[i] = *pbase_vector_cell(&self->keys[i], row);
        if (out[i].kind == PBASE_NULL) {
            return false;
        }
    }
    return true;
}

/* Takes the next run of left rows, longer than the one before. */
static pbase_status next_run(join *self, pbase_arena *arena, join_key_list *out, pbase_error *err)
{
    uint32_t left = self->left.selected_count - self->at, count = 0;
    uint32_t rows = self->run_rows < left ? self->run_rows : left;
    size_t width = self->node->key_count;
    pbase_value *tuples = pbase_arena_array(arena, rows * width, sizeof *tuples);
    if (tuples == NULL) {
        return no_memory(err);
    }
    for (uint32_t n = 0; n < rows; n++) {
        uint32_t row = pbase_chunk_row(&self->left, self->at + n);
        count += keys_of_row(self, row, tuples + count * width);
    }
    self->until = self->at + rows;
    self->run_rows = self->run_rows < PBASE_CHUNK_ROWS ? self->run_rows * 2 : self->run_rows;
    join_table_clear(&self->table);
    *out = (join_key_list){tuples, count, width};
    return PBASE_OK;
}

pbase_status join_next_keys(void *shared, pbase_chunk *in, pbase_arena *arena, join_key_list *out,
                            bool *out_needs, pbase_error *err)
{
    join *self = shared;
    pbase_status status = in == NULL ? PBASE_OK : join_begin_chunk(self, in, err);
    self->is_begun_ahead = in != NULL;
    *out_needs =
        self->run_rows > 0 && self->at >= self->until && self->at < self->left.selected_count;
    return status == PBASE_OK && *out_needs ? next_run(self, arena, out, err) : status;
}

void join_end_lookups(void *shared)
{
    join *self = shared;
    join_table_clear(&self->table);
    self->run_rows = 0;
    self->until = UINT32_MAX;
}

/* A row stands for its keys when it is the first that has them. */
static bool is_first(const join *self, size_t index, const pbase_value **keys)
{
    const join_row *row = &self->table.rows[index];
    uint64_t compared = 0;
    for (size_t i = 0; i < self->node->key_count; i++) {
        keys[i] = &row->cells[i];
    }
    return row->is_matchable &&
           join_table_first(&self->table, row->hash, keys, &compared) == index + 1;
}

pbase_status join_kept_keys(const void *shared, size_t most, pbase_arena *arena, join_key_list *out,
                            bool *out_fits, pbase_error *err)
{
    const join *self = shared;
    size_t width = self->node->key_count, count = 0;
    size_t room = self->table.count < most ? self->table.count : most;
    const pbase_value **keys = pbase_arena_array(arena, width, sizeof *keys);
    pbase_value *tuples = pbase_arena_array(arena, room * width, sizeof *tuples);
    if (keys == NULL || tuples == NULL) {
        return no_memory(err);
    }
    *out_fits = true;
    for (size_t i = 0; i < self->table.count && *out_fits; i++) {
        bool is_new = is_first(self, i, keys);
        *out_fits = !is_new || count < room;
        if (is_new && *out_fits) {
            memcpy(tuples + count++ * width, self->table.rows[i].cells, width * sizeof *tuples);
        }
    }
    *out = (join_key_list){tuples, count, width};
    return PBASE_OK;
}
