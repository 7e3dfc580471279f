/* nest.h - putting collections into entries: what a value that holds handles becomes.
 *
 * A value given to a put may hold handles (PBASE_HANDLE) and name children the entry has already
 * (PBASE_CHILD). Its stored form lists the children at its head, and the versions that were given
 * are remembered beside the collection (child_versions.h). A handle that descends from the entry's
 * own child keeps that child's id; any other is placed under a new id.
 *
 * Threads: confined, as the handles are. */
#ifndef PROTOBASE_COLLECTION_NEST_H
#define PROTOBASE_COLLECTION_NEST_H
#include "collection/child_versions.h"
#include "collection/context.h"
#include "collection/own_children.h"

/* The entry a value is put into. */
typedef struct {
    const collection_context *context; /* of the collection that has the entry */
    pbase_bytes current;               /* what it holds now, stored; empty: nothing */
    const child_versions *versions;    /* of that collection; NULL: none */
    const struct collection *held;     /* the version of its child, if that is not in `versions` */
} nest_slot;

/* The children of one stored value, gathered. */
typedef struct {
    const pbase_alloc *alloc;
    stored_child *children;
    struct collection **versions; /* parallel; NULL: as the entry had it */
    size_t count, capacity;
    uint32_t height;  /* levels of collections in it */
    own_children own; /* of the entry, while gathering; `taken` is the place in the list, from 1 */
} nest;

static inline void nest_init(nest *self, const pbase_alloc *alloc)
{
    memset(self, 0, sizeof *self);
    self->alloc = alloc;
    own_children_init(&self->own, alloc);
}
void nest_fini(nest *self); /* may be used again */
/* The same of one that is mostly empty. */
static inline void nest_clear(nest *self)
{
    if (self->capacity != 0 || self->height != 0 || self->own.is_read) {
        nest_fini(self);
    }
}

/* True when `value` holds a handle or names a child. */
bool nest_needed(const pbase_value *value);
/* Gathers the children of `value` and appends its stored form to `out`. INVALID: it names a child
 * the entry lacks, or a collection of another space. LIMIT: too many, or nested too deep.
 * READ_ONLY: nothing can be stored there. */
PBASE_MUST_CHECK pbase_status nest_encode(nest *self, const nest_slot *slot,
                                          const pbase_value *value, pbase_buffer *out,
                                          pbase_error *err);
/* The same from a stored value of another collection, which `there` describes: copies of the children
 * it names. */
PBASE_MUST_CHECK pbase_status nest_copy(nest *self, const nest_slot *slot, const nest_slot *there,
                                        pbase_bytes stored, pbase_buffer *out, pbase_error *err);
/* Hands the versions over to `into`, which has room for them. */
void nest_hand_over(nest *self, child_versions *into);

/* A handle, in the context that lasts, for storing `version` in the slot, under the id it will have: its own when it descends
 * from what `own` (NULL: the slot holds no collection) names, else a new one. */
PBASE_MUST_CHECK pbase_status nest_place(const nest_slot *slot, const stored_child *own,
                                         const struct collection *version, struct collection **out,
                                         pbase_error *err);
/* A handle on a child that a stored value names. */
PBASE_MUST_CHECK pbase_status nest_open(const nest_slot *slot, const stored_child *child,
                                        pbase_bytes name, struct collection **out,
                                        pbase_error *err);

#endif
