/* Values: names of kinds, fields, copies, and what may not be stored. */
#include "fault_alloc.h"
#include "random_value.h"
#include <math.h>
#include <protobase/base/value.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* after setjmp.h */
#include <cmocka.h>

static const random_value_options rich = {.depth_max = 5, .items_max = 8, .with_child = true};

/* `depth` containers around a null, alternately lists and maps; all in `arena`. */
static pbase_value nest(unsigned depth, pbase_arena *arena)
{
    pbase_value value = pbase_value_null();
    for (unsigned i = 0; i < depth; i++) {
        pbase_field *field = (pbase_field *)pbase_arena_alloc(arena, sizeof *field);
        assert_non_null(field);
        field->name = pbase_bytes_text("f");
        field->value = value;
        value = i % 2 == 0 ? pbase_value_list(&field->value, 1) : pbase_value_map(field, 1);
    }
    return value;
}

static void each_kind_has_its_name(void **state)
{
    (void)state;
    static const char *const names[] = {"null", "bool", "num", "num", "str",   "bytes",  "time",
                                        "list", "map",  "vec", "ref", "child", "unknown"};
    for (uint8_t kind = 0; kind < sizeof names / sizeof names[0]; kind++) {
        pbase_value value = pbase_value_null();
        value.kind = kind;
        assert_string_equal(pbase_value_type_name(&value), names[kind]);
    }
    pbase_value value = {.kind = 0xff};
    assert_string_equal(pbase_value_type_name(&value), "unknown");
}

static void field_is_found_by_its_whole_name(void **state)
{
    (void)state;
    const pbase_field fields[] = {
        {pbase_bytes_text("a"), pbase_value_int(1)},
        {pbase_bytes_of("a\0b", 3), pbase_value_int(2)},
        {pbase_bytes_text(""), pbase_value_int(3)},
    };
    pbase_value map = pbase_value_map(fields, 3);
    pbase_value list = pbase_value_list(NULL, 0);
    assert_int_equal(pbase_value_field(&map, pbase_bytes_text("a"))->as.integer, 1);
    assert_int_equal(pbase_value_field(&map, pbase_bytes_of("a\0b", 3))->as.integer, 2);
    assert_int_equal(pbase_value_field(&map, pbase_bytes_of(NULL, 0))->as.integer, 3);
    assert_null(pbase_value_field(&map, pbase_bytes_text("b")));
    assert_null(pbase_value_field(&list, pbase_bytes_text("a")));
}

static void copy_is_identical_and_on_its_own(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, seed_for("copy_is_identical_and_on_its_own"));
    for (int round = 0; round < 300; round++) {
        pbase_arena source;
        pbase_arena target;
        pbase_arena witness;
        pbase_arena_init(&source, pbase_alloc_default());
        pbase_arena_init(&target, pbase_alloc_default());
        pbase_arena_init(&witness, pbase_alloc_default());
        uint64_t start = random.state;
        pbase_value value = random_value(&random, &rich, &source);
        pbase_value copy;
        assert_int_equal(pbase_value_copy(&value, &target, &copy, NULL), PBASE_OK);
        assert_true(pbase_value_identical(&value, &copy));
        pbase_arena_fini(&source); /* the copy needs nothing of it */
        random.state = start;
        value = random_value(&random, &rich, &witness);
        assert_true(pbase_value_identical(&value, &copy));
        assert_int_equal(pbase_value_compare(&value, &copy), 0);
        pbase_arena_fini(&witness);
        pbase_arena_fini(&target);
    }
}

static void copy_without_memory_leaves_out_untouched(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, 4711);
    random_value_options large = {.depth_max = 3, .items_max = 20, .with_child = true};
    pbase_arena source;
    pbase_arena_init(&source, pbase_alloc_default());
    pbase_value items[20];
    for (size_t i = 0; i < 20; i++) {
        items[i] = random_value(&random, &large, &source);
    }
    pbase_value value = pbase_value_list(items, 20);
    fault_alloc fa;
    fault_alloc_init(&fa);
    pbase_status status = PBASE_NO_MEMORY;
    uint64_t n = 0;
    while (status != PBASE_OK) {
        pbase_arena target;
        pbase_arena_init(&target, &fa.alloc);
        fault_alloc_fail_at(&fa, ++n);
        pbase_value out = pbase_value_int(42);
        pbase_error err;
        pbase_error_init(&err);
        status = pbase_value_copy(&value, &target, &out, &err);
        assert_int_equal(status, fault_alloc_has_failed(&fa) ? PBASE_NO_MEMORY : PBASE_OK);
        assert_int_equal(err.code, status);
        if (status != PBASE_OK) {
            assert_int_equal(out.as.integer, 42);
        }
        pbase_arena_fini(&target);
        assert_int_equal(fault_alloc_live_bytes(&fa), 0);
    }
    assert_true(n > 3); /* it did ask several times */
    pbase_arena_fini(&source);
}

static void random_values_pass_the_check(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, seed_for("random_values_pass_the_check"));
    random_value_options wide = {.depth_max = 2, .items_max = 100, .with_child = true};
    for (int round = 0; round < 500; round++) {
        pbase_arena arena;
        pbase_arena_init(&arena, pbase_alloc_default());
        pbase_value value = random_value(&random, round % 2 == 0 ? &rich : &wide, &arena);
        pbase_error err;
        pbase_error_init(&err);
        pbase_status status = pbase_value_check(&value, &err);
        assert_string_equal(err.message, ""); /* tells more than the code */
        assert_int_equal(status, PBASE_OK);
        pbase_arena_fini(&arena);
    }
}

static void nesting_to_the_limit_passes_and_one_more_does_not(void **state)
{
    (void)state;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_value deepest = nest(PBASE_DEPTH_MAX, &arena);
    pbase_value too_deep = nest(PBASE_DEPTH_MAX + 1, &arena);
    pbase_value copy;
    assert_int_equal(pbase_value_check(&deepest, NULL), PBASE_OK);
    assert_int_equal(pbase_value_copy(&deepest, &arena, &copy, NULL), PBASE_OK);
    assert_true(pbase_value_identical(&deepest, &copy));
    pbase_error err;
    assert_int_equal(pbase_value_check(&too_deep, &err), PBASE_LIMIT);
    assert_non_null(strstr(err.message, "128"));
    assert_int_equal(pbase_value_copy(&too_deep, &arena, &copy, &err), PBASE_LIMIT);
    pbase_arena_fini(&arena);
}

static void hostile_nesting_does_not_exhaust_the_stack(void **state)
{
    (void)state;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_value a = nest(300000, &arena);
    pbase_value b = nest(300000, &arena);
    pbase_value copy;
    assert_int_equal(pbase_value_check(&a, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_value_copy(&a, &arena, &copy, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_value_compare(&a, &b), 0);
    assert_false(pbase_value_identical(&a, &b));
    assert_true(pbase_value_hash(&a) == pbase_value_hash(&b));
    pbase_arena_fini(&arena);
}

static void bad_text_is_invalid_wherever_it_stands(void **state)
{
    (void)state;
    pbase_value bad = pbase_value_string(pbase_bytes_of("\xed\xa0\x80", 3));
    pbase_value fine = pbase_value_bytes(pbase_bytes_of("\xed\xa0\x80", 3));
    pbase_field bad_name = {pbase_bytes_of("\xc0\x80", 2), pbase_value_null()};
    pbase_field bad_field = {pbase_bytes_text("f"), bad};
    pbase_value list = pbase_value_list(&bad, 1);
    pbase_value map = pbase_value_map(&bad_field, 1);
    pbase_value named = pbase_value_map(&bad_name, 1);
    assert_int_equal(pbase_value_check(&bad, NULL), PBASE_INVALID);
    assert_int_equal(pbase_value_check(&list, NULL), PBASE_INVALID);
    assert_int_equal(pbase_value_check(&map, NULL), PBASE_INVALID);
    assert_int_equal(pbase_value_check(&named, NULL), PBASE_INVALID);
    assert_int_equal(pbase_value_check(&fine, NULL), PBASE_OK);
}

/* A map of `count` fields, descending by name so that no shortcut applies. */
static pbase_value wide_map(size_t count, pbase_arena *arena)
{
    pbase_field *fields = (pbase_field *)pbase_arena_array(arena, count, sizeof *fields);
    assert_non_null(fields);
    for (size_t i = 0; i < count; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "n%08zu", count - i); /* fits */
        fields[i].name = pbase_bytes_text(pbase_arena_text(arena, pbase_bytes_text(name)));
        fields[i].value = pbase_value_null();
    }
    return pbase_value_map(fields, count);
}

static void name_given_twice_is_invalid_in_maps_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 3, 24, 25, 26, 1000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pbase_arena arena;
        pbase_arena_init(&arena, pbase_alloc_default());
        size_t count = sizes[i];
        pbase_value map = wide_map(count, &arena);
        assert_int_equal(pbase_value_check(&map, NULL), PBASE_OK);
        pbase_field *fields = (pbase_field *)pbase_arena_array(&arena, count, sizeof *fields);
        memcpy(fields, map.as.map.fields, count * sizeof *fields);
        fields[count - 1].name = fields[count / 3].name;
        map.as.map.fields = fields;
        pbase_error err;
        assert_int_equal(pbase_value_check(&map, &err), PBASE_INVALID);
        assert_non_null(strstr(err.message, "given twice"));
        pbase_arena_fini(&arena);
    }
}

static void unknown_kind_is_invalid(void **state)
{
    (void)state;
    pbase_value bad = {.kind = 12};
    pbase_value missing = {.kind = 0xff};
    pbase_value list = pbase_value_list(&missing, 1);
    pbase_value copy;
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_value_check(&bad, NULL), PBASE_INVALID);
    assert_int_equal(pbase_value_check(&list, NULL), PBASE_INVALID);
    assert_int_equal(pbase_value_copy(&list, &arena, &copy, NULL), PBASE_INVALID);
    pbase_arena_fini(&arena);
}

static void counts_above_the_limit_are_refused(void **state)
{
    (void)state;
    size_t count = (size_t)PBASE_ITEMS_MAX + 1; /* refused before anything is read */
    pbase_value list = pbase_value_list(NULL, count);
    pbase_value map = pbase_value_map(NULL, count);
    pbase_value vector = pbase_value_vector(NULL, count);
    assert_int_equal(pbase_value_check(&list, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_value_check(&map, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_value_check(&vector, NULL), PBASE_LIMIT);
    pbase_value last_child = pbase_value_child(PBASE_CHILDREN_MAX - 1);
    pbase_value child_beyond = pbase_value_child(PBASE_CHILDREN_MAX);
    assert_int_equal(pbase_value_check(&last_child, NULL), PBASE_OK);
    assert_int_equal(pbase_value_check(&child_beyond, NULL), PBASE_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_name),
        cmocka_unit_test(field_is_found_by_its_whole_name),
        cmocka_unit_test(copy_is_identical_and_on_its_own),
        cmocka_unit_test(copy_without_memory_leaves_out_untouched),
        cmocka_unit_test(random_values_pass_the_check),
        cmocka_unit_test(nesting_to_the_limit_passes_and_one_more_does_not),
        cmocka_unit_test(hostile_nesting_does_not_exhaust_the_stack),
        cmocka_unit_test(bad_text_is_invalid_wherever_it_stands),
        cmocka_unit_test(name_given_twice_is_invalid_in_maps_of_any_size),
        cmocka_unit_test(unknown_kind_is_invalid),
        cmocka_unit_test(counts_above_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
