/* msgpack_encode.h - the MessagePack bytes of a value. Threads: pure function. */
#ifndef PBASE_MSGPACK_ENCODE_H
#define PBASE_MSGPACK_ENCODE_H
#include <protobase/base/value.h>

/* Appends the bytes: the shortest form of every integer and length, floats always in 64 bits, one
 * bit pattern for NaN. Identical values give identical bytes. `value` has passed
 * pbase_value_check. INVALID (unknown kind), LIMIT (depth, lengths, child number), NO_MEMORY. */
PBASE_MUST_CHECK pbase_status msgpack_encode(const pbase_value *value, pbase_buffer *out,
                                             pbase_error *err);

#endif
