/* engine_stats.c - the figures of an engine (docs/stats.md). */
#include "txn/engine_private.h"

/* What is read under the lock. */
typedef struct {
    engine_counters counters;
    uint64_t sequence, settled, waiting_bytes;
    uint64_t since, journal_age_ns;
    uint64_t readers, oldest_reader;
    uint64_t snapshots, oldest_snapshot, oldest_snapshot_ns;
    uint64_t pinned_bytes, pressure;
} engine_now;

/* The clock may have been read before what it is compared with. */
static uint64_t since_ns(uint64_t now_ns, uint64_t then_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Looks at every snapshot that is open. Those of the past see older states than their age tells. With
 * the queue locked; they may be opened and closed meanwhile. */
static void read_snapshots(const engine *self, uint64_t now_ns, engine_now *out)
{
    for (const engine_snapshot *at = self->snapshots; at != NULL; at = at->older) {
        uint64_t opened_ns = atomic_load_explicit(&at->opened_ns, memory_order_acquire);
        uint64_t sequence = atomic_load_explicit(&at->sequence, memory_order_relaxed);
        if (opened_ns != 0) {
            uint64_t age_ns = since_ns(now_ns, opened_ns);
            out->snapshots++;
            out->oldest_snapshot = least(out->oldest_snapshot, sequence);
            out->oldest_snapshot_ns =
                age_ns > out->oldest_snapshot_ns ? age_ns : out->oldest_snapshot_ns;
        }
    }
}

/* What a checkpoint left in memory although it had been settled: older states hold it, and what was
 * committed while it ran. */
static uint64_t left_in_memory(const engine *self)
{
    return least(self->settled_memory_bytes, atomic_load(&store_atoms(self->bytes)->memory_bytes));
}

static void read_now(engine *self, engine_now *out)
{
    const pbase_os *os = self->host->os;
    uint64_t now_ns = os->system->monotonic_ns(os);
    engine_lock(self, self->queue_mutex);
    out->counters = self->counters;
    int64_t unused;
    out->sequence = deferred_sequence(self, &unused);
    out->waiting_bytes = self->deferred.bytes;
    out->settled = self->settled_sequence;
    out->since = self->bytes_since_checkpoint;
    out->journal_age_ns = out->since == 0 ? 0 : since_ns(now_ns, self->unsettled_since_ns);
    out->pressure = engine_pressure(self);
    out->readers = self->reader_count;
    out->oldest_reader =
        self->readers_oldest == NULL ? out->sequence : self->readers_oldest->sequence;
    out->snapshots = 0;
    out->oldest_snapshot = out->sequence;
    out->oldest_snapshot_ns = 0;
    read_snapshots(self, now_ns, out);
    bool any_older = least(out->oldest_reader, out->oldest_snapshot) < out->sequence;
    out->pinned_bytes = any_older ? left_in_memory(self) : 0;
    engine_unlock(self, self->queue_mutex);
}

typedef struct {
    const char *name;
    uint64_t value;
    const char *unit;
} figure;

static pbase_status tell(const figure *figures, size_t count, pbase_stat_each each,
                         void *each_state, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = each(each_state, figures[i].name, figures[i].value, figures[i].unit, err);
    }
    return status;
}

static pbase_status tell_commits(engine *self, const engine_now *now, pbase_stat_each each,
                                 void *each_state, pbase_error *err)
{
    const engine_counters *counts = &now->counters;
    const figure figures[] = {
        {"sequence", now->sequence, "count"},
        {"settled_sequence", now->settled, "count"},
        {"commits", counts->commits, "count"},
        {"conflicts", counts->conflicts, "count"},
        {"commit_groups", counts->groups, "count"},
        {"commit_gathers", counts->gathers, "count"},
        {"commit_pressure", now->pressure, "count"},
        {"commit_held", counts->held, "count"},
        {"commit_held_ns", counts->held_ns, "ns"},
        {"commit_waits", counts->waits, "count"},
        {"unapplied_bytes", now->waiting_bytes, "bytes"},
        {"apply_rounds", counts->applied_rounds, "count"},
        {"records_appended", counts->records, "count"},
        {"record_bytes_appended", counts->record_bytes, "bytes"},
        {"record_bytes_per_commit",
         counts->records == 0 ? 0 : counts->record_bytes / counts->records, "bytes"},
    };
    pbase_status status = tell(figures, sizeof figures / sizeof figures[0], each, each_state, err);
    if (status == PBASE_OK) {
        status = latency_tell(&self->commits, "commit", each, each_state, err);
    }
    if (status == PBASE_OK) {
        status = latency_tell(&self->holds, "held", each, each_state, err);
    }
    return status == PBASE_OK ? latency_tell(&self->flushes, "flush", each, each_state, err)
                              : status;
}

static pbase_status tell_rest(engine *self, const engine_now *now, pbase_stat_each each,
                              void *each_state, pbase_error *err)
{
    const engine_counters *counts = &now->counters;
    history_range past;
    history_range_read(self, &past);
    const figure figures[] = {
        {"bytes_since_checkpoint", now->since, "bytes"},
        {"journal_age", now->journal_age_ns, "ns"},
        {"checkpoints", counts->checkpoints, "count"},
        {"checkpoint_failures", counts->checkpoint_failures, "count"},
        {"checkpoint_ns", counts->checkpoint_ns, "ns"},
        {"open_transactions", now->readers, "count"},
        {"oldest_transaction_sequence", now->oldest_reader, "count"},
        {"open_snapshots", now->snapshots, "count"},
        {"oldest_snapshot_sequence", now->oldest_snapshot, "count"},
        {"oldest_snapshot_age", now->oldest_snapshot_ns, "ns"},
        {"pinned_bytes", now->pinned_bytes, "bytes"},
        {"oldest_sequence", past.oldest, "count"},
        {"kept_checkpoints", past.checkpoints, "count"},
        {"kept_journal_bytes", past.journal_bytes, "bytes"},
        {"records_followed", counts->followed, "count"},
        {"rebases", counts->rebases, "count"},
        {"sweeps", counts->sweeps, "count"},
        {"freed_segments", counts->freed_segments, "count"},
        {"freed_bytes", counts->freed_bytes, "bytes"},
        {"punched_bytes", counts->punched_bytes, "bytes"},
        {"moved_bytes", counts->moved_bytes, "bytes"},
        {"swept_live_bytes", counts->live_bytes, "bytes"},
        {"swept_live_patches", counts->live_patches, "count"},
    };
    return tell(figures, sizeof figures / sizeof figures[0], each, each_state, err);
}

pbase_status engine_stats(engine *self, pbase_stat_each each, void *each_state, pbase_error *err)
{
    engine_now now;
    read_now(self, &now);
    pbase_status status = tell_commits(self, &now, each, each_state, err);
    return status == PBASE_OK ? tell_rest(self, &now, each, each_state, err) : status;
}
