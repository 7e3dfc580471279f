/* caesar.c - a whole plugin: the transform codec/caesar adds a number to every byte.
 *
 * It hides nothing from anybody; it shows the shape of a codec. The number is an option, and is
 * written in front of what it encodes, so that data stays readable when the option changes. */
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

typedef struct {
    pbase_transform base; /* first member: the contract */
    const pbase_host *host;
    uint8_t shift;
} caesar;

/* Appends `in`, each byte moved by `shift`. */
static pbase_status append_shifted(pbase_bytes in, uint8_t shift, pbase_buffer *out,
                                   pbase_error *err)
{
    size_t before = out->size;
    pbase_status status = pbase_buffer_append_bytes(out, in, err);
    for (size_t i = before; status == PBASE_OK && i < out->size; i++) {
        out->data[i] = (uint8_t)(out->data[i] + shift);
    }
    return status;
}

static pbase_status caesar_encode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                                  pbase_buffer *out, pbase_error *err)
{
    uint8_t shift = ((caesar *)self)->shift;
    (void)context; /* for codecs that authenticate */
    pbase_status status = pbase_buffer_append_u8(out, shift, err);
    return status == PBASE_OK ? append_shifted(in, shift, out, err) : status;
}

/* What comes in here was read from a disk: it may be anything. */
static pbase_status caesar_decode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                                  size_t size_max, pbase_buffer *out, pbase_error *err)
{
    (void)self;
    (void)context;
    if (in.size == 0) {
        return PBASE_FAIL(err, PBASE_FORMAT, "caesar: not even the shift is there");
    }
    pbase_bytes rest = pbase_bytes_of(in.data + 1, in.size - 1);
    if (rest.size > size_max) {
        return PBASE_FAIL(err, PBASE_LIMIT, "caesar: %zu bytes; the limit is %zu", rest.size,
                          size_max);
    }
    return append_shifted(rest, (uint8_t)(0u - in.data[0]), out, err);
}

static void caesar_close(pbase_transform *self)
{
    caesar *codec = (caesar *)self;
    pbase_alloc_free(codec->host->alloc, codec, sizeof(*codec));
}

static const pbase_transform_vtable caesar_vtable = {
    .struct_size = sizeof(pbase_transform_vtable),
    .stage = PBASE_TRANSFORM_ENCRYPT, /* comes after whatever compresses */
    .encode = caesar_encode,
    .decode = caesar_decode,
    .close = caesar_close,
};

static pbase_status caesar_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    caesar *codec = pbase_alloc_new(open->host->alloc, sizeof(*codec));
    if (codec == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "caesar: no memory");
    }
    codec->base.vtable = &caesar_vtable;
    codec->host = open->host;
    codec->shift = (uint8_t)pbase_config_int(open->config, "shift"); /* checked: 1..255 */
    *out = codec;
    return PBASE_OK;
}

static const pbase_option options[] = {
    {"shift", PBASE_OPTION_INT, 0, "3", "1..255", "What is added to every byte."},
};
static const pbase_component components[] = {
    {.kind = PBASE_KIND_TRANSFORM,
     .name = "caesar",
     .doc = "Adds a number to every byte.",
     .format_version = 1,
     .open = caesar_open,
     .vtable = &caesar_vtable,
     PBASE_OPTIONS(options)},
};
static const pbase_plugin plugin = {PBASE_PLUGIN_HEAD,
                                    .name = "codec-caesar",
                                    .version = "1.0.0",
                                    .license = "MIT",
                                    .summary = "A codec on one page.",
                                    PBASE_COMPONENTS(components)};
PBASE_PLUGIN_ENTRY(plugin)
