/* frame.h - the bytes of one append: header, records, padding (docs/formats/journal.md).
 *
 * Pure: no I/O, no memory of its own. Everything read here is untrusted; every length is checked
 * before it is used. */
#ifndef PBASE_JOURNAL_FRAME_H
#define PBASE_JOURNAL_FRAME_H
#include "journal/plant.h"
#include <protobase/plugin/storage.h>

#define FRAME_MAGIC 0x464a4250u /* "PBJF" */
#define FRAME_VERSION 2u
#define FRAME_VERSION_READ 1u /* the oldest that is read: all of it holds for the newest as well */
#define FRAME_HEADER_BYTES 80u
#define FRAME_RECORD_HEADER_BYTES 8u
#define FRAME_RECORD_ALIGN 8u
/* The checksum covers everything from here to the end of the frame. */
#define FRAME_CRC_FROM (PBASE_PLANT(6) ? FRAME_HEADER_BYTES : 8u)
#define FRAME_ALIGN 16u     /* frames begin and end at multiples of it */
#define FRAME_UNIT_MIN 512u /* the smallest unit a provider may have */
#define FRAME_UNIT_MAX                                                                             \
    4096u /* the largest unit a provider may have; segments are multiples of it */

typedef uint32_t (*frame_crc32c)(uint32_t seed, const void *data, size_t size);

typedef struct {
    uint64_t bytes; /* of the frame, padding included */
    pbase_position position;
    uint64_t journal_id;
    pbase_position after;       /* the head when it was appended: the end of the frame before it */
    pbase_position synced_upto; /* everything before it was durable when this was written */
    pbase_token token;
    uint32_t record_count;
    uint32_t crc32c;
    uint32_t after_crc32c; /* that of the frame before it; 0: not known when it was written */
} frame_header;

/* What 80 bytes at a position may be. */
typedef enum {
    FRAME_ALIEN, /* no frame of this journal that was written here */
    FRAME_CLAIM, /* says that it is one; whether it is, the checksum tells */
    FRAME_NEWER  /* the same, in a version we do not know: `bytes` is possible, that is all */
} frame_kind;

/* The end of record 0 .. n - 1 when the records have these sizes, before padding. */
static inline uint64_t frame_record_end(uint64_t at, size_t record_bytes)
{
    uint64_t end = at + FRAME_RECORD_HEADER_BYTES + record_bytes;
    return (end + FRAME_RECORD_ALIGN - 1) / FRAME_RECORD_ALIGN * FRAME_RECORD_ALIGN;
}
static inline uint64_t frame_round(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

void frame_header_encode(const frame_header *header, uint8_t out[FRAME_HEADER_BYTES]);
/* Fills `out` unless ALIEN. CLAIM also means that `bytes` and `record_count` are possible. */
frame_kind frame_header_decode(const uint8_t *data, uint64_t journal_id, pbase_position position,
                               frame_header *out);
/* True when two of magic, journal id and position agree: a damaged header, not chance. */
bool frame_header_resembles(const uint8_t *data, uint64_t journal_id, pbase_position position);

/* True when the checksum of a CLAIM, or a NEWER, holds over the `bytes` that `data` has. Only then does
 * it say anything, its version included. */
bool frame_sum_holds(const frame_header *header, const uint8_t *data, frame_crc32c crc32c);
/* True when `data` holds the whole frame that `header` (a CLAIM) describes: checksum, every record
 * inside, zeros between them and after. */
bool frame_is_whole(const frame_header *header, const uint8_t *data, frame_crc32c crc32c);

/* The record whose header lies at offset `at` of a whole frame, and the offset of the next one. */
pbase_bytes frame_record(const uint8_t *data, uint64_t at, uint64_t *out_next);

#endif
