/* cursor.c - cursors over collections of every kind: a tree cursor with bounds, that tells the
 * read observer exactly what it has passed. */
#include "collection/collection_private.h"
#include "collection/key_element.h"
#include "collection/kind.h"
#include "collection/tree_cursor.h"

/* Where a cursor stands. */
enum {
    CURSOR_BEFORE,
    CURSOR_AT_ENTRY,
    CURSOR_ENDING, /* nothing is left, which the observer has not been told yet */
    CURSOR_ENDED
};

/* A bound that the cursor owns; of a list, an index as a key. Short ones lie in place. */
#define BOUND_BYTES 48u
typedef struct {
    size_t size; /* of the key; 0: no bound */
    bool exclusive;
    pbase_buffer large; /* the key, when it does not fit below */
    uint8_t small[BOUND_BYTES];
} cursor_bound;

struct pbase_cursor {
    const collection_context *context;
    uint8_t kind;
    pbase_collection_id id;
    child_versions *children; /* of the version it keeps; one count is ours */
    bool reverse;
    bool observed;        /* `range` has been begun */
    uint64_t range;       /* the observer's name of it */
    uint64_t index;       /* lists: of the entry */
    uint64_t first, past; /* lists: the slice */
    uint8_t state;        /* CURSOR_* */
    bool moved;           /* onto an entry that the observer has not been told of yet */
    bool has_values;      /* of its kind */
    uint32_t ahead;       /* entries in the leaf that next moves to without looking at anything */
    cursor_bound start;   /* where the next seek goes, in its direction */
    cursor_bound origin;  /* where the range begins, in its direction: what a seek cannot pass */
    cursor_bound end;     /* where it ends */
    pbase_arena arena;    /* what is decoded of the entry */
    tree_cursor at;
};

/* ------------------------------------------------------------------------------- life --------- */

static void bound_init(cursor_bound *bound, const pbase_alloc *alloc)
{
    pbase_buffer_init(&bound->large, alloc);
    bound->size = 0;
    bound->exclusive = false;
}

static pbase_status bound_set(cursor_bound *bound, pbase_bytes key, bool exclusive,
                              pbase_error *err)
{
    uint8_t *to = bound->small;
    if (key.size > BOUND_BYTES) {
        pbase_status status = pbase_buffer_reserve(&bound->large, key.size, err);
        if (status != PBASE_OK) {
            return status;
        }
        to = bound->large.data;
    }
    if (key.size > 0) {
        memcpy(to, key.data, key.size);
    }
    bound->size = key.size;
    bound->exclusive = exclusive;
    return PBASE_OK;
}

static pbase_bytes bound_key(const cursor_bound *bound)
{
    return pbase_bytes_of(bound->size > BOUND_BYTES ? bound->large.data : bound->small,
                          bound->size);
}

static pbase_status cursor_create(const collection *from, pbase_cursor **out, pbase_error *err)
{
    const pbase_alloc *alloc = from->context->alloc;
    pbase_status status = collection_drain(from, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_cursor *self = pbase_alloc_new(alloc, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a cursor");
    }
    memset(self, 0,
           offsetof(pbase_cursor, start)); /* what follows is long, and has its own inits */
    self->context = from->context;
    self->kind = from->kind;
    self->id = from->id;
    self->children = child_versions_keep(from->children);
    self->state = CURSOR_BEFORE;
    self->has_values = kind_has_values(from->kind);
    bound_init(&self->start, alloc);
    bound_init(&self->origin, alloc);
    bound_init(&self->end, alloc);
    pbase_arena_init(&self->arena, alloc);
    tree_cursor_init(&self->at, &from->tree, alloc);
    *out = self;
    return PBASE_OK;
}

void pbase_cursor_close(pbase_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    tree_cursor_fini(&cursor->at);
    child_versions_drop(cursor->children);
    pbase_arena_fini(&cursor->arena);
    pbase_buffer_fini(&cursor->start.large);
    pbase_buffer_fini(&cursor->origin.large);
    pbase_buffer_fini(&cursor->end.large);
    pbase_alloc_free(cursor->context->alloc, cursor, sizeof *cursor);
}

static pbase_status bound_set_value(const collection *from, cursor_bound *bound,
                                    const pbase_value *value, bool upper, bool exclusive,
                                    pbase_error *err)
{
    key_scratch scratch;
    pbase_bytes key;
    if (value == NULL) {
        return PBASE_OK;
    }
    pbase_status status = collection_key_bound(from->context, from->kind, value, upper, exclusive,
                                               &scratch, &key, err);
    if (status == PBASE_OK) {
        status = bound_set(bound, key, exclusive, err);
    }
    key_scratch_fini(&scratch);
    return collection_noted(from, status, err);
}

/* The next `next` begins where the range does. */
static pbase_status cursor_rewind(pbase_cursor *self, pbase_error *err)
{
    return bound_set(&self->start, bound_key(&self->origin), self->origin.exclusive, err);
}

pbase_status cursor_open_range(const collection *from, const pbase_range *range, pbase_cursor **out,
                               pbase_error *err)
{
    static const pbase_range everything = {.struct_size = sizeof everything};
    const pbase_range *asked = range == NULL ? &everything : range;
    pbase_cursor *self = NULL;
    pbase_status status = cursor_create(from, &self, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->reverse = asked->reverse;
    status = bound_set_value(from, self->reverse ? &self->end : &self->origin, asked->from, false,
                             asked->from_exclusive, err);
    if (status == PBASE_OK) {
        status = bound_set_value(from, self->reverse ? &self->origin : &self->end, asked->to, true,
                                 asked->to_exclusive, err);
    }
    if (status == PBASE_OK) {
        status = cursor_rewind(self, err);
    }
    if (status != PBASE_OK) {
        pbase_cursor_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

static pbase_status bound_set_index(cursor_bound *bound, uint64_t index, pbase_error *err)
{
    uint8_t bytes[KEY_INDEX_BYTES];
    return bound_set(bound, key_of_index(index, bytes), false, err);
}

/* The slice as bounds for the observer: an end that is the list's own end is no bound. */
static pbase_status slice_bounds(pbase_cursor *self, uint64_t count, pbase_error *err)
{
    bool to_the_end = self->past == count;
    cursor_bound *low = self->reverse ? &self->end : &self->origin;
    cursor_bound *high = self->reverse ? &self->origin : &self->end;
    pbase_status status = self->first == 0 ? PBASE_OK : bound_set_index(low, self->first, err);
    if (status == PBASE_OK && !to_the_end) {
        status = bound_set_index(high, self->past, err);
        high->exclusive = true;
    }
    return status == PBASE_OK ? cursor_rewind(self, err) : status;
}

pbase_status cursor_open_slice(const collection *from, const pbase_slice *slice, pbase_cursor **out,
                               pbase_error *err)
{
    static const pbase_slice everything = {.struct_size = sizeof everything, .to = INT64_MAX};
    const pbase_slice *asked = slice == NULL ? &everything : slice;
    pbase_cursor *self = NULL;
    uint64_t count = 0;
    pbase_status status = tree_count(&from->tree, &count, err);
    if (status == PBASE_OK && (asked->from < 0 || asked->to < 0)) {
        status = collection_read_whole(from, err);
    }
    if (status == PBASE_OK) {
        status = cursor_create(from, &self, err);
    }
    if (status != PBASE_OK) {
        return collection_noted(from, status, err);
    }
    self->reverse = asked->reverse;
    self->first = collection_slice_end(asked->from, count);
    self->past = collection_slice_end(asked->to, count);
    self->past = self->past < self->first ? self->first : self->past;
    status = slice_bounds(self, count, err);
    if (status != PBASE_OK) {
        pbase_cursor_close(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------ observing ----- */

static pbase_status observe_begin(pbase_cursor *self, pbase_error *err)
{
    read_observer *reads = self->context->reads;
    if (reads == NULL || self->observed) {
        return PBASE_OK;
    }
    observed_range range = {bound_key(&self->start), self->start.exclusive, self->reverse};
    pbase_status status = reads->vtable->range_begin(reads, self->id, &range, &self->range, err);
    self->observed = status == PBASE_OK;
    return status;
}

static pbase_status observe_to(pbase_cursor *self, pbase_bytes edge, bool exclusive,
                               pbase_error *err)
{
    read_observer *reads = self->context->reads;
    return reads == NULL ? PBASE_OK
                         : reads->vtable->range_extend(reads, self->range, edge, exclusive, err);
}

static pbase_status observe_entry(pbase_cursor *self, pbase_error *err)
{
    uint8_t bytes[KEY_INDEX_BYTES];
    encoded_key key;
    if (self->context->reads == NULL) {
        return PBASE_OK;
    }
    if (self->kind == PBASE_COLLECTION_LIST) {
        return observe_to(self, key_of_index(self->index, bytes), false, err);
    }
    pbase_status status = tree_cursor_key(&self->at, &key, err);
    return status == PBASE_OK ? observe_to(self, key.bytes, false, err) : status;
}

/* ------------------------------------------------------------------------------- moving ------- */

static pbase_status move_to_start(pbase_cursor *self, pbase_error *err)
{
    pbase_bytes key = bound_key(&self->start);
    if (self->kind == PBASE_COLLECTION_LIST) {
        if (self->first == self->past) {
            return PBASE_END;
        }
        self->index = self->reverse ? self->past - 1 : self->first;
        return tree_cursor_seek_index(&self->at, self->index, err);
    }
    if (key.size == 0) {
        return self->reverse ? tree_cursor_last(&self->at, err) : tree_cursor_first(&self->at, err);
    }
    return self->reverse ? tree_cursor_seek_back(&self->at, key, self->start.exclusive, err)
                         : tree_cursor_seek(&self->at, key, self->start.exclusive, err);
}

static pbase_status move_on(pbase_cursor *self, pbase_error *err)
{
    if (self->kind == PBASE_COLLECTION_LIST) {
        if (self->index == (self->reverse ? self->first : self->past - 1)) {
            return PBASE_END;
        }
    }
    pbase_status status =
        self->reverse ? tree_cursor_prev(&self->at, err) : tree_cursor_next(&self->at, err);
    if (status == PBASE_OK) {
        self->index = self->reverse ? self->index - 1 : self->index + 1;
    }
    return status;
}

/* True when the tree cursor stands on an entry past the range's end. */
static bool is_past_end(const pbase_cursor *self)
{
    pbase_bytes key = bound_key(&self->end);
    if (self->kind == PBASE_COLLECTION_LIST || key.size == 0) {
        return false;
    }
    int order = tree_cursor_compare(&self->at, key);
    order = self->reverse ? -order : order;
    return order > 0 || (order == 0 && self->end.exclusive);
}

/* Nothing is left: everything up to the range's end has been read. */
static pbase_status cursor_end(pbase_cursor *self, pbase_error *err)
{
    self->state = CURSOR_ENDING;
    pbase_status status = observe_to(self, bound_key(&self->end), self->end.exclusive, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->state = CURSOR_ENDED;
    return PBASE_END;
}

/* Standing on an entry from which it has gone on before: how far that is as easy as in step_on. Where
 * somebody listens each entry is told. */
static uint32_t look_ahead(const pbase_cursor *self)
{
    if (self->context->reads != NULL) {
        return 0;
    }
    uint32_t ahead = tree_cursor_ahead(&self->at, !self->reverse,
                                       self->kind == PBASE_COLLECTION_LIST ? pbase_bytes_of(NULL, 0)
                                                                           : bound_key(&self->end),
                                       self->end.exclusive);
    if (self->kind == PBASE_COLLECTION_LIST) {
        uint64_t left = self->reverse ? self->index - self->first : self->past - 1 - self->index;
        ahead = left < ahead ? (uint32_t)left : ahead;
    }
    return ahead;
}

/* To the next entry of the leaf, which look_ahead found to be in the range. */
static void step_on(pbase_cursor *self)
{
    self->ahead--;
    self->index = self->reverse ? self->index - 1 : self->index + 1;
    tree_cursor_step_on(&self->at, !self->reverse);
    if (self->arena.block != NULL) {
        pbase_arena_reset(&self->arena);
    }
}

/* Out of the way of step_on, whose registers it would have saved. */
__attribute__((noinline)) static pbase_status next_slowly(pbase_cursor *cursor, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    bool goes_on = cursor->state == CURSOR_AT_ENTRY;
    if (cursor->state == CURSOR_ENDED) {
        return PBASE_END;
    }
    if (cursor->state == CURSOR_ENDING) {
        return cursor_end(cursor, err);
    }
    if (!cursor->moved) {
        status = observe_begin(cursor, err);
        if (status == PBASE_OK) {
            status =
                cursor->state == CURSOR_BEFORE ? move_to_start(cursor, err) : move_on(cursor, err);
        }
    }
    if (status == PBASE_END || (status == PBASE_OK && is_past_end(cursor))) {
        cursor->moved = false;
        return cursor_end(cursor, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    cursor->moved = true;
    status = observe_entry(cursor, err);
    if (status == PBASE_OK) {
        cursor->moved = false;
        cursor->state = CURSOR_AT_ENTRY;
        cursor->ahead = goes_on ? look_ahead(cursor) : 0;
        pbase_arena_reset(&cursor->arena);
    }
    return status;
}

pbase_status pbase_cursor_next(pbase_cursor *cursor, pbase_error *err)
{
    if (cursor->ahead > 0) {
        step_on(cursor);
        return PBASE_OK;
    }
    return next_slowly(cursor, err);
}

/* True when `key` lies before where the range begins, in the cursor's direction. */
static bool is_before_origin(const pbase_cursor *self, pbase_bytes key)
{
    pbase_bytes origin = bound_key(&self->origin);
    if (origin.size == 0) {
        return false;
    }
    int order = pbase_bytes_compare(key, origin);
    order = self->reverse ? -order : order;
    return order < 0 || (order == 0 && self->origin.exclusive);
}

pbase_status pbase_cursor_seek(pbase_cursor *cursor, const pbase_value *key, pbase_error *err)
{
    key_scratch scratch;
    pbase_bytes bytes;
    if (cursor->kind == PBASE_COLLECTION_LIST || cursor->kind == PBASE_COLLECTION_HASH_DICT) {
        return PBASE_FAIL(err, PBASE_INVALID, "a cursor over a %s has no order of keys to seek in",
                          pbase_collection_kind_name(cursor->kind));
    }
    pbase_status status = collection_key_bound(cursor->context, cursor->kind, key, cursor->reverse,
                                               false, &scratch, &bytes, err);
    if (status == PBASE_OK) {
        status = is_before_origin(cursor, bytes) ? cursor_rewind(cursor, err)
                                                 : bound_set(&cursor->start, bytes, false, err);
    }
    key_scratch_fini(&scratch);
    if (status == PBASE_OK) {
        cursor->state = CURSOR_BEFORE;
        cursor->moved = false;
        cursor->ahead = 0;
        cursor->observed = false; /* a range of its own */
    }
    return status;
}

/* ------------------------------------------------------------------------------- lending ------ */

static pbase_status cursor_check(const pbase_cursor *self, pbase_error *err)
{
    return self->state == CURSOR_AT_ENTRY && !self->moved
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_INVALID, "the cursor does not stand on an entry");
}

/* The parts of an entry's key; only a multi-dictionary's has a record. */
static pbase_status decode_key(pbase_cursor *self, const encoded_key *key, pbase_value *out,
                               pbase_value *out_record, pbase_error *err)
{
    switch (kind_find(self->kind)->shape) {
    case KEY_SHAPE_HASHED:
        return key_decode_hashed(key, &self->arena, out, err);
    case KEY_SHAPE_PAIR:
        return key_decode_pair(key, &self->arena, out, out_record, err);
    case KEY_SHAPE_PLAIN:
    default:
        return key_decode(key, &self->arena, out, err);
    }
}

pbase_status pbase_cursor_key(pbase_cursor *cursor, pbase_value *out, pbase_error *err)
{
    encoded_key key;
    pbase_status status = cursor_check(cursor, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (cursor->kind == PBASE_COLLECTION_LIST) {
        *out = pbase_value_int((int64_t)cursor->index);
        return PBASE_OK;
    }
    pbase_value unused;
    status = tree_cursor_key(&cursor->at, &key, err);
    return status == PBASE_OK ? decode_key(cursor, &key, out, &unused, err) : status;
}

/* On an entry whose stored value lies in the leaf: as most do. */
static inline bool stands_on_plain(const pbase_cursor *self, pbase_bytes *out)
{
    return self->state == CURSOR_AT_ENTRY && !self->moved && self->has_values &&
           tree_cursor_inline(&self->at, out);
}

pbase_status cursor_stored(pbase_cursor *self, pbase_bytes *out, pbase_error *err)
{
    tree_value value;
    if (stands_on_plain(self, out)) {
        return PBASE_OK;
    }
    pbase_status status = cursor_check(self, err);
    if (status == PBASE_OK && !self->has_values) {
        status = PBASE_FAIL(err, PBASE_INVALID, "the entries of a %s have no stored values",
                            pbase_collection_kind_name(self->kind));
    }
    if (status == PBASE_OK) {
        status = tree_cursor_value(&self->at, &value, err);
    }
    if (status == PBASE_OK && value.kind != TREE_VALUE_BYTES) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "an entry holds a tree in the place of a value");
    }
    if (status == PBASE_OK) {
        *out = value.bytes;
    }
    return status;
}

/* The record of a multi-dictionary lies in the key. */
static pbase_status cursor_record(pbase_cursor *self, pbase_value *out, pbase_error *err)
{
    encoded_key encoded;
    pbase_value key;
    pbase_status status = cursor_check(self, err);
    if (status == PBASE_OK) {
        status = tree_cursor_key(&self->at, &encoded, err);
    }
    return status == PBASE_OK ? decode_key(self, &encoded, &key, out, err) : status;
}

pbase_status pbase_cursor_value(pbase_cursor *cursor, pbase_value *out, pbase_error *err)
{
    value_coder *coder = cursor->context->coder;
    pbase_bytes stored;
    if (cursor->kind == PBASE_COLLECTION_MULTI_DICT) {
        return cursor_record(cursor, out, err);
    }
    if (!kind_has_values(cursor->kind)) {
        return pbase_cursor_key(cursor, out, err);
    }
    pbase_status status = cursor_stored(cursor, &stored, err);
    return status == PBASE_OK ? coder->vtable->decode(coder, stored, &cursor->arena, out, err)
                              : status;
}

pbase_status pbase_cursor_count(pbase_cursor *cursor, uint64_t *out, pbase_error *err)
{
    tree_value value;
    pbase_status status = cursor_check(cursor, err);
    if (status == PBASE_OK && !kind_counted(cursor->kind)) {
        *out = 1;
        return PBASE_OK;
    }
    if (status == PBASE_OK) {
        status = tree_cursor_value(&cursor->at, &value, err);
    }
    return status == PBASE_OK ? change_count_of(value.bytes, out, err) : status;
}

__attribute__((noinline)) static pbase_status bytes_slowly(pbase_cursor *cursor, pbase_bytes *out,
                                                           pbase_error *err)
{
    pbase_bytes stored;
    pbase_status status = cursor_stored(cursor, &stored, err);
    return status == PBASE_OK ? value_coder_payload(cursor->context->coder, stored, out, err)
                              : status;
}

pbase_status pbase_cursor_bytes(pbase_cursor *cursor, pbase_bytes *out, pbase_error *err)
{
    pbase_bytes stored;
    if (stands_on_plain(cursor, &stored)) {
        return value_coder_payload(cursor->context->coder, stored, out, err);
    }
    return bytes_slowly(cursor, out, err);
}

pbase_status pbase_cursor_extract(pbase_cursor *cursor, const pbase_path *paths, size_t count,
                                  pbase_value *out, pbase_error *err)
{
    value_coder *coder = cursor->context->coder;
    pbase_bytes stored;
    pbase_status status = cursor_stored(cursor, &stored, err);
    return status == PBASE_OK
               ? coder->vtable->extract(coder, stored, paths, count, &cursor->arena, out, err)
               : status;
}

pbase_status pbase_cursor_child(pbase_cursor *cursor, uint64_t n, pbase_collection **out,
                                pbase_error *err)
{
    nest_slot slot = {.context = cursor->context, .versions = cursor->children};
    collection *child = NULL;
    pbase_bytes stored;
    pbase_status status = cursor_stored(cursor, &stored, err);
    if (status == PBASE_OK) {
        status = collection_child_of(&slot, stored, n, pbase_bytes_of(NULL, 0), &child, err);
    }
    if (status == PBASE_OK) {
        *out = collection_any(child);
    }
    return status;
}
