/* bad.c - a small plugin with at most one sin, chosen when it is compiled (see CMakeLists.txt).
 *
 * Without any sin it is a healthy transform that copies bytes. */
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

#ifndef ZOO_COMPONENT
#define ZOO_COMPONENT ZOO_NAME
#endif
#ifndef ZOO_CALLS_ITSELF
#define ZOO_CALLS_ITSELF ZOO_NAME
#endif
#ifndef ZOO_ABI_MAJOR
#define ZOO_ABI_MAJOR PBASE_ABI_MAJOR
#endif
#ifndef ZOO_ABI_MINOR
#define ZOO_ABI_MINOR PBASE_ABI_MINOR
#endif
#ifndef ZOO_DEFAULT
#define ZOO_DEFAULT "3"
#endif
#ifndef ZOO_SUMMARY
#define ZOO_SUMMARY "A plugin of the tests."
#endif

static pbase_status copy_encode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                                pbase_buffer *out, pbase_error *err)
{
    (void)self;
    (void)context;
    return pbase_buffer_append_bytes(out, in, err);
}

#ifndef ZOO_NO_DECODE
static pbase_status copy_decode(pbase_transform *self, pbase_bytes in, pbase_bytes context,
                                size_t size_max, pbase_buffer *out, pbase_error *err)
{
    (void)self;
    (void)context;
    return in.size > size_max
               ? PBASE_FAIL(err, PBASE_LIMIT, "%zu bytes; the limit is %zu", in.size, size_max)
               : pbase_buffer_append_bytes(out, in, err);
}
#endif

static void copy_close(pbase_transform *self)
{
    (void)self; /* a static object */
}

static const pbase_transform_vtable vtable = {
    .struct_size = sizeof(pbase_transform_vtable),
    .stage = PBASE_TRANSFORM_COMPRESS,
    .encode = copy_encode,
#ifndef ZOO_NO_DECODE
    .decode = copy_decode,
#endif
    .close = copy_close,
};
static pbase_transform copier = {&vtable};

static pbase_status copy_open(const pbase_component_open *open, void **out, pbase_error *err)
{
    (void)open;
#if defined(ZOO_OPEN_FAILS)
    *out = &copier; /* a failed open gives nothing, whatever it leaves here */
    return PBASE_FAIL(err, PBASE_AUTH, "the licence has run out");
#elif defined(ZOO_OPEN_FAILS_SILENTLY)
    *out = &copier;
    (void)err;
    return PBASE_IO;
#elif defined(ZOO_OPEN_GIVES_NOTHING)
    (void)out;
    (void)err;
    (void)copier;
    return PBASE_OK;
#else
    (void)err;
    *out = &copier;
    return PBASE_OK;
#endif
}

static const pbase_option options[] = {
    {"level", PBASE_OPTION_INT, 0, ZOO_DEFAULT, "1..9", "Effort."},
};

static const pbase_component components[] = {
    {
        .kind = PBASE_KIND_TRANSFORM,
        .name = ZOO_COMPONENT,
        .doc = "Copies bytes.",
        .format_version = 1,
        .open = copy_open,
        .vtable = &vtable,
        PBASE_OPTIONS(options),
    },
};

static const pbase_plugin plugin = {
    .magic = PBASE_PLUGIN_MAGIC,
    .struct_size = sizeof(pbase_plugin),
    .abi_major = ZOO_ABI_MAJOR,
    .abi_minor = ZOO_ABI_MINOR,
    .name = ZOO_CALLS_ITSELF,
    .version = "1.0.0",
    .license = "MIT",
    .summary = ZOO_SUMMARY,
    PBASE_COMPONENTS(components),
};

#ifdef ZOO_ENTRY_REFUSES
PBASE_API const pbase_plugin *pbase_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor);
const pbase_plugin *pbase_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    (void)host_abi_major;
    (void)host_abi_minor;
    (void)plugin;
    return NULL;
}
#else
PBASE_PLUGIN_ENTRY(plugin)
#endif

#ifdef ZOO_SECOND_EXPORT
PBASE_API int zoo_second_export(void);
int zoo_second_export(void)
{
    return 0;
}
#endif
