/* tree_puts.h - puts into one tree whose keys ascend: each goes on from where the one before was.
 *
 *     tree_puts puts;
 *     tree_puts_begin(&puts, tree);
 *     tree_puts_add(&puts, &key, &value, &err);   // as tree_put; keys never below the one before
 *     tree_puts_end(&puts);
 *
 * In between the tree may be read, and is not changed by anybody else. After a failure of one put only ending
 * is left; the tree has those before it.
 *
 * Threads: confined, as the tree is. */
#ifndef PROTOBASE_COLLECTION_TREE_PUTS_H
#define PROTOBASE_COLLECTION_TREE_PUTS_H
#include "collection/edit.h"

typedef struct {
    edit run;
} tree_puts;

void tree_puts_begin(tree_puts *self, tree *target);
PBASE_MUST_CHECK pbase_status tree_puts_add(tree_puts *self, const encoded_key *key,
                                            const tree_value *value, pbase_error *err);
void tree_puts_end(tree_puts *self);

#endif
