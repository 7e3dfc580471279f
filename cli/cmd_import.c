/* cmd_import.c - documents in, batch by batch, each batch one transaction.
 *
 * A batch is read, parsed and put before it is committed; a bad row ends the import with what was
 * committed before it, or goes to the rejects file. Memory stays constant: one batch and one block of
 * input. */
#include "any_collection.h"
#include "commands.h"
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
    uint32_t kind;         /* PBASE_ROOT_* */
    uint64_t batch;
    FILE *rejects; /* NULL: a bad row ends the import */
    rows input;
    pbase_arena arena; /* of one row */
    progress progress;
    uint64_t imported, rejected;
} import_work;

/* --------------------------------------------------------------------------------- arguments ---- */

static pbase_status parse_kind(import_work *self, const char *type, pbase_error *err)
{
    bool keyed = self->key_field.size > 0;
    if (type == NULL) {
        self->kind = keyed ? PBASE_ROOT_DICT : PBASE_ROOT_LIST;
        return PBASE_OK;
    }
    self->kind = any_kind(type);
    if (any_kind_keyed(self->kind) != keyed) {
        return cli_usage(err,
                         keyed ? "--key makes a dictionary; leave out --type %s"
                               : "--type %s needs --key FIELD",
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

static pbase_status parse_arguments(import_work *self, const cli_arguments *arguments,
                                    bool *is_array, pbase_error *err)
{
    const char *format = arguments->values[IMPORT_FORMAT];
    const char *key = arguments->values[IMPORT_KEY];
    self->collection = arguments->operands[0];
    self->key_field = key == NULL ? pbase_bytes_of(NULL, 0) : pbase_bytes_text(key);
    *is_array = format != NULL && strcmp(format, "json") == 0;
    pbase_status status = parse_kind(self, arguments->values[IMPORT_TYPE], err);
    return status == PBASE_OK ? parse_batch(self, arguments->values[IMPORT_BATCH], err) : status;
}

/* -------------------------------------------------------------------------------------- rows ---- */

/* The two numbers of "line L column C"; false for any other text. */
static bool parse_place(const char *text, uint64_t *out_line, uint64_t *out_column)
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

/* Puts "FILE: line L column C" where the codec said where in the row it was. */
static void place_error(const import_work *self, const row *bad, pbase_error *err)
{
    uint64_t line = 0, column = 0;
    uint64_t at_line = bad->line, at_column = bad->column;
    if (parse_place(err->where, &line, &column)) {
        at_line += line - 1;
        at_column = line == 1 ? bad->column + column - 1 : column;
    }
    pbase_error_where(err, "%s: line %" PRIu64 " column %" PRIu64, self->input.name, at_line,
                      at_column);
}

static pbase_status put_row(import_work *self, any_collection *into, const pbase_value *value,
                            pbase_error *err)
{
    const pbase_value *key = NULL;
    if (any_kind_keyed(into->kind)) {
        key = pbase_value_field(value, self->key_field);
        if (key == NULL) {
            return PBASE_FAIL(err, PBASE_INVALID, "the row has no field '%.*s'",
                              (int)self->key_field.size, (const char *)self->key_field.data);
        }
    }
    return any_add(into, key, value, err);
}

static pbase_status take_row(import_work *self, any_collection *into, const row *one,
                             pbase_error *err)
{
    pbase_value value;
    pbase_arena_reset(&self->arena);
    pbase_status status = pbase_json_parse(self->run->space, one->text, &self->arena, &value, err);
    return status == PBASE_OK ? put_row(self, into, &value, err) : status;
}

static bool is_bad_row(pbase_status status)
{
    return status == PBASE_INVALID || status == PBASE_LIMIT || status == PBASE_UNSUPPORTED;
}

static pbase_status reject(import_work *self, const row *bad, pbase_error *err)
{
    self->rejected++;
    bool ok = fwrite(bad->text.data, 1, bad->text.size, self->rejects) == bad->text.size &&
              fputc('\n', self->rejects) != EOF;
    if (!ok) {
        return PBASE_FAIL_ERRNO(err, errno, "cannot write the rejects file");
    }
    pbase_error_init(err);
    return PBASE_OK;
}

/* Fills one batch; END when the input has ended. */
static pbase_status fill_batch(import_work *self, any_collection *into, uint64_t *out_count,
                               pbase_error *err)
{
    pbase_status status = PBASE_OK;
    *out_count = 0;
    while (status == PBASE_OK && *out_count < self->batch) {
        row one;
        status = rows_next(&self->input, &one, err);
        if (status != PBASE_OK) {
            break;
        }
        status = take_row(self, into, &one, err);
        if (status == PBASE_OK) {
            ++*out_count;
        } else if (is_bad_row(status)) {
            place_error(self, &one, err);
            status = self->rejects == NULL ? status : reject(self, &one, err);
        }
    }
    return status;
}

/* ------------------------------------------------------------------------------------ batches ---- */

/* One transaction. END: the input has ended and what it still gave is committed. */
static pbase_status import_batch(import_work *self, pbase_error *err)
{
    pbase_txn *txn = NULL;
    any_collection into = {.kind = PBASE_ROOT_VALUE};
    uint64_t count = 0;
    pbase_status status = pbase_txn_begin(self->run->database, NULL, &txn, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = any_of_txn(txn, self->collection, self->kind, &into, err);
    if (status == PBASE_OK) {
        status = fill_batch(self, &into, &count, err);
    }
    bool ended = status == PBASE_END;
    if (status == PBASE_OK || ended) {
        status = any_store(&into, txn, self->collection, err);
    }
    any_close(&into);
    if (status == PBASE_OK) {
        status = pbase_txn_commit(&txn, NULL, NULL, err);
    }
    pbase_txn_abort(&txn);
    if (status == PBASE_OK) {
        self->imported += count;
        progress_update(&self->progress, self->imported, self->input.bytes_given);
    }
    return status == PBASE_OK && ended ? PBASE_END : status;
}

static pbase_status import_all(import_work *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
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
    if (path == NULL) {
        return PBASE_OK;
    }
    self->rejects = fopen(path, "wb");
    return self->rejects == NULL ? PBASE_FAIL_ERRNO(err, errno, "cannot write '%s'", path)
                                 : PBASE_OK;
}

CLI_COMMAND(cmd_import)
{
    import_work work = {.run = self};
    bool is_array = false;
    pbase_arena_init(&work.arena, pbase_alloc_default());
    pbase_status status = parse_arguments(&work, arguments, &is_array, err);
    if (status == PBASE_OK) {
        status = rows_open(arguments->operands[1], is_array, &self->call, &work.input, err);
    }
    if (status == PBASE_OK) {
        status = open_rejects(&work, arguments->values[IMPORT_REJECTS], err);
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
    if (work.rejects != NULL && fclose(work.rejects) != 0 && status == PBASE_OK) {
        status = PBASE_FAIL_ERRNO(err, errno, "cannot write the rejects file");
    }
    rows_close(&work.input);
    pbase_arena_fini(&work.arena);
    return status;
}
