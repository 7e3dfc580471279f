/* own_children.h - the children that a stored value lists, by number and by id: what a new value of
 * the same entry is compared with.
 *
 * A value may have tens of thousands, so they are read once and found by hash.
 * Threads: confined. */
#ifndef PROTOBASE_COLLECTION_OWN_CHILDREN_H
#define PROTOBASE_COLLECTION_OWN_CHILDREN_H
#include "collection/child_versions.h"

typedef struct {
    stored_child child;
    pbase_collection_id version; /* of the version the slot has of it: its id, unless another took
                                    its place */
    size_t taken;                /* the caller's; 0 at first */
} own_child;
typedef struct {
    const pbase_alloc *alloc;
    own_child *items; /* as they are listed */
    size_t count;
    uint32_t *slots; /* number + 1 of the first with that version; 0: free */
    size_t slot_count;
    bool is_read;
} own_children;

static inline void own_children_init(own_children *self, const pbase_alloc *alloc)
{
    memset(self, 0, sizeof *self);
    self->alloc = alloc;
}
void own_children_fini(own_children *self); /* may be used again */

/* Tells which version the slot has of a child: its id. */
typedef pbase_collection_id own_children_version(const void *state, pbase_collection_id id);
/* Reads the list at the head of `stored`, unless that was done; a malformed one as far as it goes.
 * `version` NULL: every child is its own. NO_MEMORY: nothing was read. */
PBASE_MUST_CHECK pbase_status own_children_read(own_children *self, pbase_bytes stored,
                                                own_children_version *version, const void *state,
                                                pbase_error *err);
/* The first child with that version; NULL: none. */
own_child *own_children_find(const own_children *self, pbase_collection_id version);

#endif
