/* test_merge.c - two transactions change one collection at once: for each pair of operations of each
 * kind, whether both take effect or the later one is refused. The table in docs/transactions.md is
 * what came out.
 *
 * Each pair is played on two equal collections: on one by two transactions that began together, on
 * the other by one after the other. Merged content must be what the second way gives. */
#include "space_case.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---------------------------------------------------------------------------------- handles ---- */

/* A handle of any kind, as the transaction sees the root. */
typedef struct {
    pbase_txn *txn;
    const char *root;
    pbase_dict *dict;
    pbase_list *list;
    pbase_set *set;
    pbase_counted_set *counted;
    pbase_hash_dict *hash;
    pbase_multi_dict *multi;
} work;

static void must(pbase_status status)
{
    assert_int_equal(status, PBASE_OK);
}

static pbase_value number(int64_t value)
{
    return pbase_value_int(value);
}

/* ------------------------------------------------------------------------------- operations ---- */

/* Elements 1 and 2 are there at the start, 8 and 9 are not. */
static void dict_put(work *w, int64_t key)
{
    pbase_value k = number(key), v = number(key + 100 + (int64_t)(uint8_t)w->root[0]);
    must(pbase_dict_put(&w->dict, &k, &v, NULL, NULL));
}
static void dict_remove(work *w, int64_t key)
{
    pbase_value k = number(key);
    must(pbase_dict_remove(&w->dict, &k, NULL, NULL));
}
static void hash_put(work *w, int64_t key)
{
    pbase_value k = number(key), v = number(key + 100);
    must(pbase_hash_dict_put(&w->hash, &k, &v, NULL, NULL));
}
static void hash_remove(work *w, int64_t key)
{
    pbase_value k = number(key);
    must(pbase_hash_dict_remove(&w->hash, &k, NULL, NULL));
}
/* Records of a key: 10 times the key, and one more. */
static void multi_add(work *w, int64_t record)
{
    pbase_value k = number(record / 10), r = number(record);
    must(pbase_multi_dict_add(&w->multi, &k, &r, 2, NULL, NULL));
}
static void multi_take(work *w, int64_t record)
{
    pbase_value k = number(record / 10), r = number(record);
    must(pbase_multi_dict_remove(&w->multi, &k, &r, 1, NULL, NULL));
}
static void multi_drop(work *w, int64_t key)
{
    pbase_value k = number(key);
    must(pbase_multi_dict_remove_key(&w->multi, &k, NULL, NULL));
}
static void set_add(work *w, int64_t element)
{
    pbase_value e = number(element);
    must(pbase_set_add(&w->set, &e, NULL, NULL));
}
static void set_remove(work *w, int64_t element)
{
    pbase_value e = number(element);
    must(pbase_set_remove(&w->set, &e, NULL, NULL));
}
static void counted_add(work *w, int64_t element)
{
    pbase_value e = number(element);
    must(pbase_counted_set_add(&w->counted, &e, 2, NULL, NULL));
}
static void counted_take(work *w, int64_t element)
{
    pbase_value e = number(element);
    must(pbase_counted_set_remove(&w->counted, &e, 1, NULL, NULL));
}
static void list_set(work *w, int64_t index)
{
    pbase_value v = number(200 + index);
    must(pbase_list_set(&w->list, index, &v, NULL));
}
static void list_append(work *w, int64_t value)
{
    pbase_value v = number(value);
    must(pbase_list_append(&w->list, &v, NULL));
}
static void list_insert(work *w, int64_t index)
{
    pbase_value v = number(300 + index);
    must(pbase_list_insert(&w->list, index, &v, NULL));
}
static void list_remove(work *w, int64_t index)
{
    must(pbase_list_remove(&w->list, index, NULL, NULL));
}

static void list_cut(work *w, int64_t count)
{
    must(pbase_list_remove_range(&w->list, 0, count, NULL, NULL));
}

typedef struct {
    const char *name;
    void (*run)(work *w, int64_t argument);
    int64_t argument;
} operation;

enum { OPERATIONS_MAX = 8 };
typedef struct {
    const char *name;
    int kind;
    operation operations[OPERATIONS_MAX];
} kind_case;

static const kind_case kinds[] = {
    {"dictionary",
     PBASE_COLLECTION_DICT,
     {{"put a", dict_put, 1},
      {"remove a", dict_remove, 1},
      {"put b", dict_put, 2},
      {"remove b", dict_remove, 2},
      {"put new c", dict_put, 8},
      {"put new d", dict_put, 9}}},
    {"hash dictionary",
     PBASE_COLLECTION_HASH_DICT,
     {{"put a", hash_put, 1},
      {"remove a", hash_remove, 1},
      {"put b", hash_put, 2},
      {"put new c", hash_put, 8}}},
    {"multi-dictionary",
     PBASE_COLLECTION_MULTI_DICT,
     {{"add a: r", multi_add, 10},
      {"take a: r", multi_take, 10},
      {"add a: new s", multi_add, 11},
      {"add b: r", multi_add, 20}}},
    {"set",
     PBASE_COLLECTION_SET,
     {{"add new c", set_add, 8},
      {"add new d", set_add, 9},
      {"remove a", set_remove, 1},
      {"remove b", set_remove, 2}}},
    {"counted set",
     PBASE_COLLECTION_COUNTED_SET,
     {{"add a", counted_add, 1},
      {"take a", counted_take, 1},
      {"add b", counted_add, 2},
      {"take b", counted_take, 2},
      {"add new c", counted_add, 8}}},
    {"list",
     PBASE_COLLECTION_LIST,
     {{"set 0", list_set, 0},
      {"set 1", list_set, 1},
      {"append", list_append, 8},
      {"insert at 0", list_insert, 0},
      {"remove 0", list_remove, 0},
      {"remove 1", list_remove, 1},
      {"cut 0 and 1", list_cut, 2}}},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static size_t operation_count(const kind_case *kind)
{
    size_t count = 0;
    while (count < OPERATIONS_MAX && kind->operations[count].name != NULL) {
        count++;
    }
    return count;
}

/* --------------------------------------------------------------------------- opening, storing ---- */

static pbase_txn *begin_at(int32_t isolation)
{
    return fixture_begin(&f, isolation);
}

static void open_root(work *w, int kind)
{
    if (kind == PBASE_COLLECTION_DICT) {
        must(pbase_txn_dict(w->txn, w->root, &w->dict, NULL));
    } else if (kind == PBASE_COLLECTION_SET) {
        must(pbase_txn_set(w->txn, w->root, &w->set, NULL));
    } else if (kind == PBASE_COLLECTION_LIST) {
        must(pbase_txn_list(w->txn, w->root, &w->list, NULL));
    } else if (kind == PBASE_COLLECTION_HASH_DICT) {
        must(pbase_txn_hash_dict(w->txn, w->root, &w->hash, NULL));
    } else if (kind == PBASE_COLLECTION_MULTI_DICT) {
        must(pbase_txn_multi_dict(w->txn, w->root, &w->multi, NULL));
    } else {
        must(pbase_txn_counted_set(w->txn, w->root, &w->counted, NULL));
    }
}

static void new_root(work *w, int kind)
{
    if (kind == PBASE_COLLECTION_DICT) {
        must(pbase_txn_new_dict(w->txn, &w->dict, NULL));
    } else if (kind == PBASE_COLLECTION_SET) {
        must(pbase_txn_new_set(w->txn, &w->set, NULL));
    } else if (kind == PBASE_COLLECTION_LIST) {
        must(pbase_txn_new_list(w->txn, &w->list, NULL));
    } else if (kind == PBASE_COLLECTION_HASH_DICT) {
        must(pbase_txn_new_hash_dict(w->txn, &w->hash, NULL));
    } else if (kind == PBASE_COLLECTION_MULTI_DICT) {
        must(pbase_txn_new_multi_dict(w->txn, &w->multi, NULL));
    } else {
        must(pbase_txn_new_counted_set(w->txn, &w->counted, NULL));
    }
}

/* NULL is fine for each of them. */
static void close_all(work *w)
{
    pbase_dict_close(w->dict);
    pbase_set_close(w->set);
    pbase_list_close(w->list);
    pbase_counted_set_close(w->counted);
    pbase_hash_dict_close(w->hash);
    pbase_multi_dict_close(w->multi);
}

static void store_root(work *w, int kind)
{
    if (kind == PBASE_COLLECTION_DICT) {
        must(pbase_txn_store_dict(w->txn, w->root, w->dict, NULL));
    } else if (kind == PBASE_COLLECTION_SET) {
        must(pbase_txn_store_set(w->txn, w->root, w->set, NULL));
    } else if (kind == PBASE_COLLECTION_LIST) {
        must(pbase_txn_store_list(w->txn, w->root, w->list, NULL));
    } else if (kind == PBASE_COLLECTION_HASH_DICT) {
        must(pbase_txn_store_hash_dict(w->txn, w->root, w->hash, NULL));
    } else if (kind == PBASE_COLLECTION_MULTI_DICT) {
        must(pbase_txn_store_multi_dict(w->txn, w->root, w->multi, NULL));
    } else {
        must(pbase_txn_store_counted_set(w->txn, w->root, w->counted, NULL));
    }
    close_all(w);
}

/* Replaces the root by the collection every pair begins with: 1, 2 and 3 (twice each if counted). */
static void make_root(const char *root, int kind)
{
    work w = {.txn = begin_at(PBASE_SERIALIZABLE), .root = root};
    new_root(&w, kind);
    for (int64_t i = 1; i <= 3; i++) {
        if (kind == PBASE_COLLECTION_DICT) {
            dict_put(&w, i);
        } else if (kind == PBASE_COLLECTION_SET) {
            set_add(&w, i);
        } else if (kind == PBASE_COLLECTION_LIST) {
            list_append(&w, i);
        } else if (kind == PBASE_COLLECTION_HASH_DICT) {
            hash_put(&w, i);
        } else if (kind == PBASE_COLLECTION_MULTI_DICT) {
            multi_add(&w, 10 * i);
        } else {
            counted_add(&w, i);
        }
    }
    store_root(&w, kind);
    must(fixture_commit(&w.txn));
}

static void change_root(pbase_txn *txn, const char *root, int kind, const operation *what)
{
    work w = {.txn = txn, .root = root};
    open_root(&w, kind);
    what->run(&w, what->argument);
    store_root(&w, kind);
}

/* ----------------------------------------------------------------------------------- content ---- */

static pbase_cursor *cursor_of(pbase_snapshot *snapshot, const char *root, int kind, work *w)
{
    pbase_cursor *cursor = NULL;
    if (kind == PBASE_COLLECTION_DICT) {
        must(pbase_snapshot_dict(snapshot, root, &w->dict, NULL));
        must(pbase_dict_cursor(w->dict, NULL, &cursor, NULL));
    } else if (kind == PBASE_COLLECTION_SET) {
        must(pbase_snapshot_set(snapshot, root, &w->set, NULL));
        must(pbase_set_cursor(w->set, NULL, &cursor, NULL));
    } else if (kind == PBASE_COLLECTION_LIST) {
        must(pbase_snapshot_list(snapshot, root, &w->list, NULL));
        must(pbase_list_cursor(w->list, NULL, &cursor, NULL));
    } else if (kind == PBASE_COLLECTION_HASH_DICT) {
        must(pbase_snapshot_hash_dict(snapshot, root, &w->hash, NULL));
        must(pbase_hash_dict_cursor(w->hash, &cursor, NULL));
    } else if (kind == PBASE_COLLECTION_MULTI_DICT) {
        must(pbase_snapshot_multi_dict(snapshot, root, &w->multi, NULL));
        must(pbase_multi_dict_cursor(w->multi, NULL, &cursor, NULL));
    } else {
        must(pbase_snapshot_counted_set(snapshot, root, &w->counted, NULL));
        must(pbase_counted_set_cursor(w->counted, NULL, &cursor, NULL));
    }
    return cursor;
}

/* "1=101 2=102 ": every entry in order. */
static void describe(const char *root, int kind, char *out, size_t size)
{
    pbase_snapshot *snapshot = NULL;
    work w = {.root = root};
    size_t used = 0;
    out[0] = '\0';
    must(pbase_snapshot_open(f.database, &snapshot, NULL));
    pbase_cursor *cursor = cursor_of(snapshot, root, kind, &w);
    while (pbase_cursor_next(cursor, NULL) == PBASE_OK) {
        pbase_value key, value = number(0);
        uint64_t count = 0;
        must(pbase_cursor_key(cursor, &key, NULL));
        if (kind == PBASE_COLLECTION_COUNTED_SET || kind == PBASE_COLLECTION_MULTI_DICT) {
            must(pbase_cursor_count(cursor, &count, NULL));
            value = number((int64_t)count);
        }
        if (kind == PBASE_COLLECTION_MULTI_DICT) { /* key and record */
            pbase_value record;
            must(pbase_cursor_value(cursor, &record, NULL));
            value = number(value.as.integer + 100 * record.as.integer);
        } else if (kind != PBASE_COLLECTION_SET && kind != PBASE_COLLECTION_COUNTED_SET) {
            must(pbase_cursor_value(cursor, &value, NULL));
        }
        used += (size_t)snprintf(out + used, size - used, "%" PRId64 "=%" PRId64 " ",
                                 key.as.integer, value.as.integer);
    }
    pbase_cursor_close(cursor);
    close_all(&w);
    pbase_snapshot_close(snapshot);
}

/* ------------------------------------------------------------------------------------- pairs ---- */

/* What the second transaction is told at the given level. */
static bool pair_merges(const kind_case *kind, size_t first, size_t second, int32_t isolation)
{
    char together[512], after[512];
    make_root("pair", kind->kind);
    make_root("pure", kind->kind);
    pbase_txn *one = begin_at(isolation), *two = begin_at(isolation);
    change_root(one, "pair", kind->kind, &kind->operations[first]);
    change_root(two, "pair", kind->kind, &kind->operations[second]);
    must(fixture_commit(&one));
    pbase_status status = fixture_commit(&two);
    assert_true(status == PBASE_OK || status == PBASE_CONFLICT);
    for (size_t i = 0; i < (status == PBASE_OK ? 2 : 1); i++) {
        pbase_txn *alone = begin_at(isolation);
        change_root(alone, "pure", kind->kind, &kind->operations[i == 0 ? first : second]);
        must(fixture_commit(&alone));
    }
    describe("pair", kind->kind, together, sizeof together);
    describe("pure", kind->kind, after, sizeof after);
    assert_string_equal(together, after);
    return status == PBASE_OK;
}

static bool verdicts[KINDS][OPERATIONS_MAX][OPERATIONS_MAX];

static void merged_content_is_what_one_after_the_other_gives(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < KINDS; k++) {
        size_t count = operation_count(&kinds[k]);
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0; j < count; j++) {
                verdicts[k][i][j] = pair_merges(&kinds[k], i, j, PBASE_SNAPSHOT_ISOLATION);
            }
        }
    }
}

static void the_order_of_the_two_does_not_matter(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t i = 0; i < operation_count(&kinds[k]); i++) {
            for (size_t j = 0; j < i; j++) {
                assert_int_equal(verdicts[k][i][j], verdicts[k][j][i]);
            }
        }
    }
}

/* A serializable transaction is refused at least where one at snapshot isolation is. */
static void what_conflicts_by_writes_conflicts_when_serializable_too(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t i = 0; i < operation_count(&kinds[k]); i++) {
            for (size_t j = 0; j < operation_count(&kinds[k]); j++) {
                bool merges = pair_merges(&kinds[k], i, j, PBASE_SERIALIZABLE);
                assert_true(verdicts[k][i][j] || !merges);
            }
        }
    }
}

/* Adding what is there and removing what is not change nothing: they read. */
static pbase_status add_there_after_remove(int32_t isolation)
{
    static const operation remove_a = {"remove a", set_remove, 1}, add_a = {"add a", set_add, 1};
    make_root("pair", PBASE_COLLECTION_SET);
    pbase_txn *one = begin_at(isolation), *two = begin_at(isolation);
    change_root(one, "pair", PBASE_COLLECTION_SET, &remove_a);
    change_root(two, "pair", PBASE_COLLECTION_SET, &add_a);
    assert_int_equal(
        pbase_txn_store_value(two, "written", &(pbase_value){.kind = PBASE_NULL}, NULL), PBASE_OK);
    must(fixture_commit(&one));
    return fixture_commit(&two);
}

/* Removing a key of a multi-dictionary takes the records it saw, and reads that there were no more. */
static pbase_status drop_key_after_add(int32_t isolation)
{
    static const operation add_s = {"add a: new s", multi_add, 11}, drop_a = {"", multi_drop, 1};
    make_root("pair", PBASE_COLLECTION_MULTI_DICT);
    pbase_txn *one = begin_at(isolation), *two = begin_at(isolation);
    change_root(one, "pair", PBASE_COLLECTION_MULTI_DICT, &add_s);
    change_root(two, "pair", PBASE_COLLECTION_MULTI_DICT, &drop_a);
    must(fixture_commit(&one));
    return fixture_commit(&two);
}

static void a_removed_key_of_a_multi_dictionary_takes_what_was_seen(void **unused)
{
    (void)unused;
    assert_int_equal(drop_key_after_add(PBASE_SERIALIZABLE), PBASE_CONFLICT);
    assert_int_equal(drop_key_after_add(PBASE_SNAPSHOT_ISOLATION), PBASE_OK);
    assert_int_equal(fixture_count(&f, "pair"), 3); /* new s, and those of the other keys */
}

static void what_changes_nothing_is_a_read(void **unused)
{
    (void)unused;
    assert_int_equal(add_there_after_remove(PBASE_SERIALIZABLE), PBASE_CONFLICT);
    assert_int_equal(add_there_after_remove(PBASE_SNAPSHOT_ISOLATION), PBASE_OK);
    assert_int_equal(fixture_count(&f, "pair"), 2);
}

/* ------------------------------------------------------------------------------------- table ---- */

#define PAGE PBASE_SOURCE_DIR "/docs/transactions.md"
#define TABLE_BEGIN "<!-- table: begin, written by core.txn.merge -->\n"
#define TABLE_END "<!-- table: end -->\n"

typedef struct {
    char text[16384];
    size_t used;
} page_text;

static void add(page_text *out, const char *before, const char *text, const char *after)
{
    int size = snprintf(out->text + out->used, sizeof out->text - out->used, "%s%s%s", before, text,
                        after);
    assert_true(size >= 0 && out->used + (size_t)size < sizeof out->text);
    out->used += (size_t)size;
}

static void format_kind(size_t k, page_text *out)
{
    size_t count = operation_count(&kinds[k]);
    add(out, k == 0 ? "| **" : "\n| **", kinds[k].name, "** |");
    for (size_t i = 0; i < count; i++) {
        add(out, " ", kinds[k].operations[i].name, " |");
    }
    add(out, "\n|---|", "", "");
    for (size_t i = 0; i < count; i++) {
        add(out, "---|", "", "");
    }
    add(out, "\n", "", "");
    for (size_t i = 0; i < count; i++) {
        add(out, "| ", kinds[k].operations[i].name, " |");
        for (size_t j = 0; j < count; j++) {
            add(out, " ", verdicts[k][i][j] ? "merge" : "**conflict**", " |");
        }
        add(out, "\n", "", "");
    }
}

static void read_page(char *out, size_t size)
{
    FILE *file = fopen(PAGE, "r");
    assert_non_null(file);
    out[fread(out, 1, size - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
}

static void the_table_in_the_manual_is_what_came_out(void **unused)
{
    (void)unused;
    static char page[65536], expected[65536];
    static page_text table;
    for (size_t k = 0; k < KINDS; k++) {
        format_kind(k, &table);
    }
    read_page(page, sizeof page);
    char *first = strstr(page, TABLE_BEGIN), *last = strstr(page, TABLE_END);
    assert_non_null(first);
    assert_non_null(last);
    first += strlen(TABLE_BEGIN);
    (void)snprintf(expected, sizeof expected, "%.*s%s%s", (int)(first - page), page, table.text,
                   last);
    if (strcmp(page, expected) != 0 && getenv("PBASE_WRITE_DOCS") != NULL) {
        FILE *file = fopen(PAGE, "w");
        assert_non_null(file);
        assert_true(fputs(expected, file) >= 0);
        assert_int_equal(fclose(file), 0);
    } else if (strcmp(page, expected) != 0) {
        fail_msg("docs/transactions.md is stale; run this test with PBASE_WRITE_DOCS=1:\n%s",
                 table.text);
    }
}

/* ------------------------------------------------------------------------------------- roots ---- */

/* Dropping or replacing a root against changing what it holds, in the order of commits given. */
static pbase_status drop_against_change(bool drop_first)
{
    make_root("pair", PBASE_COLLECTION_DICT);
    pbase_txn *change = begin_at(PBASE_SNAPSHOT_ISOLATION);
    pbase_txn *drop = begin_at(PBASE_SNAPSHOT_ISOLATION);
    change_root(change, "pair", PBASE_COLLECTION_DICT, &kinds[0].operations[0]);
    must(pbase_txn_drop_root(drop, "pair", NULL));
    must(fixture_commit(drop_first ? &drop : &change));
    return fixture_commit(drop_first ? &change : &drop);
}

static void a_change_of_a_collection_that_was_dropped_meanwhile_conflicts(void **unused)
{
    (void)unused;
    assert_int_equal(drop_against_change(true), PBASE_CONFLICT);
    assert_int_equal(fixture_count(&f, "pair"), 0);
}

static void a_drop_takes_along_what_was_changed_meanwhile(void **unused)
{
    (void)unused;
    assert_int_equal(drop_against_change(false), PBASE_OK); /* as one after the other */
    assert_int_equal(fixture_count(&f, "pair"), 0);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin_memory, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(merged_content_is_what_one_after_the_other_gives),
        SENTENCE(the_order_of_the_two_does_not_matter),
        SENTENCE(what_conflicts_by_writes_conflicts_when_serializable_too),
        SENTENCE(what_changes_nothing_is_a_read),
        SENTENCE(a_removed_key_of_a_multi_dictionary_takes_what_was_seen),
        cmocka_unit_test(the_table_in_the_manual_is_what_came_out),
        SENTENCE(a_change_of_a_collection_that_was_dropped_meanwhile_conflicts),
        SENTENCE(a_drop_takes_along_what_was_changed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
