/* group.c - a group of commits goes through validation, one append, publishing.
 *
 * Each request is checked against the window, given the next sequence and applied to one working
 * state. If applying fails (memory, a damaged node, a collection that is gone) the working state is
 * worthless, so a group of several falls back to groups of one: a bad transaction fails alone. */
#include "txn/engine_private.h"

#include <protobase/txn.h>

/* ------------------------------------------------------------------------- one request ---- */

#define GROUP_HEAD_BYTES_MAX 32u /* of a group in a record: two numbers, two marks, a size */

static pbase_status encode_delta(const engine_commit_request *request, pbase_buffer *out,
                                 pbase_error *err)
{
    size_t size = 2 * GROUP_HEAD_BYTES_MAX; /* the two numbers in front */
    for (size_t i = 0; i < request->group_count; i++) {
        size += GROUP_HEAD_BYTES_MAX + request->groups[i].group.operations.size;
    }
    pbase_status status = pbase_buffer_reserve(out, size, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, request->database, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, request->group_count, err);
    }
    for (size_t i = 0; i < request->group_count && status == PBASE_OK; i++) {
        status = delta_group_write(&request->groups[i].group, out, err);
    }
    return status;
}

pbase_status engine_request_encode(engine_commit_request *request, pbase_error *err)
{
    pbase_buffer *plain = &request->plain;
    pbase_status status = pbase_buffer_append_zeros(plain, RECORD_HEAD_BYTES, err);
    if (status != PBASE_OK) {
        return status;
    }
    return request->kind == RECORD_CATALOG ? catalog_change_write(&request->catalog, plain, err)
                                           : encode_delta(request, plain, err);
}

pbase_status engine_record_wrap(engine *self, const record_head *head, pbase_bytes body,
                                pbase_buffer *out, pbase_error *err)
{
    uint8_t bytes[RECORD_HEAD_BYTES];
    pbase_buffer plain;
    pbase_buffer_init(&plain, self->host->alloc);
    record_head_write(head, bytes);
    pbase_status status = pbase_buffer_append(&plain, bytes, sizeof bytes, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(&plain, body, err);
    }
    if (status == PBASE_OK) {
        status = store_record_encode(self->bytes, pbase_buffer_view(&plain), out, err);
    }
    pbase_buffer_fini(&plain);
    return status;
}

static pbase_status apply_body(working *trees, const record_head *head, pbase_bytes body,
                               const engine_commit_request *request, pbase_arena *arena,
                               pbase_error *err)
{
    working_shortcut *shortcuts = pbase_arena_array(arena, request->group_count, sizeof *shortcuts);
    if (shortcuts == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to apply a transaction");
    }
    for (size_t i = 0; i < request->group_count; i++) {
        shortcuts[i] = request->groups[i].shortcut;
    }
    return working_apply(trees, head, body, shortcuts, err);
}

/* Wraps one valid request under the sequence it gets, and applies it; with `trees` NULL it is kept to be
 * applied later. */
static pbase_status take_request(engine *self, working *trees, engine_commit_request *request,
                                 uint64_t sequence, int64_t timestamp_ns, pbase_error *err)
{
    record_head head = {.kind = request->kind,
                        .sequence = sequence,
                        .base = request->base,
                        .timestamp_ns = timestamp_ns};
    pbase_arena arena;
    pbase_arena_init(&arena, self->host->alloc);
    record_head_write(&head, request->plain.data);
    request->record.size = 0;
    pbase_status status =
        store_record_encode(self->bytes, pbase_buffer_view(&request->plain), &request->record, err);
    if (status == PBASE_OK) {
        status = trees != NULL
                     ? apply_body(trees, &head, record_body(&request->plain), request, &arena, err)
                     : deferred_create(self->host, &head, &request->deferred, err);
    }
    if (status == PBASE_OK) {
        request->sequence = sequence;
    }
    pbase_arena_fini(&arena);
    return status;
}

/* ----------------------------------------------------------------------------- one group ---- */

typedef struct {
    engine_commit_request **members;
    size_t count;
    pbase_bytes *records; /* of the members that are in */
    size_t record_count;
    int32_t durability;    /* the highest of them */
    bool names_atoms;      /* a record of theirs does */
    write_window *earlier; /* what earlier members wrote; NULL in a group of one */
    bool waits;            /* to be applied later (deferred.h) */
    space_state *next;     /* the state after it, unless it waits */
} commit_group_run;

static void request_fail(engine_commit_request *request, pbase_status status,
                         const pbase_error *why)
{
    request->status = status;
    request->error = *why;
}

/* Against what others committed, then against the earlier members of its own group. */
static pbase_status validate(const engine *self, const commit_group_run *run,
                             const engine_commit_request *request, pbase_error *err)
{
    pbase_status status =
        write_window_validate(self->window, request->base, request->reads, request->writes, err);
    if (status == PBASE_OK && run->earlier != NULL) {
        status = write_window_validate(run->earlier, request->base, request->reads, request->writes,
                                       err);
    }
    return status;
}

/* Content that is adopted was written as atoms; operations name none. */
static bool names_atoms(const engine_commit_request *request)
{
    bool any = request->kind != RECORD_DELTA;
    for (size_t i = 0; i < request->group_count && !any; i++) {
        uint8_t form = request->groups[i].group.form;
        any = form != GROUP_CHANGE && form != GROUP_CREATE;
    }
    return any;
}

static void run_add(commit_group_run *run, engine_commit_request *request)
{
    if (run->earlier != NULL) {
        write_window_add(run->earlier, request->sequence, request->writes);
    }
    run->records[run->record_count++] = pbase_buffer_view(&request->record);
    run->names_atoms = run->names_atoms || names_atoms(request);
    if (request->durability > run->durability) {
        run->durability = request->durability;
    }
}

/* Applies the members that win, in queue order. */
static pbase_status apply_members(engine *self, commit_group_run *run, working *trees,
                                  pbase_error *err)
{
    int64_t now = self->host->os->system->wall_ns(self->host->os);
    int64_t last = 0;
    engine_lock(self, self->queue_mutex);
    uint64_t sequence = deferred_sequence(self, &last);
    engine_unlock(self, self->queue_mutex);
    for (size_t i = 0; i < run->count; i++) {
        engine_commit_request *request = run->members[i];
        pbase_error why;
        pbase_error_init(&why);
        pbase_status status = validate(self, run, request, &why);
        if (status == PBASE_OK) {
            last = now > last ? now : last + 1; /* commit times grow, whatever the clock does */
            status = take_request(self, trees, request, sequence + 1, last, &why);
            if (status != PBASE_OK) { /* a conflict too: part of it may have been applied */
                *err = why;
                return status;
            }
        }
        if (status == PBASE_OK) {
            sequence++;
            run_add(run, request);
        } else {
            request_fail(request, status, &why);
        }
    }
    return PBASE_OK;
}

/* Marks everybody that has been applied but will not be published. */
static void fail_members(commit_group_run *run, pbase_status status, const pbase_error *why)
{
    for (size_t i = 0; i < run->count; i++) {
        if (run->members[i]->status == PBASE_OK) {
            request_fail(run->members[i], status, why);
        }
    }
}

/* Publishes, and remembers what was written if anybody is open who could collide with it. */
static void publish_run(engine *self, commit_group_run *run, const pbase_journal_appended *appended)
{
    uint64_t bytes = appended->end - appended->first;
    size_t own_readers = 0;
    for (size_t i = 0; i < run->count; i++) {
        own_readers += run->members[i]->reader != NULL;
    }
    engine_lock(self, self->queue_mutex);
    bool others = self->reader_count > own_readers;
    space_state *before = NULL;
    if (run->waits) {
        deferred_append(self, run->members, run->count, appended->end);
    } else {
        before = self->newest;
        self->newest = run->next;
        self->published = appended->end;
    }
    self->counters.groups++;
    self->counters.records += run->record_count;
    self->counters.record_bytes += bytes;
    engine_journal_grew(self, bytes);
    if (self->publish_waiters > 0) {
        self->host->os->lock->cond_broadcast(self->published_more);
    }
    engine_unlock(self, self->queue_mutex);
    space_state_unref(before);
    for (size_t i = 0; i < run->count; i++) {
        const engine_commit_request *request = run->members[i];
        if (request->status == PBASE_OK) {
            write_window_add(self->window, request->sequence, others ? request->writes : NULL);
        }
    }
}

static pbase_status append_and_publish(engine *self, commit_group_run *run, pbase_error *err)
{
    pbase_journal_appended appended;
    pbase_status status = engine_append(self, run->records, run->record_count, run->durability,
                                        run->names_atoms, &appended, err);
    if (status == PBASE_OK) {
        publish_run(self, run, &appended);
    }
    return status;
}

/* What was kept to be applied later, and is not published. */
static void forget_deferred(engine *self, commit_group_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        deferred_destroy(self->host, run->members[i]->deferred);
        run->members[i]->deferred = NULL;
    }
}

static bool has_shortcut(const engine_commit_request *request)
{
    bool any = false;
    for (size_t i = 0; i < request->group_count && !any; i++) {
        any = request->groups[i].shortcut.present;
    }
    return any;
}

/* A tree that is taken as a transaction left it has what that wrote of it before. */
static void need_as_members(const commit_group_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const engine_commit_request *request = run->members[i];
        if (request->status == PBASE_OK && request->wrote != NULL && has_shortcut(request)) {
            space_state_need_as(run->next, run->next, request->wrote);
        }
    }
}

/* The whole life of one group. Members get their status; what is returned says whether applying
 * failed before anything was appended, so that the caller may try smaller groups. */
static pbase_status run_group(engine *self, commit_group_run *run, pbase_error *err)
{
    working *trees = NULL;
    run->record_count = 0;
    run->durability = PBASE_DURABILITY_NONE;
    run->names_atoms = false;
    run->next = NULL;
    run->waits = false;
    for (size_t i = 0; i < run->count; i++) {
        run->members[i]->status = PBASE_OK;
        run->members[i]->deferred = NULL;
    }
    pbase_status status = deferred_group_begin(self, run->members, run->count, &run->waits, err);
    if (status == PBASE_OK && !run->waits) {
        status = working_begin(self->host, self->newest, &self->coder.base, &trees, err);
    }
    if (status == PBASE_OK && run->count > 1) {
        status = write_window_create(self->host, &run->earlier, err);
    }
    if (status == PBASE_OK) {
        status = apply_members(self, run, trees, err);
    }
    if (status == PBASE_OK && run->record_count > 0 && !run->waits) {
        status = working_finish(&trees, &run->next, err);
        if (status == PBASE_OK) {
            need_as_members(run);
        }
    }
    working_abandon(&trees);
    write_window_destroy(run->earlier);
    run->earlier = NULL;
    if (status != PBASE_OK || run->record_count == 0) {
        forget_deferred(self, run);
        return status;
    }
    pbase_error why;
    pbase_error_init(&why);
    pbase_status appended = append_and_publish(self, run, &why);
    if (appended != PBASE_OK) {
        fail_members(run, appended, &why);
        space_state_unref(run->next);
        forget_deferred(self, run);
    }
    return PBASE_OK;
}

void engine_group_run(engine *self, engine_commit_request **members, pbase_bytes *records,
                      size_t count)
{
    pbase_error why;
    pbase_error_init(&why);
    commit_group_run run = {.members = members, .count = count, .records = records};
    pbase_status status = run_group(self, &run, &why);
    if (status == PBASE_OK) {
        return;
    }
    if (count == 1) {
        request_fail(members[0], status, &why);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        engine_group_run(self, &members[i], records, 1);
    }
}
