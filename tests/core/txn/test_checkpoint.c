/* test_checkpoint.c - what a checkpoint holds up, and what it does not. */
#include "os/os.h"
#include "space_fixture.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <time.h>

#include <cmocka.h>

#define WAIT_MS 1500u

/* The real operating system, where each flush of one thread lasts until another one has committed, or
 * for WAIT_MS. */
static pbase_os os;
static pbase_os_file_ops file_ops;
static _Thread_local bool is_settling;
static _Atomic uint64_t commits, free_flushes, held_flushes;
static _Atomic bool goes_on;

static pbase_status slow_sync(pbase_os_file *file, pbase_error *err)
{
    uint64_t before = atomic_load(&commits);
    for (unsigned ms = 0; is_settling && ms < WAIT_MS && atomic_load(&commits) < before + 2; ms++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (is_settling) {
        bool is_free = atomic_load(&commits) >= before + 2; /* one may have been under way */
        atomic_fetch_add(is_free ? &free_flushes : &held_flushes, 1);
    }
    return pbase_os_real()->file->sync(file, err);
}

static space_fixture f;

static int begin(void **unused)
{
    (void)unused;
    temp_dir dir;
    os = *pbase_os_real();
    file_ops = *os.file;
    file_ops.sync = slow_sync;
    os.file = &file_ops;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), &os);
    f.dir = dir;
    f.has_dir = true;
    fixture_open(&f);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_assert_clean(&f);
    fixture_end(&f);
    return 0;
}

static void *commit_on(void *state)
{
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = PBASE_DURABILITY_NONE;
    for (int64_t i = 0; atomic_load(&goes_on); i++) {
        pbase_txn *txn = NULL;
        assert_int_equal(pbase_txn_begin(f.database, &options, &txn, NULL), PBASE_OK);
        pbase_dict *dict = fixture_dict(txn, "d");
        fixture_put(&dict, i, i);
        assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        atomic_fetch_add(&commits, 1);
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return state;
}

static void commits_go_on_while_a_checkpoint_flushes_the_store(void **unused)
{
    (void)unused;
    pthread_t thread;
    assert_int_equal(fixture_put_one(&f, "d", 0, 0), PBASE_OK);
    atomic_store(&goes_on, true);
    assert_int_equal(pthread_create(&thread, NULL, commit_on, NULL), 0);
    while (atomic_load(&commits) < 10) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }

    is_settling = true;
    pbase_status status = pbase_space_checkpoint(f.space, NULL, NULL);
    is_settling = false;
    atomic_store(&goes_on, false);
    (void)pthread_join(thread, NULL);

    assert_int_equal(status, PBASE_OK);
    assert_true(atomic_load(&free_flushes) >= 1);
    assert_true(atomic_load(&held_flushes) <= 1); /* of the record alone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commits_go_on_while_a_checkpoint_flushes_the_store, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
