/* registry.c - folders of plugins, and the search in what they offer. */
#include "host/registry.h"
#include "base/nearest.h"
#include "host/inspection.h"
#include "host/note.h"
#include "plugin_note.h"
#include <stdio.h>

#define KIND_CODEC "codec"

const char *registry_label_kind(const char *kind)
{
    bool is_codec =
        strcmp(kind, PBASE_KIND_SERIALIZER) == 0 || strcmp(kind, PBASE_KIND_TRANSFORM) == 0;
    return is_codec ? KIND_CODEC : kind;
}

static pbase_status fail_no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to list plugins");
}

static pbase_status catalog_find(config_catalog *self, const char *kind, const char *name,
                                 const pbase_component_info **out, pbase_error *err)
{
    registry_entry entry = {NULL, NULL, 0};
    registry *plugins = (registry *)(void *)self;
    pbase_status status = registry_find(plugins, kind, name, &entry, err);
    if (status == PBASE_OK) {
        *out = entry.component;
    }
    return status;
}

void registry_init(registry *self, const pbase_os *os, pbase_arena *arena)
{
    memset(self, 0, sizeof(*self));
    self->catalog.find = catalog_find;
    self->os = os;
    self->arena = arena;
    self->folders = "";
    trust_init(&self->trust, os);
}

/* --------------------------------------------------------------------------------- filling --- */
static registry_plugin *append(registry *self)
{
    registry_plugin *plugin = pbase_arena_alloc(self->arena, sizeof(*plugin));
    if (plugin == NULL) {
        return NULL;
    }
    memset(plugin, 0, sizeof(*plugin));
    plugin->folder = self->folder_count;
    *(self->last == NULL ? &self->first : &self->last->next) = plugin;
    self->last = plugin;
    self->count++;
    return plugin;
}

pbase_status registry_add_builtin(registry *self, const pbase_plugin *plugin, pbase_error *err)
{
    pbase_buffer json;
    inspection found;
    inspection_options options = {self->os, &self->trust, self->arena, NULL, NULL};
    pbase_bytes note = {NULL, 0};
    pbase_buffer_init(&json, self->arena->alloc);
    pbase_status status = plugin_note_write(plugin, &json, err);
    if (status == PBASE_OK) {
        status = pbase_arena_copy(self->arena, pbase_buffer_view(&json), &note, err);
    }
    pbase_buffer_fini(&json);
    if (status == PBASE_OK) {
        status = inspection_read_note(&options, note, plugin->name, &found, err);
    }
    if (status != PBASE_OK) {
        return status == PBASE_INVALID ? PBASE_PLUGIN : status;
    }
    if (found.info.status != PBASE_OK) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "built-in plugin '%s': %s", plugin->name,
                          found.info.problem);
    }
    registry_plugin *added = append(self);
    if (added == NULL) {
        return fail_no_memory(err);
    }
    added->info = found.info;
    added->info.path = "(built in)";
    added->note = note;
    added->is_read = true;
    added->builtin = plugin;
    return PBASE_OK;
}

/* The plugin of an earlier folder whose file has the name of `path`. */
static const char *shadow_of(const registry *self, const char *path)
{
    const char *name = strrchr(path, '/');
    for (const registry_plugin *at = self->first; at != NULL; at = at->next) {
        const char *other = strrchr(at->info.path, '/');
        if (other != NULL && at->folder != self->folder_count && strcmp(other, name) == 0) {
            return at->info.path;
        }
    }
    return NULL;
}

static pbase_status add_file(registry *self, const trust *owners, const char *path,
                             pbase_error *err)
{
    inspection found;
    inspection_options options = {self->os, owners, self->arena, NULL, NULL};
    pbase_status status = inspection_begin(&options, path, &found, err);
    if (status != PBASE_OK) {
        return status;
    }
    const char *shadow = shadow_of(self, path);
    registry_plugin *plugin = append(self);
    if (plugin == NULL) {
        return fail_no_memory(err);
    }
    plugin->info = found.info;
    plugin->info.shadowed_by = shadow;
    plugin->note = found.note;
    return PBASE_OK;
}

/* Names of one folder, in order. */
typedef struct file_name file_name;
struct file_name {
    file_name *next;
    const char *text;
};
typedef struct {
    pbase_arena *arena;
    file_name *first;
} name_list;

static pbase_status collect_name(void *state, const char *name, pbase_error *err)
{
    name_list *list = state;
    size_t length = strlen(name);
    if (length <= 3 || strcmp(name + length - 3, ".so") != 0) {
        return PBASE_OK;
    }
    file_name *added = pbase_arena_alloc(list->arena, sizeof(*added));
    char *text = pbase_arena_text(list->arena, pbase_bytes_text(name));
    if (added == NULL || text == NULL) {
        return fail_no_memory(err);
    }
    file_name **at = &list->first;
    while (*at != NULL && strcmp((*at)->text, text) < 0) {
        at = &(*at)->next;
    }
    added->text = text;
    added->next = *at;
    *at = added;
    return PBASE_OK;
}

/* "a<between>b" in the arena; NULL means no memory. */
static char *joined(pbase_arena *arena, const char *a, const char *between, const char *b)
{
    size_t bytes = strlen(a) + strlen(between) + strlen(b) + 1;
    char *text = pbase_arena_alloc(arena, bytes);
    if (text != NULL) {
        (void)snprintf(text, bytes, "%s%s%s", a, between, b); /* measured above */
    }
    return text;
}

/* Adds the files of a folder that has been checked. */
static pbase_status add_files(registry *self, const trust *owners, const char *folder,
                              pbase_error *err)
{
    name_list names = {self->arena, NULL};
    pbase_status status = self->os->directory->list(self->os, folder, collect_name, &names, err);
    self->folder_count++;
    self->folders =
        joined(self->arena, self->folders, self->folders[0] == '\0' ? "" : ", ", folder);
    if (self->folders == NULL) {
        self->folders = "";
        return fail_no_memory(err);
    }
    for (const file_name *name = names.first; name != NULL && status == PBASE_OK;
         name = name->next) {
        const char *path = joined(self->arena, folder, "/", name->text);
        status = path == NULL ? fail_no_memory(err) : add_file(self, owners, path, err);
    }
    return status;
}

/* The absolute path of `path` without symbolic links, in the arena. */
static pbase_status resolve(const registry *self, const char *path, const char **out,
                            pbase_error *err)
{
    pbase_buffer resolved;
    pbase_buffer_init(&resolved, self->arena->alloc);
    pbase_status status = self->os->directory->resolve(self->os, path, &resolved, err);
    if (status == PBASE_OK) {
        const char *text = pbase_arena_text(self->arena, pbase_buffer_view(&resolved));
        status = text == NULL ? fail_no_memory(err) : PBASE_OK;
        *out = text;
    }
    pbase_buffer_fini(&resolved);
    return status;
}

pbase_status registry_add_folder(registry *self, const char *path, pbase_error *err)
{
    const char *folder = NULL;
    pbase_status status = resolve(self, path, &folder, err);
    if (status == PBASE_OK) {
        status = trust_check_all(&self->trust, folder, err);
    }
    return status == PBASE_OK ? add_files(self, &self->trust, folder, err) : status;
}

/* The folder beside the library; a program that has the library inside looks beside its own folder
 * too (bin/ and lib/). Leaves `out` NULL when there is none. */
static pbase_status find_installed(const registry *self, const char **out, pbase_error *err)
{
    static const char *const ways[] = {"", "../lib/"};
    const char *slash = strrchr(self->trust.library, '/');
    if (slash == NULL) {
        return PBASE_OK;
    }
    char base[sizeof(self->trust.library)];
    size_t length = (size_t)(slash - self->trust.library) + 1;
    memcpy(base, self->trust.library, length);
    base[length] = '\0';
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && *out == NULL; i++) {
        char folder[64];
        (void)snprintf(folder, sizeof(folder), "%sprotobase/plugins-%d", ways[i], PBASE_ABI_MAJOR);
        const char *path = joined(self->arena, base, folder, "");
        pbase_status status = path == NULL ? fail_no_memory(err) : resolve(self, path, out, err);
        if (status == PBASE_NO_MEMORY) {
            return status;
        }
    }
    return PBASE_OK;
}

pbase_status registry_add_installed(registry *self, pbase_error *err)
{
    const char *folder = NULL;
    pbase_status status = find_installed(self, &folder, err);
    if (status != PBASE_OK || folder == NULL) {
        return status;
    }
    trust beside = trust_beside_library(&self->trust);
    status = trust_check_one(&beside, folder, err);
    return status == PBASE_OK ? add_files(self, &beside, folder, err) : status;
}

/* ----------------------------------------------------------------------------- reading notes --- */
static pbase_status read_note(const registry *self, registry_plugin *plugin, pbase_error *err)
{
    if (plugin->is_read) {
        return PBASE_OK;
    }
    inspection whole = {plugin->info, plugin->note};
    inspection_options options = {self->os, NULL, self->arena, NULL, NULL};
    pbase_status status = inspection_finish(&options, &whole, err);
    if (status == PBASE_OK) {
        plugin->info = whole.info;
        plugin->is_read = true;
    }
    return status;
}

pbase_status registry_read_all(registry *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (registry_plugin *at = self->first; at != NULL && status == PBASE_OK; at = at->next) {
        status = read_note(self, at, err);
    }
    return status;
}

/* Whether the note has `name` between quotes, where a component's would be. Only of notes as we
 * write them can it be told before they are read. */
static bool may_give(const registry_plugin *plugin, const char *name)
{
    static const char begins[] = "{\"abi\":";
    char quoted[72]; /* a longer name is no component's */
    pbase_bytes note = plugin->note;
    int size = snprintf(quoted, sizeof(quoted), "\"%s\"", name);
    bool ours = note.size >= sizeof(begins) && memcmp(note.data, begins, sizeof(begins) - 1) == 0 &&
                memchr(note.data, '\\', note.size) == NULL;
    return !ours || size < 0 || (size_t)size >= sizeof(quoted) ||
           memmem(note.data, note.size, quoted, (size_t)size) != NULL;
}

/* ------------------------------------------------------------------------------- searching --- */
static bool gives(const pbase_component_info *info, const char *kind, const char *name)
{
    return strcmp(registry_label_kind(info->kind), kind) == 0 && strcmp(info->name, name) == 0;
}

/* The component in one plugin, NULL when it does not give it. */
static const pbase_component_info *component_in(const registry_plugin *plugin, const char *kind,
                                                const char *name)
{
    for (size_t i = 0; i < plugin->info.component_count; i++) {
        if (gives(&plugin->info.components[i], kind, name)) {
            return &plugin->info.components[i];
        }
    }
    return NULL;
}

static bool is_usable(const registry_plugin *plugin)
{
    return plugin->info.status == PBASE_OK && plugin->info.shadowed_by == NULL;
}

/* The file that was refused and would have given the component: one named as its plugin is, or
 * one that hides a file that gives it. NULL: none. */
static const registry_plugin *refused_for(const registry *self, const char *expected,
                                          const char *kind, const char *name)
{
    const char *hider = NULL;
    for (const registry_plugin *at = self->first; at != NULL; at = at->next) {
        if (at->info.shadowed_by != NULL && component_in(at, kind, name) != NULL) {
            hider = at->info.shadowed_by;
        }
    }
    for (const registry_plugin *at = self->first; at != NULL; at = at->next) {
        const char *file = strrchr(at->info.path, '/');
        bool matches = (hider != NULL && strcmp(at->info.path, hider) == 0) ||
                       (file != NULL && strcmp(file + 1, expected) == 0);
        if (at->info.status != PBASE_OK && matches) {
            return at;
        }
    }
    return NULL;
}

/* What to do when nobody gives the component. */
static void hint_nearest(const registry *self, const char *kind, const char *name, pbase_error *err)
{
    nearest search;
    nearest_init(&search, pbase_bytes_text(name));
    for (const registry_plugin *at = self->first; at != NULL; at = at->next) {
        for (size_t i = 0; is_usable(at) && i < at->info.component_count; i++) {
            if (strcmp(registry_label_kind(at->info.components[i].kind), kind) == 0) {
                nearest_offer(&search, pbase_bytes_text(at->info.components[i].name));
            }
        }
    }
    pbase_error_hint(err, "searched: %s", self->folders[0] == '\0' ? "nothing" : self->folders);
    nearest_hint(&search, err); /* says more, if some name is near */
}

static pbase_status fail_missing(registry *self, const char *kind, const char *name,
                                 pbase_error *err)
{
    if (registry_read_all(self, err) != PBASE_OK) {
        return PBASE_NO_MEMORY;
    }
    char expected[96];
    const char *prefix = strcmp(kind, PBASE_KIND_BLOCK_PROVIDER) == 0 ? PBASE_KIND_STORAGE : kind;
    (void)snprintf(expected, sizeof(expected), "%.20s-%.63s.so", prefix, name);
    const registry_plugin *refused = refused_for(self, expected, kind, name);
    pbase_status status;
    if (refused != NULL) {
        status = PBASE_FAIL(err, PBASE_PLUGIN, "%s/%.63s cannot be used: %s", kind, name,
                            refused->info.problem);
        pbase_error_hint(err, "%s", refused->info.hint);
        return status;
    }
    status =
        PBASE_FAIL(err, PBASE_PLUGIN, "no installed plugin offers %s/%.63s (it would be in %s)",
                   kind, name, expected);
    hint_nearest(self, kind, name, err);
    return status;
}

pbase_status registry_find(registry *self, const char *kind, const char *name, registry_entry *out,
                           pbase_error *err)
{
    const registry_plugin *found = NULL;
    const pbase_component_info *component = NULL;
    kind = registry_label_kind(kind);
    for (registry_plugin *at = self->first; at != NULL; at = at->next) {
        if (!may_give(at, name)) {
            continue;
        }
        pbase_status read = read_note(self, at, err);
        if (read != PBASE_OK) {
            return read;
        }
        const pbase_component_info *offered = is_usable(at) ? component_in(at, kind, name) : NULL;
        if (offered != NULL && found != NULL && at->folder == found->folder) {
            pbase_status status =
                PBASE_FAIL(err, PBASE_PLUGIN, "%s/%s is offered by both '%s' and '%s'", kind, name,
                           found->info.path, at->info.path);
            pbase_error_hint(err, "remove one of them");
            return status;
        }
        if (offered != NULL && found == NULL) {
            found = at;
            component = offered;
        }
    }
    if (found == NULL) {
        return fail_missing(self, kind, name, err);
    }
    out->plugin = found;
    out->component = component;
    out->index = (size_t)(component - found->info.components);
    return PBASE_OK;
}
