/* child_view.c - finding committed children by id, and numbering new ones. */
#include "txn/child_view.h"

#include "txn/catalog.h"

static child_view *view_of(child_source *self)
{
    return (child_view *)self;
}

static pbase_status view_find(child_source *source, pbase_collection_id id, child_found *out,
                              pbase_error *err)
{
    const child_view *self = view_of(source);
    collection_slot slot;
    pbase_status status = self->settle == NULL ? PBASE_OK : self->settle(self->owner, err);
    if (status == PBASE_OK) {
        status = catalog_collection(self->atoms, self->collections, id, &slot, err);
    }
    if (status == PBASE_OK) {
        *out = (child_found){
            .kind = slot.kind, .nests = slot.nests, .root = slot.root, .sum = slot.sum};
    }
    return status;
}

static pbase_status view_create(child_source *source, uint64_t *out_ordinal, pbase_error *err)
{
    child_view *self = view_of(source);
    size_t needed = (size_t)((self->created + 1) / 8 + 1);
    if (needed > self->placed_bytes) {
        size_t bytes = needed * 2;
        uint8_t *placed = self->alloc->resize(self->alloc, self->placed, self->placed_bytes, bytes);
        if (placed == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a new collection");
        }
        memset(placed + self->placed_bytes, 0, bytes - self->placed_bytes);
        self->placed = placed;
        self->placed_bytes = bytes;
    }
    *out_ordinal = ++self->created;
    return PBASE_OK;
}

static pbase_status view_place(child_source *source, uint64_t ordinal, bool *out_first,
                               pbase_error *err)
{
    child_view *self = view_of(source);
    if (ordinal == 0 || ordinal > self->created) {
        return PBASE_FAIL(err, PBASE_INVALID, "the collection is of another transaction");
    }
    uint8_t bit = (uint8_t)(1u << ordinal % 8);
    *out_first = (self->placed[ordinal / 8] & bit) == 0;
    self->placed[ordinal / 8] |= bit;
    return PBASE_OK;
}

static const child_source_vtable view_vtable = {.find = view_find};
static const child_source_vtable writable_vtable = {
    .find = view_find, .create = view_create, .place = view_place};

void child_view_init(child_view *self, atom_source *atoms, atom_ref collections)
{
    memset(self, 0, sizeof *self);
    self->base.vtable = &view_vtable;
    self->atoms = atoms;
    self->collections = collections;
}

void child_view_init_writable(child_view *self, atom_source *atoms, const pbase_alloc *alloc,
                              atom_ref collections)
{
    child_view_init(self, atoms, collections);
    self->base.vtable = &writable_vtable;
    self->alloc = alloc;
    self->created = CATALOG_SYSTEM_MAX; /* those before are no record's */
}

void child_view_fini(child_view *self)
{
    pbase_alloc_free(self->alloc, self->placed, self->placed_bytes);
    self->placed = NULL;
    self->placed_bytes = 0;
}
