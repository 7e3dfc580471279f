/* key_encoding.h - keys as bytes whose memcmp order is the total order of values.
 *
 * An encoded key has two parts. `bytes` is compared: keys equal in the total order (1, 1.0; 0, -0.0)
 * have the same bytes. `spelling` is kept outside the comparison and is empty for nearly every key:
 * it tells what the bytes alone do not, so that decoding gives back the identical value. The format
 * is docs/formats/key.md.
 *
 * Threads: pure functions; a key_scratch is confined. */
#ifndef PROTOBASE_COLLECTION_KEY_ENCODING_H
#define PROTOBASE_COLLECTION_KEY_ENCODING_H
#include <protobase/base/value.h>

typedef struct {
    pbase_bytes bytes;    /* 1..PBASE_KEY_BYTES_MAX, compared by pbase_bytes_compare */
    pbase_bytes spelling; /* at most one byte a number of the key */
} encoded_key;

/* How the keys of a kind of collection are made (docs/formats/key.md). */
typedef enum {
    KEY_SHAPE_PLAIN,  /* a scalar, or a list of scalars */
    KEY_SHAPE_HASHED, /* a hash and any value: key_element.h */
    KEY_SHAPE_PAIR    /* a key and any value behind it: key_element.h */
} key_shape;

/* Room for the encoding of one key at a time: small keys need no heap. */
#define KEY_SCRATCH_BYTES 192u
typedef struct {
    const pbase_alloc *alloc; /* borrowed until fini */
    uint8_t *large;           /* NULL while `small` was enough */
    size_t large_size;
    uint8_t small[KEY_SCRATCH_BYTES];
} key_scratch;

static inline void key_scratch_init(key_scratch *scratch, const pbase_alloc *alloc)
{
    scratch->alloc = alloc;
    scratch->large = NULL;
    scratch->large_size = 0;
}
void key_scratch_free(key_scratch *scratch);
static inline void key_scratch_fini(key_scratch *scratch)
{
    if (scratch->large != NULL) {
        key_scratch_free(scratch);
    }
}

/* Encodes a scalar or a list of scalars. `out` points into `scratch` until its next use. INVALID: a
 * map, vector, child or nested list, or bad UTF-8. LIMIT: more than PBASE_KEY_BYTES_MAX. */
PBASE_MUST_CHECK pbase_status key_encode(const pbase_value *value, key_scratch *scratch,
                                         encoded_key *out, pbase_error *err);
/* The value of a key. Text may point into the key; the rest is in `arena`. CORRUPT: not a key. */
PBASE_MUST_CHECK pbase_status key_decode(const encoded_key *key, pbase_arena *arena,
                                         pbase_value *out, pbase_error *err);
/* True when key_decode would accept it: for keys from a disk or a peer. */
bool key_valid(const encoded_key *key);
/* A short text of a key for messages ("'smith'", "42", "[1, 'a']"), cut with "..." when it does not
 * fit. Always NUL-ended. */
void key_describe(pbase_bytes bytes, char *out, size_t out_size);
/* The same of any value: "{'a': 1}" too. */
void key_describe_value(const pbase_value *value, char *out, size_t out_size);

/* A position in a list as a key of read and write sets: its order is that of the index. */
#define KEY_INDEX_BYTES 8u
static inline pbase_bytes key_of_index(uint64_t index, uint8_t out[KEY_INDEX_BYTES])
{
    for (unsigned i = 0; i < KEY_INDEX_BYTES; i++) {
        out[i] = (uint8_t)(index >> (56 - 8 * i));
    }
    return pbase_bytes_of(out, KEY_INDEX_BYTES);
}

#endif
