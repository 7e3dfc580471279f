/* test_index_joins.c - joins that read one side by an index or by its keys: the same rows in the same
 * order as without, in snapshots and over a transaction's own changes; what explain says; conflicts
 * through look-ups; failing allocations and cancellation in the middle. */
#include "fault_alloc.h"
#include "fault_os.h"
#include "index_case.h"
#include "os/os.h"
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

static const char *ask(const char *text)
{
    return index_case_ask(&c, NULL, text, 0);
}

static void assert_explains(const char *text, const char *part)
{
    index_case_assert_explains(&c, text, part);
}

/* Runs it both ways; they must agree. */
static const char *ask_both(pbase_txn *txn, const char *text)
{
    const char *with = index_case_ask(&c, txn, text, 0);
    const char *without = index_case_ask(&c, txn, text, PBASE_RULE_INDEX);
    if (strcmp(with, without) != 0) {
        fail_msg("%s\n%s\ngives\n%s\nand without indexes\n%s", text, index_case_explain(&c, text),
                 with, without);
    }
    return with;
}

/* orders: {id, who, total}, `people` of them in turn; people: {id, name, city}. */
static void fill(int64_t orders, int64_t people)
{
    pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    char document[200];
    for (int64_t i = 0; i < orders; i++) {
        (void)snprintf(document, sizeof document, "{'id': %d, 'who': %d, 'total': %d}", (int)i,
                       (int)(i * 7 % people), (int)(i % 100));
        index_case_put_in(&c, txn, "orders", i, document);
    }
    for (int64_t i = 0; i < people; i++) {
        (void)snprintf(document, sizeof document, "{'id': %d, 'name': 'n%03d', 'city': 'c%d'}",
                       (int)i, (int)i, (int)(i % 20));
        index_case_put_in(&c, txn, "people", i, document);
    }
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

/* ------------------------------------------------------------------------------- what is used -- */

static void a_few_left_rows_look_up_their_right_rows(void **unused)
{
    (void)unused;
    fill(2000, 500);
    index_case_create(&c, "people", "by_id", "id");
    index_case_create(&c, "people", "by_city_id", "city,id");
    index_case_create(&c, "orders", "by_id", "id");
    static const char *const kinds[] = {"inner", "left", "semi", "anti"};
    for (size_t i = 0; i < 4; i++) {
        char text[200];
        (void)snprintf(text, sizeof text,
                       "from orders | where id < 5 | join %s people p on who = p.id", kinds[i]);
        assert_explains(text, "lookup join, keys who = p.id, right side by index by_id (id)");
        (void)ask_both(NULL, text);
    }
    assert_explains("from orders | where id < 5 | join people p on who = p.id",
                    "not by by_city_id: its first field is not joined");
    assert_explains("from orders | where id < 5 | join (from people | where city = 'c7') p on"
                    " who = p.id",
                    "right side by index by_city_id (city, id)");
    assert_string_equal(ask_both(NULL, "from orders | where id < 3 | join left people p on"
                                       " who = p.id and p.city = 'c7' | select { id, n: p.name }"),
                        "{\"id\": 0, \"n\": null} {\"id\": 1, \"n\": \"n007\"}"
                        " {\"id\": 2, \"n\": null}");
    pbase_value told = index_case_explained(
        &c, "from orders | where id < 5 | join people p on who = p.id", PBASE_EXPLAIN_JSON);
    assert_non_null(
        strstr(json_text(&told, &c.arena), "\"way\": \"look up\", \"index\": \"by_id\""));
}

static void a_composite_index_takes_keys_and_constants(void **unused)
{
    (void)unused;
    fill(2000, 500);
    index_case_create(&c, "people", "by_city_id", "city,id");
    index_case_create(&c, "people", "by_name_city_id", "name,city,id");
    static const char *const text = "from orders | limit 5 | join (from people | where city = 'c7')"
                                    " p on who = p.id | select { id, n: p.name }";
    assert_explains(text, "right side by index by_city_id (city, id)");
    assert_string_equal(ask_both(NULL, text), "{\"id\": 1, \"n\": \"n007\"}");
    assert_explains("from orders | limit 5 | extend { x: 'c7' } | join people p on p.city = x and"
                    " p.id = who",
                    "right side by index by_city_id (city, id)");
    assert_explains(
        "from orders | limit 5 | extend { x: 'c7' } | join people p on p.id = who",
        "hash join, right side built, keys who = p.id, right side not by keys: it has no"
        " index on its keys");
}

static void the_key_of_a_dictionary_needs_no_index(void **unused)
{
    (void)unused;
    fill(2000, 500);
    static const char *const text = "from orders | where id < 3 | join (from people key k) p on"
                                    " who = p.k | select { id, n: p.name }";
    assert_explains(text, "lookup join, keys who = p.k, right side by key");
    assert_string_equal(ask_both(NULL, text), "{\"id\": 0, \"n\": \"n000\"}"
                                              " {\"id\": 1, \"n\": \"n007\"}"
                                              " {\"id\": 2, \"n\": \"n014\"}");
    /* keys as they are spelled there, of values that equal them, and of what can be no key */
    index_case_put(&c, "odd", 1, "{'k': 3.0}");
    index_case_put(&c, "odd", 2, "{'k': {'a': 1}}");
    index_case_put(&c, "odd", 3, "{'k': null}");
    index_case_put(&c, "odd", 4, "{}");
    index_case_put(&c, "odd", 5, "{'k': -0.0}");
    assert_string_equal(ask_both(NULL, "from odd | limit 9 | join (from people key k) p on k = p.k"
                                       " | select { k: p.k, n: p.name }"),
                        "{\"k\": 3, \"n\": \"n003\"} {\"k\": 0, \"n\": \"n000\"}");
}

static void few_right_keys_narrow_the_left_side(void **unused)
{
    (void)unused;
    fill(3000, 500);
    index_case_create(&c, "orders", "by_who", "who");
    static const char *const text =
        "from orders | join (from people | where city = 'c3' and id < 60)"
        " p on who = p.id | select { id, who }";
    assert_explains(text, "hash join, right side built, keys who = p.id, left side by index by_who"
                          " (who) when the right one has at most");
    assert_string_equal(ask_both(NULL, "from orders | join (from people | where id = 3) p on"
                                       " who = p.id | limit 2 | select { id, who }"),
                        "{\"id\": 429, \"who\": 3} {\"id\": 929, \"who\": 3}");
    (void)ask_both(NULL, text);
    (void)ask_both(NULL, "from orders | join semi (from people | where city = 'c3') p on who = p.id"
                         " | count");
    (void)ask_both(NULL, "from orders | join right (from people | where id > 490) p on who = p.id");
    (void)ask_both(NULL, "from orders key k | where total > 5 | select { w: who, k }"
                         " | join (from people | where id < 4) p on w = p.id");
    assert_explains("from people key k | join (from orders | where total < 1) o on o.who = k",
                    "left side by key when the right one has at most");
    (void)ask_both(NULL, "from people key k | join (from orders | where id < 30) o on o.who = k");
}

static void explain_says_why_a_join_reads_both_sides(void **unused)
{
    (void)unused;
    fill(2000, 500);
    index_case_create(&c, "people", "by_id", "id");
    index_case_create(&c, "people", "by_name", "name");

    assert_explains(
        "from orders | join people p on who = p.id",
        "right side not by index by_id (id): costs more, not by by_name: none of its fields"
        " is joined, left side not by keys: it has no index on its keys");
    assert_explains("from orders | limit 3 | join right people p on who = p.id",
                    "right side not by keys: all its rows are asked for");
    assert_explains("from orders | limit 3 | join full people p on who = p.id",
                    "right side not by keys: all its rows are asked for");
    assert_explains("from orders | limit 3 | join (from people | order by name) p on who = p.id",
                    "right side not by keys: it is more than a filtered collection");
    assert_explains("from orders | limit 3 | join (from people | order by name) p on who = p.id",
                    "left side not by keys: it is more than a filtered collection");
    assert_explains("from orders | limit 3 | join people p on who + 1 = p.id",
                    "right side by index by_id (id)");
    assert_explains("from orders | limit 3 | join people p on who < p.id", "nested loop");
    assert_explains("from orders | where id = 3 | join people p on who = p.id",
                    "not by by_name: none of its fields is joined");
    assert_explains("from orders | where id = 3 | join people p on who = p.id", ", of building ");
}

/* A filter of which nothing is known passes more than was thought. */
static void looking_up_ends_where_building_is_cheaper(void **unused)
{
    (void)unused;
    fill(6000, 300);
    index_case_create(&c, "people", "by_id", "id");
    static const char *const text =
        "from orders | where total + 1 > 0 | join people p on who = p.id"
        " | group { n: count(), s: sum(p.id) }";
    assert_explains(text,
                    "lookup join, keys who = p.id, right side by index by_id (id) for the keys"
                    " of left rows, built behind about");
    assert_string_equal(ask_both(NULL, text), "{\"n\": 6000, \"s\": 897000}");
    for (uint32_t rows = 1; rows < 4000; rows *= 7) {
        c.options.chunk_rows = rows;
        (void)ask_both(NULL, text);
    }
}

/* ------------------------------------------------------------------------------- semantics ----- */

static void equality_is_that_of_on_whatever_reads(void **unused)
{
    (void)unused;
    static const char *const values[] = {"1",
                                         "1.0",
                                         "9007199254740993",
                                         "9007199254740992.0",
                                         "{'$float': 'nan'}",
                                         "-0.0",
                                         "0",
                                         "null",
                                         "true",
                                         "'a'",
                                         "'1'",
                                         "[1]",
                                         "[1.0]",
                                         "[null]",
                                         "{'a': 1}",
                                         "[[1]]",
                                         "{'$bytes': '61'}"};
    pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    char document[100], long_text[1500];
    for (size_t i = 0; i < 17; i++) {
        (void)snprintf(document, sizeof document, "{'v': %s, 'n': %zu}", values[i], i);
        index_case_put_in(&c, txn, "few", (int64_t)i, document);
        index_case_put_in(&c, txn, "many", (int64_t)i, document);
    }
    index_case_put_in(&c, txn, "few", 100, "{'n': 100}");
    index_case_put_in(&c, txn, "many", 100, "{'n': 100}");
    for (int i = 0; i < 3; i++) { /* alike in what an entry keeps */
        (void)snprintf(long_text, sizeof long_text, "{'v': '%0700d%d', 'n': %d}", 7, i / 2,
                       200 + i);
        index_case_put_in(&c, txn, "few", 200 + i, long_text);
        index_case_put_in(&c, txn, "many", 200 + i, long_text);
    }
    for (int64_t i = 1000; i < 3000; i++) {
        index_case_put_in(&c, txn, "many", i, "{'v': 'other'}");
    }
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    index_case_create(&c, "many", "by_v", "v");

    static const char *const kinds[] = {"inner", "left", "semi", "anti", "right"};
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(long_text, sizeof long_text,
                       "from few | join %s many m on v = m.v | select { n }", kinds[i]);
        const char *rows = ask_both(NULL, long_text);
        assert_null(strstr(rows, "failed"));
        (void)snprintf(long_text, sizeof long_text,
                       "from many | join %s few m on v = m.v | select { n }", kinds[i]);
        (void)ask_both(NULL, long_text);
    }
    assert_explains("from few | join many m on v = m.v", "lookup join");
    assert_string_equal(
        ask_both(NULL, "from few | join many m on v = m.v | where n in (0, 2, 4, 5, 7, 11, 200)"
                       " | select { a: n, b: m.n }"),
        "{\"a\": 0, \"b\": 0} {\"a\": 0, \"b\": 1} {\"a\": 2, \"b\": 2} {\"a\": 4, \"b\": 4}"
        " {\"a\": 5, \"b\": 5} {\"a\": 5, \"b\": 6} {\"a\": 11, \"b\": 11} {\"a\": 11, \"b\": 12}"
        " {\"a\": 200, \"b\": 200} {\"a\": 200, \"b\": 201}");
}

/* ------------------------------------------------------------------------------ differential --- */

static const char *const constants[] = {"0",    "1",     "2",   "-1",   "2.5",     "1.0",
                                        "true", "null",  "7",   "'a'",  "'ab'",    "''",
                                        "[1]",  "[1.0]", "3.0", "'k3'", "{'a': 1}"};

static const char *constant(seed_random *random)
{
    return constants[seed_below(random, sizeof constants / sizeof constants[0])];
}

static const char *random_document(seed_random *random)
{
    char text[400];
    size_t at = (size_t)snprintf(text, sizeof text, "{'n': %d", (int)seed_below(random, 40));
    if (seed_below(random, 20) == 0) {
        return "5";
    }
    if (seed_below(random, 10) > 0) {
        at += (size_t)snprintf(text + at, sizeof text - at, ", 'a': %s", constant(random));
    }
    if (seed_below(random, 4) > 0) {
        at += (size_t)snprintf(text + at, sizeof text - at, ", 'b': %d",
                               (int)seed_below(random, 200));
    }
    if (seed_below(random, 3) == 0) {
        at += (size_t)snprintf(text + at, sizeof text - at, ", 'tags': [%s, %s]", constant(random),
                               constant(random));
    }
    (void)snprintf(text + at, sizeof text - at, "}");
    return pbase_arena_text(&c.arena, pbase_bytes_text(text));
}

static const char *const roots[] = {"docs", "log", "hash", "tiny"};

static void put_hashed(pbase_txn *txn, int64_t key, const char *document)
{
    pbase_hash_dict *hash = NULL;
    if (pbase_txn_hash_dict(txn, "hash", &hash, NULL) != PBASE_OK) {
        assert_int_equal(pbase_txn_new_hash_dict(txn, &hash, NULL), PBASE_OK);
    }
    pbase_value k = pbase_value_int(key), v = json_value(document, &c.arena);
    assert_int_equal(pbase_hash_dict_put(&hash, &k, &v, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_hash_dict(txn, "hash", hash, NULL), PBASE_OK);
    pbase_hash_dict_close(hash);
}

static void append(pbase_txn *txn, const char *document)
{
    pbase_list *list = NULL;
    if (pbase_txn_list(txn, "log", &list, NULL) != PBASE_OK) {
        assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    }
    pbase_value v = json_value(document, &c.arena);
    assert_int_equal(pbase_list_append(&list, &v, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_list(txn, "log", list, NULL), PBASE_OK);
    pbase_list_close(list);
}

static void change_all(seed_random *random, pbase_txn *txn, unsigned changes)
{
    for (unsigned i = 0; i < changes; i++) {
        index_case_put_in(&c, txn, "docs", (int64_t)seed_below(random, 400),
                          random_document(random));
        put_hashed(txn, (int64_t)seed_below(random, 400), random_document(random));
        append(txn, random_document(random));
        if (i % 16 == 0) {
            index_case_put_in(&c, txn, "tiny", (int64_t)seed_below(random, 30),
                              random_document(random));
        }
    }
}

static void random_indexes(seed_random *random)
{
    static const char *const fields[] = {"a", "b,a", "n", "b", "a,b,n", "b,tags[*]", "tags", "n,b"};
    for (size_t i = 0; i < 8; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "i%zu", i);
        for (size_t r = 0; r < 3; r++) {
            pbase_status status = pbase_index_drop(c.space.database, roots[r], name, NULL, NULL);
            assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
        }
        index_case_create(&c, roots[seed_below(random, 3)], name, fields[i]);
    }
}

/* A side: a collection, filtered and reshaped now and then; its key field is k. */
static void random_side(seed_random *random, char *out, size_t size)
{
    static const char *const filters[] = {"",
                                          "",
                                          " | where b < 9",
                                          " | where a = 1",
                                          " | where n = 7 and b > 3",
                                          " | where b in (3, 4, 5)",
                                          " | where k < 40",
                                          " | where not (b > 60)"};
    static const char *const shapes[] = {"",
                                         "",
                                         "",
                                         " | extend { x: n }",
                                         " | select { k, n, b: b, a }",
                                         " | select { n: b, b: n, a, k, tags }",
                                         " | extend { b: b } | where n < 35",
                                         " | order by b",
                                         " | limit 20"};
    (void)snprintf(out, size, "from %s key k%s%s", roots[seed_below(random, 4)],
                   filters[seed_below(random, 8)], shapes[seed_below(random, 9)]);
}

static void random_join(seed_random *random, char *out, size_t size)
{
    static const char *const kinds[] = {"inner", "left", "right", "full", "semi", "anti"};
    static const char *const conditions[] = {"a = r.a",
                                             "b = r.b",
                                             "n = r.n",
                                             "k = r.k",
                                             "r.k = b",
                                             "b = r.k and a = r.a",
                                             "b = r.b and a = r.a",
                                             "r.b = b and n < r.n",
                                             "n + 1 = r.n",
                                             "n = r.b and r.n = 7",
                                             "tags = r.tags",
                                             "k = r.b and r.a = 1",
                                             "a = r.a and b = r.b and n = r.n",
                                             "tags[0] = r.a"};
    static const char *const ends[] = {
        "", "", " | limit 3", " | where n > 20", " | order by n, k | limit 10", " | count"};
    char left[300], right[300];
    random_side(random, left, sizeof left);
    random_side(random, right, sizeof right);
    (void)snprintf(out, size, "%s | join %s (%s) r on %s%s", left, kinds[seed_below(random, 6)],
                   right, conditions[seed_below(random, 14)], ends[seed_below(random, 6)]);
}

static void results_are_the_same_with_and_without_indexes(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("query.index_joins"));
    unsigned rounds = seed_is_long_run() ? 300 : 8, looked_up = 0, narrowed = 0, asked = 0;
    for (unsigned round = 0; round < rounds; round++) {
        pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
        change_all(&random, txn, 60);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        random_indexes(&random);
        txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
        change_all(&random, txn, 8);
        for (unsigned i = 0; i < 100; i++) {
            char text[900];
            random_join(&random, text, sizeof text);
            c.options.chunk_rows = (uint32_t[]){0, 1, 7, 50}[seed_below(&random, 4)];
            (void)ask_both(i % 3 == 0 ? txn : NULL, text);
            const char *told = index_case_explain(&c, text);
            looked_up += strstr(told, "lookup join") != NULL;
            narrowed += strstr(told, ", left side by ") != NULL;
            asked++;
        }
        pbase_txn_abort(&txn);
        pbase_arena_reset(&c.arena);
    }
    c.options.chunk_rows = 0;
    print_message("of %u joins %u looked up, %u may narrow\n", asked, looked_up, narrowed);
    assert_true(looked_up > asked / 20);
    assert_true(narrowed > asked / 50);
}

/* ------------------------------------------------------------------------------- transactions -- */

static const char *const few_orders = "from orders | where id < 3 | join (from people) p on"
                                      " who = p.id | select { id, n: p.name }";

static void a_transaction_joins_its_own_changes_through_the_index(void **unused)
{
    (void)unused;
    fill(2000, 500);
    index_case_create(&c, "people", "by_id", "id");
    pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    index_case_put_in(&c, txn, "people", 900, "{'id': 7, 'name': 'new'}");
    index_case_put_in(&c, txn, "people", 0, "{'id': -1, 'name': 'gone'}");
    assert_explains(few_orders, "lookup join");

    assert_string_equal(ask_both(txn, few_orders), "{\"id\": 1, \"n\": \"n007\"}"
                                                   " {\"id\": 1, \"n\": \"new\"}"
                                                   " {\"id\": 2, \"n\": \"n014\"}");
    assert_string_equal(ask(few_orders), "{\"id\": 0, \"n\": \"n000\"}"
                                         " {\"id\": 1, \"n\": \"n007\"}"
                                         " {\"id\": 2, \"n\": \"n014\"}");
    pbase_txn_abort(&txn);
}

/* Look-ups come late, when the transaction has gone on; what they read has not. */
static void a_result_shows_what_was_when_it_was_asked_for(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "from orders | where total + 1 > 0 | join people p on who = p.id | limit 60"
        " | select { id, n: p.name }",
        "from orders | where total + 1 > 0 | join (from people key k) p on who = p.k | limit 60"
        " | select { id, n: p.name }"};
    fill(300, 500);
    index_case_create(&c, "people", "by_id", "id");
    for (size_t i = 0; i < 2; i++) {
        pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
        const char *rows = index_case_ask(&c, txn, texts[i], PBASE_RULE_INDEX);
        pbase_query *query = NULL;
        pbase_result *result = NULL;
        pbase_value row;
        pbase_query_options options = {.struct_size = sizeof options, .chunk_rows = 5};
        assert_explains(texts[i], "lookup join");
        assert_int_equal(pbase_query_parse(NULL, pbase_bytes_text(texts[i]), &query, NULL),
                         PBASE_OK);
        assert_int_equal(pbase_query_run_in(query, txn, &options, &result, NULL), PBASE_OK);
        pbase_status status = pbase_result_next(result, &row, &c.error);
        for (unsigned n = 0; status == PBASE_OK; n++) {
            assert_non_null(strstr(rows, json_text(&row, &c.arena)));
            if (n == 0) {
                pbase_dict *people = fixture_dict(txn, "people");
                for (int64_t k = 0; k < 500; k += 2) {
                    pbase_value key = pbase_value_int(k);
                    assert_int_equal(pbase_dict_remove(&people, &key, NULL, NULL), PBASE_OK);
                }
                assert_int_equal(pbase_txn_store_dict(txn, "people", people, NULL), PBASE_OK);
                pbase_dict_close(people);
            }
            status = pbase_result_next(result, &row, &c.error);
            assert_true(status == PBASE_OK || n + 1 == 60);
        }
        assert_int_equal(status, PBASE_END);
        pbase_result_close(result);
        pbase_query_destroy(query);
        pbase_txn_abort(&txn);
    }
}

/* What a look-up found, or did not find, counts; what lies beside it does not. */
static void what_was_looked_up_counts_for_conflicts(void **unused)
{
    (void)unused;
    static const struct {
        int64_t key;
        const char *document;
        pbase_status status;
    } changes[] = {
        {600, "{'id': 7, 'name': 'more'}", PBASE_CONFLICT}, /* would have been found */
        {14, "{'id': 14, 'name': 'else'}", PBASE_CONFLICT}, /* was found; its entry stays */
        {601, "{'id': 300, 'name': 'far'}", PBASE_OK},
        {250, "{'id': 250, 'name': 'far'}", PBASE_OK},
    };
    fill(2000, 500);
    index_case_create(&c, "people", "by_id", "id");
    index_case_create(&c, "orders", "by_id", "id");
    for (size_t i = 0; i < 4; i++) {
        pbase_txn *reader = fixture_begin(&c.space, PBASE_SERIALIZABLE);
        (void)index_case_ask(&c, reader, few_orders, 0);
        index_case_put(&c, "people", changes[i].key, changes[i].document);
        index_case_put_in(&c, reader, "other", 1, "{}");
        assert_int_equal(fixture_commit(&reader), changes[i].status);
    }
}

static void a_key_that_was_looked_up_in_vain_counts_for_conflicts(void **unused)
{
    (void)unused;
    static const char *const text =
        "from orders | where id < 3 | join left (from people key k) p on id + 1000 = p.k | count";
    fill(2000, 500);
    index_case_create(&c, "orders", "by_id", "id");
    assert_explains(text, "right side by key");
    pbase_txn *reader = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    (void)index_case_ask(&c, reader, text, 0);
    index_case_put(&c, "people", 1001, "{}");
    index_case_put_in(&c, reader, "other", 1, "{}");
    assert_int_equal(fixture_commit(&reader), PBASE_CONFLICT);

    reader = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    (void)index_case_ask(&c, reader, text, 0);
    index_case_put(&c, "people", 2001, "{}");
    index_case_put_in(&c, reader, "other", 1, "{}");
    assert_int_equal(fixture_commit(&reader), PBASE_OK);
}

/* ---------------------------------------------------------------------------------- failures --- */

/* The text of every way, from parsing to the last row, on one allocator. */
static pbase_status run_on(const pbase_alloc *alloc, pbase_snapshot *snapshot, const char *text)
{
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_value row;
    pbase_query_options options = {.struct_size = sizeof options, .chunk_rows = 7};
    pbase_status status = pbase_query_parse(alloc, pbase_bytes_text(text), &query, NULL);
    if (status == PBASE_OK) {
        status = pbase_query_run(query, snapshot, &options, &result, NULL);
    }
    while (status == PBASE_OK) {
        status = pbase_result_next(result, &row, NULL);
    }
    pbase_result_close(result);
    pbase_query_destroy(query);
    return status;
}

static const char *const ways[] = {
    "from orders | where id < 40 | join people p on who = p.id",
    "from orders | where id < 40 | join semi (from people key k) p on who = p.k",
    "from orders | where total + 1 > 0 | join people p on who = p.id | limit 120",
    "from orders | join (from people | where city = 'c3') p on who = p.id",
};

static void every_failed_allocation_is_no_memory_and_leaks_nothing(void **unused)
{
    (void)unused;
    fill(150, 400);
    index_case_create(&c, "people", "by_id", "id");
    index_case_create(&c, "orders", "by_id", "id");
    index_case_create(&c, "orders", "by_who", "who");
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(c.space.database, &snapshot, NULL), PBASE_OK);
    fault_alloc fa;
    fault_alloc_init(&fa);
    for (size_t i = 0; i < 4; i++) {
        assert_explains(ways[i], i == 3 ? ", left side by index" : "lookup join");
        for (uint64_t n = 1;; n++) {
            fault_alloc_fail_at(&fa, n);
            pbase_status status = run_on(&fa.alloc, snapshot, ways[i]);
            assert_int_equal(fault_alloc_live_bytes(&fa), 0);
            if (!fault_alloc_has_failed(&fa)) {
                assert_int_equal(status, PBASE_END);
                assert_true(n > 30);
                break;
            }
            assert_int_equal(status, PBASE_NO_MEMORY);
        }
    }
    pbase_snapshot_close(snapshot);
}

/* In the collections and indexes below the query too. A failure that a background job has meets no
 * query. */
static void every_failed_allocation_of_the_space_is_no_memory(void **unused)
{
    (void)unused;
    fault_os faulty;
    fixture_end(&c.space);
    fault_os_init(&faulty, pbase_os_real());
    fixture_prepare(&c.space, NULL, &faulty.os);
    fixture_open(&c.space);
    fill(150, 400);
    index_case_create(&c, "people", "by_id", "id");
    index_case_create(&c, "orders", "by_who", "who");
    for (size_t i = 0; i < 4; i++) {
        bool has_failed = true;
        for (uint64_t n = 1; has_failed; n++) {
            pbase_snapshot *snapshot = NULL;
            fault_os_fail_at(&faulty, OS_CALL_MEMORY, n, PBASE_NO_MEMORY, false);
            pbase_status status = pbase_snapshot_open(c.space.database, &snapshot, NULL);
            status = status == PBASE_OK ? run_on(faulty.os.memory, snapshot, ways[i]) : status;
            pbase_snapshot_close(snapshot);
            has_failed = fault_os_has_failed(&faulty);
            assert_true(status == PBASE_END || (has_failed && status == PBASE_NO_MEMORY));
        }
    }
    fault_os_fail_at(&faulty, OS_CALL_MEMORY, 0, PBASE_OK, false);
    fixture_close(&c.space);
    fault_os_fini(&faulty);
    fixture_memory(&c.space); /* for the end */
}

static void a_join_cancelled_between_look_ups_ends(void **unused)
{
    (void)unused;
    static const char *const text = "from orders | where total + 1 > 0 | join left people p"
                                    " on who = p.id | select { id, n: p.name }";
    pbase_query *query = NULL;
    pbase_result *result = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_value row;
    uint32_t is_cancelled = 0;
    pbase_call call = {.deadline_ns = PBASE_NO_DEADLINE, .cancelled = &is_cancelled};
    pbase_query_options options = {.struct_size = sizeof options, .call = &call, .chunk_rows = 10};
    fill(2000, 3000);
    index_case_create(&c, "people", "by_id", "id");
    assert_explains(text, "lookup join");
    assert_int_equal(pbase_snapshot_open(c.space.database, &snapshot, NULL), PBASE_OK);
    assert_int_equal(pbase_query_parse(NULL, pbase_bytes_text(text), &query, NULL), PBASE_OK);
    assert_int_equal(pbase_query_run(query, snapshot, &options, &result, NULL), PBASE_OK);
    assert_int_equal(pbase_result_next(result, &row, NULL), PBASE_OK);
    is_cancelled = 1;
    pbase_status status = PBASE_OK;
    for (unsigned i = 0; i < 20 && status == PBASE_OK; i++) {
        status = pbase_result_next(result, &row, NULL);
    }
    assert_int_equal(status, PBASE_CANCELLED);
    pbase_result_close(result);
    pbase_query_destroy(query);
    pbase_snapshot_close(snapshot);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_few_left_rows_look_up_their_right_rows),
        T(a_composite_index_takes_keys_and_constants),
        T(the_key_of_a_dictionary_needs_no_index),
        T(few_right_keys_narrow_the_left_side),
        T(explain_says_why_a_join_reads_both_sides),
        T(looking_up_ends_where_building_is_cheaper),
        T(equality_is_that_of_on_whatever_reads),
        T(results_are_the_same_with_and_without_indexes),
        T(a_transaction_joins_its_own_changes_through_the_index),
        T(a_result_shows_what_was_when_it_was_asked_for),
        T(what_was_looked_up_counts_for_conflicts),
        T(a_key_that_was_looked_up_in_vain_counts_for_conflicts),
        T(every_failed_allocation_is_no_memory_and_leaks_nothing),
        T(every_failed_allocation_of_the_space_is_no_memory),
        T(a_join_cancelled_between_look_ups_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
