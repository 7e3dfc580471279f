/* storage_options.h - the keys that core itself understands in the mapping `storage:`.
 *
 * They stand beside the options of the storage component, for every component alike. A component
 * that declares one of them too (to see it, or with another default or range) keeps the type. */
#ifndef PROTOBASE_CONFIG_STORAGE_OPTIONS_H
#define PROTOBASE_CONFIG_STORAGE_OPTIONS_H
#include <protobase/plugin/config.h>
#include <stddef.h>

static const pbase_option storage_options[] = {
    {"durability", PBASE_OPTION_ENUM, 0, "sync", "none|async|sync|remote",
     "What a commit waits for unless it says otherwise."},
    {"checkpoint_bytes", PBASE_OPTION_SIZE, 0, "64MiB", "64KiB..",
     "A checkpoint starts when the journal has grown by this much."},
    {"cache_size", PBASE_OPTION_SIZE, 0, "128MiB", "0..",
     "Memory for nodes of compressed, encrypted or remote storages."},
};
#define STORAGE_OPTIONS_COUNT (sizeof(storage_options) / sizeof(storage_options[0]))

#endif
