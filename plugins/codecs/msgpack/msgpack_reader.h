/* msgpack_reader.h - MessagePack front to back, one head at a time, without recursion.
 *
 * (msgpack-c's own unpacker refuses nesting past 32 and takes memory for what a header merely
 * claims.) Bytes are untrusted: every length is held against what is left.
 * Errors have err->where "offset N": of the head that is wrong. Threads: confined. */
#ifndef PBASE_MSGPACK_READER_H
#define PBASE_MSGPACK_READER_H
#include <protobase/base/bytes.h>

typedef struct {
    const uint8_t *begin;
    const uint8_t *at;
    const uint8_t *end;
    pbase_error *err; /* may be NULL */
} msgpack_reader;

typedef enum {
    MSGPACK_HEAD_NULL,
    MSGPACK_HEAD_BOOL,
    MSGPACK_HEAD_INT,
    MSGPACK_HEAD_FLOAT,
    MSGPACK_HEAD_TEXT,  /* body: not yet checked to be UTF-8 */
    MSGPACK_HEAD_BYTES, /* body */
    MSGPACK_HEAD_EXT,   /* body and ext_type */
    MSGPACK_HEAD_LIST,  /* `count` values follow */
    MSGPACK_HEAD_MAP,   /* `count` times a name and a value follow */
} msgpack_kind;

/* A value but for the contents of a container; body lies in the bytes read. */
typedef struct {
    msgpack_kind kind;
    int8_t ext_type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        pbase_bytes body;
        uint32_t count;
    } as;
} msgpack_head;

static inline msgpack_reader msgpack_reader_of(pbase_bytes bytes, pbase_error *err)
{
    msgpack_reader reader = {bytes.data, bytes.data,
                             bytes.size == 0 ? bytes.data : bytes.data + bytes.size, err};
    return reader;
}
static inline size_t msgpack_left(const msgpack_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* INVALID: truncated or malformed. LIMIT: an unsigned integer above int64. A container's count is
 * at most the number of bytes left. */
PBASE_MUST_CHECK pbase_status msgpack_read_head(msgpack_reader *reader, msgpack_head *out);
/* The name of a field. INVALID when it is no string; UTF-8 is not checked. */
PBASE_MUST_CHECK pbase_status msgpack_read_name(msgpack_reader *reader, pbase_bytes *out);
/* Passes over `count` values. */
PBASE_MUST_CHECK pbase_status msgpack_skip(msgpack_reader *reader, uint64_t count);
/* Names the place `at` in the error and yields `status`. */
pbase_status msgpack_failed_at(const msgpack_reader *reader, const uint8_t *at,
                               pbase_status status);

#endif
