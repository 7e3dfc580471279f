/* Reading MessagePack: what others write, and what is refused with its offset. */
#include "msgpack_fixture.h"

static pbase_status decode(pbase_bytes from, pbase_value *out)
{
    pbase_error_init(&err);
    return pbase_serializer_decode(msgpack, from, NULL, &arena, out, &err);
}

static void longer_forms_of_others_are_read(void **state)
{
    (void)state;
    static const struct {
        pbase_bytes from;
        int64_t integer;
    } ints[] = {
        {BYTES("\xcc\x01"), 1},
        {BYTES("\xcf\x00\x00\x00\x00\x00\x00\x00\x05"), 5},
        {BYTES("\xd0\x05"), 5},
        {BYTES("\xd3\xff\xff\xff\xff\xff\xff\xff\xff"), -1},
    };
    pbase_value value;
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
        assert_int_equal(decode(ints[i].from, &value), PBASE_OK);
        assert_int_equal(value.kind, PBASE_INT);
        assert_int_equal(value.as.integer, ints[i].integer);
    }
    assert_int_equal(decode((pbase_bytes)BYTES("\xca\x3f\xc0\x00\x00"), &value), PBASE_OK);
    assert_true(value.kind == PBASE_FLOAT && value.as.real > 1.49 && value.as.real < 1.51);
    assert_int_equal(decode((pbase_bytes)BYTES("\xdb\x00\x00\x00\x01z"), &value), PBASE_OK);
    assert_true(pbase_bytes_equal(value.as.string, pbase_bytes_text("z")));
    assert_int_equal(
        decode((pbase_bytes)BYTES("\xdf\x00\x00\x00\x01\xd9\x01k\xdc\x00\x01\xc0"), &value),
        PBASE_OK);
    assert_int_equal(value.as.map.fields[0].value.as.list.count, 1);
}

static void strings_and_bytes_are_lent_by_the_input(void **state)
{
    (void)state;
    static const pbase_bytes from = BYTES("\x92\xa2hi\xc4\x02yo");
    pbase_value value;
    assert_int_equal(decode(from, &value), PBASE_OK);
    assert_ptr_equal(value.as.list.items[0].as.string.data, from.data + 2);
    assert_ptr_equal(value.as.list.items[1].as.string.data, from.data + 6);
}

static void bad_bytes_are_refused_at_their_offset(void **state)
{
    (void)state;
    static const struct {
        pbase_bytes from;
        pbase_status status;
        const char *where;
    } cases[] = {
        {BYTES(""), PBASE_INVALID, "offset 0"},
        {BYTES("\xc1"), PBASE_INVALID, "offset 0"},
        {BYTES("\x92\x01\xc1"), PBASE_INVALID, "offset 2"},
        {BYTES("\x93\x01\x02"), PBASE_INVALID, "offset 0"},
        {BYTES("\x92\x01\xcd\x01"), PBASE_INVALID, "offset 2"},
        {BYTES("\x91\xa5"
               "abc"),
         PBASE_INVALID, "offset 1"},
        {BYTES("\xdd\xff\xff\xff\xff\x01"), PBASE_INVALID, "offset 0"},
        {BYTES("\xdf\xff\xff\xff\xff\x01"), PBASE_INVALID, "offset 0"},
        {BYTES("\xc6\xff\xff\xff\xff\x01"), PBASE_INVALID, "offset 0"},
        {BYTES("\xc9\xff\xff\xff\xff\x01\x01"), PBASE_INVALID, "offset 0"},
        {BYTES("\xd4"), PBASE_INVALID, "offset 0"},
        {BYTES("\xc0\xc0"), PBASE_INVALID, "offset 1"},
        {BYTES("\x91\xcf\x80\x00\x00\x00\x00\x00\x00\x00"), PBASE_LIMIT, "offset 1"},
        {BYTES("\x91\xa1\xff"), PBASE_INVALID, "offset 1"},
        {BYTES("\x91\xa3\xed\xa0\x80"), PBASE_INVALID, "offset 1"},
        {BYTES("\x81\xa1\xff\x01"), PBASE_INVALID, "offset 1"},
        {BYTES("\x81\x01\x01"), PBASE_INVALID, "offset 1"},
        {BYTES("\x81\xc4\x01"
               "a\x01"),
         PBASE_INVALID, "offset 1"},
        {BYTES("\x82\xa1"
               "a\x01\xa1"
               "a\x02"),
         PBASE_INVALID, "offset 5"},
        {BYTES("\x91\xd4\x07\x00"), PBASE_UNSUPPORTED, "offset 1"},
        {BYTES("\xd4\x01\x00"), PBASE_INVALID, "offset 0"},
        {BYTES("\xd4\x02\x00"), PBASE_INVALID, "offset 0"},
        {BYTES("\xd4\x03\x00"), PBASE_INVALID, "offset 0"},
        {BYTES("\xd6\x03\xff\xff\x00\x00"), PBASE_INVALID, "offset 0"},
        {BYTES("\xd4\xff\x00"), PBASE_INVALID, "offset 0"},
        {BYTES("\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff"), PBASE_INVALID, "offset 0"},
        {BYTES("\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"), PBASE_LIMIT,
         "offset 0"},
        {BYTES("\xc7\x0c\xff\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00"), PBASE_LIMIT,
         "offset 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pbase_value value;
        pbase_status status = decode(cases[i].from, &value);
        if (status != cases[i].status || strcmp(err.where, cases[i].where) != 0) {
            fail_msg("case %zu: %s at %s: %s", i, pbase_status_name(status), err.where,
                     err.message);
        }
    }
}

static void nesting_is_read_to_128_levels_and_no_further(void **state)
{
    (void)state;
    uint8_t lists[130];
    pbase_value value;
    memset(lists, 0x91, sizeof lists);
    lists[128] = lists[129] = 0xc0;

    assert_int_equal(decode(pbase_bytes_of(lists, 129), &value), PBASE_OK);
    lists[128] = 0x91;
    assert_int_equal(decode(pbase_bytes_of(lists, 130), &value), PBASE_LIMIT);
    assert_string_equal(err.where, "offset 128");
    lists[128] = 0x90;
    assert_int_equal(decode(pbase_bytes_of(lists, 129), &value), PBASE_LIMIT);
    memset(lists, 0x91, sizeof lists);
    assert_int_equal(decode(pbase_bytes_of(lists, 130), &value), PBASE_LIMIT);
}

static void a_million_nested_lists_do_not_exhaust_the_stack(void **state)
{
    (void)state;
    size_t size = 1000000;
    uint8_t *lists = (uint8_t *)malloc(size);
    assert_non_null(lists);
    memset(lists, 0x91, size);
    pbase_value value;
    pbase_path_step step = {{NULL, 0}, 1};
    pbase_path path = {&step, 1};

    assert_int_equal(decode(pbase_bytes_of(lists, size), &value), PBASE_LIMIT);
    assert_int_equal(pbase_serializer_extract(msgpack, pbase_bytes_of(lists, size), &path, 1,
                                              &arena, &value, &err),
                     PBASE_INVALID); /* passes over them and finds no end */
    free(lists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longer_forms_of_others_are_read),
        cmocka_unit_test(strings_and_bytes_are_lent_by_the_input),
        cmocka_unit_test(bad_bytes_are_refused_at_their_offset),
        cmocka_unit_test(nesting_is_read_to_128_levels_and_no_further),
        cmocka_unit_test(a_million_nested_lists_do_not_exhaust_the_stack),
    };
    return cmocka_run_group_tests(tests, msgpack_set_up, msgpack_tear_down);
}
