/* change.c - operations as bytes, their meaning, what they touch, and logs of them. */
#include "collection/change.h"
#include "collection/key_element.h"
#include "collection/kind.h"
#include "collection/node.h"
#include "collection/sized.h"
#include <protobase/collection.h>

#include <inttypes.h>

/* Which fields an operation has, by its number. */
enum { HAS_INDEX = 1, HAS_KEY = 2, HAS_SPELLING = 4, HAS_VALUE = 8, HAS_COUNT = 16 };
typedef struct {
    uint8_t kind; /* of the collection it belongs to; 0: no such operation */
    uint8_t fields;
} change_form;
static const change_form change_forms[] = {
    [CHANGE_PUT] = {PBASE_COLLECTION_DICT, HAS_KEY | HAS_SPELLING | HAS_VALUE},
    [CHANGE_REMOVE] = {PBASE_COLLECTION_DICT, HAS_KEY},
    [CHANGE_SET_ADD] = {PBASE_COLLECTION_SET, HAS_KEY | HAS_SPELLING},
    [CHANGE_SET_REMOVE] = {PBASE_COLLECTION_SET, HAS_KEY},
    [CHANGE_LIST_APPEND] = {PBASE_COLLECTION_LIST, HAS_VALUE},
    [CHANGE_LIST_SET] = {PBASE_COLLECTION_LIST, HAS_INDEX | HAS_VALUE},
    [CHANGE_LIST_INSERT] = {PBASE_COLLECTION_LIST, HAS_INDEX | HAS_VALUE},
    [CHANGE_LIST_REMOVE] = {PBASE_COLLECTION_LIST, HAS_INDEX},
    [CHANGE_ROPE_APPEND] = {PBASE_COLLECTION_ROPE, HAS_VALUE},
    [CHANGE_ROPE_SET] = {PBASE_COLLECTION_ROPE, HAS_INDEX | HAS_VALUE},
    [CHANGE_COUNT_ADD] = {PBASE_COLLECTION_COUNTED_SET, HAS_KEY | HAS_SPELLING | HAS_COUNT},
    [CHANGE_COUNT_TAKE] = {PBASE_COLLECTION_COUNTED_SET, HAS_KEY | HAS_COUNT},
    [CHANGE_MULTI_ADD] = {PBASE_COLLECTION_MULTI_DICT, HAS_KEY | HAS_SPELLING | HAS_COUNT},
    [CHANGE_MULTI_TAKE] = {PBASE_COLLECTION_MULTI_DICT, HAS_KEY | HAS_COUNT},
    [CHANGE_HASH_PUT] = {PBASE_COLLECTION_HASH_DICT, HAS_KEY | HAS_SPELLING | HAS_VALUE},
    [CHANGE_HASH_REMOVE] = {PBASE_COLLECTION_HASH_DICT, HAS_KEY},
    [CHANGE_LIST_REMOVE_RANGE] = {PBASE_COLLECTION_LIST, HAS_INDEX | HAS_COUNT},
};

static change_form form_of(uint8_t op)
{
    static const change_form none = {0, 0};
    return op < sizeof change_forms / sizeof change_forms[0] ? change_forms[op] : none;
}

uint8_t change_kind(uint8_t op)
{
    return form_of(op).kind;
}

/* ------------------------------------------------------------------------------- bytes -------- */

static bool fields_read(pbase_reader_bytes *reader, uint8_t fields, change *out)
{
    return ((fields & HAS_INDEX) == 0 || pbase_read_varint(reader, &out->index)) &&
           ((fields & HAS_KEY) == 0 || sized_read(reader, &out->key.bytes)) &&
           ((fields & HAS_SPELLING) == 0 || sized_read(reader, &out->key.spelling)) &&
           ((fields & HAS_COUNT) == 0 || pbase_read_varint(reader, &out->count)) &&
           ((fields & HAS_VALUE) == 0 || sized_read(reader, &out->value));
}

static bool key_is_valid(const change *operation, change_form form)
{
    return (form.fields & HAS_KEY) == 0 ||
           key_valid_as(&operation->key, kind_find(form.kind)->shape);
}

static bool numbers_are_valid(const change *operation, change_form form)
{
    return operation->value.size <= PBASE_VALUE_BYTES_MAX &&
           ((form.fields & HAS_COUNT) == 0 ||
            (operation->count != 0 && operation->count <= PBASE_COUNT_MAX));
}

NODE_INLINE pbase_status operation_read(pbase_reader_bytes *reader, bool is_known, change *out,
                                        pbase_error *err)
{
    pbase_reader_bytes at = *reader;
    change operation;
    memset(&operation, 0, sizeof operation);
    if (!pbase_read_u8(&at, &operation.op)) {
        return PBASE_END;
    }
    change_form form = form_of(operation.op);
    if (form.kind == 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "operation %u is not one this version knows",
                          operation.op);
    }
    if (!fields_read(&at, form.fields, &operation) || !numbers_are_valid(&operation, form) ||
        (!is_known && !key_is_valid(&operation, form))) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "operation %u is malformed", operation.op);
    }
    *reader = at;
    *out = operation;
    return PBASE_OK;
}

pbase_status change_read(pbase_reader_bytes *reader, change *out, pbase_error *err)
{
    return operation_read(reader, false, out, err);
}

pbase_status change_read_again(pbase_reader_bytes *reader, change *out, pbase_error *err)
{
    return operation_read(reader, true, out, err);
}

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

static size_t sized_size(pbase_bytes bytes)
{
    return varint_size(bytes.size) + bytes.size;
}

static size_t change_size(const change *operation)
{
    uint8_t fields = form_of(operation->op).fields;
    return 1 + ((fields & HAS_INDEX) != 0 ? varint_size(operation->index) : 0) +
           ((fields & HAS_KEY) != 0 ? sized_size(operation->key.bytes) : 0) +
           ((fields & HAS_SPELLING) != 0 ? sized_size(operation->key.spelling) : 0) +
           ((fields & HAS_COUNT) != 0 ? varint_size(operation->count) : 0) +
           ((fields & HAS_VALUE) != 0 ? sized_size(operation->value) : 0);
}

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_sized(uint8_t *at, pbase_bytes bytes)
{
    at = put_varint(at, bytes.size);
    if (bytes.size != 0) {
        memcpy(at, bytes.data, bytes.size);
    }
    return at + bytes.size;
}

/* Writes change_size bytes. */
static void change_put(const change *operation, uint8_t *at)
{
    uint8_t fields = form_of(operation->op).fields;
    *at++ = operation->op;
    if ((fields & HAS_INDEX) != 0) {
        at = put_varint(at, operation->index);
    }
    if ((fields & HAS_KEY) != 0) {
        at = put_sized(at, operation->key.bytes);
    }
    if ((fields & HAS_SPELLING) != 0) {
        at = put_sized(at, operation->key.spelling);
    }
    if ((fields & HAS_COUNT) != 0) {
        at = put_varint(at, operation->count);
    }
    if ((fields & HAS_VALUE) != 0) {
        (void)put_sized(at, operation->value); /* the last field */
    }
}

pbase_status change_write(const change *operation, pbase_buffer *out, pbase_error *err)
{
    size_t size = change_size(operation);
    pbase_status status = pbase_buffer_reserve(out, size, err);
    if (status == PBASE_OK) {
        change_put(operation, out->data + out->size);
        out->size += size;
    }
    return status;
}

/* ------------------------------------------------------------------------------ applying ------ */

static pbase_status apply_to_list(const change *operation, tree *target, pbase_error *err)
{
    tree_value value = tree_value_of(operation->value);
    switch (operation->op) {
    case CHANGE_LIST_APPEND:
    case CHANGE_ROPE_APPEND:
        return tree_append(target, &value, err);
    case CHANGE_LIST_SET:
    case CHANGE_ROPE_SET:
        return tree_set_at(target, operation->index, &value, err);
    case CHANGE_LIST_REMOVE_RANGE:
        return tree_remove_range(target, operation->index, operation->count, err);
    case CHANGE_LIST_INSERT:
        return tree_insert_at(target, operation->index, &value, err);
    default:
        return tree_remove_at(target, operation->index, err);
    }
}

static pbase_status add_to_set(const change *operation, tree *target, pbase_error *err)
{
    bool found = false;
    tree_value value = tree_value_of(pbase_bytes_of(NULL, 0));
    pbase_status status = tree_has(target, operation->key.bytes, &found, err);
    return status == PBASE_OK && !found ? tree_put(target, &operation->key, &value, NULL, err)
                                        : status;
}

pbase_status change_count_of(pbase_bytes value, uint64_t *out, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(value);
    bool ok = pbase_read_varint(&reader, out) && pbase_reader_bytes_left(&reader) == 0 &&
              *out != 0 && *out <= PBASE_COUNT_MAX;
    return ok ? PBASE_OK : PBASE_FAIL(err, PBASE_CORRUPT, "an entry's count is not one");
}

pbase_status change_count_in(const tree *target, pbase_bytes key, uint64_t *out, pbase_error *err)
{
    tree_item item;
    bool found = false;
    *out = 0;
    pbase_status status = tree_get(target, key, &item, &found, err);
    if (status == PBASE_OK && found) {
        status = change_count_of(item.value.bytes, out, err);
        tree_item_release(target->source, &item);
    }
    return status;
}

pbase_bytes change_count_write(uint64_t count, uint8_t *out)
{
    return pbase_bytes_of(out, (size_t)(put_varint(out, count) - out));
}

/* Makes the key's count what it is to be, and the sum follow. */
static pbase_status count_set(const change *operation, uint64_t count, uint64_t sum, tree *target,
                              pbase_error *err)
{
    uint8_t bytes[10];
    tree_value value = tree_value_of(change_count_write(count, bytes));
    pbase_status status = count == 0 ? tree_remove(target, operation->key.bytes, NULL, err)
                                     : tree_put(target, &operation->key, &value, NULL, err);
    if (status == PBASE_OK) {
        target->sum = sum;
    }
    return status;
}

static pbase_status apply_count(const change *operation, bool adds, tree *target, pbase_error *err)
{
    uint64_t count = 0, by = operation->count;
    pbase_status status = change_count_in(target, operation->key.bytes, &count, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (count > target->sum || (!adds && by > count)) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "%" PRIu64 " taken of an element that is there %" PRIu64 " times", by,
                          count);
    }
    if (adds && by > PBASE_COUNT_MAX - target->sum) {
        return PBASE_FAIL(err, PBASE_LIMIT,
                          "%" PRIu64 " more than %" PRIu64 " occurrences; the limit is %" PRIu64,
                          by, target->sum, (uint64_t)PBASE_COUNT_MAX);
    }
    return adds ? count_set(operation, count + by, target->sum + by, target, err)
                : count_set(operation, count - by, target->sum - by, target, err);
}

pbase_status change_apply(const change *operation, uint8_t kind, tree *target, pbase_error *err)
{
    tree_value value = tree_value_of(operation->value);
    change_form form = form_of(operation->op);
    pbase_status status;
    if (form.kind != kind) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "operation %u is not one of a %s", operation->op,
                          pbase_collection_kind_name(kind));
    }
    switch (operation->op) {
    case CHANGE_PUT:
    case CHANGE_HASH_PUT:
        return tree_put(target, &operation->key, &value, NULL, err);
    case CHANGE_SET_ADD:
        return add_to_set(operation, target, err);
    case CHANGE_REMOVE:
    case CHANGE_SET_REMOVE:
    case CHANGE_HASH_REMOVE:
        return tree_remove(target, operation->key.bytes, NULL, err);
    case CHANGE_COUNT_ADD:
    case CHANGE_MULTI_ADD:
        return apply_count(operation, true, target, err);
    case CHANGE_COUNT_TAKE:
    case CHANGE_MULTI_TAKE:
        return apply_count(operation, false, target, err);
    default:
        status = apply_to_list(operation, target, err);
        return status != PBASE_INVALID
                   ? status
                   : PBASE_FAIL(err, PBASE_CORRUPT,
                                "an operation names element %" PRIu64 ", which the list lacks",
                                operation->index);
    }
}

pbase_status change_apply_next(const change *operation, uint8_t kind, tree_puts *target,
                               pbase_error *err)
{
    bool is_put = operation->op == CHANGE_PUT || operation->op == CHANGE_HASH_PUT;
    if (is_put && form_of(operation->op).kind == kind) {
        tree_value value = tree_value_of(operation->value);
        return tree_puts_add(target, &operation->key, &value, err);
    }
    tree *content = target->run.target;
    tree_puts_end(target);
    pbase_status status = change_apply(operation, kind, content, err);
    tree_puts_begin(target, content);
    return status;
}

pbase_status change_apply_all(pbase_bytes operations, uint8_t kind, tree *target, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    for (uint64_t number = 1;; number++) {
        change operation;
        pbase_status status = change_read(&reader, &operation, err);
        if (status == PBASE_END) {
            return PBASE_OK;
        }
        if (status == PBASE_OK) {
            status = change_apply(&operation, kind, target, err);
        }
        if (status != PBASE_OK) {
            pbase_error_note(err, "operation number %" PRIu64, number);
            return status;
        }
    }
}

pbase_status change_of_entry(uint8_t kind, const encoded_key *key, pbase_bytes value, change *out,
                             pbase_error *err)
{
    memset(out, 0, sizeof *out);
    out->key = *key;
    switch (kind) {
    case PBASE_COLLECTION_COUNTED_SET:
    case PBASE_COLLECTION_MULTI_DICT:
        out->op = kind == PBASE_COLLECTION_COUNTED_SET ? CHANGE_COUNT_ADD : CHANGE_MULTI_ADD;
        return change_count_of(value, &out->count, err);
    case PBASE_COLLECTION_SET:
        out->op = CHANGE_SET_ADD;
        return PBASE_OK;
    case PBASE_COLLECTION_LIST:
        out->op = CHANGE_LIST_APPEND;
        break;
    case PBASE_COLLECTION_HASH_DICT:
        out->op = CHANGE_HASH_PUT;
        break;
    case PBASE_COLLECTION_ROPE:
        out->op = CHANGE_ROPE_APPEND;
        break;
    default:
        out->op = CHANGE_PUT;
        break;
    }
    out->value = value;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------ merging ------- */

void change_touches(const change *operation, uint64_t base_count, change_touch *out)
{
    memset(out, 0, sizeof *out);
    switch (operation->op) {
    case CHANGE_PUT:
    case CHANGE_REMOVE:
    case CHANGE_SET_REMOVE:
    case CHANGE_COUNT_TAKE:
    case CHANGE_MULTI_TAKE:
    case CHANGE_HASH_PUT:
    case CHANGE_HASH_REMOVE:
        out->scope = CHANGE_TOUCHES_KEY;
        out->key = operation->key.bytes;
        break;
    case CHANGE_SET_ADD:
    case CHANGE_COUNT_ADD:
    case CHANGE_MULTI_ADD:
        out->scope = CHANGE_TOUCHES_ADD;
        out->key = operation->key.bytes;
        break;
    case CHANGE_LIST_APPEND:
        out->scope = CHANGE_TOUCHES_APPEND;
        break;
    case CHANGE_LIST_SET:
        out->scope = operation->index < base_count ? CHANGE_TOUCHES_KEY : CHANGE_TOUCHES_WHOLE;
        out->key = key_of_index(operation->index, out->index_bytes);
        break;
    default:
        out->scope = CHANGE_TOUCHES_WHOLE;
        break;
    }
}

bool change_merges(const change_touch *a, const change_touch *b)
{
    if (a->scope == CHANGE_TOUCHES_WHOLE || b->scope == CHANGE_TOUCHES_WHOLE) {
        return false;
    }
    if (a->scope == CHANGE_TOUCHES_APPEND || b->scope == CHANGE_TOUCHES_APPEND ||
        (a->scope == CHANGE_TOUCHES_ADD && b->scope == CHANGE_TOUCHES_ADD)) {
        return true;
    }
    return !pbase_bytes_equal(a->key, b->key);
}

/* --------------------------------------------------------------------------------- logs ------- */

struct change_run {
    _Atomic uint32_t counts; /* logs that see it */
    _Atomic size_t size;     /* bytes that some log sees or has claimed */
    size_t capacity;         /* of `bytes` */
    uint8_t bytes[];
};

static bool run_is_ours(const change_run *run)
{
    return atomic_load_explicit(&run->counts, memory_order_acquire) == 1;
}

void change_log_fini(change_log *log)
{
    change_run *run = log->run;
    if (run != NULL && atomic_fetch_sub_explicit(&run->counts, 1, memory_order_acq_rel) == 1) {
        pbase_alloc_free(log->alloc, run, sizeof *run + run->capacity);
    }
    change_log_init(log, log->alloc);
}

void change_log_keep(const change_log *log, change_log *out)
{
    *out = *log;
    out->claimed = 0;
    if (out->run != NULL) {
        atomic_fetch_add_explicit(&out->run->counts, 1, memory_order_relaxed);
    }
}

pbase_bytes change_log_view(const change_log *log)
{
    return log->run == NULL ? pbase_bytes_of(NULL, 0) : pbase_bytes_of(log->run->bytes, log->size);
}

/* A run of our own with room for `size` bytes, holding what the log sees. */
static pbase_status log_grow(change_log *log, size_t size, pbase_error *err)
{
    size_t capacity = size + size / 2 + 64;
    change_run *old = log->run;
    bool ours = old != NULL && run_is_ours(old);
    change_run *grown =
        log->alloc->resize(log->alloc, ours ? old : NULL, ours ? sizeof *old + old->capacity : 0,
                           sizeof *grown + capacity);
    if (grown == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %zu bytes of changes", size);
    }
    if (!ours) {
        atomic_init(&grown->counts, 1);
        if (old != NULL) {
            memcpy(grown->bytes, old->bytes, log->size);
        }
        change_log kept = {.alloc = log->alloc, .run = old};
        change_log_fini(&kept);
    }
    grown->capacity = capacity;
    atomic_init(&grown->size, size);
    log->run = grown;
    log->claimed = size - log->size;
    return PBASE_OK;
}

/* Claims the bytes up to `size` in a run that others see too: whoever stands at its end may. */
static bool log_claim(change_log *log, size_t size)
{
    size_t expected = log->size + log->claimed;
    if (log->run == NULL || size > log->run->capacity) {
        return false;
    }
    if (run_is_ours(log->run)) {
        atomic_store_explicit(&log->run->size, size, memory_order_relaxed);
    } else if (!atomic_compare_exchange_strong(&log->run->size, &expected, size)) {
        return false;
    }
    log->claimed = size - log->size;
    return true;
}

pbase_status change_log_reserve(change_log *log, const change *operation, pbase_error *err)
{
    size_t size = log->size + change_size(operation);
    if (size > PBASE_TXN_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu bytes of changes; the limit is %u", size,
                          PBASE_TXN_BYTES_MAX);
    }
    if (size <= log->size + log->claimed || log_claim(log, size)) {
        return PBASE_OK;
    }
    return log_grow(log, size, err);
}

void change_log_append(change_log *log, const change *operation)
{
    size_t size = change_size(operation);
    PBASE_ASSERT(size <= log->claimed);
    change_put(operation, log->run->bytes + log->size);
    log->size += size;
    log->claimed -= size;
    log->count++;
    log->op_max = operation->op > log->op_max ? operation->op : log->op_max;
}
