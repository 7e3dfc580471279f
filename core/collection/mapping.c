/* mapping.c - what dictionaries and hash dictionaries have in common: keys to values. They differ in
 * how keys are made (collection_key) and in the numbers of their operations. */
#include "collection/collection_private.h"
#include "collection/node.h"
#include "collection/tree_cursor.h"

static pbase_status key_missing(const collection *self, const pbase_value *key, pbase_error *err)
{
    char text[64];
    key_describe_value(key, text, sizeof text);
    return collection_noted(self, PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no key %s", text),
                            err);
}

/* Finds a key and tells that it was read. */
NODE_INLINE pbase_status mapping_find(const collection *self, pbase_bytes key, tree_item *out,
                                      bool *out_found, pbase_error *err)
{
    pbase_status status = collection_read_key(self, key, err);
    if (status == PBASE_OK) {
        status = tree_get(&self->tree, key, out, out_found, err);
    }
    return status == PBASE_OK ? status : collection_noted(self, status, err);
}

pbase_status mapping_get(const collection *self, const pbase_value *key, pbase_arena *arena,
                         pbase_value *out, pbase_error *err)
{
    key_scratch scratch;
    encoded_key encoded;
    tree_item item;
    bool found = false;
    pbase_status status = collection_key(self, key, &scratch, &encoded, err);
    if (status == PBASE_OK) {
        status = mapping_find(self, encoded.bytes, &item, &found, err);
    }
    if (status == PBASE_OK && !found) {
        status = key_missing(self, key, err);
    }
    if (status == PBASE_OK) {
        status = collection_decode(self, &item, arena, out, err);
        tree_item_release(self->context->source, &item);
    }
    key_scratch_fini(&scratch);
    return status;
}

pbase_status mapping_child(const collection *self, const pbase_value *key, uint64_t n,
                           pbase_collection **out, pbase_error *err)
{
    key_scratch scratch;
    encoded_key encoded;
    tree_item item;
    bool found = false;
    collection *child = NULL;
    pbase_status status = collection_key(self, key, &scratch, &encoded, err);
    if (status == PBASE_OK) {
        status = mapping_find(self, encoded.bytes, &item, &found, err);
    }
    if (status == PBASE_OK && !found) {
        status = key_missing(self, key, err);
    }
    if (status == PBASE_OK) {
        status = collection_child_of_item(self, &item, n, &child, err);
        tree_item_release(self->context->source, &item);
    }
    if (status == PBASE_OK) {
        *out = collection_any(child);
    }
    key_scratch_fini(&scratch);
    return status;
}

NODE_INLINE pbase_status get_bytes(const collection *self, const pbase_value *key,
                                   pbase_reader *reader, pbase_bytes *out, pbase_error *err)
{
    key_scratch scratch;
    encoded_key encoded;
    bool found = false;
    pbase_status status = collection_key(self, key, &scratch, &encoded, err);
    if (status == PBASE_OK) {
        status = mapping_find(self, encoded.bytes, &reader->item, &found, err);
    }
    if (status == PBASE_OK && found) {
        reader->source = self->context->source;
        status = collection_payload(self, &reader->item, out, err);
    }
    key_scratch_fini(&scratch);
    return status == PBASE_OK && !found ? PBASE_NOT_FOUND : status;
}

pbase_status mapping_get_bytes(const collection *self, const pbase_value *key, pbase_reader *reader,
                               pbase_bytes *out, pbase_error *err)
{
    atom_source *source = self->context->source;
    if (reader_pins(reader)) {
        pbase_reader_reset(reader);
    }
    reader->source = NULL;
    if (reader->gets++ % READ_SAMPLE != 0 || source->vtable->read_took == NULL) {
        return get_bytes(self, key, reader, out, err);
    }
    uint64_t began_ns = source->vtable->now_ns(source);
    pbase_status status = get_bytes(self, key, reader, out, err);
    source->vtable->read_took(source, source->vtable->now_ns(source) - began_ns);
    return status;
}

pbase_status mapping_has(const collection *self, const pbase_value *key, bool *out,
                         pbase_error *err)
{
    key_scratch scratch;
    encoded_key encoded;
    pbase_status status = collection_key(self, key, &scratch, &encoded, err);
    if (status == PBASE_OK) {
        status = collection_read_key(self, encoded.bytes, err);
    }
    if (status == PBASE_OK) {
        status = collection_noted(self, tree_has(&self->tree, encoded.bytes, out, err), err);
    }
    key_scratch_fini(&scratch);
    return status;
}

/* ------------------------------------------------------------------------------ editing ------- */

static uint8_t op_put(const collection *self)
{
    return self->kind == PBASE_COLLECTION_DICT ? CHANGE_PUT : CHANGE_HASH_PUT;
}

static uint8_t op_remove(const collection *self)
{
    return self->kind == PBASE_COLLECTION_DICT ? CHANGE_REMOVE : CHANGE_HASH_REMOVE;
}

/* A put of bytes that is one more of a row, like those before it: most of a long load in the order of keys. It does
 * nothing but what such a put needs. False: nothing has happened. */
static bool row_takes(collection *self, const pbase_value *key, pbase_bytes raw)
{
    key_scratch scratch;
    encoded_key encoded;
    key_scratch_init(&scratch, self->context->alloc);
    pbase_status status = self->kind == PBASE_COLLECTION_DICT /* hashed keys do not ascend */
                              ? key_encode(key, &scratch, &encoded, NULL)
                              : PBASE_UNSUPPORTED;
    bool takes =
        status == PBASE_OK && pending_goes_on(self->waiting, &encoded, self->raw_lead, raw);
    key_scratch_fini(&scratch);
    return takes;
}

/* Whether the key was there is a read of it only when the caller wants to know. */
pbase_status mapping_put(collection *self, const pbase_value *key, const pbase_value *value,
                         pbase_bytes raw, bool *out_replaced, pbase_error *err)
{
    key_scratch scratch;
    change operation = {.op = op_put(self)};
    bool replaced = false;
    if (value == NULL && out_replaced == NULL && waiting_is_row(self) &&
        row_takes(self, key, raw)) {
        return PBASE_OK;
    }
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = collection_key(self, key, &scratch, &operation.key, err);
    if (status == PBASE_OK) {
        status = collection_encode_for(self, &operation, value, raw, err);
    }
    if (status == PBASE_OK && out_replaced != NULL) {
        status = mapping_has(self, key, &replaced, err);
    }
    if (status == PBASE_OK) {
        status = collection_change(self, &operation, err);
    }
    if (status == PBASE_OK && out_replaced != NULL) {
        *out_replaced = replaced;
    }
    key_scratch_fini(&scratch);
    return status;
}

pbase_status mapping_remove(collection *self, const pbase_value *key, bool *out_removed,
                            pbase_error *err)
{
    key_scratch scratch;
    change operation = {.op = op_remove(self)};
    bool found = false;
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = mapping_has(self, key, &found, err);
    if (status != PBASE_OK || !found) {
        goto done;
    }
    status = collection_key(self, key, &scratch, &operation.key, err);
    if (status == PBASE_OK) {
        status = collection_change(self, &operation, err);
    }
    key_scratch_fini(&scratch);
done:
    if (status == PBASE_OK && out_removed != NULL) {
        *out_removed = found;
    }
    return status;
}

/* ------------------------------------------------------------------------------ merging ------- */

static pbase_status put_entry(collection *self, const collection *other, tree_cursor *from,
                              pbase_error *err)
{
    change operation = {.op = op_put(self)};
    tree_value value;
    pbase_status status = tree_cursor_key(from, &operation.key, err);
    if (status == PBASE_OK) {
        status = tree_cursor_value(from, &value, err);
    }
    if (status == PBASE_OK) {
        status = collection_take_value(self, &operation, other, value.bytes, err);
    }
    if (status == PBASE_OK) {
        status = collection_change(self, &operation, err);
    }
    return status;
}

static pbase_status put_entries(collection *self, const collection *other, pbase_error *err)
{
    tree_cursor from;
    tree_cursor_init(&from, &other->tree, self->context->alloc);
    pbase_status status = tree_cursor_first(&from, err);
    while (status == PBASE_OK) {
        status = put_entry(self, other, &from, err);
        if (status == PBASE_OK) {
            status = tree_cursor_next(&from, err);
        }
    }
    tree_cursor_fini(&from);
    return status == PBASE_END ? PBASE_OK : status;
}

pbase_status mapping_merge(collection *self, const collection *other, pbase_error *err)
{
    collection_mark mark;
    pbase_status status = collection_edit_check(self, err);
    if (status == PBASE_OK) {
        status = collection_same_space(self, other, err);
    }
    if (status == PBASE_OK) {
        status = collection_read_whole(other, err);
    }
    if (status == PBASE_OK) {
        status = collection_drain(self, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    collection_mark_set(self, &mark);
    status = put_entries(self, other, err);
    collection_mark_end(self, &mark, status);
    return collection_noted(self, status, err);
}
