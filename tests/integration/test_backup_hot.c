/* test_backup_hot.c - backups while threads and processes commit: nobody waits for them, and what comes out
 * is a state that was committed.
 *
 * Writers move amounts between accounts, so that the sum over all of them is the same in every committed
 * state, and in no other. */
#include "seed.h"
#include "space_fixture.h"
#include <fcntl.h>
#include <protobase/backup.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ACCOUNTS 3000
#define EACH 100

static pbase_error err;

static uint64_t now_ns(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void open_accounts(space_fixture *f)
{
    pbase_txn *txn = fixture_begin(f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "accounts");
    for (int64_t i = 0; i < ACCOUNTS; i++) {
        fixture_put(&dict, i, EACH);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "accounts", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(pbase_space_checkpoint(f->space, NULL, NULL), PBASE_OK);
}

typedef struct {
    int64_t from, to;
} transfer;

static pbase_status add_to(pbase_dict **dict, int64_t account, int64_t amount, pbase_error *error)
{
    pbase_arena arena;
    pbase_value key = pbase_value_int(account), value;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_dict_get(*dict, &key, &arena, &value, error);
    if (status == PBASE_OK) {
        value = pbase_value_int(value.as.integer + amount);
        status = pbase_dict_put(dict, &key, &value, NULL, error);
    }
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status move(pbase_txn *txn, void *state, pbase_error *error)
{
    const transfer *wanted = state;
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_dict(txn, "accounts", &dict, error);
    status = status == PBASE_OK ? add_to(&dict, wanted->from, -1, error) : status;
    status = status == PBASE_OK ? add_to(&dict, wanted->to, 1, error) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "accounts", dict, error) : status;
    pbase_dict_close(dict);
    return status;
}

static void move_one(space_fixture *f, seed_random *random, int32_t durability)
{
    transfer wanted = {(int64_t)seed_below(random, ACCOUNTS),
                       (int64_t)seed_below(random, ACCOUNTS)};
    pbase_error why;
    pbase_error_init(&why);
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = durability;
    assert_ok(pbase_txn_run(f->database, &options, NULL, move, &wanted, &why), &why);
}

static void expect_sum(space_fixture *f)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < ACCOUNTS; i++) {
        sum += fixture_get(f, "accounts", i);
    }
    assert_int_equal(sum, ACCOUNTS * EACH);
}

typedef struct {
    space_fixture *f;
    uint64_t seed;
    _Atomic bool *stops;
    _Atomic uint64_t *commits;
    int32_t durability;
    pthread_mutex_t *gate; /* of what is planted: held for each commit; NULL: none */
    uint64_t longest_ns;
} writer;

static void *write_on(void *state)
{
    writer *self = state;
    seed_random random;
    seed_random_init(&random, self->seed);
    while (!atomic_load(self->stops)) {
        uint64_t began = now_ns();
        if (self->gate != NULL) {
            assert_int_equal(pthread_mutex_lock(self->gate), 0);
        }
        move_one(self->f, &random, self->durability);
        if (self->gate != NULL) {
            assert_int_equal(pthread_mutex_unlock(self->gate), 0);
        }
        uint64_t took = now_ns() - began;
        self->longest_ns = took > self->longest_ns ? took : self->longest_ns;
        atomic_fetch_add(self->commits, 1);
    }
    return NULL;
}

/* A place that takes bytes slowly. */
typedef struct {
    pbase_buffer bytes;
    _Atomic uint64_t *commits;
    uint64_t fewest; /* commits while one block was written */
} slow_sink;

static pbase_status write_slowly(void *state, pbase_bytes bytes, pbase_error *error)
{
    slow_sink *self = state;
    uint64_t before = atomic_load(self->commits), until = now_ns() + 30000000000u;
    while (atomic_load(self->commits) < before + 20 && now_ns() < until) {
        (void)usleep(200);
    }
    uint64_t meanwhile = atomic_load(self->commits) - before;
    self->fewest = meanwhile < self->fewest ? meanwhile : self->fewest;
    return pbase_buffer_append_bytes(&self->bytes, bytes, error);
}

static pbase_status read_memory(void *state, void *out, size_t size, size_t *out_read,
                                pbase_error *error)
{
    pbase_reader_bytes *reader = state;
    size_t left = pbase_reader_bytes_left(reader);
    (void)error;
    *out_read = size < left ? size : left;
    memcpy(out, reader->at, *out_read);
    reader->at += *out_read;
    return PBASE_OK;
}

static void restore_and_expect_sum(pbase_bytes stream, uint64_t newest)
{
    temp_dir dir;
    space_fixture restored;
    pbase_restore_report report;
    pbase_reader_bytes reader = pbase_reader_bytes_of(stream);
    pbase_backup_source source = {.read = read_memory, .read_state = &reader};
    temp_dir_create(&dir);
    fixture_prepare(&restored, temp_dir_path(&dir, "restored"), NULL);
    assert_ok(pbase_restore(&restored.source, &source, 1, NULL, NULL, &report, &err), &err);
    assert_int_equal(report.sequence, newest);
    fixture_open(&restored);
    expect_sum(&restored);
    fixture_assert_clean(&restored);
    fixture_end(&restored);
    temp_dir_remove(&dir);
}

#define WRITERS 3

/* Each block waits until commits were made: if they waited for the backup, it would never end. */
static void commits_do_not_wait_for_a_slow_backup(void **unused)
{
    (void)unused;
    space_fixture f;
    temp_dir dir;
    pthread_t threads[WRITERS];
    writer writers[WRITERS];
    _Atomic bool stops = false;
    _Atomic uint64_t commits = 0;
    slow_sink sink = {.commits = &commits, .fewest = UINT64_MAX};
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    uint64_t seed = seed_for("hot");
    pbase_error_init(&err);
    pbase_buffer_init(&sink.bytes, pbase_alloc_default());
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    fixture_set(&f, "storage.checkpoint_bytes=64KiB"); /* checkpoints run meanwhile, too */
    fixture_open(&f);
    open_accounts(&f);
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer){.f = &f,
                              .seed = seed + i,
                              .stops = &stops,
                              .commits = &commits,
                              .durability = PBASE_DURABILITY_NONE};
        assert_int_equal(pthread_create(&threads[i], NULL, write_on, &writers[i]), 0);
    }
    options.write = write_slowly;
    options.write_state = &sink;
    for (int round = 0; round < 3; round++) {
        sink.bytes.size = 0;
        assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
        assert_true(sink.fewest >= 20);
        restore_and_expect_sum(pbase_buffer_view(&sink.bytes), report.newest_sequence);
    }
    atomic_store(&stops, true);
    uint64_t longest = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        longest = writers[i].longest_ns > longest ? writers[i].longest_ns : longest;
    }
    printf("%llu commits, the longest took %.1f ms\n", (unsigned long long)commits,
           (double)longest / 1e6);
    expect_sum(&f);
    pbase_buffer_fini(&sink.bytes);
    fixture_end(&f);
    temp_dir_remove(&dir);
}

/* ------------------------------------------------------------------ how long a commit waits ---- */

/* How much longer the longest wait may be beside a backup than without one, on a machine that does other things,
 * and what is never called a stall. A sink blocks longer than that in one call. */
#define WAIT_TIMES 10u
#define WAIT_FLOOR_NS UINT64_C(2000000000)
#define ALONE_US 3000000u

static uint64_t wait_allowed(uint64_t alone_ns, uint64_t floor_ns)
{
    return alone_ns * WAIT_TIMES > floor_ns ? alone_ns * WAIT_TIMES : floor_ns;
}

/* A place that blocks at the first block of each type: with the head, the records, the atoms. */
typedef struct {
    uint64_t each_ns;
    uint64_t blocked_ns; /* in all */
    unsigned seen;       /* types, as bits */
    pthread_mutex_t *gate;
} blocking_sink;

static pbase_status write_and_block(void *state, pbase_bytes bytes, pbase_error *error)
{
    blocking_sink *self = state;
    unsigned type = bytes.size > 12 ? 1u << (bytes.data[12] & 7u) : 0; /* docs/formats/backup.md */
    (void)error;
    if ((type & 0x0eu & ~self->seen) == 0) {
        return PBASE_OK;
    }
    uint64_t began = now_ns();
    self->seen |= type;
    if (self->gate != NULL) {
        assert_int_equal(pthread_mutex_lock(self->gate), 0);
    }
    (void)usleep((useconds_t)(self->each_ns / 1000));
    if (self->gate != NULL) {
        assert_int_equal(pthread_mutex_unlock(self->gate), 0);
    }
    self->blocked_ns += now_ns() - began;
    return PBASE_OK;
}

/* The longest that a commit took while a backup went into `sink`, or without one for a while (NULL). Half of those who
 * write wait for the device. */
static uint64_t longest_wait(space_fixture *f, blocking_sink *sink, pthread_mutex_t *gate)
{
    pthread_t threads[WRITERS + 1];
    writer writers[WRITERS + 1];
    _Atomic bool stops = false;
    _Atomic uint64_t commits = 0;
    uint64_t longest = 0, seed = seed_for("waits");
    for (size_t i = 0; i < WRITERS + 1; i++) {
        writers[i] =
            (writer){.f = f,
                     .seed = seed + i,
                     .stops = &stops,
                     .commits = &commits,
                     .gate = gate,
                     .durability = i % 2 == 0 ? PBASE_DURABILITY_SYNC : PBASE_DURABILITY_NONE};
        assert_int_equal(pthread_create(&threads[i], NULL, write_on, &writers[i]), 0);
    }
    if (sink != NULL) {
        pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
        options.write = write_and_block;
        options.write_state = sink;
        assert_ok(pbase_backup(f->space, &options, NULL, NULL, &err), &err);
    } else {
        (void)usleep(ALONE_US);
    }
    atomic_store(&stops, true);
    for (size_t i = 0; i < WRITERS + 1; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        longest = writers[i].longest_ns > longest ? writers[i].longest_ns : longest;
    }
    return longest;
}

/* Whether commits were stalled by a backup into a sink that blocks; with `gate`, they are. */
static bool is_stalled(uint64_t floor_ns, pthread_mutex_t *gate)
{
    space_fixture f;
    temp_dir dir;
    pbase_error_init(&err);
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    fixture_set(&f, "storage.checkpoint_bytes=64KiB");
    fixture_open(&f);
    open_accounts(&f);
    uint64_t alone = longest_wait(&f, NULL, NULL), allowed = wait_allowed(alone, floor_ns);
    blocking_sink sink = {.each_ns = allowed + allowed / 2, .gate = gate};
    uint64_t beside = longest_wait(&f, &sink, gate);
    printf("the longest wait: %.1f ms alone, %.1f ms beside a backup that was blocked for %.1f ms; "
           "allowed: %.1f ms\n",
           (double)alone / 1e6, (double)beside / 1e6, (double)sink.blocked_ns / 1e6,
           (double)allowed / 1e6);
    assert_true(sink.blocked_ns > 2 * allowed);
    expect_sum(&f);
    fixture_end(&f);
    temp_dir_remove(&dir);
    return beside > allowed;
}

static void no_commit_is_stalled_by_a_backup_into_a_sink_that_blocks(void **unused)
{
    (void)unused;
    assert_false(is_stalled(WAIT_FLOOR_NS, NULL));
}

/* What is planted: those who write hold a lock that the sink waits in. */
static void commits_that_wait_for_the_sink_are_seen(void **unused)
{
    (void)unused;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    assert_true(is_stalled(WAIT_FLOOR_NS / 20, &gate));
    assert_int_equal(pthread_mutex_destroy(&gate), 0);
}

/* A list so long that its record adopts it: a backup pins its root, a tree of positions. */
static void commit_long_list(space_fixture *f)
{
    pbase_txn *txn = NULL;
    pbase_list *list = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.memory_bytes_max = 1 << 16;
    options.log_bytes_max = 1 << 12;
    assert_ok(pbase_txn_begin(f->database, &options, &txn, &err), &err);
    assert_ok(pbase_txn_new_list(txn, &list, &err), &err);
    for (int64_t i = 0; i < 20000; i++) {
        pbase_value value = pbase_value_int(i);
        assert_ok(pbase_list_append(&list, &value, &err), &err);
    }
    assert_ok(pbase_txn_store_list(txn, "long", list, &err), &err);
    pbase_list_close(list);
    assert_ok(pbase_txn_commit(&txn, NULL, NULL, &err), &err);
}

typedef struct {
    space_fixture *f;
    _Atomic bool stops;
    uint64_t compactions;
    pbase_status status;
    pbase_error why;
} compactor;

static void *compact_on(void *state)
{
    compactor *self = state;
    pbase_compact_report report;
    while (!atomic_load(&self->stops) && self->status == PBASE_OK) {
        pbase_call call = {.deadline_ns = now_ns() + 50000000u};
        pbase_status status = pbase_space_compact(self->f->space, &call, &report, &self->why);
        self->compactions += status == PBASE_OK;
        self->status = status == PBASE_BUSY || status == PBASE_TIMEOUT ? PBASE_OK : status;
    }
    return NULL;
}

static pbase_status write_at_leisure(void *state, pbase_bytes bytes, pbase_error *error)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    (void)nanosleep(&pause, NULL);
    return pbase_buffer_append_bytes(state, bytes, error);
}

static void space_is_given_back_beside_a_backup_and_nothing_it_copies(void **unused)
{
    (void)unused;
    space_fixture f;
    temp_dir dir;
    pthread_t thread;
    pbase_buffer bytes;
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    compactor other = {.f = &f};
    pbase_error_init(&err);
    pbase_error_init(&other.why);
    pbase_buffer_init(&bytes, pbase_alloc_default());
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), NULL);
    fixture_set(&f, "storage.blocks.segment_size=64KiB");
    fixture_open(&f);
    open_accounts(&f);
    commit_long_list(&f);
    options.write = write_at_leisure;
    options.write_state = &bytes;
    assert_int_equal(pthread_create(&thread, NULL, compact_on, &other), 0);
    for (int round = 0; round < 5; round++) {
        commit_long_list(&f);
        bytes.size = 0;
        assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
        restore_and_expect_sum(pbase_buffer_view(&bytes), report.newest_sequence);
    }
    atomic_store(&other.stops, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(other.status, &other.why);
    assert_true(other.compactions > 0);
    fixture_assert_clean(&f);
    pbase_buffer_fini(&bytes);
    fixture_end(&f);
    temp_dir_remove(&dir);
}

/* Another process commits and settles while this one copies. */
static void write_in_another_process(const char *data, uint64_t seed, int until)
{
    space_fixture f;
    seed_random random;
    char byte;
    seed_random_init(&random, seed);
    fixture_prepare(&f, data, NULL);
    fixture_set(&f, "storage.checkpoint_bytes=64KiB");
    fixture_open(&f);
    while (read(until, &byte, 1) < 0) { /* nothing yet: the pipe is not closed */
        move_one(&f, &random, PBASE_DURABILITY_NONE);
    }
    fixture_close(&f);
    _exit(0);
}

static void other_processes_go_on_meanwhile(void **unused)
{
    (void)unused;
    space_fixture f;
    temp_dir dir;
    int ends[2], result = 0;
    char data[PATH_MAX];
    pbase_buffer bytes;
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    uint64_t seed = seed_for("processes");
    temp_dir_create(&dir);
    (void)snprintf(data, sizeof data, "%s", temp_dir_path(&dir, "space"));
    fixture_prepare(&f, data, NULL);
    fixture_open(&f);
    open_accounts(&f);
    fixture_close(&f);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[1]);
        write_in_another_process(data, seed, ends[0]);
    }
    (void)close(ends[0]);
    fixture_open(&f);
    pbase_buffer_init(&bytes, pbase_alloc_default());
    uint64_t before = 0;
    for (int round = 0; round < 4; round++) {
        bytes.size = 0;
        (void)usleep(100000);
        options.file = temp_dir_path(&dir, round % 2 == 0 ? "even" : "odd");
        (void)unlink(options.file);
        assert_ok(pbase_backup(f.space, &options, NULL, &report, &err), &err);
        assert_true(report.newest_sequence > before);
        before = report.newest_sequence;
        FILE *file = fopen(options.file, "rb");
        assert_non_null(file);
        assert_int_equal(pbase_buffer_reserve(&bytes, (size_t)report.bytes, NULL), PBASE_OK);
        bytes.size = fread(bytes.data, 1, (size_t)report.bytes, file);
        assert_int_equal(fclose(file), 0);
        restore_and_expect_sum(pbase_buffer_view(&bytes), report.newest_sequence);
    }
    (void)close(ends[1]);
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    expect_sum(&f);
    pbase_buffer_fini(&bytes);
    fixture_end(&f);
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_do_not_wait_for_a_slow_backup),
        cmocka_unit_test(no_commit_is_stalled_by_a_backup_into_a_sink_that_blocks),
        cmocka_unit_test(commits_that_wait_for_the_sink_are_seen),
        cmocka_unit_test(space_is_given_back_beside_a_backup_and_nothing_it_copies),
        cmocka_unit_test(other_processes_go_on_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
