/* rope.h - the bytes of a blob: a positional tree of chunks, each ROPE_CHUNK_BYTES long but the last.
 *
 * A rope is a collection like any other (PBASE_COLLECTION_ROPE), whose entries are the bytes
 * themselves. So a byte is found by its chunk's position, and content goes to the storage as it comes
 * (change_budget in context.h).
 * Threads: confined, as the handle is. */
#ifndef PROTOBASE_COLLECTION_ROPE_H
#define PROTOBASE_COLLECTION_ROPE_H
#include "collection/handle.h"

#define ROPE_CHUNK_BYTES 262144u

/* Bytes in all. CORRUPT: a chunk is empty or too long. */
PBASE_MUST_CHECK pbase_status rope_size(const collection *self, uint64_t *out, pbase_error *err);
/* Adds a chunk, or puts it in the place of the last one. */
PBASE_MUST_CHECK pbase_status rope_append(collection *self, pbase_bytes chunk, pbase_error *err);
PBASE_MUST_CHECK pbase_status rope_replace_last(collection *self, pbase_bytes chunk,
                                                pbase_error *err);
/* Copies up to `size` bytes from `offset` on; *out_got is less at the end only. CORRUPT: a chunk has
 * not the length it should. */
PBASE_MUST_CHECK pbase_status rope_read(const collection *self, uint64_t offset, uint8_t *out,
                                        size_t size, size_t *out_got, pbase_error *err);

#endif
