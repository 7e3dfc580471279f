/* Clock, randomness, threads, locks and waits of the real os. */
#include "os/os.h"
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 4
#define ADDITIONS 20000
#define MILLISECOND 1000000u

typedef struct {
    const pbase_os *os;
    pbase_os_mutex *mutex;
    pbase_os_cond *cond;
    pbase_os_rwlock *rwlock;
    uint64_t count;
    uint64_t id;
    bool ready;
    bool signals_blocked;
} shared;

static const pbase_os *os;

static void add_under_mutex(void *state)
{
    shared *all = state;
    for (int i = 0; i < ADDITIONS; i++) {
        all->os->lock->mutex_lock(all->mutex);
        all->count++;
        all->os->lock->mutex_unlock(all->mutex);
    }
}

static void add_under_write_lock(void *state)
{
    shared *all = state;
    for (int i = 0; i < ADDITIONS; i++) {
        all->os->rwlock->write_lock(all->rwlock);
        all->count++;
        all->os->rwlock->write_unlock(all->rwlock);
        all->os->rwlock->read_lock(all->rwlock);
        all->os->rwlock->read_unlock(all->rwlock);
    }
}

static void run_many(void (*run)(void *state), shared *all)
{
    pbase_os_thread *threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(
            os->thread->start(os, "test-worker-with-a-long-name", run, all, &threads[i], NULL),
            PBASE_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
    }
}

static void a_mutex_keeps_additions_apart(void **state)
{
    shared all = {.os = os};
    (void)state;
    assert_int_equal(os->lock->mutex_create(os, &all.mutex, NULL), PBASE_OK);

    run_many(add_under_mutex, &all);

    assert_int_equal(all.count, THREADS * ADDITIONS);
    os->lock->mutex_destroy(all.mutex);
}

static void a_write_lock_keeps_additions_apart(void **state)
{
    shared all = {.os = os};
    (void)state;
    assert_int_equal(os->rwlock->create(os, &all.rwlock, NULL), PBASE_OK);

    run_many(add_under_write_lock, &all);

    assert_int_equal(all.count, THREADS * ADDITIONS);
    os->rwlock->destroy(all.rwlock);
}

static void tell_ready(void *state)
{
    shared *all = state;
    sigset_t blocked;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    all->os->lock->mutex_lock(all->mutex);
    all->signals_blocked = sigismember(&blocked, SIGTERM) == 1;
    all->id = all->os->thread->id(all->os);
    all->ready = true;
    all->os->lock->cond_signal(all->cond);
    all->os->lock->mutex_unlock(all->mutex);
}

static void a_waiter_is_woken_by_another_thread_that_blocks_signals(void **state)
{
    shared all = {.os = os};
    pbase_os_thread *thread = NULL;
    (void)state;
    assert_int_equal(os->lock->mutex_create(os, &all.mutex, NULL), PBASE_OK);
    assert_int_equal(os->lock->cond_create(os, &all.cond, NULL), PBASE_OK);
    os->lock->mutex_lock(all.mutex);

    assert_int_equal(os->thread->start(os, "t", tell_ready, &all, &thread, NULL), PBASE_OK);
    while (!all.ready) {
        (void)os->lock->cond_wait(all.cond, all.mutex, PBASE_NO_DEADLINE);
    }

    assert_true(all.signals_blocked);
    assert_int_not_equal(all.id, os->thread->id(os));
    os->lock->mutex_unlock(all.mutex);
    os->thread->join(thread);
    os->lock->cond_destroy(all.cond);
    os->lock->mutex_destroy(all.mutex);
}

static void a_wait_that_nobody_ends_stops_at_its_deadline(void **state)
{
    shared all = {.os = os};
    (void)state;
    assert_int_equal(os->lock->mutex_create(os, &all.mutex, NULL), PBASE_OK);
    assert_int_equal(os->lock->cond_create(os, &all.cond, NULL), PBASE_OK);
    uint64_t deadline = os->system->monotonic_ns(os) + 20 * MILLISECOND;
    os->lock->mutex_lock(all.mutex);

    while (os->lock->cond_wait(all.cond, all.mutex, deadline)) {
        continue; /* a spurious wake-up */
    }

    assert_true(os->system->monotonic_ns(os) >= deadline);
    os->lock->mutex_unlock(all.mutex);
    os->lock->cond_destroy(all.cond);
    os->lock->mutex_destroy(all.mutex);
}

typedef struct {
    uint32_t word; /* atomic */
    _Atomic uint32_t woken;
} sleepers;

static void sleep_on_word(void *state)
{
    sleepers *all = state;
    while (__atomic_load_n(&all->word, __ATOMIC_SEQ_CST) == 0) {
        assert_true(os->lock->word_wait(os, &all->word, 0, PBASE_NO_DEADLINE));
    }
    all->woken++;
}

static void a_word_wakes_all_who_sleep_on_it(void **state)
{
    (void)state;
    sleepers all = {0};
    pbase_os_thread *threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(os->thread->start(os, "t", sleep_on_word, &all, &threads[i], NULL),
                         PBASE_OK);
    }
    os->system->sleep_ns(os, 5 * MILLISECOND); /* most of them sleep by now */
    os->lock->word_wake(os, &all.word, true);  /* in vain: it is as it was */
    assert_int_equal(all.woken, 0);

    __atomic_store_n(&all.word, 1, __ATOMIC_SEQ_CST);
    os->lock->word_wake(os, &all.word, true);

    for (int i = 0; i < THREADS; i++) {
        os->thread->join(threads[i]);
    }
    assert_int_equal(all.woken, THREADS);
}

static void a_word_wakes_those_alone_who_sleep_on_it(void **state)
{
    (void)state;
    sleepers first = {0}, second = {0}; /* who sleeps on the other is left alone, too */
    pbase_os_thread *threads[2];
    assert_int_equal(os->thread->start(os, "t", sleep_on_word, &first, &threads[0], NULL),
                     PBASE_OK);
    assert_int_equal(os->thread->start(os, "t", sleep_on_word, &second, &threads[1], NULL),
                     PBASE_OK);

    __atomic_store_n(&first.word, 1, __ATOMIC_SEQ_CST);
    os->lock->word_wake(os, &first.word, false);
    os->thread->join(threads[0]);
    assert_int_equal(second.woken, 0);

    __atomic_store_n(&second.word, 1, __ATOMIC_SEQ_CST);
    os->lock->word_wake(os, &second.word, false);
    os->thread->join(threads[1]);
}

static void nobody_sleeps_on_a_word_that_has_changed(void **state)
{
    (void)state;
    uint32_t word = 2;

    assert_true(os->lock->word_wait(os, &word, 1, PBASE_NO_DEADLINE));
}

static void a_sleep_on_a_word_stops_at_its_deadline(void **state)
{
    (void)state;
    uint32_t word = 0;
    uint64_t deadline = os->system->monotonic_ns(os) + 20 * MILLISECOND;

    while (os->lock->word_wait(os, &word, 0, deadline)) {
        continue; /* a spurious wake-up */
    }

    assert_true(os->system->monotonic_ns(os) >= deadline);
    assert_false(os->lock->word_wait(os, &word, 0, 0)); /* it has passed long ago */
}

static void waking_a_word_that_is_gone_is_fine(void **state)
{
    (void)state;
    uint32_t *nowhere = NULL; /* nor can this be read */

    os->lock->word_wake(os, nowhere, true);
}

static void sleeping_takes_at_least_as_long_as_asked(void **state)
{
    (void)state;
    uint64_t before = os->system->monotonic_ns(os);

    os->system->sleep_ns(os, 5 * MILLISECOND);

    assert_true(os->system->monotonic_ns(os) - before >= 5 * MILLISECOND);
}

static void random_bytes_fill_all_and_differ(void **state)
{
    uint8_t first[1000] = {0};
    uint8_t second[1000] = {0};
    (void)state;

    os->system->random(os, first, sizeof(first));
    os->system->random(os, second, sizeof(second));

    assert_memory_not_equal(first, second, sizeof(first));
    assert_memory_not_equal(first + 900, second + 900, 100);
}

static void facts_of_the_process_are_its_own(void **state)
{
    (void)state;
    assert_int_equal(setenv("PBASE_TEST_OS", "there", 1), 0);

    assert_string_equal(os->system->environment(os, "PBASE_TEST_OS"), "there");
    assert_null(os->system->environment(os, "PBASE_TEST_OS_MISSING"));
    assert_int_equal(os->system->process_id(os), getpid());
    assert_int_equal(os->system->user_id(os), geteuid());
    assert_false(os->system->is_privileged(os));
    assert_true(os->system->cpu_count(os) >= 1);
    assert_true(os->system->memory_bytes(os) >= 1 << 20);
    assert_true(os->system->wall_ns(os) > 1600000000000000000);
}

static void memory_is_taken_moved_and_given_back(void **state)
{
    (void)state;
    const pbase_alloc *memory = os->memory;

    char *block = pbase_alloc_new(memory, 10);
    assert_non_null(block);
    memcpy(block, "ten bytes", 10);
    block = memory->resize(memory, block, 10, 100000);

    assert_string_equal(block, "ten bytes");
    assert_int_equal((uintptr_t)block % 16, 0);
    pbase_alloc_free(memory, block, 100000);
}

static void the_coarse_clock_is_never_ahead_and_soon_follows(void **state)
{
    (void)state;
    uint64_t before = os->system->coarse_ns(os);
    assert_true(before <= os->system->monotonic_ns(os));

    os->system->sleep_ns(os, 50 * MILLISECOND);

    assert_true(os->system->coarse_ns(os) - before >= 20 * MILLISECOND);
}

static int exit_of(pid_t child)
{
    int end = 0;
    assert_int_equal(waitpid(child, &end, 0), child);
    return WIFEXITED(end) ? WEXITSTATUS(end) : -1;
}

static void a_fork_mark_is_set_in_the_process_that_made_it_alone(void **state)
{
    const uint32_t *mark = NULL;
    (void)state;
    assert_int_equal(os->system->fork_mark_create(os, &mark, NULL), PBASE_OK);
    assert_int_equal(*mark, 1);

    pid_t child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        _exit(grandchild == 0 ? (int)*mark : (int)*mark + 2 * exit_of(grandchild));
    }

    assert_int_equal(exit_of(child), 0);
    assert_int_equal(*mark, 1);
    os->system->fork_mark_destroy(os, mark);
    os->system->fork_mark_destroy(os, NULL);
}

static int set_up(void **state)
{
    (void)state;
    os = pbase_os_real();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mutex_keeps_additions_apart),
        cmocka_unit_test(a_write_lock_keeps_additions_apart),
        cmocka_unit_test(a_waiter_is_woken_by_another_thread_that_blocks_signals),
        cmocka_unit_test(a_wait_that_nobody_ends_stops_at_its_deadline),
        cmocka_unit_test(a_word_wakes_all_who_sleep_on_it),
        cmocka_unit_test(a_word_wakes_those_alone_who_sleep_on_it),
        cmocka_unit_test(nobody_sleeps_on_a_word_that_has_changed),
        cmocka_unit_test(a_sleep_on_a_word_stops_at_its_deadline),
        cmocka_unit_test(waking_a_word_that_is_gone_is_fine),
        cmocka_unit_test(sleeping_takes_at_least_as_long_as_asked),
        cmocka_unit_test(random_bytes_fill_all_and_differ),
        cmocka_unit_test(facts_of_the_process_are_its_own),
        cmocka_unit_test(the_coarse_clock_is_never_ahead_and_soon_follows),
        cmocka_unit_test(a_fork_mark_is_set_in_the_process_that_made_it_alone),
        cmocka_unit_test(memory_is_taken_moved_and_given_back),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
