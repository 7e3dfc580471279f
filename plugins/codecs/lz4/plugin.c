/* plugin.c - what codec-lz4.so offers. */
#include "lz4_transform.h"

static const pbase_option options[] = {
    {
        .key = "level",
        .type = PBASE_OPTION_INT,
        .default_text = "0",
        .range = "0..12",
        .doc = "0 is the fast compressor, 1 to 12 the thorough one: smaller, and many times slower "
               "to write; reading costs the same.",
    },
    {
        .key = "min_size",
        .type = PBASE_OPTION_SIZE,
        .default_text = "256",
        .range = "0..64MiB",
        .doc = "What is smaller than this is stored as it is.",
    },
};

static const pbase_component components[] = {{
    .kind = PBASE_KIND_TRANSFORM,
    .name = "lz4",
    .doc = "Compression by LZ4: larger than zstd's, and read several times faster.",
    .format_version = 1,
    .open = lz4_transform_open,
    .vtable = &lz4_transform_vtable,
    PBASE_OPTIONS(options),
}};

static const pbase_plugin plugin = {
    PBASE_PLUGIN_HEAD,
    .name = "codec-lz4",
    .version = PBASE_VERSION_STRING,
    .license = "MIT",
    .summary = "The transform lz4.",
    PBASE_COMPONENTS(components),
};
PBASE_PLUGIN_ENTRY(plugin)
