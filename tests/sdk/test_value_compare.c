/* The total order of values, and identity. */
#include "random_value.h"
#include <math.h>
#include <protobase/base/value.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after setjmp.h */
#include <cmocka.h>

#define TWO_53 (INT64_C(1) << 53)

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static int compare(pbase_value a, pbase_value b)
{
    int order = sign(pbase_value_compare(&a, &b));
    assert_int_equal(sign(pbase_value_compare(&b, &a)), -order);
    return order;
}

static void kinds_follow_each_other(void **state)
{
    (void)state;
    pbase_object_id id = {{0}};
    const pbase_value ascending[] = {
        pbase_value_null(),
        pbase_value_bool(false),
        pbase_value_bool(true),
        pbase_value_float(-INFINITY),
        pbase_value_int(INT64_MIN),
        pbase_value_int(INT64_MAX),
        pbase_value_float(INFINITY),
        pbase_value_float(NAN),
        pbase_value_text(""),
        pbase_value_text("\xf4\x8f\xbf\xbf"),
        pbase_value_bytes(pbase_bytes_of(NULL, 0)),
        pbase_value_bytes(pbase_bytes_of("\xff", 1)),
        pbase_value_timestamp(INT64_MIN),
        pbase_value_timestamp(INT64_MAX),
        pbase_value_list(NULL, 0),
        pbase_value_map(NULL, 0),
        pbase_value_vector(NULL, 0),
        pbase_value_reference(id),
        pbase_value_child(0),
        pbase_value_child(UINT64_MAX),
    };
    size_t count = sizeof ascending / sizeof ascending[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(compare(ascending[i], ascending[k]), (i > k) - (i < k));
        }
    }
}

static void ints_and_floats_compare_by_exact_value(void **state)
{
    (void)state;
    static const struct {
        int64_t integer;
        double real;
        int order;
    } cases[] = {
        {0, 0.0, 0},
        {0, -0.0, 0},
        {1, 1.0, 0},
        {1, 1.5, -1},
        {-1, -1.5, 1},
        {0, 5e-324, -1},
        {0, -5e-324, 1},
        {TWO_53, 0x1p53, 0},
        {TWO_53 + 1, 0x1p53, 1},
        {TWO_53 + 1, 0x1p53 + 2, -1},
        {-TWO_53 - 1, -0x1p53, -1},
        {INT64_MAX, 0x1p63, -1},
        {INT64_MAX, 9223372036854774784.0, 1}, /* the float before 2^63 */
        {INT64_MIN, -0x1p63, 0},
        {INT64_MIN + 1, -0x1p63, 1},
        {INT64_MIN, -9223372036854777856.0, 1}, /* the float after -2^63 */
        {INT64_MAX, INFINITY, -1},
        {INT64_MIN, -INFINITY, 1},
        {INT64_MAX, NAN, -1},
        {INT64_MIN, NAN, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(
            compare(pbase_value_int(cases[i].integer), pbase_value_float(cases[i].real)),
            cases[i].order);
    }
}

static void nan_equals_itself_and_is_the_greatest_number(void **state)
{
    (void)state;
    assert_int_equal(compare(pbase_value_float(NAN), pbase_value_float(-NAN)), 0);
    assert_int_equal(compare(pbase_value_float(NAN), pbase_value_float(INFINITY)), 1);
    assert_int_equal(compare(pbase_value_float(-0.0), pbase_value_float(0.0)), 0);
    float a[] = {1.0f, NAN};
    float b[] = {1.0f, INFINITY};
    assert_int_equal(compare(pbase_value_vector(a, 2), pbase_value_vector(b, 2)), 1);
    assert_int_equal(compare(pbase_value_vector(a, 2), pbase_value_vector(a, 2)), 0);
}

static void strings_compare_by_bytes(void **state)
{
    (void)state;
    assert_int_equal(compare(pbase_value_text("Z"), pbase_value_text("a")), -1);
    assert_int_equal(compare(pbase_value_text("a"), pbase_value_text("\xc3\xa9")), -1);
    assert_int_equal(compare(pbase_value_string(pbase_bytes_of("a\0b", 3)), pbase_value_text("a")),
                     1);
    assert_int_equal(compare(pbase_value_text("e\xcc\x81"), pbase_value_text("\xc3\xa9")),
                     -1); /* never normalised */
}

static void lists_compare_by_element_then_length(void **state)
{
    (void)state;
    pbase_value one[] = {pbase_value_int(1), pbase_value_int(2), pbase_value_int(3)};
    pbase_value other[] = {pbase_value_float(1.0), pbase_value_int(3)};
    assert_int_equal(compare(pbase_value_list(one, 3), pbase_value_list(other, 2)), -1);
    assert_int_equal(compare(pbase_value_list(one, 2), pbase_value_list(one, 3)), -1);
    assert_int_equal(compare(pbase_value_list(one, 1), pbase_value_list(other, 1)), 0);
    float short_vector[] = {2.0f};
    float long_vector[] = {1.0f, 5.0f};
    assert_int_equal(
        compare(pbase_value_vector(short_vector, 1), pbase_value_vector(long_vector, 2)), 1);
}

#define FIELD(name, number)                                                                        \
    {                                                                                              \
        pbase_bytes_text(name), pbase_value_int(number)                                            \
    }

static void maps_compare_as_fields_sorted_by_name(void **state)
{
    (void)state;
    const pbase_field ab[] = {FIELD("a", 1), FIELD("b", 2)};
    const pbase_field ba[] = {FIELD("b", 2), FIELD("a", 1)};
    const pbase_field ba_changed[] = {FIELD("b", 1), FIELD("a", 2)};
    const pbase_field ac[] = {FIELD("c", 0), FIELD("a", 1)};
    const pbase_field b_only[] = {FIELD("b", 2)};
    pbase_value map = pbase_value_map(ab, 2);
    assert_int_equal(compare(map, pbase_value_map(ba, 2)), 0);
    assert_int_equal(compare(map, pbase_value_map(ba_changed, 2)), -1); /* a decides, not b */
    assert_int_equal(compare(map, pbase_value_map(ac, 2)), -1);
    assert_int_equal(compare(map, pbase_value_map(ab, 1)), 1);
    assert_int_equal(compare(map, pbase_value_map(b_only, 1)), -1);
    assert_int_equal(compare(map, pbase_value_map(NULL, 0)), 1);
}

/* The definition, as slowly as it is written: sort both by name, then go along. */
static int by_name(const void *a, const void *b)
{
    const pbase_field *x = (const pbase_field *)a;
    const pbase_field *y = (const pbase_field *)b;
    return pbase_bytes_compare(x->name, y->name);
}

static int compare_by_definition(pbase_field *a, size_t a_count, pbase_field *b, size_t b_count)
{
    qsort(a, a_count, sizeof *a, by_name);
    qsort(b, b_count, sizeof *b, by_name);
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        int order = by_name(&a[i], &b[i]);
        if (order == 0) {
            order = pbase_value_compare(&a[i].value, &b[i].value);
        }
        if (order != 0) {
            return sign(order);
        }
    }
    return (a_count > b_count) - (a_count < b_count);
}

#define MAP_FIELDS_MAX 60u

/* Few names and few values, so that equal prefixes and equal maps are common. */
static size_t random_fields(seed_random *random, size_t names, pbase_field *out)
{
    static char texts[MAP_FIELDS_MAX][24];
    size_t count = 0;
    for (size_t i = 0; i < names; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "n%02zu", i); /* fits */
        if (seed_below(random, 12) != 0) {
            out[count].name = pbase_bytes_text(texts[i]);
            out[count].value = pbase_value_int((int64_t)seed_below(random, 10) / 9);
            count++;
        }
    }
    for (size_t i = count; i > 1; i--) { /* shuffle */
        size_t k = seed_below(random, i);
        pbase_field held = out[i - 1];
        out[i - 1] = out[k];
        out[k] = held;
    }
    return count;
}

static void maps_of_any_size_and_order_follow_the_definition(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, seed_for("maps_of_any_size_and_order_follow_the_definition"));
    unsigned equal = 0;
    for (int round = 0; round < 20000; round++) {
        pbase_field a[MAP_FIELDS_MAX];
        pbase_field b[MAP_FIELDS_MAX];
        size_t names = seed_below(&random, round % 2 == 0 ? 5 : MAP_FIELDS_MAX);
        size_t a_count = random_fields(&random, names, a);
        size_t b_count = a_count;
        if (seed_below(&random, 3) == 0) {
            for (size_t i = 0; i < a_count; i++) {
                b[i] = a[a_count - 1 - i];
            }
        } else {
            b_count = random_fields(&random, names, b);
        }
        int order = compare(pbase_value_map(a, a_count), pbase_value_map(b, b_count));
        assert_int_equal(order, compare_by_definition(a, a_count, b, b_count));
        equal += order == 0;
    }
    assert_true(equal > 100);
}

#define PILE 120u

static void order_is_total_over_a_pile_of_random_values(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, seed_for("order_is_total_over_a_pile_of_random_values"));
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    random_value_options small = {.depth_max = 3, .items_max = 3, .with_child = true};
    static pbase_value pile[PILE];
    static int order[PILE][PILE];
    for (size_t i = 0; i < PILE; i++) {
        pile[i] = random_value(&random, &small, &arena);
    }
    for (size_t i = 0; i < PILE; i++) {
        for (size_t k = 0; k < PILE; k++) {
            order[i][k] = compare(pile[i], pile[k]); /* antisymmetric */
        }
        assert_int_equal(order[i][i], 0); /* reflexive */
    }
    for (size_t i = 0; i < PILE; i++) {
        for (size_t k = 0; k < PILE; k++) {
            for (size_t m = 0; m < PILE; m++) {
                if (order[i][k] <= 0 && order[k][m] <= 0) { /* transitive */
                    int expected = order[i][k] < 0 || order[k][m] < 0 ? -1 : 0;
                    assert_int_equal(order[i][m], expected);
                }
            }
        }
    }
    pbase_arena_fini(&arena);
}

static bool identical(pbase_value a, pbase_value b)
{
    assert_int_equal(pbase_value_identical(&a, &b), pbase_value_identical(&b, &a));
    return pbase_value_identical(&a, &b);
}

static void identity_tells_apart_what_the_order_calls_equal(void **state)
{
    (void)state;
    const pbase_field ab[] = {FIELD("a", 1), FIELD("b", 2)};
    const pbase_field ba[] = {FIELD("b", 2), FIELD("a", 1)};
    float zero[] = {0.0f};
    float minus_zero[] = {-0.0f};
    assert_false(identical(pbase_value_int(1), pbase_value_float(1.0)));
    assert_false(identical(pbase_value_float(0.0), pbase_value_float(-0.0)));
    assert_false(identical(pbase_value_map(ab, 2), pbase_value_map(ba, 2)));
    assert_false(identical(pbase_value_vector(zero, 1), pbase_value_vector(minus_zero, 1)));
    assert_false(identical(pbase_value_text(""), pbase_value_bytes(pbase_bytes_of(NULL, 0))));
    assert_true(identical(pbase_value_map(ab, 2), pbase_value_map(ab, 2)));
}

static void identity_of_nan_ignores_its_payload(void **state)
{
    (void)state;
    uint64_t bits = 0x7ff8000000001234;
    double strange;
    memcpy(&strange, &bits, sizeof strange);
    float nan_vector[] = {NAN};
    float minus_nan_vector[] = {-NAN};
    assert_true(identical(pbase_value_float(NAN), pbase_value_float(strange)));
    assert_true(identical(pbase_value_float(NAN), pbase_value_float(-NAN)));
    assert_true(
        identical(pbase_value_vector(nan_vector, 1), pbase_value_vector(minus_nan_vector, 1)));
    assert_false(identical(pbase_value_float(NAN), pbase_value_float(INFINITY)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_follow_each_other),
        cmocka_unit_test(ints_and_floats_compare_by_exact_value),
        cmocka_unit_test(nan_equals_itself_and_is_the_greatest_number),
        cmocka_unit_test(strings_compare_by_bytes),
        cmocka_unit_test(lists_compare_by_element_then_length),
        cmocka_unit_test(maps_compare_as_fields_sorted_by_name),
        cmocka_unit_test(maps_of_any_size_and_order_follow_the_definition),
        cmocka_unit_test(order_is_total_over_a_pile_of_random_values),
        cmocka_unit_test(identity_tells_apart_what_the_order_calls_equal),
        cmocka_unit_test(identity_of_nan_ignores_its_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
