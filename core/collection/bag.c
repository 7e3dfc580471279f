/* bag.c - what counted sets and multi-dictionaries have in common: keys with how often they are
 * there. */
#include "collection/collection_private.h"

pbase_status bag_get(const collection *self, pbase_bytes key, uint64_t *out_count, pbase_error *err)
{
    pbase_status status = collection_read_key(self, key, err);
    if (status == PBASE_OK) {
        status = change_count_in(&self->tree, key, out_count, err);
    }
    return collection_noted(self, status, err);
}

pbase_status bag_add(collection *self, const encoded_key *key, uint64_t times, uint64_t *out_count,
                     pbase_error *err)
{
    change operation = {.key = *key, .count = times};
    uint64_t before = 0;
    pbase_status status = PBASE_OK;
    operation.op = self->kind == PBASE_COLLECTION_COUNTED_SET ? CHANGE_COUNT_ADD : CHANGE_MULTI_ADD;
    if (out_count != NULL) {
        status = bag_get(self, key->bytes, &before, err);
    }
    if (status == PBASE_OK && times != 0) {
        status = collection_change(self, &operation, err);
    }
    if (status == PBASE_OK && out_count != NULL) {
        *out_count = before + times;
    }
    return status;
}

pbase_status bag_take(collection *self, const encoded_key *key, uint64_t times,
                      uint64_t *out_removed, pbase_error *err)
{
    change operation = {.key = *key, .count = times};
    uint64_t there = 0;
    operation.op =
        self->kind == PBASE_COLLECTION_COUNTED_SET ? CHANGE_COUNT_TAKE : CHANGE_MULTI_TAKE;
    pbase_status status =
        collection_noted(self, change_count_in(&self->tree, key->bytes, &there, err), err);
    if (status == PBASE_OK && (there < times || out_removed != NULL)) {
        status = collection_read_key(self, key->bytes, err); /* others may have added some */
    }
    operation.count = there < times ? there : times;
    if (status == PBASE_OK && operation.count != 0) {
        status = collection_change(self, &operation, err);
    }
    if (status == PBASE_OK && out_removed != NULL) {
        *out_removed = operation.count;
    }
    return status;
}
