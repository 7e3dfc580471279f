/* cmd_query.c - query and explain: a text or a JSON plan in, rows out. */
#include "commands.h"
#include "result_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAN_BYTES_MAX (4u << 20)

/* The whole of a plan file, or of standard input. */
static pbase_status read_plan_text(const char *path, pbase_buffer *out, pbase_error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        return PBASE_FAIL_ERRNO(err, errno, "cannot read '%s'", path);
    }
    pbase_status status = PBASE_OK;
    char block[4096];
    size_t got = sizeof block;
    while (status == PBASE_OK && got == sizeof block) {
        got = fread(block, 1, sizeof block, file);
        status = pbase_buffer_append(out, block, got, err);
        if (status == PBASE_OK && out->size > PLAN_BYTES_MAX) {
            status = PBASE_FAIL(err, PBASE_LIMIT, "a plan of more than %u bytes", PLAN_BYTES_MAX);
        }
    }
    if (status == PBASE_OK && ferror(file) != 0) {
        status = PBASE_FAIL_ERRNO(err, errno, "cannot read '%s'", path);
    }
    if (file != stdin) {
        (void)fclose(file); /* only read from */
    }
    return status;
}

static pbase_status query_of_plan(cli *self, const char *path, pbase_query **out, pbase_error *err)
{
    pbase_buffer text;
    pbase_value plan;
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = read_plan_text(path, &text, err);
    if (status == PBASE_OK) {
        status = pbase_json_parse(self->space, pbase_buffer_view(&text), &self->arena, &plan, err);
    }
    if (status == PBASE_OK) {
        status = pbase_query_from_plan(NULL, &plan, out, err);
    }
    pbase_buffer_fini(&text);
    return status;
}

/* One "name=value": JSON when it parses as JSON, else a string. */
static pbase_status bind_parameter(cli *self, pbase_query *query, const char *text,
                                   pbase_error *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return cli_usage(err, "--param is NAME=VALUE, not '%s'", text);
    }
    char *name = pbase_arena_text(&self->arena, pbase_bytes_of(text, (size_t)(equals - text)));
    pbase_value value;
    if (name == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a parameter");
    }
    if (pbase_json_parse(self->space, pbase_bytes_text(equals + 1), &self->arena, &value, NULL) !=
        PBASE_OK) {
        value = pbase_value_text(equals + 1);
    }
    return pbase_query_bind(query, name, &value, err);
}

static pbase_status bind_all(cli *self, pbase_query *query, const cli_arguments *arguments,
                             pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < arguments->repeat_count && status == PBASE_OK; i++) {
        status = bind_parameter(self, query, arguments->repeats[i], err);
    }
    return status;
}

pbase_status cli_parse_duration(const char *option, const char *text, uint64_t *out_ns,
                                pbase_error *err)
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"ms", 1000000u}, {"s", 1000000000u}, {"m", 60000000000u}, {"h", 3600000000000u}};
    char *end = NULL;
    double number = strtod(text, &end);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (end != text && number > 0 && number < 1e6 && strcmp(end, units[i].unit) == 0) {
            *out_ns = (uint64_t)(number * (double)units[i].ns);
            return PBASE_OK;
        }
    }
    return cli_usage(err, "%s is a duration such as 500ms, 10s or 2m, not '%s'", option, text);
}

static pbase_status deadline_of(const char *text, uint64_t *out_ns, pbase_error *err)
{
    uint64_t duration_ns = 0;
    pbase_status status = cli_parse_duration("--timeout", text, &duration_ns, err);
    if (status == PBASE_OK) {
        *out_ns = cli_now_ns() + duration_ns;
    }
    return status;
}

static pbase_status make_query(cli *self, const cli_arguments *arguments, pbase_query **out,
                               pbase_error *err)
{
    const char *plan = arguments->values[QUERY_PLAN];
    if ((plan == NULL) == (arguments->operand_count == 0)) {
        return cli_usage(err, "give a query text, or --plan FILE");
    }
    pbase_status status =
        plan == NULL ? pbase_query_parse(NULL, pbase_bytes_text(arguments->operands[0]), out, err)
                     : query_of_plan(self, plan, out, err);
    return status == PBASE_OK ? bind_all(self, *out, arguments, err) : status;
}

static pbase_status write_rows(cli *self, pbase_query *query, pbase_snapshot *snapshot,
                               result_format format, pbase_error *err)
{
    result_source source = {.query = query, .snapshot = snapshot};
    return result_write(self, &source, format, err);
}

CLI_COMMAND(cmd_query)
{
    bool prefers_table = isatty(STDOUT_FILENO) != 0 && !self->json;
    result_format format = result_format_of(arguments->values[QUERY_FORMAT], prefers_table);
    const char *timeout = arguments->values[QUERY_TIMEOUT];
    pbase_query *query = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_status status = PBASE_OK;
    if (timeout != NULL) {
        status = deadline_of(timeout, &self->call.deadline_ns, err);
    }
    if (status == PBASE_OK) {
        status = cli_open_snapshot(self, arguments->values[QUERY_AS_OF], &snapshot, err);
    }
    if (status == PBASE_OK) {
        status = make_query(self, arguments, &query, err);
    }
    if (status == PBASE_OK) {
        status = write_rows(self, query, snapshot, format, err);
    }
    pbase_snapshot_close(snapshot);
    pbase_query_destroy(query);
    return status;
}

/* ------------------------------------------------------------------------------------ explain ---- */

static pbase_explain_form explain_form(const cli *self, const char *text)
{
    bool is_json = text == NULL ? self->json : strcmp(text, "json") == 0;
    return is_json                                     ? PBASE_EXPLAIN_JSON
           : text != NULL && strcmp(text, "plan") == 0 ? PBASE_EXPLAIN_PLAN
                                                       : PBASE_EXPLAIN_TEXT;
}

CLI_COMMAND(cmd_explain)
{
    pbase_explain_form form = explain_form(self, arguments->values[EXPLAIN_FORMAT]);
    pbase_query *query = NULL;
    pbase_snapshot *snapshot = NULL;
    pbase_value told;
    pbase_status status = cli_open_snapshot(self, arguments->values[EXPLAIN_AS_OF], &snapshot, err);
    if (status == PBASE_OK) {
        status = pbase_query_parse(NULL, pbase_bytes_text(arguments->operands[0]), &query, err);
    }
    if (status == PBASE_OK) {
        status = pbase_query_explain_on(query, snapshot, form, &self->arena, &told, err);
    }
    if (status == PBASE_OK && told.kind == PBASE_STRING) {
        bool ends = told.as.string.size > 0 && told.as.string.data[told.as.string.size - 1] == '\n';
        status = cli_write(told.as.string, err);
        status = status == PBASE_OK && !ends ? cli_print(err, "\n") : status;
    } else if (status == PBASE_OK) {
        status = cli_print_json(self, &told, err);
    }
    pbase_snapshot_close(snapshot);
    pbase_query_destroy(query);
    return status;
}
