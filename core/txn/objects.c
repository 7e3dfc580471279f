/* objects.c - reading objects out of their collection. */
#include "txn/objects.h"

#include "txn/catalog.h"

pbase_status objects_open(const root_view *view, collection **out, pbase_error *err)
{
    collection_slot slot = {.kind = PBASE_COLLECTION_DICT, .root = ATOM_REF_NONE};
    bool found = false;
    pbase_status status = catalog_collection_find(view->context->source, view->collections,
                                                  CATALOG_OBJECTS, &slot, &found, err);
    if (status != PBASE_OK) {
        return status;
    }
    collection_options options = {.context = view->context,
                                  .kind = PBASE_COLLECTION_DICT,
                                  .id = CATALOG_OBJECTS,
                                  .root = found ? slot.root : ATOM_REF_NONE,
                                  .name = pbase_bytes_text(OBJECTS_NAME),
                                  .nests = found && slot.nests};
    return collection_open(&options, out, err);
}

static pbase_status no_object(pbase_object_id id, pbase_error *err)
{
    char text[PBASE_OBJECT_ID_TEXT_BYTES + 1];
    pbase_object_id_format(id, text);
    return PBASE_FAIL(err, PBASE_NOT_FOUND, "there is no object %s", text);
}

/* From the stored form of an object. */
static pbase_status take_apart(pbase_object_id id, const pbase_value *stored, pbase_object *out,
                               pbase_error *err)
{
    const pbase_value *name = pbase_value_field(stored, pbase_bytes_text("class"));
    const pbase_value *attributes = pbase_value_field(stored, pbase_bytes_text("value"));
    if (name == NULL || name->kind != PBASE_STRING || attributes == NULL ||
        attributes->kind != PBASE_MAP) {
        char text[PBASE_OBJECT_ID_TEXT_BYTES + 1];
        pbase_object_id_format(id, text);
        return PBASE_FAIL(err, PBASE_CORRUPT, "object %s is stored without class or attributes",
                          text);
    }
    *out = (pbase_object){
        .id = id, .found = true, .class_name = name->as.string, .attributes = *attributes};
    return PBASE_OK;
}

pbase_status objects_get(const collection *self, pbase_object_id id, pbase_arena *arena,
                         pbase_object *out, pbase_error *err)
{
    pbase_value key = pbase_value_reference(id), stored;
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = pbase_dict_get((const pbase_dict *)self, &key, arena, &stored, &why);
    if (status == PBASE_NOT_FOUND) {
        return no_object(id, err);
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status == PBASE_OK ? take_apart(id, &stored, out, err) : status;
}

pbase_status objects_get_many(const collection *self, const pbase_object_id *ids, size_t count,
                              pbase_arena *arena, pbase_object *out, pbase_error *err)
{
    pbase_error why;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        pbase_error_init(&why);
        status = objects_get(self, ids[i], arena, &out[i], &why);
        if (status == PBASE_NOT_FOUND) {
            out[i] = (pbase_object){.id = ids[i]};
            status = PBASE_OK;
        }
    }
    if (status != PBASE_OK && err != NULL) {
        *err = why;
    }
    return status;
}

/* The object under the cursor, if it is of the class. */
static pbase_status visit_one(pbase_cursor *cursor, const char *class_name,
                              pbase_object_visit visit, void *state, pbase_error *err)
{
    const pbase_path_step step = {.name = pbase_bytes_text("class")};
    const pbase_path class_path = {.steps = &step, .count = 1};
    pbase_value key, stored, name;
    pbase_object object;
    pbase_status status = pbase_cursor_key(cursor, &key, err);
    if (status == PBASE_OK && class_name != NULL) {
        status = pbase_cursor_extract(cursor, &class_path, 1, &name, err);
        if (status == PBASE_OK &&
            (name.kind != PBASE_STRING ||
             !pbase_bytes_equal(name.as.string, pbase_bytes_text(class_name)))) {
            return PBASE_OK;
        }
    }
    if (status == PBASE_OK) {
        status = pbase_cursor_value(cursor, &stored, err);
    }
    if (status == PBASE_OK) {
        status = take_apart(key.as.reference, &stored, &object, err);
    }
    return status == PBASE_OK ? visit(state, &object, err) : status;
}

pbase_status objects_each(const collection *self, const char *class_name, pbase_object_visit visit,
                          void *state, pbase_error *err)
{
    pbase_cursor *cursor = NULL;
    pbase_status status = pbase_dict_cursor((const pbase_dict *)self, NULL, &cursor, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = pbase_cursor_next(cursor, err);
    while (status == PBASE_OK) {
        status = visit_one(cursor, class_name, visit, state, err);
        if (status == PBASE_OK) {
            status = pbase_cursor_next(cursor, err);
        }
    }
    pbase_cursor_close(cursor);
    return status == PBASE_END ? PBASE_OK : status;
}
