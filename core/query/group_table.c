/* group_table.c - linear probing at a load of one half. */
#include "query/group_table.h"

#define CAPACITY_FIRST 64u

void group_table_init(group_table *self, const pbase_alloc *alloc, size_t key_count,
                      size_t state_size)
{
    memset(self, 0, sizeof *self);
    self->alloc = alloc;
    self->key_count = key_count;
    self->state_size = state_size;
    pbase_arena_init(&self->arena, alloc);
}

void group_table_fini(group_table *self)
{
    pbase_alloc_free(self->alloc, self->groups, self->capacity * sizeof *self->groups);
    pbase_alloc_free(self->alloc, self->slots, self->slot_count * sizeof *self->slots);
    pbase_arena_fini(&self->arena);
    group_table_init(self, self->alloc, self->key_count, self->state_size);
}

static pbase_status no_memory(const group_table *self, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %zu groups", self->count + 1);
}

uint64_t group_keys_hash(const pbase_value *const *keys, size_t count)
{
    uint64_t hash = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ pbase_value_hash(keys[i])) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}

static bool has_keys(const group_table *self, const group_entry *group,
                     const pbase_value *const *keys)
{
    for (size_t i = 0; i < self->key_count; i++) {
        if (pbase_value_compare(&group->keys[i], keys[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The slot of a group, or the free one where it belongs. */
static uint32_t *find_slot(const group_table *self, uint64_t hash, const pbase_value *const *keys)
{
    size_t mask = self->slot_count - 1, at = (size_t)hash & mask;
    while (self->slots[at] != 0) {
        const group_entry *group = &self->groups[self->slots[at] - 1];
        if (group->hash == hash && has_keys(self, group, keys)) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &self->slots[at];
}

static void fill_slots(group_table *self)
{
    size_t mask = self->slot_count - 1;
    for (size_t i = 0; i < self->count; i++) {
        size_t at = (size_t)self->groups[i].hash & mask;
        while (self->slots[at] != 0) {
            at = (at + 1) & mask;
        }
        self->slots[at] = (uint32_t)i + 1;
    }
}

static pbase_status grow(group_table *self, pbase_error *err)
{
    size_t capacity = self->capacity == 0 ? CAPACITY_FIRST : self->capacity * 2;
    if (self->count >= UINT32_MAX - 1) {
        return PBASE_FAIL(err, PBASE_LIMIT, "more than %u groups", UINT32_MAX - 1);
    }
    uint32_t *slots = pbase_alloc_zeroed(self->alloc, capacity * 2, sizeof *slots);
    group_entry *groups = slots == NULL ? NULL
                                        : self->alloc->resize(self->alloc, self->groups,
                                                              self->capacity * sizeof *groups,
                                                              capacity * sizeof *groups);
    if (groups == NULL) {
        pbase_alloc_free(self->alloc, slots, capacity * 2 * sizeof *slots);
        return no_memory(self, err);
    }
    pbase_alloc_free(self->alloc, self->slots, self->slot_count * sizeof *self->slots);
    self->groups = groups;
    self->capacity = capacity;
    self->slots = slots;
    self->slot_count = capacity * 2;
    fill_slots(self);
    return PBASE_OK;
}

/* Keys and state lie side by side: a row that finds its group touches both. */
static pbase_status append(group_table *self, uint64_t hash, const pbase_value *const *keys,
                           pbase_error *err)
{
    size_t key_bytes = (self->key_count * sizeof(pbase_value) + 15) / 16 * 16;
    uint8_t *place = pbase_arena_alloc(&self->arena, key_bytes + self->state_size);
    if (place == NULL) {
        return no_memory(self, err);
    }
    pbase_value *kept = (pbase_value *)(void *)place;
    for (size_t i = 0; i < self->key_count; i++) {
        pbase_status status = pbase_value_copy(keys[i], &self->arena, &kept[i], err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    if (self->state_size > 0) {
        memset(place + key_bytes, 0, self->state_size);
    }
    self->groups[self->count++] = (group_entry){hash, kept, place + key_bytes};
    return PBASE_OK;
}

pbase_status group_table_find(group_table *self, const pbase_value *const *keys, uint32_t *out,
                              bool *out_is_new, pbase_error *err)
{
    pbase_status status = self->count == self->capacity ? grow(self, err) : PBASE_OK;
    if (status != PBASE_OK) {
        return status;
    }
    uint64_t hash = group_keys_hash(keys, self->key_count);
    uint32_t *slot = find_slot(self, hash, keys);
    *out_is_new = *slot == 0;
    if (*out_is_new) {
        status = append(self, hash, keys, err);
        if (status != PBASE_OK) {
            return status;
        }
        *slot = (uint32_t)self->count;
    }
    *out = *slot - 1;
    return PBASE_OK;
}

uint32_t group_table_lookup(const group_table *self, const pbase_value *const *keys)
{
    if (self->count == 0) {
        return GROUP_NONE;
    }
    uint32_t found = *find_slot(self, group_keys_hash(keys, self->key_count), keys);
    return found == 0 ? GROUP_NONE : found - 1;
}
