/* put_batch.c - collecting puts, sorting them, going through the trees. */
#include "txn/put_batch.h"

#include "collection/change.h"
#include "collection/stored_children.h"

#include <inttypes.h>
#include <stdlib.h>

#define ASKED_AHEAD 6u /* leaves on their way while one is changed */

struct batch_put {
    uint64_t head;   /* the first bytes of its key as a number */
    uint32_t target; /* index of its collection */
    uint32_t order;  /* among all */
    change operation;
};

void put_batch_init(put_batch *self, const pbase_alloc *alloc)
{
    *self = (put_batch){.alloc = alloc};
}

void put_batch_fini(put_batch *self)
{
    pbase_alloc_free(self->alloc, self->puts, self->capacity * sizeof *self->puts);
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
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
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
        self->targets[self->target_count++] = (batch_target){database, id};
    }
    return status;
}

static uint64_t head_of(pbase_bytes key)
{
    uint64_t head = 0;
    for (size_t i = 0; i < 8 && i < key.size; i++) {
        head |= (uint64_t)key.data[i] << (56 - 8 * i);
    }
    return head;
}

static pbase_status add_operations(put_batch *self, uint32_t target, pbase_bytes operations,
                                   pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
        void *puts = self->puts;
        status = reserve(self->alloc, &puts, self->count, &self->capacity, sizeof *self->puts, err);
        self->puts = puts;
        if (status != PBASE_OK) {
            break;
        }
        batch_put *put = &self->puts[self->count];
        status = change_read(&reader, &put->operation, err);
        if (status == PBASE_OK) {
            put->head = head_of(put->operation.key.bytes);
            put->target = target;
            put->order = (uint32_t)self->count++;
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

/* By collection and key; puts of one key as they came. */
static int put_compare(const void *a, const void *b)
{
    const batch_put *x = a, *y = b;
    if (x->target != y->target) {
        return x->target < y->target ? -1 : 1;
    }
    if (x->head != y->head) {
        return x->head < y->head ? -1 : 1;
    }
    int order = pbase_bytes_compare(x->operation.key.bytes, y->operation.key.bytes);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Those of one collection. */
static pbase_status apply_to_one(working *trees, const batch_target *target, const batch_put *puts,
                                 size_t count, pbase_error *err)
{
    tree *content = NULL;
    uint8_t kind = 0;
    pbase_status status = working_open(trees, target->database, target->id, &kind, &content, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        if (i + ASKED_AHEAD < count) {
            tree_ask(content, puts[i + ASKED_AHEAD].operation.key.bytes);
        }
        status = change_apply(&puts[i].operation, kind, content, err);
    }
    return status;
}

pbase_status put_batch_apply(put_batch *self, working *trees, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (self->count > 1) {
        qsort(self->puts, self->count, sizeof *self->puts, put_compare);
    }
    for (size_t first = 0, end = 0; first < self->count && status == PBASE_OK; first = end) {
        uint32_t target = self->puts[first].target;
        while (end < self->count && self->puts[end].target == target) {
            end++;
        }
        status = apply_to_one(trees, &self->targets[target], &self->puts[first], end - first, err);
    }
    return status;
}
