/* test_database.c - renaming, snapshots and branches: what each side sees, what is refused, and that
 * nothing is copied. */
#include "sim_os.h"
#include "space_case.h"
#include <protobase/stats.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

/* Makes the fixture's steps work on another database; the one before is closed. */
static void use(const char *name)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_database_close(f.database);
    f.database = NULL;
    pbase_status status = pbase_database_open(f.space, name, &f.database, &err);
    assert_ok(status, &err);
}

static pbase_status branch(const char *source, const char *name)
{
    return pbase_database_branch(f.space, source, name, NULL);
}

static pbase_status rename_to(const char *from, const char *to)
{
    return pbase_database_rename(f.space, from, to, NULL);
}

/* ------------------------------------------------------------------------------ renaming ----- */

static void a_renamed_database_is_found_by_its_new_name_only(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 10), PBASE_OK);
    assert_int_equal(rename_to("main", "shop"), PBASE_OK);
    pbase_database *old = NULL;
    assert_int_equal(pbase_database_open(f.space, "main", &old, NULL), PBASE_NOT_FOUND);
    use("shop");
    assert_int_equal(fixture_get(&f, "a", 1), 10);
    assert_int_equal(fixture_put_one(&f, "a", 2, 20), PBASE_OK);
    fixture_reopen(&f); /* makes a new "main" */
    assert_int_equal(fixture_get(&f, "a", 1), INT64_MIN);
    use("shop");
    assert_int_equal(fixture_get(&f, "a", 2), 20);
}

static void nothing_is_renamed_onto_a_name_that_is_taken(void **unused)
{
    (void)unused;
    assert_int_equal(pbase_database_create(f.space, "other", NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "a", 1, 10), PBASE_OK);
    assert_int_equal(rename_to("other", "main"), PBASE_EXISTS);
    assert_int_equal(rename_to("main", "main"), PBASE_EXISTS);
    assert_int_equal(rename_to("missing", "new"), PBASE_NOT_FOUND);
    assert_int_equal(rename_to("main", ""), PBASE_INVALID);
    assert_int_equal(rename_to("main", "a\nb"), PBASE_INVALID);
    assert_int_equal(branch("other", "main"), PBASE_EXISTS);
    assert_int_equal(branch("missing", "new"), PBASE_NOT_FOUND);
    assert_int_equal(pbase_database_snapshot(f.space, "other", "other", NULL), PBASE_EXISTS);
    assert_int_equal(fixture_get(&f, "a", 1), 10);
}

static void a_handle_from_before_a_rename_fails_and_tells_the_new_name(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    pbase_txn *txn = NULL;
    pbase_snapshot *snapshot = NULL, *before = NULL;
    assert_int_equal(fixture_put_one(&f, "a", 1, 10), PBASE_OK);
    assert_int_equal(pbase_snapshot_open(f.database, &before, NULL), PBASE_OK);
    assert_int_equal(rename_to("main", "shop"), PBASE_OK);
    assert_int_equal(pbase_database_create(f.space, "main", NULL), PBASE_OK);
    assert_int_equal(pbase_txn_begin(f.database, NULL, &txn, &err), PBASE_NOT_FOUND);
    assert_string_equal(err.message, "database 'main' has been renamed to 'shop'");
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_NOT_FOUND);
    pbase_dict *dict = NULL;
    assert_int_equal(pbase_snapshot_dict(before, "a", &dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    pbase_snapshot_close(before);
    assert_int_equal(rename_to("shop", "new"), PBASE_OK);
    assert_int_equal(pbase_database_drop(f.space, "main", NULL), PBASE_OK);
    assert_int_equal(rename_to("new", "main"), PBASE_OK); /* back again: it is what it was */
    assert_int_equal(fixture_get(&f, "a", 1), 10);
}

static pbase_txn *begin_put(int32_t isolation, int64_t key)
{
    pbase_txn *txn = fixture_begin(&f, isolation);
    pbase_dict *dict = fixture_dict(txn, "a");
    fixture_put(&dict, key, key);
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    return txn;
}

static void a_serializable_transaction_in_flight_loses_to_a_rename(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    pbase_txn *strict = begin_put(PBASE_SERIALIZABLE, 2);
    pbase_txn *loose = begin_put(PBASE_SNAPSHOT_ISOLATION, 3); /* it may have read an older name */
    assert_int_equal(rename_to("main", "shop"), PBASE_OK);
    assert_int_equal(fixture_commit(&strict), PBASE_CONFLICT);
    assert_int_equal(fixture_commit(&loose), PBASE_OK);
    use("shop");
    assert_int_equal(fixture_get(&f, "a", 2), INT64_MIN);
    assert_int_equal(fixture_get(&f, "a", 3), 3);
}

/* ----------------------------------------------------------------- snapshots and branches ---- */

static void both_sides_of_a_branch_go_on_alone(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(branch("main", "fork"), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "a", 1, 100), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "b", 1, 1), PBASE_OK);
    use("fork");
    assert_int_equal(fixture_get(&f, "a", 1), 1);
    assert_int_equal(fixture_count(&f, "b"), 0);
    assert_int_equal(fixture_put_one(&f, "a", 2, 2), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "a", 1, -1), PBASE_OK);
    use("main");
    assert_int_equal(fixture_get(&f, "a", 1), 100);
    assert_int_equal(fixture_get(&f, "a", 2), INT64_MIN);
    assert_int_equal(pbase_database_drop(f.space, "main", NULL), PBASE_OK);
    use("fork");
    assert_int_equal(fixture_get(&f, "a", 1), -1);
    assert_int_equal(fixture_get(&f, "a", 2), 2);
}

static void a_transaction_in_flight_does_not_lose_to_a_branch_and_stays_on_its_side(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    pbase_txn *txn = begin_put(PBASE_SERIALIZABLE, 2);
    assert_int_equal(branch("main", "fork"), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(fixture_get(&f, "a", 2), 2);
    use("fork");
    assert_int_equal(fixture_get(&f, "a", 2), INT64_MIN);
}

static void a_version_made_in_one_database_can_be_stored_in_its_branch(void **unused)
{
    (void)unused;
    pbase_database *fork = NULL;
    pbase_txn *there = NULL;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(branch("main", "fork"), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "a", 2, 2), PBASE_OK);
    assert_int_equal(pbase_database_open(f.space, "fork", &fork, NULL), PBASE_OK);
    pbase_txn *here = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(here, "a");
    fixture_put(&dict, 3, 3);
    assert_int_equal(pbase_txn_begin(fork, NULL, &there, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(there, "a", dict, NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&there), PBASE_OK);
    pbase_dict_close(dict);
    pbase_txn_abort(&here);
    pbase_database_close(fork);
    use("fork");
    assert_int_equal(fixture_count(&f, "a"), 3); /* with key 2, which the fork never had */
    use("main");
    assert_int_equal(fixture_count(&f, "a"), 2);
}

static void a_snapshot_stays_and_refuses_every_write(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_error_init(&err);
    pbase_value one = pbase_value_int(1);
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(pbase_database_snapshot(f.space, "main", "then", NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "a", 1, 2), PBASE_OK);
    use("then");
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "a");
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, &err), PBASE_READ_ONLY);
    assert_string_equal(err.message, "database 'then' is a snapshot");
    assert_int_equal(pbase_txn_store_value(txn, "v", &one, NULL), PBASE_READ_ONLY);
    assert_int_equal(pbase_txn_drop_root(txn, "a", NULL), PBASE_READ_ONLY);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK); /* it only read */
    assert_int_equal(fixture_get(&f, "a", 1), 1);
    assert_int_equal(branch("then", "again"), PBASE_OK);
    assert_int_equal(rename_to("then", "once"), PBASE_OK);
    assert_int_equal(pbase_database_drop(f.space, "once", NULL), PBASE_OK);
    use("again");
    assert_int_equal(fixture_put_one(&f, "a", 2, 2), PBASE_OK);
    assert_int_equal(fixture_count(&f, "a"), 2);
}

static void databases_tell_what_they_are_and_where_they_came_from(void **unused)
{
    (void)unused;
    pbase_error err;
    pbase_arena arena;
    pbase_database_info info;
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_database_snapshot(f.space, "main", "then", NULL), PBASE_OK);
    assert_int_equal(branch("then", "fork"), PBASE_OK);
    assert_int_equal(pbase_database_describe(f.space, "main", &arena, &info, NULL), PBASE_OK);
    assert_int_equal(info.kind, PBASE_DATABASE_PLAIN);
    assert_string_equal(info.origin, "");
    assert_int_equal(info.sequence, 1);
    assert_int_equal(rename_to("main", "shop"), PBASE_OK);
    assert_int_equal(pbase_database_describe(f.space, "then", &arena, &info, NULL), PBASE_OK);
    assert_int_equal(info.kind, PBASE_DATABASE_SNAPSHOT);
    assert_string_equal(info.origin, "shop"); /* as it is called now */
    assert_int_equal(info.sequence, 2);
    assert_int_equal(pbase_database_drop(f.space, "then", NULL), PBASE_OK);
    assert_int_equal(pbase_database_describe(f.space, "fork", &arena, &info, NULL), PBASE_OK);
    assert_int_equal(info.kind, PBASE_DATABASE_BRANCH);
    assert_string_equal(info.origin, "");
    assert_int_equal(pbase_database_describe(f.space, "fokr", &arena, &info, &err),
                     PBASE_NOT_FOUND);
    assert_non_null(strstr(err.hint, "fork"));
    pbase_arena_fini(&arena);
}

/* ------------------------------------------------------------------------------- its cost ---- */

static pbase_status take_figure(void *state, const char *name, uint64_t value, const char *unit,
                                pbase_error *err)
{
    uint64_t *figures = state;
    (void)unit;
    (void)err;
    if (strcmp(name, "atoms_written") == 0) {
        figures[0] = value;
    } else if (strcmp(name, "memory_atoms") == 0) {
        figures[1] = value;
    } else if (strcmp(name, "record_bytes_appended") == 0) {
        figures[2] = value;
    }
    return PBASE_OK;
}

static void read_figures(uint64_t figures[3])
{
    assert_int_equal(pbase_space_stats(f.space, take_figure, figures, NULL), PBASE_OK);
}

/* What a branch of "main", settled, costs: atoms written, atoms in memory before that, bytes of
 * journal. */
static void cost_of_branch(const char *name, uint64_t out[3])
{
    uint64_t before[3], after[3];
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    read_figures(before);
    assert_int_equal(branch("main", name), PBASE_OK);
    read_figures(after);
    out[1] = after[1] - before[1];
    out[2] = after[2] - before[2];
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    read_figures(after);
    out[0] = after[0] - before[0];
}

static void a_branch_costs_the_same_whatever_the_size(void **unused)
{
    (void)unused;
    uint64_t small[3], large[3];
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    cost_of_branch("small", small);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "a");
    for (int64_t key = 0; key < 50000; key++) {
        fixture_put(&dict, key, key);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    cost_of_branch("large", large);
    assert_int_equal(small[0], 1); /* the leaf of the catalog */
    assert_memory_equal(small, large, sizeof small);
    use("large");
    assert_int_equal(fixture_count(&f, "a"), 50000);
}

static void a_check_reads_what_is_shared_once(void **unused)
{
    (void)unused;
    pbase_check_report alone, shared;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(pbase_space_check(f.space, NULL, NULL, NULL, &alone, NULL), PBASE_OK);
    assert_int_equal(branch("main", "fork"), PBASE_OK);
    assert_int_equal(pbase_database_snapshot(f.space, "main", "then", NULL), PBASE_OK);
    assert_int_equal(pbase_space_check(f.space, NULL, NULL, NULL, &shared, NULL), PBASE_OK);
    assert_int_equal(shared.databases, 3);
    assert_int_equal(shared.entries, alone.entries);
    use("fork");
    assert_int_equal(fixture_put_one(&f, "a", 2, 2), PBASE_OK);
    assert_int_equal(pbase_space_check(f.space, NULL, NULL, NULL, &shared, NULL), PBASE_OK);
    assert_int_equal(shared.entries, alone.entries + 2);
}

/* ------------------------------------------------------------------------------- at once ----- */

typedef struct {
    pbase_status status;
    _Atomic bool ends;
} writer;

static pbase_status put_pair(pbase_txn *txn, void *state, pbase_error *err)
{
    static const char *const roots[] = {"left", "right"};
    pbase_value key = pbase_value_int(1), value = pbase_value_int(*(const int64_t *)state);
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

static void *keep_writing(void *state)
{
    writer *self = state;
    for (int64_t i = 1; self->status == PBASE_OK && !self->ends; i++) {
        self->status = pbase_txn_run(f.database, NULL, NULL, put_pair, &i, NULL);
    }
    return NULL;
}

static void branches_made_while_others_commit_hold_whole_transactions(void **unused)
{
    (void)unused;
    writer self = {.status = PBASE_OK};
    pthread_t thread;
    char name[16];
    int64_t first = 0;
    pbase_database *main_database = f.database;
    assert_int_equal(pbase_txn_run(f.database, NULL, NULL, put_pair, &first, NULL), PBASE_OK);
    assert_int_equal(pthread_create(&thread, NULL, keep_writing, &self), 0);
    for (unsigned i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof name, "fork%u", i);
        assert_int_equal(branch("main", name), PBASE_OK);
    }
    self.ends = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(self.status, PBASE_OK);
    int64_t last = -1;
    for (unsigned i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof name, "fork%u", i);
        f.database = NULL;
        use(name);
        int64_t value = fixture_get(&f, "left", 1);
        assert_int_equal(value, fixture_get(&f, "right", 1));
        assert_true(value >= last); /* later branches have what earlier ones have */
        last = value;
        pbase_database_close(f.database);
    }
    f.database = main_database;
}

/* ------------------------------------------------------------------------------- failures ---- */

static pbase_status copy_and_rename(void)
{
    pbase_status status = branch("main", "fork");
    status = status == PBASE_OK ? rename_to("fork", "moved") : status;
    return status == PBASE_OK ? pbase_database_drop(f.space, "moved", NULL) : status;
}

static void drop_if_there(const char *name)
{
    pbase_status status = pbase_database_drop(f.space, name, NULL);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
}

static void every_failing_allocation_leaves_the_list_of_databases_whole(void **unused)
{
    (void)unused;
    sim_os *sim = sim_os_create(1);
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_open(&f);
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    uint64_t n = 0, asked = UINT64_MAX; /* some requests may fail and nobody notices */
    while (asked >= n && n++ < 2000) {
        uint64_t before = sim_os_calls(sim, OS_CALL_MEMORY);
        sim_os_fail_at(sim, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, false);
        pbase_status status = copy_and_rename();
        sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
        asked = sim_os_calls(sim, OS_CALL_MEMORY) - before;
        assert_true(status == PBASE_OK || status == PBASE_NO_MEMORY);
        assert_int_equal(fixture_get(&f, "a", 1), 1);
        drop_if_there("fork");
        drop_if_there("moved");
    }
    assert_true(n > 20 && n < 2000);
    fixture_assert_clean(&f);
    fixture_end(&f);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
}

int main(void)
{
#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, begin_memory, end)
#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, begin_file, end)
    const struct CMUnitTest tests[] = {
        ON_FILES(a_renamed_database_is_found_by_its_new_name_only),
        IN_MEMORY(nothing_is_renamed_onto_a_name_that_is_taken),
        IN_MEMORY(a_handle_from_before_a_rename_fails_and_tells_the_new_name),
        IN_MEMORY(a_serializable_transaction_in_flight_loses_to_a_rename),
        IN_MEMORY(both_sides_of_a_branch_go_on_alone),
        IN_MEMORY(a_transaction_in_flight_does_not_lose_to_a_branch_and_stays_on_its_side),
        IN_MEMORY(a_version_made_in_one_database_can_be_stored_in_its_branch),
        IN_MEMORY(a_snapshot_stays_and_refuses_every_write),
        IN_MEMORY(databases_tell_what_they_are_and_where_they_came_from),
        IN_MEMORY(a_branch_costs_the_same_whatever_the_size),
        IN_MEMORY(a_check_reads_what_is_shared_once),
        ON_FILES(branches_made_while_others_commit_hold_whole_transactions),
        cmocka_unit_test(every_failing_allocation_leaves_the_list_of_databases_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
