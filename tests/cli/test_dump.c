/* test_dump.c - dump and load: byte for byte over every type, and what is damaged changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"
#include "random_value.h"

#include <protobase/protobase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(expression) assert_int_equal((expression), PBASE_OK)
#define MEMBER(run, text, ...)                                                                     \
    cli_case_member((run), (text), (const char *const[]){__VA_ARGS__, NULL})

/* ------------------------------------------------------------------------------ random content -- */

typedef struct {
    seed_random *random;
    pbase_arena arena;
    unsigned entries;
} filling;

static pbase_value any_value(filling *f)
{
    static const random_value_options options = {.depth_max = 4, .items_max = 6};
    return random_value(f->random, &options, &f->arena);
}

static pbase_value any_key(filling *f)
{
    return random_scalar(f->random, 12, &f->arena);
}

/* A document with a set and, in a list of it, a dictionary that has a list in each entry. */
static void put_nested(pbase_txn *txn, filling *f, pbase_dict **into)
{
    pbase_set *tags = NULL;
    pbase_dict *inner = NULL;
    pbase_list *deep = NULL;
    MUST(pbase_txn_new_set(txn, &tags, NULL));
    MUST(pbase_txn_new_dict(txn, &inner, NULL));
    for (unsigned i = (unsigned)seed_below(f->random, 5); i > 0; i--) {
        pbase_value tag = any_key(f), key = any_key(f), value = any_value(f);
        MUST(pbase_set_add(&tags, &tag, NULL, NULL));
        MUST(pbase_txn_new_list(txn, &deep, NULL));
        MUST(pbase_list_append(&deep, &value, NULL));
        pbase_value entry = pbase_value_of_list(deep);
        MUST(pbase_dict_put(&inner, &key, &entry, NULL, NULL));
        pbase_list_close(deep);
    }
    pbase_value items[] = {any_value(f), pbase_value_of_dict(inner)};
    pbase_field fields[] = {{pbase_bytes_text("tags"), pbase_value_of_set(tags)},
                            {pbase_bytes_text("plain"), any_value(f)},
                            {pbase_bytes_text("list"), pbase_value_list(items, 2)}};
    pbase_value key = any_key(f), document = pbase_value_map(fields, 3);
    pbase_object_id id;
    MUST(pbase_dict_put(into, &key, &document, NULL, NULL));
    MUST(pbase_object_create(txn, "A class", &document, &id, NULL));
    pbase_set_close(tags);
    pbase_dict_close(inner);
}

/* A blob of some lines of the dump, and an empty one. */
static void put_blobs(pbase_txn *txn, filling *f)
{
    static uint8_t bytes[120000];
    pbase_dict *films = NULL;
    MUST(pbase_txn_new_dict(txn, &films, NULL));
    for (int64_t i = 0; i < 2; i++) {
        pbase_blob *blob = NULL;
        pbase_value document, key = pbase_value_int(i);
        seed_fill(f->random, bytes, sizeof bytes);
        MUST(pbase_blob_create(txn, "film.mp4", "video/mp4", &blob, NULL));
        MUST(pbase_blob_append(blob, pbase_bytes_of(bytes, i == 0 ? sizeof bytes : 0), NULL));
        MUST(pbase_blob_value(blob, &document, NULL));
        MUST(pbase_dict_put(&films, &key, &document, NULL, NULL));
        pbase_blob_close(blob);
    }
    MUST(pbase_txn_store_dict(txn, "films", films, NULL));
    pbase_dict_close(films);
}

/* Documents with collections in collections, a blob, and an object that holds a collection too. */
static void fill_nested(pbase_txn *txn, filling *f)
{
    pbase_dict *outer = NULL, *inner = NULL;
    pbase_hash_dict *hashed = NULL;
    pbase_multi_dict *multi = NULL;
    pbase_blob *blob = NULL;
    pbase_object_id id;
    MUST(pbase_txn_new_dict(txn, &outer, NULL));
    for (unsigned i = 0; i < 100; i++) {
        pbase_value key = any_key(f), value = any_value(f), other = any_key(f), document;
        MUST(pbase_txn_new_dict(txn, &inner, NULL));
        MUST(pbase_txn_new_hash_dict(txn, &hashed, NULL));
        MUST(pbase_txn_new_multi_dict(txn, &multi, NULL));
        MUST(pbase_multi_dict_add(&multi, &key, &value, 2, NULL, NULL));
        pbase_value records = pbase_value_of_multi_dict(multi);
        MUST(pbase_hash_dict_put(&hashed, &value, &records, NULL, NULL));
        pbase_field fields[] = {{pbase_bytes_text("plain"), value},
                                {pbase_bytes_text("hashed"), pbase_value_of_hash_dict(hashed)}};
        document = pbase_value_map(fields, 2);
        MUST(pbase_dict_put(&inner, &other, &document, NULL, NULL));
        document = pbase_value_of_dict(inner);
        MUST(pbase_dict_put(&outer, &key, &document, NULL, NULL));
        MUST(pbase_object_create(txn, "Thing", &(pbase_value){.kind = PBASE_MAP}, &id, NULL));
        fields[1].value = document;
        document = pbase_value_map(fields, 2);
        MUST(pbase_object_create(txn, "Holder", &document, &id, NULL));
        pbase_multi_dict_close(multi);
        pbase_hash_dict_close(hashed);
        pbase_dict_close(inner);
    }
    uint8_t bytes[1000] = {1, 2, 3};
    pbase_value key = pbase_value_text("a blob"), document;
    MUST(pbase_blob_create(txn, "b", "x/y", &blob, NULL));
    for (unsigned i = 0; i < 700; i++) {
        bytes[i] = (uint8_t)i;
        MUST(pbase_blob_append(blob, pbase_bytes_of(bytes, sizeof bytes), NULL));
    }
    MUST(pbase_blob_value(blob, &document, NULL));
    MUST(pbase_dict_put(&outer, &key, &document, NULL, NULL));
    MUST(pbase_txn_store_value(txn, "a document", &document, NULL));
    pbase_blob_close(blob);
    MUST(pbase_txn_store_dict(txn, "nested", outer, NULL));
    pbase_dict_close(outer);
}

static pbase_status fill(pbase_txn *txn, void *state, pbase_error *err)
{
    filling *f = state;
    pbase_dict *dict = NULL;
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_counted_set *counted = NULL;
    pbase_hash_dict *hashed = NULL;
    pbase_multi_dict *multi = NULL;
    (void)err;
    MUST(pbase_txn_new_dict(txn, &dict, NULL));
    MUST(pbase_txn_new_list(txn, &list, NULL));
    MUST(pbase_txn_new_set(txn, &set, NULL));
    MUST(pbase_txn_new_counted_set(txn, &counted, NULL));
    MUST(pbase_txn_new_hash_dict(txn, &hashed, NULL));
    MUST(pbase_txn_new_multi_dict(txn, &multi, NULL));
    for (unsigned i = 0; i < f->entries; i++) {
        pbase_value key = any_key(f), value = any_value(f), other = any_key(f), third = any_key(f);
        MUST(pbase_dict_put(&dict, &key, &value, NULL, NULL));
        MUST(pbase_list_append(&list, &value, NULL));
        MUST(pbase_set_add(&set, &other, NULL, NULL));
        MUST(pbase_counted_set_add(&counted, &third, 1 + seed_below(f->random, 1000), NULL, NULL));
        pbase_value any = any_value(f), record = any_value(f);
        MUST(pbase_hash_dict_put(&hashed, &any, &value, NULL, NULL));
        MUST(pbase_multi_dict_add(&multi, i % 3 == 0 ? &third : &key, &record,
                                  1 + seed_below(f->random, 3), NULL, NULL));
    }
    pbase_dict *nested = NULL;
    fill_nested(txn, f);
    put_blobs(txn, f);
    MUST(pbase_txn_new_dict(txn, &nested, NULL));
    for (unsigned i = 0; i < 20; i++) {
        put_nested(txn, f, &nested);
    }
    MUST(pbase_txn_store_dict(txn, "more nested", nested, NULL));
    pbase_dict_close(nested);
    pbase_value plain = any_value(f);
    MUST(pbase_txn_store_dict(txn, "dict", dict, NULL));
    MUST(pbase_txn_store_list(txn, "list", list, NULL));
    MUST(pbase_txn_store_set(txn, "set \xc3\xbc \"q\"", set, NULL));
    MUST(pbase_txn_store_counted_set(txn, "counted", counted, NULL));
    MUST(pbase_txn_store_value(txn, "value", &plain, NULL));
    pbase_dict_close(dict);
    pbase_list_close(list);
    pbase_set_close(set);
    pbase_counted_set_close(counted);
    MUST(pbase_txn_store_hash_dict(txn, "hashed", hashed, NULL));
    MUST(pbase_txn_store_multi_dict(txn, "multi", multi, NULL));
    pbase_hash_dict_close(hashed);
    pbase_multi_dict_close(multi);
    MUST(pbase_txn_new_list(txn, &list, NULL));
    MUST(pbase_txn_store_list(txn, "an empty list", list, NULL));
    pbase_list_close(list);
    return PBASE_OK;
}

/* A space in the folder `name` of the run, with random databases. */
static void make_space(cli_case *run, const char *name, seed_random *random, unsigned entries)
{
    static const char *const databases[] = {"main", "other", "an empty one"};
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    pbase_space *space = NULL;
    filling f = {.random = random, .entries = entries};
    source.data = temp_dir_path(&run->dir, name);
    pbase_arena_init(&f.arena, pbase_alloc_default());
    MUST(pbase_space_open(&source, NULL, &space, NULL));
    for (size_t i = 0; i < 3; i++) {
        pbase_database *database = NULL;
        MUST(pbase_database_ensure(space, databases[i], &database, NULL));
        if (i < 2) {
            MUST(pbase_txn_run(database, NULL, NULL, fill, &f, NULL));
        }
        pbase_database_close(database);
    }
    pbase_space_close(space);
    pbase_arena_fini(&f.arena);
}

static void expect_same_files(cli_case *run, const char *a, const char *b)
{
    char command[PATH_MAX * 2 + 100];
    char first[PATH_MAX];
    (void)snprintf(first, sizeof first, "%s", temp_dir_path(&run->dir, a));
    (void)snprintf(command, sizeof command, "cmp '%s' '%s'", first, temp_dir_path(&run->dir, b));
    assert_int_equal(system(command), 0);
}

static void a_dump_loaded_and_dumped_again_is_the_same_byte_for_byte(void **state)
{
    (void)state;
    unsigned rounds = seed_is_long_run() ? 50 : 4;
    seed_random random;
    seed_random_init(&random, seed_for("a_dump_loaded_and_dumped_again"));
    for (unsigned i = 0; i < rounds; i++) {
        cli_case run;
        cli_case_begin(&run);
        make_space(&run, "a", &random, i == 0 ? 2000 : 300);

        CLI(&run, "--data", "a", "dump", "first.jsonl");
        cli_case_expect(&run, 0, "");
        const char *text = cli_case_read(&run, "first.jsonl");
        assert_non_null(strstr(text, "{\"root\":\"$objects\",\"kind\":\"objects\"}\n{\"object\":"));
        assert_non_null(strstr(text, "{\"child\":0,\"kind\":\"rope\"}\n{\"value\":{\"$bytes\":"));
        assert_non_null(strstr(text, "{\"child\":1,\"kind\":\"dict\"}\n{\"key\":"));
        CLI(&run, "--data", "b", "load", "first.jsonl", "--json");
        cli_case_expect(&run, 0, "");
        assert_string_equal(MEMBER(&run, run.out, "databases"), "3");
        CLI(&run, "--data", "b", "dump", "second.jsonl");
        cli_case_expect(&run, 0, "");

        expect_same_files(&run, "first.jsonl", "second.jsonl");
        CLI(&run, "--data", "b", "check");
        cli_case_expect(&run, 0, "");
        cli_case_end(&run);
    }
}

/* ------------------------------------------------------------------------------------ by hand -- */

static const char small[] = "{\"dump\":\"protobase\",\"version\":1}\n"
                            "{\"database\":\"main\"}\n"
                            "{\"root\":\"d\",\"kind\":\"dict\"}\n"
                            "{\"key\":1.0,\"value\":{\"$float\":\"nan\"}}\n"
                            "{\"key\":2,\"value\":-0.0}\n"
                            "{\"end\":\"root\",\"entries\":2,\"xxh3\":\"%s\"}\n"
                            "{\"end\":\"database\",\"roots\":1,\"indexes\":0}\n"
                            "{\"end\":\"dump\",\"databases\":1}\n";

/* Puts what the test calls `small` into small.jsonl, with the checksum that a dump of it has. */
static const char *write_small(cli_case *run)
{
    static char text[2000];
    CLI(run, "--data", "made", "put", "d", "1.0", "{\"$float\":\"nan\"}");
    CLI(run, "--data", "made", "put", "d", "2", "-0.0");
    CLI(run, "--data", "made", "dump");
    cli_case_expect(run, 0, "");
    const char *sum = strstr(run->out, "\"xxh3\":\"");
    assert_non_null(sum);
    char digits[17];
    (void)snprintf(digits, sizeof digits, "%.16s", sum + 8);
    (void)snprintf(text, sizeof text, small, digits);
    assert_string_equal(run->out, text);
    cli_case_write(run, "small.jsonl", text);
    return text;
}

static void a_dump_keeps_how_keys_are_spelled(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    (void)write_small(&run);
    CLI(&run, "--data", "b", "load", "small.jsonl");
    cli_case_expect(&run, 0, "");
    CLI(&run, "--data", "b", "export", "d", "--keys");
    cli_case_expect_out(
        &run, "{\"key\":1.0,\"value\":{\"$float\":\"nan\"}}\n{\"key\":2,\"value\":-0.0}\n");
    cli_case_end(&run);
}

/* Makes the indexes by_city and by_tag on people, or checks those that are there. */
static void work_on_indexes(cli_case *run, const char *name, bool creates)
{
    static const char *const city[] = {"city"}, *const tag[] = {"tags[*]", "city"};
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    pbase_index_options by_city = {sizeof by_city, true, city, 1};
    pbase_index_options by_tag = {sizeof by_tag, false, tag, 2};
    pbase_index_report report = {0};
    pbase_space *space = NULL;
    pbase_database *database = NULL;
    pbase_snapshot *snapshot = NULL;
    source.data = temp_dir_path(&run->dir, name);
    MUST(pbase_space_open(&source, NULL, &space, NULL));
    MUST(pbase_database_open(space, "main", &database, NULL));
    if (creates) {
        MUST(pbase_index_create(database, "people", "by_city", &by_city, NULL, NULL));
        MUST(pbase_index_create(database, "people", "by_tag", &by_tag, NULL, NULL));
    }
    MUST(pbase_snapshot_open(database, &snapshot, NULL));
    MUST(pbase_index_check(snapshot, NULL, NULL, NULL, NULL, NULL, &report, NULL));
    assert_int_equal(report.indexes, 2);
    assert_int_equal(report.findings, 0);
    pbase_snapshot_close(snapshot);
    pbase_database_close(database);
    pbase_space_close(space);
}

static void indexes_are_dumped_and_built_again(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input =
        "{\"id\":1,\"city\":\"Oslo\",\"tags\":[\"a\",\"b\"]}\n{\"id\":2,\"city\":\"Rome\"}\n";
    CLI(&run, "--data", "a", "import", "people", "-", "--key", "id");
    cli_case_expect(&run, 0, "");
    work_on_indexes(&run, "a", true);
    CLI(&run, "--data", "a", "dump", "first.jsonl");
    assert_non_null(
        strstr(cli_case_read(&run, "first.jsonl"),
               "{\"index\":\"by_city\",\"root\":\"people\",\"fields\":[\"city\"],\"unique\":true}\n"
               "{\"index\":\"by_tag\",\"root\":\"people\",\"fields\":[\"tags[*]\",\"city\"],"
               "\"unique\":false}\n{\"end\":\"database\",\"roots\":1,\"indexes\":2}\n"));

    CLI(&run, "--data", "b", "load", "first.jsonl");
    cli_case_expect(&run, 0, "");

    CLI(&run, "--data", "b", "dump", "second.jsonl");
    expect_same_files(&run, "first.jsonl", "second.jsonl");
    work_on_indexes(&run, "b", false);
    cli_case_end(&run);
}

/* Writes `text` with the first `from` replaced by `to`. */
static void write_changed(cli_case *run, const char *text, const char *from, const char *to)
{
    char changed[4000];
    const char *at = strstr(text, from);
    assert_non_null(at);
    (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to,
                   at + strlen(from));
    cli_case_write(run, "bad.jsonl", changed);
}

static void a_damaged_or_newer_dump_is_refused_with_its_place_and_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        int exit_code;
        const char *words;
    } cases[] = {
        {"\"version\":1", "\"version\":2", 6, "bad.jsonl: line 1 column 1: a dump of version 2"},
        {"\"dump\":\"protobase\"", "\"dump\":\"other\"", 6, "not the header of a dump"},
        {"{\"dump\":\"protobase\",\"version\":1}\n", "", 6, "line 1 column 1"},
        {"\"value\":-0.0", "\"value\":-0.5", 6, "line 6 column 1: the entries of root 'd'"},
        {"\"value\":-0.0", "\"value\" -0.0", 15, "bad.jsonl: line 5 column 18"},
        {"{\"key\":2,\"value\":-0.0}\n", "", 6, "1 entries here, and 2 were dumped"},
        {"{\"key\":2,\"value\":-0.0}", "{\"value\":-0.0}", 6,
         "line 5 column 1: this is no entry of a dict"},
        {"{\"key\":2,\"value\":-0.0}", "{\"key\":{},\"value\":-0.0}", 15, "line 5 column 1"},
        {"{\"key\":2,\"value\":-0.0}", "[]", 15, "line 5 column 1: this is no line of a dump"},
        {"\"kind\":\"dict\"", "\"kind\":\"tree\"", 6,
         "line 3 column 1: the kind 'tree' is not known"},
        {"\"roots\":1", "\"roots\":2", 6, "line 7 column 1"},
        {"\"databases\":1}\n", "\"databases\":2}\n", 6, "line 8 column 1"},
        {"{\"end\":\"dump\",\"databases\":1}\n", "", 6, "the dump ends here, before its end"},
        {"{\"end\":\"dump\",\"databases\":1}\n", "{\"end\":\"dump\",\"databases\":1}\n{}\n", 15,
         "line 9"},
        {"{\"end\":\"database\",\"roots\":1,\"indexes\":0}\n", "", 6, "line 7 column 1"},
        {"{\"database\":\"main\"}", "{\"database\":\"\"}", 15, "line 2 column 1: a name of"},
    };
    cli_case run;
    cli_case_begin(&run);
    const char *text = write_small(&run);
    CLI(&run, "--data", "b", "databases", "create", "before");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_changed(&run, text, cases[i].from, cases[i].to);

        CLI(&run, "--data", "b", "load", "bad.jsonl");

        cli_case_expect(&run, cases[i].exit_code, cases[i].words);
        CLI(&run, "--data", "b", "databases");
        cli_case_expect_out(&run, "before\n");
    }
    cli_case_end(&run);
}

static void a_database_that_has_something_is_not_loaded_over(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    (void)write_small(&run);
    CLI(&run, "--data", "b", "put", "mine", "1", "1");

    CLI(&run, "--data", "b", "load", "small.jsonl");

    cli_case_expect(&run, 15, "database 'main' is there and is not empty");
    CLI(&run, "--data", "b", "databases");
    cli_case_expect_out(&run, "main\n");
    CLI(&run, "--data", "b", "get", "mine", "1");
    cli_case_expect_out(&run, "1\n");
    cli_case_end(&run);
}

static void one_database_is_dumped_when_it_is_named(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    CLI(&run, "put", "d", "1", "1");
    CLI(&run, "databases", "create", "shop");
    CLI(&run, "--database", "shop", "dump");
    cli_case_expect(&run, 0, "");
    assert_null(strstr(run.out, "main"));
    assert_non_null(strstr(
        run.out, "{\"database\":\"shop\"}\n{\"end\":\"database\",\"roots\":0,\"indexes\":0}\n"));
    CLI(&run, "--database", "none", "dump");
    cli_case_expect(&run, 3, "none");
    CLI(&run, "--data", "nowhere", "dump");
    cli_case_expect(&run, 3, "");
    CLI(&run, "load", "missing.jsonl");
    cli_case_expect(&run, 3, "missing.jsonl");
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dump_loaded_and_dumped_again_is_the_same_byte_for_byte),
        cmocka_unit_test(a_dump_keeps_how_keys_are_spelled),
        cmocka_unit_test(indexes_are_dumped_and_built_again),
        cmocka_unit_test(a_damaged_or_newer_dump_is_refused_with_its_place_and_changes_nothing),
        cmocka_unit_test(a_database_that_has_something_is_not_loaded_over),
        cmocka_unit_test(one_database_is_dumped_when_it_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
