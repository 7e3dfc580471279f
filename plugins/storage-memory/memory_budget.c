/* memory_budget.c - an allocator that counts. */
#include "memory_budget.h"

#include <inttypes.h>

pbase_status memory_budget_take(memory_budget *budget, uint64_t size, const char *what,
                                pbase_error *err)
{
    if (budget->max_bytes != 0 && size > budget->max_bytes - budget->used_bytes) {
        pbase_status status = PBASE_FAIL(err, PBASE_NO_SPACE,
                                         "no room for %s: %" PRIu64 " bytes asked, %" PRIu64
                                         " of max_size %" PRIu64 " used",
                                         what, size, budget->used_bytes, budget->max_bytes);
        pbase_error_hint(err, "raise max_size, or keep less");
        return status;
    }
    budget->used_bytes += size;
    return PBASE_OK;
}

void memory_budget_give(memory_budget *budget, uint64_t size)
{
    PBASE_ASSERT(size <= budget->used_bytes);
    budget->used_bytes -= size;
}

pbase_status memory_budget_new(memory_budget *budget, size_t size, const char *what, void **out,
                               pbase_error *err)
{
    pbase_status status = memory_budget_take(budget, size, what, err);
    if (status != PBASE_OK) {
        return status;
    }
    void *memory = pbase_alloc_new(budget->alloc, size);
    if (memory == NULL && size != 0) {
        memory_budget_give(budget, size);
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for %s (%zu bytes)", what, size);
    }
    *out = memory;
    return PBASE_OK;
}

void memory_budget_free(memory_budget *budget, void *memory, size_t size)
{
    if (memory != NULL) {
        pbase_alloc_free(budget->alloc, memory, size);
        memory_budget_give(budget, size);
    }
}
