/* store_coder.c - hands a collection's questions about values to the store. */
#include "txn/store_coder.h"

static store *store_of(value_coder *self)
{
    return ((store_coder *)self)->bytes;
}

static pbase_status coder_encode(value_coder *self, const pbase_value *value, pbase_buffer *out,
                                 pbase_error *err)
{
    return store_value_encode(store_of(self), value, out, err);
}

static pbase_status coder_encode_raw(value_coder *self, pbase_bytes bytes, pbase_buffer *out,
                                     pbase_error *err)
{
    return store_value_encode_raw(store_of(self), bytes, out, err);
}

static pbase_status coder_decode(value_coder *self, pbase_bytes stored, pbase_arena *arena,
                                 pbase_value *out, pbase_error *err)
{
    return store_value_decode(store_of(self), stored, arena, out, err);
}

static pbase_status coder_payload(value_coder *self, pbase_bytes stored, pbase_bytes *out,
                                  pbase_error *err)
{
    const codec_entry *codec;
    return store_value_payload(store_of(self), stored, out, &codec, err);
}

static pbase_status coder_extract(value_coder *self, pbase_bytes stored, const pbase_path *paths,
                                  size_t count, pbase_arena *arena, pbase_value *out,
                                  pbase_error *err)
{
    return store_value_extract(store_of(self), stored, paths, count, arena, out, err);
}

static const value_coder_vtable store_coder_vtable = {
    .encode = coder_encode,
    .encode_raw = coder_encode_raw,
    .decode = coder_decode,
    .payload = coder_payload,
    .extract = coder_extract,
};

void store_coder_init(store_coder *coder, store *bytes)
{
    value_coder_init(&coder->base, &store_coder_vtable);
    coder->bytes = bytes;
}
