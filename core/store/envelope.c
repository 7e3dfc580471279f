/* envelope.c - stored values: which codec wrote them, then its bytes. */
#include "store/store_private.h"

#include <inttypes.h>

#define HAS_CHILDREN 1u

static pbase_status encode_with(store *self, uint8_t codec_id, const pbase_value *value,
                                pbase_buffer *out, pbase_error *err)
{
    const codec_entry *entry = codec_table_at(self->codecs, codec_id);
    size_t before = out->size;
    pbase_status status = pbase_buffer_append_varint(out, (uint64_t)codec_id << 1, err);
    if (status == PBASE_OK) {
        status = pbase_serializer_encode(entry->serializer, value, out, err);
    }
    if (status == PBASE_OK && out->size - before > PBASE_VALUE_BYTES_MAX) {
        status = PBASE_FAIL(err, PBASE_LIMIT, "a value of %zu bytes; the limit is %u",
                            out->size - before, PBASE_VALUE_BYTES_MAX);
        pbase_error_hint(err, "store it as a blob: pbase_blob_create");
    }
    if (status != PBASE_OK) {
        out->size = before;
    }
    return status;
}

pbase_status store_value_encode(store *self, const pbase_value *value, pbase_buffer *out,
                                pbase_error *err)
{
    return encode_with(self, self->serializer_id, value, out, err);
}

/* What the serializer `raw` writes is the bytes themselves (docs/formats/raw.md): nobody has to be asked. */
static pbase_status append_raw(uint8_t codec_id, pbase_bytes bytes, pbase_buffer *out,
                               pbase_error *err)
{
    unsigned head = (unsigned)codec_id << 1; /* a varint of nine bits */
    size_t head_size = head < 0x80u ? 1 : 2;
    if (bytes.size > PBASE_VALUE_BYTES_MAX - head_size) {
        pbase_status status = PBASE_FAIL(err, PBASE_LIMIT, "a value of %zu bytes; the limit is %u",
                                         bytes.size + head_size, PBASE_VALUE_BYTES_MAX);
        pbase_error_hint(err, "store it as a blob: pbase_blob_create");
        return status;
    }
    pbase_status status = pbase_buffer_reserve(out, head_size + bytes.size, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (head_size == 2) {
        out->data[out->size++] = (uint8_t)(head | 0x80u);
        head >>= 7;
    }
    out->data[out->size++] = (uint8_t)head;
    if (bytes.size != 0) {
        memcpy(out->data + out->size, bytes.data, bytes.size);
        out->size += bytes.size;
    }
    return PBASE_OK;
}

pbase_status store_value_encode_raw(store *self, pbase_bytes bytes, pbase_buffer *out,
                                    pbase_error *err)
{
    uint8_t id = (uint8_t)atomic_load_explicit(&self->raw_id, memory_order_acquire);
    if (id == 0) {
        pbase_status status = codec_table_enter(self->codecs, false, "raw", &id, err);
        if (status != PBASE_OK) {
            return status;
        }
        atomic_store_explicit(&self->raw_id, id, memory_order_release);
        atom_cache_advance_epoch(self->objects); /* the schema of the space has grown */
    }
    return append_raw(id, bytes, out, err);
}

/* Skips the list of children: varint count, then kind, sequence, ordinal of each. */
static bool skip_children(pbase_reader_bytes *reader)
{
    uint64_t count = 0;
    bool ok = pbase_read_varint(reader, &count) && count <= PBASE_CHILDREN_MAX;
    for (uint64_t i = 0; ok && i < count; i++) {
        uint8_t kind;
        uint64_t sequence, ordinal;
        ok = pbase_read_u8(reader, &kind) && pbase_read_varint(reader, &sequence) &&
             pbase_read_varint(reader, &ordinal);
    }
    return ok;
}

/* The value is its first child itself: no serializer wrote anything. */
static bool is_child(pbase_bytes stored)
{
    return stored.size > 0 && stored.data[0] == HAS_CHILDREN; /* codec id 0 */
}

pbase_status store_value_payload(store *self, pbase_bytes stored, pbase_bytes *out,
                                 const codec_entry **out_codec, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(stored);
    uint64_t head = 0;
    if (!pbase_read_varint(&reader, &head) ||
        ((head & HAS_CHILDREN) != 0 && !skip_children(&reader))) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a stored value of %zu bytes has no valid head",
                          stored.size);
    }
    if (is_child(stored)) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "the entry is a collection and has no bytes of a codec");
    }
    uint64_t id = head >> 1;
    const codec_entry *entry = NULL;
    pbase_status status =
        id > PBASE_CODECS_MAX ? PBASE_OK : codec_table_find(self->codecs, (uint8_t)id, &entry, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (entry == NULL || entry->serializer == NULL) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "a stored value names codec %" PRIu64 ", which this space does not have",
                          id);
    }
    *out = pbase_bytes_of(reader.at, pbase_reader_bytes_left(&reader));
    *out_codec = entry;
    return PBASE_OK;
}

pbase_status store_value_decode(store *self, pbase_bytes stored, pbase_arena *arena,
                                pbase_value *out, pbase_error *err)
{
    pbase_bytes payload;
    const codec_entry *entry;
    if (is_child(stored)) {
        *out = pbase_value_child(0);
        return PBASE_OK;
    }
    pbase_status status = store_value_payload(self, stored, &payload, &entry, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = pbase_serializer_decode(entry->serializer, payload, NULL, arena, out, err);
    if (status == PBASE_INVALID || status == PBASE_FORMAT || status == PBASE_LIMIT) {
        pbase_error_note(err, "a stored value does not decode as %s", entry->name);
        if (err != NULL) {
            err->code = PBASE_CORRUPT;
        }
        status = PBASE_CORRUPT; /* it was valid when it was stored */
    }
    return status;
}

pbase_status store_value_extract(store *self, pbase_bytes stored, const pbase_path *paths,
                                 size_t count, pbase_arena *arena, pbase_value *out,
                                 pbase_error *err)
{
    pbase_bytes payload;
    const codec_entry *entry;
    if (is_child(stored)) {
        for (size_t i = 0; i < count; i++) {
            out[i] = pbase_value_child(0);
            out[i].kind = paths[i].count == 0 ? PBASE_CHILD : PBASE_VALUE_MISSING;
        }
        return PBASE_OK;
    }
    pbase_status status = store_value_payload(self, stored, &payload, &entry, err);
    if (status != PBASE_OK) {
        return status;
    }
    return pbase_serializer_extract(entry->serializer, payload, paths, count, arena, out, err);
}
