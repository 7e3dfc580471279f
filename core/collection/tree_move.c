/* tree_move.c - stored atoms are written anew, so that where they lay can be given back.
 *
 * Nothing but references changes: a node that moves keeps its bytes, and so does one above it but for
 * where its children are; sizes stay what parents say they are. Only of a leaf that moves and has a patch
 * both are written as one, whose size and flags the parents then tell. What moves below a node is written
 * before the node, leaves in batches straight from where they are read. The map remembers each node
 * that was gone into, so that trees which share nodes go on sharing them. */
#include "collection/node_build.h"
#include "collection/patch.h"
#include "collection/tree_private.h"

#include <inttypes.h>

#define BATCH_ATOMS_MAX 256u
#define BATCH_BYTES_MAX (4u << 20)

/* Leaves that are written in one call: lent until then. */
typedef struct {
    uint32_t count;
    size_t bytes;
    uint32_t indexes[BATCH_ATOMS_MAX]; /* of the parent's entries */
    uint32_t types[BATCH_ATOMS_MAX];
    atom_view views[BATCH_ATOMS_MAX];
    pbase_bytes payloads[BATCH_ATOMS_MAX];
} batch;

typedef struct {
    atom_source *source;
    const tree_mover *mover;
    tree_moves *moved;
    uint32_t nesting; /* of trees in trees */
} move;

/* A node whose references are looked at. */
typedef struct {
    const node *at;
    uint8_t *copy; /* of the payload, with references that changed; NULL: none did */
    batch *leaves;
} visit;

static pbase_status move_node(const move *self, atom_ref ref, const node *parent, uint32_t index,
                              bool positional, atom_ref *out, pbase_error *err);

/* --------------------------------------------------------------------------------- moves ------ */

void tree_moves_init(tree_moves *self, const pbase_alloc *alloc)
{
    ref_map_init(&self->refs, alloc);
    ref_map_init(&self->leaves, alloc);
}

void tree_moves_fini(tree_moves *self)
{
    ref_map_fini(&self->refs);
    ref_map_fini(&self->leaves);
}

/* A leaf that took the place of a patch is at `to`. */
static pbase_status moves_add_leaf(tree_moves *self, atom_ref to, pbase_bytes payload,
                                   pbase_error *err)
{
    uint64_t flags = payload.data[NODE_AT_FLAGS] & NODE_ROW;
    return ref_map_add(&self->leaves, to, (uint64_t)payload.size << 8 | flags, err);
}

void tree_moves_tell(const tree_moves *self, uint8_t *at, atom_ref to)
{
    uint64_t said = 0;
    if (ref_map_find(&self->leaves, to, &said)) {
        pbase_put_u32(at - NODE_CHILD_REF + NODE_CHILD_SIZE, (uint32_t)(said >> 8));
        at[NODE_CHILD_FLAGS - NODE_CHILD_REF] = (uint8_t)said;
    }
}

/* ------------------------------------------------------------------------------- writing ------ */

static pbase_status write_one(const move *self, uint32_t type, pbase_bytes payload, atom_ref *out,
                              pbase_error *err)
{
    pbase_atom_pointer pointer = PBASE_ATOM_NONE;
    pbase_status status =
        self->source->vtable->write(self->source, &type, &payload, 1, &pointer, err);
    if (status == PBASE_OK) {
        *out = atom_ref_of_pointer(pointer);
    }
    return status;
}

/* Makes the copy at the first change. */
static pbase_status copy_of(const move *self, visit *node_visit, pbase_error *err)
{
    const node *at = node_visit->at;
    if (node_visit->copy == NULL) {
        node_visit->copy = pbase_alloc_new(self->source->alloc, at->size);
        if (node_visit->copy == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to move a node");
        }
        memcpy(node_visit->copy, at->payload, at->size);
    }
    return PBASE_OK;
}

/* Puts `to` in the place of reference `index`. */
static pbase_status patch(const move *self, visit *node_visit, uint32_t index, atom_ref to,
                          pbase_error *err)
{
    const node *at = node_visit->at;
    pbase_status status = copy_of(self, node_visit, err);
    if (status == PBASE_OK) {
        uint8_t *place = node_visit->copy + (node_ref_at(at, index) - at->payload);
        pbase_put_u64(place, to);
        if (at->level == 1) {
            tree_moves_tell(self->moved, place, to);
        }
    }
    return status;
}

static void batch_clear(const move *self, batch *leaves)
{
    for (uint32_t i = 0; i < leaves->count; i++) {
        atom_release(self->source, &leaves->views[i]);
    }
    leaves->count = 0;
    leaves->bytes = 0;
}

/* Writes the leaves that wait, and has the parent name where they are now. */
static pbase_status batch_write(const move *self, visit *parent, pbase_error *err)
{
    batch *leaves = parent->leaves;
    pbase_atom_pointer pointers[BATCH_ATOMS_MAX];
    if (leaves == NULL || leaves->count == 0) {
        return PBASE_OK;
    }
    pbase_status status = self->source->vtable->write(self->source, leaves->types, leaves->payloads,
                                                      leaves->count, pointers, err);
    for (uint32_t i = 0; status == PBASE_OK && i < leaves->count; i++) {
        atom_ref from = node_child_at(parent->at, leaves->indexes[i]).ref;
        atom_ref to = atom_ref_of_pointer(pointers[i]);
        status = ref_map_add(&self->moved->refs, from, to, err);
        bool is_folded = leaves->types[i] == ATOM_NODE &&
                         (node_child_at(parent->at, leaves->indexes[i]).flags & NODE_PATCH) != 0;
        if (status == PBASE_OK && is_folded) {
            status = moves_add_leaf(self->moved, to, leaves->payloads[i], err);
        }
        if (status == PBASE_OK) {
            status = patch(self, parent, leaves->indexes[i], to, err);
        }
    }
    batch_clear(self, leaves);
    return status;
}

/* Has a lent leaf, or patch, wait to be written: the view is the batch's, also after a failure. */
static pbase_status batch_add(const move *self, visit *parent, uint32_t index, atom_view *view,
                              pbase_error *err)
{
    if (parent->leaves == NULL) {
        parent->leaves = pbase_alloc_zeroed(self->source->alloc, 1, sizeof *parent->leaves);
        if (parent->leaves == NULL) {
            atom_release(self->source, view);
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to move leaves");
        }
    }
    batch *leaves = parent->leaves;
    uint32_t i = leaves->count++;
    leaves->views[i] = *view;
    leaves->indexes[i] = index;
    leaves->types[i] = view->type;
    leaves->payloads[i] = pbase_bytes_of(view->payload, view->size);
    leaves->bytes += view->size;
    bool is_full = leaves->count == BATCH_ATOMS_MAX || leaves->bytes >= BATCH_BYTES_MAX;
    return is_full ? batch_write(self, parent, err) : PBASE_OK;
}

/* ---------------------------------------------------------------------------- references ------ */

/* A leaf that refers to nothing: not read unless it moves. */
static pbase_status move_plain_leaf(const move *self, visit *parent, uint32_t index,
                                    bool positional, atom_ref *out, pbase_error *err)
{
    node_child child = node_child_at(parent->at, index);
    tree_move_wish wish = TREE_MOVE_NOTHING;
    if (ref_map_find(&self->moved->refs, child.ref, out)) {
        return PBASE_OK;
    }
    pbase_status status = self->mover->wish(self->mover->state, child.ref, child.size, &wish, err);
    if (status != PBASE_OK || wish != TREE_MOVE_IT) {
        return status;
    }
    atom_view view;
    node leaf;
    status =
        node_acquire(self->source, child.ref, parent->at, index, positional, &view, &leaf, err);
    return status == PBASE_OK ? batch_add(self, parent, index, &view, err) : status;
}

/* Makes the view of a patch one of the whole leaf as it is stored. */
static pbase_status fold(const move *self, atom_ref ref, atom_view *view, pbase_error *err)
{
    node leaf;
    pbase_status status = patch_merge(self->source, ref, view, &leaf, err);
    atomic_fetch_add_explicit(&self->source->patches_folded, status == PBASE_OK,
                              memory_order_relaxed);
    uint32_t size = status == PBASE_OK ? node_stored_size(&leaf) : 0;
    if (status != PBASE_OK || size == leaf.size) {
        return status;
    }
    atom_memory *memory = atom_memory_create(self->source, ATOM_NODE, size);
    if (memory == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a leaf of %" PRIu32 " bytes", size);
    }
    node_pack(&leaf, memory->payload);
    memory->size = size;
    atom_release(self->source, view);
    atom_view packed = {memory->payload, size, ATOM_NODE,
                        (void *)((uintptr_t)memory | ATOM_PIN_MEMORY)};
    *view = packed;
    return PBASE_OK;
}

/* The same, unless the leaf cannot be read: then it stays where it is, and `of_base` says so. */
static pbase_status fold_if_readable(const move *self, atom_ref ref, atom_view *view,
                                     tree_move_wish *of_base, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = fold(self, ref, view, &why);
    if (status == PBASE_CORRUPT || status == PBASE_LOST || status == PBASE_FORMAT ||
        status == PBASE_IO) {
        *of_base = TREE_MOVE_NOTHING;
        return PBASE_OK;
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

/* A patch: as it is, or as one with its leaf where that moves. */
static pbase_status move_patch(const move *self, visit *parent, uint32_t index, atom_ref *out,
                               pbase_error *err)
{
    node_child child = node_child_at(parent->at, index);
    tree_move_wish wish = TREE_MOVE_NOTHING, of_base = TREE_MOVE_NOTHING;
    atom_view view;
    node at;
    if (ref_map_find(&self->moved->refs, child.ref, out)) {
        return PBASE_OK;
    }
    pbase_status status = self->mover->wish(self->mover->state, child.ref, child.size, &wish, err);
    if (status != PBASE_OK || wish == TREE_MOVE_NOTHING) {
        return status;
    }
    status = node_acquire_raw(self->source, child.ref, parent->at, index, false, &view, &at, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (node_is_patch(&at)) {
        patch_base base = patch_base_of(&at);
        status = self->mover->wish(self->mover->state, base.ref, base.size, &of_base, err);
    }
    if (status == PBASE_OK && of_base == TREE_MOVE_IT) {
        status = fold_if_readable(self, child.ref, &view, &of_base, err);
    }
    if (status == PBASE_OK && (wish == TREE_MOVE_IT || of_base == TREE_MOVE_IT)) {
        return batch_add(self, parent, index, &view, err);
    }
    atom_release(self->source, &view);
    return status;
}

static pbase_status move_value(const move *self, const node_entry *entry, atom_ref *out,
                               pbase_error *err)
{
    atom_view view;
    tree_move_wish wish = TREE_MOVE_NOTHING;
    if (ref_map_find(&self->moved->refs, entry->ref, out)) {
        return PBASE_OK;
    }
    pbase_status status =
        self->mover->wish(self->mover->state, entry->ref, entry->length, &wish, err);
    if (status != PBASE_OK || wish != TREE_MOVE_IT) {
        return status;
    }
    status = node_large_acquire(self->source, entry->ref, entry->length, &view, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = write_one(self, ATOM_VALUE, pbase_bytes_of(view.payload, view.size), out, err);
    atom_release(self->source, &view);
    return status == PBASE_OK ? ref_map_add(&self->moved->refs, entry->ref, *out, err) : status;
}

/* What entry `index` refers to; `*out` stays as it is when that does not move, or not at once. */
static pbase_status move_reference(const move *self, visit *parent, uint32_t index, bool positional,
                                   atom_ref *out, pbase_error *err)
{
    const node *at = parent->at;
    uint8_t flags = at->level > 0 ? node_child_at(at, index).flags : 0;
    if (at->level == 1 && (flags & NODE_PATCH) != 0) {
        return move_patch(self, parent, index, out, err);
    }
    if (at->level > 0) {
        return at->level == 1 && (flags & NODE_OWNS) == 0
                   ? move_plain_leaf(self, parent, index, positional, out, err)
                   : move_node(self, *out, at, index, positional, out, err);
    }
    node_entry entry;
    node_entry_read(at, index, &entry);
    if (entry.kind == NODE_VALUE_LARGE) {
        return move_value(self, &entry, out, err);
    }
    if (self->nesting == PBASE_DEPTH_MAX) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "trees nest deeper than %u", PBASE_DEPTH_MAX);
    }
    move inside = *self;
    inside.nesting++;
    return move_node(&inside, *out, NULL, 0, tree_kind_positional(entry.tree_kind), out, err);
}

static pbase_status move_references(const move *self, visit *parent, bool positional,
                                    pbase_error *err)
{
    const node *at = parent->at;
    bool owner = at->level != 0 || (at->flags & NODE_OWNS) != 0;
    pbase_status status = PBASE_OK;
    for (uint32_t i = 0; owner && status == PBASE_OK && i < at->count; i++) {
        const uint8_t *place = node_ref_at(at, i);
        atom_ref from = place == NULL ? ATOM_REF_NONE : pbase_get_u64(place), to = from;
        if (!atom_ref_is_stored(from)) {
            continue;
        }
        status = move_reference(self, parent, i, positional, &to, err);
        if (status == PBASE_OK && to != from) {
            status = patch(self, parent, i, to, err);
        }
    }
    return status == PBASE_OK ? batch_write(self, parent, err) : status;
}

/* ---------------------------------------------------------------------------------- nodes ----- */

static void visit_end(const move *self, visit *seen)
{
    if (seen->leaves != NULL) {
        batch_clear(self, seen->leaves);
        pbase_alloc_free(self->source->alloc, seen->leaves, sizeof *seen->leaves);
    }
    pbase_alloc_free(self->source->alloc, seen->copy, seen->at->size);
}

/* `at` is lent; `*out` is where it is afterwards. */
static pbase_status move_visited(const move *self, atom_ref ref, const node *at, bool itself,
                                 bool positional, atom_ref *out, pbase_error *err)
{
    visit seen = {.at = at};
    atom_ref to = ref;
    pbase_status status = move_references(self, &seen, positional, err);
    if (status == PBASE_OK && (itself || seen.copy != NULL)) {
        const uint8_t *payload = seen.copy != NULL ? seen.copy : at->payload;
        status = write_one(self, ATOM_NODE, pbase_bytes_of(payload, at->size), &to, err);
    }
    visit_end(self, &seen);
    if (status == PBASE_OK) {
        status = ref_map_add(&self->moved->refs, ref, to, err);
    }
    if (status == PBASE_OK) {
        *out = to;
    }
    return status;
}

static pbase_status move_node(const move *self, atom_ref ref, const node *parent, uint32_t index,
                              bool positional, atom_ref *out, pbase_error *err)
{
    atom_view view;
    node at;
    tree_move_wish wish = TREE_MOVE_NOTHING;
    if (ref_map_find(&self->moved->refs, ref, out)) {
        return PBASE_OK;
    }
    uint32_t size = parent == NULL ? 0 : node_child_at(parent, index).size;
    pbase_status status = self->mover->wish(self->mover->state, ref, size, &wish, err);
    if (status != PBASE_OK || wish == TREE_MOVE_NOTHING) {
        return status;
    }
    status = node_acquire_raw(self->source, ref, parent, index, positional, &view, &at, err);
    if (status != PBASE_OK) {
        return status;
    }
    bool is_patch = node_is_patch(&at); /* a root, of which no parent knows the size */
    if (is_patch) {
        status = fold(self, ref, &view, err);
        at = node_of(view.payload, view.size);
    }
    if (status == PBASE_OK) {
        status =
            move_visited(self, ref, &at, wish == TREE_MOVE_IT || is_patch, positional, out, err);
    }
    atom_release(self->source, &view);
    return status;
}

pbase_status tree_move(atom_source *source, atom_ref root, bool positional, const tree_mover *mover,
                       tree_moves *moved, atom_ref *out, pbase_error *err)
{
    move self = {source, mover, moved, 0};
    atom_ref to = root;
    PBASE_ASSERT(root == ATOM_REF_NONE || atom_ref_is_stored(root));
    pbase_status status =
        root == ATOM_REF_NONE ? PBASE_OK : move_node(&self, root, NULL, 0, positional, &to, err);
    if (status == PBASE_OK) {
        *out = to;
    }
    return status;
}
