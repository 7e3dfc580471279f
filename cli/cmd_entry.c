/* cmd_entry.c - put, get, delete: one entry of a collection. */
#include "any_collection.h"
#include "commands.h"
#include "nested_value.h"
#include "object_rows.h"

#include <string.h>

typedef struct {
    const char *collection;
    uint32_t kind; /* PBASE_ROOT_*: of the collection, or of the one to make */
    pbase_value key, value;
    bool found;
} entry_work;

typedef struct {
    const char *name;
    pbase_root_info *out;
    bool found;
} wanted_root;

static pbase_status look_at_root(void *state, const pbase_root_info *root, pbase_error *err)
{
    wanted_root *wanted = state;
    (void)err;
    if (pbase_bytes_equal(root->name, pbase_bytes_text(wanted->name))) {
        *wanted->out = *root;
        wanted->found = true;
    }
    return PBASE_OK;
}

/* As the transaction of a shell sees it: it may have made the root, or dropped it. */
static pbase_status root_of_txn(pbase_txn *txn, const char *name, pbase_root_info *out,
                                pbase_error *err)
{
    wanted_root wanted = {.name = name, .out = out};
    pbase_status status = pbase_txn_roots(txn, look_at_root, &wanted, err);
    return status != PBASE_OK || wanted.found
               ? status
               : PBASE_FAIL(err, PBASE_NOT_FOUND, "the transaction sees no root '%s'", name);
}

static pbase_status root_of_database(pbase_database *database, const char *name,
                                     pbase_root_info *out, pbase_error *err)
{
    pbase_snapshot *snapshot = NULL;
    pbase_status status = pbase_snapshot_open(database, &snapshot, err);
    if (status == PBASE_OK) {
        status = pbase_snapshot_root(snapshot, name, out, err);
    }
    pbase_snapshot_close(snapshot);
    return status;
}

/* Learns what the root holds; one that is missing becomes a dictionary. Whether that is still so is
 * seen when it is opened in the transaction. */
static pbase_status learn_kind(const cli *self, entry_work *work, pbase_error *err)
{
    pbase_root_info info = {.kind = PBASE_ROOT_DICT};
    pbase_status status = self->txn != NULL
                              ? root_of_txn(self->txn, work->collection, &info, err)
                              : root_of_database(self->database, work->collection, &info, err);
    if (status == PBASE_OK || status == PBASE_NOT_FOUND) {
        work->kind = info.kind == PBASE_ROOT_VALUE ? PBASE_ROOT_DICT : info.kind;
    }
    return status;
}

static pbase_status holds_no_keys(const entry_work *work, const char *verb, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_INVALID, "'%s' holds a %s, which has no keys to %s",
                      work->collection, cli_root_kind_name(work->kind), verb);
}

/* A key as typed; of a hash dictionary any JSON. */
static pbase_status parse_key(cli *self, const char *text, uint32_t kind, pbase_value *out,
                              pbase_error *err)
{
    if (kind == PBASE_ROOT_HASH_DICT && text[0] == '{') {
        return cli_parse_json(self, text, "the key", out, err);
    }
    return cli_parse_key(self, text, out, err);
}

/* ----------------------------------------------------------------------------------------- put -- */

static pbase_status put_body(pbase_txn *txn, void *state, pbase_error *err)
{
    entry_work *work = state;
    any_collection into = {.kind = PBASE_ROOT_VALUE};
    if (!any_kind_keyed(work->kind)) {
        return holds_no_keys(work, "put at", err);
    }
    pbase_status status = any_of_txn(txn, work->collection, work->kind, &into, err);
    if (status == PBASE_OK) {
        status = any_put_nested(&into, txn, &work->key, &work->value, &work->found, err);
    }
    if (status == PBASE_OK) {
        status = any_store(&into, txn, work->collection, err);
    }
    any_close(&into);
    return status;
}

CLI_COMMAND(cmd_put)
{
    entry_work work = {.collection = arguments->operands[0]};
    pbase_status status = cli_open_database(self, err);
    if (status == PBASE_OK) {
        status = learn_kind(self, &work, err);
        status = status == PBASE_NOT_FOUND ? PBASE_OK : status;
    }
    if (status == PBASE_OK) {
        status = parse_key(self, arguments->operands[1], work.kind, &work.key, err);
    }
    if (status == PBASE_OK) {
        status = cli_parse_json(self, arguments->operands[2], "the value", &work.value, err);
    }
    if (status == PBASE_OK) {
        status = cli_run_in_txn(self, put_body, &work, err);
    }
    return status == PBASE_OK
               ? cli_print_done(self, work.found ? "replaced" : "inserted", work.collection, 1, err)
               : status;
}

/* -------------------------------------------------------------------------------------- delete -- */

static pbase_status delete_body(pbase_txn *txn, void *state, pbase_error *err)
{
    entry_work *work = state;
    any_collection from = {.kind = PBASE_ROOT_VALUE};
    if (work->kind == PBASE_ROOT_LIST) {
        return holds_no_keys(work, "delete", err);
    }
    pbase_status status = any_of_txn(txn, work->collection, work->kind, &from, err);
    if (status == PBASE_OK) {
        status = any_remove(&from, &work->key, &work->found, err);
    }
    if (status == PBASE_OK && !work->found) {
        status =
            PBASE_FAIL(err, PBASE_NOT_FOUND, "'%s' has no entry of that key", work->collection);
    }
    if (status == PBASE_OK) {
        status = any_store(&from, txn, work->collection, err);
    }
    any_close(&from);
    return status;
}

static pbase_status delete_object(pbase_txn *txn, void *id, pbase_error *err)
{
    return object_row_remove(txn, id, err);
}

CLI_COMMAND(cmd_delete)
{
    entry_work work = {.collection = arguments->operands[0]};
    pbase_status status = cli_open_database(self, err);
    if (status == PBASE_OK && objects_named(work.collection)) {
        status =
            cli_run_in_txn(self, delete_object, (void *)(uintptr_t)arguments->operands[1], err);
        return status == PBASE_OK ? cli_print_done(self, "deleted", work.collection, 1, err)
                                  : status;
    }
    if (status == PBASE_OK) {
        status = learn_kind(self, &work, err);
    }
    if (status == PBASE_OK) {
        status = parse_key(self, arguments->operands[1], work.kind, &work.key, err);
    }
    if (status == PBASE_OK) {
        status = cli_run_in_txn(self, delete_body, &work, err);
    }
    return status == PBASE_OK ? cli_print_done(self, "deleted", work.collection, 1, err) : status;
}

/* ----------------------------------------------------------------------------------------- get -- */

typedef struct {
    const pbase_snapshot *snapshot;
    const char *name;
} opened_root;

static pbase_status child_of_root(void *state, uint64_t n, pbase_collection **out, pbase_error *err)
{
    const opened_root *root = state;
    return pbase_snapshot_child(root->snapshot, root->name, n, out, err);
}

typedef struct {
    const any_collection *from;
    const pbase_value *key;
} opened_entry;

static pbase_status child_of_entry(void *state, uint64_t n, pbase_collection **out,
                                   pbase_error *err)
{
    const opened_entry *entry = state;
    return any_child(entry->from, entry->key, n, out, err);
}

/* Prints a value with what its collections hold. */
static pbase_status print_nested(cli *self, const pbase_snapshot *snapshot, const char *name,
                                 const pbase_value *key, const pbase_value *value, pbase_error *err)
{
    any_collection from = {.kind = PBASE_ROOT_VALUE};
    opened_entry entry = {&from, key};
    pbase_value written;
    pbase_status status = any_of_snapshot(snapshot, name, &from, err);
    if (status == PBASE_OK) {
        status = nested_write(value, child_of_entry, &entry, &self->arena, &written, err);
    }
    any_close(&from);
    return status == PBASE_OK ? cli_print_json(self, &written, err) : status;
}

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
        opened_root root = {snapshot, name};
        status = status == PBASE_OK
                     ? nested_write(&value, child_of_root, &root, &self->arena, &value, err)
                     : status;
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

static pbase_status get_of_hash_dict(cli *self, const pbase_snapshot *snapshot, const char *name,
                                     const pbase_value *key, pbase_value *out, pbase_error *err)
{
    pbase_hash_dict *dict = NULL;
    pbase_status status = pbase_snapshot_hash_dict(snapshot, name, &dict, err);
    if (status == PBASE_OK) {
        status = pbase_hash_dict_get(dict, key, &self->arena, out, err);
    }
    pbase_hash_dict_close(dict);
    return status;
}

/* Prints what the cursor passes: each record as often as it is there. */
static pbase_status print_records(cli *self, pbase_cursor *cursor, pbase_error *err)
{
    bool any = false;
    pbase_status status = pbase_cursor_next(cursor, err);
    while (status == PBASE_OK) {
        pbase_value record;
        uint64_t count = 0;
        status = pbase_cursor_value(cursor, &record, err);
        status = status == PBASE_OK ? pbase_cursor_count(cursor, &count, err) : status;
        for (; status == PBASE_OK && count > 0; count--) {
            any = true;
            status = cli_print_json(self, &record, err);
        }
        status = status == PBASE_OK ? pbase_cursor_next(cursor, err) : status;
    }
    if (status == PBASE_END && !any) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no record of that key");
    }
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status print_of_multi_dict(cli *self, const pbase_snapshot *snapshot, const char *name,
                                        const pbase_value *key, pbase_error *err)
{
    pbase_multi_dict *dict = NULL;
    pbase_cursor *cursor = NULL;
    pbase_range range = {.struct_size = sizeof range, .from = key, .to = key};
    pbase_status status = pbase_snapshot_multi_dict(snapshot, name, &dict, err);
    if (status == PBASE_OK) {
        status = pbase_multi_dict_cursor(dict, &range, &cursor, err);
    }
    if (status == PBASE_OK) {
        status = print_records(self, cursor, err);
    }
    pbase_cursor_close(cursor);
    pbase_multi_dict_close(dict);
    return status;
}

/* The one value that stands at a key, of every kind but the multi-dictionary. */
static pbase_status get_value(cli *self, const pbase_snapshot *snapshot, const char *name,
                              uint32_t kind, const pbase_value *key, pbase_value *out,
                              pbase_error *err)
{
    switch (kind) {
    case PBASE_ROOT_DICT:
        return get_of_dict(self, snapshot, name, key, out, err);
    case PBASE_ROOT_LIST:
        return get_of_list(self, snapshot, name, key, out, err);
    case PBASE_ROOT_SET:
        return get_of_set(snapshot, name, key, out, err);
    case PBASE_ROOT_HASH_DICT:
        return get_of_hash_dict(self, snapshot, name, key, out, err);
    case PBASE_ROOT_COUNTED_SET:
        return get_of_counted_set(snapshot, name, key, out, err);
    default:
        return PBASE_FAIL(err, PBASE_INVALID, "'%s' holds a plain value: give no key", name);
    }
}

static pbase_status print_entry(cli *self, const pbase_snapshot *snapshot, const char *name,
                                const char *key_text, pbase_error *err)
{
    pbase_value key, value;
    pbase_root_info info;
    pbase_status status = pbase_snapshot_root(snapshot, name, &info, err);
    if (status == PBASE_OK) {
        status = parse_key(self, key_text, info.kind, &key, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (info.kind == PBASE_ROOT_MULTI_DICT) {
        return print_of_multi_dict(self, snapshot, name, &key, err);
    }
    status = get_value(self, snapshot, name, info.kind, &key, &value, err);
    return status == PBASE_OK ? print_nested(self, snapshot, name, &key, &value, err) : status;
}

CLI_COMMAND(cmd_get)
{
    pbase_snapshot *snapshot = NULL;
    pbase_status status = cli_open_snapshot(self, arguments->values[GET_AS_OF], &snapshot, err);
    if (status == PBASE_OK && objects_named(arguments->operands[0])) {
        const char *id = arguments->operand_count == 1 ? NULL : arguments->operands[1];
        status = object_row_print(self, snapshot, id, err);
    } else if (status == PBASE_OK && arguments->operand_count == 1) {
        status = print_root(self, snapshot, arguments->operands[0], err);
    } else if (status == PBASE_OK) {
        status = print_entry(self, snapshot, arguments->operands[0], arguments->operands[1], err);
    }
    pbase_snapshot_close(snapshot);
    return status;
}
