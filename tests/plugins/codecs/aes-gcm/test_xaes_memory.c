/* libcrypto running out of memory at every request: said as such, nothing kept, nothing half done. */
#include "xaes.h"
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t requests, fail_at; /* 0: never */
static int64_t live;

static bool refuses(void)
{
    return ++requests == fail_at;
}

static void *counted_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    void *memory = refuses() ? NULL : malloc(size);
    live += memory != NULL;
    return memory;
}

static void *counted_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (refuses()) {
        return NULL;
    }
    live += old == NULL;
    return realloc(old, size);
}

static void counted_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    live -= memory != NULL;
    free(memory);
}

/* Makes a cipher ready, seals and opens. */
static pbase_status use_once(const xaes_ciphers *ciphers, uint8_t *out, pbase_error *err)
{
    static const uint8_t key[XAES_KEY_BYTES] = {1}, nonce[XAES_NONCE_BYTES] = {2};
    const xaes_bound bound = {pbase_bytes_text("head"), pbase_bytes_text("context")};
    uint8_t sealed[4 + XAES_TAG_BYTES];
    xaes *cipher = NULL;
    pbase_status status = xaes_create(ciphers, key, pbase_alloc_default(), &cipher, err);
    if (status == PBASE_OK) {
        status = xaes_seal(cipher, nonce, &bound, pbase_bytes_text("text"), sealed, err);
    }
    if (status == PBASE_OK) {
        status = xaes_open(cipher, nonce, &bound, pbase_bytes_of(sealed, sizeof sealed), out, err);
    }
    xaes_destroy(cipher);
    return status;
}

static void lack_of_memory_in_libcrypto_is_reported_and_leaks_nothing(void **state)
{
    xaes_ciphers ciphers;
    pbase_error err;
    uint8_t out[4];
    (void)state;
    pbase_error_init(&err);
    assert_int_equal(xaes_ciphers_init(&ciphers, &err), PBASE_OK);
    assert_int_equal(use_once(&ciphers, out, &err), PBASE_OK); /* what is made once is made now */
    for (uint64_t n = 1;; n++) {
        int64_t before = live;
        requests = 0;
        fail_at = n;
        pbase_status status = use_once(&ciphers, out, &err);
        bool is_over = requests < n;
        fail_at = 0;
        assert_true(status == PBASE_NO_MEMORY || (status == PBASE_OK && is_over));
        assert_int_equal(live, before);
        if (is_over) {
            assert_true(n > 3);
            assert_memory_equal(out, "text", 4);
            break;
        }
    }
    xaes_ciphers_fini(&ciphers);
}

int main(void)
{
    if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1) {
        return 1; /* something has taken memory before main */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lack_of_memory_in_libcrypto_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
