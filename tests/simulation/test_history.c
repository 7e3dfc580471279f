/* test_history.c - the checker of histories: planted anomalies are found and named, a history of a
 * serial execution has none.
 *
 * Besides the small histories by hand, 240 are planted by a generator: a serial execution of random
 * transactions in which one read, write or outcome is bent. */
#include "history.h"
#include "seed.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static history *h;
static history_verdict verdict;

static int begin(void **unused)
{
    (void)unused;
    h = history_create();
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    history_destroy(h);
    return 0;
}

/* A transaction from a text of operations: "a1:5" appends 5 to list 1, "r1:4,5" reads it; real time
 * goes by from one to the next unless `at` says otherwise. */
static size_t txn_at(uint64_t began, uint64_t ended, history_outcome outcome, const char *text)
{
    size_t txn = history_begin(h, (uint32_t)history_count(h), began);
    while (*text != '\0') {
        uint32_t key = 0;
        int64_t values[16];
        size_t count = 0;
        int used = 0;
        bool reads = *text == 'r';
        assert_int_equal(sscanf(text + 1, "%" SCNu32 ":%n", &key, &used), 1);
        text += 1 + used;
        while (*text != '\0' && *text != ' ') {
            assert_int_equal(sscanf(text, "%" SCNd64 "%n", &values[count++], &used), 1);
            text += used;
            text += *text == ',';
        }
        text += *text == ' ';
        if (reads) {
            history_read(h, txn, key, values, count);
        } else {
            history_append(h, txn, key, values[0]);
        }
    }
    history_end(h, txn, outcome, ended);
    return txn;
}

/* All at the same time, so that real time says nothing. */
static size_t txn(const char *text)
{
    return txn_at(0, 1000, HISTORY_COMMITTED, text);
}

static void expect_only(anomaly kind)
{
    history_check(h, SIZE_MAX, &verdict);
    for (size_t i = 0; i < ANOMALY_KINDS; i++) {
        if (i == (size_t)kind) {
            assert_true(verdict.counts[i] > 0);
        } else if (verdict.counts[i] > 0) {
            fail_msg("%s: %s", anomaly_name((anomaly)i), verdict.example[i]);
        }
    }
}

static void a_serial_history_has_no_anomaly(void **unused)
{
    (void)unused;
    txn_at(1, 2, HISTORY_COMMITTED, "r1: a1:1");
    txn_at(3, 4, HISTORY_COMMITTED, "r1:1 a1:2 r1:1,2 a2:3");
    txn_at(5, 6, HISTORY_FAILED, "r1:1,2 a1:4");
    txn_at(7, 8, HISTORY_UNKNOWN, "a1:5");
    size_t final = txn_at(9, 10, HISTORY_COMMITTED, "r1:1,2,5 r2:3");
    history_check(h, final, &verdict);
    assert_int_equal(history_verdict_total(&verdict), 0);
}

static void an_unknown_append_that_nobody_saw_is_no_loss(void **unused)
{
    (void)unused;
    txn_at(1, 2, HISTORY_UNKNOWN, "a1:1");
    size_t final = txn_at(3, 4, HISTORY_COMMITTED, "r1:");
    history_check(h, final, &verdict);
    assert_int_equal(history_verdict_total(&verdict), 0);
}

static void a_committed_append_that_the_end_does_not_show_is_lost(void **unused)
{
    (void)unused;
    txn("a1:1");
    size_t final = txn("r1:");
    history_check(h, final, &verdict);
    assert_int_equal(verdict.counts[ANOMALY_LOST], 1);
}

static void a_read_that_misses_an_own_append_is_internal(void **unused)
{
    (void)unused;
    txn("a1:1 r1:");
    expect_only(ANOMALY_INTERNAL);
}

static void a_list_that_changes_inside_a_transaction_is_internal(void **unused)
{
    (void)unused;
    txn("a1:1");
    txn("r1: r1:1");
    history_check(h, SIZE_MAX, &verdict);
    assert_true(verdict.counts[ANOMALY_INTERNAL] > 0);
}

static void a_value_read_twice_is_a_duplicate(void **unused)
{
    (void)unused;
    txn("a1:1");
    txn("r1:1,1");
    history_check(h, SIZE_MAX, &verdict);
    assert_true(verdict.counts[ANOMALY_DUPLICATE] > 0);
}

static void a_value_that_nobody_appended_is_a_duplicate(void **unused)
{
    (void)unused;
    txn("r1:7");
    expect_only(ANOMALY_DUPLICATE);
}

static void two_orders_of_one_list_are_found(void **unused)
{
    (void)unused;
    txn("a1:1");
    txn("a1:2");
    txn("r1:1,2");
    txn("r1:2,1");
    history_check(h, SIZE_MAX, &verdict);
    assert_true(verdict.counts[ANOMALY_ORDER] > 0);
}

static void a_value_of_a_failed_transaction_is_an_aborted_read(void **unused)
{
    (void)unused;
    txn_at(0, 1000, HISTORY_FAILED, "a1:1");
    txn("r1:1");
    expect_only(ANOMALY_ABORTED);
}

static void a_state_inside_a_transaction_is_an_intermediate_read(void **unused)
{
    (void)unused;
    txn("a1:1 a1:2");
    txn("r1:1");
    history_check(h, SIZE_MAX, &verdict);
    assert_true(verdict.counts[ANOMALY_INTERMEDIATE] > 0);
}

static void writes_in_two_orders_are_g0(void **unused)
{
    (void)unused;
    txn("a1:1 a2:2");
    txn("a1:3 a2:4");
    txn("r1:1,3");
    txn("r2:4,2");
    history_check(h, SIZE_MAX, &verdict);
    assert_true(verdict.counts[ANOMALY_WRITE_CYCLE] > 0);
}

static void two_that_read_from_one_another_are_g1c(void **unused)
{
    (void)unused;
    txn("a1:1 r2:2");
    txn("a2:2 r1:1");
    expect_only(ANOMALY_CYCLE);
}

static void a_read_of_half_a_transaction_is_g_single(void **unused)
{
    (void)unused;
    txn("a1:1 a2:2");
    txn("r1:1 r2:");
    txn("r2:2");
    expect_only(ANOMALY_SINGLE);
}

static void two_appends_on_one_and_the_same_read_are_g_single(void **unused)
{
    (void)unused;
    txn("r1: a1:1");
    txn("r1: a1:2");
    txn("r1:1,2");
    expect_only(ANOMALY_SINGLE);
}

static void two_that_read_what_the_other_writes_are_g2(void **unused)
{
    (void)unused;
    txn("r1: a2:1");
    txn("r2: a1:2");
    txn("r1:2 r2:1");
    expect_only(ANOMALY_SKEW);
}

static void a_long_fork_is_g2(void **unused)
{
    (void)unused;
    txn("a1:1");
    txn("a2:2");
    txn("r1:1 r2:");
    txn("r1: r2:2");
    txn("r1:1 r2:2");
    expect_only(ANOMALY_SKEW);
}

static void a_read_of_a_past_that_had_ended_is_stale(void **unused)
{
    (void)unused;
    txn_at(1, 2, HISTORY_COMMITTED, "a1:1");
    txn_at(3, 4, HISTORY_COMMITTED, "r1:");
    txn_at(5, 6, HISTORY_COMMITTED, "r1:1");
    expect_only(ANOMALY_STALE);
}

/* ------------------------------------------------------------------------------- planted ---- */

#define LISTS 4u
#define TXNS 60u
#define LENGTH 200u

typedef struct {
    int64_t values[LENGTH];
    size_t count;
} model_list;

typedef enum { BEND_NOTHING, BEND_READ_OLD, BEND_READ_FUTURE, BEND_DROP, BEND_FAIL, BENDS } bend;

/* A serial execution, in which the transaction in the middle is bent. Every transaction reads two
 * lists and appends to two, so that whatever is bent shows. */
static void generate(seed_random *random, bend how)
{
    static model_list lists[LISTS];
    int64_t next = 1;
    memset(lists, 0, sizeof lists);
    for (uint32_t i = 0; i < TXNS; i++) {
        bool bent = i == TXNS / 2;
        size_t t = history_begin(h, i % 5, 10u * i);
        uint32_t first = (uint32_t)seed_below(random, LISTS), second = (first + 1) % LISTS;
        const uint32_t both[2] = {first, second};
        for (size_t k = 0; k < 2; k++) {
            model_list *list = &lists[both[k]];
            size_t seen = list->count;
            if (bent && how == BEND_READ_OLD && k == 0 && seen > 0) {
                seen--;
            }
            history_read(h, t, both[k], list->values, seen);
        }
        for (size_t k = 0; k < 2; k++) {
            model_list *list = &lists[both[k]];
            history_append(h, t, both[k], next);
            if (!(bent && how == BEND_DROP && k == 1)) {
                list->values[list->count++] = next;
            }
            next++;
        }
        if (bent && how == BEND_READ_FUTURE) { /* sees a later append of another list */
            model_list later = lists[(second + 1) % LISTS];
            later.values[later.count++] = 100000;
            history_read(h, t, (second + 1) % LISTS, later.values, later.count);
        }
        history_end(h, t, bent && how == BEND_FAIL ? HISTORY_FAILED : HISTORY_COMMITTED,
                    10u * i + 5);
    }
    size_t final = history_begin(h, 9, 10u * TXNS);
    for (uint32_t key = 0; key < LISTS; key++) {
        history_read(h, final, key, lists[key].values, lists[key].count);
    }
    history_end(h, final, HISTORY_COMMITTED, 10u * TXNS + 5);
    history_check(h, final, &verdict);
}

static void every_planted_anomaly_is_found(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("histories"));
    for (uint32_t round = 0; round < 60; round++) {
        for (int how = BEND_NOTHING; how < BENDS; how++) {
            history_destroy(h);
            h = history_create();
            generate(&random, (bend)how);
            if ((history_verdict_total(&verdict) > 0) != (how != BEND_NOTHING)) {
                fail_msg("round %" PRIu32 ", bend %d: %zu anomalies", round, how,
                         history_verdict_total(&verdict));
            }
        }
    }
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_serial_history_has_no_anomaly),
        SENTENCE(an_unknown_append_that_nobody_saw_is_no_loss),
        SENTENCE(a_committed_append_that_the_end_does_not_show_is_lost),
        SENTENCE(a_read_that_misses_an_own_append_is_internal),
        SENTENCE(a_list_that_changes_inside_a_transaction_is_internal),
        SENTENCE(a_value_read_twice_is_a_duplicate),
        SENTENCE(a_value_that_nobody_appended_is_a_duplicate),
        SENTENCE(two_orders_of_one_list_are_found),
        SENTENCE(a_value_of_a_failed_transaction_is_an_aborted_read),
        SENTENCE(a_state_inside_a_transaction_is_an_intermediate_read),
        SENTENCE(writes_in_two_orders_are_g0),
        SENTENCE(two_that_read_from_one_another_are_g1c),
        SENTENCE(a_read_of_half_a_transaction_is_g_single),
        SENTENCE(two_appends_on_one_and_the_same_read_are_g_single),
        SENTENCE(two_that_read_what_the_other_writes_are_g2),
        SENTENCE(a_long_fork_is_g2),
        SENTENCE(a_read_of_a_past_that_had_ended_is_stale),
        SENTENCE(every_planted_anomaly_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
