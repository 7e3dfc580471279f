/* transforms.c - a chain of at most two transforms, forwards and backwards. */
#include "store/store_private.h"

#include <inttypes.h>

static pbase_status transform_of(store *self, uint8_t id, pbase_transform **out, pbase_error *err)
{
    const codec_entry *entry = NULL;
    pbase_status status = codec_table_find(self->codecs, id, &entry, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (entry == NULL || entry->transform == NULL) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "stored bytes name transform %u, which this space "
                          "does not have",
                          id);
    }
    *out = entry->transform;
    return PBASE_OK;
}

pbase_bytes transforms_context(const store *self, const char *what, pbase_bytes head, uint8_t *out)
{
    size_t size = strlen(what);
    PBASE_ASSERT(size + head.size + CODEC_TABLE_SPACE_ID_BYTES <= CONTEXT_BYTES_MAX);
    memcpy(out, what, size);
    memcpy(out + size, codec_table_space_id(self->codecs), CODEC_TABLE_SPACE_ID_BYTES);
    size += CODEC_TABLE_SPACE_ID_BYTES;
    memcpy(out + size, head.data, head.size);
    return pbase_bytes_of(out, size + head.size);
}

pbase_status transforms_encode(store *self, pbase_bytes in, pbase_bytes context, pbase_buffer *out,
                               pbase_error *err)
{
    pbase_buffer between;
    pbase_buffer_init(&between, self->host->alloc);
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->transform_count && status == PBASE_OK; i++) {
        bool last = i + 1 == self->transform_count;
        pbase_bytes from = i == 0 ? in : pbase_buffer_view(&between);
        pbase_transform *transform = NULL;
        status = transform_of(self, self->transform_ids[i], &transform, err);
        if (status == PBASE_OK) {
            status = pbase_transform_encode(transform, from, context, last ? out : &between, err);
        }
    }
    pbase_buffer_fini(&between);
    return status;
}

/* Sizes between two transforms are not stored; none may pass this. */
#define BETWEEN_BYTES_MAX ((size_t)PBASE_RECORD_BYTES_MAX + (1u << 20))

pbase_status transforms_decode(store *self, const uint8_t *ids, size_t count, pbase_bytes in,
                               pbase_bytes context, size_t raw_size, pbase_buffer *out,
                               pbase_error *err)
{
    pbase_buffer between;
    pbase_buffer_init(&between, self->host->alloc);
    size_t before = out->size;
    pbase_status status = PBASE_OK;
    for (size_t i = count; i-- > 0 && status == PBASE_OK;) {
        bool last = i == 0;
        pbase_bytes from = i + 1 == count ? in : pbase_buffer_view(&between);
        pbase_transform *transform = NULL;
        status = transform_of(self, ids[i], &transform, err);
        if (status == PBASE_OK) {
            status = pbase_transform_decode(transform, from, context,
                                            last ? raw_size : BETWEEN_BYTES_MAX,
                                            last ? out : &between, err);
        }
    }
    if (status == PBASE_OK && out->size - before != raw_size) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a transform gave %zu bytes where %zu were stored",
                            out->size - before, raw_size);
    }
    pbase_buffer_fini(&between);
    return status;
}
