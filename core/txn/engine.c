/* engine.c - the life of an engine, its published state and its one way to append. */
#include "txn/engine_private.h"

#include <inttypes.h>

/* --------------------------------------------------------------------------- publishing ---- */

/* Between reading the address and getting a count the state may end and its memory become another
 * one. If what it is then is still, or again, the newest state, the count is on that. */
space_state *engine_state(engine *self)
{
    for (;;) {
        space_state *newest = atomic_load_explicit(&self->newest, memory_order_acquire);
        if (space_state_try_ref(newest)) {
            if (atomic_load_explicit(&self->newest, memory_order_acquire) == newest) {
                return newest;
            }
            space_state_unref(newest);
        }
    }
}

void engine_publish(engine *self, space_state *next)
{
    engine_lock(self, self->queue_mutex);
    space_state *before = self->newest;
    self->newest = next;
    engine_unlock(self, self->queue_mutex);
    space_state_unref(before);
}

#define PUBLISH_NAP_MS 100u /* how late a cancel flag is seen */

/* Until something new may be there, of this process or of another one; the queue is let go of
 * meanwhile. */
static void nap_for_publishing(engine *self, const pbase_call *call)
{
    const pbase_os *os = self->host->os;
    uint64_t deadline = pbase_os_deadline(os, PUBLISH_NAP_MS);
    pbase_status status = PBASE_TIMEOUT;
    deadline = call == NULL || call->deadline_ns > deadline ? deadline : call->deadline_ns;
    if (self->is_shared) {
        pbase_call nap = {.deadline_ns = deadline,
                          .cancelled = call == NULL ? NULL : call->cancelled};
        engine_unlock(self, self->queue_mutex);
        status = pbase_storage_wait(self->storage, &nap, atomic_load(&self->applied), NULL);
        status = status == PBASE_OK ? engine_refresh(self, NULL) : status;
        engine_lock(self, self->queue_mutex);
    }
    if (!self->is_shared || (status != PBASE_OK && status != PBASE_TIMEOUT)) {
        (void)os->lock->cond_wait(self->published_more, self->queue_mutex, deadline);
    }
}

pbase_status engine_wait_published(engine *self, uint64_t sequence, const pbase_call *call,
                                   pbase_error *err)
{
    /* What others acknowledged before counts, however soon the deadline is. */
    pbase_status status = engine_refresh(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    engine_lock(self, self->queue_mutex);
    self->publish_waiters++;
    while (self->newest->sequence < sequence && status == PBASE_OK) {
        if (self->deferred.first != NULL || self->deferred.is_ahead) {
            engine_unlock(self, self->queue_mutex);
            status = deferred_apply(self, err);
            engine_lock(self, self->queue_mutex);
            continue;
        }
        status = pbase_call_check(call, self->host->os, err);
        if (status == PBASE_OK) {
            nap_for_publishing(self, call);
        }
    }
    self->publish_waiters--;
    engine_unlock(self, self->queue_mutex);
    return status;
}

void engine_reader_begin(engine *self, engine_reader *reader)
{
    engine_lock(self, self->queue_mutex);
    int64_t unused;
    reader->base = space_state_ref(self->newest);
    reader->sequence = deferred_sequence(self, &unused);
    reader->is_behind = reader->sequence != self->newest->sequence;
    reader->made = NULL;
    reader->leaves = false;
    self->behind_count += reader->is_behind;
    reader->newer = NULL;
    reader->older = self->readers_newest;
    if (self->readers_newest != NULL) {
        self->readers_newest->newer = reader;
    } else {
        self->readers_oldest = reader;
    }
    self->readers_newest = reader;
    self->reader_count++;
    engine_unlock(self, self->queue_mutex);
}

void engine_reader_end(engine *self, engine_reader *reader)
{
    engine_lock(self, self->queue_mutex);
    *(reader->newer != NULL ? &reader->newer->older : &self->readers_newest) = reader->older;
    *(reader->older != NULL ? &reader->older->newer : &self->readers_oldest) = reader->newer;
    self->reader_count--;
    self->behind_count -= reader->is_behind && !reader->leaves && reader->made == NULL;
    engine_unlock(self, self->queue_mutex);
    space_state_unref(reader->base);
    space_state_unref(reader->made);
    reader->base = reader->made = NULL;
}

void engine_snapshot_enter(engine *self, engine_snapshot *snapshot)
{
    engine_lock(self, self->queue_mutex);
    snapshot->newer = NULL;
    snapshot->older = self->snapshots;
    if (snapshot->older != NULL) {
        snapshot->older->newer = snapshot;
    }
    self->snapshots = snapshot;
    engine_unlock(self, self->queue_mutex);
}

void engine_snapshot_leave(engine *self, engine_snapshot *snapshot)
{
    engine_lock(self, self->queue_mutex);
    *(snapshot->newer != NULL ? &snapshot->newer->older : &self->snapshots) = snapshot->older;
    if (snapshot->older != NULL) {
        snapshot->older->newer = snapshot->newer;
    }
    engine_unlock(self, self->queue_mutex);
}

void engine_snapshot_begin_at(engine *self, engine_snapshot *snapshot, space_state *state)
{
    const pbase_os *os = self->host->os;
    uint64_t now_ns =
        os->system->coarse_ns == NULL ? os->system->monotonic_ns(os) : os->system->coarse_ns(os);
    snapshot->state = state;
    atomic_store_explicit(&snapshot->sequence, state->sequence, memory_order_relaxed);
    atomic_store_explicit(&snapshot->opened_ns, now_ns == 0 ? 1 : now_ns, memory_order_release);
}

void engine_snapshot_begin(engine *self, engine_snapshot *snapshot)
{
    engine_snapshot_begin_at(self, snapshot, engine_state(self));
}

void engine_snapshot_end(engine *self, engine_snapshot *snapshot)
{
    (void)self;
    atomic_store_explicit(&snapshot->opened_ns, 0, memory_order_relaxed);
    space_state_unref(snapshot->state);
    snapshot->state = NULL;
}

/* ---------------------------------------------------------------------------- appending ---- */

void engine_journal_grew(engine *self, uint64_t bytes)
{
    const pbase_os *os = self->host->os;
    if (self->bytes_since_checkpoint == 0 && bytes > 0) {
        self->unsettled_since_ns = os->system->monotonic_ns(os);
    }
    self->bytes_since_checkpoint += bytes;
    self->journal_grown_bytes += bytes;
}

pbase_status engine_writable(engine *self, pbase_error *err)
{
    engine_lock(self, self->queue_mutex);
    bool poisoned = self->poisoned;
    engine_unlock(self, self->queue_mutex);
    if (!poisoned) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_FAIL(err, PBASE_READ_ONLY,
                                     "an earlier write to the journal failed; the space is read "
                                     "only until it is opened again");
    pbase_error_hint(err, "close the space, look at the device, open it again: what was "
                          "acknowledged is recovered");
    return status;
}

/* A number nobody else has, and a position that the append does not come before: as long as the
 * journal keeps everything from there on, what it has not got was not appended. */
static pbase_token next_token(engine *self)
{
    pbase_token token;
    pbase_put_u64(token.bytes, self->token_seed + ++self->token_count);
    pbase_put_u64(token.bytes + 8, self->head);
    return token;
}

static pbase_status token_expired(engine *self, const pbase_call *call, pbase_token token,
                                  pbase_error *err)
{
    pbase_journal_head journal;
    pbase_status status =
        pbase_storage_journal_head(self->storage, call, PBASE_HEAD_LATEST, &journal, err);
    if (status == PBASE_OK && pbase_get_u64(token.bytes + 8) < journal.first) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "the token is too old: its outcome is forgotten");
        pbase_error_hint(err, "look for what the transaction wrote");
    }
    return status;
}

/* After these nothing reached the journal, so later appends may try again. */
static bool is_harmless(pbase_status status, const pbase_error *err)
{
    return err->outcome == PBASE_OUTCOME_NOT_APPLIED &&
           (status == PBASE_NO_SPACE || status == PBASE_NO_MEMORY || status == PBASE_LIMIT ||
            status == PBASE_UNSUPPORTED || status == PBASE_BUSY || status == PBASE_TIMEOUT);
}

#define SYNC_MEAN_OF 8u /* a running mean over about so many appends */

/* With the commit lock. */
static void flush_timed(engine *self, uint64_t elapsed_ns)
{
    latency_record(&self->flushes, elapsed_ns);
    atomic_store(&self->sync_ns,
                 self->sync_ns / SYNC_MEAN_OF * (SYNC_MEAN_OF - 1u) + elapsed_ns / SYNC_MEAN_OF);
}

pbase_status engine_append(engine *self, const pbase_bytes *records, size_t count,
                           int32_t durability, bool names_atoms, pbase_journal_appended *out,
                           pbase_error *err)
{
    pbase_status status = engine_writable(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_journal_append append = {.struct_size = sizeof append,
                                   .durability = durability,
                                   .records = records,
                                   .record_count = count,
                                   .expected = self->head,
                                   .token = next_token(self),
                                   .fence = self->fence,
                                   .names_no_atoms = !names_atoms};
    pbase_error why;
    pbase_error_init(&why);
    const pbase_os *os = self->host->os;
    uint64_t began_ns = os->system->monotonic_ns(os);
    status = pbase_storage_append(self->storage, NULL, &append, out, &why);
    if (durability >= PBASE_DURABILITY_SYNC) {
        flush_timed(self, os->system->monotonic_ns(os) - began_ns);
    }
    if (status == PBASE_OK) {
        self->head = out->end;
        atomic_store(&self->applied, self->head);
        return PBASE_OK;
    }
    if (why.outcome == PBASE_OUTCOME_UNKNOWN) { /* whatever the cause: it stays in the message */
        status = why.code = PBASE_UNKNOWN;
        why.token = append.token;
        pbase_error_hint(&why, "open the space again and ask pbase_space_outcome with the token");
    }
    if (!is_harmless(status, &why)) {
        engine_lock(self, self->queue_mutex);
        self->poisoned = true;
        engine_unlock(self, self->queue_mutex);
        pbase_log_write(self->host->log, PBASE_LOG_ERROR, "core/commit",
                        "the journal cannot be written (%s); the space is read only until it is "
                        "opened again",
                        why.message);
    }
    if (err != NULL) {
        *err = why;
    }
    return status;
}

pbase_status engine_sync(engine *self, const pbase_call *call, pbase_error *err)
{
    engine_lock(self, self->commit_mutex);
    pbase_position head = self->head;
    engine_unlock(self, self->commit_mutex);
    const pbase_os *os = self->host->os;
    uint64_t began_ns = os->system->monotonic_ns(os);
    pbase_status status = pbase_storage_sync(self->storage, call, head, PBASE_DURABILITY_SYNC, err);
    latency_record(&self->flushes, os->system->monotonic_ns(os) - began_ns);
    return status;
}

pbase_status engine_outcome(engine *self, const pbase_call *call, pbase_token token,
                            bool *out_applied, pbase_error *err)
{
    int32_t outcome = PBASE_OUTCOME_EXPIRED;
    pbase_position position = 0;
    pbase_status status =
        pbase_storage_outcome(self->storage, call, token, &outcome, &position, err);
    if (status == PBASE_OK && outcome == PBASE_OUTCOME_EXPIRED) {
        status = token_expired(self, call, token, err);
    }
    if (status == PBASE_OK) {
        *out_applied = outcome == PBASE_OUTCOME_FOUND;
    }
    return status;
}

pbase_status engine_durability_check(const engine *self, int32_t durability, pbase_error *err)
{
    static const char *const names[] = {"none", "async", "sync", "remote"};
    if (durability < PBASE_DURABILITY_NONE || durability > PBASE_DURABILITY_REMOTE) {
        return PBASE_FAIL(err, PBASE_INVALID, "there is no durability %" PRId32, durability);
    }
    if ((self->storage->vtable->durability_mask >> durability & 1u) == 0) {
        return PBASE_FAIL(err, PBASE_UNSUPPORTED, "the storage does not offer durability '%s'",
                          names[durability]);
    }
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------ life of it ---- */

static pbase_status create_locks(engine *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_status status = turns_init(&self->lost, os, err);
    if (status == PBASE_OK) {
        status = state_list_init(&self->states, os, err);
    }
    if (status == PBASE_OK) {
        status = engine_needs_init(self, err);
    }
    if (status == PBASE_OK) {
        status = os->lock->mutex_create(os, &self->settle_mutex, err);
    }
    if (status == PBASE_OK) {
        status = os->lock->mutex_create(os, &self->commit_mutex, err);
    }
    if (status == PBASE_OK) {
        status = os->lock->mutex_create(os, &self->apply_mutex, err);
    }
    if (status == PBASE_OK) {
        status = os->lock->mutex_create(os, &self->queue_mutex, err);
    }
    if (status == PBASE_OK) {
        status = os->lock->cond_create(os, &self->checkpoint_ended, err);
    }
    if (status == PBASE_OK) {
        status = os->lock->cond_create(os, &self->published_more, err);
    }
    if (status == PBASE_OK) {
        status = os->lock->cond_create(os, &self->settler_wakes, err);
    }
    return status;
}

static pbase_status start(engine *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_status status = create_locks(self, err);
    if (status == PBASE_OK) {
        status = write_window_create(self->host, &self->window, err);
    }
    if (status == PBASE_OK) {
        status = engine_join(self, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    os->system->random(os, &self->token_seed, sizeof self->token_seed);
    status = engine_recover(self, err);
    if (status == PBASE_OK) { /* before it nobody was open: whoever claims so is too old */
        write_window_add(self->window, self->newest->sequence, NULL);
        status = engine_settler_begin(self, err);
    }
    self->is_open = status == PBASE_OK;
    return status;
}

/* Once, at opening: a child has to find out at each call that it is one. */
static pbase_status mark_process(engine *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    pbase_error why;
    pbase_error_init(&why);
    self->process = os->system->process_id(os);
    if (os->system->fork_mark_create == NULL) {
        return PBASE_OK;
    }
    pbase_status status = os->system->fork_mark_create(os, &self->fork_mark, &why);
    if (status != PBASE_OK && status != PBASE_UNSUPPORTED) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    return PBASE_OK;
}

pbase_status engine_open(const engine_options *options, engine **out, pbase_error *err)
{
    engine *self = pbase_alloc_zeroed(options->host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the commit engine");
    }
    self->host = options->host;
    self->bytes = options->bytes;
    store_coder_init(&self->coder, options->bytes);
    self->storage = options->storage;
    self->options = *options;
    self->waiting_end = &self->waiting;
    retained_list_init(&self->history.kept, options->host->alloc);
    move_plan_init(&self->moves, options->host->alloc);
    self->recovery.created = codec_table_created(store_codecs(options->bytes));
    pbase_status status = engine_durability_check(self, options->durability, err);
    if (status == PBASE_OK) {
        status = mark_process(self, err);
    }
    if (status == PBASE_OK) {
        status = start(self, err);
    }
    if (status != PBASE_OK) {
        engine_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

static void stop_settler(engine *self)
{
    const pbase_os *os = self->host->os;
    if (self->settler == NULL) { /* and closing starts none, whatever it finds of others */
        self->settler_stops = true;
        return;
    }
    engine_lock(self, self->queue_mutex);
    self->settler_stops = true;
    __atomic_store_n(&self->sweep_cancelled, 1, __ATOMIC_RELAXED);
    os->lock->cond_signal(self->settler_wakes);
    engine_unlock(self, self->queue_mutex);
    os->thread->join(self->settler);
    self->settler = NULL;
}

/* What is not in the store yet goes there, unless others are left to do it. */
static void settle_last(engine *self)
{
    self->is_closing = true;
    __atomic_store_n(&self->sweep_cancelled, 0, __ATOMIC_RELAXED);
    pbase_error why;
    pbase_error_init(&why);
    int64_t unused;
    if (engine_leave(self) && !self->poisoned &&
        deferred_sequence(self, &unused) > self->settled_sequence &&
        engine_checkpoint(self, NULL, &why) != PBASE_OK) {
        pbase_log_write(self->host->log, PBASE_LOG_WARNING, "core/close",
                        "%s; nothing is lost, the next opening replays the journal", why.message);
    }
}

static void destroy_locks(engine *self)
{
    const pbase_os_lock_ops *locks = self->host->os->lock;
    if (self->settler_wakes != NULL) {
        locks->cond_destroy(self->settler_wakes);
    }
    if (self->published_more != NULL) {
        locks->cond_destroy(self->published_more);
    }
    if (self->checkpoint_ended != NULL) {
        locks->cond_destroy(self->checkpoint_ended);
    }
    if (self->queue_mutex != NULL) {
        locks->mutex_destroy(self->queue_mutex);
    }
    if (self->apply_mutex != NULL) {
        locks->mutex_destroy(self->apply_mutex);
    }
    if (self->commit_mutex != NULL) {
        locks->mutex_destroy(self->commit_mutex);
    }
    if (self->settle_mutex != NULL) {
        locks->mutex_destroy(self->settle_mutex);
    }
    engine_needs_fini(self);
    state_list_fini(&self->states);
    turns_fini(&self->lost);
}

void engine_close(engine *self)
{
    if (self == NULL) {
        return;
    }
    stop_settler(self);
    if (self->is_open) {
        settle_last(self);
    }
    PBASE_ASSERT(self->reader_count == 0);
    deferred_fini(self);
    space_state_unref(self->newest);
    history_fini(self);
    move_plan_fini(&self->moves);
    if (self->holds_writer) {
        pbase_storage_lock_release(self->storage, "writer", self->fence);
    }
    if (self->use_fence != 0) {
        pbase_storage_lock_release(self->storage, "open", self->use_fence);
    }
    write_window_destroy(self->window);
    destroy_locks(self);
    if (self->fork_mark != NULL) {
        self->host->os->system->fork_mark_destroy(self->host->os, self->fork_mark);
    }
    pbase_alloc_free(self->host->alloc, self, sizeof *self);
}

pbase_status engine_process_check(const engine *self, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    bool is_ours = self->fork_mark != NULL ? *self->fork_mark != 0
                                           : os->system->process_id(os) == self->process;
    if (is_ours) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_FAIL(err, PBASE_UNSUPPORTED,
                                     "the space was opened before fork, by the parent process");
    pbase_error_hint(err, "open the space after fork, in the process that uses it");
    return status;
}

turns *engine_turns(engine *self)
{
    return &self->lost;
}

store *engine_store(engine *self)
{
    return self->bytes;
}

pbase_storage *engine_storage(engine *self)
{
    return self->storage;
}

const pbase_host *engine_host(engine *self)
{
    return self->host;
}

void engine_recovery(const engine *self, pbase_recovery *out)
{
    *out = self->recovery;
}
