/* plugin.c - what codec-json.so offers. */
#include "json_serializer.h"

static const pbase_component components[] = {{
    .kind = PBASE_KIND_SERIALIZER,
    .name = "json",
    .doc = "Values as canonical JSON text; every kind exact.",
    .format_version = 1,
    .open = json_serializer_open,
    .vtable = &json_serializer_vtable,
}};

static const pbase_plugin plugin = {
    PBASE_PLUGIN_HEAD,
    .name = "codec-json",
    .version = PBASE_VERSION_STRING,
    .license = "MIT",
    .summary = "The serializer json.",
    PBASE_COMPONENTS(components),
};
PBASE_PLUGIN_ENTRY(plugin)
