/* core_options.c - the keys that core itself reads, from the mapping `storage:` and from those of transforms. */
#include <protobase/config.h>
#include <protobase/plugin/plugin.h>
#include <string.h>

static const pbase_option storage_options[] = {
    {"durability", PBASE_OPTION_ENUM, 0, "sync", "none|async|sync|remote",
     "What a commit waits for unless it says otherwise."},
    {"checkpoint_bytes", PBASE_OPTION_SIZE, 0, "64MiB", "64KiB..",
     "A checkpoint starts when the journal has grown by this much."},
    {"patch_leaves", PBASE_OPTION_INT, 0, "196608", "0..",
     "Collections of about so many leaves write of a changed leaf what changed; 0: none does."},
    {"retention_age", PBASE_OPTION_DURATION, 0, "0s", "0s..",
     "States of that long ago can be read; 0s sets no bound of that kind."},
    {"retention_count", PBASE_OPTION_INT, 0, "0", "0..",
     "Checkpoints kept to read the past from; 0 sets no bound of that kind."},
    {"retention_bytes", PBASE_OPTION_SIZE, 0, "0", "0..",
     "Journal kept to read the past from; 0 sets no bound of that kind."},
    {"object_cache_size", PBASE_OPTION_SIZE, 0, "64MiB", "0..",
     "Memory for decoded nodes of compressed, encrypted or remote storages."},
    {"object_cache_entries", PBASE_OPTION_INT, 0, "0", "0..",
     "How many decoded nodes are kept at most; 0 sets no limit."},
    {"bytes_cache_size", PBASE_OPTION_SIZE, 0, "32MiB", "0..",
     "Memory for compressed or encrypted nodes as they are stored, where no map lends them."},
    {"bytes_cache_entries", PBASE_OPTION_INT, 0, "0", "0..",
     "How many of those are kept at most; 0 sets no limit."},
    {"cache_stripes", PBASE_OPTION_INT, 0, "16", "1..256",
     "Parts of each cache with a lock of their own."},
    {"cache_write_through", PBASE_OPTION_BOOL, 0, "true", "",
     "Put what a checkpoint writes into the caches that would have to load it."},
};

static const pbase_option transform_options[] = {
    {"write", PBASE_OPTION_BOOL, 0, "true", "",
     "Whether new records and nodes go through it; false reads what went through it before."},
};

const pbase_option *pbase_config_core_options(const char *kind, size_t *out_count)
{
    bool is_storage = strcmp(kind, PBASE_KIND_STORAGE) == 0;
    bool is_transform = strcmp(kind, PBASE_KIND_TRANSFORM) == 0;
    *out_count = is_storage     ? sizeof(storage_options) / sizeof(storage_options[0])
                 : is_transform ? sizeof(transform_options) / sizeof(transform_options[0])
                                : 0;
    return is_storage ? storage_options : is_transform ? transform_options : NULL;
}
