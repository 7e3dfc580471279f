/* test_faults_opening.c - opening a space, recovering, making one, with every call below them made to
 * fail (fault_scene.h). */
#include "fault_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* -------------------------------------------------------------------------- opening, closing ---- */

static pbase_status open_and_close(fault_scene *s, pbase_error *err)
{
    pbase_recovery recovery;
    pbase_space *space = NULL;
    pbase_status status = pbase_space_open(&s->fixture.source, &s->fixture.options, &space, err);
    if (status == PBASE_OK) {
        pbase_space_recovery(space, &recovery);
        assert_true(!recovery.created && recovery.sequence != 0);
    }
    assert_true((status == PBASE_OK) == (space != NULL));
    pbase_space_close(space);
    return status;
}

/* Commits what a close cannot settle: the next opening finds it in the journal. */
static void unsettled_commits(fault_scene *s)
{
    fixture_open(&s->fixture);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(fixture_put_one(&s->fixture, "dict", i, (int64_t)s->round), PBASE_OK);
    }
    assert_int_equal(pbase_database_branch(s->fixture.space, "branch", "twig", NULL), PBASE_OK);
    assert_int_equal(pbase_database_drop(s->fixture.space, "twig", NULL), PBASE_OK);
    sim_os_fail_at(s->sim, OS_CALL_WRITE, 1, PBASE_IO, true);
    fixture_close(&s->fixture);
    sim_os_fail_at(s->sim, OS_CALL_WRITE, 0, PBASE_OK, false);
}

static pbase_status open_recovering(fault_scene *s, pbase_error *err)
{
    pbase_recovery recovery;
    pbase_status status = fixture_try_open(&s->fixture, err);
    if (status == PBASE_OK) {
        pbase_space_recovery(s->fixture.space, &recovery);
        assert_true(recovery.replayed_records > 0);
    }
    fixture_close(&s->fixture);
    return status;
}

static pbase_status open_new(fault_scene *s, pbase_error *err)
{
    space_fixture fresh;
    char path[32];
    (void)snprintf(path, sizeof path, "/new%llu", (unsigned long long)s->round);
    fixture_prepare(&fresh, path, sim_os_interface(s->sim));
    fixture_set(&fresh, "storage.blocks.segment_size=64KiB");
    fixture_set(&fresh, "storage.journal_segment_size=64KiB");
    pbase_status status = fixture_try_open(&fresh, err);
    fixture_close(&fresh);
    return status;
}

static pbase_status open_in_memory(fault_scene *s, pbase_error *err)
{
    space_fixture fresh;
    fixture_prepare(&fresh, NULL, sim_os_interface(s->sim));
    pbase_status status = fixture_try_open(&fresh, err);
    fixture_close(&fresh);
    return status;
}

static const fault_scenario scenarios[] = {
    {.name = "open_and_close",
     .functions = "pbase_space_open pbase_space_recovery pbase_space_close",
     .place = FAULT_OUTSIDE,
     .when = open_and_close},
    {.name = "open_recovering",
     .functions = "pbase_space_recovery",
     .place = FAULT_OUTSIDE,
     .given = unsettled_commits,
     .when = open_recovering,
     .commits = true},
    {.name = "open_new",
     .functions = "", /* through the fixture: a space and its first database */
     .place = FAULT_OUTSIDE,
     .when = open_new},
    {.name = "open_in_memory", .functions = "", .place = FAULT_OUTSIDE, .when = open_in_memory},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
