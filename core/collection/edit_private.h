/* edit_private.h - shared by the files of an edit. */
#ifndef PROTOBASE_COLLECTION_EDIT_PRIVATE_H
#define PROTOBASE_COLLECTION_EDIT_PRIVATE_H
#include "collection/edit.h"

/* What a node is replaced by. */
typedef struct {
    uint32_t count; /* of nodes: 0, 1 or 2 */
    node_child nodes[2];
    node_entry separator; /* key of nodes[1]; of nodes[0] when it is added */
    uint32_t first, end;  /* children of the parent that they replace; none: added at first */
} edit_result;

/* A new node of `size` bytes, which the edit drops if it fails. */
PBASE_MUST_CHECK pbase_status edit_create(edit *self, uint32_t type, uint32_t size,
                                          atom_memory **out, pbase_error *err);
static inline node_child edit_child_of(atom_memory *memory)
{
    node made = node_of(memory->payload, memory->size);
    return node_child_of(atom_ref_of_memory(memory), &made);
}
/* `ref` is replaced by what the edit has created. */
void edit_retire(edit *self, atom_ref ref);
/* True when the step is at a leaf that was made for the view out of a patch, at which `ref` is. */
static inline bool edit_step_is_merged(const edit_step *step)
{
    return ((uintptr_t)step->view.pin & ATOM_PIN_MEMORY) != 0;
}
/* What edit.c does at each level, of a leaf whose change goes into a patch. */
PBASE_MUST_CHECK pbase_status edit_patch_level(edit *self, const node_change *change,
                                               edit_result *result, bool *out_done,
                                               pbase_error *err);

#endif
