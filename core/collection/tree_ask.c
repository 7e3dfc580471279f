/* tree_ask.c - asking for a leaf before it is needed. */
#include "collection/tree_private.h"

#define LEAF_ASKED_BYTES                                                                           \
    768u /* header, heads, slots, and the first entries; the rest is found from there */

void tree_ask(const tree *self, pbase_bytes key)
{
    tree_descent way = {.turn = 0};
    if (self->root == ATOM_REF_NONE ||
        tree_root_lend(self, &way.views[0], &way.nodes[0], NULL) != PBASE_OK) {
        return;
    }
    while (way.nodes[way.turn].level > 1) {
        uint32_t index = node_search_child(&way.nodes[way.turn], key);
        if (tree_descent_down(&way, self, index, NULL) != PBASE_OK) {
            return; /* who needs it is told */
        }
    }
    const node *at = &way.nodes[way.turn];
    if (at->level == 1) {
        atom_ref leaf = node_child_at(at, node_search_child(at, key)).ref;
        atom_prefetch(self->source, leaf, LEAF_ASKED_BYTES);
    }
    atom_release(self->source, &way.views[way.turn]);
}
