/* Configurations, bad and good, from text to problems or to a plan. */
#include "config/plan.h"
#include "config/values.h"
#include "fake_catalog.h"
#include "fault_alloc.h"
#include "os/os.h"
#include "temp_dir.h"
#include <protobase/base/limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define EXPECTED_MAX 8
#define GOOD_STORAGE "storage: {type: file, blocks: {type: file, path: d}}\n"
#define HEAD "version: 1\nstorage: {type: memory}\n"

/* ------------------------------------------------------------------------------- bad ones --- */
/* A text and all that must be said about it, "line:column: message; hint" each. */
typedef struct {
    const char *name;
    const char *text;
    const char *expected[EXPECTED_MAX];
} bad_case;

static const bad_case bad_cases[] = {
#include "bad_cases.inc"
};

typedef struct {
    pbase_arena arena;
    problem_list problems;
    config_document document;
    config_plan plan;
    char told[16384]; /* "line:column: message; hint\n" each */
    size_t told_bytes;
} reading;

static void tell(void *state, const pbase_config_problem *problem)
{
    reading *r = state;
    size_t left = sizeof(r->told) - r->told_bytes;
    int n = problem->line == 0
                ? snprintf(r->told + r->told_bytes, left, "%s: ", problem->file)
                : snprintf(r->told + r->told_bytes, left, "%u:%u: ", (unsigned)problem->line,
                           (unsigned)problem->column);
    r->told_bytes += (size_t)n;
    n = snprintf(r->told + r->told_bytes, sizeof(r->told) - r->told_bytes, "%s%s%s\n",
                 problem->message, problem->hint[0] == '\0' ? "" : "; ", problem->hint);
    r->told_bytes += (size_t)n;
    assert_true(r->told_bytes < sizeof(r->told));
}

static pbase_status read_source(reading *r, const pbase_config_source *source,
                                const pbase_alloc *alloc, pbase_error *err)
{
    r->told[0] = '\0';
    r->told_bytes = 0;
    pbase_arena_init(&r->arena, alloc);
    problem_list_init(&r->problems, &r->arena);
    pbase_status status =
        config_document_read(source, pbase_os_real(), &r->problems, &r->document, err);
    if (status != PBASE_OK) {
        return status;
    }
    (void)config_document_plugin_paths(&r->document, &r->problems);
    config_plan_make(&r->document, fake_catalog(), &r->problems, &r->plan);
    return problem_list_finish(&r->problems, tell, r, err);
}

static pbase_status read_text(reading *r, const char *text, pbase_error *err)
{
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.text = text;
    return read_source(r, &source, pbase_alloc_default(), err);
}

static void every_bad_text_gets_its_problems_with_their_places(void **state)
{
    size_t wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        reading r;
        char expected[8192] = "";
        for (size_t j = 0; j < EXPECTED_MAX && bad_cases[i].expected[j] != NULL; j++) {
            strcat(strcat(expected, bad_cases[i].expected[j]), "\n");
        }

        pbase_status status = read_text(&r, bad_cases[i].text, NULL);

        if (status == PBASE_OK || strcmp(r.told, expected) != 0) {
            print_message("--- %s: expected\n%s--- got\n%s", bad_cases[i].name, expected, r.told);
            wrong++;
        }
        pbase_arena_fini(&r.arena);
    }
    assert_int_equal(wrong, 0);
}

static void the_first_problem_fills_the_error(void **state)
{
    reading r;
    pbase_error err;
    (void)state;
    pbase_error_init(&err);

    pbase_status status = read_text(&r,
                                    "version: 1\nstorage: {type: memory, durabilty: sync}\n"
                                    "codecs: [zip]\nother: 1\n",
                                    &err);

    assert_int_equal(status, PBASE_CONFIG);
    assert_string_equal(err.message,
                        "storage/memory: unknown option 'durabilty' (and 2 more problems)");
    assert_string_equal(err.where, "configuration:2:25");
    assert_string_equal(err.hint, "did you mean 'durability'?");
    pbase_arena_fini(&r.arena);
}

static void more_than_fifty_problems_are_counted_but_not_told(void **state)
{
    reading r;
    pbase_error err;
    char text[4096] = HEAD;
    (void)state;
    pbase_error_init(&err);
    for (int i = 0; i < 60; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "unknown_%d: 1\n", i);
    }

    pbase_status status = read_text(&r, text, &err);

    assert_int_equal(status, PBASE_CONFIG);
    assert_int_equal(r.problems.count, PBASE_CONFIG_PROBLEMS_MAX);
    assert_non_null(strstr(err.message, "and 59 more problems"));
    pbase_arena_fini(&r.arena);
}

static void a_text_over_the_limit_is_refused(void **state)
{
    reading r;
    size_t size = PBASE_CONFIG_BYTES_MAX + 2;
    char *text = test_malloc(size);
    (void)state;
    memset(text, '#', size - 1);
    text[size - 1] = '\0';

    assert_int_equal(read_text(&r, text, NULL), PBASE_LIMIT);

    pbase_arena_fini(&r.arena);
    test_free(text);
}

static void a_bomb_of_aliases_is_refused(void **state)
{
    reading r;
    char text[4096] = "version: 1\na0: &a0 [x, x]\n";
    (void)state;
    for (int i = 1; i < 25; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "a%d: &a%d [*a%d, *a%d]\n", i, i,
                 i - 1, i - 1);
    }

    pbase_status status = read_text(&r, text, NULL);

    assert_int_equal(status, PBASE_CONFIG);
    assert_non_null(strstr(r.told, "more values than the limit"));
    pbase_arena_fini(&r.arena);
}

static void deep_nesting_is_refused(void **state)
{
    reading r;
    char text[40000];
    (void)state;
    memset(text, '[', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    assert_int_equal(read_text(&r, text, NULL), PBASE_CONFIG);

    assert_string_equal(r.told, "1:33: values nest deeper than the limit of 32\n");
    pbase_arena_fini(&r.arena);
}

/* ------------------------------------------------------------------------------ good ones --- */
static void every_option_gets_its_type(void **state)
{
    reading r;
    (void)state;

    pbase_status status = read_text(&r,
                                    "version: 1\n"
                                    "storage:\n"
                                    "  type: file\n"
                                    "  segment_size: 2MiB\n"
                                    "  map: never\n"
                                    "  interval: 5s\n"
                                    "  ratio: 0.25\n"
                                    "  retries: 7\n"
                                    "  direct: true\n"
                                    "  label: \"a b\"\n"
                                    "  home: /h\n"
                                    "  tags: [x, y z]\n"
                                    "  durability: async\n"
                                    "  blocks: {type: file, path: d}\n"
                                    "codecs: [json, {type: zstd, level: 9}]\n",
                                    NULL);

    assert_int_equal(status, PBASE_OK);
    const pbase_config *c = r.plan.storage->values;
    assert_string_equal(r.plan.storage->label, "storage/file");
    assert_int_equal(pbase_config_int(c, "segment_size"), 2 << 20);
    assert_string_equal(pbase_config_text(c, "map"), "never");
    assert_int_equal(pbase_config_int(c, "interval"), 5000000000);
    assert_true(pbase_config_float(c, "ratio") == 0.25);
    assert_int_equal(pbase_config_int(c, "retries"), 7);
    assert_true(pbase_config_bool(c, "direct"));
    assert_string_equal(pbase_config_text(c, "label"), "a b");
    assert_string_equal(pbase_config_text(c, "home"), "/h");
    assert_int_equal(c->vtable->get_count(c, "tags"), 2);
    assert_string_equal(c->vtable->get_item(c, "tags", 1), "y z");
    assert_null(c->vtable->get_item(c, "tags", 2));
    assert_string_equal(pbase_config_text(c, "durability"), "async");
    assert_string_equal(pbase_config_place(c, "retries"), "configuration:8:12");
    assert_string_equal(r.plan.storage->children[0]->label, "block_provider/file");
    assert_int_equal(r.plan.codec_count, 2);
    assert_int_equal(pbase_config_int(r.plan.codecs[1]->values, "level"), 9);
    pbase_arena_fini(&r.arena);
}

static void options_left_out_get_their_defaults(void **state)
{
    reading r;
    (void)state;

    assert_int_equal(read_text(&r, "version: 1\n" GOOD_STORAGE, NULL), PBASE_OK);

    const pbase_config *c = r.plan.storage->values;
    assert_int_equal(pbase_config_int(c, "segment_size"), 64 << 20);
    assert_int_equal(pbase_config_int(c, "interval"), 250000000);
    assert_true(pbase_config_float(c, "ratio") == 0.5);
    assert_null(pbase_config_text(c, "label"));
    assert_int_equal(c->vtable->get_count(c, "tags"), 0);
    assert_false(c->vtable->is_set(c, "retries"));
    assert_string_equal(pbase_config_text(c, "durability"), "sync");
    assert_int_equal(pbase_config_int(c, "checkpoint_bytes"), 64 << 20);
    assert_string_equal(pbase_config_place(c, "retries"), "configuration:2:10");
    assert_int_equal(r.plan.codec_count, 1);
    assert_string_equal(r.plan.codecs[0]->label, "codec/msgpack");
    pbase_arena_fini(&r.arena);
}

static void asking_for_what_was_not_declared_gives_the_zero_of_the_type(void **state)
{
    reading r;
    (void)state;
    assert_int_equal(read_text(&r, "version: 1\n" GOOD_STORAGE, NULL), PBASE_OK);
    const pbase_config *c = r.plan.storage->values;

    assert_false(pbase_config_bool(c, "nothing"));
    assert_int_equal(pbase_config_int(c, "nothing"), 0);
    assert_true(pbase_config_float(c, "nothing") == 0);
    assert_null(pbase_config_text(c, "nothing"));
    assert_int_equal(c->vtable->get_count(c, "nothing"), 0);
    assert_null(c->vtable->get_item(c, "nothing", 0));
    assert_string_equal(pbase_config_place(c, "nothing"), "configuration:2:10");
    pbase_arena_fini(&r.arena);
}

static void a_bare_name_stands_for_a_component_without_options(void **state)
{
    reading r;
    (void)state;

    assert_int_equal(read_text(&r, "version: 1\nstorage: memory\ncodecs: [json]\n", NULL),
                     PBASE_OK);

    assert_string_equal(r.plan.storage->label, "storage/memory");
    pbase_arena_fini(&r.arena);
}

static void an_optional_slot_takes_its_default_component(void **state)
{
    reading r;
    (void)state;

    assert_int_equal(read_text(&r,
                               "version: 1\n"
                               "storage: {type: stack, durability: remote, blocks: memory}\n",
                               NULL),
                     PBASE_OK);

    assert_string_equal(r.plan.storage->children[1]->label, "storage/memory");
    pbase_arena_fini(&r.arena);
}

static void an_alias_stands_for_its_anchor(void **state)
{
    reading r;
    (void)state;

    assert_int_equal(read_text(&r,
                               "version: 1\n"
                               "storage: {type: file, segment_size: &size 2MiB,\n"
                               "  blocks: {type: file, path: d, segment_size: *size}}\n",
                               NULL),
                     PBASE_OK);

    const pbase_config *blocks = r.plan.storage->children[0]->values;
    assert_int_equal(pbase_config_int(blocks, "segment_size"), 2 << 20);
    pbase_arena_fini(&r.arena);
}

static void data_and_memory_stand_for_whole_configurations(void **state)
{
    reading r;
    (void)state;
    pbase_config_source data = PBASE_CONFIG_SOURCE_INIT;
    data.data = "/tmp/it's \"$HOME\" \\ ${env:X}";
    pbase_config_source memory = PBASE_CONFIG_SOURCE_INIT;
    memory.memory = 1;

    assert_int_equal(read_source(&r, &data, pbase_alloc_default(), NULL), PBASE_OK);
    assert_string_equal(pbase_config_text(r.plan.storage->children[0]->values, "path"), data.data);
    pbase_arena_fini(&r.arena);

    assert_int_equal(read_source(&r, &memory, pbase_alloc_default(), NULL), PBASE_OK);
    assert_string_equal(r.plan.storage->label, "storage/memory");
    pbase_arena_fini(&r.arena);
}

static void a_source_that_names_nothing_or_too_much_is_invalid(void **state)
{
    reading r;
    (void)state;
    pbase_config_source nothing = PBASE_CONFIG_SOURCE_INIT;
    pbase_config_source both = PBASE_CONFIG_SOURCE_INIT;
    both.memory = 1;
    both.text = HEAD;

    assert_int_equal(read_source(&r, &nothing, pbase_alloc_default(), NULL), PBASE_INVALID);
    pbase_arena_fini(&r.arena);
    assert_int_equal(read_source(&r, &both, pbase_alloc_default(), NULL), PBASE_INVALID);
    pbase_arena_fini(&r.arena);
}

static void write_text_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static void paths_of_a_file_start_from_its_folder(void **state)
{
    reading r;
    temp_dir dir;
    char expected[PATH_MAX + 8];
    (void)state;
    temp_dir_create(&dir);
    write_text_file(temp_dir_path(&dir, "app.yaml"), "version: 1\n" GOOD_STORAGE);
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.file = temp_dir_path(&dir, "app.yaml");

    assert_int_equal(read_source(&r, &source, pbase_alloc_default(), NULL), PBASE_OK);

    snprintf(expected, sizeof(expected), "%s/d", dir.path);
    assert_string_equal(pbase_config_text(r.plan.storage->children[0]->values, "path"), expected);
    snprintf(expected, sizeof(expected), "%s/home", dir.path);
    assert_string_equal(pbase_config_text(r.plan.storage->values, "home"), expected);
    pbase_arena_fini(&r.arena);
    temp_dir_remove(&dir);
}

static void a_file_that_cannot_be_read_is_a_problem(void **state)
{
    reading r;
    temp_dir dir;
    (void)state;
    temp_dir_create(&dir);
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.file = temp_dir_path(&dir, "missing.yaml");

    assert_int_equal(read_source(&r, &source, pbase_alloc_default(), NULL), PBASE_CONFIG);
    assert_non_null(strstr(r.told, "cannot read the configuration"));
    pbase_arena_fini(&r.arena);

    source.file = dir.path; /* a folder */
    assert_int_equal(read_source(&r, &source, pbase_alloc_default(), NULL), PBASE_CONFIG);
    assert_non_null(strstr(r.told, "is not a regular file"));
    pbase_arena_fini(&r.arena);
    temp_dir_remove(&dir);
}

/* ------------------------------------------------------------------------------- sweeping --- */
static void lack_of_memory_anywhere_is_said_and_leaves_nothing(void **state)
{
    static const char *const sets[] = {"storage.blocks.segment_size=2MiB", "codecs.1.level=9"};
    uint64_t n = 1;
    bool reached_the_end = false;
    (void)state;
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.text = "version: 1\n"
                  "storage: {type: file, label: \"${env:HOME:-x}\", other: 1, retries: 99,\n"
                  "  tags: [a, b], blocks: {type: file, path: &p d}}\n"
                  "codecs: [json, zstd]\n"
                  "plugins: {path: [*p]}\n";
    source.sets = sets;
    source.set_count = 2;
    for (; !reached_the_end; n++) {
        reading r;
        fault_alloc fa;
        pbase_error err;
        pbase_error_init(&err);
        fault_alloc_init(&fa);
        fault_alloc_fail_at(&fa, n);

        pbase_status status = read_source(&r, &source, &fa.alloc, &err);

        reached_the_end = !fault_alloc_has_failed(&fa);
        assert_int_equal(status, reached_the_end ? PBASE_CONFIG : PBASE_NO_MEMORY);
        pbase_arena_fini(&r.arena);
        assert_int_equal(fault_alloc_live_bytes(&fa), 0);
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bad_text_gets_its_problems_with_their_places),
        cmocka_unit_test(the_first_problem_fills_the_error),
        cmocka_unit_test(more_than_fifty_problems_are_counted_but_not_told),
        cmocka_unit_test(a_text_over_the_limit_is_refused),
        cmocka_unit_test(a_bomb_of_aliases_is_refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(every_option_gets_its_type),
        cmocka_unit_test(options_left_out_get_their_defaults),
        cmocka_unit_test(asking_for_what_was_not_declared_gives_the_zero_of_the_type),
        cmocka_unit_test(a_bare_name_stands_for_a_component_without_options),
        cmocka_unit_test(an_optional_slot_takes_its_default_component),
        cmocka_unit_test(an_alias_stands_for_its_anchor),
        cmocka_unit_test(data_and_memory_stand_for_whole_configurations),
        cmocka_unit_test(a_source_that_names_nothing_or_too_much_is_invalid),
        cmocka_unit_test(paths_of_a_file_start_from_its_folder),
        cmocka_unit_test(a_file_that_cannot_be_read_is_a_problem),
        cmocka_unit_test(lack_of_memory_anywhere_is_said_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
