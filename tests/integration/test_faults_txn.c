/* test_faults_txn.c - transactions: reading, storing, nesting, merging, committing, with every call
 * below them made to fail (fault_scene.h). */
#include "fault_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void close_handles(fault_scene *s)
{
    for (size_t i = 0; i < FAULT_HANDLES; i++) {
        pbase_collection_close(s->held[i]);
        s->held[i] = NULL;
    }
}

/* Handles end before their transaction does. */
static pbase_status commit(fault_scene *s, pbase_status status, pbase_error *err)
{
    close_handles(s);
    return status == PBASE_OK ? pbase_txn_commit(&s->txn, NULL, NULL, err) : status;
}

/* Asserts that the committed dictionary has the key with this value. */
static void assert_committed(fault_scene *s, const char *root, int64_t key, int64_t value)
{
    assert_int_equal(fixture_get(&s->fixture, root, key), value);
}

/* ------------------------------------------------------------------------------------- reading ---- */

static pbase_status begin_and_abort(fault_scene *s, pbase_error *err)
{
    pbase_txn_options options = pbase_txn_options_default();
    pbase_txn *txn = NULL;
    options.isolation = PBASE_SNAPSHOT_ISOLATION;
    pbase_status status = pbase_txn_begin(s->fixture.database, &options, &txn, err);
    assert_true((status == PBASE_OK) == (txn != NULL));
    pbase_txn_abort(&txn);
    return status;
}

static pbase_status count_root(void *state, const pbase_root_info *root, pbase_error *err)
{
    (void)err;
    *(uint64_t *)state += root->name.size != 0;
    return PBASE_OK;
}

static pbase_status roots_in_txn(fault_scene *s, pbase_error *err)
{
    pbase_txn *txn = s->txn;
    pbase_dict *dict = NULL;
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_counted_set *counted = NULL;
    pbase_hash_dict *hash = NULL;
    pbase_multi_dict *multi = NULL;
    pbase_value value = pbase_value_null();
    uint64_t roots = 0;
    pbase_status status = pbase_txn_dict(txn, "dict", &dict, err);
    status = status == PBASE_OK ? pbase_txn_list(txn, "list", &list, err) : status;
    status = status == PBASE_OK ? pbase_txn_set(txn, "set", &set, err) : status;
    status = status == PBASE_OK ? pbase_txn_counted_set(txn, "counted", &counted, err) : status;
    status = status == PBASE_OK ? pbase_txn_hash_dict(txn, "hash", &hash, err) : status;
    status = status == PBASE_OK ? pbase_txn_multi_dict(txn, "multi", &multi, err) : status;
    status = status == PBASE_OK ? pbase_txn_value(txn, "value", &s->arena, &value, err) : status;
    status = status == PBASE_OK ? pbase_txn_roots(txn, count_root, &roots, err) : status;
    assert_true(status != PBASE_OK || (value.kind == PBASE_MAP && roots == 16));
    pbase_dict_close(dict);
    pbase_list_close(list);
    pbase_set_close(set);
    pbase_counted_set_close(counted);
    pbase_hash_dict_close(hash);
    pbase_multi_dict_close(multi);
    return status;
}

static pbase_status roots_in_snapshot(fault_scene *s, pbase_error *err)
{
    const pbase_snapshot *snapshot = s->snapshot;
    pbase_dict *dict = NULL;
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_counted_set *counted = NULL;
    pbase_hash_dict *hash = NULL;
    pbase_multi_dict *multi = NULL;
    pbase_value value = pbase_value_null();
    pbase_root_info info = {.count = 0};
    uint64_t roots = 0;
    pbase_status status = pbase_snapshot_dict(snapshot, "dict", &dict, err);
    status = status == PBASE_OK ? pbase_snapshot_list(snapshot, "list", &list, err) : status;
    status = status == PBASE_OK ? pbase_snapshot_set(snapshot, "set", &set, err) : status;
    status = status == PBASE_OK ? pbase_snapshot_counted_set(snapshot, "counted", &counted, err)
                                : status;
    status = status == PBASE_OK ? pbase_snapshot_hash_dict(snapshot, "hash", &hash, err) : status;
    status =
        status == PBASE_OK ? pbase_snapshot_multi_dict(snapshot, "multi", &multi, err) : status;
    status = status == PBASE_OK ? pbase_snapshot_value(snapshot, "value", &s->arena, &value, err)
                                : status;
    status = status == PBASE_OK ? pbase_snapshot_roots(snapshot, count_root, &roots, err) : status;
    status = status == PBASE_OK ? pbase_snapshot_root(snapshot, "list2", &info, err) : status;
    assert_true(status != PBASE_OK || (value.kind == PBASE_MAP && roots == 16 && info.count == 40));
    pbase_dict_close(dict);
    pbase_list_close(list);
    pbase_set_close(set);
    pbase_counted_set_close(counted);
    pbase_hash_dict_close(hash);
    pbase_multi_dict_close(multi);
    return status;
}

static pbase_status snapshot_open(fault_scene *s, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_status status = pbase_snapshot_open(s->fixture.database, &snapshot, err);
    if (status == PBASE_OK) {
        assert_true(pbase_snapshot_sequence(snapshot) != 0 && pbase_snapshot_time(snapshot) != 0);
    }
    pbase_snapshot_close(snapshot);
    return status;
}

/* ------------------------------------------------------------------------------------- storing ---- */

/* A new collection of each kind, with an entry, under a root of its own. */
static pbase_status new_keyed(pbase_txn *txn, const pbase_value *value, pbase_error *err)
{
    pbase_dict *dict = NULL;
    pbase_hash_dict *hash = NULL;
    pbase_multi_dict *multi = NULL;
    pbase_status status = pbase_txn_new_dict(txn, &dict, err);
    status = status == PBASE_OK ? pbase_dict_put(&dict, value, value, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "new dict", dict, err) : status;
    status = status == PBASE_OK ? pbase_txn_new_hash_dict(txn, &hash, err) : status;
    status = status == PBASE_OK ? pbase_hash_dict_put(&hash, value, value, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_hash_dict(txn, "new hash", hash, err) : status;
    status = status == PBASE_OK ? pbase_txn_new_multi_dict(txn, &multi, err) : status;
    status = status == PBASE_OK ? pbase_multi_dict_add(&multi, value, value, 1, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_multi_dict(txn, "new multi", multi, err) : status;
    pbase_dict_close(dict);
    pbase_hash_dict_close(hash);
    pbase_multi_dict_close(multi);
    return status;
}

static pbase_status new_other(pbase_txn *txn, const pbase_value *value, pbase_error *err)
{
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_counted_set *counted = NULL;
    pbase_status status = pbase_txn_new_list(txn, &list, err);
    status = status == PBASE_OK ? pbase_list_append(&list, value, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_list(txn, "new list", list, err) : status;
    status = status == PBASE_OK ? pbase_txn_new_set(txn, &set, err) : status;
    status = status == PBASE_OK ? pbase_set_add(&set, value, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_set(txn, "new set", set, err) : status;
    status = status == PBASE_OK ? pbase_txn_new_counted_set(txn, &counted, err) : status;
    status = status == PBASE_OK ? pbase_counted_set_add(&counted, value, 2, NULL, err) : status;
    status =
        status == PBASE_OK ? pbase_txn_store_counted_set(txn, "new counted", counted, err) : status;
    pbase_list_close(list);
    pbase_set_close(set);
    pbase_counted_set_close(counted);
    return status;
}

static pbase_status store_each_kind(fault_scene *s, pbase_error *err)
{
    pbase_value value = pbase_value_int((int64_t)s->round);
    pbase_status status = new_keyed(s->txn, &value, err);
    status = status == PBASE_OK ? new_other(s->txn, &value, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_value(s->txn, "new value", &value, err) : status;
    return commit(s, status, err);
}

static void each_kind_is_there(fault_scene *s)
{
    assert_committed(s, "new dict", (int64_t)s->round, (int64_t)s->round);
    assert_int_equal(fixture_count(&s->fixture, "new list"), 1);
    assert_int_equal(fixture_count(&s->fixture, "new counted"), 1);
    assert_int_equal(fixture_count(&s->fixture, "new value"), 1);
}

/* A change of the root's own; a copy of it under another root, made of atoms as it is long; a root
 * that goes. */
static pbase_status store_copy_and_drop(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    pbase_value value = pbase_value_int((int64_t)s->round);
    pbase_status status = pbase_list_append(&list, &value, err);
    fault_hold(s, 0, pbase_list_as_collection(list));
    status = status == PBASE_OK ? pbase_txn_store(s->txn, "long", s->held[0], err) : status;
    status = status == PBASE_OK ? pbase_txn_store(s->txn, "copy", s->held[0], err) : status;
    status = status == PBASE_OK ? pbase_txn_drop_root(s->txn, "files", err) : status;
    status = status == PBASE_OK ? pbase_txn_store(s->txn, "files", s->held[1], err) : status;
    return commit(s, status, err);
}

static void copy_is_there(fault_scene *s)
{
    assert_int_equal(fixture_count(&s->fixture, "copy"), fixture_count(&s->fixture, "long"));
    assert_int_equal(fixture_count(&s->fixture, "files"), 100);
}

static pbase_status commit_nothing(fault_scene *s, pbase_error *err)
{
    pbase_dict *dict = NULL;
    pbase_value key = pbase_value_int(3), value;
    pbase_status status = pbase_txn_dict(s->txn, "dict", &dict, err);
    status = status == PBASE_OK ? pbase_dict_get(dict, &key, &s->arena, &value, err) : status;
    pbase_dict_close(dict);
    return commit(s, status, err);
}

/* Acknowledged before it is on the disk; the sync that follows puts it there. */
static pbase_status commit_async_and_sync(fault_scene *s, pbase_error *err)
{
    pbase_txn_options options = pbase_txn_options_default();
    pbase_value key = pbase_value_int(1000), value = pbase_value_int((int64_t)s->round);
    pbase_dict *dict = NULL;
    options.durability = PBASE_DURABILITY_ASYNC;
    pbase_status status = pbase_txn_begin(s->fixture.database, &options, &s->txn, err);
    status = status == PBASE_OK ? pbase_txn_dict(s->txn, "dict", &dict, err) : status;
    status = status == PBASE_OK ? pbase_dict_put(&dict, &key, &value, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(s->txn, "dict", dict, err) : status;
    pbase_dict_close(dict);
    status = commit(s, status, err);
    return status;
}

/* ------------------------------------------------------------------------------ against others ---- */

static void edit_dict(fault_scene *s, int64_t key)
{
    pbase_dict *dict = fault_dict(s, 0);
    fixture_put(&dict, key, (int64_t)s->round);
    assert_int_equal(pbase_txn_store_dict(s->txn, "dict", dict, NULL), PBASE_OK);
    fault_hold(s, 0, pbase_dict_as_collection(dict));
    close_handles(s);
}

/* Both have changed the dictionary, at different keys: the commit has to merge. */
static void another_committed(fault_scene *s)
{
    edit_dict(s, 17);
    assert_int_equal(fixture_put_one(&s->fixture, "dict", 18, (int64_t)s->round), PBASE_OK);
}

static pbase_status commit_alone(fault_scene *s, pbase_error *err)
{
    return commit(s, PBASE_OK, err);
}

static void both_are_there(fault_scene *s)
{
    assert_committed(s, "dict", 17, (int64_t)s->round);
    assert_committed(s, "dict", 18, (int64_t)s->round);
}

static void another_committed_the_same(fault_scene *s)
{
    edit_dict(s, 17);
    assert_int_equal(fixture_put_one(&s->fixture, "dict", 17, -1), PBASE_OK);
}

static pbase_status commit_against_conflict(fault_scene *s, pbase_error *err)
{
    pbase_status status = commit(s, PBASE_OK, err);
    assert_int_not_equal(status, PBASE_OK);
    return status == PBASE_CONFLICT ? PBASE_OK : status;
}

static void the_other_one_won(fault_scene *s)
{
    assert_committed(s, "dict", 17, -1);
}

/* Loses once: the first run of the body has another transaction commit the same key. */
typedef struct {
    fault_scene *scene;
    int runs;
} run_state;

static pbase_status change_under(pbase_database *database, int64_t value, pbase_error *err)
{
    pbase_txn *txn = NULL;
    pbase_dict *dict = NULL;
    pbase_value key = pbase_value_int(17), number = pbase_value_int(value);
    pbase_status status = pbase_txn_begin(database, NULL, &txn, err);
    status = status == PBASE_OK ? pbase_txn_dict(txn, "dict", &dict, err) : status;
    status = status == PBASE_OK ? pbase_dict_put(&dict, &key, &number, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "dict", dict, err) : status;
    pbase_dict_close(dict);
    if (status == PBASE_OK) {
        return pbase_txn_commit(&txn, NULL, NULL, err);
    }
    pbase_txn_abort(&txn);
    return status;
}

static pbase_status change_body(pbase_txn *txn, void *state, pbase_error *err)
{
    run_state *run = state;
    fault_scene *s = run->scene;
    pbase_value key = pbase_value_int(17), value = pbase_value_int((int64_t)s->round);
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_dict(txn, "dict", &dict, err);
    status = status == PBASE_OK ? pbase_dict_put(&dict, &key, &value, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, "dict", dict, err) : status;
    pbase_dict_close(dict);
    if (status == PBASE_OK && run->runs++ == 0) {
        status = change_under(s->fixture.database, -1, err);
    }
    return status;
}

static pbase_status run_twice(fault_scene *s, pbase_error *err)
{
    run_state run = {.scene = s};
    pbase_status status = pbase_txn_run(s->fixture.database, NULL, NULL, change_body, &run, err);
    assert_true(status != PBASE_OK || run.runs == 2);
    return status;
}

static void the_second_run_won(fault_scene *s)
{
    assert_committed(s, "dict", 17, (int64_t)s->round);
}

/* -------------------------------------------------------------------------------------- nested ---- */

/* One in it that is committed and one that is aborted, both with changes. */
static pbase_status nested_put(pbase_txn *outer, int64_t key, int64_t number, bool commits,
                               pbase_error *err)
{
    pbase_txn *inner = NULL;
    pbase_dict *dict = NULL;
    pbase_value k = pbase_value_int(key), value = pbase_value_int(number);
    pbase_status status = pbase_txn_begin_nested(outer, NULL, &inner, err);
    status = status == PBASE_OK ? pbase_txn_dict(inner, "dict", &dict, err) : status;
    status = status == PBASE_OK ? pbase_dict_put(&dict, &k, &value, NULL, err) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(inner, "dict", dict, err) : status;
    pbase_dict_close(dict);
    if (status == PBASE_OK && commits) {
        return pbase_txn_commit(&inner, NULL, NULL, err);
    }
    pbase_txn_abort(&inner);
    return status;
}

static pbase_status nested_transactions(fault_scene *s, pbase_error *err)
{
    int64_t number = (int64_t)s->round;
    pbase_status status = nested_put(s->txn, 30, number, true, err);
    status = status == PBASE_OK ? nested_put(s->txn, 31, number, false, err) : status;
    status = status == PBASE_OK ? nested_put(s->txn, 32, number, true, err) : status;
    return commit(s, status, err);
}

static void nested_changes_are_there(fault_scene *s)
{
    assert_committed(s, "dict", 30, (int64_t)s->round);
    assert_committed(s, "dict", 32, (int64_t)s->round);
}

/* --------------------------------------------------------------------------------------- large ---- */

#define LARGE 250

/* Past both bounds: its nodes are written before the commit, and its operations are not kept. */
static pbase_status large_transaction(fault_scene *s, pbase_error *err)
{
    pbase_txn_options options = pbase_txn_options_default();
    pbase_dict *dict = NULL;
    options.memory_bytes_max = 24576;
    options.log_bytes_max = 1024;
    pbase_status status = pbase_txn_begin(s->fixture.database, &options, &s->txn, err);
    status = status == PBASE_OK ? pbase_txn_new_dict(s->txn, &dict, err) : status;
    for (int64_t i = 0; i < LARGE && status == PBASE_OK; i++) {
        pbase_value key = pbase_value_int(i * 101 % LARGE); /* in no order */
        pbase_value value = i == 0 ? pbase_value_int((int64_t)s->round)
                                   : pbase_value_text("some bytes for each of them, not a few");
        status = pbase_dict_put(&dict, &key, &value, NULL, err);
    }
    status = status == PBASE_OK ? pbase_txn_store_dict(s->txn, "large", dict, err) : status;
    pbase_dict_close(dict);
    return commit(s, status, err);
}

static void all_of_it_is_there(fault_scene *s)
{
    assert_int_equal(fixture_count(&s->fixture, "large"), LARGE);
    assert_committed(s, "large", 0, (int64_t)s->round);
}

static const fault_scenario scenarios[] = {
    {.name = "begin_and_abort",
     .functions = "pbase_txn_options_default pbase_txn_begin pbase_txn_abort",
     .place = FAULT_IN_SPACE,
     .when = begin_and_abort},
    {.name = "roots_in_txn",
     .functions = "pbase_txn_dict pbase_txn_list pbase_txn_set pbase_txn_counted_set "
                  "pbase_txn_hash_dict pbase_txn_multi_dict pbase_txn_value pbase_txn_roots "
                  "pbase_dict_close pbase_list_close pbase_set_close pbase_counted_set_close "
                  "pbase_hash_dict_close pbase_multi_dict_close",
     .place = FAULT_IN_TXN,
     .when = roots_in_txn,
     .is_cold = true},
    {.name = "roots_in_snapshot",
     .functions = "pbase_snapshot_dict pbase_snapshot_list pbase_snapshot_set "
                  "pbase_snapshot_counted_set pbase_snapshot_hash_dict pbase_snapshot_multi_dict "
                  "pbase_snapshot_value pbase_snapshot_roots pbase_snapshot_root",
     .place = FAULT_IN_SNAPSHOT,
     .when = roots_in_snapshot,
     .is_cold = true},
    {.name = "snapshot_open",
     .functions = "pbase_snapshot_open pbase_snapshot_sequence pbase_snapshot_time "
                  "pbase_snapshot_close",
     .place = FAULT_IN_SPACE,
     .when = snapshot_open,
     .is_quiet = true}, /* of a state that was read before */
    {.name = "store_each_kind",
     .functions = "pbase_txn_new_dict pbase_txn_new_list pbase_txn_new_set "
                  "pbase_txn_new_counted_set pbase_txn_new_hash_dict pbase_txn_new_multi_dict "
                  "pbase_txn_store_dict pbase_txn_store_list pbase_txn_store_set "
                  "pbase_txn_store_counted_set pbase_txn_store_hash_dict "
                  "pbase_txn_store_multi_dict pbase_txn_store_value pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .when = store_each_kind,
     .then = each_kind_is_there,
     .commits = true,
     .ends = true},
    {.name = "store_copy_and_drop",
     .functions = "pbase_txn_store pbase_txn_drop_root pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .roots = {"long", "dict2"},
     .when = store_copy_and_drop,
     .then = copy_is_there,
     .commits = true,
     .ends = true},
    {.name = "commit_nothing",
     .functions = "pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .when = commit_nothing,
     .ends = true},
    {.name = "commit_async",
     .functions = "pbase_txn_begin pbase_txn_commit",
     .place = FAULT_IN_SPACE,
     .when = commit_async_and_sync,
     .commits = true,
     .ends = true},
    {.name = "commit_merging",
     .functions = "pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .roots = {"dict"},
     .given = another_committed,
     .when = commit_alone,
     .then = both_are_there,
     .commits = true,
     .ends = true},
    {.name = "commit_against_conflict",
     .functions = "pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .roots = {"dict"},
     .given = another_committed_the_same,
     .when = commit_against_conflict,
     .then = the_other_one_won,
     .commits = true,
     .ends = true},
    {.name = "run_twice",
     .functions = "pbase_txn_run",
     .place = FAULT_IN_SPACE,
     .when = run_twice,
     .then = the_second_run_won,
     .commits = true,
     .commits_parts = true,
     .ends = true},
    {.name = "nested_transactions",
     .functions = "pbase_txn_begin_nested pbase_txn_commit pbase_txn_abort",
     .place = FAULT_IN_TXN,
     .when = nested_transactions,
     .then = nested_changes_are_there,
     .commits = true,
     .ends = true},
    {.name = "large_transaction",
     .functions = "pbase_txn_begin pbase_dict_put pbase_txn_store_dict pbase_txn_commit",
     .place = FAULT_IN_SPACE,
     .when = large_transaction,
     .then = all_of_it_is_there,
     .commits = true,
     .ends = true},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
