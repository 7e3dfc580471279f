/* search.c - finding a key or a position in one node: what search.h leaves to it.
 *
 * Only entries whose head equals the key's are compared in full. */
#include "collection/search.h"

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

/* First of the entries from..count-1 whose head is at or above that of `key`. False: the prefix has
 * decided, and *out is the first one at or above the key. */
static bool heads_lower_bound(const node *self, uint32_t from, pbase_bytes key, uint32_t *out)
{
    pbase_bytes prefix = node_prefix(self);
    size_t shared = key.size < prefix.size ? key.size : prefix.size;
    int order = shared == 0 ? 0 : memcmp(key.data, prefix.data, shared);
    if (order != 0 || key.size < prefix.size) {
        *out = order > 0 ? self->count : from;
        return false;
    }
    uint32_t head = node_head_of(key.data + prefix.size, key.size - prefix.size);
    *out = node_head_bound(self, from, self->count, head);
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

/* First of the entries from..count-1 at or above `key`. */
static uint32_t lower_bound(const node *self, uint32_t from, pbase_bytes key, bool *out_found)
{
    uint32_t first;
    *out_found = false;
    return heads_lower_bound(self, from, key, &first)
               ? tails_lower_bound(self, first, key, out_found)
               : first;
}

uint32_t node_search(const node *self, pbase_bytes key, bool *out_found)
{
    return lower_bound(self, 0, key, out_found);
}

uint32_t node_search_child(const node *self, pbase_bytes key)
{
    bool found;
    uint32_t index = lower_bound(self, 1, key, &found);
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

uint32_t node_edge_part(const node *self, uint32_t index, uint32_t head)
{
    uint32_t low, high;
    if (self->count < 2) {
        return NODE_PART_UNKNOWN;
    }
    child_bounds(self, index, &low, &high);
    return node_part_between(low, high, head);
}

/* ---------------------------------------------------------------------------- positions ------- */

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
