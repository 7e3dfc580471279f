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

void fold_need_note(fold_need *self, uint64_t now_ns, uint64_t bytes, uint64_t left,
                    uint64_t written)
{
    uint64_t pause_ns = bytes * 1000 / FOLD_BYTES_A_SECOND * 1000 * 1000;
    self->next_ns = now_ns + (pause_ns > FOLD_IDLE_NS ? FOLD_IDLE_NS : pause_ns);
    if (left == 0) {
        self->written = written;
    }
}
