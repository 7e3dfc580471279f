/* test_import.c - import and export: what goes in comes out, and what bad rows get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMBER(run, text, ...)                                                                     \
    cli_case_member((run), (text), (const char *const[]){__VA_ARGS__, NULL})

/* One line for every kind of value, as the program writes it. */
static const char every_kind[] =
    "null\ntrue\nfalse\n0\n-9223372036854775808\n9223372036854775807\n9007199254740993\n"
    "0.5\n-0.0\n1.0\n1e300\n{\"$float\":\"nan\"}\n{\"$float\":\"inf\"}\n{\"$float\":\"-inf\"}\n"
    "\"\"\n\"a\\u0000b\"\n\"\xf0\x9f\x98\x80\"\n{\"$bytes\":\"AAEC/w==\"}\n{\"$bytes\":\"\"}\n"
    "{\"$time\":\"2026-01-31T12:00:00.5Z\"}\n[]\n{}\n[1,[2,[3,{\"a\":null}]]]\n"
    "{\"$vec\":[0.5,-1.0]}\n{\"$ref\":\"000102030405060708090a0b0c0d0e0f\"}\n"
    "{\"$map\":{\"$bytes\":\"not bytes\"}}\n{\"$other\":1,\"b\":2}\n";

static void every_kind_of_value_comes_out_as_it_went_in(void **state)
{
    (void)state;
    static const char *const codecs[] = {"[msgpack]", "[json]", "[msgpack, {type: zstd}]"};
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        cli_case run;
        char yaml[200];
        cli_case_begin(&run);
        (void)snprintf(yaml, sizeof yaml,
                       "version: 1\nstorage:\n  type: file\n  blocks: {type: file, path: d}\n"
                       "codecs: %s\n",
                       codecs[i]);
        cli_case_write(&run, "protobase.yaml", yaml);
        run.input = every_kind;

        CLI(&run, "import", "values", "-", "--json");
        cli_case_expect(&run, 0, "");

        CLI(&run, "export", "values");
        cli_case_expect_out(&run, every_kind);
        cli_case_end(&run);
    }
}

static void a_dictionary_goes_through_export_and_import_by_its_key(void **state)
{
    (void)state;
    static const char sorted[] = "{\"id\":1,\"n\":\"a\"}\n{\"id\":2,\"n\":\"b\"}\n{\"id\":10}\n";
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "in.jsonl",
                   "{\"id\":10}\n\n{\"id\":2,\"n\":\"old\"}\n{\"id\":1,\"n\":\"a\"}\r\n"
                   "{\"id\":2,\"n\":\"b\"}");

    CLI(&run, "import", "d", "in.jsonl", "--key", "id", "--batch", "1", "--json");
    cli_case_expect(&run, 0, "");
    assert_string_equal(MEMBER(&run, run.out, "imported"), "4");
    CLI(&run, "export", "d");
    cli_case_expect_out(&run, sorted);

    cli_case_write(&run, "out.jsonl", run.out);
    CLI(&run, "import", "again", "out.jsonl", "--key", "id");
    cli_case_expect(&run, 0, "");
    CLI(&run, "export", "again", "--format", "json");
    cli_case_expect_out(&run,
                        "[\n{\"id\":1,\"n\":\"a\"},\n{\"id\":2,\"n\":\"b\"},\n{\"id\":10}\n]\n");
    cli_case_end(&run);
}

static void a_json_array_is_cut_into_its_elements(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = " [ {\"a\": \"]},{\\\"\"} , [1, 2]\n, 3 ,\"x\"] \n";

    CLI(&run, "import", "list", "-", "--format", "json");
    cli_case_expect(&run, 0, "");
    CLI(&run, "export", "list");
    cli_case_expect_out(&run, "{\"a\":\"]},{\\\"\"}\n[1,2]\n3\n\"x\"\n");

    run.input = "[]";
    CLI(&run, "import", "empty", "-", "--format", "json");
    cli_case_expect(&run, 0, "");
    CLI(&run, "export", "empty", "--format", "json");
    cli_case_expect_out(&run, "[\n]\n");
    cli_case_end(&run);
}

static void a_malformed_array_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place;
    } cases[] = {
        {"{\"a\": 1}", "line 1 column 1"},
        {"", "line 1 column 1"},
        {"[1, 2", "line 1 column"},
        {"[1,\n 2,, 3]", "line 2 column 4"},
        {"[1, 2] 3", "line 1 column 8"},
        {"[1, 2,]", "line 1 column 7"},
        {"[1,\n  {\"a\" 2}]", "line 2 column 8"},
    };
    cli_case run;
    cli_case_begin(&run);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run.input = cases[i].text;
        CLI(&run, "--memory", "import", "list", "-", "--format", "json");
        cli_case_expect(&run, 15, cases[i].place);
    }
    cli_case_end(&run);
}

static void a_bad_row_is_told_with_its_place_and_its_batch_is_not_applied(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "bad.jsonl", "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n{\"id\": 4, \"a\" 5}\n");

    CLI(&run, "import", "d", "bad.jsonl", "--key", "id", "--batch", "2");
    cli_case_expect(&run, 15, "bad.jsonl: line 4 column 15: after 2 imported rows");

    CLI(&run, "export", "d");
    cli_case_expect_out(&run, "{\"id\":1}\n{\"id\":2}\n");
    cli_case_end(&run);
}

static void a_row_without_its_key_is_told_with_its_place(void **state)
{
    (void)state;
    static const char *const rows[] = {"{\"name\": 1}\n", "7\n", "{\"id\": {\"a\": 1}}\n"};
    cli_case run;
    cli_case_begin(&run);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run.input = rows[i];
        CLI(&run, "--memory", "import", "d", "-", "--key", "id");
        cli_case_expect(&run, 15, "standard input: line 1 column 1");
    }
    cli_case_end(&run);
}

static void rejects_take_the_bad_rows_and_the_rest_goes_in(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "mixed.jsonl", "{\"id\":1}\nnot json\n{\"no\":\"id\"}\n{\"id\":2}\n");

    CLI(&run, "import", "d", "mixed.jsonl", "--key", "id", "--rejects", "bad.txt", "--json");
    cli_case_expect(&run, 15, "2 rows were rejected; 2 went in");
    assert_string_equal(MEMBER(&run, run.out, "imported"), "2");
    assert_string_equal(MEMBER(&run, run.out, "rejected"), "2");

    assert_string_equal(cli_case_read(&run, "bad.txt"), "not json\n{\"no\":\"id\"}\n");
    const char *reasons = cli_case_read(&run, "bad.txt.reasons");
    assert_int_equal(strncmp(reasons, "{\"line\":2,\"column\":", 19), 0);
    assert_non_null(strstr(reasons,
                           "\n{\"line\":3,\"column\":1,\"code\":\"INVALID\",\"message\":\"the row "
                           "has no field 'id'\"}\n"));
    CLI(&run, "get", "d");
    cli_case_expect_out(&run, "{\"name\":\"d\",\"type\":\"dict\",\"count\":2}\n");
    cli_case_end(&run);
}

static void a_collection_of_another_type_is_refused(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "put", "d", "1", "{}");
    run.input = "1\n";

    CLI(&run, "import", "d", "-");

    cli_case_expect(&run, 15, "d");
    CLI(&run, "get", "d", "1");
    cli_case_expect_out(&run, "{}\n");
    cli_case_end(&run);
}

static void what_import_is_called_with_wrongly_exits_with_2(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "import", "d");
    cli_case_expect(&run, 2, "usage: protobase import COLLECTION FILE");
    CLI(&run, "import", "d", "f", "--format", "xml");
    cli_case_expect(&run, 2, "--format is jsonl, json or csv, not 'xml'");
    CLI(&run, "import", "d", "f", "--cells", "text");
    cli_case_expect(&run, 2, "--format csv");
    CLI(&run, "import", "d", "f", "--type", "dict");
    cli_case_expect(&run, 2, "--key");
    CLI(&run, "import", "d", "f", "--type", "tree");
    cli_case_expect(&run, 2, "tree");
    CLI(&run, "import", "d", "f", "--batch", "0");
    cli_case_expect(&run, 2, "--batch");
    CLI(&run, "import", "d", "f", "--batch", "7x");
    cli_case_expect(&run, 2, "--batch");
    CLI(&run, "import", "d", "f", "--key");
    cli_case_expect(&run, 2, "--key");
    CLI(&run, "import", "d", "missing.jsonl");
    cli_case_expect(&run, 3, "missing.jsonl");
    cli_case_end(&run);
}

static void nesting_past_the_limit_is_refused_and_at_the_limit_is_kept(void **state)
{
    (void)state;
    char text[300];
    cli_case run;
    cli_case_begin(&run);
    memset(text, '[', 129);
    memset(text + 129, ']', 129);
    text[258] = '\0';
    run.input = text;
    CLI(&run, "import", "l", "-");
    cli_case_expect(&run, 15, "line 1");

    text[257] = '\0';
    run.input = text + 1; /* 128 deep */
    CLI(&run, "import", "l", "-");
    cli_case_expect(&run, 0, "");
    cli_case_end(&run);
}

/* The shadow memory of a sanitizer is none of the program's. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#define BIG_BYTES (20u << 20)
#define MEMORY_MAX_KIB (1000L * 1024)
#else
#define BIG_BYTES (200u << 20)
#define MEMORY_MAX_KIB (300L * 1024)
#endif

/* Writes lines until the file has `bytes` bytes. */
static void write_lines(cli_case *run, const char *name, size_t bytes)
{
    FILE *file = fopen(temp_dir_path(&run->dir, name), "wb");
    assert_non_null(file);
    for (size_t written = 0, id = 0; written < bytes; id++) {
        int size = fprintf(file,
                           "{\"id\": %zu, \"name\": \"customer %08zx\", \"city\": \"Lisbon\", "
                           "\"amount\": %zu.25, \"active\": true, \"tags\": [\"a\", \"b\"], "
                           "\"text\": \"%0900zu\"}\n",
                           id, id * 2654435761u, id % 1000, id);
        assert_true(size > 0);
        written += (size_t)size;
    }
    assert_int_equal(fclose(file), 0);
}

static void memory_stays_bounded_while_200_mb_go_in(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    write_lines(&run, "big.jsonl", BIG_BYTES);

    CLI(&run, "--set", "storage.durability=none", "--data", "d", "import", "big", "big.jsonl",
        "--key", "id", "--json");

    cli_case_expect(&run, 0, "");
    print_message("peak memory %ld MiB\n", run.memory_peak_kib / 1024);
    assert_true(run.memory_peak_kib < MEMORY_MAX_KIB);
    cli_case_end(&run);
}

static void an_interrupt_ends_an_import_between_transactions(void **state)
{
    (void)state;
    cli_case run;
    char fifo[PATH_MAX];
    cli_case_begin(&run);
    (void)snprintf(fifo, sizeof fifo, "%s", temp_dir_path(&run.dir, "fifo"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const char *const arguments[] = {"import", "l", "fifo", "--batch", "2", NULL};
    pid_t child = cli_case_start(&run, arguments);
    FILE *pipe = fopen(fifo, "wb"); /* waits until the program reads */
    assert_non_null(pipe);
    assert_true(fputs("1\n2\n3\n", pipe) >= 0);
    assert_int_equal(fflush(pipe), 0);
    (void)usleep(200000); /* it is in read() now, or soon: either way the signal must end it */

    assert_int_equal(kill(child, SIGINT), 0);
    cli_case_wait(&run, child);
    (void)fclose(pipe); /* its reader is gone */

    cli_case_expect(&run, 10, "cancelled");
    CLI(&run, "check");
    cli_case_expect(&run, 0, "");
    cli_case_end(&run);
}

/* Other processes write and check point, so that nobody knows any more what was written since the
 * import began its batch. */
static void a_batch_that_lost_against_others_is_imported_again(void **state)
{
    (void)state;
    cli_case run, other;
    cli_case_begin(&run);
    cli_case_begin(&other);
    char data[PATH_MAX], fifo[PATH_MAX];
    (void)snprintf(data, sizeof data, "%s", temp_dir_path(&run.dir, "d"));
    (void)snprintf(fifo, sizeof fifo, "%s", temp_dir_path(&run.dir, "fifo"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    CLI(&other, "--data", data, "put", "others", "0", "0");
    pid_t child = cli_case_start(&run, (const char *const[]){"--data", "d", "import", "people",
                                                             "fifo", "--key", "id", "--batch", "2",
                                                             "--rejects", "bad", NULL});
    FILE *rows = fopen(fifo, "w");
    assert_non_null(rows);
    (void)setvbuf(rows, NULL, _IOLBF, 0);
    /* the first batch and the beginning of the second; more than a block of input is read at once */
    (void)fputs("{\"id\": 1}\n{\"id\": 2}\n{\"id\": 3}\n{\"no\": 4}\n", rows);
    for (int i = 0; i < 1 << 15; i++) {
        (void)fputs("                                                               \n", rows);
    }
    for (int i = 0; i < 5; i++) {
        CLI(&other, "--data", data, "put", "others", "1", "1");
        cli_case_expect(&other, 0, "");
        CLI(&other, "--data", data, "compact");
        cli_case_expect(&other, 0, "");
    }
    (void)fputs("{\"id\": 5}\n", rows);
    (void)fclose(rows);
    cli_case_wait(&run, child);
    assert_string_equal(run.err + strlen(run.err) - strlen("bad.reasons'\n"), "bad.reasons'\n");
    assert_int_equal(run.exit_code, 15);

    CLI(&run, "--data", "d", "export", "people");
    cli_case_expect_out(&run, "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n{\"id\":5}\n");
    assert_string_equal(cli_case_read(&run, "bad"), "{\"no\": 4}\n");
    cli_case_end(&other);
    cli_case_end(&run);
}

static void objects_go_out_and_in_again_with_their_ids(void **state)
{
    (void)state;
    static const char rows[] =
        "{\"$object\":{\"class\":\"City\",\"id\":{\"$ref\":\"0123456789abcdef0123456789abcdef\"},"
        "\"value\":{\"name\":\"Rome\",\"tags\":{\"$collection\":{\"kind\":\"set\","
        "\"items\":[\"old\"]}}}}}\n";
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "in.jsonl", rows);

    CLI(&run, "import", "$objects", "in.jsonl");
    cli_case_expect(&run, 0, "");
    CLI(&run, "export", "$objects");
    cli_case_expect_out(&run, rows);
    CLI(&run, "get", "$objects", "0123456789abcdef0123456789abcdef");
    cli_case_expect_out(&run, rows);
    CLI(&run, "query", "from $objects | unnest value.tags as t | select class, t");
    cli_case_expect_out(&run, "{\"class\":\"City\",\"t\":\"old\"}\n");
    CLI(&run, "export", "$objects", "--format", "json");
    assert_true(run.out[0] == '[' && run.out[strlen(run.out) - 2] == ']');

    run.input = "{\"class\": \"City\", \"value\": {}}\n"; /* gets an id */
    CLI(&run, "import", "$objects", "-");
    CLI(&run, "get", "$objects");
    cli_case_expect_out(&run, "{\"name\":\"$objects\",\"type\":\"objects\",\"count\":2}\n");

    CLI(&run, "delete", "$objects", "0123456789abcdef0123456789abcdef");
    cli_case_expect(&run, 0, "");
    CLI(&run, "get", "$objects", "0123456789abcdef0123456789abcdef");
    cli_case_expect(&run, 3, "");
    CLI(&run, "delete", "$objects", "0123456789abcdef0123456789abcdef");
    cli_case_expect(&run, 3, "no object");
    CLI(&run, "databases", "create", "empty");
    CLI(&run, "--database", "empty", "export", "$objects", "--format", "json");
    cli_case_expect_out(&run, "[\n]\n");
    cli_case_end(&run);
}

static void rows_that_are_no_objects_are_told_with_their_place(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[1]",
        "{\"class\": \"C\"}",
        "{\"class\": 1, \"value\": {}}",
        "{\"class\": \"\", \"value\": {}}",
        "{\"class\": \"C\", \"value\": [1]}",
        "{\"class\": \"C\", \"value\": {}, \"more\": 1}",
        "{\"class\": \"C\", \"value\": {}, \"id\": \"12\"}",
        "{\"$object\": 1}",
    };
    cli_case run;
    cli_case_begin(&run);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        run.input = bad[i];
        CLI(&run, "import", "$objects", "-");
        cli_case_expect(&run, 15, "line 1");
    }
    CLI(&run, "import", "$objects", "-", "--key", "id");
    cli_case_expect(&run, 2, "neither --key nor --type");
    CLI(&run, "import", "$objects", "-", "--format", "csv");
    cli_case_expect(&run, 2, "no rows of CSV");
    CLI(&run, "export", "$objects", "--keys");
    cli_case_expect(&run, 2, "neither --keys");
    CLI(&run, "put", "$objects", "1", "{}");
    cli_case_expect(&run, 15, "stands for the objects");
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_comes_out_as_it_went_in),
        cmocka_unit_test(a_dictionary_goes_through_export_and_import_by_its_key),
        cmocka_unit_test(a_json_array_is_cut_into_its_elements),
        cmocka_unit_test(a_malformed_array_is_refused_with_its_place),
        cmocka_unit_test(a_bad_row_is_told_with_its_place_and_its_batch_is_not_applied),
        cmocka_unit_test(a_row_without_its_key_is_told_with_its_place),
        cmocka_unit_test(rejects_take_the_bad_rows_and_the_rest_goes_in),
        cmocka_unit_test(a_collection_of_another_type_is_refused),
        cmocka_unit_test(what_import_is_called_with_wrongly_exits_with_2),
        cmocka_unit_test(nesting_past_the_limit_is_refused_and_at_the_limit_is_kept),
        cmocka_unit_test(memory_stays_bounded_while_200_mb_go_in),
        cmocka_unit_test(a_batch_that_lost_against_others_is_imported_again),
        cmocka_unit_test(objects_go_out_and_in_again_with_their_ids),
        cmocka_unit_test(rows_that_are_no_objects_are_told_with_their_place),
        cmocka_unit_test(an_interrupt_ends_an_import_between_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
