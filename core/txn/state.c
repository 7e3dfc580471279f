/* state.c - counting states; the last count drops the whole tree it held. */
#include "txn/state.h"

#include "collection/tree.h"

space_state *space_state_create(atom_source *atoms, atom_ref catalog, uint64_t sequence,
                                int64_t timestamp_ns)
{
    space_state *self = pbase_alloc_new(atoms->alloc, sizeof *self);
    if (self != NULL) {
        atomic_init(&self->counts, 1);
        self->atoms = atoms;
        self->catalog = catalog;
        self->sequence = sequence;
        self->timestamp_ns = timestamp_ns;
    }
    return self;
}

space_state *space_state_ref(space_state *self)
{
    atomic_fetch_add_explicit(&self->counts, 1, memory_order_relaxed);
    return self;
}

void space_state_unref(space_state *self)
{
    if (self == NULL || atomic_fetch_sub_explicit(&self->counts, 1, memory_order_acq_rel) != 1) {
        return;
    }
    tree_drop(self->atoms, self->catalog);
    pbase_alloc_free(self->atoms->alloc, self, sizeof *self);
}
