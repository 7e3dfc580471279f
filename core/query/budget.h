/* budget.h - an allocator that counts what a query holds. It never refuses: the executor compares
 * the count with the budget between chunks, so that passing it is told from lack of memory.
 * Threads: synchronized. */
#ifndef PROTOBASE_QUERY_BUDGET_H
#define PROTOBASE_QUERY_BUDGET_H
#include <protobase/base/alloc.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct {
    pbase_alloc alloc;        /* hand this out; it points back here */
    const pbase_alloc *under; /* borrowed */
    _Atomic uint64_t used_bytes;
} budget;

void budget_init(budget *self, const pbase_alloc *under);
uint64_t budget_used(const budget *self);

#endif
