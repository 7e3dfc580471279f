/* file_blocks.h - block_provider/file: segments and keys as files of one folder.
 *
 * Durability: SYNC writes, syncs, seals, renames, removals and keys are on the device when the call
 * returns, as far as the device tells the truth about its flushes. */
#ifndef PBASE_FILE_BLOCKS_H
#define PBASE_FILE_BLOCKS_H
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/plugin.h>

extern const pbase_blocks_vtable file_blocks_vtable;

/* Constructor of the component; `out` receives a pbase_blocks *. */
pbase_status file_blocks_open(const pbase_component_open *open, void **out, pbase_error *err);

#endif
