/* plugin.c - what codec-raw.so offers. */
#include "raw_serializer.h"

static const pbase_component components[] = {{
    .kind = PBASE_KIND_SERIALIZER,
    .name = "raw",
    .doc = "Bytes as they are, with no overhead; no other kind of value.",
    .format_version = 1,
    .open = raw_serializer_open,
    .vtable = &raw_serializer_vtable,
}};

static const pbase_plugin plugin = {
    PBASE_PLUGIN_HEAD,
    .name = "codec-raw",
    .version = PBASE_VERSION_STRING,
    .license = "MIT",
    .summary = "The serializer raw.",
    PBASE_COMPONENTS(components),
};
PBASE_PLUGIN_ENTRY(plugin)
