/* staged.c - from staged roots to the groups of a delta record.
 *
 * A version that descends from the collection its root already holds becomes the operations since
 * then. Any other version becomes a new collection: the operations that built it when it was made
 * in this transaction, else its content written out. Operations that are too many for the record are
 * left out: the record names the tree they led to (adopt.h). The root itself is one operation on the
 * dictionary of roots. */
#include "txn/staged.h"

#include "collection/kind.h"
#include "collection/tree_cursor.h"
#include "txn/index_view.h"
#include "txn/write_set.h"
#include <protobase/base/limits.h>

void staged_roots_init(staged_roots *self, const collection_context *context,
                       const staged_roots *outer)
{
    memset(self, 0, sizeof *self);
    self->context = context;
    self->outer = outer;
    pbase_arena_init(&self->arena, context->alloc);
}

static void staged_root_clear(staged_root *root)
{
    collection_close(root->version);
    root->version = NULL;
    pbase_buffer_fini(&root->stored);
}

void staged_roots_fini(staged_roots *self)
{
    for (size_t i = 0; i < self->count; i++) {
        staged_root_clear(&self->items[i]);
    }
    pbase_alloc_free(self->context->alloc, self->items, self->capacity * sizeof *self->items);
    self->items = NULL;
    self->count = self->capacity = 0;
    pbase_arena_fini(&self->arena);
}

/* In this table alone. */
static staged_root *own_root(const staged_roots *self, pbase_bytes name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (pbase_bytes_equal(self->items[i].name, name)) {
            return &self->items[i];
        }
    }
    return NULL;
}

const staged_root *staged_roots_find(const staged_roots *self, pbase_bytes name)
{
    const staged_root *root = NULL;
    for (; self != NULL && root == NULL; self = self->outer) {
        root = own_root(self, name);
    }
    return root;
}

const staged_root *staged_roots_between(const staged_roots *self, const pbase_bytes *after,
                                        const pbase_bytes *before)
{
    const staged_root *next = NULL;
    for (; self != NULL; self = self->outer) { /* of equal names the innermost is met first */
        for (size_t i = 0; i < self->count; i++) {
            const staged_root *root = &self->items[i];
            if ((after == NULL || pbase_bytes_compare(root->name, *after) > 0) &&
                (before == NULL || pbase_bytes_compare(root->name, *before) < 0) &&
                (next == NULL || pbase_bytes_compare(root->name, next->name) < 0)) {
                next = root;
            }
        }
    }
    return next;
}

/* Room for `more` roots. */
static pbase_status staged_roots_reserve(staged_roots *self, size_t more, pbase_error *err)
{
    const pbase_alloc *alloc = self->context->alloc;
    size_t capacity = self->capacity == 0 ? 8 : self->capacity;
    while (capacity < self->count + more) {
        capacity *= 2;
    }
    if (capacity == self->capacity) {
        return PBASE_OK;
    }
    staged_root *items =
        alloc->resize(alloc, self->items, self->capacity * sizeof *items, capacity * sizeof *items);
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to stage a root");
    }
    self->items = items;
    self->capacity = capacity;
    return PBASE_OK;
}

/* Appends a root that is dropped until it is filled; there is room for it. `name` lies in the
 * table's arena. */
static staged_root *staged_roots_add(staged_roots *self, pbase_bytes name)
{
    staged_root *root = &self->items[self->count++];
    memset(root, 0, sizeof *root);
    root->name = name;
    root->dropped = true;
    pbase_buffer_init(&root->stored, self->context->alloc);
    return root;
}

pbase_status staged_roots_put(staged_roots *self, pbase_bytes name, const collection *version,
                              const pbase_bytes *stored, pbase_error *err)
{
    collection *kept = NULL;
    pbase_buffer copy;
    pbase_buffer_init(&copy, self->context->alloc);
    pbase_status status = PBASE_OK;
    if (version != NULL) {
        status = collection_keep_in(version, self->context, &kept, err);
    } else if (stored != NULL) {
        status = pbase_buffer_append_bytes(&copy, *stored, err);
    }
    staged_root *root = own_root(self, name);
    if (status == PBASE_OK && root == NULL) {
        pbase_bytes named;
        status = staged_roots_reserve(self, 1, err);
        if (status == PBASE_OK) {
            status = pbase_arena_copy(&self->arena, name, &named, err);
        }
        if (status == PBASE_OK) {
            root = staged_roots_add(self, named);
        }
    }
    if (status != PBASE_OK) {
        collection_close(kept);
        pbase_buffer_fini(&copy);
        return status;
    }
    staged_root_clear(root);
    root->version = kept;
    root->stored = copy; /* the buffer moves */
    root->dropped = version == NULL && stored == NULL;
    return PBASE_OK;
}

pbase_status staged_roots_relieve(staged_roots *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        if (self->items[i].version != NULL) {
            status = collection_relieve(self->items[i].version, err);
        }
    }
    return status;
}

/* Everything that can fail in a fold: versions in the context of `below`, names in its arena. */
static pbase_status fold_prepare(const staged_roots *self, staged_roots *below, staged_root *moved,
                                 pbase_error *err)
{
    pbase_status status = staged_roots_reserve(below, self->count, err);
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        const staged_root *root = &self->items[i];
        if (root->version != NULL) {
            status = collection_keep_in(root->version, below->context, &moved[i].version, err);
        }
        if (status == PBASE_OK) {
            status = pbase_arena_copy(&below->arena, root->name, &moved[i].name, err);
        }
    }
    return status;
}

pbase_status staged_roots_fold(staged_roots *self, staged_roots *below, pbase_error *err)
{
    const pbase_alloc *alloc = self->context->alloc;
    if (self->count == 0) {
        return PBASE_OK;
    }
    staged_root *moved = pbase_alloc_zeroed(alloc, self->count, sizeof *moved);
    if (moved == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to fold a nested transaction");
    }
    pbase_status status = fold_prepare(self, below, moved, err);
    for (size_t i = 0; i < self->count; i++) {
        staged_root *from = &self->items[i];
        if (status != PBASE_OK) {
            collection_close(moved[i].version);
            continue;
        }
        staged_root *to = own_root(below, from->name);
        to = to == NULL ? staged_roots_add(below, moved[i].name) : to;
        staged_root_clear(to);
        to->version = moved[i].version;
        to->stored = from->stored; /* the buffer moves */
        to->dropped = from->dropped;
        pbase_buffer_init(&from->stored, alloc);
    }
    pbase_alloc_free(alloc, moved, self->count * sizeof *moved);
    return status;
}

/* ----------------------------------------------------------------------------------- delta ---- */

/* Operations that go into one record; past it whole trees are adopted. A record holds at most
 * PBASE_RECORD_BYTES_MAX, the operations on roots among them. */
#define DELTA_OPERATIONS_MAX (PBASE_RECORD_BYTES_MAX / 4)

void staged_delta_init(staged_delta *self, const pbase_host *host, const txn_budget *budget,
                       uint64_t database)
{
    memset(self, 0, sizeof *self);
    self->host = host;
    self->budget = budget;
    self->database = database;
    pbase_arena_init(&self->arena, host->alloc);
    pbase_buffer_init(&self->root_operations, host->alloc);
    access_set_init(&self->writes, host);
}

/* The indexes of one changed collection, brought forward to the version that is committed. */
struct delta_indexes {
    struct delta_indexes *next;
    index_view view;
    index_shortcut *shortcuts; /* [view.count], in the delta's arena */
};

static void delta_indexes_fini(staged_delta *self)
{
    while (self->indexes != NULL) {
        struct delta_indexes *first = self->indexes;
        self->indexes = first->next;
        index_view_fini(&first->view);
        pbase_alloc_free(self->host->alloc, first, sizeof *first);
    }
}

void staged_delta_fini(staged_delta *self)
{
    delta_indexes_fini(self);
    pbase_alloc_free(self->host->alloc, self->groups, self->capacity * sizeof *self->groups);
    pbase_arena_fini(&self->arena);
    pbase_buffer_fini(&self->root_operations);
    access_set_fini(&self->writes);
}

#define ADOPT_FEATURE 2u /* the level that knows GROUP_ADOPT */

static void need_level(staged_delta *self, uint32_t level)
{
    self->feature = level > self->feature ? level : self->feature;
}

/* The record needs the level of `version`'s kind and of what was done to it. */
static void need_feature(staged_delta *self, const collection *version)
{
    uint32_t kind = kind_find(collection_kind(version))->feature;
    uint32_t operations = change_feature(collection_log(version)->op_max);
    need_level(self, kind > operations ? kind : operations);
}

static pbase_status add_group(staged_delta *self, const commit_group *group, pbase_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 8 : self->capacity * 2;
        commit_group *groups =
            self->host->alloc->resize(self->host->alloc, self->groups,
                                      self->capacity * sizeof *groups, capacity * sizeof *groups);
        if (groups == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to commit");
        }
        self->groups = groups;
        self->capacity = capacity;
    }
    self->groups[self->count++] = *group;
    self->operation_bytes += group->group.operations.size;
    return PBASE_OK;
}

/* One operation on the dictionary of roots. `stored` NULL removes the root. */
static pbase_status add_root_operation(staged_delta *self, pbase_bytes name,
                                       const pbase_bytes *stored, pbase_error *err)
{
    key_scratch scratch;
    change operation = {.op = stored == NULL ? CHANGE_REMOVE : CHANGE_PUT};
    pbase_value text = pbase_value_string(name);
    key_scratch_init(&scratch, self->host->alloc);
    pbase_status status = key_encode(&text, &scratch, &operation.key, err);
    if (status == PBASE_OK) {
        operation.value = stored == NULL ? pbase_bytes_of(NULL, 0) : *stored;
        status = change_write(&operation, &self->root_operations, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

/* The stored value of a root that holds the `ordinal`-th collection its record creates. */
static pbase_status child_value(uint8_t kind, uint64_t ordinal, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_varint(out, 1, err); /* no codec, has children */
    status = status == PBASE_OK ? pbase_buffer_append_varint(out, 1, err) : status;
    status = status == PBASE_OK ? pbase_buffer_append_u8(out, kind, err) : status;
    status = status == PBASE_OK ? pbase_buffer_append_varint(out, 0, err) : status;
    return status == PBASE_OK ? pbase_buffer_append_varint(out, ordinal, err) : status;
}

/* ----------------------------------------------------------------------------- collections ---- */

static pbase_status write_entry(tree_cursor *cursor, uint8_t kind, pbase_buffer *out,
                                pbase_error *err)
{
    change operation = {.op = CHANGE_PUT};
    encoded_key key = {{NULL, 0}, {NULL, 0}};
    tree_value entry;
    pbase_status status = PBASE_OK;
    if (!tree_kind_positional(kind)) {
        status = tree_cursor_key(cursor, &key, err);
    }
    if (status == PBASE_OK) {
        status = tree_cursor_value(cursor, &entry, err);
    }
    if (status == PBASE_OK) {
        status = change_of_entry(kind, &key, entry.bytes, &operation, err);
    }
    return status == PBASE_OK ? change_write(&operation, out, err) : status;
}

/* The content of a version as the operations that build it from nothing. LIMIT, without a message:
 * they take more than PBASE_ADOPT_INLINE_BYTES. */
static pbase_status write_content(const collection *version, pbase_buffer *out, pbase_error *err)
{
    tree_cursor cursor;
    tree_cursor_init(&cursor, collection_tree(version), out->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        status = write_entry(&cursor, collection_kind(version), out, err);
        if (status == PBASE_OK && out->size > PBASE_ADOPT_INLINE_BYTES) {
            status = PBASE_LIMIT;
        }
        if (status == PBASE_OK) {
            status = tree_cursor_next(&cursor, err);
        }
    }
    tree_cursor_fini(&cursor);
    return status == PBASE_END ? PBASE_OK : status;
}

/* Lets a group of a new collection hold a copy of the content of a version: in the record while it
 * is short, else as atoms written before it. */
static pbase_status take_content(staged_delta *self, const collection *version, commit_group *group,
                                 pbase_error *err)
{
    pbase_buffer buffer;
    pbase_buffer_init(&buffer, self->host->alloc);
    pbase_status status = write_content(version, &buffer, err);
    if (status == PBASE_LIMIT) {
        buffer.size = 0;
        group->group.form = GROUP_ADOPT;
        need_level(self, ADOPT_FEATURE);
        status = adopt_copy(self->budget, version, &buffer, err);
    }
    if (status == PBASE_OK) {
        status = pbase_arena_copy(&self->arena, pbase_buffer_view(&buffer),
                                  &group->group.operations, err);
    }
    pbase_buffer_fini(&buffer);
    return status;
}

/* Lets a group take the tree of a version itself, written before the record; a copy of it where it
 * shares nodes with others. */
static pbase_status take_tree(staged_delta *self, const collection *version, commit_group *group,
                              pbase_error *err)
{
    pbase_buffer buffer;
    pbase_buffer_init(&buffer, self->host->alloc);
    group->group.form = GROUP_ADOPT;
    group->shortcut.present = false;
    need_level(self, ADOPT_FEATURE);
    pbase_status status = collection_is_foreign(version)
                              ? adopt_copy(self->budget, version, &buffer, err)
                              : adopt_version(self->budget, version, &buffer, err);
    if (status == PBASE_OK) {
        status = pbase_arena_copy(&self->arena, pbase_buffer_view(&buffer),
                                  &group->group.operations, err);
    }
    pbase_buffer_fini(&buffer);
    return status;
}

/* True when the operations of a version cannot stand in the record: there are none, or too many with
 * those that do already. */
static bool outgrows_record(const staged_delta *self, const collection *version)
{
    return collection_is_bulk(version) ||
           self->operation_bytes + change_log_view(collection_log(version)).size >
               DELTA_OPERATIONS_MAX;
}

/* Made in a transaction from nothing: its log is its whole content. */
static bool is_fresh(const collection *version)
{
    pbase_collection_id id = collection_id(version);
    return id.sequence == 0 && id.ordinal > 0 && collection_base(version) == ATOM_REF_NONE;
}

/* True when an earlier root has a version of the same new collection: slots never share nodes. */
static bool is_staged_before(const staged_roots *roots, const staged_root *root)
{
    pbase_collection_id id = collection_id(root->version);
    for (const staged_root *other = roots->items; other != root; other++) {
        if (other->version != NULL && is_fresh(other->version) &&
            collection_id(other->version).ordinal == id.ordinal) {
            return true;
        }
    }
    return false;
}

/* The root gets a new collection. */
static pbase_status add_created(staged_delta *self, const staged_roots *roots,
                                const staged_root *root, pbase_error *err)
{
    const collection *version = root->version;
    uint64_t ordinal = ++self->ordinals;
    need_feature(self, version);
    bool fresh = is_fresh(version);
    commit_group group = {
        .group = {.id = {0, ordinal}, .form = GROUP_CREATE, .kind = collection_kind(version)}};
    pbase_status status = PBASE_OK;
    if (!fresh || (outgrows_record(self, version) && is_staged_before(roots, root))) {
        status = take_content(self, version, &group, err);
    } else if (outgrows_record(self, version)) {
        status = take_tree(self, version, &group, err);
    } else {
        group.group.operations = change_log_view(collection_log(version));
        group.shortcut.base_root = ATOM_REF_NONE;
        group.shortcut.result_root = collection_tree(version)->root;
        group.shortcut.result_sum = collection_tree(version)->sum;
        group.shortcut.present = !is_staged_before(roots, root);
    }
    pbase_buffer stored;
    pbase_buffer_init(&stored, self->host->alloc);
    if (status == PBASE_OK) {
        status = add_group(self, &group, err);
    }
    if (status == PBASE_OK) {
        status = child_value(group.group.kind, ordinal, &stored, err);
    }
    if (status == PBASE_OK) {
        pbase_bytes bytes = pbase_buffer_view(&stored);
        status = add_root_operation(self, root->name, &bytes, err);
    }
    pbase_buffer_fini(&stored);
    return status;
}

static pbase_status indexes_load(staged_delta *self, const collection *version,
                                 const root_view *view, struct delta_indexes **out,
                                 pbase_error *err)
{
    pbase_collection_id id = collection_id(version);
    struct delta_indexes *added = pbase_alloc_zeroed(self->host->alloc, 1, sizeof *added);
    if (added == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to commit");
    }
    added->next = self->indexes;
    self->indexes = added;
    *out = added;
    return index_view_load(view->context->source, view->collections, &id, &added->view, err);
}

static pbase_status shortcuts_fill(staged_delta *self, struct delta_indexes *indexes,
                                   pbase_error *err)
{
    const index_view *view = &indexes->view;
    indexes->shortcuts = pbase_arena_array(&self->arena, view->count, sizeof *indexes->shortcuts);
    if (indexes->shortcuts == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to commit");
    }
    for (size_t i = 0; i < view->count; i++) {
        indexes->shortcuts[i] = (index_shortcut){view->items[i].definition->entries, view->bases[i],
                                                 view->items[i].entries.root};
    }
    return PBASE_OK;
}

/* What the change makes of the collection's indexes: entries that are written, and the trees they
 * lead to. */
static pbase_status add_indexes(staged_delta *self, const collection *version,
                                const root_view *view, commit_group *group, pbase_error *err)
{
    struct delta_indexes *indexes = NULL;
    pbase_status status = indexes_load(self, version, view, &indexes, err);
    if (status != PBASE_OK || indexes->view.count == 0) {
        return status;
    }
    const tree *after = collection_tree(version);
    tree before = tree_of(after->source, collection_base(version), after->positional);
    index_step step = {.coder = view->context->coder,
                       .kind = collection_kind(version),
                       .before = &before,
                       .after = after,
                       .is_whole = group->group.form == GROUP_ADOPT,
                       .operations = group->group.operations};
    status = index_view_advance(&indexes->view, &step, self->database, &self->writes, err);
    status = status == PBASE_OK ? shortcuts_fill(self, indexes, err) : status;
    group->shortcut.indexes = indexes->shortcuts;
    group->shortcut.index_count = status == PBASE_OK ? indexes->view.count : 0;
    return status;
}

/* The root keeps its collection, with new content as a whole. */
static pbase_status add_replaced(staged_delta *self, const collection *version,
                                 const root_view *view, pbase_error *err)
{
    need_feature(self, version);
    commit_group group = {
        .group = {.id = collection_id(version), .kind = collection_kind(version)}};
    pbase_status status = take_tree(self, version, &group, err);
    group.shortcut.base_root = collection_base(version);
    status = status == PBASE_OK ? add_indexes(self, version, view, &group, err) : status;
    status = status == PBASE_OK ? add_group(self, &group, err) : status;
    return status == PBASE_OK
               ? write_set_add_whole(&self->writes, self->database, group.group.id, err)
               : status;
}

/* The root keeps its collection, changed. */
static pbase_status add_changed(staged_delta *self, const collection *version,
                                const root_view *view, pbase_error *err)
{
    pbase_bytes operations = change_log_view(collection_log(version));
    if (outgrows_record(self, version)) {
        return add_replaced(self, version, view, err);
    }
    if (operations.size == 0) {
        return PBASE_OK;
    }
    need_feature(self, version);
    commit_group group = {.group = {.id = collection_id(version),
                                    .form = GROUP_CHANGE,
                                    .kind = collection_kind(version),
                                    .operations = operations},
                          .shortcut = {.base_root = collection_base(version),
                                       .result_root = collection_tree(version)->root,
                                       .result_sum = collection_tree(version)->sum,
                                       .present = true}};
    pbase_status status = add_indexes(self, version, view, &group, err);
    status = status == PBASE_OK ? add_group(self, &group, err) : status;
    return status == PBASE_OK
               ? write_set_add_operations(&self->writes, self->database, group.group.id, operations,
                                          collection_base_count(version), err)
               : status;
}

static bool descends_from(const collection *version, const root_entry *entry)
{
    pbase_collection_id id = collection_id(version);
    return entry->is_collection && id.sequence == entry->slot.id.sequence &&
           id.ordinal == entry->slot.id.ordinal &&
           atom_ref_same(collection_base(version), entry->slot.root);
}

static pbase_status add_staged(staged_delta *self, const staged_roots *roots,
                               const staged_root *root, const root_view *view, pbase_error *err)
{
    root_entry entry;
    pbase_buffer buffer;
    pbase_buffer_init(&buffer, self->host->alloc);
    pbase_error ignored;
    pbase_error_init(&ignored);
    pbase_status status = catalog_root(view->context->source, view->collections, root->name, &entry,
                                       &buffer, &ignored);
    bool there = status == PBASE_OK;
    if (!there && status != PBASE_NOT_FOUND) {
        if (err != NULL) {
            *err = ignored;
        }
    } else if (root->version != NULL && there && descends_from(root->version, &entry)) {
        status = add_changed(self, root->version, view, err);
        if (status == PBASE_EXISTS || status == PBASE_LIMIT) {
            pbase_error_note(err, "root '%.*s'", (int)root->name.size,
                             (const char *)root->name.data);
        }
    } else if (root->version != NULL) {
        status = add_created(self, roots, root, err);
    } else if (!root->dropped) {
        pbase_bytes stored = pbase_buffer_view(&root->stored);
        status = add_root_operation(self, root->name, &stored, err);
    } else { /* created and dropped in one transaction: nothing is left to say */
        status = there ? add_root_operation(self, root->name, NULL, err) : PBASE_OK;
    }
    pbase_buffer_fini(&buffer);
    return status;
}

pbase_status staged_delta_build(staged_delta *self, const staged_roots *roots,
                                const root_view *view, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < roots->count && status == PBASE_OK; i++) {
        status = add_staged(self, roots, &roots->items[i], view, err);
    }
    if (status != PBASE_OK || self->root_operations.size == 0) {
        return status;
    }
    commit_group group = {.group = {.id = CATALOG_ROOTS,
                                    .form = GROUP_CHANGE,
                                    .kind = PBASE_COLLECTION_DICT,
                                    .operations = pbase_buffer_view(&self->root_operations)}};
    status = add_group(self, &group, err);
    return status == PBASE_OK
               ? write_set_add_operations(&self->writes, self->database, CATALOG_ROOTS,
                                          group.group.operations, 0, err)
               : status;
}
