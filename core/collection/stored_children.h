/* stored_children.h - the list of child collections at the head of a stored value
 * (docs/formats/value.md): read and written here for handles, transactions and checks.
 *
 * Threads: pure functions over bytes. */
#ifndef PROTOBASE_COLLECTION_STORED_CHILDREN_H
#define PROTOBASE_COLLECTION_STORED_CHILDREN_H
#include <protobase/base/ref.h>

typedef struct {
    uint8_t kind; /* PBASE_COLLECTION_* */
    pbase_collection_id id;
} stored_child;

static inline bool collection_id_same(pbase_collection_id a, pbase_collection_id b)
{
    return a.sequence == b.sequence && a.ordinal == b.ordinal;
}
static inline size_t collection_id_hash(pbase_collection_id id)
{
    uint64_t hash = (id.sequence * 0x9e3779b97f4a7c15u) ^ (id.ordinal * 0xc2b2ae3d27d4eb4fu);
    return (size_t)(hash ^ hash >> 31);
}

/* Goes through the children of one stored value. */
typedef struct {
    pbase_reader_bytes at; /* behind the children once `left` is 0 */
    uint64_t head;         /* local codec id << 1 | has children */
    uint64_t count;
    uint64_t left;
} stored_children;

/* True when its head says that children follow, well formed or not. */
bool stored_children_announced(pbase_bytes stored);
/* False when the value has none. A malformed head has none either: reading the value reports it. */
bool stored_children_begin(pbase_bytes stored, stored_children *out);
/* False at the end, and where the list is cut. */
bool stored_children_next(stored_children *self, stored_child *out);
/* The n-th child; false when there are not so many. */
bool stored_child_at(pbase_bytes stored, uint64_t n, stored_child *out);
/* True when the value is its first child itself: an entry that is a collection. */
bool stored_is_child(pbase_bytes stored);

/* Appends a stored value: `head` without the bit for children, the children, and what a serializer
 * wrote. */
PBASE_MUST_CHECK pbase_status stored_children_write(uint64_t head, const stored_child *children,
                                                    size_t count, pbase_bytes rest,
                                                    pbase_buffer *out, pbase_error *err);
/* Copies a stored value that has children, giving those that "this record" creates its sequence.
 * CORRUPT: the list is cut. */
PBASE_MUST_CHECK pbase_status stored_children_resolve(pbase_bytes stored, uint64_t sequence,
                                                      pbase_buffer *out, pbase_error *err);

#endif
