/* patch.c - from a patch and its base to the leaf they stand for.
 *
 * The leaf is the base with the entries of the patch put into it one by one, in a piece of memory that
 * has room for all of them; where one does not fit the form of the leaf, that is written anew. */
#include "collection/patch.h"
#include "collection/node_change.h"

#include <inttypes.h>

/* -------------------------------------------------------------------------------- lending ----- */

/* Whether a lent atom is a patch that may stand where a parent says. */
static bool is_patch_at(const atom_view *view, const node_said *said, bool positional)
{
    return view->type == ATOM_PATCH && view->size >= NODE_HEADER_BYTES + NODE_BASE_BYTES &&
           !positional &&
           (said->level < 0 ||
            (said->level == 1 && pbase_get_u64(view->payload + NODE_AT_TOTAL) == said->count));
}

pbase_status node_acquire_raw(atom_source *source, atom_ref ref, const node *parent, uint32_t index,
                              bool positional, atom_view *view, node *out, pbase_error *err)
{
    node_said said = {ref, 0, index, -1};
    if (parent != NULL) {
        said = node_said_of(parent, index);
    }
    pbase_status status = atom_acquire(source, ref, view, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (!node_is_said(view, &said, positional) && !is_patch_at(view, &said, positional)) {
        node_refuse(source, &said, positional, view, err);
        return PBASE_CORRUPT;
    }
    node_prefetch(view, parent);
    *out = node_of(view->payload, view->size);
    return PBASE_OK;
}

static uint64_t pointer_of(atom_ref ref)
{
    return atom_ref_is_stored(ref) ? atom_ref_pointer(ref) : 0;
}

pbase_status patch_base_acquire(atom_source *source, atom_ref ref, const node *patch,
                                atom_view *view, node *out, pbase_error *err)
{
    patch_base base = patch_base_of(patch);
    pbase_status status = atom_acquire(source, base.ref, view, err);
    if (status != PBASE_OK) {
        pbase_error_note(err, "the leaf of the patch at %#" PRIx64, pointer_of(ref));
        return status;
    }
    bool is_leaf = view->type == ATOM_NODE && view->size == base.size;
    if (is_leaf) {
        *out = node_of(view->payload, view->size);
        is_leaf = out->level == 0 && out->count == base.count &&
                  (out->flags & (NODE_POSITIONAL | NODE_OWNS | NODE_PATCH)) == 0;
    }
    if (!is_leaf) {
        atom_release(source, view);
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "the atom at %#" PRIx64 " is not the leaf of %" PRIu32
                          " entries that the patch at %#" PRIx64 " is of",
                          pointer_of(base.ref), base.count, pointer_of(ref));
    }
    return PBASE_OK;
}

/* Gives the view of a patch to its base, unless the patch has the key. */
static pbase_status choose(atom_source *source, atom_ref ref, pbase_bytes key, atom_view *view,
                           pbase_error *err)
{
    bool found;
    node patch = node_of(view->payload, view->size), base;
    atom_view other;
    (void)node_search(&patch, key, &found); /* where does not matter */
    if (found) {
        return PBASE_OK;
    }
    pbase_status status = patch_base_acquire(source, ref, &patch, &other, &base, err);
    if (status == PBASE_OK) {
        atom_release(source, view);
        *view = other;
    }
    return status;
}

pbase_status node_acquire_patched(atom_source *source, const node_said *said, bool positional,
                                  pbase_bytes key, atom_view *view, pbase_error *err)
{
    node unused;
    if (!is_patch_at(view, said, positional)) {
        node_refuse(source, said, positional, view, err);
        return PBASE_CORRUPT;
    }
    pbase_status status = key.size != 0 ? choose(source, said->ref, key, view, err)
                                        : patch_merge(source, said->ref, view, &unused, err);
    if (status != PBASE_OK) {
        atom_release(source, view);
    }
    return status;
}

/* -------------------------------------------------------------------------------- merging ----- */

typedef struct {
    atom_source *source;
    atom_memory *memory; /* the leaf so far */
    node leaf;
    uint32_t room; /* that the entries which are still to be put may take */
    pbase_buffer key;
} merge;

static atom_memory *merge_memory(atom_source *source, uint32_t size)
{
    atom_memory *memory = atom_memory_create(source, ATOM_NODE, (size + 15u) & ~15u);
    if (memory != NULL) {
        memory->size = memory->capacity;
    }
    return memory;
}

static pbase_status merge_begin(merge *self, const node *base, const node *patch, pbase_error *err)
{
    self->room = 2u * node_live_size(patch); /* behind a shorter prefix each may be longer */
    self->memory = merge_memory(self->source, node_live_size(base) + self->room);
    if (self->memory == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a leaf of %" PRIu32 " entries",
                          base->count);
    }
    node_copy(base, self->memory->payload, self->memory->size);
    self->leaf = node_of(self->memory->payload, self->memory->size);
    return PBASE_OK;
}

/* Writes the leaf anew, with the change. */
static pbase_status merge_anew(merge *self, const node_change *change, pbase_error *err)
{
    node_plan plan;
    node_plan_init(&plan, 0, false);
    node_plan_changed(&plan, &self->leaf, change);
    atom_memory *memory =
        merge_memory(self->source, node_plan_size(&plan, 0, plan.count) + self->room);
    if (memory == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a leaf of %" PRIu32 " entries",
                          plan.count);
    }
    node_plan_write(&plan, 0, plan.count, memory->payload, memory->size);
    atom_memory_destroy(self->source, self->memory);
    self->memory = memory;
    self->leaf = node_of(memory->payload, memory->size);
    return PBASE_OK;
}

static pbase_status merge_put(merge *self, const node *patch, uint32_t index, pbase_error *err)
{
    node_change change;
    bool found = false;
    memset(&change, 0, sizeof change);
    self->key.size = 0;
    pbase_status status = node_key_append(patch, index, &self->key, err);
    if (status != PBASE_OK) {
        return status;
    }
    node_entry_read(patch, index, &change.item);
    change.has_item = true;
    change.from = node_search(&self->leaf, pbase_buffer_view(&self->key), &found);
    change.to = change.from + (found ? 1u : 0u);
    if (!node_change_has_room(&self->leaf, &change, self->memory->size)) {
        return merge_anew(self, &change, err);
    }
    self->leaf = node_change_apply(&self->leaf, self->memory->payload, &change);
    return PBASE_OK;
}

static pbase_status merge_run(merge *self, atom_ref ref, const node *base, const node *patch,
                              pbase_error *err)
{
    pbase_status status = merge_begin(self, base, patch, err);
    for (uint32_t i = 0; status == PBASE_OK && i < patch->count; i++) {
        status = merge_put(self, patch, i, err);
    }
    if (status == PBASE_OK && self->leaf.count != node_total(patch)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "the patch at %#" PRIx64 " and its leaf have %" PRIu32
                            " entries together, and not the %" PRIu64 " it says",
                            pointer_of(ref), self->leaf.count, node_total(patch));
    }
    return status;
}

pbase_status patch_merge(atom_source *source, atom_ref ref, atom_view *view, node *out,
                         pbase_error *err)
{
    merge run = {.source = source, .memory = NULL};
    node patch = node_of(view->payload, view->size), base;
    atom_view base_view;
    pbase_status status = patch_base_acquire(source, ref, &patch, &base_view, &base, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_buffer_init(&run.key, source->alloc);
    status = merge_run(&run, ref, &base, &patch, err);
    pbase_buffer_fini(&run.key);
    atom_release(source, &base_view);
    if (status == PBASE_OK) {
        atom_release(source, view);
        view->payload = run.memory->payload;
        view->size = run.memory->size;
        view->type = ATOM_NODE;
        view->pin = (void *)((uintptr_t)run.memory | ATOM_PIN_MEMORY);
        *out = run.leaf;
    } else if (run.memory != NULL) {
        atom_memory_destroy(source, run.memory);
    }
    return status;
}
