/* tree_batch.h - nodes of one level of a tree that is streamed: laid out one behind the other, then
 * written in one call, where the writer can do that beside whoever lays out the next ones.
 *
 * At most one batch is leaving while another one is laid out. A write that failed leaves its nodes
 * where they are: landing them writes them again.
 *
 * Threads: confined. */
#ifndef PROTOBASE_COLLECTION_TREE_BATCH_H
#define PROTOBASE_COLLECTION_TREE_BATCH_H
#include "collection/atom_writer.h"
#include "collection/node.h"

#define TREE_BATCH_NODES NODE_INNER_ENTRIES
#define TREE_BATCH_BYTES (1u << 20)

typedef struct {
    pbase_buffer bytes; /* their payloads */
    uint32_t sizes[TREE_BATCH_NODES];
    uint32_t count;
} batch_nodes;

typedef struct {
    batch_nodes laid;    /* not written */
    batch_nodes leaving; /* being written, or to be written again; none: no count */
    bool has_begun;      /* `leaving` is written beside */
    uint32_t types[TREE_BATCH_NODES];
    pbase_bytes payloads[TREE_BATCH_NODES];
    pbase_atom_pointer places[TREE_BATCH_NODES]; /* of those that landed last */
    atom_writing writing;
} tree_batch;

void tree_batch_init(tree_batch *self, const pbase_alloc *alloc);
void tree_batch_fini(tree_batch *self, const atom_writer *writer); /* waits for what is leaving */

/* True when those laid out have to leave before one of `size` bytes is. */
bool tree_batch_full(const tree_batch *self, uint32_t size);
/* Makes room for a node of `size` bytes. */
PBASE_MUST_CHECK pbase_status tree_batch_reserve(tree_batch *self, uint32_t size, pbase_error *err);
/* Adds a node, for which there is room: returns where its payload is to be laid out. */
uint8_t *tree_batch_add(tree_batch *self, uint32_t size);

/* Begins to write what is laid out; none may be leaving. Where the writer cannot do that beside, it
 * is for tree_batch_land to write it. */
void tree_batch_leave(tree_batch *self, const atom_writer *writer);
/* True when landing would not wait. */
bool tree_batch_ready(const tree_batch *self);
/* Returns when those leaving are written, the first `*out_count` of `places` tell where: then none are
 * leaving. On failure they still are. */
PBASE_MUST_CHECK pbase_status tree_batch_land(tree_batch *self, const atom_writer *writer,
                                              uint32_t *out_count, pbase_error *err);

#endif
