/* plugin.c - the descriptor of storage-memory: storage/memory and block_provider/memory. */
#include "memory_blocks.h"
#include "memory_storage.h"

/* durability and checkpoint_bytes are read by core; they stand here with their meaning in memory. */
static const pbase_option storage_options[] = {
    {"max_size", PBASE_OPTION_SIZE, 0, "0", "0..",
     "Memory the journal and the store may take; 0 sets no limit."},
    {"segment_size", PBASE_OPTION_SIZE, 0, "64MiB", "256KiB..1GiB",
     "Largest size of one segment of the store."},
    {"durability", PBASE_OPTION_ENUM, 0, "sync", "none|async|sync|remote",
     "What a commit waits for unless it says otherwise; nothing survives the process."},
    {"checkpoint_bytes", PBASE_OPTION_SIZE, 0, "64MiB", "64KiB..",
     "A checkpoint starts when the journal has grown by this much."},
};

static const pbase_option blocks_options[] = {
    {"max_size", PBASE_OPTION_SIZE, 0, "0", "0..",
     "Bytes that all segments may have together; 0 sets no limit."},
    {"segment_size", PBASE_OPTION_SIZE, 0, "64MiB", "64KiB..1GiB",
     "Size that a storage should give its segments."},
};

static const pbase_component components[] = {
    {
        .kind = PBASE_KIND_STORAGE,
        .name = "memory",
        .doc = "Keeps a space in memory; it ends with the process.",
        .capabilities = PBASE_STORAGE_MAP | PBASE_STORAGE_RESERVE | PBASE_STORAGE_SEGMENT_IO,
        .format_version = 1,
        .open = memory_storage_open,
        .vtable = &memory_storage_vtable,
        PBASE_OPTIONS(storage_options),
    },
    {
        .kind = PBASE_KIND_BLOCK_PROVIDER,
        .name = "memory",
        .doc = "Keeps segments and keys in memory; they end with the process.",
        .capabilities = PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_OVERWRITE | PBASE_BLOCKS_PUNCH |
                        PBASE_BLOCKS_EXCLUSIVE_SEAL | PBASE_BLOCKS_RANGE_READ | PBASE_BLOCKS_MAP |
                        PBASE_BLOCKS_LOCK,
        .format_version = 1,
        .open = memory_blocks_open,
        .vtable = &memory_blocks_vtable,
        PBASE_OPTIONS(blocks_options),
    },
};

static const pbase_plugin plugin = {
    PBASE_PLUGIN_HEAD,
    .name = "storage-memory",
    .version = PBASE_VERSION_STRING,
    .license = "MIT",
    .summary = "Spaces and segments that live in memory.",
    PBASE_COMPONENTS(components),
};

PBASE_PLUGIN_ENTRY(plugin)
