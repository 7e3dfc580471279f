/* atom_pool.h - memory of nodes, from blocks of one size cut out of larger pieces.
 *
 * A burst of changes makes tens of thousands of nodes of some 2 KB within a moment, in a thread of its own;
 * those that a checkpoint has settled end together. An allocator gives each thread a heap that grows by
 * pages: a system call for every other node, each of which stops the page faults of all threads. So
 * nodes come out of slabs of about SLAB_BYTES. Sizes are rounded up by a sixteenth at most. A slab that has no
 * node in it any more is given back, but one of each size.
 *
 * Whoever finds the pool in use does not wait: a new node is allocated by itself then, and the block of one
 * that ends is put on a list for the next who comes.
 * Source: slabs as in J. Bonwick, "The Slab Allocator: An Object-Caching Kernel Memory Allocator", 1994.
 *
 * Threads: synchronized, and nobody ever waits. */
#ifndef PROTOBASE_ATOM_ATOM_POOL_H
#define PROTOBASE_ATOM_ATOM_POOL_H
#include <protobase/base/alloc.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct atom_slab atom_slab; /* fields in atom_pool.c */

#define ATOM_POOL_BYTES_MIN 512u /* of a block; smaller and larger ones are not the pool's */
#define ATOM_POOL_BYTES_MAX 8192u
#define ATOM_POOL_CLASSES 64u /* sixteen for each doubling */

typedef struct {
    atom_slab *open; /* with room; NULL: none */
    uint32_t used;   /* blocks in use */
    uint32_t empty;  /* slabs with no block in use */
} atom_pool_class;

/* All zero: an empty pool. It holds nothing when all blocks have been given back. */
typedef struct {
    atomic_flag in_use; /* by who changes what follows */
    atom_pool_class classes[ATOM_POOL_CLASSES];
    _Atomic(void *)
        returned; /* blocks that were given back meanwhile, each with the next one in it */
} atom_pool;

/* A block of at least `bytes`, 16-byte aligned, and the slab that it goes back to. NULL: there is none to
 * be had now, or of that size; nothing is wrong. */
void *atom_pool_take(atom_pool *self, const pbase_alloc *alloc, size_t bytes, atom_slab **out);
/* Gives a block back. */
void atom_pool_give(atom_pool *self, const pbase_alloc *alloc, void *block, atom_slab *slab);

#endif
