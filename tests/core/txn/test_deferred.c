/* test_deferred.c - commits that wait to be applied: nobody who looks can tell. */
#include "seed.h"
#include "sim_os.h"
#include "space/space_private.h"
#include "space_fixture.h"
#include "txn/engine_private.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static space_fixture f;
static sim_os *sim;

static int begin(void **unused)
{
    (void)unused;
    sim = sim_os_create(1);
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_open(&f);
    assert_int_equal(fixture_put_one(&f, "d", 0, 0), PBASE_OK); /* makes the dictionary */
    assert_int_equal(fixture_get(&f, "d", 0), 0);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_close(&f);
    sim_os_destroy(sim);
    return 0;
}

static bool waits(void)
{
    engine *self = f.space->engine;
    engine_lock(self, self->queue_mutex);
    bool any = self->deferred.first != NULL || self->deferred.is_ahead;
    engine_unlock(self, self->queue_mutex);
    return any;
}

/* What the transaction sees under a key of a root; INT64_MIN: nothing. */
static int64_t seen(pbase_txn *txn, const char *name, int64_t key)
{
    pbase_error err;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_value k = pbase_value_int(key), v = pbase_value_int(INT64_MIN);
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_txn_dict(txn, name, &dict, &err);
    status = status == PBASE_OK ? pbase_dict_get(dict, &k, &arena, &v, &err) : status;
    if (status != PBASE_NOT_FOUND) {
        assert_ok(status, &err);
    }
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
    return v.as.integer;
}

static void put(pbase_txn *txn, const char *name, int64_t key, int64_t value)
{
    pbase_dict *dict = fixture_dict(txn, name);
    fixture_put(&dict, key, value);
    assert_int_equal(pbase_txn_store_dict(txn, name, dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
}

/* ------------------------------------------------------------------------------- waiting ------ */

static void a_commit_of_blind_puts_waits_until_somebody_reads(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 10), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "d", 1, 11), PBASE_OK);
    assert_true(waits());

    assert_int_equal(fixture_get(&f, "d", 1), 11);
    assert_false(waits());
    fixture_assert_clean(&f);
}

static void what_waits_is_in_checkpoints_and_comes_back_when_it_is_opened_again(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 10), PBASE_OK);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_false(waits());
    assert_int_equal(fixture_put_one(&f, "d", 2, 20), PBASE_OK);
    assert_true(waits());

    fixture_reopen(&f);

    assert_int_equal(fixture_get(&f, "d", 1), 10);
    assert_int_equal(fixture_get(&f, "d", 2), 20);
}

static void a_commit_that_reads_or_changes_names_applies_what_waits_before_it(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 10), PBASE_OK);
    assert_true(waits());
    assert_int_equal(fixture_put_one(&f, "other", 1, 1), PBASE_OK); /* makes a root */
    assert_false(waits());

    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(fixture_put_one(&f, "d", 2, 20), PBASE_OK);
    assert_int_equal(pbase_txn_drop_root(txn, "other", NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_false(waits());
    assert_int_equal(fixture_get(&f, "d", 2), 20);
}

static void puts_into_a_dictionary_that_was_dropped_meanwhile_are_a_conflict(void **unused)
{
    (void)unused;
    pbase_txn *writer = fixture_begin(&f, PBASE_SERIALIZABLE);
    put(writer, "d", 1, 10);
    pbase_txn *dropper = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_drop_root(dropper, "d", NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&dropper), PBASE_OK);

    assert_int_equal(fixture_commit(&writer), PBASE_CONFLICT);
    assert_false(waits());
}

static void two_blind_puts_of_one_key_conflict_as_ever(void **unused)
{
    (void)unused;
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *second = fixture_begin(&f, PBASE_SERIALIZABLE);
    put(first, "d", 1, 10);
    put(second, "d", 1, 20);

    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_int_equal(fixture_commit(&first), PBASE_CONFLICT);
    assert_int_equal(fixture_get(&f, "d", 1), 20);
}

static void puts_into_an_indexed_dictionary_do_not_wait(void **unused)
{
    (void)unused;
    static const char *const fields[] = {"n"};
    pbase_index_options options = {
        .struct_size = sizeof options, .fields = fields, .field_count = 1};
    pbase_error err;
    pbase_error_init(&err);
    pbase_txn *before = fixture_begin(&f, PBASE_SERIALIZABLE);
    put(before, "d", 1, 10);
    assert_int_equal(fixture_put_one(&f, "d", 2, 20), PBASE_OK);
    assert_ok(pbase_index_create(f.database, "d", "by_n", &options, NULL, &err), &err);

    pbase_status status = fixture_commit(&before); /* it began before there was an index */

    assert_true(status == PBASE_OK || status == PBASE_CONFLICT);
    assert_false(waits());
    assert_int_equal(fixture_put_one(&f, "d", 3, 30), PBASE_OK);
    assert_false(waits());
    fixture_assert_clean(&f);
}

/* More than a leaf of keys in two collections, each put several times. */
static void many_commits_come_out_as_the_last_ones_said(void **unused)
{
    (void)unused;
    static const char *const names[] = {"d", "e"};
    static int64_t last[2][512];
    seed_random random;
    seed_random_init(&random, seed_for("core.txn.deferred"));
    assert_int_equal(fixture_put_one(&f, "e", 0, 0), PBASE_OK);
    assert_int_equal(fixture_get(&f, "e", 0), 0);
    memset(last, 0, sizeof last);
    for (int64_t commit = 1; commit <= 200; commit++) {
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        for (size_t i = 0; i < 2; i++) {
            pbase_dict *dict = fixture_dict(txn, names[i]);
            for (int j = 0; j < 20; j++) {
                int64_t key = (int64_t)seed_below(&random, 512);
                last[i][key] = commit * 100 + j;
                fixture_put(&dict, key, last[i][key]);
            }
            assert_int_equal(pbase_txn_store_dict(txn, names[i], dict, NULL), PBASE_OK);
            pbase_dict_close(dict);
        }
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        assert_true(waits());
    }

    for (size_t i = 0; i < 2; i++) {
        for (int64_t key = 0; key < 512; key++) {
            int64_t expected = last[i][key] == 0 && key != 0 ? INT64_MIN : last[i][key];
            assert_int_equal(fixture_get(&f, names[i], key), expected);
        }
    }
    fixture_assert_clean(&f);
}

/* Puts are asked for, read and applied in steps: none is left out at the end of one. */
static void any_number_of_puts_is_applied(void **unused)
{
    enum { PUTS_MAX = 70 }; /* twice what is read ahead, and more */
    (void)unused;
    for (int64_t count = 1; count <= PUTS_MAX; count++) {
        for (int64_t half = 0; half < 2; half++) { /* of two records, which share a key */
            pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
            pbase_dict *dict = fixture_dict(txn, "d");
            for (int64_t key = half * (count / 2); key < (half == 0 ? count / 2 + 1 : count);
                 key++) {
                fixture_put(&dict, key, count * 1000 + key);
            }
            assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
            pbase_dict_close(dict);
            assert_int_equal(fixture_commit(&txn), PBASE_OK);
        }
        assert_true(waits());
        for (int64_t key = 0; key < count; key++) {
            assert_int_equal(fixture_get(&f, "d", key), count * 1000 + key);
        }
        assert_int_equal(fixture_count(&f, "d"), count);
    }
    fixture_assert_clean(&f);
}

/* -------------------------------------------------------------------------------- behind ------ */

static void a_transaction_that_began_behind_reads_the_state_of_its_begin(void **unused)
{
    (void)unused;
    pbase_txn *open[4];
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(fixture_put_one(&f, "d", 1, i), PBASE_OK);
        open[i] = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    }
    assert_int_equal(fixture_put_one(&f, "d", 1, 4), PBASE_OK);
    assert_true(waits());

    assert_int_equal(seen(open[2], "d", 1), 2);
    assert_int_equal(fixture_get(&f, "d", 1), 4);
    assert_int_equal(seen(open[0], "d", 1), 0);
    assert_int_equal(seen(open[3], "d", 1), 3);
    for (int i = 0; i < 4; i++) {
        pbase_txn_abort(&open[i]);
    }
}

static void what_it_wrote_lies_over_what_it_began_with(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 10), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    put(txn, "d", 2, 20);
    pbase_dict *second = fixture_dict(txn, "d");
    fixture_put(&second, 3, 30);

    assert_int_equal(seen(txn, "d", 1), 10);
    assert_int_equal(seen(txn, "d", 2), 20);
    assert_int_equal(seen(txn, "d", 3), INT64_MIN); /* not stored yet */
    assert_int_equal(pbase_txn_store_dict(txn, "d", second, NULL), PBASE_OK);
    assert_int_equal(seen(txn, "d", 3), 30);
    pbase_dict_close(second);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_get(&f, "d", 2), 20);
    assert_int_equal(fixture_get(&f, "d", 3), 30);
    assert_true(fixture_count(&f, "d") == 4);
}

static void a_copy_under_another_root_has_what_waited(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 10), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    fixture_put(&dict, 2, 20);
    assert_int_equal(pbase_txn_store_dict(txn, "copy", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);

    assert_int_equal(fixture_get(&f, "copy", 1), 10);
    assert_int_equal(fixture_get(&f, "copy", 2), 20);
    assert_int_equal(fixture_get(&f, "d", 2), INT64_MIN);
}

static void a_nested_transaction_sees_the_same(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 10), PBASE_OK);
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE), *inner = NULL;
    put(outer, "d", 2, 20);
    assert_int_equal(pbase_txn_begin_nested(outer, NULL, &inner, NULL), PBASE_OK);
    assert_int_equal(seen(inner, "d", 1), 10);
    assert_int_equal(seen(inner, "d", 2), 20);
    put(inner, "d", 3, 30);
    assert_int_equal(fixture_commit(&inner), PBASE_OK);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(fixture_get(&f, "d", 3), 30);
}

/* --------------------------------------------------------------------------------- ahead ------ */

static uint64_t newest_sequence(void)
{
    space_state *newest = engine_state(f.space->engine);
    uint64_t sequence = newest->sequence;
    space_state_unref(newest);
    return sequence;
}

static void advance(void)
{
    pbase_error err;
    pbase_error_init(&err);
    assert_ok(deferred_advance(f.space->engine, 0, &err), &err);
    assert_true(f.space->engine->deferred.first == NULL);
}

static void what_the_background_applied_is_in_a_state_when_somebody_looks(void **unused)
{
    (void)unused;
    uint64_t before = newest_sequence();
    for (int64_t i = 0; i < 10; i++) {
        assert_int_equal(fixture_put_one(&f, "d", i, i * 10), PBASE_OK);
        advance();
        assert_true(newest_sequence() == before);
        assert_true(waits());
    }

    assert_int_equal(fixture_get(&f, "d", 3), 30);
    assert_true(newest_sequence() == before + 10);
    assert_false(waits());
    fixture_assert_clean(&f);
}

static void what_was_applied_ahead_is_edited_where_it_lies(void **unused)
{
    (void)unused;
    const atom_source *atoms = store_atoms(f.space->engine->bytes);
    assert_int_equal(fixture_put_one(&f, "d", 0, 1), PBASE_OK);
    advance();
    uint64_t nodes = atomic_load(&atoms->memory_count);

    for (int64_t i = 0; i < 10; i++) {
        assert_int_equal(fixture_put_one(&f, "d", 0, i), PBASE_OK);
        advance();
    }

    assert_true(atomic_load(&atoms->memory_count) == nodes);
    assert_int_equal(fixture_get(&f, "d", 0), 9);
}

static void applying_ahead_stops_for_a_transaction_that_may_still_read(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 10), PBASE_OK);
    pbase_txn *early = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    assert_int_equal(fixture_put_one(&f, "d", 1, 11), PBASE_OK);
    pbase_txn *late = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    assert_int_equal(fixture_put_one(&f, "d", 1, 12), PBASE_OK);

    advance();

    assert_int_equal(seen(late, "d", 1), 11);
    assert_int_equal(seen(early, "d", 1), 10);
    assert_int_equal(fixture_get(&f, "d", 1), 12);
    pbase_txn_abort(&early);
    pbase_txn_abort(&late);
}

static void a_checkpoint_and_an_end_have_what_was_applied_ahead(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 10), PBASE_OK);
    advance();
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_false(waits());
    assert_int_equal(fixture_put_one(&f, "d", 2, 20), PBASE_OK);
    advance();
    assert_int_equal(fixture_put_one(&f, "d", 3, 30), PBASE_OK);
    assert_true(waits());

    fixture_reopen(&f);

    assert_int_equal(fixture_get(&f, "d", 1), 10);
    assert_int_equal(fixture_get(&f, "d", 2), 20);
    assert_int_equal(fixture_get(&f, "d", 3), 30);
    fixture_assert_clean(&f);
}

static void a_commit_that_cannot_wait_comes_after_what_was_applied_ahead(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 10), PBASE_OK);
    advance();
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    pbase_value key = pbase_value_int(1);
    bool removed = false;
    assert_int_equal(pbase_dict_remove(&dict, &key, &removed, NULL), PBASE_OK);
    assert_true(removed);
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);

    assert_int_equal(fixture_get(&f, "d", 1), INT64_MIN);
    fixture_assert_clean(&f);
}

/* -------------------------------------------------------------------------------- failing ----- */

/* Enough to split leaves and to need memory in the middle of a round. */
static void put_many(int64_t round)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    for (int64_t key = 0; key < 400; key++) {
        fixture_put(&dict, key * 7 % 400 + round, round * 1000 + key);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static void a_round_that_finds_no_memory_is_done_again(void **unused)
{
    (void)unused;
    engine *self = f.space->engine;
    put_many(1);
    advance();
    put_many(2);
    uint64_t failures = 0;
    for (uint64_t n = 1; self->deferred.first != NULL || waits(); n++) {
        bool publishes = self->deferred.first == NULL;
        sim_os_fail_at(sim, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, false);
        pbase_status status =
            publishes ? deferred_apply(self, NULL) : deferred_advance(self, 0, NULL);
        sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
        assert_true(status == PBASE_OK || status == PBASE_NO_MEMORY);
        failures += status != PBASE_OK;
        n = !publishes && status == PBASE_OK ? 0 : n; /* from the first call of publishing */
        assert_true(n < 10000);
    }
    assert_true(failures > 2);
    for (int64_t key = 0; key < 400; key++) {
        assert_int_equal(fixture_get(&f, "d", key * 7 % 400 + 2), 2000 + key);
    }
    assert_int_equal(fixture_count(&f, "d"), 402);
    fixture_assert_clean(&f);
}

static void who_reads_is_told_when_there_is_no_memory_and_the_next_one_reads(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 10), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    for (uint64_t n = 1; waits(); n++) {
        sim_os_fail_at(sim, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, false);
        pbase_status status = engine_refresh(f.space->engine, NULL);
        sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
        assert_true(status == PBASE_OK ? !waits() : waits() && status == PBASE_NO_MEMORY);
        assert_true(n < 10000);
    }
    assert_int_equal(seen(txn, "d", 1), 10);
    assert_int_equal(fixture_get(&f, "d", 1), 10);
    pbase_txn_abort(&txn);
}

/* --------------------------------------------------------------------------------- random ----- */

#define KEYS 24
#define OPEN_MAX 4

typedef struct {
    pbase_txn *txn;
    int64_t before[KEYS]; /* what is committed at its begin */
    int64_t now[KEYS];    /* what it sees */
    bool wrote[KEYS];
} model_txn;

static int64_t committed[KEYS];
static model_txn open_txns[OPEN_MAX];

static void model_begin(model_txn *self, seed_random *random)
{
    self->txn = fixture_begin(&f, seed_below(random, 2) == 0 ? PBASE_SERIALIZABLE
                                                             : PBASE_SNAPSHOT_ISOLATION);
    memcpy(self->before, committed, sizeof committed);
    memcpy(self->now, committed, sizeof committed);
    memset(self->wrote, 0, sizeof self->wrote);
}

static void model_end(model_txn *self, bool commits)
{
    if (!commits) {
        pbase_txn_abort(&self->txn);
        return;
    }
    pbase_status status = fixture_commit(&self->txn);
    assert_true(status == PBASE_OK || status == PBASE_CONFLICT);
    for (int i = 0; i < KEYS; i++) {
        if (self->wrote[i] && status == PBASE_OK) {
            assert_true(committed[i] == self->before[i]); /* or it had to lose */
            committed[i] = self->now[i];
        }
    }
}

static void model_step(model_txn *self, seed_random *random, int64_t number)
{
    int64_t key = (int64_t)seed_below(random, KEYS);
    switch (self->txn == NULL ? 0 : seed_below(random, 6)) {
    case 0:
        if (self->txn == NULL) {
            model_begin(self, random);
        }
        break;
    case 1:
        assert_int_equal(seen(self->txn, "d", key), self->now[key]);
        break;
    case 2:
    case 3:
        put(self->txn, "d", key, number);
        self->now[key] = number;
        self->wrote[key] = true;
        break;
    default:
        model_end(self, seed_below(random, 8) != 0);
        break;
    }
}

static void random_transactions_see_what_a_model_says(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("core.txn.deferred"));
    int64_t steps = seed_is_long_run() ? 400000 : 20000;
    for (int i = 0; i < KEYS; i++) {
        committed[i] = i == 0 ? 0 : INT64_MIN;
    }
    memset(open_txns, 0, sizeof open_txns);
    for (int64_t step = 1; step <= steps; step++) {
        model_step(&open_txns[seed_below(&random, OPEN_MAX)], &random, step);
        if (seed_below(&random, 50) == 0) {
            int64_t key = (int64_t)seed_below(&random, KEYS);
            assert_int_equal(fixture_get(&f, "d", key), committed[key]);
        }
        if (seed_below(&random, 20) == 0) {
            sim_os_fail_at(sim, OS_CALL_MEMORY, seed_below(&random, 64), PBASE_NO_MEMORY, false);
            pbase_status status = deferred_advance(f.space->engine, 0, NULL);
            sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
            assert_true(status == PBASE_OK || status == PBASE_NO_MEMORY);
        }
        if (seed_below(&random, 500) == 0) {
            assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        }
        if (seed_below(&random, 1000) == 0) {
            for (int i = 0; i < OPEN_MAX; i++) {
                pbase_txn_abort(&open_txns[i].txn);
            }
            fixture_reopen(&f);
        }
    }
    for (int i = 0; i < OPEN_MAX; i++) {
        pbase_txn_abort(&open_txns[i].txn);
    }
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(fixture_get(&f, "d", i), committed[i]);
    }
    fixture_assert_clean(&f);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_commit_of_blind_puts_waits_until_somebody_reads),
        SENTENCE(what_waits_is_in_checkpoints_and_comes_back_when_it_is_opened_again),
        SENTENCE(a_commit_that_reads_or_changes_names_applies_what_waits_before_it),
        SENTENCE(puts_into_a_dictionary_that_was_dropped_meanwhile_are_a_conflict),
        SENTENCE(two_blind_puts_of_one_key_conflict_as_ever),
        SENTENCE(puts_into_an_indexed_dictionary_do_not_wait),
        SENTENCE(many_commits_come_out_as_the_last_ones_said),
        SENTENCE(any_number_of_puts_is_applied),
        SENTENCE(a_transaction_that_began_behind_reads_the_state_of_its_begin),
        SENTENCE(what_it_wrote_lies_over_what_it_began_with),
        SENTENCE(a_copy_under_another_root_has_what_waited),
        SENTENCE(a_nested_transaction_sees_the_same),
        SENTENCE(what_the_background_applied_is_in_a_state_when_somebody_looks),
        SENTENCE(what_was_applied_ahead_is_edited_where_it_lies),
        SENTENCE(applying_ahead_stops_for_a_transaction_that_may_still_read),
        SENTENCE(a_checkpoint_and_an_end_have_what_was_applied_ahead),
        SENTENCE(a_commit_that_cannot_wait_comes_after_what_was_applied_ahead),
        SENTENCE(a_round_that_finds_no_memory_is_done_again),
        SENTENCE(who_reads_is_told_when_there_is_no_memory_and_the_next_one_reads),
        SENTENCE(random_transactions_see_what_a_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
