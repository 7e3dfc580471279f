/* test_faults_dicts.c - dictionaries, hash dictionaries, multi-dictionaries and their cursors, with
 * every call below them made to fail (fault_scene.h). */
#include "fault_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 400u

/* A document long enough to make a leaf split. */
static pbase_value document(pbase_field *field)
{
    static const char text[] =
        "a text of some length, so that not many of it go into one leaf of a tree";
    *field = (pbase_field){pbase_bytes_text("text"), pbase_value_text(text)};
    return pbase_value_map(field, 1);
}

/* {"key": n}, a key of a hash dictionary. */
static pbase_value map_key(pbase_field *field, int64_t n)
{
    *field = (pbase_field){pbase_bytes_text("key"), pbase_value_int(n)};
    return pbase_value_map(field, 1);
}

/* Keys in no order, some of which are there. */
static void many_entries(fault_scene *s)
{
    pbase_entry *entries = calloc(MANY, sizeof *entries);
    assert_non_null(entries);
    for (size_t i = 0; i < MANY; i++) {
        entries[i].key = pbase_value_int((int64_t)(i * 37 % MANY + 150));
        entries[i].value = pbase_value_text("one of very many, which were put all at once");
    }
    s->given = entries;
}

static void free_given(fault_scene *s)
{
    free(s->given);
    s->given = NULL;
}

/* ------------------------------------------------------------------------------ dictionaries ---- */

static pbase_status dict_read(fault_scene *s, pbase_error *err)
{
    const pbase_dict *dict = fault_dict(s, 0);
    pbase_value key = pbase_value_int(200), missing = pbase_value_int(-1), value;
    pbase_range range = {.struct_size = sizeof range, .from = &missing, .to = &key};
    uint64_t count = 0;
    bool has = true;
    pbase_status status = pbase_dict_get(dict, &key, &s->arena, &value, err);
    status = status == PBASE_OK ? pbase_dict_has(dict, &missing, &has, err) : status;
    status = status == PBASE_OK ? pbase_dict_count_range(dict, &range, &count, err) : status;
    if (status == PBASE_OK) {
        assert_true(value.kind == PBASE_MAP && !has);
        assert_int_equal(count, 201);
        status = pbase_dict_count(dict, &count, err);
    }
    if (status == PBASE_OK) {
        assert_int_equal(count, 300);
    }
    return status;
}

static pbase_status dict_read_bytes(fault_scene *s, pbase_error *err)
{
    pbase_value key = pbase_value_int(123);
    pbase_reader *reader = NULL;
    pbase_bytes bytes = {0};
    pbase_status status = pbase_reader_create(s->memory, &reader, err);
    if (status != PBASE_OK) {
        assert_null(reader);
        return status;
    }
    status = pbase_dict_get_bytes(fault_dict(s, 0), &key, reader, &bytes, err);
    assert_true((status == PBASE_OK) == (bytes.size != 0));
    pbase_reader_reset(reader);
    pbase_reader_close(reader);
    return status;
}

static pbase_status dict_read_many(fault_scene *s, pbase_error *err)
{
    pbase_value keys[20];
    pbase_bytes values[20];
    pbase_reader *reader = NULL;
    for (int64_t i = 0; i < 20; i++) {
        keys[i] = pbase_value_int(i * 17); /* the last two are not there */
    }
    pbase_status status = pbase_reader_create(s->memory, &reader, err);
    if (status == PBASE_OK) {
        status = pbase_dict_get_many(fault_dict(s, 0), keys, 20, reader, values, err);
    }
    for (size_t i = 0; i < 20 && status == PBASE_OK; i++) {
        s->digest += values[i].data != NULL ? values[i].size : 1000;
    }
    pbase_reader_close(reader);
    return status;
}

static pbase_status dict_put(fault_scene *s, pbase_error *err)
{
    pbase_dict *dict = fault_dict(s, 0);
    pbase_field field;
    pbase_value key = pbase_value_int(1000), value = document(&field);
    bool replaced = true;
    pbase_status status = pbase_dict_put(&dict, &key, &value, &replaced, err);
    fault_hold(s, 0, pbase_dict_as_collection(dict));
    assert_true(replaced == (status != PBASE_OK));
    return status;
}

static pbase_status dict_put_bytes(fault_scene *s, pbase_error *err)
{
    pbase_dict *dict = fault_dict(s, 0);
    pbase_value key = pbase_value_int(17);
    bool replaced = false;
    pbase_status status =
        pbase_dict_put_bytes(&dict, &key, pbase_bytes_text("bytes"), &replaced, err);
    fault_hold(s, 0, pbase_dict_as_collection(dict));
    assert_true(replaced == (status == PBASE_OK));
    return status;
}

static pbase_status dict_remove(fault_scene *s, pbase_error *err)
{
    pbase_dict *dict = fault_dict(s, 0);
    pbase_value key = pbase_value_int(5);
    bool removed = false;
    pbase_status status = pbase_dict_remove(&dict, &key, &removed, err);
    fault_hold(s, 0, pbase_dict_as_collection(dict));
    assert_true(removed == (status == PBASE_OK));
    return status;
}

static pbase_status dict_put_all(fault_scene *s, pbase_error *err)
{
    pbase_dict *dict = fault_dict(s, 0);
    pbase_status status = pbase_dict_put_all(&dict, s->given, MANY, err);
    fault_hold(s, 0, pbase_dict_as_collection(dict));
    return status;
}

/* Bottom-up, into an empty one. */
static void empty_dict_and_entries(fault_scene *s)
{
    pbase_dict *dict = NULL;
    assert_int_equal(pbase_txn_new_dict(s->txn, &dict, NULL), PBASE_OK);
    pbase_collection_close(s->held[0]);
    fault_hold(s, 0, pbase_dict_as_collection(dict));
    many_entries(s);
}

static pbase_status dict_merge(fault_scene *s, pbase_error *err)
{
    pbase_dict *dict = fault_dict(s, 0);
    pbase_status status = pbase_dict_merge(&dict, fault_dict(s, 1), err);
    fault_hold(s, 0, pbase_dict_as_collection(dict));
    return status;
}

/* Two versions from one: the kept one stays. */
static pbase_status dict_keep(fault_scene *s, pbase_error *err)
{
    pbase_dict *kept = NULL;
    pbase_value key = pbase_value_int(7);
    pbase_status status = pbase_dict_keep(fault_dict(s, 0), &kept, err);
    if (status != PBASE_OK) {
        assert_null(kept);
        return status;
    }
    status = pbase_dict_remove(&kept, &key, NULL, err);
    if (status == PBASE_OK) {
        fault_make(s, 0, pbase_dict_as_collection(kept));
    } else {
        pbase_dict_close(kept);
    }
    return status;
}

/* ------------------------------------------------------------------------------------ cursors ---- */

/* Everything a cursor can be asked, on each entry of a range, backwards; a failed step or seek leaves
 * it where it was. */
static pbase_status cursor_entry(pbase_cursor *cursor, pbase_error *err)
{
    const pbase_path_step step = {.name = pbase_bytes_text("text")};
    const pbase_path path = {.steps = &step, .count = 1};
    pbase_value key, value, text;
    pbase_bytes bytes;
    uint64_t times = 0;
    pbase_status status = pbase_cursor_key(cursor, &key, err);
    status = status == PBASE_OK ? pbase_cursor_value(cursor, &value, err) : status;
    status = status == PBASE_OK ? pbase_cursor_bytes(cursor, &bytes, err) : status;
    status = status == PBASE_OK ? pbase_cursor_count(cursor, &times, err) : status;
    status = status == PBASE_OK ? pbase_cursor_extract(cursor, &path, 1, &text, err) : status;
    if (status == PBASE_OK) {
        assert_true(key.kind == PBASE_INT && text.kind == PBASE_STRING && times == 1);
    }
    return status;
}

static pbase_status cursor_through(fault_scene *s, pbase_error *err)
{
    pbase_value from = pbase_value_int(100), to = pbase_value_int(140), at = pbase_value_int(120);
    pbase_range range = {.struct_size = sizeof range, .from = &from, .to = &to, .reverse = true};
    pbase_cursor *cursor = NULL;
    uint64_t met = 0;
    pbase_status status = pbase_dict_cursor(fault_dict(s, 0), &range, &cursor, err);
    status = status == PBASE_OK ? pbase_cursor_seek(cursor, &at, err) : status;
    while (status == PBASE_OK) {
        status = pbase_cursor_next(cursor, err);
        met += status == PBASE_OK;
        status = status == PBASE_OK ? cursor_entry(cursor, err) : status;
    }
    pbase_cursor_close(cursor);
    assert_true(status != PBASE_END || met == 21);
    return status == PBASE_END ? PBASE_OK : status;
}

/* ------------------------------------------------------------------------- hash dictionaries ---- */

static pbase_status hash_read(fault_scene *s, pbase_error *err)
{
    const pbase_hash_dict *dict = fault_hash_dict(s, 0);
    pbase_field field, other;
    pbase_value key = map_key(&field, 200), missing = map_key(&other, -1), value;
    pbase_reader *reader = NULL;
    pbase_cursor *cursor = NULL;
    pbase_bytes bytes;
    uint64_t count = 0;
    bool has = true;
    pbase_status status = pbase_hash_dict_get(dict, &key, &s->arena, &value, err);
    status = status == PBASE_OK ? pbase_hash_dict_has(dict, &missing, &has, err) : status;
    status = status == PBASE_OK ? pbase_reader_create(s->memory, &reader, err) : status;
    status =
        status == PBASE_OK ? pbase_hash_dict_get_bytes(dict, &key, reader, &bytes, err) : status;
    pbase_reader_close(reader);
    status = status == PBASE_OK ? pbase_hash_dict_count(dict, &count, err) : status;
    status = status == PBASE_OK ? pbase_hash_dict_cursor(dict, &cursor, err) : status;
    status = status == PBASE_OK ? pbase_cursor_next(cursor, err) : status;
    pbase_cursor_close(cursor);
    if (status == PBASE_OK) {
        assert_true(value.kind == PBASE_STRING && !has && count == 300);
    }
    return status;
}

static pbase_status hash_put(fault_scene *s, pbase_error *err)
{
    pbase_hash_dict *dict = fault_hash_dict(s, 0);
    pbase_field field, text;
    pbase_value key = map_key(&field, 1000), value = document(&text);
    bool replaced = true;
    pbase_status status = pbase_hash_dict_put(&dict, &key, &value, &replaced, err);
    fault_hold(s, 0, pbase_hash_dict_as_collection(dict));
    assert_true(replaced == (status != PBASE_OK));
    return status;
}

static pbase_status hash_put_bytes(fault_scene *s, pbase_error *err)
{
    pbase_hash_dict *dict = fault_hash_dict(s, 0);
    pbase_field field;
    pbase_value key = map_key(&field, 10);
    pbase_status status =
        pbase_hash_dict_put_bytes(&dict, &key, pbase_bytes_text("bytes"), NULL, err);
    fault_hold(s, 0, pbase_hash_dict_as_collection(dict));
    return status;
}

static pbase_status hash_remove(fault_scene *s, pbase_error *err)
{
    pbase_hash_dict *dict = fault_hash_dict(s, 0);
    pbase_field field;
    pbase_value key = map_key(&field, 10);
    bool removed = false;
    pbase_status status = pbase_hash_dict_remove(&dict, &key, &removed, err);
    fault_hold(s, 0, pbase_hash_dict_as_collection(dict));
    assert_true(removed == (status == PBASE_OK));
    return status;
}

static pbase_status hash_put_all(fault_scene *s, pbase_error *err)
{
    pbase_hash_dict *dict = fault_hash_dict(s, 0);
    pbase_status status = pbase_hash_dict_put_all(&dict, s->given, MANY, err);
    fault_hold(s, 0, pbase_hash_dict_as_collection(dict));
    return status;
}

static pbase_status hash_merge(fault_scene *s, pbase_error *err)
{
    pbase_hash_dict *dict = fault_hash_dict(s, 0);
    pbase_status status = pbase_hash_dict_merge(&dict, fault_hash_dict(s, 1), err);
    fault_hold(s, 0, pbase_hash_dict_as_collection(dict));
    return status;
}

static pbase_status hash_keep(fault_scene *s, pbase_error *err)
{
    pbase_hash_dict *kept = NULL;
    pbase_status status = pbase_hash_dict_keep(fault_hash_dict(s, 0), &kept, err);
    fault_make(s, 0, pbase_hash_dict_as_collection(kept));
    return status;
}

/* ------------------------------------------------------------------------ multi-dictionaries ---- */

static pbase_status multi_read(fault_scene *s, pbase_error *err)
{
    const pbase_multi_dict *dict = fault_multi_dict(s, 0);
    pbase_value key = pbase_value_int(20), record = pbase_value_text("none of them");
    pbase_range range = {.struct_size = sizeof range, .from = &key, .to = &key};
    pbase_cursor *cursor = NULL;
    uint64_t count = 1, records = 0, total = 0, keys = 0, of_key = 0;
    bool has = false;
    pbase_status status = pbase_multi_dict_get(dict, &key, &record, &count, err);
    status = status == PBASE_OK ? pbase_multi_dict_has(dict, &key, &has, err) : status;
    status = status == PBASE_OK ? pbase_multi_dict_count(dict, &records, err) : status;
    status = status == PBASE_OK ? pbase_multi_dict_total(dict, &total, err) : status;
    status = status == PBASE_OK ? pbase_multi_dict_count_keys(dict, &keys, err) : status;
    status = status == PBASE_OK ? pbase_multi_dict_count_range(dict, &range, &of_key, err) : status;
    status = status == PBASE_OK ? pbase_multi_dict_cursor(dict, &range, &cursor, err) : status;
    status = status == PBASE_OK ? pbase_cursor_next(cursor, err) : status;
    pbase_cursor_close(cursor);
    if (status == PBASE_OK) {
        assert_true(count == 0 && has && records == 300 && total == 450 && keys == 100);
        assert_int_equal(of_key, 3);
    }
    return status;
}

static pbase_status multi_add(fault_scene *s, pbase_error *err)
{
    pbase_multi_dict *dict = fault_multi_dict(s, 0);
    pbase_field field;
    pbase_value key = pbase_value_int(20), record = document(&field);
    uint64_t count = 77;
    pbase_status status = pbase_multi_dict_add(&dict, &key, &record, 3, &count, err);
    fault_hold(s, 0, pbase_multi_dict_as_collection(dict));
    assert_int_equal(count, status == PBASE_OK ? 3 : 77);
    return status;
}

static pbase_status multi_add_all(fault_scene *s, pbase_error *err)
{
    pbase_multi_dict *dict = fault_multi_dict(s, 0);
    pbase_status status = pbase_multi_dict_add_all(&dict, s->given, MANY, err);
    fault_hold(s, 0, pbase_multi_dict_as_collection(dict));
    return status;
}

static pbase_status multi_remove(fault_scene *s, pbase_error *err)
{
    pbase_multi_dict *dict = fault_multi_dict(s, 0);
    pbase_value key = pbase_value_int(3);
    pbase_value record = pbase_value_text("record 00000000000000000000000000000009");
    uint64_t removed = 0;
    pbase_status status =
        pbase_multi_dict_remove(&dict, &key, &record, PBASE_COUNT_ALL, &removed, err);
    fault_hold(s, 0, pbase_multi_dict_as_collection(dict));
    assert_int_equal(removed, status == PBASE_OK ? 2 : 0);
    return status;
}

static pbase_status multi_remove_key(fault_scene *s, pbase_error *err)
{
    pbase_multi_dict *dict = fault_multi_dict(s, 0);
    pbase_value key = pbase_value_int(50);
    uint64_t removed = 0;
    pbase_status status = pbase_multi_dict_remove_key(&dict, &key, &removed, err);
    fault_hold(s, 0, pbase_multi_dict_as_collection(dict));
    assert_int_equal(removed, status == PBASE_OK ? 4 : 0);
    return status;
}

static pbase_status multi_keep(fault_scene *s, pbase_error *err)
{
    pbase_multi_dict *kept = NULL;
    pbase_status status = pbase_multi_dict_keep(fault_multi_dict(s, 0), &kept, err);
    fault_make(s, 0, pbase_multi_dict_as_collection(kept));
    return status;
}

#define EDIT(noun, root, covers)                                                                   \
    {                                                                                              \
        .name = #noun, .functions = (covers), .place = FAULT_IN_TXN, .roots = {(root)},            \
        .when = (noun), .edits = true                                                              \
    }

static const fault_scenario scenarios[] = {
    {.name = "dict_read_in_txn",
     .functions = "pbase_dict_get pbase_dict_has pbase_dict_count_range pbase_dict_count",
     .place = FAULT_IN_TXN,
     .roots = {"dict"},
     .when = dict_read,
     .is_cold = true},
    {.name = "dict_read_in_snapshot",
     .functions = "pbase_dict_get pbase_dict_has pbase_dict_count_range pbase_dict_count",
     .place = FAULT_IN_SNAPSHOT,
     .roots = {"dict"},
     .when = dict_read,
     .is_cold = true},
    {.name = "dict_read_bytes",
     .functions = "pbase_dict_get_bytes pbase_reader_create pbase_reader_reset pbase_reader_close",
     .place = FAULT_IN_SNAPSHOT,
     .roots = {"dict"},
     .when = dict_read_bytes,
     .is_cold = true},
    {.name = "dict_read_many",
     .functions = "pbase_dict_get_many",
     .place = FAULT_IN_SNAPSHOT,
     .roots = {"dict"},
     .when = dict_read_many,
     .is_cold = true},
    EDIT(dict_put, "dict", "pbase_dict_put"),
    EDIT(dict_put_bytes, "dict", "pbase_dict_put_bytes"),
    EDIT(dict_remove, "dict", "pbase_dict_remove"),
    {.name = "dict_put_all",
     .functions = "pbase_dict_put_all",
     .place = FAULT_IN_TXN,
     .roots = {"dict"},
     .given = many_entries,
     .when = dict_put_all,
     .end = free_given,
     .edits = true},
    {.name = "dict_build",
     .functions = "pbase_dict_put_all",
     .place = FAULT_IN_TXN,
     .roots = {"dict"},
     .given = empty_dict_and_entries,
     .when = dict_put_all,
     .end = free_given,
     .edits = true},
    {.name = "dict_merge",
     .functions = "pbase_dict_merge",
     .place = FAULT_IN_TXN,
     .roots = {"dict", "dict2"},
     .when = dict_merge,
     .edits = true},
    {.name = "dict_keep",
     .functions = "pbase_dict_keep pbase_dict_remove pbase_dict_close",
     .place = FAULT_IN_TXN,
     .roots = {"dict"},
     .when = dict_keep},
    {.name = "cursor",
     .functions = "pbase_dict_cursor pbase_cursor_seek pbase_cursor_next pbase_cursor_key "
                  "pbase_cursor_value pbase_cursor_bytes pbase_cursor_count pbase_cursor_extract "
                  "pbase_cursor_close",
     .place = FAULT_IN_TXN,
     .roots = {"dict"},
     .when = cursor_through,
     .is_cold = true},
    {.name = "hash_read",
     .functions = "pbase_hash_dict_get pbase_hash_dict_has pbase_hash_dict_get_bytes "
                  "pbase_hash_dict_count pbase_hash_dict_cursor",
     .place = FAULT_IN_TXN,
     .roots = {"hash"},
     .when = hash_read,
     .is_cold = true},
    EDIT(hash_put, "hash", "pbase_hash_dict_put"),
    EDIT(hash_put_bytes, "hash", "pbase_hash_dict_put_bytes"),
    EDIT(hash_remove, "hash", "pbase_hash_dict_remove"),
    {.name = "hash_put_all",
     .functions = "pbase_hash_dict_put_all",
     .place = FAULT_IN_TXN,
     .roots = {"hash"},
     .given = many_entries,
     .when = hash_put_all,
     .end = free_given,
     .edits = true},
    {.name = "hash_merge",
     .functions = "pbase_hash_dict_merge",
     .place = FAULT_IN_TXN,
     .roots = {"hash", "hash2"},
     .when = hash_merge,
     .edits = true},
    {.name = "hash_keep",
     .functions = "pbase_hash_dict_keep",
     .place = FAULT_IN_TXN,
     .roots = {"hash"},
     .when = hash_keep},
    {.name = "multi_read",
     .functions = "pbase_multi_dict_get pbase_multi_dict_has pbase_multi_dict_count "
                  "pbase_multi_dict_total pbase_multi_dict_count_keys "
                  "pbase_multi_dict_count_range pbase_multi_dict_cursor",
     .place = FAULT_IN_TXN,
     .roots = {"multi"},
     .when = multi_read,
     .is_cold = true},
    EDIT(multi_add, "multi", "pbase_multi_dict_add"),
    {.name = "multi_add_all",
     .functions = "pbase_multi_dict_add_all",
     .place = FAULT_IN_TXN,
     .roots = {"multi"},
     .given = many_entries,
     .when = multi_add_all,
     .end = free_given,
     .edits = true},
    EDIT(multi_remove, "multi", "pbase_multi_dict_remove"),
    EDIT(multi_remove_key, "multi", "pbase_multi_dict_remove_key"),
    {.name = "multi_keep",
     .functions = "pbase_multi_dict_keep",
     .place = FAULT_IN_TXN,
     .roots = {"multi"},
     .when = multi_keep},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
