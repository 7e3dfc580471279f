/* test_group.c - several transactions in one group: a leader is held up until all of them wait. */
#include "committers.h"
#include "sim_os.h"
#include "space_case.h"
#include "txn/database.h"
#include "txn/engine_private.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void one_group_is_one_append(void **unused)
{
    (void)unused;
    const char *const roots[] = {"a"};
    assert_int_equal(fixture_put_one(&f, "a", 0, 0), PBASE_OK);
    committer members[3] = {{.txn = committer_change(&f, roots, 1, 1, 10)},
                            {.txn = committer_change(&f, roots, 1, 2, 20)},
                            {.txn = committer_change(&f, roots, 1, 3, 30)}};
    uint64_t groups = f.database->engine->counters.groups;
    committers_run_together(&f, members, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(members[i].status, PBASE_OK);
        assert_int_equal(fixture_get(&f, "a", (int64_t)i + 1), 10 * ((int64_t)i + 1));
    }
    assert_int_equal(f.database->engine->counters.groups, groups + 1);
}

static void of_two_that_write_one_key_in_a_group_the_first_wins(void **unused)
{
    (void)unused;
    const char *const roots[] = {"a"};
    assert_int_equal(fixture_put_one(&f, "a", 1, 0), PBASE_OK);
    committer members[2] = {{.txn = committer_change(&f, roots, 1, 1, 10)},
                            {.txn = committer_change(&f, roots, 1, 1, 20)}};
    committers_run_together(&f, members, 2);
    assert_int_equal(members[0].status, PBASE_OK);
    assert_int_equal(members[1].status, PBASE_CONFLICT);
    assert_int_equal(fixture_get(&f, "a", 1), 10);
}

static void a_member_that_loses_while_it_is_applied_leaves_nothing_behind(void **unused)
{
    (void)unused;
    const char *const both[] = {"a", "b"}, *const other[] = {"c"};
    assert_int_equal(fixture_put_one(&f, "a", 1, 0), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "b", 1, 0), PBASE_OK);
    committer members[2] = {{.txn = committer_change(&f, other, 1, 1, 7)},
                            {.txn = committer_change(&f, both, 2, 1, 99)}};
    pbase_txn *dropper = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_drop_root(dropper, "b", NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&dropper), PBASE_OK);

    committers_run_together(&f, members, 2);

    assert_int_equal(members[0].status, PBASE_OK);
    assert_int_equal(members[1].status, PBASE_CONFLICT); /* "b" is gone, "a" was applied before */
    assert_int_equal(fixture_get(&f, "a", 1), 0);
    assert_int_equal(fixture_get(&f, "c", 1), 7);
}

/* What a checkpoint has written before it names it is nothing to a commit beside it. */
static void a_commit_beside_a_checkpoint_flushes_once_and_survives(void **unused)
{
    (void)unused;
    space_fixture disk, after;
    sim_os *sim = sim_os_create(1);
    fixture_prepare(&disk, "/space", sim_os_interface(sim));
    fixture_set(&disk, "storage.exclusive=true");
    fixture_open(&disk);
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(fixture_put_one(&disk, "a", i, i), PBASE_OK);
    }
    engine *self = disk.database->engine;
    space_state *state = engine_state(self);
    atom_ref settled = ATOM_REF_NONE;
    state_roots wrote = {.count = 0};
    assert_int_equal(engine_settle(self, state->sequence, state->catalog, &settled, &wrote, NULL),
                     PBASE_OK);
    tree_drop(store_atoms(engine_store(self)), settled);
    space_state_unref(state);
    uint64_t syncs = sim_os_calls(sim, OS_CALL_SYNC), writes = sim_os_calls(sim, OS_CALL_WRITE);

    assert_int_equal(fixture_put_one(&disk, "a", 100, 100), PBASE_OK);

    assert_int_equal(sim_os_calls(sim, OS_CALL_SYNC), syncs);
    assert_int_equal(sim_os_calls(sim, OS_CALL_WRITE), writes + 1);
    sim_crash crash;
    sim_crash_begin(&crash, sim, 0, 1);
    sim_os *up = sim_crash_next(&crash); /* with nothing of what is pending */
    fixture_prepare(&after, "/space", sim_os_interface(up));
    fixture_open(&after);
    assert_int_equal(fixture_get(&after, "a", 100), 100);
    fixture_assert_clean(&after);
    fixture_close(&after);
    sim_os_destroy(up);
    assert_int_equal(pbase_space_checkpoint(disk.space, NULL, NULL), PBASE_OK);
    assert_true(sim_os_calls(sim, OS_CALL_SYNC) > syncs);
    fixture_close(&disk);
    sim_os_destroy(sim);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin_memory, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(one_group_is_one_append),
        SENTENCE(of_two_that_write_one_key_in_a_group_the_first_wins),
        SENTENCE(a_member_that_loses_while_it_is_applied_leaves_nothing_behind),
        SENTENCE(a_commit_beside_a_checkpoint_flushes_once_and_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
