/* deferred.c - the list of commits that wait, and applying them. */
#include "txn/engine_private.h"
#include "txn/put_batch.h"

/* --------------------------------------------------------------------------------- records ---- */

pbase_status deferred_create(const pbase_host *host, const record_head *head, pbase_bytes body,
                             deferred_record **out, pbase_error *err)
{
    deferred_record *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to commit");
    }
    self->head = *head;
    pbase_buffer_init(&self->body, host->alloc);
    pbase_status status = pbase_buffer_append_bytes(&self->body, body, err);
    if (status != PBASE_OK) {
        deferred_destroy(host, self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

void deferred_destroy(const pbase_host *host, deferred_record *record)
{
    if (record != NULL) {
        pbase_buffer_fini(&record->body);
        pbase_alloc_free(host->alloc, record, sizeof *record);
    }
}

static void destroy_up_to(const pbase_host *host, deferred_record *first,
                          const deferred_record *end)
{
    while (first != end) {
        deferred_record *next = first->next;
        deferred_destroy(host, first);
        first = next;
    }
}

void deferred_fini(engine *self)
{
    destroy_up_to(self->host, self->deferred.first, NULL);
    self->deferred = (deferred_list){.first = NULL};
}

uint64_t deferred_sequence(const engine *self, int64_t *out_timestamp_ns)
{
    const deferred_record *last = self->deferred.last;
    *out_timestamp_ns = last != NULL ? last->head.timestamp_ns : self->newest->timestamp_ns;
    return last != NULL ? last->head.sequence : self->newest->sequence;
}

void deferred_append(engine *self, engine_commit_request *const *members, size_t count,
                     pbase_position end)
{
    deferred_list *list = &self->deferred;
    for (size_t i = 0; i < count; i++) {
        deferred_record *record = members[i]->deferred;
        if (record == NULL) {
            continue; /* it lost */
        }
        members[i]->deferred = NULL;
        record->end = end;
        *(list->last == NULL ? &list->first : &list->last->next) = record;
        list->last = record;
        list->bytes += record->body.size;
    }
    atomic_store_explicit(&self->has_deferred, list->first != NULL, memory_order_release);
}

/* -------------------------------------------------------------------------- those behind ------ */

/* The functions here run with the queue locked. */

static bool needs_state(const engine_reader *reader)
{
    return reader->is_behind && !reader->leaves && reader->made == NULL;
}

/* Where applying has to stop for somebody who began there; at `last` when nobody did before. */
static uint64_t next_stop(const engine *self, uint64_t last)
{
    for (const engine_reader *at = self->readers_oldest; self->behind_count > 0 && at != NULL;
         at = at->newer) { /* those who began first come first */
        if (needs_state(at) && at->sequence > self->newest->sequence) {
            return at->sequence < last ? at->sequence : last;
        }
    }
    return last;
}

static void hand_out(engine *self)
{
    for (engine_reader *at = self->readers_oldest; self->behind_count > 0 && at != NULL;
         at = at->newer) {
        if (needs_state(at) && at->sequence == self->newest->sequence) {
            at->made = space_state_ref(self->newest);
            self->behind_count--;
        }
    }
}

/* -------------------------------------------------------------------------------- applying ---- */

/* What one round applies. */
typedef struct {
    space_state *base;
    deferred_record *first, *last;
    size_t bytes;
    space_state *next;
} round;

/* Takes what waits, up to `sequence` and no further than to where somebody is behind. False: nothing
 * waits any more. */
static bool round_take(engine *self, uint64_t sequence, round *run)
{
    *run = (round){.first = NULL};
    engine_lock(self, self->queue_mutex);
    uint64_t stop = next_stop(self, sequence);
    for (deferred_record *at = self->deferred.first; at != NULL && at->head.sequence <= stop;
         at = at->next) {
        run->last = at;
        run->bytes += at->body.size;
    }
    if (run->last != NULL) {
        run->first = self->deferred.first;
        run->base = space_state_ref(self->newest);
    }
    engine_unlock(self, self->queue_mutex);
    return run->last != NULL;
}

/* Only who holds the right to apply takes records off the list, so those up to `last` stay. */
static pbase_status round_apply(engine *self, round *run, pbase_error *err)
{
    working *trees = NULL;
    put_batch puts;
    put_batch_init(&puts, self->host->alloc);
    pbase_status status = working_begin(self->host, run->base, &self->coder.base, &trees, err);
    for (deferred_record *at = run->first; status == PBASE_OK; at = at->next) {
        status = put_batch_add(&puts, pbase_buffer_view(&at->body), err);
        if (at == run->last) {
            break;
        }
    }
    if (status == PBASE_OK) {
        working_stamp(trees, &run->last->head);
        status = put_batch_apply(&puts, trees, err);
    }
    if (status == PBASE_OK) {
        status = working_finish(&trees, &run->next, err);
    }
    working_abandon(&trees);
    put_batch_fini(&puts);
    return status;
}

static void round_publish(engine *self, round *run)
{
    engine_lock(self, self->queue_mutex);
    space_state *before = atomic_load_explicit(&self->newest, memory_order_relaxed);
    deferred_record *rest = run->last->next;
    hand_out(self); /* those who began at what is left behind now */
    atomic_store_explicit(&self->newest, run->next, memory_order_release);
    self->published = run->last->end;
    hand_out(self);
    self->deferred.first = rest;
    self->deferred.last = rest == NULL ? NULL : self->deferred.last;
    self->deferred.bytes -= run->bytes;
    atomic_store_explicit(&self->has_deferred, rest != NULL, memory_order_release);
    self->counters.applied_rounds++;
    if (self->publish_waiters > 0) {
        self->host->os->lock->cond_broadcast(self->published_more);
    }
    engine_unlock(self, self->queue_mutex);
    destroy_up_to(self->host, run->first, rest);
    space_state_unref(before);
}

/* With the right to apply. */
static pbase_status apply_up_to(engine *self, uint64_t sequence, pbase_error *err)
{
    round run;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && round_take(self, sequence, &run)) {
        status = round_apply(self, &run, err);
        if (status == PBASE_OK) {
            round_publish(self, &run);
        } else {
            pbase_error_note(err, "applying what was committed");
        }
        space_state_unref(run.base);
    }
    return status;
}

pbase_status deferred_apply(engine *self, pbase_error *err)
{
    int64_t unused;
    if (!atomic_load_explicit(&self->has_deferred, memory_order_acquire)) {
        return PBASE_OK; /* what was acknowledged before is in the newest state */
    }
    engine_lock(self, self->queue_mutex);
    uint64_t sequence = deferred_sequence(self, &unused);
    engine_unlock(self, self->queue_mutex);
    engine_lock(self, self->apply_mutex);
    pbase_status status = apply_up_to(self, sequence, err);
    engine_unlock(self, self->apply_mutex);
    return status;
}

pbase_status engine_reader_settle(engine *self, engine_reader *reader, pbase_error *err)
{
    if (!reader->is_behind) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && reader->is_behind) {
        space_state *before = NULL;
        engine_lock(self, self->queue_mutex);
        hand_out(self);
        if (reader->made != NULL) {
            before = reader->base;
            reader->base = reader->made;
            reader->made = NULL;
            reader->is_behind = false;
        }
        engine_unlock(self, self->queue_mutex);
        space_state_unref(before);
        if (reader->is_behind) { /* applying does not go past its begin before it has its state */
            status = deferred_apply(self, err);
        }
    }
    return status;
}

/* ---------------------------------------------------------------------------------- groups ---- */

/* Whether the collection was found fit in that state before. */
static bool is_fit(engine *self, const space_state *state, uint64_t database,
                   pbase_collection_id id)
{
    engine_lock(self, self->queue_mutex);
    bool fit = state->has_fit && state->fit_database == database &&
               collection_id_same(state->fit_collection, id);
    engine_unlock(self, self->queue_mutex);
    return fit;
}

static void note_fit(engine *self, space_state *state, uint64_t database, pbase_collection_id id)
{
    engine_lock(self, self->queue_mutex);
    state->has_fit = true;
    state->fit_database = database;
    state->fit_collection = id;
    engine_unlock(self, self->queue_mutex);
}

/* Whether puts into the collection of a group can be applied later for sure. */
static pbase_status group_waits(engine *self, space_state *newest, uint64_t database,
                                const delta_group *group, bool *out, pbase_error *err)
{
    working *trees = NULL;
    *out = is_fit(self, newest, database, group->id);
    if (*out) {
        return PBASE_OK;
    }
    pbase_status status = working_begin(self->host, newest, &self->coder.base, &trees, err);
    if (status == PBASE_OK) {
        status = working_can_wait(trees, database, group, out, err);
    }
    working_abandon(&trees);
    if (status == PBASE_OK && *out) {
        note_fit(self, newest, database, group->id);
    }
    return status;
}

static pbase_status member_waits(engine *self, space_state *newest,
                                 const engine_commit_request *request, bool *out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    *out = request->kind == RECORD_DELTA;
    for (size_t i = 0; i < request->group_count && *out; i++) {
        *out = request->groups[i].can_wait;
    }
    for (size_t i = 0; i < request->group_count && status == PBASE_OK && *out; i++) {
        const delta_group *group = &request->groups[i].group;
        status = group_waits(self, newest, request->database, group, out, err);
    }
    return status;
}

/* Members that are behind will never read. Whether enough waits already. */
static bool members_leave(engine *self, engine_commit_request *const *members, size_t count)
{
    engine_lock(self, self->queue_mutex);
    for (size_t i = 0; i < count; i++) {
        engine_reader *reader = members[i]->reader;
        if (reader != NULL && !reader->leaves) {
            self->behind_count -= needs_state(reader);
            reader->leaves = true;
        }
    }
    bool enough = self->deferred.bytes >= DEFERRED_BYTES_MAX;
    engine_unlock(self, self->queue_mutex);
    return enough;
}

pbase_status deferred_group_begin(engine *self, engine_commit_request *const *members, size_t count,
                                  bool *out_waits, pbase_error *err)
{
    space_state *newest = engine_state(self);
    pbase_status status = PBASE_OK;
    *out_waits = true;
    for (size_t i = 0; i < count && status == PBASE_OK && *out_waits; i++) {
        status = member_waits(self, newest, members[i], out_waits, err);
    }
    space_state_unref(newest);
    bool enough = members_leave(self, members, count);
    return status == PBASE_OK && (!*out_waits || enough) ? deferred_apply(self, err) : status;
}
