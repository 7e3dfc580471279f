/* msgpack_serializer.c - the contract, over pure functions. */
#include "msgpack_serializer.h"
#include "msgpack_decode.h"
#include "msgpack_encode.h"
#include "msgpack_extract.h"

typedef struct {
    pbase_serializer base;
    const pbase_alloc *alloc; /* borrowed until close */
} msgpack_serializer;

static pbase_status msgpack_serializer_encode(pbase_serializer *self, const pbase_value *value,
                                              pbase_buffer *out, pbase_error *err)
{
    (void)self; /* no state */
    return msgpack_encode(value, out, err);
}

static pbase_status msgpack_serializer_decode(pbase_serializer *self, pbase_bytes bytes,
                                              const pbase_decode_limits *limits, pbase_arena *arena,
                                              pbase_value *out, pbase_error *err)
{
    (void)self; /* no state */
    return msgpack_decode(bytes, limits, arena, out, err);
}

static pbase_status msgpack_serializer_extract(pbase_serializer *self, pbase_bytes bytes,
                                               const pbase_path *paths, size_t count,
                                               pbase_arena *arena, pbase_value *out,
                                               pbase_error *err)
{
    (void)self; /* no state */
    return msgpack_extract(bytes, paths, count, arena, out, err);
}

static void msgpack_serializer_close(pbase_serializer *self)
{
    if (self != NULL) {
        PBASE_ASSERT(self->vtable == &msgpack_serializer_vtable);
        msgpack_serializer *msgpack = (msgpack_serializer *)self;
        pbase_alloc_free(msgpack->alloc, msgpack, sizeof *msgpack);
    }
}

const pbase_serializer_vtable msgpack_serializer_vtable = {
    .struct_size = sizeof(pbase_serializer_vtable),
    .encode = msgpack_serializer_encode,
    .decode = msgpack_serializer_decode,
    .extract = msgpack_serializer_extract,
    .close = msgpack_serializer_close,
};

pbase_status msgpack_serializer_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_alloc *alloc = open->host->alloc;
    msgpack_serializer *msgpack =
        (msgpack_serializer *)pbase_alloc_zeroed(alloc, 1, sizeof *msgpack);
    if (msgpack == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the serializer msgpack");
    }
    msgpack->base.vtable = &msgpack_serializer_vtable;
    msgpack->alloc = alloc;
    *out = &msgpack->base;
    return PBASE_OK;
}
