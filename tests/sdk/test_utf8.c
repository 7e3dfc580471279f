/* UTF-8: what is well formed, borders of characters, cleaning. */
#include "utf8.h"
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

typedef struct {
    const char *bytes;
    size_t size;
} sample;
#define SAMPLE(text)                                                                               \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const sample good[] = {
    SAMPLE(""),
    SAMPLE("a"),
    SAMPLE("a\0b"), /* NUL is a character */
    SAMPLE("\x7f"),
    SAMPLE("\xc2\x80"),         /* U+0080 */
    SAMPLE("\xdf\xbf"),         /* U+07FF */
    SAMPLE("\xe0\xa0\x80"),     /* U+0800 */
    SAMPLE("\xed\x9f\xbf"),     /* U+D7FF */
    SAMPLE("\xee\x80\x80"),     /* U+E000 */
    SAMPLE("\xef\xbf\xbf"),     /* U+FFFF */
    SAMPLE("\xf0\x90\x80\x80"), /* U+10000 */
    SAMPLE("\xf0\x9f\x98\x80"),
    SAMPLE("\xf4\x8f\xbf\xbf"), /* U+10FFFF */
};

static const sample bad[] = {
    SAMPLE("\x80"),             /* a continuation alone */
    SAMPLE("\xbf"),             /* likewise */
    SAMPLE("\xc0\x80"),         /* overlong U+0000 */
    SAMPLE("\xc1\xbf"),         /* overlong U+007F */
    SAMPLE("\xe0\x9f\xbf"),     /* overlong U+07FF */
    SAMPLE("\xf0\x8f\xbf\xbf"), /* overlong U+FFFF */
    SAMPLE("\xed\xa0\x80"),     /* U+D800, a surrogate */
    SAMPLE("\xed\xbf\xbf"),     /* U+DFFF, a surrogate */
    SAMPLE("\xf4\x90\x80\x80"), /* U+110000 */
    SAMPLE("\xf5\x80\x80\x80"),
    SAMPLE("\xff"),
    SAMPLE("\xfe"),
    SAMPLE("\xc3"),         /* cut */
    SAMPLE("\xe2\x82"),     /* cut */
    SAMPLE("\xf0\x9f\x98"), /* cut */
    SAMPLE("\xc3("),
    SAMPLE("\xe2(\xa1"),
    SAMPLE("\xe2\x82("),
    SAMPLE("\xf0\x9f\x98("),
};

/* Places `text` at each offset inside ASCII, so that every path of the fast loop is met. */
static bool is_valid_everywhere(sample text, bool *out_same)
{
    bool first = pbase_utf8_valid(pbase_bytes_of(text.bytes, text.size));
    *out_same = true;
    for (size_t before = 0; before < 20; before++) {
        for (size_t after = 0; after < 20; after++) {
            char whole[64];
            memset(whole, 'x', sizeof whole);
            memcpy(whole + before, text.bytes, text.size);
            bool valid = pbase_utf8_valid(pbase_bytes_of(whole, before + text.size + after));
            *out_same = *out_same && valid == first;
        }
    }
    return first;
}

static void well_formed_text_is_valid_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        bool same = false;
        assert_true(is_valid_everywhere(good[i], &same));
        assert_true(same);
    }
    assert_true(pbase_utf8_valid(pbase_bytes_of(NULL, 0)));
}

static void malformed_text_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bool same = false;
        assert_false(is_valid_everywhere(bad[i], &same));
        assert_true(same);
    }
}

/* Encodes by the definition, as the reference. */
static size_t encode(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

static void every_code_point_but_surrogates_is_valid(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x120000; c++) {
        uint8_t bytes[4];
        size_t size = encode(c, bytes);
        bool expected = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        if (pbase_utf8_valid(pbase_bytes_of(bytes, size)) != expected) {
            fail_msg("U+%X", (unsigned)c);
        }
    }
}

static void border_never_ends_inside_a_character(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (size_t size = 0; size < sizeof expected / sizeof expected[0]; size++) {
        assert_int_equal(utf8_border(text, size), expected[size]);
    }
}

static void cleaning_replaces_only_bad_bytes(void **state)
{
    (void)state;
    char text[] = "a\xff\xc3\xa9\xe2\x82z\xf0\x9f\x98\x80\x80";
    utf8_clean(text, sizeof text - 1);
    assert_string_equal(text, "a?\xc3\xa9?\?z\xf0\x9f\x98\x80?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_text_is_valid_wherever_it_stands),
        cmocka_unit_test(malformed_text_is_refused_wherever_it_stands),
        cmocka_unit_test(every_code_point_but_surrogates_is_valid),
        cmocka_unit_test(border_never_ends_inside_a_character),
        cmocka_unit_test(cleaning_replaces_only_bad_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
