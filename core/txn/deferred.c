/* deferred.c - the list of commits that wait, and applying them. */
#include "txn/engine_private.h"
#include "txn/put_batch.h"

/* --------------------------------------------------------------------------------- records ---- */

pbase_status deferred_create(const pbase_host *host, const record_head *head, deferred_record **out,
                             pbase_error *err)
{
    deferred_record *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to commit");
    }
    self->head = *head;
    pbase_buffer_init(&self->record, host->alloc);
    *out = self;
    return PBASE_OK;
}

void deferred_destroy(const pbase_host *host, deferred_record *record)
{
    if (record != NULL) {
        pbase_buffer_fini(&record->record);
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
    working_abandon(&self->deferred.trees);
    self->deferred = (deferred_list){.first = NULL};
}

uint64_t deferred_sequence(const engine *self, int64_t *out_timestamp_ns)
{
    const deferred_list *list = &self->deferred;
    if (list->last != NULL || list->is_ahead) {
        const record_head *last = list->last != NULL ? &list->last->head : &list->ahead;
        *out_timestamp_ns = last->timestamp_ns;
        return last->sequence;
    }
    *out_timestamp_ns = self->newest->timestamp_ns;
    return self->newest->sequence;
}

/* With the queue locked. */
static void note_waiting(engine *self)
{
    bool any = self->deferred.first != NULL || self->deferred.is_ahead;
    atomic_store_explicit(&self->has_deferred, any, memory_order_release);
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
        record->record = members[i]->plain;
        pbase_buffer_init(&members[i]->plain, record->record.alloc);
        list->bytes += record_body(&record->record).size;
    }
    note_waiting(self);
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

/* The functions here run with the right to apply. */

/* What one round applies. */
typedef struct {
    deferred_record *first, *last;
    size_t bytes;
} round;

/* Takes what waits, up to `sequence` and no further than to where somebody is behind. False: that has
 * been applied, or nothing waits. Only who holds the right to apply takes records off the list, so
 * these stay. */
static bool round_take(engine *self, uint64_t sequence, round *run)
{
    *run = (round){.first = NULL};
    engine_lock(self, self->queue_mutex);
    uint64_t stop = next_stop(self, sequence);
    for (deferred_record *at = self->deferred.first; at != NULL && at->head.sequence <= stop;
         at = at->next) {
        run->last = at;
        run->bytes += record_body(&at->record).size;
    }
    run->first = run->last != NULL ? self->deferred.first : NULL;
    engine_unlock(self, self->queue_mutex);
    return run->last != NULL;
}

static pbase_status trees_begin(engine *self, pbase_error *err)
{
    if (self->deferred.trees != NULL) {
        return PBASE_OK;
    }
    space_state *newest = engine_state(self); /* stays the newest while records wait */
    pbase_status status =
        working_begin(self->host, newest, &self->coder.base, &self->deferred.trees, err);
    space_state_unref(newest);
    return status;
}

static pbase_status round_apply(engine *self, const round *run, pbase_error *err)
{
    put_batch puts;
    put_batch_init(&puts, self->host->alloc);
    pbase_status status = trees_begin(self, err);
    for (deferred_record *at = run->first; status == PBASE_OK; at = at->next) {
        status = put_batch_add(&puts, record_body(&at->record), err);
        if (at == run->last) {
            break;
        }
    }
    if (status == PBASE_OK) {
        status = put_batch_apply(&puts, self->deferred.trees, err);
    }
    if (status == PBASE_OK) {
        working_stamp(self->deferred.trees, &run->last->head);
    } else {
        pbase_error_note(err, "applying what was committed");
    }
    put_batch_fini(&puts);
    return status;
}

/* What was applied leaves the list. */
static void round_done(engine *self, const round *run)
{
    deferred_list *list = &self->deferred;
    engine_lock(self, self->queue_mutex);
    deferred_record *rest = run->last->next;
    list->first = rest;
    list->last = rest == NULL ? NULL : list->last;
    list->bytes -= run->bytes;
    list->is_ahead = true;
    list->ahead = run->last->head;
    list->ahead_end = run->last->end;
    self->counters.applied_rounds++;
    engine_unlock(self, self->queue_mutex);
    destroy_up_to(self->host, run->first, rest);
}

/* Makes a state of what was applied, if there is anything, the newest one. */
static pbase_status publish_ahead(engine *self, pbase_error *err)
{
    deferred_list *list = &self->deferred;
    space_state *next = NULL;
    if (!list->is_ahead) {
        return PBASE_OK;
    }
    pbase_status status = working_seal(list->trees, &next, err);
    if (status != PBASE_OK) {
        return status;
    }
    engine_lock(self, self->queue_mutex);
    space_state *before = atomic_load_explicit(&self->newest, memory_order_relaxed);
    hand_out(self); /* those who began at what is left behind now */
    atomic_store_explicit(&self->newest, next, memory_order_release);
    self->published = list->ahead_end;
    list->is_ahead = false;
    hand_out(self);
    note_waiting(self);
    if (self->publish_waiters > 0) {
        self->host->os->lock->cond_broadcast(self->published_more);
    }
    engine_unlock(self, self->queue_mutex);
    working_abandon(&list->trees);
    space_state_unref(before);
    return PBASE_OK;
}

/* One round up to `sequence`, if somebody who is behind lets it. */
static pbase_status round_run(engine *self, uint64_t sequence, bool *out_any, pbase_error *err)
{
    round run;
    *out_any = round_take(self, sequence, &run);
    pbase_status status = *out_any ? round_apply(self, &run, err) : PBASE_OK;
    if (*out_any && status == PBASE_OK) {
        round_done(self, &run);
    }
    return status;
}

static bool is_published(engine *self, uint64_t sequence)
{
    space_state *newest = engine_state(self);
    bool is = newest->sequence >= sequence;
    space_state_unref(newest);
    return is;
}

static pbase_status apply_up_to(engine *self, uint64_t sequence, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && !is_published(self, sequence)) {
        bool any = false;
        status = round_run(self, sequence, &any, err);
        PBASE_ASSERT(any || self->deferred.is_ahead);
        if (status == PBASE_OK) {
            status = publish_ahead(self, err);
        }
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

static bool is_more_than(engine *self, size_t bytes)
{
    engine_lock(self, self->queue_mutex);
    bool more = self->deferred.bytes > bytes;
    engine_unlock(self, self->queue_mutex);
    return more;
}

pbase_status deferred_advance(engine *self, size_t bytes, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    engine_lock(self, self->apply_mutex);
    while (status == PBASE_OK && is_more_than(self, bytes)) {
        bool any = false;
        status = round_run(self, UINT64_MAX, &any, err);
        if (status == PBASE_OK && !any) { /* somebody began here and is open still */
            status = publish_ahead(self, err);
        }
    }
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

/* Members that are behind will never read. */
static void members_leave(engine *self, engine_commit_request *const *members, size_t count)
{
    engine_lock(self, self->queue_mutex);
    for (size_t i = 0; i < count; i++) {
        engine_reader *reader = members[i]->reader;
        if (reader != NULL && !reader->leaves) {
            self->behind_count -= needs_state(reader);
            reader->leaves = true;
        }
    }
    engine_unlock(self, self->queue_mutex);
}

/* Makes room for more that waits, where too much does. */
static pbase_status deferred_relieve(engine *self, pbase_error *err)
{
    return is_more_than(self, DEFERRED_BYTES_MAX) ? deferred_advance(self, DEFERRED_BYTES_MAX, err)
                                                  : PBASE_OK;
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
    members_leave(self, members, count);
    if (status != PBASE_OK) {
        return status;
    }
    return *out_waits ? deferred_relieve(self, err) : deferred_apply(self, err);
}
