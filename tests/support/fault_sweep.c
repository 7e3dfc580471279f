/* fault_sweep.c - sweeps scenarios: each round begins alike, fails at another call, and is looked at.
 *
 * Where memory is swept the space stays open from round to round, which shows what a failure leaves
 * behind in it. Where other calls are, each round has a disk of its own and a space just opened, so
 * that everything has to be read; a failed write makes a space read only until it is opened again. */
#include "fault_sweep.h"
#include "seed.h"
#include "space_digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define EVERY_N_MAX 200u /* up to there each n; in short form every STEP-th from there on */
#define STEP 7u
#define SWEEP_MAX 100000u
#define COMMIT_EVERY 16u /* rounds in which what an edit made is committed, too */
#define WHOLE_EVERY 8u   /* rounds in which all databases are looked at */

static const fault_mode modes[] = {
    {"a request for memory", OS_CALL_MEMORY, PBASE_NO_MEMORY, false},
    {"all memory from a request on", OS_CALL_MEMORY, PBASE_NO_MEMORY, true},
    {"a call of the system", OS_CALL_ANY, PBASE_IO, false},
    {"all calls from one on", OS_CALL_ANY, PBASE_IO, true},
};
#define MODES (sizeof modes / sizeof *modes)

/* A test: one scenario in one mode. */
typedef struct {
    const fault_scenario *scenario;
    const fault_mode *mode;
    char name[96];
} fault_test;

/* Not of a scenario that commits: reading all of it would make the transaction conflict with others. */
static void digest_handles(const fault_sweep *w, pbase_collection *const *handles, uint64_t *out)
{
    for (size_t i = 0; i < FAULT_HANDLES; i++) {
        bool is_read = handles[i] != NULL && !w->scenario->commits;
        out[i] = is_read ? digest_collection(handles[i]) : 0;
    }
}

/* ------------------------------------------------------------------------------- one round ---- */

/* `when` with call `n` failing (0: none). False when it makes fewer. */
static bool run_when(fault_sweep *w, uint64_t n, pbase_status *out, pbase_error *err)
{
    const fault_mode *mode = w->mode;
    sim_os *sim = w->scene.sim;
    pbase_error_init(err);
    w->scene.digest = 0;
    uint64_t before = sim_os_calls(sim, mode->kind);
    sim_os_fail_at(sim, mode->kind, n, mode->code, mode->forever);
    *out = w->scenario->when(&w->scene, err);
    uint64_t calls = sim_os_calls(sim, mode->kind) - before;
    sim_os_fail_at(sim, mode->kind, 0, PBASE_OK, false);
    return n != 0 && calls >= n;
}

static void assert_result(fault_sweep *w, const char *when)
{
    fault_outcome met;
    if (w->scene.digest != w->digest && !w->scenario->commits) {
        fail_msg("%s: what was read differs from that without faults", when);
    }
    if (w->scenario->then != NULL) {
        w->scenario->then(&w->scene);
    }
    digest_handles(w, w->scene.held, met.held);
    digest_handles(w, w->scene.made, met.made);
    for (size_t i = 0; i < FAULT_HANDLES && !w->scenario->commits; i++) {
        if (met.held[i] != w->result.held[i] || met.made[i] != w->result.made[i]) {
            fail_msg("%s: the result differs from that without faults", when);
        }
    }
}

/* Commits what the edit made, opens the space again and reads it: the journal has what was seen. */
static void assert_edit_commits(fault_sweep *w)
{
    fault_scene *s = &w->scene;
    uint64_t edited = w->result.held[0];
    pbase_snapshot *snapshot = NULL;
    pbase_collection *found = NULL;
    const char *root = w->scenario->roots[0];
    assert_int_equal(pbase_txn_store(s->txn, root, s->held[0], NULL), PBASE_OK);
    pbase_collection_close(s->held[0]);
    s->held[0] = NULL;
    if (w->scenario->end != NULL) {
        w->scenario->end(s);
    }
    pbase_collection_close(s->held[1]);
    s->held[1] = NULL;
    for (size_t i = 0; i < FAULT_HANDLES; i++) {
        pbase_collection_close(s->made[i]);
        s->made[i] = NULL;
    }
    assert_int_equal(fixture_commit(&s->txn), PBASE_OK);
    fixture_reopen(&s->fixture);
    assert_int_equal(pbase_snapshot_open(s->fixture.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_at(snapshot, root, NULL, 0, &found, NULL), PBASE_OK);
    assert_int_equal(digest_collection(found), edited);
    pbase_collection_close(found);
    pbase_snapshot_close(snapshot);
    fixture_assert_clean(&s->fixture);
}

static bool may_be(const fault_mode *mode, pbase_status status)
{
    return status == mode->code || (mode->kind == OS_CALL_ANY && status == PBASE_UNKNOWN);
}

/* What a failure must leave. */
static void assert_failure(fault_sweep *w, pbase_status status, const pbase_error *err,
                           pbase_collection *const *held)
{
    fault_scene *s = &w->scene;
    uint64_t content[FAULT_HANDLES];
    if (!may_be(w->mode, status)) {
        fail_msg("it ended with %s: %s", pbase_status_name(status), err->message);
    }
    assert_int_equal(err->code, status);
    assert_true(err->message[0] != '\0' && err->function != NULL);
    for (size_t i = 0; i < FAULT_HANDLES; i++) {
        assert_true(s->held[i] == held[i] || (w->scenario->ends && s->held[i] == NULL));
        assert_null(s->made[i]);
    }
    digest_handles(w, s->held, content);
    for (size_t i = 0; i < FAULT_HANDLES && !w->scenario->commits; i++) {
        if (s->held[i] != NULL && content[i] != w->given.held[i]) {
            fail_msg("the collection given holds something else than before: %s", err->message);
        }
    }
}

/* After a failure: the same once more, without one. */
static void run_again(fault_sweep *w, uint64_t n, uint64_t space_before, pbase_status failed)
{
    pbase_status status;
    pbase_error err;
    if (w->scenario->ends || (w->scenario->commits && w->scene.is_disk)) {
        fault_take_back(w);
        if (w->scene.is_disk) { /* what could not be written may have left the space read only */
            fault_situation_reopen(w);
        }
        uint64_t now = w->is_compared ? fault_committed(w, w->is_whole) : space_before;
        if (now != space_before && failed != PBASE_UNKNOWN && !w->scenario->commits_parts) {
            fail_msg("what failed is committed, or other things are gone");
        }
        if (now != space_before) {
            return; /* it was applied: to do it again would be another thing */
        }
        fault_give(w);
    } else if (w->is_compared) {
        assert_int_equal(fault_committed(w, w->is_whole), space_before);
    }
    (void)run_when(w, 0, &status, &err);
    /* A new segment of the journal that can neither be opened nor removed again ends it, too. */
    if (status == PBASE_READ_ONLY &&
        (w->scene.is_disk || w->mode->forever)) { /* until it is reopened */
        fault_take_back(w);
        fixture_reopen(&w->scene.fixture);
        fault_give(w);
        (void)run_when(w, 0, &status, &err);
    }
    if (status != PBASE_OK) {
        fail_msg("after a failure (%s) at call %llu it fails again, without one: %s: %s",
                 pbase_status_name(failed), (unsigned long long)n, pbase_status_name(status),
                 err.message);
    }
    assert_result(w, "once it worked after a failure");
}

/* False when `when` makes fewer calls than `n`. */
static bool run_round(fault_sweep *w, uint64_t n)
{
    fault_scene *s = &w->scene;
    pbase_collection *held[FAULT_HANDLES];
    pbase_status status;
    pbase_error err;
    if (s->is_disk || w->is_spent) {
        fault_situation_end(w);
        fault_situation_begin(w);
    } else if (w->scenario->is_cold) {
        fixture_reopen(&s->fixture);
    }
    s->round = s->is_disk ? 1 : s->round + 1; /* a fresh copy is always the same */
    w->is_whole = n % WHOLE_EVERY == 1;
    uint64_t space = w->space[w->is_whole];
    fault_give(w);
    w->is_compared = w->scenario->commits && (w->scenario->place != FAULT_OUTSIDE || w->is_whole);
    if (w->is_compared && !s->is_disk) {
        space = fault_committed(w, w->is_whole);
    }
    memcpy(held, s->held, sizeof held);
    bool struck = run_when(w, n, &status, &err);
    w->struck += struck;
    if (status == PBASE_OK) {
        assert_result(w, "with a fault that was got over");
    } else {
        assert_failure(w, status, &err, held);
        assert_true(struck);
        if (status == PBASE_UNKNOWN && s->is_disk && w->scenario->commits && !w->is_whole) {
            w->is_compared = w->is_whole = true; /* only a look tells whether it was applied */
            space = w->space[true];
        }
        run_again(w, n, space, status);
    }
    w->is_spent = w->scenario->edits && n % COMMIT_EVERY == 0;
    if (w->is_spent) {
        assert_edit_commits(w);
    }
    fault_take_back(w);
    return struck;
}

/* -------------------------------------------------------------------------------- all rounds ---- */

/* Without faults: what the others are compared with. */
static void rehearse(fault_sweep *w)
{
    fault_scene *s = &w->scene;
    pbase_status status;
    pbase_error err;
    for (int i = 0; i < 2; i++) { /* the second time nothing has to be loaded */
        if (w->scenario->commits && i == 1) {
            fault_situation_end(w);
            fault_situation_begin(w);
        }
        s->round++;
        fault_give(w);
        for (int whole = 0; i == 0 && whole < 2; whole++) {
            w->space[whole] = fault_committed(w, whole != 0);
        }
        digest_handles(w, s->held, w->given.held);
        (void)run_when(w, 0, &status, &err);
        assert_ok(status, &err);
        w->digest = s->digest;
        digest_handles(w, s->held, w->result.held);
        digest_handles(w, s->made, w->result.made);
        if (w->scenario->then != NULL) {
            w->scenario->then(s);
        }
        fault_take_back(w);
    }
    w->memory_used = sim_os_memory_used(s->sim);
}

/* What a round leaves in a space that it changed nothing in. */
static void assert_nothing_kept(fault_sweep *w, uint64_t n)
{
    size_t used = sim_os_memory_used(w->scene.sim);
    bool is_same_space = !w->scene.is_disk && !w->scenario->commits && !w->is_spent;
    if (is_same_space && used > w->memory_used) {
        fail_msg("%zu bytes more are in use since call %llu failed", used - w->memory_used,
                 (unsigned long long)n);
    }
}

static uint64_t step_after(uint64_t n)
{
    return n < EVERY_N_MAX || seed_is_long_run() ? 1 : STEP;
}

static void sweep_test(void **state)
{
    const fault_test *test = *state;
    fault_sweep w = {.mode = test->mode, .scenario = test->scenario};
    w.scene.with = test->scenario->with;
    uint64_t n = 1;
    fault_situation_begin(&w);
    rehearse(&w);
    while (run_round(&w, n)) {
        assert_nothing_kept(&w, n);
        assert_true(n < SWEEP_MAX);
        n += step_after(n);
    }
    if (w.scenario->place != FAULT_OUTSIDE && !w.scenario->commits && !w.scenario->edits) {
        assert_int_equal(fault_committed(&w, true), w.space[true]);
    }
    fault_situation_end(&w);
    if (w.mode->kind == OS_CALL_MEMORY) {
        assert_true(w.scenario->is_quiet == (w.struck == 0));
    }
    print_message("%llu rounds\n", (unsigned long long)w.struck);
}

/* ------------------------------------------------------------------------------- the program ---- */

static void print_functions(const fault_scenario *scenarios, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (const char *at = scenarios[i].functions; *at != '\0';) {
            size_t size = strcspn(at, " ");
            printf("%.*s\n", (int)size, at);
            at += size + strspn(at + size, " ");
        }
    }
}

static size_t tests_of(const fault_scenario *scenarios, size_t count, fault_test *tests,
                       struct CMUnitTest *units)
{
    const char *only = getenv("PBASE_TEST_SCENARIO"); /* to look into one of them */
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (only != NULL && strcmp(only, scenarios[i].name) != 0) {
            continue;
        }
        for (size_t j = 0; j < (scenarios[i].is_memory_only ? 2 : MODES); j++) {
            fault_test *test = &tests[used];
            test->scenario = &scenarios[i];
            test->mode = &modes[j];
            (void)snprintf(test->name, sizeof test->name, "%s: %s", scenarios[i].name,
                           modes[j].name);
            units[used++] = (struct CMUnitTest){
                .name = test->name, .test_func = sweep_test, .initial_state = test};
        }
    }
    return used;
}

static int prepare(void **unused)
{
    (void)unused;
    fault_space_prepare();
    return 0;
}

static int forget(void **unused)
{
    (void)unused;
    fault_space_forget();
    return 0;
}

int fault_main(int argc, char **argv, const fault_scenario *scenarios, size_t count)
{
    if (argc == 2 && strcmp(argv[1], "--functions") == 0) {
        print_functions(scenarios, count);
        return 0;
    }
    fault_test *tests = calloc(count * MODES, sizeof *tests);
    struct CMUnitTest *units = calloc(count * MODES, sizeof *units);
    int failures = 1;
    if (tests != NULL && units != NULL) {
        size_t used = tests_of(scenarios, count, tests, units);
        failures = _cmocka_run_group_tests(argv[0], units, used, prepare, forget);
    }
    free(tests);
    free(units);
    return failures;
}
