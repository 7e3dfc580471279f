/* loader.c - dlopen and the one symbol. */
#include "host/loader.h"
#include "host/descriptor.h"
#include <dlfcn.h>

/* Maps the file and asks its entry. */
static pbase_status open_library(const char *path, const pbase_plugin **out, pbase_error *err)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        const char *reason = dlerror();
        pbase_status status = PBASE_FAIL(err, PBASE_PLUGIN, "loading '%s': %s", path,
                                         reason == NULL ? "no reason given" : reason);
        pbase_error_hint(err, "a library it needs may be missing; see ldd");
        return status;
    }
    pbase_plugin_entry_fn entry = NULL;
    *(void **)&entry = dlsym(library, "pbase_plugin_entry"); /* POSIX's way to a function */
    if (entry == NULL) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "'%s' does not export pbase_plugin_entry", path);
    }
    const pbase_plugin *plugin = entry(PBASE_ABI_MAJOR, PBASE_ABI_MINOR);
    if (plugin == NULL) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "'%s' refuses to serve plugin ABI %d.%d", path,
                          PBASE_ABI_MAJOR, PBASE_ABI_MINOR);
    }
    *out = plugin;
    return PBASE_OK;
}

pbase_status loader_load(const char *path, pbase_bytes note, const pbase_alloc *alloc,
                         const pbase_plugin **out, int32_t *out_rule, pbase_error *err)
{
    const pbase_plugin *plugin = NULL;
    *out_rule = PBASE_PLUGIN_RULE_LOAD;
    pbase_status status = open_library(path, &plugin, err);
    if (status == PBASE_OK) {
        *out_rule = PBASE_PLUGIN_RULE_DESCRIPTOR;
        status = descriptor_check(plugin, note, alloc, err);
        if (status == PBASE_PLUGIN) {
            pbase_error_note(err, "'%s'", path);
        }
    }
    if (status == PBASE_OK) {
        *out = plugin;
    }
    return status;
}
