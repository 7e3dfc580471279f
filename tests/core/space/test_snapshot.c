/* test_snapshot.c - snapshots that are opened and closed again and again: what an earlier one found is
 * never taken for what a later one has to see. */
#include "space_case.h"
#include <protobase/history.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

static pbase_snapshot *open_on(pbase_database *database)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_snapshot *snapshot = NULL;
    pbase_status status = pbase_snapshot_open(database, &snapshot, &err);
    assert_ok(status, &err);
    return snapshot;
}

/* The value of key 1 in the dictionary `name`. */
static int64_t value_in(const pbase_snapshot *snapshot, const char *name)
{
    pbase_value key = pbase_value_int(1), value;
    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_snapshot_dict(snapshot, name, &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_get(dict, &key, &arena, &value, NULL), PBASE_OK);
    int64_t found = value.as.integer;
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
    return found;
}

static int64_t fresh_value(pbase_database *database, const char *name)
{
    pbase_snapshot *snapshot = open_on(database);
    int64_t value = value_in(snapshot, name);
    pbase_snapshot_close(snapshot);
    return value;
}

static void each_fresh_snapshot_sees_the_commit_before_it(void **unused)
{
    (void)unused;
    for (int64_t i = 0; i < 20; i++) {
        assert_int_equal(fixture_put_one(&f, "a", 1, i), PBASE_OK);
        assert_int_equal(fresh_value(f.database, "a"), i);
        assert_int_equal(fresh_value(f.database, "a"), i);
    }
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_int_equal(fresh_value(f.database, "a"),
                     19); /* nothing was committed, all lies elsewhere */
}

static void snapshots_of_two_databases_in_turn_read_their_own(void **unused)
{
    (void)unused;
    pbase_database *main_database = f.database, *other = NULL;
    assert_int_equal(fixture_put_one(&f, "a", 1, 10), PBASE_OK);
    assert_int_equal(pbase_database_create(f.space, "other", NULL), PBASE_OK);
    assert_int_equal(pbase_database_open(f.space, "other", &other, NULL), PBASE_OK);
    f.database = other;
    assert_int_equal(fixture_put_one(&f, "a", 1, 20), PBASE_OK);
    f.database = main_database;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fresh_value(main_database, "a"), 10);
        assert_int_equal(fresh_value(other, "a"), 20);
        assert_int_equal(fresh_value(other, "a"), 20);
    }
    pbase_database_close(other);
}

static void a_snapshot_of_the_past_between_fresh_ones_sees_the_past(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 10), PBASE_OK);
    pbase_snapshot *first = open_on(f.database), *past = NULL;
    pbase_moment then = pbase_moment_of_sequence(pbase_snapshot_sequence(first));
    assert_int_equal(fixture_put_one(&f, "a", 1, 20), PBASE_OK);
    assert_int_equal(fresh_value(f.database, "a"), 20);
    assert_int_equal(pbase_snapshot_open_at(f.database, &then, NULL, &past, NULL), PBASE_OK);
    assert_int_equal(value_in(past, "a"), 10);
    pbase_snapshot_close(past);
    assert_int_equal(fresh_value(f.database, "a"), 20);
    assert_int_equal(value_in(first, "a"), 10);
    pbase_snapshot_close(first);
}

static void a_root_that_was_opened_is_refused_as_another_kind_as_before(void **unused)
{
    (void)unused;
    pbase_list *list = NULL;
    pbase_dict *dict = NULL;
    assert_int_equal(fixture_put_one(&f, "a", 1, 10), PBASE_OK);
    pbase_snapshot *snapshot = open_on(f.database);
    assert_int_equal(value_in(snapshot, "a"), 10);
    assert_int_equal(pbase_snapshot_list(snapshot, "a", &list, NULL), PBASE_INVALID);
    assert_int_equal(pbase_snapshot_dict(snapshot, "b", &dict, NULL), PBASE_NOT_FOUND);
    assert_int_equal(value_in(snapshot, "a"), 10);
    pbase_snapshot_close(snapshot);
}

static void a_dropped_database_is_missed_by_the_next_snapshot(void **unused)
{
    (void)unused;
    pbase_database *other = NULL;
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_database_create(f.space, "other", NULL), PBASE_OK);
    assert_int_equal(pbase_database_open(f.space, "other", &other, NULL), PBASE_OK);
    pbase_snapshot_close(open_on(other));
    assert_int_equal(pbase_database_drop(f.space, "other", NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_open(other, &snapshot, NULL), PBASE_NOT_FOUND);
    pbase_database_close(other);
}

/* ---------------------------------------------------------------------------------- threads --- */

#define READERS 3u
#define COMMITS 300

static const pbase_snapshot *shared; /* of all readers */
static _Atomic bool ends;
static _Atomic bool wrong;

static pbase_status put_pair(pbase_txn *txn, void *state, pbase_error *err)
{
    static const char *const roots[] = {"left", "right"};
    pbase_value key = pbase_value_int(1), value = pbase_value_int(*(int64_t *)state);
    pbase_status status = PBASE_OK;
    for (unsigned i = 0; i < 2 && status == PBASE_OK; i++) {
        pbase_dict *dict = NULL;
        status = pbase_txn_new_dict(txn, &dict, err);
        status = status == PBASE_OK ? pbase_dict_put(&dict, &key, &value, NULL, err) : status;
        status = status == PBASE_OK ? pbase_txn_store_dict(txn, roots[i], dict, err) : status;
        pbase_dict_close(dict);
    }
    return status;
}

static void *read_on(void *unused)
{
    (void)unused;
    int64_t last = 0;
    while (!atomic_load(&ends)) {
        pbase_snapshot *snapshot = open_on(f.database);
        int64_t left = value_in(snapshot, "left"), right = value_in(snapshot, "right");
        pbase_snapshot_close(snapshot);
        if (left != right || left < last || value_in(shared, "left") != 0 ||
            value_in(shared, "right") != 0) {
            atomic_store(&wrong, true);
        }
        last = left;
    }
    return NULL;
}

static void threads_see_whole_commits_and_never_an_older_one(void **unused)
{
    (void)unused;
    pthread_t threads[READERS];
    int64_t number = 0;
    assert_int_equal(pbase_txn_run(f.database, NULL, NULL, put_pair, &number, NULL), PBASE_OK);
    pbase_snapshot *kept = open_on(f.database);
    shared = kept;
    atomic_store(&ends, false);
    for (unsigned i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, NULL), 0);
    }
    for (number = 1; number <= COMMITS; number++) {
        pbase_status status = pbase_txn_run(f.database, NULL, NULL, put_pair, &number, NULL);
        if (status != PBASE_OK || fresh_value(f.database, "right") != number) {
            atomic_store(&wrong, true);
        }
    }
    atomic_store(&ends, true);
    for (unsigned i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    pbase_snapshot_close(kept);
    assert_false(atomic_load(&wrong));
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin_memory, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(each_fresh_snapshot_sees_the_commit_before_it),
        SENTENCE(snapshots_of_two_databases_in_turn_read_their_own),
        SENTENCE(a_snapshot_of_the_past_between_fresh_ones_sees_the_past),
        SENTENCE(a_root_that_was_opened_is_refused_as_another_kind_as_before),
        SENTENCE(a_dropped_database_is_missed_by_the_next_snapshot),
        SENTENCE(threads_see_whole_commits_and_never_an_older_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
