/* test_write_set.c - what records write, read from their bytes: it conflicts with whom it must. */
#include "txn/write_set.h"

#include "collection/change.h"
#include "txn/catalog.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DATABASE 7u
#define BASE 10u
static const pbase_collection_id people = {3, 1};

typedef struct {
    pbase_host host;
    write_window *window; /* floor BASE */
    pbase_buffer body;
    pbase_buffer operations;
} world;

static world w;

static uint64_t hash(const void *data, size_t size, uint64_t seed)
{
    uint64_t sum = seed ^ 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) {
        sum = (sum ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
    }
    return sum;
}

static int begin(void **unused)
{
    (void)unused;
    memset(&w, 0, sizeof w);
    w.host =
        (pbase_host){.struct_size = sizeof w.host, .alloc = pbase_alloc_default(), .hash64 = hash};
    assert_int_equal(write_window_create(&w.host, &w.window, NULL), PBASE_OK);
    write_window_add(w.window, BASE, NULL);
    pbase_buffer_init(&w.body, w.host.alloc);
    pbase_buffer_init(&w.operations, w.host.alloc);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    write_window_destroy(w.window);
    pbase_buffer_fini(&w.body);
    pbase_buffer_fini(&w.operations);
    return 0;
}

/* ------------------------------------------------------------------------------- records ---- */

static void key_of(const char *text, key_scratch *scratch, encoded_key *out)
{
    pbase_value value = pbase_value_string(pbase_bytes_text(text));
    assert_int_equal(key_encode(&value, scratch, out, NULL), PBASE_OK);
}

static void add_key_operation(uint8_t op, const char *name)
{
    key_scratch scratch;
    change operation = {.op = op, .value = pbase_bytes_text("v")};
    key_scratch_init(&scratch, w.host.alloc);
    key_of(name, &scratch, &operation.key);
    assert_int_equal(change_write(&operation, &w.operations, NULL), PBASE_OK);
    key_scratch_fini(&scratch);
}

static void add_list_operation(uint8_t op, uint64_t index)
{
    change operation = {.op = op, .index = index, .value = pbase_bytes_text("v")};
    assert_int_equal(change_write(&operation, &w.operations, NULL), PBASE_OK);
}

/* A delta of one group with the operations added so far goes into the window after BASE. */
static void commit_group_of(uint8_t form, uint8_t kind)
{
    delta_group group = {
        .id = people, .form = form, .kind = kind, .operations = pbase_buffer_view(&w.operations)};
    record_head head = {.kind = RECORD_DELTA, .sequence = BASE + 1};
    access_set writes;
    assert_int_equal(pbase_buffer_append_varint(&w.body, DATABASE, NULL), PBASE_OK);
    assert_int_equal(pbase_buffer_append_varint(&w.body, 1, NULL), PBASE_OK);
    assert_int_equal(delta_group_write(&group, &w.body, NULL), PBASE_OK);
    access_set_init(&writes, &w.host);
    assert_int_equal(write_set_add_record(&writes, &head, pbase_buffer_view(&w.body), NULL),
                     PBASE_OK);
    write_window_add(w.window, head.sequence, &writes);
    access_set_fini(&writes);
}

/* What a transaction that began at BASE and made one access would be told. */
static pbase_status verdict(access_kind kind, pbase_bytes key)
{
    access_set own;
    access item = {
        .kind = kind, .place = {.database = DATABASE, .collection = people}, .from = key};
    item.hash = access_hash(&w.host, &item.place, key);
    access_set_init(&own, &w.host);
    assert_int_equal(access_set_add(&own, &item, NULL), PBASE_OK);
    pbase_status status = write_window_validate(w.window, BASE, NULL, &own, NULL);
    access_set_fini(&own);
    return status;
}

static pbase_status verdict_key(access_kind kind, const char *name)
{
    key_scratch scratch;
    encoded_key key;
    key_scratch_init(&scratch, w.host.alloc);
    key_of(name, &scratch, &key);
    pbase_status status = verdict(kind, key.bytes);
    key_scratch_fini(&scratch);
    return status;
}

static pbase_status verdict_index(uint64_t index)
{
    change set = {.op = CHANGE_LIST_SET, .index = index};
    change_touch touch;
    change_touches(&set, UINT64_MAX, &touch);
    return verdict(ACCESS_POINT, touch.key);
}

/* --------------------------------------------------------------------------------- tests ---- */

static void a_put_of_another_conflicts_with_its_key_alone(void **unused)
{
    (void)unused;
    add_key_operation(CHANGE_PUT, "ada");
    commit_group_of(GROUP_CHANGE, PBASE_COLLECTION_DICT);

    assert_int_equal(verdict_key(ACCESS_POINT, "ada"), PBASE_CONFLICT);
    assert_int_equal(verdict_key(ACCESS_POINT, "bob"), PBASE_OK);
    assert_int_equal(verdict(ACCESS_WHOLE, pbase_bytes_of(NULL, 0)), PBASE_CONFLICT);
}

static void adds_of_one_element_by_two_merge(void **unused)
{
    (void)unused;
    add_key_operation(CHANGE_SET_ADD, "ada");
    commit_group_of(GROUP_CHANGE, PBASE_COLLECTION_SET);

    assert_int_equal(verdict_key(ACCESS_ADD, "ada"), PBASE_OK);
    assert_int_equal(verdict_key(ACCESS_POINT, "ada"), PBASE_CONFLICT);
}

static void appends_merge_and_set_elements_conflict(void **unused)
{
    (void)unused;
    add_list_operation(CHANGE_LIST_SET, 4);
    commit_group_of(GROUP_CHANGE, PBASE_COLLECTION_LIST);

    assert_int_equal(verdict_index(4), PBASE_CONFLICT);
    assert_int_equal(verdict_index(5), PBASE_OK);
    assert_int_equal(verdict(ACCESS_TAIL, pbase_bytes_of(NULL, 0)), PBASE_OK);
}

static void an_element_set_beside_an_append_stands_for_the_whole_list(void **unused)
{
    (void)unused;
    add_list_operation(CHANGE_LIST_APPEND, 0);
    add_list_operation(CHANGE_LIST_SET, 4);
    commit_group_of(GROUP_CHANGE, PBASE_COLLECTION_LIST);

    assert_int_equal(verdict_index(5), PBASE_CONFLICT); /* needless, but never a missed one */
    assert_int_equal(verdict_index(4), PBASE_CONFLICT);
}

static void a_collection_created_by_the_record_writes_nothing_others_have(void **unused)
{
    (void)unused;
    add_key_operation(CHANGE_PUT, "ada");
    commit_group_of(GROUP_CREATE, PBASE_COLLECTION_DICT);

    assert_int_equal(verdict_key(ACCESS_POINT, "ada"), PBASE_OK);
}

/* What a change of the catalog does to a transaction in flight that wrote a root. */
static pbase_status verdict_root_after(uint8_t operation)
{
    access_set writes, own;
    catalog_change wanted = {.operation = operation,
                             .kind = DATABASE_BRANCH,
                             .database = DATABASE,
                             .source = pbase_bytes_text("main"),
                             .name = pbase_bytes_text("new")};
    record_head head = {.kind = RECORD_CATALOG, .sequence = BASE + 1};
    assert_int_equal(catalog_change_write(&wanted, &w.body, NULL), PBASE_OK);
    access_set_init(&writes, &w.host);
    assert_int_equal(write_set_add_record(&writes, &head, pbase_buffer_view(&w.body), NULL),
                     PBASE_OK);
    write_window_add(w.window, head.sequence, &writes);
    access_set_fini(&writes);

    access root = {.kind = ACCESS_POINT,
                   .place = {.database = DATABASE, .collection = CATALOG_ROOTS},
                   .from = pbase_bytes_text("any")};
    root.hash = access_hash(&w.host, &root.place, root.from);
    access_set_init(&own, &w.host);
    assert_int_equal(access_set_add(&own, &root, NULL), PBASE_OK);
    pbase_status status = write_window_validate(w.window, BASE, NULL, &own, NULL);
    access_set_fini(&own);
    return status;
}

static void a_dropped_database_takes_its_roots_along(void **unused)
{
    (void)unused;
    assert_int_equal(verdict_root_after(CATALOG_DROP), PBASE_CONFLICT);
}

static void a_renamed_database_takes_its_roots_along(void **unused)
{
    (void)unused;
    assert_int_equal(verdict_root_after(CATALOG_RENAME), PBASE_CONFLICT);
}

static void a_copied_database_is_left_alone(void **unused)
{
    (void)unused;
    assert_int_equal(verdict_root_after(CATALOG_COPY), PBASE_OK);
}

static void adopted_content_stands_for_the_whole_collection(void **unused)
{
    (void)unused;
    adopted_content content = {.root = 64, .count = 1};
    assert_int_equal(adopted_content_write(&content, &w.operations, NULL), PBASE_OK);
    commit_group_of(GROUP_ADOPT, PBASE_COLLECTION_DICT);
    assert_int_equal(verdict_key(ACCESS_POINT, "anybody"), PBASE_CONFLICT);
}

static void a_record_that_is_cut_is_corrupt(void **unused)
{
    (void)unused;
    access_set writes;
    add_key_operation(CHANGE_PUT, "ada");
    commit_group_of(GROUP_CHANGE, PBASE_COLLECTION_DICT);
    record_head head = {.kind = RECORD_DELTA, .sequence = BASE + 2};
    for (size_t size = 0; size < w.body.size; size++) {
        access_set_init(&writes, &w.host);
        assert_int_equal(
            write_set_add_record(&writes, &head, pbase_bytes_of(w.body.data, size), NULL),
            PBASE_CORRUPT);
        access_set_fini(&writes);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(a_put_of_another_conflicts_with_its_key_alone),
        CASE(adds_of_one_element_by_two_merge),
        CASE(appends_merge_and_set_elements_conflict),
        CASE(an_element_set_beside_an_append_stands_for_the_whole_list),
        CASE(a_collection_created_by_the_record_writes_nothing_others_have),
        CASE(a_dropped_database_takes_its_roots_along),
        CASE(a_renamed_database_takes_its_roots_along),
        CASE(a_copied_database_is_left_alone),
        CASE(adopted_content_stands_for_the_whole_collection),
        CASE(a_record_that_is_cut_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
