/* test_upstream_defects.c - what the Python system gets wrong, by name: it must be right here. */
#include "space_case.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Makes the fixture's steps work on another database, and yields the one before. */
static pbase_database *switch_to(const char *name)
{
    pbase_database *before = f.database;
    assert_int_equal(pbase_database_open(f.space, name, &f.database, NULL), PBASE_OK);
    return before;
}

/* ------------------------------------------------------------------------------ databases ---- */

static void a_rename_onto_an_existing_name_overwrites_nothing(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(pbase_database_create(f.space, "other", NULL), PBASE_OK);
    pbase_database *main_database = switch_to("other");
    assert_int_equal(fixture_put_one(&f, "a", 1, 2), PBASE_OK);
    assert_int_equal(pbase_database_rename(f.space, "main", "other", NULL), PBASE_EXISTS);
    assert_int_equal(fixture_get(&f, "a", 1), 2);
    pbase_database_close(f.database);
    f.database = main_database;
    assert_int_equal(fixture_get(&f, "a", 1), 1);
}

static void a_dropped_database_does_not_come_back_by_a_commit_of_an_old_handle(void **unused)
{
    (void)unused;
    pbase_database *other = NULL;
    assert_int_equal(pbase_database_ensure(f.space, "other", &other, NULL), PBASE_OK);
    pbase_database *main_database = f.database;
    f.database = other;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    pbase_dict *dict = fixture_dict(txn, "a");
    fixture_put(&dict, 2, 2);
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(pbase_database_drop(f.space, "other", NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_CONFLICT);
    assert_int_equal(pbase_txn_begin(other, NULL, &txn, NULL), PBASE_NOT_FOUND);
    pbase_database_close(other);
    f.database = main_database;
    fixture_reopen(&f);
    assert_int_equal(pbase_database_open(f.space, "other", &other, NULL), PBASE_NOT_FOUND);
}

static void a_root_named_like_another_database_is_only_a_root(void **unused)
{
    (void)unused;
    assert_int_equal(pbase_database_create(f.space, "other", NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "other", 1, 1), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "main", 1, 2), PBASE_OK);
    fixture_reopen(&f);
    assert_int_equal(fixture_get(&f, "other", 1), 1);
    assert_int_equal(fixture_get(&f, "main", 1), 2);
    pbase_database *main_database = switch_to("other");
    assert_int_equal(fixture_count(&f, "other"), 0);
    assert_int_equal(fixture_put_one(&f, "main", 1, 3), PBASE_OK);
    pbase_database_close(f.database);
    f.database = main_database;
    assert_int_equal(fixture_get(&f, "main", 1), 2);
}

/* --------------------------------------------------------------------------- transactions ---- */

enum { THREADS = 4, COMMITS = 25 };

typedef struct {
    int64_t number;
    bool own_root; /* else its own keys of one dictionary */
    _Atomic int *failures;
} committer;

typedef struct {
    const char *root;
    int64_t key;
} one_put;

static pbase_status put_one(pbase_txn *txn, void *state, pbase_error *err)
{
    const one_put *what = state;
    pbase_dict *dict = fixture_dict(txn, what->root);
    fixture_put(&dict, what->key, what->key);
    pbase_status status = pbase_txn_store_dict(txn, what->root, dict, err);
    pbase_dict_close(dict);
    return status;
}

static void *commit_often(void *argument)
{
    const committer *self = argument;
    for (int64_t i = 0; i < COMMITS; i++) {
        int64_t key = self->number * COMMITS + i;
        char root[32];
        (void)snprintf(root, sizeof root, self->own_root ? "root %d" : "shared", (int)key);
        one_put what = {root, key};
        if (pbase_txn_run(f.database, NULL, NULL, put_one, &what, NULL) != PBASE_OK) {
            atomic_fetch_add(self->failures, 1);
        }
    }
    return NULL;
}

static void commit_from_four_threads(bool own_root)
{
    _Atomic int failures = 0;
    committer committers[THREADS];
    pthread_t threads[THREADS];
    for (int64_t i = 0; i < THREADS; i++) {
        committers[i] = (committer){i, own_root, &failures};
        assert_int_equal(pthread_create(&threads[i], NULL, commit_often, &committers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(failures, 0);
}

static void different_keys_of_one_dictionary_from_four_threads_are_all_there(void **unused)
{
    (void)unused;
    commit_from_four_threads(false);
    fixture_reopen(&f);
    assert_int_equal(fixture_count(&f, "shared"), THREADS * COMMITS);
    for (int64_t key = 0; key < (int64_t)THREADS * COMMITS; key++) {
        assert_int_equal(fixture_get(&f, "shared", key), key);
    }
}

static void different_roots_from_four_threads_are_all_there(void **unused)
{
    (void)unused;
    commit_from_four_threads(true);
    fixture_reopen(&f);
    for (int64_t key = 0; key < (int64_t)THREADS * COMMITS; key++) {
        char root[32];
        (void)snprintf(root, sizeof root, "root %d", (int)key);
        assert_int_equal(fixture_get(&f, root, key), key);
    }
}

static void twenty_roots_one_by_one_are_there_after_reopening(void **unused)
{
    (void)unused;
    for (int64_t i = 0; i < 20; i++) {
        char root[32];
        (void)snprintf(root, sizeof root, "r%d", (int)i);
        assert_int_equal(fixture_put_one(&f, root, i, i), PBASE_OK);
    }
    fixture_reopen(&f);
    for (int64_t i = 0; i < 20; i++) {
        char root[32];
        (void)snprintf(root, sizeof root, "r%d", (int)i);
        assert_int_equal(fixture_get(&f, root, i), i);
    }
}

static void overwriting_the_first_key_of_a_reloaded_dictionary_keeps_the_others(void **unused)
{
    (void)unused;
    static const int64_t sizes[] = {2, 10, 100, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char root[32];
        (void)snprintf(root, sizeof root, "of %d", (int)sizes[i]);
        pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        pbase_dict *dict = fixture_dict(txn, root);
        for (int64_t key = 0; key < sizes[i]; key++) {
            fixture_put(&dict, key, key);
        }
        assert_int_equal(pbase_txn_store_dict(txn, root, dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        fixture_reopen(&f);
        assert_int_equal(fixture_put_one(&f, root, 0, 77), PBASE_OK);
        fixture_reopen(&f);
        assert_int_equal(fixture_count(&f, root), (uint64_t)sizes[i]);
        assert_int_equal(fixture_get(&f, root, 0), 77);
        assert_int_equal(fixture_get(&f, root, sizes[i] - 1), sizes[i] - 1);
    }
}

static void a_list_that_was_reloaded_can_be_changed_in_the_middle(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_list *list = NULL;
    pbase_arena arena;
    pbase_value seen, changed = pbase_value_int(-1);
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    for (int64_t i = 0; i < 100; i++) {
        pbase_value value = pbase_value_int(i);
        assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
    }
    assert_int_equal(pbase_txn_store_list(txn, "list", list, NULL), PBASE_OK);
    pbase_list_close(list);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_reopen(&f);
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_list(txn, "list", &list, NULL), PBASE_OK);
    assert_int_equal(pbase_list_set(&list, 50, &changed, NULL), PBASE_OK);
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(pbase_list_get(list, i, &arena, &seen, NULL), PBASE_OK);
        assert_int_equal(seen.as.integer, i == 50 ? -1 : i);
    }
    pbase_list_close(list);
    pbase_txn_abort(&txn);
    pbase_arena_fini(&arena);
}

static void what_was_removed_and_committed_stays_removed(void **unused)
{
    (void)unused;
    pbase_value one = pbase_value_int(1);
    pbase_set *set = NULL;
    uint64_t count = 0;
    assert_int_equal(fixture_put_one(&f, "d", 1, 1), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "d", 2, 2), PBASE_OK);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    assert_int_equal(pbase_dict_remove(&dict, &one, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(pbase_txn_new_set(txn, &set, NULL), PBASE_OK);
    assert_int_equal(pbase_set_add(&set, &one, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_set(txn, "s", set, NULL), PBASE_OK);
    pbase_set_close(set);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_set(txn, "s", &set, NULL), PBASE_OK);
    assert_int_equal(pbase_set_remove(&set, &one, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_set(txn, "s", set, NULL), PBASE_OK);
    assert_int_equal(pbase_set_count(set, &count, NULL), PBASE_OK);
    pbase_set_close(set);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_reopen(&f);
    assert_int_equal(fixture_get(&f, "d", 1), INT64_MIN);
    assert_int_equal(fixture_get(&f, "d", 2), 2);
    assert_int_equal(fixture_count(&f, "d"), 1);
    assert_int_equal(fixture_count(&f, "s"), 0);
}

static void removing_an_absent_key_takes_no_neighbour(void **unused)
{
    (void)unused;
    pbase_value keys[] = {pbase_value_int(1), pbase_value_int(5), pbase_value_int(9)};
    pbase_value absent[] = {pbase_value_int(100), pbase_value_float(5.5), pbase_value_text("5")};
    pbase_hash_dict *hashed = NULL;
    bool found = false;
    uint64_t count = 0;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "d");
    assert_int_equal(pbase_txn_new_hash_dict(txn, &hashed, NULL), PBASE_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pbase_dict_put(&dict, &keys[i], &keys[i], NULL, NULL), PBASE_OK);
        assert_int_equal(pbase_hash_dict_put(&hashed, &keys[i], &keys[i], NULL, NULL), PBASE_OK);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pbase_dict_remove(&dict, &absent[i], &found, NULL), PBASE_OK);
        assert_false(found);
        assert_int_equal(pbase_hash_dict_remove(&hashed, &absent[i], &found, NULL), PBASE_OK);
        assert_false(found);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "d", dict, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_hash_dict(txn, "h", hashed, NULL), PBASE_OK);
    pbase_dict_close(dict);
    pbase_hash_dict_close(hashed);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_reopen(&f);
    assert_int_equal(fixture_count(&f, "d"), 3);
    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_hash_dict(txn, "h", &hashed, NULL), PBASE_OK);
    assert_int_equal(pbase_hash_dict_count(hashed, &count, NULL), PBASE_OK);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fixture_get(&f, "d", keys[i].as.integer), keys[i].as.integer);
        assert_int_equal(pbase_hash_dict_has(hashed, &keys[i], &found, NULL), PBASE_OK);
        assert_true(found);
    }
    pbase_hash_dict_close(hashed);
    pbase_txn_abort(&txn);
}

static void an_integer_that_is_replaced_reads_as_it_was_written(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "counter", 1, 3), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "counter", 1, 500), PBASE_OK);
    assert_int_equal(fixture_get(&f, "counter", 1), 500);
    fixture_reopen(&f);
    assert_int_equal(fixture_get(&f, "counter", 1), 500);
}

/* Another process opens the space, commits keys from..to-1 and kills itself. */
static void commit_and_be_killed(int64_t from, int64_t to)
{
    int how = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fixture_open(&f);
        for (int64_t key = from; key < to; key++) {
            if (fixture_put_one(&f, "kept", key, key) != PBASE_OK) {
                _exit(1);
            }
        }
        (void)raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

static void assert_kept(int64_t count)
{
    assert_int_equal(fixture_count(&f, "kept"), (uint64_t)count);
    for (int64_t key = 0; key < count; key++) {
        assert_int_equal(fixture_get(&f, "kept", key), key);
    }
}

static void commits_of_a_process_that_is_killed_with_kill_9_are_there(void **unused)
{
    (void)unused;
    fixture_close(&f);
    commit_and_be_killed(0, 20);
    fixture_open(&f);
    assert_kept(20);
    fixture_close(&f); /* cleanly, and verified: one more commit must not cost it */
    commit_and_be_killed(20, 21);
    fixture_open(&f);
    assert_kept(21);
    fixture_reopen(&f);
    assert_kept(21);
}

static void a_commit_by_a_handle_of_a_dropped_root_is_refused(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    for (int32_t level = PBASE_SERIALIZABLE; level <= PBASE_SNAPSHOT_ISOLATION; level++) {
        pbase_txn *stale = fixture_begin(&f, level);
        pbase_dict *dict = fixture_dict(stale, "a");
        fixture_put(&dict, 2, 2);
        assert_int_equal(pbase_txn_store_dict(stale, "a", dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
        pbase_txn *drop = fixture_begin(&f, level);
        assert_int_equal(pbase_txn_drop_root(drop, "a", NULL), PBASE_OK);
        assert_int_equal(fixture_commit(&drop), PBASE_OK);
        assert_int_equal(fixture_commit(&stale), PBASE_CONFLICT);
        assert_int_equal(fixture_count(&f, "a"), 0);
        assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    }
}

static void an_aborted_transaction_leaves_nothing_and_ends_only_once(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "a");
    fixture_put(&dict, 1, 1);
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    pbase_txn_abort(&txn);
    assert_int_equal(fixture_commit(&txn), PBASE_INVALID);
    assert_int_equal(fixture_count(&f, "a"), 0);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin_file, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_rename_onto_an_existing_name_overwrites_nothing),
        SENTENCE(a_dropped_database_does_not_come_back_by_a_commit_of_an_old_handle),
        SENTENCE(a_root_named_like_another_database_is_only_a_root),
        SENTENCE(different_keys_of_one_dictionary_from_four_threads_are_all_there),
        SENTENCE(different_roots_from_four_threads_are_all_there),
        SENTENCE(twenty_roots_one_by_one_are_there_after_reopening),
        SENTENCE(overwriting_the_first_key_of_a_reloaded_dictionary_keeps_the_others),
        SENTENCE(a_list_that_was_reloaded_can_be_changed_in_the_middle),
        SENTENCE(what_was_removed_and_committed_stays_removed),
        SENTENCE(removing_an_absent_key_takes_no_neighbour),
        SENTENCE(an_integer_that_is_replaced_reads_as_it_was_written),
        SENTENCE(commits_of_a_process_that_is_killed_with_kill_9_are_there),
        SENTENCE(a_commit_by_a_handle_of_a_dropped_root_is_refused),
        SENTENCE(an_aborted_transaction_leaves_nothing_and_ends_only_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
