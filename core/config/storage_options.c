/* storage_options.c - the keys that core itself reads from the mapping `storage:`. */
#include <protobase/config.h>

static const pbase_option options[] = {
    {"durability", PBASE_OPTION_ENUM, 0, "sync", "none|async|sync|remote",
     "What a commit waits for unless it says otherwise."},
    {"checkpoint_bytes", PBASE_OPTION_SIZE, 0, "64MiB", "64KiB..",
     "A checkpoint starts when the journal has grown by this much."},
    {"cache_size", PBASE_OPTION_SIZE, 0, "64MiB", "0..",
     "Memory for nodes of compressed, encrypted or remote storages."},
};

const pbase_option *pbase_config_storage_options(size_t *out_count)
{
    *out_count = sizeof(options) / sizeof(options[0]);
    return options;
}
