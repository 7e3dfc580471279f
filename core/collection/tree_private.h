/* tree_private.h - shared by the files of the tree. */
#ifndef PROTOBASE_COLLECTION_TREE_PRIVATE_H
#define PROTOBASE_COLLECTION_TREE_PRIVATE_H
#include "collection/search.h"
#include "collection/tree.h"

/* Lends the value of an entry of a leaf: a large one is acquired into `large`. */
PBASE_MUST_CHECK pbase_status tree_value_lend(atom_source *source, const node_entry *entry,
                                              atom_view *large, tree_value *out, pbase_error *err);
/* Fills the value of an entry. Its reference, if it has one, is a count of the caller's. LIMIT. */
PBASE_MUST_CHECK pbase_status tree_entry_value(atom_source *source, const tree_value *value,
                                               node_entry *out, pbase_error *err);
/* LIMIT: no key of a tree. */
PBASE_MUST_CHECK pbase_status tree_key_check(const encoded_key *key, pbase_error *err);
/* Keeps every reference of a node in memory: one more count each. */
void tree_node_keep(const node *self);
/* The node of an atom in memory. */
static inline node tree_node_memory(atom_ref ref)
{
    atom_memory *memory = atom_ref_memory(ref);
    return node_of(memory->payload, memory->size);
}

/* Lends the root of a tree that is not empty. */
static inline PBASE_MUST_CHECK pbase_status tree_root_lend(const tree *self, atom_view *view,
                                                           node *out, pbase_error *err)
{
    return node_acquire(self->source, self->root, NULL, 0, self->positional, view, out, err);
}

/* Has an inner entry, whose reference is at `at` and leads to `to`, say what that is, if it took the place of a
 * patch: another size, and no patch any more. (tree_move.c) */
void tree_moves_tell(const tree_moves *self, uint8_t *at, atom_ref to);

/* A way down that holds the last node it came to. Nodes take turns, so that none is copied. */
typedef struct {
    atom_view views[2];
    node nodes[2];
    unsigned turn; /* of the two, the one that is held */
} tree_descent;

/* From the node that is held, an inner one, to its child `index`, which lies at `where` and has been
 * asked for (node_ask_child). `key`: all that is looked for in a leaf; empty: nothing or more. A
 * failure holds nothing. */
static inline PBASE_MUST_CHECK pbase_status tree_descent_down_at(tree_descent *self, const tree *in,
                                                                 uint32_t index,
                                                                 const atom_place *where,
                                                                 pbase_bytes key, pbase_error *err)
{
    unsigned from = self->turn, to = 1 - from;
    const node *parent = &self->nodes[from];
    atom_ref child = pbase_get_u64(node_child_entry(parent, index) + NODE_CHILD_REF);
    pbase_status status = node_acquire_for(in->source, child, where, parent, index, in->positional,
                                           key, &self->views[to], &self->nodes[to], err);
    atom_release(in->source, &self->views[from]);
    self->turn = to;
    return status;
}

/* The same of a child that is somewhere. */
static inline PBASE_MUST_CHECK pbase_status tree_descent_down(tree_descent *self, const tree *in,
                                                              uint32_t index, pbase_error *err)
{
    const node *parent = &self->nodes[self->turn];
    atom_ref child = pbase_get_u64(node_child_entry(parent, index) + NODE_CHILD_REF);
    atom_place where = atom_place_of(in->source, child);
    return tree_descent_down_at(self, in, index, &where, pbase_bytes_of(NULL, 0), err);
}
/* Fills an item with a value that lies in its leaf and a key that is not spelled. */
static inline void tree_item_plain(tree_item *out, pbase_bytes value)
{
    out->value = tree_value_of(value);
    out->spelling = pbase_bytes_of(NULL, 0);
    out->large.pin = NULL;
}
/* Lends the value and the spelling of entry `index` of a leaf; out->node stays the caller's. */
PBASE_MUST_CHECK pbase_status tree_item_lend(atom_source *source, const node *leaf, uint32_t index,
                                             tree_item *out, pbase_error *err);

#endif
