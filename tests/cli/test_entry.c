/* test_entry.c - put, get, delete, roots, drop and databases, through the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <string.h>

#define MEMBER(run, text, ...)                                                                     \
    cli_case_member((run), (text), (const char *const[]){__VA_ARGS__, NULL})

static void get_gives_what_put_stored_in_another_process(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);

    CLI(&run, "put", "people", "7", "{\"name\": \"Ada\", \"born\": 1815}");
    cli_case_expect_out(&run, "");

    CLI(&run, "get", "people", "7");
    cli_case_expect_out(&run, "{\"name\":\"Ada\",\"born\":1815}\n");
    cli_case_end(&run);
}

static void a_key_that_is_no_json_is_a_string(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);

    CLI(&run, "put", "d", "7", "\"number\"");
    CLI(&run, "put", "d", "\"7\"", "\"text\"");
    CLI(&run, "put", "d", "seven", "\"word\"");
    CLI(&run, "put", "d", "[1, \"a\"]", "\"list\"");

    CLI(&run, "export", "d", "--keys");
    cli_case_expect_out(&run, "{\"key\":7,\"value\":\"number\"}\n"
                              "{\"key\":\"7\",\"value\":\"text\"}\n"
                              "{\"key\":\"seven\",\"value\":\"word\"}\n"
                              "{\"key\":[1,\"a\"],\"value\":\"list\"}\n");
    CLI(&run, "get", "d", "seven");
    cli_case_expect_out(&run, "\"word\"\n");
    cli_case_end(&run);
}

static void collections_in_documents_go_in_and_out_as_forms(void **state)
{
    (void)state;
    static const char document[] =
        "{\"tags\":{\"$collection\":{\"kind\":\"set\",\"items\":[\"a\",\"b\"]}},"
        "\"by\":{\"$collection\":{\"kind\":\"dict\",\"items\":"
        "[[1,{\"$collection\":{\"kind\":\"list\",\"items\":[true]}}]]}},"
        "\"map\":{\"$map\":{\"$collection\":1}}}";
    cli_case run;
    cli_case_begin(&run);

    CLI(&run, "put", "d", "k", document);
    assert_int_equal(run.exit_code, 0);
    CLI(&run, "get", "d", "k");
    assert_memory_equal(run.out, document, strlen(document));
    CLI(&run, "export", "d");
    assert_memory_equal(run.out, document, strlen(document));
    CLI(&run, "query", "from d | select tags");
    cli_case_expect_out(&run, "{\"tags\":{\"$child\":0}}\n");

    CLI(&run, "put", "d", "k", "{\"$collection\":{\"kind\":\"tree\",\"items\":[]}}");
    cli_case_expect(&run, 15, "kind is not known");
    CLI(&run, "put", "d", "k", "{\"$collection\":{\"kind\":\"dict\",\"items\":[1]}}");
    cli_case_expect(&run, 15, "list of its parts");
    CLI(&run, "put", "d", "k", "{\"$collection\":1}");
    cli_case_expect(&run, 15, "two fields");
    CLI(&run, "put", "d", "k", "[{\"$object\":{}}]");
    cli_case_expect(&run, 15, "object");
    CLI(&run, "check");
    assert_int_equal(run.exit_code, 0);
    cli_case_end(&run);
}

static void a_counted_set_goes_in_and_out_as_counts(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "words.jsonl", "\"a\"\n\"b\"\n\"a\"\n{\"value\": \"b\", \"count\": 9}\n");

    CLI(&run, "import", "words", "words.jsonl", "--type", "counted_set");
    assert_int_equal(run.exit_code, 0);
    CLI(&run, "export", "words");
    cli_case_expect_out(&run, "{\"value\":\"a\",\"count\":2}\n{\"value\":\"b\",\"count\":10}\n");
    CLI(&run, "get", "words", "b");
    cli_case_expect_out(&run, "10\n");
    CLI(&run, "get", "words", "c");
    cli_case_expect(&run, 3, "does not have it");
    CLI(&run, "query", "from words | where count > 2");
    cli_case_expect_out(&run, "{\"value\":\"b\",\"count\":10}\n");
    cli_case_end(&run);
}

static void a_hash_dictionary_takes_any_json_as_key(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "rows.jsonl", "{\"at\": {\"x\": 1, \"y\": 2}, \"n\": 5}\n");

    CLI(&run, "import", "places", "rows.jsonl", "--type", "hash_dict", "--key", "at");
    assert_int_equal(run.exit_code, 0);
    CLI(&run, "get", "places", "{\"y\": 2, \"x\": 1.0}");
    cli_case_expect_out(&run, "{\"at\":{\"x\":1,\"y\":2},\"n\":5}\n");
    CLI(&run, "put", "places", "{\"y\": 2, \"x\": 1}", "7");
    CLI(&run, "put", "places", "home", "8");
    CLI(&run, "query", "from places key k | order by k | select { k }");
    cli_case_expect_out(&run, "{\"k\":\"home\"}\n{\"k\":{\"x\":1,\"y\":2}}\n");
    CLI(&run, "delete", "places", "{\"x\": 1, \"y\": 2}");
    assert_int_equal(run.exit_code, 0);
    CLI(&run, "export", "places", "--keys");
    cli_case_expect_out(&run, "{\"key\":\"home\",\"value\":8}\n");
    cli_case_end(&run);
}

static void a_multi_dictionary_gives_each_record_as_often_as_it_is_there(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "rows.jsonl", "{\"k\": 1}\n{\"k\": 2, \"a\": 0}\n{\"k\": 1}\n");

    CLI(&run, "import", "tags", "rows.jsonl", "--type", "multi_dict", "--key", "k");
    assert_int_equal(run.exit_code, 0);
    CLI(&run, "get", "tags", "1");
    cli_case_expect_out(&run, "{\"k\":1}\n{\"k\":1}\n");
    CLI(&run, "put", "tags", "2", "\"more\"");
    CLI(&run, "export", "tags", "--keys");
    cli_case_expect_out(&run, "{\"key\":1,\"value\":{\"k\":1}}\n{\"key\":1,\"value\":{\"k\":1}}\n"
                              "{\"key\":2,\"value\":\"more\"}\n"
                              "{\"key\":2,\"value\":{\"k\":2,\"a\":0}}\n");
    CLI(&run, "query", "from tags | count");
    cli_case_expect_out(&run, "{\"count\":4}\n");
    CLI(&run, "query", "from tags key t | where t >= 2 | count");
    cli_case_expect_out(&run, "{\"count\":2}\n");
    CLI(&run, "delete", "tags", "1");
    assert_int_equal(run.exit_code, 0);
    CLI(&run, "get", "tags", "1");
    cli_case_expect(&run, 3, "no record");
    CLI(&run, "import", "tags", "rows.jsonl", "--type", "multi_dict");
    cli_case_expect(&run, 2, "--key");
    cli_case_end(&run);
}

static void what_is_missing_exits_with_3(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "put", "people", "7", "{}");

    CLI(&run, "get", "people", "8");
    cli_case_expect(&run, 3, "protobase: error: ");
    CLI(&run, "get", "nobody", "7");
    cli_case_expect(&run, 3, "nobody");
    CLI(&run, "delete", "people", "8");
    cli_case_expect(&run, 3, "people");
    CLI(&run, "drop", "nobody");
    cli_case_expect(&run, 3, "nobody");
    CLI(&run, "export", "nobody");
    cli_case_expect(&run, 3, "nobody");
    CLI(&run, "databases", "drop", "nobody");
    cli_case_expect(&run, 3, "nobody");
    CLI(&run, "--database", "nobody", "roots");
    cli_case_expect(&run, 3, "nobody");
    cli_case_end(&run);
}

static void delete_and_drop_take_things_away_for_good(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "put", "people", "7", "{}");
    CLI(&run, "put", "people", "8", "{}");

    CLI(&run, "delete", "people", "7");
    cli_case_expect_out(&run, "");
    CLI(&run, "get", "people");
    cli_case_expect_out(&run, "{\"name\":\"people\",\"type\":\"dict\",\"count\":1}\n");

    CLI(&run, "drop", "people");
    cli_case_expect_out(&run, "");
    CLI(&run, "roots");
    cli_case_expect_out(&run, "");
    cli_case_end(&run);
}

static void an_index_below_zero_counts_from_the_end_of_a_list(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = "\"a\"\n\"b\"\n\"c\"\n";
    CLI(&run, "import", "steps", "-");

    CLI(&run, "get", "steps", "-1");
    cli_case_expect_out(&run, "\"c\"\n");
    CLI(&run, "get", "steps", "3");
    cli_case_expect(&run, 3, "");
    CLI(&run, "get", "steps", "first");
    cli_case_expect(&run, 15, "index");
    CLI(&run, "put", "steps", "0", "1");
    cli_case_expect(&run, 15, "steps");
    cli_case_end(&run);
}

static void roots_tell_name_type_and_count(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = "1\n2\n2\n";
    CLI(&run, "import", "numbers", "-", "--type", "set");
    CLI(&run, "put", "people", "7", "{}");

    CLI(&run, "roots", "--json");

    cli_case_expect_out(&run, "{\"name\":\"numbers\",\"type\":\"set\",\"count\":2}\n"
                              "{\"name\":\"people\",\"type\":\"dict\",\"count\":1}\n");
    cli_case_end(&run);
}

static void databases_are_renamed_and_copied(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "put", "a", "1", "1");
    cli_case_expect(&run, 0, "");
    CLI(&run, "databases", "snapshot", "main", "then");
    cli_case_expect(&run, 0, "");
    CLI(&run, "databases", "branch", "main", "fork");
    cli_case_expect(&run, 0, "");
    CLI(&run, "databases", "rename", "main", "fork");
    cli_case_expect(&run, 15, "there is a database 'fork' already");
    CLI(&run, "databases", "rename", "main", "shop");
    cli_case_expect(&run, 0, "");
    CLI(&run, "--database", "then", "put", "a", "2", "2");
    cli_case_expect(&run, 17, "database 'then' is a snapshot");
    CLI(&run, "--database", "fork", "get", "a", "1");
    cli_case_expect(&run, 0, "");
    assert_string_equal(run.out, "1\n");
    CLI(&run, "databases", "info", "--json");
    cli_case_expect(&run, 0, "");
    assert_string_equal(
        run.out, "{\"name\":\"fork\",\"kind\":\"branch\",\"sequence\":4,\"origin\":\"shop\"}\n"
                 "{\"name\":\"shop\",\"kind\":\"database\",\"sequence\":1,\"origin\":null}\n"
                 "{\"name\":\"then\",\"kind\":\"snapshot\",\"sequence\":3,\"origin\":\"shop\"}\n");
    cli_case_end(&run);
}

static void databases_are_made_listed_dropped_and_apart(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);

    CLI(&run, "databases", "create", "shop");
    cli_case_expect_out(&run, "");
    CLI(&run, "databases", "create", "shop");
    cli_case_expect(&run, 15, "shop");
    CLI(&run, "--database", "shop", "put", "d", "1", "1");
    cli_case_expect_out(&run, "");
    CLI(&run, "get", "d", "1");
    cli_case_expect(&run, 3, "");
    CLI(&run, "databases", "list");
    cli_case_expect_out(&run, "main\nshop\n");

    CLI(&run, "databases", "drop", "shop", "--json");
    cli_case_expect(&run, 0, "");
    assert_string_equal(MEMBER(&run, run.out, "done"), "dropped");
    CLI(&run, "databases");
    cli_case_expect_out(&run, "main\n");
    cli_case_end(&run);
}

static void errors_are_json_when_asked_for(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);

    CLI(&run, "--json", "get", "nobody");
    cli_case_expect(&run, 3, "");
    assert_string_equal(run.out, "");
    assert_string_equal(MEMBER(&run, run.err, "error", "code"), "NOT_FOUND");

    CLI(&run, "put", "d", "1", "{\"a\": ", "--json");
    cli_case_expect(&run, 15, "");
    assert_string_equal(MEMBER(&run, run.err, "error", "code"), "INVALID");
    assert_non_null(strstr(MEMBER(&run, run.err, "error", "where"), "line 1 column"));

    CLI(&run, "put", "d", "--bogus", "--json");
    cli_case_expect(&run, 2, "");
    assert_string_equal(MEMBER(&run, run.err, "error", "code"), "USAGE");

    CLI(&run, "get", "d\xff", "--json"); /* an argument that is not UTF-8 */
    assert_int_not_equal(run.exit_code, 0);
    assert_true(pbase_utf8_valid(pbase_bytes_text(run.err)));
    (void)cli_case_json(&run, run.err);
    cli_case_end(&run);
}

static void a_key_or_name_over_its_limit_exits_with_15(void **state)
{
    (void)state;
    cli_case run;
    static char key[80000], name[300];
    memset(key, 'k', sizeof key - 1);
    memset(name, 'n', sizeof name - 1);
    cli_case_begin(&run);

    CLI(&run, "put", "d", key, "1");
    cli_case_expect(&run, 15, "limit");
    CLI(&run, "put", name, "1", "1");
    cli_case_expect(&run, 15, "255");
    CLI(&run, "drop", name);
    cli_case_expect(&run, 15, "255");
    CLI(&run, "databases", "create", name);
    cli_case_expect(&run, 15, "255");
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_gives_what_put_stored_in_another_process),
        cmocka_unit_test(a_key_that_is_no_json_is_a_string),
        cmocka_unit_test(collections_in_documents_go_in_and_out_as_forms),
        cmocka_unit_test(a_counted_set_goes_in_and_out_as_counts),
        cmocka_unit_test(a_hash_dictionary_takes_any_json_as_key),
        cmocka_unit_test(a_multi_dictionary_gives_each_record_as_often_as_it_is_there),
        cmocka_unit_test(what_is_missing_exits_with_3),
        cmocka_unit_test(delete_and_drop_take_things_away_for_good),
        cmocka_unit_test(an_index_below_zero_counts_from_the_end_of_a_list),
        cmocka_unit_test(roots_tell_name_type_and_count),
        cmocka_unit_test(databases_are_made_listed_dropped_and_apart),
        cmocka_unit_test(databases_are_renamed_and_copied),
        cmocka_unit_test(errors_are_json_when_asked_for),
        cmocka_unit_test(a_key_or_name_over_its_limit_exits_with_15),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
