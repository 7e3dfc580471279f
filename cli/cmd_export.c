/* cmd_export.c - documents out, in collection order, streaming. */
#include "any_collection.h"
#include "commands.h"

#include <string.h>

typedef struct {
    cli *run;
    any_collection from;
    pbase_cursor *cursor;
    bool is_array, with_keys;
    pbase_buffer text;
} export_work;

/* An element of a counted set, with how often it is there. */
static pbase_status append_counted(export_work *work, pbase_error *err)
{
    pbase_field fields[] = {{pbase_bytes_text("value"), pbase_value_null()},
                            {pbase_bytes_text("count"), pbase_value_null()}};
    uint64_t count = 0;
    pbase_status status = pbase_cursor_value(work->cursor, &fields[0].value, err);
    if (status == PBASE_OK) {
        status = pbase_cursor_count(work->cursor, &count, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    fields[1].value = pbase_value_int((int64_t)count); /* at most PBASE_COUNT_MAX */
    pbase_value row = pbase_value_map(fields, 2);
    return pbase_json_format(work->run->space, &row, &work->text, err);
}

static pbase_status append_entry(export_work *work, pbase_error *err)
{
    pbase_value value, key;
    if (work->from.kind == PBASE_ROOT_COUNTED_SET) {
        return append_counted(work, err);
    }
    pbase_status status = pbase_cursor_value(work->cursor, &value, err);
    if (status == PBASE_OK && work->with_keys) {
        status = pbase_cursor_key(work->cursor, &key, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_field fields[] = {{pbase_bytes_text("key"), pbase_value_null()},
                            {pbase_bytes_text("value"), value}};
    if (work->with_keys) {
        fields[0].value = key;
        value = pbase_value_map(fields, 2);
    }
    return pbase_json_format(work->run->space, &value, &work->text, err);
}

static pbase_status write_all(export_work *work, pbase_error *err)
{
    const char *before = work->is_array ? "[\n" : "";
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK) {
        status = pbase_cursor_next(work->cursor, err);
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

CLI_COMMAND(cmd_export)
{
    const char *format = arguments->values[EXPORT_FORMAT];
    export_work work = {.run = self,
                        .is_array = format != NULL && strcmp(format, "json") == 0,
                        .with_keys = arguments->values[EXPORT_KEYS] != NULL};
    pbase_snapshot *snapshot = NULL;
    pbase_buffer_init(&work.text, pbase_alloc_default());
    pbase_status status = cli_open_database(self, err);
    if (status == PBASE_OK) {
        status = pbase_snapshot_open(self->database, &snapshot, err);
    }
    if (status == PBASE_OK) {
        status = any_of_snapshot(snapshot, arguments->operands[0], &work.from, err);
    }
    if (status == PBASE_OK) {
        status = any_cursor(&work.from, &work.cursor, err);
    }
    if (status == PBASE_OK) {
        status = write_all(&work, err);
    }
    pbase_cursor_close(work.cursor);
    any_close(&work.from);
    pbase_snapshot_close(snapshot);
    pbase_buffer_fini(&work.text);
    return status;
}
