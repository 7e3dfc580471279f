/* test_outcome.c - done, not done, unknown: after every way in which writing the record can fail, what
 * the commit said and what its token answers later agree with what is there. */
#include "seed.h"
#include "sim_os.h"
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static space_fixture f;
static sim_os *sim;

static int begin(void **unused)
{
    (void)unused;
    sim = sim_os_create(seed_for("core.txn.outcome"));
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_set(&f, "storage.blocks.segment_size=64KiB");
    fixture_set(&f, "storage.journal_segment_size=64KiB");
    fixture_open(&f);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    sim_os_fail_at(sim, OS_CALL_ANY, 0, PBASE_OK, false);
    fixture_assert_clean(&f);
    fixture_close(&f);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
    return 0;
}

/* Commits (key, key) while the n-th call of a kind fails. */
static pbase_status commit_failing(int64_t key, os_call kind, uint64_t n, bool *out_hit,
                                   pbase_error *err)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "a");
    fixture_put(&dict, key, key);
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    uint64_t before = sim_os_calls(sim, kind);
    sim_os_fail_at(sim, kind, n, PBASE_IO, false);
    pbase_status status = pbase_txn_commit(&txn, NULL, NULL, err);
    sim_os_fail_at(sim, kind, 0, PBASE_OK, false);
    *out_hit = sim_os_calls(sim, kind) - before >= n;
    return status;
}

/* One commit under which the n-th call fails. */
static void unknown_commit_is_resolved(int64_t key, uint64_t n, bool settle_before,
                                       unsigned outcomes[3])
{
    pbase_error err;
    bool hit = false, applied = false;
    pbase_error_init(&err);
    if (settle_before) { /* the journal has been trimmed: it no longer begins at the beginning */
        assert_int_equal(fixture_put_one(&f, "b", key, key), PBASE_OK);
        assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    }
    pbase_status status = commit_failing(key, OS_CALL_ANY, n, &hit, &err);
    pbase_token token = err.token;
    if (status == PBASE_UNKNOWN) {
        assert_int_equal(err.outcome, PBASE_OUTCOME_UNKNOWN);
        assert_non_null(strstr(err.hint, "pbase_space_outcome"));
        pbase_status early = pbase_space_outcome(f.space, NULL, token, &applied, NULL);
        bool told_early = early == PBASE_OK, early_answer = applied;
        assert_true(early == PBASE_OK || early == PBASE_UNKNOWN);
        fixture_reopen(&f);
        assert_int_equal(pbase_space_outcome(f.space, NULL, token, &applied, &err), PBASE_OK);
        assert_int_equal(applied, fixture_get(&f, "a", key) == key);
        assert_true(!told_early || early_answer == applied);
        outcomes[applied ? 1 : 2]++;
    } else {
        assert_int_equal(fixture_get(&f, "a", key) == key, status == PBASE_OK);
        fixture_reopen(&f);
        assert_int_equal(fixture_get(&f, "a", key) == key, status == PBASE_OK);
        outcomes[0]++;
    }
}

/* What a failed write leaves of its sectors is drawn anew each time. */
static void sweep(bool settle_before)
{
    unsigned outcomes[3] = {0, 0, 0};
    for (int64_t round = 0; round < 60; round++) {
        unknown_commit_is_resolved(round + 1, (uint64_t)round % 20 + 1, settle_before, outcomes);
    }
    print_message("%u known, %u unknown and there, %u unknown and not there\n", outcomes[0],
                  outcomes[1], outcomes[2]);
    assert_true(outcomes[1] + outcomes[2] > 0);
}

static void an_unknown_commit_is_resolved_after_reopening(void **unused)
{
    (void)unused;
    sweep(false);
}

static void an_unknown_commit_is_resolved_in_a_journal_that_was_trimmed(void **unused)
{
    (void)unused;
    sweep(true);
}

/* Commits until one is unknown; yields its token. */
static pbase_token unknown_token(void)
{
    for (uint64_t n = 1; n < 100; n++) {
        pbase_error err;
        bool hit = false;
        pbase_error_init(&err);
        if (commit_failing((int64_t)n, OS_CALL_ANY, n, &hit, &err) == PBASE_UNKNOWN) {
            return err.token;
        }
        fixture_reopen(&f);
    }
    fail_msg("no commit is unknown");
    return (pbase_token){{0}};
}

static void a_token_that_a_checkpoint_has_passed_is_forgotten(void **unused)
{
    (void)unused;
    pbase_token token = unknown_token();
    pbase_error err;
    bool applied = false;
    pbase_error_init(&err);
    fixture_reopen(&f);
    assert_int_equal(pbase_space_outcome(f.space, NULL, token, &applied, NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "b", 1, 1), PBASE_OK);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_space_outcome(f.space, NULL, token, &applied, &err), PBASE_NOT_FOUND);
    assert_non_null(strstr(err.message, "forgotten"));
}

static void an_unknown_commit_leaves_the_space_readable_and_read_only(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "b", 1, 1), PBASE_OK);
    (void)unknown_token();
    assert_int_equal(fixture_get(&f, "b", 1), 1);
    assert_int_equal(fixture_put_one(&f, "b", 2, 2), PBASE_READ_ONLY);
    fixture_reopen(&f);
    assert_int_equal(fixture_put_one(&f, "b", 2, 2), PBASE_OK);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(an_unknown_commit_is_resolved_after_reopening),
        SENTENCE(an_unknown_commit_is_resolved_in_a_journal_that_was_trimmed),
        SENTENCE(a_token_that_a_checkpoint_has_passed_is_forgotten),
        SENTENCE(an_unknown_commit_leaves_the_space_readable_and_read_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
