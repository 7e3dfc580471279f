/* collection.c - what the handles of all kinds have in common. */
#include "collection/collection_private.h"
#include "collection/key_element.h"
#include "collection/kind.h"
#include "collection/lag.h"

/* ------------------------------------------------------------------------------ life ---------- */

/* What tells one handle in a context from another, but for its name. */
static void describe(collection *self, const collection_options *options, atom_ref root)
{
    const collection_context *context = options->context;
    self->kind = options->kind;
    self->id = options->id;
    self->tree = tree_of(context->source, atom_ref_keep(root), tree_kind_positional(options->kind));
    self->tree.sum = options->sum;
    self->base = atom_ref_keep(options->root);
    self->nests = options->nests;
    self->is_new = options->is_new;
    self->is_old = options->is_old;
    self->is_root = options->is_root;
    atomic_store_explicit(&self->uses, 1, memory_order_relaxed);
}

static collection *collection_create(const collection_options *options, atom_ref root)
{
    const collection_context *context = options->context;
    size_t name_size =
        options->name.size < PBASE_NAME_BYTES_MAX ? options->name.size : PBASE_NAME_BYTES_MAX;
    collection *self = pbase_alloc_zeroed(context->alloc, 1, sizeof *self + name_size + 1);
    if (self == NULL) {
        return NULL;
    }
    self->context = context;
    describe(self, options, root);
    change_log_init(&self->log, context->alloc);
    memory_growth_init(&self->growth, context->source);
    pbase_buffer_init(&self->stored, context->alloc);
    nest_init(&self->placing, context->alloc);
    self->name_size = name_size;
    if (name_size != 0) {
        memcpy(self->name, options->name.data, name_size);
    }
    return self;
}

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a handle");
}

pbase_status collection_open(const collection_options *options, collection **out, pbase_error *err)
{
    collection *self = idle_take(options);
    if (self != NULL) {
        describe(self, options, options->root);
    } else {
        self = collection_create(options, options->root);
    }
    if (self == NULL) {
        return no_memory(err);
    }
    self->is_plain = options->context->idle != NULL;
    self->idle_age = self->is_plain ? options->context->idle->age : 0;
    pbase_status status = PBASE_OK;
    if (options->count != NULL) {
        self->base_count = *options->count;
    } else {
        status = tree_count(&self->tree, &self->base_count, err);
    }
    if (status != PBASE_OK) {
        (void)collection_noted(self, status, err); /* the same status */
        collection_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

pbase_status collection_keep_in(const collection *self, const collection_context *context,
                                collection **out, pbase_error *err)
{
    PBASE_ASSERT(context->source == self->context->source);
    pbase_status status = pending_any(self->waiting) ? collection_drain(self, err) : PBASE_OK;
    if (status != PBASE_OK) {
        return status;
    }
    collection_options options = {.context = context,
                                  .kind = self->kind,
                                  .id = self->id,
                                  .root = self->base,
                                  .sum = self->tree.sum,
                                  .name = pbase_bytes_of(self->name, self->name_size),
                                  .nests = self->nests,
                                  .is_old = self->is_old};
    collection *kept = collection_create(&options, self->tree.root);
    if (kept == NULL) {
        return no_memory(err);
    }
    kept->base_count = self->base_count;
    change_log_keep(&self->log, &kept->log);
    kept->applied = self->applied;
    kept->bulk = self->bulk;
    kept->growth = self->growth;
    kept->foreign = self->foreign;
    kept->children = child_versions_keep(self->children);
    kept->height = self->height;
    kept->copied = self->copied;
    kept->is_new = self->is_new;
    kept->was_asked = true;
    *out = kept;
    return PBASE_OK;
}

pbase_status collection_keep(const collection *self, collection **out, pbase_error *err)
{
    return collection_keep_in(self, self->context, out, err);
}

void collection_close(collection *self)
{
    if (self == NULL ||
        (atomic_load_explicit(&self->uses, memory_order_acquire) != 1 && /* the only holder */
         atomic_fetch_sub_explicit(&self->uses, 1, memory_order_acq_rel) != 1)) {
        return;
    }
    if (self->is_plain && idle_put(self)) {
        return;
    }
    const pbase_alloc *alloc = self->context->alloc;
    tree_fini(&self->tree);
    pending_destroy(self->waiting);
    tree_drop(self->context->source, self->base);
    change_log_fini(&self->log);
    pbase_buffer_fini(&self->stored);
    nest_fini(&self->placing);
    child_versions_drop(self->children);
    pbase_alloc_free(alloc, self, sizeof *self + self->name_size + 1);
}

collection *collection_ref(collection *self)
{
    atomic_fetch_add_explicit(&self->uses, 1, memory_order_relaxed);
    return self;
}

uint8_t collection_kind(const collection *self)
{
    return self->kind;
}

pbase_collection_id collection_id(const collection *self)
{
    return self->id;
}

const tree *collection_tree(const collection *self)
{
    return &self->tree;
}

atom_ref collection_base(const collection *self)
{
    return self->base;
}

uint64_t collection_base_count(const collection *self)
{
    return self->base_count;
}

const change_log *collection_log(const collection *self)
{
    return &self->log;
}

bool collection_is_foreign(const collection *self)
{
    return self->foreign;
}

bool collection_is_bulk(const collection *self)
{
    return self->bulk;
}

void collection_go_bulk(collection *self)
{
    PBASE_ASSERT(self->applied == self->log.size);
    change_log_fini(&self->log);
    self->applied = 0;
    self->bulk = true;
}

pbase_status collection_writable(const collection *self, pbase_error *err)
{
    return collection_edit_check(self, err);
}

const pbase_alloc *collection_alloc(const collection *self)
{
    return self->context->alloc;
}

pbase_status collection_relieve(collection *self, pbase_error *err)
{
    change_budget *budget = self->context->budget;
    pbase_status status = collection_drain(self, err);
    if (status == PBASE_OK && budget != NULL) {
        status = budget->vtable->relieve(budget, &self->tree, err);
    }
    return collection_noted(self, status, err);
}

const child_versions *collection_children(const collection *self)
{
    return self->children;
}

bool collection_nests(const collection *self)
{
    return self->nests;
}

bool collection_copied(const collection *self)
{
    return self->copied;
}

pbase_status collection_child(const collection *self, const stored_child *child, collection **out,
                              pbase_error *err)
{
    nest_slot slot = {.context = self->context, .versions = self->children};
    return nest_open(&slot, child, pbase_bytes_of(self->name, self->name_size), out, err);
}

pbase_status collection_noted(const collection *self, pbase_status status, pbase_error *err)
{
    if (status != PBASE_OK && status != PBASE_END && self->name_size != 0) {
        pbase_error_note(err, "%s '%s'", pbase_collection_kind_name(self->kind), self->name);
    }
    return status;
}

/* ------------------------------------------------------------------------------ values -------- */

pbase_status collection_key(const collection *self, const pbase_value *value, key_scratch *scratch,
                            encoded_key *out, pbase_error *err)
{
    key_scratch_init(scratch, self->context->alloc);
    pbase_status status =
        self->kind == PBASE_COLLECTION_HASH_DICT /* the only kind of KEY_SHAPE_HASHED */
            ? key_encode_hashed(value, scratch, out, err)
            : key_encode(value, scratch, out, err);
    return status == PBASE_OK ? status : collection_noted(self, status, err);
}

pbase_status collection_key_bound(const collection_context *context, uint8_t kind,
                                  const pbase_value *value, bool upper, bool exclusive,
                                  key_scratch *scratch, pbase_bytes *out, pbase_error *err)
{
    encoded_key key;
    key_scratch_init(scratch, context->alloc);
    if (kind_find(kind)->shape == KEY_SHAPE_PAIR) { /* around all records of the key, or none */
        return key_encode_lead(value, upper != exclusive, scratch, out, err);
    }
    pbase_status status = key_encode(value, scratch, &key, err);
    if (status == PBASE_OK) {
        *out = key.bytes;
    }
    return status;
}

static pbase_status not_stored(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_CORRUPT, "an entry holds a tree in the place of a value");
}

/* The stored form in an item: anything but bytes is not an application's. */
static pbase_status item_stored(const tree_item *item, pbase_bytes *out, pbase_error *err)
{
    *out = item->value.bytes;
    return item->value.kind == TREE_VALUE_BYTES ? PBASE_OK : not_stored(err);
}

pbase_status collection_decode(const collection *self, const tree_item *item, pbase_arena *arena,
                               pbase_value *out, pbase_error *err)
{
    value_coder *coder = self->context->coder;
    pbase_bytes stored, copy;
    pbase_status status = item_stored(item, &stored, err);
    if (status == PBASE_OK) {
        status = pbase_arena_copy(arena, stored, &copy, err);
    }
    if (status == PBASE_OK) {
        status = coder->vtable->decode(coder, copy, arena, out, err);
    }
    return collection_noted(self, status, err);
}

pbase_status collection_not_stored(const collection *self, pbase_error *err)
{
    return collection_noted(self, not_stored(err), err);
}

pbase_status value_coder_learn(value_coder *coder, pbase_bytes stored, pbase_bytes *out,
                               pbase_error *err)
{
    pbase_status status = coder->vtable->payload(coder, stored, out, err);
    if (status == PBASE_OK && out->data == stored.data + 1 && stored.data[0] < 128) {
        uint8_t head = stored.data[0];
        atomic_fetch_or_explicit(&coder->plain[head / 64], (uint64_t)1 << (head % 64),
                                 memory_order_relaxed);
    }
    return status;
}

pbase_status collection_child_of(const nest_slot *slot, pbase_bytes stored, uint64_t n,
                                 pbase_bytes name, collection **out, pbase_error *err)
{
    stored_child child;
    return stored_child_at(stored, n, &child)
               ? nest_open(slot, &child, name, out, err)
               : PBASE_FAIL(err, PBASE_NOT_FOUND, "the value has no child collection %" PRIu64, n);
}

pbase_status collection_child_of_item(const collection *self, const tree_item *item, uint64_t n,
                                      collection **out, pbase_error *err)
{
    nest_slot slot = {.context = self->context, .versions = self->children};
    pbase_bytes stored;
    pbase_status status = item_stored(item, &stored, err);
    if (status == PBASE_OK) {
        status = collection_child_of(&slot, stored, n, pbase_bytes_of(self->name, self->name_size),
                                     out, err);
    }
    return collection_noted(self, status, err);
}

/* ------------------------------------------------------------------------------ editing ------- */

pbase_status collection_edit_check(const collection *self, pbase_error *err)
{
    if (!self->context->read_only) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_FAIL(err, PBASE_READ_ONLY, "it was opened for reading");
    pbase_error_hint(err, "edit it in a transaction that is not read-only");
    return collection_noted(self, status, err);
}

/* What the entry holds that an operation is to replace or remove; not found for operations that
 * only add. */
static pbase_status entry_before(const collection *self, const change *operation, tree_item *out,
                                 bool *out_found, pbase_error *err)
{
    *out_found = false;
    pbase_status status = collection_drain(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (change_is_of_key(operation->op)) {
        return tree_get(&self->tree, operation->key.bytes, out, out_found, err);
    }
    switch (operation->op) {
    case CHANGE_LIST_SET:
    case CHANGE_LIST_REMOVE:
        return tree_at(&self->tree, operation->index, out, out_found, err);
    default:
        return PBASE_OK;
    }
}

/* A value with children, in its stored form; those it names are of the entry before. */
static pbase_status encode_nested(collection *self, const change *operation,
                                  const pbase_value *value, pbase_error *err)
{
    tree_item item;
    bool found = false;
    pbase_status status =
        operation == NULL ? PBASE_OK : entry_before(self, operation, &item, &found, err);
    if (status != PBASE_OK) {
        return status;
    }
    nest_slot slot = {.context = self->context,
                      .current = found ? item.value.bytes : pbase_bytes_of(NULL, 0),
                      .versions = self->children};
    status = nest_encode(&self->placing, &slot, value, &self->stored, err);
    if (found) {
        tree_item_release(self->context->source, &item);
    }
    return status;
}

static pbase_status encode_value(collection *self, const change *operation,
                                 const pbase_value *value, pbase_bytes raw, pbase_error *err)
{
    value_coder *coder = self->context->coder;
    pbase_status status;
    self->stored.size = 0;
    nest_clear(&self->placing); /* of an edit that failed */
    if (value == NULL) {
        status = coder->vtable->encode_raw(coder, raw, &self->stored, err);
        if (status == PBASE_OK && self->stored.size == raw.size + 1) {
            self->has_raw_lead = true;
            self->raw_lead = self->stored.data[0];
        }
    } else if (nest_needed(value)) {
        status = encode_nested(self, operation, value, err);
    } else {
        status = coder->vtable->encode(coder, value, &self->stored, err);
    }
    return collection_noted(self, status, err);
}

pbase_status collection_encode(collection *self, const pbase_value *value, pbase_bytes raw,
                               pbase_error *err)
{
    return encode_value(self, NULL, value, raw, err);
}

pbase_status collection_encode_for(collection *self, change *operation, const pbase_value *value,
                                   pbase_bytes raw, pbase_error *err)
{
    pbase_status status = encode_value(self, operation, value, raw, err);
    if (status == PBASE_OK) {
        operation->value = pbase_buffer_view(&self->stored);
    }
    return status;
}

/* Before a change: keeps the log and the memory of the changes within the transaction's bounds. */
static pbase_status collection_bound(collection *self, pbase_error *err)
{
    change_budget *budget = self->context->budget;
    pbase_status status = PBASE_OK;
    if (budget != NULL && !self->bulk && !self->nests && self->log.size >= budget->log_bytes_max) {
        status = collection_drain(self, err);
        if (status == PBASE_OK) {
            collection_go_bulk(self);
        }
    }
    uint64_t most = budget == NULL ? 0 : budget->memory_bytes_max;
    return status == PBASE_OK ? memory_growth_bound(&self->growth, budget, most, &self->tree, err)
                              : status;
}

pbase_status collection_take_value(collection *self, change *operation, const collection *other,
                                   pbase_bytes stored, pbase_error *err)
{
    nest_slot there = {.context = other->context, .versions = other->children};
    tree_item item;
    bool found = false;
    operation->value = stored;
    if (!other->nests || !stored_children_announced(stored)) {
        return PBASE_OK;
    }
    self->stored.size = 0;
    nest_clear(&self->placing);
    pbase_status status = entry_before(self, operation, &item, &found, err);
    if (status != PBASE_OK) {
        return status;
    }
    nest_slot slot = {.context = self->context,
                      .current = found ? item.value.bytes : pbase_bytes_of(NULL, 0),
                      .versions = self->children};
    status = nest_copy(&self->placing, &slot, &there, stored, &self->stored, err);
    if (found) {
        tree_item_release(self->context->source, &item);
    }
    operation->value = pbase_buffer_view(&self->stored);
    return collection_noted(self, status, err);
}

static pbase_status change_now(collection *self, const change *operation, pbase_error *err)
{
    if (lag_takes(self, operation)) {
        return lag_add(self, operation, err);
    }
    pbase_status status = collection_drain(self, err);
    if (status == PBASE_OK && !self->bulk) {
        status = change_log_reserve(&self->log, operation, err);
    }
    if (status == PBASE_OK) {
        status = change_apply(operation, self->kind, &self->tree, err);
    }
    if (status == PBASE_OK && !self->bulk) {
        change_log_append(&self->log, operation);
        self->applied = self->log.size;
    }
    return status;
}

static pbase_status change_plain(collection *self, const change *operation, pbase_error *err)
{
    pbase_status status = collection_bound(self, err);
    if (status == PBASE_OK) {
        status = waiting_takes(self, operation) ? waiting_put(self, operation, err)
                                                : change_now(self, operation, err);
    }
    return status;
}

/* Forgets the versions of children that were in `before` and are not among `staying`. */
static void forget_children(collection *self, pbase_bytes before, const own_children *staying)
{
    stored_children list;
    stored_child old;
    bool more = stored_children_begin(before, &list);
    while (more && stored_children_next(&list, &old)) {
        if (own_children_find(staying, old.id) == NULL) {
            child_versions_remove(self->children, old.id);
        }
    }
}

/* True when the operation puts the value that was encoded last, and that has children. */
static bool places_children(const collection *self, const change *operation)
{
    return self->placing.count > 0 && operation->value.size > 0 &&
           operation->value.data == self->stored.data;
}

/* An edit after which the handle sees other children, or other versions of them. When the stored
 * value stays what it was, only they have changed: the entry is not written. */
static pbase_status change_nested(collection *self, const change *operation, pbase_error *err)
{
    pbase_buffer before;
    own_children staying;
    tree_item item;
    bool found = false;
    pbase_buffer_init(&before, self->context->alloc);
    own_children_init(&staying, self->context->alloc);
    pbase_status status = entry_before(self, operation, &item, &found, err);
    if (status == PBASE_OK && found) { /* the edit may move what the item lends */
        status = pbase_buffer_append_bytes(&before, item.value.bytes, err);
        tree_item_release(self->context->source, &item);
    }
    if (status == PBASE_OK && self->bulk) {
        status = waiting_log_again(self, err);
    }
    bool places = places_children(self, operation);
    if (status == PBASE_OK && (places || self->children != NULL)) {
        status = child_versions_reserve(&self->children, self->context->alloc,
                                        places ? self->placing.count : 0, err);
    }
    bool same = found && operation->value.size > 0 &&
                pbase_bytes_equal(pbase_buffer_view(&before), operation->value);
    if (status == PBASE_OK && self->children != NULL) {
        status = own_children_read(&staying, operation->value, NULL, NULL, err);
    }
    if (status == PBASE_OK && !same) {
        status = change_plain(self, operation, err);
    }
    if (status == PBASE_OK) {
        self->nests = self->nests || places;
        if (self->children != NULL) {
            forget_children(self, pbase_buffer_view(&before), &staying);
        }
    }
    if (status == PBASE_OK && places) {
        self->height = self->placing.height > self->height ? self->placing.height : self->height;
        nest_hand_over(&self->placing, self->children);
    }
    nest_clear(&self->placing);
    own_children_fini(&staying);
    pbase_buffer_fini(&before);
    return status;
}

pbase_status collection_change(collection *self, const change *operation, pbase_error *err)
{
    bool nested = self->nests || places_children(self, operation);
    return collection_noted(
        self, nested ? change_nested(self, operation, err) : change_plain(self, operation, err),
        err);
}

#define PART_LOG_BYTES_MAX 65536u

pbase_status collection_keep_part(const collection *self, const collection_context *context,
                                  collection **out, pbase_error *err)
{
    collection *part = NULL;
    pbase_status status = collection_drain(self, err);
    if (status == PBASE_OK) {
        status = collection_keep_in(self, context, &part, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (part->base == ATOM_REF_NONE && part->log.size > PART_LOG_BYTES_MAX && !part->nests) {
        change_log_fini(&part->log);
        part->applied = 0;
        part->bulk = part->foreign = true;
    }
    *out = part;
    return PBASE_OK;
}

void collection_mark_set(collection *self, collection_mark *out)
{
    out->content = tree_keep(&self->tree);
    change_log_keep(&self->log, &out->log);
    out->applied = self->applied;
    out->bulk = self->bulk;
    self->marked = true;
    out->foreign = self->foreign;
    out->children = child_versions_keep(self->children);
    out->nests = self->nests;
    out->height = self->height;
}

void collection_mark_end(collection *self, collection_mark *mark, pbase_status status)
{
    if (status != PBASE_OK) {
        tree content = self->tree;
        change_log log = self->log;
        self->tree = mark->content;
        self->log = mark->log;
        self->applied = mark->applied;
        self->bulk = mark->bulk;
        self->foreign = mark->foreign;
        mark->content = content;
        mark->log = log;
        child_versions *children = self->children;
        self->children = mark->children;
        mark->children = children;
        self->nests = mark->nests;
        self->height = mark->height;
    }
    self->marked = false;
    tree_fini(&mark->content);
    change_log_fini(&mark->log);
    child_versions_drop(mark->children);
}

pbase_status collection_same_space(const collection *self, const collection *other,
                                   pbase_error *err)
{
    return self->context->source == other->context->source
               ? PBASE_OK
               : collection_noted(
                     self, PBASE_FAIL(err, PBASE_INVALID, "the other one is of another space"),
                     err);
}

/* ------------------------------------------------------------------------------ counting ------ */

pbase_status collection_count(const collection *self, uint64_t *out, pbase_error *err)
{
    pbase_status status = collection_read_whole(self, err);
    if (status == PBASE_OK) {
        status = tree_count(&self->tree, out, err);
    }
    return collection_noted(self, status, err);
}

pbase_status collection_total(const collection *self, uint64_t *out, pbase_error *err)
{
    pbase_status status = collection_read_whole(self, err);
    if (status == PBASE_OK) {
        *out = self->tree.sum;
    }
    return collection_noted(self, status, err);
}

/* One bound of a range, encoded; an empty key is no bound. */
typedef struct {
    key_scratch scratch;
    pbase_bytes key;
    bool exclusive;
} range_bound;

static pbase_status bound_encode(const collection *self, const pbase_value *value, bool upper,
                                 bool exclusive, range_bound *out, pbase_error *err)
{
    key_scratch_init(&out->scratch, self->context->alloc);
    out->key = pbase_bytes_of(NULL, 0);
    out->exclusive = exclusive;
    return value == NULL
               ? PBASE_OK
               : collection_noted(self,
                                  collection_key_bound(self->context, self->kind, value, upper,
                                                       exclusive, &out->scratch, &out->key, err),
                                  err);
}

pbase_status collection_read_range(const collection *self, pbase_bytes from, bool from_exclusive,
                                   pbase_bytes to, bool to_exclusive, pbase_error *err)
{
    read_observer *reads = self->context->reads;
    observed_range range = {from, from_exclusive, false};
    uint64_t number = 0;
    pbase_status status = collection_drain(self, err);
    if (status != PBASE_OK || reads == NULL) {
        return status;
    }
    status = reads->vtable->range_begin(reads, self->id, &range, &number, err);
    return status == PBASE_OK ? reads->vtable->range_extend(reads, number, to, to_exclusive, err)
                              : status;
}

/* Entries before the bound; with `past`, those at it too. */
static pbase_status bound_rank(const collection *self, const range_bound *bound, bool past,
                               uint64_t *out, pbase_error *err)
{
    bool found = false;
    pbase_status status = tree_rank(&self->tree, bound->key, out, &found, err);
    *out += status == PBASE_OK && found && past ? 1u : 0u;
    return status;
}

static pbase_status range_measure(const collection *self, const range_bound *from,
                                  const range_bound *to, uint64_t *out, pbase_error *err)
{
    uint64_t low = 0, high = 0;
    pbase_status status = PBASE_OK;
    if (from->key.size != 0) {
        status = bound_rank(self, from, from->exclusive, &low, err);
    }
    if (status == PBASE_OK) {
        status = to->key.size != 0 ? bound_rank(self, to, !to->exclusive, &high, err)
                                   : tree_count(&self->tree, &high, err);
    }
    if (status == PBASE_OK) {
        *out = high > low ? high - low : 0;
    }
    return status;
}

pbase_status collection_count_range(const collection *self, const pbase_range *range, uint64_t *out,
                                    pbase_error *err)
{
    range_bound from, to;
    pbase_status status = bound_encode(self, range->from, false, range->from_exclusive, &from, err);
    pbase_status to_status = bound_encode(self, range->to, true, range->to_exclusive, &to, err);
    status = status == PBASE_OK ? to_status : status;
    if (status == PBASE_OK) {
        status = collection_read_range(self, from.key, from.exclusive, to.key, to.exclusive, err);
    }
    if (status == PBASE_OK) {
        status = range_measure(self, &from, &to, out, err);
    }
    key_scratch_fini(&from.scratch);
    key_scratch_fini(&to.scratch);
    return status;
}

pbase_status collection_index(const collection *self, int64_t index, int64_t *out_index,
                              uint64_t *out_count, bool *out_inside, pbase_error *err)
{
    uint64_t count = 0;
    pbase_status status = tree_count(&self->tree, &count, err);
    if (status != PBASE_OK) {
        return collection_noted(self, status, err);
    }
    *out_count = count;
    *out_index = index < 0 ? index + (int64_t)count : index;
    *out_inside = *out_index >= 0 && (uint64_t)*out_index < count;
    return index < 0 || !*out_inside ? collection_read_whole(self, err) : PBASE_OK;
}

uint64_t collection_slice_end(int64_t index, uint64_t count)
{
    if (index < 0) {
        index += (int64_t)count;
    }
    return index < 0 ? 0 : (uint64_t)index < count ? (uint64_t)index : count;
}
