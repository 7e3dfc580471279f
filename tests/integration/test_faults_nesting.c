/* test_faults_nesting.c - collections in documents and in one another, objects and blobs, with every
 * call below them made to fail (fault_scene.h). */
#include "fault_scene.h"
#include "fault_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const pbase_value *path_of_list(void)
{
    static pbase_value path[2];
    path[0] = pbase_value_int(1);
    path[1] = pbase_value_text("list");
    return path;
}

static pbase_status made(fault_scene *s, pbase_collection *collection, pbase_status status)
{
    s->made[0] = collection;
    return status;
}

/* ---------------------------------------------------------------------------------- any kind ---- */

/* What is asked of a handle whose kind does not matter. */
static pbase_status any_collection(fault_scene *s, pbase_error *err)
{
    pbase_collection *kept = NULL, *c = s->held[0];
    pbase_cursor *cursor = NULL;
    uint64_t count = 0;
    assert_int_equal(pbase_collection_kind(c), PBASE_COLLECTION_DICT);
    assert_true(pbase_collection_dict(c) != NULL && pbase_collection_list(c) == NULL &&
                pbase_collection_set(c) == NULL && pbase_collection_counted_set(c) == NULL &&
                pbase_collection_hash_dict(c) == NULL && pbase_collection_multi_dict(c) == NULL);
    pbase_status status = pbase_collection_count(c, &count, err);
    status = status == PBASE_OK ? pbase_collection_keep(c, &kept, err) : status;
    status = status == PBASE_OK ? pbase_collection_cursor(kept, &cursor, err) : status;
    status = status == PBASE_OK ? pbase_cursor_next(cursor, err) : status;
    pbase_cursor_close(cursor);
    pbase_collection_close(kept);
    assert_true(status != PBASE_OK || count == 300);
    return status;
}

/* --------------------------------------------------------------------------------- opening one ---- */

static pbase_status child_of_dict(fault_scene *s, pbase_error *err)
{
    pbase_collection *child = NULL;
    pbase_value key = pbase_value_int(1);
    pbase_status status = pbase_dict_child(fault_dict(s, 0), &key, 1, &child, err);
    return made(s, child, status);
}

/* Hash dictionaries and lists that hold collections, made in the transaction. */
static void nests_in_txn(fault_scene *s)
{
    pbase_hash_dict *hash = NULL;
    pbase_list *list = NULL;
    pbase_value key = pbase_value_int(1);
    pbase_value child = pbase_value_of_collection(s->held[0]);
    assert_int_equal(pbase_txn_new_hash_dict(s->txn, &hash, NULL), PBASE_OK);
    assert_int_equal(pbase_hash_dict_put(&hash, &key, &child, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_new_list(s->txn, &list, NULL), PBASE_OK);
    assert_int_equal(pbase_list_append(&list, &child, NULL), PBASE_OK);
    pbase_collection_close(s->held[0]);
    fault_hold(s, 0, pbase_hash_dict_as_collection(hash));
    fault_hold(s, 1, pbase_list_as_collection(list));
}

static pbase_status child_of_hash_dict_and_list(fault_scene *s, pbase_error *err)
{
    pbase_collection *child = NULL, *second = NULL;
    pbase_value key = pbase_value_int(1);
    pbase_status status = pbase_hash_dict_child(fault_hash_dict(s, 0), &key, 0, &child, err);
    if (status == PBASE_OK) {
        status = pbase_list_child(fault_list(s, 1), -1, 0, &second, err);
    }
    if (status != PBASE_OK) {
        pbase_collection_close(child);
        return status;
    }
    s->made[0] = child;
    s->made[1] = second;
    return PBASE_OK;
}

static pbase_status child_of_cursor(fault_scene *s, pbase_error *err)
{
    pbase_collection *child = NULL;
    pbase_cursor *cursor = NULL;
    pbase_status status = pbase_dict_cursor(fault_dict(s, 0), NULL, &cursor, err);
    status = status == PBASE_OK ? pbase_cursor_next(cursor, err) : status;
    status = status == PBASE_OK ? pbase_cursor_child(cursor, 0, &child, err) : status;
    pbase_cursor_close(cursor);
    return made(s, child, status);
}

static pbase_status path_in_snapshot(fault_scene *s, pbase_error *err)
{
    pbase_collection *at = NULL, *child = NULL;
    pbase_status status = pbase_snapshot_at(s->snapshot, "nested", path_of_list(), 2, &at, err);
    status =
        status == PBASE_OK ? pbase_snapshot_child(s->snapshot, "value", 0, &child, err) : status;
    if (status != PBASE_OK) {
        pbase_collection_close(at);
        return status;
    }
    s->made[0] = at;
    s->made[1] = child;
    return PBASE_OK;
}

static pbase_status path_in_txn(fault_scene *s, pbase_error *err)
{
    pbase_collection *at = NULL;
    pbase_status status = pbase_txn_at(s->txn, "nested", path_of_list(), 2, &at, err);
    return made(s, at, status);
}

/* ------------------------------------------------------------------------------- putting one ---- */

/* A document with two collections in it, one of them changed, into an entry that has two. */
static pbase_status put_document(fault_scene *s, pbase_error *err)
{
    pbase_dict *dict = fault_dict(s, 0);
    pbase_value key = pbase_value_int(1);
    pbase_field fields[] = {{pbase_bytes_text("kept"), pbase_value_child(1)},
                            {pbase_bytes_text("new"), pbase_value_of_collection(s->held[1])}};
    pbase_value document = pbase_value_map(fields, 2);
    pbase_status status = pbase_dict_put(&dict, &key, &document, NULL, err);
    fault_hold(s, 0, pbase_dict_as_collection(dict));
    return status;
}

/* The list in "nested" with an element more, in held[1]. */
static void edited_child(fault_scene *s)
{
    pbase_collection *child = NULL;
    pbase_value value = pbase_value_text("appended");
    assert_int_equal(pbase_txn_at(s->txn, "nested", path_of_list(), 2, &child, NULL), PBASE_OK);
    pbase_list *list = pbase_collection_list(child);
    assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
    fault_hold(s, 1, pbase_list_as_collection(list));
}

static void close_handles(fault_scene *s)
{
    for (size_t i = 0; i < FAULT_HANDLES; i++) {
        pbase_collection_close(s->held[i]);
        s->held[i] = NULL;
    }
}

static pbase_status store_at(fault_scene *s, pbase_error *err)
{
    pbase_status status = pbase_txn_store_at(s->txn, "nested", path_of_list(), 2, s->held[1], err);
    close_handles(s);
    return status == PBASE_OK ? pbase_txn_commit(&s->txn, NULL, NULL, err) : status;
}

static pbase_status store_at_new_place(fault_scene *s, pbase_error *err)
{
    pbase_value step = pbase_value_int((int64_t)s->round + 100);
    pbase_status status = pbase_txn_store_at(s->txn, "nested", &step, 1, s->held[1], err);
    close_handles(s);
    return status == PBASE_OK ? pbase_txn_commit(&s->txn, NULL, NULL, err) : status;
}

/* An entry with everything in it goes. */
static pbase_status remove_nested(fault_scene *s, pbase_error *err)
{
    pbase_dict *dict = fault_dict(s, 0);
    pbase_value key = pbase_value_int(1);
    pbase_status status = pbase_dict_remove(&dict, &key, NULL, err);
    fault_hold(s, 0, pbase_dict_as_collection(dict));
    return status;
}

/* --------------------------------------------------------------------------------------- objects -- */

static pbase_status count_object(void *state, const pbase_object *object, pbase_error *err)
{
    uint64_t *count = state;
    (void)err;
    *count += object->found;
    return PBASE_OK;
}

static pbase_status objects_read(fault_scene *s, pbase_error *err)
{
    const pbase_object_id ids[] = {fault_object_id(3), fault_object_id(999), fault_object_id(40)};
    pbase_object object, company, many[3];
    uint64_t count = 0, persons = 0;
    bool exists = false;
    pbase_status status = pbase_object_get(s->txn, ids[0], &s->arena, &object, err);
    status = status == PBASE_OK
                 ? pbase_object_follow(s->txn, &object, "employer", &s->arena, &company, err)
                 : status;
    status =
        status == PBASE_OK ? pbase_object_get_many(s->txn, ids, 3, &s->arena, many, err) : status;
    status = status == PBASE_OK ? pbase_object_exists(s->txn, ids[2], &exists, err) : status;
    status = status == PBASE_OK ? pbase_object_each(s->txn, "Person", count_object, &persons, err)
                                : status;
    status = status == PBASE_OK ? pbase_object_count(s->txn, &count, err) : status;
    if (status == PBASE_OK) {
        assert_true(exists && many[0].found && !many[1].found && many[2].found);
        assert_true(count == 60 && persons == 30 && pbase_object_has(&company, "name"));
    }
    return status;
}

static pbase_status objects_in_snapshot(fault_scene *s, pbase_error *err)
{
    const pbase_object_id ids[] = {fault_object_id(3), fault_object_id(999)};
    pbase_object object, many[2];
    uint64_t count = 0, companies = 0;
    pbase_status status = pbase_snapshot_object(s->snapshot, ids[0], &s->arena, &object, err);
    status = status == PBASE_OK
                 ? pbase_snapshot_object_get_many(s->snapshot, ids, 2, &s->arena, many, err)
                 : status;
    status = status == PBASE_OK
                 ? pbase_snapshot_object_each(s->snapshot, "Company", count_object, &companies, err)
                 : status;
    status = status == PBASE_OK ? pbase_snapshot_object_count(s->snapshot, &count, err) : status;
    if (status == PBASE_OK) {
        assert_true(many[0].found && !many[1].found && companies == 30 && count == 60);
    }
    return status;
}

/* Everything that changes objects, in one transaction that is committed. */
static pbase_status objects_write(fault_scene *s, pbase_error *err)
{
    pbase_field fields[] = {{pbase_bytes_text("name"), pbase_value_text("new")},
                            {pbase_bytes_text("list"), pbase_value_of_collection(s->held[0])}};
    pbase_value attributes = pbase_value_map(fields, 2), plain = pbase_value_map(fields, 1);
    pbase_object_id id;
    pbase_collection *child = NULL;
    bool replaced = false;
    pbase_status status = pbase_object_create(s->txn, "Person", &attributes, &id, err);
    status = status == PBASE_OK ? pbase_object_child(s->txn, id, 0, &child, err) : status;
    pbase_collection_close(child);
    status =
        status == PBASE_OK ? pbase_object_put(s->txn, fault_object_id(5), &plain, err) : status;
    status = status == PBASE_OK ? pbase_object_put_as(s->txn, fault_object_id(6), "Robot",
                                                      &attributes, &replaced, err)
                                : status;
    assert_true(status != PBASE_OK || replaced);
    status = status == PBASE_OK ? pbase_object_remove(s->txn, id, NULL, err) : status;
    close_handles(s);
    return status == PBASE_OK ? pbase_txn_commit(&s->txn, NULL, NULL, err) : status;
}

static void robot_is_there(fault_scene *s)
{
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(s->fixture.database, &snapshot, NULL), PBASE_OK);
    pbase_arena_reset(&s->arena);
    pbase_object object;
    assert_int_equal(pbase_snapshot_object(snapshot, fault_object_id(6), &s->arena, &object, NULL),
                     PBASE_OK);
    assert_int_equal(object.class_name.size, strlen("Robot"));
    pbase_snapshot_close(snapshot);
}

/* One with a collection in it, committed; the snapshot is opened after that. */
static void robot_in_snapshot(fault_scene *s)
{
    pbase_txn *txn = fixture_begin(&s->fixture, PBASE_SERIALIZABLE);
    pbase_collection *list = NULL;
    assert_int_equal(pbase_txn_at(txn, "list2", NULL, 0, &list, NULL), PBASE_OK);
    pbase_field field = {pbase_bytes_text("list"), pbase_value_of_collection(list)};
    pbase_value attributes = pbase_value_map(&field, 1);
    assert_int_equal(pbase_object_put_as(txn, fault_object_id(6), "Robot", &attributes, NULL, NULL),
                     PBASE_OK);
    pbase_collection_close(list);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    pbase_snapshot_close(s->snapshot);
    s->snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(s->fixture.database, &s->snapshot, NULL), PBASE_OK);
}

static pbase_status object_child_in_snapshot(fault_scene *s, pbase_error *err)
{
    pbase_collection *child = NULL;
    pbase_status status =
        pbase_snapshot_object_child(s->snapshot, fault_object_id(6), 0, &child, err);
    return made(s, child, status);
}

/* ----------------------------------------------------------------------------------------- blobs -- */

static const uint8_t *bytes_of_blob(void)
{
    static uint8_t bytes[FAULT_BLOB_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 11 + i / 257);
    }
    return bytes;
}

/* In, and put where it shall be. */
static pbase_status blob_write(fault_scene *s, pbase_error *err)
{
    pbase_dict *files = fault_dict(s, 0);
    pbase_blob *blob = NULL;
    pbase_value key = pbase_value_int(2), document;
    pbase_bytes part = pbase_bytes_of(bytes_of_blob(), FAULT_BLOB_BYTES / 4);
    pbase_status status =
        pbase_blob_create(s->txn, "new.bin", "application/octet-stream", &blob, err);
    for (int i = 0; i < 4 && status == PBASE_OK; i++) {
        status = pbase_blob_append(blob, part, err);
        assert_true(status != PBASE_OK || pbase_blob_size(blob) == (uint64_t)(i + 1) * part.size);
    }
    status = status == PBASE_OK ? pbase_blob_value(blob, &document, err) : status;
    status = status == PBASE_OK ? pbase_dict_put(&files, &key, &document, NULL, err) : status;
    pbase_blob_close(blob);
    fault_hold(s, 0, pbase_dict_as_collection(files));
    return status;
}

/* Out, in pieces that do not begin where chunks do. */
static pbase_status blob_read(fault_scene *s, pbase_error *err)
{
    static uint8_t buffer[30000];
    pbase_value path[] = {pbase_value_int(1), pbase_value_text("content")};
    pbase_value document, key = pbase_value_int(1);
    pbase_collection *content = NULL;
    pbase_blob *blob = NULL;
    uint64_t at = 0;
    size_t got = 0;
    pbase_status status = pbase_dict_get(fault_dict(s, 0), &key, &s->arena, &document, err);
    status = status == PBASE_OK ? pbase_snapshot_at(s->snapshot, "files", path, 2, &content, err)
                                : status;
    status = status == PBASE_OK ? pbase_blob_open(&document, &content, &blob, err) : status;
    assert_null(content);
    do {
        status = status == PBASE_OK ? pbase_blob_read(blob, at, buffer, sizeof buffer, &got, err)
                                    : status;
        at += status == PBASE_OK ? got : 0;
    } while (status == PBASE_OK && got != 0);
    if (status == PBASE_OK) {
        assert_int_equal(at, FAULT_BLOB_BYTES);
        assert_int_equal(pbase_blob_name(blob).size, strlen("notes.txt"));
        assert_int_equal(pbase_blob_media_type(blob).size, strlen("text/plain"));
    }
    pbase_blob_close(blob);
    return status;
}

static const fault_scenario scenarios[] = {
    {.name = "any_collection",
     .functions = "pbase_collection_kind pbase_collection_dict pbase_collection_list "
                  "pbase_collection_set pbase_collection_counted_set pbase_collection_hash_dict "
                  "pbase_collection_multi_dict pbase_collection_count pbase_collection_keep "
                  "pbase_collection_cursor pbase_collection_close",
     .place = FAULT_IN_SNAPSHOT,
     .roots = {"dict"},
     .when = any_collection,
     .is_cold = true},
    {.name = "child_of_dict",
     .functions = "pbase_dict_child",
     .place = FAULT_IN_TXN,
     .roots = {"nested"},
     .when = child_of_dict,
     .is_cold = true},
    {.name = "child_of_hash_dict_and_list",
     .functions = "pbase_hash_dict_child pbase_list_child",
     .place = FAULT_IN_TXN,
     .roots = {"list"},
     .given = nests_in_txn,
     .when = child_of_hash_dict_and_list},
    {.name = "child_of_cursor",
     .functions = "pbase_cursor_child",
     .place = FAULT_IN_SNAPSHOT,
     .roots = {"nested"},
     .when = child_of_cursor,
     .is_cold = true},
    {.name = "path_in_snapshot",
     .functions = "pbase_snapshot_at pbase_snapshot_child",
     .place = FAULT_IN_SNAPSHOT,
     .when = path_in_snapshot,
     .is_cold = true},
    {.name = "path_in_txn",
     .functions = "pbase_txn_at",
     .place = FAULT_IN_TXN,
     .when = path_in_txn,
     .is_cold = true},
    {.name = "put_document_with_children",
     .functions = "pbase_dict_put",
     .place = FAULT_IN_TXN,
     .roots = {"nested", "counted2"},
     .when = put_document,
     .edits = true},
    {.name = "store_at",
     .functions = "pbase_txn_store_at pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .given = edited_child,
     .when = store_at,
     .commits = true,
     .ends = true},
    {.name = "store_at_new_place",
     .functions = "pbase_txn_store_at pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .given = edited_child,
     .when = store_at_new_place,
     .commits = true,
     .ends = true},
    {.name = "remove_nested",
     .functions = "pbase_dict_remove",
     .place = FAULT_IN_TXN,
     .roots = {"nested"},
     .when = remove_nested,
     .edits = true},
    {.name = "objects_read",
     .functions = "pbase_object_get pbase_object_follow pbase_object_get_many pbase_object_exists "
                  "pbase_object_each pbase_object_count",
     .place = FAULT_IN_TXN,
     .when = objects_read,
     .is_cold = true},
    {.name = "objects_in_snapshot",
     .functions = "pbase_snapshot_object pbase_snapshot_object_get_many "
                  "pbase_snapshot_object_each pbase_snapshot_object_count",
     .place = FAULT_IN_SNAPSHOT,
     .when = objects_in_snapshot,
     .is_cold = true},
    {.name = "objects_write",
     .functions = "pbase_object_create pbase_object_child pbase_object_put pbase_object_put_as "
                  "pbase_object_remove pbase_txn_commit",
     .place = FAULT_IN_TXN,
     .roots = {"list2"},
     .when = objects_write,
     .then = robot_is_there,
     .commits = true,
     .ends = true},
    {.name = "object_child_in_snapshot",
     .functions = "pbase_snapshot_object_child",
     .place = FAULT_IN_SNAPSHOT,
     .given = robot_in_snapshot,
     .when = object_child_in_snapshot,
     .commits = true},
    {.name = "blob_write",
     .functions = "pbase_blob_create pbase_blob_append pbase_blob_size pbase_blob_value "
                  "pbase_blob_close",
     .place = FAULT_IN_TXN,
     .roots = {"files"},
     .when = blob_write,
     .edits = true},
    {.name = "blob_read",
     .functions = "pbase_blob_open pbase_blob_read pbase_blob_size pbase_blob_name "
                  "pbase_blob_media_type",
     .place = FAULT_IN_SNAPSHOT,
     .roots = {"files"},
     .when = blob_read,
     .is_cold = true},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
