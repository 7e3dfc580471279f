/* test_objects.c - objects by id: identity, missing attributes, references, classes, conflicts. */
#include "space_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static space_fixture f;
static pbase_arena arena;

static int begin_memory(void **unused)
{
    (void)unused;
    fixture_memory(&f);
    pbase_arena_init(&arena, pbase_alloc_default());
    return 0;
}

static int begin_file(void **unused)
{
    (void)unused;
    fixture_file(&f);
    pbase_arena_init(&arena, pbase_alloc_default());
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_assert_clean(&f);
    fixture_end(&f);
    pbase_arena_fini(&arena);
    return 0;
}

static pbase_txn *begin_txn(void)
{
    return fixture_begin(&f, PBASE_SERIALIZABLE);
}

static pbase_object_id create(pbase_txn *txn, const char *class_name, int64_t number)
{
    pbase_object_id id;
    pbase_field field = {pbase_bytes_text("number"), pbase_value_int(number)};
    pbase_value attributes = pbase_value_map(&field, 1);
    assert_int_equal(pbase_object_create(txn, class_name, &attributes, &id, NULL), PBASE_OK);
    return id;
}

static void put(pbase_txn *txn, pbase_object_id id, int64_t number)
{
    pbase_field field = {pbase_bytes_text("number"), pbase_value_int(number)};
    pbase_value attributes = pbase_value_map(&field, 1);
    assert_int_equal(pbase_object_put(txn, id, &attributes, NULL), PBASE_OK);
}

static pbase_object_id create_committed(const char *class_name, int64_t number)
{
    pbase_txn *txn = begin_txn();
    pbase_object_id id = create(txn, class_name, number);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    return id;
}

/* The committed object; `found` false when there is none. */
static pbase_object committed(pbase_object_id id)
{
    pbase_snapshot *snapshot = NULL;
    pbase_object object;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_object_get_many(snapshot, &id, 1, &arena, &object, NULL),
                     PBASE_OK);
    pbase_snapshot_close(snapshot);
    return object;
}

static int64_t number_of(const pbase_object *object)
{
    return pbase_object_attribute(object, "number").as.integer;
}

/* ------------------------------------------------------------------------------- identity ---- */

static void an_object_keeps_id_and_class_through_every_update(void **unused)
{
    (void)unused;
    pbase_object_id id = create_committed("Person", 1);
    for (int64_t i = 2; i < 5; i++) {
        pbase_txn *txn = begin_txn();
        put(txn, id, i);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
    }
    pbase_object object = committed(id);
    assert_true(object.found);
    assert_memory_equal(object.id.bytes, id.bytes, 16);
    assert_true(pbase_bytes_equal(object.class_name, pbase_bytes_text("Person")));
    assert_int_equal(number_of(&object), 4);
    if (f.has_dir) {
        fixture_reopen(&f);
        object = committed(id);
        assert_int_equal(number_of(&object), 4);
    }
}

static void a_missing_attribute_reads_as_null_and_is_told_from_one_that_is(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_field field = {pbase_bytes_text("here"), pbase_value_null()};
    pbase_value attributes = pbase_value_map(&field, 1);
    pbase_object_id id;
    pbase_object object;
    assert_int_equal(pbase_object_create(txn, "Thing", &attributes, &id, NULL), PBASE_OK);
    assert_int_equal(pbase_object_get(txn, id, &arena, &object, NULL), PBASE_OK);
    assert_int_equal(pbase_object_attribute(&object, "here").kind, PBASE_NULL);
    assert_int_equal(pbase_object_attribute(&object, "gone").kind, PBASE_NULL);
    assert_true(pbase_object_has(&object, "here"));
    assert_false(pbase_object_has(&object, "gone"));
    pbase_txn_abort(&txn);
}

static void a_transaction_sees_its_own_objects_and_abort_drops_them(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_object_id id = create(txn, "Person", 7);
    pbase_object object;
    uint64_t count = 0;
    assert_int_equal(pbase_object_get(txn, id, &arena, &object, NULL), PBASE_OK);
    assert_int_equal(number_of(&object), 7);
    assert_int_equal(pbase_object_count(txn, &count, NULL), PBASE_OK);
    assert_int_equal(count, 1);
    pbase_txn_abort(&txn);
    assert_false(committed(id).found);
}

static void a_removed_object_is_gone_and_removing_it_again_is_fine(void **unused)
{
    (void)unused;
    pbase_object_id id = create_committed("Person", 1);
    bool removed = false, there = true;
    pbase_object object;
    pbase_txn *txn = begin_txn();
    assert_int_equal(pbase_object_remove(txn, id, &removed, NULL), PBASE_OK);
    assert_true(removed);
    assert_int_equal(pbase_object_remove(txn, id, &removed, NULL), PBASE_OK);
    assert_false(removed);
    assert_int_equal(pbase_object_exists(txn, id, &there, NULL), PBASE_OK);
    assert_false(there);
    assert_int_equal(pbase_object_get(txn, id, &arena, &object, NULL), PBASE_NOT_FOUND);
    pbase_value none = pbase_value_map(NULL, 0);
    assert_int_equal(pbase_object_put(txn, id, &none, NULL), PBASE_NOT_FOUND);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_false(committed(id).found);
}

static void many_are_read_in_the_order_asked_for_with_the_missing_marked(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_object_id ids[5];
    pbase_object objects[5];
    for (int i = 0; i < 5; i++) {
        ids[i] = create(txn, "Row", i);
    }
    memset(ids[2].bytes, 0xab, sizeof ids[2].bytes);
    assert_int_equal(pbase_object_get_many(txn, ids, 5, &arena, objects, NULL), PBASE_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(objects[i].found, i != 2);
        assert_memory_equal(objects[i].id.bytes, ids[i].bytes, 16);
        if (i != 2) {
            assert_int_equal(number_of(&objects[i]), i);
        }
    }
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

/* ------------------------------------------------------------------------------ references --- */

static void a_reference_is_followed_and_one_that_dangles_is_not_found(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_object_id company = create(txn, "Company", 1), person;
    pbase_field fields[] = {{pbase_bytes_text("employer"), pbase_value_reference(company)},
                            {pbase_bytes_text("name"), pbase_value_text("ann")}};
    pbase_value attributes = pbase_value_map(fields, 2);
    pbase_object object, found;
    assert_int_equal(pbase_object_create(txn, "Person", &attributes, &person, NULL), PBASE_OK);
    assert_int_equal(pbase_object_get(txn, person, &arena, &object, NULL), PBASE_OK);
    assert_int_equal(pbase_object_follow(txn, &object, "employer", &arena, &found, NULL), PBASE_OK);
    assert_true(pbase_bytes_equal(found.class_name, pbase_bytes_text("Company")));
    assert_int_equal(pbase_object_follow(txn, &object, "name", &arena, &found, NULL),
                     PBASE_INVALID);
    assert_int_equal(pbase_object_follow(txn, &object, "boss", &arena, &found, NULL),
                     PBASE_NOT_FOUND);
    assert_int_equal(pbase_object_remove(txn, company, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_object_follow(txn, &object, "employer", &arena, &found, NULL),
                     PBASE_NOT_FOUND);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static pbase_status count_visit(void *state, const pbase_object *object, pbase_error *err)
{
    int64_t *sum = state;
    (void)err;
    *sum += number_of(object);
    return PBASE_OK;
}

static void objects_are_listed_by_class(void **unused)
{
    (void)unused;
    int64_t sum = 0, all = 0;
    for (int i = 0; i < 20; i++) {
        (void)create_committed(i % 2 == 0 ? "Even" : "Odd", i);
    }
    pbase_txn *txn = begin_txn();
    assert_int_equal(pbase_object_each(txn, "Odd", count_visit, &sum, NULL), PBASE_OK);
    assert_int_equal(sum, 100);
    assert_int_equal(pbase_object_each(txn, NULL, count_visit, &all, NULL), PBASE_OK);
    assert_int_equal(all, 190);
    pbase_txn_abort(&txn);
}

static void a_query_reads_objects_with_their_class(void **unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        (void)create_committed(i % 2 == 0 ? "Even" : "Odd", i);
    }
    pbase_snapshot *snapshot = NULL;
    pbase_query *query = NULL;
    pbase_result *rows = NULL;
    pbase_value row;
    pbase_error err;
    pbase_error_init(&err);
    const char *text = "from $objects key id | where class = 'Odd' and value.number > 3 "
                       "| order by value.number | select id, n: value.number";
    assert_ok(pbase_query_parse(NULL, pbase_bytes_text(text), &query, &err), &err);
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_ok(pbase_query_run(query, snapshot, NULL, &rows, &err), &err);
    for (int64_t n = 5; n < 10; n += 2) {
        assert_int_equal(pbase_result_next(rows, &row, &err), PBASE_OK);
        assert_int_equal(pbase_value_field(&row, pbase_bytes_text("n"))->as.integer, n);
        assert_int_equal(pbase_value_field(&row, pbase_bytes_text("id"))->kind, PBASE_REFERENCE);
    }
    assert_int_equal(pbase_result_next(rows, &row, &err), PBASE_END);
    pbase_result_close(rows);
    pbase_query_destroy(query);
    pbase_snapshot_close(snapshot);
}

/* ------------------------------------------------------------------------------- conflicts --- */

static void different_objects_merge_and_the_same_one_conflicts(void **unused)
{
    (void)unused;
    pbase_object_id a = create_committed("Thing", 1), b = create_committed("Thing", 2);
    pbase_txn *first = begin_txn(), *second = begin_txn(), *third = begin_txn();
    put(first, a, 10);
    put(second, b, 20);
    put(third, a, 30);
    (void)create(second, "Thing", 3);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_int_equal(fixture_commit(&third), PBASE_CONFLICT);
    pbase_object object = committed(a);
    assert_int_equal(number_of(&object), 10);
    object = committed(b);
    assert_int_equal(number_of(&object), 20);
}

/* Each reads the object that the other one changes. */
static void write_skew_on_objects_is_a_conflict(void **unused)
{
    (void)unused;
    pbase_object_id ids[2] = {create_committed("Doctor", 1), create_committed("Doctor", 1)};
    pbase_txn *txns[2] = {begin_txn(), begin_txn()};
    for (size_t i = 0; i < 2; i++) {
        pbase_object seen;
        assert_int_equal(pbase_object_get(txns[i], ids[1 - i], &arena, &seen, NULL), PBASE_OK);
        assert_int_equal(number_of(&seen), 1);
        put(txns[i], ids[i], 0);
    }
    assert_int_equal(fixture_commit(&txns[0]), PBASE_OK);
    assert_int_equal(fixture_commit(&txns[1]), PBASE_CONFLICT);
}

static pbase_status count_one(void *state, const pbase_object *object, pbase_error *error)
{
    (void)object;
    (void)error;
    ++*(unsigned *)state;
    return PBASE_OK;
}

static void objects_that_come_after_a_listing_or_a_count_are_a_conflict(void **unused)
{
    (void)unused;
    (void)create_committed("Doctor", 1);
    for (unsigned lists = 0; lists < 2; lists++) {
        pbase_txn *reader = begin_txn(), *writer = begin_txn();
        uint64_t count = 0;
        unsigned listed = 0;
        assert_int_equal(lists == 1 ? pbase_object_each(reader, "Doctor", count_one, &listed, NULL)
                                    : pbase_object_count(reader, &count, NULL),
                         PBASE_OK);
        (void)create(writer, "Doctor", 2);
        assert_int_equal(fixture_commit(&writer), PBASE_OK);
        (void)create(reader, "Patient", 3);
        assert_int_equal(fixture_commit(&reader), PBASE_CONFLICT);
    }
}

static void two_first_objects_at_once_merge(void **unused)
{
    (void)unused;
    pbase_txn *first = begin_txn(), *second = begin_txn();
    pbase_object_id a = create(first, "Thing", 1), b = create(second, "Thing", 2);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_true(committed(a).found);
    assert_true(committed(b).found);
}

static void a_nested_transaction_folds_or_drops_its_objects(void **unused)
{
    (void)unused;
    pbase_txn *outer = begin_txn(), *inner = NULL;
    pbase_object_id a = create(outer, "Thing", 1);
    assert_int_equal(pbase_txn_begin_nested(outer, NULL, &inner, NULL), PBASE_OK);
    put(inner, a, 5);
    pbase_object_id b = create(inner, "Thing", 2);
    assert_int_equal(pbase_txn_commit(&inner, NULL, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_begin_nested(outer, NULL, &inner, NULL), PBASE_OK);
    put(inner, a, 6);
    pbase_object_id c = create(inner, "Thing", 3);
    pbase_txn_abort(&inner);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    pbase_object object = committed(a);
    assert_int_equal(number_of(&object), 5);
    assert_true(committed(b).found);
    assert_false(committed(c).found);
}

static pbase_status no_roots(void *state, const pbase_root_info *root, pbase_error *err)
{
    (void)state;
    return PBASE_FAIL(err, PBASE_INVALID, "root '%.*s'", (int)root->name.size,
                      (const char *)root->name.data);
}

static void objects_are_no_roots(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    (void)create(txn, "Thing", 1);
    assert_int_equal(pbase_txn_roots(txn, no_roots, NULL, NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = begin_txn();
    assert_int_equal(pbase_txn_roots(txn, no_roots, NULL, NULL), PBASE_OK);
    pbase_txn_abort(&txn);
}

/* ------------------------------------------------------------------------------- children ---- */

static void an_object_may_hold_collections_that_end_with_it(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_list *list = NULL;
    pbase_value one = pbase_value_int(1);
    pbase_object_id id;
    assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    assert_int_equal(pbase_list_append(&list, &one, NULL), PBASE_OK);
    pbase_field field = {pbase_bytes_text("items"), pbase_value_of_list(list)};
    pbase_value attributes = pbase_value_map(&field, 1);
    assert_int_equal(pbase_object_create(txn, "Bag", &attributes, &id, NULL), PBASE_OK);
    pbase_list_close(list);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);

    txn = begin_txn();
    pbase_collection *child = NULL;
    uint64_t count = 0;
    assert_int_equal(pbase_object_child(txn, id, 0, &child, NULL), PBASE_OK);
    list = pbase_collection_list(child);
    assert_int_equal(pbase_list_append(&list, &one, NULL), PBASE_OK);
    field.value = pbase_value_of_list(list);
    assert_int_equal(pbase_object_put(txn, id, &attributes, NULL), PBASE_OK);
    pbase_list_close(list);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);

    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_object_child(snapshot, id, 0, &child, NULL), PBASE_OK);
    assert_int_equal(pbase_collection_count(child, &count, NULL), PBASE_OK);
    assert_int_equal(count, 2);
    pbase_collection_close(child);
    pbase_snapshot_close(snapshot);
    fixture_assert_clean(&f);

    txn = begin_txn();
    assert_int_equal(pbase_object_remove(txn, id, NULL, NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_OK); /* the check at the end finds no orphan */
}

static void bad_classes_and_attributes_are_refused(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_value map = pbase_value_map(NULL, 0), number = pbase_value_int(1);
    pbase_object_id id;
    assert_int_equal(pbase_object_create(txn, "", &map, &id, NULL), PBASE_INVALID);
    assert_int_equal(pbase_object_create(txn, "a\nb", &map, &id, NULL), PBASE_INVALID);
    assert_int_equal(pbase_object_create(txn, "Thing", &number, &id, NULL), PBASE_INVALID);
    assert_int_equal(pbase_object_create(NULL, "Thing", &map, &id, NULL), PBASE_INVALID);
    pbase_txn_abort(&txn);
    pbase_txn_options options = pbase_txn_options_default();
    options.read_only = true;
    assert_int_equal(pbase_txn_begin(f.database, &options, &txn, NULL), PBASE_OK);
    assert_int_equal(pbase_object_create(txn, "Thing", &map, &id, NULL), PBASE_READ_ONLY);
    pbase_txn_abort(&txn);
}

static void no_root_takes_the_name_that_stands_for_the_objects(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_dict *dict = NULL;
    pbase_value number = pbase_value_int(1);
    assert_int_equal(pbase_txn_new_dict(txn, &dict, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "$objects", dict, NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_store_value(txn, "$objects", &number, NULL), PBASE_INVALID);
    assert_int_equal(
        pbase_txn_store_at(txn, "$objects", NULL, 0, pbase_dict_as_collection(dict), NULL),
        PBASE_INVALID);
    assert_int_equal(pbase_txn_store_dict(txn, "$other", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, begin_memory, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(an_object_keeps_id_and_class_through_every_update),
        cmocka_unit_test_setup_teardown(an_object_keeps_id_and_class_through_every_update,
                                        begin_file, end),
        IN_MEMORY(a_missing_attribute_reads_as_null_and_is_told_from_one_that_is),
        IN_MEMORY(a_transaction_sees_its_own_objects_and_abort_drops_them),
        IN_MEMORY(a_removed_object_is_gone_and_removing_it_again_is_fine),
        IN_MEMORY(many_are_read_in_the_order_asked_for_with_the_missing_marked),
        IN_MEMORY(a_reference_is_followed_and_one_that_dangles_is_not_found),
        IN_MEMORY(objects_are_listed_by_class),
        IN_MEMORY(a_query_reads_objects_with_their_class),
        IN_MEMORY(different_objects_merge_and_the_same_one_conflicts),
        IN_MEMORY(write_skew_on_objects_is_a_conflict),
        IN_MEMORY(objects_that_come_after_a_listing_or_a_count_are_a_conflict),
        IN_MEMORY(two_first_objects_at_once_merge),
        IN_MEMORY(a_nested_transaction_folds_or_drops_its_objects),
        IN_MEMORY(objects_are_no_roots),
        IN_MEMORY(an_object_may_hold_collections_that_end_with_it),
        IN_MEMORY(no_root_takes_the_name_that_stands_for_the_objects),
        IN_MEMORY(bad_classes_and_attributes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
