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

/* What of the store is there for open snapshots, for the past, and for other processes. Snapshots are those
 * that are open in this process: what others see is told as a whole. */
typedef struct {
    uint64_t snapshots; /* open now */
    uint64_t
        oldest_sequence; /* the oldest commit that one of them sees; the newest if none is open */
    uint64_t oldest_age_ns;   /* how long it has been open; of several that see it the longest */
    uint64_t oldest_bytes;    /* of the store, that nobody else needs: dead when those are closed */
    uint64_t snapshots_bytes; /* the same of all open snapshots */
    uint64_t past_bytes; /* that only the kept past needs (docs/past.md), and nobody reads now */
    uint64_t processes;  /* others that have the space open now */
    /* What they say they need (docs/processes.md), and neither the newest state nor the past does; also when
     * snapshots of this process need it too. */
    uint64_t processes_bytes;
    /* One of them needs everything there is now: it writes a large transaction, or keeps more of the past
     * than it can tell. Then nothing is given back. */
    bool processes_hold_all;
} pbase_space_pinned_report;

/* Reads the inner nodes of everything that is kept, as pbase_space_usage does of the newest state; what
 * states share is read once. Commits go on meanwhile, and checkpoints but for the moment in which what other
 * processes need is looked at. Bytes are as they are stored, with
 * headers; a sweep gives them back by blocks and segments, so a little less at first (docs/compact.md). What
 * running copies and watches hold counts nowhere. CORRUPT: a node is damaged. `call` may be NULL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_pinned(pbase_space *space,
                                                           const pbase_call *call,
                                                           pbase_space_pinned_report *out,
                                                           pbase_error *err);

PBASE_END_DECLS
#endif
