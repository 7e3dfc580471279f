/* pinned.h - how many bytes of the store are there for open snapshots alone, and for the kept past.
 *
 * Follows references through inner nodes, as a sweep does, in an order that makes each answer what the
 * last step adds: what the newest state and open transactions reach; then what is kept or pinned for
 * other reasons; then what other processes say they need; then what snapshots see, and last what the one
 * that sees the oldest state does.
 * Nothing that was alive when it began is let go of meanwhile; commits and checkpoints go on.
 *
 * Threads: any. */
#ifndef PROTOBASE_TXN_PINNED_H
#define PROTOBASE_TXN_PINNED_H
#include "txn/engine.h"

typedef struct {
    uint64_t snapshots; /* open in this process */
    uint64_t
        oldest_sequence;    /* of the state that the oldest sees; of the newest when none is open */
    uint64_t oldest_age_ns; /* of the one that has been open longest of those that see it */
    uint64_t oldest_bytes;  /* that nothing but those reach */
    uint64_t snapshots_bytes; /* that nothing but snapshots reach, those included */
    uint64_t past_bytes; /* that older checkpoints, the kept journal and states held for another
                                 reason reach, and the newest state, the newest checkpoint and open
                                 transactions do not */
    uint64_t processes;  /* others that have the space open */
    uint64_t processes_bytes; /* that they need beside all that */
    bool processes_hold_all;  /* one of them needs everything that there is now */
} pinned_report;

/* Takes some 32 bytes of memory for each node. Where others are, nobody makes a checkpoint while what
 * they need is looked at. CORRUPT, IO: a node cannot be read. */
PBASE_MUST_CHECK pbase_status engine_pinned(engine *self, const pbase_call *call,
                                            pinned_report *out, pbase_error *err);

#endif
