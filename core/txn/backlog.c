/* backlog.c - commits and checkpoints: when one is due, and what holds commits back while it is behind.
 *
 * The leader of a group is held back before it takes the group, so whoever commits meanwhile joins it
 * and is held back no longer than it. What follows a group of how many bytes is the rule of
 * pressure.h. At the end of the way each commit waits for room by itself, before it enters the queue. */
#include "txn/engine_private.h"

/* How late growth of memory by others is noticed. */
#define ROOM_NAP_MS 200u

/* The functions below run with the queue locked. */

static uint64_t unsettled_bytes(const engine *self)
{
    uint64_t held =
        atomic_load_explicit(&store_atoms(self->bytes)->memory_bytes, memory_order_relaxed);
    return held > self->settled_memory_bytes ? held - self->settled_memory_bytes : 0;
}

static pressure_backlog backlog_now(const engine *self)
{
    double waiting = (double)self->deferred.bytes * self->pace.memory_per_byte;
    return (pressure_backlog){.journal_bytes = self->bytes_since_checkpoint,
                              .memory_bytes = unsettled_bytes(self) + (uint64_t)waiting};
}

bool engine_checkpoint_is_due(engine *self)
{
    int64_t unused;
    pressure_backlog backlog = backlog_now(self);
    uint64_t budget = self->options.checkpoint_bytes;
    return !self->poisoned && deferred_sequence(self, &unused) > self->settled_sequence &&
           (backlog.journal_bytes >= budget || backlog.memory_bytes >= PRESSURE_START * budget);
}

/* What a checkpoint is to settle, or settles, weighs; with none nobody is helped by waiting. */
static double level_now(engine *self)
{
    pressure_backlog backlog = backlog_now(self);
    double level = pressure_level(&backlog, self->options.checkpoint_bytes);
    return level > 0 && (self->settling || engine_checkpoint_is_due(self)) ? level : 0;
}

uint32_t engine_pressure(engine *self)
{
    return (uint32_t)(level_now(self) * 1000);
}

void engine_settling_begins(engine *self, uint64_t journal_bytes)
{
    const pbase_os *os = self->host->os;
    uint64_t budget = self->options.checkpoint_bytes;
    pressure_memory_grew(&self->pace, self->journal_grown_bytes - self->settled_grown_bytes,
                         unsettled_bytes(self), budget);
    pressure_checkpoint_begin(&self->pace, journal_bytes, budget, os->system->monotonic_ns(os));
}

void engine_settling_ends(engine *self, bool is_done)
{
    const pbase_os *os = self->host->os;
    self->settling = false;
    pressure_checkpoint_end(&self->pace, is_done, os->system->monotonic_ns(os));
    self->settled_memory_bytes = atomic_load(&store_atoms(self->bytes)->memory_bytes);
    self->settled_grown_bytes = self->journal_grown_bytes - self->deferred.bytes;
    os->lock->cond_broadcast(self->checkpoint_ended);
}

/* -------------------------------------------------------------------------- holding back ------ */

void engine_group_weighs(engine *self, uint64_t journal_bytes)
{
    const pbase_os *os = self->host->os;
    double level = level_now(self);
    self->held_until_ns = 0;
    if (level > 0) {
        uint64_t now_ns = os->system->monotonic_ns(os);
        double ns_per_byte = pressure_ns_per_byte(&self->pace, now_ns);
        self->held_until_ns = now_ns + pressure_pause_ns(level, journal_bytes, ns_per_byte);
        os->lock->cond_signal(self->settler_wakes); /* memory alone may have made it due */
    }
}

/* A commit is not to miss its deadline for being held back alone. */
static uint64_t held_until(const engine *self, const pbase_call *call, uint64_t now_ns)
{
    uint64_t until_ns = self->held_until_ns;
    if (call == NULL || call->deadline_ns == PBASE_NO_DEADLINE) {
        return until_ns;
    }
    uint64_t left_ns = call->deadline_ns > now_ns ? call->deadline_ns - now_ns : 0;
    return until_ns < now_ns + left_ns / 2 ? until_ns : now_ns + left_ns / 2;
}

bool engine_hold_back(engine *self, const pbase_call *call)
{
    const pbase_os *os = self->host->os;
    if (self->held_until_ns == 0) {
        return false;
    }
    uint64_t began_ns = os->system->monotonic_ns(os), now_ns = began_ns;
    uint64_t until_ns = held_until(self, call, began_ns);
    while (now_ns < until_ns && level_now(self) > 0) { /* who ends a checkpoint wakes it */
        (void)os->lock->cond_wait(self->checkpoint_ended, self->queue_mutex, until_ns);
        now_ns = os->system->monotonic_ns(os);
    }
    self->held_until_ns = 0;
    if (now_ns > began_ns) {
        latency_record(&self->holds, now_ns - began_ns);
        self->counters.held_ns += now_ns - began_ns;
    }
    return now_ns > began_ns;
}

/* ----------------------------------------------------------------------------- last stop ------ */

static bool is_full(engine *self)
{
    uint64_t stop = PRESSURE_STOP * self->options.checkpoint_bytes;
    return unsettled_bytes(self) >= stop || self->bytes_since_checkpoint >= stop;
}

pbase_status engine_wait_for_room(engine *self, const pbase_call *call, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_status status = PBASE_OK;
    engine_lock(self, self->queue_mutex);
    if (!is_full(self)) {
        engine_unlock(self, self->queue_mutex);
        return PBASE_OK;
    }
    self->counters.waits++;
    uint64_t failures = self->counters.checkpoint_failures + self->counters.checkpoint_refusals;
    os->lock->cond_signal(self->settler_wakes);
    while (status == PBASE_OK && is_full(self) &&
           (self->settling || engine_checkpoint_is_due(self)) &&
           failures == self->counters.checkpoint_failures + self->counters.checkpoint_refusals) {
        status = pbase_call_check(call, os, err);
        uint64_t nap = pbase_os_deadline(os, ROOM_NAP_MS);
        uint64_t deadline = call == NULL || call->deadline_ns > nap ? nap : call->deadline_ns;
        (void)os->lock->cond_wait(self->checkpoint_ended, self->queue_mutex, deadline);
    }
    engine_unlock(self, self->queue_mutex);
    return status;
}
