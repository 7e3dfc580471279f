/* objects.c - reading objects out of their collection. */
#include "txn/objects.h"

#include "index/entry.h"
#include "index/lookup.h"
#include "txn/catalog.h"

pbase_status objects_slot(atom_source *atoms, atom_ref collections, collection_slot *out,
                          bool *out_found, pbase_error *err)
{
    return catalog_collection_find(atoms, collections, CATALOG_OBJECTS, out, out_found, err);
}

pbase_status objects_open(const root_view *view, collection **out, pbase_error *err)
{
    collection_slot slot = {.kind = PBASE_COLLECTION_DICT, .root = ATOM_REF_NONE};
    bool found = false;
    pbase_status status =
        objects_slot(view->context->source, view->collections, &slot, &found, err);
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

static pbase_status each_in_order(const collection *self, const char *class_name,
                                  pbase_object_visit visit, void *state, pbase_error *err)
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

/* ------------------------------------------------------------------------------- by an index --- */

/* Entries of one class stand in the order of ids only where nothing else is in them. */
static const index_live *class_index(const index_view *indexes)
{
    for (size_t i = 0; i < indexes->count; i++) {
        const index_definition *definition = indexes->items[i].definition;
        const index_field *field = &definition->fields[0];
        if (definition->field_count == 1 && !field->is_each && field->path.count == 1 &&
            pbase_bytes_equal(field->path.steps[0].name, pbase_bytes_text("class"))) {
            return &indexes->items[i];
        }
    }
    return NULL;
}

/* The object of a row; what it points to is gone with the next. */
static pbase_status visit_row(const collection *self, pbase_bytes row, pbase_arena *arena,
                              pbase_object_visit visit, void *state, pbase_error *err)
{
    const encoded_key encoded = {.bytes = row};
    pbase_value key;
    pbase_object object;
    pbase_arena_reset(arena);
    pbase_status status = key_decode(&encoded, arena, &key, err);
    if (status == PBASE_OK && key.kind != PBASE_REFERENCE) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "an index of the objects has an entry of none");
    }
    if (status == PBASE_OK) {
        status = objects_get(self, key.as.reference, arena, &object, err);
    }
    if (status == PBASE_NOT_FOUND) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "an index has an entry of an object that is gone");
        pbase_error_hint(err, "drop the index and create it again");
    }
    return status == PBASE_OK ? visit(state, &object, err) : status;
}

/* What is gone through, and for whom. */
typedef struct {
    const collection *objects;
    const collection_context *context;
    const index_live *index;
    pbase_object_visit visit;
    void *state;
} class_walk;

static pbase_status walk_rows(const class_walk *self, const index_range *range, pbase_error *err)
{
    const collection_context *context = self->context;
    index_walk walk;
    pbase_arena arena;
    pbase_bytes row;
    pbase_arena_init(&arena, context->alloc);
    index_walk_init(&walk, self->index->definition, &self->index->entries, range, false,
                    context->reads, context->alloc);
    pbase_status status = index_walk_next(&walk, &row, err);
    while (status == PBASE_OK) {
        status = visit_row(self->objects, row, &arena, self->visit, self->state, err);
        status = status == PBASE_OK ? index_walk_next(&walk, &row, err) : status;
    }
    index_walk_fini(&walk);
    pbase_arena_fini(&arena);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status each_by_index(const class_walk *self, const char *class_name, pbase_error *err)
{
    const pbase_value name = pbase_value_text(class_name);
    pbase_buffer end;
    bool is_cut = false; /* names are shorter than what an entry keeps */
    pbase_buffer_init(&end, self->context->alloc);
    pbase_status status = entry_element(&name, &end, &is_cut, err);
    status = status == PBASE_OK ? pbase_buffer_append_u8(&end, ENTRY_ABOVE, err) : status;
    if (status == PBASE_OK) {
        const index_range range = {pbase_bytes_of(end.data, end.size - 1), pbase_buffer_view(&end)};
        status = walk_rows(self, &range, err);
    }
    pbase_buffer_fini(&end);
    return status;
}

pbase_status objects_each(const collection *self, const collection_context *context,
                          const index_view *indexes, const char *class_name,
                          pbase_object_visit visit, void *state, pbase_error *err)
{
    const index_live *index = class_name == NULL || strlen(class_name) > PBASE_NAME_BYTES_MAX
                                  ? NULL
                                  : class_index(indexes);
    const class_walk walk = {self, context, index, visit, state};
    return index == NULL ? each_in_order(self, class_name, visit, state, err)
                         : each_by_index(&walk, class_name, err);
}
