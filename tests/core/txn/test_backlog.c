/* test_backlog.c - commits beside checkpoints that cannot keep up with them.
 *
 * How long a commit takes says little on a busy machine. A flush of the slow disk lasts until every writer
 * has come back from some commits, and so do its writes; whoever waits for their end is found out,
 * however slow the machine is. Of pauses it counts how long they were asked to be. */
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

/* Who commits meanwhile: how often each came back, and the longest pause that one asked for. */
#define WRITERS_MAX 8u
#define COMMITS_IN_FLUSH 4u  /* of each writer, for which a slow flush waits, */
#define WRITES_NS (300 * MS) /* and one for which so long a time of slow writes does; */
#define FLUSHES_WANTED 4u
#define PATIENCE_MS 30000u      /* when they never come */
#define PAUSE_NS_MAX (100 * MS) /* pressure.h asks for half of it at most */
typedef struct {
    uint64_t came_back[WRITERS_MAX];
} tally;
static _Atomic uint64_t came_back[WRITERS_MAX];
static _Atomic bool is_writing[WRITERS_MAX];
static _Atomic uint64_t slow_flushes, starved, longest_pause_ns;
static _Thread_local bool is_writer;
static pbase_os_lock_ops locks;

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

static tally tally_now(void)
{
    tally now;
    for (size_t i = 0; i < WRITERS_MAX; i++) {
        now.came_back[i] = atomic_load(&came_back[i]);
    }
    return now;
}

/* True when every writer that is still there has come back so often since `before`. */
static bool all_came_back(const tally *before, uint64_t times)
{
    bool all = true;
    for (size_t i = 0; i < WRITERS_MAX; i++) {
        all = all && (!atomic_load(&is_writing[i]) ||
                      atomic_load(&came_back[i]) >= before->came_back[i] + times);
    }
    return all;
}

static void wait_for_all(const tally *before, uint64_t times)
{
    unsigned ms = 0;
    for (; ms < PATIENCE_MS && !all_came_back(before, times); ms++) {
        os.system->sleep_ns(&os, MS);
    }
    atomic_fetch_add(&starved, ms == PATIENCE_MS);
}

/* Only checkpoints write the store here, one at a time. */
static pbase_status slow_write(pbase_os_file *file, uint64_t offset, const void *data, size_t size,
                               pbase_error *err)
{
    static _Thread_local tally before;
    static _Thread_local uint64_t slept_ns;
    uint64_t sleep_ns = size / 1024 * atomic_load(&slow_ns_per_kib);
    if (sleep_ns != 0 && is_slow(file)) {
        before = slept_ns == 0 ? tally_now() : before;
        os.system->sleep_ns(&os, sleep_ns);
        slept_ns += sleep_ns;
        if (slept_ns >= WRITES_NS) {
            wait_for_all(&before, 1);
            slept_ns = 0;
        }
    }
    return pbase_os_real()->file->write(file, offset, data, size, err);
}

static pbase_status slow_sync(pbase_os_file *file, pbase_error *err)
{
    uint64_t least_ns = atomic_load(&slow_flush_ns);
    if (least_ns != 0 && is_slow(file)) {
        tally before = tally_now();
        os.system->sleep_ns(&os, least_ns);
        wait_for_all(&before, COMMITS_IN_FLUSH);
        atomic_fetch_add(&slow_flushes, 1);
    }
    return pbase_os_real()->file->sync(file, err);
}

/* Notes for how long a writer asks to be put to sleep. */
static bool noted_wait(pbase_os_cond *cond, pbase_os_mutex *mutex, uint64_t deadline_ns)
{
    if (is_writer && deadline_ns != PBASE_NO_DEADLINE) {
        uint64_t now = os.system->monotonic_ns(&os);
        uint64_t asked = deadline_ns > now ? deadline_ns - now : 0;
        uint64_t longest = atomic_load(&longest_pause_ns);
        while (asked > longest &&
               !atomic_compare_exchange_weak(&longest_pause_ns, &longest, asked)) {
        }
    }
    return pbase_os_real()->lock->cond_wait(cond, mutex, deadline_ns);
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
    locks = *os.lock;
    locks.cond_wait = noted_wait;
    os.lock = &locks;
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
    size_t number;
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

/* True until there was enough to see, which takes longer on a busy machine. */
static bool goes_on(const writer *self, uint64_t now)
{
    bool has_seen = atomic_load(&slow_flushes) >= FLUSHES_WANTED || atomic_load(&starved) > 0;
    return now < self->until_ns || (!has_seen && now < self->until_ns + 60 * SECOND);
}

/* Conflicts with other writers are no failure. */
static void writer_run(void *state)
{
    writer *self = state;
    pbase_error err;
    pbase_error_init(&err);
    is_writer = true;
    for (uint64_t began = now_ns(); goes_on(self, began);) {
        pbase_status status = put_random(&self->random, &err);
        uint64_t ended = now_ns();
        if (status != PBASE_OK && status != PBASE_CONFLICT) {
            assert_ok(status, &err);
        }
        self->commits += status == PBASE_OK;
        self->longest_ns = ended - began > self->longest_ns ? ended - began : self->longest_ns;
        atomic_fetch_add(&came_back[self->number], 1);
        began = ended;
    }
    atomic_store(&is_writing[self->number], false);
}

/* So many puts, settled. */
static void fill(unsigned puts)
{
    seed_random random;
    pbase_error err;
    pbase_error_init(&err);
    seed_random_init(&random, 1);
    for (unsigned i = 0; i < puts; i++) {
        assert_ok(put_random(&random, &err), &err);
    }
    assert_ok(pbase_space_checkpoint(f.space, NULL, &err), &err);
}

/* A disk that is slow from now on, and that the engine has met: of one that becomes a hundred times slower
 * between two checkpoints it cannot know while the first of them begins. */
static void slow_down(void)
{
    atomic_store(&slow_ns_per_kib, 1000 * MS / 1024); /* 1 MiB a second */
    atomic_store(&slow_flush_ns, 400 * MS);
    fill(KEYS /
         60); /* less than makes a checkpoint due: one that comes by itself might come late */
}

/* Overruns the disk with so many threads; what they met together. */
static writer overrun(size_t threads, uint64_t seconds)
{
    writer writers[WRITERS_MAX], all = {.commits = 0};
    assert_true(threads <= WRITERS_MAX);
    uint64_t until = now_ns() + seconds * SECOND;
    for (size_t i = 0; i < threads; i++) {
        writers[i] = (writer){.number = i, .until_ns = until};
        seed_random_init(&writers[i].random, i + 7);
        atomic_store(&is_writing[i], true);
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

/* A checkpoint takes half a second to a second, depending on how much came together, and more on a busy
 * machine; its flush alone takes 400 ms, and every writer comes back several times meanwhile. */
static void no_commit_waits_long(size_t threads)
{
    assert_int_equal(fixture_put_one(&f, "d", 0, 0), PBASE_OK);
    fill(KEYS);
    slow_down();
    atomic_store(&slow_flushes, 0);
    atomic_store(&starved, 0);
    atomic_store(&longest_pause_ns, 0);
    uint64_t checkpoints = engine_now()->counters.checkpoints;
    uint64_t spent = engine_now()->counters.checkpoint_ns;
    uint64_t waits = engine_now()->counters.waits;

    writer told = overrun(threads, 4);

    checkpoints = engine_now()->counters.checkpoints - checkpoints;
    spent = engine_now()->counters.checkpoint_ns - spent;
    print_message("%" PRIu64 " commits, the longest %" PRIu64 " ms, %" PRIu64 " held back; %" PRIu64
                  " checkpoints of %" PRIu64 " ms, pauses up to %" PRIu64 " ms\n",
                  told.commits, told.longest_ns / MS, engine_now()->counters.held, checkpoints,
                  checkpoints == 0 ? 0 : spent / checkpoints / MS,
                  atomic_load(&longest_pause_ns) / MS);
    assert_int_equal(atomic_load(&starved), 0); /* nobody waited for a checkpoint */
    assert_true(checkpoints >= 1 && spent / checkpoints > 400 * MS);
    assert_int_equal(engine_now()->counters.waits, waits); /* none came to the last stop */
    assert_true(engine_now()->counters.held > 0);
    assert_true(atomic_load(&slow_flushes) >= checkpoints);
    assert_true(atomic_load(&longest_pause_ns) < PAUSE_NS_MAX);
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
