/* plugin.c - what codec-zstd.so offers. */
#include "zstd_transform.h"

static const pbase_option options[] = {
    {
        .key = "level",
        .type = PBASE_OPTION_INT,
        .default_text = "3",
        .range = "1..19",
        .doc = "Effort: higher is smaller and slower to write; reading costs the same.",
    },
    {
        .key = "min_size",
        .type = PBASE_OPTION_SIZE,
        .default_text = "256",
        .range = "0..64MiB",
        .doc = "What is smaller than this is stored as it is.",
    },
    {
        .key = "dictionary",
        .type = PBASE_OPTION_PATH,
        .doc = "File that zstd --train made; what is written is compressed with it, and needs it "
               "to be read.",
    },
    {
        .key = "dictionary_folder",
        .type = PBASE_OPTION_PATH,
        .doc = "Where dictionaries lie that older data needs, each as ID.dict.",
    },
};

static const pbase_component components[] = {{
    .kind = PBASE_KIND_TRANSFORM,
    .name = "zstd",
    .doc = "Compression by Zstandard.",
    .format_version = 1,
    .open = zstd_transform_open,
    .vtable = &zstd_transform_vtable,
    .tables = &zstd_transform_tables,
    PBASE_OPTIONS(options),
}};

static const pbase_plugin plugin = {
    PBASE_PLUGIN_HEAD,
    .name = "codec-zstd",
    .version = PBASE_VERSION_STRING,
    .license = "MIT",
    .summary = "The transform zstd.",
    PBASE_COMPONENTS(components),
};
PBASE_PLUGIN_ENTRY(plugin)
