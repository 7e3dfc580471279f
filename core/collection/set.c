/* set.c - sets: keys without values. */
#include "collection/collection_private.h"
#include "collection/load.h"

static const collection *self_of(const pbase_set *set)
{
    return (const collection *)set;
}

pbase_status pbase_set_has(const pbase_set *set, const pbase_value *key, bool *out,
                           pbase_error *err)
{
    const collection *self = self_of(set);
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

/* Makes the key be there, or not. What is as wanted already is a read of the key and no change. */
static pbase_status set_change(pbase_set **set, const pbase_value *key, bool wanted,
                               bool *out_changed, pbase_error *err)
{
    collection *self = collection_of_set(*set);
    key_scratch scratch;
    change operation = {.op = wanted ? CHANGE_SET_ADD : CHANGE_SET_REMOVE};
    bool found = false;
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = collection_key(self, key, &scratch, &operation.key, err);
    if (status == PBASE_OK) {
        status =
            collection_noted(self, tree_has(&self->tree, operation.key.bytes, &found, err), err);
    }
    if (status == PBASE_OK && (found == wanted || out_changed != NULL)) {
        status = collection_read_key(self, operation.key.bytes, err);
    }
    if (status == PBASE_OK && found != wanted) {
        status = collection_change(self, &operation, err);
    }
    if (status == PBASE_OK && out_changed != NULL) {
        *out_changed = found != wanted;
    }
    key_scratch_fini(&scratch);
    return status;
}

pbase_status pbase_set_add(pbase_set **set, const pbase_value *key, bool *out_added,
                           pbase_error *err)
{
    return set_change(set, key, true, out_added, err);
}

pbase_status pbase_set_add_all(pbase_set **set, const pbase_value *keys, size_t count,
                               pbase_error *err)
{
    load_input input = {.keys = keys, .count = count};
    return load_all(collection_of_set(*set), &input, err);
}

pbase_status pbase_set_remove(pbase_set **set, const pbase_value *key, bool *out_removed,
                              pbase_error *err)
{
    return set_change(set, key, false, out_removed, err);
}

/* ------------------------------------------------------------------------------- algebra ------ */

static pbase_status combined(const pbase_set *a, const pbase_set *b, uint8_t how, pbase_set **out,
                             pbase_error *err)
{
    collection *result = NULL;
    pbase_status status = combine(self_of(a), self_of(b), how, &result, err);
    if (status == PBASE_OK) {
        *out = collection_set(result);
    }
    return status;
}

pbase_status pbase_set_union(const pbase_set *a, const pbase_set *b, pbase_set **out,
                             pbase_error *err)
{
    return combined(a, b, COMBINE_UNION, out, err);
}

pbase_status pbase_set_intersection(const pbase_set *a, const pbase_set *b, pbase_set **out,
                                    pbase_error *err)
{
    return combined(a, b, COMBINE_INTERSECTION, out, err);
}

pbase_status pbase_set_difference(const pbase_set *a, const pbase_set *b, pbase_set **out,
                                  pbase_error *err)
{
    return combined(a, b, COMBINE_DIFFERENCE, out, err);
}

pbase_status pbase_set_symmetric_difference(const pbase_set *a, const pbase_set *b, pbase_set **out,
                                            pbase_error *err)
{
    return combined(a, b, COMBINE_SYMMETRIC, out, err);
}

pbase_status pbase_set_is_subset(const pbase_set *a, const pbase_set *b, bool *out,
                                 pbase_error *err)
{
    return combine_is_subset(self_of(a), self_of(b), out, err);
}

pbase_status pbase_set_is_disjoint(const pbase_set *a, const pbase_set *b, bool *out,
                                   pbase_error *err)
{
    return combine_is_disjoint(self_of(a), self_of(b), out, err);
}

pbase_status pbase_set_count(const pbase_set *set, uint64_t *out, pbase_error *err)
{
    return collection_count(self_of(set), out, err);
}

pbase_status pbase_set_count_range(const pbase_set *set, const pbase_range *range, uint64_t *out,
                                   pbase_error *err)
{
    return collection_count_range(self_of(set), range, out, err);
}

pbase_status pbase_set_cursor(const pbase_set *set, const pbase_range *range, pbase_cursor **out,
                              pbase_error *err)
{
    return cursor_open_range(self_of(set), range, out, err);
}

pbase_status pbase_set_keep(const pbase_set *set, pbase_set **out, pbase_error *err)
{
    collection *kept = NULL;
    pbase_status status = collection_keep(self_of(set), &kept, err);
    if (status == PBASE_OK) {
        *out = collection_set(kept);
    }
    return status;
}

void pbase_set_close(pbase_set *set)
{
    collection_close(collection_of_set(set));
}
