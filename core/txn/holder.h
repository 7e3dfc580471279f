/* holder.h - who holds a collection: the link from a child up to the entry whose value names it.
 *
 * Every collection but those of the database itself ((0, n)) is the child of one entry of one other
 * collection, the dictionary of roots at the top, and stays there until it ends. The link stands
 * beside the collection's tree in the table of collections (docs/formats/catalog.md). It names the
 * entry by the beginning of its key, which is the whole of nearly every key; in a list by the index
 * at which it was put, from which it may have moved since.
 *
 * Threads: pure functions. */
#ifndef PROTOBASE_TXN_HOLDER_H
#define PROTOBASE_TXN_HOLDER_H
#include "collection/stored_children.h"

/* Bytes of a key that a link keeps: the name of any root, the reference of any object. */
#define HOLDER_KEY_BYTES_MAX 320u
/* A link as bytes: marks, the holder's id, the key or the index. */
#define HOLDER_BYTES_MAX (1u + 10u + 10u + 2u + HOLDER_KEY_BYTES_MAX)

/* Bits of its first byte; bit 0 is the table's own. */
#define HOLDER_SET 2u
#define HOLDER_IN_LIST 4u
#define HOLDER_KEY_CUT 8u
#define HOLDER_MARKS (HOLDER_SET | HOLDER_IN_LIST | HOLDER_KEY_CUT)

typedef struct {
    pbase_collection_id by; /* the collection whose entry it is */
    bool in_list;
    bool is_cut;     /* `key` is only the beginning */
    uint64_t index;  /* of a list: where it was put */
    pbase_bytes key; /* otherwise, as the tree compares it */
} holder;

/* Appends the link to an entry of `by`: the one under `key`, or with an empty key that at `index`. */
PBASE_MUST_CHECK pbase_status holder_write(pbase_collection_id by, pbase_bytes key, uint64_t index,
                                           pbase_buffer *out, pbase_error *err);
/* Points into `link`. False: it is none. */
bool holder_read(pbase_bytes link, holder *out);
/* True when the entry of `by` under `key` (of a list: empty, any entry of it) is the one meant. */
bool holder_is(const holder *self, pbase_collection_id by, pbase_bytes key);

#endif
