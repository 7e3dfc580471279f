/* test_indexes.c - indexes kept through commits, reopening, dropping and concurrency: after every step
 * each index holds what its collection says, which pbase_space_check recomputes. */
#include "index/upkeep.h"
#include "json_value.h"
#include "seed.h"
#include "space/index_check.h"
#include "space/snapshot.h"
#include "space_fixture.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static space_fixture f;
static pbase_arena arena;
static pbase_error err;

static int begin(void **unused)
{
    (void)unused;
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    fixture_memory(&f);
    return 0;
}

static int begin_file(void **unused)
{
    (void)unused;
    pbase_error_init(&err);
    pbase_arena_init(&arena, pbase_alloc_default());
    fixture_file(&f);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_end(&f);
    pbase_arena_fini(&arena);
    return 0;
}

/* ------------------------------------------------------------------------------------- steps ---- */

static pbase_status create(const char *root, const char *name, const char *field, bool unique)
{
    const char *fields[4];
    char text[128];
    pbase_index_options options = {
        .struct_size = sizeof options, .unique = unique, .fields = fields};
    (void)snprintf(text, sizeof text, "%s", field);
    char *rest = NULL;
    for (char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        fields[options.field_count++] = one;
    }
    pbase_error_init(&err);
    return pbase_index_create(f.database, root, name, &options, NULL, &err);
}

static void must_create(const char *root, const char *name, const char *field, bool unique)
{
    pbase_status status = create(root, name, field, unique);
    assert_ok(status, &err);
}

static pbase_status put_in(pbase_txn *txn, const char *root, int64_t key, const char *document)
{
    pbase_dict *dict = fixture_dict(txn, root);
    pbase_value k = pbase_value_int(key), v = json_value(document, &arena);
    assert_int_equal(pbase_dict_put(&dict, &k, &v, NULL, NULL), PBASE_OK);
    pbase_status status = pbase_txn_store_dict(txn, root, dict, NULL);
    pbase_dict_close(dict);
    return status;
}

static pbase_status commit(pbase_txn **txn)
{
    pbase_error_init(&err);
    return pbase_txn_commit(txn, NULL, NULL, &err);
}

static pbase_status put(const char *root, int64_t key, const char *document)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(put_in(txn, root, key, document), PBASE_OK);
    return commit(&txn);
}

static pbase_status note_info(void *state, const pbase_index_info *info, pbase_error *unused)
{
    pbase_buffer *text = state;
    (void)unused;
    assert_int_equal(pbase_buffer_append_text(text, NULL, "%s%.*s.%.*s(", text->size > 0 ? " " : "",
                                              (int)info->root.size, (const char *)info->root.data,
                                              (int)info->name.size, (const char *)info->name.data),
                     PBASE_OK);
    for (size_t i = 0; i < info->field_count; i++) {
        assert_int_equal(pbase_buffer_append_text(text, NULL, "%s%.*s", i > 0 ? "," : "",
                                                  (int)info->fields[i].size,
                                                  (const char *)info->fields[i].data),
                         PBASE_OK);
    }
    return pbase_buffer_append_text(text, NULL, ")%s%s:%llu%s", info->unique ? " unique" : "",
                                    info->multikey ? " multikey" : "",
                                    (unsigned long long)info->entries, info->cut > 0 ? " cut" : "");
}

/* Every index of the database in words. */
static const char *indexes(void)
{
    pbase_buffer text;
    pbase_snapshot *snapshot = NULL;
    pbase_buffer_init(&text, pbase_alloc_default());
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_index_list(snapshot, NULL, note_info, &text, &err), PBASE_OK);
    pbase_snapshot_close(snapshot);
    const char *out = pbase_arena_text(&arena, pbase_buffer_view(&text));
    pbase_buffer_fini(&text);
    return out;
}

/* --------------------------------------------------------------------------------- behaviour ---- */

static void an_index_is_built_on_what_is_there_and_kept_from_then_on(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 1, "{'city': 'Paris', 'tags': ['a', 'b']}"), PBASE_OK);
    assert_int_equal(put("people", 2, "{'city': 'Rome'}"), PBASE_OK);

    must_create("people", "by_city", "city", false);
    must_create("people", "by_tag", "tags[*],city", false);
    assert_string_equal(indexes(), "people.by_city(city):2 people.by_tag(tags[*],city) multikey:3");

    assert_int_equal(put("people", 1, "{'city': 'Paris', 'tags': ['b', 'c', 'd']}"), PBASE_OK);
    assert_int_equal(put("people", 3, "{'city': null}"), PBASE_OK);
    assert_string_equal(indexes(), "people.by_city(city):3 people.by_tag(tags[*],city) multikey:5");
    fixture_assert_clean(&f);
}

static void an_index_comes_back_with_the_space(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 1, "{'city': 'Paris'}"), PBASE_OK);
    must_create("people", "by_city", "city", true);
    fixture_reopen(&f);
    assert_int_equal(put("people", 2, "{'city': 'Rome'}"), PBASE_OK);
    assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
    assert_int_equal(put("people", 3, "{'city': 'Bonn'}"), PBASE_OK);
    fixture_reopen(&f);

    assert_string_equal(indexes(), "people.by_city(city) unique:3");
    assert_int_equal(put("people", 4, "{'city': 'Rome'}"), PBASE_EXISTS);
    fixture_assert_clean(&f);
}

static void a_taken_unique_key_is_refused_and_named(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 1, "{'mail': 'a@x', 'n': 1}"), PBASE_OK);
    must_create("people", "by_mail", "mail", true);

    assert_int_equal(put("people", 2, "{'mail': 'a@x'}"), PBASE_EXISTS);
    assert_non_null(strstr(err.message, "'people'"));
    assert_non_null(strstr(err.message, "'by_mail'"));
    assert_non_null(strstr(err.message, "'a@x' is the key of rows 1, and of 2"));
    assert_int_equal(fixture_count(&f, "people"), 1);

    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE); /* twice within one */
    assert_int_equal(put_in(txn, "people", 3, "{'mail': 'b@x'}"), PBASE_OK);
    assert_int_equal(put_in(txn, "people", 4, "{'mail': 'b@x'}"), PBASE_OK);
    assert_int_equal(commit(&txn), PBASE_EXISTS);
    assert_int_equal(put("people", 1, "{'mail': 'a@x', 'n': 2}"), PBASE_OK); /* its own key */
    fixture_assert_clean(&f);
}

static void rows_may_exchange_unique_keys_and_share_nulls(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 0, "{}"), PBASE_OK);
    must_create("people", "by_mail", "mail,kind", true);
    assert_int_equal(put("people", 1, "{'mail': 'a@x', 'kind': 1}"), PBASE_OK);
    assert_int_equal(put("people", 2, "{'mail': 'b@x', 'kind': 1}"), PBASE_OK);

    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(put_in(txn, "people", 1, "{'mail': 'b@x', 'kind': 1}"), PBASE_OK);
    assert_int_equal(put_in(txn, "people", 2, "{'mail': 'a@x', 'kind': 1.0}"), PBASE_OK);
    assert_int_equal(commit(&txn), PBASE_OK);

    assert_int_equal(put("people", 3, "{'mail': 'a@x'}"), PBASE_OK);
    assert_int_equal(put("people", 4, "{'mail': 'a@x', 'kind': null}"), PBASE_OK);
    assert_int_equal(put("people", 5, "{'mail': 'a@x', 'kind': 1}"), PBASE_EXISTS);
    fixture_assert_clean(&f);
}

static void a_unique_index_on_data_with_duplicates_is_refused(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 1, "{'mail': 'a@x'}"), PBASE_OK);
    assert_int_equal(put("people", 2, "{'mail': 'a@x'}"), PBASE_OK);

    assert_int_equal(create("people", "by_mail", "mail", true), PBASE_EXISTS);
    assert_non_null(strstr(err.message, "'a@x'"));
    assert_string_equal(indexes(), "");
    must_create("people", "by_mail", "mail", false);
}

static void two_transactions_cannot_both_take_a_unique_key(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 0, "{}"), PBASE_OK);
    must_create("people", "by_mail", "mail", true);
    pbase_txn *first = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    pbase_txn *second = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    assert_int_equal(put_in(first, "people", 1, "{'mail': 'a@x'}"), PBASE_OK);
    assert_int_equal(put_in(second, "people", 2, "{'mail': 'a@x'}"), PBASE_OK);

    assert_int_equal(commit(&first), PBASE_OK);
    assert_int_equal(commit(&second), PBASE_CONFLICT);
    assert_int_equal(put("people", 2, "{'mail': 'a@x'}"), PBASE_EXISTS);
    fixture_assert_clean(&f);
}

static void transactions_that_touch_other_keys_merge(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 0, "{}"), PBASE_OK);
    must_create("people", "by_mail", "mail", true);
    pbase_txn *first = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    pbase_txn *second = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    assert_int_equal(put_in(first, "people", 1, "{'mail': 'a@x'}"), PBASE_OK);
    assert_int_equal(put_in(second, "people", 2, "{'mail': 'b@x'}"), PBASE_OK);

    assert_int_equal(commit(&first), PBASE_OK);
    assert_int_equal(commit(&second), PBASE_OK);
    assert_string_equal(indexes(), "people.by_mail(mail) unique:3");
    fixture_assert_clean(&f);
}

static void indexes_go_with_their_collection_and_stay_through_other_roots(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 1, "{'a': 1}"), PBASE_OK);
    must_create("people", "by_a", "a", false);
    assert_int_equal(put("other", 1, "{'a': 1}"), PBASE_OK);
    must_create("other", "by_a", "a", false);

    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_drop_root(txn, "people", NULL), PBASE_OK);
    assert_int_equal(commit(&txn), PBASE_OK);
    assert_string_equal(indexes(), "other.by_a(a):1");

    txn = fixture_begin(&f, PBASE_SERIALIZABLE); /* another collection under the root */
    pbase_dict *fresh = NULL;
    assert_int_equal(pbase_txn_new_dict(txn, &fresh, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_dict(txn, "other", fresh, NULL), PBASE_OK);
    pbase_dict_close(fresh);
    assert_int_equal(commit(&txn), PBASE_OK);
    assert_string_equal(indexes(), "");
    fixture_assert_clean(&f);
}

static void what_cannot_be_indexed_is_refused(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_set *set = NULL;
    pbase_value one = pbase_value_int(1);
    assert_int_equal(pbase_txn_new_set(txn, &set, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_set(txn, "marks", set, NULL), PBASE_OK);
    pbase_set_close(set);
    assert_int_equal(pbase_txn_store_value(txn, "one", &one, NULL), PBASE_OK);
    assert_int_equal(commit(&txn), PBASE_OK);
    assert_int_equal(put("people", 1, "{'a': 1}"), PBASE_OK);
    must_create("people", "by_a", "a", false);

    assert_int_equal(create("marks", "i", "a", false), PBASE_INVALID);
    assert_int_equal(create("one", "i", "a", false), PBASE_INVALID);
    assert_int_equal(create("peple", "i", "a", false), PBASE_NOT_FOUND);
    assert_non_null(strstr(err.hint, "people"));
    assert_int_equal(create("people", "by_a", "b", false), PBASE_EXISTS);
    assert_int_equal(create("people", "", "b", false), PBASE_INVALID);
    assert_int_equal(create("people", "i", "a[*].b", false), PBASE_INVALID);
    assert_int_equal(create("people", "i", "", false), PBASE_LIMIT);
    assert_int_equal(pbase_index_drop(f.database, "people", "by_b", NULL, &err), PBASE_NOT_FOUND);
    assert_non_null(strstr(err.hint, "by_a"));
}

static void a_dropped_index_is_gone_and_its_name_is_free(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 1, "{'a': 1, 'b': 1}"), PBASE_OK);
    must_create("people", "i", "a", true);
    assert_int_equal(pbase_index_drop(f.database, "people", "i", NULL, NULL), PBASE_OK);
    assert_string_equal(indexes(), "");
    must_create("people", "i", "b", false);
    assert_int_equal(put("people", 2, "{'a': 1, 'b': 1}"), PBASE_OK);
    assert_string_equal(indexes(), "people.i(b):2");
    fixture_assert_clean(&f);
}

static void values_too_large_are_cut_and_counted(void **unused)
{
    (void)unused;
    char document[2000];
    assert_int_equal(put("people", 0, "{}"), PBASE_OK);
    must_create("people", "i", "a", false);
    (void)snprintf(document, sizeof document, "{'a': '%01500d'}", 1);
    assert_int_equal(put("people", 1, document), PBASE_OK);
    assert_int_equal(put("people", 2, document), PBASE_OK);
    assert_string_equal(indexes(), "people.i(a):3 cut");
    fixture_assert_clean(&f);

    assert_int_equal(put("people", 1, "{'a': 1}"), PBASE_OK);
    assert_string_equal(indexes(), "people.i(a):3 cut");
    assert_int_equal(create("people", "u", "a", true), PBASE_LIMIT);
    assert_int_equal(put("people", 2, "{'a': 2}"), PBASE_OK);
    assert_string_equal(indexes(), "people.i(a):3");
    must_create("people", "u", "a", true);
    assert_int_equal(put("people", 3, document), PBASE_LIMIT);
    fixture_assert_clean(&f);
}

/* Copies of a database have its indexes, and each goes on alone. */
static void branches_and_snapshots_have_the_indexes(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 1, "{'a': 1}"), PBASE_OK);
    must_create("people", "i", "a", false);
    assert_int_equal(pbase_database_branch(f.space, "main", "side", NULL), PBASE_OK);
    assert_int_equal(pbase_database_snapshot(f.space, "main", "then", NULL), PBASE_OK);
    assert_int_equal(put("people", 2, "{'a': 2}"), PBASE_OK);

    pbase_database *main_database = f.database, *others[2];
    assert_int_equal(pbase_database_open(f.space, "side", &others[0], NULL), PBASE_OK);
    assert_int_equal(pbase_database_open(f.space, "then", &others[1], NULL), PBASE_OK);
    f.database = others[0];
    assert_int_equal(put("people", 3, "{'a': 3}"), PBASE_OK);
    assert_int_equal(put("people", 4, "{'a': 3}"), PBASE_OK);
    assert_string_equal(indexes(), "people.i(a):3");
    must_create("people", "j", "a", false);
    f.database = others[1];
    assert_string_equal(indexes(), "people.i(a):1");
    assert_int_equal(create("people", "j", "a", false), PBASE_READ_ONLY);
    f.database = main_database;
    assert_string_equal(indexes(), "people.i(a):2");
    fixture_assert_clean(&f);
    pbase_database_close(others[0]);
    pbase_database_close(others[1]);
}

/* A transaction that began before an index was made does not know it. */
static void a_writer_from_before_an_index_loses(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 1, "{'a': 1}"), PBASE_OK);
    pbase_txn *before = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    assert_int_equal(put_in(before, "people", 2, "{'a': 1}"), PBASE_OK);

    must_create("people", "i", "a", true);

    assert_int_equal(commit(&before), PBASE_CONFLICT);
    fixture_assert_clean(&f);
}

/* --------------------------------------------------------------------------------------- lists -- */

static pbase_list *list_of(pbase_txn *txn, const char *root)
{
    pbase_list *list = NULL;
    if (pbase_txn_list(txn, root, &list, NULL) != PBASE_OK) {
        assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    }
    return list;
}

static void an_index_of_a_list_follows_its_elements(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_list *list = list_of(txn, "log");
    pbase_value v = json_value("{'a': 1}", &arena), w = json_value("{'a': 2}", &arena);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pbase_list_append(&list, i % 3 == 0 ? &v : &w, NULL), PBASE_OK);
    }
    assert_int_equal(pbase_txn_store_list(txn, "log", list, NULL), PBASE_OK);
    pbase_list_close(list);
    assert_int_equal(commit(&txn), PBASE_OK);
    must_create("log", "i", "a", false);

    txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    list = list_of(txn, "log");
    assert_int_equal(pbase_list_insert(&list, 40, &w, NULL), PBASE_OK);
    assert_int_equal(pbase_list_remove(&list, 7, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_list_set(&list, 3, &v, NULL), PBASE_OK);
    assert_int_equal(pbase_list_append(&list, &v, NULL), PBASE_OK);
    assert_int_equal(pbase_list_remove(&list, -2, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_list(txn, "log", list, NULL), PBASE_OK);
    pbase_list_close(list);
    assert_int_equal(commit(&txn), PBASE_OK);
    assert_string_equal(indexes(), "log.i(a):100");
    fixture_assert_clean(&f);
}

/* ------------------------------------------------------------------------------------ damage ---- */

static pbase_status note_finding(void *state, pbase_status code, const char *place,
                                 const char *message, pbase_error *unused)
{
    (void)unused;
    assert_int_equal(code, PBASE_CORRUPT);
    return pbase_buffer_append_text(state, NULL, "%s: %s\n", place, message);
}

/* The first index of the database after `plant`, checked: findings in words. */
static const char *damage_found(void (*plant)(tree *entries))
{
    pbase_snapshot *snapshot = NULL;
    index_view view;
    pbase_index_report report = {.findings = 0};
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
    atom_source *atoms = snapshot->context.source;
    tree collections = tree_of(atoms, atom_ref_keep(snapshot->view.collections), false);
    assert_int_equal(index_view_load(atoms, collections.root, NULL, &view, NULL), PBASE_OK);
    assert_int_equal(view.count, 1);
    plant(&view.items[0].entries);
    uint8_t id[16];
    const uint8_t kind = COLLECTION_INDEX;
    catalog_collection_key(view.items[0].definition->entries, id);
    encoded_key key = {.bytes = pbase_bytes_of(id, sizeof id)};
    tree_value slot = {.kind = TREE_VALUE_TREE,
                       .tree_kind = COLLECTION_INDEX,
                       .root = view.items[0].entries.root,
                       .bytes = pbase_bytes_of(&kind, 1)};
    assert_int_equal(tree_put(&collections, &key, &slot, NULL, NULL), PBASE_OK);
    index_check check = {.atoms = atoms,
                         .collections = collections.root,
                         .coder = snapshot->context.coder,
                         .alloc = snapshot->context.alloc,
                         .each = note_finding,
                         .each_state = &text};

    assert_int_equal(
        index_check_run(&check, pbase_bytes_of(NULL, 0), pbase_bytes_of(NULL, 0), &report, NULL),
        PBASE_OK);

    assert_true((report.findings > 0) == (text.size > 0));
    index_view_fini(&view);
    tree_fini(&collections);
    pbase_snapshot_close(snapshot);
    const char *out = pbase_arena_text(&arena, pbase_buffer_view(&text));
    pbase_buffer_fini(&text);
    return out;
}

static void no_change(tree *entries)
{
    (void)entries;
}

/* (true, row 1): 03 00, then the key of the row. */
static const uint8_t true_of_one[] = {3, 0, 4, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0};

static void remove_entry(tree *entries)
{
    bool removed = false;
    assert_int_equal(
        tree_remove(entries, pbase_bytes_of(true_of_one, sizeof true_of_one), &removed, NULL),
        PBASE_OK);
    assert_true(removed);
}

static void add_entry(tree *entries, uint8_t element)
{
    uint8_t bytes[sizeof true_of_one];
    memcpy(bytes, true_of_one, sizeof bytes);
    bytes[0] = element;
    encoded_key key = {.bytes = pbase_bytes_of(bytes, sizeof bytes)};
    tree_value nothing = tree_value_of(pbase_bytes_of(NULL, 0));
    assert_int_equal(tree_put(entries, &key, &nothing, NULL, NULL), PBASE_OK);
}

static void add_false(tree *entries)
{
    add_entry(entries, 2);
}

static void add_noise(tree *entries)
{
    add_entry(entries, 0x77);
}

static void replace_entry(tree *entries)
{
    remove_entry(entries);
    add_false(entries);
}

static void count_cut(tree *entries)
{
    encoded_key key = {.bytes = INDEX_CUT_MARK};
    tree_value three = tree_value_of(pbase_bytes_of("\x03", 1));
    assert_int_equal(tree_put(entries, &key, &three, NULL, NULL), PBASE_OK);
}

static void check_finds_planted_damage(void **unused)
{
    (void)unused;
    assert_int_equal(put("people", 1, "{'a': true}"), PBASE_OK);
    must_create("people", "i", "a", false);
    assert_int_equal(put("people", 2, "{'a': true}"), PBASE_OK);

    assert_string_equal(damage_found(no_change), "");
    assert_string_equal(damage_found(remove_entry),
                        "root 'people', index 'i': an entry is missing: key true of row 1\n");
    assert_string_equal(damage_found(add_false),
                        "root 'people', index 'i': no row gives an entry: key false of row 1\n");
    assert_string_equal(damage_found(replace_entry),
                        "root 'people', index 'i': an entry is missing: key true of row 1\n"
                        "root 'people', index 'i': no row gives an entry: key false of row 1\n");
    assert_non_null(strstr(damage_found(add_noise), "no row gives an entry"));
    assert_non_null(strstr(damage_found(count_cut), "the count of cut entries is wrong"));
}

/* ------------------------------------------------------------------------------------- random --- */

#define MODEL_KEYS 60u

static const char *random_document(seed_random *random)
{
    static const char *const values[] = {
        "1",      "2",         "2.0",           "-7",
        "null",   "true",      "'a'",           "'ab'",
        "''",     "[]",        "['a', 'b', 1]", "['b', ['c'], {'x': 1}]",
        "[1, 1]", "{'a': {}}", "{'b': 2}",      "{'$time': '2020-01-01T00:00:00Z'}"};
    char text[1400];
    size_t count = sizeof values / sizeof values[0];
    if (seed_below(random, 10) == 0) {
        return values[seed_below(random, count)]; /* no document */
    }
    (void)snprintf(text, sizeof text, "{'a': %s, 'b': %s, 'tags': %s, 'n': {'m': %s}}",
                   values[seed_below(random, count)], values[seed_below(random, count)],
                   values[seed_below(random, count)], values[seed_below(random, count)]);
    if (seed_below(random, 20) == 0) {
        (void)snprintf(text, sizeof text, "{'a': '%0600d', 'b': ['%0600d']}", 1, 2);
    }
    return pbase_arena_text(&arena, pbase_bytes_text(text));
}

static pbase_hash_dict *hash_of(pbase_txn *txn)
{
    pbase_hash_dict *hash = NULL;
    if (pbase_txn_hash_dict(txn, "hash", &hash, NULL) != PBASE_OK) {
        assert_int_equal(pbase_txn_new_hash_dict(txn, &hash, NULL), PBASE_OK);
    }
    return hash;
}

/* A few changes of two dictionaries and one list in one transaction, some in a nested one. */
static void random_changes(seed_random *random, pbase_txn *txn)
{
    pbase_dict *dict = fixture_dict(txn, "docs");
    pbase_list *list = list_of(txn, "log");
    pbase_hash_dict *hash = hash_of(txn);
    unsigned changes = 1 + (unsigned)seed_below(random, 12);
    for (unsigned i = 0; i < changes; i++) {
        pbase_value key = pbase_value_int((int64_t)seed_below(random, MODEL_KEYS));
        pbase_value value = json_value(random_document(random), &arena);
        uint64_t count = 0;
        assert_int_equal(pbase_list_count(list, &count, NULL), PBASE_OK);
        int64_t place = (int64_t)seed_below(random, count + 1);
        switch (seed_below(random, 9)) {
        case 7:
            assert_int_equal(pbase_hash_dict_put(&hash, &key, &value, NULL, NULL), PBASE_OK);
            break;
        case 8:
            assert_int_equal(pbase_hash_dict_remove(&hash, &key, NULL, NULL), PBASE_OK);
            break;
        case 0:
        case 1:
            assert_int_equal(pbase_dict_put(&dict, &key, &value, NULL, NULL), PBASE_OK);
            break;
        case 2:
            assert_int_equal(pbase_dict_remove(&dict, &key, NULL, NULL), PBASE_OK);
            break;
        case 3:
            assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
            break;
        case 4:
            assert_int_equal(pbase_list_insert(&list, place, &value, NULL), PBASE_OK);
            break;
        default:
            if (place < (int64_t)count) {
                assert_int_equal(seed_below(random, 2) == 0
                                     ? pbase_list_set(&list, place, &value, NULL)
                                     : pbase_list_remove(&list, place, NULL, NULL),
                                 PBASE_OK);
            }
            break;
        }
    }
    assert_int_equal(pbase_txn_store_dict(txn, "docs", dict, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_list(txn, "log", list, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_hash_dict(txn, "hash", hash, NULL), PBASE_OK);
    pbase_dict_close(dict);
    pbase_list_close(list);
    pbase_hash_dict_close(hash);
}

static void random_definition(seed_random *random)
{
    static const char *const fields[] = {"a", "b,a", "tags[*]", "n.m", "a,tags[*],b", "n.m[*],a"};
    static const char *const names[] = {"i", "j", "k"};
    static const char *const roots[] = {"docs", "log", "hash"};
    const char *root = roots[seed_below(random, 3)];
    const char *name = names[seed_below(random, 3)];
    pbase_status status = pbase_index_drop(f.database, root, name, NULL, NULL);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    if (seed_below(random, 3) > 0) {
        status = create(root, name, fields[seed_below(random, 6)], false);
        assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    }
}

static void random_step(seed_random *random)
{
    pbase_txn *txn = NULL, *inner = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    switch (seed_below(random, 12)) {
    case 0:
        random_definition(random);
        break;
    case 1:
        fixture_reopen(&f);
        break;
    case 2:
        assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        break;
    case 3: /* two that merge or conflict */
        txn = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
        inner = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
        random_changes(random, txn);
        random_changes(random, inner);
        assert_int_equal(commit(&txn), PBASE_OK);
        (void)commit(&inner); /* either way */
        break;
    case 4: /* one inside another */
        txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        random_changes(random, txn);
        assert_int_equal(pbase_txn_begin_nested(txn, NULL, &inner, NULL), PBASE_OK);
        random_changes(random, inner);
        if (seed_below(random, 2) == 0) {
            assert_int_equal(commit(&inner), PBASE_OK);
        } else {
            pbase_txn_abort(&inner);
        }
        assert_int_equal(commit(&txn), PBASE_OK);
        break;
    case 5: /* too large for its operations: the content is replaced as a whole */
        options.log_bytes_max = 100;
        assert_int_equal(pbase_txn_begin(f.database, &options, &txn, NULL), PBASE_OK);
        random_changes(random, txn);
        assert_int_equal(commit(&txn), PBASE_OK);
        break;
    default:
        txn = fixture_begin(&f, PBASE_SERIALIZABLE);
        random_changes(random, txn);
        assert_int_equal(commit(&txn), PBASE_OK);
        break;
    }
}

static void indexes_hold_what_their_collections_say_whatever_happens(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("indexes"));
    unsigned steps = seed_is_long_run() ? 20000 : 400;
    for (unsigned i = 0; i < steps; i++) {
        random_step(&random);
        fixture_assert_clean(&f);
        pbase_arena_reset(&arena);
    }
}

/* ------------------------------------------------------------------------------------ threads --- */

#define WRITERS 2
#define WRITES 300

static void *write_rows(void *argument)
{
    int64_t writer = (int64_t)(intptr_t)argument;
    for (int64_t i = 0; i < WRITES; i++) {
        pbase_status status = PBASE_CONFLICT;
        while (status == PBASE_CONFLICT) {
            pbase_txn *txn = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
            pbase_dict *dict = fixture_dict(txn, "people");
            pbase_value key = pbase_value_int(i * WRITERS + writer), a = pbase_value_int(i / 3);
            pbase_field field = {pbase_bytes_text("a"), a};
            pbase_value document = pbase_value_map(&field, 1);
            assert_int_equal(pbase_dict_put(&dict, &key, &document, NULL, NULL), PBASE_OK);
            assert_int_equal(pbase_txn_store_dict(txn, "people", dict, NULL), PBASE_OK);
            pbase_dict_close(dict);
            status = pbase_txn_commit(&txn, NULL, NULL, NULL);
        }
        assert_int_equal(status, PBASE_OK);
    }
    return NULL;
}

static void an_index_is_made_while_others_write(void **unused)
{
    (void)unused;
    pthread_t writers[WRITERS];
    assert_int_equal(put("people", -1, "{'a': 1}"), PBASE_OK);
    for (intptr_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&writers[i], NULL, write_rows, (void *)i), 0);
    }
    for (int i = 0; i < 10; i++) {
        must_create("people", "i", "a", false);
        assert_int_equal(pbase_index_drop(f.database, "people", "i", NULL, NULL), PBASE_OK);
    }
    must_create("people", "i", "a", false);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i], NULL), 0);
    }
    assert_string_equal(indexes(), "people.i(a):601");
    fixture_assert_clean(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_index_is_built_on_what_is_there_and_kept_from_then_on,
                                        begin, end),
        cmocka_unit_test_setup_teardown(an_index_comes_back_with_the_space, begin_file, end),
        cmocka_unit_test_setup_teardown(a_taken_unique_key_is_refused_and_named, begin, end),
        cmocka_unit_test_setup_teardown(rows_may_exchange_unique_keys_and_share_nulls, begin, end),
        cmocka_unit_test_setup_teardown(a_unique_index_on_data_with_duplicates_is_refused, begin,
                                        end),
        cmocka_unit_test_setup_teardown(two_transactions_cannot_both_take_a_unique_key, begin, end),
        cmocka_unit_test_setup_teardown(transactions_that_touch_other_keys_merge, begin, end),
        cmocka_unit_test_setup_teardown(
            indexes_go_with_their_collection_and_stay_through_other_roots, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_indexed_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_dropped_index_is_gone_and_its_name_is_free, begin, end),
        cmocka_unit_test_setup_teardown(values_too_large_are_cut_and_counted, begin, end),
        cmocka_unit_test_setup_teardown(branches_and_snapshots_have_the_indexes, begin_file, end),
        cmocka_unit_test_setup_teardown(a_writer_from_before_an_index_loses, begin, end),
        cmocka_unit_test_setup_teardown(an_index_of_a_list_follows_its_elements, begin, end),
        cmocka_unit_test_setup_teardown(check_finds_planted_damage, begin, end),
        cmocka_unit_test_setup_teardown(indexes_hold_what_their_collections_say_whatever_happens,
                                        begin_file, end),
        cmocka_unit_test_setup_teardown(an_index_is_made_while_others_write, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
