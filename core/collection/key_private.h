/* key_private.h - shared by key_encoding.c and key_element.c: classes, numbers and scalars. */
#ifndef PROTOBASE_COLLECTION_KEY_PRIVATE_H
#define PROTOBASE_COLLECTION_KEY_PRIVATE_H
#include "collection/key_encoding.h"

enum {
    KEY_END = 0, /* of a list, map or vector, and of text inside an element */
    KEY_NULL = 1,
    KEY_FALSE = 2,
    KEY_TRUE = 3,
    KEY_NUMBER = 4,
    KEY_STRING = 5,
    KEY_BYTES = 6,
    KEY_TIMESTAMP = 7,
    KEY_LIST = 8,
    KEY_MAP = 9,
    KEY_VECTOR = 10,
    KEY_REFERENCE = 11,
    KEY_ESCAPED = 0xff
};
enum { SPELLED_PLAIN = 0, SPELLED_FLOAT = 1, SPELLED_MINUS_ZERO = 2 };

/* Bytes that a scalar takes, `nested` inside an element; checks that it may be a key. */
PBASE_MUST_CHECK pbase_status key_scalar_size(const pbase_value *value, bool nested, size_t *out,
                                              pbase_error *err);
/* Writes class and body; there is room. Yields the end. */
uint8_t *key_scalar_put(uint8_t *at, const pbase_value *value, bool nested);
/* The spelling byte of an int or float. */
uint8_t key_number_spelling(const pbase_value *number);
pbase_status key_limit_passed(size_t size, pbase_error *err);

/* What is left of a key while it is read. */
typedef struct {
    pbase_reader_bytes bytes;
    pbase_reader_bytes spelling;
    pbase_arena *arena; /* NULL: only look whether the key is well-formed */
} key_source;
static inline key_source key_source_of(const encoded_key *key, pbase_arena *arena)
{
    key_source from = {pbase_reader_bytes_of(key->bytes), pbase_reader_bytes_of(key->spelling),
                       arena};
    return from;
}
/* True when nothing is left, and the spelling is cut as encoding cuts it. */
bool key_source_is_done(const key_source *from, const encoded_key *key);
pbase_status key_malformed(pbase_error *err);
/* Reads a scalar behind its class byte. CORRUPT: it is none. */
PBASE_MUST_CHECK pbase_status key_scalar_read(key_source *from, uint8_t class_byte, bool nested,
                                              pbase_value *out, pbase_error *err);

#endif
