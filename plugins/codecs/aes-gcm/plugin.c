/* plugin.c - what codec-aes-256-gcm.so offers. */
#include "aes_transform.h"

static const pbase_option options[] = {
    {
        .key = "keys",
        .type = PBASE_OPTION_LIST,
        .flags = PBASE_OPTION_REQUIRED,
        .doc =
            "Ids of the keys, 1 to 16; each reads what was written with it, the first one writes.",
    },
    {
        .key = "active",
        .type = PBASE_OPTION_STRING,
        .doc = "Id of the key that writes, where it is not the first.",
    },
    {
        .key = "key_file",
        .type = PBASE_OPTION_PATH,
        .doc = "File of a key; {id} stands for its id. 32 raw bytes, 64 hexadecimal digits or 44 "
               "of base64, and nobody else may read it.",
    },
    {
        .key = "key_env",
        .type = PBASE_OPTION_STRING,
        .doc = "Environment variable of a key, in hexadecimal or base64; {id} stands for its id in "
               "upper case, with _ for - and the dot.",
    },
    {
        .key = "credential",
        .type = PBASE_OPTION_STRING,
        .default_text = "protobase-{id}",
        .doc = "Name of a key among systemd's credentials ($CREDENTIALS_DIRECTORY).",
    },
};

static const pbase_component components[] = {{
    .kind = PBASE_KIND_TRANSFORM,
    .name = "aes-256-gcm",
    .doc = "Encryption, authenticated, by AES-256-GCM; keys by id, changed without rewriting.",
    .format_version = 1,
    .open = aes_transform_open,
    .vtable = &aes_transform_vtable,
    .tables = &aes_transform_tables,
    PBASE_OPTIONS(options),
}};

static const pbase_plugin plugin = {
    PBASE_PLUGIN_HEAD,
    .name = "codec-aes-256-gcm",
    .version = PBASE_VERSION_STRING,
    .license = "MIT",
    .summary = "The transform aes-256-gcm.",
    PBASE_COMPONENTS(components),
};
PBASE_PLUGIN_ENTRY(plugin)
