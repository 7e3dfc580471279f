/* record.c - journal records under the store's transforms. */
#include "store/record_wrap.h"
#include "store/store_private.h"

#include <inttypes.h>

#define RECORD_VERSION 1u
#define HEAD_BYTES_PLAIN_MAX                                                                       \
    16u /* without transforms: two bytes and a varint, which asks for ten */

/* Bound to an authenticated record: its size before the transforms. Where it stands in the journal
 * says the sequence inside it. */
static pbase_bytes record_context(const store *self, uint64_t size, uint8_t *out)
{
    uint8_t head[sizeof size];
    pbase_put_u64(head, size);
    return transforms_context(self, "protobase record", pbase_bytes_of(head, sizeof head), out);
}

static pbase_status check_size(size_t size, pbase_error *err)
{
    return size <= PBASE_RECORD_BYTES_MAX
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_LIMIT, "a transaction of %zu bytes; the limit is %u", size,
                            PBASE_RECORD_BYTES_MAX);
}

/* What stands before the record: the transforms it is under, and its size before them. */
static pbase_status head_write(const uint8_t *transforms, size_t count, size_t size,
                               pbase_buffer *out, pbase_error *err)
{
    uint8_t head[2] = {RECORD_VERSION, (uint8_t)count};
    pbase_status status = pbase_buffer_append(out, head, sizeof head, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append(out, transforms, count, err);
    }
    return status == PBASE_OK ? pbase_buffer_append_varint(out, size, err) : status;
}

pbase_status record_wrap_plain(pbase_bytes record, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = check_size(record.size, err);
    if (status == PBASE_OK) {
        status = head_write(NULL, 0, record.size, out, err);
    }
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, record, err) : status;
}

pbase_status store_record_encode(store *self, pbase_bytes record, pbase_buffer *out,
                                 pbase_error *err)
{
    uint8_t context[CONTEXT_BYTES_MAX];
    pbase_status status = check_size(record.size, err);
    if (status == PBASE_OK && self->transform_count == 0) { /* its bytes follow as they are */
        status = pbase_buffer_reserve(out, record.size + HEAD_BYTES_PLAIN_MAX, err);
    }
    if (status == PBASE_OK) {
        status = head_write(self->transform_ids, self->transform_count, record.size, out, err);
    }
    if (status == PBASE_OK) {
        status = self->transform_count == 0
                     ? pbase_buffer_append_bytes(out, record, err)
                     : transforms_encode(self, record, record_context(self, record.size, context),
                                         out, err);
    }
    return status;
}

pbase_status store_record_decode(store *self, pbase_bytes wrapped, pbase_buffer *out,
                                 pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(wrapped);
    uint8_t version = 0, count = 0;
    pbase_bytes ids;
    uint64_t size = 0;
    if (!pbase_read_u8(&reader, &version) || !pbase_read_u8(&reader, &count) ||
        count > ATOM_TRANSFORMS_MAX || !pbase_read_bytes(&reader, count, &ids) ||
        !pbase_read_varint(&reader, &size) || size > PBASE_RECORD_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a journal record has no valid head");
    }
    if (version != RECORD_VERSION) {
        return PBASE_FAIL(err, PBASE_FORMAT, "journal record format %u; this library reads %u",
                          version, RECORD_VERSION);
    }
    pbase_bytes body = pbase_bytes_of(reader.at, pbase_reader_bytes_left(&reader));
    if (count > 0) {
        uint8_t context[CONTEXT_BYTES_MAX];
        return transforms_decode(self, ids.data, count, body, record_context(self, size, context),
                                 (size_t)size, out, err);
    }
    if (body.size != size) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "a journal record holds %zu bytes and claims %" PRIu64, body.size, size);
    }
    return pbase_buffer_append_bytes(out, body, err);
}
