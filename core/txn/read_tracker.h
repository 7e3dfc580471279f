/* read_tracker.h - writes down what a transaction reads, for validation at commit.
 * Threads: confined to the transaction. */
#ifndef PROTOBASE_TXN_READ_TRACKER_H
#define PROTOBASE_TXN_READ_TRACKER_H
#include "collection/context.h"
#include "txn/access.h"

typedef struct {
    read_observer base; /* first member: the contract of collection/ */
    access_set set;
    uint64_t database;
} read_tracker;
void read_tracker_init(read_tracker *tracker, const pbase_host *host, uint64_t database);
void read_tracker_fini(read_tracker *tracker);

#endif
