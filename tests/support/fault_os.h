/* fault_os.h - any os, with the n-th call made to fail.
 *
 *     fault_os faulty;
 *     fault_os_init(&faulty, pbase_os_real());
 *     for (uint64_t n = 1;; n++) {
 *         fault_os_fail_at(&faulty, OS_CALL_ANY, n, PBASE_IO, false);
 *         status = thing_open(&faulty.os, ...);
 *         if (!fault_os_has_failed(&faulty)) { break; } // n is beyond the last call
 *         ...
 *     }
 *     fault_os_fini(&faulty);
 *
 * A call that fails has no effect. Everything else goes to the os underneath. Only calls that can
 * fail are counted; memory is counted and failed only by its own kind.
 * Threads: synchronized, but for init, fail_at and fini. */
#ifndef TESTS_SUPPORT_FAULT_OS_H
#define TESTS_SUPPORT_FAULT_OS_H
#include "os_calls.h"
#include <protobase/base/os.h>
#include <stdatomic.h>

typedef struct {
    pbase_os os; /* lend &faulty.os; the struct must not move after init */
    const pbase_os *inner;
    pbase_alloc memory;
    pbase_os_file_ops file;
    pbase_os_directory_ops directory;
    pbase_os_system_ops system;
    pbase_os_thread_ops thread;
    pbase_os_lock_ops lock;
    pbase_os_rwlock_ops rwlock;
    pbase_os_socket_ops socket;
    _Atomic uint64_t calls[OS_CALL_KINDS];
    _Atomic bool has_failed;
    os_call kind; /* to fail */
    uint64_t at;  /* of calls[kind]; 0: never */
    pbase_status code;
    bool forever;
} fault_os;

/* Borrows `inner` until fini. */
void fault_os_init(fault_os *faulty, const pbase_os *inner);
/* All its files, threads and locks are ended already. */
void fault_os_fini(fault_os *faulty);
/* The n-th call of `kind` from now (1 is the next) fails with `code`, and the later ones too when
 * `forever`; 0 fails none. Clears has_failed. */
void fault_os_fail_at(fault_os *faulty, os_call kind, uint64_t n, pbase_status code, bool forever);
/* True when the call of the last fail_at has come. */
bool fault_os_has_failed(const fault_os *faulty);
/* Calls of a kind since init, failed ones included. */
uint64_t fault_os_calls(const fault_os *faulty, os_call kind);

#endif
