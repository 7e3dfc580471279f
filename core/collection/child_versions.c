/* child_versions.c - a counted hash table of child versions by id, copied when it is shared.
 *
 * Open addressing with linear probing; removal moves later entries of the run back (D. E. Knuth, The
 * Art of Computer Programming, volume 3, section 6.4, algorithm R). */
#include "collection/child_versions.h"

#include "collection/handle.h"

typedef struct {
    pbase_collection_id id;
    collection *version; /* one count is ours; NULL: free */
} version_slot;

struct child_versions {
    _Atomic uint32_t counts;
    const pbase_alloc *alloc;
    size_t count, capacity; /* capacity is a power of two, at most half full */
    version_slot slots[];
};

#define CAPACITY_MIN 4u

static size_t bytes_of(size_t capacity)
{
    return sizeof(child_versions) + capacity * sizeof(version_slot);
}

child_versions *child_versions_keep(child_versions *self)
{
    if (self != NULL) {
        atomic_fetch_add_explicit(&self->counts, 1, memory_order_relaxed);
    }
    return self;
}

void child_versions_drop(child_versions *self)
{
    if (self == NULL || atomic_fetch_sub_explicit(&self->counts, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < self->capacity; i++) {
        collection_close(self->slots[i].version); /* as deep as collections nest: bounded */
    }
    pbase_alloc_free(self->alloc, self, bytes_of(self->capacity));
}

static size_t place_of(const child_versions *self, pbase_collection_id id)
{
    size_t mask = self->capacity - 1;
    size_t at = collection_id_hash(id) & mask;
    while (self->slots[at].version != NULL && !collection_id_same(self->slots[at].id, id)) {
        at = (at + 1) & mask;
    }
    return at;
}

collection *child_versions_find(const child_versions *self, pbase_collection_id id)
{
    return self == NULL ? NULL : self->slots[place_of(self, id)].version;
}

pbase_status child_versions_reserve(child_versions **self, const pbase_alloc *alloc, size_t more,
                                    pbase_error *err)
{
    child_versions *old = *self;
    size_t count = old == NULL ? 0 : old->count;
    size_t capacity = old == NULL ? CAPACITY_MIN : old->capacity;
    bool ours = old != NULL && atomic_load_explicit(&old->counts, memory_order_acquire) == 1;
    while (capacity < 2 * (count + more)) {
        capacity *= 2;
    }
    if (ours && capacity == old->capacity) {
        return PBASE_OK;
    }
    child_versions *grown = pbase_alloc_zeroed(alloc, 1, bytes_of(capacity));
    if (grown == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %zu child collections",
                          count + more);
    }
    atomic_init(&grown->counts, 1);
    grown->alloc = alloc;
    grown->capacity = capacity;
    for (size_t i = 0; old != NULL && i < old->capacity; i++) {
        if (old->slots[i].version != NULL) {
            child_versions_put(grown, old->slots[i].id, collection_ref(old->slots[i].version));
        }
    }
    child_versions_drop(old);
    *self = grown;
    return PBASE_OK;
}

void child_versions_put(child_versions *self, pbase_collection_id id, collection *version)
{
    version_slot *slot = &self->slots[place_of(self, id)];
    PBASE_ASSERT(slot->version != NULL || 2 * (self->count + 1) <= self->capacity);
    self->count += slot->version == NULL;
    collection_close(slot->version);
    slot->id = id;
    slot->version = version;
}

void child_versions_remove(child_versions *self, pbase_collection_id id)
{
    size_t mask = self->capacity - 1;
    size_t hole = place_of(self, id);
    if (self->slots[hole].version == NULL) {
        return;
    }
    collection_close(self->slots[hole].version);
    self->count--;
    for (size_t at = (hole + 1) & mask; self->slots[at].version != NULL; at = (at + 1) & mask) {
        size_t home = collection_id_hash(self->slots[at].id) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            self->slots[hole] = self->slots[at];
            hole = at;
        }
    }
    self->slots[hole].version = NULL;
}

collection *child_versions_next(const child_versions *self, size_t *at, pbase_collection_id *out_id)
{
    while (self != NULL && *at < self->capacity) {
        const version_slot *slot = &self->slots[(*at)++];
        if (slot->version != NULL) {
            *out_id = slot->id;
            return slot->version;
        }
    }
    return NULL;
}
