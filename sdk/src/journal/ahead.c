/* ahead.c - how far the segment that is appended to has been written, and how much further an append
 * writes.
 *
 * A new segment has its room, but nothing of it was written. A durable write to such a part waits for
 * metadata of the file system, so the append that comes to one writes zeros behind its frame, in the same
 * write: a step. The appends after it find their place written. Only who may append writes here, so zeros
 * never meet a frame; how far others wrote is not known, and what they wrote is zeros once more. */
#include "journal/journal_state.h"

#define STEP_BYTES_MIN 16384u    /* the first one, for who makes a single commit */
#define STEP_BYTES_USUAL 262144u /* reached in two steps by who makes many */
#define STEP_BYTES_MAX 1048576u  /* a write of so much takes a millisecond or less */
/* Steps grow while they are used up fast, and shrink where they are not: a write of metadata more is little in
 * that time, and what a short run leaves unused is little of what it wrote. */
#define STEP_SHORT_NS UINT64_C(200000000)
#define STEP_SHORT_USUAL_NS UINT64_C(50000000)
#define STEP_LONG_NS UINT64_C(2000000000)

void journal_ahead_enter(journal *self, journal_place place)
{
    self->ahead.base = place.base;
    self->ahead.written_bytes = place.written_bytes;
}

static uint64_t step_after(uint64_t step, uint64_t took_ns)
{
    bool is_usual = step >= STEP_BYTES_USUAL;
    if (took_ns < (is_usual ? STEP_SHORT_USUAL_NS : STEP_SHORT_NS)) {
        uint64_t grown = is_usual ? step * 2 : step * 4;
        return grown < STEP_BYTES_MAX ? grown : STEP_BYTES_MAX;
    }
    if (took_ns > STEP_LONG_NS && step > STEP_BYTES_MIN) {
        return step > STEP_BYTES_USUAL ? STEP_BYTES_USUAL : step / 4;
    }
    return step;
}

/* As large as the time since the last step asks for. */
static uint64_t step_next(journal_ahead *ahead, uint64_t now_ns)
{
    ahead->step_bytes = ahead->step_bytes == 0
                            ? STEP_BYTES_MIN
                            : step_after(ahead->step_bytes, now_ns - ahead->began_ns);
    ahead->began_ns = now_ns;
    return ahead->step_bytes;
}

size_t journal_ahead_bytes(journal *self, const journal_place *place, uint64_t end, size_t room)
{
    if (self->ahead.base != place->base) {
        journal_ahead_enter(self, *place);
    }
    if (end <= self->ahead.written_bytes) {
        return 0;
    }
    uint64_t most = place->bytes / self->unit * self->unit;
    uint64_t step = step_next(&self->ahead, self->os->system->monotonic_ns(self->os));
    uint64_t upto = frame_round(end, step);
    upto = upto < most ? upto : most;
    upto = upto < end + room ? upto : end + room;
    return upto > end ? (size_t)(upto - end) : 0;
}

void journal_ahead_written(journal *self, const journal_place *place, uint64_t end)
{
    if (self->ahead.base != place->base) {
        journal_ahead_enter(self, *place);
    }
    if (end > self->ahead.written_bytes) {
        self->ahead.written_bytes = end;
    }
}
