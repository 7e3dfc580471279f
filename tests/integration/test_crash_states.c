/* test_crash_states.c - power cuts at every call of scripts of one transaction, and of some of two that
 * end with a clean close. */
#include "crash_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_transaction_in_a_space_that_is_there(void **unused)
{
    (void)unused;
    crash_script_sweep("p", false);
}

static void a_transaction_in_a_new_space(void **unused)
{
    (void)unused;
    crash_script_sweep("p", true);
}

static void a_transaction_and_a_checkpoint(void **unused)
{
    (void)unused;
    crash_script_sweep("pc", false);
}

static void a_transaction_and_a_clean_close(void **unused)
{
    (void)unused;
    crash_script_sweep("pq", false);
}

static void a_transaction_that_adopts(void **unused)
{
    (void)unused;
    crash_script_sweep("l", false);
    crash_script_sweep("plc", false);
}

static void two_transactions_and_a_clean_close(void **unused)
{
    (void)unused;
    crash_script_sweep("poq", false);
    crash_script_sweep("aoq", false);
}

static void a_disk_that_lies_about_flushes_is_found(void **unused)
{
    (void)unused;
    crash_script_planted();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_lies_about_flushes_is_found),
        cmocka_unit_test(a_transaction_in_a_space_that_is_there),
        cmocka_unit_test(a_transaction_in_a_new_space),
        cmocka_unit_test(a_transaction_and_a_checkpoint),
        cmocka_unit_test(a_transaction_and_a_clean_close),
        cmocka_unit_test(a_transaction_that_adopts),
        cmocka_unit_test(two_transactions_and_a_clean_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
