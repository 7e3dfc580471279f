/* test_fold_need.c - when the background makes leaves of patches, in numbers alone. */
#include "txn/fold_need.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND (UINT64_C(1000) * 1000 * 1000)
#define MANY FOLD_PATCHES_MIN

static void it_begins_when_nothing_was_committed_for_a_while(void **unused)
{
    (void)unused;
    fold_need need = {.sequence = 0};
    assert_false(fold_need_is_due(&need, 100 * SECOND, 7, MANY));
    assert_false(fold_need_is_due(&need, 104 * SECOND, 7, MANY));
    assert_false(fold_need_is_due(&need, 104 * SECOND, 8, MANY)); /* begins anew */
    assert_false(fold_need_is_due(&need, 108 * SECOND, 8, MANY));
    assert_true(fold_need_is_due(&need, 109 * SECOND, 8, MANY));
}

static void few_patches_are_left_alone(void **unused)
{
    (void)unused;
    fold_need need = {.sequence = 0};
    assert_false(fold_need_is_due(&need, 100 * SECOND, 7, MANY - 1));
    assert_false(fold_need_is_due(&need, 200 * SECOND, 7, MANY - 1));
    assert_true(fold_need_is_due(&need, 200 * SECOND, 7, MANY));
}

static void it_goes_on_at_a_steady_pace_until_none_is_left(void **unused)
{
    (void)unused;
    fold_need need = {.sequence = 0};
    (void)fold_need_is_due(&need, 100 * SECOND, 7, MANY);
    assert_true(fold_need_is_due(&need, 110 * SECOND, 7, MANY));
    fold_need_note(&need, 110 * SECOND,
                   &(fold_outcome){
                       .bytes = 2 * FOLD_BYTES_A_SECOND, .loose = 10, .live = 10, .written = MANY});
    assert_false(fold_need_is_due(&need, 112 * SECOND - 1, 7, MANY));
    assert_true(fold_need_is_due(&need, 112 * SECOND, 7, MANY));
    fold_need_note(&need, 112 * SECOND, &(fold_outcome){.live = 5, .written = MANY});
    assert_false(fold_need_is_due(&need, 200 * SECOND, 7, MANY));
    assert_false(
        fold_need_is_due(&need, 200 * SECOND, 7, 2 * MANY - 1)); /* few were written since */
    assert_true(fold_need_is_due(&need, 200 * SECOND, 7, 2 * MANY));
}

/* A leaf that cannot be read, or a disk without room, would be written for again and again. */
static void what_failed_or_is_pinned_is_tried_more_and_more_seldom(void **unused)
{
    (void)unused;
    static const fold_outcome outcomes[] = {
        {.is_failed = true, .bytes = FOLD_BYTES, .loose = MANY, .live = MANY, .written = MANY},
        {.loose = 0, .live = MANY, .written = MANY}, /* all are pinned */
        {.loose = 1, .live = 1, .written = MANY}};   /* one that cannot be read */
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        fold_need need = {.sequence = 0};
        uint64_t now = 100 * SECOND, tries = 0;
        (void)fold_need_is_due(&need, now, 7, MANY);
        for (; now < 86500 * SECOND; now += SECOND) {
            if (fold_need_is_due(&need, now, 7, MANY)) {
                fold_need_note(&need, now, &outcomes[i]);
                tries++;
            }
        }
        assert_in_range(tries, 20, 30); /* in a day */
        need.loose = 3;
        fold_need_note(&need, now, &(fold_outcome){.loose = 2, .live = MANY, .written = MANY});
        assert_true(fold_need_is_due(&need, now + 5 * SECOND, 7, MANY)); /* it went well again */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_when_nothing_was_committed_for_a_while),
        cmocka_unit_test(few_patches_are_left_alone),
        cmocka_unit_test(what_failed_or_is_pinned_is_tried_more_and_more_seldom),
        cmocka_unit_test(it_goes_on_at_a_steady_pace_until_none_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
