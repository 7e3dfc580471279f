/* plugin.c - the descriptor of storage-file: storage/file and block_provider/file. */
#include "file_blocks.h"
#include "file_storage.h"

/* Keys that core reads too (durability, checkpoint_bytes) stand here with their meaning for files. */
static const pbase_option storage_options[] = {
    {"durability", PBASE_OPTION_ENUM, 0, "sync", "none|async|sync|remote",
     "What a commit waits for unless it says otherwise."},
    {"async_interval", PBASE_OPTION_DURATION, 0, "10ms", "100us..1h",
     "The longest time from an asynchronous commit to its flush."},
    {"map", PBASE_OPTION_ENUM, 0, "auto", "auto|never",
     "Read the store through memory maps, or never: an I/O error is then an error, not a signal."},
    {"large_pages", PBASE_OPTION_BOOL, 0, "true", NULL,
     "Map the store with large pages while it takes a quarter of the memory at most."},
    {"checkpoint_bytes", PBASE_OPTION_SIZE, 0, "64MiB", "64KiB..",
     "A checkpoint starts when the journal has grown by this much."},
    {"exclusive", PBASE_OPTION_BOOL, 0, "false", NULL,
     "Refuse other processes while this one has the space open, instead of sharing it."},
    {"salvage", PBASE_OPTION_BOOL, 0, "false", NULL,
     "Read what is left of a damaged space and change nothing: for recovering."},
    {"journal_segment_size", PBASE_OPTION_SIZE, 0, "16MiB", "64KiB..4GiB",
     "Size of one preallocated segment of the journal."},
};

static const pbase_slot storage_slots[] = {
    {
        .name = "blocks",
        .kind = PBASE_KIND_BLOCK_PROVIDER,
        .count_min = 1,
        .count_max = 1,
        .capabilities = PBASE_BLOCKS_OVERWRITE | PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_RANGE_READ,
        .default_type = "file",
        .doc = "Where the bytes are kept.",
    },
};

static const pbase_option blocks_options[] = {
    {"path", PBASE_OPTION_PATH, PBASE_OPTION_REQUIRED, NULL, NULL,
     "Folder of the space; it is made when its parent exists."},
    {"segment_size", PBASE_OPTION_SIZE, 0, "64MiB", "64KiB..1GiB",
     "Size of one segment of the store."},
    {"read_only", PBASE_OPTION_BOOL, 0, "false", NULL,
     "Change nothing in the folder, which must be there: for recovering, as any other opening "
     "writes its locks."},
    {"direct_io", PBASE_OPTION_ENUM, 0, "auto", "auto|always|never",
     "Write the journal past the page cache: where the file system can, or nowhere else, or not."},
    {"network", PBASE_OPTION_ENUM, 0, "refuse", "refuse|allow",
     "What to do with a folder on a network file system."},
};

static const char *const storage_verbs[] = {PBASE_STORAGE_RELEASE_RESERVE, NULL};

static const pbase_component components[] = {
    {
        .kind = PBASE_KIND_STORAGE,
        .name = "file",
        .doc = "Keeps a space in a journal and immutable segments of a block provider.",
        .capabilities = PBASE_STORAGE_MAP | PBASE_STORAGE_PUNCH | PBASE_STORAGE_RESERVE |
                        PBASE_STORAGE_SEGMENT_IO | PBASE_STORAGE_PERSISTENT | PBASE_STORAGE_SHARED,
        .format_version = 1,
        .open = file_storage_open,
        .vtable = &file_storage_vtable,
        .verbs = storage_verbs,
        PBASE_OPTIONS(storage_options),
        PBASE_SLOTS(storage_slots),
    },
    {
        .kind = PBASE_KIND_BLOCK_PROVIDER,
        .name = "file",
        .doc = "Keeps segments and keys as files of one folder.",
        .capabilities = PBASE_BLOCKS_APPEND_SYNC | PBASE_BLOCKS_OVERWRITE | PBASE_BLOCKS_PUNCH |
                        PBASE_BLOCKS_EXCLUSIVE_SEAL | PBASE_BLOCKS_RANGE_READ | PBASE_BLOCKS_MAP |
                        PBASE_BLOCKS_PERSISTENT | PBASE_BLOCKS_LOCK | PBASE_BLOCKS_SHARED,
        .format_version = 1,
        .open = file_blocks_open,
        .vtable = &file_blocks_vtable,
        PBASE_OPTIONS(blocks_options),
    },
};

static const pbase_plugin plugin = {
    PBASE_PLUGIN_HEAD,
    .name = "storage-file",
    .version = PBASE_VERSION_STRING,
    .license = "MIT",
    .summary = "Spaces in files: one flush per commit, fast opening, recovery by replay.",
    PBASE_COMPONENTS(components),
};

PBASE_PLUGIN_ENTRY(plugin)
