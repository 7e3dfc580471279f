/* memory_blocks.h - block_provider/memory: segments and keys that end with the process.
 *
 * Offers every capability but PERSISTENT, so that a storage made for files runs over it unchanged:
 * in tests, and for caches that need not last. */
#ifndef PBASE_MEMORY_BLOCKS_H
#define PBASE_MEMORY_BLOCKS_H
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/plugin.h>

extern const pbase_blocks_vtable memory_blocks_vtable;

/* Constructor of the component; `out` receives a pbase_blocks *. */
pbase_status memory_blocks_open(const pbase_component_open *open, void **out, pbase_error *err);

#endif
