/* cmd_import.c - documents in, batch by batch, each batch one transaction.
 *
 * A batch is read, parsed and put before it is committed; a bad row ends the import with what was
 * committed before it, or goes to the rejects file. A batch that loses against other writers is put
 * again. Memory stays bounded: one batch, the text it came from, and one block of input. */
#include "any_collection.h"
#include "commands.h"
#include "csv_cells.h"
#include "object_rows.h"
#include "progress.h"
#include "rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_DEFAULT 10000u
#define BATCH_MAX 1000000u

typedef struct {
    cli *run;
    const char *collection;
    pbase_bytes key_field; /* empty: none */
    uint32_t kind;         /* PBASE_ROOT_*; PBASE_ROOT_VALUE: objects */
    uint64_t batch;
    FILE *rejects; /* NULL: a bad row ends the import */
    FILE *reasons; /* a line for each line of `rejects` */
    rows input;
    csv_types types; /* of CSV, as is the header */
    csv_header header;
    pbase_arena arena; /* of one row */
    progress progress;
    uint64_t imported, rejected;
    /* Of the batch at hand, which is begun again when it loses against another writer. */
    pbase_txn *txn;
    unsigned tries;
    uint64_t batch_count, batch_rejected, batch_rejects_written;
    bool ended;   /* the input */
    bool is_lost; /* its rows are too many to be read again */
} import_work;

/* --------------------------------------------------------------------------------- arguments ---- */

static pbase_status parse_kind(import_work *self, const char *type, pbase_error *err)
{
    bool keyed = self->key_field.size > 0;
    if (objects_named(self->collection)) {
        self->kind = PBASE_ROOT_VALUE;
        return keyed || type != NULL ? cli_usage(err, "objects have neither --key nor --type")
                                     : PBASE_OK;
    }
    if (type == NULL) {
        self->kind = keyed ? PBASE_ROOT_DICT : PBASE_ROOT_LIST;
        return PBASE_OK;
    }
    self->kind = any_kind(type);
    if (any_kind_keyed(self->kind) != keyed) {
        return cli_usage(
            err, keyed ? "--type %s has no keys: leave out --key" : "--type %s needs --key FIELD",
            type);
    }
    return PBASE_OK;
}

static pbase_status parse_batch(import_work *self, const char *text, pbase_error *err)
{
    char *end = NULL;
    self->batch = text == NULL ? BATCH_DEFAULT : strtoull(text, &end, 10);
    if ((end != NULL && *end != '\0') || self->batch == 0 || self->batch > BATCH_MAX) {
        return cli_usage(err, "--batch is a number from 1 to %u", BATCH_MAX);
    }
    return PBASE_OK;
}

static rows_format format_of(const char *text)
{
    return text != NULL && strcmp(text, "json") == 0  ? ROWS_ARRAY
           : text != NULL && strcmp(text, "csv") == 0 ? ROWS_CSV
                                                      : ROWS_LINES;
}

static pbase_status parse_arguments(import_work *self, const cli_arguments *arguments,
                                    pbase_error *err)
{
    const char *cells = arguments->values[IMPORT_CELLS];
    const char *key = arguments->values[IMPORT_KEY];
    self->collection = arguments->operands[0];
    self->key_field = key == NULL ? pbase_bytes_of(NULL, 0) : pbase_bytes_text(key);
    self->types = csv_types_of(cells);
    if (cells != NULL && format_of(arguments->values[IMPORT_FORMAT]) != ROWS_CSV) {
        return cli_usage(err, "--cells is for --format csv");
    }
    if (objects_named(self->collection) &&
        format_of(arguments->values[IMPORT_FORMAT]) == ROWS_CSV) {
        return cli_usage(err, "objects are no rows of CSV: use --format jsonl");
    }
    pbase_status status = parse_kind(self, arguments->values[IMPORT_TYPE], err);
    return status == PBASE_OK ? parse_batch(self, arguments->values[IMPORT_BATCH], err) : status;
}

/* -------------------------------------------------------------------------------------- rows ---- */

typedef struct {
    uint64_t line, column;
} place;

/* Puts "FILE: line L column C" where the parser said where in the row it was. */
static place place_error(const import_work *self, const row *bad, pbase_error *err)
{
    uint64_t line = 0, column = 0;
    place at = {bad->line, bad->column};
    if (cli_parse_place(err->where, &line, &column)) {
        at.line += line - 1;
        at.column = line == 1 ? bad->column + column - 1 : column;
    }
    pbase_error_where(err, "%s: line %" PRIu64 " column %" PRIu64, self->input.name, at.line,
                      at.column);
    return at;
}

static pbase_status put_row(import_work *self, any_collection *into, const pbase_value *value,
                            pbase_error *err)
{
    const pbase_value *key = NULL;
    if (self->kind == PBASE_ROOT_VALUE) {
        return object_row_put(self->txn, value, err);
    }
    if (any_kind_keyed(into->kind)) {
        key = pbase_value_field(value, self->key_field);
        if (key == NULL) {
            return PBASE_FAIL(err, PBASE_INVALID, "the row has no field '%.*s'",
                              (int)self->key_field.size, (const char *)self->key_field.data);
        }
    }
    return any_add_nested(into, self->txn, key, value, err);
}

/* Of CR LF the CR is left when rows are cut. */
static pbase_bytes without_cr(pbase_bytes record)
{
    record.size -= record.size > 0 && record.data[record.size - 1] == '\r';
    return record;
}

static pbase_status take_row(import_work *self, any_collection *into, const row *one,
                             pbase_error *err)
{
    pbase_value value;
    pbase_arena_reset(&self->arena);
    pbase_status status =
        self->input.format == ROWS_CSV
            ? csv_read_document(self->run, &self->header, self->types, without_cr(one->text),
                                &self->arena, &value, err)
            : pbase_json_parse(self->run->space, one->text, &self->arena, &value, err);
    return status == PBASE_OK ? put_row(self, into, &value, err) : status;
}

static bool is_bad_row(pbase_status status)
{
    return status == PBASE_INVALID || status == PBASE_LIMIT || status == PBASE_UNSUPPORTED;
}

static pbase_status write_reject(import_work *self, pbase_bytes text, pbase_error *err)
{
    bool ok = fwrite(text.data, 1, text.size, self->rejects) == text.size &&
              fputc('\n', self->rejects) != EOF;
    return ok ? PBASE_OK : PBASE_FAIL_ERRNO(err, errno, "cannot write the rejects file");
}

/* One line of JSON: where the row was, and why it was refused. */
static pbase_status write_reason(import_work *self, place at, pbase_error *err)
{
    pbase_field fields[] = {
        {pbase_bytes_text("line"), pbase_value_int((int64_t)at.line)},
        {pbase_bytes_text("column"), pbase_value_int((int64_t)at.column)},
        {pbase_bytes_text("code"), pbase_value_text(pbase_status_name(err->code))},
        {pbase_bytes_text("message"), pbase_value_text(err->message)},
    };
    pbase_value reason = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    pbase_buffer line;
    pbase_buffer_init(&line, pbase_alloc_default());
    if (!pbase_utf8_valid(fields[3].value.as.string)) { /* it may quote what was not UTF-8 */
        fields[3].value = pbase_value_text("the row is not UTF-8");
    }
    pbase_status status = pbase_json_format(self->run->space, &reason, &line, err);
    status = status == PBASE_OK ? pbase_buffer_append_u8(&line, '\n', err) : status;
    if (status == PBASE_OK && fwrite(line.data, 1, line.size, self->reasons) != line.size) {
        status = PBASE_FAIL_ERRNO(err, errno, "cannot write the reasons of the rejects");
    }
    pbase_buffer_fini(&line);
    return status;
}

static pbase_status reject(import_work *self, const row *bad, place at, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (self->batch_rejected++ == self->batch_rejects_written) { /* not by a try before */
        status = write_reason(self, at, err);
        status = status == PBASE_OK ? write_reject(self, bad->text, err) : status;
        self->batch_rejects_written++;
    }
    if (status == PBASE_OK) {
        pbase_error_init(err);
    }
    return status;
}

/* An empty line is no record, unless a record is one cell, which may be empty. */
static bool is_passed_over(const import_work *self, const row *one)
{
    return self->input.format == ROWS_CSV && self->header.count > 1 &&
           without_cr(one->text).size == 0;
}

/* Fills one batch; END when the input has ended. */
static pbase_status fill_batch(import_work *self, any_collection *into, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && self->batch_count < self->batch) {
        row one;
        status = rows_next(&self->input, &one, err);
        if (status != PBASE_OK) {
            break;
        }
        if (is_passed_over(self, &one)) {
            continue;
        }
        status = take_row(self, into, &one, err);
        if (status == PBASE_OK) {
            self->batch_count++;
        } else if (is_bad_row(status)) {
            place at = place_error(self, &one, err);
            status = self->rejects == NULL ? status : reject(self, &one, at, err);
        }
    }
    return status;
}

/* ------------------------------------------------------------------------------------ batches ---- */

/* The rows of the batch, again if it was tried before. */
static pbase_status begin_rows(import_work *self, pbase_error *err)
{
    self->batch_count = self->batch_rejected = 0;
    self->ended = false;
    if (self->tries++ == 0) {
        rows_mark_here(&self->input);
    } else if (!rows_go_back(&self->input)) {
        self->is_lost = true;
        return PBASE_FAIL(err, PBASE_LIMIT, "no other try: its rows are gone"); /* ends the tries */
    }
    return PBASE_OK;
}

/* Body of the transaction of a batch. */
static pbase_status put_batch(pbase_txn *txn, void *state, pbase_error *err)
{
    import_work *self = state;
    any_collection into = {.kind = PBASE_ROOT_VALUE};
    bool is_objects = self->kind == PBASE_ROOT_VALUE;
    self->txn = txn;
    pbase_status status = begin_rows(self, err);
    if (status == PBASE_OK && !is_objects) {
        status = any_of_txn(txn, self->collection, self->kind, &into, err);
    }
    if (status == PBASE_OK) {
        status = fill_batch(self, &into, err);
    }
    self->ended = status == PBASE_END;
    status = self->ended ? PBASE_OK : status;
    if (status == PBASE_OK && !is_objects) {
        status = any_store(&into, txn, self->collection, err);
    }
    any_close(&into);
    return status;
}

/* Within the transaction of a shell: a batch that fails leaves nothing there either. */
static pbase_status put_nested(import_work *self, pbase_txn *outer, pbase_error *err)
{
    pbase_txn *txn = NULL;
    pbase_status status = pbase_txn_begin_nested(outer, NULL, &txn, err);
    status = status == PBASE_OK ? put_batch(txn, self, err) : status;
    status = status == PBASE_OK ? pbase_txn_commit(&txn, NULL, NULL, err) : status;
    pbase_txn_abort(&txn);
    return status;
}

/* One transaction. END: the input has ended and what it still gave is committed. */
static pbase_status import_batch(import_work *self, pbase_error *err)
{
    pbase_txn *outer = self->run->txn;
    self->tries = 0;
    self->batch_rejects_written = 0;
    pbase_status status = outer != NULL ? put_nested(self, outer, err)
                                        : pbase_txn_run(self->run->database, NULL, &self->run->call,
                                                        put_batch, self, err);
    self->rejected += self->batch_rejected;
    if (self->is_lost) {
        status = PBASE_FAIL(err, PBASE_CONFLICT,
                            "the batch lost against other writers, and its rows are too many to be "
                            "kept for another try");
        pbase_error_hint(err, "import the rest with a smaller --batch");
    }
    if (status == PBASE_OK) {
        self->imported += self->batch_count;
        progress_update(&self->progress, self->imported, self->input.bytes_given);
    }
    return status == PBASE_OK && self->ended ? PBASE_END : status;
}

/* The header of CSV; it heads the rejects, too, so that they can be imported once they are right. */
static pbase_status read_header(import_work *self, pbase_error *err)
{
    row one;
    pbase_status status = rows_next(&self->input, &one, err);
    if (status == PBASE_END) {
        return PBASE_FAIL(err, PBASE_INVALID, "%s is empty: CSV begins with a line of names",
                          self->input.name);
    }
    if (status == PBASE_OK) {
        status = csv_header_read(without_cr(one.text), &self->run->arena, &self->header, err);
        if (is_bad_row(status)) {
            (void)place_error(self, &one, err);
        }
    }
    return status == PBASE_OK && self->rejects != NULL ? write_reject(self, one.text, err) : status;
}

static pbase_status import_all(import_work *self, pbase_error *err)
{
    pbase_status status = self->input.format == ROWS_CSV ? read_header(self, err) : PBASE_OK;
    progress_begin(&self->progress, "imported", rows_file_bytes(&self->input), !self->run->json);
    while (status == PBASE_OK) {
        status = import_batch(self, err);
    }
    progress_end(&self->progress);
    if (status != PBASE_END) {
        pbase_error_note(err, "after %" PRIu64 " imported rows", self->imported);
        return status;
    }
    return PBASE_OK;
}

static pbase_status print_summary(const import_work *self, pbase_error *err)
{
    double seconds = progress_seconds(&self->progress);
    double rate = seconds > 0 ? (double)self->imported / seconds : 0;
    pbase_field fields[] = {
        {pbase_bytes_text("imported"), pbase_value_int((int64_t)self->imported)},
        {pbase_bytes_text("rejected"), pbase_value_int((int64_t)self->rejected)},
        {pbase_bytes_text("seconds"), pbase_value_float(seconds)},
        {pbase_bytes_text("rows_per_second"), pbase_value_float(rate)},
    };
    pbase_value line = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return self->run->json
               ? cli_print_json(self->run, &line, err)
               : cli_print(err,
                           "imported %" PRIu64 " rows into '%s' in %.2f s (%.0f rows/s), %" PRIu64
                           " rejected\n",
                           self->imported, self->collection, seconds, rate, self->rejected);
}

static pbase_status open_rejects(import_work *self, const char *path, pbase_error *err)
{
    pbase_buffer reasons;
    if (path == NULL) {
        return PBASE_OK;
    }
    self->rejects = fopen(path, "wb");
    if (self->rejects == NULL) {
        return PBASE_FAIL_ERRNO(err, errno, "cannot write '%s'", path);
    }
    pbase_buffer_init(&reasons, pbase_alloc_default());
    pbase_status status = pbase_buffer_append_text(&reasons, err, "%s.reasons", path);
    status = status == PBASE_OK ? pbase_buffer_append_u8(&reasons, '\0', err) : status;
    if (status == PBASE_OK) {
        self->reasons = fopen((const char *)reasons.data, "wb");
        status = self->reasons != NULL ? PBASE_OK
                                       : PBASE_FAIL_ERRNO(err, errno, "cannot write '%s'",
                                                          (const char *)reasons.data);
    }
    pbase_buffer_fini(&reasons);
    return status;
}

static pbase_status close_rejects(import_work *self, pbase_status status, pbase_error *err)
{
    bool ok = self->rejects == NULL || fclose(self->rejects) == 0;
    ok = (self->reasons == NULL || fclose(self->reasons) == 0) && ok;
    return ok || status != PBASE_OK ? status
                                    : PBASE_FAIL_ERRNO(err, errno, "cannot write the rejects file");
}

/* The exit code tells that not everything went in. */
static pbase_status tell_rejected(const import_work *self, const char *path, pbase_error *err)
{
    if (self->rejected == 0) {
        return PBASE_OK;
    }
    pbase_status status =
        PBASE_FAIL(err, PBASE_INVALID, "%" PRIu64 " rows were rejected; %" PRIu64 " went in",
                   self->rejected, self->imported);
    pbase_error_hint(err, "they are in '%s', the reasons line by line in '%s.reasons'", path, path);
    return status;
}

CLI_COMMAND(cmd_import)
{
    import_work work = {.run = self};
    const char *rejects = arguments->values[IMPORT_REJECTS];
    pbase_arena_init(&work.arena, pbase_alloc_default());
    pbase_status status = parse_arguments(&work, arguments, err);
    if (status == PBASE_OK) {
        status = rows_open(arguments->operands[1], format_of(arguments->values[IMPORT_FORMAT]),
                           &self->call, &work.input, err);
    }
    if (status == PBASE_OK) {
        status = open_rejects(&work, rejects, err);
    }
    if (status == PBASE_OK) {
        status = cli_open_database(self, err);
    }
    if (status == PBASE_OK) {
        status = import_all(&work, err);
    }
    if (status == PBASE_OK) {
        status = print_summary(&work, err);
    }
    status = close_rejects(&work, status, err);
    if (status == PBASE_OK) {
        status = tell_rejected(&work, rejects, err);
    }
    rows_close(&work.input);
    pbase_arena_fini(&work.arena);
    return status;
}
