/* What lz4 writes, and what it refuses to read. */
#include "fake_config.h"
#include "fault_alloc.h"
#include "lz4_transform.h"
#include <lz4.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static pbase_transform *lz4;
static pbase_buffer out;
static pbase_error err;
static const pbase_bytes no_context = {NULL, 0};

static pbase_transform *lz4_open(int64_t level)
{
    const fake_option options[] = {{.key = "level", .integer = level},
                                   {.key = "min_size", .integer = 256}};
    static pbase_host host;
    fake_config config;
    host = (pbase_host){.struct_size = sizeof host, .alloc = pbase_alloc_default()};
    fake_config_init(&config, options, 2);
    pbase_component_open open = {.struct_size = sizeof open, .host = &host, .config = &config.base};
    void *made = NULL;
    assert_int_equal(lz4_transform_open(&open, &made, &err), PBASE_OK);
    return (pbase_transform *)made;
}

static int set_up(void **state)
{
    (void)state;
    lz4 = lz4_open(0);
    pbase_buffer_init(&out, pbase_alloc_default());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pbase_buffer_fini(&out);
    pbase_transform_close(lz4);
    return 0;
}

static pbase_status decode(const void *coded, size_t size, size_t size_max)
{
    out.size = 0;
    return pbase_transform_decode(lz4, pbase_bytes_of(coded, size), no_context, size_max, &out,
                                  &err);
}

static void encode(const void *bytes, size_t size)
{
    out.size = 0;
    assert_int_equal(
        pbase_transform_encode(lz4, pbase_bytes_of(bytes, size), no_context, &out, &err), PBASE_OK);
}

static void what_is_below_min_size_is_stored_behind_a_marker(void **state)
{
    (void)state;
    char text[256];
    memset(text, 'a', sizeof text);

    encode(text, 255);
    assert_int_equal(out.size, 256);
    assert_int_equal(out.data[0], 0);
    assert_memory_equal(out.data + 1, text, 255);

    encode(text, 256);
    assert_int_equal(out.data[0], 1);
    assert_true(out.size < 40);
}

static void what_does_not_shrink_is_stored_as_it_is(void **state)
{
    (void)state;
    uint8_t noise[1000];
    uint32_t x = 12345;
    for (size_t i = 0; i < sizeof noise; i++) {
        x = x * 1664525u + 1013904223u;
        noise[i] = (uint8_t)(x >> 24);
    }
    encode(noise, sizeof noise);
    assert_int_equal(out.size, sizeof noise + 1);
    assert_int_equal(out.data[0], 0);
}

static void a_thorough_level_writes_less_and_any_level_reads_it(void **state)
{
    (void)state;
    char text[20000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof text; i++) { /* words, each of one letter and its followers */
        x = i % 5 == 0 ? x * 1664525u + 1013904223u : x;
        text[i] = (char)('a' + (x >> 27) + i % 5);
    }
    pbase_transform *best = lz4_open(12);
    encode(text, sizeof text);
    size_t size_at_0 = out.size;
    out.size = 0;
    assert_int_equal(
        pbase_transform_encode(best, pbase_bytes_of(text, sizeof text), no_context, &out, &err),
        PBASE_OK);
    assert_true(out.size < size_at_0);
    pbase_transform_close(best);

    pbase_buffer back;
    pbase_buffer_init(&back, pbase_alloc_default());
    assert_int_equal(
        pbase_transform_decode(lz4, pbase_buffer_view(&out), no_context, sizeof text, &back, &err),
        PBASE_OK);
    assert_memory_equal(back.data, text, sizeof text);
    pbase_buffer_fini(&back);
}

static void a_block_is_the_number_of_its_bytes_and_what_the_library_reads(void **state)
{
    (void)state;
    char text[1000], back[1000];
    memset(text, 'b', sizeof text);
    encode(text, sizeof text);
    assert_memory_equal(out.data, "\x01\xe8\x07", 3); /* 1000 as a varint */
    assert_int_equal(
        LZ4_decompress_safe((const char *)out.data + 3, back, (int)out.size - 3, sizeof back),
        sizeof text);
    assert_memory_equal(back, text, sizeof text);
}

static void foreign_bytes_are_corrupt(void **state)
{
    (void)state;
    assert_int_equal(decode("", 0, 100), PBASE_CORRUPT);
    assert_int_equal(decode("\x02", 1, 100), PBASE_CORRUPT);
    assert_int_equal(decode("\x01", 1, 100), PBASE_CORRUPT);
    assert_int_equal(decode("\x01not a block", 12, 200), PBASE_CORRUPT);
}

/* "aaa..." of 300 bytes as it is stored, its number replaced by `claim` (two bytes of a varint). */
static size_t claiming(unsigned claim, uint8_t *at, size_t room)
{
    char text[300];
    memset(text, 'a', sizeof text);
    encode(text, sizeof text);
    assert_true(out.size <= room);
    memcpy(at, out.data, out.size);
    at[1] = (uint8_t)(0x80u | (claim & 0x7fu));
    at[2] = (uint8_t)(claim >> 7);
    return out.size;
}

static void a_number_that_the_block_does_not_hold_is_corrupt(void **state)
{
    (void)state;
    uint8_t coded[100];
    assert_int_equal(decode(coded, claiming(300, coded, sizeof coded), 1000), PBASE_OK);
    assert_int_equal(decode(coded, claiming(299, coded, sizeof coded), 1000), PBASE_CORRUPT);
    assert_int_equal(decode(coded, claiming(301, coded, sizeof coded), 1000), PBASE_CORRUPT);
    assert_int_equal(decode(coded, claiming(0, coded, sizeof coded), 1000), PBASE_CORRUPT);
    size_t size = claiming(300, coded, sizeof coded);
    coded[size] = 0;
    assert_int_equal(decode(coded, size + 1, 1000), PBASE_CORRUPT);
    assert_int_equal(decode(coded, size - 1, 1000), PBASE_CORRUPT);
}

static void a_claim_that_no_block_of_its_size_reaches_takes_no_memory(void **state)
{
    (void)state;
    static const uint8_t bomb[] = {1, 0xff, 0xff, 0xff, 0xff, 0x03, 0x10, 'a', 0, 0}; /* 2^30 - 1 */
    fault_alloc memory;
    pbase_buffer nothing;
    fault_alloc_init(&memory);
    pbase_buffer_init(&nothing, &memory.alloc);

    pbase_status status = pbase_transform_decode(lz4, pbase_bytes_of(bomb, sizeof bomb), no_context,
                                                 SIZE_MAX >> 2, &nothing, &err);

    assert_int_equal(status, PBASE_CORRUPT);
    assert_int_equal(fault_alloc_live_bytes(&memory), 0);
    pbase_buffer_fini(&nothing);
}

static void a_claim_past_the_limit_is_refused(void **state)
{
    (void)state;
    uint8_t coded[100];
    assert_int_equal(decode(coded, claiming(300, coded, sizeof coded), 299), PBASE_LIMIT);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_below_min_size_is_stored_behind_a_marker),
        cmocka_unit_test(what_does_not_shrink_is_stored_as_it_is),
        cmocka_unit_test(a_thorough_level_writes_less_and_any_level_reads_it),
        cmocka_unit_test(a_block_is_the_number_of_its_bytes_and_what_the_library_reads),
        cmocka_unit_test(foreign_bytes_are_corrupt),
        cmocka_unit_test(a_number_that_the_block_does_not_hold_is_corrupt),
        cmocka_unit_test(a_claim_that_no_block_of_its_size_reaches_takes_no_memory),
        cmocka_unit_test(a_claim_past_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
