/* test_recover_faults.c - recovering while memory runs out and calls fail. */
#include "recover_world.h"
#include "sim_os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* On the simulated machine, of which every call can fail: a small space, closed. */
static sim_os *begin_simulated(recover_world *w)
{
    sim_os *sim = sim_os_create(7);
    fixture_prepare(&w->f, "/space", sim_os_interface(sim));
    fixture_set(&w->f, "storage.blocks.segment_size=64KiB");
    fixture_set(&w->f, "storage.journal_segment_size=64KiB");
    fixture_open(&w->f);
    for (int64_t i = 0; i < 5; i++) {
        assert_int_equal(fixture_put_one(&w->f, "log", i, i), PBASE_OK);
    }
    assert_int_equal(pbase_space_checkpoint(w->f.space, NULL, NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&w->f, "log", 5, 5), PBASE_OK);
    fixture_close(&w->f);
    (void)snprintf(w->copy, sizeof w->copy, "/space");
    return sim;
}

static void expect_all_of_it(recover_world *w, sim_os *sim)
{
    space_fixture at;
    fixture_prepare(&at, w->saved, sim_os_interface(sim));
    fixture_open(&at);
    for (int64_t i = 0; i < 6; i++) {
        assert_int_equal(fixture_get(&at, "log", i), i);
    }
    fixture_close(&at);
}

/* Each `step`-th call of a kind fails, once; `is_fine` judges what came of it. */
static void fail_each(recover_world *w, sim_os *sim, os_call kind, pbase_status code, uint64_t step,
                      bool (*is_fine)(pbase_status status, const recover_heard *told))
{
    size_t used = sim_os_memory_used(sim);
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n += step) {
        pbase_recover_report report;
        pbase_error err;
        pbase_error_init(&err);
        (void)snprintf(w->saved, sizeof w->saved, "/saved.%d.%llu", (int)kind,
                       (unsigned long long)n);
        uint64_t before = sim_os_calls(sim, kind);
        sim_os_fail_at(sim, kind, n, code, false);
        pbase_status status = recover_world_recover(w, &report, &err);
        sim_os_fail_at(sim, kind, 0, PBASE_OK, false);
        is_done = sim_os_calls(sim, kind) - before < n;
        if (!is_fine(status, &w->told) ||
            (is_done && (status != PBASE_OK || w->told.findings > 0))) {
            fail_msg("call %llu: %s, %u findings: %s", (unsigned long long)n,
                     pbase_status_name(status), w->told.findings, err.message);
        }
        if (status == PBASE_OK && w->told.findings == 0) { /* nothing was missed without a word */
            expect_all_of_it(w, sim);
        }
        assert_int_equal(sim_os_memory_used(sim), used);
    }
}

static bool is_lack_of_memory(pbase_status status, const recover_heard *told)
{
    return (status == PBASE_OK || status == PBASE_NO_MEMORY) && told->findings == 0;
}

static void lack_of_memory_anywhere_ends_it_and_leaves_nothing_behind(void **state)
{
    recover_world *w = *state;
    sim_os *sim = begin_simulated(w);
    fail_each(w, sim, OS_CALL_MEMORY, PBASE_NO_MEMORY, seed_is_long_run() ? 1 : 13,
              is_lack_of_memory);
    sim_os_destroy(sim);
}

/* What cannot be read of the damaged space is told, as damage is; what cannot be written ends it. */
static bool is_told(pbase_status status, const recover_heard *told)
{
    (void)told;
    return status == PBASE_OK || status == PBASE_IO || status == PBASE_UNKNOWN ||
           status == PBASE_READ_ONLY || status == PBASE_CORRUPT;
}

static void a_call_that_fails_is_told_and_the_next_attempt_finds_everything(void **state)
{
    recover_world *w = *state;
    static const os_call kinds[] = {OS_CALL_OPEN, OS_CALL_READ, OS_CALL_WRITE, OS_CALL_SYNC};
    sim_os *sim = begin_simulated(w);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        fail_each(w, sim, kinds[i], PBASE_IO, 1, is_told);
    }
    sim_os_destroy(sim);
}

int main(void)
{
    static recover_world world;
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 1); /* nothing here is about flushes */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(lack_of_memory_anywhere_ends_it_and_leaves_nothing_behind,
                                  &world),
        cmocka_unit_test_prestate(a_call_that_fails_is_told_and_the_next_attempt_finds_everything,
                                  &world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
