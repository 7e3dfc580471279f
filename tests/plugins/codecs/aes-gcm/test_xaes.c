/* The cipher gives what its specification says, and finds every flipped bit. */
#include "xaes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NONCE "ABCDEFGHIJKLMNOPQRSTUVWX"
#define MESSAGE "XAES-256-GCM"

static xaes_ciphers ciphers;
static xaes *cipher;
static pbase_error err;

static void use_key(uint8_t byte)
{
    uint8_t key[XAES_KEY_BYTES];
    memset(key, byte, sizeof key);
    assert_int_equal(xaes_create(&ciphers, key, pbase_alloc_default(), &cipher, &err), PBASE_OK);
}

static int set_up(void **state)
{
    (void)state;
    return xaes_ciphers_init(&ciphers, &err) == PBASE_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    xaes_destroy(cipher);
    cipher = NULL;
    xaes_ciphers_fini(&ciphers);
    return 0;
}

static void assert_seals(uint8_t key, const char *head, const char *context, const char *expected)
{
    uint8_t sealed[sizeof MESSAGE - 1 + XAES_TAG_BYTES];
    const xaes_bound bound = {pbase_bytes_text(head), pbase_bytes_text(context)};
    use_key(key);
    assert_int_equal(
        xaes_seal(cipher, (const uint8_t *)NONCE, &bound, pbase_bytes_text(MESSAGE), sealed, &err),
        PBASE_OK);
    assert_memory_equal(sealed, expected, sizeof sealed);
    xaes_destroy(cipher);
    cipher = NULL;
}

/* c2sp.org/XAES-256-GCM: the first has a subkey whose doubling carries, the second one without. */
static void the_vectors_of_the_specification_are_met(void **state)
{
    (void)state;
    assert_seals(1, "", "",
                 "\xce\x54\x6e\xf6\x3c\x9c\xc6\x07\x65\x92\x36\x09\xb3\x3a"
                 "\x9a\x19\x74\xe9\x6e\x52\xda\xf2\xfc\xf7\x07\x5e\x22\x71");
    static const char expected[] = "\x98\x6e\xc1\x83\x25\x93\xdf\x54\x43\xa1\x79\x43\x7f\xd0"
                                   "\x83\xbf\x3f\xdb\x41\xab\xd7\x40\xa2\x1f\x71\xeb\x76\x9d";
    assert_seals(3, "c2sp.org/XAES-256-GCM", "", expected);
    assert_seals(3, "c2sp.org/", "XAES-256-GCM", expected); /* bound one behind the other */
}

static pbase_status open_message(const uint8_t *nonce, const char *head, const char *context,
                                 const uint8_t *sealed, size_t size, uint8_t *out)
{
    const xaes_bound bound = {pbase_bytes_text(head), pbase_bytes_text(context)};
    return xaes_open(cipher, nonce, &bound, pbase_bytes_of(sealed, size), out, &err);
}

static void any_flipped_bit_is_found_and_nothing_is_given_out(void **state)
{
    (void)state;
    static const char text[] = "a message of some length, more than two blocks of the cipher";
    static const uint8_t zeros[sizeof text];
    uint8_t sealed[sizeof text + XAES_TAG_BYTES], out[sizeof text], nonce[XAES_NONCE_BYTES];
    const xaes_bound bound = {pbase_bytes_text("head"), pbase_bytes_text("context")};
    use_key(7);
    memcpy(nonce, NONCE, sizeof nonce);
    assert_int_equal(
        xaes_seal(cipher, nonce, &bound, pbase_bytes_of(text, sizeof text), sealed, &err),
        PBASE_OK);

    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(open_message(nonce, "head", "context", sealed, sizeof sealed, out),
                         PBASE_CORRUPT);
        assert_memory_equal(out, zeros, sizeof out);
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof nonce; bit++) {
        nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(open_message(nonce, "head", "context", sealed, sizeof sealed, out),
                         PBASE_CORRUPT);
        nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(open_message(nonce, "heae", "context", sealed, sizeof sealed, out),
                     PBASE_CORRUPT);
    assert_int_equal(open_message(nonce, "head", "contexs", sealed, sizeof sealed, out),
                     PBASE_CORRUPT);
    assert_int_equal(open_message(nonce, "head", "context", sealed, sizeof sealed, out), PBASE_OK);
    assert_memory_equal(out, text, sizeof text);
}

static void another_key_is_refused(void **state)
{
    (void)state;
    uint8_t sealed[4 + XAES_TAG_BYTES], out[4];
    const xaes_bound bound = {pbase_bytes_text(""), pbase_bytes_text("")};
    use_key(7);
    assert_int_equal(
        xaes_seal(cipher, (const uint8_t *)NONCE, &bound, pbase_bytes_text("text"), sealed, &err),
        PBASE_OK);
    xaes_destroy(cipher);
    use_key(8);
    assert_int_equal(open_message((const uint8_t *)NONCE, "", "", sealed, sizeof sealed, out),
                     PBASE_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_vectors_of_the_specification_are_met, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(any_flipped_bit_is_found_and_nothing_is_given_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_key_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
