/* state.c - counting states; the last count drops the whole tree it held. */
#include "txn/state.h"

#include "collection/tree.h"
#include "txn/opened.h"
#include "txn/state_roots.h"

/* ------------------------------------------------------------------------------------ list ---- */

pbase_status state_list_init(state_list *self, const pbase_os *os, pbase_error *err)
{
    *self = (state_list){.os = os, .roots_first = 1};
    return os->lock->mutex_create(os, &self->lock, err);
}

void state_list_fini(state_list *self)
{
    if (self->lock != NULL) {
        PBASE_ASSERT(self->newest == NULL);
        while (self->ended != NULL) {
            space_state *ended = self->ended;
            self->ended = ended->older;
            pbase_alloc_free(ended->atoms->alloc, ended, sizeof *ended);
        }
        state_list_roots_free(self);
        self->os->lock->mutex_destroy(self->lock);
        self->lock = NULL;
    }
}

static void list_add(state_list *self, space_state *state)
{
    self->os->lock->mutex_lock(self->lock);
    state->number = ++self->made;
    state->older = self->newest;
    if (state->older != NULL) {
        state->older->newer = state;
    }
    self->newest = state;
    self->os->lock->mutex_unlock(self->lock);
}

/* From here on nobody finds it there. */
static void list_remove(state_list *self, space_state *state)
{
    self->os->lock->mutex_lock(self->lock);
    *(state->newer != NULL ? &state->newer->older : &self->newest) = state->older;
    if (state->older != NULL) {
        state->older->newer = state->newer;
    }
    self->os->lock->mutex_unlock(self->lock);
}

static void list_end(state_list *self, space_state *state)
{
    self->os->lock->mutex_lock(self->lock);
    state->older = self->ended;
    self->ended = state;
    self->os->lock->mutex_unlock(self->lock);
}

/* Memory of a state that has ended; NULL: there is none. */
static space_state *list_take_ended(state_list *self)
{
    self->os->lock->mutex_lock(self->lock);
    space_state *state = self->ended;
    if (state != NULL) {
        self->ended = state->older;
    }
    self->os->lock->mutex_unlock(self->lock);
    return state;
}

/* With the lock: `from`, or the nearest one made before it, that is still held. */
static space_state *first_held(space_state *from)
{
    while (from != NULL && !space_state_try_ref(from)) {
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

/* Memory for a state whose count is 0. */
static space_state *state_allocate(state_list *list, const pbase_alloc *alloc)
{
    space_state *self = list == NULL ? NULL : list_take_ended(list);
    return self != NULL ? self : pbase_alloc_zeroed(alloc, 1, sizeof *self);
}

space_state *space_state_create(state_list *list, atom_source *atoms, atom_ref catalog,
                                uint64_t sequence, int64_t timestamp_ns)
{
    space_state *self = state_allocate(list, atoms->alloc);
    if (self == NULL) {
        return NULL;
    }
    self->atoms = atoms;
    self->catalog = catalog;
    self->sequence = sequence;
    self->number = 0;
    self->timestamp_ns = timestamp_ns;
    self->list = list;
    self->older = self->newer = NULL;
    self->has_fit = false;
    self->roots.count = 0;
    self->roots.is_tainted = false;
    /* Whoever has an old address may count from here on. */
    atomic_store_explicit(&self->counts, 1, memory_order_release);
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

bool space_state_try_ref(space_state *self)
{
    uint32_t counts = atomic_load_explicit(&self->counts, memory_order_relaxed);
    while (counts > 0) {
        if (atomic_compare_exchange_weak_explicit(&self->counts, &counts, counts + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

void space_state_unref(space_state *self)
{
    if (self == NULL || atomic_fetch_sub_explicit(&self->counts, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (self->list != NULL) {
        list_remove(self->list, self);
    }
    opened_drop_all(self);
    tree_drop(self->atoms, self->catalog);
    if (self->list != NULL) {
        list_end(self->list, self);
    } else {
        pbase_alloc_free(self->atoms->alloc, self, sizeof *self);
    }
}
