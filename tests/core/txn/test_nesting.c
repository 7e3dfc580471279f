/* test_nesting.c - collections in documents and in one another: what is stored, what is seen, what
 * conflicts, what is dropped. */
#include "space_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static pbase_txn *begin_txn(void)
{
    return fixture_begin(&f, PBASE_SERIALIZABLE);
}

/* Steps of a path: integers, and "c" into a document. */
#define STEPS_MAX 32u
typedef struct {
    pbase_value items[STEPS_MAX];
    size_t count;
} steps;

static steps steps_of(size_t count, ...)
{
    steps out = {.count = count};
    va_list arguments;
    va_start(arguments, count);
    for (size_t i = 0; i < count; i++) {
        out.items[i] = pbase_value_int(va_arg(arguments, int));
    }
    va_end(arguments);
    return out;
}

static pbase_dict *dict_at(pbase_txn *txn, const char *root, const steps *path)
{
    pbase_collection *at = NULL;
    assert_int_equal(pbase_txn_at(txn, root, path->items, path->count, &at, NULL), PBASE_OK);
    assert_non_null(pbase_collection_dict(at));
    return pbase_collection_dict(at);
}

static void store_at(pbase_txn *txn, const char *root, const steps *path, pbase_dict *dict)
{
    assert_int_equal(pbase_txn_store_at(txn, root, path->items, path->count,
                                        pbase_dict_as_collection(dict), NULL),
                     PBASE_OK);
    pbase_dict_close(dict);
}

/* Puts key = value into the dictionary at the path. */
static void put_at(pbase_txn *txn, const char *root, const steps *path, int64_t key, int64_t value)
{
    pbase_dict *dict = dict_at(txn, root, path);
    fixture_put(&dict, key, value);
    store_at(txn, root, path, dict);
}

/* A new dictionary {1: 1} as the entry the path names; all above it exist. */
static void make_at(pbase_txn *txn, const char *root, const steps *path)
{
    pbase_dict *dict = NULL;
    assert_int_equal(pbase_txn_new_dict(txn, &dict, NULL), PBASE_OK);
    fixture_put(&dict, 1, 1);
    store_at(txn, root, path, dict);
}

static int64_t number_in(pbase_dict *dict, int64_t key)
{
    pbase_arena arena;
    pbase_value k = pbase_value_int(key), v = pbase_value_int(INT64_MIN);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_dict_get(dict, &k, &arena, &v, NULL);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    pbase_arena_fini(&arena);
    return v.as.integer;
}

/* The committed number at path and key; INT64_MIN when it is missing. */
static int64_t committed(const char *root, const steps *path, int64_t key)
{
    pbase_snapshot *snapshot = NULL;
    pbase_collection *at = NULL;
    int64_t number = INT64_MIN;
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    if (pbase_snapshot_at(snapshot, root, path->items, path->count, &at, NULL) == PBASE_OK) {
        number = number_in(pbase_collection_dict(at), key);
    }
    pbase_collection_close(at);
    pbase_snapshot_close(snapshot);
    return number;
}

static pbase_status finding(void *state, pbase_status code, const char *place, const char *message,
                            pbase_error *err)
{
    (void)state;
    return PBASE_FAIL(err, code, "%s: %s", place, message);
}

/* How many there are, of a space without faults. */
static uint64_t collections(void)
{
    pbase_check_report report;
    pbase_error err;
    pbase_error_init(&err);
    assert_ok(pbase_space_check(f.space, NULL, finding, NULL, &report, &err), &err);
    return report.collections;
}

/* Root "r" with dictionaries of dictionaries, `depth` below it, each under key 7, with 1: 1. */
static void make_chain(size_t depth)
{
    pbase_txn *txn = begin_txn();
    steps path = {.count = 0};
    for (; path.count <= depth; path.count++) {
        make_at(txn, "r", &path);
        path.items[path.count] = pbase_value_int(7);
    }
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

/* --------------------------------------------------------------------------------- seeing ---- */

static void a_dictionary_five_levels_deep_is_written_and_read_back(void **unused)
{
    (void)unused;
    make_chain(5);
    steps deep = steps_of(5, 7, 7, 7, 7, 7);
    pbase_txn *txn = begin_txn();
    put_at(txn, "r", &deep, 2, 22);
    pbase_dict *again = dict_at(txn, "r", &deep);
    assert_int_equal(number_in(again, 2), 22); /* its own writes, at every depth */
    pbase_dict_close(again);
    assert_int_equal(committed("r", &deep, 2), INT64_MIN);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(committed("r", &deep, 2), 22);
    assert_int_equal(committed("r", &deep, 1), 1);
    assert_int_equal(collections(), 6);
}

static void a_document_keeps_the_set_inside_when_its_fields_change(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_dict *people = fixture_dict(txn, "people");
    pbase_set *tags = NULL;
    pbase_value key = pbase_value_int(1), tag = pbase_value_text("red"), document;
    assert_int_equal(pbase_txn_new_set(txn, &tags, NULL), PBASE_OK);
    assert_int_equal(pbase_set_add(&tags, &tag, NULL, NULL), PBASE_OK);
    pbase_field fields[] = {{pbase_bytes_text("name"), pbase_value_text("ann")},
                            {pbase_bytes_text("tags"), pbase_value_of_set(tags)}};
    document = pbase_value_map(fields, 2);
    assert_int_equal(pbase_dict_put(&people, &key, &document, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "people", people, NULL), PBASE_OK);
    pbase_set_close(tags);
    pbase_dict_close(people);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);

    txn = begin_txn();
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    people = fixture_dict(txn, "people");
    assert_int_equal(pbase_dict_get(people, &key, &arena, &document, NULL), PBASE_OK);
    assert_int_equal(pbase_value_field(&document, pbase_bytes_text("tags"))->kind, PBASE_CHILD);
    fields[0].value = pbase_value_text("anna");
    fields[1].value = *pbase_value_field(&document, pbase_bytes_text("tags"));
    document = pbase_value_map(fields, 2);
    assert_int_equal(pbase_dict_put(&people, &key, &document, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "people", people, NULL), PBASE_OK);
    pbase_dict_close(people);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);

    pbase_snapshot *snapshot = NULL;
    pbase_collection *at = NULL;
    bool found = false;
    pbase_value path[] = {key, pbase_value_text("tags")};
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_snapshot_at(snapshot, "people", path, 2, &at, NULL), PBASE_OK);
    assert_int_equal(pbase_set_has(pbase_collection_set(at), &tag, &found, NULL), PBASE_OK);
    assert_true(found);
    pbase_collection_close(at);
    pbase_snapshot_close(snapshot);
    pbase_arena_fini(&arena);
    assert_int_equal(collections(), 2);
}

static void a_root_may_be_a_document_with_collections(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_dict *inside = NULL;
    assert_int_equal(pbase_txn_new_dict(txn, &inside, NULL), PBASE_OK);
    fixture_put(&inside, 1, 10);
    pbase_field field = {pbase_bytes_text("of"), pbase_value_of_dict(inside)};
    pbase_value document = pbase_value_map(&field, 1), step = pbase_value_text("of");
    assert_int_equal(pbase_txn_store_value(txn, "settings", &document, NULL), PBASE_OK);
    pbase_dict_close(inside);
    steps path = {.items = {step}, .count = 1};
    put_at(txn, "settings", &path, 2, 20);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = begin_txn();
    put_at(txn, "settings", &path, 3, 30);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(committed("settings", &path, 1), 10);
    assert_int_equal(committed("settings", &path, 2), 20);
    assert_int_equal(committed("settings", &path, 3), 30);
}

static void an_older_handle_goes_on_seeing_the_older_child(void **unused)
{
    (void)unused;
    make_chain(1);
    pbase_txn *txn = begin_txn();
    pbase_value key = pbase_value_int(7);
    pbase_collection *child = NULL;
    pbase_dict *old = NULL, *top = fixture_dict(txn, "r");
    assert_int_equal(pbase_dict_keep(top, &old, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_child(top, &key, 0, &child, NULL), PBASE_OK);
    pbase_dict *inner = pbase_collection_dict(child);
    fixture_put(&inner, 1, 100);
    pbase_value value = pbase_value_of_dict(inner);
    assert_int_equal(pbase_dict_put(&top, &key, &value, NULL, NULL), PBASE_OK);
    fixture_put(&inner, 1, 200); /* after the put: not in it */
    pbase_dict_close(inner);

    assert_int_equal(pbase_dict_child(old, &key, 0, &child, NULL), PBASE_OK);
    assert_int_equal(number_in(pbase_collection_dict(child), 1), 1);
    pbase_collection_close(child);
    assert_int_equal(pbase_dict_child(top, &key, 0, &child, NULL), PBASE_OK);
    assert_int_equal(number_in(pbase_collection_dict(child), 1), 100);
    pbase_collection_close(child);
    pbase_dict_close(old);
    pbase_dict_close(top);
    pbase_txn_abort(&txn);
}

static void a_snapshot_sees_the_children_of_its_time(void **unused)
{
    (void)unused;
    make_chain(2);
    steps deep = steps_of(2, 7, 7), none = {.count = 0};
    pbase_snapshot *before = NULL;
    pbase_collection *at = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &before, NULL), PBASE_OK);
    pbase_txn *txn = begin_txn();
    put_at(txn, "r", &deep, 1, 100);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = begin_txn();
    make_at(txn, "r", &none); /* the whole tree is dropped */
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(pbase_snapshot_at(before, "r", deep.items, deep.count, &at, NULL), PBASE_OK);
    assert_int_equal(number_in(pbase_collection_dict(at), 1), 1);
    pbase_collection_close(at);
    pbase_snapshot_close(before);
    assert_int_equal(collections(), 1);
}

/* ------------------------------------------------------------------------------- dropping ---- */

static void what_is_overwritten_removed_or_dropped_takes_everything_inside_along(void **unused)
{
    (void)unused;
    make_chain(4);
    assert_int_equal(collections(), 5);
    steps below = steps_of(3, 7, 7, 7), entry = steps_of(2, 7, 7);
    pbase_txn *txn = begin_txn();
    pbase_dict *dict = dict_at(txn, "r", &entry);
    fixture_put(&dict, 7, 0); /* a number over the dictionary */
    store_at(txn, "r", &entry, dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(collections(), 3);
    assert_int_equal(committed("r", &below, 1), INT64_MIN);

    txn = begin_txn();
    pbase_value key = pbase_value_int(7);
    dict = fixture_dict(txn, "r");
    assert_int_equal(pbase_dict_remove(&dict, &key, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "r", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(collections(), 1);

    make_chain(3);
    txn = begin_txn();
    assert_int_equal(pbase_txn_drop_root(txn, "r", NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(collections(), 0);
}

static void a_child_replaced_many_times_in_one_transaction_leaves_one(void **unused)
{
    (void)unused;
    make_chain(0);
    pbase_txn *txn = begin_txn();
    pbase_value key = pbase_value_int(5);
    pbase_dict *top = fixture_dict(txn, "r");
    for (int i = 0; i < 20; i++) {
        pbase_dict *child = NULL;
        assert_int_equal(pbase_txn_new_dict(txn, &child, NULL), PBASE_OK);
        fixture_put(&child, 1, i);
        pbase_value value = pbase_value_of_dict(child);
        assert_int_equal(pbase_dict_put(&top, &key, &value, NULL, NULL), PBASE_OK);
        pbase_dict_close(child);
    }
    assert_int_equal(pbase_txn_store_dict(txn, "r", top, NULL), PBASE_OK);
    pbase_dict_close(top);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    steps path = steps_of(1, 5);
    assert_int_equal(committed("r", &path, 1), 19);
    assert_int_equal(collections(), 2);
}

/* ------------------------------------------------------------------------------- copying ----- */

static void a_collection_put_into_a_second_slot_is_another_one(void **unused)
{
    (void)unused;
    make_chain(2);
    steps from = steps_of(1, 7), to = steps_of(1, 8), inside = steps_of(2, 7, 7),
          copied = steps_of(2, 8, 7);
    pbase_txn *txn = begin_txn();
    store_at(txn, "r", &to, dict_at(txn, "r", &from));
    put_at(txn, "r", &inside, 1, 100);
    put_at(txn, "r", &copied, 1, 200);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(committed("r", &inside, 1), 100);
    assert_int_equal(committed("r", &copied, 1), 200);
    assert_int_equal(collections(), 5);
}

static void a_new_collection_with_children_may_be_stored_under_two_roots(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    steps one = steps_of(1, 1);
    pbase_dict *top = NULL, *child = NULL;
    pbase_value key = pbase_value_int(1);
    assert_int_equal(pbase_txn_new_dict(txn, &top, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_dict(txn, &child, NULL), PBASE_OK);
    fixture_put(&child, 3, 33);
    pbase_value value = pbase_value_of_dict(child);
    assert_int_equal(pbase_dict_put(&top, &key, &value, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "a", top, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "b", top, NULL), PBASE_OK);
    pbase_dict_close(child);
    pbase_dict_close(top);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = begin_txn();
    put_at(txn, "a", &one, 3, 34);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(committed("a", &one, 3), 34);
    assert_int_equal(committed("b", &one, 3), 33);
    assert_int_equal(collections(), 4);
}

static void what_a_snapshot_holds_can_be_put_back_with_everything_inside(void **unused)
{
    (void)unused;
    make_chain(3);
    steps deep = steps_of(3, 7, 7, 7), from = steps_of(1, 7);
    pbase_snapshot *before = NULL;
    pbase_collection *old = NULL;
    assert_int_equal(pbase_snapshot_open(f.database, &before, NULL), PBASE_OK);
    pbase_txn *txn = begin_txn();
    put_at(txn, "r", &deep, 1, 100);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = begin_txn();
    assert_int_equal(pbase_snapshot_at(before, "r", from.items, 1, &old, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_at(txn, "r", from.items, 1, old, NULL), PBASE_OK);
    pbase_collection_close(old);
    pbase_snapshot_close(before);
    put_at(txn, "r", &deep, 2, 5); /* and edited on */
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(committed("r", &deep, 1), 1);
    assert_int_equal(committed("r", &deep, 2), 5);
    assert_int_equal(collections(), 4);
}

/* ------------------------------------------------------------------------------- conflicts --- */

static void different_keys_of_one_nested_dictionary_merge(void **unused)
{
    (void)unused;
    make_chain(3);
    steps deep = steps_of(3, 7, 7, 7);
    pbase_txn *first = begin_txn(), *second = begin_txn();
    put_at(first, "r", &deep, 10, 1);
    put_at(second, "r", &deep, 11, 2);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_int_equal(committed("r", &deep, 10), 1);
    assert_int_equal(committed("r", &deep, 11), 2);
}

static void new_children_under_different_keys_of_one_dictionary_merge(void **unused)
{
    (void)unused;
    make_chain(1);
    steps a = steps_of(2, 7, 20), b = steps_of(2, 7, 21);
    pbase_txn *first = begin_txn(), *second = begin_txn();
    make_at(first, "r", &a);
    make_at(second, "r", &b);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_int_equal(committed("r", &a, 1), 1);
    assert_int_equal(committed("r", &b, 1), 1);
    assert_int_equal(collections(), 4);
}

static void the_same_key_of_a_nested_dictionary_conflicts(void **unused)
{
    (void)unused;
    make_chain(2);
    steps deep = steps_of(2, 7, 7);
    pbase_txn *first = begin_txn(), *second = begin_txn();
    put_at(first, "r", &deep, 10, 1);
    put_at(second, "r", &deep, 10, 2);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_CONFLICT);
    assert_int_equal(committed("r", &deep, 10), 1);
}

static void a_change_inside_what_was_dropped_meanwhile_conflicts(void **unused)
{
    (void)unused;
    for (int32_t isolation = PBASE_SERIALIZABLE; isolation <= PBASE_SNAPSHOT_ISOLATION;
         isolation++) {
        make_chain(2);
        steps deep = steps_of(2, 7, 7), none = {.count = 0};
        pbase_txn *first = fixture_begin(&f, isolation), *second = fixture_begin(&f, isolation);
        pbase_dict *top = dict_at(first, "r", &none);
        fixture_put(&top, 7, 0);
        store_at(first, "r", &none, top);
        put_at(second, "r", &deep, 10, 2);
        assert_int_equal(fixture_commit(&first), PBASE_OK);
        assert_int_equal(fixture_commit(&second), PBASE_CONFLICT);
        assert_int_equal(collections(), 1);
    }
}

static void what_is_dropped_may_have_been_changed_meanwhile(void **unused)
{
    (void)unused;
    make_chain(2);
    steps deep = steps_of(2, 7, 7), added = steps_of(3, 7, 7, 30), none = {.count = 0};
    pbase_txn *first = begin_txn(), *second = begin_txn();
    put_at(first, "r", &deep, 10, 2);
    make_at(first, "r", &added);
    pbase_dict *top = dict_at(second, "r", &none);
    fixture_put(&top, 7, 0);
    store_at(second, "r", &none, top);
    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_int_equal(collections(), 1); /* with what the first one added */
}

/* --------------------------------------------------------------------------------- limits ---- */

static void nesting_has_a_limit_and_no_chain_exhausts_the_stack(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_value key = pbase_value_int(7);
    pbase_dict *inner = NULL;
    pbase_status status = PBASE_OK;
    unsigned levels = 0;
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(pbase_txn_new_dict(txn, &inner, NULL), PBASE_OK);
    for (levels = 1; status == PBASE_OK; levels++) { /* from the inside out */
        pbase_dict *outer = NULL;
        assert_int_equal(pbase_txn_new_dict(txn, &outer, NULL), PBASE_OK);
        pbase_value value = pbase_value_of_dict(inner);
        status = pbase_dict_put(&outer, &key, &value, NULL, &err);
        if (status == PBASE_OK) {
            pbase_dict_close(inner);
            inner = outer;
        } else {
            pbase_dict_close(outer);
        }
    }
    assert_int_equal(status, PBASE_LIMIT);
    assert_int_equal(levels - 1, PBASE_NESTING_MAX);
    assert_int_equal(pbase_txn_store_dict(txn, "r", inner, NULL), PBASE_OK);
    pbase_dict_close(inner);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_int_equal(collections(), PBASE_NESTING_MAX);

    txn = begin_txn(); /* one below the deepest: each step is small, the whole is too deep */
    pbase_value *deep = calloc(PBASE_NESTING_MAX, sizeof *deep);
    assert_non_null(deep);
    for (unsigned i = 0; i < PBASE_NESTING_MAX; i++) {
        deep[i] = key;
    }
    assert_int_equal(pbase_txn_new_dict(txn, &inner, NULL), PBASE_OK);
    status = pbase_txn_store_at(txn, "r", deep, PBASE_NESTING_MAX, pbase_dict_as_collection(inner),
                                NULL);
    assert_int_equal(status, PBASE_LIMIT);
    pbase_dict_close(inner);
    pbase_txn_abort(&txn);
    free(deep);
}

static void a_child_the_entry_lacks_and_a_set_on_the_way_are_refused(void **unused)
{
    (void)unused;
    make_chain(1);
    pbase_txn *txn = begin_txn();
    pbase_dict *top = fixture_dict(txn, "r");
    pbase_collection *at = NULL;
    pbase_value one = pbase_value_int(1), child = pbase_value_child(0), seven = pbase_value_int(7);
    assert_int_equal(pbase_dict_put(&top, &one, &child, NULL, NULL), PBASE_INVALID);
    assert_int_equal(pbase_dict_child(top, &one, 0, &at, NULL), PBASE_NOT_FOUND);
    assert_int_equal(pbase_dict_child(top, &seven, 1, &at, NULL), PBASE_NOT_FOUND);
    pbase_value wrong[] = {one, one};
    assert_int_equal(pbase_txn_at(txn, "r", wrong, 1, &at, NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_at(txn, "r", wrong, 2, &at, NULL), PBASE_NOT_FOUND);
    assert_int_equal(pbase_txn_at(txn, "nothing", wrong, 1, &at, NULL), PBASE_NOT_FOUND);
    pbase_dict_close(top);
    pbase_txn_abort(&txn);
}

/* The value of an entry: a list of `count` markers, every `step`-th child of what it has now. */
static pbase_value markers(pbase_value *items, size_t count, size_t step)
{
    for (size_t i = 0; i < count; i++) {
        items[i] = pbase_value_child(i * step);
    }
    return pbase_value_list(items, count);
}

static void a_document_of_thousands_of_collections_is_put_back_and_thinned_out(void **unused)
{
    (void)unused;
    enum { COUNT = 20000 };
    static pbase_value items[COUNT];
    pbase_set *set = NULL;
    pbase_collection *child = NULL;
    pbase_txn *txn = begin_txn();
    pbase_dict *dict = fixture_dict(txn, "many");
    pbase_value key = pbase_value_int(1), value;
    assert_int_equal(pbase_txn_new_set(txn, &set, NULL), PBASE_OK);
    for (size_t i = 0; i < COUNT; i++) {
        items[i] = pbase_value_of_set(set);
    }
    value = pbase_value_list(items, COUNT); /* each place gets a set of its own */
    assert_int_equal(pbase_dict_put(&dict, &key, &value, NULL, NULL), PBASE_OK);
    value = markers(items, COUNT, 1);
    assert_int_equal(pbase_dict_put(&dict, &key, &value, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "many", dict, NULL), PBASE_OK);
    pbase_set_close(set);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    txn = begin_txn();
    dict = fixture_dict(txn, "many");
    value = markers(items, COUNT / 2, 2);
    assert_int_equal(pbase_dict_put(&dict, &key, &value, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_child(dict, &key, COUNT / 2 - 1, &child, NULL), PBASE_OK);
    pbase_collection_close(child);
    assert_int_equal(pbase_dict_child(dict, &key, COUNT / 2, &child, NULL), PBASE_NOT_FOUND);
    assert_int_equal(pbase_txn_store_dict(txn, "many", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static void a_collection_is_no_element_of_a_set_and_no_key(void **unused)
{
    (void)unused;
    pbase_txn *txn = begin_txn();
    pbase_set *set = NULL, *inner = NULL;
    pbase_counted_set *counted = NULL;
    pbase_multi_dict *multi = NULL;
    pbase_hash_dict *hashed = NULL;
    pbase_dict *dict = NULL;
    uint64_t count = 0;
    assert_int_equal(pbase_txn_new_set(txn, &set, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_set(txn, &inner, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_counted_set(txn, &counted, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_multi_dict(txn, &multi, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_hash_dict(txn, &hashed, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_dict(txn, &dict, NULL), PBASE_OK);
    pbase_value element = pbase_value_of_set(inner), one = pbase_value_int(1);
    pbase_value listed = pbase_value_list(&element, 1), both[] = {one, element};
    assert_int_equal(pbase_set_add(&set, &element, NULL, NULL), PBASE_INVALID);
    assert_int_equal(pbase_set_add(&set, &listed, NULL, NULL), PBASE_INVALID);
    assert_int_equal(pbase_set_add_all(&set, both, 2, NULL), PBASE_INVALID);
    assert_int_equal(pbase_counted_set_add(&counted, &element, 1, NULL, NULL), PBASE_INVALID);
    assert_int_equal(pbase_multi_dict_add(&multi, &one, &element, 1, NULL, NULL), PBASE_INVALID);
    assert_int_equal(pbase_hash_dict_put(&hashed, &element, &one, NULL, NULL), PBASE_INVALID);
    assert_int_equal(pbase_dict_put(&dict, &element, &one, NULL, NULL), PBASE_INVALID);
    assert_int_equal(pbase_set_count(set, &count, NULL), PBASE_OK);
    assert_int_equal(count, 0); /* the one that could have been an element neither */
    pbase_dict_close(dict);
    pbase_hash_dict_close(hashed);
    pbase_multi_dict_close(multi);
    pbase_counted_set_close(counted);
    pbase_set_close(inner);
    pbase_set_close(set);
    pbase_txn_abort(&txn);
}

static void a_nested_transaction_brings_its_children_along_or_drops_them(void **unused)
{
    (void)unused;
    make_chain(1);
    steps kept = steps_of(2, 7, 1), gone = steps_of(2, 7, 2), child = steps_of(1, 7);
    pbase_txn *outer = begin_txn(), *inner = NULL;
    assert_int_equal(pbase_txn_begin_nested(outer, NULL, &inner, NULL), PBASE_OK);
    make_at(inner, "r", &kept);
    assert_int_equal(pbase_txn_commit(&inner, NULL, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_begin_nested(outer, NULL, &inner, NULL), PBASE_OK);
    make_at(inner, "r", &gone);
    put_at(inner, "r", &child, 1, 100);
    pbase_txn_abort(&inner);
    put_at(outer, "r", &kept, 9, 99);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(committed("r", &kept, 9), 99);
    assert_int_equal(committed("r", &gone, 1), INT64_MIN);
    assert_int_equal(collections(), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_dictionary_five_levels_deep_is_written_and_read_back,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(a_document_keeps_the_set_inside_when_its_fields_change,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(a_root_may_be_a_document_with_collections, begin_memory,
                                        end),
        cmocka_unit_test_setup_teardown(an_older_handle_goes_on_seeing_the_older_child,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(a_snapshot_sees_the_children_of_its_time, begin_memory,
                                        end),
        cmocka_unit_test_setup_teardown(
            what_is_overwritten_removed_or_dropped_takes_everything_inside_along, begin_memory,
            end),
        cmocka_unit_test_setup_teardown(a_child_replaced_many_times_in_one_transaction_leaves_one,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(a_collection_put_into_a_second_slot_is_another_one,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(
            a_new_collection_with_children_may_be_stored_under_two_roots, begin_memory, end),
        cmocka_unit_test_setup_teardown(
            what_a_snapshot_holds_can_be_put_back_with_everything_inside, begin_memory, end),
        cmocka_unit_test_setup_teardown(different_keys_of_one_nested_dictionary_merge, begin_memory,
                                        end),
        cmocka_unit_test_setup_teardown(new_children_under_different_keys_of_one_dictionary_merge,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(the_same_key_of_a_nested_dictionary_conflicts, begin_memory,
                                        end),
        cmocka_unit_test_setup_teardown(a_change_inside_what_was_dropped_meanwhile_conflicts,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(what_is_dropped_may_have_been_changed_meanwhile,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(nesting_has_a_limit_and_no_chain_exhausts_the_stack,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(a_child_the_entry_lacks_and_a_set_on_the_way_are_refused,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(a_collection_is_no_element_of_a_set_and_no_key,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(
            a_document_of_thousands_of_collections_is_put_back_and_thinned_out, begin_memory, end),
        cmocka_unit_test_setup_teardown(
            a_nested_transaction_brings_its_children_along_or_drops_them, begin_memory, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
