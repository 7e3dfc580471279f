/* store_private.h - fields shared by the files of store/. */
#ifndef PROTOBASE_STORE_STORE_PRIVATE_H
#define PROTOBASE_STORE_STORE_PRIVATE_H
#include "store/atom_cache.h"
#include "store/atom_format.h"
#include "store/latency.h"
#include "store/segment_map.h"
#include "store/store.h"

struct store {
    atom_source atoms; /* first member: the contract of trees */
    const pbase_host *host;
    pbase_storage *storage;
    codec_table *codecs;
    segment_map *map;    /* NULL: everything through the caches */
    atom_cache *objects; /* payloads ready to be searched */
    atom_cache *stored;  /* whole atoms under a transform, as a storage without a map gave them */
    bool writes_through;
    pbase_status (*check_node)(uint32_t type, pbase_bytes payload, pbase_error *err);
    uint8_t serializer_id;
    _Atomic uint32_t raw_id; /* of codec raw, 0 until the first value needs it */
    uint8_t transform_ids[ATOM_TRANSFORMS_MAX];
    size_t transform_count;
    _Atomic uint64_t birth;
    latency reads; /* look-ups by key, one of many */
    latency loads; /* first touches of mapped atoms: page faults, checksum, structure */
    _Atomic uint64_t atoms_written, atom_bytes_written, atoms_verified, patches_written;
};

/* What an authenticating transform binds to a record or an atom: what it is and, with `head` (at most
 * CONTEXT_HEAD_BYTES_MAX), the fields that stand beside it in clear; and whose it is, the space's id.
 * Written to `out` of CONTEXT_BYTES_MAX. */
#define CONTEXT_HEAD_BYTES_MAX 32u
#define CONTEXT_BYTES_MAX 80u
pbase_bytes transforms_context(const store *self, const char *what, pbase_bytes head, uint8_t *out);

/* Runs `in` through the store's transforms in their order; `out` receives the result, appended. */
PBASE_MUST_CHECK pbase_status transforms_encode(store *self, pbase_bytes in, pbase_bytes context,
                                                pbase_buffer *out, pbase_error *err);
/* Undoes the transforms `ids` (in the order they were applied); the result is exactly `raw_size`
 * bytes, appended to `out`. */
PBASE_MUST_CHECK pbase_status transforms_decode(store *self, const uint8_t *ids, size_t count,
                                                pbase_bytes in, pbase_bytes context,
                                                size_t raw_size, pbase_buffer *out,
                                                pbase_error *err);

#endif
