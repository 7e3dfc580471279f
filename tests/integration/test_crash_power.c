/* test_crash_power.c - power cuts of real file systems under load: ext4 and xfs on loop devices, shut down
 * by force at any system call and at random times. What was said to be durable is there after the
 * next mount, and what is there is the content after some transaction, none before it missing.
 *
 * A child commits a steady load, with checkpoints and compactions; the gate cuts the power at its n-th
 * call and ends it, or the parent does so at a random time. Then the file system is mounted again and
 * the space opened. Needs root and loop devices, and is skipped without; nothing is left behind.
 * Short: some dozens of cuts; PBASE_TEST_LONG: 2,400. */
#include "cut_disk.h"
#include "os/os.h"
#include "seed.h"
#include "steady_load.h"
#include "syscall_gate.h"
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SCRIPT_TRANSACTIONS 12u
#define CUTS_SHORT 6u /* of each configuration at calls, and as many at random times */
#define CUTS_LONG 200u
#define CALLS_GUESSED 900u /* of one script */
#define RANDOM_US_MAX 30000u
#define CHECK_EVERY 8u

typedef struct {
    const char *name;
    cut_disk_kind kind;
    int32_t durability;
    const char *set;
} configuration;

static const configuration configurations[] = {
    {"ext4, sync", CUT_DISK_EXT4, PBASE_DURABILITY_SYNC, "storage.map=auto"},
    {"ext4, page cache", CUT_DISK_EXT4, PBASE_DURABILITY_SYNC, "storage.blocks.direct_io=never"},
    {"ext4, async", CUT_DISK_EXT4, PBASE_DURABILITY_ASYNC, "storage.async_interval=1ms"},
    {"xfs, sync", CUT_DISK_XFS, PBASE_DURABILITY_SYNC, "storage.map=auto"},
    {"xfs, page cache", CUT_DISK_XFS, PBASE_DURABILITY_SYNC, "storage.blocks.direct_io=never"},
    {"xfs, not flushed", CUT_DISK_XFS, PBASE_DURABILITY_NONE, "storage.map=auto"},
};
#define CONFIGURATIONS (sizeof configurations / sizeof *configurations)

typedef struct {
    load_witness witness;
    gate_tally tally;
    _Atomic bool is_cut;
} shared;

typedef struct {
    const configuration *how;
    cut_disk disk;
    space_fixture fixture;
    load_plan plan;
    load_state state; /* content that was seen after a cut: durable */
    shared *with;
    uint64_t cuts, lost; /* transactions that were acknowledged, but not as durable */
} bed;

static const cut_disk *disk_to_cut; /* in a child */

/* Skips the test when the machine has no such disk. */
static void bed_begin(bed *on, const configuration *how)
{
    memset(on, 0, sizeof *on);
    const char *why = cut_disk_begin(&on->disk, how->kind);
    if (why != NULL) {
        print_message("%s: skipped: %s\n", how->name, why);
        skip();
    }
    on->how = how;
    on->plan = (load_plan){.seed = seed_for(how->name),
                           .durability = how->durability,
                           .checkpoint_every = 5,
                           .compact_every = 7};
    on->with = load_shared(sizeof *on->with);
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%.*s/space", PATH_MAX - 8, on->disk.root);
    fixture_prepare(&on->fixture, path, NULL);
    fixture_set(&on->fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(&on->fixture, "storage.journal_segment_size=64KiB");
    fixture_set(&on->fixture, "storage.checkpoint_bytes=256KiB");
    fixture_set(&on->fixture, how->set);
}

static void bed_end(bed *on)
{
    load_unshare(on->with, sizeof *on->with);
    cut_disk_end(&on->disk);
}

/* ------------------------------------------------------------------------------------ cuts ---- */

static void cut_power(void)
{
    cut_disk_cut(disk_to_cut);
}

static void run_child(bed *on, uint64_t n, uint64_t count)
{
    const gate_plan plan = {
        .action = GATE_KILL, .call = GATE_ANY, .at = n, .before_kill = cut_power};
    disk_to_cut = &on->disk;
    if (n != 0 && !syscall_gate_close(&plan, &on->with->tally)) {
        _exit(2);
    }
    bool is_well = load_play(&on->fixture, &on->plan, &on->state, &on->with->witness, count);
    _exit(is_well || atomic_load(&on->with->is_cut) ? 0 : 1);
}

/* Until a child has committed, or for some seconds. */
static void wait_for_commit(const bed *on, uint64_t before)
{
    for (unsigned i = 0; i < 5000 && atomic_load(&on->with->witness.acknowledged) == before; i++) {
        (void)usleep(1000);
    }
}

/* A child that commits until call `n`, or (0) until so many microseconds after its first commit, or after
 * its begin. */
static void cut_once(bed *on, uint64_t n, uint64_t after_us, bool has_committed)
{
    int status = 0;
    uint64_t before = atomic_load(&on->with->witness.acknowledged);
    memset(&on->with->tally, 0, sizeof on->with->tally);
    atomic_store(&on->with->is_cut, false);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_child(on, n, n != 0 ? SCRIPT_TRANSACTIONS : UINT64_MAX);
    }
    if (n == 0) {
        if (has_committed) {
            wait_for_commit(on, before);
        }
        (void)usleep((useconds_t)after_us);
        atomic_store(&on->with->is_cut, true);
        cut_disk_cut(&on->disk);
        (void)kill(child, SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        fail_msg("%s, before cut %" PRIu64 ": %s", on->how->name, on->cuts,
                 on->with->witness.wrong);
    }
    cut_disk_cut(&on->disk); /* if it came to its end before */
    cut_disk_unmount(&on->disk);
    cut_disk_mount(&on->disk);
    on->cuts++;
}

/* What the space holds now; false, and the witness says why, when that may not be. What is read after a
 * mount is on the disk. */
static bool judge(bed *on)
{
    load_witness *witness = &on->with->witness;
    uint64_t acknowledged = atomic_load(&witness->acknowledged);
    witness->wrong[0] = '\0';
    atomic_store(&witness->acknowledged, atomic_load(&witness->durable));
    if (!load_play(&on->fixture, &on->plan, &on->state, witness, 0)) {
        return false;
    }
    on->lost += acknowledged > on->state.number ? acknowledged - on->state.number : 0;
    atomic_store(&witness->durable, on->state.number);
    if (on->cuts % CHECK_EVERY == 0) {
        fixture_open(&on->fixture);
        fixture_assert_clean(&on->fixture);
        fixture_close(&on->fixture);
    }
    return true;
}

static void must_be_well(bed *on)
{
    if (!judge(on)) {
        fail_msg("%s, cut %" PRIu64 ": %s", on->how->name, on->cuts, on->with->witness.wrong);
    }
}

static void power_cuts_lose_nothing_durable(void **state)
{
    const configuration *how = *state;
    uint64_t cuts = seed_is_long_run() ? CUTS_LONG : CUTS_SHORT;
    seed_random random;
    bed on;
    bed_begin(&on, how);
    seed_random_init(&random, on.plan.seed);
    for (uint64_t i = 0; i < cuts; i++) {
        cut_once(&on, 1 + seed_below(&random, CALLS_GUESSED), 0, false);
        must_be_well(&on);
        cut_once(&on, 0, 1 + seed_below(&random, RANDOM_US_MAX), i % 4 != 0);
        must_be_well(&on);
    }
    print_message("%s: %" PRIu64 " cuts, %" PRIu64 " transactions, %" PRIu64
                  " that were not said to be durable were lost\n",
                  how->name, on.cuts, on.state.number, on.lost);
    assert_true(how->durability != PBASE_DURABILITY_SYNC || on.lost == 0);
    assert_true(on.state.number > cuts);
    bed_end(&on);
}

/* --------------------------------------------------------------------------- planted bugs ---- */

static pbase_status sync_nothing(pbase_os_file *file, pbase_error *err)
{
    (void)file;
    (void)err;
    return PBASE_OK; /* the bug */
}

static pbase_status open_lazily(const pbase_os *os, const char *path, uint32_t flags,
                                pbase_os_file **out, pbase_error *err)
{
    flags &= ~(PBASE_OS_DIRECT | PBASE_OS_DSYNC);
    return pbase_os_real()->file->open(os, path, flags, out, err);
}

/* The harness itself, on an os that never flushes. */
static void a_flush_that_is_not_made_is_found_out(void **unused)
{
    (void)unused;
    bed on;
    pbase_os lazy = *pbase_os_real();
    pbase_os_file_ops files = *lazy.file;
    bool is_found = false;
    files.open = open_lazily;
    files.sync = sync_nothing;
    lazy.file = &files;
    bed_begin(&on, &configurations[1]);
    on.fixture.options.os = &lazy;
    on.fixture.source.os = &lazy;
    for (unsigned i = 0; i < 20 && !is_found; i++) {
        cut_once(&on, 0, RANDOM_US_MAX, true);
        is_found = !judge(&on);
    }
    print_message("%s\n", on.with->witness.wrong);
    assert_true(is_found);
    bed_end(&on);
}

int main(void)
{
    struct CMUnitTest tests[CONFIGURATIONS + 1];
    if (!syscall_gate_works()) {
        (void)fputs("skipped: no gate for system calls on this machine\n", stdout);
        return 77;
    }
    for (size_t i = 0; i < CONFIGURATIONS; i++) {
        union {
            const configuration *how;
            void *state;
        } with = {.how = &configurations[i]};
        tests[i] = (struct CMUnitTest){.name = configurations[i].name,
                                       .test_func = power_cuts_lose_nothing_durable,
                                       .initial_state = with.state};
    }
    tests[CONFIGURATIONS] =
        (struct CMUnitTest)cmocka_unit_test(a_flush_that_is_not_made_is_found_out);
    return _cmocka_run_group_tests("power", tests, CONFIGURATIONS + 1, NULL, NULL);
}
