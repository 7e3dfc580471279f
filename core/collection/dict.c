/* dict.c - dictionaries: a mapping (mapping.c) under its public type. */
#include "collection/collection_private.h"
#include "collection/load.h"

static const collection *self_of(const pbase_dict *dict)
{
    return (const collection *)dict;
}

pbase_status pbase_dict_get(const pbase_dict *dict, const pbase_value *key, pbase_arena *arena,
                            pbase_value *out, pbase_error *err)
{
    return mapping_get(self_of(dict), key, arena, out, err);
}

pbase_status pbase_dict_get_bytes(const pbase_dict *dict, const pbase_value *key,
                                  pbase_reader *reader, pbase_bytes *out, pbase_error *err)
{
    return mapping_get_bytes(self_of(dict), key, reader, out, err);
}

pbase_status pbase_dict_get_many(const pbase_dict *dict, const pbase_value *keys, size_t count,
                                 pbase_reader *reader, pbase_bytes *out, pbase_error *err)
{
    return mapping_get_many(self_of(dict), keys, count, reader, out, err);
}

pbase_status pbase_dict_child(const pbase_dict *dict, const pbase_value *key, uint64_t n,
                              pbase_collection **out, pbase_error *err)
{
    return mapping_child(self_of(dict), key, n, out, err);
}

pbase_status pbase_dict_has(const pbase_dict *dict, const pbase_value *key, bool *out,
                            pbase_error *err)
{
    return mapping_has(self_of(dict), key, out, err);
}

pbase_status pbase_dict_put(pbase_dict **dict, const pbase_value *key, const pbase_value *value,
                            bool *out_replaced, pbase_error *err)
{
    return mapping_put(collection_of_dict(*dict), key, value, pbase_bytes_of(NULL, 0), out_replaced,
                       err);
}

pbase_status pbase_dict_put_bytes(pbase_dict **dict, const pbase_value *key, pbase_bytes value,
                                  bool *out_replaced, pbase_error *err)
{
    return mapping_put(collection_of_dict(*dict), key, NULL, value, out_replaced, err);
}

pbase_status pbase_dict_remove(pbase_dict **dict, const pbase_value *key, bool *out_removed,
                               pbase_error *err)
{
    return mapping_remove(collection_of_dict(*dict), key, out_removed, err);
}

pbase_status pbase_dict_put_all(pbase_dict **dict, const pbase_entry *entries, size_t count,
                                pbase_error *err)
{
    load_input input = {.entries = entries, .count = count};
    return load_all(collection_of_dict(*dict), &input, err);
}

pbase_status pbase_dict_merge(pbase_dict **dict, const pbase_dict *other, pbase_error *err)
{
    return mapping_merge(collection_of_dict(*dict), self_of(other), err);
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
