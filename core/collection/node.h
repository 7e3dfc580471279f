/* node.h - the layout of a tree node, and access to its parts (docs/formats/node.md).
 *
 *   header | prefix, padded to 8 | u32 head[count] | u32 slot[count] | free room | heap of entries
 *   header | prefix, padded to 8 | u32 head[count] | entries in a row
 *
 * Heads (keyed nodes only) are the first four bytes of each key after the common prefix, as a number
 * that compares as the bytes do; slots are offsets of entries from the start of the payload. A stored
 * node has no free room and its entries lie in order. In memory the heap grows downwards into the
 * room, so that inserting moves only heads and slots.
 *
 * A leaf is *even* when its entries are all inline and unspelled, with tails of one size and values of
 * one size: its header says these, its entries do not. Stored, such entries lie in a row and need no
 * slots: where one is follows from its number. In memory even leaves have slots as others do.
 *
 * The first entry of a keyed inner node has no key: it serves everything below the second one.
 *
 * Threads: pure functions over bytes. */
#ifndef PROTOBASE_COLLECTION_NODE_H
#define PROTOBASE_COLLECTION_NODE_H
#include "atom/atom_source.h"
#include "collection/key_encoding.h"

#define NODE_FORMAT 2u
#define NODE_FORMAT_PLAIN 1u /* the same without even leaves; it is read */
#define NODE_HEADER_BYTES 32u
#define NODE_LEVEL_MAX 23u       /* 0 is a leaf; a path has at most 24 nodes */
#define NODE_LEAF_BYTES 2048u    /* a leaf splits above this, and above NODE_ENTRIES_MIN entries */
#define NODE_INNER_BYTES 7680u   /* the same for an inner node; in memory a block of atom_pool.h */
#define NODE_INNER_ENTRIES 256u  /* or above this many children */
#define NODE_ENTRIES_MIN 4u      /* what a node may hold however large its entries are */
#define NODE_EVEN_MIN 4u         /* entries; a smaller leaf is not written even: it gains little */
#define NODE_INLINE_MAX 512u     /* larger values get an atom of their own */
#define NODE_SPELLING_MAX 65536u /* a byte a number of a key, at most */

/* Of what a look-up in a tree goes through. */
#define NODE_INLINE static inline __attribute__((always_inline))

/* Offsets in the header. */
enum {
    NODE_AT_FORMAT = 0,  /* u8 NODE_FORMAT */
    NODE_AT_LEVEL = 1,   /* u8 */
    NODE_AT_FLAGS = 2,   /* u8 NODE_POSITIONAL, NODE_OWNS, NODE_EVEN, NODE_ROW, NODE_PATCH */
    NODE_AT_ZERO = 3,    /* u8 0 */
    NODE_AT_COUNT = 4,   /* u32 entries of this node */
    NODE_AT_TOTAL = 8,   /* u64 leaf entries below, its own for a leaf */
    NODE_AT_PREFIX = 16, /* u32 bytes of the common prefix */
    NODE_AT_HEAP = 20,   /* u32 offset of the lowest byte of the heap */
    NODE_AT_DEAD = 24,   /* u32 bytes of the heap that no entry uses; 0 when stored */
    NODE_AT_TAIL = 28,   /* u16 even: bytes of each tail; else 0 */
    NODE_AT_VALUE = 30   /* u16 even: bytes of each value; else 0 */
};

#define NODE_POSITIONAL 1u /* no keys: no prefix, no heads */
#define NODE_OWNS 2u       /* a leaf below, or this leaf, refers to values or trees */
#define NODE_EVEN 4u       /* a leaf of entries of one shape, which the header tells */
#define NODE_ROW 8u        /* these lie in a row, in order, without slots */
#define NODE_PATCH 16u     /* not a whole leaf: a patch of one (patch.h) */

/* How a leaf entry holds its value; stored in its first byte. */
enum { NODE_VALUE_INLINE = 0, NODE_VALUE_LARGE = 1, NODE_VALUE_TREE = 2 };
#define NODE_VALUE_KIND_MASK 0x03u
#define NODE_ENTRY_SPELLED 0x04u /* the entry has a spelling */
#define NODE_LARGE_BYTES 12u     /* u64 ref, u32 length */
#define NODE_TREE_BYTES 9u       /* u64 ref, u8 kind of the tree; then its payload */
/* Offsets in an inner entry; a keyed one goes on with varint size and bytes of its key's tail. */
enum {
    NODE_CHILD_REF = 0,    /* u64 */
    NODE_CHILD_COUNT = 8,  /* u64 leaf entries below it */
    NODE_CHILD_SIZE = 16,  /* u32 bytes of its stored payload; 0 while it is in memory */
    NODE_CHILD_FLAGS = 20, /* u8 NODE_OWNS, NODE_ROW and NODE_PATCH of the child */
    NODE_CHILD_BYTES = 21
};

/* A payload with its header read once. */
typedef struct {
    const uint8_t *payload;
    uint32_t size; /* of the payload */
    uint32_t count;
    uint32_t prefix_size;
    uint32_t stride;     /* in a row: bytes of an entry; 0: there are slots */
    uint16_t tail_size;  /* even */
    uint16_t value_size; /* even */
    uint8_t level;
    uint8_t flags;
    const uint8_t *heads; /* NULL when positional */
    const uint8_t *slots; /* in a row: the entries, which begin where slots would */
} node;

static inline bool node_positional(const node *self)
{
    return (self->flags & NODE_POSITIONAL) != 0;
}
static inline uint32_t node_prefix_room(uint32_t prefix_size)
{
    return (prefix_size + 7u) & ~7u;
}
static inline bool node_even(const node *self)
{
    return (self->flags & NODE_EVEN) != 0;
}
/* Bytes of head and slot of an entry in memory. */
static inline uint32_t node_index_bytes(const node *self)
{
    return node_positional(self) ? 4u : 8u;
}
/* Behind the entries of a patch stands what it says of its base (patch.h). */
#define NODE_BASE_BYTES 16u
static inline uint32_t node_base_bytes(const node *self)
{
    return (self->flags & NODE_PATCH) != 0 ? NODE_BASE_BYTES : 0;
}
/* The payload must have passed tree_node_check, or be ours. */
NODE_INLINE node node_of(const uint8_t *payload, uint32_t size)
{
    node self;
    self.payload = payload;
    self.size = size;
    self.count = pbase_get_u32(payload + NODE_AT_COUNT);
    self.prefix_size = pbase_get_u32(payload + NODE_AT_PREFIX);
    self.level = payload[NODE_AT_LEVEL];
    self.flags = payload[NODE_AT_FLAGS];
    self.tail_size = pbase_get_u16(payload + NODE_AT_TAIL);
    self.value_size = pbase_get_u16(payload + NODE_AT_VALUE);
    self.stride = (self.flags & NODE_ROW) == 0 ? 0 : (uint32_t)self.tail_size + self.value_size;
    const uint8_t *index = payload + NODE_HEADER_BYTES + node_prefix_room(self.prefix_size);
    self.heads = node_positional(&self) ? NULL : index;
    self.slots = node_positional(&self) ? index : index + (size_t)self.count * 4;
    return self;
}
static inline uint64_t node_total(const node *self)
{
    return pbase_get_u64(self->payload + NODE_AT_TOTAL);
}
static inline pbase_bytes node_prefix(const node *self)
{
    return pbase_bytes_of(self->payload + NODE_HEADER_BYTES, self->prefix_size);
}
/* Entry `index` of an inner node, which is never even. */
static inline const uint8_t *node_child_entry(const node *self, uint32_t index)
{
    return self->payload + pbase_get_u32(self->slots + (size_t)index * 4);
}
static inline const uint8_t *node_entry_at(const node *self, uint32_t index)
{
    return self->stride != 0 ? self->slots + (size_t)index * self->stride
                             : node_child_entry(self, index);
}
static inline uint32_t node_head(const node *self, uint32_t index)
{
    return pbase_get_u32(self->heads + (size_t)index * 4);
}
/* The first four bytes of a key's tail as a number; missing ones count as 0. */
NODE_INLINE uint32_t node_head_of(const uint8_t *tail, size_t size)
{
    if (size >= 4) {
        return (uint32_t)tail[0] << 24 | (uint32_t)tail[1] << 16 | (uint32_t)tail[2] << 8 | tail[3];
    }
    uint32_t head = 0;
    for (size_t i = 0; i < size; i++) {
        head |= (uint32_t)tail[i] << (24 - 8 * i);
    }
    return head;
}

/* A varint of a node that was checked. */
static inline uint32_t node_varint(const uint8_t **at)
{
    uint32_t value = *(*at)++;
    if (value < 0x80) {
        return value;
    }
    value &= 0x7f;
    for (unsigned shift = 7;; shift += 7) {
        uint32_t byte = *(*at)++;
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
}

/* ------------------------------------------------------------------------------ entries ------- */

/* A child as its parent knows it. */
typedef struct {
    atom_ref ref;
    uint64_t count;
    uint32_t size;
    uint8_t flags;
} node_child;

/* An entry taken apart; everything points into its node, or into what is to become an entry. The
 * key is `lead` (of a node: its prefix) followed by `tail`. */
typedef struct {
    pbase_bytes lead;
    pbase_bytes tail;
    pbase_bytes spelling;
    uint8_t kind;      /* leaf: NODE_VALUE_* */
    uint8_t tree_kind; /* leaf, TREE */
    atom_ref ref;      /* leaf: of LARGE and TREE, else none */
    uint32_t length;   /* leaf, LARGE: bytes of the value */
    pbase_bytes bytes; /* leaf: INLINE the value, TREE its payload */
    node_child child;  /* inner */
    pbase_bytes raw;   /* the entry as it is encoded after a prefix of lead.size; empty: not yet */
    bool even;         /* raw: in an even leaf */
} node_entry;

/* Entry `index` of a leaf when it is the plainest: its value inline, its key not spelled. */
NODE_INLINE bool node_plain_entry(const node *self, uint32_t index, pbase_bytes *out_tail,
                                  pbase_bytes *out_value)
{
    const uint8_t *at = node_entry_at(self, index);
    if (node_even(self)) {
        *out_tail = pbase_bytes_of(at, self->tail_size);
        *out_value = pbase_bytes_of(at + self->tail_size, self->value_size);
        return true;
    }
    if (*at++ != NODE_VALUE_INLINE) {
        return false;
    }
    uint32_t tail_size = node_positional(self) ? 0 : node_varint(&at);
    uint32_t value_size = node_varint(&at);
    *out_tail = pbase_bytes_of(at, tail_size);
    *out_value = pbase_bytes_of(at + tail_size, value_size);
    return true;
}
/* Its value alone. */
static inline bool node_inline_value(const node *self, uint32_t index, pbase_bytes *out)
{
    pbase_bytes tail;
    return node_plain_entry(self, index, &tail, out);
}

/* Takes entry `index` apart. */
void node_entry_read(const node *self, uint32_t index, node_entry *out);
NODE_INLINE node_child node_child_at(const node *self, uint32_t index)
{
    const uint8_t *at = node_child_entry(self, index);
    node_child child = {pbase_get_u64(at + NODE_CHILD_REF), pbase_get_u64(at + NODE_CHILD_COUNT),
                        pbase_get_u32(at + NODE_CHILD_SIZE), at[NODE_CHILD_FLAGS]};
    return child;
}
/* What a node is to its parent: reference as given, counts and flags from the payload. */
node_child node_child_of(atom_ref ref, const node *self);
/* Overwrites what an inner entry says of its child. */
void node_child_put(uint8_t *entry, const node_child *child);
/* Where entry `index` keeps its reference: of a child, a large value or a tree; NULL: it has none. */
const uint8_t *node_ref_at(const node *self, uint32_t index);
/* The key of entry `index` after the node's prefix. */
pbase_bytes node_tail(const node *self, uint32_t index);
/* Key of entry `index` against `key`: below, at or above 0. */
int node_key_compare(const node *self, uint32_t index, pbase_bytes key);
/* Appends the key of entry `index` to `out`: for the first of an inner node nothing but the prefix. */
PBASE_MUST_CHECK pbase_status node_key_append(const node *self, uint32_t index, pbase_buffer *out,
                                              pbase_error *err);
/* Bytes of the payload in memory, slots and all, without free room and dead bytes. */
uint32_t node_live_size(const node *self);

/* ------------------------------------------------------------------------------- search ------- */

/* Index of the first entry at or above `key`, count when all are below. */
uint32_t node_search(const node *self, pbase_bytes key, bool *out_found);
/* Of an inner node: index of the child that serves `key`. */
uint32_t node_search_child(const node *self, pbase_bytes key);
/* Guesses of where in a node a key lies, from 0 to NODE_PART_WHOLE - 1 (search.h). */
#define NODE_PART_WHOLE 65536u
#define NODE_PART_UNKNOWN UINT32_MAX
/* What node_child_part says of the first or the last child, which has a separator on one side only: the
 * other is taken to be as far away as its neighbour's. */
uint32_t node_edge_part(const node *self, uint32_t index, uint32_t head);
/* Of an inner node: index of the child that holds entry `*position`, which becomes the position in
 * it. The last child also takes what lies past the end. */
uint32_t node_search_position(const node *self, uint64_t *position);
/* Leaf entries below the children before `index`. */
uint64_t node_total_before(const node *self, uint32_t index);

/* ------------------------------------------------------------------------------- access ------- */

/* What a parent says of a child that is to be lent. */
typedef struct {
    atom_ref ref;
    uint64_t count; /* entries below it */
    uint32_t index; /* of its entry */
    int level;      /* of the parent; below 0: there is none, it is a root */
    uint32_t part;  /* where in it the key that is looked for probably is */
} node_said;
static inline node_said node_said_root(atom_ref ref, uint32_t index)
{
    node_said said = {ref, 0, index, -1, NODE_PART_UNKNOWN};
    return said;
}
NODE_INLINE node_said node_said_of(const node *parent, uint32_t index)
{
    const uint8_t *at = node_child_entry(parent, index);
    node_said said = {pbase_get_u64(at + NODE_CHILD_REF), pbase_get_u64(at + NODE_CHILD_COUNT),
                      index, parent->level, NODE_PART_UNKNOWN};
    return said;
}
/* True when a lent atom is a node of the right shape, and what its parent says it is. */
NODE_INLINE bool node_is_said(const atom_view *view, const node_said *said, bool positional)
{
    if (view->type != ATOM_NODE || view->size < NODE_HEADER_BYTES ||
        ((view->payload[NODE_AT_FLAGS] & NODE_POSITIONAL) != 0) != positional) {
        return false;
    }
    return said->level < 0 || (view->payload[NODE_AT_LEVEL] + 1 == said->level &&
                               pbase_get_u64(view->payload + NODE_AT_TOTAL) == said->count);
}
/* Releases the view and says why it is not such a node: CORRUPT. */
void node_refuse(atom_source *source, const node_said *said, bool positional, atom_view *view,
                 pbase_error *err);
/* Of an atom that was lent and is no such node: a patch of a leaf gives way to the whole leaf, or, where only
 * an entry with `key` is looked for, to the one of patch and leaf that has it. Else CORRUPT. A failure has
 * released the view. (patch.c) */
PBASE_MUST_CHECK pbase_status node_acquire_patched(atom_source *source, const node_said *said,
                                                   bool positional, pbase_bytes key,
                                                   atom_view *view, pbase_error *err);
/* Lends a node whose place is known and verifies what its parent says of it. CORRUPT when it is not a
 * node, of the wrong shape, level or count. What a search needs of it has been asked for (search.h), or
 * is not wanted. Of a leaf nothing but the entry with `key` is looked for, unless that is empty.
 * References to nodes become views here, and in node_acquire_raw (patch.h). */
NODE_INLINE PBASE_MUST_CHECK pbase_status
node_acquire_said(atom_source *source, const node_said *said, const atom_place *where,
                  bool positional, pbase_bytes key, atom_view *view, node *out, pbase_error *err)
{
    pbase_status status = atom_acquire_at(source, said->ref, where, view, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (!node_is_said(view, said, positional)) {
        node_said copy = *said; /* so that what nobody else has the address of stays in registers */
        atom_view lent = *view;
        status = node_acquire_patched(source, &copy, positional, key, &lent, err);
        if (status != PBASE_OK) {
            return status;
        }
        *view = lent;
    }
    *out = node_of(view->payload, view->size);
    return PBASE_OK;
}
/* The same by the parent's node, NULL: it is a root. `out` may be `parent`. */
NODE_INLINE PBASE_MUST_CHECK pbase_status node_acquire_for(
    atom_source *source, atom_ref ref, const atom_place *where, const node *parent, uint32_t index,
    bool positional, pbase_bytes key, atom_view *view, node *out, pbase_error *err)
{
    node_said said = parent == NULL ? node_said_root(ref, index) : node_said_of(parent, index);
    return node_acquire_said(source, &said, where, positional, key, view, out, err);
}
/* The same of a node that is wanted whole. */
NODE_INLINE PBASE_MUST_CHECK pbase_status node_acquire_at(atom_source *source, atom_ref ref,
                                                          const atom_place *where,
                                                          const node *parent, uint32_t index,
                                                          bool positional, atom_view *view,
                                                          node *out, pbase_error *err)
{
    return node_acquire_for(source, ref, where, parent, index, positional, pbase_bytes_of(NULL, 0),
                            view, out, err);
}
/* The same of a node that is somewhere. */
static inline PBASE_MUST_CHECK pbase_status node_acquire_asked(atom_source *source, atom_ref ref,
                                                               const node *parent, uint32_t index,
                                                               bool positional, atom_view *view,
                                                               node *out, pbase_error *err)
{
    atom_place where = atom_place_of(source, ref);
    return node_acquire_at(source, ref, &where, parent, index, positional, view, out, err);
}
/* Asks for what a search of a node that was just lent needs, so that it comes together. */
static inline void node_prefetch(const atom_view *view, const node *parent)
{
    uint32_t ahead = parent != NULL && parent->level > 1 ? 640 : 256;
    for (uint32_t at = 64; at < ahead; at += 64) {
        __builtin_prefetch(view->payload + at);
    }
}
/* The same, asking now. */
static inline PBASE_MUST_CHECK pbase_status node_acquire(atom_source *source, atom_ref ref,
                                                         const node *parent, uint32_t index,
                                                         bool positional, atom_view *view,
                                                         node *out, pbase_error *err)
{
    pbase_status status =
        node_acquire_asked(source, ref, parent, index, positional, view, out, err);
    if (status == PBASE_OK) {
        node_prefetch(view, parent);
    }
    return status;
}
/* Lends a large value. CORRUPT when it is not one of `length` bytes. */
PBASE_MUST_CHECK pbase_status node_large_acquire(atom_source *source, atom_ref ref, uint32_t length,
                                                 atom_view *view, pbase_error *err);

#endif
