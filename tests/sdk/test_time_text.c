/* Timestamps as RFC 3339 text, over the whole range of int64 nanoseconds. */
#include "seed.h"
#include <protobase/base/value.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
/* after setjmp.h */
#include <cmocka.h>

typedef struct {
    const char *text;
    int64_t time_ns;
} instant;

#define SECOND INT64_C(1000000000)

static const instant canonical[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1969-12-31T23:59:59.999999999Z", -1},
    {"1970-01-01T00:00:00.5Z", SECOND / 2},
    {"1970-01-01T00:00:00.000000001Z", 1},
    {"1970-01-01T00:00:00.12Z", 120000000},
    {"2000-02-29T12:00:00Z", 951825600 * SECOND},
    {"1900-02-28T23:59:59Z", -2203891201 * SECOND},
    {"1900-03-01T00:00:00Z", -2203891200 * SECOND},
    {"2024-12-31T23:59:59Z", 1735689599 * SECOND},
    {"2038-01-19T03:14:08Z", INT64_C(2147483648) * SECOND},
    {"1677-09-21T00:12:43.145224192Z", INT64_MIN},
    {"1677-09-21T00:12:44Z", -9223372036 * SECOND},
    {"2262-04-11T23:47:16.854775807Z", INT64_MAX},
};

static void instants_have_one_canonical_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof canonical / sizeof canonical[0]; i++) {
        char text[PBASE_TIME_TEXT_BYTES];
        int64_t back = 0;
        pbase_time_format(canonical[i].time_ns, text);
        assert_string_equal(text, canonical[i].text);
        assert_int_equal(pbase_time_parse(pbase_bytes_text(text), &back, NULL), PBASE_OK);
        assert_true(back == canonical[i].time_ns);
    }
}

static void other_spellings_are_accepted(void **state)
{
    (void)state;
    static const instant spellings[] = {
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01 00:00:00Z", 0},
        {"1970-01-01T00:00:00.000Z", 0},
        {"1970-01-01T00:00:00+00:00", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1970-01-01T02:30:00+02:30", 0},
        {"1969-12-31T16:00:00-08:00", 0},
        {"1970-01-01T23:59:00+23:59", 0},
        {"1969-12-31T00:01:00-23:59", 0},
        {"2016-12-31T23:59:60Z", 1483228800 * SECOND}, /* a leap second */
        {"2017-01-01T01:59:60+02:00", 1483228800 * SECOND},
        {"2016-12-31T23:59:60.5Z", 1483228800 * SECOND + SECOND / 2},
        {"2262-04-12T01:47:16.854775807+02:00", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        int64_t time_ns = 42;
        assert_int_equal(pbase_time_parse(pbase_bytes_text(spellings[i].text), &time_ns, NULL),
                         PBASE_OK);
        assert_true(time_ns == spellings[i].time_ns);
    }
}

static void malformed_text_is_invalid_and_names_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned place;
    } cases[] = {
        {"", 0},
        {"x", 0},
        {"197-01-01T00:00:00Z", 0},
        {"+1970-01-01T00:00:00Z", 0},
        {"1970/01-01T00:00:00Z", 4},
        {"1970-13-01T00:00:00Z", 5},
        {"1970-00-01T00:00:00Z", 5},
        {"1970-1-01T00:00:00Z", 5},
        {"1970-01-32T00:00:00Z", 8},
        {"1970-04-31T00:00:00Z", 8},
        {"1970-02-29T00:00:00Z", 8},
        {"1900-02-29T00:00:00Z", 8},
        {"1970-01-00T00:00:00Z", 8},
        {"1970-01-01", 10},
        {"1970-01-01X00:00:00Z", 10},
        {"1970-01-01T24:00:00Z", 11},
        {"1970-01-01T00-00:00Z", 13},
        {"1970-01-01T00:60:00Z", 14},
        {"1970-01-01T00:00Z", 16},
        {"1970-01-01T00:00:61Z", 17},
        {"1970-01-01T00:00:60Z", 17}, /* no leap second there */
        {"1970-01-01T00:00:00", 19},
        {"1970-01-01T00:00:00.Z", 20},
        {"1970-01-01T00:00:00,5Z", 19},
        {"1970-01-01T00:00:00.1234567890Z", 29},
        {"1970-01-01T00:00:00+24:00", 20},
        {"1970-01-01T00:00:00+0200", 22},
        {"1970-01-01T00:00:00+02:60", 23},
        {"1970-01-01T00:00:00ZZ", 20},
        {"1970-01-01T00:00:00Z ", 20},
        {" 1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00\xff", 19},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t time_ns = 42;
        pbase_error err;
        char place[16];
        (void)snprintf(place, sizeof place, "byte %u", cases[i].place); /* fits */
        assert_int_equal(pbase_time_parse(pbase_bytes_text(cases[i].text), &time_ns, &err),
                         PBASE_INVALID);
        assert_int_equal(time_ns, 42);
        size_t size = strlen(err.message);
        assert_true(size > strlen(place));
        assert_string_equal(err.message + size - strlen(place), place);
        assert_true(pbase_utf8_valid(pbase_bytes_text(err.message)));
        assert_true(strlen(err.hint) > 0);
    }
}

static void instants_outside_int64_are_over_the_limit(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "1677-09-21T00:12:43.145224191Z", "2262-04-11T23:47:16.854775808Z",
        "0000-01-01T00:00:00Z",           "9999-12-31T23:59:59Z",
        "1677-09-21T00:12:43Z",           "0000-01-01T00:00:00+23:59",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t time_ns = 42;
        pbase_error err;
        assert_int_equal(pbase_time_parse(pbase_bytes_text(texts[i]), &time_ns, &err), PBASE_LIMIT);
        assert_int_equal(time_ns, 42);
        assert_non_null(strstr(err.message, texts[i]));
    }
}

static void nul_bytes_and_missing_ends_are_seen(void **state)
{
    (void)state;
    static const char text[] = "1970-01-01T00:00:00Z\0";
    int64_t time_ns = 42;
    assert_int_equal(pbase_time_parse(pbase_bytes_of(text, 21), &time_ns, NULL), PBASE_INVALID);
    for (size_t size = 0; size < 20; size++) {
        assert_int_equal(pbase_time_parse(pbase_bytes_of(text, size), &time_ns, NULL),
                         PBASE_INVALID);
    }
    assert_int_equal(time_ns, 42);
}

static void random_instants_come_back_and_agree_with_the_c_library(void **state)
{
    (void)state;
    seed_random random;
    seed_random_init(&random, seed_for("random_instants_come_back_and_agree_with_the_c_library"));
    for (int round = 0; round < 100000; round++) {
        int64_t time_ns = (int64_t)seed_next(&random);
        char text[PBASE_TIME_TEXT_BYTES];
        int64_t back = 0;
        pbase_time_format(time_ns, text);
        assert_int_equal(pbase_time_parse(pbase_bytes_text(text), &back, NULL), PBASE_OK);
        assert_true(back == time_ns);
        time_t seconds = time_ns / SECOND - (time_ns % SECOND < 0);
        struct tm parts;
        char expected[32];
        assert_non_null(gmtime_r(&seconds, &parts));
        assert_int_equal(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &parts), 19);
        assert_memory_equal(text, expected, 19);
    }
}

static void texts_are_in_the_order_of_their_instants(void **state)
{
    (void)state;
    int64_t times[] = {INT64_MIN, -SECOND, -1, 0, SECOND, INT64_MAX};
    for (size_t i = 1; i < sizeof times / sizeof times[0]; i++) {
        char before[PBASE_TIME_TEXT_BYTES];
        char after[PBASE_TIME_TEXT_BYTES];
        pbase_time_format(times[i - 1], before);
        pbase_time_format(times[i], after);
        assert_true(strncmp(before, after, 19) <= 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instants_have_one_canonical_text),
        cmocka_unit_test(other_spellings_are_accepted),
        cmocka_unit_test(malformed_text_is_invalid_and_names_the_place),
        cmocka_unit_test(instants_outside_int64_are_over_the_limit),
        cmocka_unit_test(nul_bytes_and_missing_ends_are_seen),
        cmocka_unit_test(random_instants_come_back_and_agree_with_the_c_library),
        cmocka_unit_test(texts_are_in_the_order_of_their_instants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
