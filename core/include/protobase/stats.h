/* stats.h - figures of an open space, for people and for monitoring.
 * Threads: synchronized. */
#ifndef PROTOBASE_STATS_H
#define PROTOBASE_STATS_H
#include <protobase/plugin/storage.h>
#include <protobase/space.h>
PBASE_BEGIN_DECLS

/* Calls `each` (see plugin/storage.h) for every figure of core and of the storage: commits, conflicts,
 * groups, records and bytes appended, how long commits, flushes and reads took, checkpoints, the
 * journal's age, memory held by unsettled atoms, cache hits, misses and evictions, journal and store
 * bytes, open snapshots. Names are listed in docs/stats.md. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_stats(pbase_space *space, pbase_stat_each each,
                                                          void *state, pbase_error *err);

/* What of the store the newest state needs. */
typedef struct {
    uint64_t live_atoms;  /* stored nodes and large values that the newest state reaches */
    uint64_t live_bytes;  /* what they take; before the transforms of a compressed space */
    uint64_t store_bytes; /* of the segments of the store */
    /* The rest: what was replaced, what only the past and open snapshots see, and what no atom fills. */
    uint64_t dead_bytes;
} pbase_space_usage_report;

/* Reads the inner nodes of every collection (about a hundredth of the store), and the leaves that hold
 * large values or collections; commits go on meanwhile. What was committed since the last checkpoint is
 * not in the store yet and not counted; what databases share is counted once. Remembers each node while
 * it looks, in some 32 bytes. CORRUPT: a node is damaged. `call` may be NULL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_usage(pbase_space *space,
                                                          const pbase_call *call,
                                                          pbase_space_usage_report *out,
                                                          pbase_error *err);

PBASE_END_DECLS
#endif
