/* frame.c - encoding and judging frames. */
#include "journal/frame.h"
#include "journal/journal.h"

/* Offsets of the header's fields. */
enum {
    AT_MAGIC = 0,
    AT_CRC32C = 4, /* of everything after it, to the end of the frame */
    AT_HEADER_BYTES = 8,
    AT_VERSION = 10,
    AT_RECORD_COUNT = 12,
    AT_BYTES = 16,
    AT_POSITION = 24,
    AT_JOURNAL_ID = 32,
    AT_AFTER = 40,
    AT_SYNCED_UPTO = 48,
    AT_TOKEN = 56,
    AT_AFTER_CRC32C = 72,
    AT_RESERVED = 76 /* zeros */
};
_Static_assert(AT_RESERVED + 4 == FRAME_HEADER_BYTES, "the header has no gap");
_Static_assert(sizeof(pbase_token) == AT_AFTER_CRC32C - AT_TOKEN, "a token is 16 bytes");

void frame_header_encode(const frame_header *header, uint8_t out[FRAME_HEADER_BYTES])
{
    pbase_put_u32(out + AT_MAGIC, FRAME_MAGIC);
    pbase_put_u32(out + AT_CRC32C, header->crc32c);
    pbase_put_u16(out + AT_HEADER_BYTES, FRAME_HEADER_BYTES);
    pbase_put_u16(out + AT_VERSION, FRAME_VERSION);
    pbase_put_u32(out + AT_RECORD_COUNT, header->record_count);
    pbase_put_u64(out + AT_BYTES, header->bytes);
    pbase_put_u64(out + AT_POSITION, header->position);
    pbase_put_u64(out + AT_JOURNAL_ID, header->journal_id);
    pbase_put_u64(out + AT_AFTER, header->after);
    pbase_put_u64(out + AT_SYNCED_UPTO, header->synced_upto);
    memcpy(out + AT_TOKEN, header->token.bytes, sizeof(header->token.bytes));
    pbase_put_u32(out + AT_AFTER_CRC32C, header->after_crc32c);
    pbase_put_u32(out + AT_RESERVED, 0);
}

/* Of a frame of any version. */
static bool bytes_are_possible(const frame_header *header)
{
    return header->bytes % FRAME_ALIGN == 0 && header->bytes >= FRAME_HEADER_BYTES &&
           header->bytes <= JOURNAL_FRAME_BYTES_MAX;
}

static bool sizes_are_possible(const frame_header *header)
{
    uint64_t least =
        FRAME_HEADER_BYTES + (uint64_t)header->record_count * FRAME_RECORD_HEADER_BYTES;
    return bytes_are_possible(header) && header->record_count >= 1 &&
           header->record_count <= JOURNAL_RECORDS_MAX && header->bytes >= least;
}

frame_kind frame_header_decode(const uint8_t *data, uint64_t journal_id, pbase_position position,
                               frame_header *out)
{
    frame_header header;
    if (pbase_get_u32(data + AT_MAGIC) != FRAME_MAGIC) {
        return FRAME_ALIEN;
    }
    header.position = pbase_get_u64(data + AT_POSITION);
    header.journal_id = pbase_get_u64(data + AT_JOURNAL_ID);
    if (PBASE_PLANT(4)) { /* a frame is accepted wherever it lies */
        header.position = position;
    }
    if (header.journal_id != journal_id || header.position != position) {
        return FRAME_ALIEN;
    }
    header.crc32c = pbase_get_u32(data + AT_CRC32C);
    header.record_count = pbase_get_u32(data + AT_RECORD_COUNT);
    header.bytes = pbase_get_u64(data + AT_BYTES);
    header.after = pbase_get_u64(data + AT_AFTER);
    header.synced_upto = pbase_get_u64(data + AT_SYNCED_UPTO);
    header.after_crc32c = pbase_get_u32(data + AT_AFTER_CRC32C);
    memcpy(header.token.bytes, data + AT_TOKEN, sizeof(header.token.bytes));
    if (pbase_get_u16(data + AT_VERSION) > FRAME_VERSION) {
        *out = header;
        return bytes_are_possible(&header) ? FRAME_NEWER : FRAME_ALIEN;
    }
    if (pbase_get_u16(data + AT_HEADER_BYTES) != FRAME_HEADER_BYTES ||
        pbase_get_u16(data + AT_VERSION) < FRAME_VERSION_READ || !sizes_are_possible(&header)) {
        return FRAME_ALIEN;
    }
    *out = header;
    return FRAME_CLAIM;
}

bool frame_header_resembles(const uint8_t *data, uint64_t journal_id, pbase_position position)
{
    int agree = (pbase_get_u32(data + AT_MAGIC) == FRAME_MAGIC) +
                (pbase_get_u64(data + AT_JOURNAL_ID) == journal_id) +
                (pbase_get_u64(data + AT_POSITION) == position);
    return agree >= 2;
}

/* The first byte is zero, and each other one is what the one before it is: the C library compares many at
 * once. */
static bool is_zero(const uint8_t *data, uint64_t size)
{
    return size == 0 || (data[0] == 0 && memcmp(data, data + 1, (size_t)size - 1) == 0);
}

/* Walks the records; true when each lies inside, says its own offset, and zeros fill the gaps. */
static bool records_are_whole(const frame_header *header, const uint8_t *data)
{
    uint64_t at = FRAME_HEADER_BYTES;
    for (uint32_t i = 0; i < header->record_count; i++) {
        uint64_t end;
        uint64_t payload_end;
        if (header->bytes - at < FRAME_RECORD_HEADER_BYTES || pbase_get_u32(data + at + 4) != at) {
            return false;
        }
        payload_end = at + FRAME_RECORD_HEADER_BYTES + pbase_get_u32(data + at);
        end = frame_record_end(at, pbase_get_u32(data + at));
        if (end > header->bytes || !is_zero(data + payload_end, end - payload_end)) {
            return false;
        }
        at = end;
    }
    return is_zero(data + at, header->bytes - at);
}

bool frame_sum_holds(const frame_header *header, const uint8_t *data, frame_crc32c crc32c)
{
    uint64_t end = PBASE_PLANT(5) ? FRAME_HEADER_BYTES : header->bytes;
    return crc32c(0, data + FRAME_CRC_FROM, (size_t)(end - FRAME_CRC_FROM)) == header->crc32c;
}

bool frame_is_whole(const frame_header *header, const uint8_t *data, frame_crc32c crc32c)
{
    return frame_sum_holds(header, data, crc32c) && records_are_whole(header, data);
}

pbase_bytes frame_record(const uint8_t *data, uint64_t at, uint64_t *out_next)
{
    uint32_t size = pbase_get_u32(data + at);
    *out_next = frame_record_end(at, size);
    return pbase_bytes_of(data + at + FRAME_RECORD_HEADER_BYTES, size);
}
