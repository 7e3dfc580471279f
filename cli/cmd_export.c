/* cmd_export.c - documents out, in collection order, streaming. */
#include "commands.h"

#include <string.h>

typedef struct {
    cli *run;
    pbase_dict *dict;
    pbase_list *list;
    pbase_set *set;
    pbase_cursor *cursor;
    bool is_array, with_keys;
    pbase_buffer text;
} export_work;

static pbase_status open_cursor(export_work *work, const pbase_snapshot *snapshot, const char *name,
                                pbase_error *err)
{
    pbase_root_info info;
    pbase_status status = pbase_snapshot_root(snapshot, name, &info, err);
    if (status != PBASE_OK) {
        return status;
    }
    switch (info.kind) {
    case PBASE_ROOT_DICT:
        status = pbase_snapshot_dict(snapshot, name, &work->dict, err);
        return status == PBASE_OK ? pbase_dict_cursor(work->dict, NULL, &work->cursor, err)
                                  : status;
    case PBASE_ROOT_LIST:
        status = pbase_snapshot_list(snapshot, name, &work->list, err);
        return status == PBASE_OK ? pbase_list_cursor(work->list, NULL, &work->cursor, err)
                                  : status;
    case PBASE_ROOT_SET:
        status = pbase_snapshot_set(snapshot, name, &work->set, err);
        return status == PBASE_OK ? pbase_set_cursor(work->set, NULL, &work->cursor, err) : status;
    default:
        status = PBASE_FAIL(err, PBASE_INVALID, "'%s' holds a plain value", name);
        pbase_error_hint(err, "`protobase get %s` prints it", name);
        return status;
    }
}

static pbase_status append_entry(export_work *work, pbase_error *err)
{
    pbase_value value, key;
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
        status = open_cursor(&work, snapshot, arguments->operands[0], err);
    }
    if (status == PBASE_OK) {
        status = write_all(&work, err);
    }
    pbase_cursor_close(work.cursor);
    pbase_dict_close(work.dict);
    pbase_list_close(work.list);
    pbase_set_close(work.set);
    pbase_snapshot_close(snapshot);
    pbase_buffer_fini(&work.text);
    return status;
}
