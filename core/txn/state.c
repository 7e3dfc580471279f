/* state.c - counting states; the last count drops the whole tree it held. */
#include "txn/state.h"

#include "collection/tree.h"

/* ------------------------------------------------------------------------------------ list ---- */

pbase_status state_list_init(state_list *self, const pbase_os *os, pbase_error *err)
{
    *self = (state_list){.os = os};
    return os->lock->mutex_create(os, &self->lock, err);
}

void state_list_fini(state_list *self)
{
    if (self->lock != NULL) {
        PBASE_ASSERT(self->newest == NULL);
        self->os->lock->mutex_destroy(self->lock);
        self->lock = NULL;
    }
}

static void list_add(state_list *self, space_state *state)
{
    self->os->lock->mutex_lock(self->lock);
    state->older = self->newest;
    if (state->older != NULL) {
        state->older->newer = state;
    }
    self->newest = state;
    self->os->lock->mutex_unlock(self->lock);
}

static void list_remove(state_list *self, space_state *state)
{
    self->os->lock->mutex_lock(self->lock);
    *(state->newer != NULL ? &state->newer->older : &self->newest) = state->older;
    if (state->older != NULL) {
        state->older->newer = state->newer;
    }
    self->os->lock->mutex_unlock(self->lock);
}

/* One more count, unless the last one is gone already: then nobody reads it any more. */
static bool try_ref(space_state *state)
{
    uint32_t counts = atomic_load_explicit(&state->counts, memory_order_relaxed);
    while (counts > 0) {
        if (atomic_compare_exchange_weak_explicit(&state->counts, &counts, counts + 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* With the lock: `from`, or the nearest one made before it, that is still held. */
static space_state *first_held(space_state *from)
{
    while (from != NULL && !try_ref(from)) {
        from = from->older;
    }
    return from;
}

space_state *state_list_newest(state_list *self)
{
    self->os->lock->mutex_lock(self->lock);
    space_state *found = first_held(self->newest);
    self->os->lock->mutex_unlock(self->lock);
    return found;
}

space_state *state_list_older(state_list *self, space_state *state)
{
    self->os->lock->mutex_lock(self->lock);
    space_state *found = first_held(state->older); /* our count keeps it in the list */
    self->os->lock->mutex_unlock(self->lock);
    space_state_unref(state);
    return found;
}

/* ---------------------------------------------------------------------------------- states ---- */

space_state *space_state_create(state_list *list, atom_source *atoms, atom_ref catalog,
                                uint64_t sequence, int64_t timestamp_ns)
{
    space_state *self = pbase_alloc_zeroed(atoms->alloc, 1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    atomic_init(&self->counts, 1);
    self->atoms = atoms;
    self->catalog = catalog;
    self->sequence = sequence;
    self->timestamp_ns = timestamp_ns;
    self->list = list;
    if (list != NULL) {
        list_add(list, self);
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
    if (self->list != NULL) {
        list_remove(self->list, self);
    }
    tree_drop(self->atoms, self->catalog);
    pbase_alloc_free(self->atoms->alloc, self, sizeof *self);
}
