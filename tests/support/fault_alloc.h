/* fault_alloc.h - an allocator that fails the n-th request and counts what is live.
 *
 *     fault_alloc fa;
 *     fault_alloc_init(&fa);
 *     for (uint64_t n = 1;; n++) {
 *         fault_alloc_fail_at(&fa, n);
 *         status = thing_create(&fa.alloc, ...);
 *         if (!fault_alloc_has_failed(&fa)) { break; } // n is beyond the last request
 *         assert_int_equal(status, PBASE_NO_MEMORY);
 *         assert_int_equal(fault_alloc_live_bytes(&fa), 0);
 *     }
 *
 * It also asserts that every block comes back with the size it was given out with.
 * Threads: synchronized, but for init. */
#ifndef PBASE_TEST_FAULT_ALLOC_H
#define PBASE_TEST_FAULT_ALLOC_H
#include <protobase/base/alloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    pbase_alloc alloc;         /* lend &fa.alloc; the struct must not move after init */
    _Atomic uint64_t requests; /* since init or fail_at */
    _Atomic uint64_t fail_at;  /* 0: never */
    _Atomic bool fails_on;     /* and every later one */
    _Atomic bool has_failed;   /* since fail_at */
    _Atomic uint64_t live_bytes;
    _Atomic uint64_t live_blocks;
} fault_alloc;

void fault_alloc_init(fault_alloc *fa);
/* Fails the n-th request from now on, and only that one; 0 fails none. */
void fault_alloc_fail_at(fault_alloc *fa, uint64_t n);
/* Fails the n-th request from now on and every one after it, until fail_at is called. */
void fault_alloc_fail_from(fault_alloc *fa, uint64_t n);
/* True when the request of the last fail_at has come and was refused. */
bool fault_alloc_has_failed(const fault_alloc *fa);
/* Requests (allocations and resizes, not frees) since init or the last fail_at. */
uint64_t fault_alloc_requests(const fault_alloc *fa);
uint64_t fault_alloc_live_bytes(const fault_alloc *fa);
uint64_t fault_alloc_live_blocks(const fault_alloc *fa);

#endif
