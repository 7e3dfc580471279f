/* nest.c - from handles in values to lists of children, and from those to handles again. */
#include "collection/collection_private.h"
#include "collection/tree_cursor.h"

void nest_fini(nest *self)
{
    for (size_t i = 0; i < self->count; i++) {
        collection_close(self->versions[i]);
    }
    pbase_alloc_free(self->alloc, self->children, self->capacity * sizeof *self->children);
    pbase_alloc_free(self->alloc, self->versions, self->capacity * sizeof *self->versions);
    own_children_fini(&self->own);
    nest_init(self, self->alloc);
}

static pbase_status nest_grow(nest *self, pbase_error *err)
{
    size_t old = self->capacity, capacity = old == 0 ? 4 : old * 2;
    stored_child *children = self->alloc->resize(self->alloc, NULL, 0, capacity * sizeof *children);
    collection **versions = self->alloc->resize(self->alloc, NULL, 0, capacity * sizeof(void *));
    if (children == NULL || versions == NULL) {
        pbase_alloc_free(self->alloc, children, capacity * sizeof *children);
        pbase_alloc_free(self->alloc, versions, capacity * sizeof(void *));
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for the children of a value");
    }
    if (old > 0) {
        memcpy(children, self->children, self->count * sizeof *children);
        memcpy(versions, self->versions, self->count * sizeof(void *));
    }
    pbase_alloc_free(self->alloc, self->children, old * sizeof *children);
    pbase_alloc_free(self->alloc, self->versions, old * sizeof(void *));
    self->children = children;
    self->versions = versions;
    self->capacity = capacity;
    return PBASE_OK;
}

/* Takes `version` on success; NULL: the entry's own, unchanged. */
static pbase_status nest_add(nest *self, const stored_child *child, collection *version,
                             pbase_error *err)
{
    if (self->count == PBASE_CHILDREN_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "more than %u child collections in one value",
                          PBASE_CHILDREN_MAX);
    }
    pbase_status status = self->count < self->capacity ? PBASE_OK : nest_grow(self, err);
    if (status == PBASE_OK) {
        self->children[self->count] = *child;
        self->versions[self->count++] = version;
    }
    return status;
}

void nest_hand_over(nest *self, child_versions *into)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->versions[i] != NULL) {
            child_versions_put(into, self->children[i].id, self->versions[i]);
            self->versions[i] = NULL;
        }
    }
}

/* ----------------------------------------------------------------------------- opening ---- */

static pbase_status no_children_here(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_UNSUPPORTED, "no collections can be nested here");
}

pbase_status nest_open(const nest_slot *slot, const stored_child *child, pbase_bytes name,
                       collection **out, pbase_error *err)
{
    const collection_context *context = slot->context;
    const collection *version = child_versions_find(slot->versions, child->id);
    if (version != NULL) {
        return collection_keep_in(version, context, out, err);
    }
    if (context->children == NULL) {
        return no_children_here(err);
    }
    child_found found;
    pbase_status status =
        context->children->vtable->find(context->children, child->id, &found, err);
    if (status == PBASE_OK && found.kind != child->kind) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a stored value takes a %s for a %s",
                            pbase_collection_kind_name(found.kind),
                            pbase_collection_kind_name(child->kind));
    }
    if (status != PBASE_OK) {
        return status;
    }
    collection_options options = {.context = context,
                                  .kind = found.kind,
                                  .id = child->id,
                                  .root = found.root,
                                  .sum = found.sum,
                                  .name = name,
                                  .nests = found.nests};
    return collection_open(&options, out, err);
}

/* ----------------------------------------------------------------------------- placing ---- */

/* True when both ask the same transaction for their children. */
static bool same_transaction(const collection *version, const collection_context *context)
{
    return version->context->children == context->children;
}

/* The version of a child that the slot has, when it is not the committed one. */
static const collection *held_version(const nest_slot *slot, pbase_collection_id id)
{
    return slot->held != NULL ? slot->held : child_versions_find(slot->versions, id);
}

static const collection_context *lasting(const collection_context *context)
{
    return context->lasting != NULL ? context->lasting : context;
}

/* Whether `version` is a later one of what the slot holds as `own`: then its id stays. */
static pbase_status descends(const nest_slot *slot, const stored_child *own,
                             const collection *version, bool *out, pbase_error *err)
{
    const collection *held = held_version(slot, own->id);
    atom_ref base = ATOM_REF_NONE;
    *out = false;
    if (!collection_id_same(held != NULL ? held->id : own->id, version->id) ||
        own->kind != version->kind ||
        (!same_transaction(version, slot->context) &&
         (version->nests || version->id.sequence == 0))) {
        return PBASE_OK; /* another one, or its children are to be found elsewhere */
    }
    if (version->is_old && (held == NULL || held->is_old) &&
        same_transaction(version, slot->context)) {
        *out = true; /* both stand on what the slot held when the transaction began */
        return PBASE_OK;
    }
    pbase_status status = version->is_old ? collection_drain(version, err) : PBASE_OK;
    if (status == PBASE_OK && held != NULL && held->is_old) {
        status = collection_drain(held, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (held != NULL) {
        base = held->base;
    } else {
        child_found found;
        child_source *source = slot->context->children;
        status = source->vtable->find(source, own->id, &found, err);
        if (status != PBASE_OK) {
            return status;
        }
        base = found.root;
    }
    *out = atom_ref_same(base, version->base);
    return PBASE_OK;
}

static pbase_status keep_as(const collection *version, const collection_context *context,
                            uint64_t ordinal, uint32_t depth, collection **out, pbase_error *err);

/* A version of another transaction or snapshot finds its children there: brings one along. */
static pbase_status import_child(const collection *from, const stored_child *child,
                                 collection *into, uint32_t depth, pbase_error *err)
{
    nest_slot there = {.context = from->context, .versions = from->children};
    child_source *source = into->context->children;
    collection *version = NULL, *kept = NULL;
    uint64_t ordinal = 0;
    if (depth == PBASE_NESTING_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "collections nest deeper than %u levels",
                          PBASE_NESTING_MAX);
    }
    pbase_status status =
        nest_open(&there, child, pbase_bytes_of(from->name, from->name_size), &version, err);
    if (status == PBASE_OK) {
        status = source->vtable->create(source, &ordinal, err);
    }
    if (status == PBASE_OK) {
        status = keep_as(version, into->context, ordinal, depth + 1, &kept, err);
    }
    if (status == PBASE_OK) {
        status = child_versions_reserve(&into->children, into->context->alloc, 1, err);
    }
    collection_close(version);
    if (status != PBASE_OK) {
        collection_close(kept);
        return status;
    }
    into->height = kept->height >= into->height ? kept->height + 1 : into->height;
    child_versions_put(into->children, child->id, kept);
    return PBASE_OK;
}

/* Brings all of them along: every value has to be looked at. */
static pbase_status import_children(const collection *from, collection *into, uint32_t depth,
                                    pbase_error *err)
{
    tree_cursor cursor;
    child_versions_drop(into->children);
    into->children = NULL;
    tree_cursor_init(&cursor, &from->tree, into->context->alloc);
    pbase_status status = tree_cursor_first(&cursor, err);
    while (status == PBASE_OK) {
        tree_value value;
        stored_children list;
        stored_child child;
        status = tree_cursor_value(&cursor, &value, err);
        bool more = status == PBASE_OK && stored_children_begin(value.bytes, &list);
        while (status == PBASE_OK && more && stored_children_next(&list, &child)) {
            status = import_child(from, &child, into, depth, err);
        }
        status = status == PBASE_OK ? tree_cursor_next(&cursor, err) : status;
    }
    tree_cursor_fini(&cursor);
    return status == PBASE_END ? PBASE_OK : status;
}

/* The same content under a new id: it will be written out whole. */
static pbase_status keep_as(const collection *version, const collection_context *context,
                            uint64_t ordinal, uint32_t depth, collection **out, pbase_error *err)
{
    bool first = false;
    child_source *source = context->children;
    pbase_status status = source->vtable->place(source, ordinal, &first, err);
    if (status == PBASE_OK) {
        status = collection_keep_in(version, context, out, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    collection *kept = *out;
    kept->id = (pbase_collection_id){0, ordinal};
    kept->copied = true;
    if (version->nests && !same_transaction(version, context)) {
        status = import_children(version, kept, depth, err);
    }
    if (status != PBASE_OK) {
        collection_close(kept);
        *out = NULL;
    }
    return status;
}

/* A version made from nothing in this transaction that is in no slot yet goes there itself. */
static pbase_status place_new(const nest_slot *slot, const collection *version, collection **out,
                              pbase_error *err)
{
    child_source *source = slot->context->children;
    uint64_t ordinal = 0;
    bool first = false;
    pbase_status status = PBASE_OK;
    if (version->id.sequence == 0 && same_transaction(version, slot->context)) {
        status = source->vtable->place(source, version->id.ordinal, &first, err);
    }
    if (status == PBASE_OK && first) {
        return collection_keep_in(version, lasting(slot->context), out, err);
    }
    if (status == PBASE_OK && version->id.sequence != 0) {
        status = collection_read_whole(version, err); /* what becomes of the copy depends on it */
    }
    if (status == PBASE_OK) {
        status = source->vtable->create(source, &ordinal, err);
    }
    return status == PBASE_OK ? keep_as(version, lasting(slot->context), ordinal, 0, out, err)
                              : status;
}

pbase_status nest_place(const nest_slot *slot, const stored_child *own, const collection *version,
                        collection **out, pbase_error *err)
{
    bool same = false;
    child_source *source = slot->context->children;
    if (version->tree.source != slot->context->source) {
        /* its values name codecs by that space's ids */
        return PBASE_FAIL(err, PBASE_INVALID, "the collection is of another space");
    }
    if (source == NULL || source->vtable->create == NULL) {
        return no_children_here(err);
    }
    pbase_status status = own == NULL ? PBASE_OK : descends(slot, own, version, &same, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (!same) { /* its content is asked for as it is now */
        status = collection_drain(version, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    return same ? collection_keep_in(version, lasting(slot->context), out, err)
                : place_new(slot, version, out, err);
}

/* ------------------------------------------------------------------------------ values ---- */

static bool nests_at(const pbase_value *value, unsigned depth)
{
    bool found = value->kind == PBASE_HANDLE || value->kind == PBASE_CHILD ||
                 (value->kind == PBASE_MAP && value->form != 0);
    if (depth == PBASE_DEPTH_MAX) {
        return found; /* what is deeper is refused when it is encoded */
    }
    if (value->kind == PBASE_LIST) {
        for (size_t i = 0; !found && i < value->as.list.count; i++) {
            found = nests_at(&value->as.list.items[i], depth + 1);
        }
    } else if (value->kind == PBASE_MAP) {
        for (size_t i = 0; !found && i < value->as.map.count; i++) {
            found = nests_at(&value->as.map.fields[i].value, depth + 1);
        }
    }
    return found;
}

bool nest_needed(const pbase_value *value)
{
    return nests_at(value, 0);
}

static pbase_collection_id version_in(const void *slot, pbase_collection_id id)
{
    const collection *held = held_version(slot, id);
    return held != NULL ? held->id : id;
}

/* PBASE_CHILD: what the entry has now. */
static pbase_status gather_child(nest *self, const nest_slot *slot, uint64_t n, pbase_value *out,
                                 pbase_error *err)
{
    pbase_status status = own_children_read(&self->own, slot->current, version_in, slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (n >= self->own.count) {
        status = PBASE_FAIL(err, PBASE_INVALID,
                            "the value names child %" PRIu64 ", which its entry does not have", n);
        pbase_error_hint(err, "a child stays in its entry; put a handle to store it elsewhere");
        return status;
    }
    own_child *own = &self->own.items[n];
    if (own->taken == 0) {
        status = nest_add(self, &own->child, NULL, err);
        own->taken = self->count;
    }
    *out = pbase_value_child(status == PBASE_OK ? own->taken - 1 : 0);
    return status;
}

/* PBASE_HANDLE: a collection to be stored here. */
static pbase_status gather_handle(nest *self, const nest_slot *slot, const pbase_value *value,
                                  pbase_value *out, pbase_error *err)
{
    const collection *version = (const collection *)value->as.handle;
    collection *placed = NULL;
    if (version->height + 2 > PBASE_NESTING_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "collections nest deeper than %u levels",
                          PBASE_NESTING_MAX);
    }
    pbase_status status = own_children_read(&self->own, slot->current, version_in, slot, err);
    own_child *own = status == PBASE_OK ? own_children_find(&self->own, version->id) : NULL;
    own = own != NULL && own->taken == 0 ? own : NULL; /* the entry's child of that version */
    if (status == PBASE_OK) {
        status = nest_place(slot, own == NULL ? NULL : &own->child, version, &placed, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    bool same = own != NULL && collection_id_same(placed->id, own->version);
    stored_child child = {.kind = placed->kind, .id = same ? own->child.id : placed->id};
    *out = pbase_value_child(self->count);
    self->height = placed->height >= self->height ? placed->height + 1 : self->height;
    status = nest_add(self, &child, placed, err);
    if (status != PBASE_OK) {
        collection_close(placed);
    } else if (same) {
        own->taken = self->count;
    }
    return status;
}

static pbase_status gather(nest *self, const nest_slot *slot, const pbase_value *value,
                           pbase_arena *arena, pbase_value *out, pbase_error *err);

static pbase_status gather_list(nest *self, const nest_slot *slot, const pbase_value *value,
                                pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    size_t count = value->as.list.count;
    pbase_value *items = pbase_arena_array(arena, count, sizeof *items);
    pbase_status status = PBASE_OK;
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a value with children");
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = gather(self, slot, &value->as.list.items[i], arena, &items[i], err);
    }
    *out = pbase_value_list(items, count);
    return status;
}

static pbase_status gather_map(nest *self, const nest_slot *slot, const pbase_value *value,
                               pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    size_t count = value->as.map.count;
    pbase_field *fields = pbase_arena_array(arena, count, sizeof *fields);
    pbase_status status = PBASE_OK;
    if (value->form != 0) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "a $collection or $object is no value: make it, and put its handle");
    }
    if (fields == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a value with children");
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        fields[i].name = value->as.map.fields[i].name;
        status = gather(self, slot, &value->as.map.fields[i].value, arena, &fields[i].value, err);
    }
    *out = pbase_value_map(fields, count);
    return status;
}

/* The value with numbers of children in the place of handles. Goes only where there are any, so no
 * deeper than nests_at did. */
static pbase_status gather(nest *self, const nest_slot *slot, const pbase_value *value,
                           pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    *out = *value;
    if (!nest_needed(value)) {
        return PBASE_OK;
    }
    switch (value->kind) {
    case PBASE_HANDLE:
        return gather_handle(self, slot, value, out, err);
    case PBASE_CHILD:
        return gather_child(self, slot, value->as.child, out, err);
    case PBASE_LIST:
        return gather_list(self, slot, value, arena, out, err);
    default:
        return gather_map(self, slot, value, arena, out, err);
    }
}

/* The serializer's form without children, then once more with them. */
static pbase_status write_stored(const nest *self, const nest_slot *slot, const pbase_value *value,
                                 pbase_buffer *out, pbase_error *err)
{
    value_coder *coder = slot->context->coder;
    pbase_buffer plain;
    uint64_t head = 0;
    if (value->kind == PBASE_CHILD) { /* the entry is the collection: no serializer is needed */
        return stored_children_write(0, self->children, self->count, pbase_bytes_of(NULL, 0), out,
                                     err);
    }
    pbase_buffer_init(&plain, self->alloc);
    pbase_status status = coder->vtable->encode(coder, value, &plain, err);
    if (status == PBASE_OK) {
        pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&plain));
        (void)pbase_read_varint(&reader, &head); /* the coder has just written it */
        pbase_bytes rest = pbase_bytes_of(reader.at, pbase_reader_bytes_left(&reader));
        status = stored_children_write(head, self->children, self->count, rest, out, err);
    }
    pbase_buffer_fini(&plain);
    if (status == PBASE_OK && out->size > PBASE_VALUE_BYTES_MAX) {
        status = PBASE_FAIL(err, PBASE_LIMIT, "a value of %zu bytes; the limit is %u", out->size,
                            PBASE_VALUE_BYTES_MAX);
    }
    return status;
}

pbase_status nest_encode(nest *self, const nest_slot *slot, const pbase_value *value,
                         pbase_buffer *out, pbase_error *err)
{
    pbase_arena arena;
    pbase_value replaced;
    pbase_arena_init(&arena, self->alloc);
    pbase_status status = gather(self, slot, value, &arena, &replaced, err);
    if (status == PBASE_OK) {
        status = write_stored(self, slot, &replaced, out, err);
    }
    own_children_fini(&self->own);
    if (status != PBASE_OK) {
        nest_fini(self);
    }
    pbase_arena_fini(&arena);
    return status;
}

/* ------------------------------------------------------------------------------ copying ---- */

static pbase_status copy_child(nest *self, const nest_slot *slot, const nest_slot *there,
                               const stored_child *child, pbase_error *err)
{
    collection *version = NULL;
    pbase_value marker;
    pbase_status status = nest_open(there, child, pbase_bytes_of(NULL, 0), &version, err);
    if (status == PBASE_OK) {
        pbase_value handle = pbase_value_handle(collection_any(version));
        status = gather_handle(self, slot, &handle, &marker, err);
    }
    collection_close(version);
    return status;
}

pbase_status nest_copy(nest *self, const nest_slot *slot, const nest_slot *there,
                       pbase_bytes stored, pbase_buffer *out, pbase_error *err)
{
    stored_children list;
    stored_child child;
    (void)stored_children_begin(stored, &list); /* none: `left` says so */
    uint64_t head = list.head;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && stored_children_next(&list, &child)) {
        status = copy_child(self, slot, there, &child, err);
    }
    if (status == PBASE_OK && (list.count == 0 || list.left > 0)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a stored value's list of children is cut");
    }
    if (status == PBASE_OK) {
        pbase_bytes rest = pbase_bytes_of(list.at.at, pbase_reader_bytes_left(&list.at));
        status = stored_children_write(head, self->children, self->count, rest, out, err);
    }
    own_children_fini(&self->own);
    if (status != PBASE_OK) {
        nest_fini(self);
    }
    return status;
}
