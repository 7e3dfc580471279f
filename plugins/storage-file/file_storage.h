/* file_storage.h - storage/file: a journal and a store of segments over a block provider.
 *
 * One flush per durable append and no other write. Everything durable is in the journal, the store
 * segments, and two keys: "super" (super.h) and "meta" (core's document). */
#ifndef PBASE_FILE_STORAGE_H
#define PBASE_FILE_STORAGE_H
#include <protobase/plugin/plugin.h>
#include <protobase/plugin/storage.h>

/* The table with every capability; an instance has its own, which may lack MAP or PERSISTENT. */
extern const pbase_storage_vtable file_storage_vtable;

/* Constructor of the component; `out` receives a pbase_storage *. Its slot is "blocks". */
pbase_status file_storage_open(const pbase_component_open *open, void **out, pbase_error *err);

#endif
