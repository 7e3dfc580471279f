/* test_crash_pairs.c - power cuts at every call of scripts of two transactions, every pair of them. */
#include "crash_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_pair_of_transactions(void **unused)
{
    (void)unused;
    crash_script_sweep_pairs("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair_of_transactions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
