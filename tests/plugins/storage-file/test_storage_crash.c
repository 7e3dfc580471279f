/* test_storage_crash.c - storage/file when the machine dies at any call on files and directories.
 *
 * The script runs on the simulated os, which dies at its n-th call, for every n. From what was
 * pending then, machines are made that could come up: with nothing of it, with all of it, and with
 * random parts, sectors torn. On each the storage must open, keep its promises and take new work.
 * The same after a flush that failed, and after a write that failed: on disks that take 512 bytes as
 * a whole, on those that take 4096, and without direct I/O.
 * The short form dies at every call on the first disk, at every third on the others; PBASE_TEST_LONG=1 at
 * every one, and tries many more machines. */
#include "seed.h"
#include "sim_os.h"
#include "storage_script.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CALLS_MAX 4000 /* a sweep that goes on longer never ends */
#define FUTURES 5
#define FUTURES_LONG 60
#define STEP_SHORT 3 /* from one call to the next, on disks but the first */

/* direct_bytes and whole_bytes of sim_os_pieces_set. */
static const uint32_t disks[][2] = {{512, 512}, {4096, 4096}, {0, 4096}};
#define DISKS (sizeof disks / sizeof disks[0])

static const char *const block_settings[] = {"path", "/data", "segment_size", "64KiB", NULL};
static const char *const storage_settings[] = {"journal_segment_size", "64KiB", "map", "never",
                                               NULL};
static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", block_settings,
                                  NULL};
static const test_wiring wiring = {"storage-file", PBASE_KIND_STORAGE, "file", storage_settings,
                                   &files};

/* The first call to be tried, and how far it is to the next. */
static uint64_t step_of(size_t disk)
{
    return disk == 0 || seed_is_long_run() ? 1 : STEP_SHORT;
}

static uint64_t first_of(size_t disk, uint64_t seed)
{
    return 1 + seed % step_of(disk);
}

/* Runs both parts of the script until the machine dies. */
static void run_script(sim_os *sim, storage_script *script)
{
    test_host host;
    test_host_init(&host, sim_os_interface(sim));
    for (unsigned life = 0; life < SCRIPT_LIVES && !sim_os_has_crashed(sim); life++) {
        test_graph *graph = NULL;
        pbase_error err;
        pbase_error_init(&err);
        if (test_wiring_open(&wiring, &host, &graph, &err) != PBASE_OK) {
            break;
        }
        storage_script_run(script, life, test_graph_object(graph));
        test_wiring_close(graph);
    }
    assert_int_equal(fault_alloc_live_bytes(&host.memory), 0);
}

/* Opens the storage on a machine that came up again, twice: the second time after a clean close. */
static void check_future(sim_os *sim, const storage_script *script, uint64_t n, uint64_t seed)
{
    storage_script copy = *script;
    test_host host;
    test_host_init(&host, sim_os_interface(sim));
    test_graph *graph = NULL;
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = test_wiring_open(&wiring, &host, &graph, &err);
    if (status != PBASE_OK) {
        fail_msg("call %llu, future %llu: does not open: %s: %s", (unsigned long long)n,
                 (unsigned long long)seed, pbase_status_name(status), err.message);
    }
    if (!storage_script_check(&copy, test_graph_object(graph), host.base.alloc)) {
        fail_msg("call %llu, future %llu: %s", (unsigned long long)n, (unsigned long long)seed,
                 copy.why);
    }
    test_wiring_close(graph);
    assert_int_equal(fault_alloc_live_bytes(&host.memory), 0);
    status = test_wiring_open(&wiring, &host, &graph, &err);
    if (status != PBASE_OK) {
        fail_msg("call %llu, future %llu: does not open again: %s", (unsigned long long)n,
                 (unsigned long long)seed, err.message);
    }
    test_wiring_close(graph);
}

/* Dies at call `n`; false when the script needs fewer calls. */
static bool crash_at(size_t disk, uint64_t n, uint64_t seed, uint64_t futures)
{
    storage_script script;
    storage_script_init(&script);
    sim_os *sim = sim_os_create(seed);
    sim_os_pieces_set(sim, disks[disk][0], disks[disk][1]);
    sim_os_crash_at(sim, n);
    run_script(sim, &script);
    bool crashed = sim_os_has_crashed(sim);
    if (crashed) {
        storage_script_crashed(&script);
    }
    sim_crash crash;
    sim_crash_begin(&crash, sim, 0, seed);
    for (uint64_t i = 0; i < futures; i++) {
        /* Nothing and all of what is pending come first; then random parts. */
        sim_os *future = i < 2 ? sim_crash_next(&crash) : sim_os_crash(sim, seed + n * 64 + i);
        if (future == NULL) {
            continue;
        }
        check_future(future, &script, n, i);
        sim_os_destroy(future);
    }
    sim_os_destroy(sim);
    return crashed;
}

static void every_promise_survives_a_crash_at_any_call(void **state)
{
    (void)state;
    uint64_t seed = seed_for("storage_crash");
    uint64_t futures = seed_is_long_run() ? FUTURES_LONG : FUTURES;
    for (size_t disk = 0; disk < DISKS; disk++) {
        uint64_t n = first_of(disk, seed);
        while (crash_at(disk, n, seed, futures)) {
            n += step_of(disk);
            assert_true(n < CALLS_MAX);
        }
        assert_true(n > 100);
    }
}

/* Checks some of the machines that could come up after `sim` dies now. */
static void check_futures(sim_os *sim, const storage_script *script, uint64_t n, uint64_t seed)
{
    for (uint64_t i = 0; i < 3; i++) {
        sim_crash crash;
        sim_crash_begin(&crash, sim, 0, seed);
        sim_os *future = i == 0 ? sim_crash_next(&crash) : sim_os_crash(sim, seed + n * 64 + i);
        if (future != NULL) {
            check_future(future, script, n, i);
            sim_os_destroy(future);
        }
    }
}

/* Fails the n-th flush of `kind`; what it should have kept is lost, whatever later flushes say. */
static void sweep_flush(size_t disk, os_call kind)
{
    uint64_t seed = seed_for("storage_crash");
    bool done = false;
    for (uint64_t n = first_of(disk, seed); !done; n += step_of(disk)) {
        storage_script script;
        storage_script_init(&script);
        sim_os *sim = sim_os_create(seed);
        sim_os_pieces_set(sim, disks[disk][0], disks[disk][1]);
        sim_os_fail_at(sim, kind, n, PBASE_IO, false);
        run_script(sim, &script);
        done = sim_os_calls(sim, kind) < n;
        storage_script_crashed(&script);
        check_futures(sim, &script, n, seed);
        sim_os_destroy(sim);
        assert_true(n < CALLS_MAX);
    }
}

static void what_a_failed_flush_lost_was_not_promised(void **state)
{
    (void)state;
    for (size_t disk = 0; disk < DISKS; disk++) {
        sweep_flush(disk, OS_CALL_SYNC);
        sweep_flush(disk, OS_CALL_DIRECTORY_SYNC);
    }
}

static void what_a_failed_write_lost_was_not_promised(void **state)
{
    (void)state;
    for (size_t disk = 0; disk < DISKS; disk++) {
        sweep_flush(disk, OS_CALL_WRITE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_promise_survives_a_crash_at_any_call),
        cmocka_unit_test(what_a_failed_flush_lost_was_not_promised),
        cmocka_unit_test(what_a_failed_write_lost_was_not_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
