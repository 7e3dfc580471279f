/* test_feature.c - the feature level of a space: old ones open, and are raised before the first record
 * that an older version could not read. */
#include "space/space_private.h"
#include "space_case.h"
#include "stored_feature.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Makes the space one of level 1, as an older version would have written it. */
static void make_old(void)
{
    pbase_arena arena;
    pbase_bytes document;
    uint64_t version = 0;
    char text[512] = "";
    pbase_storage *storage = wiring_storage(f.space->graph);
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_storage_meta_get(storage, NULL, &arena, &document, &version, NULL),
                     PBASE_OK);
    assert_true(document.size < sizeof text);
    memcpy(text, document.data, document.size);
    strstr(text, "\nfeature ")[sizeof "\nfeature " - 1] = '1';
    assert_int_equal(pbase_storage_meta_cas(storage, NULL, version,
                                            pbase_bytes_of((const uint8_t *)text, document.size),
                                            NULL),
                     PBASE_OK);
    pbase_arena_fini(&arena);
    fixture_reopen(&f);
    assert_int_equal(stored_feature(f.space), '1');
}

static void cut_list(pbase_txn *txn)
{
    pbase_list *list = NULL;
    assert_int_equal(pbase_txn_list(txn, "list", &list, NULL), PBASE_OK);
    assert_int_equal(pbase_list_remove_range(&list, 0, 2, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_list(txn, "list", list, NULL), PBASE_OK);
    pbase_list_close(list);
}

static void new_list(pbase_txn *txn)
{
    pbase_list *list = NULL;
    pbase_value values[] = {pbase_value_int(1), pbase_value_int(2), pbase_value_int(3)};
    assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    assert_int_equal(pbase_list_append_all(&list, values, 3, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_list(txn, "list", list, NULL), PBASE_OK);
    pbase_list_close(list);
}

static void new_counted_set(pbase_txn *txn)
{
    pbase_counted_set *set = NULL;
    assert_int_equal(pbase_txn_new_counted_set(txn, &set, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_counted_set(txn, "counted", set, NULL), PBASE_OK);
    pbase_counted_set_close(set);
}

static void commit(void (*body)(pbase_txn *txn))
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    body(txn);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static void a_new_space_has_the_newest_level(void **unused)
{
    (void)unused;
    assert_int_equal(stored_feature(f.space), '2');
}

static void an_old_space_stays_old_until_a_new_kind_is_stored(void **unused)
{
    (void)unused;
    make_old();
    commit(new_list);
    assert_int_equal(fixture_put_one(&f, "dict", 1, 1), PBASE_OK);
    fixture_reopen(&f);
    assert_int_equal(stored_feature(f.space), '1'); /* an older version may still open it */
    commit(new_counted_set);
    assert_int_equal(stored_feature(f.space), '2');
    fixture_reopen(&f);
    assert_int_equal(stored_feature(f.space), '2');
    assert_int_equal(fixture_get(&f, "dict", 1), 1);
}

static void a_new_operation_on_an_old_kind_raises_it_too(void **unused)
{
    (void)unused;
    make_old();
    commit(new_list);
    assert_int_equal(stored_feature(f.space), '1');
    commit(cut_list);
    assert_int_equal(stored_feature(f.space), '2');
}

int main(void)
{
#define LEVEL(test) cmocka_unit_test_setup_teardown(test, begin_file, end)
    const struct CMUnitTest tests[] = {
        LEVEL(a_new_space_has_the_newest_level),
        LEVEL(an_old_space_stays_old_until_a_new_kind_is_stored),
        LEVEL(a_new_operation_on_an_old_kind_raises_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
