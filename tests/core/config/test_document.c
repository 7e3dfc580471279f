/* Overrides and substitutions. */
#include "config/document.h"
#include "os/os.h"
#include "temp_dir.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    temp_dir dir;
    pbase_arena arena;
    problem_list problems;
    config_document document;
} fixture;

static int set_up(void **state)
{
    fixture *f = test_calloc(1, sizeof(*f));
    temp_dir_create(&f->dir);
    pbase_arena_init(&f->arena, pbase_alloc_default());
    problem_list_init(&f->problems, &f->arena);
    assert_int_equal(setenv("PBASE_TEST_WORD", "hello", 1), 0);
    assert_int_equal(setenv("PBASE_TEST_EMPTY", "", 1), 0);
    assert_int_equal(setenv("PBASE_TEST_YAML", "{a: b}", 1), 0);
    assert_int_equal(unsetenv("PBASE_TEST_NOT_SET"), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    pbase_arena_fini(&f->arena);
    temp_dir_remove(&f->dir);
    test_free(f);
    return 0;
}

static void read_with(fixture *f, const char *text, const char *const *sets, size_t count)
{
    pbase_config_source source = PBASE_CONFIG_SOURCE_INIT;
    source.text = text;
    source.sets = sets;
    source.set_count = count;
    assert_int_equal(
        config_document_read(&source, pbase_os_real(), &f->problems, &f->document, NULL), PBASE_OK);
}

/* The scalar at a path of keys ending with NULL. */
static const config_node *node_at(const fixture *f, const char *const *path)
{
    const config_node *node = f->document.root;
    for (; *path != NULL; path++) {
        node = config_map_get(node, *path);
        assert_non_null(node);
    }
    return node;
}

static const char *text_of(const fixture *f, const char *key)
{
    const char *const path[] = {key, NULL};
    return node_at(f, path)->text;
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* --------------------------------------------------------------------------- substitution --- */
static void variables_are_put_into_values(void **state)
{
    fixture *f = *state;

    read_with(f,
              "a: ${env:PBASE_TEST_WORD}\n"
              "b: x${env:PBASE_TEST_WORD}y${env:PBASE_TEST_WORD}\n"
              "c: ${env:PBASE_TEST_NOT_SET:-other}\n"
              "d: \"${env:PBASE_TEST_EMPTY:-other}\"\n"
              "e: ${env:PBASE_TEST_EMPTY}\n"
              "f: $${env:PBASE_TEST_WORD} costs 5$ or $$\n",
              NULL, 0);

    assert_true(problem_list_empty(&f->problems));
    assert_string_equal(text_of(f, "a"), "hello");
    assert_string_equal(text_of(f, "b"), "xhelloyhello");
    assert_string_equal(text_of(f, "c"), "other");
    assert_string_equal(text_of(f, "d"), "other");
    assert_string_equal(text_of(f, "e"), "");
    assert_string_equal(text_of(f, "f"), "${env:PBASE_TEST_WORD} costs 5$ or $");
}

static void a_variable_cannot_bring_in_structure_or_further_references(void **state)
{
    fixture *f = *state;
    assert_int_equal(setenv("PBASE_TEST_NESTED", "${env:PBASE_TEST_WORD}", 1), 0);

    read_with(f, "a: ${env:PBASE_TEST_YAML}\nb: ${env:PBASE_TEST_NESTED}\n", NULL, 0);

    assert_string_equal(text_of(f, "a"), "{a: b}");
    assert_string_equal(text_of(f, "b"), "${env:PBASE_TEST_WORD}");
}

static void keys_are_left_alone(void **state)
{
    fixture *f = *state;

    read_with(f, "${env:PBASE_TEST_WORD}: 1\n", NULL, 0);

    assert_string_equal(text_of(f, "${env:PBASE_TEST_WORD}"), "1");
}

static void an_aliased_value_is_substituted_once(void **state)
{
    fixture *f = *state;
    assert_int_equal(setenv("PBASE_TEST_DOLLARS", "$$", 1), 0);

    read_with(f, "a: &x ${env:PBASE_TEST_DOLLARS}\nb: *x\n", NULL, 0);

    assert_string_equal(text_of(f, "b"), "$$");
}

static void a_file_is_put_in_without_its_last_newline_and_stays_hidden(void **state)
{
    fixture *f = *state;
    char text[PATH_MAX + 64];
    write_file(temp_dir_path(&f->dir, "secret"), "swordfish\n\n", 11);
    snprintf(text, sizeof(text), "a: \"${file:%s}\"\n", temp_dir_path(&f->dir, "secret"));

    read_with(f, text, NULL, 0);

    const char *const path[] = {"a", NULL};
    assert_string_equal(node_at(f, path)->text, "swordfish\n");
    assert_true(node_at(f, path)->hidden);
}

static void files_that_are_no_text_are_refused(void **state)
{
    fixture *f = *state;
    char text[4 * PATH_MAX];
    write_file(temp_dir_path(&f->dir, "nul"), "a\0b", 3);
    write_file(temp_dir_path(&f->dir, "latin"), "\xe4", 1);
    snprintf(text, sizeof(text),
             "a: \"${file:%s/nul}\"\nb: \"${file:%s/latin}\"\nc: \"${file:%s}\"\n", f->dir.path,
             f->dir.path, f->dir.path);

    read_with(f, text, NULL, 0);

    assert_int_equal(f->problems.count, 3);
    assert_non_null(strstr(f->problems.items[0].message, "is not UTF-8 text"));
    assert_non_null(strstr(f->problems.items[1].message, "is not UTF-8 text"));
    assert_non_null(strstr(f->problems.items[2].message, "is not a regular file"));
}

static void a_large_file_is_refused(void **state)
{
    fixture *f = *state;
    char text[PATH_MAX + 64];
    size_t size = 65537;
    char *data = test_malloc(size);
    memset(data, 'x', size);
    write_file(temp_dir_path(&f->dir, "large"), data, size);
    test_free(data);
    snprintf(text, sizeof(text), "a: \"${file:%s}\"\n", temp_dir_path(&f->dir, "large"));

    read_with(f, text, NULL, 0);

    assert_int_equal(f->problems.count, 1);
    assert_non_null(strstr(f->problems.items[0].message, "the limit is 65536"));
}

/* -------------------------------------------------------------------------------- override --- */
static void overrides_replace_add_and_index(void **state)
{
    fixture *f = *state;
    const char *const sets[] = {"a.b=2", "a.new.deep=x", "list.1=z", "whole={k: [1, 2]}"};

    read_with(f, "a: {b: 1, c: 3}\nlist: [x, y]\n", sets, 4);

    const char *const b[] = {"a", "b", NULL};
    const char *const c[] = {"a", "c", NULL};
    const char *const deep[] = {"a", "new", "deep", NULL};
    const char *const k[] = {"whole", "k", NULL};
    const char *const list[] = {"list", NULL};
    assert_true(problem_list_empty(&f->problems));
    assert_string_equal(node_at(f, b)->text, "2");
    assert_string_equal(node_at(f, c)->text, "3");
    assert_string_equal(node_at(f, deep)->text, "x");
    assert_int_equal(node_at(f, k)->count, 2);
    assert_string_equal(node_at(f, list)->last->value->text, "z");
    assert_string_equal(node_at(f, b)->origin->name, "--set a.b");
}

static void an_override_of_one_alias_leaves_the_other_alone(void **state)
{
    fixture *f = *state;
    const char *const sets[] = {"b.x=2"};

    read_with(f, "a: &m {x: 1}\nb: *m\n", sets, 1);

    const char *const a[] = {"a", "x", NULL};
    const char *const b[] = {"b", "x", NULL};
    assert_string_equal(node_at(f, a)->text, "1");
    assert_string_equal(node_at(f, b)->text, "2");
}

static void a_bare_component_name_becomes_a_mapping_when_an_option_is_set(void **state)
{
    fixture *f = *state;
    const char *const sets[] = {"storage.durability=none"};

    read_with(f, "storage: memory\n", sets, 1);

    const char *const type[] = {"storage", "type", NULL};
    const char *const durability[] = {"storage", "durability", NULL};
    assert_string_equal(node_at(f, type)->text, "memory");
    assert_string_equal(node_at(f, durability)->text, "none");
}

static void overrides_are_substituted_too(void **state)
{
    fixture *f = *state;
    const char *const sets[] = {"a=${env:PBASE_TEST_WORD}"};

    read_with(f, "a: 1\n", sets, 1);

    assert_string_equal(text_of(f, "a"), "hello");
}

static void malformed_overrides_are_problems_that_name_themselves(void **state)
{
    static const char *const bad[][3] = {
        {"novalue", "--set novalue", "this sets nothing"},
        {"=1", "--set ", "this sets nothing"},
        {"a..b=1", "--set a", "this sets nothing"},
        {"a=[1", "--set a", "did not find expected ',' or ']'"},
        {"list.7=x", "--set list.7", "'7' is no item of the list, which has 2"},
        {"list.x=x", "--set list.x", "'x' is no item of the list, which has 2"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        problem_list_init(&f->problems, &f->arena);

        read_with(f, "list: [x, y]\n", &bad[i][0], 1);

        assert_int_equal(f->problems.count, 1);
        assert_int_equal(f->problems.items[0].line, 0);
        assert_int_equal(strncmp(f->problems.items[0].file, bad[i][1], strlen(bad[i][1])), 0);
        assert_string_equal(f->problems.items[0].message, bad[i][2]);
    }
}

/* ----------------------------------------------------------------------------------- form --- */
static void a_problem_reads_like_that_of_a_compiler(void **state)
{
    fixture *f = *state;
    pbase_buffer out;
    pbase_buffer_init(&out, pbase_alloc_default());
    pbase_config_problem problem = {sizeof(problem),
                                    PBASE_CONFIG,
                                    "app.yaml",
                                    9,
                                    7,
                                    "storage/file: unknown option 'segment_sise'",
                                    "did you mean 'segment_size'?"};
    (void)f;

    assert_int_equal(pbase_config_problem_format(&problem, &out, NULL), PBASE_OK);

    assert_int_equal(pbase_buffer_append_u8(&out, 0, NULL), PBASE_OK);
    assert_string_equal((const char *)out.data,
                        "app.yaml:9:7: error: storage/file: unknown option 'segment_sise'; "
                        "did you mean 'segment_size'?");
    pbase_buffer_fini(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(variables_are_put_into_values),
        TEST(a_variable_cannot_bring_in_structure_or_further_references),
        TEST(keys_are_left_alone),
        TEST(an_aliased_value_is_substituted_once),
        TEST(a_file_is_put_in_without_its_last_newline_and_stays_hidden),
        TEST(files_that_are_no_text_are_refused),
        TEST(a_large_file_is_refused),
        TEST(overrides_replace_add_and_index),
        TEST(an_override_of_one_alias_leaves_the_other_alone),
        TEST(a_bare_component_name_becomes_a_mapping_when_an_option_is_set),
        TEST(overrides_are_substituted_too),
        TEST(malformed_overrides_are_problems_that_name_themselves),
        TEST(a_problem_reads_like_that_of_a_compiler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
