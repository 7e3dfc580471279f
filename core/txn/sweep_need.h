/* sweep_need.h - when the background sweeps again, from what its last sweep left.
 *
 * A sweep reads a hundredth of the store, so one is made when there is something to be won: the store has
 * grown by a quarter of what the newest state needs since the last one; or segments were emptied, which
 * only a sweep gives back; or the last one had to leave more than that quarter because somebody was looking
 * at it in passing, who may be gone.
 *
 * Threads: confined to the one who settles. */
#ifndef PROTOBASE_TXN_SWEEP_NEED_H
#define PROTOBASE_TXN_SWEEP_NEED_H
#include "txn/sweep.h"

/* Zeroed: there was no sweep yet. */
typedef struct {
    uint64_t live_bytes;   /* that the last sweep found, and that lasts */
    uint64_t held_bytes;   /* what the store took for that, and for nothing, after it */
    uint64_t growth_bytes; /* a quarter of what the newest state needs; 0: of the least */
    bool had_passing;      /* some of it was looked at in passing */
    bool has_moved;        /* segments were emptied since */
} sweep_need;

void sweep_need_note(sweep_need *self, const sweep_report *report);
/* `bytes`: what the store takes now. */
bool sweep_need_is_due(const sweep_need *self, uint64_t bytes);
/* So much more than what is alive is left alone by those who clean in the background. */
bool sweep_need_is_lean(const sweep_need *self);

#endif
