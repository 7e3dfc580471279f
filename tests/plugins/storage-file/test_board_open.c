/* test_board_open.c - what opening a space does with the board of its processes. */
#include "os/os.h"
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

static _Atomic uint32_t yields;

static void count_yield(const pbase_os *os)
{
    (void)os;
    atomic_fetch_add(&yields, 1);
}

/* Opening gave its time away a thousand times, waiting for a writer of a board that nobody had
 * written yet: on a busy machine for seconds. */
static void who_is_alone_does_not_wait_for_a_board_that_nobody_wrote(void **unused)
{
    (void)unused;
    temp_dir dir;
    space_fixture fixture;
    pbase_os os = *pbase_os_real();
    pbase_os_thread_ops threads = *os.thread;
    threads.yield = count_yield;
    os.thread = &threads;
    temp_dir_create(&dir);
    fixture_prepare(&fixture, temp_dir_path(&dir, "space"), &os);
    atomic_store(&yields, 0);

    fixture_open(&fixture);

    assert_true(atomic_load(&yields) < 10);
    fixture_close(&fixture);
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_alone_does_not_wait_for_a_board_that_nobody_wrote)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
