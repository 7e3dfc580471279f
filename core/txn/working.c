/* working.c - applying records to trees that are being changed.
 *
 * Databases and collections are opened on first use into small tables (working_tables.c). `finish` puts
 * the roots back into the table of collections, and those into the catalog. */
#include "txn/working_private.h"

#include "collection/kind.h"
#include "collection/stored_children.h"

#include <inttypes.h>
#include <protobase/base/limits.h>

/* ------------------------------------------------------------------------------- begin ---- */

pbase_status working_begin(const pbase_host *host, space_state *base, value_coder *coder,
                           working **out, pbase_error *err)
{
    working *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return working_no_memory(err);
    }
    self->host = host;
    self->atoms = base->atoms;
    self->coder = coder;
    self->base = space_state_ref(base);
    self->catalog = tree_of(base->atoms, atom_ref_keep(base->catalog), false);
    self->sequence = base->sequence;
    self->timestamp_ns = base->timestamp_ns;
    *out = self;
    return PBASE_OK;
}

static void database_fini(working *self, working_database *database)
{
    const pbase_alloc *alloc = self->host->alloc;
    for (size_t i = 0; i < database->count; i++) {
        tree_fini(&database->items[i].content);
        pbase_buffer_fini(&database->items[i].link);
    }
    pbase_alloc_free(alloc, database->items, database->capacity * sizeof *database->items);
    pbase_alloc_free(alloc, database->index, database->index_capacity * sizeof *database->index);
    tree_fini(&database->collections);
    working_indexes_fini(&database->indexes);
    pbase_buffer_fini(&database->name);
}

void working_abandon(working **self_pointer)
{
    working *self = *self_pointer;
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        database_fini(self, &self->databases[i]);
    }
    pbase_alloc_free(self->host->alloc, self->databases, self->capacity * sizeof *self->databases);
    tree_fini(&self->catalog);
    space_state_unref(self->base);
    pbase_alloc_free(self->host->alloc, self, sizeof *self);
    *self_pointer = NULL;
}

/* -------------------------------------------------------------------------- operations ---- */

static pbase_status apply_operation(working *self, working_database *database,
                                    pbase_collection_id id, change *operation,
                                    pbase_buffer *resolved, pbase_buffer *ids, pbase_error *err)
{
    working_collection *item = NULL;
    pbase_status status = working_collection_find(self, database, id, &item, err);
    bool announced = status == PBASE_OK && kind_has_values(item->kind) &&
                     stored_children_announced(operation->value);
    if (status == PBASE_OK && announced) {
        resolved->size = 0;
        status = stored_children_resolve(operation->value, self->sequence, resolved, err);
        operation->value = pbase_buffer_view(resolved);
    }
    if (status != PBASE_OK) {
        return status;
    }
    bool fits = change_kind(operation->op) == item->kind; /* if not, applying it says so */
    status = fits && (item->nests || announced)
                 ? working_children_change(self, database, id, operation, ids, err)
                 : change_apply(operation, item->kind, &item->content, err);
    return status == PBASE_OK && announced
               ? working_children_hold(self, database, id, operation, err)
               : status;
}

static pbase_status apply_operations(working *self, working_database *database,
                                     pbase_collection_id id, pbase_bytes operations,
                                     pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    pbase_buffer resolved, ids;
    pbase_buffer_init(&resolved, self->host->alloc);
    pbase_buffer_init(&ids, self->host->alloc);
    pbase_status status = PBASE_OK;
    for (uint64_t number = 1; status == PBASE_OK; number++) {
        change operation;
        status = change_read(&reader, &operation, err);
        if (status == PBASE_OK) {
            status = apply_operation(self, database, id, &operation, &resolved, &ids, err);
        }
        if (status != PBASE_OK && status != PBASE_END) {
            pbase_error_note(err, "operation number %" PRIu64, number);
        }
    }
    pbase_buffer_fini(&resolved);
    pbase_buffer_fini(&ids);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status adopted_root_note(working *self, pbase_atom_pointer root, pbase_error *err)
{
    uint32_t number = 0;
    state_list *list = self->base->list;
    pbase_status status = list == NULL || root == PBASE_ATOM_NONE
                              ? PBASE_OK
                              : state_list_root_add(list, root, &number, err);
    state_roots_add(&self->adopted, number);
    return status;
}

/* Content that was written before the record. Its root is read at once: a record whose atoms are not
 * there must not pass for good. */
static pbase_status adopt(working *self, working_collection *item, pbase_bytes operations,
                          pbase_error *err)
{
    adopted_content content;
    uint64_t count = 0;
    pbase_status status = adopted_content_read(operations, &content, err);
    if (status != PBASE_OK) {
        return status;
    }
    atom_ref root =
        content.root == PBASE_ATOM_NONE ? ATOM_REF_NONE : atom_ref_of_pointer(content.root);
    tree adopted = tree_of(self->atoms, root, tree_kind_positional(item->kind));
    adopted.sum = content.sum;
    status = tree_count(&adopted, &count, err);
    if (status == PBASE_OK && count != content.count) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "an adopted root has %" PRIu64 " entries instead of %" PRIu64, count,
                            content.count);
    }
    if (status == PBASE_OK && (kind_counted(item->kind) ? content.sum < count : content.sum != 0)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "an adopted root has a sum that makes no sense");
    }
    if (status == PBASE_OK) {
        status = adopted_root_note(self, content.root, err);
    }
    if (status == PBASE_OK) {
        tree_fini(&item->content);
        item->content = adopted; /* what is stored has no counts */
    }
    return status;
}

/* Applies the operations of a group, or takes what they lead to when nobody came between. Others may
 * be opened meanwhile, so the collection has to be asked for again. */
static pbase_status change_content(working *self, working_database *database,
                                   working_collection *item, const delta_group *group,
                                   const working_shortcut *shortcut, bool *out_taken,
                                   pbase_error *err)
{
    *out_taken = shortcut != NULL && atom_ref_same(item->content.root, shortcut->base_root);
    if (group->form == GROUP_ADOPT) {
        return adopt(self, item, group->operations, err);
    }
    *out_taken = *out_taken && shortcut->present;
    if (!*out_taken) {
        return apply_operations(self, database, item->id, group->operations, err);
    }
    atom_ref result = atom_ref_keep(shortcut->result_root);
    atom_source *atoms = item->content.source;
    tree_fini(&item->content);
    item->content = tree_of(atoms, result, tree_kind_positional(item->kind));
    item->content.sum = shortcut->result_sum;
    return PBASE_OK;
}

/* Changes a collection, and its indexes with it. */
static pbase_status apply_change(working *self, working_database *database,
                                 working_collection *item, const delta_group *group,
                                 const working_shortcut *shortcut, pbase_error *err)
{
    bool has_indexes = false, is_taken = false;
    pbase_collection_id id = item->id;
    pbase_status status = PBASE_OK;
    if (group->form != GROUP_CREATE) { /* a new collection has none */
        status =
            working_indexes_any(&database->indexes, &database->collections, id, &has_indexes, err);
    }
    if (status != PBASE_OK || !has_indexes) {
        return status == PBASE_OK
                   ? change_content(self, database, item, group, shortcut, &is_taken, err)
                   : status;
    }
    tree before = tree_keep(&item->content);
    status = change_content(self, database, item, group, shortcut, &is_taken, err);
    item = working_collection_opened(database, id);
    PBASE_ASSERT(item != NULL); /* what was opened stays, in another place at most */
    index_step step = {.kind = item->kind,
                       .before = &before,
                       .after = &item->content,
                       .is_whole = group->form == GROUP_ADOPT,
                       .operations = group->operations};
    if (status == PBASE_OK) {
        status = working_indexes_change(&database->indexes, id, &step,
                                        is_taken ? shortcut->indexes : NULL,
                                        is_taken ? shortcut->index_count : 0, err);
    }
    tree_fini(&before);
    return status;
}

static pbase_status apply_index_operation(working *self, working_database *database,
                                          const index_operation *operation,
                                          const index_shortcut *shortcut, pbase_error *err)
{
    pbase_collection_id target;
    working_collection *item = NULL;
    if (operation->op == INDEX_DROP) {
        return working_indexes_remove(&database->indexes, &database->collections, operation, err);
    }
    if (!working_indexes_target(operation, &target)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record makes an index on no collection");
    }
    pbase_status status = working_collection_find(self, database, target, &item, err);
    return status == PBASE_OK
               ? working_indexes_create(&database->indexes, &database->collections, operation,
                                        self->sequence, item->kind, &item->content, shortcut, err)
               : status;
}

/* Operations on the definitions of indexes; `shortcut` may hold the entries of the first. */
static pbase_status apply_indexes(working *self, working_database *database, pbase_bytes operations,
                                  const working_shortcut *shortcut, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    const index_shortcut *ready =
        shortcut != NULL && shortcut->index_count > 0 ? shortcut->indexes : NULL;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK) {
        index_operation operation;
        status = index_operation_read(&reader, &operation, err);
        if (status == PBASE_OK) {
            status = apply_index_operation(self, database, &operation, ready, err);
            ready = NULL;
        }
    }
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status apply_group(working *self, working_database *database, const delta_group *group,
                                const working_shortcut *shortcut, pbase_error *err)
{
    pbase_collection_id id = group->id;
    if (group->kind == COLLECTION_INDEX) {
        database->changed = true;
        return collection_id_same(id, INDEX_DEFINITIONS) && group->form == GROUP_CHANGE
                   ? apply_indexes(self, database, group->operations, shortcut, err)
                   : PBASE_FAIL(err, PBASE_CORRUPT, "a record changes an index by itself");
    }
    bool own = id.sequence == 0 && id.ordinal > 0;
    bool system = catalog_is_system(id);
    bool creates = group->form == GROUP_CREATE || (group->form == GROUP_ADOPT && own && !system);
    working_collection *item = NULL;
    if ((group->form == GROUP_CREATE && !own) || (group->form == GROUP_CHANGE && own && !system)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record creates a collection that is not its own");
    }
    if (creates) {
        id.sequence = self->sequence;
    }
    pbase_status status =
        creates ? working_collection_create(self, database, id, group->kind, &item, err)
                : working_collection_find(self, database, id, &item, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (item->kind != group->kind) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record takes a %s for a %s",
                          pbase_collection_kind_name(item->kind),
                          pbase_collection_kind_name(group->kind));
    }
    database->changed = true;
    if (group->form == GROUP_ADOPT && item->nests) { /* nobody could say what becomes of children */
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record adopts a collection that has children");
    }
    item->changed = true;
    return apply_change(self, database, item, group, shortcut, err);
}

static pbase_status apply_delta(working *self, pbase_bytes body, const working_shortcut *shortcuts,
                                pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(body);
    uint64_t database_id = 0, count = 0;
    if (!pbase_read_varint(&reader, &database_id) || !pbase_read_varint(&reader, &count)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut");
    }
    working_database *database = NULL;
    pbase_status status = working_database_open(self, database_id, &database, err);
    if (status == PBASE_OK && database->kind == DATABASE_SNAPSHOT) { /* no transaction does it */
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a record changes a snapshot");
    }
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        delta_group group;
        status = delta_group_read(&reader, &group, err);
        if (status == PBASE_OK) {
            status =
                apply_group(self, database, &group, shortcuts == NULL ? NULL : &shortcuts[i], err);
        }
    }
    if (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a delta record has bytes after its groups");
    }
    return status;
}

/* ----------------------------------------------------------------------------- catalog ---- */

static pbase_status catalog_put(working *self, const working_database *database, pbase_error *err)
{
    uint8_t key_bytes[8];
    catalog_database_key(database->id, key_bytes);
    encoded_key key = {.bytes = pbase_bytes_of(key_bytes, sizeof key_bytes)};
    pbase_buffer payload;
    pbase_buffer_init(&payload, self->host->alloc);
    catalog_entry described = {.kind = database->kind,
                               .origin = database->origin,
                               .name = pbase_buffer_view(&database->name)};
    pbase_status status = catalog_entry_write(&described, &payload, err);
    if (status == PBASE_OK) {
        tree_value entry = {.kind = TREE_VALUE_TREE,
                            .tree_kind = PBASE_COLLECTION_DICT,
                            .root = database->collections.root,
                            .bytes = pbase_buffer_view(&payload)};
        status = tree_put(&self->catalog, &key, &entry, NULL, err);
    }
    pbase_buffer_fini(&payload);
    return status;
}

/* Puts a changed collection into the table of its database; its tree stays open. */
static pbase_status table_put(working_database *database, const working_collection *item,
                              pbase_error *err)
{
    uint8_t key_bytes[16];
    catalog_collection_key(item->id, key_bytes);
    encoded_key key = {.bytes = pbase_bytes_of(key_bytes, sizeof key_bytes)};
    if (item->gone) {
        return tree_remove(&database->collections, key.bytes, NULL, err);
    }
    uint8_t slot[CATALOG_SLOT_BYTES_MAX];
    size_t slot_size = catalog_slot_write(item->kind, item->content.sum, item->nests,
                                          pbase_buffer_view(&item->link), slot);
    tree_value entry = {.kind = TREE_VALUE_TREE,
                        .tree_kind = item->kind,
                        .root = item->content.root,
                        .bytes = pbase_bytes_of(slot, slot_size)};
    return tree_put(&database->collections, &key, &entry, NULL, err);
}

static pbase_status create_database(working *self, pbase_bytes name, pbase_error *err)
{
    working_database *database = NULL;
    working_collection *roots = NULL;
    pbase_status status = working_database_add(self, self->sequence, &database, err);
    if (status == PBASE_OK) {
        database->changed = true;
        status = pbase_buffer_append_bytes(&database->name, name, err);
    }
    return status == PBASE_OK ? working_collection_create(self, database, CATALOG_ROOTS,
                                                          PBASE_COLLECTION_DICT, &roots, err)
                              : status;
}

/* Puts what was changed in a database into its table of collections, so that the table can be
 * shared; each tree stays open and is copied at its next edit. */
static pbase_status flush_collections(working_database *database, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < database->count && status == PBASE_OK; i++) {
        working_collection *item = &database->items[i];
        if (item->changed) {
            status = table_put(database, item, err);
            item->changed = status != PBASE_OK;
        }
    }
    return status == PBASE_OK
               ? working_indexes_finish(&database->indexes, &database->collections, err)
               : status;
}

/* A second name for the same table of collections: nothing in it is read or copied. */
static pbase_status copy_database(working *self, const catalog_change *wanted, pbase_error *err)
{
    working_database *source = NULL, *copy = NULL;
    pbase_status status = working_database_open(self, wanted->database, &source, err);
    if (status == PBASE_OK) {
        status = flush_collections(source, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    tree shared = tree_keep(&source->collections);
    status = working_database_add(self, self->sequence, &copy, err); /* may move `source` */
    if (status != PBASE_OK) {
        tree_fini(&shared);
        return status;
    }
    copy->collections = shared;
    copy->changed = true;
    copy->kind = wanted->kind;
    copy->origin = wanted->database;
    return pbase_buffer_append_bytes(&copy->name, wanted->name, err);
}

static pbase_status rename_database(working_database *database, pbase_bytes name, pbase_error *err)
{
    database->changed = true;
    database->name.size = 0;
    return pbase_buffer_append_bytes(&database->name, name, err);
}

static pbase_status apply_catalog(working *self, pbase_bytes body, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(body);
    catalog_change wanted;
    working_database *database = NULL;
    pbase_status status = catalog_change_read(&reader, &wanted, err);
    if (status != PBASE_OK) {
        return status;
    }
    switch (wanted.operation) {
    case CATALOG_CREATE:
        return create_database(self, wanted.name, err);
    case CATALOG_COPY:
        return copy_database(self, &wanted, err);
    case CATALOG_RENAME:
        status = working_database_open(self, wanted.database, &database, err);
        return status == PBASE_OK ? rename_database(database, wanted.name, err) : status;
    default:
        status = working_database_open(self, wanted.database, &database, err);
        if (status == PBASE_OK) {
            database->gone = database->changed = true;
        }
        return status;
    }
}

pbase_status working_apply(working *self, const record_head *head, pbase_bytes body,
                           const working_shortcut *shortcuts, pbase_error *err)
{
    self->sequence = head->sequence;
    self->timestamp_ns = head->timestamp_ns;
    return head->kind == RECORD_CATALOG ? apply_catalog(self, body, err)
                                        : apply_delta(self, body, shortcuts, err);
}

pbase_status working_can_wait(working *self, uint64_t database_id, const delta_group *group,
                              bool *out, pbase_error *err)
{
    working_database *database = NULL;
    working_collection *item = NULL;
    bool has_indexes = false;
    pbase_error why;
    pbase_error_init(&why);
    *out = false;
    pbase_status status = working_database_open(self, database_id, &database, &why);
    if (status == PBASE_OK) {
        status = working_collection_find(self, database, group->id, &item, &why);
    }
    if (status == PBASE_OK) {
        status = working_indexes_any(&database->indexes, &database->collections, group->id,
                                     &has_indexes, &why);
    }
    if (status == PBASE_CONFLICT) { /* whoever applies it says so */
        return PBASE_OK;
    }
    if (status != PBASE_OK) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    bool mapping = item->kind == PBASE_COLLECTION_DICT || item->kind == PBASE_COLLECTION_HASH_DICT;
    *out = database->kind != DATABASE_SNAPSHOT && group->form == GROUP_CHANGE &&
           item->kind == group->kind && mapping && !item->nests && !has_indexes &&
           !catalog_is_system(group->id);
    return PBASE_OK;
}

pbase_status working_open(working *self, uint64_t database_id, pbase_collection_id id,
                          uint8_t *out_kind, tree **out, pbase_error *err)
{
    working_database *database = NULL;
    working_collection *item = NULL;
    pbase_status status = working_database_open(self, database_id, &database, err);
    if (status == PBASE_OK) {
        status = working_collection_find(self, database, id, &item, err);
    }
    if (status == PBASE_OK) {
        database->changed = item->changed = true;
        *out_kind = item->kind;
        *out = &item->content;
    }
    return status;
}

void working_stamp(working *self, const record_head *head)
{
    self->sequence = head->sequence;
    self->timestamp_ns = head->timestamp_ns;
}

/* ------------------------------------------------------------------------------ finish ---- */

static pbase_status finish_database(working *self, working_database *database, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (database->gone) {
        uint8_t key[8];
        catalog_database_key(database->id, key);
        return tree_remove(&self->catalog, pbase_bytes_of(key, sizeof key), NULL, err);
    }
    status = flush_collections(database, err);
    return status == PBASE_OK ? catalog_put(self, database, err) : status;
}

pbase_status working_seal(working *self, space_state **out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        if (self->databases[i].changed) {
            status = finish_database(self, &self->databases[i], err);
        }
    }
    space_state *next = NULL;
    if (status == PBASE_OK) {
        next = space_state_create(self->base->list, self->atoms, self->catalog.root, self->sequence,
                                  self->timestamp_ns);
        status = next == NULL ? working_no_memory(err) : PBASE_OK;
    }
    if (status == PBASE_OK) {
        self->catalog.root = ATOM_REF_NONE; /* the state has its count now */
        space_state_need_as(next, self->base, &self->adopted);
        *out = next;
    }
    return status;
}

pbase_status working_finish(working **self, space_state **out, pbase_error *err)
{
    pbase_status status = working_seal(*self, out, err);
    working_abandon(self);
    return status;
}
