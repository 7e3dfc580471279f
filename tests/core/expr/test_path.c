/* Paths: what they say, what they find, what is refused. */
#include "expr/path.h"
#include "json_value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after setjmp.h */
#include <cmocka.h>

static const pbase_value *found(const char *json, const char *path, pbase_arena *arena)
{
    static pbase_value document;
    pbase_path parsed;
    document = json_value(json, arena);
    assert_int_equal(path_parse(pbase_bytes_text(path), arena, &parsed, NULL), PBASE_OK);
    return path_lookup(&document, &parsed);
}

static void paths_reach_into_maps_and_lists(void **state)
{
    (void)state;
    static const char json[] = "{'a': {'b': [10, {'c': 11}], 'x-y': 12, 'p.q': 13}, '': 14}";
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(found(json, "a.b[0]", &arena)->as.integer, 10);
    assert_int_equal(found(json, "a.b[-1].c", &arena)->as.integer, 11);
    assert_int_equal(found(json, "a.x-y", &arena)->as.integer, 12);
    assert_int_equal(found(json, "a.\"p.q\"", &arena)->as.integer, 13);
    assert_int_equal(found(json, "\"\"", &arena)->as.integer, 14);
    assert_null(found(json, "a.b[2]", &arena));
    assert_null(found(json, "a.b[-3]", &arena));
    assert_null(found(json, "a.b.c", &arena));
    assert_null(found(json, "a[0]", &arena));
    assert_null(found(json, "b", &arena));
    assert_null(found("[1]", "a", &arena));
    pbase_arena_fini(&arena);
}

static void names_may_hold_any_byte_between_quotes(void **state)
{
    (void)state;
    static const char text[] = "\"a\0b\".\"q\"\"q\"";
    pbase_arena arena;
    pbase_path path, again;
    pbase_buffer written;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_buffer_init(&written, pbase_alloc_default());
    assert_int_equal(path_parse(pbase_bytes_of(text, sizeof text - 1), &arena, &path, NULL),
                     PBASE_OK);
    assert_int_equal(path.count, 2);
    assert_int_equal(path.steps[0].name.size, 3);
    assert_memory_equal(path.steps[1].name.data, "q\"q", 3);
    assert_int_equal(path_format(&path, &written, NULL), PBASE_OK);
    assert_int_equal(path_parse(pbase_buffer_view(&written), &arena, &again, NULL), PBASE_OK);
    assert_true(path_equal(&path, &again));
    pbase_buffer_fini(&written);
    pbase_arena_fini(&arena);
}

static void malformed_paths_say_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } wrong[] = {
        {"", "path '': a field name is missing at character 1"},
        {"a.", "path 'a.': a field name is missing at character 3"},
        {".a", "path '.a': a field name is missing at character 1"},
        {"a[", "path 'a[': a position is a whole number followed by ']' at character 3"},
        {"a[1", "path 'a[1': a position is a whole number followed by ']' at character 4"},
        {"a[-]", "path 'a[-]': a position is a whole number followed by ']' at character 4"},
        {"a[99999999999]", "path 'a[99999999999]': the position is too large at character 12"},
        {"a]b", "path 'a]b': expected '.' or '[' at character 2"},
        {"\"a", "path '\"a': a quote is not closed at character 3"},
        {"[0]", "path '[0]': a field name is missing at character 1"},
    };
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        pbase_path path;
        pbase_error err;
        pbase_error_init(&err);
        assert_int_equal(path_parse(pbase_bytes_text(wrong[i].text), &arena, &path, &err),
                         PBASE_INVALID);
        assert_string_equal(err.message, wrong[i].message);
    }
    pbase_arena_fini(&arena);
}

static void a_path_that_goes_wrong_writes_nothing_past_its_steps(void **state)
{
    (void)state;
    static const uint8_t untouched[16] = {0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA,
                                          0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
    pbase_arena arena;
    pbase_path path;
    /* given an arena whose free memory shows what is written there */
    pbase_arena_init(&arena, pbase_alloc_default());
    void *memory = pbase_arena_alloc(&arena, 256);
    assert_non_null(memory);
    memset(memory, 0xAA, 256);
    pbase_arena_reset(&arena);
    /* when a name is followed by what begins no step */
    assert_int_equal(path_parse(pbase_bytes_text("a]"), &arena, &path, NULL), PBASE_INVALID);
    /* then what comes after the one step there was room for is as it was */
    assert_memory_equal(arena.next, untouched, sizeof untouched);
    pbase_arena_fini(&arena);
}

static void a_path_has_a_limit_of_steps(void **state)
{
    (void)state;
    char text[4 * PATH_STEPS_MAX];
    pbase_arena arena;
    pbase_path path;
    pbase_arena_init(&arena, pbase_alloc_default());
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = i % 2 == 0 ? 'a' : '.';
    }
    size_t most = 2 * PATH_STEPS_MAX - 1;
    assert_int_equal(path_parse(pbase_bytes_of(text, most), &arena, &path, NULL), PBASE_OK);
    assert_int_equal(path.count, PATH_STEPS_MAX);
    assert_int_equal(path_parse(pbase_bytes_of(text, most + 2), &arena, &path, NULL), PBASE_LIMIT);
    pbase_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_reach_into_maps_and_lists),
        cmocka_unit_test(names_may_hold_any_byte_between_quotes),
        cmocka_unit_test(malformed_paths_say_where),
        cmocka_unit_test(a_path_that_goes_wrong_writes_nothing_past_its_steps),
        cmocka_unit_test(a_path_has_a_limit_of_steps),
    };
    return cmocka_run_group_tests_name("core.expr.path", tests, NULL, NULL);
}
