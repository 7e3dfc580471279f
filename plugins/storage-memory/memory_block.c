/* memory_block.c - a growing buffer whose mapped places outlive its moves. */
#include "memory_block.h"

#include <inttypes.h>

#define CAPACITY_MIN 4096u

struct memory_place {
    memory_place *next;
    uint8_t *data;
    uint64_t capacity;
};

static pbase_status name_set(memory_block *block, const char *name, pbase_error *err)
{
    size_t size = strlen(name) + 1;
    char *copy = pbase_alloc_new(block->budget->alloc, size);
    if (copy == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the name '%s'", name);
    }
    memcpy(copy, name, size);
    pbase_alloc_free(block->budget->alloc, block->name, block->name_bytes);
    block->name = copy;
    block->name_bytes = size;
    return PBASE_OK;
}

pbase_status memory_block_create(memory_budget *budget, const char *name, memory_block **out,
                                 pbase_error *err)
{
    memory_block *block = pbase_alloc_zeroed(budget->alloc, 1, sizeof *block);
    if (block == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the segment '%s'", name);
    }
    block->budget = budget;
    pbase_status status = name_set(block, name, err);
    if (status != PBASE_OK) {
        memory_block_destroy(block);
        return status;
    }
    *out = block;
    return PBASE_OK;
}

void memory_block_destroy(memory_block *block)
{
    if (block == NULL) {
        return;
    }
    const pbase_alloc *alloc = block->budget->alloc;
    while (block->outgrown != NULL) {
        memory_place *place = block->outgrown;
        block->outgrown = place->next;
        pbase_alloc_free(alloc, place->data, place->capacity);
        pbase_alloc_free(alloc, place, sizeof *place);
    }
    pbase_alloc_free(alloc, block->data, block->capacity);
    memory_budget_give(block->budget, block->size);
    pbase_alloc_free(alloc, block->name, block->name_bytes);
    pbase_alloc_free(alloc, block, sizeof *block);
}

pbase_status memory_block_rename(memory_block *block, const char *name, pbase_error *err)
{
    return name_set(block, name, err);
}

/* Keeps the place that is about to be left, when it is mapped. */
static pbase_status place_leave(memory_block *block, pbase_error *err)
{
    const pbase_alloc *alloc = block->budget->alloc;
    if (block->map_count == 0) {
        pbase_alloc_free(alloc, block->data, block->capacity);
        return PBASE_OK;
    }
    memory_place *place = pbase_alloc_new(alloc, sizeof *place);
    if (place == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to keep a map of '%s'", block->name);
    }
    *place = (memory_place){block->outgrown, block->data, block->capacity};
    block->outgrown = place;
    return PBASE_OK;
}

/* Makes room for `size` bytes in all, and zeroes what is new. */
static pbase_status capacity_ensure(memory_block *block, uint64_t size, pbase_error *err)
{
    if (size <= block->capacity) {
        return PBASE_OK;
    }
    uint64_t capacity = block->capacity * 2 > CAPACITY_MIN ? block->capacity * 2 : CAPACITY_MIN;
    capacity = capacity < size ? size : capacity;
    uint8_t *data = pbase_alloc_new(block->budget->alloc, capacity);
    if (data == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %" PRIu64 " bytes of '%s'", capacity,
                          block->name);
    }
    if (block->size != 0) {
        memcpy(data, block->data, block->size);
    }
    pbase_status status = place_leave(block, err);
    if (status != PBASE_OK) {
        pbase_alloc_free(block->budget->alloc, data, capacity);
        return status;
    }
    block->data = data;
    block->capacity = capacity;
    return PBASE_OK;
}

/* Writes `size` bytes of `data`, or zeros when that is NULL, to one place. */
static void place_write(uint8_t *place, uint64_t capacity, uint64_t offset, const uint8_t *data,
                        uint64_t size)
{
    if (offset >= capacity) {
        return;
    }
    size = size < capacity - offset ? size : capacity - offset;
    if (data == NULL) {
        memset(place + offset, 0, size);
    } else {
        memcpy(place + offset, data, size);
    }
}

static void range_write(memory_block *block, uint64_t offset, const uint8_t *data, uint64_t size)
{
    if (size == 0) {
        return;
    }
    place_write(block->data, block->capacity, offset, data, size);
    for (memory_place *place = block->outgrown; place != NULL; place = place->next) {
        place_write(place->data, place->capacity, offset, data, size);
    }
}

pbase_status memory_block_write(memory_block *block, uint64_t offset, pbase_bytes data,
                                pbase_error *err)
{
    if (offset > UINT64_MAX - data.size) {
        return PBASE_FAIL(err, PBASE_LIMIT, "no segment has %zu bytes at %" PRIu64, data.size,
                          offset);
    }
    uint64_t end = offset + data.size;
    uint64_t growth = end > block->size ? end - block->size : 0;
    pbase_status status = memory_budget_take(block->budget, growth, block->name, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = capacity_ensure(block, end, err);
    if (status != PBASE_OK) {
        memory_budget_give(block->budget, growth);
        return status;
    }
    if (offset > block->size) {
        range_write(block, block->size, NULL, offset - block->size);
    }
    range_write(block, offset, data.data, data.size);
    block->size += growth;
    return PBASE_OK;
}

void memory_block_clear(memory_block *block, uint64_t offset, uint64_t size)
{
    if (offset < block->size) {
        range_write(block, offset, NULL, size < block->size - offset ? size : block->size - offset);
    }
}

void memory_block_cut(memory_block *block, uint64_t size)
{
    if (size < block->size) {
        memory_budget_give(block->budget, block->size - size);
        block->size = size;
    }
}

pbase_status memory_block_map(memory_block *block, uint64_t size, const uint8_t **out,
                              pbase_error *err)
{
    pbase_status status = capacity_ensure(block, size, err);
    if (status == PBASE_OK) {
        block->map_count++;
        *out = block->data;
    }
    return status;
}
