/* patch.c - lending what a patch stands for: the patch or its base for one key, else the whole leaf. */
#include "collection/patch.h"
#include "collection/search.h"

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
    node_said said = parent == NULL ? node_said_root(ref, index) : node_said_of(parent, index);
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

pbase_status patch_base_acquire(atom_source *source, atom_ref ref, const node *patch,
                                atom_view *view, node *out, pbase_error *err)
{
    patch_base base = patch_base_of(patch);
    pbase_status status = atom_acquire(source, base.ref, view, err);
    if (status != PBASE_OK) {
        pbase_error_note(err, "the leaf of the patch at %#" PRIx64, patch_pointer_of(ref));
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
                          patch_pointer_of(base.ref), base.count, patch_pointer_of(ref));
    }
    return PBASE_OK;
}

/* Asks for what a search of a key at `part` of the base touches: while the patch is looked into it comes
 * from memory. Whether the base lies in a row is not known here; nearly all do. */
static void ask_base(const atom_source *source, const patch_base *base, uint32_t part)
{
    node_child leaf = {base->ref, base->count, base->size, NODE_ROW};
    atom_place where = atom_place_of(source, base->ref);
    atom_place_prefetch(&where, NODE_LEAF_AHEAD);
    if (where.payload != NULL && part != NODE_PART_UNKNOWN) {
        search_ask(where.payload + node_leaf_guess(&leaf, part, NODE_GUESS_LINES),
                   NODE_GUESS_LINES);
    }
}

/* Gives the view of a patch to its base, unless the patch has the key. */
static pbase_status choose(atom_source *source, const node_said *said, pbase_bytes key,
                           atom_view *view, pbase_error *err)
{
    uint32_t index;
    bool found = false;
    node patch = node_of(view->payload, view->size), base;
    patch_base of = patch_base_of(&patch);
    atom_view other;
    ask_base(source, &of, said->part);
    if (node_find_head(&patch, key, &index)) {
        (void)node_search(&patch, key, &found); /* where does not matter */
    }
    if (found) {
        return PBASE_OK;
    }
    pbase_status status = patch_base_acquire(source, said->ref, &patch, &other, &base, err);
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
    pbase_status status = key.size != 0 ? choose(source, said, key, view, err)
                                        : patch_merge(source, said->ref, view, &unused, err);
    if (status != PBASE_OK) {
        atom_release(source, view);
    }
    return status;
}
