/* put_batch.c - collecting puts, sorting them, going through the trees. */
#include "txn/put_batch.h"

#include "collection/change.h"
#include "collection/search.h"

/* Puts are asked for in small steps: first the bytes of the put, then its leaf, then it is applied. All of
 * sixteen at once came later, as if a processor forgot what it is asked for beyond what it has on its way
 * (docs/decisions/0040). */
#define STEP 4u
#define LEAVES_AHEAD 16u /* puts whose leaves are on their way */
#define BYTES_AHEAD 32u  /* puts that are read or on their way */

/* A put's place: the number of its record, above where it begins in the body. */
#define PLACE_OFFSET_BITS 40

#define OPERATION_LINES 3u /* of 64 bytes: a key and the beginning of its value */

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
    pbase_alloc_free(self->alloc, self->bodies, self->body_capacity * sizeof *self->bodies);
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

static pbase_status add_put(const put_batch *self, batch_target *target, uint64_t place,
                            pbase_bytes key, pbase_error *err)
{
    void *puts = target->puts;
    pbase_status status =
        reserve(self->alloc, &puts, target->count, &target->capacity, sizeof *target->puts, err);
    target->puts = puts;
    if (status == PBASE_OK) {
        target->puts[target->count++] = (head_item){head_of_key(key), place};
    }
    return status;
}

/* Adds operations that lie in the last body. They were read when their transaction was committed: its
 * write set is made of them. */
static pbase_status add_operations(put_batch *self, uint32_t target, pbase_bytes operations,
                                   pbase_error *err)
{
    size_t record = self->body_count - 1;
    const uint8_t *body = self->bodies[record].data;
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && pbase_reader_bytes_left(&reader) > 0) {
        change operation;
        uint64_t place = (uint64_t)record << PLACE_OFFSET_BITS | (uint64_t)(reader.at - body);
        status = change_read_again(&reader, &operation, err);
        if (status == PBASE_OK) {
            status = add_put(self, &self->targets[target], place, operation.key.bytes, err);
        }
    }
    return status;
}

static pbase_status add_body(put_batch *self, pbase_bytes body, pbase_error *err)
{
    void *bodies = self->bodies;
    pbase_status status = reserve(self->alloc, &bodies, self->body_count, &self->body_capacity,
                                  sizeof *self->bodies, err);
    self->bodies = bodies;
    if (status == PBASE_OK) {
        PBASE_ASSERT(body.size >> PLACE_OFFSET_BITS == 0 &&
                     self->body_count >> (64 - PLACE_OFFSET_BITS) == 0);
        self->bodies[self->body_count++] = body;
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
    pbase_status status = add_body(self, body, err);
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

/* The body from where a put begins. */
static pbase_bytes bytes_at(const put_batch *self, uint64_t place)
{
    const pbase_bytes *body = &self->bodies[place >> PLACE_OFFSET_BITS];
    size_t offset = (size_t)(place & ((UINT64_C(1) << PLACE_OFFSET_BITS) - 1));
    return pbase_bytes_of(body->data + offset, body->size - offset);
}

static pbase_status operation_at(const put_batch *self, uint64_t place, change *out,
                                 pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(bytes_at(self, place));
    return change_read_again(&reader, out, err);
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

/* The puts into one collection on their way to it; counts of those behind each of the steps. */
typedef struct {
    const put_batch *batch;
    const batch_target *target;
    uint8_t kind;
    tree *content;
    size_t asked, read, applied;
    change operations[BYTES_AHEAD]; /* those that are read and not applied yet, by their number */
} put_flow;

/* Asks for the bytes of the next puts, which lie anywhere in what waited. */
static void flow_ask(put_flow *self, size_t up_to)
{
    for (; self->asked < up_to; self->asked++) {
        search_ask(bytes_at(self->batch, self->target->puts[self->asked].place).data,
                   OPERATION_LINES);
    }
}

/* Reads the next puts, and asks for their leaves. */
static pbase_status flow_read(put_flow *self, size_t up_to, pbase_error *err)
{
    pbase_bytes keys[LEAVES_AHEAD + STEP];
    size_t count = 0;
    for (; self->read < up_to; self->read++) {
        change *operation = &self->operations[self->read % BYTES_AHEAD];
        pbase_status status =
            operation_at(self->batch, self->target->puts[self->read].place, operation, err);
        if (status != PBASE_OK) {
            return status;
        }
        keys[count++] = operation->key.bytes;
    }
    tree_ask(self->content, keys, count);
    return PBASE_OK;
}

static pbase_status flow_apply(put_flow *self, size_t up_to, tree_puts *into, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (; self->applied < up_to && status == PBASE_OK; self->applied++) {
        status = change_apply_next(&self->operations[self->applied % BYTES_AHEAD], self->kind, into,
                                   err);
    }
    return status;
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

static pbase_status flow_run(put_flow *self, pbase_error *err)
{
    size_t count = self->target->count;
    pbase_status status = PBASE_OK;
    tree_puts into;
    tree_puts_begin(&into, self->content);
    while (self->applied < count && status == PBASE_OK) {
        size_t next = lesser(self->applied + STEP, count);
        flow_ask(self, lesser(next + BYTES_AHEAD, count));
        status = flow_read(self, lesser(next + LEAVES_AHEAD, count), err);
        status = status == PBASE_OK ? flow_apply(self, next, &into, err) : status;
    }
    tree_puts_end(&into);
    return status;
}

static pbase_status apply_to_one(const put_batch *self, working *trees, const batch_target *target,
                                 pbase_error *err)
{
    put_flow flow; /* not zeroed: operations are read before they are applied */
    flow.batch = self;
    flow.target = target;
    flow.asked = flow.read = flow.applied = 0;
    pbase_status status =
        working_open(trees, target->database, target->id, &flow.kind, &flow.content, err);
    if (status == PBASE_OK) {
        status = sort_puts(self, target, err);
    }
    return status == PBASE_OK ? flow_run(&flow, err) : status;
}

pbase_status put_batch_apply(put_batch *self, working *trees, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->target_count && status == PBASE_OK; i++) {
        status = apply_to_one(self, trees, &self->targets[i], err);
    }
    return status;
}
