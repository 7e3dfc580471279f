/* test_nested.c - collections in rows: unnest goes through them, as the transaction or snapshot
 * sees them. */
#include "json_value.h"
#include "sim_os.h"
#include "space_fixture.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

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

static int end(void **unused)
{
    (void)unused;
    fixture_assert_clean(&f);
    fixture_end(&f);
    pbase_arena_fini(&arena);
    return 0;
}

/* ------------------------------------------------------------------------------------- steps ---- */

static pbase_status add_item(pbase_collection *into, const pbase_value *key,
                             const pbase_value *value)
{
    pbase_dict *dict = pbase_collection_dict(into);
    pbase_list *list = pbase_collection_list(into);
    pbase_set *set = pbase_collection_set(into);
    pbase_counted_set *counted = pbase_collection_counted_set(into);
    if (dict != NULL) {
        return pbase_dict_put(&dict, key, value, NULL, &err);
    }
    if (list != NULL) {
        return pbase_list_append(&list, value, &err);
    }
    return set != NULL ? pbase_set_add(&set, value, NULL, &err)
                       : pbase_counted_set_add(&counted, value, 2, NULL, &err);
}

static pbase_collection *new_collection(pbase_txn *txn, char kind)
{
    pbase_dict *dict = NULL;
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_counted_set *counted = NULL;
    switch (kind) {
    case 'd':
        assert_ok(pbase_txn_new_dict(txn, &dict, &err), &err);
        return (pbase_collection *)dict;
    case 'l':
        assert_ok(pbase_txn_new_list(txn, &list, &err), &err);
        return (pbase_collection *)list;
    case 's':
        assert_ok(pbase_txn_new_set(txn, &set, &err), &err);
        return (pbase_collection *)set;
    default:
        assert_ok(pbase_txn_new_counted_set(txn, &counted, &err), &err);
        return (pbase_collection *)counted;
    }
}

typedef struct {
    pbase_txn *txn;
    pbase_collection *handles[16]; /* to be closed when the document is put */
    size_t count;
} maker;

/* The value with a collection for each map of one field '~list', '~set', '~counted' or '~dict' in
 * it; that of a dict is its entries, of the others a list. */
static pbase_value made(maker *m, const pbase_value *value)
{
    pbase_value out = *value;
    if (value->kind == PBASE_LIST) {
        pbase_value *items = pbase_arena_array(&arena, value->as.list.count, sizeof *items);
        for (size_t i = 0; i < value->as.list.count; i++) {
            items[i] = made(m, &value->as.list.items[i]);
        }
        return pbase_value_list(items, value->as.list.count);
    }
    if (value->kind != PBASE_MAP) {
        return out;
    }
    pbase_field *fields = pbase_arena_array(&arena, value->as.map.count, sizeof *fields);
    for (size_t i = 0; i < value->as.map.count; i++) {
        fields[i].name = value->as.map.fields[i].name;
        fields[i].value = made(m, &value->as.map.fields[i].value);
    }
    out = pbase_value_map(fields, value->as.map.count);
    if (out.as.map.count != 1 || fields[0].name.data[0] != '~') {
        return out;
    }
    pbase_collection *handle = new_collection(m->txn, (char)fields[0].name.data[1]);
    bool is_map = fields[0].value.kind == PBASE_MAP;
    size_t count = is_map ? fields[0].value.as.map.count : fields[0].value.as.list.count;
    for (size_t i = 0; i < count; i++) {
        pbase_value key = is_map ? pbase_value_string(fields[0].value.as.map.fields[i].name)
                                 : pbase_value_int((int64_t)i);
        assert_ok(add_item(handle, &key,
                           is_map ? &fields[0].value.as.map.fields[i].value
                                  : &fields[0].value.as.list.items[i]),
                  &err);
    }
    m->handles[m->count++] = handle;
    return pbase_value_of_collection(handle);
}

static void put_in(pbase_txn *txn, const char *root, const char *key, const char *document)
{
    maker m = {.txn = txn};
    pbase_dict *dict = fixture_dict(txn, root);
    pbase_value k = pbase_value_text(key), v = json_value(document, &arena);
    v = made(&m, &v);
    assert_ok(pbase_dict_put(&dict, &k, &v, NULL, &err), &err);
    assert_ok(pbase_txn_store_dict(txn, root, dict, &err), &err);
    while (m.count > 0) {
        pbase_collection_close(m.handles[--m.count]);
    }
    pbase_dict_close(dict);
}

static void people(pbase_txn *txn)
{
    put_in(txn, "people", "ann",
           "{'name': 'Ann', 'tags': {'~set': ['red', 'blue']}, 'orders': {'~list': [{'t': 1},"
           " {'t': 2, 'lines': {'~dict': {'x': {'q': 5}, 'y': {'q': 7}}}}]}}");
    put_in(txn, "people", "bob", "{'name': 'Bob', 'tags': ['green'], 'orders': {'~list': []}}");
    put_in(txn, "people", "cy", "{'name': 'Cy', 'orders': null}");
}

static void add_people(void)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    people(txn);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

static const char *rows_of(pbase_result *result)
{
    pbase_buffer text;
    pbase_value row;
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = pbase_result_next(result, &row, &err);
    while (status == PBASE_OK) {
        assert_int_equal(pbase_buffer_append_text(&text, NULL, "%s%s", text.size > 0 ? " " : "",
                                                  json_text(&row, &arena)),
                         PBASE_OK);
        status = pbase_result_next(result, &row, &err);
    }
    if (status != PBASE_END) {
        assert_int_equal(pbase_buffer_append_text(&text, NULL, "failed: %s %s",
                                                  pbase_status_name(status), err.message),
                         PBASE_OK);
    }
    const char *out = pbase_arena_text(&arena, pbase_buffer_view(&text));
    pbase_buffer_fini(&text);
    pbase_result_close(result);
    return out;
}

/* The rows of a query as JSON: in the transaction, or, when it is NULL, in a snapshot. */
static const char *ask(pbase_txn *txn, const char *text)
{
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_snapshot *snapshot = NULL;
    assert_ok(pbase_query_parse(NULL, pbase_bytes_text(text), &query, &err), &err);
    if (txn != NULL) {
        assert_ok(pbase_query_run_in(query, txn, NULL, &result, &err), &err);
    } else {
        assert_int_equal(pbase_snapshot_open(f.database, &snapshot, NULL), PBASE_OK);
        assert_ok(pbase_query_run(query, snapshot, NULL, &result, &err), &err);
    }
    const char *rows = rows_of(result);
    pbase_snapshot_close(snapshot);
    pbase_query_destroy(query);
    return rows;
}

/* Adds an element to the set that is ann's tags. */
static void add_tag(pbase_txn *txn, const char *tag)
{
    const pbase_value path[] = {pbase_value_text("ann"), pbase_value_text("tags")};
    pbase_value element = pbase_value_text(tag);
    pbase_collection *found = NULL;
    assert_ok(pbase_txn_at(txn, "people", path, 2, &found, &err), &err);
    pbase_set *tags = pbase_collection_set(found);
    assert_ok(pbase_set_add(&tags, &element, NULL, &err), &err);
    assert_ok(pbase_txn_store_at(txn, "people", path, 2, pbase_set_as_collection(tags), &err),
              &err);
    pbase_collection_close(found);
}

/* ------------------------------------------------------------------------------------- tests ---- */

static void unnest_goes_through_a_collection_in_a_document(void **unused)
{
    (void)unused;
    add_people();
    assert_string_equal(ask(NULL, "from people | unnest tags as t | select name, t"),
                        "{\"name\": \"Ann\", \"t\": \"blue\"} {\"name\": \"Ann\", \"t\": \"red\"}"
                        " {\"name\": \"Bob\", \"t\": \"green\"}");
    assert_string_equal(ask(NULL, "from people | where name = 'Ann' | unnest orders | select "
                                  "orders.t | order by t desc | limit 1"),
                        "{\"t\": 2}");
}

static void an_empty_one_gives_no_row_or_null_if_outer(void **unused)
{
    (void)unused;
    add_people();
    assert_string_equal(ask(NULL, "from people | unnest outer orders as o | select name, o.t"),
                        "{\"name\": \"Ann\", \"t\": 1} {\"name\": \"Ann\", \"t\": 2}"
                        " {\"name\": \"Bob\", \"t\": null} {\"name\": \"Cy\", \"t\": null}");
    assert_string_equal(ask(NULL, "from people | unnest orders as o | count"), "{\"count\": 2}");
}

static void collections_in_collections_are_gone_through_step_by_step(void **unused)
{
    (void)unused;
    add_people();
    assert_string_equal(ask(NULL, "from people | unnest orders as o | unnest o.lines as l"
                                  " | select name, t: o.t, l.q"),
                        "{\"name\": \"Ann\", \"t\": 2, \"q\": 5} {\"name\": \"Ann\", \"t\": 2,"
                        " \"q\": 7}");
    assert_string_equal(/* rows are kept and copied on the way */
                        ask(NULL,
                            "from people key k | order by name desc | join people p on p.name = "
                            "name"
                            " | unnest p.orders as o | order by o.t desc | unnest o.lines as l"
                            " | group by k { q: sum(l.q) }"),
                        "{\"k\": \"ann\", \"q\": 12}");
}

static void an_entry_that_is_a_collection_gives_what_from_gives_of_it(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    put_in(txn, "all", "a", "{'~list': [3, 1]}");
    put_in(txn, "all", "b", "{'~set': [5, 4]}");
    put_in(txn, "all", "c", "{'~counted': ['u']}");
    put_in(txn, "all", "d", "{'~dict': {'k': 8}}");
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_string_equal(ask(NULL, "from all as one key k | unnest one as x | select k, x"),
                        "{\"k\": \"a\", \"x\": 3} {\"k\": \"a\", \"x\": 1} {\"k\": \"b\", \"x\": 4}"
                        " {\"k\": \"b\", \"x\": 5} {\"k\": \"c\", \"x\": {\"value\": \"u\","
                        " \"count\": 2}} {\"k\": \"d\", \"x\": 8}");
}

static void the_content_of_a_blob_has_no_rows(void **unused)
{
    (void)unused;
    pbase_blob *blob = NULL;
    pbase_value document, key = pbase_value_text("b");
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "files");
    assert_ok(pbase_blob_create(txn, "b.txt", "text/plain", &blob, &err), &err);
    assert_ok(pbase_blob_append(blob, pbase_bytes_text("hello"), &err), &err);
    assert_ok(pbase_blob_value(blob, &document, &err), &err);
    assert_ok(pbase_dict_put(&dict, &key, &document, NULL, &err), &err);
    assert_ok(pbase_txn_store_dict(txn, "files", dict, &err), &err);
    pbase_dict_close(dict);
    pbase_blob_close(blob);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_string_equal(ask(NULL, "from files | unnest content as c | select c"),
                        "failed: INVALID step 2 (unnest): the content of a blob has no rows");
}

static void a_transaction_sees_its_own_changes_in_them(void **unused)
{
    (void)unused;
    static const char *const tags = "from people | unnest tags as t | select t | order by t";
    add_people();
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    add_tag(txn, "pink");
    put_in(txn, "people", "dee",
           "{'tags': {'~set': ['x']}, 'orders': {'~list': [{'lines': {'~dict': {'z': 1}}}]}}");
    assert_string_equal(ask(txn, tags), "{\"t\": \"blue\"} {\"t\": \"green\"} {\"t\": \"pink\"}"
                                        " {\"t\": \"red\"} {\"t\": \"x\"}");
    assert_string_equal(ask(txn, "from people | unnest orders as o | unnest o.lines as l"
                                 " | select l"),
                        "{\"l\": {\"q\": 5}} {\"l\": {\"q\": 7}} {\"l\": 1}");
    assert_string_equal(ask(NULL, tags), "{\"t\": \"blue\"} {\"t\": \"green\"} {\"t\": \"red\"}");
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_string_equal(ask(NULL, "from people | unnest tags as t | count"), "{\"count\": 5}");
}

/* Whether a transaction that asked `text` conflicts with one that tags ann meanwhile. */
static pbase_status commit_against_a_tag(const char *text)
{
    pbase_txn *reader = fixture_begin(&f, PBASE_SERIALIZABLE);
    (void)ask(reader, text);
    pbase_txn *writer = fixture_begin(&f, PBASE_SERIALIZABLE);
    add_tag(writer, text);
    assert_int_equal(fixture_commit(&writer), PBASE_OK);
    put_in(reader, "other", "k", "1");
    return fixture_commit(&reader);
}

static void what_was_read_in_them_counts_for_conflicts_and_nothing_else(void **unused)
{
    (void)unused;
    add_people();
    assert_int_equal(commit_against_a_tag("from people | unnest tags as t | count"),
                     PBASE_CONFLICT);
    assert_int_equal(commit_against_a_tag("from people | unnest orders as o | count"), PBASE_OK);
}

static void many_elements_come_chunk_by_chunk(void **unused)
{
    (void)unused;
    const int64_t count = 10000;
    pbase_value key = pbase_value_text("k");
    pbase_list *list = NULL;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(txn, "long");
    assert_ok(pbase_txn_new_list(txn, &list, &err), &err);
    for (int64_t i = 0; i < count; i++) {
        pbase_value element = pbase_value_int(i);
        assert_ok(pbase_list_append(&list, &element, &err), &err);
    }
    pbase_value document = pbase_value_of_list(list);
    assert_ok(pbase_dict_put(&dict, &key, &document, NULL, &err), &err);
    assert_ok(pbase_txn_store_dict(txn, "long", dict, &err), &err);
    pbase_list_close(list);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_string_equal(
        ask(NULL, "from long as d | unnest d as n | group { c: count(), s: sum(n) }"),
        "{\"c\": 10000, \"s\": 49995000}");
    assert_string_equal(
        ask(NULL, "from long as d | unnest d as n | offset 4999 | limit 1 | select n"),
        "{\"n\": 4999}");
}

static void every_failed_allocation_is_no_memory_and_leaks_nothing(void **unused)
{
    (void)unused;
    sim_os *sim = sim_os_create(1);
    space_fixture before = f;
    pbase_query *query = NULL;
    pbase_arena_init(&arena, pbase_alloc_default());
    fixture_prepare(&f, "/space", sim_os_interface(sim));
    fixture_open(&f);
    assert_ok(pbase_query_parse(NULL,
                                pbase_bytes_text("from people | unnest outer orders as o"
                                                 " | unnest o.lines as l | select name, l.q"),
                                &query, &err),
              &err);
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE);
    people(txn);
    bool failed = true;
    uint64_t n = 1;
    for (; failed; n++) {
        pbase_result *result = NULL;
        pbase_value row;
        uint64_t calls = sim_os_calls(sim, OS_CALL_MEMORY);
        sim_os_fail_at(sim, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, false);
        pbase_status status = pbase_query_run_in(query, txn, NULL, &result, &err);
        while (status == PBASE_OK) {
            status = pbase_result_next(result, &row, &err);
        }
        pbase_result_close(result);
        sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
        failed = sim_os_calls(sim, OS_CALL_MEMORY) - calls >= n;
        assert_int_equal(status, failed ? PBASE_NO_MEMORY : PBASE_END);
    }
    print_message("%" PRIu64 " allocations\n", n - 2);
    assert_true(n > 10);
    pbase_query_destroy(query);
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    fixture_assert_clean(&f);
    fixture_close(&f);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
    pbase_arena_fini(&arena);
    f = before;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(unnest_goes_through_a_collection_in_a_document),
        T(an_empty_one_gives_no_row_or_null_if_outer),
        T(collections_in_collections_are_gone_through_step_by_step),
        T(an_entry_that_is_a_collection_gives_what_from_gives_of_it),
        T(the_content_of_a_blob_has_no_rows),
        T(a_transaction_sees_its_own_changes_in_them),
        T(what_was_read_in_them_counts_for_conflicts_and_nothing_else),
        T(many_elements_come_chunk_by_chunk),
        cmocka_unit_test(every_failed_allocation_is_no_memory_and_leaks_nothing),
    };
#undef T
    return cmocka_run_group_tests_name("query.nested", tests, NULL, NULL);
}
