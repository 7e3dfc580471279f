/* test_upstream_defects.c - what the Python system gets wrong, by name: it must be right here. */
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static space_fixture f;

static int begin(void **unused)
{
    (void)unused;
    fixture_file(&f);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_assert_clean(&f);
    fixture_end(&f);
    return 0;
}

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

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_rename_onto_an_existing_name_overwrites_nothing),
        SENTENCE(a_dropped_database_does_not_come_back_by_a_commit_of_an_old_handle),
        SENTENCE(a_root_named_like_another_database_is_only_a_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
