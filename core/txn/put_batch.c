/* put_batch.c - collecting puts, sorting them, going through the trees. */
#include "txn/put_batch.h"

#include "collection/change.h"

#define ASKED_TOGETHER 16u /* puts whose leaves are on their way together */

void put_batch_init(put_batch *self, const pbase_alloc *alloc)
{
    *self = (put_batch){.alloc = alloc};
}

void put_batch_fini(put_batch *self)
{
    for (size_t i = 0; i < self->target_count; i++) {
        batch_target *target = &self->targets[i];
        pbase_alloc_free(self->alloc, target->puts, target->capacity * sizeof *target->puts);
    }
    pbase_alloc_free(self->alloc, self->operations, self->capacity * sizeof *self->operations);
    pbase_alloc_free(self->alloc, self->targets, self->target_capacity * sizeof *self->targets);
    put_batch_init(self, self->alloc);
}

/* ------------------------------------------------------------------------------ collecting ---- */

/* Room for one more of `size` bytes in an array. */
static pbase_status reserve(const pbase_alloc *alloc, void **items, size_t count, size_t *capacity,
                            size_t size, pbase_error *err)
{
    if (count < *capacity) {
        return PBASE_OK;
    }
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = alloc->resize(alloc, *items, *capacity * size, wanted * size);
    if (grown == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to apply what was committed");
    }
    *items = grown;
    *capacity = wanted;
    return PBASE_OK;
}

/* Few records go to many collections: the last one is the likely one. */
static pbase_status target_of(put_batch *self, uint64_t database, pbase_collection_id id,
                              uint32_t *out, pbase_error *err)
{
    for (size_t i = self->target_count; i-- > 0;) {
        if (self->targets[i].database == database && collection_id_same(self->targets[i].id, id)) {
            *out = (uint32_t)i;
            return PBASE_OK;
        }
    }
    void *targets = self->targets;
    pbase_status status = reserve(self->alloc, &targets, self->target_count, &self->target_capacity,
                                  sizeof *self->targets, err);
    self->targets = targets;
    if (status == PBASE_OK) {
        *out = (uint32_t)self->target_count;
        self->targets[self->target_count++] = (batch_target){.database = database, .id = id};
    }
    return status;
}

static pbase_status add_operation(put_batch *self, batch_target *target, pbase_bytes operation,
                                  pbase_bytes key, pbase_error *err)
{
    void *operations = self->operations, *puts = target->puts;
    pbase_status status = reserve(self->alloc, &operations, self->count, &self->capacity,
                                  sizeof *self->operations, err);
    self->operations = operations;
    if (status == PBASE_OK) {
        status = reserve(self->alloc, &puts, target->count, &target->capacity, sizeof *target->puts,
                         err);
        target->puts = puts;
    }
    if (status == PBASE_OK) {
        target->puts[target->count++] = (head_item){head_of_key(key), self->count};
        self->operations[self->count++] = operation;
    }
    return status;
}

static pbase_status add_operations(put_batch *self, uint32_t target, pbase_bytes operations,
                                   pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
        change operation;
        const uint8_t *from = reader.at;
        status = change_read(&reader, &operation, err);
        if (status == PBASE_OK) {
            pbase_bytes bytes = pbase_bytes_of(from, (size_t)(reader.at - from));
            status = add_operation(self, &self->targets[target], bytes, operation.key.bytes, err);
        }
    }
    return status;
}

pbase_status put_batch_add(put_batch *self, pbase_bytes body, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(body);
    uint64_t database = 0, count = 0;
    if (!pbase_read_varint(&reader, &database) || !pbase_read_varint(&reader, &count)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut");
    }
    pbase_status status = PBASE_OK;
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        delta_group group;
        uint32_t target = 0;
        status = delta_group_read(&reader, &group, err);
        if (status == PBASE_OK) {
            status = target_of(self, database, group.id, &target, err);
        }
        if (status == PBASE_OK) {
            status = add_operations(self, target, group.operations, err);
        }
    }
    return status;
}

/* -------------------------------------------------------------------------------- applying ---- */

static pbase_status operation_at(const put_batch *self, uint64_t place, change *out,
                                 pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(self->operations[place]);
    return change_read(&reader, out, err);
}

/* Both were read when they were added. */
static bool key_precedes(const void *state, uint64_t a, uint64_t b)
{
    change x, y;
    return operation_at(state, a, &x, NULL) == PBASE_OK &&
           operation_at(state, b, &y, NULL) == PBASE_OK &&
           pbase_bytes_compare(x.key.bytes, y.key.bytes) < 0;
}

/* By key; puts of one key as they came. */
static pbase_status sort_puts(const put_batch *self, const batch_target *target, pbase_error *err)
{
    size_t bytes = target->count * sizeof(head_item);
    if (target->count < 2) {
        return PBASE_OK;
    }
    head_item *scratch = pbase_alloc_new(self->alloc, bytes);
    if (scratch == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to apply what was committed");
    }
    head_sort(target->puts, scratch, target->count, key_precedes, self);
    pbase_alloc_free(self->alloc, scratch, bytes);
    return PBASE_OK;
}

/* Asks for the bytes of puts, which lie anywhere in what waited. */
static void ask_for_operations(const put_batch *self, const head_item *puts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *coming = self->operations[puts[i].place].data;
        __builtin_prefetch(coming);
        __builtin_prefetch(coming + 64);
        __builtin_prefetch(coming + 128);
    }
}

/* Few puts: reads them, asks for their leaves, then changes these. */
static pbase_status apply_some(const put_batch *self, const head_item *puts, size_t count,
                               uint8_t kind, tree *content, pbase_error *err)
{
    change operations[ASKED_TOGETHER];
    pbase_bytes keys[ASKED_TOGETHER];
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = operation_at(self, puts[i].place, &operations[i], err);
        if (status == PBASE_OK) {
            keys[i] = operations[i].key.bytes;
        }
    }
    if (status == PBASE_OK) {
        tree_ask(content, keys, count);
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = change_apply(&operations[i], kind, content, err);
    }
    return status;
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

static pbase_status apply_to_one(const put_batch *self, working *trees, const batch_target *target,
                                 pbase_error *err)
{
    tree *content = NULL;
    uint8_t kind = 0;
    pbase_status status = working_open(trees, target->database, target->id, &kind, &content, err);
    if (status == PBASE_OK) {
        status = sort_puts(self, target, err);
    }
    for (size_t i = 0; i < target->count && status == PBASE_OK; i += ASKED_TOGETHER) {
        size_t count = lesser(target->count - i, ASKED_TOGETHER), next = i + count;
        ask_for_operations(self, target->puts + next, lesser(target->count - next, ASKED_TOGETHER));
        status = apply_some(self, target->puts + i, count, kind, content, err);
    }
    return status;
}

pbase_status put_batch_apply(put_batch *self, working *trees, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->target_count && status == PBASE_OK; i++) {
        status = apply_to_one(self, trees, &self->targets[i], err);
    }
    return status;
}
