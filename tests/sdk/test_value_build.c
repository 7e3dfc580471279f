/* A decoder that builds through value_build cannot pass a limit. */
#include "value_build.h"
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

static pbase_arena arena;
static value_build build;
static pbase_error err;

static int set_up(void **state)
{
    (void)state;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_error_init(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pbase_arena_fini(&arena);
    return 0;
}

static void begin(uint32_t depth_max, uint64_t nodes_max, uint64_t bytes_max)
{
    pbase_decode_limits limits = {.struct_size = sizeof limits,
                                  .depth_max = depth_max,
                                  .nodes_max = nodes_max,
                                  .bytes_max = bytes_max};
    assert_int_equal(value_build_init(&build, &limits, &arena, &err), PBASE_OK);
}

static void a_scalar_is_done_at_once(void **state)
{
    (void)state;
    begin(0, 1, 0);
    assert_true(value_build_is_full(&build));
    assert_true(value_build_is_done(&build));
}

static void containers_fill_and_close_from_the_inside(void **state)
{
    (void)state;
    pbase_value root;
    begin(2, 4, 1000);
    assert_int_equal(value_build_map(&build, &root, 2, &err), PBASE_OK);
    pbase_field *first = value_build_field(&build), *second = value_build_field(&build);
    first->name = pbase_bytes_text("a");
    first->value = pbase_value_int(1);
    second->name = pbase_bytes_text("b");
    assert_int_equal(value_build_list(&build, &second->value, 1, &err), PBASE_OK);
    assert_false(value_build_in_map(&build));
    *value_build_item(&build) = pbase_value_bool(true);

    assert_true(value_build_is_full(&build));
    assert_int_equal(value_build_close(&build, &err), PBASE_OK);
    assert_true(value_build_is_full(&build) && !value_build_is_done(&build));
    assert_int_equal(value_build_close(&build, &err), PBASE_OK);
    assert_true(value_build_is_done(&build));

    assert_int_equal(root.as.map.count, 2);
    assert_true(root.as.map.fields[1].value.as.list.items[0].as.boolean);
}

static void each_limit_is_held(void **state)
{
    (void)state;
    pbase_value root;
    void *memory = NULL;
    begin(0, 9, 1000);
    assert_int_equal(value_build_list(&build, &root, 1, &err), PBASE_LIMIT);
    begin(1, 3, 1000);
    assert_int_equal(value_build_list(&build, &root, 3, &err), PBASE_LIMIT);
    assert_int_equal(value_build_list(&build, &root, 2, &err), PBASE_OK);
    begin(1, 9, 2 * sizeof(pbase_value));
    assert_int_equal(value_build_list(&build, &root, 3, &err), PBASE_LIMIT);
    assert_int_equal(value_build_list(&build, &root, 2, &err), PBASE_OK);
    assert_int_equal(value_build_memory(&build, 1, &memory, &err), PBASE_LIMIT);
    begin(UINT32_MAX, UINT64_MAX, UINT64_MAX);
    assert_int_equal(build.depth_max, PBASE_DEPTH_MAX);
    assert_int_equal(value_build_list(&build, &root, (size_t)PBASE_ITEMS_MAX + 1, &err),
                     PBASE_LIMIT);
    pbase_decode_limits none = {.struct_size = sizeof none};
    assert_int_equal(value_build_init(&build, &none, &arena, &err), PBASE_LIMIT);
}

/* Closes a map of the names f0, f1, ... descending, of which `index` repeats that of `of`. */
static pbase_status close_with_duplicate(size_t count, size_t index, size_t of)
{
    pbase_value root;
    pbase_field *fields = NULL;
    begin(1, count + 1, UINT64_MAX);
    assert_int_equal(value_build_map(&build, &root, count, &err), PBASE_OK);
    for (size_t i = 0; i < count; i++) {
        char name[24];
        pbase_field *field = value_build_field(&build);
        fields = i == 0 ? field : fields;
        int size = snprintf(name, sizeof name, "f%zu", count - (i == index ? of : i));
        field->value = pbase_value_null();
        assert_int_equal(
            pbase_arena_copy(&arena, pbase_bytes_of(name, (size_t)size), &field->name, &err),
            PBASE_OK);
    }
    return value_build_close(&build, &err);
}

static void a_name_given_twice_is_found_in_maps_of_every_size(void **state)
{
    (void)state;
    static const size_t counts[] = {2, 3, 24, 25, 1000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        size_t count = counts[i];
        assert_int_equal(close_with_duplicate(count, count - 1, count - 1), PBASE_OK);
        assert_int_equal(close_with_duplicate(count, count - 1, 0), PBASE_INVALID);
        assert_int_equal(build.duplicate, count - 1);
        assert_int_equal(close_with_duplicate(count, 1, 0), PBASE_INVALID);
        assert_int_equal(build.duplicate, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scalar_is_done_at_once),
        cmocka_unit_test(containers_fill_and_close_from_the_inside),
        cmocka_unit_test(each_limit_is_held),
        cmocka_unit_test(a_name_given_twice_is_found_in_maps_of_every_size),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
