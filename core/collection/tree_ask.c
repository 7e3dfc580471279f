/* tree_ask.c - asking for leaves before they are needed.
 *
 * Keys that ascend mostly go to the node above leaves that the one before went to, which is held: a key
 * that is not below its last child may belong to the next one, and goes down from the root again. */
#include "collection/tree_private.h"

#define LEAF_ASKED_BYTES                                                                           \
    768u /* header, heads, and the first entries; the rest is found from there */

/* Lends the node above the leaf that serves `key`; false: there is none, or who needs it is told why. */
static bool lend_above_leaf(const tree *self, pbase_bytes key, tree_descent *way)
{
    way->turn = 0;
    if (tree_root_lend(self, &way->views[0], &way->nodes[0], NULL) != PBASE_OK) {
        return false;
    }
    while (way->nodes[way->turn].level > 1) {
        uint32_t index = node_search_child(&way->nodes[way->turn], key);
        if (tree_descent_down(way, self, index, NULL) != PBASE_OK) {
            return false;
        }
    }
    if (way->nodes[way->turn].level == 0) { /* the root is a leaf */
        atom_release(self->source, &way->views[way->turn]);
        return false;
    }
    return true;
}

void tree_ask(const tree *self, const pbase_bytes *keys, size_t count)
{
    tree_descent way;
    size_t asked = 0;
    while (asked < count && self->root != ATOM_REF_NONE &&
           lend_above_leaf(self, keys[asked], &way)) {
        const node *at = &way.nodes[way.turn];
        uint32_t index = 0;
        do {
            index = node_search_child(at, keys[asked++]);
            atom_prefetch(self->source, node_child_at(at, index).ref, LEAF_ASKED_BYTES);
        } while (asked < count && index + 1 < at->count);
        atom_release(self->source, &way.views[way.turn]);
    }
}
