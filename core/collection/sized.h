/* sized.h - reading what is prefixed with its size, where a call for each would be felt. */
#ifndef PROTOBASE_COLLECTION_SIZED_H
#define PROTOBASE_COLLECTION_SIZED_H
#include <protobase/base/bytes.h>

/* As pbase_read_sized. The size of nearly all keys, tails and values is one byte. */
static inline bool sized_read(pbase_reader_bytes *reader, pbase_bytes *out)
{
    size_t left = pbase_reader_bytes_left(reader);
    if (left == 0 || *reader->at >= 0x80 || *reader->at >= left) {
        return pbase_read_sized(reader, out);
    }
    *out = pbase_bytes_of(reader->at + 1, *reader->at);
    reader->at += 1 + out->size;
    return true;
}

#endif
