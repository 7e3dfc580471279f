/* txn_handles.c - the handles of a transaction by kind: opening, making and storing them.
 *
 * One function of each for every kind of collection, so that the compiler knows them apart; what
 * they do is in txn.c. */
#include "txn/txn.h"

/* -------------------------------------------------------------------------------- opening ---- */

pbase_status pbase_txn_dict(pbase_txn *txn, const char *name, pbase_dict **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_open_kind(txn, name, PBASE_COLLECTION_DICT, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_dict(handle);
    }
    return status;
}

pbase_status pbase_txn_list(pbase_txn *txn, const char *name, pbase_list **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_open_kind(txn, name, PBASE_COLLECTION_LIST, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_list(handle);
    }
    return status;
}

pbase_status pbase_txn_set(pbase_txn *txn, const char *name, pbase_set **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_open_kind(txn, name, PBASE_COLLECTION_SET, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_set(handle);
    }
    return status;
}

pbase_status pbase_txn_counted_set(pbase_txn *txn, const char *name, pbase_counted_set **out,
                                   pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_open_kind(txn, name, PBASE_COLLECTION_COUNTED_SET, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_counted_set(handle);
    }
    return status;
}

pbase_status pbase_txn_hash_dict(pbase_txn *txn, const char *name, pbase_hash_dict **out,
                                 pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_open_kind(txn, name, PBASE_COLLECTION_HASH_DICT, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_hash_dict(handle);
    }
    return status;
}

pbase_status pbase_txn_multi_dict(pbase_txn *txn, const char *name, pbase_multi_dict **out,
                                  pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_open_kind(txn, name, PBASE_COLLECTION_MULTI_DICT, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_multi_dict(handle);
    }
    return status;
}

/* --------------------------------------------------------------------------------- making ---- */

pbase_status pbase_txn_new_dict(pbase_txn *txn, pbase_dict **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_new_kind(txn, PBASE_COLLECTION_DICT, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_dict(handle);
    }
    return status;
}

pbase_status pbase_txn_new_list(pbase_txn *txn, pbase_list **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_new_kind(txn, PBASE_COLLECTION_LIST, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_list(handle);
    }
    return status;
}

pbase_status pbase_txn_new_set(pbase_txn *txn, pbase_set **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_new_kind(txn, PBASE_COLLECTION_SET, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_set(handle);
    }
    return status;
}

pbase_status pbase_txn_new_counted_set(pbase_txn *txn, pbase_counted_set **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_new_kind(txn, PBASE_COLLECTION_COUNTED_SET, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_counted_set(handle);
    }
    return status;
}

pbase_status pbase_txn_new_hash_dict(pbase_txn *txn, pbase_hash_dict **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_new_kind(txn, PBASE_COLLECTION_HASH_DICT, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_hash_dict(handle);
    }
    return status;
}

pbase_status pbase_txn_new_multi_dict(pbase_txn *txn, pbase_multi_dict **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_new_kind(txn, PBASE_COLLECTION_MULTI_DICT, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_multi_dict(handle);
    }
    return status;
}

/* -------------------------------------------------------------------------------- storing ---- */

pbase_status pbase_txn_store_dict(pbase_txn *txn, const char *name, const pbase_dict *dict,
                                  pbase_error *err)
{
    return txn_store_version(txn, name, (const collection *)dict, err);
}

pbase_status pbase_txn_store_list(pbase_txn *txn, const char *name, const pbase_list *list,
                                  pbase_error *err)
{
    return txn_store_version(txn, name, (const collection *)list, err);
}

pbase_status pbase_txn_store_set(pbase_txn *txn, const char *name, const pbase_set *set,
                                 pbase_error *err)
{
    return txn_store_version(txn, name, (const collection *)set, err);
}

pbase_status pbase_txn_store_counted_set(pbase_txn *txn, const char *name,
                                         const pbase_counted_set *set, pbase_error *err)
{
    return txn_store_version(txn, name, (const collection *)set, err);
}

pbase_status pbase_txn_store_hash_dict(pbase_txn *txn, const char *name,
                                       const pbase_hash_dict *dict, pbase_error *err)
{
    return txn_store_version(txn, name, (const collection *)dict, err);
}

pbase_status pbase_txn_store_multi_dict(pbase_txn *txn, const char *name,
                                        const pbase_multi_dict *dict, pbase_error *err)
{
    return txn_store_version(txn, name, (const collection *)dict, err);
}
