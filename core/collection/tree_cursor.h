/* tree_cursor.h - going through a tree in order, both ways.
 *
 * A cursor keeps the root it was opened on, so it survives every edit of the tree it came from. It
 * pins the nodes from the root to its leaf.
 * Threads: confined. */
#ifndef PROTOBASE_COLLECTION_TREE_CURSOR_H
#define PROTOBASE_COLLECTION_TREE_CURSOR_H
#include "collection/search.h"
#include "collection/tree.h"

typedef struct {
    atom_view view; /* the pin */
    node node;
    uint32_t index; /* of the entry the cursor stands on, or of the child it went into */
} tree_cursor_step;
#define TREE_CURSOR_FEW 5u /* steps that need no memory of their own: millions of entries */
typedef struct {
    tree tree;               /* one count is ours */
    uint32_t depth;          /* steps in use, the leaf last; 0: stands nowhere */
    tree_cursor_step *steps; /* `few`, or NODE_LEVEL_MAX + 1 for a higher tree */
    atom_view large;         /* pin of the value last lent */
    pbase_buffer key;        /* the key last lent */
    atom_memory *spare;      /* of a leaf that was made of a patch, for the next one; NULL: none */
    tree_cursor_step few[TREE_CURSOR_FEW];
} tree_cursor;

/* Stands nowhere. Keeps the version of `from`. `alloc` is borrowed until fini. It must not move. */
void tree_cursor_init(tree_cursor *self, const tree *from, const pbase_alloc *alloc);
void tree_cursor_fini(tree_cursor *self);

/* The following move to an entry (OK), or say END and stand nowhere when there is none. An error
 * leaves the cursor standing nowhere after a seek, where it stood after next and prev. */
PBASE_MUST_CHECK pbase_status tree_cursor_first(tree_cursor *self, pbase_error *err);
PBASE_MUST_CHECK pbase_status tree_cursor_last(tree_cursor *self, pbase_error *err);
/* First entry at or above `key`; above it only when `exclusive`. */
PBASE_MUST_CHECK pbase_status tree_cursor_seek(tree_cursor *self, pbase_bytes key, bool exclusive,
                                               pbase_error *err);
/* Last entry at or below `key`; below it only when `exclusive`. */
PBASE_MUST_CHECK pbase_status tree_cursor_seek_back(tree_cursor *self, pbase_bytes key,
                                                    bool exclusive, pbase_error *err);
PBASE_MUST_CHECK pbase_status tree_cursor_seek_index(tree_cursor *self, uint64_t index,
                                                     pbase_error *err);
PBASE_MUST_CHECK pbase_status tree_cursor_next(tree_cursor *self, pbase_error *err);
PBASE_MUST_CHECK pbase_status tree_cursor_prev(tree_cursor *self, pbase_error *err);

/* How many of the entries behind the one it stands on, in a direction, lie in the same leaf and before
 * the bound `end` (empty: there is none; at it, too, unless `exclusive`): so many steps of
 * tree_cursor_step_on need not look at keys. Who asks means to go on: what comes next in the leaf and the
 * beginning of the next leaf are asked for. */
uint32_t tree_cursor_ahead(const tree_cursor *self, bool forward, pbase_bytes end, bool exclusive);
/* One such step. What lies TREE_CURSOR_AHEAD_BYTES on is asked for: of entries that lie in order, so many
 * bytes are on their way from memory while those before are looked at. It may be past the leaf, where its
 * neighbour often lies, or nothing. */
#define TREE_CURSOR_AHEAD_BYTES 1024u
static inline void tree_cursor_step_on(tree_cursor *self, bool forward)
{
    tree_cursor_step *leaf = &self->steps[self->depth - 1];
    if (self->large.pin != NULL) {
        atom_release(self->tree.source, &self->large);
    }
    leaf->index = forward ? leaf->index + 1 : leaf->index - 1;
    const uint8_t *at = node_entry_at(&leaf->node, leaf->index);
    search_ask(forward ? at + TREE_CURSOR_AHEAD_BYTES : at - TREE_CURSOR_AHEAD_BYTES, 2);
}

/* The following ask for the entry the cursor stands on (it must stand on one); lent until the next
 * call that moves the cursor. */

/* Its value, when that are bytes that lie in the leaf; false: tree_cursor_value tells. */
static inline bool tree_cursor_inline(const tree_cursor *self, pbase_bytes *out)
{
    const tree_cursor_step *leaf = &self->steps[self->depth - 1];
    return node_inline_value(&leaf->node, leaf->index, out);
}

PBASE_MUST_CHECK pbase_status tree_cursor_key(tree_cursor *self, encoded_key *out,
                                              pbase_error *err);
/* Below, at or above 0 as its key is to `key`. Needs no copy of it. */
int tree_cursor_compare(const tree_cursor *self, pbase_bytes key);
PBASE_MUST_CHECK pbase_status tree_cursor_value(tree_cursor *self, tree_value *out,
                                                pbase_error *err);

#endif
