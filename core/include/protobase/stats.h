/* stats.h - figures of an open space, for people and for monitoring.
 * Threads: synchronized. */
#ifndef PROTOBASE_STATS_H
#define PROTOBASE_STATS_H
#include <protobase/plugin/storage.h>
#include <protobase/space.h>
PBASE_BEGIN_DECLS

/* Calls `each` (see plugin/storage.h) for every figure of core and of the storage: commits, conflicts,
 * groups, records and bytes appended, checkpoints, memory held by unsettled atoms, cache hits,
 * misses and evictions, journal and store bytes, open snapshots. Names are listed in
 * docs/stats.md. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_space_stats(pbase_space *space, pbase_stat_each each,
                                                          void *state, pbase_error *err);

PBASE_END_DECLS
#endif
