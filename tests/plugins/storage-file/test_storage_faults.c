/* test_storage_faults.c - storage/file when the n-th call of something fails, for every n.
 *
 * Everything runs on the simulated os. After each run the storage is opened again without faults:
 * what was acknowledged must be there, what was refused must not, and no memory may be left. */
#include "sim_os.h"
#include "storage_script.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CALLS_MAX 4000 /* a sweep that goes on longer never ends */

static const char *const block_settings[] = {"path", "/data", "segment_size", "64KiB", NULL};
static const char *const storage_settings[] = {"journal_segment_size", "256KiB", "map", "never",
                                               NULL};
static const test_wiring files = {"storage-file", PBASE_KIND_BLOCK_PROVIDER, "file", block_settings,
                                  NULL};
static const test_wiring faulty = {"faulty-blocks", PBASE_KIND_BLOCK_PROVIDER, "faulty", NULL,
                                   &files};
static const test_wiring over_files = {"storage-file", PBASE_KIND_STORAGE, "file", storage_settings,
                                       &files};
static const test_wiring over_faulty = {"storage-file", PBASE_KIND_STORAGE, "file",
                                        storage_settings, &faulty};

typedef struct {
    sim_os *sim;
    test_host host;
    const test_wiring *wiring;
    storage_script script;
} fixture;

static void begin(fixture *f, const test_wiring *wiring)
{
    f->sim = sim_os_create(7);
    f->wiring = wiring;
    test_host_init(&f->host, sim_os_interface(f->sim));
    storage_script_init(&f->script);
}

/* Runs both parts of the script; ends early when the storage does not open. */
static void run_script(fixture *f)
{
    for (unsigned life = 0; life < SCRIPT_LIVES; life++) {
        test_graph *graph = NULL;
        pbase_error err;
        pbase_error_init(&err);
        if (test_wiring_open(f->wiring, &f->host, &graph, &err) != PBASE_OK) {
            f->script.failed = true;
            return;
        }
        storage_script_run(&f->script, life, test_graph_object(graph));
        test_wiring_close(graph);
    }
}

/* Opens what is left, without faults, and checks it. */
static void check_and_end(fixture *f, const char *what, uint64_t n)
{
    test_graph *graph = NULL;
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(fault_alloc_live_bytes(&f->host.memory), 0);
    assert_int_equal(sim_os_memory_used(f->sim), 0);
    pbase_status status = test_wiring_open(f->wiring, &f->host, &graph, &err);
    if (status != PBASE_OK) {
        fail_msg("%s %llu: does not open: %s: %s", what, (unsigned long long)n,
                 pbase_status_name(status), err.message);
    }
    if (!storage_script_check(&f->script, test_graph_object(graph), f->host.base.alloc)) {
        fail_msg("%s %llu: %s", what, (unsigned long long)n, f->script.why);
    }
    test_wiring_close(graph);
    sim_os_destroy(f->sim);
}

static void the_script_runs_without_faults(void **state)
{
    (void)state;
    fixture f;
    begin(&f, &over_faulty);
    run_script(&f);
    assert_false(f.script.failed);
    check_and_end(&f, "call", 0);
}

/* Fails the n-th call on the block provider for every n. */
static void sweep_blocks(pbase_status code, int32_t when)
{
    uint64_t n = 1;
    for (bool done = false; !done; n++) {
        fixture f;
        begin(&f, &over_faulty);
        fault_plan_fail_at(&f.host.faults, NULL, n, code, when);
        run_script(&f);
        done = !fault_plan_has_failed(&f.host.faults);
        fault_plan_fail_at(&f.host.faults, NULL, 0, code, when);
        check_and_end(&f, "block call", n);
        assert_true(n < CALLS_MAX);
    }
    assert_true(n > 50);
}

static void any_block_call_may_fail_before_its_effect(void **state)
{
    (void)state;
    sweep_blocks(PBASE_IO, FAULT_BEFORE);
}

static void any_block_call_may_fail_after_its_effect(void **state)
{
    (void)state;
    sweep_blocks(PBASE_IO, FAULT_AFTER);
}

static void any_block_call_may_find_no_space(void **state)
{
    (void)state;
    sweep_blocks(PBASE_NO_SPACE, FAULT_BEFORE);
}

/* Fails the n-th call of one kind on the os for every n. */
static void sweep_os(os_call kind, pbase_status code, bool forever)
{
    for (uint64_t n = 1;; n++) {
        fixture f;
        begin(&f, &over_files);
        uint64_t before = sim_os_calls(f.sim, kind);
        sim_os_fail_at(f.sim, kind, n, code, forever);
        run_script(&f);
        bool done = sim_os_calls(f.sim, kind) - before < n;
        sim_os_fail_at(f.sim, kind, 0, code, false);
        check_and_end(&f, "os call", n);
        if (done) {
            return;
        }
        assert_true(n < CALLS_MAX);
    }
}

static void any_os_call_may_fail(void **state)
{
    (void)state;
    sweep_os(OS_CALL_ANY, PBASE_IO, false);
}

static void the_os_may_fail_from_any_call_on(void **state)
{
    (void)state;
    sweep_os(OS_CALL_ANY, PBASE_IO, true);
}

static void the_disk_may_be_full_at_any_write(void **state)
{
    (void)state;
    sweep_os(OS_CALL_WRITE, PBASE_NO_SPACE, false);
    sweep_os(OS_CALL_WRITE, PBASE_NO_SPACE, true);
}

static void the_disk_may_have_any_size(void **state)
{
    (void)state;
    bool failed = true;
    for (uint64_t limit = 4096; failed; limit += 7168) {
        fixture f;
        begin(&f, &over_files);
        sim_os_disk_limit(f.sim, limit);
        run_script(&f);
        failed = f.script.failed;
        sim_os_disk_limit(f.sim, 0);
        check_and_end(&f, "disk of bytes", limit);
        assert_true(limit < (16u << 20));
    }
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        fixture f;
        begin(&f, &over_files);
        fault_alloc_fail_at(&f.host.memory, n);
        run_script(&f);
        bool done = !fault_alloc_has_failed(&f.host.memory);
        fault_alloc_fail_at(&f.host.memory, 0);
        check_and_end(&f, "allocation", n);
        if (done) {
            return;
        }
        assert_true(n < CALLS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_script_runs_without_faults),
        cmocka_unit_test(any_block_call_may_fail_before_its_effect),
        cmocka_unit_test(any_block_call_may_fail_after_its_effect),
        cmocka_unit_test(any_block_call_may_find_no_space),
        cmocka_unit_test(any_os_call_may_fail),
        cmocka_unit_test(the_os_may_fail_from_any_call_on),
        cmocka_unit_test(the_disk_may_be_full_at_any_write),
        cmocka_unit_test(the_disk_may_have_any_size),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
