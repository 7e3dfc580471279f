/* test_indexes.c - queries that read by an index: the same rows in the same order as without, in
 * snapshots and over a transaction's own changes; what explain says; conflicts through ranges. */
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

static void fill(const char *root, int64_t count)
{
    pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    for (int64_t i = 0; i < count; i++) {
        char document[200];
        (void)snprintf(document, sizeof document,
                       "{'a': %d, 'b': %d, 'name': 'n%03d', 'tags': ['t%d', 't%d']}", (int)(i % 50),
                       (int)(i % 7), (int)(i * 37 % 1000), (int)(i % 11), (int)(i % 13));
        index_case_put_in(&c, txn, root, i, document);
    }
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
}

/* -------------------------------------------------------------------------------- what is used -- */

static void a_selective_comparison_reads_by_the_index(void **unused)
{
    (void)unused;
    fill("docs", 1000);
    index_case_create(&c, "docs", "by_a", "a");
    index_case_create(&c, "docs", "by_name", "name");
    index_case_create(&c, "docs", "by_b_a", "b,a");
    index_case_create(&c, "docs", "by_tag", "tags[*]");

    index_case_assert_explains(&c, "from docs | where a = 7",
                               "by index by_a (a), 1 range of 1 field, 20 entries");
    index_case_assert_explains(&c, "from docs | where a in (1, 2, null)",
                               "2 ranges of 1 field, 40 entries");
    index_case_assert_explains(&c, "from docs | where name >= 'n990'",
                               "by index by_name (name), 1 range");
    index_case_assert_explains(&c, "from docs | where name like 'n99%'",
                               "by index by_name (name), 1 range");
    index_case_assert_explains(&c, "from docs | where starts_with(name, 'n99')",
                               "by index by_name");
    index_case_assert_explains(&c, "from docs | where b = 3 and a between 7 and 8",
                               "by index by_b_a (b, a), 1 range of 2 fields");
    index_case_assert_explains(&c, "from docs | where contains(tags, 't12')",
                               "by index by_tag (tags[*]), 2 ranges");
    index_case_assert_explains(&c, "from docs as d | where d.a = 7 | select d.name",
                               "by index by_a");
    index_case_assert_explains(&c, "from docs | order by name | limit 3",
                               "by index by_name (name), 1 range of 0");
    index_case_assert_explains(&c, "from docs | order by name desc | limit 3",
                               "in its order backwards");
    index_case_assert_explains(&c, "from docs | where b = 2 | order by a | limit 5",
                               "by index by_b_a (b, a), 1 range of 1 field");
}

static void explain_says_why_an_index_is_not_used(void **unused)
{
    (void)unused;
    fill("docs", 1000);
    index_case_create(&c, "docs", "by_a", "a");
    index_case_create(&c, "docs", "by_b_a", "b,a");

    index_case_assert_explains(
        &c, "from docs | where a >= 0",
        "not by by_a: reading the collection is cheaper (100 % of the rows)");
    index_case_assert_explains(&c, "from docs | where a = 7",
                               "not by by_b_a: its first field is not compared");
    index_case_assert_explains(&c, "from docs | where a + 1 = 7",
                               "not by by_a: the comparison of its first field "
                               "is not one that an index has");
    index_case_assert_explains(&c, "from docs | where name = 'x'",
                               "not by by_a: none of its fields is compared");
    index_case_assert_explains(&c, "from docs | where b = 1 and a = 7",
                               "not by by_a: another index is cheaper (2 % of the rows)");
    index_case_assert_explains(&c, "from docs | order by b | limit 2",
                               "not by by_b_a: the order is not that of all its fields");
    pbase_value told = index_case_explained(&c, "from docs | where a = 7", PBASE_EXPLAIN_JSON);
    assert_non_null(strstr(json_text(&told, &c.arena), "\"index\": \"by_a\""));
    assert_non_null(strstr(json_text(&told, &c.arena), "\"unused\": [{\"index\": \"by_b_a\""));
}

static void rows_come_in_the_order_of_the_collection_or_of_the_sort(void **unused)
{
    (void)unused;
    index_case_put(&c, "docs", 3, "{'a': 1, 'n': 3}");
    index_case_put(&c, "docs", 1, "{'a': 2, 'n': 1}");
    index_case_put(&c, "docs", 2, "{'a': 1, 'n': 2}");
    index_case_put(&c, "docs", 4, "{'n': 4}");
    index_case_put(&c, "docs", 5, "{'a': '1', 'n': 5}");
    index_case_create(&c, "docs", "by_a", "a");
    for (int64_t i = 10; i < 200; i++) {
        index_case_put(&c, "docs", i, "{'a': 77, 'n': 0}");
    }

    assert_string_equal(index_case_ask(&c, NULL, "from docs | where a in (2, 1) | select n", 0),
                        "{\"n\": 1} {\"n\": 2} {\"n\": 3}");
    assert_string_equal(index_case_ask(&c, NULL, "from docs | order by a | limit 4 | select n", 0),
                        "{\"n\": 4} {\"n\": 2} {\"n\": 3} {\"n\": 1}");
    assert_string_equal(
        index_case_ask(&c, NULL, "from docs | order by a desc | limit 3 | select n", 0),
        "{\"n\": 5} {\"n\": 0} {\"n\": 0}");
    assert_string_equal(index_case_ask(&c, NULL, "from docs key k | where a = 1 | select k", 0),
                        "{\"k\": 2} {\"k\": 3}");
    assert_string_equal(index_case_ask(&c, NULL, "from docs | where a is null | select n", 0),
                        "{\"n\": 4}");
    assert_string_equal(index_case_ask(&c, NULL, "from docs | where a < 2 | count", 0),
                        "{\"count\": 2}");
}

/* -------------------------------------------------------------------------------- differential -- */

static const char *const constants[] = {"0",    "1",    "2",     "-1",   "2.5",  "1.0",
                                        "true", "null", "false", "'a'",  "'ab'", "'b'",
                                        "''",   "7",    "9",     "'a%'", "'c'",  "'ab_'"};

static const char *constant(seed_random *random)
{
    return constants[seed_below(random, sizeof constants / sizeof constants[0])];
}

static void random_value_text(seed_random *random, char *out, size_t size)
{
    static const char *const others[] = {"[]", "['a', 'b']", "[1, 'ab', 1]", "{'b': 1}", "[[1]]"};
    (void)snprintf(out, size, "%s",
                   seed_below(random, 6) == 0 ? others[seed_below(random, 5)] : constant(random));
}

static const char *random_document(seed_random *random)
{
    char text[2500], parts[4][32];
    for (int i = 0; i < 4; i++) {
        random_value_text(random, parts[i], sizeof parts[i]);
    }
    if (seed_below(random, 12) == 0) {
        return seed_below(random, 2) == 0 ? "{'b': 1}" : "5";
    }
    if (seed_below(random, 25) == 0) {
        (void)snprintf(text, sizeof text, "{'a': '%s%0600d', 'b': %s}", "ab",
                       (int)seed_below(random, 3), parts[0]);
    } else {
        (void)snprintf(text, sizeof text, "{'a': %s, 'b': %s, 'tags': [%s, %s], 'n': %d}", parts[0],
                       parts[1], parts[2], parts[3], (int)seed_below(random, 100));
    }
    return pbase_arena_text(&c.arena, pbase_bytes_text(text));
}

static void random_term(seed_random *random, char *out, size_t size)
{
    static const char *const compare[] = {"=", "<", "<=", ">", ">=", "<=>", "<>"};
    static const char *const fields[] = {"a", "b", "n", "tags"};
    const char *field = fields[seed_below(random, 4)];
    switch (seed_below(random, 9)) {
    case 0:
        (void)snprintf(out, size, "%s in (%s, %s, %s)", field, constant(random), constant(random),
                       constant(random));
        break;
    case 1:
        (void)snprintf(out, size, "%s between %s and %s", field, constant(random),
                       constant(random));
        break;
    case 2:
        (void)snprintf(out, size, "contains(tags, %s)", constant(random));
        break;
    case 3:
        (void)snprintf(out, size, "%s like %s", field, constant(random));
        break;
    case 4:
        (void)snprintf(out, size, "starts_with(%s, %s)", field, constant(random));
        break;
    case 5:
        (void)snprintf(out, size, "%s is%s null", field, seed_below(random, 2) == 0 ? "" : " not");
        break;
    case 6:
        (void)snprintf(out, size, "%s %s %s", constant(random), compare[seed_below(random, 7)],
                       field);
        break;
    default:
        (void)snprintf(out, size, "%s %s %s", field, compare[seed_below(random, 7)],
                       constant(random));
        break;
    }
}

static void random_query(seed_random *random, const char *root, char *out, size_t size)
{
    static const char *const orders[] = {" | order by a",
                                         " | order by b desc, a desc",
                                         " | order by b, a",
                                         " | order by n desc",
                                         " | order by a desc",
                                         " | order by a nulls last",
                                         " | order by n | offset 2",
                                         " | order by b, a desc"};
    char terms[3][120];
    size_t count = seed_below(random, 4), at = 0;
    at += (size_t)snprintf(out + at, size - at, "from %s%s", root,
                           seed_below(random, 5) == 0 ? " key id" : "");
    for (size_t i = 0; i < count; i++) {
        random_term(random, terms[i], sizeof terms[i]);
        at +=
            (size_t)snprintf(out + at, size - at, "%s%s", i == 0 ? " | where " : " and ", terms[i]);
    }
    if (seed_below(random, 2) == 0) {
        at += (size_t)snprintf(out + at, size - at, "%s", orders[seed_below(random, 8)]);
    }
    if (seed_below(random, 3) == 0) {
        at += (size_t)snprintf(out + at, size - at, " | limit %d", (int)seed_below(random, 6));
    }
    if (seed_below(random, 8) == 0) {
        (void)snprintf(out + at, size - at, " | count");
    }
}

static void drop_if_there(const char *root, const char *name)
{
    pbase_status status = pbase_index_drop(c.space.database, root, name, NULL, NULL);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
}

static const char *const roots[] = {"docs", "log", "hash"};

static void random_indexes(seed_random *random)
{
    static const char *const fields[] = {"a", "b,a", "tags[*]", "n", "b,tags[*]", "a,b,n", "tags"};
    for (size_t i = 0; i < 7; i++) {
        char name[8];
        const char *root = roots[seed_below(random, 3)];
        (void)snprintf(name, sizeof name, "i%zu", i);
        drop_if_there("docs", name);
        drop_if_there("log", name);
        drop_if_there("hash", name);
        if (seed_below(random, 3) > 0) {
            index_case_create(&c, root, name, fields[i]);
        }
    }
}

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

static void change_both(seed_random *random, pbase_txn *txn, unsigned changes)
{
    pbase_list *list = NULL;
    if (pbase_txn_list(txn, "log", &list, NULL) != PBASE_OK) {
        assert_int_equal(pbase_txn_new_list(txn, &list, NULL), PBASE_OK);
    }
    for (unsigned i = 0; i < changes; i++) {
        uint64_t count = 0;
        pbase_value value = json_value(random_document(random), &c.arena);
        index_case_put_in(&c, txn, "docs", (int64_t)seed_below(random, 400),
                          random_document(random));
        put_hashed(txn, (int64_t)seed_below(random, 400), random_document(random));
        assert_int_equal(pbase_list_count(list, &count, NULL), PBASE_OK);
        if (count < 300 || seed_below(random, 2) == 0) {
            assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
        } else {
            assert_int_equal(
                pbase_list_remove(&list, (int64_t)seed_below(random, count), NULL, NULL), PBASE_OK);
        }
    }
    assert_int_equal(pbase_txn_store_list(txn, "log", list, NULL), PBASE_OK);
    pbase_list_close(list);
}

static bool uses_index(const char *text)
{
    return strstr(index_case_explain(&c, text), "by index ") != NULL;
}

static void results_are_the_same_with_and_without_indexes(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("query.indexes"));
    unsigned rounds = seed_is_long_run() ? 400 : 12, used = 0, asked = 0;
    for (unsigned round = 0; round < rounds; round++) {
        pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
        change_both(&random, txn, 100);
        assert_int_equal(fixture_commit(&txn), PBASE_OK);
        random_indexes(&random);
        txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
        change_both(&random, txn, 10);
        for (unsigned i = 0; i < 150; i++) {
            char text[600];
            random_query(&random, roots[seed_below(&random, 3)], text, sizeof text);
            pbase_txn *within = i % 3 == 0 ? txn : NULL;
            const char *with = index_case_ask(&c, within, text, 0);
            const char *without = index_case_ask(&c, within, text, PBASE_RULE_INDEX);
            if (strcmp(with, without) != 0) {
                fail_msg("%s\n%s\ngives\n%s\nand without indexes\n%s", text,
                         index_case_explain(&c, text), with, without);
            }
            used += uses_index(text);
            asked++;
        }
        pbase_txn_abort(&txn);
        pbase_arena_reset(&c.arena);
    }
    print_message("%u of %u queries read by an index\n", used, asked);
    assert_true(used > asked / 10);
}

/* ------------------------------------------------------------------------------- transactions --- */

static void a_transaction_sees_its_own_changes_through_the_index(void **unused)
{
    (void)unused;
    fill("docs", 500);
    index_case_create(&c, "docs", "by_a", "a");
    pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    index_case_put_in(&c, txn, "docs", 7, "{'a': 1000, 'n': 1}");
    index_case_put_in(&c, txn, "docs", 900, "{'a': 1000, 'n': 2}");

    assert_string_equal(index_case_ask(&c, txn, "from docs | where a = 1000 | select n", 0),
                        "{\"n\": 1} {\"n\": 2}");
    assert_string_equal(index_case_ask(&c, txn, "from docs | where a = 7 | count", 0),
                        "{\"count\": 9}");
    assert_string_equal(index_case_ask(&c, NULL, "from docs | where a = 1000 | count", 0),
                        "{\"count\": 0}");
    pbase_txn_abort(&txn);
}

/* Each reads what the other writes; both cannot be right. */
static void write_skew_through_an_index_is_a_conflict(void **unused)
{
    (void)unused;
    fill("docs", 500);
    index_case_create(&c, "docs", "by_a", "a");
    pbase_txn *first = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    pbase_txn *second = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    assert_string_equal(index_case_ask(&c, first, "from docs | where a = 100 | count", 0),
                        "{\"count\": 0}");
    assert_string_equal(index_case_ask(&c, second, "from docs | where a = 100 | count", 0),
                        "{\"count\": 0}");
    index_case_put_in(&c, first, "docs", 1001, "{'a': 100}");
    index_case_put_in(&c, second, "docs", 1002, "{'a': 100}");

    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_CONFLICT);
}

static void what_lies_outside_the_range_is_no_conflict(void **unused)
{
    (void)unused;
    fill("docs", 500);
    index_case_create(&c, "docs", "by_a", "a");
    index_case_create(&c, "docs", "by_name", "name");
    pbase_txn *first = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    pbase_txn *second = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    (void)index_case_ask(&c, first, "from docs | where a = 100", 0);
    (void)index_case_ask(&c, second, "from docs | where a = 200", 0);
    index_case_put_in(&c, first, "docs", 1001, "{'a': 101}");
    index_case_put_in(&c, second, "docs", 1002, "{'a': 201}");

    assert_int_equal(fixture_commit(&first), PBASE_OK);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
}

static void a_row_that_was_read_by_the_index_and_changes_is_a_conflict(void **unused)
{
    (void)unused;
    fill("docs", 500);
    index_case_create(&c, "docs", "by_a", "a");
    pbase_txn *reader = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    (void)index_case_ask(&c, reader, "from docs | where a = 7 | select b", 0);
    index_case_put(&c, "docs", 7, "{'a': 7, 'b': 1000}"); /* its entry stays */
    index_case_put_in(&c, reader, "docs", 1001, "{'a': 1}");
    assert_int_equal(fixture_commit(&reader), PBASE_CONFLICT);

    reader = fixture_begin(&c.space, PBASE_SERIALIZABLE); /* the first few in order */
    (void)index_case_ask(&c, reader, "from docs | order by a desc | limit 2", 0);
    index_case_put(&c, "docs", 600, "{'a': 1000}"); /* above them all */
    index_case_put_in(&c, reader, "docs", 1001, "{'a': 1}");
    assert_int_equal(fixture_commit(&reader), PBASE_CONFLICT);

    reader = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    (void)index_case_ask(&c, reader, "from docs | order by a desc | limit 2", 0);
    index_case_put(&c, "docs", 601, "{'a': 3}"); /* far below */
    index_case_put_in(&c, reader, "docs", 1001, "{'a': 1}");
    assert_int_equal(fixture_commit(&reader), PBASE_OK);
}

/* Ranges of an index that is gone cannot tell of writers that came after. */
static void a_reader_of_an_index_that_is_dropped_conflicts(void **unused)
{
    (void)unused;
    fill("docs", 500);
    index_case_create(&c, "docs", "by_a", "a");
    pbase_txn *reader = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    (void)index_case_ask(&c, reader, "from docs | where a = 100", 0);
    assert_int_equal(pbase_index_drop(c.space.database, "docs", "by_a", NULL, NULL), PBASE_OK);
    index_case_put(&c, "docs", 600, "{'a': 100}");
    index_case_put_in(&c, reader, "docs", 1001, "{'a': 1}");
    assert_int_equal(fixture_commit(&reader), PBASE_CONFLICT);
}

/* A version that could not be committed is read without the index. */
static void a_unique_key_taken_twice_does_not_disturb_reading(void **unused)
{
    (void)unused;
    static const char *const fields[] = {"n"};
    pbase_index_options options = {
        .struct_size = sizeof options, .unique = true, .fields = fields, .field_count = 1};
    index_case_put(&c, "docs", 1, "{'n': 1}");
    assert_int_equal(pbase_index_create(c.space.database, "docs", "by_n", &options, NULL, NULL),
                     PBASE_OK);
    pbase_txn *txn = fixture_begin(&c.space, PBASE_SERIALIZABLE);
    index_case_put_in(&c, txn, "docs", 2, "{'n': 1}");
    assert_string_equal(index_case_ask(&c, txn, "from docs | where n = 1 | count", 0),
                        "{\"count\": 2}");
    assert_int_equal(fixture_commit(&txn), PBASE_EXISTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_selective_comparison_reads_by_the_index, begin, end),
        cmocka_unit_test_setup_teardown(explain_says_why_an_index_is_not_used, begin, end),
        cmocka_unit_test_setup_teardown(rows_come_in_the_order_of_the_collection_or_of_the_sort,
                                        begin, end),
        cmocka_unit_test_setup_teardown(results_are_the_same_with_and_without_indexes, begin, end),
        cmocka_unit_test_setup_teardown(a_transaction_sees_its_own_changes_through_the_index, begin,
                                        end),
        cmocka_unit_test_setup_teardown(write_skew_through_an_index_is_a_conflict, begin, end),
        cmocka_unit_test_setup_teardown(what_lies_outside_the_range_is_no_conflict, begin, end),
        cmocka_unit_test_setup_teardown(a_row_that_was_read_by_the_index_and_changes_is_a_conflict,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_reader_of_an_index_that_is_dropped_conflicts, begin, end),
        cmocka_unit_test_setup_teardown(a_unique_key_taken_twice_does_not_disturb_reading, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
