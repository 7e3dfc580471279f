/* write_set.c - from operations to accesses. */
#include "txn/write_set.h"

#include "collection/change.h"
#include "txn/catalog.h"

static access_kind kind_of_scope(uint8_t scope)
{
    switch (scope) {
    case CHANGE_TOUCHES_ADD:
        return ACCESS_ADD;
    case CHANGE_TOUCHES_APPEND:
        return ACCESS_TAIL;
    case CHANGE_TOUCHES_WHOLE:
        return ACCESS_WHOLE;
    default:
        return ACCESS_POINT;
    }
}

pbase_status write_set_add_operations(access_set *writes, uint64_t database, pbase_collection_id id,
                                      pbase_bytes operations, uint64_t base_count, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    change operation;
    pbase_status status = change_read(&reader, &operation, err);
    while (status == PBASE_OK) {
        change_touch touch;
        change_touches(&operation, base_count, &touch);
        access item = {.kind = kind_of_scope(touch.scope),
                       .place = {.database = database, .collection = id}};
        if (item.kind == ACCESS_POINT || item.kind == ACCESS_ADD) {
            item.from = touch.key;
            item.hash = access_hash(writes->host, &item.place, touch.key);
        }
        status = access_set_add(writes, &item, err);
        if (status == PBASE_OK) {
            status = change_read(&reader, &operation, err);
        }
    }
    return status == PBASE_END ? PBASE_OK : status;
}

pbase_status write_set_add_whole(access_set *writes, uint64_t database, pbase_collection_id id,
                                 pbase_error *err)
{
    access item = {.kind = ACCESS_WHOLE, .place = {.database = database, .collection = id}};
    return access_set_add(writes, &item, err);
}

/* A name as a key of the catalog itself; none is fine. */
static pbase_status add_name(access_set *set, pbase_bytes name, pbase_error *err)
{
    access item = {.kind = ACCESS_POINT, .place = {.database = 0}, .from = name};
    item.hash = access_hash(set->host, &item.place, name);
    return name.size == 0 ? PBASE_OK : access_set_add(set, &item, err);
}

pbase_status read_set_add_catalog(access_set *reads, const catalog_change *wanted, pbase_error *err)
{
    return wanted->operation == CATALOG_COPY ? add_name(reads, wanted->source, err) : PBASE_OK;
}

pbase_status write_set_add_catalog(access_set *writes, const catalog_change *wanted,
                                   pbase_error *err)
{
    bool moves = wanted->operation == CATALOG_DROP || wanted->operation == CATALOG_RENAME;
    pbase_status status = add_name(writes, wanted->name, err);
    if (status == PBASE_OK && moves) {
        status = add_name(writes, wanted->source, err);
    }
    return status == PBASE_OK && moves
               ? write_set_add_whole(writes, wanted->database, CATALOG_ROOTS, err)
               : status;
}

/* ---------------------------------------------------------------------------------- records ---- */

/* A bound on the entries before a list's operations: none, when some of them append. */
static pbase_status safe_base_count(pbase_bytes operations, uint64_t *out, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    change operation;
    pbase_status status = PBASE_OK;
    *out = UINT64_MAX;
    while (status == PBASE_OK) {
        status = change_read(&reader, &operation, err);
        if (status == PBASE_OK && operation.op == CHANGE_LIST_APPEND) {
            *out = 0;
            return PBASE_OK;
        }
    }
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status add_group(access_set *writes, uint64_t database, const delta_group *group,
                              pbase_error *err)
{
    if (group->form == GROUP_CREATE || (group->id.sequence == 0 && group->id.ordinal > 0)) {
        return PBASE_OK; /* nobody else can have touched what did not exist */
    }
    if (group->form != GROUP_CHANGE) {
        return write_set_add_whole(writes, database, group->id, err);
    }
    uint64_t base_count = UINT64_MAX;
    pbase_status status = safe_base_count(group->operations, &base_count, err);
    return status == PBASE_OK ? write_set_add_operations(writes, database, group->id,
                                                         group->operations, base_count, err)
                              : status;
}

static pbase_status add_delta(access_set *writes, pbase_bytes body, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(body);
    uint64_t database = 0, groups = 0;
    if (!pbase_read_varint(&reader, &database) || !pbase_read_varint(&reader, &groups)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut");
    }
    pbase_status status = PBASE_OK;
    for (uint64_t i = 0; i < groups && status == PBASE_OK; i++) {
        delta_group group;
        status = delta_group_read(&reader, &group, err);
        if (status == PBASE_OK) {
            status = add_group(writes, database, &group, err);
        }
    }
    return status;
}

pbase_status write_set_add_record(access_set *writes, const record_head *head, pbase_bytes body,
                                  pbase_error *err)
{
    if (head->kind == RECORD_DELTA) {
        return add_delta(writes, body, err);
    }
    if (head->kind != RECORD_CATALOG) {
        return PBASE_OK;
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(body);
    catalog_change wanted;
    pbase_status status = catalog_change_read(&reader, &wanted, err);
    return status == PBASE_OK ? write_set_add_catalog(writes, &wanted, err) : status;
}
