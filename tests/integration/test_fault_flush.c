/* test_fault_flush.c - a flush, or a durable write, that fails once: nothing is acknowledged afterwards
 * until the space is opened again, nothing that was acknowledged before is lost, and what is
 * acknowledged after the opening is durable too, although the first flush has made the cache forget
 * that it holds what the disk does not.
 *
 * The simulated disk does what Linux does: what a failed flush should have made durable is lost, readers
 * go on seeing it, and the next flush says that all is well. Each flush, each flush of a folder and each
 * write of a script is the one that fails; then the power is cut, at once, or after the space was opened
 * again and has committed more. */
#include "seed.h"
#include "sim_os.h"
#include "steady_load.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TRANSACTIONS 9u
#define TRIES_AFTER 3u
#define CUTS_SHORT 3u
#define CUTS_LONG 200u
#define CALLS_MAX 2000u

static const load_plan plan = {.seed = 11,
                               .durability = PBASE_DURABILITY_SYNC,
                               .checkpoint_every = 3,
                               .compact_every = 7,
                               .is_slim = true};

typedef struct {
    os_call kind;
    const char *direct_io;
    pbase_os *os; /* NULL: that of the machine */
} scenario;

typedef struct {
    const scenario *how;
    sim_os *sim;
    space_fixture fixture;
    load_state state;
    load_witness witness;
    uint64_t n; /* of the call that fails */
    uint64_t futures;
    pbase_status met; /* by what failed */
} bed;

static void prepare(bed *on, sim_os *sim)
{
    on->sim = sim;
    fixture_prepare(&on->fixture, "/space",
                    on->how->os != NULL ? on->how->os : sim_os_interface(sim));
    fixture_set(&on->fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(&on->fixture, "storage.journal_segment_size=64KiB");
    fixture_set(&on->fixture, on->how->direct_io);
}

/* NULL, or what is wrong with a machine that the power was cut of. */
static const char *judge_futures(bed *on)
{
    static bed after;
    uint64_t cuts = seed_is_long_run() ? CUTS_LONG : CUTS_SHORT;
    const scenario plain = {on->how->kind, on->how->direct_io, NULL};
    for (uint64_t i = 0; i < cuts; i++) {
        sim_os *future = sim_os_crash(on->sim, on->n * CUTS_LONG + i);
        after = *on;
        after.how = &plain;
        prepare(&after, future);
        memset(&after.state, 0, sizeof after.state);
        bool is_well = load_play(&after.fixture, &plan, &after.state, &after.witness, 1);
        if (is_well) {
            fixture_open(&after.fixture);
            fixture_assert_clean(&after.fixture);
            fixture_close(&after.fixture);
        }
        sim_os_destroy(future);
        on->futures++;
        if (!is_well) {
            return after.witness.wrong;
        }
    }
    return NULL;
}

/* Commits and settles until something fails; false then. */
static bool play(bed *on)
{
    pbase_status status = PBASE_OK;
    while (on->state.number < TRANSACTIONS && status == PBASE_OK) {
        uint64_t next = on->state.number + 1;
        atomic_store(&on->witness.begun, next);
        status = load_commit(on->fixture.database, &plan, next, NULL);
        if (status == PBASE_OK) {
            atomic_store(&on->witness.acknowledged, next);
            load_state_next(&on->state, &plan);
            status = load_settle(on->fixture.space, &plan, next, NULL);
        }
    }
    on->met = status;
    return status == PBASE_OK;
}

/* After a flush that failed, or a commit of unknown outcome: no other one, whatever is tried between. A
 * write that failed before anything was said of the commit is no reason for more than to refuse it. */
static void nothing_is_acknowledged(bed *on)
{
    pbase_compact_report report;
    for (unsigned i = 0; i < TRIES_AFTER; i++) {
        pbase_error err;
        pbase_error_init(&err);
        pbase_status status = load_commit(on->fixture.database, &plan, on->state.number + 1, &err);
        if (status == PBASE_OK) {
            fail_msg("call %" PRIu64 " failed, and then a commit was acknowledged", on->n);
        }
        assert_int_equal(err.outcome, PBASE_OUTCOME_NOT_APPLIED);
        assert_true(pbase_space_checkpoint(on->fixture.space, NULL, NULL) != PBASE_OK);
        assert_true(pbase_space_compact(on->fixture.space, NULL, &report, NULL) != PBASE_OK);
    }
}

/* Opened again on the same machine, whose cache shows what the disk may not have; one more commit, and
 * then the power goes. */
static const char *go_on(bed *on)
{
    load_state state = on->state;
    if (!load_play(&on->fixture, &plan, &state, &on->witness, 1)) {
        return on->witness.wrong;
    }
    return judge_futures(on);
}

/* With call `n` failing: what is wrong afterwards, or NULL. `out_struck` is false when there are fewer. */
static const char *fail_once(bed *on, const scenario *how, uint64_t n, bool *out_struck)
{
    const char *wrong = NULL;
    memset(on, 0, sizeof *on);
    on->how = how;
    on->n = n;
    prepare(on, sim_os_create(n));
    fixture_open(&on->fixture);
    uint64_t before = sim_os_calls(on->sim, how->kind);
    sim_os_fail_at(on->sim, how->kind, n, PBASE_IO, false);
    bool failed = !play(on);
    *out_struck = sim_os_calls(on->sim, how->kind) - before >= n;
    bool is_commit = atomic_load(&on->witness.begun) > on->state.number;
    if (failed && is_commit && (how->kind == OS_CALL_SYNC || on->met == PBASE_UNKNOWN)) {
        nothing_is_acknowledged(on);
    }
    if (*out_struck) {
        wrong = judge_futures(on);
    }
    fixture_close(&on->fixture);
    if (*out_struck && wrong == NULL) {
        wrong = go_on(on);
    }
    sim_os_destroy(on->sim);
    return wrong;
}

static void sweep(const scenario *how)
{
    static bed on;
    bool struck = true;
    uint64_t n = 1, futures = 0;
    for (; struck && n < CALLS_MAX; n++) {
        const char *wrong = fail_once(&on, how, n, &struck);
        futures += on.futures;
        if (wrong != NULL) {
            fail_msg("call %" PRIu64 " fails: %s", n, wrong);
        }
    }
    print_message("%" PRIu64 " calls, %" PRIu64 " power cuts\n", n - 2, futures);
    assert_true(n > 3 && n < CALLS_MAX);
}

static void a_flush_that_fails_once(void **unused)
{
    (void)unused;
    const scenario how = {OS_CALL_SYNC, "storage.blocks.direct_io=never", NULL};
    sweep(&how);
}

static void a_flush_beside_direct_writes_that_fails_once(void **unused)
{
    (void)unused;
    const scenario how = {OS_CALL_SYNC, "storage.blocks.direct_io=auto", NULL};
    sweep(&how);
}

static void a_flush_of_a_folder_that_fails_once(void **unused)
{
    (void)unused;
    const scenario how = {OS_CALL_DIRECTORY_SYNC, "storage.blocks.direct_io=auto", NULL};
    sweep(&how);
}

static void a_direct_write_that_fails_once(void **unused)
{
    (void)unused;
    const scenario how = {OS_CALL_WRITE, "storage.blocks.direct_io=auto", NULL};
    sweep(&how);
}

static void a_cached_write_that_fails_once(void **unused)
{
    (void)unused;
    const scenario how = {OS_CALL_WRITE, "storage.blocks.direct_io=never", NULL};
    sweep(&how);
}

/* ---------------------------------------------------------------------------- planted bug ---- */

static const pbase_os_file_ops *inner_files;

static pbase_status sync_again(pbase_os_file *file, pbase_error *err)
{
    pbase_status status = inner_files->sync(file, err);
    return status == PBASE_OK ? status
                              : inner_files->sync(file, err); /* the bug: the second lies */
}

/* The harness itself, on an os that asks again after a failed flush. */
static void a_flush_that_is_asked_for_again_is_found_out(void **unused)
{
    (void)unused;
    static bed on;
    const char *wrong = NULL;
    bool struck = true;
    for (uint64_t n = 1; struck && wrong == NULL; n++) {
        sim_os *machine = sim_os_create(n);
        pbase_os hopeful = *sim_os_interface(machine);
        pbase_os_file_ops files = *hopeful.file;
        inner_files = hopeful.file;
        files.sync = sync_again;
        hopeful.file = &files;
        const scenario how = {OS_CALL_SYNC, "storage.blocks.direct_io=never", &hopeful};
        memset(&on, 0, sizeof on);
        on.how = &how;
        prepare(&on, machine);
        fixture_open(&on.fixture);
        uint64_t before = sim_os_calls(machine, OS_CALL_SYNC);
        sim_os_fail_at(machine, OS_CALL_SYNC, n, PBASE_IO, false);
        (void)play(&on);
        struck = sim_os_calls(machine, OS_CALL_SYNC) - before >= n;
        wrong = judge_futures(&on);
        fixture_close(&on.fixture);
        sim_os_destroy(machine);
    }
    assert_non_null(wrong);
    print_message("%s\n", wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flush_that_fails_once),
        cmocka_unit_test(a_flush_beside_direct_writes_that_fails_once),
        cmocka_unit_test(a_flush_of_a_folder_that_fails_once),
        cmocka_unit_test(a_direct_write_that_fails_once),
        cmocka_unit_test(a_cached_write_that_fails_once),
        cmocka_unit_test(a_flush_that_is_asked_for_again_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
