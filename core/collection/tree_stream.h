/* tree_stream.h - a tree that is written while its entries come, in ascending order.
 *
 *     tree_stream_create(source, &writer, false, &stream, err);
 *     tree_stream_add(stream, &key, &value, err);       // as often as there are entries
 *     tree_stream_finish(stream, &content, err);
 *     tree_stream_destroy(stream);
 *
 * Nodes are exactly full and written once, leaves in the order of their keys, the children of a node
 * in one call of the writer, beside whoever adds the next entries if it can: what tree_build makes at
 * once, in memory that does not depend on how many entries there are (about two megabytes: nodes that
 * wait for their batch, and those being written). What was written belongs to nobody until finish; a
 * stream that is given up leaves dead atoms.
 *
 * Each call happens or leaves the stream as it was, also when memory or the storage fails: it may be
 * tried again. What fails beside is told by a later call, finish at the latest.
 *
 * Threads: confined. */
#ifndef PROTOBASE_COLLECTION_TREE_STREAM_H
#define PROTOBASE_COLLECTION_TREE_STREAM_H
#include "collection/atom_writer.h"
#include "collection/tree.h"

typedef struct tree_stream tree_stream;
/* `source`, of the tree to come, and the state of the writer are borrowed until destroy. */
PBASE_MUST_CHECK pbase_status tree_stream_create(atom_source *source, const atom_writer *writer,
                                                 bool positional, tree_stream **out,
                                                 pbase_error *err);
void tree_stream_destroy(tree_stream *self); /* NULL is fine */
/* Copies key and value, which is not a tree. INVALID: the key is not above the one before (of a
 * positional tree keys are not looked at). LIMIT: key or value too large. */
PBASE_MUST_CHECK pbase_status tree_stream_add(tree_stream *self, const encoded_key *key,
                                              const tree_value *value, pbase_error *err);
/* Adds an entry that is like those gathered for a leaf: no spelling, sizes as theirs, a key above the last one, and room
 * for it without anything else to do. Most of a long row of records are. Its value is `lead` and `rest` behind one
 * another. False: nothing has happened, and tree_stream_add tells. */
bool tree_stream_add_like(tree_stream *self, pbase_bytes key, uint8_t lead, pbase_bytes rest);
/* From now on key and value are borrowed until the stream is finished or destroyed, not copied. */
void tree_stream_borrow(tree_stream *self);
/* Entries added so far. */
uint64_t tree_stream_count(const tree_stream *self);
/* The key that was added last; empty: none. Lent until the next call. */
pbase_bytes tree_stream_last(const tree_stream *self);
/* Writes what is left: `out` is the tree, stored. Nothing may be added afterwards. */
PBASE_MUST_CHECK pbase_status tree_stream_finish(tree_stream *self, tree *out, pbase_error *err);

#endif
