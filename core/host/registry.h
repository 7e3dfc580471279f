/* registry.h - the plugins that were found, and which of them gives a component.
 *
 * A registry is filled folder by folder in the order of the search, from the notes alone; no plugin
 * code runs. An earlier folder shadows a later one: files of the same name, and components of the
 * same kind and name. Two files of one folder that give the same component are an error when that
 * component is asked for. A file that breaks a rule stays listed with its problem, gives nothing,
 * and still shadows later files of its name: a broken plugin is never silently replaced.
 *
 * Serializers and transforms share the name space "codec".
 *
 * Threads: confined while it is filled, immutable afterwards. */
#ifndef PROTOBASE_HOST_REGISTRY_H
#define PROTOBASE_HOST_REGISTRY_H
#include <protobase/plugin/plugin.h>
#include <protobase/plugins.h>

typedef struct registry registry;

/* One plugin. `builtin` is set for a descriptor linked into the program, else it is a file. */
typedef struct {
    pbase_plugin_info info;
    const pbase_plugin *builtin;
    pbase_bytes note; /* the JSON of its note */
    size_t folder;    /* number of the folder it lies in; plugins of one folder are equals */
} registry_plugin;

/* A component and who gives it. */
typedef struct {
    const registry_plugin *plugin;
    const pbase_component_info *component;
    size_t index; /* of the component in its plugin */
} registry_entry;

/* Memory comes from `os`, which also reads the files. */
pbase_status registry_create(const pbase_os *os, registry **out, pbase_error *err);
void registry_destroy(registry *self); /* NULL is fine */

/* Adds a plugin linked into the program. Borrows the descriptor. PLUGIN: it breaks a rule. */
pbase_status registry_add_builtin(registry *self, const pbase_plugin *plugin, pbase_error *err);

/* Adds the plugins of one folder. A missing folder is NOT_FOUND, one that others may write PLUGIN. */
pbase_status registry_add_folder(registry *self, const char *path, pbase_error *err);
/* Adds the folder beside the library if there is one. Its ancestors are as trusted as the library
 * itself is, so only what lies below is checked. */
pbase_status registry_add_installed(registry *self, pbase_error *err);

size_t registry_count(const registry *self);
const registry_plugin *registry_at(const registry *self, size_t index);

/* The component of `kind` ("codec" is any codec) and `name`. PLUGIN: nobody gives it (the message
 * names the file expected, the hint the nearest name or the refused file), or two equals do. */
pbase_status registry_find(const registry *self, const char *kind, const char *name,
                           registry_entry *out, pbase_error *err);

/* "codec" for serializer and transform, else the kind itself. */
const char *registry_label_kind(const char *kind);

#endif
