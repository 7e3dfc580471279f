/* object_rows.c - objects to rows and back. */
#include "object_rows.h"
#include "nested_value.h"

#include <string.h>

#define OBJECTS "$objects"

bool objects_named(const char *collection)
{
    return strcmp(collection, OBJECTS) == 0;
}

/* ---------------------------------------------------------------------------------------- in -- */

static pbase_status bad_row(pbase_error *err, const char *why)
{
    pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "the row is no object: %s", why);
    pbase_error_hint(err,
                     "{\"class\": \"Person\", \"value\": {...}}, with the \"id\" of one that is "
                     "to be replaced");
    return status;
}

static pbase_status read_id(const pbase_value *value, pbase_object_id *out, pbase_error *err)
{
    if (value->kind == PBASE_REFERENCE) {
        *out = value->as.reference;
        return PBASE_OK;
    }
    return value->kind == PBASE_STRING &&
                   pbase_object_id_parse(value->as.string, out, NULL) == PBASE_OK
               ? PBASE_OK
               : bad_row(err, "\"id\" is {\"$ref\": 32 hexadecimal digits}");
}

/* The parts of one row, looked at. */
typedef struct {
    char class_name[PBASE_NAME_BYTES_MAX + 1];
    const pbase_value *id; /* NULL: a new object */
    const pbase_value *attributes;
} object_parts;

static pbase_status read_parts(const pbase_value *row, object_parts *out, pbase_error *err)
{
    const pbase_value *inside = pbase_value_field(row, pbase_bytes_text("$object"));
    const pbase_value *object = row->form != 0 && inside != NULL ? inside : row;
    const pbase_value *class_name = pbase_value_field(object, pbase_bytes_text("class"));
    out->attributes = pbase_value_field(object, pbase_bytes_text("value"));
    out->id = pbase_value_field(object, pbase_bytes_text("id"));
    if (class_name == NULL || class_name->kind != PBASE_STRING ||
        class_name->as.string.size >= sizeof out->class_name ||
        memchr(class_name->as.string.data, 0, class_name->as.string.size) != NULL) {
        return bad_row(err, "\"class\" is a name");
    }
    if (out->attributes == NULL || out->attributes->kind != PBASE_MAP) {
        return bad_row(err, "\"value\" is the map of its attributes");
    }
    if (object->as.map.count != (out->id == NULL ? 2u : 3u)) {
        return bad_row(err, "it has other fields than \"class\", \"id\" and \"value\"");
    }
    memcpy(out->class_name, class_name->as.string.data, class_name->as.string.size);
    out->class_name[class_name->as.string.size] = '\0';
    return PBASE_OK;
}

pbase_status object_row_put(pbase_txn *txn, const pbase_value *row, pbase_error *err)
{
    object_parts parts;
    nested_handles handles = {NULL, 0, 0};
    pbase_arena arena;
    pbase_value attributes;
    pbase_object_id id;
    pbase_status status =
        row->kind == PBASE_MAP ? read_parts(row, &parts, err) : bad_row(err, "it is no map");
    if (status == PBASE_OK && parts.id != NULL) {
        status = read_id(parts.id, &id, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_arena_init(&arena, pbase_alloc_default());
    status = nested_read(txn, parts.attributes, &handles, &arena, &attributes, err);
    if (status == PBASE_OK) {
        status = parts.id == NULL
                     ? pbase_object_create(txn, parts.class_name, &attributes, &id, err)
                     : pbase_object_put_as(txn, id, parts.class_name, &attributes, NULL, err);
    }
    nested_close(&handles);
    pbase_arena_fini(&arena);
    return status;
}

/* --------------------------------------------------------------------------------------- out -- */

typedef struct {
    const pbase_snapshot *snapshot;
    pbase_object_id id;
} opened_object;

static pbase_status child_of_object(void *state, uint64_t n, pbase_collection **out,
                                    pbase_error *err)
{
    const opened_object *object = state;
    return pbase_snapshot_object_child(object->snapshot, object->id, n, out, err);
}

/* Appends the row of an object as JSON. */
static pbase_status append_object(const cli *run, const pbase_snapshot *snapshot,
                                  const pbase_object *object, pbase_buffer *out, pbase_error *err)
{
    opened_object opened = {snapshot, object->id};
    pbase_arena arena;
    pbase_field parts[] = {{pbase_bytes_text("class"), pbase_value_string(object->class_name)},
                           {pbase_bytes_text("id"), pbase_value_reference(object->id)},
                           {pbase_bytes_text("value"), pbase_value_null()}};
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status =
        nested_write(&object->attributes, child_of_object, &opened, &arena, &parts[2].value, err);
    if (status == PBASE_OK) {
        pbase_field form = {pbase_bytes_text("$object"), pbase_value_map(parts, 3)};
        pbase_value row = pbase_value_map(&form, 1);
        row.form = 1;
        status = pbase_json_format(run->space, &row, out, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

typedef struct {
    cli *run;
    const pbase_snapshot *snapshot;
    bool is_array, is_begun;
    pbase_buffer text;
} object_writer;

static pbase_status write_object(void *state, const pbase_object *object, pbase_error *err)
{
    object_writer *self = state;
    const char *before = !self->is_array ? "" : self->is_begun ? ",\n" : "[\n";
    self->text.size = 0;
    self->is_begun = true;
    pbase_status status = pbase_buffer_append_text(&self->text, err, "%s", before);
    if (status == PBASE_OK) {
        status = append_object(self->run, self->snapshot, object, &self->text, err);
    }
    if (status == PBASE_OK && !self->is_array) {
        status = pbase_buffer_append_u8(&self->text, '\n', err);
    }
    if (status == PBASE_OK) {
        status = cli_write(pbase_buffer_view(&self->text), err);
    }
    return status == PBASE_OK ? cli_check_cancelled(&self->run->call, err) : status;
}

pbase_status object_rows_write(cli *run, const pbase_snapshot *snapshot, bool is_array,
                               pbase_error *err)
{
    object_writer writer = {.run = run, .snapshot = snapshot, .is_array = is_array};
    pbase_buffer_init(&writer.text, pbase_alloc_default());
    pbase_status status = pbase_snapshot_object_each(snapshot, NULL, write_object, &writer, err);
    if (status == PBASE_OK && is_array) {
        status = cli_print(err, "%s\n]\n", writer.is_begun ? "" : "[");
    }
    pbase_buffer_fini(&writer.text);
    return status;
}

static pbase_status print_count(cli *run, const pbase_snapshot *snapshot, pbase_error *err)
{
    uint64_t count = 0;
    pbase_status status = pbase_snapshot_object_count(snapshot, &count, err);
    pbase_field fields[] = {{pbase_bytes_text("name"), pbase_value_text(OBJECTS)},
                            {pbase_bytes_text("type"), pbase_value_text("objects")},
                            {pbase_bytes_text("count"), pbase_value_int((int64_t)count)}};
    pbase_value description = pbase_value_map(fields, sizeof fields / sizeof fields[0]);
    return status == PBASE_OK ? cli_print_json(run, &description, err) : status;
}

pbase_status object_row_print(cli *run, const pbase_snapshot *snapshot, const char *id,
                              pbase_error *err)
{
    pbase_object object;
    pbase_object_id parsed;
    pbase_buffer text;
    if (id == NULL) {
        return print_count(run, snapshot, err);
    }
    pbase_buffer_init(&text, pbase_alloc_default());
    pbase_status status = pbase_object_id_parse(pbase_bytes_text(id), &parsed, err);
    if (status == PBASE_OK) {
        status = pbase_snapshot_object(snapshot, parsed, &run->arena, &object, err);
    }
    if (status == PBASE_OK) {
        status = append_object(run, snapshot, &object, &text, err);
    }
    status = status == PBASE_OK ? pbase_buffer_append_u8(&text, '\n', err) : status;
    status = status == PBASE_OK ? cli_write(pbase_buffer_view(&text), err) : status;
    pbase_buffer_fini(&text);
    return status;
}

pbase_status object_row_remove(pbase_txn *txn, const char *id, pbase_error *err)
{
    pbase_object_id parsed;
    bool removed = false;
    pbase_status status = pbase_object_id_parse(pbase_bytes_text(id), &parsed, err);
    if (status == PBASE_OK) {
        status = pbase_object_remove(txn, parsed, &removed, err);
    }
    return status == PBASE_OK && !removed
               ? PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no object %s", id)
               : status;
}
