/* cmd_config.c - config check, explain and schema: what a configuration says, may say, and says
 * wrongly. */
#include "commands.h"

#include <inttypes.h>
#include <string.h>

/* ------------------------------------------------------------------------------- config check -- */

typedef struct {
    const cli *run;
    size_t count;
    pbase_status status; /* of printing */
} problem_printer;

static pbase_status print_problem_json(const pbase_config_problem *problem, bool first)
{
    pbase_status status =
        cli_print(NULL, "%s{\"line\": %" PRIu32 ", \"column\": %" PRIu32 ", ",
                  first ? "{\"problems\": [" : ", ", problem->line, problem->column);
    status = status == PBASE_OK
                 ? cli_print_member("", "code", pbase_status_name(problem->code), NULL)
                 : status;
    status = status == PBASE_OK ? cli_print_member(", ", "file", problem->file, NULL) : status;
    status =
        status == PBASE_OK ? cli_print_member(", ", "message", problem->message, NULL) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "hint", problem->hint, NULL) : status;
    return status == PBASE_OK ? cli_print(NULL, "}") : status;
}

static pbase_status print_problem_text(const pbase_config_problem *problem)
{
    pbase_buffer line;
    pbase_buffer_init(&line, pbase_alloc_default());
    pbase_status status = pbase_config_problem_format(problem, &line, NULL);
    status = status == PBASE_OK ? pbase_buffer_append_u8(&line, '\n', NULL) : status;
    status = status == PBASE_OK ? cli_write(pbase_buffer_view(&line), NULL) : status;
    pbase_buffer_fini(&line);
    return status;
}

static void print_problem(void *state, const pbase_config_problem *problem)
{
    problem_printer *printer = state;
    if (printer->status == PBASE_OK) {
        printer->status = printer->run->json ? print_problem_json(problem, printer->count == 0)
                                             : print_problem_text(problem);
    }
    printer->count++;
}

CLI_COMMAND(cmd_config_check)
{
    problem_printer printer = {.run = self};
    pbase_config_source source = self->source;
    source.file = arguments->operands[0];
    source.data = NULL;
    source.memory = 0;
    pbase_status status = pbase_config_check(&source, print_problem, &printer, err);
    pbase_status printed = printer.status;
    if (printed == PBASE_OK && self->json) {
        printed = cli_print(err, "%s]}\n", printer.count > 0 ? "" : "{\"problems\": [");
    } else if (printed == PBASE_OK && status == PBASE_OK) {
        printed = cli_print(err, "%s is right\n", arguments->operands[0]);
    }
    return status == PBASE_OK ? printed : status;
}

/* ------------------------------------------------------------------------------------ explain -- */

typedef struct {
    const cli *run;
    bool any;
    size_t path_columns, value_columns; /* widest so far */
    bool measures;                      /* first pass: only widths */
} setting_printer;

static pbase_status print_setting_json(const pbase_config_setting *setting, bool first,
                                       pbase_error *err)
{
    pbase_status status = cli_print(err, "%s", first ? "{\"settings\": [" : ", ");
    status = status == PBASE_OK ? cli_print_member("{", "path", setting->path, err) : status;
    if (status == PBASE_OK && setting->value == NULL) {
        status = cli_print(err, ", \"value\": null");
    } else if (status == PBASE_OK) {
        status = cli_print_member(", ", "value", setting->value, err);
    }
    status = status == PBASE_OK
                 ? cli_print_member(", ", "origin", pbase_config_origin_name(setting->origin), err)
                 : status;
    status = status == PBASE_OK ? cli_print_member(", ", "place", setting->place, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "written", setting->written, err) : status;
    status =
        status == PBASE_OK ? cli_print_member(", ", "component", setting->component, err) : status;
    status = status == PBASE_OK ? cli_print_member(", ", "doc", setting->doc, err) : status;
    return status == PBASE_OK ? cli_print(err, "}") : status;
}

static pbase_status print_setting(void *state, const pbase_config_setting *setting,
                                  pbase_error *err)
{
    setting_printer *printer = state;
    const char *value = setting->value == NULL ? "-" : setting->value;
    bool is_default = setting->origin == PBASE_CONFIG_FROM_DEFAULT;
    if (printer->measures) {
        size_t path = strlen(setting->path), width = strlen(value);
        printer->path_columns = path > printer->path_columns ? path : printer->path_columns;
        printer->value_columns = width > printer->value_columns ? width : printer->value_columns;
        return PBASE_OK;
    }
    bool first = !printer->any;
    printer->any = true;
    return printer->run->json ? print_setting_json(setting, first, err)
                              : cli_print(err, "%-*s  %-*s  %s%s%s\n", (int)printer->path_columns,
                                          setting->path, (int)printer->value_columns, value,
                                          is_default ? "default" : setting->place,
                                          setting->written == NULL ? "" : "  ",
                                          setting->written == NULL ? "" : setting->written);
}

CLI_COMMAND(cmd_config_explain)
{
    setting_printer printer = {.run = self, .measures = true};
    pbase_config_source source = self->source;
    if (arguments->operand_count == 1) {
        source.file = arguments->operands[0];
        source.data = NULL;
        source.memory = 0;
    }
    pbase_status status =
        pbase_config_explain(&source, cli_show_problem, self, print_setting, &printer, err);
    printer.measures = false;
    if (status == PBASE_OK) {
        status = pbase_config_explain(&source, NULL, NULL, print_setting, &printer, err);
    }
    return status == PBASE_OK && self->json ? cli_print(err, "]}\n") : status;
}

/* ------------------------------------------------------------------------------------- schema -- */

CLI_COMMAND(cmd_config_schema)
{
    (void)arguments;
    pbase_plugin_list list = {NULL, 0};
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = pbase_plugins_list(&self->source, &self->arena, &list, err);
    status = status == PBASE_OK ? pbase_config_schema(&list, &text, err) : status;
    status = status == PBASE_OK ? cli_write(pbase_buffer_view(&text), err) : status;
    pbase_buffer_fini(&text);
    return status;
}
