/* sweep_need.c - quarters. */
#include "txn/sweep_need.h"

#define GROWTH_BYTES_MIN (UINT64_C(16) << 20)

static uint64_t at_least(uint64_t bytes, uint64_t least)
{
    return bytes > least ? bytes : least;
}

/* What is pinned is the newest state's too, as far as nothing was changed since: so a third of all is
 * taken for the newest state's at least. */
static uint64_t growth_of(const sweep_report *report)
{
    uint64_t lasting = report->live_bytes - report->passing_bytes;
    return at_least(at_least(lasting - report->pinned_bytes, lasting / 3) / 4, GROWTH_BYTES_MIN);
}

void sweep_need_note(sweep_need *self, const sweep_report *report)
{
    uint64_t held = report->bytes - report->freed_bytes;
    self->live_bytes = report->live_bytes - report->passing_bytes;
    self->growth_bytes = growth_of(report);
    self->held_bytes = held > report->passing_bytes ? held - report->passing_bytes : 0;
    self->had_passing = report->passing_bytes > 0;
    self->has_moved = false;
}

bool sweep_need_is_due(const sweep_need *self, uint64_t bytes)
{
    uint64_t grown = bytes > self->held_bytes ? bytes - self->held_bytes : 0;
    return self->has_moved || grown >= at_least(self->growth_bytes, GROWTH_BYTES_MIN) ||
           (self->had_passing && !sweep_need_is_lean(self));
}

bool sweep_need_is_lean(const sweep_need *self)
{
    return self->held_bytes <= self->live_bytes + self->growth_bytes;
}
