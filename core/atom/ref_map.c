/* ref_map.c - linear probing at a load of one half at most. */
#include "atom/ref_map.h"

#define FIRST_CAPACITY 64u

void ref_map_init(ref_map *self, const pbase_alloc *alloc)
{
    *self = (ref_map){.alloc = alloc};
}

void ref_map_fini(ref_map *self)
{
    pbase_alloc_free(self->alloc, self->pairs, self->capacity * sizeof *self->pairs);
    ref_map_init(self, self->alloc);
}

/* Where `ref` is, or may be put. */
static ref_pair *place_of(const ref_map *self, atom_ref ref)
{
    size_t mask = self->capacity - 1;
    uint64_t hash = (uint64_t)ref * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(hash ^ hash >> 31) & mask;
    while (self->pairs[at].from != ATOM_REF_NONE && self->pairs[at].from != ref) {
        at = (at + 1) & mask;
    }
    return &self->pairs[at];
}

static pbase_status grow(ref_map *self, pbase_error *err)
{
    ref_map grown = {.alloc = self->alloc,
                     .count = self->count,
                     .capacity = self->capacity == 0 ? FIRST_CAPACITY : self->capacity * 2};
    grown.pairs = pbase_alloc_zeroed(self->alloc, grown.capacity, sizeof *grown.pairs);
    if (grown.pairs == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to remember where %zu atoms went",
                          grown.capacity / 2);
    }
    for (size_t i = 0; i < self->capacity; i++) {
        if (self->pairs[i].from != ATOM_REF_NONE) {
            *place_of(&grown, self->pairs[i].from) = self->pairs[i];
        }
    }
    pbase_alloc_free(self->alloc, self->pairs, self->capacity * sizeof *self->pairs);
    *self = grown;
    return PBASE_OK;
}

pbase_status ref_map_add(ref_map *self, atom_ref from, atom_ref to, pbase_error *err)
{
    if (2 * (self->count + 1) > self->capacity) {
        pbase_status status = grow(self, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    ref_pair *place = place_of(self, from);
    PBASE_ASSERT(place->from == ATOM_REF_NONE);
    *place = (ref_pair){from, to};
    self->count++;
    return PBASE_OK;
}

bool ref_map_find(const ref_map *self, atom_ref from, atom_ref *out)
{
    if (self->count == 0) {
        return false;
    }
    const ref_pair *place = place_of(self, from);
    if (place->from == ATOM_REF_NONE) {
        return false;
    }
    *out = place->to;
    return true;
}
