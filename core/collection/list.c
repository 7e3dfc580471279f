/* list.c - lists: values by position. */
#include "collection/collection_private.h"
#include "collection/load.h"

static const collection *self_of(const pbase_list *list)
{
    return (const collection *)list;
}

static pbase_status out_of_range(const collection *self, pbase_status code, int64_t index,
                                 uint64_t count, pbase_error *err)
{
    return collection_noted(
        self,
        PBASE_FAIL(err, code, "index %" PRId64 " of a list of %" PRIu64 " elements", index, count),
        err);
}

/* Finds the element and tells that it was read; NOT_FOUND when there is none. */
static pbase_status list_find(const collection *self, int64_t index, tree_item *out,
                              pbase_error *err)
{
    uint8_t key[KEY_INDEX_BYTES];
    int64_t at = 0;
    uint64_t count = 0;
    bool inside = false;
    pbase_status status = collection_index(self, index, &at, &count, &inside, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (!inside) {
        return out_of_range(self, PBASE_NOT_FOUND, index, count, err);
    }
    status = collection_read_key(self, key_of_index((uint64_t)at, key), err);
    if (status == PBASE_OK) {
        status = tree_at(&self->tree, (uint64_t)at, out, &inside, err);
    }
    return collection_noted(self, status, err);
}

pbase_status pbase_list_get(const pbase_list *list, int64_t index, pbase_arena *arena,
                            pbase_value *out, pbase_error *err)
{
    const collection *self = self_of(list);
    tree_item item;
    pbase_status status = list_find(self, index, &item, err);
    if (status == PBASE_OK) {
        status = collection_decode(self, &item, arena, out, err);
        tree_item_release(self->context->source, &item);
    }
    return status;
}

pbase_status pbase_list_get_bytes(const pbase_list *list, int64_t index, pbase_reader *reader,
                                  pbase_bytes *out, pbase_error *err)
{
    const collection *self = self_of(list);
    pbase_reader_reset(reader);
    pbase_status status = list_find(self, index, &reader->item, err);
    if (status == PBASE_OK) {
        reader->source = self->context->source;
        status = collection_payload(self, &reader->item, out, err);
    }
    return status;
}

pbase_status pbase_list_child(const pbase_list *list, int64_t index, uint64_t n,
                              pbase_collection **out, pbase_error *err)
{
    const collection *self = self_of(list);
    tree_item item;
    collection *child = NULL;
    pbase_status status = list_find(self, index, &item, err);
    if (status == PBASE_OK) {
        status = collection_child_of_item(self, &item, n, &child, err);
        tree_item_release(self->context->source, &item);
    }
    if (status == PBASE_OK) {
        *out = collection_any(child);
    }
    return status;
}

/* ------------------------------------------------------------------------------ editing ------- */

/* Carries out an operation with a value. */
static pbase_status list_change(collection *self, uint8_t op, uint64_t index,
                                const pbase_value *value, pbase_error *err)
{
    change operation = {.op = op, .index = index};
    pbase_status status =
        collection_encode_for(self, &operation, value, pbase_bytes_of(NULL, 0), err);
    if (status == PBASE_OK) {
        status = collection_change(self, &operation, err);
    }
    return status;
}

pbase_status pbase_list_append(pbase_list **list, const pbase_value *value, pbase_error *err)
{
    collection *self = collection_of_list(*list);
    pbase_status status = collection_edit_check(self, err);
    return status == PBASE_OK ? list_change(self, CHANGE_LIST_APPEND, 0, value, err) : status;
}

pbase_status pbase_list_append_all(pbase_list **list, const pbase_value *values, size_t count,
                                   pbase_error *err)
{
    load_input input = {.values = values, .count = count};
    return load_all(collection_of_list(*list), &input, err);
}

pbase_status pbase_list_set(pbase_list **list, int64_t index, const pbase_value *value,
                            pbase_error *err)
{
    collection *self = collection_of_list(*list);
    int64_t at = 0;
    uint64_t count = 0;
    bool inside = false;
    pbase_status status = collection_edit_check(self, err);
    if (status == PBASE_OK) {
        status = collection_index(self, index, &at, &count, &inside, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (inside) {
        return list_change(self, CHANGE_LIST_SET, (uint64_t)at, value, err);
    }
    return at == (int64_t)count ? list_change(self, CHANGE_LIST_APPEND, 0, value, err)
                                : out_of_range(self, PBASE_INVALID, index, count, err);
}

pbase_status pbase_list_insert(pbase_list **list, int64_t index, const pbase_value *value,
                               pbase_error *err)
{
    collection *self = collection_of_list(*list);
    int64_t at = 0;
    uint64_t count = 0;
    bool inside = false;
    pbase_status status = collection_edit_check(self, err);
    if (status == PBASE_OK) {
        status = collection_index(self, index, &at, &count, &inside, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    at = at < 0 ? 0 : at;
    return (uint64_t)at < count ? list_change(self, CHANGE_LIST_INSERT, (uint64_t)at, value, err)
                                : list_change(self, CHANGE_LIST_APPEND, 0, value, err);
}

pbase_status pbase_list_remove(pbase_list **list, int64_t index, bool *out_removed,
                               pbase_error *err)
{
    collection *self = collection_of_list(*list);
    change operation = {.op = CHANGE_LIST_REMOVE};
    int64_t at = 0;
    uint64_t count = 0;
    bool inside = false;
    pbase_status status = collection_edit_check(self, err);
    if (status == PBASE_OK) {
        status = collection_index(self, index, &at, &count, &inside, err);
    }
    if (status == PBASE_OK && inside) {
        operation.index = (uint64_t)at;
        status = collection_change(self, &operation, err);
    }
    if (status == PBASE_OK && out_removed != NULL) {
        *out_removed = inside;
    }
    return status;
}

/* ------------------------------------------------------------------------ counts and life ----- */

pbase_status pbase_list_count(const pbase_list *list, uint64_t *out, pbase_error *err)
{
    return collection_count(self_of(list), out, err);
}

pbase_status pbase_list_cursor(const pbase_list *list, const pbase_slice *slice, pbase_cursor **out,
                               pbase_error *err)
{
    return cursor_open_slice(self_of(list), slice, out, err);
}

pbase_status pbase_list_keep(const pbase_list *list, pbase_list **out, pbase_error *err)
{
    collection *kept = NULL;
    pbase_status status = collection_keep(self_of(list), &kept, err);
    if (status == PBASE_OK) {
        *out = collection_list(kept);
    }
    return status;
}

void pbase_list_close(pbase_list *list)
{
    collection_close(collection_of_list(list));
}
