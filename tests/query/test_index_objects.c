/* test_index_objects.c - indexes on the objects of a database: on their class, on their attributes; kept in
 * the commits that change them, read by queries and by listing a class. */
#include "index_case.h"
#include "seed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static index_case c;

static int begin(void **unused)
{
    (void)unused;
    index_case_init(&c);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    index_case_fini(&c);
    return 0;
}

static pbase_object_id create(pbase_txn *txn, const char *class_name, int64_t n)
{
    char text[80];
    pbase_object_id id;
    (void)snprintf(text, sizeof text, "{'n': %d, 'g': %d}", (int)n, (int)(n % 40));
    pbase_value attributes = json_value(text, &c.arena);
    pbase_status status = pbase_object_create(txn, class_name, &attributes, &id, &c.error);
    assert_ok(status, &c.error);
    return id;
}

static const char *const classes[] = {"A", "Person", "Personal", "Z"};

static void fill(int64_t count)
{
    pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    for (int64_t i = 0; i < count; i++) {
        (void)create(txn, classes[i % 100 == 0 ? 1 : i % 4 == 1 ? 0 : i % 4], i);
    }
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

typedef struct {
    pbase_buffer text;
    pbase_txn *txn; /* removes what is visited; NULL: only looks */
    unsigned stop_after;
    unsigned count;
} visits;

static pbase_status visit(void *state, const pbase_object *object, pbase_error *err)
{
    visits *self = state;
    char id[PBASE_OBJECT_ID_TEXT_BYTES + 1];
    pbase_object_id_format(object->id, id);
    assert_int_equal(pbase_buffer_append_text(&self->text, NULL, "%s %s ", id,
                                              json_text(&object->attributes, &c.arena)),
                     PBASE_OK);
    self->count++;
    if (self->txn != NULL) {
        bool removed = false;
        assert_int_equal(pbase_object_remove(self->txn, object->id, &removed, err), PBASE_OK);
        assert_true(removed);
    }
    return self->count == self->stop_after ? PBASE_CANCELLED : PBASE_OK;
}

/* Those of a class, in a transaction or a snapshot: ids and attributes as they come. */
static const char *list(pbase_txn *txn, const char *class_name, unsigned *out_count)
{
    visits seen = {.count = 0};
    pbase_snapshot *snapshot = NULL;
    pbase_status status = PBASE_OK;
    pbase_buffer_init(&seen.text, pbase_alloc_default());
    if (txn != NULL) {
        status = pbase_object_each(txn, class_name, visit, &seen, &c.error);
    } else {
        assert_int_equal(pbase_snapshot_open(c.space.database, &snapshot, NULL), PBASE_OK);
        status = pbase_snapshot_object_each(snapshot, class_name, visit, &seen, &c.error);
    }
    assert_ok(status, &c.error);
    pbase_snapshot_close(snapshot);
    const char *text = pbase_arena_text(&c.arena, pbase_buffer_view(&seen.text));
    pbase_buffer_fini(&seen.text);
    *out_count = seen.count;
    return text;
}

static void create_index(const char *name, const char *field)
{
    index_case_create(&c, "$objects", name, field);
}

static pbase_status print_finding(void *state, int32_t level, const char *place, const char *text,
                                  pbase_error *err)
{
    (void)state;
    (void)level;
    (void)err;
    print_message("%s: %s\n", place, text);
    return PBASE_OK;
}

static void assert_indexes_clean(void)
{
    pbase_snapshot *snapshot = NULL;
    pbase_index_report report = {.indexes = 0};
    assert_int_equal(pbase_snapshot_open(c.space.database, &snapshot, NULL), PBASE_OK);
    pbase_status status =
        pbase_index_check(snapshot, NULL, NULL, NULL, print_finding, NULL, &report, &c.error);
    assert_ok(status, &c.error);
    assert_int_equal(report.findings, 0);
    assert_true(report.indexes > 0);
    pbase_snapshot_close(snapshot);
    fixture_assert_clean(&c.space);
}

/* -------------------------------------------------------------------------------------------- */

static void a_query_reads_objects_by_an_index_on_their_class_or_attributes(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "from $objects | where class = 'Person' | select { n: value.n }",
        "from $objects key id | where value.g = 7 | select { id, class }",
        "from $objects | where class = 'Person' and value.g = 20 | select { n: value.n }"};
    fill(2000);
    create_index("by_class", "class");
    create_index("by_g", "value.g");
    create_index("by_class_g", "class,value.g");
    index_case_assert_explains(&c, texts[0], "by index by_class");
    index_case_assert_explains(&c, texts[1], "by index by_g (value.g)");
    index_case_assert_explains(&c, texts[2], "by index by_class_g (class, value.g)");
    for (size_t i = 0; i < 3; i++) {
        const char *with = index_case_ask(&c, NULL, texts[i], 0);
        assert_true(strlen(with) > 10);
        assert_string_equal(with, index_case_ask(&c, NULL, texts[i], PBASE_RULE_INDEX));
    }
    assert_indexes_clean();
}

static void a_class_is_listed_by_its_index_as_without(void **unused)
{
    (void)unused;
    unsigned count = 0;
    const char *before[4];
    fill(1000);
    for (size_t i = 0; i < 4; i++) {
        before[i] = list(NULL, classes[i], &count);
    }
    create_index("by_class", "class");
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(list(NULL, classes[i], &count), before[i]);
        assert_true(count >= 10);
    }
    assert_string_equal(list(NULL, "Pers", &count), "");
    (void)list(NULL, NULL, &count);
    assert_int_equal(count, 1000);
}

static void a_transaction_lists_its_own_objects_by_the_index(void **unused)
{
    (void)unused;
    unsigned before = 0, after = 0;
    fill(1000);
    create_index("by_class", "class");
    pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    (void)list(txn, "Person", &before);
    (void)create(txn, "Person", 5000);
    assert_non_null(strstr(list(txn, "Person", &after), "5000"));
    assert_int_equal(after, before + 1);

    visits seen = {.txn = txn}; /* removing what is visited disturbs nothing */
    pbase_buffer_init(&seen.text, pbase_alloc_default());
    assert_int_equal(pbase_object_each(txn, "Person", visit, &seen, NULL), PBASE_OK);
    assert_int_equal(seen.count, after);
    pbase_buffer_fini(&seen.text);
    assert_string_equal(list(txn, "Person", &after), "");
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_string_equal(list(NULL, "Person", &after), "");
    assert_indexes_clean();
}

/* Without the index every object was read, and any change of one was a conflict. */
static void listing_a_class_conflicts_with_that_class_alone(void **unused)
{
    (void)unused;
    static const struct {
        const char *class_name;
        pbase_status status;
    } others[] = {{"Z", PBASE_OK}, {"Person", PBASE_CONFLICT}};
    fill(1000);
    create_index("by_class", "class");
    for (size_t i = 0; i < 2; i++) {
        unsigned count = 0;
        pbase_txn *reader = fixture_begin(&c.space, PBASE_SERIALIZABLE);
        pbase_txn *writer = fixture_begin(&c.space, PBASE_SERIALIZABLE);
        (void)list(reader, "Person", &count);
        index_case_put_in(&c, reader, "other", 1, "{}");
        (void)create(writer, others[i].class_name, 1);
        assert_int_equal(fixture_commit(&writer), PBASE_OK);
        assert_int_equal(fixture_commit(&reader), others[i].status);
    }
}

static void a_unique_attribute_is_kept_and_indexes_come_back(void **unused)
{
    (void)unused;
    static const char *const fields[] = {"value.n"};
    pbase_index_options options = {
        .struct_size = sizeof options, .unique = true, .fields = fields, .field_count = 1};
    fixture_end(&c.space);
    fixture_file(&c.space);
    assert_int_equal(pbase_index_create(c.space.database, "$objects", "by_n", &options, NULL, NULL),
                     PBASE_NOT_FOUND); /* no object was ever there */
    fill(300);
    assert_int_equal(pbase_index_create(c.space.database, "$objects", "by_n", &options, NULL, NULL),
                     PBASE_OK);
    pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    (void)create(txn, "Z", 7);
    assert_int_equal(fixture_commit(&txn), PBASE_EXISTS);
    fixture_reopen(&c.space);
    txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    (void)create(txn, "Z", 1000);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_indexes_clean();
    assert_string_equal(
        index_case_ask(&c, NULL, "from $objects | where value.n = 1000 | select { class }", 0),
        "{\"class\": \"Z\"}");
    assert_int_equal(pbase_index_drop(c.space.database, "$objects", "by_n", NULL, NULL), PBASE_OK);
    txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    (void)create(txn, "Z", 7);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static pbase_status note_index(void *state, const pbase_index_info *info, pbase_error *err)
{
    (void)err;
    assert_true(pbase_bytes_equal(info->root, pbase_bytes_text("$objects")));
    (*(unsigned *)state)++;
    return PBASE_OK;
}

static void indexes_of_objects_are_listed_under_their_name(void **unused)
{
    (void)unused;
    unsigned all = 0, own = 0;
    pbase_snapshot *snapshot = NULL;
    fill(10);
    create_index("by_class", "class");
    assert_int_equal(pbase_snapshot_open(c.space.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_index_list(snapshot, NULL, note_index, &all, NULL), PBASE_OK);
    assert_int_equal(pbase_index_list(snapshot, "$objects", note_index, &own, NULL), PBASE_OK);
    assert_int_equal(all, 1);
    assert_int_equal(own, 1);
    pbase_snapshot_close(snapshot);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_query_reads_objects_by_an_index_on_their_class_or_attributes),
        T(a_class_is_listed_by_its_index_as_without),
        T(a_transaction_lists_its_own_objects_by_the_index),
        T(listing_a_class_conflicts_with_that_class_alone),
        T(a_unique_attribute_is_kept_and_indexes_come_back),
        T(indexes_of_objects_are_listed_under_their_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
