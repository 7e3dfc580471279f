/* Buffers, little-endian fields, and readers of untrusted bytes. */
#include "fault_alloc.h"
#include <protobase/base/bytes.h>
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

static const uint64_t numbers[] = {
    0, 1, 127, 128, 16383, 16384, 0xffff, 0x10000, UINT32_MAX, UINT64_C(1) << 63, UINT64_MAX};
#define NUMBER_COUNT (sizeof numbers / sizeof numbers[0])

static void compare_is_memcmp_then_length(void **state)
{
    (void)state;
    assert_int_equal(pbase_bytes_compare(pbase_bytes_text("a"), pbase_bytes_text("a")), 0);
    assert_true(pbase_bytes_compare(pbase_bytes_text("a"), pbase_bytes_text("ab")) < 0);
    assert_true(pbase_bytes_compare(pbase_bytes_text("b"), pbase_bytes_text("ab")) > 0);
    assert_true(pbase_bytes_compare(pbase_bytes_of("\xff", 1), pbase_bytes_of("\x01", 1)) > 0);
    assert_true(pbase_bytes_compare(pbase_bytes_of(NULL, 0), pbase_bytes_of("", 1)) < 0);
    assert_int_equal(pbase_bytes_compare(pbase_bytes_of(NULL, 0), pbase_bytes_text("")), 0);
}

static void equal_needs_every_byte(void **state)
{
    (void)state;
    assert_true(pbase_bytes_equal(pbase_bytes_of(NULL, 0), pbase_bytes_text("")));
    assert_true(pbase_bytes_equal(pbase_bytes_of("a\0b", 3), pbase_bytes_of("a\0b", 3)));
    assert_false(pbase_bytes_equal(pbase_bytes_of("a\0b", 3), pbase_bytes_of("a\0c", 3)));
    assert_false(pbase_bytes_equal(pbase_bytes_text("a"), pbase_bytes_text("ab")));
}

static pbase_status append_some(pbase_buffer *buffer, pbase_error *err)
{
    pbase_status status = pbase_buffer_append(buffer, "abc", 3, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_zeros(buffer, 200, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(buffer, 0xee, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(buffer, 300, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_text(buffer, err, "<%s-%0200d>", "x", 5);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(buffer, pbase_bytes_of(NULL, 0), err);
    }
    return status;
}

static void buffer_holds_what_was_appended(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    pbase_buffer buffer;
    pbase_buffer_init(&buffer, &fa.alloc);
    assert_int_equal(append_some(&buffer, NULL), PBASE_OK);
    assert_int_equal(buffer.size, 3 + 200 + 1 + 2 + 204);
    assert_memory_equal(buffer.data, "abc\0\0", 5);
    assert_int_equal(buffer.data[203], 0xee);
    assert_memory_equal(buffer.data + 204, "\xac\x02<x-000", 8);
    assert_memory_equal(buffer.data + buffer.size - 3, "05>", 3);
    pbase_buffer_fini(&buffer);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
    assert_int_equal(pbase_buffer_append_u8(&buffer, 1, NULL), PBASE_OK); /* as after init */
    assert_int_equal(buffer.size, 1);
    pbase_buffer_fini(&buffer);
}

static void buffer_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    pbase_status status = PBASE_NO_MEMORY;
    for (uint64_t n = 1; status != PBASE_OK; n++) {
        pbase_buffer buffer;
        pbase_buffer_init(&buffer, &fa.alloc);
        assert_int_equal(pbase_buffer_append(&buffer, "kept", 4, NULL), PBASE_OK);
        fault_alloc_fail_at(&fa, n);
        pbase_error err;
        pbase_error_init(&err);
        status = append_some(&buffer, &err);
        assert_int_equal(status, fault_alloc_has_failed(&fa) ? PBASE_NO_MEMORY : PBASE_OK);
        assert_int_equal(err.code, status);
        assert_memory_equal(buffer.data, "kept", 4);
        pbase_buffer_fini(&buffer);
        assert_int_equal(fault_alloc_live_bytes(&fa), 0);
    }
}

static void reserve_refuses_overflow(void **state)
{
    (void)state;
    pbase_buffer buffer;
    pbase_buffer_init(&buffer, pbase_alloc_default());
    assert_int_equal(pbase_buffer_append_u8(&buffer, 1, NULL), PBASE_OK);
    pbase_error err;
    assert_int_equal(pbase_buffer_reserve(&buffer, SIZE_MAX, &err), PBASE_NO_MEMORY);
    assert_int_equal(buffer.size, 1);
    pbase_buffer_fini(&buffer);
}

static void growing_costs_few_requests(void **state)
{
    (void)state;
    fault_alloc fa;
    fault_alloc_init(&fa);
    pbase_buffer buffer;
    pbase_buffer_init(&buffer, &fa.alloc);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(pbase_buffer_append_u8(&buffer, 1, NULL), PBASE_OK);
    }
    assert_true(fault_alloc_requests(&fa) < 20);
    pbase_buffer_fini(&buffer);
}

static void fields_are_little_endian(void **state)
{
    (void)state;
    uint8_t at[9];
    pbase_put_u16(at + 1, 0x0102);
    assert_memory_equal(at + 1, "\x02\x01", 2);
    pbase_put_u32(at + 1, 0x01020304);
    assert_memory_equal(at + 1, "\x04\x03\x02\x01", 4);
    pbase_put_u64(at + 1, 0x0102030405060708);
    assert_memory_equal(at + 1, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        pbase_put_u64(at + 1, numbers[i]);
        assert_true(pbase_get_u64(at + 1) == numbers[i]);
        assert_int_equal(pbase_get_u32(at + 1), (uint32_t)numbers[i]);
        assert_int_equal(pbase_get_u16(at + 1), (uint16_t)numbers[i]);
    }
}

static void varints_come_back(void **state)
{
    (void)state;
    pbase_buffer buffer;
    pbase_buffer_init(&buffer, pbase_alloc_default());
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        assert_int_equal(pbase_buffer_append_varint(&buffer, numbers[i], NULL), PBASE_OK);
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&buffer));
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        uint64_t number = 0;
        assert_true(pbase_read_varint(&reader, &number));
        assert_true(number == numbers[i]);
    }
    assert_int_equal(pbase_reader_bytes_left(&reader), 0);
    pbase_buffer_fini(&buffer);
}

static void varint_past_64_bits_or_cut_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"", 0},
        {"\x80", 1},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},     /* 65 bits */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11}, /* 11 bytes */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pbase_reader_bytes reader =
            pbase_reader_bytes_of(pbase_bytes_of(cases[i].bytes, cases[i].size));
        uint64_t number = 42;
        assert_false(pbase_read_varint(&reader, &number));
        assert_int_equal(pbase_reader_bytes_left(&reader), cases[i].size);
        assert_int_equal(number, 42);
    }
}

static void reader_gives_fields_in_order(void **state)
{
    (void)state;
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_bytes_of(
        "\x01\x02\x01\x04\x03\x02\x01\x08\x07\x06\x05\x04\x03\x02\x01rest\x03wxy", 23));
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    pbase_bytes bytes;
    assert_true(pbase_read_u8(&reader, &u8));
    assert_true(pbase_read_u16(&reader, &u16));
    assert_true(pbase_read_u32(&reader, &u32));
    assert_true(pbase_read_u64(&reader, &u64));
    assert_int_equal(u8, 1);
    assert_int_equal(u16, 0x0102);
    assert_int_equal(u32, 0x01020304);
    assert_true(u64 == 0x0102030405060708);
    assert_true(pbase_read_bytes(&reader, 4, &bytes));
    assert_memory_equal(bytes.data, "rest", 4);
    assert_true(pbase_read_sized(&reader, &bytes));
    assert_true(pbase_bytes_equal(bytes, pbase_bytes_text("wxy")));
    assert_int_equal(pbase_reader_bytes_left(&reader), 0);
}

static void reader_refuses_what_is_not_there_and_stays(void **state)
{
    (void)state;
    static const uint8_t seven[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_bytes_of(seven, sizeof seven));
    uint64_t u64 = 0;
    pbase_bytes bytes;
    assert_false(pbase_read_u64(&reader, &u64));
    assert_false(pbase_read_bytes(&reader, 8, &bytes));
    assert_false(pbase_read_bytes(&reader, SIZE_MAX, &bytes));
    assert_false(pbase_read_sized(&reader, &bytes));
    assert_ptr_equal(reader.at, seven);
    pbase_reader_bytes empty = pbase_reader_bytes_of(pbase_bytes_of(NULL, 0));
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    assert_false(pbase_read_u8(&empty, &u8));
    assert_false(pbase_read_u16(&empty, &u16));
    assert_false(pbase_read_u32(&empty, &u32));
    assert_true(pbase_read_bytes(&empty, 0, &bytes));
}

static void sized_larger_than_the_rest_is_refused(void **state)
{
    (void)state;
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_bytes_of("\x04"
                                                                     "abc",
                                                                     4));
    pbase_bytes bytes = pbase_bytes_text("before");
    assert_false(pbase_read_sized(&reader, &bytes));
    assert_int_equal(pbase_reader_bytes_left(&reader), 4);
    assert_string_equal((const char *)bytes.data, "before");
}

static void sized_comes_back_around_the_sizes_of_one_byte(void **state)
{
    (void)state;
    static const uint8_t content[200] = {1, 2, 3};
    static const size_t sizes[] = {0, 1, 126, 127, 128, 200};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pbase_buffer buffer;
        pbase_bytes back;
        pbase_buffer_init(&buffer, pbase_alloc_default());
        assert_int_equal(pbase_buffer_append_varint(&buffer, sizes[i], NULL), PBASE_OK);
        assert_int_equal(pbase_buffer_append(&buffer, content, sizes[i], NULL), PBASE_OK);
        pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&buffer));
        assert_true(pbase_read_sized(&reader, &back));
        assert_true(pbase_bytes_equal(back, pbase_bytes_of(content, sizes[i])));
        assert_int_equal(pbase_reader_bytes_left(&reader), 0);
        reader = pbase_reader_bytes_of(pbase_bytes_of(buffer.data, buffer.size - 1));
        assert_false(pbase_read_sized(&reader, &back));
        assert_ptr_equal(reader.at, buffer.data);
        pbase_buffer_fini(&buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare_is_memcmp_then_length),
        cmocka_unit_test(equal_needs_every_byte),
        cmocka_unit_test(buffer_holds_what_was_appended),
        cmocka_unit_test(buffer_without_memory_stays_as_it_was),
        cmocka_unit_test(reserve_refuses_overflow),
        cmocka_unit_test(growing_costs_few_requests),
        cmocka_unit_test(fields_are_little_endian),
        cmocka_unit_test(varints_come_back),
        cmocka_unit_test(varint_past_64_bits_or_cut_is_refused),
        cmocka_unit_test(reader_gives_fields_in_order),
        cmocka_unit_test(reader_refuses_what_is_not_there_and_stays),
        cmocka_unit_test(sized_larger_than_the_rest_is_refused),
        cmocka_unit_test(sized_comes_back_around_the_sizes_of_one_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
