/* What is a key, and what only looks like one. */
#include "key_text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static uint8_t key[32];
static pbase_error err;

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static pbase_status read_text(const char *text, bool may_be_raw)
{
    memset(key, 0xee, sizeof key);
    return key_text_read(pbase_bytes_text(text), may_be_raw, key, &err);
}

static void assert_counts_up(void)
{
    for (size_t i = 0; i < sizeof key; i++) {
        assert_int_equal(key[i], i);
    }
}

static void hexadecimal_and_base64_are_read_with_space_behind(void **state)
{
    (void)state;
    static const char *const texts[] = {HEX, HEX "\n", HEX " \t\r\n", BASE64, BASE64 "\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(read_text(texts[i], false), PBASE_OK);
        assert_counts_up();
        assert_int_equal(read_text(texts[i], true), PBASE_OK);
        assert_counts_up();
    }
}

static void thirty_two_bytes_are_a_key_where_they_may_be_raw(void **state)
{
    (void)state;
    uint8_t raw[32];
    for (size_t i = 0; i < sizeof raw; i++) {
        raw[i] = (uint8_t)i;
    }
    assert_int_equal(key_text_read(pbase_bytes_of(raw, 32), true, key, &err), PBASE_OK);
    assert_counts_up();
    assert_int_equal(key_text_read(pbase_bytes_of(raw, 32), false, key, &err), PBASE_CONFIG);
    assert_int_equal(key_text_read(pbase_bytes_of(raw, 31), true, key, &err), PBASE_CONFIG);
}

static void what_is_no_key_is_refused_and_not_shown(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "correct horse battery staple",
        (HEX "0"), /* 65 digits */
        (" " HEX),
        "g00102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",  /* no padding */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh==", /* 31 bytes */
        "AAECAwQFBgcICQoL=A0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoL-A0ODxAREhMUFRYXGBkaGxwdHh8=",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "abababababababababababababababababababababababababababababababab",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(read_text(texts[i], true), PBASE_CONFIG);
        assert_true(texts[i][0] < ' ' || strstr(err.message, texts[i]) == NULL);
        assert_non_null(strstr(err.hint, "openssl rand -hex 32"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hexadecimal_and_base64_are_read_with_space_behind),
        cmocka_unit_test(thirty_two_bytes_are_a_key_where_they_may_be_raw),
        cmocka_unit_test(what_is_no_key_is_refused_and_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
