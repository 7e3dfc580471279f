/* registry.h - the plugins that were found, and which of them gives a component.
 *
 * A registry is filled folder by folder in the order of the search, from the notes alone; no plugin
 * code runs. An earlier folder shadows a later one: files of the same name, and components of the
 * same kind and name. Two files of one folder that give the same component are an error when that
 * component is asked for. A file that breaks a rule stays listed with its problem, gives nothing,
 * and still shadows later files of its name: a broken plugin is never silently replaced.
 *
 * Serializers and transforms share the name space "codec". Everything lives in the arena given.
 *
 * A note is read when something is looked for that it may offer: of what a folder holds, a space
 * needs two or three.
 *
 * Threads: confined; looking for a component may read notes. */
#ifndef PROTOBASE_HOST_REGISTRY_H
#define PROTOBASE_HOST_REGISTRY_H
#include "config/catalog.h"
#include "host/trust.h"
#include <protobase/plugin/plugin.h>

typedef struct registry_plugin registry_plugin;
struct registry_plugin {
    registry_plugin *next; /* in the order of the search */
    pbase_plugin_info info;
    const pbase_plugin *builtin; /* linked into the program; NULL: a file */
    pbase_bytes note;            /* the JSON of its note; NULL: there is none */
    bool is_read;                /* `info` has what the note says */
    size_t folder;               /* number of its folder; plugins of one folder are equals */
};

typedef struct {
    config_catalog catalog; /* asks registry_find */
    const pbase_os *os;     /* reads the files */
    pbase_arena *arena;     /* borrowed */
    trust trust;
    registry_plugin *first;
    registry_plugin *last;
    size_t count;
    size_t folder_count;
    const char *folders; /* "a, b", for messages */
} registry;

/* A component and who gives it. */
typedef struct {
    const registry_plugin *plugin;
    const pbase_component_info *component;
    size_t index; /* of the component in its plugin */
} registry_entry;

/* Borrows everything until the last use. */
void registry_init(registry *self, const pbase_os *os, pbase_arena *arena);

/* Adds a plugin linked into the program. Borrows the descriptor. PLUGIN: it breaks a rule. */
pbase_status registry_add_builtin(registry *self, const pbase_plugin *plugin, pbase_error *err);

/* Adds the plugins of one folder, in the order of their names. NOT_FOUND: it is missing; PLUGIN:
 * others may write it. */
pbase_status registry_add_folder(registry *self, const char *path, pbase_error *err);
/* Adds the folder beside the library, if there is one. Its ancestors are as trusted as the library
 * itself, so only what lies below is checked. */
pbase_status registry_add_installed(registry *self, pbase_error *err);

/* The component of `kind` ("codec" is any codec) and `name`. PLUGIN: nobody gives it (the message
 * names the file expected or the one refused, the hint the nearest name), or two equals do. */
pbase_status registry_find(registry *self, const char *kind, const char *name, registry_entry *out,
                           pbase_error *err);

/* Reads every note that is left: `info` of all plugins is whole then. NO_MEMORY. */
pbase_status registry_read_all(registry *self, pbase_error *err);

/* "codec" for serializer and transform, else the kind itself. */
const char *registry_label_kind(const char *kind);

#endif
