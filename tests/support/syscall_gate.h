/* syscall_gate.h - every system call of this process counted, and one of them made its last, refused,
 * or cut short.
 *
 *     pid_t child = fork();
 *     if (child == 0) {
 *         syscall_gate_close(&(gate_plan){.action = GATE_KILL, .call = GATE_ANY, .at = n}, tally);
 *         ... the real library on the real kernel ...
 *         _exit(0); // it made fewer than n calls
 *     }
 *
 * A seccomp filter sends the calls of syscall_table to a signal handler, which does them itself, or
 * not. So a kill strikes between two calls of the library, at the same place each time, and an error
 * is one that the kernel could have given, at the place where it would. A gate stays closed until the
 * process ends: close it in a child. The process must not handle SIGSYS.
 * Threads: closed by one thread, then it counts the calls of all that begin afterwards. */
#ifndef PBASE_TEST_SYSCALL_GATE_H
#define PBASE_TEST_SYSCALL_GATE_H
#include "syscall_table.h"
#include <stdatomic.h>
#include <stdint.h>

#define GATE_ANY SIZE_MAX /* any call of the table */
#define GATE_CALLS_MAX 40u

typedef enum {
    GATE_COUNT,
    GATE_KILL,      /* the process ends, by SIGKILL, before the call */
    GATE_KILL_PART, /* the same, after half of the bytes if the call moves some */
    GATE_FAIL,      /* the call is not made and fails with `error` */
    GATE_SHORTEN    /* the call moves half of the bytes at most */
} gate_action;

typedef struct {
    gate_action action;
    size_t call;  /* index of syscall_table, or GATE_ANY */
    uint64_t at;  /* its n-th call, from 1 */
    bool forever; /* and all later ones */
    int error;
    void (*before_kill)(void); /* NULL: nothing. Runs in a signal handler */
} gate_plan;

/* Lies in memory that outlives the process, if anybody is to read it. Zeroed by the caller. */
typedef struct {
    _Atomic uint64_t all;
    _Atomic uint64_t of[GATE_CALLS_MAX];
    _Atomic uint64_t struck;
} gate_tally;

/* False on a machine that has no gate: another architecture, or a kernel that refuses filters. */
bool syscall_gate_close(const gate_plan *plan, gate_tally *tally);
/* Whether it can be closed here; asks in a child. */
bool syscall_gate_works(void);

#endif
