/* node_change.h - one change of a node, in place where it fits, else as a plan of new nodes.
 *
 * Threads: pure functions over bytes. */
#ifndef PROTOBASE_COLLECTION_NODE_CHANGE_H
#define PROTOBASE_COLLECTION_NODE_CHANGE_H
#include "collection/node_build.h"

/* What happens to a node: a child that is replaced, and after it the entries from..to-1 make way for
 * `item`. */
typedef struct {
    bool patch;
    uint32_t patch_at; /* below `from` */
    node_child patch_child;
    uint32_t from, to;
    bool has_item;
    node_entry item;
} node_change;

/* The plan of a node after a change. */
void node_plan_changed(node_plan *plan, const node *self, const node_change *change);
/* Bytes that the change takes away from the node, and that it adds. */
uint32_t node_change_removes(const node *self, const node_change *change);
uint32_t node_change_adds(const node *self, const node_change *change);
/* Bytes of the node after the change, as it is stored unless edits have made it even. */
uint32_t node_change_stored_size(const node *self, const node_change *change);
/* Entries that the node has after the change. */
uint32_t node_change_count(const node *self, const node_change *change);
/* True when the node, or its copy in `size` bytes, can be changed where it lies: it has the room and
 * keeps its prefix. */
bool node_change_has_room(const node *self, const node_change *change, uint32_t size);
/* The same, and it does not become overfull. */
bool node_change_fits(const node *self, const node_change *change, uint32_t size);
/* Changes the node at `payload`, of which `self` is the view; it must fit. Yields the new view. */
node node_change_apply(const node *self, uint8_t *payload, const node_change *change);

#endif
