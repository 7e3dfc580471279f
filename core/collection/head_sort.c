/* head_sort.c - two passes of counting over the upper varying bits, then groups that are still equal
 * there: short ones by insertion, longer ones by merging. */
#include "collection/head_sort.h"

#define DIGIT_BITS 11u
#define DIGITS (1u << DIGIT_BITS)
#define RUN_ITEMS 16u  /* sorted by insertion */
#define FEW_ITEMS 256u /* not worth counting */

typedef struct {
    head_item *items, *scratch;
    bool (*precedes)(const void *state, uint64_t a, uint64_t b);
    const void *state;
} sorting;

uint64_t head_of_key(pbase_bytes key)
{
    uint64_t head = 0;
    if (key.size >= 8) {
        memcpy(&head, key.data, 8);
        return __builtin_bswap64(head);
    }
    for (size_t i = 0; i < key.size; i++) {
        head |= (uint64_t)key.data[i] << (56 - 8 * i);
    }
    return head;
}

/* True when `a` must stand before `b`. */
static bool is_lower(const sorting *self, const head_item *a, const head_item *b)
{
    return a->head != b->head ? a->head < b->head : self->precedes(self->state, a->place, b->place);
}

static void sort_run(const sorting *self, size_t first, size_t last)
{
    head_item *items = self->items;
    for (size_t i = first + 1; i < last; i++) {
        head_item moved = items[i];
        size_t at = i;
        for (; at > first && is_lower(self, &moved, &items[at - 1]); at--) {
            items[at] = items[at - 1];
        }
        items[at] = moved;
    }
}

/* Merges the sorted first..middle-1 and middle..last-1, of equal ones the left first. */
static void merge(const sorting *self, size_t first, size_t middle, size_t last)
{
    head_item *items = self->items, *left = self->scratch + first;
    size_t left_count = middle - first, taken = 0, right = middle, to = first;
    if (!is_lower(self, &items[middle], &items[middle - 1])) {
        return; /* they follow one another already */
    }
    memcpy(left, items + first, left_count * sizeof *left);
    while (taken < left_count) {
        bool takes_right = right < last && is_lower(self, &items[right], &left[taken]);
        items[to++] = takes_right ? items[right++] : left[taken++];
    }
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Bottom-up merge sort of a part. */
static void sort_part(const sorting *self, size_t first, size_t last)
{
    size_t count = last - first;
    for (size_t at = 0; at < count; at += RUN_ITEMS) {
        sort_run(self, first + at, first + lesser(at + RUN_ITEMS, count));
    }
    for (size_t width = RUN_ITEMS; width < count; width *= 2) {
        for (size_t at = 0; at + width < count; at += 2 * width) {
            merge(self, first + at, first + at + width, first + lesser(at + 2 * width, count));
        }
    }
}

/* Bits in which heads differ; 0 as well when they ascend as they are. */
static uint64_t varying_bits(const head_item *items, size_t count)
{
    uint64_t bits = 0;
    bool ascends = true;
    for (size_t i = 1; i < count; i++) {
        bits |= items[i].head ^ items[0].head;
        ascends = ascends && items[i - 1].head < items[i].head;
    }
    return ascends ? 0 : bits;
}

/* One pass by the digit at `shift`, stable. */
static void count_pass(const head_item *from, head_item *to, size_t count, unsigned shift)
{
    size_t places[DIGITS] = {0};
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        places[from[i].head >> shift & (DIGITS - 1u)]++;
    }
    for (size_t digit = 0; digit < DIGITS; digit++) {
        size_t here = places[digit];
        places[digit] = at;
        at += here;
    }
    for (size_t i = 0; i < count; i++) {
        to[places[from[i].head >> shift & (DIGITS - 1u)]++] = from[i];
    }
}

void head_sort(head_item *items, head_item *scratch, size_t count,
               bool (*precedes)(const void *state, uint64_t a, uint64_t b), const void *state)
{
    const sorting self = {items, scratch, precedes, state};
    uint64_t varying = count < FEW_ITEMS ? 0 : varying_bits(items, count);
    if (varying == 0) {
        sort_part(&self, 0, count);
        return;
    }
    unsigned bits = 64u - (unsigned)__builtin_clzll(varying);
    unsigned shift = bits > 2 * DIGIT_BITS ? bits - 2 * DIGIT_BITS : 0;
    count_pass(items, scratch, count, shift);
    count_pass(scratch, items, count, shift + DIGIT_BITS);
    for (size_t first = 0, last; first < count; first = last) {
        for (last = first + 1;
             last < count && items[last].head >> shift == items[first].head >> shift;) {
            last++;
        }
        sort_part(&self, first, last);
    }
}
