/* staged_delta.c - from staged roots to the groups of a delta record.
 *
 * A version that descends from the collection its slot already holds becomes the operations since
 * then. Any other version becomes a new collection: the operations that built it when it was made
 * in this transaction, else its content written out, with that of its children. Operations that are
 * too many for the record are left out: the record names the tree they led to (adopt.h). A slot is a
 * root or an entry; the root itself is one operation on the dictionary of roots. */
#include "txn/staged.h"

#include "collection/kind.h"
#include "collection/tree_cursor.h"
#include "txn/index_view.h"
#include "txn/write_set.h"

/* Operations that go into one record; past it whole trees are adopted. A record holds at most
 * PBASE_RECORD_BYTES_MAX, the operations on roots among them. */
#define DELTA_OPERATIONS_MAX (PBASE_RECORD_BYTES_MAX / 4)

void staged_delta_init(staged_delta *self, const pbase_host *host, txn_budget *budget,
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

#define OBJECTS_FEATURE 2u /* the level that knows system collections beside the roots */

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
    need_level(self, collection_nests(version) ? CATALOG_NESTS_FEATURE : 1);
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

/* ----------------------------------------------------------------------------- collections ---- */

/* What is under way: collections nest, and so does the work on them. */
typedef struct {
    staged_delta *delta;
    const collection_context *context; /* of the transaction */
    const root_view *view;
} build;

static pbase_status too_deep(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_LIMIT, "collections nest deeper than %u levels",
                      PBASE_NESTING_MAX);
}

static pbase_status too_large(pbase_error *err)
{
    pbase_status status = PBASE_FAIL(
        err, PBASE_LIMIT, "the changes of a collection that holds others take more than %u bytes",
        DELTA_OPERATIONS_MAX);
    pbase_error_hint(err, "store it in parts");
    return status;
}

static pbase_status add_copy(const build *self, const collection *version, pbase_collection_id id,
                             uint32_t level, pbase_error *err);

/* A child of a copied value becomes a copy of its own, under an id of its own. */
static pbase_status copy_child(const build *self, const collection *from, stored_child *child,
                               uint32_t level, pbase_error *err)
{
    child_source *source = self->context->children;
    read_observer *reads = self->context->reads;
    collection *version = NULL;
    uint64_t ordinal = 0;
    pbase_status status = collection_child(from, child, &version, err);
    if (status == PBASE_OK && reads != NULL && collection_id(version).sequence != 0) {
        status = reads->vtable->whole_read(reads, collection_id(version), err);
    }
    if (status == PBASE_OK) {
        status = source->vtable->create(source, &ordinal, err);
    }
    if (status == PBASE_OK) {
        child->id = (pbase_collection_id){0, ordinal};
        status = add_copy(self, version, child->id, level, err);
    }
    collection_close(version);
    return status;
}

/* A value of `from` as it stands in a copy of it: its children are copied too. */
static pbase_status copy_value(const build *self, const collection *from, pbase_bytes stored,
                               uint32_t level, pbase_buffer *out, pbase_error *err)
{
    stored_children list;
    if (!stored_children_begin(stored, &list)) {
        return pbase_buffer_append_bytes(out, stored, err);
    }
    const pbase_alloc *alloc = self->delta->host->alloc;
    size_t count = (size_t)list.count, done = 0;
    uint64_t head = list.head;
    stored_child *children = pbase_alloc_zeroed(alloc, count, sizeof *children);
    if (children == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to copy a collection");
    }
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && stored_children_next(&list, &children[done])) {
        status = copy_child(self, from, &children[done++], level, err);
    }
    if (status == PBASE_OK && done < count) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a stored value's list of children is cut");
    }
    if (status == PBASE_OK) {
        pbase_bytes rest = pbase_bytes_of(list.at.at, pbase_reader_bytes_left(&list.at));
        status = stored_children_write(head, children, count, rest, out, err);
    }
    pbase_alloc_free(alloc, children, count * sizeof *children);
    return status;
}

/* The entry under the cursor as an operation. */
static pbase_status write_entry(const build *self, const collection *from, tree_cursor *cursor,
                                uint32_t level, pbase_buffer *out, pbase_error *err)
{
    uint8_t kind = collection_kind(from);
    change operation = {.op = CHANGE_PUT};
    encoded_key key = {{NULL, 0}, {NULL, 0}};
    tree_value entry;
    pbase_buffer value;
    pbase_buffer_init(&value, self->delta->host->alloc);
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
    if (status == PBASE_OK && kind_has_values(kind) && stored_children_announced(entry.bytes)) {
        status = copy_value(self, from, entry.bytes, level + 1, &value, err);
        operation.value = pbase_buffer_view(&value);
    }
    status = status == PBASE_OK ? change_write(&operation, out, err) : status;
    pbase_buffer_fini(&value);
    return status;
}

/* The content of a version as the operations that build it from nothing. LIMIT, without a message:
 * they take more than `size_max`. */
static pbase_status write_content(const build *self, const collection *version, uint32_t level,
                                  size_t size_max, pbase_buffer *out, pbase_error *err)
{
    tree_cursor cursor;
    tree_cursor_init(&cursor, collection_tree(version), out->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        status = write_entry(self, version, &cursor, level, out, err);
        if (status == PBASE_OK && out->size > size_max) {
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
 * is short, or when it names collections that only the record gives their ids; else as atoms written
 * before it. */
static pbase_status take_content(const build *self, const collection *version, uint32_t level,
                                 commit_group *group, pbase_error *err)
{
    staged_delta *delta = self->delta;
    bool nests = collection_nests(version);
    size_t size_max = nests ? DELTA_OPERATIONS_MAX : PBASE_ADOPT_INLINE_BYTES;
    pbase_buffer buffer;
    pbase_buffer_init(&buffer, delta->host->alloc);
    pbase_status status = write_content(self, version, level, size_max, &buffer, err);
    if (status == PBASE_LIMIT && buffer.size > size_max && nests) {
        status = too_large(err);
    } else if (status == PBASE_LIMIT && buffer.size > size_max) {
        buffer.size = 0;
        group->group.form = GROUP_ADOPT;
        need_level(delta, ADOPT_FEATURE);
        status = adopt_copy(delta->budget, version, &buffer, err);
    }
    if (status == PBASE_OK) {
        status = pbase_arena_copy(&delta->arena, pbase_buffer_view(&buffer),
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
    group->shortcut.present = group->can_wait = false;
    need_level(self, ADOPT_FEATURE);
    pbase_status status = collection_drain(version, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = collection_is_foreign(version) ? adopt_copy(self->budget, version, &buffer, err)
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

/* A new collection of the content of another slot's. */
static pbase_status add_copy(const build *self, const collection *version, pbase_collection_id id,
                             uint32_t level, pbase_error *err)
{
    commit_group group = {
        .group = {.id = id, .form = GROUP_CREATE, .kind = collection_kind(version)}};
    pbase_status status = PBASE_OK;
    if (level > PBASE_NESTING_MAX) {
        return too_deep(err);
    }
    status = collection_drain(version, err);
    if (status != PBASE_OK) {
        return status;
    }
    bool log_is_content = collection_base(version) == ATOM_REF_NONE && !collection_nests(version) &&
                          !outgrows_record(self->delta, version);
    need_feature(self->delta, version);
    if (log_is_content) {
        group.group.operations = change_log_view(collection_log(version));
    } else {
        status = take_content(self, version, level, &group, err);
    }
    return status == PBASE_OK ? add_group(self->delta, &group, err) : status;
}

static pbase_status add_version(const build *self, const collection *version, uint32_t level,
                                pbase_error *err);

static pbase_status add_children(const build *self, const child_versions *children, uint32_t level,
                                 pbase_error *err)
{
    pbase_collection_id id;
    size_t at = 0;
    pbase_status status = PBASE_OK;
    const collection *child = child_versions_next(children, &at, &id);
    for (; child != NULL && status == PBASE_OK; child = child_versions_next(children, &at, &id)) {
        PBASE_ASSERT(collection_id_same(id, collection_id(child)));
        status = add_version(self, child, level, err);
    }
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

/* The tree of a version stands for its operations, unless some of them are not in it. */
static void take_shortcut(const collection *version, commit_group *group)
{
    group->can_wait = collection_lags(version);
    group->shortcut.base_root = collection_base(version);
    group->shortcut.result_root = collection_tree(version)->root;
    group->shortcut.result_sum = collection_tree(version)->sum;
    group->shortcut.present = !collection_nests(version) && !collection_lags(version);
}

/* Indexes need to know what the operations lead to, and what they begin from. */
static pbase_status look_at(staged_delta *self, const collection *version, const root_view *view,
                            commit_group *group, struct delta_indexes **out, pbase_error *err)
{
    pbase_status status = collection_drain(version, err);
    if (status == PBASE_OK) {
        status = indexes_load(self, version, view, out, err);
    }
    if (status == PBASE_OK) {
        take_shortcut(version, group);
    }
    return status;
}

/* What the change makes of the collection's indexes: entries that are written, and the trees they
 * lead to. */
static pbase_status add_indexes(staged_delta *self, const collection *version,
                                const root_view *view, commit_group *group, pbase_error *err)
{
    struct delta_indexes *indexes = NULL;
    bool any = true;
    pbase_status status = root_view_has_indexes(view, &any, err);
    if (status != PBASE_OK || !any) {
        return status;
    }
    status = indexes_load(self, version, view, &indexes, err);
    if (status == PBASE_OK && indexes->view.count > 0 && group->can_wait) {
        status = look_at(self, version, view, group, &indexes, err);
    }
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

static pbase_status add_writes(staged_delta *self, const collection *version, bool whole,
                               pbase_error *err)
{
    pbase_collection_id id = collection_id(version);
    return whole ? write_set_add_whole(&self->writes, self->database, id, err)
                 : write_set_add_operations(&self->writes, self->database, id,
                                            change_log_view(collection_log(version)),
                                            collection_base_count(version), err);
}

/* What a slot holds, after everything that was put into it. Operations on a collection that nests are
 * always applied: what they replace has children to be dropped, what they put names new ones.
 * Children come before those who hold them in the record, so that one of them that is not held after all is dropped with the rest. */
static pbase_status add_version(const build *self, const collection *version, uint32_t level,
                                pbase_error *err)
{
    pbase_collection_id id = collection_id(version);
    bool is_new = id.sequence == 0 && !catalog_is_system(id);
    if (level > PBASE_NESTING_MAX) {
        return too_deep(err);
    }
    if (collection_copied(version)) {
        return add_copy(self, version, id, level, err);
    }
    pbase_status status = add_children(self, collection_children(version), level + 1, err);
    pbase_bytes operations = change_log_view(collection_log(version));
    bool whole = outgrows_record(self->delta, version);
    if (status != PBASE_OK || (!is_new && !whole && operations.size == 0)) {
        return status;
    }
    if (whole && collection_nests(version)) {
        return too_large(err);
    }
    if (is_new || catalog_is_system(id)) { /* these never wait: done here, not by the leader */
        status = collection_drain(version, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    need_feature(self->delta, version);
    commit_group group = {.group = {.id = id,
                                    .form = is_new ? GROUP_CREATE : GROUP_CHANGE,
                                    .kind = collection_kind(version),
                                    .operations = operations}};
    take_shortcut(version, &group);
    if (whole) {
        status = take_tree(self->delta, version, &group, err);
    } else if (group.can_wait) {
        status = collection_probe(version, err);
    }
    if (status == PBASE_OK && !is_new) {
        status = add_indexes(self->delta, version, self->view, &group, err);
    }
    if (status == PBASE_OK) {
        status = add_group(self->delta, &group, err);
    }
    return status == PBASE_OK && !is_new ? add_writes(self->delta, version, whole, err) : status;
}

/* ----------------------------------------------------------------------------------- roots ---- */

/* The root gets a collection it did not have. */
static pbase_status add_root_version(const build *self, const staged_root *root, pbase_error *err)
{
    stored_child child = {.kind = collection_kind(root->version),
                          .id = collection_id(root->version)};
    pbase_buffer stored;
    pbase_buffer_init(&stored, self->delta->host->alloc);
    pbase_status status =
        stored_children_write(0, &child, 1, pbase_bytes_of(NULL, 0), &stored, err);
    if (status == PBASE_OK) {
        pbase_bytes bytes = pbase_buffer_view(&stored);
        status = add_root_operation(self->delta, root->name, &bytes, err);
    }
    pbase_buffer_fini(&stored);
    return status;
}

static pbase_status add_staged(const build *self, const staged_root *root, const root_entry *before,
                               pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (root->dropped) { /* created and dropped in one transaction: nothing is left to say */
        return before != NULL ? add_root_operation(self->delta, root->name, NULL, err) : PBASE_OK;
    }
    if (root->version != NULL) {
        status = add_version(self, root->version, 1, err);
        if (status == PBASE_EXISTS || status == PBASE_LIMIT) {
            pbase_error_note(err, "root '%.*s'", (int)root->name.size,
                             (const char *)root->name.data);
        }
        bool same = before != NULL && before->is_collection &&
                    collection_id_same(before->slot.id, collection_id(root->version));
        return status == PBASE_OK && !same ? add_root_version(self, root, err) : status;
    }
    pbase_bytes stored = pbase_buffer_view(&root->stored);
    bool same = stored_children_announced(stored) && before != NULL &&
                pbase_bytes_equal(before->stored, stored);
    need_level(self->delta, stored_children_announced(stored) ? CATALOG_NESTS_FEATURE : 1);
    status = add_children(self, root->children, 1, err);
    return status == PBASE_OK && !same ? add_root_operation(self->delta, root->name, &stored, err)
                                       : status;
}

static pbase_status add_root(const build *self, const staged_root *root, const root_view *view,
                             pbase_error *err)
{
    if (!staged_is_root(root)) {
        need_level(self->delta, OBJECTS_FEATURE);
        return add_version(self, root->version, 1, err);
    }
    root_entry entry;
    pbase_buffer buffer;
    pbase_error why;
    pbase_buffer_init(&buffer, self->delta->host->alloc);
    pbase_error_init(&why);
    pbase_status status = root_view_entry(view, root->name, &entry, &buffer, &why);
    if (status == PBASE_OK || status == PBASE_NOT_FOUND) {
        status = add_staged(self, root, status == PBASE_OK ? &entry : NULL, err);
    } else if (err != NULL) {
        *err = why;
    }
    pbase_buffer_fini(&buffer);
    return status;
}

pbase_status staged_delta_build(staged_delta *self, const staged_roots *roots,
                                const root_view *view, pbase_error *err)
{
    build work = {.delta = self, .context = view->context, .view = view};
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < roots->count && status == PBASE_OK; i++) {
        status = add_root(&work, &roots->items[i], view, err);
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
