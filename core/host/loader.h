/* loader.h - from a file that passed inspection to its checked descriptor.
 *
 * A file is mapped with RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE and never unmapped: threads and
 * thread-local destructors of its code may outlive every instance. Loading the same file again
 * gives the same code. Threads: synchronized. */
#ifndef PROTOBASE_HOST_LOADER_H
#define PROTOBASE_HOST_LOADER_H
#include <protobase/base/alloc.h>
#include <protobase/plugin/plugin.h>
#include <protobase/plugins.h>

/* Maps the file at `path`, asks its entry, and checks the descriptor against `note`. PLUGIN: the
 * dynamic linker refused it, or a rule is broken; `out_rule` is PBASE_PLUGIN_RULE_LOAD or
 * PBASE_PLUGIN_RULE_DESCRIPTOR, whichever was being checked last. */
pbase_status loader_load(const char *path, pbase_bytes note, const pbase_alloc *alloc,
                         const pbase_plugin **out, int32_t *out_rule, pbase_error *err);

#endif
