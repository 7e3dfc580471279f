/* xaes.h - AES-256-GCM under a fresh key for each message: XAES-256-GCM.
 *
 * The 24 bytes of a nonce are random. From the first 12 a key is derived (NIST SP 800-108r1, KDF in
 * counter mode over CMAC; two AES blocks), under which AES-256-GCM (NIST SP 800-38D) seals the
 * message with the other 12. So one key serves 2^80 messages without anybody counting them, where
 * plain random nonces of 12 bytes end at 2^32. (Source: C2SP, "The XAES-256-GCM extended-nonce
 * AEAD", c2sp.org/XAES-256-GCM, v1; the tests hold its vectors.)
 *
 * Threads: confined. Ciphers are OpenSSL's; its memory for key schedules is wiped when freed. */
#ifndef PBASE_AES_GCM_XAES_H
#define PBASE_AES_GCM_XAES_H
#include <openssl/types.h>
#include <protobase/base/bytes.h>

#define XAES_KEY_BYTES 32u
#define XAES_NONCE_BYTES 24u
#define XAES_TAG_BYTES 16u

/* The two ciphers, fetched once. Threads: immutable. */
typedef struct {
    EVP_CIPHER *block; /* AES-256-ECB: derives keys */
    EVP_CIPHER *gcm;   /* AES-256-GCM */
} xaes_ciphers;
/* UNSUPPORTED: this libcrypto does not offer them. */
PBASE_MUST_CHECK pbase_status xaes_ciphers_init(xaes_ciphers *ciphers, pbase_error *err);
void xaes_ciphers_fini(xaes_ciphers *ciphers); /* zeroed is fine */

/* One key made ready. Borrows `ciphers` and `alloc` until destroy; copies the key. */
typedef struct xaes xaes;
PBASE_MUST_CHECK pbase_status xaes_create(const xaes_ciphers *ciphers, const uint8_t *key,
                                          const pbase_alloc *alloc, xaes **out, pbase_error *err);
void xaes_destroy(xaes *self); /* NULL is fine */

/* What is authenticated besides the message: the two, one behind the other. */
typedef struct {
    pbase_bytes head;
    pbase_bytes context;
} xaes_bound;

/* Writes plain.size + XAES_TAG_BYTES to `out`. A nonce must never be used twice. */
PBASE_MUST_CHECK pbase_status xaes_seal(xaes *self, const uint8_t *nonce, const xaes_bound *bound,
                                        pbase_bytes plain, uint8_t *out, pbase_error *err);
/* Writes sealed.size - XAES_TAG_BYTES to `out`; `sealed` is at least a tag. CORRUPT: any bit of
 * the nonce, of what is bound or of the message differs from what was sealed, or the key does;
 * `out` is wiped then. */
PBASE_MUST_CHECK pbase_status xaes_open(xaes *self, const uint8_t *nonce, const xaes_bound *bound,
                                        pbase_bytes sealed, uint8_t *out, pbase_error *err);

#endif
