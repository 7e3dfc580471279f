/* txn_path.c - paths that begin at the roots of a transaction. */
#include "txn/nested_path.h"
#include "txn/txn_private.h"

static pbase_status open_root(void *state, pbase_bytes name, collection **out, pbase_error *err)
{
    return txn_open_any(state, (const char *)name.data, out, err);
}

static pbase_status root_value(void *state, pbase_bytes name, pbase_arena *arena, pbase_value *out,
                               pbase_error *err)
{
    return pbase_txn_value(state, (const char *)name.data, arena, out, err);
}

static pbase_status root_child(void *state, pbase_bytes name, uint64_t n, collection **out,
                               pbase_error *err)
{
    return txn_root_child(state, name, n, out, err);
}

static pbase_status root_store(void *state, pbase_bytes name, const collection *version,
                               pbase_error *err)
{
    return txn_store_version(state, (const char *)name.data, version, err);
}

static pbase_status root_store_value(void *state, pbase_bytes name, const pbase_value *value,
                                     pbase_error *err)
{
    return pbase_txn_store_value(state, (const char *)name.data, value, err);
}

/* Names are NUL-ended: they come from the two functions below. */
static nested_path_base base_of(pbase_txn *txn)
{
    return (nested_path_base){.state = txn,
                              .alloc = txn->context.alloc,
                              .open = open_root,
                              .value = root_value,
                              .child = root_child,
                              .store = root_store,
                              .store_value = root_store_value};
}

pbase_status pbase_txn_at(pbase_txn *txn, const char *root, const pbase_value *steps, size_t count,
                          pbase_collection **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = txn_check_open(txn, err);
    if (status != PBASE_OK) {
        return status;
    }
    nested_path_base base = base_of(txn);
    status = nested_path_open(&base, pbase_bytes_text(root), steps, count, &handle, err);
    if (status == PBASE_OK) {
        *out = collection_any(handle);
    }
    return status;
}

pbase_status pbase_txn_store_at(pbase_txn *txn, const char *root, const pbase_value *steps,
                                size_t count, const pbase_collection *version, pbase_error *err)
{
    pbase_status status = txn_check_writable(txn, pbase_bytes_text(root), err);
    if (status != PBASE_OK) {
        return status;
    }
    nested_path_base base = base_of(txn);
    return nested_path_store(&base, pbase_bytes_text(root), steps, count,
                             (const collection *)version, err);
}
