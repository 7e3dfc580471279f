/* syscall_table.h - the system calls that the library makes, each with the errors that its manual page
 * lists: what syscall_gate counts, and what it may answer instead.
 *
 * Left out of the errors: EINTR, which is a kind of its own (a kernel says it now and then, not for
 * ever), and what no kernel says of the arguments that are passed, so that nobody is told of it
 * (futex, getrandom, clock_nanosleep). Calls that begin or end a thread, change the signal mask or
 * return from a signal pass uncounted: they cannot be made from a signal handler. */
#ifndef PBASE_TEST_SYSCALL_TABLE_H
#define PBASE_TEST_SYSCALL_TABLE_H
#include <stdbool.h>
#include <stddef.h>

#define SYSCALL_ERRORS_MAX 28u

typedef struct {
    long number; /* of the kernel */
    const char *name;
    bool moves_bytes;               /* may transfer fewer than asked for */
    bool is_slow;                   /* its manual lists EINTR */
    bool happens;                   /* an error does not keep it from happening: close */
    int errors[SYSCALL_ERRORS_MAX]; /* ends with 0 */
} syscall_entry;

extern const syscall_entry syscall_table[];
extern const size_t syscall_table_count;

/* The index of the call with that number; syscall_table_count: there is none. */
size_t syscall_table_find(long number);

#endif
