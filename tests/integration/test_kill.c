/* test_kill.c - kill -9 at random moments during concurrent commits: every acknowledged commit is
 * there after reopening, no half of an unacknowledged one is, and check finds nothing.
 *
 * A child process runs four committing threads. Transaction n of thread t puts (t, n) in two
 * dictionaries; once its commit returned OK the child writes one line to a pipe, which is what the
 * parent believes. 200 rounds; PBASE_TEST_LONG makes it 2,000. */
#include "seed.h"
#include "space_fixture.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 4u
#define ROUNDS 200u
#define ROUNDS_LONG 2000u
#define THREAD_KEYS 1000000
#define OPENING_MS_MAX 30000

typedef struct {
    uint32_t thread;
    uint32_t number;
} acknowledgement;

typedef struct {
    space_fixture *fixture;
    int pipe;
    uint32_t thread;
    uint32_t first; /* number to begin with */
} committer;

static pbase_status put_pair(space_fixture *fixture, int64_t key)
{
    pbase_txn *txn = fixture_begin(fixture, PBASE_SERIALIZABLE);
    static const char *const roots[] = {"left", "right"};
    for (unsigned i = 0; i < 2; i++) {
        pbase_dict *dict = fixture_dict(txn, roots[i]);
        fixture_put(&dict, key, key);
        assert_int_equal(pbase_txn_store_dict(txn, roots[i], dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
    }
    return fixture_commit(&txn);
}

static void *commit_for_ever(void *state)
{
    committer *self = state;
    for (uint32_t n = self->first;; n++) {
        pbase_status status;
        do {
            status = put_pair(self->fixture, (int64_t)self->thread * THREAD_KEYS + n);
        } while (status == PBASE_CONFLICT); /* both threads made the first dictionary */
        acknowledgement done = {self->thread, n};
        if (status != PBASE_OK || write(self->pipe, &done, sizeof done) != sizeof done) {
            _exit(3);
        }
    }
}

/* The child: opens, commits from four threads, and never comes back. */
static void run_child(space_fixture *fixture, int out, const uint32_t next[THREADS])
{
    pthread_t threads[THREADS];
    committer committers[THREADS];
    fixture_open(fixture);
    for (uint32_t i = 0; i < THREADS; i++) {
        committers[i] = (committer){fixture, out, i, next[i]};
        (void)pthread_create(&threads[i], NULL, commit_for_ever, &committers[i]);
    }
    (void)pthread_join(threads[0], NULL);
    _exit(4);
}

static void read_acknowledgements(int in, uint32_t next[THREADS])
{
    acknowledgement done;
    while (read(in, &done, sizeof done) == sizeof done) {
        assert_true(done.thread < THREADS);
        next[done.thread] = done.number + 1;
    }
}

/* What was acknowledged is there; at most one transaction a thread may be there besides; both
 * dictionaries agree. */
static void check_survivors(space_fixture *fixture, uint32_t next[THREADS])
{
    uint64_t count = 0;
    for (uint32_t t = 0; t < THREADS; t++) {
        int64_t key = (int64_t)t * THREAD_KEYS + next[t];
        for (int64_t back = 1; back <= 20 && back <= (int64_t)next[t]; back++) {
            assert_int_equal(fixture_get(fixture, "left", key - back), key - back);
        }
        if (fixture_get(fixture, "left", key) == key) {
            next[t]++; /* committed, and killed before it could say so */
        }
        count += next[t];
    }
    assert_int_equal(fixture_count(fixture, "left"), count);
    assert_int_equal(fixture_count(fixture, "right"), count);
}

static void kill_one_round(space_fixture *fixture, seed_random *random, uint32_t next[THREADS])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        run_child(fixture, ends[1], next);
    }
    (void)close(ends[1]);
    struct pollfd first = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&first, 1, OPENING_MS_MAX), 1); /* opened, and one commit has returned */
    (void)usleep((useconds_t)seed_below(random, 30000));
    assert_int_equal(kill(child, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    read_acknowledgements(ends[0], next);
    (void)close(ends[0]);
}

static void every_acknowledged_commit_survives_kill_9(void **unused)
{
    (void)unused;
    seed_random random;
    space_fixture fixture;
    temp_dir dir;
    uint32_t next[THREADS] = {0, 0, 0, 0};
    unsigned rounds = seed_is_long_run() ? ROUNDS_LONG : ROUNDS;
    seed_random_init(&random, seed_for("every_acknowledged_commit_survives_kill_9"));
    temp_dir_create(&dir);
    fixture_prepare(&fixture, temp_dir_path(&dir, "space"), NULL);
    fixture_set(&fixture, "storage.checkpoint_bytes=256KiB");
    fixture_set(&fixture, "storage.blocks.segment_size=1MiB");
    fixture_set(&fixture, "storage.journal_segment_size=1MiB");
    for (unsigned i = 0; i < rounds; i++) {
        kill_one_round(&fixture, &random, next);
        fixture_open(&fixture);
        check_survivors(&fixture, next);
        if (i % 20 == 0) {
            fixture_assert_clean(&fixture);
        }
        fixture_close(&fixture);
    }
    print_message("%u rounds, %u + %u + %u + %u commits survived\n", rounds, next[0], next[1],
                  next[2], next[3]);
    assert_true(next[0] + next[1] + next[2] + next[3] >= rounds);
    fixture_open(&fixture);
    fixture_assert_clean(&fixture);
    fixture_end(&fixture);
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_acknowledged_commit_survives_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
