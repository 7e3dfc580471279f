/* key_element.h - any value as bytes that end by themselves, and the keys made of such elements.
 *
 * An element is the class and body of a value as docs/formats/key.md has them, with text, lists,
 * maps and vectors ended so that another element can follow. memcmp of two elements is the total
 * order of their values; equal values (1 and 1.0, maps whose fields stand in another order) have
 * equal bytes, and the spelling keeps what the bytes do not tell.
 *
 *   hashed key   XXH3 of an element, 8 bytes, then the element: hash dictionaries
 *   pair         an element of a key, then one of any value: a record of a multi-dictionary
 *
 * Threads: pure functions; a key_scratch is confined. */
#ifndef PROTOBASE_COLLECTION_KEY_ELEMENT_H
#define PROTOBASE_COLLECTION_KEY_ELEMENT_H
#include "collection/key_encoding.h"

#define KEY_HASH_BYTES 8u
#define KEY_FIELDS_MAX 4096u /* of one map in a key */

/* `out` points into `scratch` until its next use. INVALID: a child collection, bad UTF-8, a field
 * given twice. LIMIT: more than PBASE_KEY_BYTES_MAX, KEY_FIELDS_MAX or PBASE_DEPTH_MAX. */
PBASE_MUST_CHECK pbase_status key_encode_hashed(const pbase_value *value, key_scratch *scratch,
                                                encoded_key *out, pbase_error *err);
/* `key` is what key_encode takes, `record` any value. */
PBASE_MUST_CHECK pbase_status key_encode_pair(const pbase_value *key, const pbase_value *record,
                                              key_scratch *scratch, encoded_key *out,
                                              pbase_error *err);
/* A bound among the pairs of `key`: below all of them, or with `past` above all of them. */
PBASE_MUST_CHECK pbase_status key_encode_lead(const pbase_value *key, bool past,
                                              key_scratch *scratch, pbase_bytes *out,
                                              pbase_error *err);

/* The value of a hashed key. Text may point into the key; the rest is in `arena`. CORRUPT. */
PBASE_MUST_CHECK pbase_status key_decode_hashed(const encoded_key *key, pbase_arena *arena,
                                                pbase_value *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status key_decode_pair(const encoded_key *key, pbase_arena *arena,
                                              pbase_value *out_key, pbase_value *out_record,
                                              pbase_error *err);
/* What stands before the element in a hashed key. */
void key_hash(pbase_bytes element, uint8_t out[KEY_HASH_BYTES]);
/* The element of the key in a pair; empty: it is not one. */
pbase_bytes key_pair_lead(pbase_bytes pair);
/* True when the decoding of that shape would accept it: for keys from a disk or a peer. */
bool key_valid_as(const encoded_key *key, key_shape shape);

#endif
