/* patch.h - leaves of which only what changed is stored.
 *
 * In a tree much larger than what is changed between two checkpoints a leaf gets one change or two, and
 * would be written anew for them. Instead it stays where it is, as the *base* of a patch: an atom with the
 * entries that were put since; what they replace stands in the base as before. A patch looks like a leaf,
 * with NODE_PATCH in its flags, the total of the leaf it stands for, and behind its entries
 *
 *   u64 reference to the base | u32 size of its payload | u32 its entries
 *
 * A base is a stored leaf, never a patch, and refers to nothing; so do the entries of a patch. There are
 * puts in it only: a removal, or a patch above a quarter of its base, writes the leaf anew.
 *
 * Where nodes are lent (node_acquire_patched) a patch gives way to the whole leaf, made in memory for
 * the one view; a look-up of a single key gets what has its entry, patch or base. So only what writes,
 * counts or moves atoms knows of patches: edit, settle, tree_move, walk.
 *
 * Threads: pure functions over bytes, and the source's. */
#ifndef PROTOBASE_COLLECTION_PATCH_H
#define PROTOBASE_COLLECTION_PATCH_H
#include "collection/node.h"

#define PATCH_PART 4u /* of its base: a larger patch is no gain */

typedef struct {
    atom_ref ref;   /* stored */
    uint32_t size;  /* of the payload */
    uint32_t count; /* entries */
} patch_base;

static inline bool node_is_patch(const node *self)
{
    return (self->flags & NODE_PATCH) != 0;
}
static inline patch_base patch_base_of(const node *patch)
{
    const uint8_t *at = patch->payload + patch->size - NODE_BASE_BYTES;
    patch_base base = {pbase_get_u64(at), pbase_get_u32(at + 8), pbase_get_u32(at + 12)};
    return base;
}
/* Puts it behind the entries of a patch of `size` bytes. */
static inline void patch_base_put(uint8_t *payload, uint32_t size, const patch_base *base)
{
    uint8_t *at = payload + size - NODE_BASE_BYTES;
    pbase_put_u64(at, base->ref);
    pbase_put_u32(at + 8, base->size);
    pbase_put_u32(at + 12, base->count);
}

/* The stored patch at a place; false: there is none, or it may not be read yet. */
static inline bool patch_at(const atom_place *where, node *out)
{
    if (where->verified == NULL || !atom_place_readable(where)) {
        return false;
    }
    const uint8_t *header = where->payload - ATOM_MAPPED_HEADER;
    if (header[ATOM_MAPPED_AT_TYPE] != ATOM_PATCH) {
        return false;
    }
    *out = node_of(where->payload, pbase_get_u32(header + ATOM_MAPPED_AT_SIZE));
    return true;
}

/* Of a patch as errors name it; 0: it is in memory. */
static inline uint64_t patch_pointer_of(atom_ref ref)
{
    return atom_ref_is_stored(ref) ? atom_ref_pointer(ref) : 0;
}

/* Lends a node as it is, a patch as a patch; else like node_acquire. */
PBASE_MUST_CHECK pbase_status node_acquire_raw(atom_source *source, atom_ref ref,
                                               const node *parent, uint32_t index, bool positional,
                                               atom_view *view, node *out, pbase_error *err);
/* Lends the base of the patch at `ref`. CORRUPT: it is not the leaf that the patch says. */
PBASE_MUST_CHECK pbase_status patch_base_acquire(atom_source *source, atom_ref ref,
                                                 const node *patch, atom_view *view, node *out,
                                                 pbase_error *err);
/* Makes the view of a patch one of the whole leaf, made for it. After a failure the view is of the patch
 * still. (patch_merge.c) */
PBASE_MUST_CHECK pbase_status patch_merge(atom_source *source, atom_ref ref, atom_view *view,
                                          node *out, pbase_error *err);
/* The same, in the memory of a leaf that was made before and is not needed any more, if that is large enough:
 * `*spare` is NULL then. For who makes many: memory is counted, which all threads do in one place. */
PBASE_MUST_CHECK pbase_status patch_merge_into(atom_source *source, atom_ref ref, atom_view *view,
                                               node *out, atom_memory **spare, pbase_error *err);

#endif
