/* test_pressure.c - the rule by which commits are slowed, in numbers alone. */
#include "seed.h"
#include "txn/pressure.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)
#define BUDGET (64 * MIB)
#define SECOND UINT64_C(1000000000)

static double level_of(uint64_t journal, uint64_t memory)
{
    pressure_backlog backlog = {.journal_bytes = journal, .memory_bytes = memory};
    return pressure_level(&backlog, BUDGET);
}

static void below_the_start_nothing_is_slowed(void **unused)
{
    (void)unused;
    assert_true(level_of(0, 0) == 0);
    assert_true(level_of(PRESSURE_START * BUDGET, PRESSURE_START * BUDGET) == 0);
    assert_int_equal(pressure_pause_ns(0, 1000 * MIB, 1e6), 0);
}

static void whichever_of_journal_and_memory_is_further_counts(void **unused)
{
    (void)unused;
    assert_true(level_of(6 * BUDGET, 0) == 0.5);
    assert_true(level_of(0, 6 * BUDGET) == 0.5);
    assert_true(level_of(5 * BUDGET, 7 * BUDGET) == 0.75);
    assert_true(level_of(PRESSURE_STOP * BUDGET, 0) == 1);
    assert_true(level_of(UINT64_MAX, UINT64_MAX) == 1);
}

static void at_a_third_of_the_way_commits_come_as_fast_as_checkpoints_go(void **unused)
{
    (void)unused;
    uint64_t pause = pressure_pause_ns(1.0 / 3, 1000, 10.0);

    assert_in_range(pause, 9999, 10000); /* 1,000 bytes of 10 ns each */
}

static void the_further_the_longer_but_never_longer_than_the_most(void **unused)
{
    (void)unused;
    uint64_t before = 0;
    for (int at = 1; at <= 1000; at++) {
        uint64_t pause = pressure_pause_ns(at / 1000.0, 300, 50.0);
        assert_true(pause >= before && pause <= PRESSURE_PAUSE_MAX_NS);
        before = pause;
    }
    assert_int_equal(before, PRESSURE_PAUSE_MAX_NS);
    assert_int_equal(pressure_pause_ns(0.5, UINT64_MAX, 1e9), PRESSURE_PAUSE_MAX_NS);
    assert_int_equal(pressure_pause_ns(1, 100, 0), 0); /* nothing is known yet */
}

static void a_checkpoint_that_takes_longer_than_those_before_it_counts_at_once(void **unused)
{
    (void)unused;
    pressure_pace pace = {.past_ns = 0};
    assert_true(pressure_ns_per_byte(&pace, SECOND) == 0);

    pressure_checkpoint_begin(&pace, 100 * MIB, BUDGET, SECOND);
    pressure_checkpoint_end(&pace, true, 2 * SECOND);
    double usual = pressure_ns_per_byte(&pace, 9 * SECOND);
    pressure_checkpoint_begin(&pace, 100 * MIB, BUDGET, 10 * SECOND);
    double early = pressure_ns_per_byte(&pace, 10 * SECOND + SECOND / 2);
    double late = pressure_ns_per_byte(&pace, 13 * SECOND);

    assert_true(usual > 9.5 && usual < 9.6); /* ns a byte */
    assert_true(early == usual);
    assert_true(late > 2.99 * usual && late < 3.01 * usual);
}

static void a_checkpoint_that_fails_or_is_small_tells_nothing(void **unused)
{
    (void)unused;
    pressure_pace pace = {.past_ns = 0};
    pressure_checkpoint_begin(&pace, 100 * MIB, BUDGET, SECOND);
    pressure_checkpoint_end(&pace, false, 9 * SECOND);
    assert_true(pressure_ns_per_byte(&pace, 9 * SECOND) == 0);

    pressure_checkpoint_begin(&pace, 10, BUDGET, SECOND); /* a flush costs more than its bytes */
    double running = pressure_ns_per_byte(&pace, SECOND + SECOND / 100);
    pressure_checkpoint_end(&pace, true, SECOND + SECOND / 100);
    assert_true(running > 2 && running < 3); /* as if it were of a sixteenth of the budget */
    assert_true(pressure_ns_per_byte(&pace, 9 * SECOND) == 0);
    pressure_memory_grew(&pace, 10, 100 * MIB, BUDGET);
    assert_true(pace.memory_per_byte == 0);
    pressure_memory_grew(&pace, 10 * MIB, 100 * MIB, BUDGET);
    assert_true(pace.memory_per_byte == 10);
}

/* ---------------------------------------------------------------------------- a whole life ---- */

/* A writer that never waits for anything else, beside checkpoints that settle so many bytes a second,
 * until it has committed LIFE_BUDGETS: how long the longest pause was, and how far it got. */
#define LIFE_BUDGETS 40u
typedef struct {
    uint64_t pause_max_ns, settled_bytes;
    uint64_t settled_ns; /* when the last checkpoint ended */
    double level_max;
} life;

typedef struct {
    pressure_pace pace;
    double rate;
    uint64_t settling, ends_ns;
} checkpoints;

static void checkpoint_end_if_due(checkpoints *self, uint64_t now_ns, life *told)
{
    if (self->settling > 0 && now_ns >= self->ends_ns) {
        pressure_checkpoint_end(&self->pace, true, self->ends_ns);
        told->settled_bytes += self->settling;
        told->settled_ns = self->ends_ns - SECOND;
        self->settling = 0;
    }
}

static void checkpoint_begin_if_due(checkpoints *self, uint64_t now_ns, uint64_t *since)
{
    if (self->settling == 0 && *since >= BUDGET) {
        self->settling = *since;
        *since = 0;
        pressure_checkpoint_begin(&self->pace, self->settling, BUDGET, now_ns);
        self->ends_ns = now_ns + (uint64_t)((double)self->settling / self->rate * (double)SECOND);
    }
}

static life live(uint64_t group_bytes, uint64_t group_ns, double rate)
{
    life told = {.pause_max_ns = 0};
    checkpoints settler = {.rate = rate};
    uint64_t now = SECOND, since = 0;
    for (uint64_t left = LIFE_BUDGETS * BUDGET; left > group_bytes; left -= group_bytes) {
        since += group_bytes;
        now += group_ns;
        double level = settler.settling > 0 ? level_of(since, 0) : 0;
        uint64_t pause =
            pressure_pause_ns(level, group_bytes, pressure_ns_per_byte(&settler.pace, now));
        told.pause_max_ns = pause > told.pause_max_ns ? pause : told.pause_max_ns;
        told.level_max = level > told.level_max ? level : told.level_max;
        bool is_woken = now + pause > settler.ends_ns && settler.settling > 0;
        now = !is_woken ? now + pause : settler.ends_ns > now ? settler.ends_ns : now;
        checkpoint_end_if_due(&settler, now, &told);
        checkpoint_begin_if_due(&settler, now, &since);
    }
    return told;
}

static void a_writer_who_overruns_checkpoints_goes_as_fast_as_they_do_in_small_pauses(void **unused)
{
    (void)unused;
    const double rates[] = {1e6, 1e7, 1e8}; /* bytes a second; the writer does 500 MB */
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        life told = live(1000, 2000, rates[i]);
        double could = rates[i] * (double)told.settled_ns / (double)SECOND;

        assert_true(told.level_max < 0.97);
        assert_true(told.pause_max_ns <= PRESSURE_PAUSE_MAX_NS);
        assert_true((double)told.settled_bytes > 0.95 * could); /* checkpoints always have work */
        assert_true((double)told.settled_bytes > (LIFE_BUDGETS - 16.0) * (double)BUDGET);
    }
}

static void a_writer_whom_checkpoints_can_follow_is_never_slowed(void **unused)
{
    (void)unused;
    life told = live(1000, 20000, 1e8); /* 50 MB a second against 100 */

    assert_int_equal(told.pause_max_ns, 0);
}

static void of_random_writers_none_waits_longer_than_the_most_and_none_gets_to_the_end(
    void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for(__func__));
    for (unsigned i = 0; i < 40; i++) {
        uint64_t bytes = 1000 + seed_below(&random, 5000);
        uint64_t group_ns = 1000 + seed_below(&random, 400000);
        uint64_t faster = seed_below(&random, 200000000);
        double rate = 1e6 + (double)faster;
        life told = live(bytes, group_ns, rate);
        assert_true(told.level_max < 1);
        assert_true(told.pause_max_ns <= PRESSURE_PAUSE_MAX_NS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below_the_start_nothing_is_slowed),
        cmocka_unit_test(whichever_of_journal_and_memory_is_further_counts),
        cmocka_unit_test(at_a_third_of_the_way_commits_come_as_fast_as_checkpoints_go),
        cmocka_unit_test(the_further_the_longer_but_never_longer_than_the_most),
        cmocka_unit_test(a_checkpoint_that_takes_longer_than_those_before_it_counts_at_once),
        cmocka_unit_test(a_checkpoint_that_fails_or_is_small_tells_nothing),
        cmocka_unit_test(a_writer_who_overruns_checkpoints_goes_as_fast_as_they_do_in_small_pauses),
        cmocka_unit_test(a_writer_whom_checkpoints_can_follow_is_never_slowed),
        cmocka_unit_test(
            of_random_writers_none_waits_longer_than_the_most_and_none_gets_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
