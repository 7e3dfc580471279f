/* test_entry.c - entries of indexes: their order is that of the values, and each tells its parts. */
#include "index/entry.h"

#include "index/row_entries.h"
#include "json_value.h"
#include "random_value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static pbase_arena arena;

static int begin(void **unused)
{
    (void)unused;
    pbase_arena_init(&arena, pbase_alloc_default());
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    pbase_arena_fini(&arena);
    return 0;
}

/* The element of a value, in the arena. */
static pbase_bytes element(const pbase_value *value, bool *out_cut)
{
    pbase_buffer buffer;
    pbase_bytes kept;
    *out_cut = false;
    pbase_buffer_init(&buffer, pbase_alloc_default());
    assert_int_equal(entry_element(value, &buffer, out_cut, NULL), PBASE_OK);
    assert_int_equal(pbase_arena_copy(&arena, pbase_buffer_view(&buffer), &kept, NULL), PBASE_OK);
    pbase_buffer_fini(&buffer);
    return kept;
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void assert_ordered(const pbase_value *a, const pbase_value *b)
{
    bool a_cut = false, b_cut = false;
    pbase_bytes x = element(a, &a_cut), y = element(b, &b_cut);
    int order = pbase_bytes_compare(x, y);
    if (a_cut && b_cut && order == 0) {
        return; /* alike as far as they are kept */
    }
    if (sign(order) != sign(pbase_value_compare(a, b))) {
        fail_msg("%s and %s stand in another order as elements", json_text(a, &arena),
                 json_text(b, &arena));
    }
}

static void elements_stand_in_the_total_order_of_their_values(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("entry"));
    random_value_options options = {.depth_max = 3, .items_max = 4};
    unsigned rounds = seed_is_long_run() ? 2000000 : 60000;
    for (unsigned i = 0; i < rounds; i++) {
        pbase_value a = random_value(&random, &options, &arena);
        pbase_value b = random_value(&random, &options, &arena);
        assert_ordered(&a, &b);
        if (i % 500 == 0) {
            pbase_arena_reset(&arena);
        }
    }
}

static void long_values_are_cut_and_still_stand_in_order(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("entry.cut"));
    for (unsigned i = 0; i < 3000; i++) {
        pbase_value sides[2];
        for (int side = 0; side < 2; side++) {
            size_t size = 505 + seed_below(&random, 12);
            uint8_t *text = pbase_arena_alloc(&arena, size);
            assert_non_null(text);
            memset(text, 'a', size);
            for (size_t at = 500; at < size; at++) {
                text[at] = (uint8_t)seed_below(&random, 3);
            }
            sides[side] = pbase_value_bytes(pbase_bytes_of(text, size));
        }
        assert_ordered(&sides[0], &sides[1]);
        pbase_arena_reset(&arena);
    }
}

static void a_missing_field_is_null_and_numbers_are_exact(void **unused)
{
    (void)unused;
    bool cut = false;
    pbase_value missing = {.kind = PBASE_VALUE_MISSING}, null = pbase_value_null();
    pbase_value one = pbase_value_int(1), real = pbase_value_float(1.0);
    pbase_value big = pbase_value_int(9007199254740993),
                near = pbase_value_float(9007199254740992.0);

    assert_true(pbase_bytes_equal(element(&missing, &cut), element(&null, &cut)));
    assert_true(pbase_bytes_equal(element(&one, &cut), element(&real, &cut)));
    assert_true(pbase_bytes_compare(element(&big, &cut), element(&near, &cut)) > 0);
    assert_false(cut);
}

/* Elements of random values, some of them cut, one after another, and a row behind them. */
static void every_entry_comes_apart_again(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("entry.parts"));
    random_value_options options = {.depth_max = 3, .items_max = 4};
    for (unsigned i = 0; i < 20000; i++) {
        size_t ends[4], count = 1 + (size_t)seed_below(&random, 4);
        bool has_null = false, is_cut = false;
        uint8_t row[5] = {0xfe, 0xff, 0, 1, 2};
        pbase_buffer entry;
        pbase_buffer_init(&entry, pbase_alloc_default());
        for (size_t f = 0; f < count; f++) {
            pbase_value value = random_value(&random, &options, &arena);
            if (seed_below(&random, 4) == 0) { /* at the border of what is kept */
                size_t size = 506 + seed_below(&random, 8);
                uint8_t *text = pbase_arena_alloc(&arena, size);
                assert_non_null(text);
                memset(text, seed_below(&random, 2) == 0 ? 0 : 'x', size);
                value = pbase_value_bytes(pbase_bytes_of(text, size));
            }
            has_null = has_null || value.kind == PBASE_NULL;
            assert_int_equal(entry_element(&value, &entry, &is_cut, NULL), PBASE_OK);
            ends[f] = entry.size;
        }
        assert_int_equal(pbase_buffer_append_u8(&entry, ENTRY_ROW, NULL), PBASE_OK);
        assert_int_equal(pbase_buffer_append(&entry, row, sizeof row, NULL), PBASE_OK);

        pbase_bytes found;
        for (size_t f = 0; f < count; f++) {
            assert_int_equal(entry_prefix_size(pbase_buffer_view(&entry), f + 1), ends[f]);
        }
        assert_true(entry_row(pbase_buffer_view(&entry), count, &found));
        assert_true(pbase_bytes_equal(found, pbase_bytes_of(row, sizeof row)));
        assert_true(entry_has_null(pbase_buffer_view(&entry), count) == has_null);
        pbase_buffer_fini(&entry);
        pbase_arena_reset(&arena);
    }
}

static void bytes_that_are_no_entry_are_refused(void **unused)
{
    (void)unused;
    seed_random random;
    seed_random_init(&random, seed_for("entry.noise"));
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t noise[700];
        char text[40];
        pbase_bytes row;
        size_t size = seed_below(&random, i % 10 == 0 ? sizeof noise : 24);
        seed_fill(&random, noise, size);
        for (size_t at = 0; at < size; at++) { /* mostly classes, so that it goes deep */
            noise[at] = seed_below(&random, 2) == 0 ? (uint8_t)(noise[at] % 12) : noise[at];
        }
        pbase_bytes bytes = pbase_bytes_of(noise, size);
        if (entry_row(bytes, 2, &row)) {
            assert_true(row.size > 0 && row.size < size);
        }
        (void)entry_has_null(bytes, 2);
        entry_describe(bytes, 2, text, sizeof text);
    }
}

/* ----------------------------------------------------------------------------------- rows ------- */

/* The entries that `document` has in an index of `fields`, described, one after another. */
static const char *entries_of(const char *document, const char *const *fields, size_t count)
{
    index_definition definition = {.name = pbase_bytes_text("i"), .kind = INDEX_ORDERED};
    pbase_value value = json_value(document, &arena), values[4];
    index_field parsed[4];
    index_entries entries;
    pbase_buffer scratch, text;
    index_entries_init(&entries, pbase_alloc_default());
    pbase_buffer_init(&scratch, pbase_alloc_default());
    pbase_buffer_init(&text, pbase_alloc_default());
    definition.fields = parsed;
    definition.field_count = count;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(index_field_parse(pbase_bytes_text(fields[i]), &arena, &parsed[i], NULL),
                         PBASE_OK);
        const pbase_value *found = pbase_value_field(&value, parsed[i].path.steps[0].name);
        values[i] = found == NULL ? (pbase_value){.kind = PBASE_VALUE_MISSING} : *found;
    }
    assert_int_equal(index_row_entries(&definition, values, pbase_bytes_text("row"), &scratch,
                                       &arena, &entries, NULL),
                     PBASE_OK);
    for (size_t i = 0; i < entries.count; i++) {
        char one[64];
        entry_describe(entries.items[i].key, count, one, sizeof one);
        assert_int_equal(pbase_buffer_append_text(&text, NULL, "%s%s", i == 0 ? "" : " | ", one),
                         PBASE_OK);
    }
    const char *out = pbase_arena_text(&arena, pbase_buffer_view(&text));
    index_entries_fini(&entries);
    pbase_buffer_fini(&scratch);
    pbase_buffer_fini(&text);
    return out;
}

static void a_list_gives_an_entry_for_each_different_element(void **unused)
{
    (void)unused;
    static const char *const tags[] = {"tags[*]"}, *const both[] = {"city", "tags[*]"};

    assert_string_equal(entries_of("{'tags': ['b', 'a', 'b', 1, 1.0]}", tags, 1), "1 | 'a' | 'b'");
    assert_string_equal(entries_of("{'tags': []}", tags, 1), "null");
    assert_string_equal(entries_of("{}", tags, 1), "null");
    assert_string_equal(entries_of("{'tags': 7}", tags, 1), "7");
    assert_string_equal(entries_of("{'city': 'x', 'tags': ['b', 'a']}", both, 2),
                        "['x', 'a'] | ['x', 'b']");
    assert_string_equal(entries_of("{'city': 'x'}", both, 2), "['x', null]");
}

static void fields_stand_in_the_order_of_the_definition(void **unused)
{
    (void)unused;
    static const char *const fields[] = {"b", "a"};
    assert_string_equal(entries_of("{'a': 1, 'b': true}", fields, 2), "[true, 1]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(elements_stand_in_the_total_order_of_their_values, begin,
                                        end),
        cmocka_unit_test_setup_teardown(long_values_are_cut_and_still_stand_in_order, begin, end),
        cmocka_unit_test_setup_teardown(a_missing_field_is_null_and_numbers_are_exact, begin, end),
        cmocka_unit_test_setup_teardown(every_entry_comes_apart_again, begin, end),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_entry_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_list_gives_an_entry_for_each_different_element, begin,
                                        end),
        cmocka_unit_test_setup_teardown(fields_stand_in_the_order_of_the_definition, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
