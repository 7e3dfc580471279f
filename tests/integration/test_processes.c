/* test_processes.c - one file space, used by several processes at once.
 *
 * A worker is a child process with two committing threads and one that reads. Transaction n of
 * thread t of worker w sets key (w, t) of "own" to n and adds 1 to the one key of "total": so in
 * every state, whoever looks, the sum over "own" is "total". Workers write down in shared memory
 * what they began and what was acknowledged; the parent kills them at random, begins others, and in
 * the end compares. Short form about 10 s; PBASE_TEST_LONG=1 gives the long one. */
#include "seed.h"
#include "sim_os.h"
#include "space_fixture.h"
#include <protobase/check.h>
#include <protobase/stats.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS 3u
#define THREADS 2u
#define SLOTS (WORKERS * THREADS)
#define TOTAL_KEY 0

/* What workers and parent share. A worker that finds something wrong says what, and ends. */
typedef struct {
    _Atomic uint64_t begun[SLOTS];
    _Atomic uint64_t acknowledged[SLOTS];
    _Atomic uint64_t reads, opens, checkpoints, rebases;
    _Atomic bool stop;
    _Atomic bool has_failed;
    char why[512];
} ledger;

static ledger *shared_ledger(void)
{
    void *memory =
        mmap(NULL, sizeof(ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    memset(memory, 0, sizeof(ledger));
    return memory;
}

static void complain(ledger *book, const char *what, pbase_status status, const pbase_error *err)
{
    if (!atomic_exchange(&book->has_failed, true)) {
        (void)snprintf(book->why, sizeof book->why, "%s: %s: %s", what, pbase_status_name(status),
                       err == NULL ? "" : err->message);
    }
}

static void settings(space_fixture *fixture, const char *folder)
{
    fixture_prepare(fixture, folder, NULL);
    fixture_set(fixture, "storage.checkpoint_bytes=64KiB");
    fixture_set(fixture, "storage.blocks.segment_size=256KiB");
    fixture_set(fixture, "storage.journal_segment_size=256KiB");
}

/* --------------------------------------------------------------------------------- workers ---- */

typedef struct {
    space_fixture *fixture;
    ledger *book;
    uint32_t slot;
} worker_thread;

static pbase_status add_to(pbase_dict **dict, int64_t key, int64_t by, int64_t *out,
                           pbase_error *err)
{
    pbase_arena arena;
    pbase_value name = pbase_value_int(key), value;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_dict_get(*dict, &name, &arena, &value, err);
    int64_t before = status == PBASE_OK ? value.as.integer : 0;
    pbase_arena_fini(&arena);
    if (status != PBASE_OK && status != PBASE_NOT_FOUND) {
        return status;
    }
    *out = before + by;
    value = pbase_value_int(*out);
    return pbase_dict_put(dict, &name, &value, NULL, err);
}

static pbase_status step_in(pbase_txn *txn, const char *root, int64_t key, int64_t *out,
                            pbase_error *err)
{
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_dict(txn, root, &dict, err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_dict(txn, &dict, err);
    }
    if (status == PBASE_OK) {
        status = add_to(&dict, key, 1, out, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, root, dict, err);
    }
    pbase_dict_close(dict);
    return status;
}

typedef struct {
    int64_t key;
    int64_t own; /* result */
} step;

static pbase_status step_body(pbase_txn *txn, void *state, pbase_error *err)
{
    step *self = state;
    int64_t total = 0;
    pbase_status status = step_in(txn, "own", self->key, &self->own, err);
    return status == PBASE_OK ? step_in(txn, "total", TOTAL_KEY, &total, err) : status;
}

static pbase_status run_step(space_fixture *fixture, step *self, pbase_error *err)
{
    pbase_txn_options options = pbase_txn_options_default();
    options.retries_max = 100000;
    return pbase_txn_run(fixture->database, &options, NULL, step_body, self, err);
}

static void *worker_commits(void *state)
{
    worker_thread *self = state;
    ledger *book = self->book;
    while (!atomic_load(&book->stop)) {
        pbase_error err;
        step next = {.key = self->slot + 1};
        pbase_error_init(&err);
        atomic_fetch_add(&book->begun[self->slot], 1);
        pbase_status status = run_step(self->fixture, &next, &err);
        if (status != PBASE_OK) {
            complain(book, "commit", status, &err);
            return NULL;
        }
        uint64_t known = atomic_fetch_add(&book->acknowledged[self->slot], 1) + 1;
        if ((uint64_t)next.own < known) { /* something acknowledged was not there any more */
            complain(book, "an acknowledged commit is lost", PBASE_CORRUPT, NULL);
            return NULL;
        }
    }
    return NULL;
}

/* The sum over "own", and "total", in one snapshot. NOT_FOUND before the first commit. */
static pbase_status sums(space_fixture *fixture, uint64_t own[SLOTS], uint64_t *out_total,
                         pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL, *total = NULL;
    pbase_arena arena;
    pbase_value value;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_snapshot_open(fixture->database, &snapshot, err);
    status = status == PBASE_OK ? pbase_snapshot_dict(snapshot, "own", &dict, err) : status;
    status = status == PBASE_OK ? pbase_snapshot_dict(snapshot, "total", &total, err) : status;
    for (uint32_t i = 0; i < SLOTS && status == PBASE_OK; i++) {
        pbase_value key = pbase_value_int(i + 1);
        status = pbase_dict_get(dict, &key, &arena, &value, err);
        own[i] = status == PBASE_OK ? (uint64_t)value.as.integer : 0;
        status = status == PBASE_NOT_FOUND ? PBASE_OK : status;
    }
    if (status == PBASE_OK) {
        pbase_value key = pbase_value_int(TOTAL_KEY);
        status = pbase_dict_get(total, &key, &arena, &value, err);
        *out_total = status == PBASE_OK ? (uint64_t)value.as.integer : 0;
    }
    pbase_dict_close(dict);
    pbase_dict_close(total);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
    return status;
}

/* One look: every state is whole, and has everything that was acknowledged before. */
static void look(space_fixture *fixture, ledger *book)
{
    uint64_t known[SLOTS], own[SLOTS], total = 0, sum = 0;
    pbase_error err;
    pbase_error_init(&err);
    for (uint32_t i = 0; i < SLOTS; i++) {
        known[i] = atomic_load(&book->acknowledged[i]);
    }
    pbase_status status = sums(fixture, own, &total, &err);
    if (status == PBASE_NOT_FOUND) {
        return;
    }
    if (status != PBASE_OK) {
        complain(book, "reading", status, &err);
        return;
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        sum += own[i];
        if (own[i] < known[i]) {
            complain(book, "a snapshot lacks what was acknowledged before", PBASE_CORRUPT, NULL);
        }
    }
    if (sum != total) {
        complain(book, "a snapshot has half a transaction", PBASE_CORRUPT, NULL);
    }
    atomic_fetch_add(&book->reads, 1);
}

static void *worker_reads(void *state)
{
    worker_thread *self = state;
    while (!atomic_load(&self->book->stop) && !atomic_load(&self->book->has_failed)) {
        look(self->fixture, self->book);
    }
    return NULL;
}

static pbase_status take_figure(void *state, const char *name, uint64_t value, const char *unit,
                                pbase_error *err)
{
    ledger *book = state;
    (void)unit;
    (void)err;
    if (strcmp(name, "checkpoints") == 0) {
        atomic_fetch_add(&book->checkpoints, value);
    } else if (strcmp(name, "rebases") == 0) {
        atomic_fetch_add(&book->rebases, value);
    }
    return PBASE_OK;
}

/* Opens, works for `milliseconds` or until it is killed, closes; `lives` times. */
static void worker_run(const char *folder, ledger *book, uint32_t worker, unsigned lives,
                       unsigned milliseconds)
{
    for (unsigned life = 0; life < lives && !atomic_load(&book->has_failed); life++) {
        space_fixture fixture;
        pthread_t threads[THREADS], reader;
        worker_thread states[THREADS];
        pbase_error err;
        pbase_error_init(&err);
        settings(&fixture, folder);
        pbase_status status = fixture_try_open(&fixture, &err);
        if (status != PBASE_OK) {
            complain(book, "opening", status, &err);
            return;
        }
        atomic_fetch_add(&book->opens, 1);
        for (uint32_t i = 0; i < THREADS; i++) {
            states[i] = (worker_thread){&fixture, book, worker * THREADS + i};
            (void)pthread_create(&threads[i], NULL, worker_commits, &states[i]);
        }
        (void)pthread_create(&reader, NULL, worker_reads, &states[0]);
        for (unsigned slept = 0; slept < milliseconds && !atomic_load(&book->stop); slept += 5) {
            (void)usleep(5000);
        }
        atomic_store(&book->stop, true);
        for (uint32_t i = 0; i < THREADS; i++) {
            (void)pthread_join(threads[i], NULL);
        }
        (void)pthread_join(reader, NULL);
        if (pbase_space_stats(fixture.space, take_figure, book, &err) != PBASE_OK) {
            complain(book, "stats", err.code, &err);
        }
        fixture_end(&fixture);
    }
}

static pid_t worker_start(const char *folder, ledger *book, uint32_t worker)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
        worker_run(folder, book, worker, 1, UINT32_MAX);
        _exit(0);
    }
    return child;
}

/* ------------------------------------------------------------------------------- the ends ---- */

static void assert_no_complaint(const ledger *book)
{
    if (atomic_load(&book->has_failed)) {
        fail_msg("%s", book->why);
    }
}

/* Everything acknowledged is there, nothing that was not begun, and check finds nothing. */
static void check_books(const char *folder, const ledger *book)
{
    space_fixture fixture;
    uint64_t own[SLOTS], total = 0, sum = 0;
    pbase_error err;
    pbase_error_init(&err);
    assert_no_complaint(book);
    settings(&fixture, folder);
    fixture_open(&fixture);
    assert_ok(sums(&fixture, own, &total, &err), &err);
    for (uint32_t i = 0; i < SLOTS; i++) {
        assert_true(own[i] >= atomic_load(&book->acknowledged[i]));
        assert_true(own[i] <= atomic_load(&book->begun[i]));
        sum += own[i];
    }
    assert_int_equal(sum, total);
    fixture_assert_clean(&fixture);
    fixture_end(&fixture);
}

static void wait_for(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ----------------------------------------------------------------------------------- tests ---- */

/* Two openings of one space in this process behave as two processes do. */
typedef struct {
    temp_dir dir;
    char folder[PATH_MAX];
    space_fixture a, b;
} pair;

static int pair_begin(void **state)
{
    static pair p;
    memset(&p, 0, sizeof p);
    temp_dir_create(&p.dir);
    (void)snprintf(p.folder, sizeof p.folder, "%s", temp_dir_path(&p.dir, "space"));
    settings(&p.a, p.folder);
    settings(&p.b, p.folder);
    fixture_open(&p.a);
    fixture_open(&p.b);
    *state = &p;
    return 0;
}

static int pair_end(void **state)
{
    pair *p = *state;
    fixture_end(&p->a);
    fixture_end(&p->b);
    temp_dir_remove(&p->dir);
    return 0;
}

static void an_acknowledged_commit_is_seen_by_whoever_begins_afterwards(void **state)
{
    pair *p = *state;
    for (int64_t i = 0; i < 200; i++) {
        space_fixture *writer = i % 2 == 0 ? &p->a : &p->b;
        space_fixture *reader = i % 2 == 0 ? &p->b : &p->a;

        assert_int_equal(fixture_put_one(writer, "d", i % 7, i), PBASE_OK);

        assert_int_equal(fixture_get(reader, "d", i % 7), i);
        assert_int_equal(fixture_get(writer, "d", i % 7), i);
    }
    fixture_assert_clean(&p->a);
    fixture_assert_clean(&p->b);
}

static void a_snapshot_stays_as_it_was_whatever_others_commit(void **state)
{
    pair *p = *state;
    pbase_snapshot *snapshot = NULL;
    pbase_dict *dict = NULL;
    uint64_t count = 0;
    assert_int_equal(fixture_put_one(&p->a, "d", 1, 1), PBASE_OK);
    assert_int_equal(pbase_snapshot_open(p->b.database, &snapshot, NULL), PBASE_OK);
    for (int64_t i = 2; i < 2000; i++) { /* with checkpoints in between */
        assert_int_equal(fixture_put_one(&p->a, "d", i, i), PBASE_OK);
    }
    assert_int_equal(fixture_count(&p->b, "d"), 1999);
    assert_int_equal(pbase_snapshot_dict(snapshot, "d", &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_count(dict, &count, NULL), PBASE_OK);
    assert_int_equal(count, 1);
    pbase_dict_close(dict);
    pbase_snapshot_close(snapshot);
}

static pbase_txn *begin_put(space_fixture *fixture, int64_t key, int64_t value)
{
    pbase_txn *txn = fixture_begin(fixture, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    fixture_put(&dict, key, value);
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    return txn;
}

static void different_keys_of_two_processes_merge_and_one_key_conflicts(void **state)
{
    pair *p = *state;
    assert_int_equal(fixture_put_one(&p->a, "d", 0, 0), PBASE_OK);

    pbase_txn *left = begin_put(&p->a, 1, 10);
    pbase_txn *right = begin_put(&p->b, 2, 20);
    assert_int_equal(fixture_commit(&left), PBASE_OK);
    assert_int_equal(fixture_commit(&right), PBASE_OK);

    left = begin_put(&p->a, 3, 30);
    right = begin_put(&p->b, 3, 31);
    assert_int_equal(fixture_commit(&left), PBASE_OK);
    assert_int_equal(fixture_commit(&right), PBASE_CONFLICT);

    for (unsigned i = 0; i < 2; i++) {
        space_fixture *fixture = i == 0 ? &p->a : &p->b;
        assert_int_equal(fixture_get(fixture, "d", 1), 10);
        assert_int_equal(fixture_get(fixture, "d", 2), 20);
        assert_int_equal(fixture_get(fixture, "d", 3), 30);
    }
}

static void a_read_of_what_another_process_changed_conflicts(void **state)
{
    pair *p = *state;
    assert_int_equal(fixture_put_one(&p->a, "d", 0, 0), PBASE_OK);
    assert_int_equal(fixture_put_one(&p->a, "d", 1, 0), PBASE_OK);
    int64_t ignored = 0;

    /* write skew: each reads what the other writes */
    pbase_txn *left = fixture_begin(&p->a, PBASE_SERIALIZABLE);
    pbase_txn *right = fixture_begin(&p->b, PBASE_SERIALIZABLE);
    pbase_error err;
    pbase_error_init(&err);
    pbase_dict *dict = NULL;
    pbase_value key = pbase_value_int(1), value;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_ok(step_in(left, "d", 0, &ignored, &err), &err);
    assert_ok(pbase_txn_dict(right, "d", &dict, &err), &err);
    key = pbase_value_int(0);
    assert_ok(pbase_dict_get(dict, &key, &arena, &value, &err), &err);
    pbase_dict_close(dict);
    assert_ok(step_in(right, "d", 1, &ignored, &err), &err);
    assert_int_equal(fixture_commit(&left), PBASE_OK);
    assert_int_equal(fixture_commit(&right), PBASE_CONFLICT);
    pbase_arena_fini(&arena);
}

static void databases_made_by_one_process_are_there_for_the_other(void **state)
{
    pair *p = *state;
    pbase_error err;
    pbase_error_init(&err);
    pbase_database *database = NULL;
    assert_ok(pbase_database_create(p->a.space, "second", &err), &err);
    assert_ok(pbase_database_open(p->b.space, "second", &database, &err), &err);
    pbase_database_close(database);
    assert_int_equal(pbase_database_create(p->b.space, "second", &err), PBASE_EXISTS);
    assert_ok(pbase_database_drop(p->b.space, "second", &err), &err);
    assert_int_equal(pbase_database_open(p->a.space, "second", &database, &err), PBASE_NOT_FOUND);
}

static void a_checkpoint_of_one_process_frees_memory_in_the_other(void **state)
{
    pair *p = *state;
    pbase_error err;
    ledger book = {.stop = false};
    pbase_error_init(&err);
    for (int64_t i = 0; i < 500; i++) {
        assert_int_equal(fixture_put_one(&p->a, "d", i, i), PBASE_OK);
    }
    assert_int_equal(fixture_count(&p->b, "d"), 500);

    assert_ok(pbase_space_checkpoint(p->a.space, NULL, &err), &err);
    assert_int_equal(fixture_count(&p->b, "d"), 500);

    assert_ok(pbase_space_stats(p->b.space, take_figure, &book, &err), &err);
    assert_true(atomic_load(&book.rebases) >= 1);
    assert_int_equal(fixture_put_one(&p->b, "d", 500, 500), PBASE_OK);
    assert_ok(pbase_space_checkpoint(p->b.space, NULL, &err), &err);
    assert_int_equal(fixture_count(&p->a, "d"), 501);
    fixture_assert_clean(&p->a);
}

static void a_codec_that_another_process_entered_is_loaded_when_it_is_met(void **state)
{
    pair *p = *state;
    pbase_error err;
    pbase_error_init(&err);
    fixture_end(&p->b);
    settings(&p->b, p->folder);
    fixture_set(&p->b, "codecs=[json, {type: zstd}]");
    fixture_open(&p->b);
    assert_int_equal(fixture_put_one(&p->b, "d", 1, 11), PBASE_OK);
    assert_int_equal(fixture_get(&p->a, "d", 1), 11);
    assert_int_equal(fixture_put_one(&p->a, "d", 2, 22), PBASE_OK);
    assert_ok(pbase_space_checkpoint(p->b.space, NULL, &err), &err);
    assert_int_equal(fixture_get(&p->a, "d", 2), 22);
    assert_int_equal(fixture_get(&p->b, "d", 2), 22);
    fixture_assert_clean(&p->a);
    fixture_assert_clean(&p->b);
}

static void who_wants_the_space_alone_is_told_who_has_it(void **state)
{
    pair *p = *state;
    pbase_error err;
    space_fixture alone;
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted, "process %ld", (long)getpid());
    settings(&alone, p->folder);
    fixture_set(&alone, "storage.exclusive=true");
    pbase_error_init(&err);
    assert_int_equal(fixture_try_open(&alone, &err), PBASE_BUSY);
    assert_non_null(strstr(err.message, wanted));

    fixture_close(&p->a);
    fixture_close(&p->b);
    fixture_open(&alone);
    assert_int_equal(fixture_try_open(&p->a, &err), PBASE_BUSY);
    assert_non_null(strstr(err.message, wanted));
    fixture_end(&alone);
    fixture_open(&p->a);
    fixture_open(&p->b);
}

static pbase_status refuse_name(void *state, const char *name, pbase_error *err)
{
    (void)state;
    (void)name;
    (void)err;
    return PBASE_OK;
}

static pbase_status refuse_finding(void *state, pbase_status code, const char *place,
                                   const char *message, pbase_error *err)
{
    (void)code;
    (void)place;
    return refuse_name(state, message, err);
}

/* Of the first entry that does not refuse; 0: all do. */
static int entry_that_goes_on(space_fixture *f, pbase_txn *begun)
{
    pbase_error err;
    pbase_txn *txn = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_database *database = NULL;
    pbase_check_report report;
    pbase_token token = {{0}};
    bool applied = false;
    step counted = {.key = 1};
    ledger book = {.stop = false};
    pbase_error_init(&err);
    const pbase_status said[] = {
        pbase_txn_begin(f->database, NULL, &txn, &err),
        pbase_txn_run(f->database, NULL, NULL, step_body, &counted, &err),
        pbase_txn_commit(&begun, NULL, NULL, &err),
        pbase_snapshot_open(f->database, &snapshot, &err),
        pbase_database_create(f->space, "x", &err),
        pbase_database_drop(f->space, "main", &err),
        pbase_database_rename(f->space, "main", "x", &err),
        pbase_database_snapshot(f->space, "main", "x", &err),
        pbase_database_branch(f->space, "main", "x", &err),
        pbase_database_open(f->space, "main", &database, &err),
        pbase_database_ensure(f->space, "main", &database, &err),
        pbase_database_list(f->space, refuse_name, NULL, &err),
        pbase_space_checkpoint(f->space, NULL, &err),
        pbase_space_sync(f->space, NULL, &err),
        pbase_space_outcome(f->space, NULL, token, &applied, &err),
        pbase_space_stats(f->space, take_figure, &book, &err),
        pbase_space_check(f->space, NULL, refuse_finding, NULL, &report, &err),
    };
    for (int i = 0; i < (int)(sizeof said / sizeof said[0]); i++) {
        if (said[i] != PBASE_UNSUPPORTED) {
            return i + 1;
        }
    }
    return strstr(err.message, "fork") == NULL ? 99 : 0;
}

static void every_entry_refuses_in_a_child_after_fork(void **state)
{
    pair *p = *state;
    int status = 0;
    assert_int_equal(fixture_put_one(&p->a, "d", 1, 1), PBASE_OK);
    pbase_txn *begun = begin_put(&p->a, 2, 2);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int entry = entry_that_goes_on(&p->a, begun);
        pbase_space_close(p->a.space); /* does nothing to what is the parent's */
        _exit(entry);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(fixture_commit(&begun), PBASE_OK);
    assert_int_equal(fixture_get(&p->b, "d", 2), 2);
}

static void a_folder_reached_over_a_network_is_refused_with_the_type_of_its_file_system(
    void **unused)
{
    (void)unused;
    static const char *const types[] = {"nfs", "cifs", "9p", "fuse.sshfs"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        sim_os *sim = sim_os_create(i + 1);
        space_fixture fixture;
        pbase_error err;
        pbase_error_init(&err);
        fixture_prepare(&fixture, "/space", sim_os_interface(sim));
        sim_os_network_set(sim, types[i]);
        assert_int_equal(fixture_try_open(&fixture, &err), PBASE_UNSUPPORTED);
        assert_non_null(strstr(err.message, types[i]));
        assert_non_null(strstr(err.hint, "network: allow"));

        fixture_set(&fixture, "storage.blocks.network=allow");
        assert_ok(fixture_try_open(&fixture, &err), &err);
        fixture_end(&fixture);

        fixture_prepare(&fixture, "/space", sim_os_interface(sim));
        sim_os_network_set(sim, NULL);
        assert_ok(fixture_try_open(&fixture, &err), &err);
        fixture_end(&fixture);
        sim_os_destroy(sim);
    }
}

static void two_processes_make_one_new_space(void **unused)
{
    (void)unused;
    for (unsigned round = 0; round < 10; round++) {
        temp_dir dir;
        pid_t children[4];
        temp_dir_create(&dir);
        const char *folder = temp_dir_path(&dir, "space");
        for (int64_t i = 0; i < 4; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                space_fixture fixture;
                pbase_error err;
                settings(&fixture, folder);
                pbase_status status = fixture_try_open(&fixture, &err);
                while (status == PBASE_OK &&
                       (status = fixture_put_one(&fixture, "d", i, i)) == PBASE_CONFLICT) {
                    status = PBASE_OK; /* both made the dictionary */
                }
                if (status == PBASE_OK) {
                    fixture_end(&fixture);
                } else {
                    (void)fprintf(stderr, "%s: %s\n", pbase_status_name(status), err.message);
                }
                _exit(status == PBASE_OK ? 0 : 1);
            }
        }
        for (unsigned i = 0; i < 4; i++) {
            int status = 0;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        space_fixture fixture;
        settings(&fixture, folder);
        fixture_open(&fixture);
        for (int64_t i = 0; i < 4; i++) {
            assert_int_equal(fixture_get(&fixture, "d", i), i);
        }
        fixture_assert_clean(&fixture);
        fixture_end(&fixture);
        temp_dir_remove(&dir);
    }
}

static bool everybody_committed(const ledger *book)
{
    bool all = true;
    for (uint32_t i = 0; i < SLOTS; i++) {
        all = all && atomic_load(&book->acknowledged[i]) > 0;
    }
    return all || atomic_load(&book->has_failed);
}

static void processes_that_commit_together_lose_nothing(void **unused)
{
    (void)unused;
    temp_dir dir;
    pid_t children[WORKERS];
    ledger *book = shared_ledger();
    temp_dir_create(&dir);
    const char *folder = temp_dir_path(&dir, "space");
    for (uint32_t i = 0; i < WORKERS; i++) {
        children[i] = worker_start(folder, book, i);
    }
    (void)usleep(seed_is_long_run() ? 60000000 : 2000000);
    for (unsigned i = 0; i < 600 && !everybody_committed(book); i++) { /* a busy machine */
        (void)usleep(100000);
    }
    atomic_store(&book->stop, true);
    for (uint32_t i = 0; i < WORKERS; i++) {
        wait_for(children[i]);
    }
    check_books(folder, book);
    uint64_t commits = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        commits += atomic_load(&book->acknowledged[i]);
        assert_true(atomic_load(&book->acknowledged[i]) > 0); /* nobody starves */
    }
    print_message("%llu commits, %llu reads, %llu checkpoints, %llu taken over\n",
                  (unsigned long long)commits, (unsigned long long)atomic_load(&book->reads),
                  (unsigned long long)atomic_load(&book->checkpoints),
                  (unsigned long long)atomic_load(&book->rebases));
    assert_true(atomic_load(&book->reads) > 0);
    (void)munmap(book, sizeof *book);
    temp_dir_remove(&dir);
}

static bool anybody_committed(const ledger *book)
{
    uint64_t commits = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        commits += atomic_load(&book->acknowledged[i]);
    }
    return commits > 0;
}

static void processes_that_are_killed_lose_nothing_and_block_nobody(void **unused)
{
    (void)unused;
    temp_dir dir;
    seed_random random;
    pid_t children[WORKERS];
    unsigned kills = 0;
    ledger *book = shared_ledger();
    seed_random_init(&random, seed_for("processes_that_are_killed_lose_nothing_and_block_nobody"));
    temp_dir_create(&dir);
    const char *folder = temp_dir_path(&dir, "space");
    for (uint32_t i = 0; i < WORKERS; i++) {
        children[i] = worker_start(folder, book, i);
    }
    double until = seconds() + (seed_is_long_run() ? 120.0 : 4.0);
    double last = until + 60.0; /* of a busy machine */
    while ((seconds() < until || (seconds() < last && !anybody_committed(book))) &&
           !atomic_load(&book->has_failed)) {
        uint32_t victim = (uint32_t)seed_below(&random, WORKERS);
        (void)usleep((useconds_t)seed_below(&random, 60000));
        assert_int_equal(kill(children[victim], SIGKILL), 0);
        wait_for(children[victim]);
        kills++;
        if (seed_below(&random, 8) == 0) { /* all at once: the next one is alone */
            for (uint32_t i = 0; i < WORKERS; i++) {
                if (i != victim) {
                    assert_int_equal(kill(children[i], SIGKILL), 0);
                    wait_for(children[i]);
                    children[i] = worker_start(folder, book, i);
                }
            }
        }
        children[victim] = worker_start(folder, book, victim);
    }
    atomic_store(&book->stop, true);
    for (uint32_t i = 0; i < WORKERS; i++) {
        wait_for(children[i]);
    }
    check_books(folder, book);
    uint64_t commits = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        commits += atomic_load(&book->acknowledged[i]);
    }
    print_message("%u kills, %llu commits, %llu opens\n", kills, (unsigned long long)commits,
                  (unsigned long long)atomic_load(&book->opens));
    assert_true(commits > 0 && kills > 5);
    (void)munmap(book, sizeof *book);
    temp_dir_remove(&dir);
}

/* One works on while others come and go. */
static void a_process_that_opens_again_and_again_disturbs_nobody(void **unused)
{
    (void)unused;
    temp_dir dir;
    ledger *book = shared_ledger();
    temp_dir_create(&dir);
    const char *folder = temp_dir_path(&dir, "space");
    pid_t steady = worker_start(folder, book, 0);
    double until = seconds() + (seed_is_long_run() ? 60.0 : 1.5);
    unsigned opens = 0;
    while (seconds() < until && !atomic_load(&book->has_failed)) {
        space_fixture fixture;
        settings(&fixture, folder);
        fixture_open(&fixture);
        look(&fixture, book);
        pbase_status status;
        do { /* the first time both may make a root */
            status = fixture_put_one(&fixture, "visits", opens, opens);
        } while (status == PBASE_CONFLICT);
        assert_int_equal(status, PBASE_OK);
        opens++;
        fixture_end(&fixture);
    }
    atomic_store(&book->stop, true);
    wait_for(steady);
    space_fixture fixture;
    settings(&fixture, folder);
    fixture_open(&fixture);
    assert_int_equal(fixture_count(&fixture, "visits"), opens);
    fixture_end(&fixture);
    check_books(folder, book);
    print_message("%u visits\n", opens);
    (void)munmap(book, sizeof *book);
    temp_dir_remove(&dir);
}

int main(void)
{
#define PAIR(name) cmocka_unit_test_setup_teardown(name, pair_begin, pair_end)
    const struct CMUnitTest tests[] = {
        PAIR(an_acknowledged_commit_is_seen_by_whoever_begins_afterwards),
        PAIR(a_snapshot_stays_as_it_was_whatever_others_commit),
        PAIR(different_keys_of_two_processes_merge_and_one_key_conflicts),
        PAIR(a_read_of_what_another_process_changed_conflicts),
        PAIR(databases_made_by_one_process_are_there_for_the_other),
        PAIR(a_checkpoint_of_one_process_frees_memory_in_the_other),
        PAIR(a_codec_that_another_process_entered_is_loaded_when_it_is_met),
        PAIR(who_wants_the_space_alone_is_told_who_has_it),
        PAIR(every_entry_refuses_in_a_child_after_fork),
        cmocka_unit_test(
            a_folder_reached_over_a_network_is_refused_with_the_type_of_its_file_system),
        cmocka_unit_test(two_processes_make_one_new_space),
        cmocka_unit_test(processes_that_commit_together_lose_nothing),
        cmocka_unit_test(processes_that_are_killed_lose_nothing_and_block_nobody),
        cmocka_unit_test(a_process_that_opens_again_and_again_disturbs_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
