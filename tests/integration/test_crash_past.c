/* test_crash_past.c - power cuts at every call of scripts that keep the past, or an index. */
#include "crash_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void checkpoints_that_keep_the_past(void **unused)
{
    (void)unused;
    crash_script_sweep_past("pcocrc");
    crash_script_sweep_past("ocdq");
}

/* What check finds nothing in holds for the entries of every row. */
static void an_index_is_made_kept_and_dropped(void **unused)
{
    (void)unused;
    crash_script_sweep("iprc", false);
    crash_script_sweep("ipici", false);
    crash_script_sweep("ilq", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_that_keep_the_past),
        cmocka_unit_test(an_index_is_made_kept_and_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
