/* descriptor.h - a loaded plugin's descriptor held against its note and its contracts. */
#ifndef PROTOBASE_HOST_DESCRIPTOR_H
#define PROTOBASE_HOST_DESCRIPTOR_H
#include <protobase/base/alloc.h>
#include <protobase/plugin/plugin.h>

/* Whether `plugin` is whole, says exactly what `note` says, and fills every required slot of its
 * tables. PLUGIN: says what is broken. */
pbase_status descriptor_check(const pbase_plugin *plugin, pbase_bytes note,
                              const pbase_alloc *alloc, pbase_error *err);

/* Whether `table` is a whole vtable of `kind`. PLUGIN: names the slot missing. */
pbase_status descriptor_check_table(const char *kind, const void *table, pbase_error *err);

#endif
