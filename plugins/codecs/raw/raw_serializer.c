/* raw_serializer.c - identity, for one kind of value. */
#include "raw_serializer.h"

typedef struct {
    pbase_serializer base;
    const pbase_alloc *alloc; /* borrowed until close */
} raw_serializer;

static pbase_status raw_encode(pbase_serializer *self, const pbase_value *value, pbase_buffer *out,
                               pbase_error *err)
{
    (void)self; /* no state */
    if (value->kind == PBASE_BYTES) {
        return pbase_buffer_append_bytes(out, value->as.string, err);
    }
    pbase_status status = PBASE_FAIL(err, PBASE_UNSUPPORTED, "raw stores bytes only, not %s",
                                     pbase_value_type_name(value));
    pbase_error_hint(err, "use the codec msgpack or json for other kinds of values");
    return status;
}

static pbase_status raw_decode(pbase_serializer *self, pbase_bytes bytes,
                               const pbase_decode_limits *limits, pbase_arena *arena,
                               pbase_value *out, pbase_error *err)
{
    (void)self;  /* no state */
    (void)arena; /* the value lies in `bytes` */
    if (limits->nodes_max == 0) {
        return PBASE_FAIL(err, PBASE_LIMIT, "the limit allows no value at all");
    }
    *out = pbase_value_bytes(bytes);
    return PBASE_OK;
}

static void raw_close(pbase_serializer *self)
{
    if (self != NULL) {
        PBASE_ASSERT(self->vtable == &raw_serializer_vtable);
        raw_serializer *raw = (raw_serializer *)self;
        pbase_alloc_free(raw->alloc, raw, sizeof *raw);
    }
}

const pbase_serializer_vtable raw_serializer_vtable = {
    .struct_size = sizeof(pbase_serializer_vtable),
    .encode = raw_encode,
    .decode = raw_decode,
    .close = raw_close, /* no extract: there are no fields */
};

pbase_status raw_serializer_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    const pbase_alloc *alloc = open->host->alloc;
    raw_serializer *raw = (raw_serializer *)pbase_alloc_zeroed(alloc, 1, sizeof *raw);
    if (raw == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the serializer raw");
    }
    raw->base.vtable = &raw_serializer_vtable;
    raw->alloc = alloc;
    *out = &raw->base;
    return PBASE_OK;
}
