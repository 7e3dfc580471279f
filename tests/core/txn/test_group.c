/* test_group.c - several transactions in one group: a leader is held up until all of them wait. */
#include "committers.h"
#include "txn/database.h"
#include "txn/engine_private.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static space_fixture f;

static int begin(void **unused)
{
    (void)unused;
    fixture_memory(&f);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_assert_clean(&f);
    fixture_end(&f);
    return 0;
}

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

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(one_group_is_one_append),
        SENTENCE(of_two_that_write_one_key_in_a_group_the_first_wins),
        SENTENCE(a_member_that_loses_while_it_is_applied_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
