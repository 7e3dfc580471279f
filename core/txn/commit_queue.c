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

/* Where one or many sleep; the queue is locked before it, never after. */
struct commit_waker {
    pbase_os_mutex *mutex; /* guards `place` of the requests that sleep here */
    pbase_os_cond *cond;
    _Atomic size_t users; /* those requests, and the queue while it sends more here; grows with the
                             queue locked */
    commit_waker *next;   /* queue: of those without users */
};

/* --------------------------------------------------------------------------------- wakers ---- */

static void waker_destroy(const pbase_host *host, commit_waker *waker)
{
    const pbase_os_lock_ops *locks = host->os->lock;
    if (waker->cond != NULL) {
        locks->cond_destroy(waker->cond);
    }
    if (waker->mutex != NULL) {
        locks->mutex_destroy(waker->mutex);
    }
    pbase_alloc_free(host->alloc, waker, sizeof *waker);
}

static pbase_status waker_create(const pbase_host *host, commit_waker **out, pbase_error *err)
{
    const pbase_os *os = host->os;
    commit_waker *waker = pbase_alloc_zeroed(host->alloc, 1, sizeof *waker);
    if (waker == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to wait for a commit");
    }
    pbase_status status = os->lock->mutex_create(os, &waker->mutex, err);
    if (status == PBASE_OK) {
        status = os->lock->cond_create(os, &waker->cond, err);
    }
    if (status != PBASE_OK) {
        waker_destroy(host, waker);
        return status;
    }
    *out = waker;
    return PBASE_OK;
}

/* One with one user, who asks for it. With the queue locked. */
static pbase_status waker_take(engine *self, commit_waker **out, pbase_error *err)
{
    commit_waker *waker = self->wakers;
    pbase_status status = PBASE_OK;
    if (waker != NULL) {
        self->wakers = waker->next;
    } else {
        status = waker_create(self->host, &waker, err);
    }
    if (status == PBASE_OK) {
        atomic_store(&waker->users, 1);
        *out = waker;
    }
    return status;
}

/* The last user's end, when it returns true: the waker goes back to the others. */
static bool waker_leave(commit_waker *waker)
{
    return atomic_fetch_sub(&waker->users, 1) == 1;
}

/* With the queue locked. */
static void waker_give(engine *self, commit_waker *waker)
{
    if (waker != NULL && waker_leave(waker)) {
        waker->next = self->wakers;
        self->wakers = waker;
    }
}

/* The same without that lock, which only the last user needs. */
static void request_awake(engine *self, engine_commit_request *request)
{
    commit_waker *waker = request->waker;
    if (waker != NULL && waker_leave(waker)) {
        engine_lock(self, self->queue_mutex);
        waker->next = self->wakers;
        self->wakers = waker;
        engine_unlock(self, self->queue_mutex);
    }
    request->waker = NULL;
}

void engine_wakers_free(engine *self)
{
    if (self->crowd != NULL) {
        waker_give(self, self->crowd);
        self->crowd = NULL;
    }
    while (self->wakers != NULL) {
        commit_waker *waker = self->wakers;
        self->wakers = waker->next;
        waker_destroy(self->host, waker);
    }
}

/* ----------------------------------------------------------------------------------- queue --- */

/* The functions below run with the queue locked. */

/* Tells a request in the queue where it stands; returns where it sleeps, NULL: it does not. */
static commit_waker *place_tell(engine *self, engine_commit_request *request, commit_place place)
{
    commit_waker *waker = request->waker;
    if (waker != NULL) {
        engine_lock(self, waker->mutex);
    }
    request->place = place;
    if (waker != NULL) {
        engine_unlock(self, waker->mutex);
    }
    return waker;
}

/* Who comes first sleeps alone, since it is woken alone, to lead. */
static pbase_status queue_bed(engine *self, engine_commit_request *request, pbase_error *err)
{
    if (self->waiting == NULL) {
        return waker_take(self, &request->waker, err);
    }
    pbase_status status =
        self->crowd == NULL ? waker_take(self, &self->crowd, err) : PBASE_OK; /* the queue's use */
    if (status == PBASE_OK) {
        atomic_fetch_add(&self->crowd->users, 1);
        request->waker = self->crowd;
    }
    return status;
}

/* Who enters while somebody leads gets a waker, unless it takes the lead over from one who waits for
 * company. NO_MEMORY: it is not in the queue. */
static pbase_status queue_enter(engine *self, engine_commit_request *request, pbase_error *err)
{
    bool completes = self->gatherer != NULL && self->waiting_count + 1 >= self->expected;
    request->next = NULL;
    request->waker = NULL;
    request->is_prepared = completes;
    request->place = completes || !self->has_leader ? COMMIT_LEADS : COMMIT_IN_LINE;
    pbase_status status = request->place == COMMIT_LEADS ? PBASE_OK : queue_bed(self, request, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (completes) { /* who gathered goes on sleeping */
        (void)place_tell(self, self->gatherer, COMMIT_IN_LINE);
        self->gatherer = NULL;
    }
    self->has_leader = true;
    *self->waiting_end = request;
    self->waiting_end = &request->next;
    self->waiting_count++;
    return PBASE_OK;
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
    waker_give(self, self->crowd);
    self->crowd = NULL;
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
 * `gather_ns`. Without the lock of the queue. Returns where the request stood then. */
static commit_place request_sleep(engine *self, const engine_commit_request *request,
                                  uint64_t gather_ns, uint64_t deadline_ns)
{
    const pbase_os *os = self->host->os;
    const commit_waker *waker = request->waker;
    engine_lock(self, waker->mutex);
    while (request->place != COMMIT_DONE) {
        uint64_t until = request->place == COMMIT_LEADS ? gather_ns : deadline_ns;
        if (until != PBASE_NO_DEADLINE && os->system->monotonic_ns(os) >= until) {
            break;
        }
        (void)os->lock->cond_wait(waker->cond, waker->mutex, until);
    }
    commit_place place = request->place;
    engine_unlock(self, waker->mutex);
    return place;
}

/* Leaves the queue unless a leader has taken the request, or it is to lead itself. */
static bool line_leave(engine *self, engine_commit_request *request)
{
    engine_lock(self, self->queue_mutex);
    engine_lock(self, request->waker->mutex);
    bool leaves = request->place == COMMIT_IN_LINE;
    engine_unlock(self, request->waker->mutex);
    leaves = leaves && queue_leave(self, request);
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
    if (first->durability < PBASE_DURABILITY_SYNC || self->waiting_count >= self->expected ||
        (first->waker == NULL && waker_take(self, &first->waker, NULL) != PBASE_OK)) {
        return true;
    }
    uint64_t now = os->system->monotonic_ns(os), deadline = deadline_of(call);
    uint64_t until = now + SYNC_SHARE(atomic_load(&self->sync_ns));
    self->counters.gathers += now < until;
    self->gatherer = first;
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

/* The first who waits leads from now on; returns where it sleeps. */
static commit_waker *hand_over(engine *self)
{
    self->has_leader = self->waiting != NULL;
    if (!self->has_leader) {
        return NULL;
    }
    self->waiting->is_prepared = false;
    return place_tell(self, self->waiting, COMMIT_LEADS);
}

static void wake(engine *self, const commit_waker *waker)
{
    if (waker != NULL) {
        self->host->os->lock->cond_broadcast(waker->cond);
    }
}

/* Without the lock of the queue. A request may be gone as soon as its waker is unlocked; a waker stays
 * as long as the engine. */
static void answer_members(engine *self, engine_commit_request *const *members, size_t count)
{
    for (size_t i = 0; i < count;) {
        commit_waker *waker = members[i]->waker;
        if (waker == NULL) { /* the leader's own */
            members[i++]->place = COMMIT_DONE;
            continue;
        }
        engine_lock(self, waker->mutex);
        while (i < count && members[i]->waker == waker) {
            members[i++]->place = COMMIT_DONE;
        }
        engine_unlock(self, waker->mutex);
        wake(self, waker);
    }
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
    commit_waker *next = hand_over(self);
    settler_remind(self);
    engine_unlock(self, self->queue_mutex);
    wake(self, next); /* first of all */
    answer_members(self, members, count);
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
    pbase_status status = queue_enter(self, request, err);
    commit_place place = request->place;
    engine_unlock(self, self->queue_mutex);
    while (status == PBASE_OK && place != COMMIT_DONE) {
        status = place == COMMIT_LEADS ? lead(self, request, call, &place, err)
                                       : wait_in_line(self, request, call, &place, err);
    }
    request_awake(self, request);
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
