/* test_crash_states.c - power cuts at every call of scripts of one transaction, on the simulated
 * disk: for each, every legal state of the disk is opened again.
 *
 * Rules: what was acknowledged is there; a transaction is there whole or not at all; check finds
 * nothing; opening twice gives the same. */
#include "seed.h"
#include "sim_os.h"
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SAMPLES 20u
#define CALLS_MAX 2000u

/* How far a script came. */
typedef struct {
    bool had_before; /* (1, 1) was acknowledged */
    bool had_pair;   /* (2, 2) in both roots was acknowledged */
} progress_mark;

typedef void (*script)(space_fixture *fixture, progress_mark *mark);

/* `options` may be NULL. */
static pbase_status put_pair_with(space_fixture *fixture, int64_t key,
                                  const pbase_txn_options *options)
{
    static const char *const roots[] = {"left", "right"};
    pbase_txn *txn = NULL;
    pbase_status status = pbase_txn_begin(fixture->database, options, &txn, NULL);
    for (unsigned i = 0; i < 2 && status == PBASE_OK; i++) {
        pbase_dict *dict = NULL;
        pbase_value value = pbase_value_int(key);
        status = pbase_txn_dict(txn, roots[i], &dict, NULL);
        status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &dict, NULL) : status;
        for (int again = 0; again < 2; again++) { /* the second one may be past a bound */
            status =
                status == PBASE_OK ? pbase_dict_put(&dict, &value, &value, NULL, NULL) : status;
        }
        status = status == PBASE_OK ? pbase_txn_store_dict(txn, roots[i], dict, NULL) : status;
        pbase_dict_close(dict);
    }
    if (status != PBASE_OK) {
        pbase_txn_abort(&txn);
        return status;
    }
    return pbase_txn_commit(&txn, NULL, NULL, NULL);
}

static pbase_status put_pair(space_fixture *fixture, int64_t key)
{
    return put_pair_with(fixture, key, NULL);
}

/* A transaction whose trees go to the storage before its record, which names them. */
static void one_adopting_transaction(space_fixture *fixture, progress_mark *mark)
{
    pbase_txn_options options = pbase_txn_options_default();
    options.log_bytes_max = 1;
    options.memory_bytes_max = 1;
    if (fixture_try_open(fixture, NULL) == PBASE_OK) {
        mark->had_pair = put_pair_with(fixture, 2, &options) == PBASE_OK;
    }
}

/* Opens what the fixture describes and runs one transaction. */
static void one_transaction(space_fixture *fixture, progress_mark *mark)
{
    if (fixture_try_open(fixture, NULL) == PBASE_OK) {
        mark->had_pair = put_pair(fixture, 2) == PBASE_OK;
    }
}

static void one_transaction_and_a_checkpoint(space_fixture *fixture, progress_mark *mark)
{
    one_transaction(fixture, mark);
    if (mark->had_pair && pbase_space_checkpoint(fixture->space, NULL, NULL) != PBASE_OK) {
        assert_true(sim_os_has_crashed((sim_os *)fixture->options.os->state));
    }
}

static void one_transaction_and_a_clean_close(space_fixture *fixture, progress_mark *mark)
{
    one_transaction(fixture, mark);
    fixture_close(fixture);
}

/* -------------------------------------------------------------------------------- judgement ---- */

static void prepare(space_fixture *fixture, sim_os *sim)
{
    fixture_prepare(fixture, "/space", sim_os_interface(sim));
    fixture_set(fixture, "storage.blocks.segment_size=64KiB");
    fixture_set(fixture, "storage.journal_segment_size=64KiB");
}

static bool has_key(space_fixture *fixture, const char *root, int64_t key)
{
    return fixture_get(fixture, root, key) == key;
}

static void judge_opened(space_fixture *fixture, const progress_mark *mark)
{
    bool left = has_key(fixture, "left", 2), right = has_key(fixture, "right", 2);
    assert_true(left == right);
    assert_true(left || !mark->had_pair);
    if (mark->had_before) {
        assert_true(has_key(fixture, "left", 1) && has_key(fixture, "right", 1));
    }
    fixture_assert_clean(fixture);
}

static void judge_future(sim_os *future, const progress_mark *mark)
{
    space_fixture fixture;
    prepare(&fixture, future);
    fixture_open(&fixture);
    judge_opened(&fixture, mark);
    bool had_pair = has_key(&fixture, "left", 2);
    fixture_close(&fixture);
    fixture_open(&fixture);
    assert_true(has_key(&fixture, "left", 2) == had_pair);
    assert_int_equal(put_pair(&fixture, 3), PBASE_OK);
    fixture_close(&fixture);
    assert_int_equal(sim_os_memory_used(future), 0);
}

/* ------------------------------------------------------------------------------------ sweep ---- */

/* A disk with the space already there, (1, 1) in both roots and everything settled. */
static sim_os *disk_with_space(uint64_t seed)
{
    sim_os *sim = sim_os_create(seed);
    space_fixture fixture;
    prepare(&fixture, sim);
    fixture_open(&fixture);
    assert_int_equal(put_pair(&fixture, 1), PBASE_OK);
    fixture_close(&fixture);
    sim_os_settle(sim);
    return sim;
}

/* Runs the script with a power cut at call `n`; false when it ended before that call. */
static bool crash_at(script run, bool is_new, uint64_t n, uint64_t seed, uint64_t *futures)
{
    progress_mark mark = {.had_before = !is_new};
    sim_os *sim = is_new ? sim_os_create(seed) : disk_with_space(seed);
    space_fixture fixture;
    sim_crash crash;
    sim_os *future;
    prepare(&fixture, sim);
    sim_os_crash_at(sim, n);
    run(&fixture, &mark);
    bool crashed = sim_os_has_crashed(sim);
    sim_crash_begin(&crash, sim, SAMPLES, seed + n);
    while (crashed && (future = sim_crash_next(&crash)) != NULL) {
        judge_future(future, &mark);
        sim_os_destroy(future);
        ++*futures;
    }
    fixture_close(&fixture);
    sim_os_destroy(sim);
    return crashed;
}

static void sweep(script run, bool is_new, const char *name)
{
    uint64_t seed = seed_for(name), futures = 0, n = 1;
    while (n < CALLS_MAX && crash_at(run, is_new, n, seed, &futures)) {
        n++;
    }
    print_message("%s: %llu calls, %llu states of the disk\n", name, (unsigned long long)(n - 1),
                  (unsigned long long)futures);
    assert_true(n > 5 && n < CALLS_MAX);
}

static void a_transaction_in_a_space_that_is_there(void **unused)
{
    (void)unused;
    sweep(one_transaction, false, "a_transaction_in_a_space_that_is_there");
}

static void a_transaction_in_a_new_space(void **unused)
{
    (void)unused;
    sweep(one_transaction, true, "a_transaction_in_a_new_space");
}

static void a_transaction_and_a_checkpoint(void **unused)
{
    (void)unused;
    sweep(one_transaction_and_a_checkpoint, false, "a_transaction_and_a_checkpoint");
}

static void a_transaction_and_a_clean_close(void **unused)
{
    (void)unused;
    sweep(one_transaction_and_a_clean_close, false, "a_transaction_and_a_clean_close");
}

static void a_transaction_that_adopts(void **unused)
{
    (void)unused;
    sweep(one_adopting_transaction, false, "a_transaction_that_adopts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_in_a_space_that_is_there),
        cmocka_unit_test(a_transaction_in_a_new_space),
        cmocka_unit_test(a_transaction_and_a_checkpoint),
        cmocka_unit_test(a_transaction_and_a_clean_close),
        cmocka_unit_test(a_transaction_that_adopts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
