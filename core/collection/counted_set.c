/* counted_set.c - counted sets: keys with how often they are there. */
#include "collection/collection_private.h"
#include "collection/load.h"

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
        status = bag_get(self, key.bytes, out_count, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

pbase_status pbase_counted_set_add(pbase_counted_set **set, const pbase_value *element,
                                   uint64_t times, uint64_t *out_count, pbase_error *err)
{
    collection *self = collection_of_counted_set(*set);
    key_scratch scratch;
    encoded_key key;
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = collection_key(self, element, &scratch, &key, err);
    if (status == PBASE_OK) {
        status = bag_add(self, &key, times, out_count, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

pbase_status pbase_counted_set_add_all(pbase_counted_set **set, const pbase_value *elements,
                                       size_t count, pbase_error *err)
{
    load_input input = {.keys = elements, .count = count};
    return load_all(collection_of_counted_set(*set), &input, err);
}

pbase_status pbase_counted_set_remove(pbase_counted_set **set, const pbase_value *element,
                                      uint64_t times, uint64_t *out_removed, pbase_error *err)
{
    collection *self = collection_of_counted_set(*set);
    key_scratch scratch;
    encoded_key key;
    pbase_status status = collection_edit_check(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = collection_key(self, element, &scratch, &key, err);
    if (status == PBASE_OK) {
        status = bag_take(self, &key, times, out_removed, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

/* ------------------------------------------------------------------------------- algebra ------ */

static pbase_status combined(const pbase_counted_set *a, const pbase_counted_set *b, uint8_t how,
                             pbase_counted_set **out, pbase_error *err)
{
    collection *result = NULL;
    pbase_status status = combine(self_of(a), self_of(b), how, &result, err);
    if (status == PBASE_OK) {
        *out = collection_counted_set(result);
    }
    return status;
}

pbase_status pbase_counted_set_union(const pbase_counted_set *a, const pbase_counted_set *b,
                                     pbase_counted_set **out, pbase_error *err)
{
    return combined(a, b, COMBINE_UNION, out, err);
}

pbase_status pbase_counted_set_intersection(const pbase_counted_set *a, const pbase_counted_set *b,
                                            pbase_counted_set **out, pbase_error *err)
{
    return combined(a, b, COMBINE_INTERSECTION, out, err);
}

pbase_status pbase_counted_set_difference(const pbase_counted_set *a, const pbase_counted_set *b,
                                          pbase_counted_set **out, pbase_error *err)
{
    return combined(a, b, COMBINE_DIFFERENCE, out, err);
}

pbase_status pbase_counted_set_symmetric_difference(const pbase_counted_set *a,
                                                    const pbase_counted_set *b,
                                                    pbase_counted_set **out, pbase_error *err)
{
    return combined(a, b, COMBINE_SYMMETRIC, out, err);
}

pbase_status pbase_counted_set_sum(const pbase_counted_set *a, const pbase_counted_set *b,
                                   pbase_counted_set **out, pbase_error *err)
{
    return combined(a, b, COMBINE_SUM, out, err);
}

pbase_status pbase_counted_set_is_subset(const pbase_counted_set *a, const pbase_counted_set *b,
                                         bool *out, pbase_error *err)
{
    return combine_is_subset(self_of(a), self_of(b), out, err);
}

pbase_status pbase_counted_set_is_disjoint(const pbase_counted_set *a, const pbase_counted_set *b,
                                           bool *out, pbase_error *err)
{
    return combine_is_disjoint(self_of(a), self_of(b), out, err);
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
