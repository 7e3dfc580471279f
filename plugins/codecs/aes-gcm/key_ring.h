/* key_ring.h - the keys of one transform, by id.
 *
 * Keys lie in a page of their own that is kept out of swap and of core dumps where the system
 * allows it, and is wiped at the end. Threads: immutable after opening, but for the atomics. */
#ifndef PBASE_AES_GCM_KEY_RING_H
#define PBASE_AES_GCM_KEY_RING_H
#include "xaes.h"
#include <protobase/plugin/plugin.h>
#include <stdatomic.h>

#define KEY_RING_KEYS_MAX 16u
#define KEY_ID_BYTES_MAX 32u
#define KEY_CHECK_BYTES 16u

typedef struct {
    char id[KEY_ID_BYTES_MAX + 1];
    pbase_bytes id_bytes;
    const uint8_t *key; /* XAES_KEY_BYTES in the locked page */
    /* Says whether another key is this one, and nothing about it: HMAC-SHA256 under the key. */
    uint8_t check[KEY_CHECK_BYTES];
    _Atomic bool is_kept; /* the space knows this key */
} ring_key;

typedef struct {
    const pbase_alloc *alloc;
    void *memory;  /* holds the page somewhere */
    uint8_t *page; /* of the keys; NULL: nothing is locked */
    ring_key keys[KEY_RING_KEYS_MAX];
    size_t count;
    ring_key *active; /* seals what is written */
} key_ring;

/* Reads every key of the options `keys`, `active`, `key_file`, `key_env`, `credential`. CONFIG,
 * AUTH: which key, and where it was looked for. On failure nothing is kept. */
PBASE_MUST_CHECK pbase_status key_ring_init(key_ring *ring, const pbase_component_open *open,
                                            pbase_error *err);
void key_ring_fini(key_ring *ring); /* zeroed is fine */
/* NULL when there is none of that id. */
ring_key *key_ring_find(key_ring *ring, pbase_bytes id);
/* "'a', 'b'" for messages, NUL-ended, cut where `size` ends. */
void key_ring_names(const key_ring *ring, char *out, size_t size);

#endif
