/* definition.c - definitions as text and as bytes, and the tree that holds them. */
#include "index/definition.h"

#include "collection/tree_cursor.h"
#include "expr/path.h"

#include <inttypes.h>
#include <protobase/base/limits.h>

#define DEFINITION_VERSION 1u
#define KEY_HEAD_BYTES 16u /* collection id, big-endian, before the name */
enum { FLAG_UNIQUE = 1 };  /* of a definition */
enum { FIELD_EACH = 1 };   /* of a field */
enum { STEP_NAME = 0, STEP_INDEX = 1 };

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an index");
}

size_t index_multikey_field(const index_definition *self)
{
    size_t at = 0;
    while (at < self->field_count && !self->fields[at].is_each) {
        at++;
    }
    return at;
}

/* ---------------------------------------------------------------------------------- text ------- */

static bool ends_with(pbase_bytes text, pbase_bytes end)
{
    return text.size > end.size &&
           memcmp(text.data + text.size - end.size, end.data, end.size) == 0;
}

pbase_status index_field_parse(pbase_bytes text, pbase_arena *arena, index_field *out,
                               pbase_error *err)
{
    static const char each[] = "[*]";
    pbase_bytes kept;
    index_field field;
    field.is_each = ends_with(text, pbase_bytes_text(each));
    if (field.is_each) {
        text.size -= sizeof each - 1;
    }
    pbase_status status = pbase_arena_copy(arena, text, &kept, err);
    if (status == PBASE_OK) {
        status = path_parse(kept, arena, &field.path, err);
    }
    if (status == PBASE_OK) {
        *out = field;
        return PBASE_OK;
    }
    pbase_error_note(err, "field '%.*s' of an index", (int)(text.size < 200 ? text.size : 200),
                     (const char *)text.data);
    if (status == PBASE_INVALID) {
        pbase_error_hint(err,
                         "a field is a path (city, address.zip), or one that ends in [*]: each "
                         "element of a list (tags[*])");
    }
    return status;
}

pbase_status index_field_format(const index_field *field, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = path_format(&field->path, out, err);
    return status == PBASE_OK && field->is_each ? pbase_buffer_append(out, "[*]", 3, err) : status;
}

pbase_status index_definition_check(const index_definition *self, pbase_error *err)
{
    size_t several = 0;
    if (self->field_count == 0 || self->field_count > INDEX_FIELDS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "an index of %zu fields; it has 1 to %u",
                          self->field_count, INDEX_FIELDS_MAX);
    }
    for (size_t i = 0; i < self->field_count; i++) {
        several += self->fields[i].is_each;
        for (size_t j = 0; j < i; j++) {
            if (path_equal(&self->fields[i].path, &self->fields[j].path) &&
                self->fields[i].is_each == self->fields[j].is_each) {
                return PBASE_FAIL(err, PBASE_INVALID,
                                  "field %zu of an index is its field %zu again", i + 1, j + 1);
            }
        }
    }
    return several <= 1 ? PBASE_OK
                        : PBASE_FAIL(err, PBASE_INVALID,
                                     "%zu fields of an index end in [*]; one may, or a document "
                                     "would have an entry for each pair of elements",
                                     several);
}

/* --------------------------------------------------------------------------------- bytes ------- */

static void put_u64_big(uint8_t *at, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++) {
        at[i] = (uint8_t)(v >> (56 - 8 * i));
    }
}

static uint64_t get_u64_big(const uint8_t *at)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++) {
        v = v << 8 | at[i];
    }
    return v;
}

static void key_head(pbase_collection_id collection, uint8_t out[KEY_HEAD_BYTES])
{
    put_u64_big(out, collection.sequence);
    put_u64_big(out + 8, collection.ordinal);
}

pbase_status index_definition_key(pbase_collection_id collection, pbase_bytes name,
                                  pbase_buffer *out, pbase_error *err)
{
    uint8_t head[KEY_HEAD_BYTES];
    key_head(collection, head);
    pbase_status status = pbase_buffer_append(out, head, sizeof head, err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, name, err) : status;
}

static pbase_status append_sized(pbase_buffer *out, pbase_bytes bytes, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_varint(out, bytes.size, err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, bytes, err) : status;
}

/* Negative positions count from the end: sign in the lowest bit. */
static uint64_t zigzag(int64_t v)
{
    return v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;
}

static int64_t unzigzag(uint64_t v)
{
    return (v & 1u) != 0 ? (int64_t) ~(v >> 1) : (int64_t)(v >> 1);
}

static pbase_status step_write(const pbase_path_step *step, pbase_buffer *out, pbase_error *err)
{
    bool is_index = step->name.data == NULL;
    pbase_status status = pbase_buffer_append_u8(out, is_index ? STEP_INDEX : STEP_NAME, err);
    if (status != PBASE_OK) {
        return status;
    }
    return is_index ? pbase_buffer_append_varint(out, zigzag(step->index), err)
                    : append_sized(out, step->name, err);
}

static pbase_status field_write(const index_field *field, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_u8(out, field->is_each ? FIELD_EACH : 0, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, field->path.count, err);
    }
    for (size_t i = 0; i < field->path.count && status == PBASE_OK; i++) {
        status = step_write(&field->path.steps[i], out, err);
    }
    return status;
}

pbase_status index_definition_write(const index_definition *self, pbase_buffer *out,
                                    pbase_error *err)
{
    uint8_t head[3] = {DEFINITION_VERSION, self->kind, self->is_unique ? FLAG_UNIQUE : 0};
    size_t before = out->size;
    pbase_status status = pbase_buffer_append(out, head, sizeof head, err);
    status =
        status == PBASE_OK ? pbase_buffer_append_varint(out, self->entries.sequence, err) : status;
    status =
        status == PBASE_OK ? pbase_buffer_append_varint(out, self->entries.ordinal, err) : status;
    status = status == PBASE_OK ? pbase_buffer_append_varint(out, self->field_count, err) : status;
    for (size_t i = 0; i < self->field_count && status == PBASE_OK; i++) {
        status = field_write(&self->fields[i], out, err);
    }
    if (status == PBASE_OK && out->size - before > INDEX_DEFINITION_BYTES_MAX) {
        status =
            PBASE_FAIL(err, PBASE_LIMIT, "the fields of an index take %zu bytes; the limit is %u",
                       out->size - before, INDEX_DEFINITION_BYTES_MAX);
    }
    return status;
}

/* ------------------------------------------------------------------------------- reading ------- */

static bool step_read(pbase_reader_bytes *reader, pbase_path_step *out)
{
    uint8_t kind = 0;
    uint64_t index = 0;
    memset(out, 0, sizeof *out);
    if (!pbase_read_u8(reader, &kind) || kind > STEP_INDEX) {
        return false;
    }
    if (kind == STEP_INDEX) {
        bool ok = pbase_read_varint(reader, &index);
        out->index = unzigzag(index);
        return ok;
    }
    static const uint8_t nothing = 0;
    if (!pbase_read_sized(reader, &out->name) || !pbase_utf8_valid(out->name)) {
        return false;
    }
    if (out->name.size == 0) {
        out->name.data = &nothing; /* an empty name is a name */
    }
    return true;
}

static pbase_status malformed(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_CORRUPT, "the definition of an index is malformed");
}

/* Names point into what is read. */
static pbase_status field_read(pbase_reader_bytes *reader, pbase_arena *arena, index_field *out,
                               pbase_error *err)
{
    uint8_t flags = 0;
    uint64_t count = 0;
    if (!pbase_read_u8(reader, &flags) || (flags & ~FIELD_EACH) != 0 ||
        !pbase_read_varint(reader, &count) || count == 0 || count > INDEX_STEPS_MAX) {
        return malformed(err);
    }
    pbase_path_step *steps = pbase_arena_array(arena, (size_t)count, sizeof *steps);
    if (steps == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!step_read(reader, &steps[i])) {
            return malformed(err);
        }
    }
    out->is_each = (flags & FIELD_EACH) != 0;
    out->path = (pbase_path){steps, (size_t)count};
    return PBASE_OK;
}

static pbase_status head_read(pbase_reader_bytes *reader, index_definition *out, pbase_error *err)
{
    uint8_t version = 0, flags = 0;
    uint64_t count = 0;
    if (!pbase_read_u8(reader, &version) || version == 0) {
        return malformed(err);
    }
    if (version > DEFINITION_VERSION) {
        return PBASE_FAIL(err, PBASE_FORMAT,
                          "the definition of an index is of version %u; this one knows up to %u",
                          version, DEFINITION_VERSION);
    }
    if (!pbase_read_u8(reader, &out->kind) || out->kind != INDEX_ORDERED ||
        !pbase_read_u8(reader, &flags) || (flags & ~FLAG_UNIQUE) != 0 ||
        !pbase_read_varint(reader, &out->entries.sequence) ||
        !pbase_read_varint(reader, &out->entries.ordinal) || !pbase_read_varint(reader, &count) ||
        count == 0 || count > INDEX_FIELDS_MAX) {
        return malformed(err);
    }
    out->is_unique = (flags & FLAG_UNIQUE) != 0;
    out->field_count = (size_t)count;
    return PBASE_OK;
}

static pbase_status key_read(pbase_bytes key, pbase_arena *arena, index_definition *out,
                             pbase_error *err)
{
    if (key.size <= KEY_HEAD_BYTES || key.size > KEY_HEAD_BYTES + PBASE_NAME_BYTES_MAX) {
        return malformed(err);
    }
    out->collection.sequence = get_u64_big(key.data);
    out->collection.ordinal = get_u64_big(key.data + 8);
    pbase_bytes name = pbase_bytes_of(key.data + KEY_HEAD_BYTES, key.size - KEY_HEAD_BYTES);
    return pbase_utf8_valid(name) ? pbase_arena_copy(arena, name, &out->name, err) : malformed(err);
}

pbase_status index_definition_read(pbase_bytes key, pbase_bytes value, pbase_arena *arena,
                                   index_definition *out, pbase_error *err)
{
    index_definition made;
    memset(&made, 0, sizeof made);
    pbase_bytes kept = pbase_bytes_of(NULL, 0);
    pbase_status status = key_read(key, arena, &made, err);
    if (status == PBASE_OK && value.size > INDEX_DEFINITION_BYTES_MAX) {
        status = malformed(err);
    }
    if (status == PBASE_OK) {
        status = pbase_arena_copy(arena, value, &kept, err);
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(kept);
    if (status == PBASE_OK) {
        status = head_read(&reader, &made, err);
    }
    if (status == PBASE_OK) {
        made.fields = pbase_arena_array(arena, made.field_count, sizeof *made.fields);
        status = made.fields == NULL ? no_memory(err) : PBASE_OK;
    }
    for (size_t i = 0; i < made.field_count && status == PBASE_OK; i++) {
        status = field_read(&reader, arena, &made.fields[i], err);
    }
    if (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
        status = malformed(err);
    }
    if (status == PBASE_OK && index_definition_check(&made, NULL) != PBASE_OK) {
        status = malformed(err);
    }
    if (status == PBASE_OK) {
        *out = made;
    }
    return status;
}

/* ------------------------------------------------------------------------------ the tree ------- */

typedef struct {
    index_definition *items;
    size_t count, capacity;
} definition_list;

static pbase_status list_add(definition_list *list, tree_cursor *cursor, pbase_arena *arena,
                             pbase_error *err)
{
    encoded_key key;
    tree_value value;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        index_definition *grown = pbase_arena_array(arena, capacity, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        if (list->count > 0) {
            memcpy(grown, list->items, list->count * sizeof *grown);
        }
        list->items = grown;
        list->capacity = capacity;
    }
    pbase_status status = tree_cursor_key(cursor, &key, err);
    if (status == PBASE_OK) {
        status = tree_cursor_value(cursor, &value, err);
    }
    if (status == PBASE_OK) {
        status =
            index_definition_read(key.bytes, value.bytes, arena, &list->items[list->count], err);
    }
    list->count += status == PBASE_OK;
    return status;
}

static bool is_of(const pbase_collection_id *wanted, tree_cursor *cursor)
{
    uint8_t next[KEY_HEAD_BYTES];
    if (wanted == NULL) {
        return true;
    }
    key_head((pbase_collection_id){wanted->sequence, wanted->ordinal + 1}, next);
    return tree_cursor_compare(cursor, pbase_bytes_of(next, sizeof next)) < 0;
}

pbase_status index_definitions_load(const tree *definitions, const pbase_collection_id *collection,
                                    pbase_arena *arena, index_definition **out, size_t *out_count,
                                    pbase_error *err)
{
    definition_list list = {NULL, 0, 0};
    uint8_t head[KEY_HEAD_BYTES];
    tree_cursor cursor;
    tree_cursor_init(&cursor, definitions, arena->alloc);
    if (collection != NULL) {
        key_head(*collection, head);
    }
    pbase_status status =
        collection == NULL
            ? tree_cursor_first(&cursor, err)
            : tree_cursor_seek(&cursor, pbase_bytes_of(head, sizeof head), false, err);
    while (status == PBASE_OK && is_of(collection, &cursor)) {
        status = list_add(&list, &cursor, arena, err);
        if (status == PBASE_OK) {
            status = tree_cursor_next(&cursor, err);
        }
    }
    tree_cursor_fini(&cursor);
    if (status == PBASE_OK || status == PBASE_END) {
        *out = list.items;
        *out_count = list.count;
        return PBASE_OK;
    }
    return status;
}

/* ---------------------------------------------------------------------------- operations ------- */

pbase_status index_operation_write(const index_operation *self, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_u8(out, self->op, err);
    if (status == PBASE_OK) {
        status = append_sized(out, self->key, err);
    }
    return status == PBASE_OK && self->op == INDEX_CREATE ? append_sized(out, self->value, err)
                                                          : status;
}

pbase_status index_operation_read(pbase_reader_bytes *reader, index_operation *out,
                                  pbase_error *err)
{
    pbase_reader_bytes at = *reader;
    index_operation operation;
    memset(&operation, 0, sizeof operation);
    if (!pbase_read_u8(&at, &operation.op)) {
        return PBASE_END;
    }
    if ((operation.op != INDEX_CREATE && operation.op != INDEX_DROP) ||
        !pbase_read_sized(&at, &operation.key) ||
        (operation.op == INDEX_CREATE && !pbase_read_sized(&at, &operation.value))) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "operation %u on the indexes is malformed",
                          operation.op);
    }
    *reader = at;
    *out = operation;
    return PBASE_OK;
}
