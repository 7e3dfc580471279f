/* test_backlog.c - commits beside checkpoints that cannot keep up with them. */
#include "os/os.h"
#include "seed.h"
#include "space/space_private.h"
#include "space_fixture.h"
#include "txn/engine_private.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

/* ------------------------------------------------------------------------------ a slow disk --- */

/* The real operating system, whose files in a folder `store` take writes and flushes slowly. */
#define SLOW_FILES_MAX 64u
static pbase_os os;
static pbase_os_file_ops files;
static _Atomic(pbase_os_file *) slow[SLOW_FILES_MAX];
static _Atomic uint64_t slow_ns_per_kib, slow_flush_ns;

static bool is_slow(const pbase_os_file *file)
{
    bool found = false;
    for (size_t i = 0; i < SLOW_FILES_MAX && !found; i++) {
        found = atomic_load(&slow[i]) == file;
    }
    return found;
}

static pbase_status slow_open(const pbase_os *self, const char *path, uint32_t flags,
                              pbase_os_file **out, pbase_error *err)
{
    pbase_status status = pbase_os_real()->file->open(self, path, flags, out, err);
    for (size_t i = 0; status == PBASE_OK && strstr(path, "/store/") != NULL; i++) {
        pbase_os_file *none = NULL;
        assert_true(i < SLOW_FILES_MAX);
        if (atomic_compare_exchange_strong(&slow[i], &none, *out)) {
            break;
        }
    }
    return status;
}

static void slow_close(pbase_os_file *file)
{
    for (size_t i = 0; i < SLOW_FILES_MAX; i++) {
        pbase_os_file *same = file;
        (void)atomic_compare_exchange_strong(&slow[i], &same, NULL);
    }
    pbase_os_real()->file->close(file);
}

static pbase_status slow_write(pbase_os_file *file, uint64_t offset, const void *data, size_t size,
                               pbase_error *err)
{
    if (is_slow(file)) {
        os.system->sleep_ns(&os, size / 1024 * atomic_load(&slow_ns_per_kib));
    }
    return pbase_os_real()->file->write(file, offset, data, size, err);
}

static pbase_status slow_sync(pbase_os_file *file, pbase_error *err)
{
    if (is_slow(file)) {
        os.system->sleep_ns(&os, atomic_load(&slow_flush_ns));
    }
    return pbase_os_real()->file->sync(file, err);
}

/* --------------------------------------------------------------------------------- writers ---- */

#define KEYS 3000u
#define VALUE_BYTES 1000u

static space_fixture f;

static engine *engine_now(void)
{
    return f.space->engine;
}

static int begin(void **unused)
{
    (void)unused;
    os = *pbase_os_real();
    files = *os.file;
    files.open = slow_open;
    files.close = slow_close;
    files.write = slow_write;
    files.sync = slow_sync;
    os.file = &files;
    atomic_store(&slow_ns_per_kib, 0);
    atomic_store(&slow_flush_ns, 0);
    temp_dir dir;
    temp_dir_create(&dir);
    fixture_prepare(&f, temp_dir_path(&dir, "space"), &os);
    f.dir = dir;
    f.has_dir = true;
    fixture_set(&f, "storage.checkpoint_bytes=256KiB");
    fixture_set(&f, "storage.durability=none");
    fixture_open(&f);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    atomic_store(&slow_ns_per_kib, 0);
    atomic_store(&slow_flush_ns, 0);
    fixture_assert_clean(&f);
    fixture_end(&f);
    return 0;
}

typedef struct {
    seed_random random;
    uint64_t until_ns, commits, longest_ns;
    pbase_os_thread *thread;
} writer;

static pbase_status put_random(seed_random *random, pbase_error *err)
{
    static char bytes[VALUE_BYTES];
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    pbase_value key = pbase_value_int((int64_t)seed_below(random, KEYS));
    pbase_value value = pbase_value_bytes(pbase_bytes_of(bytes, sizeof bytes));
    pbase_status status = pbase_txn_begin(f.database, NULL, &txn, err);
    status = status == PBASE_OK ? pbase_txn_dict(txn, "d", &dict, err) : status;
    status = status == PBASE_OK ? pbase_dict_put(&dict, &key, &value, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "d", dict, err) : status;
    pbase_dict_close(dict);
    status = status == PBASE_OK ? pbase_txn_commit(&txn, NULL, NULL, err) : status;
    pbase_txn_abort(&txn);
    return status;
}

static uint64_t now_ns(void)
{
    return os.system->monotonic_ns(&os);
}

/* Conflicts with other writers are no failure. */
static void writer_run(void *state)
{
    writer *self = state;
    pbase_error err;
    pbase_error_init(&err);
    for (uint64_t began = now_ns(); began < self->until_ns;) {
        pbase_status status = put_random(&self->random, &err);
        uint64_t ended = now_ns();
        if (status != PBASE_OK && status != PBASE_CONFLICT) {
            assert_ok(status, &err);
        }
        self->commits += status == PBASE_OK;
        self->longest_ns = ended - began > self->longest_ns ? ended - began : self->longest_ns;
        began = ended;
    }
}

static void fill(void)
{
    seed_random random;
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(fixture_put_one(&f, "d", 0, 0), PBASE_OK);
    seed_random_init(&random, 1);
    for (unsigned i = 0; i < KEYS; i++) {
        assert_ok(put_random(&random, &err), &err);
    }
    assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
}

/* Overruns the disk with so many threads; what they met together. */
static writer overrun(size_t threads, uint64_t seconds)
{
    writer writers[8], all = {.commits = 0};
    assert_true(threads <= 8);
    uint64_t until = now_ns() + seconds * SECOND;
    for (size_t i = 0; i < threads; i++) {
        writers[i] = (writer){.until_ns = until};
        seed_random_init(&writers[i].random, i + 7);
        assert_int_equal(
            os.thread->start(&os, "writer", writer_run, &writers[i], &writers[i].thread, NULL),
            PBASE_OK);
    }
    for (size_t i = 0; i < threads; i++) {
        os.thread->join(writers[i].thread);
        all.commits += writers[i].commits;
        all.longest_ns =
            writers[i].longest_ns > all.longest_ns ? writers[i].longest_ns : all.longest_ns;
    }
    return all;
}

/* ----------------------------------------------------------------------------------- tests ---- */

/* A checkpoint takes half a second to a second, depending on how much came together; its flush alone takes
 * 400 ms, and a commit never as long. */
static void no_commit_waits_long(size_t threads)
{
    fill();
    atomic_store(&slow_ns_per_kib, 1000 * MS / 1024); /* 1 MiB a second */
    atomic_store(&slow_flush_ns, 400 * MS);
    uint64_t checkpoints = engine_now()->counters.checkpoints;
    uint64_t spent = engine_now()->counters.checkpoint_ns;
    uint64_t waits = engine_now()->counters.waits;

    writer told = overrun(threads, 4);

    checkpoints = engine_now()->counters.checkpoints - checkpoints;
    spent = engine_now()->counters.checkpoint_ns - spent;
    print_message("%" PRIu64 " commits, the longest %" PRIu64 " ms, %" PRIu64 " held back; %" PRIu64
                  " checkpoints of %" PRIu64 " ms\n",
                  told.commits, told.longest_ns / MS, engine_now()->counters.held, checkpoints,
                  checkpoints == 0 ? 0 : spent / checkpoints / MS);
    assert_true(checkpoints >= 1 && spent / checkpoints > 400 * MS);
    assert_int_equal(engine_now()->counters.waits, waits); /* none came to the last stop */
    assert_true(engine_now()->counters.held > 0);
    assert_true(told.longest_ns < 350 * MS);
}

static void no_commit_waits_long_while_a_slow_disk_is_overrun(void **unused)
{
    (void)unused;
    no_commit_waits_long(1);
}

static void no_commit_of_four_threads_waits_long_either(void **unused)
{
    (void)unused;
    no_commit_waits_long(4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_commit_waits_long_while_a_slow_disk_is_overrun, begin,
                                        end),
        cmocka_unit_test_setup_teardown(no_commit_of_four_threads_waits_long_either, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
