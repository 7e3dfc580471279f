/* tree_private.h - shared by the files of the tree. */
#ifndef PROTOBASE_COLLECTION_TREE_PRIVATE_H
#define PROTOBASE_COLLECTION_TREE_PRIVATE_H
#include "collection/node.h"
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

#endif
