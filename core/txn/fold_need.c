/* fold_need.c - a clock that commits set back. */
#include "txn/fold_need.h"

bool fold_need_is_due(fold_need *self, uint64_t now_ns, uint64_t sequence, uint64_t written)
{
    if (self->since_ns == 0 || sequence != self->sequence) {
        self->sequence = sequence;
        self->since_ns = now_ns;
        return false;
    }
    return now_ns - self->since_ns >= FOLD_IDLE_NS && now_ns >= self->next_ns &&
           written >= self->written + FOLD_PATCHES_MIN;
}

void fold_need_note(fold_need *self, uint64_t now_ns, const fold_outcome *outcome)
{
    uint64_t pause_ns = outcome->bytes * 1000 / FOLD_BYTES_A_SECOND * 1000 * 1000;
    pause_ns = pause_ns > FOLD_IDLE_NS ? FOLD_IDLE_NS : pause_ns;
    bool is_held = outcome->loose == 0 && outcome->live >= FOLD_PATCHES_MIN;
    bool is_stuck = self->loose > 0 && outcome->loose >= self->loose;
    if (outcome->is_failed || is_held || is_stuck) {
        self->in_vain += self->in_vain < FOLD_VAIN_MAX;
        pause_ns = FOLD_IDLE_NS << self->in_vain;
    } else {
        self->in_vain = 0;
        self->written = outcome->loose == 0 ? outcome->written : self->written;
    }
    self->loose = outcome->is_failed ? self->loose : outcome->loose;
    self->next_ns = now_ns + pause_ns;
}
