/* commit_queue.c - group commit: who waits, who leads, and who is woken.
 *
 * Who finds no leader leads: takes all who wait as one group (group.c), answers them, and hands the
 * lead to the first who came meanwhile. That one sleeps by itself; those behind it sleep together
 * and are woken by one call, when all of them are answered. Asleep they have nothing to do with the
 * lock of the queue, so that they do not meet there when they are woken.
 *
 * A flush serves all the better the more wait for it, and those whom the last one answered are often
 * on their way back already. So a leader first waits until as many are here as the last flush
 * answered or left waiting, for SYNC_SHARE of the time a flush takes at most. Who completes them is
 * awake, and leads in its place. A writer alone is all that is expected, and never waits. */
#include "txn/engine_private.h"

#include <protobase/txn.h>

#define SYNC_SHARE(sync_ns) ((sync_ns) / 10 * 7)

/* ----------------------------------------------------------------------------------- sleep --- */

/* Whoever waits sleeps on a word: alone on its own place, or with others on the word of their crowd,
 * which grows when they are to look at their places. */

static const uint32_t *word_of(const _Atomic uint32_t *word)
{
    _Static_assert(sizeof *word == sizeof(uint32_t), "the system knows words of four bytes");
    const void *plain = word; /* the same memory, for the system */
    return plain;
}

/* Wakes those who sleep on `word`, which may be gone by now (a request's) or stays (a crowd's). */
static void wake(const engine *self, const _Atomic uint32_t *word)
{
    if (word != NULL) {
        self->host->os->lock->word_wake(self->host->os, word_of(word), true);
    }
}

/* Tells a request where it stands; returns the word to be woken. It may be gone at once when it is
 * done. */
static const _Atomic uint32_t *place_tell(engine_commit_request *request, commit_place place)
{
    _Atomic uint32_t *crowd = request->crowd;
    const _Atomic uint32_t *own = &request->place;
    atomic_store(&request->place, (uint32_t)place);
    if (crowd != NULL) {
        atomic_fetch_add(crowd, 1);
    }
    return crowd != NULL ? crowd : own;
}

/* ----------------------------------------------------------------------------------- queue --- */

/* The functions below run with the queue locked. */

static _Atomic uint32_t *crowd_now(engine *self)
{
    return &self->crowds[self->crowd_number % COMMIT_CROWDS];
}

/* Who enters while somebody leads sleeps, unless it takes the lead over from one who waits for company.
 * The first sleeps alone, since it is woken alone, to lead. */
static void queue_enter(engine *self, engine_commit_request *request)
{
    bool completes = self->gatherer != NULL && self->waiting_count + 1 >= self->expected;
    bool leads = completes || !self->has_leader;
    request->next = NULL;
    request->crowd = leads || self->waiting == NULL ? NULL : crowd_now(self);
    request->is_prepared = completes;
    atomic_store(&request->place, (uint32_t)(leads ? COMMIT_LEADS : COMMIT_IN_LINE));
    if (completes) { /* who gathered goes on sleeping */
        atomic_store(&self->gatherer->place, (uint32_t)COMMIT_IN_LINE);
        self->gatherer = NULL;
    }
    self->has_leader = true;
    *self->waiting_end = request;
    self->waiting_end = &request->next;
    self->waiting_count++;
}

/* Takes a request that no leader has taken yet out of the queue again; false when it is taken. */
static bool queue_leave(engine *self, engine_commit_request *request)
{
    engine_commit_request **link = &self->waiting;
    while (*link != NULL && *link != request) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        return false;
    }
    *link = request->next;
    if (request->next == NULL) {
        self->waiting_end = link;
    }
    self->waiting_count--;
    return true;
}

/* Takes at most GROUP_MEMBERS_MAX waiting requests; who comes later sleeps elsewhere. */
static size_t queue_take(engine *self, engine_commit_request **out)
{
    size_t count = 0;
    while (self->waiting != NULL && count < GROUP_MEMBERS_MAX) {
        engine_commit_request *request = self->waiting;
        self->waiting = request->next;
        out[count++] = request;
    }
    if (self->waiting == NULL) {
        self->waiting_end = &self->waiting;
    }
    self->waiting_count -= count;
    self->crowd_number++;
    return count;
}

/* The oldest sequence an open transaction began at. The members of a group are open too, so nothing
 * they need is forgotten. */
static uint64_t oldest_base(const engine *self)
{
    int64_t unused;
    return self->readers_oldest != NULL ? self->readers_oldest->sequence
                                        : deferred_sequence(self, &unused);
}

/* ------------------------------------------------------------------------------- followers --- */

/* Sleeps until the request is done or leads, or until `deadline_ns`; one that leads, and gathers, until
 * `gather_ns` (0: it does not). Without the lock of the queue. Returns where the request stood then. */
static commit_place request_sleep(const engine *self, const engine_commit_request *request,
                                  uint64_t gather_ns, uint64_t deadline_ns)
{
    const pbase_os *os = self->host->os;
    const _Atomic uint32_t *word = request->crowd != NULL ? request->crowd : &request->place;
    for (bool in_time = true;;) {
        uint32_t seen = atomic_load(word); /* before the place: who tells changes it after that */
        uint32_t place = atomic_load(&request->place);
        uint64_t until = place == COMMIT_LEADS ? gather_ns : deadline_ns;
        in_time = until != 0 && (in_time || os->system->monotonic_ns(os) < until);
        if (place == COMMIT_DONE || !in_time) {
            return (commit_place)place;
        }
        in_time = os->lock->word_wait(os, word_of(word), seen, until);
    }
}

/* Leaves the queue unless a leader has taken the request, or it is to lead itself. */
static bool line_leave(engine *self, engine_commit_request *request)
{
    engine_lock(self, self->queue_mutex);
    bool leaves = atomic_load(&request->place) == COMMIT_IN_LINE && queue_leave(self, request);
    engine_unlock(self, self->queue_mutex);
    return leaves;
}

static uint64_t deadline_of(const pbase_call *call)
{
    return call == NULL ? PBASE_NO_DEADLINE : call->deadline_ns;
}

/* Once a leader has taken the request there is no way back. */
static pbase_status wait_in_line(engine *self, engine_commit_request *request,
                                 const pbase_call *call, commit_place *out_place, pbase_error *err)
{
    pbase_status status = pbase_call_check(call, self->host->os, err);
    if (status != PBASE_OK && line_leave(self, request)) {
        return status;
    }
    uint64_t deadline = status == PBASE_OK ? deadline_of(call) : PBASE_NO_DEADLINE;
    *out_place = request_sleep(self, request, 0, deadline);
    return PBASE_OK;
}

/* -------------------------------------------------------------------------------- the leader -- */

/* Waits until those are here who are likely to come; unlocks the queue meanwhile. False: one of them
 * leads now. */
static bool gather(engine *self, engine_commit_request *first, const pbase_call *call)
{
    const pbase_os *os = self->host->os;
    if (first->durability < PBASE_DURABILITY_SYNC || self->waiting_count >= self->expected) {
        return true;
    }
    uint64_t now = os->system->monotonic_ns(os), deadline = deadline_of(call);
    uint64_t until = now + SYNC_SHARE(atomic_load(&self->sync_ns));
    self->counters.gathers += now < until;
    self->gatherer = first;
    first->crowd = crowd_now(self); /* answered with those it waits for */
    engine_unlock(self, self->queue_mutex);
    (void)request_sleep(self, first, until < deadline ? until : deadline, deadline);
    engine_lock(self, self->queue_mutex);
    bool leads = self->gatherer == first;
    self->gatherer = leads ? NULL : self->gatherer;
    return leads;
}

/* One round: everybody who waits, into `members`. A failure concerns nobody but the leader: no request
 * was taken. */
static pbase_status lead_once(engine *self, engine_commit_request **members, size_t *out_count,
                              const pbase_call *call, pbase_error *err)
{
    pbase_bytes records[GROUP_MEMBERS_MAX];
    uint64_t oldest = oldest_base(self), appended = self->counters.record_bytes;
    engine_unlock(self, self->queue_mutex);
    engine_lock(self, self->commit_mutex);
    pbase_status status = engine_turn_begin(self, call, err);
    if (status == PBASE_OK) {
        engine_lock(self, self->queue_mutex); /* latecomers of the waits join the group */
        *out_count = queue_take(self, members);
        engine_unlock(self, self->queue_mutex);
        write_window_trim(self->window, oldest);
        engine_group_run(self, members, records, *out_count);
        engine_turn_end(self);
    }
    engine_unlock(self, self->commit_mutex);
    engine_lock(self, self->queue_mutex);
    engine_group_weighs(self, self->counters.record_bytes - appended);
    return status;
}

static void count_members(engine *self, engine_commit_request *const *members, size_t count)
{
    bool is_flushed = false;
    self->counters.held += self->was_held ? count : 0;
    for (size_t i = 0; i < count; i++) {
        self->counters.commits += members[i]->status == PBASE_OK;
        self->counters.conflicts += members[i]->status == PBASE_CONFLICT;
        is_flushed = is_flushed || members[i]->durability >= PBASE_DURABILITY_SYNC;
    }
    size_t expected = is_flushed ? count + self->waiting_count : 0;
    /* no more than one group takes: who completes it is to be part of it */
    self->expected = expected < GROUP_MEMBERS_MAX ? expected : GROUP_MEMBERS_MAX;
}

/* The first who waits leads from now on; returns the word it sleeps on. */
static const _Atomic uint32_t *hand_over(engine *self)
{
    self->has_leader = self->waiting != NULL;
    if (!self->has_leader) {
        return NULL;
    }
    self->waiting->is_prepared = false;
    return place_tell(self->waiting, COMMIT_LEADS);
}

/* Without the lock of the queue, by one of them, who leads. A crowd is woken once, when all of it that is
 * here is answered. */
static void answer_members(const engine *self, const engine_commit_request *leader,
                           engine_commit_request *const *members, size_t count)
{
    const _Atomic uint32_t *last = NULL;
    for (size_t i = 0; i < count; i++) {
        bool sleeps = members[i] != leader;
        const _Atomic uint32_t *word = place_tell(members[i], COMMIT_DONE);
        if (sleeps && word != last) {
            wake(self, last);
            last = word;
        }
    }
    wake(self, last);
}

static void settler_remind(engine *self)
{
    if (self->bytes_since_checkpoint >= self->options.checkpoint_bytes ||
        self->deferred.bytes > DEFERRED_APPLY_BYTES) {
        self->host->os->lock->cond_signal(self->settler_wakes);
    }
}

/* Leads once for `request`, unless its time is up or somebody else leads in its place. */
static pbase_status lead(engine *self, engine_commit_request *request, const pbase_call *call,
                         commit_place *out_place, pbase_error *err)
{
    engine_commit_request *members[GROUP_MEMBERS_MAX];
    size_t count = 0;
    engine_lock(self, self->queue_mutex);
    if (!request->is_prepared) {
        self->was_held = engine_hold_back(self, call);
        if (!gather(self, request, call)) {
            engine_unlock(self, self->queue_mutex);
            *out_place = COMMIT_IN_LINE;
            return PBASE_OK;
        }
    }
    pbase_status status = pbase_call_check(call, self->host->os, err);
    if (status == PBASE_OK) {
        status = lead_once(self, members, &count, call, err);
        count_members(self, members, count);
    }
    if (status != PBASE_OK) {
        bool was_there = queue_leave(self, request);
        PBASE_ASSERT(was_there);
    }
    const _Atomic uint32_t *next = hand_over(self);
    settler_remind(self);
    engine_unlock(self, self->queue_mutex);
    wake(self, next); /* first of all */
    answer_members(self, request, members, count);
    *out_place = COMMIT_DONE;
    return status;
}

/* --------------------------------------------------------------------------------- commit ---- */

static pbase_status commit_check(engine *self, const pbase_call *call, pbase_error *err)
{
    pbase_status status = engine_process_check(self, err);
    if (status == PBASE_OK) {
        status = engine_writable(self, err);
    }
    if (status == PBASE_OK) {
        status = engine_settler_ensure(self, err);
    }
    return status == PBASE_OK ? engine_wait_for_room(self, call, err) : status;
}

static pbase_status commit_queued(engine *self, engine_commit_request *request,
                                  const pbase_call *call, pbase_error *err)
{
    engine_lock(self, self->queue_mutex);
    queue_enter(self, request);
    commit_place place = (commit_place)atomic_load(&request->place);
    engine_unlock(self, self->queue_mutex);
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && place != COMMIT_DONE) {
        status = place == COMMIT_LEADS ? lead(self, request, call, &place, err)
                                       : wait_in_line(self, request, call, &place, err);
    }
    return status;
}

pbase_status engine_commit(engine *self, engine_commit_request *request, const pbase_call *call,
                           pbase_error *err)
{
    const pbase_os *os = self->host->os;
    if (request->durability == PBASE_DURABILITY_DEFAULT) {
        request->durability = self->options.durability;
    }
    uint64_t began_ns = os->system->monotonic_ns(os);
    pbase_status status = commit_check(self, call, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_buffer_init(&request->plain, self->host->alloc);
    pbase_buffer_init(&request->record, self->host->alloc);
    status = engine_request_encode(request, err);
    if (status == PBASE_OK) {
        status = commit_queued(self, request, call, err);
    }
    pbase_buffer_fini(&request->record);
    pbase_buffer_fini(&request->plain);
    if (status == PBASE_OK && request->status == PBASE_OK) {
        latency_record(&self->commits, os->system->monotonic_ns(os) - began_ns);
    }
    if (status == PBASE_OK && request->status != PBASE_OK) {
        status = request->status;
        if (err != NULL) {
            *err = request->error;
        }
    }
    return status;
}
