/* test_crash_triples.c - power cuts at every call of every script of up to three steps: transactions of all
 * kinds, indexes, checkpoints, compactions, closes. */
#include "crash_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_script_of_up_to_three_steps(void **unused)
{
    (void)unused;
    crash_script_sweep_triples();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_script_of_up_to_three_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
