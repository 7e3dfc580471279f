/* The text of json is canonical: one spelling for every value. */
#include "json_fixture.h"
#include "seed.h"
#include <math.h>

static void assert_written(pbase_value value, const char *expected)
{
    pbase_value back;
    assert_string_equal(json_written(&value), expected);
    assert_int_equal(json_read(expected, &back), PBASE_OK);
    assert_true(pbase_value_identical(&value, &back));
}

static void ints_have_neither_point_nor_exponent(void **state)
{
    (void)state;
    assert_written(pbase_value_int(0), "0");
    assert_written(pbase_value_int(-1), "-1");
    assert_written(pbase_value_int(INT64_C(9007199254740993)), "9007199254740993");
    assert_written(pbase_value_int(INT64_MAX), "9223372036854775807");
    assert_written(pbase_value_int(INT64_MIN), "-9223372036854775808");
}

static void floats_have_a_point_or_an_exponent_and_the_fewest_digits(void **state)
{
    (void)state;
    assert_written(pbase_value_float(0.0), "0.0");
    assert_written(pbase_value_float(-0.0), "-0.0");
    assert_written(pbase_value_float(1), "1.0");
    assert_written(pbase_value_float(-1.5), "-1.5");
    assert_written(pbase_value_float(0.1), "0.1");
    assert_written(pbase_value_float(123456.75), "123456.75");
    assert_written(pbase_value_float(100), "100.0");
    assert_written(pbase_value_float(0.00001), "0.00001");
    assert_written(pbase_value_float(0.0000012), "1.2e-6");
    assert_written(pbase_value_float(1e16), "10000000000000000.0");
    assert_written(pbase_value_float(12345678901234567.0), "12345678901234568.0");
    assert_written(pbase_value_float(1e17), "1e17");
    assert_written(pbase_value_float(-1.25e-9), "-1.25e-9");
    assert_written(pbase_value_float(1e300), "1e300");
    assert_written(pbase_value_float(1.7976931348623157e308), "1.7976931348623157e308");
    assert_written(pbase_value_float(5e-324), "5e-324");
    assert_written(pbase_value_float((double)NAN), "{\"$float\":\"nan\"}");
    assert_written(pbase_value_float((double)INFINITY), "{\"$float\":\"inf\"}");
    assert_written(pbase_value_float((double)-INFINITY), "{\"$float\":\"-inf\"}");
}

static void strings_escape_only_what_they_must(void **state)
{
    (void)state;
    assert_written(pbase_value_text(""), "\"\"");
    assert_written(pbase_value_text("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    assert_written(pbase_value_text("\b\t\n\f\r\x01\x0b\x1f\x7f"),
                   "\"\\b\\t\\n\\f\\r\\u0001\\u000b\\u001f\x7f\"");
    assert_written(pbase_value_string(pbase_bytes_of("a\0b", 3)), "\"a\\u0000b\"");
    assert_written(pbase_value_text("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
                   "\"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
    assert_written(pbase_value_text("a long plain text, then a \" quote, and more than 8 behind"),
                   "\"a long plain text, then a \\\" quote, and more than 8 behind\"");
}

static void what_json_lacks_has_a_form(void **state)
{
    (void)state;
    static const float items[] = {1.0f, 0.1f, -0.0f, 16777216.0f, 3.4028235e38f, NAN, -INFINITY};
    pbase_object_id id = {{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
                           0xcc, 0xdd, 0xee, 0xff}};
    assert_written(pbase_value_bytes((pbase_bytes){NULL, 0}), "{\"$bytes\":\"\"}");
    assert_written(pbase_value_bytes(pbase_bytes_of("\xff\x00\x10", 3)), "{\"$bytes\":\"/wAQ\"}");
    assert_written(pbase_value_bytes(pbase_bytes_of("ab", 2)), "{\"$bytes\":\"YWI=\"}");
    assert_written(pbase_value_bytes(pbase_bytes_of("a", 1)), "{\"$bytes\":\"YQ==\"}");
    assert_written(pbase_value_timestamp(0), "{\"$time\":\"1970-01-01T00:00:00Z\"}");
    assert_written(pbase_value_vector(items, 7),
                   "{\"$vec\":[1.0,0.1,-0.0,16777216.0,3.4028235e38,\"nan\",\"-inf\"]}");
    assert_written(pbase_value_reference(id), "{\"$ref\":\"00112233445566778899aabbccddeeff\"}");
    assert_written(pbase_value_child(7), "{\"$child\":7}");
}

static void containers_have_no_spaces_and_keep_their_order(void **state)
{
    (void)state;
    pbase_value items[] = {pbase_value_null(), pbase_value_bool(true), pbase_value_list(NULL, 0)};
    pbase_field fields[] = {{pbase_bytes_text("z"), pbase_value_list(items, 3)},
                            {pbase_bytes_text("a"), pbase_value_map(NULL, 0)},
                            {pbase_bytes_text(""), pbase_value_bool(false)}};
    assert_written(pbase_value_map(fields, 3), "{\"z\":[null,true,[]],\"a\":{},\"\":false}");
}

static void a_map_that_looks_like_a_form_is_escaped(void **state)
{
    (void)state;
    pbase_field time = {pbase_bytes_text("$time"), pbase_value_text("now")};
    pbase_field map = {pbase_bytes_text("$map"), pbase_value_map(&time, 1)};
    pbase_field other = {pbase_bytes_text("$set"), pbase_value_int(1)};
    pbase_field two[] = {time, other};
    assert_written(pbase_value_map(&time, 1), "{\"$map\":{\"$time\":\"now\"}}");
    assert_written(pbase_value_map(&map, 1),
                   "{\"$map\":{\"$map\":{\"$map\":{\"$time\":\"now\"}}}}");
    assert_written(pbase_value_map(&other, 1), "{\"$set\":1}");
    assert_written(pbase_value_map(two, 2), "{\"$time\":\"now\",\"$set\":1}");
}

/* Floats of vectors are written with the digits that float32 needs, and read by way of float64.
 * Steps through all bit patterns; a long run tries every 257th. */
static void float32_digits_survive_the_way_through_float64(void **state)
{
    (void)state;
    uint32_t step = seed_is_long_run() ? 257u : 100003u;
    for (uint64_t bits = 0; bits < UINT32_MAX; bits += step) {
        uint32_t pattern = (uint32_t)bits;
        float item;
        memcpy(&item, &pattern, sizeof item);
        pbase_value vector = pbase_value_vector(&item, 1), back;
        pbase_arena_reset(&arena);
        assert_int_equal(json_read(json_written(&vector), &back), PBASE_OK);
        assert_true(pbase_value_identical(&vector, &back));
    }
}

static void the_one_float32_that_rounding_twice_would_change_has_more_digits(void **state)
{
    (void)state;
    const uint32_t pattern = 0x15ae43fdu;
    float item;
    memcpy(&item, &pattern, sizeof item);
    assert_written(pbase_value_vector(&item, 1), "{\"$vec\":[7.038530691851209e-26]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints_have_neither_point_nor_exponent),
        cmocka_unit_test(floats_have_a_point_or_an_exponent_and_the_fewest_digits),
        cmocka_unit_test(strings_escape_only_what_they_must),
        cmocka_unit_test(what_json_lacks_has_a_form),
        cmocka_unit_test(containers_have_no_spaces_and_keep_their_order),
        cmocka_unit_test(a_map_that_looks_like_a_form_is_escaped),
        cmocka_unit_test(float32_digits_survive_the_way_through_float64),
        cmocka_unit_test(the_one_float32_that_rounding_twice_would_change_has_more_digits),
    };
    return cmocka_run_group_tests(tests, json_set_up, json_tear_down);
}
