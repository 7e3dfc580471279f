/* The bytes of msgpack are those of the specification, in their shortest form. */
#include "msgpack_fixture.h"
#include <math.h>

static void assert_encoded(pbase_value value, pbase_bytes expected)
{
    pbase_value back;
    bytes.size = 0;
    assert_int_equal(pbase_serializer_encode(msgpack, &value, &bytes, &err), PBASE_OK);
    assert_int_equal(bytes.size, expected.size);
    assert_memory_equal(bytes.data, expected.data, expected.size);
    assert_int_equal(pbase_serializer_decode(msgpack, expected, NULL, &arena, &back, &err),
                     PBASE_OK);
    assert_true(pbase_value_identical(&value, &back));
}
#define ASSERT_ENCODED(value, literal) assert_encoded((value), (pbase_bytes)BYTES(literal))

static void scalars_take_the_shortest_form(void **state)
{
    (void)state;
    ASSERT_ENCODED(pbase_value_null(), "\xc0");
    ASSERT_ENCODED(pbase_value_bool(false), "\xc2");
    ASSERT_ENCODED(pbase_value_bool(true), "\xc3");
    ASSERT_ENCODED(pbase_value_int(127), "\x7f");
    ASSERT_ENCODED(pbase_value_int(128), "\xcc\x80");
    ASSERT_ENCODED(pbase_value_int(256), "\xcd\x01\x00");
    ASSERT_ENCODED(pbase_value_int(65536), "\xce\x00\x01\x00\x00");
    ASSERT_ENCODED(pbase_value_int(INT64_MAX), "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff");
    ASSERT_ENCODED(pbase_value_int(-32), "\xe0");
    ASSERT_ENCODED(pbase_value_int(-33), "\xd0\xdf");
    ASSERT_ENCODED(pbase_value_int(-129), "\xd1\xff\x7f");
    ASSERT_ENCODED(pbase_value_int(-32769), "\xd2\xff\xff\x7f\xff");
    ASSERT_ENCODED(pbase_value_int(INT64_MIN), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00");
    ASSERT_ENCODED(pbase_value_text("a"), "\xa1"
                                          "a");
    ASSERT_ENCODED(pbase_value_bytes(pbase_bytes_of("\x00", 1)), "\xc4\x01\x00");
}

static void floats_always_take_64_bits_and_nan_has_one_pattern(void **state)
{
    (void)state;
    double odd_nan;
    uint64_t pattern = 0xfff8000000000123u;
    memcpy(&odd_nan, &pattern, sizeof odd_nan);
    ASSERT_ENCODED(pbase_value_float(1.5), "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00");
    ASSERT_ENCODED(pbase_value_float(-0.0), "\xcb\x80\x00\x00\x00\x00\x00\x00\x00");
    ASSERT_ENCODED(pbase_value_float(odd_nan), "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00");
}

static void timestamps_take_the_three_forms_of_the_specification(void **state)
{
    (void)state;
    ASSERT_ENCODED(pbase_value_timestamp(0), "\xd6\xff\x00\x00\x00\x00");
    ASSERT_ENCODED(pbase_value_timestamp(INT64_C(4294967295000000000)), "\xd6\xff\xff\xff\xff\xff");
    ASSERT_ENCODED(pbase_value_timestamp(1), "\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x00");
    ASSERT_ENCODED(pbase_value_timestamp(-1),
                   "\xc7\x0c\xff\x3b\x9a\xc9\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    ASSERT_ENCODED(pbase_value_timestamp(INT64_MIN),
                   "\xc7\x0c\xff\x08\xa7\xf2\x00\xff\xff\xff\xfd\xda\x3e\x82\xfb");
}

static void what_msgpack_lacks_takes_an_extension(void **state)
{
    (void)state;
    static const float items[] = {1.0f, -2.0f};
    pbase_object_id id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    ASSERT_ENCODED(pbase_value_vector(NULL, 0), "\xc7\x00\x01");
    ASSERT_ENCODED(pbase_value_vector(items, 2), "\xd7\x01\x00\x00\x80\x3f\x00\x00\x00\xc0");
    ASSERT_ENCODED(pbase_value_reference(id),
                   "\xd8\x02\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10");
    ASSERT_ENCODED(pbase_value_child(258), "\xd6\x03\x02\x01\x00\x00");
}

static void a_map_keeps_the_order_of_its_fields(void **state)
{
    (void)state;
    pbase_field fields[] = {{pbase_bytes_text("b"), pbase_value_int(1)},
                            {pbase_bytes_text("a"), pbase_value_list(NULL, 0)}};
    ASSERT_ENCODED(pbase_value_map(fields, 2), "\x82\xa1"
                                               "b\x01\xa1"
                                               "a\x90");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_take_the_shortest_form),
        cmocka_unit_test(floats_always_take_64_bits_and_nan_has_one_pattern),
        cmocka_unit_test(timestamps_take_the_three_forms_of_the_specification),
        cmocka_unit_test(what_msgpack_lacks_takes_an_extension),
        cmocka_unit_test(a_map_keeps_the_order_of_its_fields),
    };
    return cmocka_run_group_tests(tests, msgpack_set_up, msgpack_tear_down);
}
