/* pressure.c - numbers alone: no clock, no lock. */
#include "txn/pressure.h"

#define PACE_PART 16u /* of the budget: what a checkpoint is taken for at least */

static double part_of_way(uint64_t bytes, uint64_t budget_bytes)
{
    double budgets = (double)bytes / (double)budget_bytes;
    double part = (budgets - PRESSURE_START) / (PRESSURE_STOP - PRESSURE_START);
    return part < 0 ? 0 : part > 1 ? 1 : part;
}

double pressure_level(const pressure_backlog *backlog, uint64_t budget_bytes)
{
    double journal = part_of_way(backlog->journal_bytes, budget_bytes);
    double memory = part_of_way(backlog->memory_bytes, budget_bytes);
    return journal > memory ? journal : memory;
}

uint64_t pressure_pause_ns(double level, uint64_t bytes, double ns_per_byte)
{
    double wanted = 2 * level * (double)bytes * ns_per_byte;
    double room = 1 - level; /* wanted / room, which may be none */
    return wanted >= (double)PRESSURE_PAUSE_MAX_NS * room && wanted > 0
               ? PRESSURE_PAUSE_MAX_NS
               : (uint64_t)(wanted > 0 ? wanted / room : 0);
}

static uint64_t bytes_least(uint64_t budget_bytes)
{
    return budget_bytes / PACE_PART + 1;
}

void pressure_checkpoint_begin(pressure_pace *self, uint64_t journal_bytes, uint64_t budget_bytes,
                               uint64_t now_ns)
{
    uint64_t least = bytes_least(budget_bytes);
    self->running_counts = journal_bytes >= least;
    self->running_bytes = self->running_counts ? journal_bytes : least;
    self->running_since_ns = now_ns > 0 ? now_ns : 1;
}

void pressure_memory_grew(pressure_pace *self, uint64_t journal_bytes, uint64_t memory_bytes,
                          uint64_t budget_bytes)
{
    if (journal_bytes >= bytes_least(budget_bytes)) {
        self->memory_per_byte = (double)memory_bytes / (double)journal_bytes;
    }
}

static double running_ns(const pressure_pace *self, uint64_t now_ns)
{
    return now_ns > self->running_since_ns ? (double)(now_ns - self->running_since_ns) : 0;
}

void pressure_checkpoint_end(pressure_pace *self, bool is_done, uint64_t now_ns)
{
    if (is_done && self->running_counts) {
        self->past_ns = self->past_ns / 2 + running_ns(self, now_ns);
        self->past_bytes = self->past_bytes / 2 + (double)self->running_bytes;
    }
    self->running_since_ns = 0;
    self->running_counts = false;
}

double pressure_ns_per_byte(const pressure_pace *self, uint64_t now_ns)
{
    double past = self->past_bytes > 0 ? self->past_ns / self->past_bytes : 0;
    double now =
        self->running_since_ns != 0 ? running_ns(self, now_ns) / (double)self->running_bytes : 0;
    return now > past ? now : past;
}
