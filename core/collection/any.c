/* any.c - handles whose kind does not matter. */
#include "collection/collection_private.h"

static const collection *self_of(const pbase_collection *handle)
{
    return (const collection *)handle;
}

static bool is_kind(const pbase_collection *handle, uint8_t kind)
{
    return handle != NULL && self_of(handle)->kind == kind;
}

int pbase_collection_kind(const pbase_collection *handle)
{
    return self_of(handle)->kind;
}

pbase_dict *pbase_collection_dict(pbase_collection *handle)
{
    return is_kind(handle, PBASE_COLLECTION_DICT) ? (pbase_dict *)handle : NULL;
}

pbase_list *pbase_collection_list(pbase_collection *handle)
{
    return is_kind(handle, PBASE_COLLECTION_LIST) ? (pbase_list *)handle : NULL;
}

pbase_set *pbase_collection_set(pbase_collection *handle)
{
    return is_kind(handle, PBASE_COLLECTION_SET) ? (pbase_set *)handle : NULL;
}

pbase_counted_set *pbase_collection_counted_set(pbase_collection *handle)
{
    return is_kind(handle, PBASE_COLLECTION_COUNTED_SET) ? (pbase_counted_set *)handle : NULL;
}

pbase_hash_dict *pbase_collection_hash_dict(pbase_collection *handle)
{
    return is_kind(handle, PBASE_COLLECTION_HASH_DICT) ? (pbase_hash_dict *)handle : NULL;
}

pbase_multi_dict *pbase_collection_multi_dict(pbase_collection *handle)
{
    return is_kind(handle, PBASE_COLLECTION_MULTI_DICT) ? (pbase_multi_dict *)handle : NULL;
}

pbase_status pbase_collection_keep(const pbase_collection *handle, pbase_collection **out,
                                   pbase_error *err)
{
    collection *kept = NULL;
    pbase_status status = collection_keep(self_of(handle), &kept, err);
    if (status == PBASE_OK) {
        *out = collection_any(kept);
    }
    return status;
}

pbase_status pbase_collection_count(const pbase_collection *handle, uint64_t *out, pbase_error *err)
{
    return collection_count(self_of(handle), out, err);
}

pbase_status pbase_collection_cursor(const pbase_collection *handle, pbase_cursor **out,
                                     pbase_error *err)
{
    if (self_of(handle)->kind == PBASE_COLLECTION_ROPE) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "the content of a blob has no entries: open the blob");
    }
    return tree_kind_positional(self_of(handle)->kind)
               ? cursor_open_slice(self_of(handle), NULL, out, err)
               : cursor_open_range(self_of(handle), NULL, out, err);
}

void pbase_collection_close(pbase_collection *handle)
{
    collection_close((collection *)handle);
}
