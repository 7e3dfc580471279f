/* The suites hold for what a stranger may write: a serializer of three kinds without `extract`, and
 * a transform that hides bytes behind a mask. */
#include "serializer_suite.h"
#include "transform_suite.h"

/* ------------------------------------------------------------------------------ a serializer --- */

/* "n", "i" and eight bytes, "t" and text. */
typedef struct {
    pbase_serializer base;
    const pbase_alloc *alloc;
} plain;

static pbase_status plain_encode(pbase_serializer *self, const pbase_value *value,
                                 pbase_buffer *out, pbase_error *err)
{
    (void)self;
    uint8_t head[9] = {'n'};
    switch (value->kind) {
    case PBASE_NULL:
        return pbase_buffer_append(out, head, 1, err);
    case PBASE_INT:
        head[0] = 'i';
        pbase_put_u64(head + 1, (uint64_t)value->as.integer);
        return pbase_buffer_append(out, head, 9, err);
    case PBASE_STRING: {
        pbase_status status = pbase_buffer_append(out, "t", 1, err);
        return status == PBASE_OK ? pbase_buffer_append_bytes(out, value->as.string, err) : status;
    }
    default: {
        pbase_status status =
            PBASE_FAIL(err, PBASE_UNSUPPORTED, "plain carries no %s", pbase_value_type_name(value));
        pbase_error_hint(err, "use msgpack");
        return status;
    }
    }
}

static pbase_status plain_decode(pbase_serializer *self, pbase_bytes bytes,
                                 const pbase_decode_limits *limits, pbase_arena *arena,
                                 pbase_value *out, pbase_error *err)
{
    (void)self;
    (void)limits;
    (void)arena;
    pbase_bytes rest = pbase_bytes_of(bytes.data + 1, bytes.size - 1);
    if (bytes.size == 1 && bytes.data[0] == 'n') {
        *out = pbase_value_null();
    } else if (bytes.size == 9 && bytes.data[0] == 'i') {
        *out = pbase_value_int((int64_t)pbase_get_u64(rest.data));
    } else if (bytes.size > 0 && bytes.data[0] == 't' && pbase_utf8_valid(rest)) {
        *out = pbase_value_string(rest);
    } else {
        pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "not plain");
        pbase_error_where(err, "offset 0");
        return status;
    }
    return PBASE_OK;
}

static void plain_close(pbase_serializer *self)
{
    plain *p = (plain *)self;
    pbase_alloc_free(p->alloc, p, sizeof *p);
}

static pbase_status plain_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    static const pbase_serializer_vtable vtable = {
        .struct_size = sizeof(pbase_serializer_vtable),
        .encode = plain_encode,
        .decode = plain_decode,
        .close = plain_close,
    };
    plain *p = (plain *)pbase_alloc_new(open->host->alloc, sizeof *p);
    if (p == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for plain");
    }
    p->base.vtable = &vtable;
    p->alloc = open->host->alloc;
    *out = p;
    return PBASE_OK;
}

/* -------------------------------------------------------------------------------- a transform --- */

typedef struct {
    pbase_transform base;
    const pbase_alloc *alloc;
} mask;

static pbase_status mask_append(pbase_bytes in, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_bytes(out, in, err);
    for (size_t i = 0; i < in.size && status == PBASE_OK; i++) {
        out->data[out->size - in.size + i] ^= 0x5au;
    }
    return status;
}

static pbase_status mask_encode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                                pbase_buffer *out, pbase_error *err)
{
    (void)self;
    (void)context;
    return mask_append(in, out, err);
}

static pbase_status mask_decode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                                size_t size_max, pbase_buffer *out, pbase_error *err)
{
    (void)self;
    (void)context;
    if (in.size > size_max) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu bytes", in.size);
    }
    return mask_append(in, out, err);
}

static void mask_close(pbase_transform *self)
{
    mask *m = (mask *)self;
    pbase_alloc_free(m->alloc, m, sizeof *m);
}

static pbase_status mask_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    static const pbase_transform_vtable vtable = {
        .struct_size = sizeof(pbase_transform_vtable),
        .stage = PBASE_TRANSFORM_ENCRYPT,
        .encode = mask_encode,
        .decode = mask_decode,
        .close = mask_close,
    };
    mask *m = (mask *)pbase_alloc_new(open->host->alloc, sizeof *m);
    if (m == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for mask");
    }
    m->base.vtable = &vtable;
    m->alloc = open->host->alloc;
    *out = m;
    return PBASE_OK;
}

int main(void)
{
    static const serializer_subject plain_subject = {
        .name = "plain",
        .open = plain_open,
        .kinds = 1u << PBASE_NULL | 1u << PBASE_INT | 1u << PBASE_STRING,
        .describes_itself = true,
    };
    static const transform_subject mask_subject = {
        .name = "mask",
        .open = mask_open,
        .stage = PBASE_TRANSFORM_ENCRYPT,
        .is_deterministic = true,
    };
    return serializer_suite_run(&plain_subject) + transform_suite_run(&mask_subject);
}
