/* budget.c - one counter over another allocator. */
#include "query/budget.h"

static void *budget_resize(const pbase_alloc *alloc, void *memory, size_t old_size, size_t new_size)
{
    budget *self = alloc->state;
    void *resized = self->under->resize(self->under, memory, old_size, new_size);
    if (resized != NULL || new_size == 0) {
        atomic_fetch_add_explicit(&self->used_bytes, (uint64_t)new_size - (uint64_t)old_size,
                                  memory_order_relaxed);
    }
    return resized;
}

void budget_init(budget *self, const pbase_alloc *under)
{
    self->alloc.resize = budget_resize;
    self->alloc.state = self;
    self->under = under;
    atomic_init(&self->used_bytes, 0);
}

uint64_t budget_used(const budget *self)
{
    return atomic_load_explicit(&self->used_bytes, memory_order_relaxed);
}
