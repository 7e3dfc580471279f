/* errors.c - exit codes, and failures as people and scripts read them. */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A usage error is INVALID with this hint, so that it can be told from invalid data. */
static const char usage_mark[] = "`protobase --help` and `protobase COMMAND --help` tell more";

pbase_status cli_usage(pbase_error *err, const char *format, ...)
{
    char message[sizeof err->message];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments); /* cut at worst */
    va_end(arguments);
    pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "%s", message);
    pbase_error_hint(err, "%s", usage_mark);
    return status;
}

static const struct {
    pbase_status status;
    int code;
} exit_codes[] = {
    {PBASE_OK, 0},         {PBASE_INTERNAL, 1}, {PBASE_NO_MEMORY, 1},   {PBASE_NOT_FOUND, 3},
    {PBASE_CONFLICT, 4},   {PBASE_CONFIG, 5},   {PBASE_CORRUPT, 6},     {PBASE_FORMAT, 6},
    {PBASE_IO, 7},         {PBASE_PLUGIN, 8},   {PBASE_UNSUPPORTED, 9}, {PBASE_TIMEOUT, 10},
    {PBASE_CANCELLED, 10}, {PBASE_BUSY, 11},    {PBASE_NO_SPACE, 12},   {PBASE_NETWORK, 13},
    {PBASE_LOST, 13},      {PBASE_AUTH, 14},    {PBASE_INVALID, 15},    {PBASE_LIMIT, 15},
    {PBASE_EXISTS, 15},    {PBASE_UNKNOWN, 16}, {PBASE_FENCED, 17},     {PBASE_READ_ONLY, 17},
    {PBASE_TRIMMED, 3},
};

const cli_exit_meaning cli_exit_meanings[] = {
    {0, "done"},
    {1, "a bug of ours, or no memory"},
    {2, "called wrongly; nothing was opened"},
    {3, "not found"},
    {4, "conflict"},
    {5, "configuration"},
    {6, "damaged, or not ours"},
    {7, "a device or file; standard output cannot be written"},
    {8, "plugin"},
    {9, "unsupported"},
    {10, "timeout or cancelled"},
    {11, "another process has it"},
    {12, "no space"},
    {13, "network or lost"},
    {14, "not authorised"},
    {15, "invalid data, a name that is taken, over a limit"},
    {16, "the commit may or may not have been applied; the message gives its token"},
    {17, "fenced or read-only"},
};
const size_t cli_exit_meaning_count = sizeof cli_exit_meanings / sizeof cli_exit_meanings[0];

static bool is_usage(pbase_status status, const pbase_error *err)
{
    return status == PBASE_INVALID && strcmp(err->hint, usage_mark) == 0;
}

int cli_exit_code(pbase_status status, const pbase_error *err)
{
    if (status != PBASE_OK && err->outcome == PBASE_OUTCOME_UNKNOWN) {
        return 16;
    }
    if (is_usage(status, err)) {
        return 2;
    }
    for (size_t i = 0; i < sizeof exit_codes / sizeof exit_codes[0]; i++) {
        if (exit_codes[i].status == status) {
            return exit_codes[i].code;
        }
    }
    return 1;
}

bool cli_parse_place(const char *text, uint64_t *out_line, uint64_t *out_column)
{
    static const char before_line[] = "line ", before_column[] = " column ";
    char *end = NULL;
    if (strncmp(text, before_line, sizeof before_line - 1) != 0) {
        return false;
    }
    *out_line = strtoull(text + sizeof before_line - 1, &end, 10);
    if (strncmp(end, before_column, sizeof before_column - 1) != 0) {
        return false;
    }
    *out_column = strtoull(end + sizeof before_column - 1, &end, 10);
    return *end == '\0' && *out_line > 0;
}

/* Writes `text` as a JSON string; needs no codec, so that a missing codec can be reported. */
static void print_json_string(FILE *out, const char *text)
{
    bool is_utf8 = pbase_utf8_valid(pbase_bytes_text(text)); /* an argument may be anything */
    (void)fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            (void)fprintf(out, "\\%c", *at);
        } else if (*at < 0x20) {
            (void)fprintf(out, "\\u%04x", *at);
        } else {
            (void)fputc(*at < 0x80 || is_utf8 ? *at : '?', out);
        }
    }
    (void)fputc('"', out);
}

static void token_text(const pbase_error *err, char out[33])
{
    pbase_object_id id;
    memcpy(id.bytes, err->token.bytes, sizeof id.bytes);
    pbase_object_id_format(id, out);
}

static void report_json(pbase_status status, const pbase_error *err)
{
    const char *code = is_usage(status, err) ? "USAGE" : pbase_status_name(status);
    (void)fprintf(stderr, "{\"error\": {\"code\": \"%s\", \"message\": ", code);
    print_json_string(stderr, err->message);
    (void)fputs(", \"where\": ", stderr);
    print_json_string(stderr, err->where);
    (void)fputs(", \"hint\": ", stderr);
    print_json_string(stderr, err->hint);
    if (err->outcome == PBASE_OUTCOME_UNKNOWN) {
        char token[33];
        token_text(err, token);
        (void)fprintf(stderr, ", \"token\": \"%s\"", token);
    }
    (void)fputs("}}\n", stderr);
}

void cli_report(const cli *self, pbase_status status, const pbase_error *err)
{
    if (self->json) {
        report_json(status, err);
        return;
    }
    if (self->problems_shown > 0) {
        return;
    }
    (void)fprintf(stderr, "protobase: error: %s%s%s\n", err->where,
                  err->where[0] == '\0' ? "" : ": ",
                  err->message[0] == '\0' ? pbase_status_name(status) : err->message);
    if (err->hint[0] != '\0') {
        (void)fprintf(stderr, "  %s\n", err->hint);
    }
    if (err->outcome == PBASE_OUTCOME_UNKNOWN) {
        char token[33];
        token_text(err, token);
        (void)fprintf(stderr, "  the commit may or may not have been applied; token %s\n", token);
    }
}
