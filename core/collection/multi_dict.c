/* multi_dict.c - multi-dictionaries: a bag (bag.c) whose keys are pairs of key and record. */
#include "collection/collection_private.h"
#include "collection/key_element.h"
#include "collection/load.h"
#include "collection/tree_cursor.h"

static const collection *self_of(const pbase_multi_dict *dict)
{
    return (const collection *)dict;
}

static pbase_status pair_of(const collection *self, const pbase_value *key,
                            const pbase_value *record, key_scratch *scratch, encoded_key *out,
                            pbase_error *err)
{
    key_scratch_init(scratch, self->context->alloc);
    return collection_noted(self, key_encode_pair(key, record, scratch, out, err), err);
}

/* The bounds around all records of a key. */
typedef struct {
    key_scratch low_scratch, high_scratch;
    pbase_bytes low, high;
} key_bounds;

static pbase_status key_bounds_init(const collection *self, const pbase_value *key, key_bounds *out,
                                    pbase_error *err)
{
    key_scratch_init(&out->low_scratch, self->context->alloc);
    key_scratch_init(&out->high_scratch, self->context->alloc);
    pbase_status status = key_encode_lead(key, false, &out->low_scratch, &out->low, err);
    if (status == PBASE_OK) {
        status = key_encode_lead(key, true, &out->high_scratch, &out->high, err);
    }
    return collection_noted(self, status, err);
}

static void key_bounds_fini(key_bounds *bounds)
{
    key_scratch_fini(&bounds->low_scratch);
    key_scratch_fini(&bounds->high_scratch);
}

/* ------------------------------------------------------------------------------- reading ------ */

pbase_status pbase_multi_dict_get(const pbase_multi_dict *dict, const pbase_value *key,
                                  const pbase_value *record, uint64_t *out_count, pbase_error *err)
{
    const collection *self = self_of(dict);
    key_scratch scratch;
    encoded_key pair;
    pbase_status status = pair_of(self, key, record, &scratch, &pair, err);
    if (status == PBASE_OK) {
        status = bag_get(self, pair.bytes, out_count, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

pbase_status pbase_multi_dict_has(const pbase_multi_dict *dict, const pbase_value *key, bool *out,
                                  pbase_error *err)
{
    pbase_range range = {.struct_size = sizeof range, .from = key, .to = key};
    uint64_t count = 0;
    pbase_status status = collection_count_range(self_of(dict), &range, &count, err);
    if (status == PBASE_OK) {
        *out = count != 0;
    }
    return status;
}

/* ------------------------------------------------------------------------------- editing ------ */

pbase_status pbase_multi_dict_add(pbase_multi_dict **dict, const pbase_value *key,
                                  const pbase_value *record, uint64_t times, uint64_t *out_count,
                                  pbase_error *err)
{
    collection *self = collection_of_multi_dict(*dict);
    key_scratch scratch;
    encoded_key pair;
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = pair_of(self, key, record, &scratch, &pair, err);
    if (status == PBASE_OK) {
        status = bag_add(self, &pair, times, out_count, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

pbase_status pbase_multi_dict_remove(pbase_multi_dict **dict, const pbase_value *key,
                                     const pbase_value *record, uint64_t times,
                                     uint64_t *out_removed, pbase_error *err)
{
    collection *self = collection_of_multi_dict(*dict);
    key_scratch scratch;
    encoded_key pair;
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = pair_of(self, key, record, &scratch, &pair, err);
    if (status == PBASE_OK) {
        status = bag_take(self, &pair, times, out_removed, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

pbase_status pbase_multi_dict_add_all(pbase_multi_dict **dict, const pbase_entry *entries,
                                      size_t count, pbase_error *err)
{
    load_input input = {.entries = entries, .count = count};
    return load_all(collection_of_multi_dict(*dict), &input, err);
}

/* Takes the record that the cursor stands on whole. */
static pbase_status take_record(collection *self, tree_cursor *at, uint64_t *removed,
                                pbase_error *err)
{
    change operation = {.op = CHANGE_MULTI_TAKE};
    tree_value value;
    pbase_status status = tree_cursor_key(at, &operation.key, err);
    if (status == PBASE_OK) {
        status = tree_cursor_value(at, &value, err);
    }
    if (status == PBASE_OK) {
        status = change_count_of(value.bytes, &operation.count, err);
    }
    if (status == PBASE_OK) {
        status = collection_change(self, &operation, err);
    }
    *removed += operation.count;
    return status;
}

static pbase_status take_records(collection *self, const key_bounds *bounds, uint64_t *removed,
                                 pbase_error *err)
{
    tree_cursor at;
    tree_cursor_init(&at, &self->tree, self->context->alloc); /* of the version before */
    pbase_status status = tree_cursor_seek(&at, bounds->low, false, err);
    while (status == PBASE_OK && tree_cursor_compare(&at, bounds->high) < 0) {
        status = take_record(self, &at, removed, err);
        if (status == PBASE_OK) {
            status = tree_cursor_next(&at, err);
        }
    }
    tree_cursor_fini(&at);
    return status == PBASE_END ? PBASE_OK : status;
}

pbase_status pbase_multi_dict_remove_key(pbase_multi_dict **dict, const pbase_value *key,
                                         uint64_t *out_removed, pbase_error *err)
{
    collection *self = collection_of_multi_dict(*dict);
    key_bounds bounds;
    uint64_t removed = 0;
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = key_bounds_init(self, key, &bounds, err);
    if (status == PBASE_OK) {
        status = collection_read_range(self, bounds.low, false, bounds.high, true, err);
    }
    if (status == PBASE_OK) {
        collection_mark mark;
        collection_mark_set(self, &mark);
        status = take_records(self, &bounds, &removed, err);
        collection_mark_end(self, &mark, status);
    }
    key_bounds_fini(&bounds);
    if (status == PBASE_OK && out_removed != NULL) {
        *out_removed = removed;
    }
    return collection_noted(self, status, err);
}

/* ------------------------------------------------------------------------ counts and life ----- */

pbase_status pbase_multi_dict_count(const pbase_multi_dict *dict, uint64_t *out, pbase_error *err)
{
    return collection_count(self_of(dict), out, err);
}

pbase_status pbase_multi_dict_total(const pbase_multi_dict *dict, uint64_t *out, pbase_error *err)
{
    return collection_total(self_of(dict), out, err);
}

/* From a record to the first one of the next key. */
static pbase_status next_key(tree_cursor *at, pbase_buffer *past, pbase_error *err)
{
    encoded_key pair;
    pbase_status status = tree_cursor_key(at, &pair, err);
    pbase_bytes lead = status == PBASE_OK ? key_pair_lead(pair.bytes) : pbase_bytes_of(NULL, 0);
    if (status == PBASE_OK && lead.size == 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "an entry's key is no pair");
    }
    past->size = 0;
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(past, lead, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(past, 0xff, err); /* above every class */
    }
    return status == PBASE_OK ? tree_cursor_seek(at, pbase_buffer_view(past), false, err) : status;
}

pbase_status pbase_multi_dict_count_keys(const pbase_multi_dict *dict, uint64_t *out,
                                         pbase_error *err)
{
    const collection *self = self_of(dict);
    tree_cursor at;
    pbase_buffer past;
    uint64_t count = 0;
    pbase_status status = collection_read_whole(self, err);
    if (status != PBASE_OK) {
        return collection_noted(self, status, err);
    }
    pbase_buffer_init(&past, self->context->alloc);
    tree_cursor_init(&at, &self->tree, self->context->alloc);
    status = tree_cursor_first(&at, err);
    while (status == PBASE_OK) {
        count++;
        status = next_key(&at, &past, err);
    }
    tree_cursor_fini(&at);
    pbase_buffer_fini(&past);
    if (status == PBASE_END) {
        *out = count;
        return PBASE_OK;
    }
    return collection_noted(self, status, err);
}

pbase_status pbase_multi_dict_count_range(const pbase_multi_dict *dict, const pbase_range *range,
                                          uint64_t *out, pbase_error *err)
{
    return collection_count_range(self_of(dict), range, out, err);
}

pbase_status pbase_multi_dict_cursor(const pbase_multi_dict *dict, const pbase_range *range,
                                     pbase_cursor **out, pbase_error *err)
{
    return cursor_open_range(self_of(dict), range, out, err);
}

pbase_status pbase_multi_dict_keep(const pbase_multi_dict *dict, pbase_multi_dict **out,
                                   pbase_error *err)
{
    collection *kept = NULL;
    pbase_status status = collection_keep(self_of(dict), &kept, err);
    if (status == PBASE_OK) {
        *out = collection_multi_dict(kept);
    }
    return status;
}

void pbase_multi_dict_close(pbase_multi_dict *dict)
{
    collection_close(collection_of_multi_dict(dict));
}
