/* txn_objects.c - objects in a transaction.
 *
 * The changed collection of objects waits in the table of staged roots, under a name that no root can
 * have: so it is folded and dropped with the rest of a nested transaction. It is edited there. */
#include "txn/objects.h"
#include "txn/txn_private.h"

static const char staged_name[] = STAGED_OBJECTS;

/* What this transaction sees of the objects, lent until its next edit. */
static pbase_status objects_seen(pbase_txn *self, const collection **out, pbase_error *err)
{
    pbase_status status = txn_check_open(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    const staged_root *staged = staged_roots_find(&self->staged, pbase_bytes_text(staged_name));
    if (staged == NULL && self->objects == NULL) {
        status = txn_settle(self, err);
    }
    if (status == PBASE_OK && staged == NULL && self->objects == NULL) {
        status = objects_open(&self->view, &self->objects, err);
    }
    *out = staged != NULL ? staged->version : self->objects;
    return status;
}

/* The same to be edited in place. */
static pbase_status objects_edited(pbase_txn *self, collection **out, pbase_error *err)
{
    pbase_bytes name = pbase_bytes_text(staged_name);
    const collection *seen = NULL;
    pbase_status status = txn_check_writable(self, pbase_bytes_text(OBJECTS_NAME), err);
    if (status == PBASE_OK && staged_roots_own(&self->staged, name) == NULL) {
        status = objects_seen(self, &seen, err);
        if (status == PBASE_OK) {
            status = staged_roots_put(&self->staged, name, seen, NULL, err);
        }
    }
    if (status == PBASE_OK) {
        *out = staged_roots_own(&self->staged, name)->version;
    }
    return status;
}

/* -------------------------------------------------------------------------------- writing ---- */

static pbase_status check_object(const char *class_name, const pbase_value *attributes,
                                 pbase_error *err)
{
    pbase_status status = root_name_check("class", pbase_bytes_text(class_name), err);
    return status == PBASE_OK && attributes->kind != PBASE_MAP
               ? PBASE_FAIL(err, PBASE_INVALID, "the attributes of an object are a map, not a %s",
                            pbase_value_type_name(attributes))
               : status;
}

static pbase_status put_object(pbase_txn *self, pbase_object_id id, pbase_bytes class_name,
                               const pbase_value *attributes, bool *out_replaced, pbase_error *err)
{
    collection *objects = NULL;
    pbase_value key = pbase_value_reference(id);
    pbase_field fields[] = {{pbase_bytes_text("class"), pbase_value_string(class_name)},
                            {pbase_bytes_text("value"), *attributes}};
    pbase_value stored = pbase_value_map(fields, 2);
    pbase_status status = objects_edited(self, &objects, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_dict *dict = collection_dict(objects);
    return pbase_dict_put(&dict, &key, &stored, out_replaced, err); /* the handle stays */
}

pbase_status pbase_object_put_as(pbase_txn *txn, pbase_object_id id, const char *class_name,
                                 const pbase_value *attributes, bool *out_replaced,
                                 pbase_error *err)
{
    pbase_status status = check_object(class_name, attributes, err);
    return status == PBASE_OK
               ? put_object(txn, id, pbase_bytes_text(class_name), attributes, out_replaced, err)
               : status;
}

pbase_status pbase_object_create(pbase_txn *txn, const char *class_name,
                                 const pbase_value *attributes, pbase_object_id *out,
                                 pbase_error *err)
{
    pbase_object_id id;
    pbase_status status = txn_check_free(txn, err);
    if (status != PBASE_OK) {
        return status;
    }
    const pbase_os *os = txn_os(txn);
    os->system->random(os, id.bytes, sizeof id.bytes);
    status = pbase_object_put_as(txn, id, class_name, attributes, NULL, err);
    if (status == PBASE_OK) {
        *out = id;
    }
    return status;
}

pbase_status pbase_object_put(pbase_txn *txn, pbase_object_id id, const pbase_value *attributes,
                              pbase_error *err)
{
    pbase_object before;
    pbase_arena arena;
    pbase_status status = check_object("any", attributes, err);
    if (status == PBASE_OK) {
        status = txn_check_writable(txn, pbase_bytes_text(OBJECTS_NAME), err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_arena_init(&arena, txn->context.alloc);
    status = pbase_object_get(txn, id, &arena, &before, err);
    if (status == PBASE_OK) {
        status = put_object(txn, id, before.class_name, attributes, NULL, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

pbase_status pbase_object_remove(pbase_txn *txn, pbase_object_id id, bool *out_removed,
                                 pbase_error *err)
{
    collection *objects = NULL;
    pbase_value key = pbase_value_reference(id);
    pbase_status status = objects_edited(txn, &objects, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_dict *dict = collection_dict(objects);
    return pbase_dict_remove(&dict, &key, out_removed, err);
}

/* -------------------------------------------------------------------------------- reading ---- */

pbase_status pbase_object_get(pbase_txn *txn, pbase_object_id id, pbase_arena *arena,
                              pbase_object *out, pbase_error *err)
{
    const collection *objects = NULL;
    pbase_status status = objects_seen(txn, &objects, err);
    return status == PBASE_OK ? objects_get(objects, id, arena, out, err) : status;
}

pbase_status pbase_object_get_many(pbase_txn *txn, const pbase_object_id *ids, size_t count,
                                   pbase_arena *arena, pbase_object *out, pbase_error *err)
{
    const collection *objects = NULL;
    pbase_status status = objects_seen(txn, &objects, err);
    return status == PBASE_OK ? objects_get_many(objects, ids, count, arena, out, err) : status;
}

pbase_status pbase_object_follow(pbase_txn *txn, const pbase_object *object, const char *name,
                                 pbase_arena *arena, pbase_object *out, pbase_error *err)
{
    pbase_value value = pbase_object_attribute(object, name);
    if (value.kind == PBASE_NULL) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "attribute '%s' refers to nothing", name);
    }
    return value.kind == PBASE_REFERENCE
               ? pbase_object_get(txn, value.as.reference, arena, out, err)
               : PBASE_FAIL(err, PBASE_INVALID, "attribute '%s' is a %s, not a reference", name,
                            pbase_value_type_name(&value));
}

pbase_status pbase_object_exists(pbase_txn *txn, pbase_object_id id, bool *out, pbase_error *err)
{
    const collection *objects = NULL;
    pbase_value key = pbase_value_reference(id);
    pbase_status status = objects_seen(txn, &objects, err);
    return status == PBASE_OK ? pbase_dict_has((const pbase_dict *)objects, &key, out, err)
                              : status;
}

pbase_status pbase_object_child(pbase_txn *txn, pbase_object_id id, uint64_t n,
                                pbase_collection **out, pbase_error *err)
{
    const collection *objects = NULL;
    pbase_value key = pbase_value_reference(id);
    pbase_status status = objects_seen(txn, &objects, err);
    return status == PBASE_OK ? pbase_dict_child((const pbase_dict *)objects, &key, n, out, err)
                              : status;
}

pbase_status pbase_object_each(pbase_txn *txn, const char *class_name, pbase_object_visit visit,
                               void *state, pbase_error *err)
{
    collection *objects = NULL; /* a version that `visit` cannot change */
    index_view indexes;
    memset(&indexes, 0, sizeof indexes);
    pbase_status status = txn_open_objects(txn, &objects, err);
    if (status == PBASE_OK && class_name != NULL) {
        status = txn_indexes(txn, objects, &indexes, err);
    }
    if (status == PBASE_OK) {
        status = objects_each(objects, &txn->context, &indexes, class_name, visit, state, err);
    }
    index_view_fini(&indexes);
    collection_close(objects);
    return status;
}

pbase_status pbase_object_count(pbase_txn *txn, uint64_t *out, pbase_error *err)
{
    const collection *objects = NULL;
    pbase_status status = objects_seen(txn, &objects, err);
    return status == PBASE_OK ? pbase_dict_count((const pbase_dict *)objects, out, err) : status;
}

pbase_status txn_open_objects(pbase_txn *txn, collection **out, pbase_error *err)
{
    const collection *objects = NULL;
    pbase_status status = objects_seen(txn, &objects, err);
    return status == PBASE_OK ? collection_keep_in(objects, &txn->context, out, err) : status;
}
