/* snapshot_objects.c - objects as of a snapshot. */
#include "space/snapshot.h"
#include "txn/objects.h"

pbase_status pbase_snapshot_object_get_many(const pbase_snapshot *snapshot,
                                            const pbase_object_id *ids, size_t count,
                                            pbase_arena *arena, pbase_object *out, pbase_error *err)
{
    collection *objects = NULL;
    pbase_status status = objects_open(&snapshot->view, &objects, err);
    if (status == PBASE_OK) {
        status = objects_get_many(objects, ids, count, arena, out, err);
    }
    collection_close(objects);
    return status;
}

pbase_status pbase_snapshot_object(const pbase_snapshot *snapshot, pbase_object_id id,
                                   pbase_arena *arena, pbase_object *out, pbase_error *err)
{
    collection *objects = NULL;
    pbase_status status = objects_open(&snapshot->view, &objects, err);
    if (status == PBASE_OK) {
        status = objects_get(objects, id, arena, out, err);
    }
    collection_close(objects);
    return status;
}

pbase_status pbase_snapshot_object_child(const pbase_snapshot *snapshot, pbase_object_id id,
                                         uint64_t n, pbase_collection **out, pbase_error *err)
{
    collection *objects = NULL;
    pbase_value key = pbase_value_reference(id);
    pbase_status status = objects_open(&snapshot->view, &objects, err);
    if (status == PBASE_OK) {
        status = pbase_dict_child(collection_dict(objects), &key, n, out, err);
    }
    collection_close(objects);
    return status;
}

pbase_status pbase_snapshot_object_each(const pbase_snapshot *snapshot, const char *class_name,
                                        pbase_object_visit visit, void *state, pbase_error *err)
{
    const pbase_collection_id id = CATALOG_OBJECTS;
    const root_view *view = &snapshot->view;
    collection *objects = NULL;
    index_view indexes;
    memset(&indexes, 0, sizeof indexes);
    pbase_status status = objects_open(view, &objects, err);
    if (status == PBASE_OK && class_name != NULL) {
        status = index_view_load(view->context->source, view->collections, &id, &indexes, err);
    }
    if (status == PBASE_OK) {
        status = objects_each(objects, view->context, &indexes, class_name, visit, state, err);
    }
    index_view_fini(&indexes);
    collection_close(objects);
    return status;
}

pbase_status pbase_snapshot_object_count(const pbase_snapshot *snapshot, uint64_t *out,
                                         pbase_error *err)
{
    collection *objects = NULL;
    pbase_status status = objects_open(&snapshot->view, &objects, err);
    if (status == PBASE_OK) {
        status = pbase_dict_count(collection_dict(objects), out, err);
    }
    collection_close(objects);
    return status;
}
