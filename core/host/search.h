/* search.h - the folders in which plugins are looked for, in their order.
 *
 * --plugin-dir, plugins.path, PROTOBASE_PLUGIN_PATH (absolute paths, separated by colons; ignored in
 * privileged programs), the folder beside the library. Never the working directory. A folder that
 * was asked for must be there and be trusted; one of the environment may be missing. */
#ifndef PROTOBASE_HOST_SEARCH_H
#define PROTOBASE_HOST_SEARCH_H
#include "config/document.h"
#include "host/registry.h"

/* Fills `plugins`. Folders that cannot be used become problems; NO_MEMORY is in them too.
 * `environment` is where PROTOBASE_PLUGIN_PATH is looked up. */
void search_plugins(registry *plugins, const pbase_config_source *source, const config_paths *paths,
                    const pbase_os *environment, problem_list *problems);

#endif
