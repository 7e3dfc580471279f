/* counted_set.c - counted sets: keys with how often they are there. */
#include "collection/collection_private.h"

static const collection *self_of(const pbase_counted_set *set)
{
    return (const collection *)set;
}

pbase_status pbase_counted_set_get(const pbase_counted_set *set, const pbase_value *element,
                                   uint64_t *out_count, pbase_error *err)
{
    const collection *self = self_of(set);
    key_scratch scratch;
    encoded_key key;
    pbase_status status = collection_key(self, element, &scratch, &key, err);
    if (status == PBASE_OK) {
        status = collection_read_key(self, key.bytes, err);
    }
    if (status == PBASE_OK) {
        status =
            collection_noted(self, change_count_in(&self->tree, key.bytes, out_count, err), err);
    }
    key_scratch_fini(&scratch);
    return status;
}

/* What the caller wants to know is a read, and read before anything changes. */
static pbase_status count_asked(const collection *self, pbase_bytes key, bool asked,
                                uint64_t *out_count, pbase_error *err)
{
    pbase_status status = asked ? collection_read_key(self, key, err) : PBASE_OK;
    return status == PBASE_OK
               ? collection_noted(self, change_count_in(&self->tree, key, out_count, err), err)
               : status;
}

pbase_status pbase_counted_set_add(pbase_counted_set **set, const pbase_value *element,
                                   uint64_t times, uint64_t *out_count, pbase_error *err)
{
    collection *self = collection_of_counted_set(*set);
    key_scratch scratch;
    change operation = {.op = CHANGE_COUNT_ADD, .count = times};
    uint64_t before = 0;
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = collection_key(self, element, &scratch, &operation.key, err);
    if (status == PBASE_OK && out_count != NULL) {
        status = count_asked(self, operation.key.bytes, true, &before, err);
    }
    if (status == PBASE_OK && times != 0) {
        status = collection_change(self, &operation, err);
    }
    if (status == PBASE_OK && out_count != NULL) {
        *out_count = before + times;
    }
    key_scratch_fini(&scratch);
    return status;
}

/* Fewer than asked for is a read: others must not have added some meanwhile. */
static pbase_status take_count(const collection *self, change *operation, bool asked,
                               pbase_error *err)
{
    uint64_t there = 0;
    pbase_status status = count_asked(self, operation->key.bytes, asked, &there, err);
    if (status == PBASE_OK && there < operation->count) {
        status = asked ? PBASE_OK : collection_read_key(self, operation->key.bytes, err);
        operation->count = there;
    }
    return status;
}

pbase_status pbase_counted_set_remove(pbase_counted_set **set, const pbase_value *element,
                                      uint64_t times, uint64_t *out_removed, pbase_error *err)
{
    collection *self = collection_of_counted_set(*set);
    key_scratch scratch;
    change operation = {.op = CHANGE_COUNT_TAKE, .count = times};
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = collection_key(self, element, &scratch, &operation.key, err);
    if (status == PBASE_OK) {
        status = take_count(self, &operation, out_removed != NULL, err);
    }
    if (status == PBASE_OK && operation.count != 0) {
        status = collection_change(self, &operation, err);
    }
    if (status == PBASE_OK && out_removed != NULL) {
        *out_removed = operation.count;
    }
    key_scratch_fini(&scratch);
    return status;
}

/* ------------------------------------------------------------------------ counts and life ----- */

pbase_status pbase_counted_set_count(const pbase_counted_set *set, uint64_t *out, pbase_error *err)
{
    return collection_count(self_of(set), out, err);
}

pbase_status pbase_counted_set_total(const pbase_counted_set *set, uint64_t *out, pbase_error *err)
{
    return collection_total(self_of(set), out, err);
}

pbase_status pbase_counted_set_count_range(const pbase_counted_set *set, const pbase_range *range,
                                           uint64_t *out, pbase_error *err)
{
    return collection_count_range(self_of(set), range, out, err);
}

pbase_status pbase_counted_set_cursor(const pbase_counted_set *set, const pbase_range *range,
                                      pbase_cursor **out, pbase_error *err)
{
    return cursor_open_range(self_of(set), range, out, err);
}

pbase_status pbase_counted_set_keep(const pbase_counted_set *set, pbase_counted_set **out,
                                    pbase_error *err)
{
    collection *kept = NULL;
    pbase_status status = collection_keep(self_of(set), &kept, err);
    if (status == PBASE_OK) {
        *out = collection_counted_set(kept);
    }
    return status;
}

void pbase_counted_set_close(pbase_counted_set *set)
{
    collection_close(collection_of_counted_set(set));
}
