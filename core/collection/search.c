/* search.c - finding a key or a position in one node.
 *
 * Keys are compared by their heads first: a branch-free halving down to sixteen, then all of those
 * at once. Only entries whose head equals the key's are compared in full. */
#include "collection/node.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LANES 16u

/* Of a node what its header and a search in its heads touch. */
#define LEAF_AHEAD_BYTES 256u
#define INNER_AHEAD_BYTES 640u

static uint32_t part_of(uint32_t whole, uint32_t part)
{
    return (uint32_t)((uint64_t)whole * part / NODE_PART_WHOLE);
}

/* How many of the `count` heads at `heads` are below `head`; at most LANES. */
static uint32_t heads_below(const uint8_t *heads, uint32_t count, uint32_t head)
{
    uint32_t below = 0, i = 0;
#ifdef __SSE2__
    const __m128i flip = _mm_set1_epi32((int)0x80000000u); /* there is only a signed compare */
    const __m128i wanted = _mm_xor_si128(_mm_set1_epi32((int)head), flip);
    __m128i counts = _mm_setzero_si128(); /* of each lane, below 0: true is -1 */
    for (; i + 4 <= count; i += 4) {
        __m128i four = _mm_loadu_si128((const __m128i *)(const void *)(heads + (size_t)i * 4));
        counts = _mm_add_epi32(counts, _mm_cmplt_epi32(_mm_xor_si128(four, flip), wanted));
    }
    counts = _mm_add_epi32(counts, _mm_shuffle_epi32(counts, _MM_SHUFFLE(1, 0, 3, 2)));
    counts = _mm_add_epi32(counts, _mm_shuffle_epi32(counts, _MM_SHUFFLE(2, 3, 0, 1)));
    below = (uint32_t)-_mm_cvtsi128_si32(counts);
#endif
    for (; i < count; i++) {
        below += pbase_get_u32(heads + (size_t)i * 4) < head;
    }
    return below;
}

/* First of the sorted heads from..to-1 that is at or above `head`. */
static uint32_t head_lower_bound(const node *self, uint32_t from, uint32_t to, uint32_t head)
{
    uint32_t length = to - from;
    while (length > LANES) {
        uint32_t half = length / 2;
        from += half & (0u - (uint32_t)(node_head(self, from + half - 1) < head)); /* no branch */
        length -= half;
    }
    return from + heads_below(self->heads + (size_t)from * 4, length, head);
}

/* First of the entries from..to-1, whose heads are all equal, with a tail at or above `tail`. */
static uint32_t tail_lower_bound(const node *self, uint32_t from, uint32_t to, pbase_bytes tail,
                                 bool *out_found)
{
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int order = pbase_bytes_compare(node_tail(self, middle), tail);
        if (order == 0) {
            *out_found = true;
            return middle;
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

/* The same when it is probably about `guess`, whose neighbourhood has been asked for: a search from
 * the middle would wait for lines that nobody else needs. */
static uint32_t head_lower_bound_near(const node *self, uint32_t from, uint32_t head,
                                      uint32_t guess)
{
    uint32_t to = self->count;
    uint32_t low = guess > from + LANES / 2 ? guess - LANES / 2 : from;
    uint32_t high = to > guess + LANES / 2 ? guess + LANES / 2 : to;
    if (low > from && node_head(self, low - 1) >= head) {
        return head_lower_bound(self, from, low, head);
    }
    if (high < to && node_head(self, high - 1) < head) {
        return head_lower_bound(self, high, to, head);
    }
    return head_lower_bound(self, low, high, head);
}

#define ENTRY_LINES 3u /* of 64 bytes: a key and the beginning of its value */

static void prefetch_entry(const uint8_t *entry)
{
    for (uint32_t line = 0; line < ENTRY_LINES; line++) {
        __builtin_prefetch(entry + (size_t)line * 64);
    }
}

/* First of the entries from..count-1 whose head is at or above that of `key`, which is probably at
 * `part` of them. False: the prefix has decided, and *out is the first one at or above the key. */
static bool heads_lower_bound(const node *self, uint32_t from, pbase_bytes key, uint32_t part,
                              uint32_t *out)
{
    pbase_bytes prefix = node_prefix(self);
    size_t shared = key.size < prefix.size ? key.size : prefix.size;
    int order = shared == 0 ? 0 : memcmp(key.data, prefix.data, shared);
    if (order != 0 || key.size < prefix.size) {
        *out = order > 0 ? self->count : from;
        return false;
    }
    uint32_t head = node_head_of(key.data + prefix.size, key.size - prefix.size);
    *out = part == NODE_PART_UNKNOWN
               ? head_lower_bound(self, from, self->count, head)
               : head_lower_bound_near(self, from, head, part_of(self->count, part));
    return true;
}

/* The first entry at or above `key` when `first` is the first whose head is. */
static uint32_t tails_lower_bound(const node *self, uint32_t first, pbase_bytes key,
                                  bool *out_found)
{
    pbase_bytes tail = pbase_bytes_of(key.data + self->prefix_size, key.size - self->prefix_size);
    uint32_t head = node_head_of(tail.data, tail.size);
    uint32_t past = first;
    while (past < self->count && node_head(self, past) == head) {
        past++;
    }
    return tail_lower_bound(self, first, past, tail, out_found);
}

static uint32_t lower_bound(const node *self, uint32_t from, pbase_bytes key, uint32_t part,
                            bool *out_found)
{
    uint32_t first;
    *out_found = false;
    return heads_lower_bound(self, from, key, part, &first)
               ? tails_lower_bound(self, first, key, out_found)
               : first;
}

uint32_t node_search(const node *self, pbase_bytes key, bool *out_found)
{
    node_near near;
    node_search_heads(self, key, &near);
    return node_search_tails(self, key, &near, out_found);
}

void node_search_heads(const node *self, pbase_bytes key, node_near *out)
{
    out->has_head = heads_lower_bound(self, 0, key, NODE_PART_UNKNOWN, &out->first);
    if (out->has_head && self->level == 0 && out->first < self->count) {
        prefetch_entry(node_entry_at(self, out->first));
    }
}

uint32_t node_search_tails(const node *self, pbase_bytes key, const node_near *near,
                           bool *out_found)
{
    *out_found = false;
    return near->has_head ? tails_lower_bound(self, near->first, key, out_found) : near->first;
}

uint32_t node_search_child(const node *self, pbase_bytes key)
{
    return node_search_child_near(self, key, NODE_PART_UNKNOWN);
}

uint32_t node_search_child_near(const node *self, pbase_bytes key, uint32_t part)
{
    bool found;
    uint32_t index = lower_bound(self, 1, key, part, &found);
    return found ? index : index - 1;
}

/* ---------------------------------------------------------------------------- guessing -------- */

/* The heads between which child `index` lies. Those of the first child's beginning and of the last
 * one's end are not there: they are taken to be as wide as their neighbour. */
static void child_bounds(const node *self, uint32_t index, uint32_t *out_low, uint32_t *out_high)
{
    uint32_t last = self->count - 1;
    uint32_t low = index == 0 ? 0 : node_head(self, index);
    uint32_t high = index == last ? UINT32_MAX : node_head(self, index + 1);
    if (index == 0 && last >= 2) {
        uint32_t width = node_head(self, 2) - high;
        low = high > width ? high - width : 0;
    } else if (index == last && last >= 2) {
        uint32_t width = low - node_head(self, last - 1);
        high = UINT32_MAX - low > width ? low + width : UINT32_MAX;
    }
    *out_low = low;
    *out_high = high;
}

uint32_t node_child_part(const node *self, uint32_t index, pbase_bytes key)
{
    if (key.size <= self->prefix_size || self->count < 2) {
        return NODE_PART_UNKNOWN;
    }
    uint32_t low, high;
    uint32_t head = node_head_of(key.data + self->prefix_size, key.size - self->prefix_size);
    child_bounds(self, index, &low, &high);
    if (head <= low || high <= low) {
        return 0;
    }
    return head >= high ? NODE_PART_WHOLE - 1
                        : (uint32_t)((uint64_t)(head - low) * NODE_PART_WHOLE / (high - low));
}

#define NEAR_LINES 2u /* of heads and of slots, around where one is guessed */

/* `lines` around `at`, as far as they lie in the child's payload. */
static atom_part part_around(const node_child *child, uint32_t at, uint32_t lines)
{
    uint32_t half = lines * 32;
    uint32_t from = at > NODE_HEADER_BYTES + half ? at - half : NODE_HEADER_BYTES;
    uint32_t left = from < child->size ? child->size - from : 0;
    return (atom_part){from, left < lines * 64 ? left : lines * 64};
}

static void ask(atom_source *source, const node_child *child, uint32_t bytes,
                const atom_part *parts, size_t count)
{
    if (source->vtable->prefetch != NULL) {
        source->vtable->prefetch(source, atom_ref_pointer(child->ref), bytes, parts, count);
    }
}

/* Of an inner node only the size is known: its entries are taken to be as long as its parent's. */
static void ask_inner(atom_source *source, const node *parent, const node_child *child,
                      uint32_t part)
{
    uint32_t heap = pbase_get_u32(parent->payload + NODE_AT_HEAP);
    uint32_t length = (parent->size - heap) / parent->count;
    uint32_t start = NODE_HEADER_BYTES + node_prefix_room(parent->prefix_size);
    uint32_t count = child->size > start ? (child->size - start) / (length + 8) : 0;
    uint32_t index = part_of(count, part);
    const atom_part parts[] = {
        part_around(child, start + index * 4, NEAR_LINES),
        part_around(child, start + (count + index) * 4, NEAR_LINES),
        part_around(child, start + count * 8 + index * length, ENTRY_LINES),
    };
    ask(source, child, NODE_HEADER_BYTES, parts, sizeof parts / sizeof parts[0]);
}

#define LEAF_LINES 6u /* an entry, and about as much on either side as the guess is wrong */

static void ask_leaf(atom_source *source, const node_child *child, uint32_t part)
{
    uint32_t each = (child->flags & NODE_ROW) != 0 ? 4 : 8; /* of heads and slots */
    uint32_t index_bytes = child->count < child->size / each ? (uint32_t)child->count * each : 0;
    uint32_t start = NODE_HEADER_BYTES + index_bytes;
    bool guesses = part != NODE_PART_UNKNOWN && start < child->size;
    atom_part entry = {0, 0};
    if (guesses) {
        entry = part_around(child, start + part_of(child->size - start, part), LEAF_LINES);
    }
    ask(source, child, start < LEAF_AHEAD_BYTES ? start : LEAF_AHEAD_BYTES, &entry, guesses);
}

void node_prefetch_child(atom_source *source, const node *self, uint32_t index, uint32_t part)
{
    node_child child = node_child_at(self, index);
    if (!atom_ref_is_stored(child.ref)) { /* its entries lie in no order */
        atom_prefetch(source, child.ref, self->level > 1 ? INNER_AHEAD_BYTES : LEAF_AHEAD_BYTES);
    } else if (self->level == 1) {
        ask_leaf(source, &child, part);
    } else if (part != NODE_PART_UNKNOWN) {
        ask_inner(source, self, &child, part);
    } else {
        atom_prefetch(source, child.ref, INNER_AHEAD_BYTES);
    }
}

uint32_t node_search_position(const node *self, uint64_t *position)
{
    uint32_t last = self->count - 1;
    for (uint32_t i = 0; i < last; i++) {
        uint64_t count = pbase_get_u64(node_child_entry(self, i) + NODE_CHILD_COUNT);
        if (*position < count) {
            return i;
        }
        *position -= count;
    }
    return last;
}

uint64_t node_total_before(const node *self, uint32_t index)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < index; i++) {
        total += pbase_get_u64(node_child_entry(self, i) + NODE_CHILD_COUNT);
    }
    return total;
}
