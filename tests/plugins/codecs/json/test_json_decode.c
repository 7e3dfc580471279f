/* Reading JSON: what is accepted, and what is refused with its place. */
#include "json_fixture.h"
#include "random_value.h"
#include "seed.h"

typedef struct {
    const char *text;
    pbase_status status;
    const char *where;
} refusal;

static void assert_refused(const refusal *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pbase_value value;
        pbase_status status = json_read(cases[i].text, &value);
        if (status != cases[i].status || strcmp(err.where, cases[i].where) != 0) {
            fail_msg("%s: %s at %s: %s", cases[i].text, pbase_status_name(status), err.where,
                     err.message);
        }
        assert_true(strcmp(err.message, "not JSON") != 0); /* it says what is wrong */
    }
}
#define ASSERT_REFUSED(cases) assert_refused((cases), sizeof(cases) / sizeof((cases)[0]))

static void malformed_text_is_refused_at_its_line_and_column(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"", PBASE_INVALID, "line 1 column 1"},
        {"   ", PBASE_INVALID, "line 1 column 4"},
        {"nul", PBASE_INVALID, "line 1 column 4"},
        {"[1,]", PBASE_INVALID, "line 1 column 4"},
        {"[1 2]", PBASE_INVALID, "line 1 column 4"},
        {"[1", PBASE_INVALID, "line 1 column 3"},
        {"]", PBASE_INVALID, "line 1 column 1"},
        {"[1}", PBASE_INVALID, "line 1 column 3"},
        {"{\"a\":1,}", PBASE_INVALID, "line 1 column 8"},
        {"{\"a\" 1}", PBASE_INVALID, "line 1 column 6"},
        {"{a:1}", PBASE_INVALID, "line 1 column 2"},
        {"{\"a\":}", PBASE_INVALID, "line 1 column 6"},
        {"{\"a\":1", PBASE_INVALID, "line 1 column 7"},
        {"1 2", PBASE_INVALID, "line 1 column 3"},
        {"{}x", PBASE_INVALID, "line 1 column 3"},
        {"01", PBASE_INVALID, "line 1 column 2"},
        {"-", PBASE_INVALID, "line 1 column 2"},
        {"1.", PBASE_INVALID, "line 1 column 3"},
        {"1.e5", PBASE_INVALID, "line 1 column 3"},
        {".5", PBASE_INVALID, "line 1 column 1"},
        {"1e", PBASE_INVALID, "line 1 column 3"},
        {"1e+", PBASE_INVALID, "line 1 column 4"},
        {"+1", PBASE_INVALID, "line 1 column 1"},
        {"NaN", PBASE_INVALID, "line 1 column 1"},
        {"'a'", PBASE_INVALID, "line 1 column 1"},
        {"// no", PBASE_INVALID, "line 1 column 1"},
        {"\"abc", PBASE_INVALID, "line 1 column 5"},
        {"\"a\tb\"", PBASE_INVALID, "line 1 column 3"},
        {"\"a\\x\"", PBASE_INVALID, "line 1 column 4"},
        {"\"\\u12g4\"", PBASE_INVALID, "line 1 column 6"},
        {"\xef\xbb\xbf[]", PBASE_INVALID, "line 1 column 1"},
        {"{\n  \"a\": 1,\n  \"b\": tru\n}", PBASE_INVALID, "line 3 column 11"},
        {"[\r\n\r\n1,,2]", PBASE_INVALID, "line 3 column 3"},
        {"[\"h\xc3\xa9\xf0\x9f\x98\x80\", x]", PBASE_INVALID, "line 1 column 9"},
    };
    ASSERT_REFUSED(cases);
}

static void text_that_is_not_utf8_is_refused_at_its_place(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"\"ab\xff\"", PBASE_INVALID, "line 1 column 4"},
        {"\"\xc0\x80\"", PBASE_INVALID, "line 1 column 2"},
        {"\"\xed\xa0\x80\"", PBASE_INVALID, "line 1 column 2"},
        {"\"\xf4\x90\x80\x80\"", PBASE_INVALID, "line 1 column 2"},
        {"\"a\xe2\x82\"", PBASE_INVALID, "line 1 column 3"},
        {"{\"a\xff\":1}", PBASE_INVALID, "line 1 column 4"},
    };
    ASSERT_REFUSED(cases);
}

static void lone_surrogates_are_refused_at_their_escape(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"\"\\ud800\"", PBASE_INVALID, "line 1 column 2"},
        {"\"ab\\udc00\"", PBASE_INVALID, "line 1 column 4"},
        {"\"\\ud800\\u0041\"", PBASE_INVALID, "line 1 column 2"},
        {"\"\\ud800\\ud800\"", PBASE_INVALID, "line 1 column 2"},
        {"\"\\ud800\\ue000\"", PBASE_INVALID, "line 1 column 2"},
        {"\"\\udfff\\ud800\"", PBASE_INVALID, "line 1 column 2"},
    };
    ASSERT_REFUSED(cases);
}

static void numbers_out_of_range_are_over_the_limit(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"9223372036854775808", PBASE_LIMIT, "line 1 column 1"},
        {"[1, -9223372036854775809]", PBASE_LIMIT, "line 1 column 5"},
        {"{\"a\": {\"b\": 18446744073709551616}}", PBASE_LIMIT, "line 1 column 13"},
        {"{\"a\": [\"x\", 9223372036854775808]}", PBASE_LIMIT, "line 1 column 13"},
        {"1e400", PBASE_LIMIT, "line 1 column 1"},
        {"[0.5,\n-0.001e999999999999999999]", PBASE_LIMIT, "line 2 column 1"},
        {"{\"$vec\": [1.0, 1e39]}", PBASE_LIMIT, "line 1 column 16"},
    };
    ASSERT_REFUSED(cases);
}

static void a_field_given_twice_is_refused_at_the_second(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"{\"a\":1,\"b\":2,\"a\":3}", PBASE_INVALID, "line 1 column 14"},
        {"{\"a\":1,\"\\u0061\":3}", PBASE_INVALID, "line 1 column 8"},
        {"[{\"x\":{\"b\":[1,2],\"b\":2}}]", PBASE_INVALID, "line 1 column 18"},
        {"{\"$map\":{\"q\":{\"$map\":{\"$ref\":1}},\"q\":2}}", PBASE_INVALID, "line 1 column 34"},
    };
    ASSERT_REFUSED(cases);
}

static void a_field_given_twice_among_many_is_refused(void **state)
{
    (void)state;
    char many[2000] = "{";
    size_t size = 1;
    for (int i = 0; i < 100; i++) {
        size += (size_t)snprintf(many + size, sizeof many - size, "\"f%d\":%d,\n", 99 - i, i);
    }
    (void)snprintf(many + size, sizeof many - size, "\"f50\":0}");
    pbase_value value;
    assert_int_equal(json_read(many, &value), PBASE_INVALID);
    assert_string_equal(err.where, "line 101 column 1");
    assert_non_null(strstr(err.message, "f50"));
}

static void malformed_forms_are_refused_at_their_content(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"{\"$bytes\": 5}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$bytes\": \"YQ\"}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$bytes\": \"YQ=\"}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$bytes\": \"YR==\"}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$bytes\": \"YWJ=\"}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$bytes\": \"Y===\"}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$bytes\": \"YQ==YQ==\"}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$bytes\": \"Y_-a\"}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$time\": \"yesterday\"}", PBASE_INVALID, "line 1 column 11"},
        {"{\"$time\": 0}", PBASE_INVALID, "line 1 column 11"},
        {"{\"$float\": \"Inf\"}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$float\": 1.5}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$vec\": 1}", PBASE_INVALID, "line 1 column 10"},
        {"{\"$vec\": [1, true]}", PBASE_INVALID, "line 1 column 14"},
        {"{\"$ref\": \"00\"}", PBASE_INVALID, "line 1 column 10"},
        {"{\"$child\": -1}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$child\": 65535}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$child\": 1.0}", PBASE_INVALID, "line 1 column 12"},
        {"{\"$map\": []}", PBASE_INVALID, "line 1 column 10"},
        {"{\"a\": [1, {\"$ref\": null}]}", PBASE_INVALID, "line 1 column 20"},
    };
    ASSERT_REFUSED(cases);
}

static void forms_of_what_no_codec_makes_are_marked_and_come_back_as_they_were(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"$object\":{\"class\":\"A\"}}",
                                        "{\"$collection\":{\"kind\":\"list\",\"items\":[1]}}"};
    for (size_t i = 0; i < 2; i++) {
        pbase_value value;
        assert_int_equal(json_read(texts[i], &value), PBASE_OK);
        assert_int_equal(value.kind, PBASE_MAP);
        assert_int_equal(value.form, 1);
        assert_string_equal(json_written(&value), texts[i]);
        value.form = 0; /* a map of somebody's that looks like one */
        assert_non_null(strstr(json_written(&value), "{\"$map\":"));
    }
    pbase_value escaped;
    assert_int_equal(json_read("{\"$map\":{\"$collection\":1}}", &escaped), PBASE_OK);
    assert_int_equal(escaped.form, 0);
}

/* `count` times `before`, then `middle`, then as often `behind`. */
static char *nested(unsigned count, const char *before, const char *middle, const char *behind)
{
    size_t size = count * (strlen(before) + strlen(behind)) + strlen(middle) + 1;
    char *made = (char *)malloc(size), *at = made;
    assert_non_null(made);
    for (unsigned i = 0; i < count; i++) {
        at = stpcpy(at, before);
    }
    at = stpcpy(at, middle);
    for (unsigned i = 0; i < count; i++) {
        at = stpcpy(at, behind);
    }
    return made;
}

static void assert_nesting(unsigned count, const char *before, const char *middle,
                           const char *behind, pbase_status status, const char *where)
{
    char *made = nested(count, before, middle, behind);
    pbase_value value;
    assert_int_equal(json_read(made, &value), status);
    assert_string_equal(err.where, where);
    free(made);
}

static void nesting_is_read_to_128_levels_and_no_further(void **state)
{
    (void)state;
    assert_nesting(128, "[", "1", "]", PBASE_OK, "");
    assert_nesting(129, "[", "1", "]", PBASE_LIMIT, "line 1 column 129");
    assert_nesting(128, "[", "", "]", PBASE_OK, "");
    assert_nesting(129, "[", "", "]", PBASE_LIMIT, "line 1 column 129");
    assert_nesting(128, "{\"a\":", "1", "}", PBASE_OK, "");
    assert_nesting(129, "{\"a\":", "1", "}", PBASE_LIMIT, "line 1 column 641");
    assert_nesting(128, "[", "{\"$vec\":[1]}", "]", PBASE_OK, "");
    assert_nesting(128, "{\"$map\":{\"$ref\":", "{\"$vec\":[1]}", "}}", PBASE_OK, "");
    assert_nesting(129, "{\"$map\":{\"$ref\":", "1", "}}", PBASE_LIMIT, "line 1 column 2057");
    assert_nesting(100000, "[", "1", "]", PBASE_LIMIT, "line 1 column 261");
    assert_nesting(100000, "[", "1", "", PBASE_LIMIT, "line 1 column 261");
}

static void other_spellings_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *canonical;
    } cases[] = {
        {" \t\r\n{ \"a\" : [ 1 , 2 ] } \n", "{\"a\":[1,2]}"},
        {"1E5", "100000.0"},
        {"1e+2", "100.0"},
        {"-0", "0"},
        {"-0.0", "-0.0"},
        {"0.10", "0.1"},
        {"1e-400", "0.0"},
        {"1.00000000000000000000000000000000000000000000001", "1.0"},
        {"\"\\/\\u0041\\ud83d\\ude00\"", "\"/A\xf0\x9f\x98\x80\""},
        {"{\"$time\":\"1970-01-01T01:00:00.5+01:00\"}", "{\"$time\":\"1970-01-01T00:00:00.5Z\"}"},
        {"{\"$ref\":\"00112233445566778899AABBCCDDEEFF\"}",
         "{\"$ref\":\"00112233445566778899aabbccddeeff\"}"},
        {"{\"$vec\":[1, 0.1, \"inf\"]}", "{\"$vec\":[1.0,0.1,\"inf\"]}"},
        {"{\"$map\":{}}", "{}"},
        {"{\"$map\":{\"a\":1,\"b\":2}}", "{\"a\":1,\"b\":2}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pbase_value value;
        assert_int_equal(json_read(cases[i].text, &value), PBASE_OK);
        assert_string_equal(json_written(&value), cases[i].canonical);
    }
}

/* The scanner that finds places and the parser that decides must agree on what JSON is. */
static void every_refusal_of_random_damage_has_a_reason(void **state)
{
    (void)state;
    static const char replacements[] = "[]{}\",:\\ 09.eE+-tfnu\n\x01\xc3\xff";
    seed_random random;
    seed_random_init(&random, seed_for("json damage"));
    unsigned refused = 0;
    for (unsigned i = 0; i < 30000; i++) {
        pbase_arena_reset(&arena);
        random_value_options options = {.depth_max = 3, .items_max = 4};
        pbase_value value = random_value(&random, &options, &arena);
        (void)json_written(&value);
        for (unsigned k = 0; k <= i % 3; k++) {
            text.data[seed_below(&random, text.size)] =
                (uint8_t)replacements[seed_below(&random, sizeof replacements - 1)];
        }
        pbase_error_init(&err);
        pbase_status status = pbase_serializer_decode(
            json, pbase_bytes_of(text.data, text.size - 1), NULL, &arena, &value, &err);
        refused += status != PBASE_OK;
        assert_true(status == PBASE_OK || strcmp(err.message, "not JSON") != 0);
        assert_true(status == PBASE_OK || strncmp(err.where, "line ", 5) == 0);
    }
    assert_true(refused > 10000);
}

static void a_list_longer_than_the_tape_can_count_is_read(void **state)
{
    (void)state;
    if (!seed_is_long_run()) {
        skip(); /* half a gigabyte */
    }
    const size_t count = 0xffffffu + 5u;
    char *list = (char *)malloc(2 * count + 2);
    assert_non_null(list);
    for (size_t i = 0; i < count; i++) {
        list[2 * i] = ',';
        list[2 * i + 1] = '7';
    }
    list[0] = '[';
    list[2 * count] = ']';
    list[2 * count + 1] = '\0';
    pbase_value value;
    assert_int_equal(json_read(list, &value), PBASE_OK);
    assert_int_equal(value.as.list.count, count);
    assert_int_equal(value.as.list.items[count - 1].as.integer, 7);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_text_is_refused_at_its_line_and_column),
        cmocka_unit_test(text_that_is_not_utf8_is_refused_at_its_place),
        cmocka_unit_test(lone_surrogates_are_refused_at_their_escape),
        cmocka_unit_test(numbers_out_of_range_are_over_the_limit),
        cmocka_unit_test(a_field_given_twice_is_refused_at_the_second),
        cmocka_unit_test(a_field_given_twice_among_many_is_refused),
        cmocka_unit_test(malformed_forms_are_refused_at_their_content),
        cmocka_unit_test(forms_of_what_no_codec_makes_are_marked_and_come_back_as_they_were),
        cmocka_unit_test(nesting_is_read_to_128_levels_and_no_further),
        cmocka_unit_test(other_spellings_are_read),
        cmocka_unit_test(every_refusal_of_random_damage_has_a_reason),
        cmocka_unit_test(a_list_longer_than_the_tape_can_count_is_read),
    };
    return cmocka_run_group_tests(tests, json_set_up, json_tear_down);
}
