/* output.c - the space a command works on, and what it says on standard output. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Every mistake of a configuration at once; with --json the first one is the error object. */
void cli_show_problem(void *state, const pbase_config_problem *problem)
{
    cli *self = state;
    pbase_buffer line;
    if (self->json) {
        return;
    }
    pbase_buffer_init(&line, pbase_alloc_default());
    if (pbase_config_problem_format(problem, &line, NULL) == PBASE_OK) {
        (void)fprintf(stderr, "%.*s\n", (int)line.size, (const char *)line.data);
        self->problems_shown++;
    }
    pbase_buffer_fini(&line);
}

/* Asked before opening, which makes the folder. */
static bool is_folder_missing(const cli *self)
{
    return self->source.data != NULL && access(self->source.data, F_OK) != 0 && errno == ENOENT;
}

pbase_status cli_open_space(cli *self, pbase_error *err)
{
    if (self->space != NULL) {
        return PBASE_OK;
    }
    pbase_space_options options = PBASE_SPACE_OPTIONS_INIT;
    options.must_exist = self->must_exist;
    options.report = cli_show_problem;
    options.report_state = self;
    pbase_status status =
        self->must_exist && is_folder_missing(self)
            ? PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no space yet in '%s'", self->source.data)
            : pbase_space_open(&self->source, &options, &self->space, err);
    if (status == PBASE_NOT_FOUND && self->must_exist) {
        pbase_error_hint(err, "look at the path; the first put, import or load makes a space");
    }
    return status;
}

pbase_status cli_check_cancelled(const pbase_call *call, pbase_error *err)
{
    bool is_over = call->cancelled != NULL && __atomic_load_n(call->cancelled, __ATOMIC_RELAXED);
    return is_over ? PBASE_FAIL(err, PBASE_CANCELLED, "cancelled") : PBASE_OK;
}

pbase_status cli_open_database(cli *self, pbase_error *err)
{
    pbase_status status = cli_open_space(self, err);
    if (status != PBASE_OK || self->database != NULL) {
        return status;
    }
    bool ensures = strcmp(self->database_name, "main") == 0 && !self->must_exist;
    return ensures /* the default one is there when asked for */
               ? pbase_database_ensure(self->space, "main", &self->database, err)
               : pbase_database_open(self->space, self->database_name, &self->database, err);
}

pbase_status cli_run_in_txn(cli *self, pbase_txn_body body, void *state, pbase_error *err)
{
    return self->txn != NULL ? body(self->txn, state, err)
                             : pbase_txn_run(self->database, NULL, &self->call, body, state, err);
}

pbase_status cli_check_no_txn(const cli *self, const char *why, pbase_error *err)
{
    return self->txn == NULL
               ? PBASE_OK
               : cli_usage(err, "a transaction is open, and %s: .commit or .abort ends it", why);
}

uint64_t cli_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

pbase_status cli_write(pbase_bytes bytes, pbase_error *err)
{
    if (bytes.size > 0 && fwrite(bytes.data, 1, bytes.size, stdout) != bytes.size) {
        return PBASE_FAIL(err, PBASE_IO, "cannot write to standard output");
    }
    return PBASE_OK;
}

pbase_status cli_print(pbase_error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vfprintf(stdout, format, arguments);
    va_end(arguments);
    return written < 0 ? PBASE_FAIL(err, PBASE_IO, "cannot write to standard output") : PBASE_OK;
}

/* Without a space there is no codec to write JSON with: small texts are escaped here. */
static pbase_status print_text(const char *text, pbase_error *err)
{
    pbase_status status = cli_print(err, "\"");
    for (const char *at = text; *at != '\0' && status == PBASE_OK; at++) {
        unsigned char byte = (unsigned char)*at;
        status = byte == '"' || byte == '\\' ? cli_print(err, "\\%c", byte)
                 : byte < 0x20               ? cli_print(err, "\\u%04x", byte)
                                             : cli_print(err, "%c", byte);
    }
    return status == PBASE_OK ? cli_print(err, "\"") : status;
}

pbase_status cli_print_member(const char *before, const char *name, const char *text,
                              pbase_error *err)
{
    pbase_status status = cli_print(err, "%s\"%s\": ", before, name);
    return status == PBASE_OK ? print_text(text == NULL ? "" : text, err) : status;
}

pbase_status cli_print_json(cli *self, const pbase_value *value, pbase_error *err)
{
    pbase_buffer text;
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = cli_open_space(self, err);
    if (status == PBASE_OK) {
        status = pbase_json_format(self->space, value, &text, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(&text, '\n', err);
    }
    if (status == PBASE_OK) {
        status = cli_write(pbase_buffer_view(&text), err);
    }
    pbase_buffer_fini(&text);
    return status;
}

pbase_status cli_print_done(cli *self, const char *verb, const char *name, uint64_t count,
                            pbase_error *err)
{
    pbase_field fields[] = {
        {pbase_bytes_text("done"), pbase_value_text(verb)},
        {pbase_bytes_text("name"), pbase_value_text(name)},
        {pbase_bytes_text("count"), pbase_value_int((int64_t)count)},
    };
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return self->json ? cli_print_json(self, &line, err) : PBASE_OK;
}

pbase_status cli_parse_json(cli *self, const char *text, const char *what, pbase_value *out,
                            pbase_error *err)
{
    pbase_status status = cli_open_space(self, err);
    if (status == PBASE_OK) {
        status = pbase_json_parse(self->space, pbase_bytes_text(text), &self->arena, out, err);
    }
    if (status == PBASE_INVALID) {
        pbase_error_note(err, "%s is not JSON", what);
    }
    return status;
}

static bool is_scalar(const pbase_value *value)
{
    return value->kind != PBASE_LIST && value->kind != PBASE_MAP && value->kind != PBASE_VECTOR &&
           value->kind != PBASE_CHILD;
}

pbase_status cli_parse_key(cli *self, const char *text, pbase_value *out, pbase_error *err)
{
    pbase_status status = cli_open_space(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_value parsed;
    status = pbase_json_parse(self->space, pbase_bytes_text(text), &self->arena, &parsed, NULL);
    if (status == PBASE_NO_MEMORY) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a key");
    }
    *out = status == PBASE_OK && (is_scalar(&parsed) || parsed.kind == PBASE_LIST)
               ? parsed
               : pbase_value_text(text);
    return PBASE_OK;
}
