/* msgpack_ext.h - the extension types of the format (docs/formats/msgpack.md). They are on disk:
 * a number is never given another meaning. */
#ifndef PBASE_MSGPACK_EXT_H
#define PBASE_MSGPACK_EXT_H

enum {
    MSGPACK_EXT_TIMESTAMP = -1, /* of the MessagePack specification: 32, 64 or 96 bits */
    MSGPACK_EXT_VECTOR = 1,     /* float32 items, little-endian */
    MSGPACK_EXT_REFERENCE = 2,  /* 16 bytes of object id */
    MSGPACK_EXT_CHILD = 3       /* number of a child collection, 32 bits, little-endian */
};

#define MSGPACK_TIMESTAMP_32_BYTES 4u  /* seconds */
#define MSGPACK_TIMESTAMP_64_BYTES 8u  /* 30 bits of nanoseconds, 34 bits of seconds */
#define MSGPACK_TIMESTAMP_96_BYTES 12u /* 32 bits of nanoseconds, int64 of seconds */
#define MSGPACK_CHILD_BYTES 4u

#endif
