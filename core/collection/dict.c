/* dict.c - dictionaries. */
#include "collection/collection_private.h"

static const collection *self_of(const pbase_dict *dict)
{
    return (const collection *)dict;
}

static pbase_status key_missing(const collection *self, pbase_bytes key, pbase_error *err)
{
    char text[64];
    key_describe(key, text, sizeof text);
    return collection_noted(self, PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no key %s", text),
                            err);
}

/* Finds a key and tells that it was read. */
static pbase_status dict_find(const collection *self, pbase_bytes key, tree_item *out,
                              bool *out_found, pbase_error *err)
{
    pbase_status status = collection_read_key(self, key, err);
    if (status == PBASE_OK) {
        status = tree_get(&self->tree, key, out, out_found, err);
    }
    return collection_noted(self, status, err);
}

pbase_status pbase_dict_get(const pbase_dict *dict, const pbase_value *key, pbase_arena *arena,
                            pbase_value *out, pbase_error *err)
{
    const collection *self = self_of(dict);
    key_scratch scratch;
    encoded_key encoded;
    tree_item item;
    bool found = false;
    pbase_status status = collection_key(self, key, &scratch, &encoded, err);
    if (status == PBASE_OK) {
        status = dict_find(self, encoded.bytes, &item, &found, err);
    }
    if (status == PBASE_OK && !found) {
        status = key_missing(self, encoded.bytes, err);
    }
    if (status == PBASE_OK) {
        status = collection_decode(self, &item, arena, out, err);
        tree_item_release(self->context->source, &item);
    }
    key_scratch_fini(&scratch);
    return status;
}

pbase_status pbase_dict_get_bytes(const pbase_dict *dict, const pbase_value *key,
                                  pbase_reader *reader, pbase_bytes *out, pbase_error *err)
{
    const collection *self = self_of(dict);
    key_scratch scratch;
    encoded_key encoded;
    bool found = false;
    pbase_reader_reset(reader);
    pbase_status status = collection_key(self, key, &scratch, &encoded, err);
    if (status == PBASE_OK) {
        status = dict_find(self, encoded.bytes, &reader->item, &found, err);
    }
    if (status == PBASE_OK && found) {
        reader->source = self->context->source;
        status = collection_payload(self, reader, out, err);
    }
    key_scratch_fini(&scratch);
    return status == PBASE_OK && !found ? PBASE_NOT_FOUND : status;
}

pbase_status pbase_dict_has(const pbase_dict *dict, const pbase_value *key, bool *out,
                            pbase_error *err)
{
    const collection *self = self_of(dict);
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

/* Puts `value`, or `raw` when it is NULL. Whether the key was there is a read of it only when the
 * caller wants to know. */
static pbase_status dict_put(pbase_dict **dict, const pbase_value *key, const pbase_value *value,
                             pbase_bytes raw, bool *out_replaced, pbase_error *err)
{
    collection *self = collection_of_dict(*dict);
    key_scratch scratch;
    change operation = {.op = CHANGE_PUT};
    bool replaced = false;
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = collection_key(self, key, &scratch, &operation.key, err);
    if (status == PBASE_OK) {
        status = collection_encode(self, value, raw, err);
    }
    if (status == PBASE_OK && out_replaced != NULL) {
        status = pbase_dict_has(*dict, key, &replaced, err);
    }
    if (status == PBASE_OK) {
        operation.value = pbase_buffer_view(&self->stored);
        status = collection_change(self, &operation, err);
    }
    if (status == PBASE_OK && out_replaced != NULL) {
        *out_replaced = replaced;
    }
    key_scratch_fini(&scratch);
    return status;
}

pbase_status pbase_dict_put(pbase_dict **dict, const pbase_value *key, const pbase_value *value,
                            bool *out_replaced, pbase_error *err)
{
    return dict_put(dict, key, value, pbase_bytes_of(NULL, 0), out_replaced, err);
}

pbase_status pbase_dict_put_bytes(pbase_dict **dict, const pbase_value *key, pbase_bytes value,
                                  bool *out_replaced, pbase_error *err)
{
    return dict_put(dict, key, NULL, value, out_replaced, err);
}

pbase_status pbase_dict_remove(pbase_dict **dict, const pbase_value *key, bool *out_removed,
                               pbase_error *err)
{
    collection *self = collection_of_dict(*dict);
    key_scratch scratch;
    change operation = {.op = CHANGE_REMOVE};
    bool found = false;
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = pbase_dict_has(*dict, key, &found, err);
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

/* ------------------------------------------------------------------------ counts and life ----- */

pbase_status pbase_dict_count(const pbase_dict *dict, uint64_t *out, pbase_error *err)
{
    return collection_count(self_of(dict), out, err);
}

pbase_status pbase_dict_count_range(const pbase_dict *dict, const pbase_range *range, uint64_t *out,
                                    pbase_error *err)
{
    return collection_count_range(self_of(dict), range, out, err);
}

pbase_status pbase_dict_cursor(const pbase_dict *dict, const pbase_range *range, pbase_cursor **out,
                               pbase_error *err)
{
    return cursor_open_range(self_of(dict), range, out, err);
}

pbase_status pbase_dict_keep(const pbase_dict *dict, pbase_dict **out, pbase_error *err)
{
    collection *kept = NULL;
    pbase_status status = collection_keep(self_of(dict), &kept, err);
    if (status == PBASE_OK) {
        *out = collection_dict(kept);
    }
    return status;
}

void pbase_dict_close(pbase_dict *dict)
{
    collection_close(collection_of_dict(dict));
}
