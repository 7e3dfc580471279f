/* plugin.c - what codec-msgpack.so offers. */
#include "msgpack_serializer.h"

static const pbase_component components[] = {{
    .kind = PBASE_KIND_SERIALIZER,
    .name = "msgpack",
    .doc = "Values as MessagePack; every kind exact, fields read without decoding the rest.",
    .format_version = 1,
    .open = msgpack_serializer_open,
    .vtable = &msgpack_serializer_vtable,
}};

static const pbase_plugin plugin = {
    PBASE_PLUGIN_HEAD,
    .name = "codec-msgpack",
    .version = PBASE_VERSION_STRING,
    .license = "MIT",
    .summary = "The serializer msgpack.",
    PBASE_COMPONENTS(components),
};
PBASE_PLUGIN_ENTRY(plugin)
