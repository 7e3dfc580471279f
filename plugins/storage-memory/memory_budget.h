/* memory_budget.h - how much one storage or provider may keep: `max_size`.
 *
 * Memory is counted when it is reserved, in the sizes asked from the allocator.
 * Threads: confined; its owner's mutex guards it. */
#ifndef PBASE_MEMORY_BUDGET_H
#define PBASE_MEMORY_BUDGET_H
#include <protobase/base/bytes.h>

typedef struct {
    const pbase_alloc *alloc; /* borrowed */
    uint64_t max_bytes;       /* 0: no limit */
    uint64_t used_bytes;
} memory_budget;

/* Counts `size` bytes more. NO_SPACE above the limit; `what` goes into the message. */
PBASE_MUST_CHECK pbase_status memory_budget_take(memory_budget *budget, uint64_t size,
                                                 const char *what, pbase_error *err);
void memory_budget_give(memory_budget *budget, uint64_t size);

/* Counted memory. NO_SPACE above the limit, NO_MEMORY when the allocator has none. */
PBASE_MUST_CHECK pbase_status memory_budget_new(memory_budget *budget, size_t size,
                                                const char *what, void **out, pbase_error *err);
/* NULL is fine. */
void memory_budget_free(memory_budget *budget, void *memory, size_t size);

#endif
