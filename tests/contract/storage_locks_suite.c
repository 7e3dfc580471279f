/* storage_locks_suite.c - locks of every storage: who holds them, leases, fencing tokens. */
#include "storage_fixture.h"

#include <stdio.h>

/* ----------------------------------------------------------------------------------- locks --- */

static pbase_status acquire(storage_fixture *f, const char *name, uint32_t mode, uint64_t lease_ms,
                            uint64_t *out_fence)
{
    pbase_call now = storage_call_over(f);
    return pbase_storage_lock_acquire(f->storage, &now, name, mode, lease_ms, out_fence, &f->err);
}

static void an_exclusive_lock_excludes_and_names_its_holder(void **state)
{
    storage_fixture *f = storage_of(state);
    uint64_t fence = 0;
    uint64_t other = 0;
    char holder[32];
    assert_ok(f, acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, &fence));
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, &other), PBASE_BUSY);
    snprintf(holder, sizeof holder, "%llu",
             (unsigned long long)f->host.base.os->system->process_id(f->host.base.os));
    assert_non_null(strstr(f->err.message, holder));
    assert_int_equal(acquire(f, "writer", PBASE_LOCK_SHARED, 0, &other), PBASE_BUSY);
    assert_ok(f, acquire(f, "checkpoint", PBASE_LOCK_EXCLUSIVE, 0, &other)); /* another name */
    pbase_storage_lock_release(f->storage, "writer", fence);
    assert_ok(f, acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, &other));
}

static void shared_locks_share_but_exclude_an_exclusive_one(void **state)
{
    storage_fixture *f = storage_of(state);
    uint64_t one = 0;
    uint64_t two = 0;
    uint64_t three = 0;
    assert_ok(f, acquire(f, "x", PBASE_LOCK_SHARED, 0, &one));
    assert_ok(f, acquire(f, "x", PBASE_LOCK_SHARED, 0, &two));
    assert_int_equal(acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &three), PBASE_BUSY);
    pbase_storage_lock_release(f->storage, "x", one);
    assert_int_equal(acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &three), PBASE_BUSY);
    pbase_storage_lock_release(f->storage, "x", two);
    assert_ok(f, acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &three));
}

static void fencing_tokens_grow(void **state)
{
    storage_fixture *f = storage_of(state);
    uint64_t last = 0;
    for (size_t i = 0; i < 10; i++) {
        uint64_t fence = 0;
        pbase_journal_appended appended;
        assert_ok(f, acquire(f, "writer", i % 2 == 0 ? PBASE_LOCK_EXCLUSIVE : PBASE_LOCK_SHARED, 0,
                             &fence));
        assert_true(fence > last);
        last = fence;
        assert_ok(f, storage_try_append(f, "x", 1, PBASE_POSITION_ANY, storage_token(i), fence,
                                        &appended));
        pbase_storage_lock_release(f->storage, "writer", fence);
        if (storage_has(f, PBASE_STORAGE_PERSISTENT)) {
            storage_close(f);
            storage_open(f);
        }
    }
}

static void a_lease_runs_out_and_cannot_be_renewed_then(void **state)
{
    storage_fixture *f = storage_of(state);
    const pbase_os *os = f->host.base.os;
    uint64_t fence = 0;
    uint64_t other = 0;
    assert_ok(f, acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 60000, &fence));
    assert_ok(f, pbase_storage_lock_renew(f->storage, NULL, "x", fence, 1, &f->err));
    os->system->sleep_ns(os, 5000000);
    assert_int_equal(pbase_storage_lock_renew(f->storage, NULL, "x", fence, 60000, &f->err),
                     PBASE_LOST);
    assert_ok(f, acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &other));
    pbase_storage_lock_release(f->storage, "x", fence); /* of the past: frees nothing */
    assert_int_equal(acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &fence), PBASE_BUSY);
}

static void acquire_waits_for_a_lease_to_run_out(void **state)
{
    storage_fixture *f = storage_of(state);
    uint64_t fence = 0;
    uint64_t other = 0;
    pbase_call later = storage_call_in(f, 10000);
    assert_ok(f, acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 5, &fence));
    assert_ok(f, pbase_storage_lock_acquire(f->storage, &later, "x", PBASE_LOCK_EXCLUSIVE, 0,
                                            &other, &f->err));
    assert_true(other > fence);
}

static void append_with_an_old_fence_is_fenced(void **state)
{
    storage_fixture *f = storage_of(state);
    uint64_t old = 0;
    uint64_t fence = 0;
    pbase_journal_appended appended;
    assert_ok(f, acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, &old));
    assert_ok(
        f, storage_try_append(f, "one", 1, PBASE_POSITION_ANY, storage_token(1), old, &appended));
    pbase_storage_lock_release(f->storage, "writer", old);
    assert_ok(f, acquire(f, "writer", PBASE_LOCK_EXCLUSIVE, 0, &fence));
    assert_int_equal(
        storage_try_append(f, "two", 1, PBASE_POSITION_ANY, storage_token(2), old, &appended),
        PBASE_FENCED);
    assert_ok(f, storage_try_append(f, "three", 1, PBASE_POSITION_ANY, storage_token(3), fence,
                                    &appended));
    assert_string_equal(storage_texts(f, 0), "one|three");
}

typedef struct {
    storage_fixture *f;
    uint64_t fence;
    pbase_status status;
} locker;

static void locker_run(void *state)
{
    locker *l = state;
    pbase_call call = {.deadline_ns = pbase_os_deadline(l->f->host.base.os, 10000)};
    l->status = pbase_storage_lock_acquire(l->f->storage, &call, "x", PBASE_LOCK_EXCLUSIVE, 0,
                                           &l->fence, NULL);
}

static void acquire_waits_for_a_release(void **state)
{
    storage_fixture *f = storage_of(state);
    const pbase_os *os = f->host.base.os;
    locker l = {f, 0, PBASE_INTERNAL};
    pbase_os_thread *thread = NULL;
    uint64_t fence = 0;
    assert_ok(f, acquire(f, "x", PBASE_LOCK_EXCLUSIVE, 0, &fence));
    assert_ok(f, os->thread->start(os, "locker", locker_run, &l, &thread, &f->err));
    os->system->sleep_ns(os, 2000000);
    pbase_storage_lock_release(f->storage, "x", fence);
    os->thread->join(thread);
    assert_int_equal(l.status, PBASE_OK);
    assert_true(l.fence > fence);
}

/* ------------------------------------------------------------------------------------ suite --- */

int storage_locks_suite_run(const storage_subject *subject)
{
    const struct CMUnitTest tests[] = {
        STORAGE_TEST(an_exclusive_lock_excludes_and_names_its_holder),
        STORAGE_TEST(shared_locks_share_but_exclude_an_exclusive_one),
        STORAGE_TEST(fencing_tokens_grow),
        STORAGE_TEST(a_lease_runs_out_and_cannot_be_renewed_then),
        STORAGE_TEST(acquire_waits_for_a_lease_to_run_out),
        STORAGE_TEST(append_with_an_old_fence_is_fenced),
        STORAGE_TEST(acquire_waits_for_a_release),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
