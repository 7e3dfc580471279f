/* root_store.c - staging versions and values under roots.
 *
 * A root is a slot like an entry: what descends from the collection it holds keeps that one's id,
 * anything else is placed as a new collection. The committed one may be stored again after another
 * was staged over it, because only what is staged last is written. */
#include "txn/objects.h"
#include "txn/txn_private.h"

#include <inttypes.h>

/* What a root holds, staged or committed. */
typedef struct {
    const staged_root *staged; /* NULL: nothing is */
    bool committed;
    root_entry entry; /* of the committed one */
    pbase_buffer buffer;
} root_slot;

static pbase_status root_slot_find(pbase_txn *self, pbase_bytes name, root_slot *out,
                                   pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    memset(out, 0, sizeof *out);
    pbase_buffer_init(&out->buffer, self->context.alloc);
    out->staged = staged_roots_find(&self->staged, name);
    pbase_status status = root_view_entry(&self->view, name, &out->entry, &out->buffer, &why);
    out->committed = status == PBASE_OK;
    if (status == PBASE_OK || status == PBASE_NOT_FOUND) {
        return PBASE_OK;
    }
    pbase_buffer_fini(&out->buffer);
    if (err != NULL) {
        *err = why;
    }
    return status;
}

/* Handles keep their own trees within the budget; this does it for versions that wait for commit. */
static pbase_status bound_staged(pbase_txn *self, pbase_error *err)
{
    const atom_source *source = self->context.source;
    uint64_t held = atomic_load_explicit(&source->memory_bytes, memory_order_relaxed);
    self->memory_floor = held < self->memory_floor ? held : self->memory_floor;
    if (held - self->memory_floor < self->context.budget->memory_bytes_max) {
        return PBASE_OK;
    }
    pbase_status status = staged_roots_relieve(&self->staged, err);
    self->memory_floor = atomic_load_explicit(&source->memory_bytes, memory_order_relaxed);
    return status;
}

/* A root of the name that stands for the objects could not be asked. */
static pbase_status check_storable(const pbase_txn *self, pbase_bytes name, pbase_error *err)
{
    pbase_status status = txn_check_writable(self, name, err);
    if (status == PBASE_OK && pbase_bytes_equal(name, pbase_bytes_text(OBJECTS_NAME))) {
        status = PBASE_FAIL(err, PBASE_INVALID,
                            "'" OBJECTS_NAME "' stands for the objects of a database: no root has "
                            "that name");
        pbase_error_hint(err, "make objects (object.h, 'protobase import'), or name it otherwise");
    }
    return status;
}

pbase_status txn_store_version(pbase_txn *self, const char *root, const collection *version,
                               pbase_error *err)
{
    pbase_bytes name = pbase_bytes_text(root);
    root_slot found;
    stored_child own = {0};
    collection *placed = NULL;
    nest_slot slot = {.context = &self->context};
    pbase_status status = check_storable(self, name, err);
    if (status == PBASE_OK) {
        status = bound_staged(self, err);
    }
    if (status == PBASE_OK) {
        status = root_slot_find(self, name, &found, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_collection_id id = collection_id(version);
    const collection *staged = found.staged == NULL ? NULL : found.staged->version;
    if (staged != NULL && collection_id_same(collection_id(staged), id)) {
        own = (stored_child){.kind = collection_kind(staged), .id = id};
        slot.held = staged;
    } else if (found.committed && found.entry.is_collection &&
               collection_id_same(found.entry.slot.id, id)) {
        own = (stored_child){.kind = found.entry.slot.kind, .id = id};
    }
    status = nest_place(&slot, own.kind == 0 ? NULL : &own, version, &placed, err);
    if (status == PBASE_OK) {
        status = staged_roots_put(&self->staged, name, placed, NULL, err);
    }
    collection_close(placed);
    pbase_buffer_fini(&found.buffer);
    if (status != PBASE_OK) {
        pbase_error_note(err, "root '%s'", root);
    }
    return status;
}

pbase_status pbase_txn_store(pbase_txn *txn, const char *name, const pbase_collection *version,
                             pbase_error *err)
{
    return txn_store_version(txn, name, (const collection *)version, err);
}

/* ------------------------------------------------------------------------------ values ---- */

/* The value a root holds, stored; empty: it holds none. */
static pbase_bytes value_now(const root_slot *slot)
{
    const staged_root *staged = slot->staged;
    if (staged != NULL) {
        return staged->dropped || staged->version != NULL ? pbase_bytes_of(NULL, 0)
                                                          : pbase_buffer_view(&staged->stored);
    }
    return slot->committed && !slot->entry.is_collection ? slot->entry.stored
                                                         : pbase_bytes_of(NULL, 0);
}

/* The versions of the children of a new value: those that were put, and those it keeps. */
static pbase_status versions_of(nest *placing, const child_versions *before,
                                const pbase_alloc *alloc, child_versions **out, pbase_error *err)
{
    pbase_status status = child_versions_reserve(out, alloc, placing->count, err);
    for (size_t i = 0; i < placing->count && status == PBASE_OK; i++) {
        collection *kept = placing->versions[i] != NULL
                               ? NULL
                               : child_versions_find(before, placing->children[i].id);
        if (kept != NULL) {
            child_versions_put(*out, placing->children[i].id, collection_ref(kept));
        }
    }
    if (status == PBASE_OK) {
        nest_hand_over(placing, *out);
    }
    return status;
}

static pbase_status store_nested(pbase_txn *self, pbase_bytes name, const pbase_value *value,
                                 pbase_buffer *stored, pbase_error *err)
{
    root_slot found;
    nest placing;
    child_versions *versions = NULL;
    pbase_status status = root_slot_find(self, name, &found, err);
    if (status != PBASE_OK) {
        return status;
    }
    const child_versions *before = found.staged == NULL ? NULL : found.staged->children;
    nest_slot slot = {.context = &self->context, .current = value_now(&found), .versions = before};
    nest_init(&placing, self->context.alloc);
    status = nest_encode(&placing, &slot, value, stored, err);
    if (status == PBASE_OK) {
        status = versions_of(&placing, before, self->context.alloc, &versions, err);
    }
    if (status == PBASE_OK) {
        status =
            staged_roots_put_value(&self->staged, name, pbase_buffer_view(stored), versions, err);
    }
    if (status != PBASE_OK) {
        child_versions_drop(versions);
    }
    nest_fini(&placing);
    pbase_buffer_fini(&found.buffer);
    return status;
}

pbase_status pbase_txn_store_value(pbase_txn *txn, const char *name, const pbase_value *value,
                                   pbase_error *err)
{
    pbase_bytes text = pbase_bytes_text(name);
    pbase_buffer stored;
    pbase_status status = check_storable(txn, text, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (value->kind == PBASE_HANDLE) {
        return pbase_txn_store(txn, name, value->as.handle, err);
    }
    if (value->kind == PBASE_CHILD) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "root '%s': a child of a value cannot become the root itself", name);
    }
    pbase_buffer_init(&stored, txn->context.alloc);
    if (nest_needed(value)) {
        status = store_nested(txn, text, value, &stored, err);
    } else {
        status = store_value_encode(engine_store(txn->engine), value, &stored, err);
        pbase_bytes bytes = pbase_buffer_view(&stored);
        if (status == PBASE_OK) {
            status = staged_roots_put(&txn->staged, text, NULL, &bytes, err);
        }
    }
    pbase_buffer_fini(&stored);
    return status;
}

pbase_status txn_root_child(pbase_txn *self, pbase_bytes name, uint64_t n, collection **out,
                            pbase_error *err)
{
    root_slot found;
    stored_child child;
    pbase_status status = txn_check_open(self, err);
    if (status == PBASE_OK) {
        status = txn_track_root(self, name, err);
    }
    if (status == PBASE_OK) {
        status = root_slot_find(self, name, &found, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    nest_slot slot = {.context = &self->context,
                      .versions = found.staged == NULL ? NULL : found.staged->children};
    if (stored_child_at(value_now(&found), n, &child)) {
        status = nest_open(&slot, &child, name, out, err);
    } else {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "the value of root '%.*s' has no child %" PRIu64,
                            (int)name.size, (const char *)name.data, n);
    }
    pbase_buffer_fini(&found.buffer);
    return status;
}
