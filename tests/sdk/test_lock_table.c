/* Named locks within one process: modes, leases, fencing tokens, waiting. */
#include "fault_alloc.h"
#include "lock_table.h"
#include "os/os.h"
#include <protobase/plugin/storage.h>
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

#define FENCE_BASE 100u
#define SOON_MS 20u
#define LATE_MS 5000u /* a test that waits so long has failed */

typedef struct {
    fault_alloc memory;
    const pbase_os *os;
    lock_table *table;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    fault_alloc_init(&f.memory);
    f.os = pbase_os_real();
    f.table = NULL;
    assert_int_equal(lock_table_create(f.os, &f.memory.alloc, FENCE_BASE, &f.table, NULL),
                     PBASE_OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = (fixture *)*state;
    lock_table_destroy(f->table);
    assert_int_equal(fault_alloc_live_bytes(&f->memory), 0);
    return 0;
}

/* Tries for at most `timeout_ms`; 0 tries once. */
static pbase_status acquire(fixture *f, const char *name, uint32_t mode, uint64_t timeout_ms,
                            uint64_t lease_ms, uint64_t *out_fence)
{
    pbase_call call = {.deadline_ns = timeout_ms == 0 ? 0 : pbase_os_deadline(f->os, timeout_ms)};
    return lock_table_acquire(f->table, &call, name, mode, lease_ms, out_fence, NULL);
}

static void exclusive_lock_keeps_everybody_out(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t fence = 0;
    uint64_t other = 42;
    pbase_call call = {.deadline_ns = 0};
    pbase_error err;
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, 0, &fence), PBASE_OK);
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, 0, &other), PBASE_BUSY);
    assert_int_equal(
        lock_table_acquire(f->table, &call, "writer", PBASE_LOCK_SHARED, 0, &other, &err),
        PBASE_BUSY);
    assert_non_null(strstr(err.message, "'writer' is held by process"));
    assert_int_equal(other, 42);
    lock_table_release(f->table, "writer", fence);
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_SHARED, 0, 0, &other), PBASE_OK);
}

static void shared_locks_join_and_keep_writers_out(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t first = 0;
    uint64_t second = 0;
    uint64_t writer = 0;
    assert_int_equal(acquire(f, "a", PBASE_LOCK_SHARED, 0, 0, &first), PBASE_OK);
    assert_int_equal(acquire(f, "a", PBASE_LOCK_SHARED, 0, 0, &second), PBASE_OK);
    assert_int_equal(acquire(f, "a", PBASE_LOCK_EXCLUSIVE, 0, 0, &writer), PBASE_BUSY);
    lock_table_release(f->table, "a", first);
    assert_int_equal(acquire(f, "a", PBASE_LOCK_EXCLUSIVE, 0, 0, &writer), PBASE_BUSY);
    lock_table_release(f->table, "a", second);
    assert_int_equal(acquire(f, "a", PBASE_LOCK_EXCLUSIVE, 0, 0, &writer), PBASE_OK);
}

static void names_do_not_disturb_each_other(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t fence = 0;
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, 0, &fence), PBASE_OK);
    assert_int_equal(acquire(f, "checkpoint", PBASE_LOCK_EXCLUSIVE, 0, 0, &fence), PBASE_OK);
}

static void tokens_grow_and_older_ones_are_fenced(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t first = 0;
    uint64_t second = 0;
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, 0, &first), PBASE_OK);
    assert_true(first > FENCE_BASE);
    assert_int_equal(lock_table_check(f->table, "writer", first, NULL), PBASE_OK);
    lock_table_release(f->table, "writer", first);
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, 0, &second), PBASE_OK);
    assert_true(second > first);
    assert_int_equal(lock_table_check(f->table, "writer", first, NULL), PBASE_FENCED);
    lock_table_release(f->table, "writer", second);
    assert_int_equal(lock_table_check(f->table, "writer", first, NULL), PBASE_FENCED);
    assert_int_equal(lock_table_check(f->table, "writer", second, NULL), PBASE_OK);
    assert_int_equal(lock_table_check(f->table, "never asked for", 0, NULL), PBASE_OK);
}

static void a_token_from_above_takes_the_place_of_the_granted_one(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t fence = 0, next = 0;
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, 0, &fence), PBASE_OK);
    lock_table_renumber(f->table, "writer", fence, 5000);
    lock_table_renumber(f->table, "nobody", 1, 4000); /* not held: changes nothing */
    assert_int_equal(lock_table_check(f->table, "writer", fence, NULL), PBASE_FENCED);
    assert_int_equal(lock_table_check(f->table, "writer", 5000, NULL), PBASE_OK);
    lock_table_release(f->table, "writer", fence); /* not the holder any more */
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, 0, &next), PBASE_BUSY);
    lock_table_release(f->table, "writer", 5000);
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, 0, &next), PBASE_OK);
    assert_true(next > 5000);
}

static void sharers_do_not_fence_each_other(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t first = 0;
    uint64_t second = 0;
    assert_int_equal(acquire(f, "a", PBASE_LOCK_SHARED, 0, 0, &first), PBASE_OK);
    assert_int_equal(acquire(f, "a", PBASE_LOCK_SHARED, 0, 0, &second), PBASE_OK);
    assert_int_equal(lock_table_check(f->table, "a", first, NULL), PBASE_OK);
}

static void lease_that_ran_out_is_lost_and_lets_the_next_in(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t first = 0;
    uint64_t second = 0;
    assert_int_equal(acquire(f, "a", PBASE_LOCK_EXCLUSIVE, 0, SOON_MS, &first), PBASE_OK);
    assert_int_equal(acquire(f, "a", PBASE_LOCK_EXCLUSIVE, LATE_MS, 0, &second), PBASE_OK);
    assert_int_equal(lock_table_renew(f->table, "a", first, SOON_MS, NULL), PBASE_LOST);
    assert_int_equal(lock_table_check(f->table, "a", first, NULL), PBASE_FENCED);
    lock_table_release(f->table, "a", first); /* must not release the second holder's */
    assert_int_equal(lock_table_renew(f->table, "a", second, 0, NULL), PBASE_OK);
}

static void renewing_prolongs_a_lease(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t fence = 0;
    uint64_t other = 0;
    assert_int_equal(acquire(f, "a", PBASE_LOCK_EXCLUSIVE, 0, LATE_MS, &fence), PBASE_OK);
    assert_int_equal(lock_table_renew(f->table, "a", fence, 0, NULL), PBASE_OK); /* for ever */
    assert_int_equal(acquire(f, "a", PBASE_LOCK_EXCLUSIVE, SOON_MS, 0, &other), PBASE_BUSY);
    assert_int_equal(lock_table_renew(f->table, "b", fence, 0, NULL), PBASE_LOST);
}

typedef struct {
    fixture *f;
    uint64_t fence;
    uint32_t cancelled;
    pbase_status status;
} waiter;

static void wait_for_lock(void *state)
{
    waiter *w = (waiter *)state;
    pbase_call call = {.deadline_ns = pbase_os_deadline(w->f->os, LATE_MS),
                       .cancelled = &w->cancelled};
    w->status =
        lock_table_acquire(w->f->table, &call, "a", PBASE_LOCK_EXCLUSIVE, 0, &w->fence, NULL);
}

static void release_wakes_a_waiter(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t fence = 0;
    waiter w = {.f = f, .status = PBASE_INTERNAL};
    pbase_os_thread *thread = NULL;
    assert_int_equal(acquire(f, "a", PBASE_LOCK_EXCLUSIVE, 0, 0, &fence), PBASE_OK);
    assert_int_equal(f->os->thread->start(f->os, "waiter", wait_for_lock, &w, &thread, NULL),
                     PBASE_OK);
    f->os->system->sleep_ns(f->os, 1000000);
    lock_table_release(f->table, "a", fence);
    f->os->thread->join(thread);
    assert_int_equal(w.status, PBASE_OK);
    assert_true(w.fence > fence);
}

static void cancelling_ends_the_wait(void **state)
{
    fixture *f = (fixture *)*state;
    uint64_t fence = 0;
    waiter w = {.f = f, .status = PBASE_INTERNAL};
    pbase_os_thread *thread = NULL;
    assert_int_equal(acquire(f, "a", PBASE_LOCK_EXCLUSIVE, 0, 0, &fence), PBASE_OK);
    assert_int_equal(f->os->thread->start(f->os, "waiter", wait_for_lock, &w, &thread, NULL),
                     PBASE_OK);
    __atomic_store_n(&w.cancelled, 1, __ATOMIC_RELEASE);
    f->os->thread->join(thread);
    assert_int_equal(w.status, PBASE_CANCELLED);
}

static void lack_of_memory_leaves_the_lock_free(void **state)
{
    fixture *f = (fixture *)*state;
    pbase_status status = PBASE_NO_MEMORY;
    uint64_t fence = 42;
    for (uint64_t n = 1; status != PBASE_OK; n++) {
        fault_alloc_fail_at(&f->memory, n);
        status = acquire(f, "a", PBASE_LOCK_EXCLUSIVE, 0, 0, &fence);
        assert_int_equal(status, fault_alloc_has_failed(&f->memory) ? PBASE_NO_MEMORY : PBASE_OK);
        assert_true(status == PBASE_OK || fence == 42);
    }
    assert_true(fence > FENCE_BASE);
    lock_table *table = NULL;
    fault_alloc_fail_at(&f->memory, 1);
    assert_int_equal(lock_table_create(f->os, &f->memory.alloc, 0, &table, NULL), PBASE_NO_MEMORY);
    assert_null(table);
    lock_table_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(exclusive_lock_keeps_everybody_out),
        TEST(shared_locks_join_and_keep_writers_out),
        TEST(names_do_not_disturb_each_other),
        TEST(tokens_grow_and_older_ones_are_fenced),
        TEST(a_token_from_above_takes_the_place_of_the_granted_one),
        TEST(sharers_do_not_fence_each_other),
        TEST(lease_that_ran_out_is_lost_and_lets_the_next_in),
        TEST(renewing_prolongs_a_lease),
        TEST(release_wakes_a_waiter),
        TEST(cancelling_ends_the_wait),
        TEST(lack_of_memory_leaves_the_lock_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
