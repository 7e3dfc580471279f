/* own_children.c - an array in the order of the list, and an open-addressed table beside it. */
#include "collection/own_children.h"

void own_children_fini(own_children *self)
{
    pbase_alloc_free(self->alloc, self->items, self->count * sizeof *self->items);
    pbase_alloc_free(self->alloc, self->slots, self->slot_count * sizeof *self->slots);
    own_children_init(self, self->alloc);
}

static size_t place_of(const own_children *self, pbase_collection_id version)
{
    size_t at = collection_id_hash(version) & (self->slot_count - 1);
    while (self->slots[at] != 0 &&
           !collection_id_same(self->items[self->slots[at] - 1].version, version)) {
        at = (at + 1) & (self->slot_count - 1);
    }
    return at;
}

own_child *own_children_find(const own_children *self, pbase_collection_id version)
{
    uint32_t number = self->count == 0 ? 0 : self->slots[place_of(self, version)];
    return number == 0 ? NULL : &self->items[number - 1];
}

static size_t count_listed(stored_children list)
{
    stored_child child;
    size_t count = 0;
    while (stored_children_next(&list, &child)) {
        count++;
    }
    return count;
}

static pbase_status make_room(own_children *self, size_t count, pbase_error *err)
{
    size_t slot_count = 2; /* never full */
    while (slot_count < 2 * count) {
        slot_count *= 2;
    }
    self->items = pbase_alloc_zeroed(self->alloc, count, sizeof *self->items);
    self->slots = pbase_alloc_zeroed(self->alloc, slot_count, sizeof *self->slots);
    self->count = self->items == NULL ? 0 : count;
    self->slot_count = self->slots == NULL ? 0 : slot_count;
    if (self->items == NULL || self->slots == NULL) {
        own_children_fini(self);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the children of a value");
    }
    return PBASE_OK;
}

pbase_status own_children_read(own_children *self, pbase_bytes stored,
                               own_children_version *version, const void *state, pbase_error *err)
{
    stored_children list;
    size_t count = 0;
    if (!self->is_read && stored_children_begin(stored, &list)) {
        count = count_listed(list);
    }
    pbase_status status = count == 0 ? PBASE_OK : make_room(self, count, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        own_child *item = &self->items[i];
        (void)stored_children_next(&list, &item->child); /* counted above */
        item->version = version == NULL ? item->child.id : version(state, item->child.id);
        uint32_t *slot = &self->slots[place_of(self, item->version)];
        *slot = *slot == 0 ? (uint32_t)(i + 1) : *slot;
    }
    self->is_read = self->is_read || status == PBASE_OK;
    return status;
}
