/* Texts as typed values, and ranges. */
#include "config/scalar.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int64_t integer_of(uint32_t type, const char *text)
{
    scalar_value value = {false, -77, 0};
    return scalar_parse(type, text, &value) ? value.integer : -77;
}

static void whole_numbers_reach_the_ends_of_int64(void **state)
{
    scalar_value value;
    (void)state;

    assert_int_equal(integer_of(PBASE_OPTION_INT, "0"), 0);
    assert_int_equal(integer_of(PBASE_OPTION_INT, "-12"), -12);
    assert_int_equal(integer_of(PBASE_OPTION_INT, "9223372036854775807"), INT64_MAX);
    assert_int_equal(integer_of(PBASE_OPTION_INT, "-9223372036854775808"), INT64_MIN);
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1.0",
                                      "1e3",
                                      "1_0",
                                      "9223372036854775808",
                                      "-9223372036854775809"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(scalar_parse(PBASE_OPTION_INT, bad[i], &value));
    }
}

static void sizes_take_binary_units(void **state)
{
    scalar_value value;
    (void)state;

    assert_int_equal(integer_of(PBASE_OPTION_SIZE, "4096"), 4096);
    assert_int_equal(integer_of(PBASE_OPTION_SIZE, "256B"), 256);
    assert_int_equal(integer_of(PBASE_OPTION_SIZE, "4KiB"), 4096);
    assert_int_equal(integer_of(PBASE_OPTION_SIZE, "64MiB"), 64 << 20);
    assert_int_equal(integer_of(PBASE_OPTION_SIZE, "1GiB"), 1 << 30);
    assert_int_equal(integer_of(PBASE_OPTION_SIZE, "8388607TiB"), 8388607ll << 40);
    static const char *const bad[] = {"1MB", "1 MiB", "MiB", "-1", "1.5GiB", "1mib", "8388608TiB"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(scalar_parse(PBASE_OPTION_SIZE, bad[i], &value));
    }
}

static void durations_need_a_unit(void **state)
{
    scalar_value value;
    (void)state;

    assert_int_equal(integer_of(PBASE_OPTION_DURATION, "250ms"), 250000000);
    assert_int_equal(integer_of(PBASE_OPTION_DURATION, "5s"), 5000000000);
    assert_int_equal(integer_of(PBASE_OPTION_DURATION, "10m"), 600000000000);
    assert_int_equal(integer_of(PBASE_OPTION_DURATION, "1h"), 3600000000000);
    assert_int_equal(integer_of(PBASE_OPTION_DURATION, "7us"), 7000);
    assert_int_equal(integer_of(PBASE_OPTION_DURATION, "7ns"), 7);
    assert_false(scalar_parse(PBASE_OPTION_DURATION, "5", &value));
    assert_false(scalar_parse(PBASE_OPTION_DURATION, "5d", &value));
    assert_false(scalar_parse(PBASE_OPTION_DURATION, "9999999h", &value));
}

static double number_of(const char *text)
{
    scalar_value value = {false, 0, -77};
    return scalar_parse(PBASE_OPTION_FLOAT, text, &value) ? value.number : -77;
}

static void floats_are_rounded_once(void **state)
{
    scalar_value value;
    (void)state;

    assert_true(number_of("0.1") == 0.1);
    assert_true(number_of("-2.5") == -2.5);
    assert_true(number_of("3") == 3);
    assert_true(number_of(".5") == 0.5);
    assert_true(number_of("1e22") == 1e22);
    assert_true(number_of("123456789.012345") == 123456789.012345);
    assert_true(number_of("1.5e-3") == 1.5e-3);
    assert_true(number_of("2E+2") == 200);
    static const char *const bad[] = {
        "",     ".",  "-",     "1.2.3",           "e5", "1e", "x", "nan", "inf",
        "1e23", "1 ", "0x1p3", "1234567890123456"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(scalar_parse(PBASE_OPTION_FLOAT, bad[i], &value));
    }
}

static bool in_range(uint32_t type, const char *range, const char *text)
{
    scalar_value value;
    assert_true(scalar_parse(type, text, &value));
    return scalar_in_range(type, range, text, &value);
}

static void a_range_includes_its_ends_and_may_lack_one(void **state)
{
    (void)state;

    assert_true(in_range(PBASE_OPTION_INT, "1..9", "1"));
    assert_true(in_range(PBASE_OPTION_INT, "1..9", "9"));
    assert_false(in_range(PBASE_OPTION_INT, "1..9", "0"));
    assert_false(in_range(PBASE_OPTION_INT, "1..9", "10"));
    assert_true(in_range(PBASE_OPTION_INT, "..9", "-100"));
    assert_true(in_range(PBASE_OPTION_SIZE, "4KiB..", "4096"));
    assert_false(in_range(PBASE_OPTION_SIZE, "4KiB..", "4095"));
    assert_true(in_range(PBASE_OPTION_FLOAT, "0.5..1", "0.5"));
    assert_false(in_range(PBASE_OPTION_FLOAT, "0.5..1", "0.4"));
    assert_true(in_range(PBASE_OPTION_ENUM, "a|b|c", "c"));
    assert_false(in_range(PBASE_OPTION_ENUM, "a|b|c", "ab"));
    assert_true(in_range(PBASE_OPTION_INT, NULL, "5"));
}

static void malformed_ranges_are_known(void **state)
{
    (void)state;

    assert_true(scalar_range_valid(PBASE_OPTION_INT, NULL));
    assert_true(scalar_range_valid(PBASE_OPTION_INT, "1.."));
    assert_true(scalar_range_valid(PBASE_OPTION_ENUM, "a|b"));
    assert_false(scalar_range_valid(PBASE_OPTION_INT, "1"));
    assert_false(scalar_range_valid(PBASE_OPTION_INT, "9..1"));
    assert_false(scalar_range_valid(PBASE_OPTION_INT, "a..b"));
    assert_false(scalar_range_valid(PBASE_OPTION_ENUM, NULL));
    assert_false(scalar_range_valid(PBASE_OPTION_ENUM, "a||b"));
    assert_false(scalar_range_valid(PBASE_OPTION_STRING, "a|b"));
    assert_false(scalar_range_valid(PBASE_OPTION_BOOL, "0..1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_reach_the_ends_of_int64),
        cmocka_unit_test(sizes_take_binary_units),
        cmocka_unit_test(durations_need_a_unit),
        cmocka_unit_test(floats_are_rounded_once),
        cmocka_unit_test(a_range_includes_its_ends_and_may_lack_one),
        cmocka_unit_test(malformed_ranges_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
