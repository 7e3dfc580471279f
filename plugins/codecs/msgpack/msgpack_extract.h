/* msgpack_extract.h - some fields of a document, without decoding the rest. Threads: pure. */
#ifndef PBASE_MSGPACK_EXTRACT_H
#define PBASE_MSGPACK_EXTRACT_H
#include <protobase/plugin/codec.h>

/* The values at `paths`, in one pass forward that ends with the last one found: what stands behind
 * it, and inside values that no path enters, is passed over or not read at all. out[i].kind is
 * PBASE_VALUE_MISSING where a path leads nowhere. Errors as msgpack_decode. */
PBASE_MUST_CHECK pbase_status msgpack_extract(pbase_bytes bytes, const pbase_path *paths,
                                              size_t count, pbase_arena *arena, pbase_value *out,
                                              pbase_error *err);

#endif
