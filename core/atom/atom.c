/* atom.c - counting atoms in memory. */
#include "atom/atom_source.h"

/* The pointer a ref stands for on storage, 0 while it has none. */
static pbase_atom_pointer pointer_of(atom_ref ref)
{
    if (atom_ref_is_stored(ref)) {
        return atom_ref_pointer(ref);
    }
    return ref == ATOM_REF_NONE
               ? PBASE_ATOM_NONE
               : atomic_load_explicit(&atom_ref_memory(ref)->settled, memory_order_acquire);
}

bool atom_ref_same(atom_ref a, atom_ref b)
{
    if (a == b) {
        return true;
    }
    pbase_atom_pointer pointer = pointer_of(a);
    return pointer != PBASE_ATOM_NONE && pointer == pointer_of(b);
}

/* Few nodes are allocated one by one, and so are all where a tool watches each. */
#if defined(__SANITIZE_ADDRESS__)
#define POOL_FROM_ATOMS UINT64_MAX
#else
#define POOL_FROM_ATOMS 512u
#endif

static atom_memory *memory_take(atom_source *source, uint32_t type, size_t bytes)
{
    atom_slab *slab = NULL;
    atom_memory *memory = NULL;
    if (type == ATOM_NODE &&
        atomic_load_explicit(&source->memory_count, memory_order_relaxed) >= POOL_FROM_ATOMS) {
        memory = atom_pool_take(&source->pool, source->alloc, bytes, &slab);
    }
    if (memory == NULL) {
        memory = pbase_alloc_new(source->alloc, bytes);
    }
    if (memory != NULL) {
        memory->slab = slab;
    }
    return memory;
}

atom_memory *atom_memory_create(atom_source *source, uint32_t type, uint32_t capacity)
{
    size_t bytes = sizeof(atom_memory) + capacity;
    atom_memory *memory = memory_take(source, type, bytes);
    if (memory == NULL) {
        return NULL;
    }
    atomic_init(&memory->counts, 1);
    atomic_init(&memory->settled, PBASE_ATOM_NONE);
    memory->type = type;
    memory->size = 0;
    memory->capacity = capacity;
    atomic_fetch_add_explicit(&source->memory_bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&source->memory_count, 1, memory_order_relaxed);
    return memory;
}

atom_ref atom_ref_keep(atom_ref ref)
{
    if (atom_ref_is_memory(ref)) {
        atomic_fetch_add_explicit(&atom_ref_memory(ref)->counts, 1, memory_order_relaxed);
    }
    return ref;
}

bool atom_ref_drop(atom_ref ref)
{
    if (!atom_ref_is_memory(ref)) {
        return false;
    }
    atom_memory *memory = atom_ref_memory(ref);
    uint32_t before = atomic_fetch_sub_explicit(&memory->counts, 1, memory_order_acq_rel);
    PBASE_ASSERT(before > 0);
    return before == 1;
}

void atom_memory_destroy(atom_source *source, atom_memory *memory)
{
    size_t bytes = sizeof(atom_memory) + memory->capacity;
    atomic_fetch_sub_explicit(&source->memory_bytes, bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&source->memory_count, 1, memory_order_relaxed);
    if (memory->slab != NULL) {
        atom_pool_give(&source->pool, source->alloc, memory, memory->slab);
    } else {
        pbase_alloc_free(source->alloc, memory, bytes);
    }
}

void atom_unpin(atom_source *source, void *pin)
{
    uintptr_t tagged = (uintptr_t)pin;
    if ((tagged & ATOM_PIN_MEMORY) == 0) {
        source->vtable->release(source, pin);
        return;
    }
    atom_memory_destroy(source, (atom_memory *)(tagged & ~ATOM_PIN_MEMORY));
}

bool atom_ref_editable(atom_ref ref)
{
    if (!atom_ref_is_memory(ref)) {
        return false;
    }
    atom_memory *memory = atom_ref_memory(ref);
    return atomic_load_explicit(&memory->counts, memory_order_acquire) == 1 &&
           atomic_load_explicit(&memory->settled, memory_order_acquire) == PBASE_ATOM_NONE;
}
