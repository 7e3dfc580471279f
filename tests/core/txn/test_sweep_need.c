/* test_sweep_need.c - when the background sweeps again, in numbers alone. */
#include "txn/sweep_need.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

/* What a sweep leaves that found so much. */
static sweep_need left(uint64_t held, uint64_t live, uint64_t passing, uint64_t pinned)
{
    sweep_need need = {.live_bytes = 0};
    const sweep_report report = {.bytes = held + 10 * MIB,
                                 .freed_bytes = 10 * MIB,
                                 .live_bytes = live,
                                 .passing_bytes = passing,
                                 .pinned_bytes = pinned};
    sweep_need_note(&need, &report);
    return need;
}

static void a_store_that_was_never_swept_is_swept_from_16_mib_on(void **unused)
{
    (void)unused;
    const sweep_need none = {.live_bytes = 0};
    assert_false(sweep_need_is_due(&none, 16 * MIB - 1));
    assert_true(sweep_need_is_due(&none, 16 * MIB));
}

static void it_is_swept_again_when_it_grew_by_a_quarter_of_what_the_newest_state_needs(
    void **unused)
{
    (void)unused;
    sweep_need need = left(500 * MIB, 500 * MIB, 0, 100 * MIB); /* 400 are the newest's */
    assert_false(sweep_need_is_due(&need, 600 * MIB - 1));
    assert_true(sweep_need_is_due(&need, 600 * MIB));
    /* what is pinned is in part the newest's: a third of all is taken for it at least */
    need = left(600 * MIB, 600 * MIB, 0, 600 * MIB);
    assert_false(sweep_need_is_due(&need, 650 * MIB - 1));
    assert_true(sweep_need_is_due(&need, 650 * MIB));
}

static void emptied_segments_are_given_back_at_once(void **unused)
{
    (void)unused;
    sweep_need need = left(500 * MIB, 500 * MIB, 0, 0);
    need.has_moved = true;
    assert_true(sweep_need_is_due(&need, 500 * MIB));
}

/* The figures of a run of integration.held_space that ended at 1.7 times what was live. */
static void what_was_left_for_a_passing_reader_is_looked_at_by_the_next_checkpoint(void **unused)
{
    (void)unused;
    sweep_need need = left(202 * MIB, 151 * MIB, 17 * MIB, 67 * MIB);
    assert_false(sweep_need_is_lean(&need));
    assert_true(sweep_need_is_due(&need, 190 * MIB));
    /* but not where little was left */
    need = left(160 * MIB, 151 * MIB, 17 * MIB, 67 * MIB);
    assert_true(sweep_need_is_lean(&need));
    assert_false(sweep_need_is_due(&need, 150 * MIB));
}

static void what_nobody_looks_at_and_no_sweep_can_give_back_is_left_alone(void **unused)
{
    (void)unused;
    sweep_need need = left(202 * MIB, 134 * MIB, 0, 67 * MIB);
    assert_false(sweep_need_is_lean(&need));
    assert_false(sweep_need_is_due(&need, 202 * MIB));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_was_never_swept_is_swept_from_16_mib_on),
        cmocka_unit_test(
            it_is_swept_again_when_it_grew_by_a_quarter_of_what_the_newest_state_needs),
        cmocka_unit_test(emptied_segments_are_given_back_at_once),
        cmocka_unit_test(what_was_left_for_a_passing_reader_is_looked_at_by_the_next_checkpoint),
        cmocka_unit_test(what_nobody_looks_at_and_no_sweep_can_give_back_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
