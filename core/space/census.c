/* census.c - a sorted table of collections, marked as they are named. */
#include "space/census.h"

#include "index/definition.h"

#include <inttypes.h>

void census_init(census *self, const pbase_alloc *alloc)
{
    memset(self, 0, sizeof *self);
    self->alloc = alloc;
    pbase_buffer_init(&self->work, alloc);
}

void census_fini(census *self)
{
    pbase_alloc_free(self->alloc, self->items, self->capacity * sizeof *self->items);
    pbase_buffer_fini(&self->work);
    census_init(self, self->alloc);
}

static pbase_status census_add(void *state, const collection_slot *slot, pbase_error *err)
{
    census *self = state;
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 64 : self->capacity * 2;
        census_item *items = self->alloc->resize(
            self->alloc, self->items, self->capacity * sizeof *items, capacity * sizeof *items);
        if (items == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to check %zu collections", capacity);
        }
        self->items = items;
        self->capacity = capacity;
    }
    self->items[self->count++] = (census_item){.slot = *slot};
    return PBASE_OK;
}

pbase_status census_fill(census *self, atom_source *atoms, atom_ref collections, pbase_error *err)
{
    self->count = 0;
    self->work.size = 0;
    self->atoms = atoms;
    self->table = collections;
    return catalog_collections(atoms, collections, census_add, self, err);
}

static bool is_before(pbase_collection_id a, pbase_collection_id b)
{
    return a.sequence != b.sequence ? a.sequence < b.sequence : a.ordinal < b.ordinal;
}

static census_item *census_find(const census *self, pbase_collection_id id)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_before(self->items[middle].slot.id, id)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < self->count && collection_id_same(self->items[low].slot.id, id) ? &self->items[low]
                                                                                 : NULL;
}

static pbase_status name_child(census *self, const stored_child *child, pbase_error *err)
{
    census_item *item = census_find(self, child->id);
    const char *fault = item == NULL                     ? "is missing"
                        : item->slot.kind != child->kind ? "is of another kind"
                        : item->is_named                 ? "is another value's too"
                                                         : NULL;
    if (fault != NULL) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "a value names collection (%" PRIu64 ", %" PRIu64 "), which %s",
                          child->id.sequence, child->id.ordinal, fault);
    }
    size_t position = (size_t)(item - self->items);
    item->is_named = true;
    return pbase_buffer_append(&self->work, &position, sizeof position, err);
}

/* Its link up leads to the entry that names it. Spaces written before there were links have none. */
static pbase_status check_link(const census *self, pbase_collection_id by, pbase_bytes key,
                               pbase_collection_id id, pbase_error *err)
{
    collection_slot slot;
    holder up;
    pbase_buffer link;
    bool found = false;
    pbase_buffer_init(&link, self->alloc);
    pbase_status status =
        catalog_collection_held(self->atoms, self->table, id, &slot, &link, &found, err);
    if (status == PBASE_OK && link.size > 0 &&
        !(holder_read(pbase_buffer_view(&link), &up) && holder_is(&up, by, key))) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "collection (%" PRIu64 ", %" PRIu64
                            ") is linked to another entry than the one that names it",
                            id.sequence, id.ordinal);
    }
    pbase_buffer_fini(&link);
    return status;
}

pbase_status census_name(census *self, pbase_collection_id by, pbase_bytes key, pbase_bytes stored,
                         pbase_error *err)
{
    stored_children list;
    stored_child child;
    pbase_status status = PBASE_OK;
    if (!stored_children_announced(stored)) {
        return PBASE_OK;
    }
    bool more = stored_children_begin(stored, &list);
    bool cut = !more;
    while (status == PBASE_OK && more && stored_children_next(&list, &child)) {
        status = name_child(self, &child, err);
        status = status == PBASE_OK ? check_link(self, by, key, child.id, err) : status;
        cut = list.left > 0;
    }
    return status == PBASE_OK && cut
               ? PBASE_FAIL(err, PBASE_CORRUPT, "a stored value's list of children is cut")
               : status;
}

const collection_slot *census_take(census *self)
{
    size_t position;
    if (self->work.size == 0) {
        return NULL;
    }
    self->work.size -= sizeof position;
    memcpy(&position, self->work.data + self->work.size, sizeof position);
    return &self->items[position].slot;
}

const collection_slot *census_orphan(const census *self, size_t *at)
{
    while (*at < self->count) {
        const census_item *item = &self->items[(*at)++];
        if (!item->is_named && item->slot.id.sequence != 0 && item->slot.kind != COLLECTION_INDEX) {
            return &item->slot;
        }
    }
    return NULL;
}
