/* head_sort.h - sorting keys by their first bytes.
 *
 * What is moved is small: the first eight bytes of a key as a number that compares as they do, and
 * where the rest lies. The upper varying bits are sorted by counting (radix sort, least digit first:
 * Knuth, The Art of Computer Programming, volume 3, 1998, section 5.2.5), what they leave together by
 * merging. The order of equal items stays.
 *
 * Threads: pure functions. */
#ifndef PROTOBASE_COLLECTION_HEAD_SORT_H
#define PROTOBASE_COLLECTION_HEAD_SORT_H
#include <protobase/base/bytes.h>

typedef struct {
    uint64_t head;
    uint64_t place;
} head_item;

/* The first eight bytes of a key; missing ones count as 0. */
uint64_t head_of_key(pbase_bytes key);
/* `precedes`: of two places whose heads are equal, whether the first one's key is the lower one.
 * `scratch` takes as many items. */
void head_sort(head_item *items, head_item *scratch, size_t count,
               bool (*precedes)(const void *state, uint64_t a, uint64_t b), const void *state);

#endif
