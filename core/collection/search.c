/* search.c - finding a key or a position in one node.
 *
 * Keys are compared by their heads first: a branch-free halving down to sixteen, then all of those
 * at once. Only entries whose head equals the key's are compared in full. */
#include "collection/node.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LANES 16u

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

/* First of the entries from..count-1 at or above `key`. */
static uint32_t lower_bound(const node *self, uint32_t from, pbase_bytes key, bool *out_found)
{
    *out_found = false;
    pbase_bytes prefix = node_prefix(self);
    size_t shared = key.size < prefix.size ? key.size : prefix.size;
    int order = shared == 0 ? 0 : memcmp(key.data, prefix.data, shared);
    if (order != 0 || key.size < prefix.size) {
        return order > 0 ? self->count : from;
    }
    pbase_bytes tail = pbase_bytes_of(key.data + prefix.size, key.size - prefix.size);
    uint32_t head = node_head_of(tail.data, tail.size);
    uint32_t first = head_lower_bound(self, from, self->count, head);
    uint32_t past = first;
    while (past < self->count && node_head(self, past) == head) {
        past++;
    }
    return tail_lower_bound(self, first, past, tail, out_found);
}

uint32_t node_search(const node *self, pbase_bytes key, bool *out_found)
{
    return lower_bound(self, 0, key, out_found);
}

#define ENTRY_LINES 3u /* of 64 bytes: a key and the beginning of its value */

void node_prefetch_entry(const node *self, pbase_bytes key)
{
    if (key.size < self->prefix_size) {
        return;
    }
    uint32_t head = node_head_of(key.data + self->prefix_size, key.size - self->prefix_size);
    uint32_t index = head_lower_bound(self, 0, self->count, head);
    if (index < self->count) {
        const uint8_t *entry = node_entry_at(self, index);
        for (uint32_t line = 0; line < ENTRY_LINES; line++) {
            __builtin_prefetch(entry + (size_t)line * 64);
        }
    }
}

uint32_t node_search_child(const node *self, pbase_bytes key)
{
    bool found;
    uint32_t index = lower_bound(self, 1, key, &found);
    return found ? index : index - 1;
}

uint32_t node_search_position(const node *self, uint64_t *position)
{
    uint32_t last = self->count - 1;
    for (uint32_t i = 0; i < last; i++) {
        uint64_t count = pbase_get_u64(node_entry_at(self, i) + NODE_CHILD_COUNT);
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
        total += pbase_get_u64(node_entry_at(self, i) + NODE_CHILD_COUNT);
    }
    return total;
}
