/* sweep.h - giving back segments of the store, and blocks of segments, in which nothing is alive.
 *
 * Alive is what somebody may still read: the checkpoints that are kept, those that readers of the past
 * begin with, every state that is held, content that a record of the kept journal adopts, and what other
 * processes say they need (needs.h). What
 * these reach is marked, reading only the nodes that refer to others (a hundredth of the store); a
 * full segment without a mark is retired, and of the others blocks without one are punched, where the
 * storage can. Then segments that are hardly alive are chosen, which the next checkpoint moves what is
 * alive out of. Nothing is remembered between two sweeps, so there is nothing
 * that a crash could leave wrong.
 *
 * Threads: called by the one who holds the right to settle, so that no checkpoint runs beside it.
 * Commits and readers go on. */
#ifndef PROTOBASE_TXN_SWEEP_H
#define PROTOBASE_TXN_SWEEP_H
#include "txn/engine.h"

typedef struct {
    uint64_t segments, bytes; /* that were looked at, and what they took of the device */
    uint64_t live_bytes;      /* of the atoms in them that are alive */
    uint64_t
        pinned_bytes; /* of these, that somebody may reach for long, not the newest state alone */
    uint64_t passing_bytes; /* of these, that only states reach which are looked at in passing */
    uint64_t freed_segments;
    uint64_t freed_bytes;   /* with those segments, and of others: */
    uint64_t punched_bytes; /* of which is not known where the storage does not say what it takes */
    uint64_t
        planned_bytes; /* that the next checkpoint writes anew, to empty segments (move_plan.h) */
    uint64_t live_patches;  /* of leaves, stored */
    uint64_t loose_patches; /* of these, of which nothing is pinned, nor of their leaves */
    bool move_failed;       /* what was chosen could not be moved */
} sweep_report;

#define SWEEP_BYTES_ASKED (UINT64_C(256) << 20) /* to be written anew in a round for who waits */

/* Who waits for a sweep, wants more of it, and may hear how far it is: of the bytes that segments take of the
 * device, looked at once for what is alive and once to be let go of. Another answer than OK ends it. */
typedef struct {
    pbase_status (*progress)(void *state, uint64_t done, uint64_t total,
                             pbase_error *err); /* or NULL */
    void *state;
} sweep_listener;

/* `asked_by` NULL: the background does it. `leaf_bytes_max`: of leaves behind patches that are chosen to become one
 * with them.
 * BUSY: a large transaction, of this process or another one, has atoms that no record names
 * yet; nothing was looked at. CORRUPT and all else: nothing more is let go of. */
PBASE_MUST_CHECK pbase_status engine_sweep(engine *self, const pbase_call *call,
                                           const sweep_listener *asked_by, uint64_t leaf_bytes_max,
                                           sweep_report *out, pbase_error *err);

/* A checkpoint, then sweeps in rounds as long as there is something to be won (checkpoint.c). Progress
 * begins anew with each. */
PBASE_MUST_CHECK pbase_status engine_compact(engine *self, const pbase_call *call,
                                             const sweep_listener *asked_by, sweep_report *out,
                                             pbase_error *err);

#endif
