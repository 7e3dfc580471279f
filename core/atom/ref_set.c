/* ref_set.c - linear probing at a load of one half at most. */
#include "atom/ref_set.h"

#define FIRST_CAPACITY 64u

void ref_set_init(ref_set *self, const pbase_alloc *alloc)
{
    *self = (ref_set){.alloc = alloc};
}

void ref_set_fini(ref_set *self)
{
    pbase_alloc_free(self->alloc, self->refs, self->capacity * sizeof *self->refs);
    ref_set_init(self, self->alloc);
}

/* Where `ref` is, or may be put. */
static atom_ref *place_of(const ref_set *self, atom_ref ref)
{
    size_t mask = self->capacity - 1;
    uint64_t hash = (uint64_t)ref * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(hash ^ hash >> 31) & mask;
    while (self->refs[at] != ATOM_REF_NONE && self->refs[at] != ref) {
        at = (at + 1) & mask;
    }
    return &self->refs[at];
}

static pbase_status grow(ref_set *self, pbase_error *err)
{
    ref_set grown = {.alloc = self->alloc,
                     .count = self->count,
                     .capacity = self->capacity == 0 ? FIRST_CAPACITY : self->capacity * 2};
    grown.refs = pbase_alloc_zeroed(self->alloc, grown.capacity, sizeof *grown.refs);
    if (grown.refs == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to remember %zu atoms",
                          grown.capacity / 2);
    }
    for (size_t i = 0; i < self->capacity; i++) {
        if (self->refs[i] != ATOM_REF_NONE) {
            *place_of(&grown, self->refs[i]) = self->refs[i];
        }
    }
    pbase_alloc_free(self->alloc, self->refs, self->capacity * sizeof *self->refs);
    *self = grown;
    return PBASE_OK;
}

pbase_status ref_set_add(ref_set *self, atom_ref ref, bool *out_first, pbase_error *err)
{
    if (2 * (self->count + 1) > self->capacity) {
        pbase_status status = grow(self, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    atom_ref *place = place_of(self, ref);
    *out_first = *place == ATOM_REF_NONE;
    self->count += *out_first;
    *place = ref;
    return PBASE_OK;
}

bool ref_set_has(const ref_set *self, atom_ref ref)
{
    return self->capacity != 0 && *place_of(self, ref) != ATOM_REF_NONE;
}
