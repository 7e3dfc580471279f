/* follow.c - several processes on one space: taking turns, and taking over what others committed.
 *
 * Whoever appends holds the storage's lock `writer` for the time of one group. Before, it applies the
 * records that others appended since its own head, with the code of recovery, and notes what they
 * wrote in the window, so that its own group is validated against them like against commits of its
 * own threads. Readers do the same without the lock when the journal's head has moved.
 *
 * A checkpoint of another process is met in the same way: the state is then loaded anew from what it
 * stored, so that the copies in memory go with the last older state. One whose records are gone
 * before we came to read them starts at the newest checkpoint, too. */
#include "txn/engine_private.h"
#include "txn/replay.h"
#include "txn/write_set.h"

#include <inttypes.h>

#define LOCK_WRITER "writer"
#define LOCK_OPEN "open"
#define LOAD_TRIES 16u
#define JOIN_TIMEOUT_MS 60000u /* while the last user settles */

/* A call that is over at once: one try. */
static pbase_call call_now(const engine *self)
{
    const pbase_os *os = self->host->os;
    return (pbase_call){.deadline_ns = os->system->monotonic_ns(os)};
}

/* --------------------------------------------------------------------------------- loading ---- */

/* The functions below run with the commit lock. */

/* Makes `next` (whose count it takes) the newest state, of the journal up to `position`. */
static void publish_at(engine *self, space_state *next, pbase_position position)
{
    engine_lock(self, self->queue_mutex);
    space_state *before = self->newest;
    self->newest = next;
    self->published = position;
    if (self->publish_waiters > 0) {
        self->host->os->lock->cond_broadcast(self->published_more);
    }
    engine_unlock(self, self->queue_mutex);
    space_state_unref(before);
    self->head = position;
}

/* Makes a loaded state the newest one; `kept` changes places with what was kept. */
static void publish_loaded(engine *self, const engine_loaded *loaded, retained_list *kept)
{
    publish_at(self, loaded->state, loaded->position);
    self->checkpoint_fence = loaded->fence;
    engine_lock(self, self->queue_mutex);
    self->kept_anchor = loaded->anchor;
    self->settled_sequence = loaded->settled;
    self->bytes_since_checkpoint = 0;
    engine_journal_grew(self, loaded->bytes);
    self->settled_grown_bytes = 0;
    self->settled_memory_bytes = 0; /* what is in memory now was not settled by it */
    self->counters.rebases++;
    engine_unlock(self, self->queue_mutex);
    history_kept_swap(self, kept);
    atomic_store(&self->applied, self->head);
}

/* Starts again at the newest checkpoint, and forgets what was written meanwhile. */
static pbase_status reload(engine *self, pbase_error *err)
{
    engine_loaded loaded;
    retained_list kept;
    pbase_error why;
    pbase_status status = PBASE_TRIMMED;
    retained_list_init(&kept, self->host->alloc);
    for (unsigned i = 0; status == PBASE_TRIMMED && i < LOAD_TRIES; i++) {
        pbase_error_init(&why);
        status = engine_load(self, &kept, &loaded, &why);
    }
    if (status == PBASE_OK && loaded.state->sequence < self->newest->sequence) {
        status = PBASE_FAIL(&why, PBASE_CORRUPT,
                            "the journal leads to sequence %" PRIu64 ", but %" PRIu64
                            " was there before",
                            loaded.state->sequence, self->newest->sequence);
        space_state_unref(loaded.state);
    }
    if (status == PBASE_OK) {
        uint64_t sequence = loaded.state->sequence;
        publish_loaded(self, &loaded, &kept);
        engine_needs_say(self);
        write_window_add(self->window, sequence, NULL);
    } else if (err != NULL) {
        *err = why;
    }
    retained_list_fini(&kept);
    return status;
}

/* The newest state again, on what a checkpoint of another process stored: the last one of `kept`, whose
 * record lies at `anchor`. */
static pbase_status rebase(engine *self, retained_list *kept, pbase_position anchor, uint64_t fence,
                           pbase_error *err)
{
    engine_loaded loaded;
    engine_pin pin = {.is_set = false};
    pbase_status status =
        engine_needs_root(self, &pin, kept->items[kept->count - 1].root, anchor, err);
    if (status == PBASE_OK) {
        status = engine_load_from(self, kept, self->head, &loaded, err);
    }
    history_unpin(self, &pin);
    if (status != PBASE_OK) {
        return status;
    }
    if (loaded.state->sequence != self->newest->sequence || loaded.position != self->head) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "it leads to sequence %" PRIu64 ", not %" PRIu64,
                            loaded.state->sequence, self->newest->sequence);
        space_state_unref(loaded.state);
        return status;
    }
    loaded.fence = fence;
    loaded.anchor = anchor;
    publish_loaded(self, &loaded, kept);
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------- following ---- */

typedef struct {
    replay trees;
    bool needs_writes;       /* somebody is open who could collide */
    bool has_checkpoint;     /* one of another process was met: */
    retained_list kept;      /* itself the last */
    pbase_position anchor;   /* of its record */
    pbase_position position; /* after the last record */
} follow_run;

static pbase_status remember_writes(engine *self, const replay_record *record, pbase_error *err)
{
    access_set writes;
    access_set_init(&writes, self->host);
    pbase_status status = write_set_add_record(&writes, &record->head, record->body, err);
    if (status == PBASE_OK) {
        write_window_add(self->window, record->head.sequence, &writes);
    }
    access_set_fini(&writes);
    return status;
}

/* A token that is older than one seen before is that of somebody who had lost the right. */
static pbase_status meet_checkpoint(engine *self, follow_run *run, const replay_record *record,
                                    pbase_error *err)
{
    checkpoint_body body;
    pbase_reader_bytes reader = pbase_reader_bytes_of(record->body);
    run->kept.count = 0;
    pbase_status status = checkpoint_body_read(&reader, &body, &run->kept, err);
    if (status == PBASE_OK) {
        status = engine_kept_add(&run->kept, &record->head, &body, err);
    }
    run->has_checkpoint = status == PBASE_OK && body.fence >= self->checkpoint_fence;
    run->anchor = record->position;
    self->checkpoint_fence = run->has_checkpoint ? body.fence : self->checkpoint_fence;
    return status;
}

static pbase_status follow_record(engine *self, follow_run *run, const replay_record *record,
                                  pbase_error *err)
{
    if (record->head.kind == RECORD_CHECKPOINT) {
        return meet_checkpoint(self, run, record, err);
    }
    pbase_status status = replay_apply(&run->trees, record, err);
    if (status == PBASE_OK && run->needs_writes) {
        status = remember_writes(self, record, err);
    } else if (status == PBASE_OK) {
        write_window_add(self->window, record->head.sequence, NULL);
    }
    return status;
}

static pbase_status follow_all(engine *self, follow_run *run, pbase_error *err)
{
    record_scan scan;
    record_scan_init(&scan, self->bytes, self->storage);
    pbase_status status = record_scan_open(&scan, NULL, self->head, err);
    while (status == PBASE_OK) {
        replay_record record;
        status = record_scan_next(&scan, NULL, &record, err);
        if (status == PBASE_OK) {
            status = follow_record(self, run, &record, err);
            run->position = record.next;
        }
    }
    record_scan_close(&scan);
    return status == PBASE_END ? PBASE_OK : status;
}

static void publish_followed(engine *self, follow_run *run, space_state *next)
{
    uint64_t records = run->trees.records, bytes = run->trees.bytes;
    publish_at(self, next, run->position);
    engine_lock(self, self->queue_mutex);
    self->counters.followed += records;
    engine_journal_grew(self, bytes);
    engine_unlock(self, self->queue_mutex);
    atomic_store(&self->applied, self->head);
}

/* Applies what was appended since our head. */
static pbase_status follow(engine *self, pbase_error *err)
{
    follow_run run = {.position = self->head};
    space_state *next = NULL;
    retained_list_init(&run.kept, self->host->alloc);
    engine_lock(self, self->queue_mutex);
    run.needs_writes = self->reader_count > 0;
    engine_unlock(self, self->queue_mutex);
    pbase_status status =
        replay_begin(&run.trees, self->host, self->newest, &self->coder.base, err);
    if (status == PBASE_OK) {
        status = engine_needs_explain(self, follow_all(self, &run, err), self->head, err);
    }
    uint64_t records = run.trees.records, bytes = run.trees.bytes;
    if (status == PBASE_OK) {
        status = replay_finish(&run.trees, &next, err);
    }
    replay_abandon(&run.trees);
    if (status == PBASE_OK) {
        status = engine_needs_adopted(self, self->newest, next, self->head, err);
        if (status != PBASE_OK) {
            space_state_unref(next);
        }
    }
    if (status != PBASE_OK) {
        retained_list_fini(&run.kept);
        return status;
    }
    run.trees.records = records;
    run.trees.bytes = bytes;
    publish_followed(self, &run, next);
    if (run.has_checkpoint) {
        pbase_error why;
        pbase_error_init(&why);
        pbase_status status_of_it =
            rebase(self, &run.kept, run.anchor, self->checkpoint_fence, &why);
        if (status_of_it != PBASE_OK && status_of_it != PBASE_TRIMMED) {
            /* what we have in memory is as good; the next one comes, or has come already */
            pbase_log_write(self->host->log, PBASE_LOG_WARNING, "core/follow",
                            "a checkpoint of another process cannot be taken over: %s",
                            why.message);
        }
    }
    retained_list_fini(&run.kept);
    engine_needs_say(self);
    return PBASE_OK;
}

/* Takes over whatever is new. */
static pbase_status catch_up(engine *self, pbase_error *err)
{
    pbase_journal_head head;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status =
        pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &head, err);
    if (status != PBASE_OK || head.head == self->head) {
        return status;
    }
    status = deferred_apply(self, err); /* ours came before */
    if (status != PBASE_OK) {
        return status;
    }
    status = self->head < head.first ? PBASE_TRIMMED : follow(self, &why);
    if (status == PBASE_TRIMMED) {
        return reload(self, err);
    }
    if (status != PBASE_OK) {
        pbase_error_note(&why, "following other processes");
        if (err != NULL) {
            *err = why;
        }
    }
    return status;
}

/* With the commit lock. */
static pbase_status take_anchor(engine *self, pbase_error *err)
{
    pbase_journal_head head;
    retained_list kept;
    uint64_t fence = 0;
    retained_list_init(&kept, self->host->alloc);
    pbase_status status = catch_up(self, err);
    if (status == PBASE_OK) {
        status = deferred_apply(self, err);
    }
    if (status == PBASE_OK) {
        status = pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &head, err);
    }
    engine_lock(self, self->queue_mutex);
    pbase_position known = self->kept_anchor;
    engine_unlock(self, self->queue_mutex);
    if (status == PBASE_OK && head.anchor > known) {
        status = engine_find_checkpoints(self, &head, &kept, &fence, err);
        if (status == PBASE_OK) {
            status = rebase(self, &kept, head.anchor, fence, err);
        }
        engine_needs_say(self);
    }
    retained_list_fini(&kept);
    return status;
}

pbase_status engine_take_anchor(engine *self, pbase_error *err)
{
    if (engine_needs_kept(self, NULL) == PBASE_OK) {
        return PBASE_OK;
    }
    engine_lock(self, self->commit_mutex);
    pbase_status status = take_anchor(self, err);
    engine_unlock(self, self->commit_mutex);
    return status;
}

/* ----------------------------------------------------------------------------------- turns ---- */

pbase_status engine_turn_begin(engine *self, const pbase_call *call, pbase_error *err)
{
    if (!self->is_shared) {
        return PBASE_OK;
    }
    pbase_status status = pbase_storage_lock_acquire(self->storage, call, LOCK_WRITER,
                                                     PBASE_LOCK_EXCLUSIVE, 0, &self->fence, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = catch_up(self, err);
    if (status != PBASE_OK) {
        pbase_storage_lock_release(self->storage, LOCK_WRITER, self->fence);
        return status;
    }
    atomic_store(&self->has_turn, true);
    return PBASE_OK;
}

void engine_turn_end(engine *self)
{
    if (self->is_shared) {
        atomic_store(&self->has_turn, false); /* first: from then on others may append */
        pbase_storage_lock_release(self->storage, LOCK_WRITER, self->fence);
    }
}

/* 0: there is none. */
static uint64_t pulse_read(const engine *self)
{
    return self->pulse == NULL ? 0 : __atomic_load_n(self->pulse, __ATOMIC_ACQUIRE);
}

/* True when nothing that others acknowledged is missing here. While we have the turn nobody else
 * appends, and our own appends are not acknowledged before they are published. What the storage's
 * pulse was before we looked stands for what we found: it never is that again. */
static pbase_status is_current(engine *self, bool *out, pbase_error *err)
{
    pbase_journal_head head;
    pbase_status status = PBASE_OK;
    uint64_t pulse = pulse_read(self);
    if (pulse != 0 && pulse == atomic_load_explicit(&self->pulse_seen, memory_order_acquire)) {
        *out = true;
        return PBASE_OK;
    }
    *out = atomic_load(&self->has_turn);
    if (!*out) {
        status = pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &head, err);
        *out = status == PBASE_OK &&
               (head.head == atomic_load(&self->applied) || atomic_load(&self->has_turn));
    }
    if (*out) {
        atomic_store_explicit(&self->pulse_seen, pulse, memory_order_release);
    }
    return status;
}

pbase_status engine_refresh_others(engine *self, pbase_error *err)
{
    bool current = true;
    pbase_status status = self->is_shared ? is_current(self, &current, err) : PBASE_OK;
    if (status == PBASE_OK && !current) {
        engine_lock(self, self->commit_mutex);
        status = catch_up(self, err);
        engine_unlock(self, self->commit_mutex);
    }
    if (status == PBASE_OK && !current) { /* others go on: so that we do not fall far behind */
        pbase_status started = engine_settler_ensure(self, NULL);
        (void)started; /* the next one tries again */
    }
    return status;
}

pbase_status engine_refresh(engine *self, pbase_error *err)
{
    pbase_status status = engine_refresh_others(self, err);
    return status == PBASE_OK ? deferred_apply(self, err) : status;
}

/* ----------------------------------------------------------------------------------- users ---- */

pbase_status engine_join(engine *self, pbase_error *err)
{
    pbase_call now = call_now(self);
    self->is_shared = (self->storage->vtable->capabilities & PBASE_STORAGE_SHARED) != 0;
    self->states.has_roots = self->is_shared;
    self->pulse = self->is_shared ? pbase_storage_journal_pulse(self->storage) : NULL;
    if (self->is_shared) {
        pbase_call soon = {.deadline_ns = pbase_os_deadline(self->host->os, JOIN_TIMEOUT_MS)};
        return pbase_storage_lock_acquire(self->storage, &soon, LOCK_OPEN, PBASE_LOCK_SHARED, 0,
                                          &self->use_fence, err);
    }
    pbase_status status = pbase_storage_lock_acquire(self->storage, &now, LOCK_WRITER,
                                                     PBASE_LOCK_EXCLUSIVE, 0, &self->fence, err);
    self->holds_writer = status == PBASE_OK;
    return status;
}

bool engine_leave(engine *self)
{
    pbase_call now = call_now(self);
    if (!self->is_shared) {
        return true;
    }
    pbase_storage_lock_release(self->storage, LOCK_OPEN, self->use_fence);
    self->use_fence = 0;
    return pbase_storage_lock_acquire(self->storage, &now, LOCK_OPEN, PBASE_LOCK_EXCLUSIVE, 0,
                                      &self->use_fence, NULL) == PBASE_OK;
}
