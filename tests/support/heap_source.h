/* heap_source.h - an atom_source on the heap: what tests give to trees instead of a store.
 *
 * Stored atoms are copies in an array; every node that is written is checked as a node from a disk
 * would be. Views of stored atoms are pinned, and pins are counted, so that a test sees a view that
 * was not given back. The n-th write or acquire can be made to fail.
 * Threads: synchronized as long as nothing is made to fail. */
#ifndef PBASE_TEST_HEAP_SOURCE_H
#define PBASE_TEST_HEAP_SOURCE_H
#include "atom/atom_source.h"
#include <pthread.h>

typedef struct {
    atom_source source; /* lend &self.source; the struct must not move after init */
    pthread_mutex_t lock;
    uint8_t **atoms; /* stored payloads, by pointer / 8 - 1 */
    uint32_t *sizes;
    uint32_t *types;
    size_t count, room;
    uint64_t stored_bytes;
    _Atomic uint64_t pins;
    _Atomic uint64_t acquires;
    uint64_t writes;     /* calls */
    uint64_t fail_write; /* the n-th write from now on fails, 0: none */
    uint64_t fail_acquire;
    bool has_failed;
} heap_source;

/* `alloc` is borrowed until fini: of atoms in memory. */
void heap_source_init(heap_source *self, const pbase_alloc *alloc);
/* Asserts that nothing is pinned and no atom in memory is left. */
void heap_source_fini(heap_source *self);
/* Stores one payload as it is, unchecked. */
pbase_atom_pointer heap_source_store(heap_source *self, uint32_t type, pbase_bytes payload);

#endif
