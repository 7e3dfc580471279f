/* range.h - runs of entries of an index, by their bounds.
 * Threads: pure functions. */
#ifndef PROTOBASE_INDEX_RANGE_H
#define PROTOBASE_INDEX_RANGE_H
#include "collection/tree.h"

/* Entries at or above `from` and below `to`. An empty bound is none. */
typedef struct {
    pbase_bytes from, to;
} index_range;

/* Number of entries in a range, without reading them. Nobody is told: it decides how to read, not
 * what comes out. */
PBASE_MUST_CHECK pbase_status index_range_count(const tree *entries, const index_range *range,
                                                uint64_t *out, pbase_error *err);

/* About how many entries have equal first `elements` elements, by a look at a few groups of them;
 * nulls, which equal nothing, count as none. */
PBASE_MUST_CHECK pbase_status index_group_entries(const tree *entries, size_t elements,
                                                  const pbase_alloc *alloc, double *out,
                                                  pbase_error *err);

#endif
