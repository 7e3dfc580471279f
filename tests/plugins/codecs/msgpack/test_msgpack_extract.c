/* Extracting reads no more than it must. */
#include "msgpack_fixture.h"

#define NAMED(text)                                                                                \
    {                                                                                              \
        {(const uint8_t *)(text), sizeof(text) - 1}, 0                                             \
    }
#define INDEXED(index)                                                                             \
    {                                                                                              \
        {NULL, 0}, (index)                                                                         \
    }

static pbase_status extract(pbase_bytes from, const pbase_path *paths, size_t count,
                            pbase_value *out)
{
    pbase_error_init(&err);
    return pbase_serializer_extract(msgpack, from, paths, count, &arena, out, &err);
}

static void fields_and_items_are_found_in_one_pass(void **state)
{
    (void)state;
    /* {"a": [10, 20, {"b": "x"}], "c": {"d": 5}} */
    static const pbase_bytes from = BYTES("\x82\xa1"
                                          "a\x93\x0a\x14\x81\xa1"
                                          "b\xa1x\xa1"
                                          "c\x81\xa1"
                                          "d\x05");
    static const pbase_path_step last_b[] = {NAMED("a"), INDEXED(-1), NAMED("b")};
    static const pbase_path_step second[] = {NAMED("a"), INDEXED(1)};
    static const pbase_path_step c[] = {NAMED("c")}, d[] = {NAMED("c"), NAMED("d")};
    static const pbase_path_step past[] = {NAMED("a"), INDEXED(3)};
    static const pbase_path_step before[] = {NAMED("a"), INDEXED(-4)};
    static const pbase_path_step field_of_list[] = {NAMED("a"), NAMED("b")};
    static const pbase_path paths[] = {{d, 2},     {last_b, 3}, {second, 2},        {c, 1},
                                       {past, 2},  {before, 2}, {field_of_list, 2}, {NULL, 0},
                                       {second, 2}};
    pbase_value found[9];

    assert_int_equal(extract(from, paths, 9, found), PBASE_OK);

    assert_int_equal(found[0].as.integer, 5);
    assert_true(pbase_bytes_equal(found[1].as.string, pbase_bytes_text("x")));
    assert_int_equal(found[2].as.integer, 20);
    assert_int_equal(found[3].kind, PBASE_MAP);
    assert_int_equal(found[4].kind, PBASE_VALUE_MISSING);
    assert_int_equal(found[5].kind, PBASE_VALUE_MISSING);
    assert_int_equal(found[6].kind, PBASE_VALUE_MISSING);
    assert_int_equal(found[7].kind, PBASE_MAP);
    assert_int_equal(found[8].as.integer, 20);
}

static void what_stands_behind_the_last_field_is_not_read(void **state)
{
    (void)state;
    static const pbase_bytes from = BYTES("\x83\xa1"
                                          "a\x01\xa1"
                                          "b\x02\xa1"
                                          "c\xc1"); /* c is no value */
    static const pbase_path_step b[] = {NAMED("b")}, c[] = {NAMED("c")};
    static const pbase_path to_b = {b, 1}, to_c = {c, 1};
    pbase_value found;

    assert_int_equal(extract(from, &to_b, 1, &found), PBASE_OK);
    assert_int_equal(found.as.integer, 2);
    assert_int_equal(extract(from, &to_c, 1, &found), PBASE_INVALID);
    assert_string_equal(err.where, "offset 9");
}

static void of_a_field_given_twice_the_first_counts(void **state)
{
    (void)state;
    static const pbase_bytes from = BYTES("\x82\xa1"
                                          "a\x01\xa1"
                                          "a\x02");
    static const pbase_path_step a[] = {NAMED("a")}, b[] = {NAMED("b")};
    static const pbase_path paths[] = {{a, 1}, {b, 1}};
    pbase_value found[2];

    assert_int_equal(extract(from, paths, 2, found), PBASE_OK);

    assert_int_equal(found[0].as.integer, 1);
    assert_int_equal(found[1].kind, PBASE_VALUE_MISSING);
}

static void a_null_is_told_from_a_missing_field(void **state)
{
    (void)state;
    static const pbase_bytes from = BYTES("\x81\xa1"
                                          "a\xc0");
    static const pbase_path_step a[] = {NAMED("a")}, empty[] = {NAMED("")};
    static const pbase_path paths[] = {{a, 1}, {empty, 1}};
    pbase_value found[2];

    assert_int_equal(extract(from, paths, 2, found), PBASE_OK);

    assert_int_equal(found[0].kind, PBASE_NULL);
    assert_int_equal(found[1].kind, PBASE_VALUE_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_and_items_are_found_in_one_pass),
        cmocka_unit_test(what_stands_behind_the_last_field_is_not_read),
        cmocka_unit_test(of_a_field_given_twice_the_first_counts),
        cmocka_unit_test(a_null_is_told_from_a_missing_field),
    };
    return cmocka_run_group_tests(tests, msgpack_set_up, msgpack_tear_down);
}
