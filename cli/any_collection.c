/* any_collection.c - one switch over the kinds for each thing that is done with all of them. */
#include "any_collection.h"

#include "nested_value.h"

static const uint32_t kinds[] = {PBASE_ROOT_DICT,       PBASE_ROOT_LIST,
                                 PBASE_ROOT_SET,        PBASE_ROOT_HASH_DICT,
                                 PBASE_ROOT_MULTI_DICT, PBASE_ROOT_COUNTED_SET};

uint32_t any_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(name, pbase_collection_kind_name((int)kinds[i])) == 0) {
            return kinds[i];
        }
    }
    return PBASE_ROOT_VALUE;
}

bool any_kind_keyed(uint32_t kind)
{
    return kind == PBASE_ROOT_DICT || kind == PBASE_ROOT_HASH_DICT || kind == PBASE_ROOT_MULTI_DICT;
}

bool any_kind_counted(uint32_t kind)
{
    return kind == PBASE_ROOT_MULTI_DICT || kind == PBASE_ROOT_COUNTED_SET;
}

/* -------------------------------------------------------------------------------------- opening -- */

pbase_status any_of_snapshot(const pbase_snapshot *snapshot, const char *name, any_collection *out,
                             pbase_error *err)
{
    pbase_root_info info;
    any_collection found = {.kind = PBASE_ROOT_VALUE};
    pbase_status status = pbase_snapshot_root(snapshot, name, &info, err);
    if (status != PBASE_OK) {
        return status;
    }
    switch (info.kind) {
    case PBASE_ROOT_DICT:
        status = pbase_snapshot_dict(snapshot, name, &found.as.dict, err);
        break;
    case PBASE_ROOT_LIST:
        status = pbase_snapshot_list(snapshot, name, &found.as.list, err);
        break;
    case PBASE_ROOT_SET:
        status = pbase_snapshot_set(snapshot, name, &found.as.set, err);
        break;
    case PBASE_ROOT_HASH_DICT:
        status = pbase_snapshot_hash_dict(snapshot, name, &found.as.hash_dict, err);
        break;
    case PBASE_ROOT_MULTI_DICT:
        status = pbase_snapshot_multi_dict(snapshot, name, &found.as.multi_dict, err);
        break;
    case PBASE_ROOT_COUNTED_SET:
        status = pbase_snapshot_counted_set(snapshot, name, &found.as.counted_set, err);
        break;
    default:
        status = PBASE_FAIL(err, PBASE_INVALID, "'%s' holds a plain value", name);
        pbase_error_hint(err, "`protobase get %s` prints it", name);
        break;
    }
    if (status == PBASE_OK) {
        found.kind = info.kind;
        *out = found;
    }
    return status;
}

static pbase_status new_collection(pbase_txn *txn, any_collection *out, pbase_error *err)
{
    switch (out->kind) {
    case PBASE_ROOT_DICT:
        return pbase_txn_new_dict(txn, &out->as.dict, err);
    case PBASE_ROOT_LIST:
        return pbase_txn_new_list(txn, &out->as.list, err);
    case PBASE_ROOT_SET:
        return pbase_txn_new_set(txn, &out->as.set, err);
    case PBASE_ROOT_HASH_DICT:
        return pbase_txn_new_hash_dict(txn, &out->as.hash_dict, err);
    case PBASE_ROOT_MULTI_DICT:
        return pbase_txn_new_multi_dict(txn, &out->as.multi_dict, err);
    default:
        return pbase_txn_new_counted_set(txn, &out->as.counted_set, err);
    }
}

static pbase_status old_collection(pbase_txn *txn, const char *name, any_collection *out,
                                   pbase_error *err)
{
    switch (out->kind) {
    case PBASE_ROOT_DICT:
        return pbase_txn_dict(txn, name, &out->as.dict, err);
    case PBASE_ROOT_LIST:
        return pbase_txn_list(txn, name, &out->as.list, err);
    case PBASE_ROOT_SET:
        return pbase_txn_set(txn, name, &out->as.set, err);
    case PBASE_ROOT_HASH_DICT:
        return pbase_txn_hash_dict(txn, name, &out->as.hash_dict, err);
    case PBASE_ROOT_MULTI_DICT:
        return pbase_txn_multi_dict(txn, name, &out->as.multi_dict, err);
    default:
        return pbase_txn_counted_set(txn, name, &out->as.counted_set, err);
    }
}

pbase_status any_of_txn(pbase_txn *txn, const char *name, uint32_t kind, any_collection *out,
                        pbase_error *err)
{
    any_collection found = {.kind = kind};
    pbase_status status = old_collection(txn, name, &found, err);
    if (status == PBASE_NOT_FOUND) {
        status = new_collection(txn, &found, err);
    }
    if (status == PBASE_OK) {
        *out = found;
    }
    return status;
}

pbase_status any_new(pbase_txn *txn, uint32_t kind, any_collection *out, pbase_error *err)
{
    any_collection made = {.kind = kind};
    pbase_status status = new_collection(txn, &made, err);
    if (status == PBASE_OK) {
        *out = made;
    }
    return status;
}

pbase_value any_value(const any_collection *self)
{
    return pbase_value_of_collection((const pbase_collection *)(const void *)self->as.dict);
}

/* ---------------------------------------------------------------------------------------- using -- */

pbase_status any_cursor(const any_collection *self, pbase_cursor **out, pbase_error *err)
{
    switch (self->kind) {
    case PBASE_ROOT_DICT:
        return pbase_dict_cursor(self->as.dict, NULL, out, err);
    case PBASE_ROOT_LIST:
        return pbase_list_cursor(self->as.list, NULL, out, err);
    case PBASE_ROOT_SET:
        return pbase_set_cursor(self->as.set, NULL, out, err);
    case PBASE_ROOT_HASH_DICT:
        return pbase_hash_dict_cursor(self->as.hash_dict, out, err);
    case PBASE_ROOT_MULTI_DICT:
        return pbase_multi_dict_cursor(self->as.multi_dict, NULL, out, err);
    default:
        return pbase_counted_set_cursor(self->as.counted_set, NULL, out, err);
    }
}

pbase_status any_add_times(any_collection *self, const pbase_value *key, const pbase_value *value,
                           const pbase_value *count, pbase_error *err)
{
    if (count->kind != PBASE_INT || count->as.integer < 1) {
        return PBASE_FAIL(err, PBASE_INVALID, "'count' must be a whole number from 1 on");
    }
    uint64_t times = (uint64_t)count->as.integer;
    return self->kind == PBASE_ROOT_MULTI_DICT
               ? pbase_multi_dict_add(&self->as.multi_dict, key, value, times, NULL, err)
               : pbase_counted_set_add(&self->as.counted_set, value, times, NULL, err);
}

/* {"value": V, "count": n} is n times V; anything else is itself, once. */
static pbase_status add_counted(any_collection *self, const pbase_value *row, pbase_error *err)
{
    const pbase_value *value = pbase_value_field(row, pbase_bytes_text("value"));
    const pbase_value *count = pbase_value_field(row, pbase_bytes_text("count"));
    if (value == NULL || count == NULL || row->as.map.count != 2) {
        return pbase_counted_set_add(&self->as.counted_set, row, 1, NULL, err);
    }
    return any_add_times(self, NULL, value, count, err);
}

pbase_status any_add(any_collection *self, const pbase_value *key, const pbase_value *value,
                     pbase_error *err)
{
    switch (self->kind) {
    case PBASE_ROOT_LIST:
        return pbase_list_append(&self->as.list, value, err);
    case PBASE_ROOT_SET:
        return pbase_set_add(&self->as.set, value, NULL, err);
    case PBASE_ROOT_COUNTED_SET:
        return add_counted(self, value, err);
    default:
        return any_put(self, key, value, NULL, err);
    }
}

pbase_status any_put(any_collection *self, const pbase_value *key, const pbase_value *value,
                     bool *out_replaced, pbase_error *err)
{
    switch (self->kind) {
    case PBASE_ROOT_DICT:
        return pbase_dict_put(&self->as.dict, key, value, out_replaced, err);
    case PBASE_ROOT_HASH_DICT:
        return pbase_hash_dict_put(&self->as.hash_dict, key, value, out_replaced, err);
    case PBASE_ROOT_MULTI_DICT:
        return pbase_multi_dict_add(&self->as.multi_dict, key, value, 1, NULL, err);
    default:
        return PBASE_FAIL(err, PBASE_INVALID, "a %s has no keys to put at",
                          pbase_collection_kind_name((int)self->kind));
    }
}

pbase_status any_remove(any_collection *self, const pbase_value *key, bool *out_removed,
                        pbase_error *err)
{
    uint64_t removed = 0;
    pbase_status status;
    switch (self->kind) {
    case PBASE_ROOT_DICT:
        return pbase_dict_remove(&self->as.dict, key, out_removed, err);
    case PBASE_ROOT_HASH_DICT:
        return pbase_hash_dict_remove(&self->as.hash_dict, key, out_removed, err);
    case PBASE_ROOT_SET:
        return pbase_set_remove(&self->as.set, key, out_removed, err);
    case PBASE_ROOT_MULTI_DICT:
        status = pbase_multi_dict_remove_key(&self->as.multi_dict, key, &removed, err);
        break;
    case PBASE_ROOT_COUNTED_SET:
        status =
            pbase_counted_set_remove(&self->as.counted_set, key, PBASE_COUNT_ALL, &removed, err);
        break;
    default:
        return PBASE_FAIL(err, PBASE_INVALID, "a %s has no keys to delete",
                          pbase_collection_kind_name((int)self->kind));
    }
    *out_removed = removed != 0;
    return status;
}

pbase_status any_store(const any_collection *self, pbase_txn *txn, const char *name,
                       pbase_error *err)
{
    switch (self->kind) {
    case PBASE_ROOT_DICT:
        return pbase_txn_store_dict(txn, name, self->as.dict, err);
    case PBASE_ROOT_LIST:
        return pbase_txn_store_list(txn, name, self->as.list, err);
    case PBASE_ROOT_SET:
        return pbase_txn_store_set(txn, name, self->as.set, err);
    case PBASE_ROOT_HASH_DICT:
        return pbase_txn_store_hash_dict(txn, name, self->as.hash_dict, err);
    case PBASE_ROOT_MULTI_DICT:
        return pbase_txn_store_multi_dict(txn, name, self->as.multi_dict, err);
    default:
        return pbase_txn_store_counted_set(txn, name, self->as.counted_set, err);
    }
}

void any_close(any_collection *self)
{
    switch (self->kind) {
    case PBASE_ROOT_DICT:
        pbase_dict_close(self->as.dict);
        break;
    case PBASE_ROOT_LIST:
        pbase_list_close(self->as.list);
        break;
    case PBASE_ROOT_SET:
        pbase_set_close(self->as.set);
        break;
    case PBASE_ROOT_HASH_DICT:
        pbase_hash_dict_close(self->as.hash_dict);
        break;
    case PBASE_ROOT_MULTI_DICT:
        pbase_multi_dict_close(self->as.multi_dict);
        break;
    case PBASE_ROOT_COUNTED_SET:
        pbase_counted_set_close(self->as.counted_set);
        break;
    default:
        break;
    }
    self->kind = PBASE_ROOT_VALUE;
}

/* -------------------------------------------------------------------------------------- nesting -- */

pbase_status any_add_nested(any_collection *self, pbase_txn *txn, const pbase_value *key,
                            const pbase_value *value, pbase_error *err)
{
    nested_handles handles = {NULL, 0, 0};
    pbase_arena arena;
    pbase_value made;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = nested_read(txn, value, &handles, &arena, &made, err);
    status = status == PBASE_OK ? any_add(self, key, &made, err) : status;
    nested_close(&handles);
    pbase_arena_fini(&arena);
    return status;
}

pbase_status any_put_nested(any_collection *self, pbase_txn *txn, const pbase_value *key,
                            const pbase_value *value, bool *out_replaced, pbase_error *err)
{
    nested_handles handles = {NULL, 0, 0};
    pbase_arena arena;
    pbase_value made;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = nested_read(txn, value, &handles, &arena, &made, err);
    status = status == PBASE_OK ? any_put(self, key, &made, out_replaced, err) : status;
    nested_close(&handles);
    pbase_arena_fini(&arena);
    return status;
}

pbase_status any_child(const any_collection *self, const pbase_value *key, uint64_t n,
                       pbase_collection **out, pbase_error *err)
{
    switch (self->kind) {
    case PBASE_ROOT_DICT:
        return pbase_dict_child(self->as.dict, key, n, out, err);
    case PBASE_ROOT_HASH_DICT:
        return pbase_hash_dict_child(self->as.hash_dict, key, n, out, err);
    case PBASE_ROOT_LIST:
        return pbase_list_child(self->as.list, key->as.integer, n, out, err);
    default:
        return PBASE_FAIL(err, PBASE_INVALID, "the entries of a %s hold no collections",
                          pbase_collection_kind_name((int)self->kind));
    }
}
