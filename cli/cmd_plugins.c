/* cmd_plugins.c - plugins list, show and check: what is installed, and what is wrong with it. */
#include "commands.h"

#include <inttypes.h>
#include <string.h>

static pbase_status component_label(const pbase_component_info *component, pbase_buffer *out,
                                    pbase_error *err)
{
    out->size = 0;
    pbase_status status = pbase_component_info_label(component, out, err);
    return status == PBASE_OK ? pbase_buffer_append_u8(out, '\0', err) : status;
}

/* --------------------------------------------------------------------------------------- list -- */

static pbase_status list_components(const pbase_plugin_info *plugin, bool json, pbase_error *err)
{
    pbase_buffer label;
    pbase_buffer_init(&label, pbase_alloc_default());
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < plugin->component_count && status == PBASE_OK; i++) {
        status = component_label(&plugin->components[i], &label, err);
        if (status != PBASE_OK) {
            break;
        }
        status = json ? cli_print(err, "%s\"%s\"", i > 0 ? ", " : "", (const char *)label.data)
                      : cli_print(err, "    %-28s %s\n", (const char *)label.data,
                                  plugin->components[i].doc);
    }
    pbase_buffer_fini(&label);
    return status;
}

static pbase_status list_plugin_json(const pbase_plugin_info *plugin, pbase_error *err)
{
    pbase_status status = cli_print_member("{", "name", plugin->name, err);
    status = status == PBASE_OK ? cli_print_member(", ", "version", plugin->version, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "path", plugin->path, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "license", plugin->license, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "problem", plugin->problem, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "shadowed_by", plugin->shadowed_by, err)
                                : status;
    status = status == PBASE_OK ? cli_print(err, ", \"components\": [") : status;
    status = status == PBASE_OK ? list_components(plugin, true, err) : status;
    return status == PBASE_OK ? cli_print(err, "]}\n") : status;
}

static pbase_status list_plugin(const pbase_plugin_info *plugin, pbase_error *err)
{
    pbase_status status =
        cli_print(err, "%s %s  %s%s%s\n", plugin->name, plugin->version, plugin->path,
                  plugin->shadowed_by == NULL ? "" : "  shadowed by ",
                  plugin->shadowed_by == NULL ? "" : plugin->shadowed_by);
    if (status == PBASE_OK && plugin->status != PBASE_OK) {
        return cli_print(err, "    refused: %s\n", plugin->problem);
    }
    return status == PBASE_OK ? list_components(plugin, false, err) : status;
}

static pbase_status run_list(const cli *self, const pbase_plugin_list *list, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < list->count && status == PBASE_OK; i++) {
        status = self->json ? list_plugin_json(&list->plugins[i], err)
                            : list_plugin(&list->plugins[i], err);
    }
    return status;
}

static pbase_status run_list_names(const pbase_plugin_list *list, pbase_error *err)
{
    pbase_buffer label;
    pbase_buffer_init(&label, pbase_alloc_default());
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < list->count; i++) {
        const pbase_plugin_info *plugin = &list->plugins[i];
        for (size_t j = 0; j < plugin->component_count && status == PBASE_OK; j++) {
            status = component_label(&plugin->components[j], &label, err);
            status = status == PBASE_OK ? cli_print(err, "%s\n", (const char *)label.data) : status;
        }
    }
    pbase_buffer_fini(&label);
    return status;
}

/* --------------------------------------------------------------------------------------- show -- */

static const char *option_type_name(uint32_t type)
{
    static const char *const names[] = {"?",    "bool", "int",      "float", "string",
                                        "enum", "size", "duration", "path",  "list"};
    return type < sizeof names / sizeof names[0] ? names[type] : names[0];
}

static pbase_status show_option(const pbase_option *option, bool json, bool first, pbase_error *err)
{
    const char *fallback = option->default_text == NULL ? "" : option->default_text;
    if (!json) {
        return cli_print(
            err, "  %-24s %-9s %-12s %s%s%s%s\n", option->key, option_type_name(option->type),
            (option->flags & PBASE_OPTION_REQUIRED) != 0 ? "(required)" : fallback, option->doc,
            option->range == NULL ? "" : " [", option->range == NULL ? "" : option->range,
            option->range == NULL ? "" : "]");
    }
    pbase_status status = cli_print_member(first ? "{" : ", {", "key", option->key, err);
    status = status == PBASE_OK
                 ? cli_print_member(", ", "type", option_type_name(option->type), err)
                 : status;
    status = status == PBASE_OK ? cli_print_member(", ", "default", fallback, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "range", option->range, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "doc", option->doc, err) : status;
    return status == PBASE_OK
               ? cli_print(err, ", \"required\": %s}",
                           (option->flags & PBASE_OPTION_REQUIRED) != 0 ? "true" : "false")
               : status;
}

static pbase_status show_slot(const pbase_slot *slot, bool json, bool first, pbase_error *err)
{
    if (!json) {
        return cli_print(err, "  %-24s %-22s %s%s%s\n", slot->name, slot->kind, slot->doc,
                         slot->default_type == NULL ? "" : "; default type: ",
                         slot->default_type == NULL ? "" : slot->default_type);
    }
    pbase_status status = cli_print_member(first ? "{" : ", {", "name", slot->name, err);
    status = status == PBASE_OK ? cli_print_member(", ", "kind", slot->kind, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "default_type", slot->default_type, err)
                                : status;
    status = status == PBASE_OK ? cli_print_member(", ", "doc", slot->doc, err) : status;
    return status == PBASE_OK ? cli_print(err, "}") : status;
}

static pbase_status show_head(const cli *self, const char *label, const pbase_plugin_info *plugin,
                              const pbase_component_info *component, pbase_error *err)
{
    if (!self->json) {
        return cli_print(err, "%s - %s\nplugin %s %s, %s\n%s\n", label, component->doc,
                         plugin->name, plugin->version, plugin->license, plugin->path);
    }
    pbase_status status = cli_print_member("{", "component", label, err);
    status = status == PBASE_OK ? cli_print_member(", ", "doc", component->doc, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "plugin", plugin->name, err) : status;
    return status == PBASE_OK ? cli_print_member(", ", "version", plugin->version, err) : status;
}

static pbase_status show_component(const cli *self, const pbase_component_info *component,
                                   pbase_error *err)
{
    pbase_status status = cli_print(err, self->json                    ? ", \"options\": ["
                                         : component->option_count > 0 ? "options:\n"
                                                                       : "no options\n");
    for (size_t i = 0; i < component->option_count && status == PBASE_OK; i++) {
        status = show_option(&component->options[i], self->json, i == 0, err);
    }
    if (status == PBASE_OK) {
        status = cli_print(err, self->json                  ? "], \"slots\": ["
                                : component->slot_count > 0 ? "slots:\n"
                                                            : "");
    }
    for (size_t i = 0; i < component->slot_count && status == PBASE_OK; i++) {
        status = show_slot(&component->slots[i], self->json, i == 0, err);
    }
    return status == PBASE_OK && self->json ? cli_print(err, "]}\n") : status;
}

static pbase_status run_show(const cli *self, const pbase_plugin_list *list, const char *label,
                             pbase_error *err)
{
    const pbase_plugin_info *plugin = NULL;
    const pbase_component_info *component = NULL;
    pbase_status status = pbase_plugins_find(list, label, &plugin, &component, err);
    if (status == PBASE_OK) {
        status = show_head(self, label, plugin, component, err);
    }
    return status == PBASE_OK ? show_component(self, component, err) : status;
}

/* -------------------------------------------------------------------------------------- check -- */

typedef struct {
    const cli *run;
    size_t count;
    pbase_status status; /* of printing */
} finding_printer;

static void print_finding(void *state, const pbase_plugin_finding *finding)
{
    finding_printer *printer = state;
    printer->count++;
    if (!printer->run->json && printer->status == PBASE_OK) {
        /* with --json the first one is the error, which goes to standard error */
        printer->status =
            cli_print(NULL, "%s: %s%s%s\n", pbase_plugin_rule_name(finding->rule), finding->message,
                      finding->hint[0] == '\0' ? "" : "; ", finding->hint);
    }
}

static pbase_status run_check(const cli *self, const char *path, pbase_error *err)
{
    finding_printer printer = {.run = self};
    pbase_status status =
        pbase_plugin_check(path, PBASE_PLUGIN_CHECK_LOAD, print_finding, &printer, err);
    if (status == PBASE_OK) {
        status = self->json ? cli_print(err, "{\"findings\": 0}\n")
                            : cli_print(err, "%s keeps every rule\n", path);
    }
    return status == PBASE_OK ? printer.status : status;
}

CLI_COMMAND(cmd_plugins_check)
{
    return run_check(self, arguments->operands[0], err);
}

CLI_COMMAND(cmd_plugins_list)
{
    bool only_names = arguments->values[PLUGINS_LIST_NAMES] != NULL;
    pbase_plugin_list list = {NULL, 0};
    pbase_status status = pbase_plugins_list(&self->source, &self->arena, &list, err);
    return status != PBASE_OK ? status
           : only_names       ? run_list_names(&list, err)
                              : run_list(self, &list, err);
}

CLI_COMMAND(cmd_plugins_show)
{
    pbase_plugin_list list = {NULL, 0};
    pbase_status status = pbase_plugins_list(&self->source, &self->arena, &list, err);
    return status == PBASE_OK ? run_show(self, &list, arguments->operands[0], err) : status;
}
