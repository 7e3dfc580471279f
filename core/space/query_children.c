/* query_children.c - markers in values to collections. */
#include "space/query_children.h"

#include "collection/nest.h"
#include "query/child_cell.h"
#include <protobase/base/limits.h>

void query_children_init(query_children *self, const collection_context *context)
{
    memset(self, 0, sizeof *self);
    self->context = context;
}

void query_children_fini(query_children *self)
{
    for (size_t i = 0; i < self->count; i++) {
        child_versions_drop(self->versions[i]);
    }
    pbase_alloc_free(self->context->alloc, self->versions, self->capacity * sizeof *self->versions);
}

pbase_status query_children_keep(query_children *self, const collection *from, pbase_error *err)
{
    const child_versions *versions = collection_children(from);
    const pbase_alloc *alloc = self->context->alloc;
    for (size_t i = 0; i < self->count; i++) {
        if (self->versions[i] == versions) {
            return PBASE_OK;
        }
    }
    if (versions == NULL) {
        return PBASE_OK;
    }
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 4 : self->capacity * 2;
        child_versions **grown = alloc->resize(
            alloc, self->versions, self->capacity * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a query");
        }
        self->versions = grown;
        self->capacity = capacity;
    }
    self->versions[self->count++] = child_versions_keep((child_versions *)(uintptr_t)versions);
    return PBASE_OK;
}

/* --- noting ------------------------------------------------------------------------------------ */

typedef struct {
    pbase_bytes stored;
    pbase_arena *arena;
    stored_child *children; /* read when the first marker comes; NULL: not yet */
    size_t count;
    pbase_error *err;
} noting;

static pbase_status read_children(noting *self)
{
    stored_children list;
    if (!stored_children_begin(self->stored, &list)) {
        return PBASE_OK;
    }
    self->children = pbase_arena_array(self->arena, (size_t)list.count, sizeof *self->children);
    if (self->children == NULL) {
        return PBASE_FAIL(self->err, PBASE_NO_MEMORY, "no memory for the children of a row");
    }
    while (stored_children_next(&list, &self->children[self->count])) {
        self->count++;
    }
    return PBASE_OK;
}

/* Parts of a value that was just decoded are ours to change, whatever their type says. */
static pbase_status note_in(noting *self, const pbase_value *value, unsigned depth)
{
    pbase_status status = PBASE_OK;
    if (value->kind == PBASE_CHILD) {
        status = self->children == NULL ? read_children(self) : PBASE_OK;
        if (status == PBASE_OK && value->as.child < self->count) {
            child_cell_note((pbase_value *)(uintptr_t)value, self->children[value->as.child].id);
        }
    } else if (value->kind == PBASE_LIST && depth < PBASE_DEPTH_MAX) {
        for (size_t i = 0; i < value->as.list.count && status == PBASE_OK; i++) {
            status = note_in(self, &value->as.list.items[i], depth + 1);
        }
    } else if (value->kind == PBASE_MAP && depth < PBASE_DEPTH_MAX) {
        for (size_t i = 0; i < value->as.map.count && status == PBASE_OK; i++) {
            status = note_in(self, &value->as.map.fields[i].value, depth + 1);
        }
    }
    return status;
}

pbase_status query_children_note(pbase_bytes stored, pbase_value *values, size_t count,
                                 pbase_arena *arena, pbase_error *err)
{
    noting self = {.stored = stored, .arena = arena, .err = err};
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK && stored_children_announced(stored); i++) {
        status = note_in(&self, &values[i], 0);
    }
    return status;
}

/* --- opening ----------------------------------------------------------------------------------- */

/* Those of the collection that was opened last are asked first. */
static const child_versions *versions_with(const query_children *self, pbase_collection_id id)
{
    for (size_t i = self->count; i > 0; i--) {
        if (child_versions_find(self->versions[i - 1], id) != NULL) {
            return self->versions[i - 1];
        }
    }
    return NULL;
}

pbase_status query_children_open(query_children *self, pbase_collection_id id, collection **out,
                                 pbase_error *err)
{
    nest_slot slot = {.context = self->context, .versions = versions_with(self, id)};
    stored_child child = {.id = id};
    if (slot.versions == NULL && self->context->children != NULL) {
        child_found found;
        child_source *source = self->context->children;
        pbase_status status = source->vtable->find(source, id, &found, err);
        if (status != PBASE_OK) {
            return status;
        }
        child.kind = found.kind;
    }
    pbase_status status = nest_open(&slot, &child, pbase_bytes_of(NULL, 0), out, err);
    if (status == PBASE_OK) {
        status = query_children_keep(self, *out, err);
        if (status != PBASE_OK) {
            collection_close(*out);
        }
    }
    return status;
}
