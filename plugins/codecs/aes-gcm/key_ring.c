/* key_ring.c - ids from the options, keys from their sources, all in one locked page. */
#include "key_ring.h"

#include "key_source.h"
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096u /* where pages are larger, less is locked; the keys still lie in one */
#define CHECK_LABEL "protobase key check 1 "

_Static_assert(KEY_RING_KEYS_MAX *XAES_KEY_BYTES <= PAGE_BYTES, "all keys lie in the page");

/* --------------------------------------------------------------------------------- the page --- */

/* Locking is a favour of the system (RLIMIT_MEMLOCK): without it keys may reach the swap. */
static pbase_status take_page(key_ring *ring, pbase_error *err)
{
    ring->memory = pbase_alloc_zeroed(ring->alloc, 2, PAGE_BYTES);
    if (ring->memory == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for keys");
    }
    uint8_t *memory = (uint8_t *)ring->memory;
    ring->page = memory + (PAGE_BYTES - (uintptr_t)memory % PAGE_BYTES) % PAGE_BYTES;
    (void)mlock(ring->page, PAGE_BYTES);
    (void)madvise(ring->page, PAGE_BYTES, MADV_DONTDUMP);
    return PBASE_OK;
}

static void give_page(key_ring *ring)
{
    if (ring->page != NULL) {
        OPENSSL_cleanse(ring->page, PAGE_BYTES);
        (void)madvise(ring->page, PAGE_BYTES, MADV_DODUMP);
        (void)munlock(ring->page, PAGE_BYTES);
    }
    if (ring->memory != NULL) {
        pbase_alloc_free(ring->alloc, ring->memory, (size_t)2 * PAGE_BYTES);
    }
    ring->memory = ring->page = NULL;
}

/* --------------------------------------------------------------------------------- options ---- */

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* It becomes part of paths and of names of variables. */
static bool is_id(const char *text)
{
    size_t size = strlen(text);
    bool ok = size >= 1 && size <= KEY_ID_BYTES_MAX && is_alphanumeric(text[0]);
    for (size_t i = 0; i < size && ok; i++) {
        ok = is_alphanumeric(text[i]) || strchr("-_.", text[i]) != NULL;
    }
    return ok;
}

static pbase_status refuse(const pbase_config *config, const char *key, pbase_status status,
                           pbase_error *err)
{
    pbase_error_where(err, "%s", pbase_config_place(config, key));
    return status;
}

/* Several keys need several places. */
static pbase_status check_patterns(const pbase_config *config, size_t count, pbase_error *err)
{
    static const char *const names[] = {"key_file", "key_env", "credential"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *pattern = pbase_config_text(config, names[i]);
        if (count > 1 && pattern != NULL && strstr(pattern, "{id}") == NULL) {
            pbase_status status =
                PBASE_FAIL(err, PBASE_CONFIG, "%s: %zu keys cannot all come from '%s'", names[i],
                           count, pattern);
            pbase_error_hint(err, "write {id} where the id of the key belongs");
            return refuse(config, names[i], status, err);
        }
    }
    return PBASE_OK;
}

static pbase_status check_ids(key_ring *ring, const pbase_config *config, size_t count,
                              pbase_error *err)
{
    if (count == 0 || count > KEY_RING_KEYS_MAX) {
        return PBASE_FAIL(err, PBASE_CONFIG, "keys: %zu ids; 1 to %u are needed", count,
                          KEY_RING_KEYS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        const char *id = config->vtable->get_item(config, "keys", i);
        if (!is_id(id)) {
            return PBASE_FAIL(
                err, PBASE_CONFIG,
                "keys: '%.40s' is no id: 1 to %u letters, digits, '-', '_' and '.', a "
                "letter or digit first",
                id, KEY_ID_BYTES_MAX);
        }
        if (key_ring_find(ring, pbase_bytes_text(id)) != NULL) {
            return PBASE_FAIL(err, PBASE_CONFIG, "keys: '%s' is listed twice", id);
        }
        ring_key *key = &ring->keys[ring->count];
        memcpy(key->id, id, strlen(id) + 1);
        key->id_bytes = pbase_bytes_text(key->id);
        key->key = ring->page + ring->count * XAES_KEY_BYTES;
        ring->count++;
    }
    return PBASE_OK;
}

static pbase_status choose_active(key_ring *ring, const pbase_config *config, pbase_error *err)
{
    const char *id = pbase_config_text(config, "active");
    ring->active = id == NULL ? &ring->keys[0] : key_ring_find(ring, pbase_bytes_text(id));
    if (ring->active != NULL) {
        return PBASE_OK;
    }
    char names[256];
    key_ring_names(ring, names, sizeof names);
    pbase_status status =
        PBASE_FAIL(err, PBASE_CONFIG, "active: there is no key '%.40s' among keys: %s", id, names);
    return refuse(config, "active", status, err);
}

/* ------------------------------------------------------------------------------------ keys ---- */

static pbase_status make_check(ring_key *key, pbase_error *err)
{
    uint8_t text[sizeof CHECK_LABEL + KEY_ID_BYTES_MAX] = CHECK_LABEL;
    size_t label = sizeof CHECK_LABEL - 1;
    uint8_t digest[EVP_MAX_MD_SIZE];
    memcpy(text + label, key->id_bytes.data, key->id_bytes.size);
    if (HMAC(EVP_sha256(), key->key, XAES_KEY_BYTES, text, label + key->id_bytes.size, digest,
             NULL) == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to check the key '%s'", key->id);
    }
    memcpy(key->check, digest, KEY_CHECK_BYTES);
    return PBASE_OK;
}

static pbase_status read_keys(key_ring *ring, const pbase_component_open *open, pbase_error *err)
{
    key_source source = {
        .os = open->host->os,
        .alloc = ring->alloc,
        .file = pbase_config_text(open->config, "key_file"),
        .env = pbase_config_text(open->config, "key_env"),
        .credential = pbase_config_text(open->config, "credential"),
    };
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < ring->count && status == PBASE_OK; i++) {
        ring_key *key = &ring->keys[i];
        status = key_source_read(&source, key->id, ring->page + i * XAES_KEY_BYTES, err);
        if (status == PBASE_OK) {
            status = make_check(key, err);
        }
    }
    return status;
}

pbase_status key_ring_init(key_ring *ring, const pbase_component_open *open, pbase_error *err)
{
    const pbase_config *config = open->config;
    size_t count = config->vtable->get_count(config, "keys");
    memset(ring, 0, sizeof *ring);
    ring->alloc = open->host->alloc;
    pbase_status status = take_page(ring, err);
    if (status == PBASE_OK) {
        status = check_ids(ring, config, count, err);
        status = status == PBASE_CONFIG ? refuse(config, "keys", status, err) : status;
    }
    if (status == PBASE_OK) {
        status = check_patterns(config, count, err);
    }
    if (status == PBASE_OK) {
        status = choose_active(ring, config, err);
    }
    if (status == PBASE_OK) {
        status = read_keys(ring, open, err);
    }
    if (status != PBASE_OK) {
        key_ring_fini(ring);
    }
    return status;
}

void key_ring_fini(key_ring *ring)
{
    give_page(ring);
    ring->count = 0;
    ring->active = NULL;
}

ring_key *key_ring_find(key_ring *ring, pbase_bytes id)
{
    for (size_t i = 0; i < ring->count; i++) {
        if (pbase_bytes_equal(ring->keys[i].id_bytes, id)) {
            return &ring->keys[i];
        }
    }
    return NULL;
}

void key_ring_names(const key_ring *ring, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ring->count; i++) {
        const ring_key *key = &ring->keys[i];
        size_t more = key->id_bytes.size + (i == 0 ? 2 : 4);
        if (used + more + 1 > size) {
            return;
        }
        char *at = out + used;
        memcpy(at, i == 0 ? "'" : ", '", i == 0 ? 1 : 3);
        memcpy(at + (i == 0 ? 1 : 3), key->id, key->id_bytes.size);
        memcpy(at + more - 1, "'", 2);
        used += more;
    }
}
