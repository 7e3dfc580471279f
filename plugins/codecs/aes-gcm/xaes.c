/* xaes.c - deriving a message's key, and sealing under it. */
#include "xaes.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define BLOCK_BYTES 16u
#define DERIVING_BYTES 12u /* of the nonce, from which the key is derived */

struct xaes {
    const xaes_ciphers *ciphers;
    const pbase_alloc *alloc;
    EVP_CIPHER_CTX *block;
    EVP_CIPHER_CTX *gcm;
    uint8_t subkey[BLOCK_BYTES]; /* K1 of CMAC */
};

/* What libcrypto could not do. Its queue of errors is emptied: it belongs to the thread. Lack of
 * memory stands at its front, below what callers added; or leaves it empty; or is told as a cipher
 * whose state could not be initialized. */
static pbase_status crypto_failed(const char *what, pbase_error *err)
{
    char reason[128] = "";
    bool is_memory = true;
    unsigned long code = ERR_get_error();
    if (code != 0) {
        int why = ERR_GET_REASON(code);
        is_memory = why == ERR_R_MALLOC_FAILURE || why == EVP_R_INITIALIZATION_ERROR;
        ERR_error_string_n(code, reason, sizeof reason);
        ERR_clear_error();
    }
    return is_memory ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to %s", what)
                     : PBASE_FAIL(err, PBASE_INTERNAL, "libcrypto cannot %s: %s", what, reason);
}

/* --------------------------------------------------------------------------------- ciphers ---- */

pbase_status xaes_ciphers_init(xaes_ciphers *ciphers, pbase_error *err)
{
    ciphers->block = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    ciphers->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (ciphers->block != NULL && ciphers->gcm != NULL) {
        return PBASE_OK;
    }
    xaes_ciphers_fini(ciphers);
    ERR_clear_error();
    pbase_status status =
        PBASE_FAIL(err, PBASE_UNSUPPORTED, "this libcrypto offers no AES-256-GCM");
    pbase_error_hint(err, "its configuration (openssl.cnf) must load the default or fips provider");
    return status;
}

void xaes_ciphers_fini(xaes_ciphers *ciphers)
{
    EVP_CIPHER_free(ciphers->block);
    EVP_CIPHER_free(ciphers->gcm);
    ciphers->block = ciphers->gcm = NULL;
}

/* -------------------------------------------------------------------------------- deriving ---- */

static bool encrypt_blocks(xaes *self, const uint8_t *in, int size, uint8_t *out)
{
    int written = 0;
    return EVP_EncryptUpdate(self->block, out, &written, in, size) == 1 && written == size;
}

/* K1 of CMAC (NIST SP 800-38B, 6.1): the encryption of zeros, doubled in GF(2^128). */
static bool derive_subkey(xaes *self)
{
    uint8_t zeros[BLOCK_BYTES] = {0}, block[BLOCK_BYTES];
    if (!encrypt_blocks(self, zeros, sizeof zeros, block)) {
        return false;
    }
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        uint8_t next = i + 1 < BLOCK_BYTES ? block[i + 1] : 0;
        self->subkey[i] = (uint8_t)(block[i] << 1 | next >> 7);
    }
    self->subkey[BLOCK_BYTES - 1] ^= (uint8_t)(0x87u & (0u - (block[0] >> 7)));
    OPENSSL_cleanse(block, sizeof block);
    return true;
}

/* The key of a message: CMAC over counter, label 'X', 0 and half a nonce, for counters 1 and 2. */
static bool derive_key(xaes *self, const uint8_t *nonce, uint8_t *out)
{
    uint8_t in[XAES_KEY_BYTES] = {0, 1, 'X', 0};
    memcpy(in + 4, nonce, DERIVING_BYTES);
    memcpy(in + BLOCK_BYTES, in, BLOCK_BYTES);
    in[BLOCK_BYTES + 1] = 2;
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] ^= self->subkey[i % BLOCK_BYTES];
    }
    bool ok = encrypt_blocks(self, in, sizeof in, out);
    OPENSSL_cleanse(in, sizeof in);
    return ok;
}

/* -------------------------------------------------------------------------------- life of it --- */

pbase_status xaes_create(const xaes_ciphers *ciphers, const uint8_t *key, const pbase_alloc *alloc,
                         xaes **out, pbase_error *err)
{
    xaes *self = pbase_alloc_zeroed(alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a cipher");
    }
    self->ciphers = ciphers;
    self->alloc = alloc;
    self->block = EVP_CIPHER_CTX_new();
    self->gcm = EVP_CIPHER_CTX_new();
    if (self->block == NULL || self->gcm == NULL) {
        xaes_destroy(self);
        ERR_clear_error();
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a cipher");
    }
    if (EVP_EncryptInit_ex2(self->block, ciphers->block, key, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(self->block, 0) != 1 ||
        EVP_CipherInit_ex2(self->gcm, ciphers->gcm, NULL, NULL, 1, NULL) != 1 ||
        !derive_subkey(self)) {
        pbase_status status = crypto_failed("make a key ready", err);
        xaes_destroy(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

void xaes_destroy(xaes *self)
{
    if (self == NULL) {
        return;
    }
    EVP_CIPHER_CTX_free(self->block); /* wipes the schedule */
    EVP_CIPHER_CTX_free(self->gcm);
    OPENSSL_cleanse(self->subkey, sizeof self->subkey);
    pbase_alloc_free(self->alloc, self, sizeof *self);
}

/* -------------------------------------------------------------------------------- messages ---- */

/* Derives the key of this nonce and gives it, and what is bound, to the cipher. */
static bool begin(xaes *self, const uint8_t *nonce, const xaes_bound *bound, bool is_sealing)
{
    uint8_t key[XAES_KEY_BYTES];
    int written = 0;
    bool ok =
        derive_key(self, nonce, key) &&
        EVP_CipherInit_ex2(self->gcm, NULL, key, nonce + DERIVING_BYTES, is_sealing, NULL) == 1;
    OPENSSL_cleanse(key, sizeof key);
    const pbase_bytes parts[] = {bound->head, bound->context};
    for (size_t i = 0; i < 2; i++) {
        ok = ok && (parts[i].size == 0 || EVP_CipherUpdate(self->gcm, NULL, &written, parts[i].data,
                                                           (int)parts[i].size) == 1);
    }
    return ok;
}

static bool update(xaes *self, pbase_bytes in, uint8_t *out)
{
    int written = 0;
    return in.size == 0 ||
           (EVP_CipherUpdate(self->gcm, out, &written, in.data, (int)in.size) == 1 &&
            (size_t)written == in.size);
}

static pbase_status check_sizes(const xaes_bound *bound, pbase_bytes in, pbase_error *err)
{
    if (in.size > INT_MAX || bound->head.size > INT_MAX || bound->context.size > INT_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu bytes in one message; the limit is %d", in.size,
                          INT_MAX);
    }
    return PBASE_OK;
}

pbase_status xaes_seal(xaes *self, const uint8_t *nonce, const xaes_bound *bound, pbase_bytes plain,
                       uint8_t *out, pbase_error *err)
{
    pbase_status status = check_sizes(bound, plain, err);
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t *tag = out + plain.size;
    int written = 0;
    if (!begin(self, nonce, bound, true) || !update(self, plain, out) ||
        EVP_CipherFinal_ex(self->gcm, tag, &written) != 1 ||
        EVP_CIPHER_CTX_ctrl(self->gcm, EVP_CTRL_AEAD_GET_TAG, XAES_TAG_BYTES, tag) != 1) {
        return crypto_failed("encrypt", err);
    }
    return PBASE_OK;
}

pbase_status xaes_open(xaes *self, const uint8_t *nonce, const xaes_bound *bound,
                       pbase_bytes sealed, uint8_t *out, pbase_error *err)
{
    PBASE_ASSERT(sealed.size >= XAES_TAG_BYTES);
    pbase_bytes body = pbase_bytes_of(sealed.data, sealed.size - XAES_TAG_BYTES);
    pbase_status status = check_sizes(bound, sealed, err);
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t tag[XAES_TAG_BYTES], rest[BLOCK_BYTES];
    int written = 0;
    memcpy(tag, body.data + body.size, sizeof tag); /* libcrypto wants one that it may write */
    if (!begin(self, nonce, bound, false) || !update(self, body, out) ||
        EVP_CIPHER_CTX_ctrl(self->gcm, EVP_CTRL_AEAD_SET_TAG, XAES_TAG_BYTES, tag) != 1) {
        status = crypto_failed("decrypt", err);
    } else if (EVP_CipherFinal_ex(self->gcm, rest, &written) != 1) {
        ERR_clear_error();
        status = PBASE_FAIL(err, PBASE_CORRUPT, "%zu encrypted bytes are not what was sealed",
                            body.size);
    }
    if (status != PBASE_OK) {
        OPENSSL_cleanse(out, body.size); /* not authentic: nobody may read it */
    }
    return status;
}
