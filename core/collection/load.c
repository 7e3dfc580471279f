/* load.c - many entries at once: encoded, sorted, and built into a tree from the leaves up when there
 * is none yet; else put one after another, in the order in which they lie. Those of a dictionary that
 * lets puts wait join them (waiting.c). */
#include "collection/load.h"

#include "collection/head_sort.h"
#include "collection/key_element.h"
#include "collection/kind.h"
#include "collection/pending.h"
#include "collection/tree_stream.h"

/* An entry; its bytes lie behind each other in the buffer: key, spelling, value. */
typedef struct {
    size_t at;
    uint64_t head; /* first bytes of the key, as they compare */
    uint64_t count;
    uint32_t key_size, spelling_size, value_size;
} load_item;

struct load {
    collection *into; /* borrowed */
    const pbase_alloc *alloc;
    pbase_buffer bytes;
    load_item *items;
    size_t count, capacity;
};

/* NULL: there is no memory for so many. */
static void *array_new(const pbase_alloc *alloc, size_t count, size_t size)
{
    return count > SIZE_MAX / size ? NULL : pbase_alloc_new(alloc, count * size);
}

static pbase_status no_memory(size_t count, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to load %zu entries", count);
}

pbase_status load_create(collection *into, size_t count, load **out, pbase_error *err)
{
    const pbase_alloc *alloc = into->context->alloc;
    if (count > UINT32_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu entries to load; the limit is %u", count,
                          UINT32_MAX);
    }
    load *self = pbase_alloc_zeroed(alloc, 1, sizeof *self);
    if (self == NULL) {
        return no_memory(count, err);
    }
    self->into = into;
    self->alloc = alloc;
    self->capacity = count;
    pbase_buffer_init(&self->bytes, alloc);
    self->items = count == 0 ? NULL : array_new(alloc, count, sizeof *self->items);
    if (self->items == NULL && count != 0) {
        load_destroy(self);
        return no_memory(count, err);
    }
    *out = self;
    return PBASE_OK;
}

void load_destroy(load *self)
{
    if (self != NULL) {
        pbase_buffer_fini(&self->bytes);
        pbase_alloc_free(self->alloc, self->items, self->capacity * sizeof *self->items);
        pbase_alloc_free(self->alloc, self, sizeof *self);
    }
}

/* -------------------------------------------------------------------------------- taking ------ */

pbase_status load_add(load *self, const encoded_key *key, pbase_bytes value, uint64_t count,
                      pbase_error *err)
{
    PBASE_ASSERT(self->count < self->capacity);
    load_item item = {.at = self->bytes.size,
                      .head = head_of_key(key->bytes),
                      .count = count,
                      .key_size = (uint32_t)key->bytes.size,
                      .spelling_size = (uint32_t)key->spelling.size,
                      .value_size = (uint32_t)value.size};
    pbase_status status = pbase_buffer_append_bytes(&self->bytes, key->bytes, err);
    status =
        status == PBASE_OK ? pbase_buffer_append_bytes(&self->bytes, key->spelling, err) : status;
    status = status == PBASE_OK ? pbase_buffer_append_bytes(&self->bytes, value, err) : status;
    if (status == PBASE_OK) {
        self->items[self->count++] = item;
    }
    return status;
}

static pbase_bytes key_of(const load *self, const load_item *item)
{
    return pbase_bytes_of(self->bytes.data + item->at, item->key_size);
}

/* The operation that puts an item. */
static change change_of(const load *self, const load_item *item)
{
    const uint8_t *at = self->bytes.data + item->at;
    change operation = {.op = load_operation(self->into->kind), .count = item->count};
    operation.key.bytes = pbase_bytes_of(at, item->key_size);
    operation.key.spelling = pbase_bytes_of(at + item->key_size, item->spelling_size);
    operation.value = pbase_bytes_of(at + item->key_size + item->spelling_size, item->value_size);
    return operation;
}

uint8_t load_operation(uint8_t kind)
{
    switch (kind) {
    case PBASE_COLLECTION_LIST:
        return CHANGE_LIST_APPEND;
    case PBASE_COLLECTION_SET:
        return CHANGE_SET_ADD;
    case PBASE_COLLECTION_HASH_DICT:
        return CHANGE_HASH_PUT;
    case PBASE_COLLECTION_MULTI_DICT:
        return CHANGE_MULTI_ADD;
    case PBASE_COLLECTION_COUNTED_SET:
        return CHANGE_COUNT_ADD;
    default:
        return CHANGE_PUT;
    }
}

/* ------------------------------------------------------------------------------- sorting ------ */

static int compare_items(const load *self, const load_item *a, const load_item *b)
{
    if (a->head != b->head) {
        return a->head < b->head ? -1 : 1;
    }
    return pbase_bytes_compare(key_of(self, a), key_of(self, b));
}

static bool item_precedes(const void *state, uint64_t a, uint64_t b)
{
    const load *self = state;
    return pbase_bytes_compare(key_of(self, &self->items[a]), key_of(self, &self->items[b])) < 0;
}

static bool is_sorted(const load *self)
{
    for (size_t i = 1; i < self->count; i++) {
        if (compare_items(self, &self->items[i - 1], &self->items[i]) > 0) {
            return false;
        }
    }
    return true;
}

/* Lays items, and their bytes behind each other, in the order of slots: what follows goes through
 * memory from front to back. There is room in both. */
static void lay_in_order(load *self, const head_item *sorted, load_item *items, pbase_buffer *bytes)
{
    for (size_t i = 0; i < self->count; i++) {
        load_item *item = &items[i];
        *item = self->items[sorted[i].place];
        size_t size = (size_t)item->key_size + item->spelling_size + item->value_size;
        memcpy(bytes->data + bytes->size, self->bytes.data + item->at,
               size); /* a key is never empty */
        item->at = bytes->size;
        bytes->size += size;
    }
}

/* All memory is taken at once. */
static pbase_status sort(load *self, pbase_error *err)
{
    if (is_sorted(self)) {
        return PBASE_OK;
    }
    size_t count = self->count;
    pbase_buffer bytes;
    pbase_buffer_init(&bytes, self->alloc);
    head_item *slots = array_new(self->alloc, count, 2 * sizeof *slots);
    load_item *items = array_new(self->alloc, self->capacity, sizeof *items);
    pbase_status status = slots == NULL || items == NULL ? no_memory(self->count, err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = pbase_buffer_reserve(&bytes, self->bytes.size, err);
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        slots[i] = (head_item){self->items[i].head, i};
    }
    if (status == PBASE_OK) {
        load_item *items_before = self->items;
        pbase_buffer bytes_before = self->bytes;
        head_sort(slots, slots + count, count, item_precedes, self);
        lay_in_order(self, slots, items, &bytes);
        self->items = items;
        self->bytes = bytes;
        items = items_before;
        bytes = bytes_before;
    }
    pbase_buffer_fini(&bytes);
    pbase_alloc_free(self->alloc, items, self->capacity * sizeof *items);
    pbase_alloc_free(self->alloc, slots, count * 2 * sizeof *slots);
    return status;
}

/* Of items with one key the first one stays: with its spelling, and what the others make of it. */
static pbase_status unite(load *self, pbase_error *err)
{
    bool counted = kind_counted(self->into->kind);
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        load_item *item = &self->items[i], *last = &self->items[kept == 0 ? 0 : kept - 1];
        if (kept == 0 || compare_items(self, last, item) != 0) {
            self->items[kept++] = *item;
        } else if (counted && item->count > PBASE_COUNT_MAX - last->count) {
            return PBASE_FAIL(err, PBASE_LIMIT, "more than %" PRIu64 " occurrences",
                              (uint64_t)PBASE_COUNT_MAX);
        } else if (counted) {
            last->count += item->count;
        } else if (item->value_size != 0) { /* the later value, behind the earlier spelling */
            pbase_status status = pbase_buffer_reserve(
                &self->bytes, last->key_size + last->spelling_size + item->value_size, err);
            if (status != PBASE_OK) {
                return status;
            }
            size_t at = self->bytes.size;
            change before = change_of(self, last), after = change_of(self, item);
            (void)pbase_buffer_append_bytes(&self->bytes, before.key.bytes, NULL); /* reserved */
            (void)pbase_buffer_append_bytes(&self->bytes, before.key.spelling, NULL);
            (void)pbase_buffer_append_bytes(&self->bytes, after.value, NULL);
            last->at = at;
            last->value_size = item->value_size;
        }
    }
    self->count = kept;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------ building ------ */

/* The values of a counted kind are its counts, as they are stored. */
#define COUNT_BYTES 10u

/* What a tree holds for item `index`; `counts` is room for COUNT_BYTES. */
static tree_entry entry_of(const load *self, size_t index, uint8_t *counts)
{
    change operation = change_of(self, &self->items[index]);
    tree_entry entry = {.key = operation.key, .value = tree_value_of(operation.value)};
    if (kind_counted(self->into->kind)) {
        entry.value = tree_value_of(change_count_write(operation.count, counts));
    }
    return entry;
}

static pbase_status sum_of(const load *self, uint64_t *out, pbase_error *err)
{
    *out = 0;
    for (size_t i = 0; i < self->count && kind_counted(self->into->kind); i++) {
        if (self->items[i].count > PBASE_COUNT_MAX - *out) {
            return PBASE_FAIL(err, PBASE_LIMIT, "more than %" PRIu64 " occurrences",
                              (uint64_t)PBASE_COUNT_MAX);
        }
        *out += self->items[i].count;
    }
    return PBASE_OK;
}

/* In memory. */
static pbase_status build(const load *self, tree *out, pbase_error *err)
{
    bool counted = kind_counted(self->into->kind);
    tree_entry *entries = array_new(self->alloc, self->count, sizeof *entries);
    uint8_t *counts = counted ? array_new(self->alloc, self->count, COUNT_BYTES) : NULL;
    pbase_status status =
        entries == NULL || (counted && counts == NULL) ? no_memory(self->count, err) : PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        entries[i] = entry_of(self, i, counted ? counts + i * COUNT_BYTES : NULL);
    }
    if (status == PBASE_OK) {
        status = tree_build(self->into->context->source, tree_kind_positional(self->into->kind),
                            entries, self->count, out, err);
    }
    pbase_alloc_free(self->alloc, entries, self->count * sizeof *entries);
    if (counts != NULL) {
        pbase_alloc_free(self->alloc, counts, self->count * COUNT_BYTES);
    }
    return status;
}

/* On the storage. */
static pbase_status write(const load *self, tree *out, pbase_error *err)
{
    const collection_context *context = self->into->context;
    const atom_writer writer = budget_writer(context->budget);
    tree_stream *stream = NULL;
    pbase_status status = tree_stream_create(context->source, &writer,
                                             tree_kind_positional(self->into->kind), &stream, err);
    if (status == PBASE_OK && !kind_counted(self->into->kind)) {
        tree_stream_borrow(stream); /* counts do not last */
    }
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        uint8_t counts[COUNT_BYTES];
        tree_entry entry = entry_of(self, i, counts);
        status = tree_stream_add(stream, &entry.key, &entry.value, err);
    }
    if (status == PBASE_OK) {
        status = tree_stream_finish(stream, out, err);
    }
    tree_stream_destroy(stream);
    return status;
}

/* Nobody else can have changed the collection, and its content is long: it is written once, now. */
static bool is_bulk(const load *self)
{
    const collection *into = self->into;
    const change_budget *budget = into->context->budget;
    return budget != NULL && budget->spills &&
           (into->bulk || (into->is_new && into->base == ATOM_REF_NONE &&
                           self->bytes.size > collection_bulk_bytes(into)));
}

/* The tree is built; its operations go into the log as if they had been put one by one, unless it keeps
 * none. */
static pbase_status build_into(load *self, pbase_error *err)
{
    collection *into = self->into;
    tree built;
    uint64_t sum = 0;
    pbase_status status = sum_of(self, &sum, err);
    if (status == PBASE_OK && is_bulk(self)) {
        collection_go_bulk(into);
    }
    for (size_t i = 0; i < self->count && status == PBASE_OK && !into->bulk; i++) {
        change operation = change_of(self, &self->items[i]);
        status = change_log_reserve(&into->log, &operation, err);
        if (status == PBASE_OK) {
            change_log_append(&into->log, &operation);
        }
    }
    if (status == PBASE_OK) {
        status = is_bulk(self) ? write(self, &built, err) : build(self, &built, err);
    }
    if (status == PBASE_OK) {
        built.sum = sum;
        tree_fini(&into->tree);
        into->tree = built;
        into->applied = into->log.size;
    }
    return status;
}

static pbase_status put_each(const load *self, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        change operation = change_of(self, &self->items[i]);
        status = collection_change(self->into, &operation, err);
    }
    return status;
}

pbase_status load_finish(load *self, pbase_error *err)
{
    collection *into = self->into;
    collection_mark mark;
    pbase_status status = collection_drain(into, err);
    if (status == PBASE_OK && !tree_kind_positional(into->kind)) {
        status = sort(self, err);
        status = status == PBASE_OK ? unite(self, err) : status;
    }
    if (status != PBASE_OK || self->count == 0) {
        return collection_noted(into, status, err);
    }
    collection_mark_set(into, &mark);
    status = into->tree.root == ATOM_REF_NONE ? build_into(self, err) : put_each(self, err);
    collection_mark_end(into, &mark, status);
    return collection_noted(into, status, err);
}

/* ------------------------------------------------------------------------ from values --------- */

/* Encodes one entry: the value, if the kind has some, into into->stored. */
static pbase_status encode_entry(collection *into, const pbase_value *key, const pbase_value *value,
                                 key_scratch *scratch, encoded_key *out, pbase_error *err)
{
    bool pair = kind_find(into->kind)->shape == KEY_SHAPE_PAIR;
    pbase_status status = PBASE_OK;
    key_scratch_init(scratch, into->context->alloc);
    into->stored.size = 0;
    *out = (encoded_key){{NULL, 0}, {NULL, 0}};
    if (pair) {
        status = key_encode_pair(key, value, scratch, out, err);
    } else if (key != NULL) {
        status = collection_key(into, key, scratch, out, err);
    }
    if (status == PBASE_OK && kind_has_values(into->kind)) {
        status = collection_encode(into, value, pbase_bytes_of(NULL, 0), err);
    }
    return status;
}

/* Encodes one entry and adds it. `value` NULL: the kind has none. */
static pbase_status take_entry(load *self, const pbase_value *key, const pbase_value *value,
                               pbase_error *err)
{
    key_scratch scratch;
    encoded_key encoded;
    pbase_status status = encode_entry(self->into, key, value, &scratch, &encoded, err);
    if (status == PBASE_OK) {
        status = load_add(self, &encoded, pbase_buffer_view(&self->into->stored), 1, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

static const pbase_value *at_or_null(const pbase_value *values, size_t index)
{
    return values == NULL ? NULL : &values[index];
}

/* Values that hold collections place them where they go: they are put one after another. */
static bool any_nests(const load_input *input)
{
    bool nests = false;
    for (size_t i = 0; i < input->count && !nests; i++) {
        const pbase_value *value =
            input->entries != NULL ? &input->entries[i].value : at_or_null(input->values, i);
        nests = value != NULL && nest_needed(value);
    }
    return nests;
}

static pbase_status put_singly(collection *into, const pbase_value *key, const pbase_value *value,
                               pbase_error *err)
{
    key_scratch scratch;
    change operation = {.op = load_operation(into->kind)};
    pbase_status status = PBASE_OK;
    key_scratch_init(&scratch, into->context->alloc);
    if (key != NULL) {
        status = collection_key(into, key, &scratch, &operation.key, err);
    }
    if (status == PBASE_OK) {
        status = collection_encode_for(into, &operation, value, pbase_bytes_of(NULL, 0), err);
    }
    if (status == PBASE_OK) {
        status = collection_change(into, &operation, err);
    }
    key_scratch_fini(&scratch);
    return status;
}

static pbase_status load_singly(collection *into, const load_input *input, pbase_error *err)
{
    collection_mark mark;
    pbase_status status = collection_drain(into, err);
    if (status != PBASE_OK) {
        return status;
    }
    collection_mark_set(into, &mark);
    for (size_t i = 0; i < input->count && status == PBASE_OK; i++) {
        status = input->entries != NULL
                     ? put_singly(into, &input->entries[i].key, &input->entries[i].value, err)
                     : put_singly(into, NULL, &input->values[i], err);
        if (status != PBASE_OK) {
            pbase_error_note(err, "entry %zu", i);
        }
    }
    collection_mark_end(into, &mark, status);
    return status;
}

#define WAITING_ENTRIES_MIN 64u /* fewer are not worth making a beginning */

/* Lets the entries of a dictionary wait with the puts before them. */
static pbase_status load_waiting(collection *into, const load_input *input,
                                 const waiting_batch *batch, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < input->count && status == PBASE_OK; i++) {
        key_scratch scratch;
        change operation = {.op = load_operation(into->kind)};
        status = encode_entry(into, &input->entries[i].key, &input->entries[i].value, &scratch,
                              &operation.key, err);
        operation.value = pbase_buffer_view(&into->stored);
        if (status == PBASE_OK) {
            status = waiting_batch_put(into, &operation, err);
        }
        key_scratch_fini(&scratch);
        if (status != PBASE_OK) {
            pbase_error_note(err, "entry %zu", i);
        }
    }
    waiting_batch_end(into, batch, status);
    return status;
}

static pbase_status load_built(collection *into, const load_input *input, pbase_error *err)
{
    load *work = NULL;
    pbase_status status = load_create(into, input->count, &work, err);
    for (size_t i = 0; i < input->count && status == PBASE_OK; i++) {
        status =
            input->entries != NULL
                ? take_entry(work, &input->entries[i].key, &input->entries[i].value, err)
                : take_entry(work, at_or_null(input->keys, i), at_or_null(input->values, i), err);
        if (status != PBASE_OK) {
            pbase_error_note(err, "entry %zu", i);
        }
    }
    if (status == PBASE_OK) {
        status = load_finish(work, err);
    }
    load_destroy(work);
    return status;
}

pbase_status load_all(collection *into, const load_input *input, pbase_error *err)
{
    waiting_batch batch = {.has_begun = false};
    pbase_status status = collection_edit_check(into, err);
    if (status == PBASE_OK && kind_has_values(into->kind) && any_nests(input)) {
        return load_singly(into, input, err);
    }
    if (status == PBASE_OK && input->entries != NULL && input->count >= WAITING_ENTRIES_MIN) {
        status = collection_noted(into, waiting_batch_begin(into, &batch, err), err);
    }
    if (status == PBASE_OK) {
        status =
            batch.has_begun ? load_waiting(into, input, &batch, err) : load_built(into, input, err);
    }
    return status;
}
