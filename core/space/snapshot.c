/* snapshot.c - opening a state for reading. */
#include "space/snapshot.h"

#include "txn/nested_path.h"

/* ------------------------------------------------------------------------------ life of it ---- */

/* Where a thread begins to look: their stacks lie apart. */
static size_t first_place(void)
{
    char here = 0;
    uintptr_t at = (uintptr_t)&here;
    return (size_t)(at >> 16 ^ at >> 23);
}

static pbase_snapshot *idle_take(pbase_space *space)
{
    size_t first = first_place();
    for (size_t i = 0; i < SNAPSHOTS_IDLE; i++) {
        _Atomic(pbase_snapshot *) *place = &space->idle[(first + i) % SNAPSHOTS_IDLE].snapshot;
        if (atomic_load_explicit(place, memory_order_relaxed) != NULL) {
            pbase_snapshot *taken = atomic_exchange_explicit(place, NULL, memory_order_acquire);
            if (taken != NULL) {
                return taken;
            }
        }
    }
    return NULL;
}

/* False: all places are taken. */
static bool idle_put(pbase_space *space, pbase_snapshot *snapshot)
{
    size_t first = first_place();
    for (size_t i = 0; i < SNAPSHOTS_IDLE; i++) {
        _Atomic(pbase_snapshot *) *place = &space->idle[(first + i) % SNAPSHOTS_IDLE].snapshot;
        pbase_snapshot *none = NULL;
        if (atomic_load_explicit(place, memory_order_relaxed) == NULL &&
            atomic_compare_exchange_strong_explicit(place, &none, snapshot, memory_order_release,
                                                    memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static pbase_snapshot *snapshot_allocate(pbase_space *space)
{
    pbase_snapshot *self = pbase_alloc_zeroed(space->host->alloc, 1, sizeof *self);
    if (self != NULL) {
        self->space = space;
        self->context = (collection_context){.source = store_atoms(space->bytes),
                                             .alloc = space->host->alloc,
                                             .coder = &space->coder.base,
                                             .children = &self->children.base,
                                             .read_only = true,
                                             .idle = &self->idle};
        self->view.context = &self->context;
        child_view_init(&self->children, self->context.source, ATOM_REF_NONE);
        engine_snapshot_enter(space->engine, &self->place);
    }
    return self;
}

static void snapshot_free(pbase_snapshot *self)
{
    collection_idle_end(&self->idle);
    engine_snapshot_leave(self->space->engine, &self->place);
    pbase_alloc_free(self->space->host->alloc, self, sizeof *self);
}

pbase_status snapshot_create(pbase_space *space, space_state *state, pbase_snapshot **out,
                             pbase_error *err)
{
    pbase_snapshot *self = idle_take(space);
    if (self == NULL) {
        self = snapshot_allocate(space);
    }
    if (self == NULL) {
        space_state_unref(state);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a snapshot");
    }
    if (state == NULL) {
        engine_snapshot_begin(space->engine, &self->place);
    } else {
        engine_snapshot_begin_at(space->engine, &self->place, state);
    }
    self->view.state = self->place.state;
    *out = self;
    return PBASE_OK;
}

void snapshot_see(pbase_snapshot *self, atom_ref collections)
{
    self->view.collections = collections;
    self->children.collections = collections;
    self->state_number = self->database_number = 0;
    collection_idle_forget(&self->idle);
}

/* The same of the newest state, where it may be that the snapshot has seen it before. */
static pbase_status see_database(pbase_snapshot *self, const pbase_database *database,
                                 pbase_error *err)
{
    atom_ref collections = ATOM_REF_NONE;
    space_state *state = self->place.state;
    if (state->number != 0 && self->state_number == state->number &&
        self->database_number == database->number) {
        return PBASE_OK;
    }
    pbase_status status = root_view_database(database, state, &collections, err);
    if (status == PBASE_OK) {
        snapshot_see(self, collections);
        self->state_number = state->number;
        self->database_number = database->number;
    }
    return status;
}

pbase_status pbase_snapshot_open(pbase_database *database, pbase_snapshot **out, pbase_error *err)
{
    pbase_space *space = database->space;
    pbase_snapshot *self = NULL;
    pbase_status status = space_refresh(space, err);
    if (status == PBASE_OK) {
        status = snapshot_create(space, NULL, &self, err);
    }
    if (status == PBASE_OK) {
        status = see_database(self, database, err);
    }
    if (status != PBASE_OK) {
        pbase_snapshot_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

void pbase_snapshot_close(pbase_snapshot *snapshot)
{
    if (snapshot != NULL) {
        pbase_space *space = snapshot->space;
        engine_snapshot_end(space->engine, &snapshot->place);
        if (!idle_put(space, snapshot)) {
            snapshot_free(snapshot);
        }
    }
}

void snapshots_end(pbase_space *space)
{
    for (pbase_snapshot *idle = idle_take(space); idle != NULL; idle = idle_take(space)) {
        snapshot_free(idle);
    }
}

/* --------------------------------------------------------------------------------- reading ---- */

uint64_t pbase_snapshot_sequence(const pbase_snapshot *snapshot)
{
    return snapshot->place.state->sequence;
}

int64_t pbase_snapshot_time(const pbase_snapshot *snapshot)
{
    return snapshot->place.state->timestamp_ns;
}

static pbase_status open_kind(const pbase_snapshot *snapshot, const char *name, uint8_t kind,
                              collection **out, pbase_error *err)
{
    pbase_bytes root = pbase_bytes_text(name);
    collection *again = collection_again(&snapshot->context, kind, root);
    if (again != NULL) {
        *out = again;
        return PBASE_OK;
    }
    return root_view_collection(&snapshot->view, root, kind, out, err);
}

pbase_status pbase_snapshot_dict(const pbase_snapshot *snapshot, const char *name, pbase_dict **out,
                                 pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = open_kind(snapshot, name, PBASE_COLLECTION_DICT, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_dict(handle);
    }
    return status;
}

pbase_status pbase_snapshot_list(const pbase_snapshot *snapshot, const char *name, pbase_list **out,
                                 pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = open_kind(snapshot, name, PBASE_COLLECTION_LIST, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_list(handle);
    }
    return status;
}

pbase_status pbase_snapshot_set(const pbase_snapshot *snapshot, const char *name, pbase_set **out,
                                pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = open_kind(snapshot, name, PBASE_COLLECTION_SET, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_set(handle);
    }
    return status;
}

pbase_status pbase_snapshot_hash_dict(const pbase_snapshot *snapshot, const char *name,
                                      pbase_hash_dict **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = open_kind(snapshot, name, PBASE_COLLECTION_HASH_DICT, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_hash_dict(handle);
    }
    return status;
}

pbase_status pbase_snapshot_multi_dict(const pbase_snapshot *snapshot, const char *name,
                                       pbase_multi_dict **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = open_kind(snapshot, name, PBASE_COLLECTION_MULTI_DICT, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_multi_dict(handle);
    }
    return status;
}

pbase_status pbase_snapshot_counted_set(const pbase_snapshot *snapshot, const char *name,
                                        pbase_counted_set **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = open_kind(snapshot, name, PBASE_COLLECTION_COUNTED_SET, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_counted_set(handle);
    }
    return status;
}

pbase_status pbase_snapshot_value(const pbase_snapshot *snapshot, const char *name,
                                  pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    return root_view_value(&snapshot->view, pbase_bytes_text(name), arena, out, err);
}

typedef struct {
    const pbase_snapshot *snapshot;
    pbase_root_each each;
    void *state;
} root_teller;

static pbase_status tell_root(void *state, pbase_bytes name, const root_entry *entry,
                              pbase_error *err)
{
    const root_teller *teller = state;
    pbase_root_info info;
    pbase_status status = root_view_info(&teller->snapshot->view, name, entry, &info, err);
    return status == PBASE_OK ? teller->each(teller->state, &info, err) : status;
}

pbase_status pbase_snapshot_roots(const pbase_snapshot *snapshot, pbase_root_each each, void *state,
                                  pbase_error *err)
{
    root_teller teller = {.snapshot = snapshot, .each = each, .state = state};
    return catalog_roots(snapshot->context.source, snapshot->view.collections, tell_root, &teller,
                         err);
}

pbase_status pbase_snapshot_root(const pbase_snapshot *snapshot, const char *name,
                                 pbase_root_info *out, pbase_error *err)
{
    root_entry entry;
    pbase_buffer buffer;
    pbase_bytes text = pbase_bytes_text(name);
    pbase_buffer_init(&buffer, snapshot->context.alloc);
    pbase_status status = root_name_check("root", text, err);
    if (status == PBASE_OK) {
        status = catalog_root(snapshot->context.source, snapshot->view.collections, text, &entry,
                              &buffer, err);
    }
    if (status == PBASE_OK) {
        status = root_view_info(&snapshot->view, text, &entry, out, err);
    }
    pbase_buffer_fini(&buffer);
    return status;
}

/* ------------------------------------------------------------------------------ paths ---- */

static pbase_status path_root(void *state, pbase_bytes name, collection **out, pbase_error *err)
{
    const pbase_snapshot *snapshot = state;
    return root_view_any(&snapshot->view, name, out, err);
}

static pbase_status path_value(void *state, pbase_bytes name, pbase_arena *arena, pbase_value *out,
                               pbase_error *err)
{
    const pbase_snapshot *snapshot = state;
    return root_view_value(&snapshot->view, name, arena, out, err);
}

static pbase_status path_child(void *state, pbase_bytes name, uint64_t n, collection **out,
                               pbase_error *err)
{
    const pbase_snapshot *snapshot = state;
    return root_view_child(&snapshot->view, name, n, out, err);
}

pbase_status pbase_snapshot_child(const pbase_snapshot *snapshot, const char *name, uint64_t n,
                                  pbase_collection **out, pbase_error *err)
{
    collection *child = NULL;
    pbase_status status = root_view_child(&snapshot->view, pbase_bytes_text(name), n, &child, err);
    if (status == PBASE_OK) {
        *out = collection_any(child);
    }
    return status;
}

pbase_status pbase_snapshot_at(const pbase_snapshot *snapshot, const char *root,
                               const pbase_value *steps, size_t count, pbase_collection **out,
                               pbase_error *err)
{
    nested_path_base base = {.state = (void *)(uintptr_t)snapshot, /* only read */
                             .alloc = snapshot->context.alloc,
                             .open = path_root,
                             .value = path_value,
                             .child = path_child};
    collection *handle = NULL;
    pbase_status status =
        nested_path_open(&base, pbase_bytes_text(root), steps, count, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_any(handle);
    }
    return status;
}
