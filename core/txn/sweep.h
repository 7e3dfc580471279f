/* sweep.h - giving back segments of the store in which nothing is alive.
 *
 * Alive is what somebody may still read: the checkpoints that are kept, those that readers of the past
 * begin with, every state that is held, and content that a record of the kept journal adopts. What
 * these reach is marked, reading only the nodes that refer to others (a hundredth of the store); a
 * segment without a mark is retired. Nothing is remembered between two sweeps, so there is nothing
 * that a crash could leave wrong.
 *
 * Threads: called by the one who holds the right to settle, so that no checkpoint runs beside it.
 * Commits and readers go on. */
#ifndef PROTOBASE_TXN_SWEEP_H
#define PROTOBASE_TXN_SWEEP_H
#include "txn/engine.h"

typedef struct {
    uint64_t segments, bytes; /* that were looked at: nobody adds to them any more */
    uint64_t live_bytes;      /* of them; an upper bound where atoms are compressed */
    uint64_t freed_segments, freed_bytes;
} sweep_report;

/* BUSY: another process has the space open, or a large transaction has atoms that no record names
 * yet; nothing was looked at. CORRUPT and all else: nothing more is let go of. */
PBASE_MUST_CHECK pbase_status engine_sweep(engine *self, const pbase_call *call, sweep_report *out,
                                           pbase_error *err);

/* A checkpoint, then a sweep (checkpoint.c). */
PBASE_MUST_CHECK pbase_status engine_compact(engine *self, const pbase_call *call,
                                             sweep_report *out, pbase_error *err);

#endif
