/* cmd_entry.c - put, get, delete: one entry of a collection. */
#include "commands.h"

#include <string.h>

typedef struct {
    const char *collection;
    pbase_value key, value;
    bool found;
} entry_work;

/* ----------------------------------------------------------------------------------------- put -- */

static pbase_status put_body(pbase_txn *txn, void *state, pbase_error *err)
{
    entry_work *work = state;
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_dict(txn, work->collection, &dict, err);
    if (status == PBASE_NOT_FOUND) {
        status = pbase_txn_new_dict(txn, &dict, err);
    }
    if (status == PBASE_OK) {
        status = pbase_dict_put(&dict, &work->key, &work->value, &work->found, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, work->collection, dict, err);
    }
    pbase_dict_close(dict);
    return status;
}

CLI_COMMAND(cmd_put)
{
    entry_work work = {.collection = arguments->operands[0]};
    pbase_status status = cli_open_database(self, err);
    if (status == PBASE_OK) {
        status = cli_parse_key(self, arguments->operands[1], &work.key, err);
    }
    if (status == PBASE_OK) {
        status = cli_parse_json(self, arguments->operands[2], "the value", &work.value, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_run(self->database, NULL, &self->call, put_body, &work, err);
    }
    return status == PBASE_OK
               ? cli_print_done(self, work.found ? "replaced" : "inserted", work.collection, 1, err)
               : status;
}

/* -------------------------------------------------------------------------------------- delete -- */

static pbase_status delete_body(pbase_txn *txn, void *state, pbase_error *err)
{
    entry_work *work = state;
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_dict(txn, work->collection, &dict, err);
    if (status == PBASE_OK) {
        status = pbase_dict_remove(&dict, &work->key, &work->found, err);
    }
    if (status == PBASE_OK && !work->found) {
        status =
            PBASE_FAIL(err, PBASE_NOT_FOUND, "'%s' has no entry of that key", work->collection);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_store_dict(txn, work->collection, dict, err);
    }
    pbase_dict_close(dict);
    return status;
}

CLI_COMMAND(cmd_delete)
{
    entry_work work = {.collection = arguments->operands[0]};
    pbase_status status = cli_open_database(self, err);
    if (status == PBASE_OK) {
        status = cli_parse_key(self, arguments->operands[1], &work.key, err);
    }
    if (status == PBASE_OK) {
        status = pbase_txn_run(self->database, NULL, &self->call, delete_body, &work, err);
    }
    return status == PBASE_OK ? cli_print_done(self, "deleted", work.collection, 1, err) : status;
}

/* ----------------------------------------------------------------------------------------- get -- */

/* {"name": ..., "type": ..., "count": ...}, or the value of a root that holds one. */
static pbase_status print_root(cli *self, const pbase_snapshot *snapshot, const char *name,
                               pbase_error *err)
{
    pbase_root_info info;
    pbase_status status = pbase_snapshot_root(snapshot, name, &info, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (info.kind == PBASE_ROOT_VALUE) {
        pbase_value value;
        status = pbase_snapshot_value(snapshot, name, &self->arena, &value, err);
        return status == PBASE_OK ? cli_print_json(self, &value, err) : status;
    }
    pbase_field fields[] = {
        {pbase_bytes_text("name"), pbase_value_text(name)},
        {pbase_bytes_text("type"), pbase_value_text(cli_root_kind_name(info.kind))},
        {pbase_bytes_text("count"), pbase_value_int((int64_t)info.count)},
    };
    pbase_value description = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return cli_print_json(self, &description, err);
}

static pbase_status get_of_dict(cli *self, const pbase_snapshot *snapshot, const char *name,
                                const pbase_value *key, pbase_value *out, pbase_error *err)
{
    pbase_dict *dict = NULL;
    pbase_status status = pbase_snapshot_dict(snapshot, name, &dict, err);
    if (status == PBASE_OK) {
        status = pbase_dict_get(dict, key, &self->arena, out, err);
    }
    pbase_dict_close(dict);
    return status;
}

static pbase_status get_of_list(cli *self, const pbase_snapshot *snapshot, const char *name,
                                const pbase_value *key, pbase_value *out, pbase_error *err)
{
    pbase_list *list = NULL;
    if (key->kind != PBASE_INT) {
        return PBASE_FAIL(err, PBASE_INVALID, "'%s' is a list: give the index of an element", name);
    }
    pbase_status status = pbase_snapshot_list(snapshot, name, &list, err);
    if (status == PBASE_OK) {
        status = pbase_list_get(list, key->as.integer, &self->arena, out, err);
    }
    pbase_list_close(list);
    return status;
}

static pbase_status get_of_set(const pbase_snapshot *snapshot, const char *name,
                               const pbase_value *key, pbase_value *out, pbase_error *err)
{
    pbase_set *set = NULL;
    bool found = false;
    pbase_status status = pbase_snapshot_set(snapshot, name, &set, err);
    if (status == PBASE_OK) {
        status = pbase_set_has(set, key, &found, err);
    }
    if (status == PBASE_OK && !found) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "the set does not have it");
    }
    *out = *key;
    pbase_set_close(set);
    return status;
}

/* How often the element is there. */
static pbase_status get_of_counted_set(const pbase_snapshot *snapshot, const char *name,
                                       const pbase_value *key, pbase_value *out, pbase_error *err)
{
    pbase_counted_set *set = NULL;
    uint64_t count = 0;
    pbase_status status = pbase_snapshot_counted_set(snapshot, name, &set, err);
    if (status == PBASE_OK) {
        status = pbase_counted_set_get(set, key, &count, err);
    }
    if (status == PBASE_OK && count == 0) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "the counted set does not have it");
    }
    *out = pbase_value_int((int64_t)count); /* at most PBASE_COUNT_MAX */
    pbase_counted_set_close(set);
    return status;
}

static pbase_status print_entry(cli *self, const pbase_snapshot *snapshot, const char *name,
                                const char *key_text, pbase_error *err)
{
    pbase_value key, value;
    pbase_root_info info;
    pbase_status status = cli_parse_key(self, key_text, &key, err);
    if (status == PBASE_OK) {
        status = pbase_snapshot_root(snapshot, name, &info, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    switch (info.kind) {
    case PBASE_ROOT_DICT:
        status = get_of_dict(self, snapshot, name, &key, &value, err);
        break;
    case PBASE_ROOT_LIST:
        status = get_of_list(self, snapshot, name, &key, &value, err);
        break;
    case PBASE_ROOT_SET:
        status = get_of_set(snapshot, name, &key, &value, err);
        break;
    case PBASE_ROOT_COUNTED_SET:
        status = get_of_counted_set(snapshot, name, &key, &value, err);
        break;
    default:
        status = PBASE_FAIL(err, PBASE_INVALID, "'%s' holds a plain value: give no key", name);
    }
    return status == PBASE_OK ? cli_print_json(self, &value, err) : status;
}

CLI_COMMAND(cmd_get)
{
    pbase_snapshot *snapshot = NULL;
    pbase_status status = cli_open_database(self, err);
    if (status == PBASE_OK) {
        status = pbase_snapshot_open(self->database, &snapshot, err);
    }
    if (status == PBASE_OK && arguments->operand_count == 1) {
        status = print_root(self, snapshot, arguments->operands[0], err);
    } else if (status == PBASE_OK) {
        status = print_entry(self, snapshot, arguments->operands[0], arguments->operands[1], err);
    }
    pbase_snapshot_close(snapshot);
    return status;
}
