/* root_view.c - from a root's name to a handle or a value. */
#include "txn/root_view.h"

#include "collection/kind.h"
#include "index/definition.h"

#include <inttypes.h>
#include <protobase/base/limits.h>

pbase_status root_name_check(const char *what, pbase_bytes name, pbase_error *err)
{
    if (name.size == 0 || name.size > PBASE_NAME_BYTES_MAX) {
        return PBASE_FAIL(err, name.size == 0 ? PBASE_INVALID : PBASE_LIMIT,
                          "the name of a %s has %zu bytes; 1 to %u are allowed", what, name.size,
                          PBASE_NAME_BYTES_MAX);
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7f) {
            return PBASE_FAIL(err, PBASE_INVALID,
                              "the name of a %s has a control character at byte %zu", what, i);
        }
    }
    return pbase_utf8_valid(name)
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_INVALID, "the name of a %s is not UTF-8", what);
}

/* The handle's name is not that of its database any more. */
static pbase_status renamed(const pbase_database *database, const space_state *base,
                            pbase_error *err)
{
    catalog_entry entry;
    pbase_buffer name;
    pbase_buffer_init(&name, base->atoms->alloc);
    pbase_status status = catalog_database(base, database->id, &entry, &name, err);
    if (status == PBASE_OK) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "database '%s' has been renamed to '%.*s'",
                            database->name, (int)entry.name.size, (const char *)entry.name.data);
        pbase_error_hint(err, "open it by its new name");
    }
    pbase_buffer_fini(&name);
    return status;
}

pbase_status database_collections(const pbase_database *database, const space_state *base,
                                  atom_ref *out, pbase_error *err)
{
    bool called = false;
    pbase_bytes name = pbase_bytes_of(database->name, database->name_size);
    pbase_status status = catalog_database_called(base, database->id, name, out, &called, err);
    if (status == PBASE_NOT_FOUND) {
        return PBASE_FAIL(err, PBASE_NOT_FOUND, "database '%s' has been dropped", database->name);
    }
    return status == PBASE_OK && !called ? renamed(database, base, err) : status;
}

pbase_status root_view_database(const pbase_database *database, space_state *base, atom_ref *out,
                                pbase_error *err)
{
    const opened_key key = {.kind = OPENED_DATABASE,
                            .of = database->id,
                            .name = pbase_bytes_of(database->name, database->name_size)};
    const opened_facts *kept = opened_find(base, &key);
    if (kept != NULL) {
        *out = kept->collections;
        return PBASE_OK;
    }
    pbase_status status = database_collections(database, base, out, err);
    if (status == PBASE_OK) {
        opened_keep(base, &key, &(opened_facts){.collections = *out});
    }
    return status;
}

static pbase_status find(const root_view *view, pbase_bytes name, root_entry *out,
                         pbase_buffer *buffer, pbase_error *err)
{
    pbase_status status = root_name_check("root", name, err);
    return status == PBASE_OK
               ? catalog_root(view->context->source, view->collections, name, out, buffer, err)
               : status;
}

static pbase_status holds_something_else(pbase_bytes name, const char *what, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_INVALID, "root '%.*s' holds a %s", (int)name.size,
                      (const char *)name.data, what);
}

static pbase_status open_handle(const root_view *view, pbase_bytes name,
                                const collection_slot *slot, const uint64_t *count,
                                collection **out, pbase_error *err)
{
    collection_options options = {.context = view->context,
                                  .kind = slot->kind,
                                  .id = slot->id,
                                  .root = slot->root,
                                  .sum = slot->sum,
                                  .name = name,
                                  .is_root = true,
                                  .nests = slot->nests,
                                  .count = count,
                                  .is_old = view->is_old};
    return collection_open(&options, out, err);
}

static opened_key root_key(const root_view *view, pbase_bytes name)
{
    return (opened_key){.kind = OPENED_ROOT, .of = view->collections, .name = name};
}

static void keep_root(const root_view *view, pbase_bytes name, const collection_slot *slot,
                      const collection *handle)
{
    const opened_key key = root_key(view, name);
    if (view->state != NULL) {
        opened_keep(view->state, &key,
                    &(opened_facts){.slot = *slot, .count = collection_base_count(handle)});
    }
}

static pbase_status open_unkept(const root_view *view, pbase_bytes name, collection **out,
                                pbase_error *err)
{
    root_entry entry;
    pbase_buffer buffer;
    pbase_buffer_init(&buffer, view->context->alloc);
    pbase_status status = find(view, name, &entry, &buffer, err);
    if (status == PBASE_OK && !entry.is_collection) {
        status = holds_something_else(name, "plain value", err);
    }
    if (status == PBASE_OK) {
        status = open_handle(view, name, &entry.slot, NULL, out, err);
    }
    if (status == PBASE_OK) {
        keep_root(view, name, &entry.slot, *out);
    }
    pbase_buffer_fini(&buffer);
    return status;
}

static const opened_facts *kept_root(const root_view *view, pbase_bytes name)
{
    const opened_key key = root_key(view, name);
    return view->state == NULL ? NULL : opened_find(view->state, &key);
}

pbase_status root_view_entry(const root_view *view, pbase_bytes name, root_entry *out,
                             pbase_buffer *buffer, pbase_error *err)
{
    const opened_facts *kept = kept_root(view, name);
    if (kept == NULL) {
        return catalog_root(view->context->source, view->collections, name, out, buffer, err);
    }
    *out = (root_entry){.is_collection = true, .slot = kept->slot};
    return PBASE_OK;
}

pbase_status root_view_has_indexes(const root_view *view, bool *out, pbase_error *err)
{
    const opened_key key = {
        .kind = OPENED_INDEXES, .of = view->collections, .name = pbase_bytes_text("")};
    const opened_facts *kept = view->state == NULL ? NULL : opened_find(view->state, &key);
    if (kept != NULL) {
        *out = kept->count > 0;
        return PBASE_OK;
    }
    bool found = false;
    collection_slot unused;
    pbase_status status = catalog_collection_find(view->context->source, view->collections,
                                                  INDEX_DEFINITIONS, &unused, &found, err);
    if (status == PBASE_OK && view->state != NULL) {
        opened_keep(view->state, &key, &(opened_facts){.count = found});
    }
    if (status == PBASE_OK) {
        *out = found;
    }
    return status;
}

pbase_status root_view_any(const root_view *view, pbase_bytes name, collection **out,
                           pbase_error *err)
{
    const opened_facts *kept = kept_root(view, name);
    return kept == NULL ? open_unkept(view, name, out, err)
                        : open_handle(view, name, &kept->slot, &kept->count, out, err);
}

pbase_status root_view_collection(const root_view *view, pbase_bytes name, uint8_t kind,
                                  collection **out, pbase_error *err)
{
    collection *handle = NULL;
    pbase_status status = root_view_any(view, name, &handle, err);
    if (status == PBASE_OK && collection_kind(handle) != kind) {
        status =
            holds_something_else(name, pbase_collection_kind_name(collection_kind(handle)), err);
        collection_close(handle);
    }
    if (status == PBASE_OK) {
        *out = handle;
    }
    return status;
}

pbase_status root_view_value(const root_view *view, pbase_bytes name, pbase_arena *arena,
                             pbase_value *out, pbase_error *err)
{
    root_entry entry;
    pbase_buffer buffer;
    pbase_bytes stored;
    pbase_buffer_init(&buffer, view->context->alloc);
    pbase_status status = find(view, name, &entry, &buffer, err);
    if (status == PBASE_OK && entry.is_collection) {
        status = holds_something_else(name, pbase_collection_kind_name(entry.slot.kind), err);
    }
    if (status == PBASE_OK) {
        status = pbase_arena_copy(arena, entry.stored, &stored, err);
    }
    if (status == PBASE_OK) {
        value_coder *coder = view->context->coder;
        status = coder->vtable->decode(coder, stored, arena, out, err);
    }
    pbase_buffer_fini(&buffer);
    return status;
}

pbase_status root_view_child(const root_view *view, pbase_bytes name, uint64_t n, collection **out,
                             pbase_error *err)
{
    root_entry entry;
    pbase_buffer buffer;
    stored_child child;
    nest_slot slot = {.context = view->context};
    pbase_buffer_init(&buffer, view->context->alloc);
    pbase_status status = find(view, name, &entry, &buffer, err);
    if (status == PBASE_OK && (entry.is_collection || !stored_child_at(entry.stored, n, &child))) {
        status = PBASE_FAIL(err, PBASE_NOT_FOUND, "the value of root '%.*s' has no child %" PRIu64,
                            (int)name.size, (const char *)name.data, n);
    }
    if (status == PBASE_OK) {
        status = nest_open(&slot, &child, name, out, err);
    }
    pbase_buffer_fini(&buffer);
    return status;
}

pbase_status root_view_info(const root_view *view, pbase_bytes name, const root_entry *entry,
                            pbase_root_info *out, pbase_error *err)
{
    memset(out, 0, sizeof *out);
    out->name = name;
    out->kind = PBASE_ROOT_VALUE;
    out->count = 1;
    out->total = 1;
    if (!entry->is_collection) {
        return PBASE_OK;
    }
    out->kind = entry->slot.kind; /* PBASE_ROOT_* continues PBASE_COLLECTION_* */
    tree content =
        tree_of(view->context->source, entry->slot.root, tree_kind_positional(entry->slot.kind));
    pbase_status status = tree_count(&content, &out->count, err);
    out->total = kind_counted(entry->slot.kind) ? entry->slot.sum : out->count;
    return status;
}

_Static_assert((int)PBASE_ROOT_DICT == (int)PBASE_COLLECTION_DICT &&
                   (int)PBASE_ROOT_LIST == (int)PBASE_COLLECTION_LIST &&
                   (int)PBASE_ROOT_SET == (int)PBASE_COLLECTION_SET &&
                   (int)PBASE_ROOT_HASH_DICT == (int)PBASE_COLLECTION_HASH_DICT &&
                   (int)PBASE_ROOT_MULTI_DICT == (int)PBASE_COLLECTION_MULTI_DICT &&
                   (int)PBASE_ROOT_COUNTED_SET == (int)PBASE_COLLECTION_COUNTED_SET,
               "a root's kind is the kind of its collection");
