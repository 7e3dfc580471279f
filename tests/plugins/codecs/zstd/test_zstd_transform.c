/* What zstd writes, and what it refuses to read. */
#include "fake_config.h"
#include "zstd_transform.h"
#include <setjmp.h>
#include <stdint.h>
#include <zstd.h>

#include <cmocka.h>

static pbase_transform *zstd;
static pbase_buffer out;
static pbase_error err;
static const pbase_bytes no_context = {NULL, 0};

static pbase_transform *zstd_open(int64_t level)
{
    const fake_option options[] = {{.key = "level", .integer = level},
                                   {.key = "min_size", .integer = 256},
                                   {.key = "dictionary"},
                                   {.key = "dictionary_folder"}};
    static pbase_host host;
    fake_config config;
    host = (pbase_host){.struct_size = sizeof host, .alloc = pbase_alloc_default()};
    fake_config_init(&config, options, 4);
    pbase_component_open open = {.struct_size = sizeof open, .host = &host, .config = &config.base};
    void *made = NULL;
    assert_int_equal(zstd_transform_open(&open, &made, &err), PBASE_OK);
    return (pbase_transform *)made;
}

static int set_up(void **state)
{
    (void)state;
    zstd = zstd_open(3);
    pbase_buffer_init(&out, pbase_alloc_default());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pbase_buffer_fini(&out);
    pbase_transform_close(zstd);
    return 0;
}

static pbase_status decode(const void *coded, size_t size, size_t size_max)
{
    out.size = 0;
    return pbase_transform_decode(zstd, pbase_bytes_of(coded, size), no_context, size_max, &out,
                                  &err);
}

static void encode(const void *bytes, size_t size)
{
    out.size = 0;
    assert_int_equal(
        pbase_transform_encode(zstd, pbase_bytes_of(bytes, size), no_context, &out, &err),
        PBASE_OK);
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

static void the_highest_level_writes_less_and_any_level_reads_it(void **state)
{
    (void)state;
    char text[20000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof text; i++) { /* words, each of one letter and its followers */
        x = i % 5 == 0 ? x * 1664525u + 1013904223u : x;
        text[i] = (char)('a' + (x >> 27) + i % 5);
    }
    pbase_transform *best = zstd_open(19);
    encode(text, sizeof text);
    size_t size_at_3 = out.size;
    out.size = 0;
    assert_int_equal(
        pbase_transform_encode(best, pbase_bytes_of(text, sizeof text), no_context, &out, &err),
        PBASE_OK);
    assert_true(out.size < size_at_3);
    pbase_transform_close(best);

    pbase_buffer back;
    pbase_buffer_init(&back, pbase_alloc_default());
    assert_int_equal(
        pbase_transform_decode(zstd, pbase_buffer_view(&out), no_context, sizeof text, &back, &err),
        PBASE_OK);
    assert_memory_equal(back.data, text, sizeof text);
    pbase_buffer_fini(&back);
}

static void a_frame_is_one_that_the_zstd_program_reads(void **state)
{
    (void)state;
    char text[1000], back[1000];
    memset(text, 'b', sizeof text);
    encode(text, sizeof text);
    assert_int_equal(ZSTD_decompress(back, sizeof back, out.data + 1, out.size - 1), sizeof text);
    assert_memory_equal(back, text, sizeof text);
}

static void foreign_bytes_are_corrupt(void **state)
{
    (void)state;
    assert_int_equal(decode("", 0, 100), PBASE_CORRUPT);
    assert_int_equal(decode("\x02", 1, 100), PBASE_CORRUPT);
    assert_int_equal(decode("\x01", 1, 100), PBASE_CORRUPT);
    assert_int_equal(decode("\x01not a frame", 12, 100), PBASE_CORRUPT);
}

/* A marker and a frame of `text`, then `extra` bytes of 0. Returns the size. */
static size_t framed(const char *text, uint8_t *at, size_t room, size_t extra, int with_size)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, with_size)));
    at[0] = 1;
    size_t size = ZSTD_compress2(context, at + 1, room - 1 - extra, text, strlen(text));
    assert_false(ZSTD_isError(size));
    assert_int_equal(ZSTD_freeCCtx(context), 0);
    memset(at + 1 + size, 0, extra);
    return 1 + size + extra;
}

static void a_frame_without_its_size_or_with_more_behind_it_is_corrupt(void **state)
{
    (void)state;
    uint8_t coded[200];
    assert_int_equal(decode(coded, framed("some text", coded, sizeof coded, 0, 1), 100), PBASE_OK);
    assert_int_equal(decode(coded, framed("some text", coded, sizeof coded, 0, 0), 100),
                     PBASE_CORRUPT);
    assert_int_equal(decode(coded, framed("some text", coded, sizeof coded, 1, 1), 100),
                     PBASE_CORRUPT);
    size_t one = framed("some text", coded, 100, 0, 1);
    memcpy(coded + one, coded + 1, one - 1); /* two frames */
    assert_int_equal(decode(coded, 2 * one - 1, 100), PBASE_CORRUPT);
    uint8_t empty[100];
    size_t more = framed("", empty, sizeof empty, 0, 1);
    memcpy(coded + one, empty + 1, more - 1); /* a second one that adds nothing */
    assert_int_equal(decode(coded, one + more - 1, 100), PBASE_CORRUPT);
}

static void an_empty_frame_gives_nothing(void **state)
{
    (void)state;
    uint8_t coded[200];
    assert_int_equal(decode(coded, framed("", coded, sizeof coded, 0, 1), 100), PBASE_OK);
    assert_int_equal(out.size, 0);
}

static void a_claim_past_the_limit_is_refused_without_memory(void **state)
{
    (void)state;
    /* magic, a single segment with 8 bytes of content size: 2^62 */
    static const uint8_t bomb[] = {1, 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0,
                                   0, 0,    0,    0,    0x40, 1,    0, 0};
    assert_int_equal(decode(bomb, sizeof bomb, SIZE_MAX >> 2), PBASE_LIMIT);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_below_min_size_is_stored_behind_a_marker),
        cmocka_unit_test(what_does_not_shrink_is_stored_as_it_is),
        cmocka_unit_test(the_highest_level_writes_less_and_any_level_reads_it),
        cmocka_unit_test(a_frame_is_one_that_the_zstd_program_reads),
        cmocka_unit_test(foreign_bytes_are_corrupt),
        cmocka_unit_test(a_frame_without_its_size_or_with_more_behind_it_is_corrupt),
        cmocka_unit_test(an_empty_frame_gives_nothing),
        cmocka_unit_test(a_claim_past_the_limit_is_refused_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
