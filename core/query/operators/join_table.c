/* join_table.c - chains over one array of rows, linked from the last row to the first. */
#include "query/operators/join_table.h"
#include "query/group_table.h"

#define CAPACITY_FIRST 64u

void join_table_init(join_table *self, const pbase_alloc *alloc, size_t key_count)
{
    memset(self, 0, sizeof *self);
    self->alloc = alloc;
    self->key_count = key_count;
    pbase_arena_init(&self->arena, alloc);
}

void join_table_fini(join_table *self)
{
    pbase_alloc_free(self->alloc, self->rows, self->capacity * sizeof *self->rows);
    pbase_alloc_free(self->alloc, self->slots, self->slot_count * sizeof *self->slots);
    pbase_arena_fini(&self->arena);
    join_table_init(self, self->alloc, self->key_count);
}

void join_table_clear(join_table *self)
{
    pbase_alloc_free(self->alloc, self->slots, self->slot_count * sizeof *self->slots);
    self->slots = NULL;
    self->slot_count = 0;
    self->count = 0;
    pbase_arena_reset(&self->arena);
}

static pbase_status no_memory(const join_table *self, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to join %zu rows", self->count + 1);
}

static pbase_status grow(join_table *self, pbase_error *err)
{
    size_t capacity = self->capacity == 0 ? CAPACITY_FIRST : self->capacity * 2;
    if (self->count >= UINT32_MAX - 1) {
        return PBASE_FAIL(err, PBASE_LIMIT, "more than %u rows to join", UINT32_MAX - 1);
    }
    join_row *rows = self->alloc->resize(self->alloc, self->rows, self->capacity * sizeof *rows,
                                         capacity * sizeof *rows);
    if (rows == NULL) {
        return no_memory(self, err);
    }
    self->rows = rows;
    self->capacity = capacity;
    return PBASE_OK;
}

static bool has_null(const join_table *self, const pbase_value *const *keys)
{
    for (size_t i = 0; i < self->key_count; i++) {
        if (keys[i]->kind == PBASE_NULL) {
            return true;
        }
    }
    return false;
}

pbase_status join_table_add(join_table *self, const pbase_value *const *keys,
                            const row_layout *layout, const pbase_chunk *chunk, uint32_t row,
                            pbase_error *err)
{
    pbase_status status = self->count == self->capacity ? grow(self, err) : PBASE_OK;
    if (status != PBASE_OK) {
        return status;
    }
    pbase_value *cells =
        pbase_arena_array(&self->arena, self->key_count + layout->width, sizeof *cells);
    if (cells == NULL) {
        return no_memory(self, err);
    }
    for (size_t i = 0; i < self->key_count && status == PBASE_OK; i++) {
        status = cell_copy(keys[i], &self->arena, &cells[i], err);
    }
    if (status == PBASE_OK) {
        status = row_layout_keep(layout, chunk, row, &self->arena, cells + self->key_count, err);
    }
    if (status == PBASE_OK) {
        bool is_matchable = !has_null(self, keys);
        self->rows[self->count++] =
            (join_row){is_matchable ? group_keys_hash(keys, self->key_count) : 0, cells, 0,
                       is_matchable, false};
    }
    return status;
}

pbase_status join_table_link(join_table *self, pbase_error *err)
{
    size_t slot_count = 1;
    while (self->key_count > 0 && slot_count < self->count) {
        slot_count *= 2;
    }
    self->slots = pbase_alloc_zeroed(self->alloc, slot_count, sizeof *self->slots);
    if (self->slots == NULL) {
        return no_memory(self, err);
    }
    self->slot_count = slot_count;
    for (size_t i = self->count; i > 0; i--) {
        join_row *row = &self->rows[i - 1];
        uint32_t *slot = &self->slots[(size_t)row->hash & (slot_count - 1)];
        if (row->is_matchable) {
            row->next = *slot;
            *slot = (uint32_t)i;
        }
    }
    return PBASE_OK;
}

static bool has_keys(const join_table *self, const join_row *row, const pbase_value *const *keys)
{
    for (size_t i = 0; i < self->key_count; i++) {
        if (pbase_value_compare(&row->cells[i], keys[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The first on the chain from `at` on that has the keys. */
static uint32_t follow(const join_table *self, uint32_t at, uint64_t hash,
                       const pbase_value *const *keys, uint64_t *compared)
{
    while (at != 0) {
        const join_row *row = &self->rows[at - 1];
        (*compared)++;
        if (row->hash == hash && has_keys(self, row, keys)) {
            break;
        }
        at = row->next;
    }
    return at;
}

uint32_t join_table_first(const join_table *self, uint64_t hash, const pbase_value *const *keys,
                          uint64_t *compared)
{
    if (self->count == 0 || has_null(self, keys)) {
        return 0;
    }
    return follow(self, self->slots[(size_t)hash & (self->slot_count - 1)], hash, keys, compared);
}

uint32_t join_table_next(const join_table *self, uint32_t found, const pbase_value *const *keys,
                         uint64_t *compared)
{
    const join_row *row = &self->rows[found - 1];
    return follow(self, row->next, row->hash, keys, compared);
}
