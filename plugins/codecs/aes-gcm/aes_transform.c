/* aes_transform.c - head with the key's id, nonce, sealed bytes, tag.
 *
 * Threads: idle ciphers are shared, each key's in its own pool, and spares.h needs no lock; a cipher
 * in use is one thread's. */
#include "aes_transform.h"

#include "key_ring.h"
#include "spares.h"
#include <inttypes.h>
#include <openssl/crypto.h>

#define FORMAT_VERSION 1u
#define HEAD_BYTES_MIN 2u /* version, size of the id */

typedef struct {
    pbase_transform base;
    const pbase_host *host; /* borrowed until close */
    xaes_ciphers ciphers;
    key_ring keys;
    spares idle[KEY_RING_KEYS_MAX]; /* of xaes, one pool a key */
} aes_transform;

static aes_transform *aes_transform_from(pbase_transform *self)
{
    PBASE_ASSERT(self->vtable == &aes_transform_vtable);
    return (aes_transform *)self;
}

/* --------------------------------------------------------------------------------- ciphers ---- */

static spares *idle_of(aes_transform *aes, const ring_key *key)
{
    return &aes->idle[key - aes->keys.keys];
}

static pbase_status cipher_acquire(aes_transform *aes, const ring_key *key, xaes **out,
                                   pbase_error *err)
{
    *out = (xaes *)spares_take(idle_of(aes, key));
    return *out != NULL ? PBASE_OK
                        : xaes_create(&aes->ciphers, key->key, aes->host->alloc, out, err);
}

static void cipher_release(aes_transform *aes, const ring_key *key, xaes *cipher)
{
    if (!spares_give(idle_of(aes, key), cipher)) {
        xaes_destroy(cipher);
    }
}

/* --------------------------------------------------------------------------------- sealing ---- */

static pbase_status append_head(const ring_key *key, pbase_buffer *out, pbase_error *err)
{
    uint8_t head[HEAD_BYTES_MIN] = {FORMAT_VERSION, (uint8_t)key->id_bytes.size};
    pbase_status status = pbase_buffer_append(out, head, sizeof head, err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, key->id_bytes, err) : status;
}

static pbase_status aes_encode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                               pbase_buffer *out, pbase_error *err)
{
    aes_transform *aes = aes_transform_from(self);
    const ring_key *key = aes->keys.active;
    size_t head = out->size, body = head + HEAD_BYTES_MIN + key->id_bytes.size;
    xaes *cipher = NULL;
    pbase_status status = append_head(key, out, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_reserve(out, XAES_NONCE_BYTES + in.size + XAES_TAG_BYTES, err);
    }
    if (status == PBASE_OK) {
        status = cipher_acquire(aes, key, &cipher, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t *nonce = out->data + body;
    const xaes_bound bound = {pbase_bytes_of(out->data + head, body - head), context};
    aes->host->os->system->random(aes->host->os, nonce, XAES_NONCE_BYTES);
    status = xaes_seal(cipher, nonce, &bound, in, nonce + XAES_NONCE_BYTES, err);
    cipher_release(aes, key, cipher);
    if (status == PBASE_OK) {
        out->size = body + XAES_NONCE_BYTES + in.size + XAES_TAG_BYTES;
    }
    return status;
}

/* --------------------------------------------------------------------------------- opening ---- */

/* Sealed bytes, taken apart. */
typedef struct {
    pbase_bytes head;
    pbase_bytes id;
    const uint8_t *nonce;
    pbase_bytes body; /* with its tag */
} sealed;

static pbase_status take_apart(pbase_bytes in, sealed *out, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(in);
    uint8_t version = 0, id_size = 0;
    pbase_bytes nonce;
    if (!pbase_read_u8(&reader, &version) || version == 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "no head before encrypted data");
    }
    if (version > FORMAT_VERSION) {
        return PBASE_FAIL(err, PBASE_FORMAT, "aes-256-gcm format %u; this codec reads %u", version,
                          FORMAT_VERSION);
    }
    if (!pbase_read_u8(&reader, &id_size) || id_size == 0 || id_size > KEY_ID_BYTES_MAX ||
        !pbase_read_bytes(&reader, id_size, &out->id) ||
        !pbase_read_bytes(&reader, XAES_NONCE_BYTES, &nonce) ||
        pbase_reader_bytes_left(&reader) < XAES_TAG_BYTES) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "%zu bytes are too few for encrypted data", in.size);
    }
    out->head = pbase_bytes_of(in.data, HEAD_BYTES_MIN + (size_t)id_size);
    out->nonce = nonce.data;
    out->body = pbase_bytes_of(reader.at, pbase_reader_bytes_left(&reader));
    return PBASE_OK;
}

/* The id comes from the data: only what an id may be is shown. */
static pbase_status no_such_key(const aes_transform *aes, pbase_bytes id, pbase_error *err)
{
    char names[256], shown[KEY_ID_BYTES_MAX + 1] = {0};
    key_ring_names(&aes->keys, names, sizeof names);
    for (size_t i = 0; i < id.size; i++) {
        shown[i] = (char)(id.data[i] > ' ' && id.data[i] < 0x7f ? id.data[i] : '?');
    }
    pbase_status status =
        PBASE_FAIL(err, PBASE_AUTH, "data is encrypted with the key '%s', and only %s %s listed",
                   shown, names, aes->keys.count == 1 ? "is" : "are");
    pbase_error_hint(err,
                     "add '%s' to the keys of codec/aes-256-gcm; the first one listed, or "
                     "'active', writes",
                     shown);
    return status;
}

static pbase_status open_sealed(aes_transform *aes, const ring_key *key, const sealed *in,
                                pbase_bytes context, pbase_buffer *out, pbase_error *err)
{
    size_t size = in->body.size - XAES_TAG_BYTES;
    const xaes_bound bound = {in->head, context};
    xaes *cipher = NULL;
    uint8_t none = 0; /* nothing needs no buffer */
    pbase_status status = pbase_buffer_reserve(out, size, err);
    if (status == PBASE_OK) {
        status = cipher_acquire(aes, key, &cipher, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t *at = size == 0 ? &none : out->data + out->size;
    status = xaes_open(cipher, in->nonce, &bound, in->body, at, err);
    cipher_release(aes, key, cipher);
    if (status == PBASE_OK) {
        out->size += size;
    } else if (status == PBASE_CORRUPT) {
        pbase_error_note(err, "key '%s'", key->id);
    }
    return status;
}

static pbase_status aes_decode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                               size_t size_max, pbase_buffer *out, pbase_error *err)
{
    aes_transform *aes = aes_transform_from(self);
    sealed parts;
    pbase_status status = take_apart(in, &parts, err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t size = parts.body.size - XAES_TAG_BYTES;
    if (size > size_max) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu encrypted bytes; the limit is %zu", size,
                          size_max);
    }
    const ring_key *key = key_ring_find(&aes->keys, parts.id);
    return key == NULL ? no_such_key(aes, parts.id, err)
                       : open_sealed(aes, key, &parts, context, out, err);
}

/* ---------------------------------------------------------------------------------- tables ---- */

static pbase_status aes_table_put(void *codec, pbase_bytes id, pbase_bytes table, pbase_error *err)
{
    aes_transform *aes = aes_transform_from((pbase_transform *)codec);
    if (id.size == 0 || id.size > KEY_ID_BYTES_MAX || table.size != KEY_CHECK_BYTES) {
        return PBASE_FAIL(err, PBASE_FORMAT, "no table of a key: %zu and %zu bytes", id.size,
                          table.size);
    }
    ring_key *key = key_ring_find(&aes->keys, id);
    if (key == NULL) {
        return no_such_key(aes, id, err);
    }
    if (CRYPTO_memcmp(key->check, table.data, KEY_CHECK_BYTES) != 0) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_AUTH,
                       "the key '%s' is not the one that the data is encrypted with", key->id);
        pbase_error_hint(err, "nothing is damaged; find the key that had this id, and give a new "
                              "key an id of its own");
        return status;
    }
    atomic_store_explicit(&key->is_kept, true, memory_order_relaxed);
    return PBASE_OK;
}

/* Only the key that writes can be new to a space. */
static pbase_status aes_table_next(void *codec, pbase_arena *arena, pbase_bytes *out_id,
                                   pbase_bytes *out_table, pbase_error *err)
{
    aes_transform *aes = aes_transform_from((pbase_transform *)codec);
    ring_key *key = aes->keys.active;
    (void)arena; /* both are lent until close */
    (void)err;   /* nothing fails */
    if (atomic_exchange_explicit(&key->is_kept, true, memory_order_relaxed)) {
        return PBASE_END;
    }
    *out_id = key->id_bytes;
    *out_table = pbase_bytes_of(key->check, KEY_CHECK_BYTES);
    return PBASE_OK;
}

const pbase_codec_table_ops aes_transform_tables = {
    .struct_size = sizeof(pbase_codec_table_ops),
    .table_put = aes_table_put,
    .table_next = aes_table_next,
};

/* ---------------------------------------------------------------------------------- lifetime --- */

static void aes_close(pbase_transform *self)
{
    if (self == NULL) {
        return;
    }
    aes_transform *aes = aes_transform_from(self);
    for (size_t i = 0; i < KEY_RING_KEYS_MAX; i++) {
        xaes *cipher;
        while ((cipher = (xaes *)spares_take(&aes->idle[i])) != NULL) {
            xaes_destroy(cipher);
        }
    }
    key_ring_fini(&aes->keys);
    xaes_ciphers_fini(&aes->ciphers);
    pbase_alloc_free(aes->host->alloc, aes, sizeof *aes);
}

const pbase_transform_vtable aes_transform_vtable = {
    .struct_size = sizeof(pbase_transform_vtable),
    .stage = PBASE_TRANSFORM_ENCRYPT,
    .encode = aes_encode,
    .decode = aes_decode,
    .close = aes_close,
};

pbase_status aes_transform_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_alloc *alloc = open->host->alloc;
    aes_transform *aes = (aes_transform *)pbase_alloc_zeroed(alloc, 1, sizeof *aes);
    if (aes == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the transform aes-256-gcm");
    }
    aes->base.vtable = &aes_transform_vtable;
    aes->host = open->host;
    for (size_t i = 0; i < KEY_RING_KEYS_MAX; i++) {
        spares_init(&aes->idle[i]);
    }
    pbase_status status = xaes_ciphers_init(&aes->ciphers, err);
    if (status == PBASE_OK) {
        status = key_ring_init(&aes->keys, open, err);
    }
    if (status != PBASE_OK) {
        aes_close(&aes->base);
        return status;
    }
    *out = &aes->base;
    return PBASE_OK;
}
