/* cmd_export.c - documents out, in collection order, streaming. */
#include "any_collection.h"
#include "commands.h"
#include "csv_columns.h"
#include "nested_value.h"
#include "object_rows.h"

#include <string.h>

typedef struct {
    cli *run;
    any_collection from;
    pbase_cursor *cursor;
    uint64_t repeats; /* of the entry the cursor stands on: rows still to come */
    bool is_array, with_keys;
    csv_types types;
    pbase_buffer text;
    pbase_arena arena; /* of what the collections in a row hold */
} export_work;

/* One row as it is exported; `fields` is room for a map around it. */
typedef struct {
    pbase_field fields[2];
    pbase_value key; /* when asked for */
    pbase_value value;
} export_row;

/* The value of an entry; of a counted set with how often it is there. */
static pbase_status read_row(const export_work *work, export_row *out, pbase_error *err)
{
    uint64_t count = 0;
    pbase_status status = pbase_cursor_value(work->cursor, &out->value, err);
    if (status == PBASE_OK && work->with_keys) {
        status = pbase_cursor_key(work->cursor, &out->key, err);
    }
    if (status != PBASE_OK || work->from.kind != PBASE_ROOT_COUNTED_SET) {
        return status;
    }
    status = pbase_cursor_count(work->cursor, &count, err);
    out->fields[0] = (pbase_field){pbase_bytes_text("value"), out->value};
    out->fields[1] = (pbase_field){pbase_bytes_text("count"),
                                   pbase_value_int((int64_t)count)}; /* at most PBASE_COUNT_MAX */
    out->value = pbase_value_map(out->fields, 2);
    return status;
}

/* To the next entry; a record of a multi-dictionary comes as often as it is there. */
static pbase_status next_row(export_work *work, pbase_error *err)
{
    if (work->repeats > 0) {
        work->repeats--;
        return PBASE_OK;
    }
    pbase_status status = pbase_cursor_next(work->cursor, err);
    if (status == PBASE_OK && work->from.kind == PBASE_ROOT_MULTI_DICT) {
        uint64_t count = 0;
        status = pbase_cursor_count(work->cursor, &count, err);
        work->repeats = status == PBASE_OK ? count - 1 : 0;
    }
    return status;
}

/* --------------------------------------------------------------------------------------- JSON -- */

static pbase_status append_entry(export_work *work, pbase_error *err)
{
    export_row row = {.key = pbase_value_null()};
    pbase_status status = read_row(work, &row, err);
    if (status == PBASE_OK) {
        pbase_arena_reset(&work->arena);
        status =
            nested_write(&row.value, nested_of_cursor, work->cursor, &work->arena, &row.value, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_field fields[] = {{pbase_bytes_text("key"), row.key},
                            {pbase_bytes_text("value"), row.value}};
    pbase_value both = pbase_value_map(fields, 2);
    return pbase_json_format(work->run->space, work->with_keys ? &both : &row.value, &work->text,
                             err);
}

static pbase_status write_json(export_work *work, pbase_error *err)
{
    const char *before = work->is_array ? "[\n" : "";
    pbase_status status = any_cursor(&work->from, &work->cursor, err);
    while (status == PBASE_OK) {
        status = next_row(work, err);
        if (status != PBASE_OK) {
            break;
        }
        work->text.size = 0;
        status = pbase_buffer_append_text(&work->text, err, "%s", before);
        status = status == PBASE_OK ? append_entry(work, err) : status;
        status = status == PBASE_OK && !work->is_array
                     ? pbase_buffer_append_u8(&work->text, '\n', err)
                     : status;
        status = status == PBASE_OK ? cli_write(pbase_buffer_view(&work->text), err) : status;
        before = work->is_array ? ",\n" : "";
        status = status == PBASE_OK ? cli_check_cancelled(&work->run->call, err) : status;
    }
    if (status == PBASE_END && work->is_array) {
        return cli_print(err, "%s\n]\n", before[0] == '[' ? "[" : "");
    }
    return status == PBASE_END ? PBASE_OK : status;
}

/* ---------------------------------------------------------------------------------------- CSV -- */

/* The first pass: which columns there are. */
static pbase_status find_columns(export_work *work, csv_columns *columns, pbase_error *err)
{
    export_row row = {.key = pbase_value_null()};
    pbase_status status = any_cursor(&work->from, &work->cursor, err);
    while (status == PBASE_OK) {
        status = pbase_cursor_next(work->cursor, err);
        status = status == PBASE_OK ? read_row(work, &row, err) : status;
        status = status == PBASE_OK ? csv_columns_add(columns, &row.value, err) : status;
        status = status == PBASE_OK ? cli_check_cancelled(&work->run->call, err) : status;
    }
    pbase_cursor_close(work->cursor);
    work->cursor = NULL;
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status write_csv_row(export_work *work, const csv_columns *columns, pbase_error *err)
{
    export_row row = {.key = pbase_value_null()};
    pbase_status status = read_row(work, &row, err);
    work->text.size = 0;
    status = status == PBASE_OK
                 ? csv_columns_row(work->run, columns, work->types,
                                   work->with_keys ? &row.key : NULL, &row.value, &work->text, err)
                 : status;
    return status == PBASE_OK ? cli_write(pbase_buffer_view(&work->text), err) : status;
}

static pbase_status write_csv(export_work *work, const char *chosen, pbase_error *err)
{
    csv_columns columns = {.arena = &work->run->arena};
    pbase_status status = chosen == NULL ? find_columns(work, &columns, err)
                                         : csv_columns_choose(&columns, chosen, err);
    if (status == PBASE_OK && columns.count + work->with_keys == 0) {
        return PBASE_OK; /* nothing has any field: there is not even a header */
    }
    status = status == PBASE_OK ? csv_columns_header(&columns, work->with_keys, &work->text, err)
                                : status;
    status = status == PBASE_OK ? cli_write(pbase_buffer_view(&work->text), err) : status;
    status = status == PBASE_OK ? any_cursor(&work->from, &work->cursor, err) : status;
    while (status == PBASE_OK) {
        status = next_row(work, err);
        status = status == PBASE_OK ? write_csv_row(work, &columns, err) : status;
        status = status == PBASE_OK ? cli_check_cancelled(&work->run->call, err) : status;
    }
    return status == PBASE_END ? PBASE_OK : status;
}

CLI_COMMAND(cmd_export)
{
    const char *format = arguments->values[EXPORT_FORMAT];
    const char *columns = arguments->values[EXPORT_COLUMNS];
    bool is_csv = format != NULL && strcmp(format, "csv") == 0;
    export_work work = {.run = self,
                        .is_array = format != NULL && strcmp(format, "json") == 0,
                        .with_keys = arguments->values[EXPORT_KEYS] != NULL,
                        .types = csv_types_of(arguments->values[EXPORT_CELLS])};
    if (!is_csv && (columns != NULL || arguments->values[EXPORT_CELLS] != NULL)) {
        return cli_usage(err, "--columns and --cells are for --format csv");
    }
    bool is_objects = objects_named(arguments->operands[0]);
    if (is_objects && (is_csv || work.with_keys)) {
        return cli_usage(err, "objects have neither --keys nor --format csv");
    }
    pbase_snapshot *snapshot = NULL;
    pbase_buffer_init(&work.text, pbase_alloc_default());
    pbase_arena_init(&work.arena, pbase_alloc_default());
    pbase_status status = cli_open_snapshot(self, arguments->values[EXPORT_AS_OF], &snapshot, err);
    if (status == PBASE_OK && !is_objects) {
        status = any_of_snapshot(snapshot, arguments->operands[0], &work.from, err);
    }
    if (status == PBASE_OK && is_objects) {
        status = object_rows_write(self, snapshot, work.is_array, err);
    } else if (status == PBASE_OK) {
        status = is_csv ? write_csv(&work, columns, err) : write_json(&work, err);
    }
    pbase_cursor_close(work.cursor);
    any_close(&work.from);
    pbase_snapshot_close(snapshot);
    pbase_buffer_fini(&work.text);
    pbase_arena_fini(&work.arena);
    return status;
}
