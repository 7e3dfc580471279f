/* access_set.c - collecting what a transaction reads and writes. */
#include "txn/access.h"

#include <protobase/base/limits.h>

void access_set_init(access_set *set, const pbase_host *host)
{
    memset(set, 0, sizeof *set);
    set->host = host;
    pbase_arena_init(&set->arena, host->alloc);
}

void access_set_fini(access_set *set)
{
    const pbase_alloc *alloc = set->host->alloc;
    pbase_alloc_free(alloc, set->items, set->capacity * sizeof *set->items);
    pbase_alloc_free(alloc, set->seen, set->seen_capacity * sizeof *set->seen);
    pbase_arena_fini(&set->arena);
}

uint64_t access_hash(const pbase_host *host, const access_place *place, pbase_bytes key)
{
    uint64_t seed = host->hash64(place, sizeof *place, 0);
    uint64_t hash = host->hash64(key.data, key.size, seed);
    return hash == 0 ? 1 : hash; /* 0 marks a free slot */
}

/* ----------------------------------------------------------------------- hashes seen before ---- */

static bool seen_insert(uint64_t *slots, size_t capacity, uint64_t hash)
{
    size_t at = (size_t)hash & (capacity - 1);
    while (slots[at] != 0 && slots[at] != hash) {
        at = (at + 1) & (capacity - 1);
    }
    bool fresh = slots[at] == 0;
    slots[at] = hash;
    return fresh;
}

static pbase_status seen_grow(access_set *set, pbase_error *err)
{
    size_t capacity = set->seen_capacity == 0 ? 16 : set->seen_capacity * 2;
    uint64_t *slots = pbase_alloc_zeroed(set->host->alloc, capacity, sizeof *slots);
    if (slots == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to remember what was read or written");
    }
    for (size_t i = 0; i < set->seen_capacity; i++) {
        if (set->seen[i] != 0) {
            (void)seen_insert(slots, capacity, set->seen[i]); /* unique already */
        }
    }
    pbase_alloc_free(set->host->alloc, set->seen, set->seen_capacity * sizeof *set->seen);
    set->seen = slots;
    set->seen_capacity = capacity;
    return PBASE_OK;
}

/* What makes two accesses the same one; 0 for ranges, which are never merged. */
static uint64_t identity_of(const access_set *set, const access *item)
{
    if (item->kind == ACCESS_RANGE) {
        return 0;
    }
    uint64_t hash = item->hash;
    if (item->kind != ACCESS_POINT && item->kind != ACCESS_ADD) {
        hash = set->host->hash64(&item->place, sizeof item->place, 0);
    }
    hash += (uint64_t)item->kind * 0x9e3779b97f4a7c15u;
    return hash == 0 ? 1 : hash;
}

/* ------------------------------------------------------------------------------------ items ---- */

static pbase_status items_reserve(access_set *set, pbase_error *err)
{
    if (set->count < set->capacity) {
        return PBASE_OK;
    }
    size_t capacity = set->capacity == 0 ? 4 : set->capacity * 2;
    access *items = set->host->alloc->resize(
        set->host->alloc, set->items, set->capacity * sizeof *items, capacity * sizeof *items);
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to remember what was read or written");
    }
    set->items = items;
    set->capacity = capacity;
    return PBASE_OK;
}

/* Appends a copy; its keys move to the arena. */
static pbase_status items_append(access_set *set, const access *item, pbase_error *err)
{
    pbase_status status = items_reserve(set, err);
    access copy = *item;
    if (status == PBASE_OK) {
        status = pbase_arena_copy(&set->arena, item->from, &copy.from, err);
    }
    if (status == PBASE_OK) {
        status = pbase_arena_copy(&set->arena, item->to, &copy.to, err);
    }
    if (status == PBASE_OK) {
        set->items[set->count++] = copy;
    }
    return status;
}

pbase_status access_set_add(access_set *set, const access *item, pbase_error *err)
{
    access whole = {.kind = ACCESS_WHOLE, .place = item->place};
    if (set->count >= PBASE_READ_SET_MAX && item->kind != ACCESS_WHOLE) {
        item = &whole;
    }
    uint64_t identity = identity_of(set, item);
    if (identity == 0) {
        return items_append(set, item, err);
    }
    if (2 * (set->count + 1) > set->seen_capacity) {
        pbase_status status = seen_grow(set, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    size_t at = (size_t)identity & (set->seen_capacity - 1);
    while (set->seen[at] != 0 && set->seen[at] != identity) {
        at = (at + 1) & (set->seen_capacity - 1);
    }
    if (set->seen[at] == identity) {
        return PBASE_OK;
    }
    pbase_status status = items_append(set, item, err);
    if (status == PBASE_OK) {
        set->seen[at] = identity;
    }
    return status;
}

/* ----------------------------------------------------------------------------------- ranges ---- */

pbase_status access_set_range_begin(access_set *set, const access *range, size_t *out_index,
                                    pbase_error *err)
{
    access whole = {.kind = ACCESS_WHOLE, .place = range->place};
    bool full = set->count >= PBASE_READ_SET_MAX;
    pbase_status status = full ? access_set_add(set, &whole, err) : items_append(set, range, err);
    if (status == PBASE_OK) {
        *out_index = full ? SIZE_MAX : set->count - 1;
    }
    if (status == PBASE_OK && !full) {
        set->items[set->count - 1].empty = true;
    }
    return status;
}

/* Bounds move often and by little: the old bytes are reused when the new ones fit. */
static pbase_status bound_copy(access_set *set, pbase_bytes *bound, pbase_bytes bytes,
                               pbase_error *err)
{
    if (bytes.size > bound->size) {
        return pbase_arena_copy(&set->arena, bytes, bound, err);
    }
    if (bytes.size > 0) {
        memmove((uint8_t *)(uintptr_t)bound->data, bytes.data,
                bytes.size); /* arena memory is ours */
    }
    bound->size = bytes.size;
    return PBASE_OK;
}

pbase_status access_set_range_extend(access_set *set, size_t index, bool upper,
                                     const pbase_bytes *bound, bool inclusive, pbase_error *err)
{
    if (index == SIZE_MAX) {
        return PBASE_OK; /* the whole collection stands for it */
    }
    PBASE_ASSERT(index < set->count && set->items[index].kind == ACCESS_RANGE);
    access *range = &set->items[index];
    range->empty = false;
    bool *open = upper ? &range->to_open : &range->from_open;
    bool *closed = upper ? &range->to_inclusive : &range->from_inclusive;
    if (bound == NULL) {
        *open = true;
        return PBASE_OK;
    }
    pbase_status status = bound_copy(set, upper ? &range->to : &range->from, *bound, err);
    if (status == PBASE_OK) {
        *closed = inclusive;
        *open = false;
    }
    return status;
}
