/* The hash: agrees with the order, spreads, and is the same on every machine. */
#include "random_value.h"
#include <inttypes.h>
#include <math.h>
#include <protobase/base/value.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after setjmp.h */
#include <cmocka.h>

static uint64_t hash(pbase_value value)
{
    return pbase_value_hash(&value);
}

static void equal_numbers_have_equal_hashes(void **state)
{
    (void)state;
    static const int64_t integers[] = {0, 1, -1, 1 << 20, INT64_C(1) << 53, INT64_MIN};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        double same = (double)integers[i];
        assert_true(hash(pbase_value_int(integers[i])) == hash(pbase_value_float(same)));
    }
    assert_true(hash(pbase_value_float(-0.0)) == hash(pbase_value_int(0)));
    assert_true(hash(pbase_value_float(NAN)) == hash(pbase_value_float(-NAN)));
    assert_true(hash(pbase_value_int(INT64_MAX)) != hash(pbase_value_float(0x1p63)));
}

static void order_of_fields_does_not_count(void **state)
{
    (void)state;
    const pbase_field ab[] = {{pbase_bytes_text("a"), pbase_value_int(1)},
                              {pbase_bytes_text("b"), pbase_value_int(2)}};
    const pbase_field ba[] = {{pbase_bytes_text("b"), pbase_value_float(2.0)},
                              {pbase_bytes_text("a"), pbase_value_float(1.0)}};
    const pbase_field swapped[] = {{pbase_bytes_text("a"), pbase_value_int(2)},
                                   {pbase_bytes_text("b"), pbase_value_int(1)}};
    assert_true(hash(pbase_value_map(ab, 2)) == hash(pbase_value_map(ba, 2)));
    assert_true(hash(pbase_value_map(ab, 2)) != hash(pbase_value_map(swapped, 2)));
}

/* Floats become ints of the same value where there is one, and the reverse. */
static pbase_value respell(pbase_value value, pbase_arena *arena)
{
    if (value.kind == PBASE_INT && llabs(value.as.integer / 2) < INT64_C(1) << 52) {
        double same = (double)value.as.integer;
        return pbase_value_float(same);
    }
    if (value.kind == PBASE_LIST) {
        pbase_value *items =
            (pbase_value *)pbase_arena_array(arena, value.as.list.count, sizeof *items);
        assert_non_null(items);
        for (size_t i = 0; i < value.as.list.count; i++) {
            items[i] = respell(value.as.list.items[i], arena);
        }
        return pbase_value_list(items, value.as.list.count);
    }
    if (value.kind == PBASE_MAP) {
        size_t count = value.as.map.count;
        pbase_field *fields = (pbase_field *)pbase_arena_array(arena, count, sizeof *fields);
        assert_non_null(fields);
        for (size_t i = 0; i < count; i++) { /* in reverse */
            fields[i].name = value.as.map.fields[count - 1 - i].name;
            fields[i].value = respell(value.as.map.fields[count - 1 - i].value, arena);
        }
        return pbase_value_map(fields, count);
    }
    return value;
}

static void values_equal_in_the_order_have_equal_hashes(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, seed_for("values_equal_in_the_order_have_equal_hashes"));
    random_value_options rich = {.depth_max = 4, .items_max = 30, .with_child = true};
    for (int round = 0; round < 1000; round++) {
        pbase_arena arena;
        pbase_arena_init(&arena, pbase_alloc_default());
        pbase_value value = random_value(&random, &rich, &arena);
        pbase_value other = respell(value, &arena);
        assert_int_equal(pbase_value_compare(&value, &other), 0);
        assert_true(hash(value) == hash(other));
        pbase_arena_fini(&arena);
    }
}

static void small_values_that_differ_have_different_hashes(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, seed_for("small_values_that_differ_have_different_hashes"));
    random_value_options small = {.depth_max = 2, .items_max = 3, .with_child = true};
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    static pbase_value pile[1000];
    for (size_t i = 0; i < 1000; i++) {
        pile[i] = random_value(&random, &small, &arena);
        for (size_t k = 0; k < i; k++) {
            bool equal = pbase_value_compare(&pile[i], &pile[k]) == 0;
            assert_int_equal(hash(pile[i]) == hash(pile[k]), equal);
        }
    }
    pbase_arena_fini(&arena);
}

static void consecutive_ints_spread_over_a_table(void **state)
{
    (void)state;
    unsigned used_low[1024] = {0};
    unsigned used_high[1024] = {0};
    for (int64_t i = 0; i < 40960; i++) {
        uint64_t h = hash(pbase_value_int(i));
        used_low[h & 1023]++;
        used_high[h >> 54]++;
    }
    for (size_t i = 0; i < 1024; i++) { /* 40 expected; beyond six sigma otherwise */
        assert_in_range(used_low[i], 2, 90);
        assert_in_range(used_high[i], 2, 90);
    }
}

/* These numbers are a promise: hashes may be stored and sent. */
static void hashes_never_change(void **state)
{
    (void)state;
    pbase_value items[] = {pbase_value_int(1), pbase_value_text("two")};
    pbase_field field = {pbase_bytes_text("name"), pbase_value_bool(true)};
    float numbers[] = {1.5f, -2.0f};
    pbase_object_id id = {{1, 2, 3}};
    const struct {
        pbase_value value;
        uint64_t hash;
    } cases[] = {
        {pbase_value_null(), UINT64_C(0x2f29cd921e2bb333)},
        {pbase_value_bool(true), UINT64_C(0xa7d0c6ad175774b4)},
        {pbase_value_int(42), UINT64_C(0xdbeac212f5c5dbcf)},
        {pbase_value_float(0.1), UINT64_C(0xcf3aa02d53197674)},
        {pbase_value_float(NAN), UINT64_C(0x71a8080bf8a0d944)},
        {pbase_value_text(""), UINT64_C(0xe096cf6f74af0e5d)},
        {pbase_value_text("protobase: 17 bytes"), UINT64_C(0x1876f58a9555f9d3)},
        {pbase_value_bytes(pbase_bytes_of("a\0b", 3)), UINT64_C(0x49a7c7e1868a02fb)},
        {pbase_value_timestamp(1), UINT64_C(0xb5ab969ae84b5853)},
        {pbase_value_list(items, 2), UINT64_C(0x37a1a90ecea73229)},
        {pbase_value_map(&field, 1), UINT64_C(0x4f94ebd0440bac09)},
        {pbase_value_vector(numbers, 2), UINT64_C(0xdf814b39405c1e54)},
        {pbase_value_reference(id), UINT64_C(0x5a987f03beb5999e)},
        {pbase_value_child(3), UINT64_C(0x1b4f720903acb365)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t now = hash(cases[i].value);
        if (now != cases[i].hash) {
            fail_msg("case %zu: 0x%016" PRIx64, i, now);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_numbers_have_equal_hashes),
        cmocka_unit_test(order_of_fields_does_not_count),
        cmocka_unit_test(values_equal_in_the_order_have_equal_hashes),
        cmocka_unit_test(small_values_that_differ_have_different_hashes),
        cmocka_unit_test(consecutive_ints_spread_over_a_table),
        cmocka_unit_test(hashes_never_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
