/* plain_coder.c - see plain_coder.h. Stored: 'R' and bytes, or 'K', the size of the spelling, the
 * spelling, the key. */
#include "plain_coder.h"

#include "collection/key_encoding.h"

static pbase_status plain_encode(value_coder *self, const pbase_value *value, pbase_buffer *out,
                                 pbase_error *err)
{
    (void)self; /* has no state */
    key_scratch scratch;
    encoded_key key;
    key_scratch_init(&scratch, out->alloc);
    pbase_status status = key_encode(value, &scratch, &key, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(out, 'K', err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, key.spelling.size, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(out, key.spelling, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(out, key.bytes, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

static pbase_status plain_encode_raw(value_coder *self, pbase_bytes bytes, pbase_buffer *out,
                                     pbase_error *err)
{
    (void)self; /* has no state */
    pbase_status status = pbase_buffer_append_u8(out, 'R', err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, bytes, err) : status;
}

static pbase_status plain_payload(value_coder *self, pbase_bytes stored, pbase_bytes *out,
                                  pbase_error *err)
{
    (void)self; /* has no state */
    if (stored.size == 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a stored value is empty");
    }
    *out = pbase_bytes_of(stored.data + 1, stored.size - 1);
    return PBASE_OK;
}

static pbase_status plain_decode(value_coder *self, pbase_bytes stored, pbase_arena *arena,
                                 pbase_value *out, pbase_error *err)
{
    pbase_bytes payload;
    encoded_key key;
    pbase_status status = plain_payload(self, stored, &payload, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (stored.data[0] == 'R') {
        *out = pbase_value_bytes(payload);
        return PBASE_OK;
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(payload);
    if (!pbase_read_sized(&reader, &key.spelling)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a stored value is cut");
    }
    key.bytes = pbase_bytes_of(reader.at, pbase_reader_bytes_left(&reader));
    return key_decode(&key, arena, out, err);
}

/* Every path leads to the whole value. */
static pbase_status plain_extract(value_coder *self, pbase_bytes stored, const pbase_path *paths,
                                  size_t count, pbase_arena *arena, pbase_value *out,
                                  pbase_error *err)
{
    (void)paths; /* there are no fields */
    pbase_status status = PBASE_OK;
    for (size_t i = 0; status == PBASE_OK && i < count; i++) {
        status = plain_decode(self, stored, arena, &out[i], err);
    }
    return status;
}

value_coder *plain_coder(void)
{
    static const value_coder_vtable vtable = {plain_encode, plain_encode_raw, plain_decode,
                                              plain_payload, plain_extract};
    static value_coder coder = {.vtable = &vtable};
    return &coder;
}
