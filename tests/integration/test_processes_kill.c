/* test_processes_kill.c - whoever dies with the space open, at any point, blocks nobody for more than a
 * second.
 *
 * A victim opens the space, commits, settles, writes a large transaction, compacts and closes it, and is
 * killed at its n-th system call, for every n in turn (the short form takes some of them), and at random
 * times. Meanwhile others use the space without a pause, each a process of its own, so that nothing they
 * hold is inherited by a victim: one commits and settles, one reads and commits, one opens and closes. Each
 * of them measures how long every single thing takes; the longest is the wait. In the end everything
 * acknowledged is there. One that hesitates before it dies, with a lock, is found out. */
#include "seed.h"
#include "space_fixture.h"
#include "syscall_gate.h"
#include "syscall_table.h"
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Code under a sanitizer is several times as slow, and so is opening. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WAIT_NS_MAX (UINT64_C(5) * 1000 * 1000 * 1000)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define WAIT_NS_MAX (UINT64_C(5) * 1000 * 1000 * 1000)
#endif
#endif
#ifndef WAIT_NS_MAX
#define WAIT_NS_MAX (UINT64_C(1000) * 1000 * 1000)
#endif

#define CALLS_GUESSED 1500u /* of a whole script */
#define KILLS_SHORT 80u
#define RANDOM_SHORT 20u
#define RANDOM_LONG 2000u
#define RANDOM_US_MAX 40000u

enum { COMMIT, SETTLE, READ, OPEN, CLOSE, KINDS };
static const char *const kind_names[KINDS] = {"commit", "checkpoint", "read", "open", "close"};

typedef struct {
    _Atomic uint64_t count, longest_ns;
    _Atomic uint64_t at; /* the victim that was about when that was */
} wait_told;

typedef struct {
    wait_told waits[KINDS];
    _Atomic uint64_t victim;
    _Atomic uint64_t acknowledged[3]; /* of the users that commit */
    _Atomic bool stop, has_failed;
    char why[600];
    gate_tally tally;
} ledger;

static void complain(ledger *book, const char *what, pbase_status status, const pbase_error *err)
{
    if (!atomic_exchange(&book->has_failed, true)) {
        (void)snprintf(book->why, sizeof book->why, "%s: %s: %s", what, pbase_status_name(status),
                       err->message);
    }
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void told(ledger *book, unsigned kind, uint64_t began_ns)
{
    uint64_t took_ns = now_ns() - began_ns;
    wait_told *wait = &book->waits[kind];
    uint64_t longest = atomic_load(&wait->longest_ns);
    atomic_fetch_add(&wait->count, 1);
    while (took_ns > longest &&
           !atomic_compare_exchange_weak(&wait->longest_ns, &longest, took_ns)) {
    }
    if (took_ns > longest) {
        atomic_store(&wait->at, atomic_load(&book->victim));
    }
}

static void settings(space_fixture *fixture, const char *folder)
{
    fixture_prepare(fixture, folder, NULL);
    fixture_set(fixture, "storage.checkpoint_bytes=256KiB");
    fixture_set(fixture, "storage.blocks.segment_size=256KiB");
    fixture_set(fixture, "storage.journal_segment_size=256KiB");
}

/* ------------------------------------------------------------------------------------ users --- */

static pbase_status put(pbase_txn *txn, const char *root, int64_t key, uint64_t count,
                        pbase_error *err)
{
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_dict(txn, root, &dict, err);
    status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &dict, err) : status;
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        static const char text[200] = "what";
        pbase_value name = pbase_value_int(key + (int64_t)i);
        pbase_value value = pbase_value_string(pbase_bytes_of(text, 4 + (size_t)(i % 150)));
        value = count == 1 ? pbase_value_int(key) : value;
        status = pbase_dict_put(&dict, &name, &value, NULL, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, root, dict, err) : status;
    pbase_dict_close(dict);
    return status;
}

typedef struct {
    const char *root;
    int64_t key;
    uint64_t count;
} what_to_put;

static pbase_status put_body(pbase_txn *txn, void *state, pbase_error *err)
{
    const what_to_put *what = state;
    return put(txn, what->root, what->key, what->count, err);
}

static pbase_status commit_one(space_fixture *f, const char *root, int64_t key, uint64_t count,
                               pbase_error *err)
{
    pbase_txn_options options = pbase_txn_options_default();
    what_to_put what = {root, key, count};
    options.retries_max = 1000;
    if (count > 1) { /* large: written before its record */
        options.memory_bytes_max = 1 << 16;
        options.log_bytes_max = 1 << 12;
    }
    return pbase_txn_run(f->database, &options, NULL, put_body, &what, err);
}

static bool measured_commit(space_fixture *f, ledger *book, unsigned user, const char *root)
{
    pbase_error err;
    pbase_error_init(&err);
    uint64_t began = now_ns();
    int64_t key = (int64_t)atomic_load(&book->acknowledged[user]);
    pbase_status status = commit_one(f, root, key, 1, &err);
    told(book, COMMIT, began);
    if (status != PBASE_OK) {
        complain(book, "commit", status, &err);
        return false;
    }
    atomic_fetch_add(&book->acknowledged[user], 1);
    return true;
}

static void run_committer(space_fixture *f, ledger *book)
{
    pbase_error err;
    pbase_error_init(&err);
    for (unsigned i = 1; !atomic_load(&book->stop); i++) {
        if (!measured_commit(f, book, 0, "committer")) {
            return;
        }
        if (i % 50 == 0) {
            uint64_t began = now_ns();
            pbase_status status = pbase_space_checkpoint(f->space, NULL, &err);
            told(book, SETTLE, began);
            if (status != PBASE_OK) {
                complain(book, "checkpoint", status, &err);
            }
        }
    }
}

static void run_reader(space_fixture *f, ledger *book)
{
    for (unsigned i = 1; !atomic_load(&book->stop); i++) {
        uint64_t began = now_ns();
        uint64_t due = atomic_load(&book->acknowledged[0]);
        bool is_there = due == 0 || fixture_get(f, "committer", (int64_t)due - 1) != INT64_MIN;
        told(book, READ, began);
        pbase_error err;
        pbase_error_init(&err);
        if (!is_there) {
            complain(book, "what was acknowledged is not there", PBASE_CORRUPT, &err);
        }
        if (i % 4 == 0 && !measured_commit(f, book, 1, "reader")) {
            return;
        }
    }
}

static void run_opener(const char *folder, ledger *book)
{
    while (!atomic_load(&book->stop) && !atomic_load(&book->has_failed)) {
        space_fixture f;
        pbase_error err;
        pbase_error_init(&err);
        settings(&f, folder);
        uint64_t began = now_ns();
        pbase_status status = fixture_try_open(&f, &err);
        told(book, OPEN, began);
        if (status != PBASE_OK) {
            complain(book, "opening", status, &err);
            return;
        }
        (void)measured_commit(&f, book, 2, "opener");
        began = now_ns();
        fixture_close(&f);
        told(book, CLOSE, began);
        (void)usleep(2000);
    }
}

static pid_t user_start(const char *folder, ledger *book, unsigned user)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
        space_fixture f;
        if (user == 2) {
            run_opener(folder, book);
            _exit(0);
        }
        settings(&f, folder);
        fixture_open(&f);
        (user == 0 ? run_committer : run_reader)(&f, book);
        fixture_close(&f);
        _exit(0);
    }
    return child;
}

/* ----------------------------------------------------------------------------------- victims -- */

/* Everything that takes a lock. Another answer than OK is the business of other tests. */
static void victim_script(const char *folder)
{
    space_fixture f;
    pbase_error err;
    pbase_compact_report report;
    pbase_error_init(&err);
    settings(&f, folder);
    pbase_status status = fixture_try_open(&f, &err);
    for (int64_t i = 0; i < 6 && status == PBASE_OK; i++) {
        status = commit_one(&f, "victim", i, 1, &err);
        if (i == 2 && status == PBASE_OK) {
            status = pbase_space_checkpoint(f.space, NULL, &err);
        }
    }
    status = status == PBASE_OK ? commit_one(&f, "victim", 100, 600, &err) : status;
    if (status == PBASE_OK) {
        status = pbase_space_compact(f.space, NULL, &report, &err);
        (void)status; /* BUSY: somebody else writes a large transaction */
        fixture_close(&f);
    }
}

/* Killed by the gate, if the plan says so, or after so many microseconds. False: it came to its end. */
static bool victim_run(const char *folder, ledger *book, const gate_plan *plan, uint64_t kill_us)
{
    int status = 0;
    memset(&book->tally, 0, sizeof book->tally);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (plan != NULL && !syscall_gate_close(plan, &book->tally)) {
            _exit(2);
        }
        victim_script(folder);
        _exit(0);
    }
    if (kill_us != 0) {
        (void)usleep((useconds_t)kill_us);
        (void)kill(child, SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    atomic_fetch_add(&book->victim, 1);
    return WIFSIGNALED(status);
}

/* ------------------------------------------------------------------------------------ the test - */

static void expect_short_waits(ledger *book)
{
    for (unsigned i = 0; i < KINDS; i++) {
        wait_told *wait = &book->waits[i];
        print_message("%-10s %8" PRIu64 " times, the longest took %7.1f ms, at kill %" PRIu64 "\n",
                      kind_names[i], atomic_load(&wait->count),
                      (double)atomic_load(&wait->longest_ns) / 1e6, atomic_load(&wait->at));
        assert_true(atomic_load(&wait->count) > 0);
        assert_true(atomic_load(&wait->longest_ns) <= WAIT_NS_MAX);
    }
}

static void expect_books(const char *folder, const ledger *book)
{
    static const char *const roots[3] = {"committer", "reader", "opener"};
    space_fixture f;
    settings(&f, folder);
    fixture_open(&f);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fixture_count(&f, roots[i]), atomic_load(&book->acknowledged[i]));
    }
    fixture_assert_clean(&f);
    fixture_end(&f);
}

typedef struct {
    temp_dir dir;
    char *folder;
    ledger *book;
    pid_t users[3];
} crowd;

static void crowd_begin(crowd *self)
{
    self->book =
        mmap(NULL, sizeof(ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true((void *)self->book != MAP_FAILED);
    temp_dir_create(&self->dir);
    self->folder = strdup(temp_dir_path(&self->dir, "space"));
    for (unsigned i = 0; i < 3; i++) {
        self->users[i] = user_start(self->folder, self->book, i);
    }
}

static void crowd_stop(crowd *self)
{
    atomic_store(&self->book->stop, true);
    for (unsigned i = 0; i < 3; i++) {
        int status = 0;
        assert_int_equal(waitpid(self->users[i], &status, 0), self->users[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    if (atomic_load(&self->book->has_failed)) {
        fail_msg("%s", self->book->why);
    }
    expect_books(self->folder, self->book);
}

static void crowd_end(crowd *self)
{
    free(self->folder);
    temp_dir_remove(&self->dir);
    (void)munmap(self->book, sizeof *self->book);
}

static void a_process_that_is_killed_anywhere_blocks_nobody_for_a_second(void **unused)
{
    (void)unused;
    seed_random random;
    crowd all;
    seed_random_init(&random,
                     seed_for("a_process_that_is_killed_anywhere_blocks_nobody_for_a_second"));
    crowd_begin(&all);
    uint64_t step = seed_is_long_run() ? 1 : CALLS_GUESSED / KILLS_SHORT, kills = 0;
    gate_plan plan = {.action = GATE_KILL, .call = GATE_ANY, .at = 1 + seed_below(&random, step)};
    while (victim_run(all.folder, all.book, &plan, 0) && !atomic_load(&all.book->has_failed)) {
        plan.at += step;
        kills++;
    }
    uint64_t at_calls = kills, rounds = seed_is_long_run() ? RANDOM_LONG : RANDOM_SHORT;
    for (uint64_t i = 0; i < rounds && !atomic_load(&all.book->has_failed); i++) {
        kills += victim_run(all.folder, all.book, NULL, 1 + seed_below(&random, RANDOM_US_MAX));
    }
    crowd_stop(&all);
    print_message("%" PRIu64 " kills, %" PRIu64 " of them at calls\n", kills, at_calls);
    assert_true(at_calls > 20);
    expect_short_waits(all.book);
    crowd_end(&all);
}

/* In a signal handler: no system call may be made. */
static void hesitate(void)
{
    uint64_t until_ns = now_ns() + WAIT_NS_MAX + WAIT_NS_MAX / 4;
    while (now_ns() < until_ns) {
    }
}

/* The first flushes are those of commits, which hold the lock meanwhile. */
static void one_that_hesitates_with_a_lock_is_found_out(void **unused)
{
    (void)unused;
    crowd all;
    gate_plan plan = {.action = GATE_KILL,
                      .call = syscall_table_find(SYS_fdatasync),
                      .at = 1,
                      .before_kill = hesitate};
    bool is_found = false;
    crowd_begin(&all);
    for (unsigned i = 0; i < 6 && !is_found; i++, plan.at++) {
        assert_true(victim_run(all.folder, all.book, &plan, 0));
        (void)usleep(100000);
        is_found = atomic_load(&all.book->waits[COMMIT].longest_ns) > WAIT_NS_MAX;
    }
    assert_true(is_found);
    crowd_stop(&all);
    crowd_end(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_that_is_killed_anywhere_blocks_nobody_for_a_second),
        cmocka_unit_test(one_that_hesitates_with_a_lock_is_found_out),
    };
    if (!syscall_gate_works()) {
        (void)fputs("skipped: no gate for system calls on this machine\n", stdout);
        return 77;
    }
    temp_dir_in_memory(); /* what a disk takes to flush, beside others who use it, is another matter */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
