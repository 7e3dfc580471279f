/* edit.h - one change of a tree: the way down to a leaf, and the change carried up from there.
 *
 *     edit run;
 *     edit_begin(&run, tree);
 *     edit_find_key(&run, key, &found, err);   // or by position, or the end
 *     edit_run(&run, &change, err);            // all of it, or nothing
 *     edit_end(&run);
 *
 * Changes of keys that ascend may go on in one edit: edit_go_on takes the place of ending it and beginning
 * anew, and goes up no further than the next key asks for.
 *
 * Threads: confined, as the tree is while it is edited. */
#ifndef PROTOBASE_COLLECTION_EDIT_H
#define PROTOBASE_COLLECTION_EDIT_H
#include "collection/node_change.h"
#include "collection/patch.h"
#include "collection/tree.h"

typedef struct {
    atom_ref ref;
    atom_view view;
    node node;
    uint32_t index; /* child gone into; of the leaf, where the change is */
    bool owned;     /* nobody else can see it: it may be changed in place */
} edit_step;

/* A change that goes into a patch of the leaf (edit_patch.c). */
typedef struct {
    bool wanted;    /* the leaf is lent as it is: a patch as a patch */
    bool taken;     /* the step at the leaf is the patch, or the base that gets its first one */
    bool has_entry; /* the patch has one with the key, at the index of the step */
    patch_base base;
    atom_view view; /* the base of a patch, while its entry is needed */
    uint64_t total; /* entries of the leaf after the change */
} edit_patch_state;

#define EDIT_NODES_MAX (3u * (NODE_LEVEL_MAX + 1u))

typedef struct {
    tree *target;
    uint32_t depth; /* steps in use, the leaf last */
    uint32_t stays; /* the first ones are on the way to the same key still */
    bool rightmost; /* the path is the last child of every node */
    bool new_root;
    atom_ref root;         /* the new root */
    uint64_t total_before; /* of the step changed in place */
    edit_patch_state patch;
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

/* Readies it for a change of `key`, which is not below the key it went to: only edit_find_key may follow. The tree
 * has not been changed but by this edit. */
void edit_go_on(edit *self, pbase_bytes key);

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

/* After edit_find_key with patch.wanted: decides whether `entry`, a put of an inline value, goes into a patch of
 * the leaf; else a patch has given way to the whole leaf. `*found` becomes true when the leaf has the key,
 * in the patch or its base: then `entry` gets that entry's key. */
PBASE_MUST_CHECK pbase_status edit_patch_choose(edit *self, pbase_bytes key, node_entry *entry,
                                                bool *found, pbase_error *err);
/* The change of the patch that puts `entry`. */
node_change edit_patch_change(const edit *self, const node_entry *entry);

/* Carries out a change of the leaf. Afterwards the references of the entries that it removed are
 * counts of the caller's, and those of its item belong to the tree. On failure nothing has
 * changed. */
PBASE_MUST_CHECK pbase_status edit_run(edit *self, const node_change *leaf_change,
                                       pbase_error *err);

#endif
