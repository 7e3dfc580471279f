/* test_watch_nested.c - what a watch tells of collections within others, of objects, blobs and indexes: the
 * root, the way down, and an order in which the events can be applied. */
#include "watch_fixture.h"
#include <stdlib.h>

static void run(pbase_txn_body body, void *state)
{
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = pbase_txn_run(f.database, NULL, NULL, body, state, &err);
    assert_ok(status, &err);
}

#define OK(call) assert_int_equal(call, PBASE_OK)

/* A set with one element. */
static pbase_set *set_of(pbase_txn *txn, const char *element)
{
    pbase_set *set = NULL;
    pbase_value value = pbase_value_text(element);
    OK(pbase_txn_new_set(txn, &set, NULL));
    OK(pbase_set_add(&set, &value, NULL, NULL));
    return set;
}

/* {"tags": SET, "n": NUMBER} under a key of a dictionary. */
static void put_document(pbase_dict **dict, const char *key, const pbase_value *tags, int64_t n)
{
    pbase_field fields[] = {{pbase_bytes_text("tags"), *tags},
                            {pbase_bytes_text("n"), pbase_value_int(n)}};
    pbase_value k = pbase_value_text(key), document = pbase_value_map(fields, 2);
    OK(pbase_dict_put(dict, &k, &document, NULL, NULL));
}

static pbase_status make_people(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)state;
    (void)err;
    pbase_dict *people = fixture_dict(txn, "people");
    pbase_set *tags = set_of(txn, "red");
    pbase_value handle = pbase_value_of_set(tags);
    put_document(&people, "ann", &handle, 1);
    OK(pbase_txn_store_dict(txn, "people", people, NULL));
    pbase_set_close(tags);
    pbase_dict_close(people);
    return PBASE_OK;
}

static const pbase_value *way(const char *first, const char *second)
{
    static pbase_value steps[2];
    steps[0] = pbase_value_text(first);
    steps[1] = second == NULL ? pbase_value_null() : pbase_value_text(second);
    return steps;
}

/* Adds an element to the set of ann. */
static void add_tag(pbase_txn *txn, const char *element)
{
    pbase_collection *held = NULL;
    pbase_value value = pbase_value_text(element);
    OK(pbase_txn_at(txn, "people", way("ann", "tags"), 2, &held, NULL));
    pbase_set *set = pbase_collection_set(held);
    OK(pbase_set_add(&set, &value, NULL, NULL));
    OK(pbase_txn_store_at(txn, "people", way("ann", "tags"), 2, held, NULL));
    pbase_set_close(set);
}

static pbase_status add_blue(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)state;
    (void)err;
    add_tag(txn, "blue");
    return PBASE_OK;
}

static void a_change_in_a_document_names_the_root_and_the_way_down(void **unused)
{
    (void)unused;
    run(make_people, NULL);
    run(add_blue, NULL);
    OK(fixture_put_one(&f, "other", 1, 1));
    static const char told[] =
        "2 main people created\n"
        "2 main people put \"ann\" = {\"tags\":{\"$child\":0},\"n\":1} new set\n"
        "2 main people[\"ann\",\"tags\"] added \"red\" x1.\n"
        "3 main people[\"ann\",\"tags\"] added \"blue\" x1.\n";
    expect_from(f.database, "people", 2, told);
    expect_from(f.database, "other", 2, "4 main other created\n4 main other put 1 = 1.\n");
    OK(pbase_space_checkpoint(f.space, NULL, NULL));
    fixture_reopen(&f);
    expect_from(f.database, "people", 2, told);
    expect_from(f.database, "people", 3, "3 main people[\"ann\",\"tags\"] added \"blue\" x1.\n");
}

static pbase_status keep_and_rename_field(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)state;
    (void)err;
    add_tag(txn, "green");
    pbase_dict *people = fixture_dict(txn, "people");
    pbase_value key = pbase_value_text("ann");
    pbase_field fields[] = {{pbase_bytes_text("n"), pbase_value_int(2)},
                            {pbase_bytes_text("labels"), pbase_value_child(0)}};
    pbase_value document = pbase_value_map(fields, 2);
    OK(pbase_dict_put(&people, &key, &document, NULL, NULL));
    OK(pbase_txn_store_dict(txn, "people", people, NULL));
    pbase_dict_close(people);
    return PBASE_OK;
}

static void a_collection_that_moves_in_its_document_is_told_where_it_is_then(void **unused)
{
    (void)unused;
    run(make_people, NULL);
    run(keep_and_rename_field, NULL);
    expect_from(f.database, "people", 3,
                "3 main people put \"ann\" = {\"n\":2,\"labels\":{\"$child\":0}} old set\n"
                "3 main people[\"ann\",\"labels\"] added \"green\" x1.\n");
}

static pbase_status change_and_remove(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)state;
    (void)err;
    add_tag(txn, "last");
    pbase_dict *people = fixture_dict(txn, "people");
    pbase_value key = pbase_value_text("ann");
    OK(pbase_dict_remove(&people, &key, NULL, NULL));
    OK(pbase_txn_store_dict(txn, "people", people, NULL));
    pbase_dict_close(people);
    return PBASE_OK;
}

static void what_was_done_in_a_collection_that_ends_is_told_before_its_end(void **unused)
{
    (void)unused;
    run(make_people, NULL);
    run(change_and_remove, NULL);
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    tell_all(open_from(f.database, "people", 3), &text);
    OK(pbase_buffer_append_u8(&text, 0, NULL));
    /* the transaction may leave out what ends with it; if it tells it, then first and where it was */
    const char *with = "3 main people[\"ann\",\"tags\"] added \"last\" x1\n"
                       "3 main people removed \"ann\".\n";
    const char *without = "3 main people removed \"ann\".\n";
    if (strcmp((const char *)text.data, without) != 0) {
        assert_string_equal((const char *)text.data, with);
    }
    pbase_buffer_fini(&text);
}

/* A list of sets, one of each letter. */
static pbase_status make_list(pbase_txn *txn, void *state, pbase_error *err)
{
    const char *letters = state;
    (void)err;
    pbase_list *list = NULL;
    OK(pbase_txn_new_list(txn, &list, NULL));
    for (const char *at = letters; *at != '\0'; at++) {
        char element[2] = {*at, '\0'};
        pbase_set *set = set_of(txn, element);
        pbase_value handle = pbase_value_of_set(set);
        OK(pbase_list_append(&list, &handle, NULL));
        pbase_set_close(set);
    }
    OK(pbase_txn_store_list(txn, "l", list, NULL));
    pbase_list_close(list);
    return PBASE_OK;
}

/* Puts three numbers before everything and removes the second set, then adds to the last one. */
static pbase_status shift_list(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_list *list = NULL;
    pbase_collection *held = NULL;
    pbase_value zero = pbase_value_int(0), element = pbase_value_text("new");
    pbase_value last = pbase_value_int(-1);
    (void)state;
    (void)err;
    OK(pbase_txn_list(txn, "l", &list, NULL));
    for (int i = 0; i < 3; i++) {
        OK(pbase_list_insert(&list, 0, &zero, NULL));
    }
    OK(pbase_list_remove(&list, 4, NULL, NULL));
    OK(pbase_txn_store_list(txn, "l", list, NULL));
    pbase_list_close(list);
    OK(pbase_txn_at(txn, "l", &last, 1, &held, NULL));
    pbase_set *set = pbase_collection_set(held);
    OK(pbase_set_add(&set, &element, NULL, NULL));
    OK(pbase_txn_store_at(txn, "l", &last, 1, held, NULL));
    pbase_set_close(set);
    return PBASE_OK;
}

static pbase_status add_to_third(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_collection *held = NULL;
    pbase_value element = pbase_value_text("again"), third = pbase_value_int(3);
    (void)state;
    (void)err;
    OK(pbase_txn_at(txn, "l", &third, 1, &held, NULL));
    pbase_set *set = pbase_collection_set(held);
    OK(pbase_set_add(&set, &element, NULL, NULL));
    OK(pbase_txn_store_at(txn, "l", &third, 1, held, NULL));
    pbase_set_close(set);
    return PBASE_OK;
}

static void a_collection_in_a_list_is_told_at_the_index_it_has_then(void **unused)
{
    (void)unused;
    run(make_list, (void *)(uintptr_t) "abc");
    run(shift_list, NULL);
    run(add_to_third, NULL);
    expect_from(f.database, "l", 2,
                "2 main l created\n"
                "2 main l appended = {\"$child\":0} new set\n"
                "2 main l appended = {\"$child\":0} new set\n"
                "2 main l appended = {\"$child\":0} new set\n"
                "2 main l[0] added \"a\" x1\n"
                "2 main l[1] added \"b\" x1\n"
                "2 main l[2] added \"c\" x1.\n"
                "3 main l inserted @0 = 0\n"
                "3 main l inserted @0 = 0\n"
                "3 main l inserted @0 = 0\n"
                "3 main l removed_at @4\n"
                "3 main l[4] added \"new\" x1.\n"
                "4 main l[3] added \"again\" x1.\n");
}

/* Levels of dictionaries in one another under a long key, down to a list. */
#define LEVELS 20
static void long_key(int level, char out[1024])
{
    memset(out, 'k', 1000);
    (void)snprintf(out + 1000, 24, "%d", level);
}

static void make_deep(pbase_txn *txn, bool is_new)
{
    char key[1024];
    pbase_value steps[LEVELS], one = pbase_value_int(1);
    pbase_collection *held = NULL;
    for (int level = 0; level < LEVELS; level++) {
        char *kept = malloc(sizeof key);
        long_key(level, kept);
        steps[level] = pbase_value_text(kept);
    }
    for (int level = 0; is_new && level < LEVELS; level++) {
        pbase_dict *dict = NULL;
        pbase_list *list = NULL;
        if (level + 1 < LEVELS) {
            OK(pbase_txn_new_dict(txn, &dict, NULL));
        } else {
            OK(pbase_txn_new_list(txn, &list, NULL));
        }
        const pbase_collection *put =
            dict != NULL ? pbase_dict_as_collection(dict) : pbase_list_as_collection(list);
        if (level == 0) {
            pbase_dict *top = fixture_dict(txn, "deep");
            OK(pbase_txn_store_dict(txn, "deep", top, NULL));
            pbase_dict_close(top);
        }
        OK(pbase_txn_store_at(txn, "deep", steps, (size_t)level + 1, put, NULL));
        pbase_dict_close(dict);
        pbase_list_close(list);
    }
    if (!is_new) {
        OK(pbase_txn_at(txn, "deep", steps, LEVELS, &held, NULL));
        pbase_list *list = pbase_collection_list(held);
        OK(pbase_list_append(&list, &one, NULL));
        OK(pbase_txn_store_at(txn, "deep", steps, LEVELS, held, NULL));
        pbase_collection_close(held);
    }
    for (int level = 0; level < LEVELS; level++) {
        free((void *)(uintptr_t)steps[level].as.string.data);
    }
}

static pbase_status make_deep_one(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)err;
    make_deep(txn, *(const bool *)state);
    return PBASE_OK;
}

static void the_way_goes_down_many_levels_and_long_keys(void **unused)
{
    (void)unused;
    bool is_new = true;
    const pbase_change *event = NULL;
    pbase_arena arena;
    pbase_value path;
    char key[1024];
    run(make_deep_one, &is_new);
    is_new = false;
    run(make_deep_one, &is_new);
    pbase_watch *watch = open_from(f.database, "deep", 3);
    pbase_arena_init(&arena, pbase_alloc_default());
    OK(pbase_watch_next(watch, NULL, &event, NULL));
    assert_int_equal(event->change, PBASE_CHANGE_APPENDED);
    assert_int_equal(event->place, PBASE_IN_NESTED);
    assert_string_equal(event->root, "deep");
    OK(pbase_watch_path(watch, &arena, &path, NULL));
    assert_int_equal(path.as.list.count, LEVELS);
    for (int level = 0; level < LEVELS; level++) {
        long_key(level, key);
        assert_true(pbase_bytes_equal(path.as.list.items[level].as.string, pbase_bytes_text(key)));
    }
    pbase_arena_fini(&arena);
    pbase_watch_close(watch);
}

/* --------------------------------------------------------------------------------- objects ---- */

static pbase_object_id made;

static pbase_status make_object(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_set *tags = set_of(txn, "red");
    pbase_field fields[] = {{pbase_bytes_text("age"), pbase_value_int(7)},
                            {pbase_bytes_text("tags"), pbase_value_of_set(tags)}};
    pbase_value attributes = pbase_value_map(fields, 2);
    (void)state;
    pbase_status status = pbase_object_create(txn, "Person", &attributes, &made, err);
    pbase_set_close(tags);
    return status;
}

static pbase_status change_object(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_collection *held = NULL;
    pbase_value element = pbase_value_text("blue");
    (void)state;
    OK(pbase_object_child(txn, made, 0, &held, err));
    pbase_set *tags = pbase_collection_set(held);
    OK(pbase_set_add(&tags, &element, NULL, err));
    pbase_field fields[] = {{pbase_bytes_text("age"), pbase_value_int(7)},
                            {pbase_bytes_text("tags"), pbase_value_of_set(tags)}};
    pbase_value attributes = pbase_value_map(fields, 2);
    OK(pbase_object_put(txn, made, &attributes, err));
    pbase_set_close(tags);
    return PBASE_OK;
}

static pbase_status remove_object(pbase_txn *txn, void *state, pbase_error *err)
{
    (void)state;
    return pbase_object_remove(txn, made, NULL, err);
}

/* `wanted` with the id of the object in the place of each '@'. */
static void expect_of_object(const char *root, uint64_t from, const char *wanted)
{
    char id[PBASE_OBJECT_ID_TEXT_BYTES + 1], text[4096];
    size_t size = 0;
    pbase_object_id_format(made, id);
    for (; *wanted != '\0'; wanted++) {
        size += *wanted == '@'
                    ? (size_t)snprintf(text + size, sizeof text - size, "{\"$ref\":\"%s\"}", id)
                    : (size_t)snprintf(text + size, sizeof text - size, "%c", *wanted);
    }
    expect_from(f.database, root, from, text);
}

static void objects_are_told_with_id_and_class_and_what_is_in_them_below(void **unused)
{
    (void)unused;
    run(make_object, NULL);
    run(change_object, NULL);
    run(remove_object, NULL);
    OK(fixture_put_one(&f, "a", 1, 1));
    expect_of_object(NULL, 2,
                     "2 main (objects)\"Person\" put @ = {\"class\":\"Person\",\"value\":"
                     "{\"age\":7,\"tags\":{\"$child\":0}}} new set\n"
                     "2 main [@,\"tags\"](objects)\"Person\" added \"red\" x1.\n"
                     "3 main [@,\"tags\"](objects)\"Person\" added \"blue\" x1.\n"
                     "4 main (objects)\"Person\" removed @.\n"
                     "5 main a created\n"
                     "5 main a put 1 = 1.\n");
    expect_of_object("a", 2, "5 main a created\n5 main a put 1 = 1.\n");
}

/* --------------------------------------------------------------------------------- indexes ---- */

static void indexes_made_and_dropped_are_told(void **unused)
{
    (void)unused;
    const char *fields[] = {"n", "tags[*]"};
    pbase_index_options options = {
        .struct_size = sizeof options, .unique = true, .fields = fields, .field_count = 1};
    run(make_people, NULL);
    OK(pbase_index_create(f.database, "people", "by_n", &options, NULL, NULL));
    options.unique = false;
    options.field_count = 2;
    OK(pbase_index_create(f.database, "people", "by_tag", &options, NULL, NULL));
    OK(pbase_index_drop(f.database, "people", "by_n", NULL, NULL));
    OK(fixture_put_one(&f, "other", 1, 1));
    static const char told[] =
        "3 main people index_created \"by_n\" = {\"fields\":[\"n\"],\"unique\":true}.\n"
        "4 main people index_created \"by_tag\" = "
        "{\"fields\":[\"n\",\"tags[*]\"],\"unique\":false}.\n"
        "5 main people index_dropped \"by_n\" = {\"fields\":[\"n\"],\"unique\":true}.\n";
    expect_from(f.database, "people", 3, told);
    expect_from(f.database, "other", 3, "6 main other created\n6 main other put 1 = 1.\n");
    OK(pbase_space_checkpoint(f.space, NULL, NULL));
    fixture_reopen(&f);
    expect_from(f.database, "people", 3, told);
}

/* ---------------------------------------------------------------------------- whole content --- */

#define LARGE 9000 /* more than goes into a record of a copy */
static pbase_status make_large(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_list *list = NULL;
    (void)state;
    (void)err;
    OK(pbase_txn_new_list(txn, &list, NULL));
    for (int64_t i = 0; i < LARGE; i++) {
        pbase_value value = pbase_value_int(i * 1000000);
        OK(pbase_list_append(&list, &value, NULL));
    }
    OK(pbase_txn_store_list(txn, "large", list, NULL));
    pbase_list_close(list);
    return PBASE_OK;
}

/* A copy of the list in a document, which shares nothing with it. */
static pbase_status copy_large(pbase_txn *txn, void *state, pbase_error *err)
{
    pbase_list *list = NULL;
    (void)state;
    (void)err;
    OK(pbase_txn_list(txn, "large", &list, NULL));
    pbase_dict *dict = fixture_dict(txn, "copies");
    pbase_value handle = pbase_value_of_list(list);
    put_document(&dict, "first", &handle, 1);
    OK(pbase_txn_store_dict(txn, "copies", dict, NULL));
    pbase_dict_close(dict);
    pbase_list_close(list);
    return PBASE_OK;
}

static void a_large_copy_is_told_by_its_entries(void **unused)
{
    (void)unused;
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    run(make_large, NULL);
    run(copy_large, NULL);
    tell_all(open_from(f.database, "copies", 3), &text);
    OK(pbase_buffer_append_u8(&text, 0, NULL));
    static const char head[] = "3 main copies created\n"
                               "3 main copies put \"first\" = "
                               "{\"tags\":{\"$child\":0},\"n\":1} new list\n"
                               "3 main copies[\"first\",\"tags\"] replaced bulk9000\n"
                               "3 main copies[\"first\",\"tags\"] appended* = 0\n"
                               "3 main copies[\"first\",\"tags\"] appended* = 1000000\n";
    static const char tail[] = "\n3 main copies[\"first\",\"tags\"] appended* = 8999000000.\n";
    size_t lines = 0;
    assert_int_equal(strncmp((const char *)text.data, head, sizeof head - 1), 0);
    assert_string_equal((const char *)text.data + text.size - sizeof tail, tail);
    for (size_t i = 0; i < text.size; i++) {
        lines += text.data[i] == '\n';
    }
    assert_int_equal(lines, LARGE + 3);
    pbase_buffer_fini(&text);
}

/* ------------------------------------------------------------------------------------ blobs --- */

#define BLOB_BYTES 300000u /* two pieces */
static pbase_status put_blob(pbase_txn *txn, void *state, pbase_error *err)
{
    static uint8_t bytes[BLOB_BYTES];
    pbase_blob *blob = NULL;
    pbase_value document, key = pbase_value_text("film");
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i % 251);
    }
    OK(pbase_blob_create(txn, "film.mp4", "video/mp4", &blob, err));
    OK(pbase_blob_append(blob, pbase_bytes_of(bytes, sizeof bytes), err));
    OK(pbase_blob_value(blob, &document, err));
    pbase_dict *films = fixture_dict(txn, "films");
    OK(pbase_dict_put(&films, &key, &document, NULL, err));
    OK(pbase_txn_store_dict(txn, "films", films, err));
    pbase_dict_close(films);
    pbase_blob_close(blob);
    return PBASE_OK;
}

static void the_bytes_of_a_blob_are_told_piece_by_piece(void **unused)
{
    (void)unused;
    const pbase_change *event = NULL;
    pbase_arena arena;
    pbase_value path, piece;
    size_t got = 0;
    run(put_blob, NULL);
    pbase_watch *watch = open_from(f.database, "films", 2);
    pbase_arena_init(&arena, pbase_alloc_default());
    do {
        OK(pbase_watch_next(watch, NULL, &event, NULL));
        if (event->place != PBASE_IN_NESTED || event->change == PBASE_CHANGE_REPLACED) {
            continue;
        }
        assert_int_equal(event->kind, PBASE_COLLECTION_ROPE);
        assert_int_equal(event->change, PBASE_CHANGE_APPENDED);
        OK(pbase_watch_path(watch, &arena, &path, NULL));
        assert_int_equal(path.as.list.count, 2);
        assert_true(
            pbase_bytes_equal(path.as.list.items[1].as.string, pbase_bytes_text("content")));
        OK(pbase_watch_value(watch, &arena, &piece, NULL));
        assert_int_equal(piece.kind, PBASE_BYTES);
        for (size_t i = 0; i < piece.as.string.size; i++) {
            assert_int_equal(piece.as.string.data[i], (got + i) % 251);
        }
        got += piece.as.string.size;
    } while (!event->is_last);
    assert_int_equal(got, BLOB_BYTES);
    pbase_arena_fini(&arena);
    pbase_watch_close(watch);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_change_in_a_document_names_the_root_and_the_way_down),
        SENTENCE(a_collection_that_moves_in_its_document_is_told_where_it_is_then),
        SENTENCE(what_was_done_in_a_collection_that_ends_is_told_before_its_end),
        SENTENCE(a_collection_in_a_list_is_told_at_the_index_it_has_then),
        SENTENCE(the_way_goes_down_many_levels_and_long_keys),
        SENTENCE(objects_are_told_with_id_and_class_and_what_is_in_them_below),
        SENTENCE(indexes_made_and_dropped_are_told),
        SENTENCE(a_large_copy_is_told_by_its_entries),
        SENTENCE(the_bytes_of_a_blob_are_told_piece_by_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
