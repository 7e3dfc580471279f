/* search.h - the parts of a search that every look-up goes through, compiled into it: a look-up is some
 * hundred instructions beside its misses, and a call costs a dozen of them.
 *
 * Keys are compared by their heads first: a branch-free halving down to sixteen, then all of those
 * at once. Only entries whose head equals the key's are compared in full. What is not plain, a prefix
 * that differs or heads that are equal, is left to search.c.
 *
 * A node is given to search.c as a copy: one whose address nobody has stays in registers.
 *
 * Threads: pure functions over bytes. */
#ifndef PROTOBASE_COLLECTION_SEARCH_H
#define PROTOBASE_COLLECTION_SEARCH_H
#include "collection/head_lanes.h"
#include "collection/node.h"

NODE_INLINE bool search_bytes_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
    if (size < 8 || size > 16) {
        return memcmp(a, b, size) == 0;
    }
    return pbase_get_u64(a) == pbase_get_u64(b) &&
           pbase_get_u64(a + size - 8) == pbase_get_u64(b + size - 8);
}

/* True when `key` begins with the node's prefix. */
NODE_INLINE bool node_prefix_agrees(const node *self, pbase_bytes key)
{
    const uint8_t *prefix = self->payload + NODE_HEADER_BYTES;
    uint32_t size = self->prefix_size;
    if (size == 0) {
        return true;
    }
    if (size <= 8 && key.size >= 8) { /* its room is 8 bytes; the first byte is the lowest */
        return (pbase_get_u64(prefix) ^ pbase_get_u64(key.data)) << (64 - 8 * size) == 0;
    }
    return key.size >= size && memcmp(prefix, key.data, size) == 0;
}

/* First of the sorted heads from..to-1 that is at or above `head`. */
NODE_INLINE uint32_t node_head_bound(const node *self, uint32_t from, uint32_t to, uint32_t head)
{
    uint32_t length = to - from;
    if (length == 0) {
        return from;
    }
    while (length > 2 * HEAD_LANES) {
        uint32_t half = length / 2;
        from += half & (0u - (uint32_t)(node_head(self, from + half - 1) < head)); /* no branch */
        length -= half;
    }
    uint32_t half = length > HEAD_LANES ? length / 2 : 0;
    bool lower = node_head(self, from + half - (half != 0)) < head; /* of half 0 nobody asks */
    from += half & (0u - (uint32_t)lower);
    length -= half;
    const uint8_t *heads = self->heads + (size_t)from * 4;
    return from + (heads + HEAD_LANES_BYTES <= self->payload + self->size
                       ? head_lanes_below(heads, length, head)
                       : head_lanes_few(heads, length, head));
}

/* Narrows from..to-1, the whole node but for a first entry without a key, to the neighbourhood of
 * `guess`, an entry of it, if the bound lies there: that has been asked for, and a search from the middle
 * would wait for lines that nobody else needs. */
NODE_INLINE void node_head_narrow(const node *self, uint32_t head, uint32_t guess, uint32_t *from,
                                  uint32_t *to)
{
    uint32_t low = guess > *from + HEAD_LANES / 2 ? guess - HEAD_LANES / 2 : *from;
    uint32_t high = *to > guess + HEAD_LANES / 2 ? guess + HEAD_LANES / 2 : *to;
    if (low > *from && node_head(self, low - 1) >= head) {
        *to = low;
    } else if (high < *to && node_head(self, high - 1) < head) {
        *from = high;
    } else {
        *from = low;
        *to = high;
    }
}

NODE_INLINE uint32_t node_part_of(uint32_t whole, uint32_t part)
{
    return (uint32_t)((uint64_t)whole * part / NODE_PART_WHOLE);
}

/* Of an inner node: index of the child that serves `key`, which is probably at `part` of the node's
 * heads: these are looked at first. */
NODE_INLINE uint32_t node_search_child_near(const node *self, pbase_bytes key, uint32_t part)
{
    if (!node_prefix_agrees(self, key)) {
        node copy = *self;
        return node_search_child(&copy, key);
    }
    uint32_t head = node_head_of(key.data + self->prefix_size, key.size - self->prefix_size);
    uint32_t from = 1, to = self->count;
    if (part != NODE_PART_UNKNOWN) {
        node_head_narrow(self, head, node_part_of(to, part), &from, &to);
    }
    uint32_t first = node_head_bound(self, from, to, head);
    if (first < self->count && node_head(self, first) == head) {
        node copy = *self;
        return node_search_child(&copy, key);
    }
    return first - 1;
}

typedef enum {
    NODE_FOUND,
    NODE_ABSENT,
    NODE_UNCLEAR /* node_search tells */
} node_finding;

/* The first entry of a leaf whose head is that of `key`. False: no entry has it, and none the key. */
NODE_INLINE bool node_find_head(const node *leaf, pbase_bytes key, uint32_t *out_index)
{
    if (!node_prefix_agrees(leaf, key)) {
        return false;
    }
    uint32_t head = node_head_of(key.data + leaf->prefix_size, key.size - leaf->prefix_size);
    *out_index = node_head_bound(leaf, 0, leaf->count, head);
    return *out_index < leaf->count && node_head(leaf, *out_index) == head;
}

/* The value of `key` when it is that entry's. */
NODE_INLINE node_finding node_find_entry(const node *leaf, pbase_bytes key, uint32_t index,
                                         pbase_bytes *out_value)
{
    pbase_bytes tail;
    size_t size = key.size - leaf->prefix_size;
    return node_plain_entry(leaf, index, &tail, out_value) && tail.size == size &&
                   search_bytes_equal(tail.data, key.data + leaf->prefix_size, size)
               ? NODE_FOUND
               : NODE_UNCLEAR;
}

/* The value of `key` in a leaf, as far as heads and one comparison tell. */
NODE_INLINE node_finding node_find(const node *leaf, pbase_bytes key, pbase_bytes *out_value)
{
    uint32_t index;
    return node_find_head(leaf, key, &index) ? node_find_entry(leaf, key, index, out_value)
                                             : NODE_ABSENT;
}

/* ---------------------------------------------------------------------------- guessing -------- */

/* How far a head is on its way between two others. */
NODE_INLINE uint32_t node_part_between(uint32_t low, uint32_t high, uint32_t head)
{
    if (head <= low || high <= low) {
        return 0;
    }
    return head >= high ? NODE_PART_WHOLE - 1
                        : (uint32_t)((uint64_t)(head - low) * NODE_PART_WHOLE / (high - low));
}

/* Where in child `index`, which serves it, `key` probably is, from 0 to NODE_PART_WHOLE - 1: by how far
 * it is on its way between the separators around the child (interpolation: Perl, Itai, Avni,
 * "Interpolation Search - A log log N Search", 1978). Of a child at the edge: node_edge_part. */
NODE_INLINE uint32_t node_child_part(const node *self, uint32_t index, pbase_bytes key)
{
    if (key.size <= self->prefix_size) {
        return NODE_PART_UNKNOWN;
    }
    uint32_t head = node_head_of(key.data + self->prefix_size, key.size - self->prefix_size);
    if (index == 0 || index + 1 >= self->count) {
        node copy = *self;
        return node_edge_part(&copy, index, head);
    }
    uint32_t low = node_head(self, index), high = node_head(self, index + 1);
    return node_part_between(low, high, head);
}

#define NODE_ENTRY_LINES 3u   /* of 64 bytes: a key and the beginning of its value */
#define NODE_LEAF_AHEAD 256u  /* of a leaf: what its header and a search in its heads touch */
#define NODE_INNER_AHEAD 640u /* the same of an inner node */
/* Lines around the guess of an entry: of n hashed keys it is wrong by up to sqrt(n) / 2 entries as a standard
 * deviation, 330 bytes of a leaf of 32 entries of 116, 220 of an inner node of 180 of 33. */
#define NODE_GUESS_LINES 12u

NODE_INLINE void search_ask(const uint8_t *at, uint32_t lines)
{
#pragma GCC unroll 8
    for (uint32_t line = 0; line < lines; line++) {
        __builtin_prefetch(at + (size_t)line * 64);
    }
}

/* Where an entry at `part` of a stored leaf is looked for: `lines` from here on, or up to the end. */
NODE_INLINE uint32_t node_leaf_guess(const node_child *child, uint32_t part, uint32_t lines)
{
    uint32_t each = (child->flags & NODE_ROW) != 0 ? 4 : 8; /* of heads and slots */
    uint32_t index_bytes = child->count < child->size / each ? (uint32_t)child->count * each : 0;
    uint32_t start = NODE_HEADER_BYTES + index_bytes;
    uint32_t left = child->size > start ? child->size - start : 0;
    uint32_t at = start + node_part_of(left, part), half = lines * 32;
    return at > NODE_HEADER_BYTES + half ? at - half : NODE_HEADER_BYTES;
}

/* Of a stored inner node only the size is known: its entries are taken to be as long as its
 * parent's. */
NODE_INLINE void node_ask_inner(const node *parent, const node_child *child, uint32_t part,
                                uint32_t lines, const uint8_t *payload)
{
    uint32_t start = NODE_HEADER_BYTES + node_prefix_room(parent->prefix_size);
    float entries = (float)parent->count / (float)(parent->size - start); /* in a byte */
    uint32_t room = child->size > start ? child->size - start : 0;
    uint32_t part_bytes = node_part_of(room, part);
    uint32_t index = (uint32_t)((float)part_bytes * entries);
    uint32_t count = (uint32_t)((float)room * entries);
    const uint8_t *heads = payload + start;
    search_ask(payload, 1);
    search_ask(heads + (size_t)index * 4 - 32, 2);
    search_ask(heads + (size_t)(count + index) * 4 - 32, 2);
    search_ask(heads + (size_t)(count - index) * 8 + part_bytes - (size_t)lines * 32, lines);
}

/* All of a patch: it is small, and what it says of its base stands at its end. */
NODE_INLINE void node_ask_patch(const node_child *child, const atom_place *where)
{
    atom_place_prefetch(where, child->size < NODE_LEAF_BYTES ? child->size : NODE_LEAF_BYTES);
}

/* Asks for what a search of a key at `part` of a child at `where` will touch, without waiting for it:
 * its header and heads, and `lines` where the entry is guessed to lie, so that they come together. */
NODE_INLINE void node_ask_child(const node *self, const node_child *child, uint32_t part,
                                uint32_t lines, const atom_place *where)
{
    uint32_t ahead = self->level > 1 ? NODE_INNER_AHEAD : NODE_LEAF_AHEAD;
    if (where->payload == NULL) {
        return;
    }
    if (where->verified == NULL || part == NODE_PART_UNKNOWN) { /* in memory entries lie anyhow */
        atom_place_prefetch(where, ahead);
        return;
    }
    __builtin_prefetch(where->verified);
    if (self->level > 1) {
        node_ask_inner(self, child, part, lines, where->payload);
        return;
    }
    if ((child->flags & NODE_PATCH) != 0) {
        node_ask_patch(child, where);
        return;
    }
    search_ask(where->payload, NODE_LEAF_AHEAD / 64);
    search_ask(where->payload + node_leaf_guess(child, part, lines), lines);
}

#endif
