/* test_crash_pairs_behind.c - power cuts at every call of scripts of two transactions with a checkpoint behind
 * them, every pair. */
#include "crash_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_pair_with_a_checkpoint_behind(void **unused)
{
    (void)unused;
    crash_script_sweep_pairs("", "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair_with_a_checkpoint_behind)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
