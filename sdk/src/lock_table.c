/* lock_table.c - a list of names, each with a list of holds. Both are short: a space uses two
 * names. A hold whose lease has run out is dropped when somebody next looks at its name. */
#include "lock_table.h"

#include "call_wait.h"

#include <inttypes.h>
#include <protobase/base/limits.h>
#include <protobase/plugin/storage.h>

typedef struct lock_hold lock_hold;
struct lock_hold {
    lock_hold *next;
    uint64_t fence;
    uint64_t expires_ns; /* monotonic; PBASE_NO_DEADLINE: never */
    uint64_t thread;     /* that acquired it, for messages */
    uint32_t mode;
};

typedef struct lock_name lock_name;
struct lock_name {
    lock_name *next;
    lock_hold *holds;     /* many only when shared */
    uint64_t first_fence; /* of the present holds, or of the last ones: older tokens are fenced */
    char text[PBASE_NAME_BYTES_MAX + 1];
};

struct lock_table {
    const pbase_os *os;
    const pbase_alloc *alloc;
    pbase_os_mutex *mutex; /* guards all below */
    pbase_os_cond *freed;  /* a hold ended */
    lock_name *names;
    uint64_t fence; /* granted last, over all names */
};

pbase_status lock_table_create(const pbase_os *os, const pbase_alloc *alloc, uint64_t fence_base,
                               lock_table **out, pbase_error *err)
{
    lock_table *table = pbase_alloc_zeroed(alloc, 1, sizeof *table);
    if (table == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the table of locks");
    }
    table->os = os;
    table->alloc = alloc;
    table->fence = fence_base;
    pbase_status status = os->lock->mutex_create(os, &table->mutex, err);
    if (status == PBASE_OK) {
        status = os->lock->cond_create(os, &table->freed, err);
    }
    if (status != PBASE_OK) {
        lock_table_destroy(table);
        return status;
    }
    *out = table;
    return PBASE_OK;
}

void lock_table_destroy(lock_table *table)
{
    if (table == NULL) {
        return;
    }
    while (table->names != NULL) {
        lock_name *name = table->names;
        table->names = name->next;
        while (name->holds != NULL) {
            lock_hold *hold = name->holds;
            name->holds = hold->next;
            pbase_alloc_free(table->alloc, hold, sizeof *hold);
        }
        pbase_alloc_free(table->alloc, name, sizeof *name);
    }
    if (table->freed != NULL) {
        table->os->lock->cond_destroy(table->freed);
    }
    if (table->mutex != NULL) {
        table->os->lock->mutex_destroy(table->mutex);
    }
    pbase_alloc_free(table->alloc, table, sizeof *table);
}

/* NULL when nobody ever asked for `text`. With the mutex held, like all below. */
static lock_name *name_find(lock_table *table, const char *text)
{
    lock_name *name = table->names;
    while (name != NULL && strcmp(name->text, text) != 0) {
        name = name->next;
    }
    return name;
}

static pbase_status name_ensure(lock_table *table, const char *text, lock_name **out,
                                pbase_error *err)
{
    *out = name_find(table, text);
    if (*out != NULL) {
        return PBASE_OK;
    }
    size_t size = strlen(text);
    if (size == 0 || size > PBASE_NAME_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_INVALID, "a lock's name has 1 to %u bytes, not %zu",
                          PBASE_NAME_BYTES_MAX, size);
    }
    lock_name *name = pbase_alloc_zeroed(table->alloc, 1, sizeof *name);
    if (name == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the lock '%s'", text);
    }
    memcpy(name->text, text, size + 1);
    name->next = table->names;
    table->names = name;
    *out = name;
    return PBASE_OK;
}

/* Drops the hold with `fence`, or with fence 0 every hold whose lease has run out. */
static void holds_drop(lock_table *table, lock_name *name, uint64_t fence)
{
    uint64_t now_ns = table->os->system->monotonic_ns(table->os);
    for (lock_hold **at = &name->holds; *at != NULL;) {
        lock_hold *hold = *at;
        if (fence != 0 ? hold->fence == fence : hold->expires_ns <= now_ns) {
            *at = hold->next;
            pbase_alloc_free(table->alloc, hold, sizeof *hold);
            table->os->lock->cond_broadcast(table->freed);
        } else {
            at = &hold->next;
        }
    }
}

static lock_hold *hold_find(lock_name *name, uint64_t fence)
{
    lock_hold *hold = name->holds;
    while (hold != NULL && hold->fence != fence) {
        hold = hold->next;
    }
    return hold;
}

static uint64_t lease_end(lock_table *table, uint64_t lease_ms)
{
    return lease_ms == 0 ? PBASE_NO_DEADLINE : pbase_os_deadline(table->os, lease_ms);
}

static pbase_status hold_grant(lock_table *table, lock_name *name, uint32_t mode, uint64_t lease_ms,
                               uint64_t *out_fence, pbase_error *err)
{
    lock_hold *hold = pbase_alloc_zeroed(table->alloc, 1, sizeof *hold);
    if (hold == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to hold the lock '%s'", name->text);
    }
    table->fence++;
    hold->fence = table->fence;
    hold->mode = mode;
    hold->expires_ns = lease_end(table, lease_ms);
    hold->thread = table->os->thread->id(table->os);
    if (name->holds == NULL) { /* sharers that join do not fence one another */
        name->first_fence = hold->fence;
    }
    hold->next = name->holds;
    name->holds = hold;
    *out_fence = hold->fence;
    return PBASE_OK;
}

static bool hold_allowed(const lock_name *name, uint32_t mode)
{
    return name->holds == NULL ||
           (mode == PBASE_LOCK_SHARED && name->holds->mode == PBASE_LOCK_SHARED);
}

/* When the first lease of `name` runs out. */
static uint64_t soonest_expiry(const lock_name *name)
{
    uint64_t soonest_ns = PBASE_NO_DEADLINE;
    for (const lock_hold *hold = name->holds; hold != NULL; hold = hold->next) {
        soonest_ns = hold->expires_ns < soonest_ns ? hold->expires_ns : soonest_ns;
    }
    return soonest_ns;
}

pbase_status lock_table_acquire(lock_table *table, const pbase_call *call, const char *name,
                                uint32_t mode, uint64_t lease_ms, uint64_t *out_fence,
                                pbase_error *err)
{
    const pbase_os *os = table->os;
    os->lock->mutex_lock(table->mutex);
    lock_name *entry = NULL;
    pbase_status status = name_ensure(table, name, &entry, err);
    while (status == PBASE_OK) {
        holds_drop(table, entry, 0);
        if (hold_allowed(entry, mode)) {
            status = hold_grant(table, entry, mode, lease_ms, out_fence, err);
            break;
        }
        status = pbase_call_check(call, os, err);
        if (status == PBASE_TIMEOUT) {
            status = PBASE_FAIL(err, PBASE_BUSY,
                                "the lock '%s' is held by process %" PRIu64 ", thread %" PRIu64,
                                name, os->system->process_id(os), entry->holds->thread);
        } else if (status == PBASE_OK) {
            call_wait(os, call, table->freed, table->mutex, soonest_expiry(entry));
        }
    }
    os->lock->mutex_unlock(table->mutex);
    return status;
}

pbase_status lock_table_renew(lock_table *table, const char *name, uint64_t fence,
                              uint64_t lease_ms, pbase_error *err)
{
    table->os->lock->mutex_lock(table->mutex);
    lock_name *entry = name_find(table, name);
    lock_hold *hold = NULL;
    if (entry != NULL) {
        holds_drop(table, entry, 0);
        hold = hold_find(entry, fence);
    }
    if (hold != NULL) {
        hold->expires_ns = lease_end(table, lease_ms);
    }
    table->os->lock->mutex_unlock(table->mutex);
    return hold != NULL ? PBASE_OK
                        : PBASE_FAIL(err, PBASE_LOST, "the lock '%s' is no longer held", name);
}

void lock_table_renumber(lock_table *table, const char *name, uint64_t fence, uint64_t renumbered)
{
    table->os->lock->mutex_lock(table->mutex);
    lock_name *entry = name_find(table, name);
    lock_hold *hold = entry == NULL ? NULL : hold_find(entry, fence);
    if (hold != NULL) {
        entry->first_fence = entry->first_fence == fence ? renumbered : entry->first_fence;
        hold->fence = renumbered;
    }
    table->fence = renumbered > table->fence ? renumbered : table->fence;
    table->os->lock->mutex_unlock(table->mutex);
}

void lock_table_release(lock_table *table, const char *name, uint64_t fence)
{
    table->os->lock->mutex_lock(table->mutex);
    lock_name *entry = name_find(table, name);
    if (entry != NULL && fence != 0) {
        holds_drop(table, entry, fence);
    }
    table->os->lock->mutex_unlock(table->mutex);
}

pbase_status lock_table_check(lock_table *table, const char *name, uint64_t fence, pbase_error *err)
{
    table->os->lock->mutex_lock(table->mutex);
    lock_name *entry = name_find(table, name);
    uint64_t first = entry == NULL ? 0 : entry->first_fence;
    table->os->lock->mutex_unlock(table->mutex);
    return fence >= first ? PBASE_OK
                          : PBASE_FAIL(err, PBASE_FENCED,
                                       "the lock '%s' was granted to another holder (token %" PRIu64
                                       ", ours is %" PRIu64 ")",
                                       name, first, fence);
}
