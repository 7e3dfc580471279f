/* settle.c - from memory to storage: writing what is not written, and letting go of what is.
 *
 * Settling goes down through nodes in memory only. Below each inner node its children are made
 * ready first (their own children are settled), then written in one batch, cut to size, with the
 * pointers of what they refer to put into the copy; an atom_memory remembers where it went. Readers
 * of the same nodes see no difference. */
#include "collection/node_build.h"
#include "collection/patch.h"
#include "collection/tree_private.h"

#include <inttypes.h>

/* ------------------------------------------------------------------------------- batches ------ */

#define BATCH_ATOMS_MAX 256u
#define BATCH_BYTES_MAX (4u << 20)

/* Atoms that are written in one call. */
typedef struct {
    atom_source *source;
    uint32_t count;
    uint32_t types[BATCH_ATOMS_MAX];
    atom_memory *atoms[BATCH_ATOMS_MAX];
    pbase_bytes payloads[BATCH_ATOMS_MAX];
    size_t bytes;                     /* of all payloads */
    uint8_t *copies[BATCH_ATOMS_MAX]; /* payloads of our own, NULL: the atom's itself */
} batch;

static void batch_clear(batch *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        pbase_alloc_free(self->source->alloc, self->copies[i], self->payloads[i].size);
    }
    self->count = 0;
    self->bytes = 0;
}

static pbase_status batch_create(atom_source *source, batch **out, pbase_error *err)
{
    batch *self = pbase_alloc_new(source->alloc, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to settle a tree");
    }
    self->source = source;
    self->count = 0;
    self->bytes = 0;
    *out = self;
    return PBASE_OK;
}

static void batch_destroy(batch *self)
{
    if (self != NULL) {
        batch_clear(self);
        pbase_alloc_free(self->source->alloc, self, sizeof *self);
    }
}

static pbase_status batch_flush(batch *self, pbase_error *err)
{
    pbase_atom_pointer pointers[BATCH_ATOMS_MAX];
    if (self->count == 0) {
        return PBASE_OK;
    }
    pbase_status status = self->source->vtable->write(self->source, self->types, self->payloads,
                                                      self->count, pointers, err);
    for (uint32_t i = 0; status == PBASE_OK && i < self->count; i++) {
        atomic_store_explicit(&self->atoms[i]->settled, pointers[i], memory_order_release);
    }
    batch_clear(self);
    return status;
}

/* Adds an atom; `copy`, when not NULL, is its payload as it is to be stored and becomes the
 * batch's. */
static pbase_status batch_add(batch *self, atom_memory *atom, uint8_t *copy, uint32_t size,
                              pbase_error *err)
{
    uint32_t i = self->count++;
    self->types[i] = atom->type;
    self->atoms[i] = atom;
    self->copies[i] = copy;
    self->payloads[i] = pbase_bytes_of(copy == NULL ? atom->payload : copy, size);
    self->bytes += size;
    bool full = self->count == BATCH_ATOMS_MAX || self->bytes >= BATCH_BYTES_MAX;
    return full ? batch_flush(self, err) : PBASE_OK;
}

/* ------------------------------------------------------------------------------ settling ------ */

static pbase_atom_pointer settled_at(atom_ref ref)
{
    return atomic_load_explicit(&atom_ref_memory(ref)->settled, memory_order_acquire);
}

static bool is_dirty(atom_ref ref)
{
    return atom_ref_is_memory(ref) && settled_at(ref) == PBASE_ATOM_NONE;
}

/* Where a reference leads once it is settled. */
static atom_ref stored_ref(atom_ref ref)
{
    return atom_ref_is_memory(ref) ? atom_ref_of_pointer(settled_at(ref)) : ref;
}

/* Has an inner entry, whose reference is at `at`, say of a node in memory what it is once stored. */
static void put_stored(uint8_t *at, atom_ref ref)
{
    node self = tree_node_memory(ref);
    uint32_t size = node_stored_size(&self);
    bool row = self.level == 0 && size < node_live_size(&self);
    pbase_put_u32(at - NODE_CHILD_REF + NODE_CHILD_SIZE, size);
    at[NODE_CHILD_FLAGS - NODE_CHILD_REF] =
        (uint8_t)((self.flags & (NODE_OWNS | NODE_PATCH)) | (row ? NODE_ROW : 0u));
}

/* Puts stored references into a packed copy of `self`, all of which are settled. */
static void pack_references(const node *self, uint8_t *copy, uint32_t size)
{
    node packed = node_of(copy, size);
    bool owner = self->level != 0 || (self->flags & NODE_OWNS) != 0;
    for (uint32_t i = 0; owner && i < self->count; i++) {
        const uint8_t *from = node_ref_at(self, i);
        if (from == NULL || !atom_ref_is_memory(pbase_get_u64(from))) {
            continue;
        }
        atom_ref ref = pbase_get_u64(from);
        uint8_t *to = copy + (node_ref_at(&packed, i) - copy);
        pbase_put_u64(to, stored_ref(ref));
        if (self->level != 0) {
            put_stored(to, ref);
        }
    }
}

/* Adds a node whose references are all settled. */
static pbase_status batch_add_node(batch *self, atom_ref ref, pbase_error *err)
{
    node at = tree_node_memory(ref);
    uint32_t size = node_stored_size(&at);
    uint8_t *copy = pbase_alloc_new(self->source->alloc, size);
    if (copy == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a node of %" PRIu32 " bytes", size);
    }
    node_pack(&at, copy);
    pack_references(&at, copy, size);
    return batch_add(self, atom_ref_memory(ref), copy, size, err);
}

static pbase_status settle_references(atom_source *source, const node *self, pbase_error *err);

/* Settles what a leaf refers to: large values, and other trees. */
static pbase_status settle_leaf(atom_source *source, const node *leaf, batch *values,
                                pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; status == PBASE_OK && i < leaf->count; i++) {
        const uint8_t *at = node_ref_at(leaf, i);
        atom_ref ref = at == NULL ? ATOM_REF_NONE : pbase_get_u64(at);
        if (!is_dirty(ref)) {
            continue;
        }
        atom_memory *memory = atom_ref_memory(ref);
        if (memory->type == ATOM_VALUE) {
            status = batch_add(values, memory, NULL, memory->size, err);
        } else {
            atom_ref unused;
            status = tree_settle(source, ref, &unused, err);
        }
    }
    return status;
}

/* Settles what the dirty children of an inner node refer to. */
static pbase_status settle_grandchildren(atom_source *source, const node *self, batch *values,
                                         pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; status == PBASE_OK && i < self->count; i++) {
        atom_ref ref = node_child_at(self, i).ref;
        if (!is_dirty(ref)) {
            continue;
        }
        node child = tree_node_memory(ref);
        if (child.level != 0) {
            status = settle_references(source, &child, err);
        } else if ((child.flags & NODE_OWNS) != 0) {
            status = settle_leaf(source, &child, values, err);
        }
    }
    return status == PBASE_OK ? batch_flush(values, err) : status;
}

/* Settles everything a node refers to. */
static pbase_status settle_references(atom_source *source, const node *self, pbase_error *err)
{
    if (self->level == 0 && (self->flags & NODE_OWNS) == 0) {
        return PBASE_OK;
    }
    batch *atoms = NULL;
    pbase_status status = batch_create(source, &atoms, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (self->level == 0) {
        status = settle_leaf(source, self, atoms, err);
    } else {
        status = settle_grandchildren(source, self, atoms, err);
    }
    for (uint32_t i = 0; status == PBASE_OK && self->level != 0 && i < self->count; i++) {
        atom_ref ref = node_child_at(self, i).ref;
        if (is_dirty(ref)) {
            status = batch_add_node(atoms, ref, err);
        }
    }
    if (status == PBASE_OK) {
        status = batch_flush(atoms, err);
    }
    batch_destroy(atoms);
    return status;
}

pbase_status tree_settle(atom_source *source, atom_ref ref, atom_ref *out, pbase_error *err)
{
    if (!is_dirty(ref)) {
        *out = stored_ref(ref);
        return PBASE_OK;
    }
    node root = tree_node_memory(ref);
    batch *atoms = NULL;
    pbase_status status = settle_references(source, &root, err);
    if (status == PBASE_OK) {
        status = batch_create(source, &atoms, err);
    }
    if (status == PBASE_OK) {
        status = batch_add_node(atoms, ref, err);
    }
    if (status == PBASE_OK) {
        status = batch_flush(atoms, err);
    }
    batch_destroy(atoms);
    if (status == PBASE_OK) {
        *out = stored_ref(ref);
    }
    return status;
}

void tree_unsettle(atom_ref ref)
{
    if (!atom_ref_is_memory(ref)) {
        return;
    }
    atom_memory *memory = atom_ref_memory(ref);
    atomic_store_explicit(&memory->settled, PBASE_ATOM_NONE, memory_order_release);
    if (memory->type != ATOM_NODE) {
        return;
    }
    node self = tree_node_memory(ref);
    bool owner = self.level != 0 || (self.flags & NODE_OWNS) != 0;
    for (uint32_t i = 0; owner && i < self.count; i++) {
        const uint8_t *at = node_ref_at(&self, i);
        tree_unsettle(at == NULL ? ATOM_REF_NONE : pbase_get_u64(at));
    }
}

/* ------------------------------------------------------------------------------ rebasing ------ */

/* A copy of an unsettled node, of which every reference is one count of ours; NULL: no memory. */
static atom_memory *rebase_copy(atom_source *source, const node *self)
{
    uint32_t type = node_is_patch(self) ? ATOM_PATCH : ATOM_NODE;
    atom_memory *memory = atom_memory_create(source, type, self->size);
    if (memory != NULL) {
        memory->size = self->size;
        memcpy(memory->payload, self->payload, self->size);
        tree_node_keep(self);
    }
    return memory;
}

/* Puts `to` in the place of `from`, reference `index` of the copy. */
static void rebase_patch(atom_source *source, const tree_moves *moved, atom_memory *copy,
                         uint32_t index, atom_ref from, atom_ref to)
{
    node self = node_of(copy->payload, copy->size);
    uint8_t *at = copy->payload + (node_ref_at(&self, index) - copy->payload);
    pbase_put_u64(at, to);
    if (self.level != 0 && atom_ref_is_memory(from) && atom_ref_is_stored(to)) {
        put_stored(at, from);
    }
    if (self.level == 1 && moved != NULL) {
        tree_moves_tell(moved, at, to);
    }
    tree_drop(source, from);
}

/* Where a reference leads once it is settled, and has moved. */
static atom_ref moved_ref(atom_ref ref, const tree_moves *moved)
{
    atom_ref to = stored_ref(ref);
    if (moved != NULL) {
        (void)ref_map_find(&moved->refs, to, &to); /* else it is where it was */
    }
    return to;
}

/* Rebases what reference `index` leads to; when that changes it, in a copy of the node, which is
 * made at the first change. */
static pbase_status rebase_reference(atom_source *source, const node *self, uint32_t index,
                                     const tree_moves *moved, atom_memory **copy, pbase_error *err)
{
    const uint8_t *at = node_ref_at(self, index);
    atom_ref from = at == NULL ? ATOM_REF_NONE : pbase_get_u64(at), to;
    if (from == ATOM_REF_NONE || (moved == NULL && !atom_ref_is_memory(from))) {
        return PBASE_OK;
    }
    pbase_status status = tree_rebase(source, from, moved, &to, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (to == from) {
        tree_drop(source, to); /* the count that tree_rebase gave us */
        return PBASE_OK;
    }
    if (*copy == NULL) {
        *copy = rebase_copy(source, self);
    }
    if (*copy == NULL) {
        tree_drop(source, to);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a node of %" PRIu32 " bytes",
                          self->size);
    }
    rebase_patch(source, moved, *copy, index, from, to);
    return PBASE_OK;
}

/* A patch of a leaf that has moved, in a copy. One that became a whole leaf with an older patch stays where it is
 * for this one. */
static pbase_status rebase_patch_base(atom_source *source, atom_ref ref, const tree_moves *moved,
                                      atom_ref *out, pbase_error *err)
{
    node self = tree_node_memory(ref);
    patch_base base = patch_base_of(&self);
    if (moved == NULL || !ref_map_find(&moved->refs, base.ref, &base.ref)) {
        *out = atom_ref_keep(ref);
        return PBASE_OK;
    }
    atom_memory *copy = rebase_copy(source, &self);
    if (copy == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a patch of %" PRIu32 " bytes",
                          self.size);
    }
    patch_base_put(copy->payload, copy->size, &base);
    *out = atom_ref_of_memory(copy);
    return PBASE_OK;
}

pbase_status tree_rebase(atom_source *source, atom_ref ref, const tree_moves *moved, atom_ref *out,
                         pbase_error *err)
{
    if (!is_dirty(ref)) {
        *out = moved_ref(ref, moved);
        return PBASE_OK;
    }
    if (atom_ref_memory(ref)->type == ATOM_PATCH) {
        return rebase_patch_base(source, ref, moved, out, err);
    }
    atom_memory *copy = NULL;
    pbase_status status = PBASE_OK;
    if (atom_ref_memory(ref)->type == ATOM_NODE) {
        node self = tree_node_memory(ref);
        bool owner = self.level != 0 || (self.flags & NODE_OWNS) != 0;
        for (uint32_t i = 0; owner && status == PBASE_OK && i < self.count; i++) {
            status = rebase_reference(source, &self, i, moved, &copy, err);
        }
    }
    if (status == PBASE_OK) {
        *out = copy == NULL ? atom_ref_keep(ref) : atom_ref_of_memory(copy);
    } else if (copy != NULL) {
        tree_drop(source, atom_ref_of_memory(copy));
    }
    return status;
}
