/* atom_pool.c - slabs, and blocks in and out of them. */
#include "atom/atom_pool.h"

#include <protobase/base/bytes.h>

#define SLAB_BYTES (120u << 10) /* below what allocators map for itself */

struct atom_slab {
    atom_slab *next, *previous; /* among those with room */
    void *free;                 /* blocks that were given back, each with the next one in it */
    uint32_t size_class;
    uint32_t used;   /* blocks in use */
    uint32_t carved; /* blocks that were ever in use */
    uint32_t count;
    uint32_t block_bytes;
    size_t bytes; /* of the whole */
    _Alignas(16) uint8_t blocks[];
};

/* What a block begins with while nobody uses it. */
typedef struct {
    void *next;
    atom_slab *slab;
} idle_block;

/* Sizes from one power of two to the next go up in sixteen equal steps. */
static uint32_t class_of(size_t bytes, uint32_t *out_block_bytes)
{
    uint32_t last = (uint32_t)bytes - 1;
    uint32_t shift = 31u - (uint32_t)__builtin_clz(last) - 4u;
    uint32_t step = last >> shift; /* 16 to 31 */
    *out_block_bytes = (step + 1) << shift;
    return (shift - 5u) * 16u + step - 16u; /* the smallest ones: 512 = 1 << (5 + 4) */
}

/* --------------------------------------------------------------------------------- slabs ------ */

/* The functions here run with the pool in use by the caller. */

static void open_slab(atom_pool_class *self, atom_slab *slab)
{
    slab->previous = NULL;
    slab->next = self->open;
    if (self->open != NULL) {
        self->open->previous = slab;
    }
    self->open = slab;
}

static void close_slab(atom_pool_class *self, atom_slab *slab)
{
    *(slab->previous == NULL ? &self->open : &slab->previous->next) = slab->next;
    if (slab->next != NULL) {
        slab->next->previous = slab->previous;
    }
}

static bool has_room(const atom_slab *slab)
{
    return slab->free != NULL || slab->carved < slab->count;
}

static atom_slab *add_slab(atom_pool_class *self, const pbase_alloc *alloc, uint32_t size_class,
                           uint32_t block_bytes)
{
    uint32_t count = (SLAB_BYTES - (uint32_t)sizeof(atom_slab)) / block_bytes;
    size_t bytes = sizeof(atom_slab) + (size_t)count * block_bytes;
    atom_slab *slab = pbase_alloc_new(alloc, bytes);
    if (slab != NULL) {
        memset(slab, 0, sizeof *slab);
        slab->size_class = size_class;
        slab->count = count;
        slab->block_bytes = block_bytes;
        slab->bytes = bytes;
        self->empty++;
        open_slab(self, slab);
    }
    return slab;
}

static void *take_from(atom_pool_class *self, atom_slab *slab)
{
    uint8_t *block = slab->free;
    if (block != NULL) {
        slab->free = ((idle_block *)(void *)block)->next;
    } else {
        block = slab->blocks + (size_t)slab->carved++ * slab->block_bytes;
    }
    self->empty -= slab->used == 0 ? 1 : 0;
    slab->used++;
    self->used++;
    if (!has_room(slab)) {
        close_slab(self, slab);
    }
    return block;
}

static void end_slab(atom_pool_class *self, const pbase_alloc *alloc, atom_slab *slab)
{
    close_slab(self, slab);
    self->empty--;
    pbase_alloc_free(alloc, slab, slab->bytes);
}

/* With the last block of a size all of its slabs go, else all but one of those that are empty. */
static void slab_emptied(atom_pool_class *self, const pbase_alloc *alloc, atom_slab *slab)
{
    self->empty++;
    if (self->used > 0 && self->empty > 1) {
        end_slab(self, alloc, slab);
    }
    while (self->used == 0 && self->open != NULL) {
        end_slab(self, alloc, self->open);
    }
}

static void put_back(atom_pool *pool, const pbase_alloc *alloc, idle_block *block)
{
    atom_slab *slab = block->slab;
    atom_pool_class *self = &pool->classes[slab->size_class];
    if (!has_room(slab)) {
        open_slab(self, slab);
    }
    block->next = slab->free;
    slab->free = block;
    slab->used--;
    self->used--;
    if (slab->used == 0) {
        slab_emptied(self, alloc, slab);
    }
}

/* ----------------------------------------------------------------------------- who may -------- */

static bool enter(atom_pool *self)
{
    return !atomic_flag_test_and_set_explicit(&self->in_use, memory_order_acquire);
}

static void put_back_returned(atom_pool *self, const pbase_alloc *alloc)
{
    idle_block *block = atomic_exchange_explicit(&self->returned, NULL, memory_order_acquire);
    while (block != NULL) {
        idle_block *next = block->next;
        put_back(self, alloc, block);
        block = next;
    }
}

/* What came back while nobody else could enter is seen to by whoever leaves, or by who gave it back. */
static void leave(atom_pool *self, const pbase_alloc *alloc)
{
    bool more = true;
    while (more) {
        put_back_returned(self, alloc);
        atomic_flag_clear_explicit(&self->in_use, memory_order_seq_cst);
        more = atomic_load_explicit(&self->returned, memory_order_seq_cst) != NULL && enter(self);
    }
}

void *atom_pool_take(atom_pool *self, const pbase_alloc *alloc, size_t bytes, atom_slab **out)
{
    uint32_t block_bytes = 0;
    void *block = NULL;
    if (bytes <= ATOM_POOL_BYTES_MIN || bytes > ATOM_POOL_BYTES_MAX || !enter(self)) {
        return NULL;
    }
    uint32_t size_class = class_of(bytes, &block_bytes);
    atom_pool_class *from = &self->classes[size_class];
    put_back_returned(self, alloc);
    atom_slab *slab =
        from->open != NULL ? from->open : add_slab(from, alloc, size_class, block_bytes);
    if (slab != NULL) {
        block = take_from(from, slab);
        *out = slab;
    }
    leave(self, alloc);
    return block;
}

void atom_pool_give(atom_pool *self, const pbase_alloc *alloc, void *block, atom_slab *slab)
{
    idle_block *idle = block;
    idle->slab = slab;
    idle->next = atomic_load_explicit(&self->returned, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&self->returned, &idle->next, idle,
                                                  memory_order_seq_cst, memory_order_relaxed)) {
        /* the next one is in `idle` now */
    }
    if (enter(self)) {
        leave(self, alloc);
    }
}
