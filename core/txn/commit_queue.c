/* commit_queue.c - group commit: who waits, who leads, and who is woken.
 *
 * Who finds no leader leads: takes all who wait as one group (group.c), answers them, and hands the
 * lead to the first who came meanwhile. Each waiter sleeps on a condition of its own, so that an
 * answer wakes nobody else.
 *
 * A flush serves all the better the more wait for it, and those whom the last one answered are often
 * on their way back already. So a leader first waits until as many are here as the last flush
 * answered or left waiting, for SYNC_SHARE of the time a flush takes at most. A writer alone is all
 * that is expected, and never waits. */
#include "txn/engine_private.h"

#include <protobase/txn.h>

#define SYNC_SHARE(sync_ns) ((sync_ns) / 10 * 4)

struct commit_waker {
    pbase_os_cond *cond; /* with the queue lock */
    commit_waker *next;
};

/* --------------------------------------------------------------------------------- wakers ---- */

/* The functions below run with the queue locked. */

static pbase_status waker_take(engine *self, engine_commit_request *request, pbase_error *err)
{
    const pbase_os *os = self->host->os;
    commit_waker *waker = self->wakers;
    if (waker != NULL) {
        self->wakers = waker->next;
        request->waker = waker;
        return PBASE_OK;
    }
    waker = pbase_alloc_zeroed(self->host->alloc, 1, sizeof *waker);
    if (waker == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to wait for a commit");
    }
    pbase_status status = os->lock->cond_create(os, &waker->cond, err);
    if (status != PBASE_OK) {
        pbase_alloc_free(self->host->alloc, waker, sizeof *waker);
        return status;
    }
    request->waker = waker;
    return PBASE_OK;
}

static void waker_give(engine *self, engine_commit_request *request)
{
    if (request->waker != NULL) {
        request->waker->next = self->wakers;
        self->wakers = request->waker;
        request->waker = NULL;
    }
}

void engine_wakers_free(engine *self)
{
    while (self->wakers != NULL) {
        commit_waker *waker = self->wakers;
        self->wakers = waker->next;
        self->host->os->lock->cond_destroy(waker->cond);
        pbase_alloc_free(self->host->alloc, waker, sizeof *waker);
    }
}

/* ----------------------------------------------------------------------------------- queue --- */

/* Who enters while somebody leads gets a waker. NO_MEMORY: it is not in the queue. */
static pbase_status queue_enter(engine *self, engine_commit_request *request, pbase_error *err)
{
    request->next = NULL;
    request->done = request->leads = false;
    request->waker = NULL;
    pbase_status status = self->has_leader ? waker_take(self, request, err) : PBASE_OK;
    if (status != PBASE_OK) {
        return status;
    }
    *self->waiting_end = request;
    self->waiting_end = &request->next;
    self->waiting_count++;
    if (self->leader_gathers && self->waiting_count >= self->expected) {
        self->host->os->lock->cond_signal(self->gathered);
    }
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

/* Takes at most GROUP_MEMBERS_MAX waiting requests. */
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

/* -------------------------------------------------------------------------------- the leader -- */

/* Who is to be woken once the queue is unlocked; a condition outlives the request it was of. */
typedef struct {
    pbase_os_cond *conds[GROUP_MEMBERS_MAX + 1];
    size_t count;
} wake_list;

static void wake_later(wake_list *wake, const engine_commit_request *request)
{
    if (request->waker != NULL) {
        wake->conds[wake->count++] = request->waker->cond;
    }
}

/* Waits until those are here who are likely to come; unlocks the queue meanwhile. */
static void gather(engine *self, const engine_commit_request *leader)
{
    const pbase_os *os = self->host->os;
    if (leader->durability < PBASE_DURABILITY_SYNC || self->waiting_count >= self->expected) {
        return;
    }
    uint64_t now = os->system->monotonic_ns(os);
    uint64_t until = now + SYNC_SHARE(atomic_load(&self->sync_ns));
    self->counters.gathers += now < until;
    self->leader_gathers = true;
    while (self->waiting_count < self->expected && now < until) {
        (void)os->lock->cond_wait(self->gathered, self->queue_mutex, until);
        now = os->system->monotonic_ns(os);
    }
    self->leader_gathers = false;
}

static void answer_members(engine *self, engine_commit_request **members, size_t count,
                           bool were_held, wake_list *wake)
{
    bool is_flushed = false;
    self->counters.held += were_held ? count : 0;
    for (size_t i = 0; i < count; i++) {
        self->counters.commits += members[i]->status == PBASE_OK;
        self->counters.conflicts += members[i]->status == PBASE_CONFLICT;
        is_flushed = is_flushed || members[i]->durability >= PBASE_DURABILITY_SYNC;
        members[i]->done = true;
        wake_later(wake, members[i]);
    }
    self->expected = is_flushed ? count + self->waiting_count : 0;
}

/* One round: everybody who waits. A failure concerns nobody but the leader: no request was taken. */
static pbase_status lead_once(engine *self, const engine_commit_request *leader, bool is_held,
                              const pbase_call *call, wake_list *wake, pbase_error *err)
{
    engine_commit_request *members[GROUP_MEMBERS_MAX];
    pbase_bytes records[GROUP_MEMBERS_MAX];
    size_t count = 0;
    gather(self, leader);
    uint64_t oldest = oldest_base(self), appended = self->counters.record_bytes;
    engine_unlock(self, self->queue_mutex);
    engine_lock(self, self->commit_mutex);
    pbase_status status = engine_turn_begin(self, call, err);
    if (status == PBASE_OK) {
        engine_lock(self, self->queue_mutex); /* latecomers of the waits join the group */
        count = queue_take(self, members);
        engine_unlock(self, self->queue_mutex);
        write_window_trim(self->window, oldest);
        engine_group_run(self, members, records, count);
        engine_turn_end(self);
    }
    engine_unlock(self, self->commit_mutex);
    engine_lock(self, self->queue_mutex);
    answer_members(self, members, count, is_held, wake);
    engine_group_weighs(self, self->counters.record_bytes - appended);
    return status;
}

/* The first who waits leads from now on. */
static void hand_over(engine *self, wake_list *wake)
{
    self->has_leader = self->waiting != NULL;
    if (self->has_leader) {
        self->waiting->leads = true;
        wake_later(wake, self->waiting);
    }
}

/* Leads once for `request`, which is the first of the queue, unless its time is up. */
static pbase_status lead(engine *self, engine_commit_request *request, const pbase_call *call,
                         pbase_error *err)
{
    wake_list wake = {.count = 0};
    self->has_leader = true;
    bool is_held = engine_hold_back(self, call);
    pbase_status status = pbase_call_check(call, self->host->os, err);
    if (status == PBASE_OK) {
        status = lead_once(self, request, is_held, call, &wake, err);
    }
    if (status != PBASE_OK) {
        bool was_there = queue_leave(self, request);
        PBASE_ASSERT(was_there);
    }
    hand_over(self, &wake);
    engine_unlock(self, self->queue_mutex);
    for (size_t i = wake.count; i > 0; i--) { /* the next leader first */
        self->host->os->lock->cond_signal(wake.conds[i - 1]);
    }
    engine_lock(self, self->queue_mutex);
    return status;
}

/* Waits until the request is done, leading when it is its turn. Once a leader has taken the request
 * there is no way back. */
static pbase_status queue_wait(engine *self, engine_commit_request *request, const pbase_call *call,
                               pbase_error *err)
{
    uint64_t deadline = call == NULL ? PBASE_NO_DEADLINE : call->deadline_ns;
    while (!request->done) {
        if (request->waker == NULL || request->leads) {
            return lead(self, request, call, err);
        }
        pbase_status status = pbase_call_check(call, self->host->os, err);
        if (status != PBASE_OK && queue_leave(self, request)) {
            return status;
        }
        (void)self->host->os->lock->cond_wait(request->waker->cond, self->queue_mutex,
                                              status == PBASE_OK ? deadline : PBASE_NO_DEADLINE);
    }
    return PBASE_OK;
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
    if (status == PBASE_OK) {
        status = queue_wait(self, request, call, err);
        waker_give(self, request);
    }
    if (self->bytes_since_checkpoint >= self->options.checkpoint_bytes ||
        self->deferred.bytes > DEFERRED_APPLY_BYTES) {
        self->host->os->lock->cond_signal(self->settler_wakes);
    }
    engine_unlock(self, self->queue_mutex);
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
