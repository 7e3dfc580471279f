/* plugins.c - the public face of the registry and of the inspection. */
#include "base/nearest.h"
#include "host/inspection.h"
#include "host/loader.h"
#include "host/registry.h"
#include "host/search.h"
#include "os/os.h"
#include <protobase/plugins.h>

static pbase_status fail_no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to list plugins");
}

/* The folders named by the configuration, if the source names one. */
static pbase_status read_paths(const pbase_config_source *source, const pbase_os *os,
                               problem_list *problems, config_paths *out, pbase_error *err)
{
    config_document document = {NULL, NULL};
    bool names_one =
        source->file != NULL || source->text != NULL || source->data != NULL || source->memory != 0;
    pbase_status status = PBASE_OK;
    if (names_one) {
        status = config_document_read(source, os, problems, &document, err);
    }
    *out = config_document_plugin_paths(&document, problems);
    return status;
}

/* The infos of a registry as one array. */
static pbase_status make_list(const registry *found, pbase_arena *arena, pbase_plugin_list *out,
                              pbase_error *err)
{
    size_t count = 0;
    pbase_plugin_info *infos = pbase_arena_array(arena, found->count, sizeof(*infos));
    if (infos == NULL) {
        return fail_no_memory(err);
    }
    for (const registry_plugin *at = found->first; at != NULL; at = at->next) {
        infos[count++] = at->info;
    }
    out->plugins = infos;
    out->count = count;
    return PBASE_OK;
}

pbase_status pbase_plugins_list(const pbase_config_source *source, pbase_arena *arena,
                                pbase_plugin_list *out, pbase_error *err)
{
    static const pbase_config_source nothing = PBASE_CONFIG_SOURCE_INIT;
    source = source == NULL ? &nothing : source;
    const pbase_os *os = source->os == NULL ? pbase_os_real() : source->os;
    problem_list problems;
    config_paths paths;
    registry found;
    problem_list_init(&problems, arena);
    pbase_status status = read_paths(source, os, &problems, &paths, err);
    if (status == PBASE_OK) {
        registry_init(&found, pbase_os_real(), arena);
        search_plugins(&found, source, &paths, os, &problems);
        status = problem_list_finish(&problems, NULL, NULL, err);
    }
    if (status == PBASE_OK) {
        status = registry_read_all(&found, err);
    }
    return status == PBASE_OK ? make_list(&found, arena, out, err) : status;
}

pbase_status pbase_component_info_label(const pbase_component_info *info, pbase_buffer *out,
                                        pbase_error *err)
{
    return pbase_buffer_append_text(out, err, "%s/%s", registry_label_kind(info->kind), info->name);
}

/* ----------------------------------------------------------------------------------- find --- */
typedef struct {
    const char *kind;
    size_t kind_length;
    const char *name;
} wanted_label;

static bool is_wanted(const wanted_label *wanted, const pbase_component_info *info)
{
    const char *kind = registry_label_kind(info->kind);
    return strlen(kind) == wanted->kind_length &&
           memcmp(kind, wanted->kind, wanted->kind_length) == 0 &&
           strcmp(info->name, wanted->name) == 0;
}

static pbase_status fail_not_found(const pbase_plugin_list *list, const char *label,
                                   pbase_error *err)
{
    const char *slash = strchr(label, '/');
    nearest search;
    nearest_init(&search, pbase_bytes_text(slash == NULL ? label : slash + 1));
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < list->plugins[i].component_count; j++) {
            nearest_offer(&search, pbase_bytes_text(list->plugins[i].components[j].name));
        }
    }
    pbase_status status =
        PBASE_FAIL(err, PBASE_NOT_FOUND, "no installed plugin offers '%.120s'", label);
    if (slash == NULL) {
        pbase_error_hint(err, "write KIND/NAME, such as storage/file or codec/zstd");
    } else if (search.best.size > 0) {
        pbase_error_hint(err, "did you mean '%.*s%.*s'?", (int)(slash - label + 1), label,
                         (int)search.best.size, search.text);
    }
    return status;
}

pbase_status pbase_plugins_find(const pbase_plugin_list *list, const char *label,
                                const pbase_plugin_info **out_plugin,
                                const pbase_component_info **out, pbase_error *err)
{
    const char *slash = strchr(label, '/');
    if (slash == NULL) {
        return fail_not_found(list, label, err);
    }
    wanted_label wanted = {label, (size_t)(slash - label), slash + 1};
    for (size_t i = 0; i < list->count; i++) {
        const pbase_plugin_info *plugin = &list->plugins[i];
        bool usable = plugin->status == PBASE_OK && plugin->shadowed_by == NULL;
        for (size_t j = 0; usable && j < plugin->component_count; j++) {
            if (is_wanted(&wanted, &plugin->components[j])) {
                *out_plugin = plugin;
                *out = &plugin->components[j];
                return PBASE_OK;
            }
        }
    }
    return fail_not_found(list, label, err);
}

/* ---------------------------------------------------------------------------------- check --- */
const char *pbase_plugin_rule_name(int32_t rule)
{
    static const char *const names[] = {"unknown",    "file", "trust",     "elf",
                                        "exports",    "note", "abi",       "name",
                                        "components", "load", "descriptor"};
    bool known = rule > 0 && (size_t)rule < sizeof(names) / sizeof(names[0]);
    return names[known ? rule : 0];
}

/* The path of the file with its folders resolved, in the arena. */
static pbase_status resolve_file(const pbase_os *os, const char *path, pbase_arena *arena,
                                 const char **out, pbase_error *err)
{
    const char *slash = strrchr(path, '/');
    pbase_buffer text;
    pbase_buffer_init(&text, arena->alloc);
    char *folder = slash == NULL
                       ? pbase_arena_text(arena, pbase_bytes_text("."))
                       : pbase_arena_text(arena, pbase_bytes_of(path, (size_t)(slash - path) + 1));
    pbase_status status =
        folder == NULL ? fail_no_memory(err) : os->directory->resolve(os, folder, &text, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_text(&text, err, "/%s", slash == NULL ? path : slash + 1);
    }
    if (status == PBASE_OK) {
        *out = pbase_arena_text(arena, pbase_buffer_view(&text));
        status = *out == NULL ? fail_no_memory(err) : PBASE_OK;
    }
    pbase_buffer_fini(&text);
    return status;
}

/* The folders above the file; the file itself is the inspection's. */
static pbase_status check_folders(const inspection_options *options, const char *path,
                                  inspection *found, pbase_error *err)
{
    pbase_error cause;
    pbase_error_init(&cause);
    const char *slash = strrchr(path, '/');
    const char *folder =
        pbase_arena_text(options->arena, pbase_bytes_of(path, (size_t)(slash - path)));
    if (folder == NULL) {
        return fail_no_memory(err);
    }
    pbase_status status = trust_is_beside_library(options->trust, path)
                              ? trust_check_one(options->trust, folder, &cause)
                              : trust_check_all(options->trust, folder, &cause);
    if (status != PBASE_OK) {
        inspection_note_finding(options, found, PBASE_PLUGIN_RULE_TRUST, &cause);
    }
    return PBASE_OK;
}

/* Loads a file that broke no rule so far. */
static void check_loading(const inspection_options *options, inspection *found)
{
    int32_t rule;
    pbase_error cause;
    pbase_error_init(&cause);
    const pbase_plugin *plugin = NULL;
    if (loader_load(found->info.path, found->note, options->os->memory, &plugin, &rule, &cause) !=
        PBASE_OK) {
        inspection_note_finding(options, found, rule, &cause);
    }
}

static pbase_status check_path(inspection_options *options, const char *path, uint32_t flags,
                               pbase_error *err)
{
    inspection found;
    const char *resolved = NULL;
    pbase_status status = resolve_file(options->os, path, options->arena, &resolved, err);
    trust beside = trust_beside_library(options->trust);
    if (status == PBASE_OK && trust_is_beside_library(options->trust, resolved)) {
        options->trust = &beside;
    }
    if (status == PBASE_OK) {
        status = inspection_run(options, resolved, &found, err);
    }
    if (status == PBASE_OK) {
        status = check_folders(options, resolved, &found, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (found.info.status == PBASE_OK && (flags & PBASE_PLUGIN_CHECK_LOAD) != 0) {
        check_loading(options, &found);
    }
    if (found.info.status != PBASE_OK) {
        status = PBASE_FAIL(err, found.info.status, "%s", found.info.problem);
        pbase_error_hint(err, "%s", found.info.hint);
    }
    return status;
}

pbase_status pbase_plugin_check(const char *path, uint32_t flags, pbase_plugin_finding_each each,
                                void *state, pbase_error *err)
{
    trust owners;
    pbase_arena arena;
    const pbase_os *os = pbase_os_real();
    pbase_arena_init(&arena, os->memory);
    trust_init(&owners, os);
    inspection_options options = {os, &owners, &arena, each, state};
    pbase_status status = check_path(&options, path, flags, err);
    pbase_arena_fini(&arena);
    return status;
}
