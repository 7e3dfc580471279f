/* edit.h - one change of a tree: the way down to a leaf, and the change carried up from there.
 *
 *     edit run;
 *     edit_begin(&run, tree);
 *     edit_find_key(&run, key, &found, err);   // or by position, or the end
 *     edit_run(&run, &change, err);            // all of it, or nothing
 *     edit_end(&run);
 *
 * Threads: confined, as the tree is while it is edited. */
#ifndef PROTOBASE_COLLECTION_EDIT_H
#define PROTOBASE_COLLECTION_EDIT_H
#include "collection/node_change.h"
#include "collection/tree.h"

typedef struct {
    atom_ref ref;
    atom_view view;
    node node;
    uint32_t index; /* child gone into; of the leaf, where the change is */
    bool owned;     /* nobody else can see it: it may be changed in place */
} edit_step;

#define EDIT_NODES_MAX (3u * (NODE_LEVEL_MAX + 1u))

typedef struct {
    tree *target;
    uint32_t depth; /* steps in use, the leaf last */
    bool rightmost; /* the path is the last child of every node */
    bool new_root;
    atom_ref root;         /* the new root */
    uint64_t total_before; /* of the step changed in place */
    edit_step steps[NODE_LEVEL_MAX + 1u];
    edit_step siblings[NODE_LEVEL_MAX + 1u]; /* neighbours merged with, by step */
    bool has_sibling[NODE_LEVEL_MAX + 1u];
    uint32_t created_count, retired_count;
    atom_ref created[EDIT_NODES_MAX]; /* new nodes */
    atom_ref retired[EDIT_NODES_MAX]; /* nodes they replace, lower ones first */
} edit;

void edit_begin(edit *self, tree *target);
/* Releases what the edit holds; the tree stays as edit_run left it. */
void edit_end(edit *self);

/* The following go down to a leaf; the tree must not be empty. edit_leaf(self)->index is then where
 * the key is or would be, the position, or the end. */
PBASE_MUST_CHECK pbase_status edit_find_key(edit *self, pbase_bytes key, bool *out_found,
                                            pbase_error *err);
/* `position` is at most the count. */
PBASE_MUST_CHECK pbase_status edit_find_position(edit *self, uint64_t position, pbase_error *err);
PBASE_MUST_CHECK pbase_status edit_find_end(edit *self, pbase_error *err);
/* Steps are bounded: levels go down by one, and the check of nodes bounds the root's. */
static inline edit_step *edit_leaf(edit *self)
{
    return &self->steps[self->depth - 1];
}

/* Carries out a change of the leaf. Afterwards the references of the entries that it removed are
 * counts of the caller's, and those of its item belong to the tree. On failure nothing has
 * changed. */
PBASE_MUST_CHECK pbase_status edit_run(edit *self, const node_change *leaf_change,
                                       pbase_error *err);

#endif
