/* test_follow.c - one opening of a space beside another one that makes checkpoints. */
#include "space/space_private.h"
#include "space_fixture.h"
#include "txn/engine_private.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static temp_dir dir;
static space_fixture here, there;

static void open_one(space_fixture *fixture)
{
    fixture_prepare(fixture, temp_dir_path(&dir, "space"), NULL);
    fixture_set(fixture, "storage.retention_count=2");
    fixture_set(fixture, "storage.journal_segment_size=64KiB");
    fixture_open(fixture);
}

static int begin(void **unused)
{
    (void)unused;
    temp_dir_create(&dir);
    open_one(&here);
    open_one(&there);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_close(&there);
    fixture_assert_clean(&here);
    fixture_close(&here);
    temp_dir_remove(&dir);
    return 0;
}

/* Whoever saw a higher token than that of a checkpoint which it meets passes that by. */
static void who_passed_checkpoints_by_takes_the_newest_over_before_its_own(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    for (int64_t round = 1; round <= 5; round++) {
        there.space->engine->checkpoint_fence = UINT64_MAX;
        for (int64_t i = 0; i < 4; i++) { /* as many as lets go of all that were kept */
            assert_int_equal(fixture_put_one(&here, "d", 0, 10 * round + i), PBASE_OK);
            assert_int_equal(fixture_get(&there, "d", 0), 10 * round + i);
            assert_ok(pbase_space_checkpoint(here.space, NULL, &err), &err);
            assert_int_equal(fixture_get(&there, "d", 0), 10 * round + i);
        }
        assert_int_equal(fixture_put_one(&there, "d", 1, round), PBASE_OK);
        assert_ok(pbase_space_checkpoint(there.space, NULL, &err), &err);
    }
}

/* Closing catches up with the others, which is when somebody who stays would begin to follow them. */
static void an_opening_that_closes_begins_no_work_in_the_background(void **unused)
{
    (void)unused;
    for (int64_t round = 0; round < 4; round++) {
        engine *closing = there.space->engine;
        assert_null(closing->settler); /* it did nothing yet */
        assert_int_equal(fixture_put_one(&here, "d", 0, round), PBASE_OK);
        closing->settler_stops = true; /* as the first step of closing leaves it */

        assert_int_equal(engine_refresh_others(closing, NULL), PBASE_OK);

        assert_null(closing->settler);
        fixture_close(&there);
        open_one(&there);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_opening_that_closes_begins_no_work_in_the_background,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            who_passed_checkpoints_by_takes_the_newest_over_before_its_own, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
