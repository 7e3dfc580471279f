/* put_batch.h - the puts of many records, applied in the order of their keys.
 *
 * Records that waited (deferred.h) hold nothing but puts into mappings, and puts of different keys
 * may change places: so those of all records are sorted and go through each tree from its first key to
 * its last. Inner nodes stay in the caches of the processor, a leaf is copied once for all that it
 * gets, and the next ones can be asked for ahead.
 *
 * Threads: confined. */
#ifndef PROTOBASE_TXN_PUT_BATCH_H
#define PROTOBASE_TXN_PUT_BATCH_H
#include "collection/head_sort.h"
#include "txn/working.h"

/* A collection, and what is put into it. */
typedef struct {
    uint64_t database;
    pbase_collection_id id;
    head_item *puts; /* heads of keys, and where their operations begin: record and offset */
    size_t count, capacity;
} batch_target;

typedef struct {
    const pbase_alloc *alloc;
    pbase_bytes *bodies; /* of the records, in their order */
    size_t body_count, body_capacity;
    batch_target *targets;
    size_t target_count, target_capacity;
} put_batch;

void put_batch_init(put_batch *self, const pbase_alloc *alloc);
void put_batch_fini(put_batch *self);
/* Adds the operations of a delta; the body is borrowed until fini. Records come in their order. */
PBASE_MUST_CHECK pbase_status put_batch_add(put_batch *self, pbase_bytes body, pbase_error *err);
/* Applies them all. */
PBASE_MUST_CHECK pbase_status put_batch_apply(put_batch *self, working *trees, pbase_error *err);

#endif
