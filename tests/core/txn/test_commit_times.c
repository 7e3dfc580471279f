/* test_commit_times.c - the times of commits grow with their sequence, whatever the clock does. */
#include "seed.h"
#include "sim_os.h"
#include "space/space_private.h"
#include "space_fixture.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The simulated machine with a clock on the wall that tests set. */
static int64_t wall_ns;

static int64_t wall_as_set(const pbase_os *os)
{
    (void)os;
    return wall_ns;
}

static space_fixture f;
static sim_os *sim;
static pbase_os os;
static pbase_os_system_ops system_ops;

static int begin(void **unused)
{
    (void)unused;
    sim = sim_os_create(1);
    os = *sim_os_interface(sim);
    system_ops = *os.system;
    system_ops.wall_ns = wall_as_set;
    os.system = &system_ops;
    wall_ns = INT64_C(1700000000000000000);
    fixture_prepare(&f, "/space", &os);
    fixture_open(&f);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_close(&f);
    sim_os_destroy(sim);
    return 0;
}

/* Time of the newest commit. */
static int64_t newest_time(void)
{
    assert_int_equal(engine_refresh(f.space->engine, NULL), PBASE_OK);
    space_state *state = engine_state(f.space->engine);
    int64_t time_ns = state->timestamp_ns;
    space_state_unref(state);
    return time_ns;
}

static int64_t commit_at(int64_t clock_ns)
{
    static int64_t key;
    wall_ns = clock_ns;
    key++;
    assert_int_equal(fixture_put_one(&f, "a", key, key), PBASE_OK);
    return newest_time();
}

static void a_commit_has_the_time_of_the_clock_when_it_goes_forward(void **unused)
{
    (void)unused;
    int64_t now = wall_ns;
    assert_true(commit_at(now + 1000) == now + 1000);
    assert_true(commit_at(now + 5000) == now + 5000);
}

static void a_clock_that_stands_still_or_jumps_back_moves_commits_by_a_nanosecond(void **unused)
{
    (void)unused;
    int64_t last = commit_at(wall_ns + 1000);
    assert_true(commit_at(last) == last + 1);
    assert_true(commit_at(last - INT64_C(3600000000000)) == last + 2);
    assert_true(commit_at(0) == last + 3);
    assert_true(commit_at(-5) == last + 4);
    assert_true(commit_at(last + 100) == last + 100); /* and on it goes */
}

static void times_grow_across_reopening_and_checkpoints(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("core.txn.commit_times"));
    int64_t last = newest_time(), start = wall_ns;
    for (int i = 0; i < 100; i++) {
        int64_t clock_ns = start + (int64_t)seed_below(&random, 1000000) - 500000;
        int64_t given = commit_at(clock_ns);
        assert_true(given == (clock_ns > last ? clock_ns : last + 1));
        last = given;
        if (seed_below(&random, 10) == 0) {
            assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        }
        if (seed_below(&random, 10) == 0) {
            wall_ns = start - 1000000; /* the machine comes up with a wrong clock */
            fixture_reopen(&f);
            assert_true(newest_time() == last);
        }
    }
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_commit_has_the_time_of_the_clock_when_it_goes_forward),
        SENTENCE(a_clock_that_stands_still_or_jumps_back_moves_commits_by_a_nanosecond),
        SENTENCE(times_grow_across_reopening_and_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
