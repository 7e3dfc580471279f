/* test_transactions.c - what a transaction promises, on the storage in memory and on files. */
#include "space_case.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void store(pbase_txn *txn, const char *name, pbase_dict *dict)
{
    assert_int_equal(pbase_txn_store_dict(txn, name, dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
}

/* Reads key through the transaction; INT64_MIN when missing. */
static int64_t read_key(pbase_txn *txn, const char *name, int64_t key)
{
    pbase_arena arena;
    pbase_value k = pbase_value_int(key), v = pbase_value_int(INT64_MIN);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_dict *dict = fixture_dict(txn, name);
    pbase_status status = pbase_dict_get(dict, &k, &arena, &v, NULL);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    pbase_dict_close(dict);
    pbase_arena_fini(&arena);
    return v.as.integer;
}

static void write_key(pbase_txn *txn, const char *name, int64_t key, int64_t value)
{
    pbase_dict *dict = fixture_dict(txn, name);
    fixture_put(&dict, key, value);
    store(txn, name, dict);
}

static void committed_changes_are_seen_by_later_snapshots_only(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 10), PBASE_OK);
    pbase_snapshot *before = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &before, NULL), PBASE_OK);

    assert_int_equal(fixture_put_one(&f, "a", 1, 11), PBASE_OK);

    pbase_dict *dict = NULL;
    pbase_arena arena;
    pbase_value key = pbase_value_int(1), value;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_snapshot_dict(before, "a", &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_get(dict, &key, &arena, &value, NULL), PBASE_OK);
    assert_int_equal(value.as.integer, 10);
    assert_int_equal(fixture_get(&f, "a", 1), 11);
    pbase_dict_close(dict);
    pbase_snapshot_close(before);
    pbase_arena_fini(&arena);
}

static void a_collection_of_another_space_is_refused(void **unused)
{
    (void)unused;
    space_fixture other;
    fixture_memory(&other);
    pbase_txn *theirs = fixture_begin(&other, PBASE_SERIALIZABLE);
    pbase_txn *ours = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(theirs, "a");
    fixture_put(&dict, 1, 1);
    assert_int_equal(pbase_txn_store_dict(ours, "a", dict, NULL), PBASE_INVALID);
    pbase_dict_close(dict);
    pbase_txn_abort(&ours);
    pbase_txn_abort(&theirs);
    fixture_end(&other);
}

static void abort_leaves_nothing(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    write_key(txn, "gone", 1, 1);
    pbase_txn_abort(&txn);
    assert_null(txn);
    assert_int_equal(fixture_count(&f, "gone"), 0);
}

static void a_transaction_reads_its_own_writes(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    write_key(txn, "own", 1, 5);
    assert_int_equal(read_key(txn, "own", 1), 5);
    write_key(txn, "own", 2, 6);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_get(&f, "own", 1), 5);
    assert_int_equal(fixture_get(&f, "own", 2), 6);
}

static void the_same_key_conflicts_and_nothing_is_applied(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "c", 1, 0), PBASE_OK);
    pbase_txn *first = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    pbase_txn *second = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    write_key(first, "c", 1, 1);
    write_key(second, "c", 1, 2);
    write_key(second, "other", 1, 2);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_CONFLICT);
    assert_int_equal(fixture_get(&f, "c", 1), 1);
    assert_int_equal(fixture_count(&f, "other"), 0);
}

static void different_keys_of_one_dictionary_merge(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "m", 0, 0), PBASE_OK);
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *second = fixture_begin(&f, PBASE_SERIALIZABLE);
    write_key(first, "m", 1, 1);
    write_key(second, "m", 2, 2);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_int_equal(fixture_count(&f, "m"), 3);
    assert_int_equal(fixture_get(&f, "m", 1), 1);
    assert_int_equal(fixture_get(&f, "m", 2), 2);
}

static void two_creations_of_one_root_conflict(void **unused)
{
    (void)unused;
    pbase_txn *first = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    pbase_txn *second = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    write_key(first, "new", 1, 1);
    write_key(second, "new", 2, 2);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_CONFLICT);
    assert_int_equal(fixture_count(&f, "new"), 1);
}

/* Write skew: both read both keys, each writes one. */
static pbase_status skew(int32_t isolation)
{
    assert_int_equal(fixture_put_one(&f, "s", 1, 0), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "s", 2, 0), PBASE_OK);
    pbase_txn *first = fixture_begin(&f, isolation);
    pbase_txn *second = fixture_begin(&f, isolation);
    assert_int_equal(read_key(first, "s", 1) + read_key(first, "s", 2), 0);
    assert_int_equal(read_key(second, "s", 1) + read_key(second, "s", 2), 0);
    write_key(first, "s", 1, 1);
    write_key(second, "s", 2, 1);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    return fixture_commit(&second);
}

static void write_skew_is_refused_when_serializable(void **unused)
{
    (void)unused;
    assert_int_equal(skew(PBASE_SERIALIZABLE), PBASE_CONFLICT);
    assert_int_equal(fixture_get(&f, "s", 2), 0);
}

static void write_skew_passes_under_snapshot_isolation(void **unused)
{
    (void)unused;
    assert_int_equal(skew(PBASE_SNAPSHOT_ISOLATION), PBASE_OK);
}

/* A range that was read, then somebody else's insert at `key`. */
static pbase_status phantom(int64_t key)
{
    for (int64_t i = 0; i < 100; i += 10) {
        assert_int_equal(fixture_put_one(&f, "p", i, i), PBASE_OK);
    }
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "p");
    pbase_value from = pbase_value_int(20), to = pbase_value_int(40);
    pbase_range range = {.struct_size = sizeof range, .from = &from, .to = &to};
    pbase_cursor *cursor = NULL;
    unsigned seen = 0;
    assert_int_equal(pbase_dict_cursor(dict, &range, &cursor, NULL), PBASE_OK);
    while (pbase_cursor_next(cursor, NULL) == PBASE_OK) {
        seen++;
    }
    assert_int_equal(seen, 3);
    pbase_cursor_close(cursor);
    fixture_put(&dict, 1000, 1);
    store(txn, "p", dict);
    assert_int_equal(fixture_put_one(&f, "p", key, 1), PBASE_OK);
    return fixture_commit(&txn);
}

static void a_phantom_inside_a_read_range_conflicts(void **unused)
{
    (void)unused;
    assert_int_equal(phantom(25), PBASE_CONFLICT);
}

static void an_insert_outside_a_read_range_does_not_conflict(void **unused)
{
    (void)unused;
    assert_int_equal(phantom(45), PBASE_OK);
}

static void a_count_reads_everything(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "n", 1, 1), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "n");
    uint64_t count = 0;
    assert_int_equal(pbase_dict_count(dict, &count, NULL), PBASE_OK);
    pbase_dict_close(dict);
    write_key(txn, "total", 1, (int64_t)count);
    assert_int_equal(fixture_put_one(&f, "n", 2, 2), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_CONFLICT);
}

static void appends_to_one_list_merge(void **unused)
{
    (void)unused;
    pbase_value one = pbase_value_int(1);
    pbase_list *list = NULL;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_list(txn, "l", list, NULL), PBASE_OK);
    pbase_list_close(list);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    pbase_txn *both[2];
    for (unsigned i = 0; i < 2; i++) {
        both[i] = fixture_begin(&f, PBASE_SERIALIZABLE);
        assert_int_equal(pbase_txn_list(both[i], "l", &list, NULL), PBASE_OK);
        assert_int_equal(pbase_list_append(&list, &one, NULL), PBASE_OK);
        assert_int_equal(pbase_txn_store_list(both[i], "l", list, NULL), PBASE_OK);
        pbase_list_close(list);
    }
    assert_int_equal(fixture_commit(&both[0]), PBASE_OK);
    assert_int_equal(fixture_commit(&both[1]), PBASE_OK);
    assert_int_equal(fixture_count(&f, "l"), 2);
}

static void adds_to_one_set_merge(void **unused)
{
    (void)unused;
    pbase_value one = pbase_value_int(1);
    pbase_set *set = NULL;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_new_set(txn, &set, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_set(txn, "set", set, NULL), PBASE_OK);
    pbase_set_close(set);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    pbase_txn *both[2];
    for (unsigned i = 0; i < 2; i++) {
        both[i] = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
        assert_int_equal(pbase_txn_set(both[i], "set", &set, NULL), PBASE_OK);
        assert_int_equal(pbase_set_add(&set, &one, NULL, NULL), PBASE_OK);
        assert_int_equal(pbase_txn_store_set(both[i], "set", set, NULL), PBASE_OK);
        pbase_set_close(set);
    }
    assert_int_equal(fixture_commit(&both[0]), PBASE_OK);
    assert_int_equal(fixture_commit(&both[1]), PBASE_OK);
    assert_int_equal(fixture_count(&f, "set"), 1);
}

static void a_change_of_a_dropped_root_conflicts(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "d", 1, 1), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    write_key(txn, "d", 2, 2);
    pbase_txn *dropping = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_drop_root(dropping, "d", NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&dropping), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_CONFLICT);
    assert_int_equal(fixture_count(&f, "d"), 0);
}

static void a_version_stored_under_another_root_is_copied(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "from", 1, 7), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "from");
    store(txn, "to", dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "from", 1, 8), PBASE_OK);
    assert_int_equal(fixture_get(&f, "to", 1), 7);
}

static void one_new_version_under_two_roots_becomes_two_collections(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "twin1");
    fixture_put(&dict, 1, 1);
    assert_int_equal(pbase_txn_store_dict(txn, "twin1", dict, NULL), PBASE_OK);
    store(txn, "twin2", dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "twin1", 1, 2), PBASE_OK);
    assert_int_equal(fixture_get(&f, "twin2", 1), 1);
}

static void a_read_only_transaction_refuses_to_store(void **unused)
{
    (void)unused;
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.read_only = true;
    assert_int_equal(pbase_txn_begin(f.database, &options, &txn, NULL), PBASE_OK);
    pbase_dict *dict = NULL;
    assert_int_equal(pbase_txn_new_dict(txn, &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "r", dict, NULL), PBASE_READ_ONLY);
    pbase_dict_close(dict);
    pbase_txn_abort(&txn);
}

static void a_durability_the_storage_lacks_is_unsupported(void **unused)
{
    (void)unused;
    pbase_txn *txn = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = PBASE_DURABILITY_REMOTE;
    assert_int_equal(pbase_txn_begin(f.database, &options, &txn, NULL), PBASE_UNSUPPORTED);
}

static void roots_hold_plain_values_too(void **unused)
{
    (void)unused;
    pbase_arena arena;
    pbase_value value = pbase_value_text("plain");
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_store_value(txn, "v", &value, NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_value(txn, "v", &arena, &value, NULL), PBASE_OK);
    assert_memory_equal(value.as.string.data, "plain", 5);
    pbase_dict *dict = NULL;
    assert_int_equal(pbase_txn_dict(txn, "v", &dict, NULL), PBASE_INVALID);
    pbase_txn_abort(&txn);
    pbase_arena_fini(&arena);
}

typedef struct {
    char text[256];
} names;

static pbase_status add_name(void *state, const pbase_root_info *root, pbase_error *err)
{
    names *all = state;
    (void)err;
    strncat(all->text, (const char *)root->name.data, root->name.size);
    strncat(all->text, " ", 2);
    return PBASE_OK;
}

static void the_list_of_roots_merges_what_is_staged(void **unused)
{
    (void)unused;
    names all = {""};
    assert_int_equal(fixture_put_one(&f, "b", 1, 1), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "d", 1, 1), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "x", 1, 1), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    write_key(txn, "a", 1, 1);
    write_key(txn, "c", 1, 1);
    write_key(txn, "z", 1, 1);
    assert_int_equal(pbase_txn_drop_root(txn, "d", NULL), PBASE_OK);
    assert_int_equal(pbase_txn_roots(txn, add_name, &all, NULL), PBASE_OK);
    assert_string_equal(all.text, "a b c x z ");
    pbase_txn_abort(&txn);
}

static pbase_status increment(pbase_txn *txn, void *state, pbase_error *err)
{
    unsigned *runs = state;
    (void)err;
    ++*runs;
    int64_t now = read_key(txn, "i", 1);
    if (*runs == 1) { /* somebody else is faster, once */
        assert_int_equal(fixture_put_one(&f, "i", 1, 100), PBASE_OK);
    }
    write_key(txn, "i", 1, now == INT64_MIN ? 1 : now + 1);
    return PBASE_OK;
}

static void run_tries_again_after_a_conflict(void **unused)
{
    (void)unused;
    unsigned runs = 0;
    assert_int_equal(fixture_put_one(&f, "i", 1, 0), PBASE_OK);
    assert_int_equal(pbase_txn_run(f.database, NULL, NULL, increment, &runs, NULL), PBASE_OK);
    assert_int_equal(runs, 2);
    assert_int_equal(fixture_get(&f, "i", 1), 101);
}

static void databases_are_isolated_and_can_be_dropped(void **unused)
{
    (void)unused;
    pbase_database *other = NULL, *main_database = f.database;
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(pbase_database_create(f.space, "other", NULL), PBASE_OK);
    assert_int_equal(pbase_database_create(f.space, "other", NULL), PBASE_EXISTS);
    assert_int_equal(pbase_database_open(f.space, "othr", &other, &err), PBASE_NOT_FOUND);
    assert_non_null(strstr(err.hint, "other"));
    assert_int_equal(pbase_database_open(f.space, "other", &other, NULL), PBASE_OK);
    f.database = other;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    f.database = main_database;
    assert_int_equal(fixture_count(&f, "a"), 0);
    pbase_txn *txn = NULL;
    f.database = other;
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    write_key(txn, "a", 2, 2);
    f.database = main_database;
    assert_int_equal(pbase_database_drop(f.space, "other", NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_CONFLICT);
    assert_int_equal(pbase_txn_begin(other, NULL, &txn, NULL), PBASE_NOT_FOUND);
    pbase_database_close(other);
    assert_int_equal(pbase_database_drop(f.space, "other", NULL), PBASE_NOT_FOUND);
}

static void names_that_are_not_names_are_refused(void **unused)
{
    (void)unused;
    char long_name[300];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(pbase_database_create(f.space, "", NULL), PBASE_INVALID);
    assert_int_equal(pbase_database_create(f.space, "a\nb", NULL), PBASE_INVALID);
    assert_int_equal(pbase_database_create(f.space, "\xff", NULL), PBASE_INVALID);
    assert_int_equal(pbase_database_create(f.space, long_name, NULL), PBASE_LIMIT);
}

static void everything_survives_a_checkpoint_and_more_commits(void **unused)
{
    (void)unused;
    for (int64_t i = 0; i < 2000; i++) {
        assert_int_equal(fixture_put_one(&f, "k", i, i), PBASE_OK);
        if (i % 500 == 250) {
            assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        }
    }
    for (int64_t i = 0; i < 2000; i++) {
        assert_int_equal(fixture_get(&f, "k", i), i);
    }
}

static void a_transaction_across_a_checkpoint_commits(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "x", 1, 1), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    write_key(txn, "x", 2, 2);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "x", 3, 3), PBASE_OK);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_count(&f, "x"), 3);
}

#define ON_BOTH(test)                                                                              \
    cmocka_unit_test_setup_teardown(test, begin_memory, end),                                      \
        cmocka_unit_test_setup_teardown(test, begin_file, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(committed_changes_are_seen_by_later_snapshots_only),
        ON_BOTH(a_collection_of_another_space_is_refused),
        ON_BOTH(abort_leaves_nothing),
        ON_BOTH(a_transaction_reads_its_own_writes),
        ON_BOTH(the_same_key_conflicts_and_nothing_is_applied),
        ON_BOTH(different_keys_of_one_dictionary_merge),
        ON_BOTH(two_creations_of_one_root_conflict),
        ON_BOTH(write_skew_is_refused_when_serializable),
        ON_BOTH(write_skew_passes_under_snapshot_isolation),
        ON_BOTH(a_phantom_inside_a_read_range_conflicts),
        ON_BOTH(an_insert_outside_a_read_range_does_not_conflict),
        ON_BOTH(a_count_reads_everything),
        ON_BOTH(appends_to_one_list_merge),
        ON_BOTH(adds_to_one_set_merge),
        ON_BOTH(a_change_of_a_dropped_root_conflicts),
        ON_BOTH(a_version_stored_under_another_root_is_copied),
        ON_BOTH(one_new_version_under_two_roots_becomes_two_collections),
        ON_BOTH(a_read_only_transaction_refuses_to_store),
        ON_BOTH(a_durability_the_storage_lacks_is_unsupported),
        ON_BOTH(roots_hold_plain_values_too),
        ON_BOTH(the_list_of_roots_merges_what_is_staged),
        ON_BOTH(run_tries_again_after_a_conflict),
        ON_BOTH(databases_are_isolated_and_can_be_dropped),
        ON_BOTH(names_that_are_not_names_are_refused),
        ON_BOTH(everything_survives_a_checkpoint_and_more_commits),
        ON_BOTH(a_transaction_across_a_checkpoint_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
