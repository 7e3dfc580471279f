/* fake_catalog.c - tables only. */
#include "fake_catalog.h"
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/codec.h>
#include <protobase/plugin/plugin.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const pbase_option file_options[] = {
    {"segment_size", PBASE_OPTION_SIZE, 0, "64MiB", "1MiB..1GiB", "Bytes of a segment."},
    {"map", PBASE_OPTION_ENUM, 0, "auto", "auto|never", "Whether files are mapped."},
    {"interval", PBASE_OPTION_DURATION, 0, "250ms", "1ms..1h", "Between two flushes."},
    {"ratio", PBASE_OPTION_FLOAT, 0, "0.5", "0..1", "Share that may be dead."},
    {"retries", PBASE_OPTION_INT, PBASE_OPTION_RELOADABLE, "3", "0..10", "Attempts."},
    {"direct", PBASE_OPTION_BOOL, 0, "false", NULL, "Bypass the page cache."},
    {"label", PBASE_OPTION_STRING, 0, NULL, NULL, "A name for people."},
    {"home", PBASE_OPTION_PATH, 0, "./home", NULL, "A folder."},
    {"tags", PBASE_OPTION_LIST, 0, NULL, NULL, "Words."},
    {"token", PBASE_OPTION_STRING, PBASE_OPTION_SECRET, NULL, NULL, "A secret."},
    {"pin", PBASE_OPTION_INT, PBASE_OPTION_SECRET, "0", "0..9999", "A secret number."},
};
static const pbase_slot file_slots[] = {
    {"blocks", PBASE_KIND_BLOCK_PROVIDER, 1, 1, PBASE_BLOCKS_PERSISTENT | PBASE_BLOCKS_OVERWRITE, 0,
     NULL, "Where bytes are kept."},
};
static const pbase_slot stack_slots[] = {
    {"blocks", PBASE_KIND_BLOCK_PROVIDER, 1, 1, 0, 0, NULL, "Where bytes are kept."},
    {"spare", PBASE_KIND_STORAGE, 0, 1, 0, 0, "memory", "A second storage."},
};
static const pbase_option blocks_options[] = {
    {"path", PBASE_OPTION_PATH, PBASE_OPTION_REQUIRED, NULL, NULL, "The folder of the segments."},
    {"segment_size", PBASE_OPTION_SIZE, 0, "64MiB", "1MiB..", "Bytes of a segment."},
};
static const pbase_option zstd_options[] = {
    {"level", PBASE_OPTION_INT, 0, "3", "1..22", "Effort."},
};
static const pbase_option aes_options[] = {
    {"key", PBASE_OPTION_STRING, PBASE_OPTION_REQUIRED | PBASE_OPTION_SECRET, NULL, NULL,
     "32 bytes in hexadecimal."},
};

#define OPTIONS(array) .options = (array), .option_count = COUNT(array)
#define SLOTS(array) .slots = (array), .slot_count = COUNT(array)
static const pbase_component_info infos[] = {
    {.kind = PBASE_KIND_STORAGE, .name = "memory", .durability_mask = 7},
    {.kind = PBASE_KIND_STORAGE,
     .name = "file",
     .durability_mask = 7,
     OPTIONS(file_options),
     SLOTS(file_slots)},
    {.kind = PBASE_KIND_STORAGE, .name = "stack", .durability_mask = 12, SLOTS(stack_slots)},
    {.kind = PBASE_KIND_BLOCK_PROVIDER, .name = "memory", .capabilities = PBASE_BLOCKS_OVERWRITE},
    {.kind = PBASE_KIND_BLOCK_PROVIDER,
     .name = "file",
     .capabilities = PBASE_BLOCKS_OVERWRITE | PBASE_BLOCKS_PERSISTENT,
     OPTIONS(blocks_options)},
    {.kind = PBASE_KIND_SERIALIZER, .name = "msgpack"},
    {.kind = PBASE_KIND_SERIALIZER, .name = "json"},
    {.kind = PBASE_KIND_TRANSFORM,
     .name = "zstd",
     .stage = PBASE_TRANSFORM_COMPRESS,
     OPTIONS(zstd_options)},
    {.kind = PBASE_KIND_TRANSFORM, .name = "lz4", .stage = PBASE_TRANSFORM_COMPRESS},
    {.kind = PBASE_KIND_TRANSFORM,
     .name = "aes",
     .stage = PBASE_TRANSFORM_ENCRYPT,
     OPTIONS(aes_options)},
};

static bool is_kind(const pbase_component_info *info, const char *kind)
{
    bool is_codec = strcmp(info->kind, PBASE_KIND_SERIALIZER) == 0 ||
                    strcmp(info->kind, PBASE_KIND_TRANSFORM) == 0;
    return strcmp(is_codec ? "codec" : info->kind, kind) == 0;
}

static pbase_status find(config_catalog *self, const char *kind, const char *name,
                         const pbase_component_info **out, pbase_error *err)
{
    (void)self;
    for (size_t i = 0; i < COUNT(infos); i++) {
        if (is_kind(&infos[i], kind) && strcmp(infos[i].name, name) == 0) {
            *out = &infos[i];
            return PBASE_OK;
        }
    }
    return PBASE_FAIL(err, PBASE_PLUGIN, "nobody offers %s/%s", kind, name);
}

config_catalog *fake_catalog(void)
{
    static config_catalog catalog = {find};
    return &catalog;
}
