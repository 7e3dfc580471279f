/* wiring.c - plans, loads, opens, and closes in the reverse order.
 *
 * Locks: `mutex` guards `arena`, `instances`, `codecs` and `loaded` after opening; everything else
 * is immutable from then on. No lock is taken while it is held but those of plugins being opened. */
#include "host/wiring.h"
#include "config/explain.h"
#include "config/plan.h"
#include "host/descriptor.h"
#include "host/loader.h"
#include "host/registry.h"
#include "host/search.h"
#include "host/services.h"
#include "os/os.h"
#include "plugin_note.h"
#include <protobase/plugin/block_provider.h>

/* A descriptor that has been checked. */
typedef struct loaded_plugin loaded_plugin;
struct loaded_plugin {
    loaded_plugin *next;
    const registry_plugin *found;
    const pbase_plugin *plugin;
};

/* An open component, newest first: closing goes down the list. */
typedef struct instance instance;
struct instance {
    instance *older;
    const char *kind;
    void *object;
};

typedef struct codec codec;
struct codec {
    codec *next;
    wiring_codec shown;
};

struct wiring {
    const pbase_os *os;
    pbase_host host;
    pbase_os_mutex *mutex;
    pbase_arena arena;
    registry registry;
    config_document document;
    config_plan plan;
    loaded_plugin *loaded;
    instance *instances;
    codec *codecs; /* listed and on demand */
    const wiring_codec **listed;
    size_t serializer_count; /* of those listed; transforms follow them */
    pbase_storage *storage;
    const char *source_name;
    uint64_t parts_ns; /* reading the configuration, finding and loading plugins */
};

static pbase_status fail_no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to wire components");
}

static void *take(wiring *self, size_t count, size_t size)
{
    void *memory = pbase_arena_array(&self->arena, count, size);
    if (memory != NULL) {
        memset(memory, 0, count * size);
    }
    return memory;
}

static uint64_t now_ns(const wiring *self)
{
    return self->os->system->monotonic_ns(self->os);
}

/* -------------------------------------------------------------------------------- planning --- */
static pbase_status add_builtins(wiring *self, const wiring_options *options, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < options->builtin_count && status == PBASE_OK; i++) {
        status = registry_add_builtin(&self->registry, options->builtins[i], err);
    }
    self->registry.folder_count++;
    return status;
}

/* Reads the document, finds plugins, makes the plan. */
static pbase_status make_plan(wiring *self, const pbase_config_source *source,
                              const wiring_options *options, pbase_error *err)
{
    problem_list problems;
    problem_list_init(&problems, &self->arena);
    registry_init(&self->registry,
                  options->loader_os == NULL ? pbase_os_real() : options->loader_os, &self->arena);
    pbase_status status = add_builtins(self, options, err);
    if (status == PBASE_OK) {
        status = config_document_read(source, self->os, &problems, &self->document, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    config_paths paths = config_document_plugin_paths(&self->document, &problems);
    search_plugins(&self->registry, source, &paths, self->os, &problems);
    config_plan_make(&self->document, &self->registry.catalog, &problems, &self->plan);
    return problem_list_finish(&problems, options->report, options->report_state, err);
}

/* --------------------------------------------------------------------------------- opening --- */
/* The checked descriptor of a plugin, loading it the first time. */
static pbase_status load(wiring *self, const registry_plugin *found, const pbase_plugin **out,
                         pbase_error *err)
{
    for (const loaded_plugin *at = self->loaded; at != NULL; at = at->next) {
        if (at->found == found) {
            *out = at->plugin;
            return PBASE_OK;
        }
    }
    int32_t rule;
    loaded_plugin *added = take(self, 1, sizeof(*added));
    if (added == NULL) {
        return fail_no_memory(err);
    }
    pbase_status status;
    uint64_t began_ns = now_ns(self);
    if (found->builtin != NULL) {
        added->plugin = found->builtin;
        status = descriptor_check(found->builtin, found->note, self->os->memory, err);
    } else {
        status = loader_load(found->info.path, found->note, self->os->memory, &added->plugin, &rule,
                             err);
    }
    self->parts_ns += now_ns(self) - began_ns;
    if (status == PBASE_OK) {
        added->found = found;
        added->next = self->loaded;
        self->loaded = added;
        *out = added->plugin;
    }
    return status;
}

/* The table that an object of any kind points to with its first member. */
static const void *table_of(const void *object)
{
    const void *table;
    memcpy(&table, object, sizeof(table));
    return table;
}

static void close_object(const char *kind, void *object)
{
    if (strcmp(kind, PBASE_KIND_STORAGE) == 0) {
        pbase_storage_close(object);
    } else if (strcmp(kind, PBASE_KIND_BLOCK_PROVIDER) == 0) {
        pbase_blocks_close(object);
    } else if (strcmp(kind, PBASE_KIND_SERIALIZER) == 0) {
        pbase_serializer_close(object);
    } else if (strcmp(kind, PBASE_KIND_TRANSFORM) == 0) {
        pbase_transform_close(object);
    }
}

/* Whether what `open` gave back keeps the contract; a table other than the declared one is checked
 * like that. */
static pbase_status check_object(const pbase_component *component, const void *object,
                                 pbase_error *err)
{
    if (object == NULL || table_of(object) == NULL) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "its open said OK but gave no object");
    }
    return table_of(object) == component->vtable
               ? PBASE_OK
               : descriptor_check_table(component->kind, table_of(object), err);
}

static void describe_failure(const plan_component *planned, pbase_status status, pbase_error *err)
{
    if (err == NULL) {
        return;
    }
    if (err->code != status) {
        (void)PBASE_FAIL(err, status, "its open failed with %s and no message",
                         pbase_status_name(status)); /* the caller returns `status` */
    }
    pbase_error_note(err, "opening %s", planned->label);
    if (err->where[0] == '\0') {
        pbase_error_where(err, "%s", planned->place);
    }
}

/* Calls the constructor; the object is entered among the instances. */
static pbase_status construct(wiring *self, const plan_component *planned,
                              const pbase_component *component, void *const *children, void **out,
                              pbase_error *err)
{
    instance *entry = take(self, 1, sizeof(*entry));
    if (entry == NULL) {
        return fail_no_memory(err);
    }
    pbase_component_open open = {
        .struct_size = sizeof(open),
        .child_count = component->slot_count,
        .host = &self->host,
        .config = planned->values,
        .children = children,
        .data_hint = self->source_name,
    };
    void *object = NULL;
    if (err != NULL) {
        pbase_error_init(err); /* what it says afterwards, the plugin said */
    }
    pbase_status status = component->open(&open, &object, err);
    if (status == PBASE_OK) {
        status = check_object(component, object, err);
    }
    if (status != PBASE_OK) {
        describe_failure(planned, status, err);
        return status;
    }
    entry->kind = planned->info->kind;
    entry->object = object;
    entry->older = self->instances;
    self->instances = entry;
    *out = object;
    return PBASE_OK;
}

/* Opens a component after all it stands on. Depth is bounded by PLAN_DEPTH_MAX. */
static pbase_status open_component(wiring *self, const plan_component *planned, void **out,
                                   pbase_error *err)
{
    registry_entry entry;
    const pbase_plugin *plugin = NULL;
    size_t slot_count = planned->info->slot_count;
    void **children = take(self, slot_count, sizeof(*children));
    if (children == NULL) {
        return fail_no_memory(err);
    }
    pbase_status status =
        registry_find(&self->registry, planned->info->kind, planned->info->name, &entry, err);
    if (status == PBASE_OK) {
        status = load(self, entry.plugin, &plugin, err);
    }
    for (size_t i = 0; i < slot_count && status == PBASE_OK; i++) {
        if (planned->children[i] != NULL) {
            status = open_component(self, planned->children[i], &children[i], err);
        }
    }
    if (status != PBASE_OK) {
        return status;
    }
    return construct(self, planned, plugin_component_at(plugin, entry.index), children, out, err);
}

/* Opens a codec and enters it among the codecs. */
static pbase_status open_codec(wiring *self, const plan_component *planned,
                               const wiring_codec **out, pbase_error *err)
{
    void *object = NULL;
    registry_entry entry;
    const pbase_plugin *plugin = NULL;
    codec *added = take(self, 1, sizeof(*added));
    if (added == NULL) {
        return fail_no_memory(err);
    }
    pbase_status status = open_component(self, planned, &object, err);
    if (status == PBASE_OK) {
        status =
            registry_find(&self->registry, planned->info->kind, planned->info->name, &entry, err);
    }
    if (status == PBASE_OK) {
        status = load(self, entry.plugin, &plugin, err); /* it is there since it was opened */
    }
    if (status != PBASE_OK) {
        return status;
    }
    bool is_serializer = strcmp(planned->info->kind, PBASE_KIND_SERIALIZER) == 0;
    added->shown = (wiring_codec){
        .name = planned->info->name,
        .plugin_version = entry.plugin->info.version,
        .format_version = planned->info->format_version,
        .stage = planned->info->stage,
        .writes = !is_serializer && pbase_config_bool(planned->values, "write"),
        .serializer = is_serializer ? object : NULL,
        .transform = is_serializer ? NULL : object,
        .tables = plugin_component_at(plugin, entry.index)->tables,
    };
    added->next = self->codecs;
    self->codecs = added;
    *out = &added->shown;
    return PBASE_OK;
}

static pbase_status open_listed_codecs(wiring *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    self->listed = take(self, self->plan.codec_count, sizeof(*self->listed));
    if (self->listed == NULL) {
        return fail_no_memory(err);
    }
    for (size_t i = 0; i < self->plan.codec_count && status == PBASE_OK; i++) {
        status = open_codec(self, self->plan.codecs[i], &self->listed[i], err);
        if (status == PBASE_OK && self->listed[i]->serializer != NULL) {
            self->serializer_count++;
        }
    }
    return status;
}

static pbase_status open_storage(wiring *self, pbase_error *err)
{
    void *object = NULL;
    pbase_status status = open_component(self, self->plan.storage, &object, err);
    if (status == PBASE_OK) {
        self->storage = object;
    }
    return status;
}

/* --------------------------------------------------------------------------- life and death --- */
static pbase_status wiring_create(const pbase_config_source *source, const wiring_options *options,
                                  wiring **out, pbase_error *err)
{
    const pbase_os *os = options->os != NULL  ? options->os
                         : source->os != NULL ? source->os
                                              : pbase_os_real();
    wiring *self = pbase_alloc_zeroed(os->memory, 1, sizeof(*self));
    if (self == NULL) {
        return fail_no_memory(err);
    }
    self->os = os;
    self->source_name = source->file != NULL   ? source->file
                        : source->data != NULL ? source->data
                                               : "configuration";
    pbase_arena_init(&self->arena, os->memory);
    services_init(&self->host, os, options->log);
    pbase_status status = os->lock->mutex_create(os, &self->mutex, err);
    if (status != PBASE_OK) {
        pbase_alloc_free(os->memory, self, sizeof(*self));
        return status;
    }
    *out = self;
    return PBASE_OK;
}

pbase_status wiring_plan(const pbase_config_source *source, const wiring_options *options,
                         wiring **out, pbase_error *err)
{
    static const wiring_options defaults;
    wiring *self = NULL;
    options = options == NULL ? &defaults : options;
    pbase_status status = wiring_create(source, options, &self, err);
    if (status != PBASE_OK) {
        return status;
    }
    uint64_t began_ns = now_ns(self);
    status = make_plan(self, source, options, err);
    self->parts_ns = now_ns(self) - began_ns;
    if (status != PBASE_OK) {
        wiring_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

pbase_status wiring_open(const pbase_config_source *source, const wiring_options *options,
                         wiring **out, pbase_error *err)
{
    wiring *self = NULL;
    pbase_status status = wiring_plan(source, options, &self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = open_storage(self, err);
    if (status == PBASE_OK) {
        status = open_listed_codecs(self, err);
    }
    if (status != PBASE_OK) {
        wiring_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

void wiring_close(wiring *self)
{
    if (self == NULL) {
        return;
    }
    for (instance *at = self->instances; at != NULL; at = at->older) {
        close_object(at->kind, at->object);
    }
    self->os->lock->mutex_destroy(self->mutex);
    pbase_arena_fini(&self->arena);
    pbase_alloc_free(self->os->memory, self, sizeof(*self));
}

/* -------------------------------------------------------------------------- what was opened --- */
pbase_storage *wiring_storage(const wiring *self)
{
    return self->storage;
}

const pbase_config *wiring_storage_config(const wiring *self)
{
    return self->plan.storage->values;
}

/* What the options of a block provider and of those it stands on name as paths; `*index` counts down. */
static const char *path_at(const plan_component *planned, size_t *index)
{
    const pbase_component_info *info = planned->info;
    bool is_blocks = strcmp(info->kind, PBASE_KIND_BLOCK_PROVIDER) == 0;
    const char *found = NULL;
    for (size_t i = 0; i < info->option_count && is_blocks && found == NULL; i++) {
        const char *text = info->options[i].type == PBASE_OPTION_PATH
                               ? pbase_config_text(planned->values, info->options[i].key)
                               : NULL;
        found = text != NULL && (*index)-- == 0 ? text : NULL;
    }
    for (size_t i = 0; i < info->slot_count && found == NULL; i++) {
        found = planned->children[i] != NULL ? path_at(planned->children[i], index) : NULL;
    }
    return found;
}

const char *wiring_path(const wiring *self, size_t index)
{
    return path_at(self->plan.storage, &index);
}

const char *wiring_storage_label(const wiring *self)
{
    return self->plan.storage->label;
}

const pbase_host *wiring_host(const wiring *self)
{
    return &self->host;
}

const pbase_os *wiring_os(const wiring *self)
{
    return self->os;
}

uint64_t wiring_parts_ns(const wiring *self)
{
    return self->parts_ns;
}

int32_t wiring_durability(const wiring *self)
{
    return config_durability(pbase_config_text(self->plan.storage->values, "durability"));
}

const wiring_codec *wiring_serializer(const wiring *self)
{
    return self->listed[0];
}

size_t wiring_transform_count(const wiring *self)
{
    return self->plan.codec_count - self->serializer_count;
}

const wiring_codec *wiring_transform(const wiring *self, size_t index)
{
    PBASE_ASSERT(index < wiring_transform_count(self));
    return self->listed[self->serializer_count + index];
}

/* Plans and opens a codec that the configuration does not list. */
static pbase_status open_on_demand(wiring *self, const char *name, const wiring_codec **out,
                                   pbase_error *err)
{
    problem_list problems;
    problem_list_init(&problems, &self->arena);
    const plan_component *planned =
        config_plan_codec(&self->registry.catalog, name, self->document.root, &problems);
    pbase_status status = problem_list_finish(&problems, NULL, NULL, err);
    return status == PBASE_OK ? open_codec(self, planned, out, err) : status;
}

pbase_status wiring_codec_find(wiring *self, const char *name, const wiring_codec **out,
                               pbase_error *err)
{
    pbase_status status = PBASE_OK;
    self->os->lock->mutex_lock(self->mutex);
    const codec *found = self->codecs;
    while (found != NULL && strcmp(found->shown.name, name) != 0) {
        found = found->next;
    }
    if (found != NULL) {
        *out = &found->shown;
    } else {
        status = open_on_demand(self, name, out, err);
    }
    self->os->lock->mutex_unlock(self->mutex);
    return status;
}

/* -------------------------------------------------------------------------------- checking --- */
pbase_status pbase_config_check(const pbase_config_source *source, pbase_config_problem_each each,
                                void *state, pbase_error *err)
{
    wiring *self = NULL;
    wiring_options options = {.report = each, .report_state = state};
    pbase_status status = wiring_create(source, &options, &self, err);
    if (status == PBASE_OK) {
        status = make_plan(self, source, &options, err);
    }
    wiring_close(self);
    return status;
}

pbase_status pbase_config_explain(const pbase_config_source *source,
                                  pbase_config_problem_each report, void *report_state,
                                  pbase_config_setting_each each, void *state, pbase_error *err)
{
    wiring *self = NULL;
    wiring_options options = {.report = report, .report_state = report_state};
    pbase_status status = wiring_create(source, &options, &self, err);
    if (status == PBASE_OK) {
        status = make_plan(self, source, &options, err);
    }
    if (status == PBASE_OK) {
        status = config_explain(&self->document, &self->plan, &self->arena, each, state, err);
    }
    wiring_close(self);
    return status;
}
