/* fault_space.c - the content of the space that fault scenarios begin with. */
#include "fault_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TEXT_MAX 64u

static void ok(pbase_status status)
{
    assert_int_equal(status, PBASE_OK);
}

/* The word and a number of 32 digits: long enough that some hundreds of them take several nodes. */
static pbase_value text_of(char *buffer, const char *word, int64_t n)
{
    (void)snprintf(buffer, TEXT_MAX, "%s %032ld", word, (long)n);
    return pbase_value_text(buffer);
}

/* ------------------------------------------------------------------------------------ kinds ---- */

static void fill_dict(pbase_txn *txn, const char *root, int64_t from, int64_t end)
{
    pbase_dict *dict = NULL;
    ok(pbase_txn_new_dict(txn, &dict, NULL));
    for (int64_t i = from; i < end; i++) {
        char text[TEXT_MAX];
        pbase_value key = pbase_value_int(i);
        pbase_field fields[] = {{pbase_bytes_text("n"), key},
                                {pbase_bytes_text("text"), text_of(text, "the text of", i)}};
        pbase_value document = pbase_value_map(fields, 2);
        ok(pbase_dict_put(&dict, &key, &document, NULL, NULL));
    }
    ok(pbase_txn_store_dict(txn, root, dict, NULL));
    pbase_dict_close(dict);
}

static void fill_hash(pbase_txn *txn, const char *root, int64_t from, int64_t end)
{
    pbase_hash_dict *dict = NULL;
    ok(pbase_txn_new_hash_dict(txn, &dict, NULL));
    for (int64_t i = from; i < end; i++) {
        char text[TEXT_MAX];
        pbase_field fields[] = {{pbase_bytes_text("key"), pbase_value_int(i)}};
        pbase_value key = pbase_value_map(fields, 1), value = text_of(text, "value", i);
        ok(pbase_hash_dict_put(&dict, &key, &value, NULL, NULL));
    }
    ok(pbase_txn_store_hash_dict(txn, root, dict, NULL));
    pbase_hash_dict_close(dict);
}

static void fill_list(pbase_txn *txn, const char *root, int64_t count, const char *word)
{
    pbase_list *list = NULL;
    ok(pbase_txn_new_list(txn, &list, NULL));
    for (int64_t i = 0; i < count; i++) {
        char text[TEXT_MAX];
        pbase_value value = word == NULL ? pbase_value_int(i) : text_of(text, word, i);
        ok(pbase_list_append(&list, &value, NULL));
    }
    ok(pbase_txn_store_list(txn, root, list, NULL));
    pbase_list_close(list);
}

static void fill_sets(pbase_txn *txn, const char *root, const char *counted_root, int64_t from,
                      int64_t end)
{
    pbase_set *set = NULL;
    pbase_counted_set *counted = NULL;
    ok(pbase_txn_new_set(txn, &set, NULL));
    ok(pbase_txn_new_counted_set(txn, &counted, NULL));
    for (int64_t i = from; i < end; i++) {
        char text[TEXT_MAX];
        pbase_value element = text_of(text, "element", i);
        ok(pbase_set_add(&set, &element, NULL, NULL));
        ok(pbase_counted_set_add(&counted, &element, (uint64_t)(i % 3 + 1), NULL, NULL));
    }
    ok(pbase_txn_store_set(txn, root, set, NULL));
    ok(pbase_txn_store_counted_set(txn, counted_root, counted, NULL));
    pbase_set_close(set);
    pbase_counted_set_close(counted);
}

static void fill_multi(pbase_txn *txn)
{
    pbase_multi_dict *multi = NULL;
    ok(pbase_txn_new_multi_dict(txn, &multi, NULL));
    for (int64_t i = 0; i < 300; i++) {
        char text[TEXT_MAX];
        pbase_value key = pbase_value_int(i / 3), record = text_of(text, "record", i);
        ok(pbase_multi_dict_add(&multi, &key, &record, (uint64_t)(i % 2 + 1), NULL, NULL));
    }
    ok(pbase_txn_store_multi_dict(txn, "multi", multi, NULL));
    pbase_multi_dict_close(multi);
}

/* ---------------------------------------------------------------------- one in another ---- */

static void fill_nested(pbase_txn *txn)
{
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_dict *inner = NULL, *outer = NULL;
    ok(pbase_txn_list(txn, "list", &list, NULL));
    ok(pbase_txn_set(txn, "set2", &set, NULL));
    ok(pbase_txn_dict(txn, "dict2", &inner, NULL));
    ok(pbase_txn_new_dict(txn, &outer, NULL));
    pbase_field fields[] = {{pbase_bytes_text("name"), pbase_value_text("first")},
                            {pbase_bytes_text("list"), pbase_value_of_list(list)},
                            {pbase_bytes_text("set"), pbase_value_of_set(set)}};
    const pbase_value entries[] = {pbase_value_map(fields, 3), pbase_value_of_list(list),
                                   pbase_value_of_dict(inner)};
    for (int64_t i = 0; i < 3; i++) {
        pbase_value key = pbase_value_int(i + 1);
        ok(pbase_dict_put(&outer, &key, &entries[i], NULL, NULL));
    }
    ok(pbase_txn_store_dict(txn, "nested", outer, NULL));
    pbase_field plain[] = {{pbase_bytes_text("n"), pbase_value_int(7)},
                           {pbase_bytes_text("list"), pbase_value_of_list(list)}};
    pbase_value value = pbase_value_map(plain, 2);
    ok(pbase_txn_store_value(txn, "value", &value, NULL));
    pbase_dict_close(outer);
    pbase_dict_close(inner);
    pbase_set_close(set);
    pbase_list_close(list);
}

static void fill_files(pbase_txn *txn)
{
    pbase_blob *blob = NULL;
    pbase_dict *files = NULL;
    pbase_value key = pbase_value_int(1), document;
    uint8_t *bytes = malloc(FAULT_BLOB_BYTES);
    assert_non_null(bytes);
    for (size_t i = 0; i < FAULT_BLOB_BYTES; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    }
    ok(pbase_blob_create(txn, "notes.txt", "text/plain", &blob, NULL));
    ok(pbase_blob_append(blob, pbase_bytes_of(bytes, FAULT_BLOB_BYTES), NULL));
    free(bytes);
    ok(pbase_blob_value(blob, &document, NULL));
    ok(pbase_txn_new_dict(txn, &files, NULL));
    ok(pbase_dict_put(&files, &key, &document, NULL, NULL));
    ok(pbase_txn_store_dict(txn, "files", files, NULL));
    pbase_dict_close(files);
    pbase_blob_close(blob);
}

/* ---------------------------------------------------------------------- objects, people ---- */

pbase_object_id fault_object_id(uint64_t n)
{
    pbase_object_id id = {{0}};
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        id.bytes[i] = (uint8_t)((n + 1) * 0x9e3779b97f4a7c15u >> i % 8 * 8);
    }
    return id;
}

static void fill_objects(pbase_txn *txn)
{
    for (uint64_t i = 0; i < 60; i++) {
        char text[TEXT_MAX];
        bool is_person = i < 30;
        pbase_field fields[] = {
            {pbase_bytes_text("name"), text_of(text, "object", (int64_t)i)},
            {pbase_bytes_text("employer"), pbase_value_reference(fault_object_id(i + 30))}};
        pbase_value attributes = pbase_value_map(fields, is_person ? 2 : 1);
        ok(pbase_object_put_as(txn, fault_object_id(i), is_person ? "Person" : "Company",
                               &attributes, NULL, NULL));
    }
}

static void fill_people(pbase_txn *txn)
{
    static const char *const cities[] = {"Paris", "Lima", "Oslo", "Rome", "Bern"};
    static const char *const tags[] = {"red", "green", "blue"};
    pbase_dict *people = NULL;
    ok(pbase_txn_new_dict(txn, &people, NULL));
    for (int64_t i = 0; i < 200; i++) {
        char name[TEXT_MAX];
        pbase_value key = pbase_value_int(i);
        pbase_value items[] = {pbase_value_text(tags[i % 3]), pbase_value_text(tags[i % 2])};
        pbase_field fields[] = {
            {pbase_bytes_text("name"), text_of(name, "person", i)},
            {pbase_bytes_text("city"), pbase_value_text(cities[i % 5])},
            {pbase_bytes_text("age"), pbase_value_int(20 + i % 50)},
            {pbase_bytes_text("boss"), i == 0 ? pbase_value_null() : pbase_value_int(i / 4)},
            {pbase_bytes_text("id"), key},
            {pbase_bytes_text("tags"), pbase_value_list(items, 2)}};
        pbase_value document = pbase_value_map(fields, 6);
        ok(pbase_dict_put(&people, &key, &document, NULL, NULL));
    }
    ok(pbase_txn_store_dict(txn, "people", people, NULL));
    pbase_dict_close(people);
}

static void index_people(pbase_database *database)
{
    static const struct {
        const char *name, *fields[2];
        size_t count;
        bool unique;
    } indexes[] = {{"by_city", {"city", "age"}, 2, false},
                   {"by_tag", {"tags[*]", NULL}, 1, false},
                   {"by_name", {"name", NULL}, 1, true}};
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        pbase_index_options options = {.struct_size = sizeof options,
                                       .unique = indexes[i].unique,
                                       .fields = indexes[i].fields,
                                       .field_count = indexes[i].count};
        ok(pbase_index_create(database, "people", indexes[i].name, &options, NULL, NULL));
    }
}

/* ------------------------------------------------------------------------------------ whole ---- */

static void fill_database(pbase_database *database)
{
    pbase_txn *txn = NULL;
    ok(pbase_txn_begin(database, NULL, &txn, NULL));
    fill_dict(txn, "dict", 0, 300);
    fill_dict(txn, "dict2", 250, 350);
    fill_hash(txn, "hash", 0, 300);
    fill_hash(txn, "hash2", 250, 350);
    fill_list(txn, "list", 300, "item");
    fill_list(txn, "list2", 40, "other");
    fill_list(txn, "long", 5000, NULL);
    fill_sets(txn, "set", "counted", 0, 300);
    fill_sets(txn, "set2", "counted2", 250, 350);
    fill_multi(txn);
    fill_nested(txn);
    fill_files(txn);
    fill_objects(txn);
    fill_people(txn);
    ok(pbase_txn_commit(&txn, NULL, NULL, NULL));
    index_people(database);
}

void fault_space_fill(space_fixture *fixture)
{
    pbase_database *other = NULL;
    pbase_txn *txn = NULL;
    fill_database(fixture->database);
    ok(pbase_database_ensure(fixture->space, "other", &other, NULL));
    ok(pbase_txn_begin(other, NULL, &txn, NULL));
    fill_dict(txn, "dict", 0, 100);
    ok(pbase_txn_commit(&txn, NULL, NULL, NULL));
    pbase_database_close(other);
    ok(pbase_database_snapshot(fixture->space, "main", "frozen", NULL));
    ok(pbase_database_branch(fixture->space, "main", "branch", NULL));
    ok(pbase_space_checkpoint(fixture->space, NULL, NULL));
}
