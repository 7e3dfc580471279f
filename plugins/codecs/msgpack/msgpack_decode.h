/* msgpack_decode.h - from MessagePack to values. Text and bytes stay in the input; vectors and
 * containers go into the arena. Threads: pure functions. */
#ifndef PBASE_MSGPACK_DECODE_H
#define PBASE_MSGPACK_DECODE_H
#include "msgpack_reader.h"
#include <protobase/plugin/codec.h>

/* The next value of the reader. INVALID, UNSUPPORTED (foreign extension), LIMIT, NO_MEMORY. */
PBASE_MUST_CHECK pbase_status msgpack_decode_next(msgpack_reader *reader,
                                                  const pbase_decode_limits *limits,
                                                  pbase_arena *arena, pbase_value *out);
/* The value of exactly `bytes`. */
PBASE_MUST_CHECK pbase_status msgpack_decode(pbase_bytes bytes, const pbase_decode_limits *limits,
                                             pbase_arena *arena, pbase_value *out,
                                             pbase_error *err);

#endif
