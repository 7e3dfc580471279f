/* memory_storage.h - storage/memory: a space that ends with its process.
 *
 * The reference for what the storage contract means, and the shortest one. Nothing survives close,
 * so `none`, `async` and `sync` are the same: visible, never durable. REMOTE is UNSUPPORTED. */
#ifndef PBASE_MEMORY_STORAGE_H
#define PBASE_MEMORY_STORAGE_H
#include <protobase/plugin/plugin.h>
#include <protobase/plugin/storage.h>

extern const pbase_storage_vtable memory_storage_vtable;

/* Constructor of the component; `out` receives a pbase_storage *. */
pbase_status memory_storage_open(const pbase_component_open *open, void **out, pbase_error *err);

#endif
