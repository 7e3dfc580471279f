/* working_children.c - children of values, when the operations that name them are applied.
 *
 * What an operation replaces or removes is looked at before it, what is left after it: the children
 * between are dropped, with everything in them. */
#include "txn/working_private.h"

#include "collection/stored_children.h"
#include "collection/tree_cursor.h"

#include <stdlib.h>

/* ------------------------------------------------------------------------- lists of ids --- */

static pbase_status ids_add(pbase_buffer *ids, pbase_bytes stored, pbase_error *err)
{
    stored_children list;
    stored_child child;
    pbase_status status = PBASE_OK;
    bool more = stored_children_begin(stored, &list);
    while (status == PBASE_OK && more && stored_children_next(&list, &child)) {
        status = pbase_buffer_append(ids, &child.id, sizeof child.id, err);
    }
    return status;
}

static size_t ids_count(const pbase_buffer *ids)
{
    return ids->size / sizeof(pbase_collection_id);
}

static pbase_collection_id ids_at(const pbase_buffer *ids, size_t index)
{
    pbase_collection_id id;
    memcpy(&id, ids->data + index * sizeof id, sizeof id);
    return id;
}

static int ids_compare(const void *a, const void *b)
{
    const pbase_collection_id *x = a, *y = b;
    int by_sequence = (x->sequence > y->sequence) - (x->sequence < y->sequence);
    return by_sequence != 0 ? by_sequence : (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static void ids_sort(pbase_buffer *ids)
{
    if (ids_count(ids) > 1) {
        qsort(ids->data, ids_count(ids), sizeof(pbase_collection_id), ids_compare);
    }
}

static bool ids_have(const pbase_buffer *sorted, pbase_collection_id id)
{
    return sorted->size > 0 &&
           bsearch(&id, sorted->data, ids_count(sorted), sizeof id, ids_compare) != NULL;
}

/* Every child that values of the tree name. */
static pbase_status ids_of_tree(working *self, const tree *content, pbase_buffer *ids,
                                pbase_error *err)
{
    tree_cursor cursor;
    tree_cursor_init(&cursor, content, self->host->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        tree_value value;
        status = tree_cursor_value(&cursor, &value, err);
        status = status == PBASE_OK ? ids_add(ids, value.bytes, err) : status;
        status = status == PBASE_OK ? tree_cursor_next(&cursor, err) : status;
    }
    tree_cursor_fini(&cursor);
    return status == PBASE_END ? PBASE_OK : status;
}

/* --------------------------------------------------------------------------- dropping ---- */

/* Drops one collection; those that its values name are added to `ids`. One that is not there, or
 * not any more, is nothing to drop: a record may name a child that it replaces again. */
static pbase_status drop_one(working *self, working_database *database, pbase_collection_id id,
                             pbase_buffer *ids, pbase_error *err)
{
    working_collection *item = working_collection_opened(database, id);
    uint8_t key[16];
    bool found = item != NULL;
    pbase_status status = PBASE_OK;
    catalog_collection_key(id, key);
    if (id.sequence == 0) {
        return PBASE_OK; /* the roots and their like are nobody's children */
    }
    if (!found) {
        status = tree_has(&database->collections, pbase_bytes_of(key, sizeof key), &found, err);
    }
    if (status != PBASE_OK || !found || (item != NULL && item->gone)) {
        return status;
    }
    status = working_collection_find(self, database, id, &item, err);
    if (status == PBASE_OK && item->nests) {
        status = ids_of_tree(self, &item->content, ids, err);
    }
    if (status == PBASE_OK) {
        tree_fini(&item->content);
        item->gone = item->changed = true;
        database->changed = true;
        status = working_indexes_drop(&database->indexes, &database->collections, id, err);
    }
    return status;
}

/* Nothing names these any more: they end, with everything in them. */
static pbase_status drop_all(working *self, working_database *database, pbase_buffer *ids,
                             pbase_error *err)
{
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && ids_count(ids) > 0) {
        pbase_collection_id id = ids_at(ids, ids_count(ids) - 1);
        ids->size -= sizeof id;
        status = drop_one(self, database, id, ids, err);
    }
    return status;
}

/* -------------------------------------------------------------------------- operations ---- */

/* The children of what an operation is about to replace or remove. */
static pbase_status ids_before(working *self, const tree *content, const change *operation,
                               pbase_buffer *ids, pbase_error *err)
{
    tree_item item;
    bool found = false;
    pbase_status status = PBASE_OK;
    if (change_is_of_key(operation->op)) {
        status = tree_get(content, operation->key.bytes, &item, &found, err);
        if (status == PBASE_OK && found) {
            status = ids_add(ids, item.value.bytes, err);
            tree_item_release(self->atoms, &item);
        }
        return status;
    }
    switch (operation->op) {
    case CHANGE_LIST_SET:
    case CHANGE_LIST_REMOVE:
        status = tree_at(content, operation->index, &item, &found, err);
        break;
    case CHANGE_LIST_APPEND:
    case CHANGE_LIST_INSERT:
        return PBASE_OK; /* nothing goes, or nothing that has children */
    default:             /* whatever it does, what is missing afterwards was removed */
        return ids_of_tree(self, content, ids, err);
    }
    if (status == PBASE_OK && found) {
        status = ids_add(ids, item.value.bytes, err);
        tree_item_release(self->atoms, &item);
    }
    return status;
}

static bool touches_one_entry(const change *operation)
{
    return operation->op <= CHANGE_HASH_REMOVE;
}

/* Leaves in `before` what is not in the new value, or for operations on many entries not in the
 * tree any more. */
static pbase_status ids_subtract(working *self, const tree *content, const change *operation,
                                 pbase_buffer *before, pbase_error *err)
{
    pbase_buffer after;
    size_t kept = 0;
    if (before->size == 0) {
        return PBASE_OK;
    }
    pbase_buffer_init(&after, self->host->alloc);
    pbase_status status = touches_one_entry(operation) ? ids_add(&after, operation->value, err)
                                                       : ids_of_tree(self, content, &after, err);
    ids_sort(&after);
    for (size_t i = 0; i < ids_count(before) && status == PBASE_OK; i++) {
        pbase_collection_id id = ids_at(before, i);
        if (!ids_have(&after, id)) {
            memcpy(before->data + kept++ * sizeof id, &id, sizeof id);
        }
    }
    before->size = kept * sizeof(pbase_collection_id);
    pbase_buffer_fini(&after);
    return status;
}

/* One operation on a collection whose values have children, before it or with it. Opening others may
 * move the table of open ones, so nothing of it is held across that. */
pbase_status working_children_change(working *self, working_database *database,
                                     pbase_collection_id id, const change *operation,
                                     pbase_buffer *ids, pbase_error *err)
{
    working_collection *item = NULL;
    ids->size = 0;
    pbase_status status = working_collection_find(self, database, id, &item, err);
    if (status == PBASE_OK) {
        status = ids_before(self, &item->content, operation, ids, err);
    }
    if (status == PBASE_OK) {
        status = change_apply(operation, item->kind, &item->content, err);
        item->changed = true;
        item->nests = item->nests || stored_children_announced(operation->value);
    }
    if (status == PBASE_OK) {
        status = ids_subtract(self, &item->content, operation, ids, err);
    }
    return status == PBASE_OK ? drop_all(self, database, ids, err) : status;
}

pbase_status working_children_hold(working *self, working_database *database,
                                   pbase_collection_id by, const change *operation,
                                   pbase_error *err)
{
    stored_children list;
    stored_child child;
    uint64_t index = operation->index;
    pbase_status status = PBASE_OK;
    if (operation->op == CHANGE_LIST_APPEND) {
        status = tree_count(&working_collection_opened(database, by)->content, &index, err);
        index--;
    }
    bool more = stored_children_begin(operation->value, &list);
    while (status == PBASE_OK && more && stored_children_next(&list, &child)) {
        working_collection *item = child.id.sequence == self->sequence
                                       ? working_collection_opened(database, child.id)
                                       : NULL;
        if (item != NULL && !item->gone) {
            item->link.size = 0;
            status = holder_write(by, operation->key.bytes, index, &item->link, err);
            item->changed = true;
        }
    }
    return status;
}
