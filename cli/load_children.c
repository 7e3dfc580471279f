/* load_children.c - values with collections in them. */
#include "load_children.h"

#include <string.h>

static size_t parts_of(const pbase_value *value)
{
    return value->kind == PBASE_LIST  ? value->as.list.count
           : value->kind == PBASE_MAP ? value->as.map.count
                                      : 0;
}

static const pbase_value *part_of(const pbase_value *value, size_t index)
{
    return value->kind == PBASE_LIST ? &value->as.list.items[index]
                                     : &value->as.map.fields[index].value;
}

size_t load_children_count(const pbase_value *value)
{
    size_t count = value->kind == PBASE_CHILD ? value->as.child + 1 : 0;
    for (size_t i = 0; i < parts_of(value); i++) {
        size_t below = load_children_count(part_of(value, i));
        count = below > count ? below : count;
    }
    return count;
}

void load_children_init(load_children *self)
{
    memset(self, 0, sizeof *self);
    pbase_arena_init(&self->arena, pbase_alloc_default());
}

void load_children_fini(load_children *self)
{
    for (size_t i = 0; i < self->count; i++) {
        any_close(&self->items[i].collection);
        pbase_blob_close(self->items[i].blob);
    }
    pbase_arena_fini(&self->arena);
}

pbase_status load_children_hold(load_children *self, const pbase_value *value, pbase_value *out,
                                pbase_error *err)
{
    size_t count = load_children_count(value);
    if (count > PBASE_CHILDREN_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "more than %u collections in one value",
                          PBASE_CHILDREN_MAX);
    }
    load_child *items = pbase_arena_array(&self->arena, count + 1, sizeof *items);
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the collections of an entry");
    }
    memset(items, 0, (count + 1) * sizeof *items);
    self->items = items;
    self->count = count;
    return pbase_value_copy(value, &self->arena, out, err);
}

/* A blob gives a whole document; the entry has one already, and needs the content alone. */
static pbase_status handle_of(const load_child *child, pbase_value *out, pbase_error *err)
{
    pbase_value document;
    if (child->blob == NULL) {
        *out = any_value(&child->collection);
        return PBASE_OK;
    }
    pbase_status status = pbase_blob_value(child->blob, &document, err);
    const pbase_value *content =
        status == PBASE_OK ? pbase_value_field(&document, pbase_bytes_text("content")) : NULL;
    if (content != NULL) {
        *out = *content;
        return PBASE_OK;
    }
    return status != PBASE_OK ? status : PBASE_FAIL(err, PBASE_INTERNAL, "a blob without content");
}

static pbase_status place_list(load_children *self, const pbase_value *value, pbase_value *out,
                               pbase_error *err)
{
    size_t count = value->as.list.count;
    pbase_value *items = pbase_arena_array(&self->arena, count + 1, sizeof *items);
    pbase_status status =
        items == NULL ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a list") : PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = load_children_place(self, &value->as.list.items[i], &items[i], err);
    }
    *out = pbase_value_list(items, count);
    return status;
}

static pbase_status place_map(load_children *self, const pbase_value *value, pbase_value *out,
                              pbase_error *err)
{
    size_t count = value->as.map.count;
    pbase_field *fields = pbase_arena_array(&self->arena, count + 1, sizeof *fields);
    pbase_status status =
        fields == NULL ? PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a map") : PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        fields[i].name = value->as.map.fields[i].name;
        status = load_children_place(self, &value->as.map.fields[i].value, &fields[i].value, err);
    }
    *out = pbase_value_map(fields, count);
    return status;
}

pbase_status load_children_place(load_children *self, const pbase_value *value, pbase_value *out,
                                 pbase_error *err)
{
    switch (value->kind) {
    case PBASE_CHILD:
        return handle_of(&self->items[value->as.child], out, err);
    case PBASE_LIST:
        return place_list(self, value, out, err);
    case PBASE_MAP:
        return place_map(self, value, out, err);
    default:
        *out = *value;
        return PBASE_OK;
    }
}
