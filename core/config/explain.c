/* explain.c - goes down the plan as the constructors will, and tells instead of opening.
 *
 * What is told is what the component gets: references replaced, paths resolved, defaults filled in.
 * Secrets and what came from a file are never told. */
#include "config/explain.h"
#include "config/values.h"
#include <protobase/plugin/storage.h>
#include <stdarg.h>
#include <stdio.h>

const char *pbase_config_origin_name(uint32_t origin)
{
    static const char *const names[] = {"default", "document", "set", "environment", "source"};
    return origin < sizeof names / sizeof names[0] ? names[origin] : "unknown";
}

typedef struct {
    pbase_arena *arena;
    pbase_config_setting_each each;
    void *state;
    pbase_error *err;
    pbase_status status; /* the first failure stays */
} explainer;

static void note_no_memory(explainer *self)
{
    if (self->status == PBASE_OK) {
        self->status =
            PBASE_FAIL(self->err, PBASE_NO_MEMORY, "no memory to explain a configuration");
    }
}

/* Formatted text in the arena; NULL after a failure. */
static const char *text_of(explainer *self, const char *format, ...) PBASE_PRINTF(2, 3);
static const char *text_of(explainer *self, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    char *text = size < 0 ? NULL : pbase_arena_alloc(self->arena, (size_t)size + 1);
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)size + 1, format, again); /* measured above */
    } else {
        note_no_memory(self);
    }
    va_end(again);
    va_end(arguments);
    return text;
}

static void tell(explainer *self, const pbase_config_setting *setting)
{
    if (self->status == PBASE_OK) {
        self->status = self->each(self->state, setting, self->err);
    }
}

/* Where a written value is from. */
static uint32_t origin_of(const config_node *node)
{
    static const char set[] = "--set ";
    return node->written != NULL && strstr(node->written, "${env:") != NULL
               ? PBASE_CONFIG_FROM_ENVIRONMENT
           : strncmp(node->origin->name, set, sizeof set - 1) == 0 ? PBASE_CONFIG_FROM_SET
           : node->origin->has_lines                               ? PBASE_CONFIG_FROM_DOCUMENT
                                                                   : PBASE_CONFIG_FROM_SOURCE;
}

static void place_setting(explainer *self, const config_node *node, pbase_config_setting *setting)
{
    setting->origin = node == NULL ? PBASE_CONFIG_FROM_DEFAULT : origin_of(node);
    setting->written = node == NULL ? NULL : node->written;
    setting->place = node == NULL ? "" : config_place(node, self->arena);
    if (setting->place == NULL) {
        note_no_memory(self);
    }
}

/* ----------------------------------------------------------------------------------- options --- */

/* "[a, b]" of a list of texts. */
static const char *list_text(explainer *self, const pbase_config *values, const char *key,
                             const config_node *node)
{
    const char *text = "";
    size_t count = values->vtable->get_count(values, key);
    for (const config_entry *at = node == NULL ? NULL : node->first; at != NULL; at = at->next) {
        if (at->value->hidden) {
            return "***";
        }
    }
    for (size_t i = 0; i < count && text != NULL; i++) {
        text = text_of(self, "%s%s%s", text, i == 0 ? "" : ", ",
                       values->vtable->get_item(values, key, i));
    }
    return text == NULL ? NULL : text_of(self, "[%s]", text);
}

static const char *value_text(explainer *self, const pbase_config *values,
                              const pbase_option *option, const config_node *node)
{
    bool is_secret = (option->flags & PBASE_OPTION_SECRET) != 0;
    if (node == NULL && option->default_text == NULL && option->type != PBASE_OPTION_LIST) {
        return NULL;
    }
    if (is_secret || (node != NULL && node->hidden)) {
        return "***";
    }
    if (option->type == PBASE_OPTION_LIST) {
        return list_text(self, values, option->key, node);
    }
    return option->type == PBASE_OPTION_PATH ? values->vtable->get_text(values, option->key)
           : node != NULL                    ? node->text
                                             : option->default_text;
}

static void explain_option(explainer *self, const plan_component *component, const char *path,
                           const pbase_option *option)
{
    const config_node *node = config_values_node(component->values, option->key);
    pbase_config_setting setting = {.struct_size = sizeof setting,
                                    .path = text_of(self, "%s.%s", path, option->key),
                                    .component = component->label,
                                    .doc = option->doc};
    setting.value = value_text(self, component->values, option, node);
    place_setting(self, node, &setting);
    if ((option->flags & PBASE_OPTION_SECRET) != 0 && setting.written != NULL) {
        setting.written = "***"; /* the rest of the text may be part of the secret */
    }
    tell(self, &setting);
}

static bool declares(const pbase_component_info *info, const char *key)
{
    for (size_t i = 0; i < info->option_count; i++) {
        if (strcmp(info->options[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

/* -------------------------------------------------------------------------------- components --- */

/* The component itself: `node` is its mapping or its bare name, NULL for a default. */
static void explain_type(explainer *self, const plan_component *component, const char *path,
                         const config_node *node)
{
    pbase_config_setting setting = {.struct_size = sizeof setting,
                                    .path = text_of(self, "%s.type", path),
                                    .component = component->label,
                                    .value = component->info->name,
                                    .doc =
                                        component->info->doc == NULL ? "" : component->info->doc};
    const config_node *type = node == NULL ? NULL : config_map_get(node, "type");
    place_setting(self, type != NULL ? type : node, &setting);
    tell(self, &setting);
}

static void explain_component(explainer *self, const plan_component *component, const char *path,
                              const config_node *node, bool is_root)
{
    const pbase_component_info *info = component->info;
    size_t core_count = 0;
    const pbase_option *core = pbase_config_core_options(info->kind, &core_count);
    explain_type(self, component, path, node);
    for (size_t i = 0; i < info->option_count; i++) {
        explain_option(self, component, path, &info->options[i]);
    }
    for (size_t i = 0; is_root && i < core_count; i++) {
        if (!declares(info, core[i].key)) {
            explain_option(self, component, path, &core[i]);
        }
    }
    for (size_t i = 0; i < info->slot_count; i++) {
        const char *below = text_of(self, "%s.%s", path, info->slots[i].name);
        if (component->children[i] != NULL && below != NULL) {
            explain_component(self, component->children[i], below,
                              node == NULL ? NULL : config_map_get(node, info->slots[i].name),
                              false);
        }
    }
}

static void explain_version(explainer *self, const config_node *root)
{
    const config_node *node = config_map_get(root, "version");
    pbase_config_setting setting = {.struct_size = sizeof setting,
                                    .path = "version",
                                    .component = "",
                                    .value = node == NULL ? NULL : node->text,
                                    .doc = "Version of the form of the document."};
    place_setting(self, node, &setting);
    tell(self, &setting);
}

static void explain_codecs(explainer *self, const config_node *root, const config_plan *plan)
{
    const config_node *list = config_map_get(root, "codecs");
    const config_entry *entry = list == NULL ? NULL : list->first;
    for (size_t i = 0; i < plan->codec_count; i++) {
        const char *path = text_of(self, "codecs.%zu", i);
        if (path == NULL) {
            return;
        }
        explain_component(self, plan->codecs[i], path, entry == NULL ? NULL : entry->value, true);
        entry = entry == NULL ? NULL : entry->next;
    }
}

static void explain_plugin_paths(explainer *self, const config_node *root)
{
    const config_node *plugins = config_map_get(root, "plugins");
    const config_node *list = plugins == NULL ? NULL : config_map_get(plugins, "path");
    const config_entry *entry = list == NULL ? NULL : list->first;
    for (size_t i = 0; entry != NULL; i++, entry = entry->next) {
        pbase_config_setting setting = {.struct_size = sizeof setting,
                                        .path = text_of(self, "plugins.path.%zu", i),
                                        .component = "",
                                        .value = entry->value->hidden ? "***" : entry->value->text,
                                        .doc = "Folder searched for plugins."};
        place_setting(self, entry->value, &setting);
        tell(self, &setting);
    }
}

pbase_status config_explain(const config_document *document, const config_plan *plan,
                            pbase_arena *arena, pbase_config_setting_each each, void *state,
                            pbase_error *err)
{
    explainer self = {.arena = arena, .each = each, .state = state, .err = err};
    explain_version(&self, document->root);
    explain_component(&self, plan->storage, "storage", config_map_get(document->root, "storage"),
                      true);
    explain_codecs(&self, document->root, plan);
    explain_plugin_paths(&self, document->root);
    return self.status;
}
