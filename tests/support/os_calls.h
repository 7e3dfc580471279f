/* os_calls.h - the calls of the os interface that can fail, by kind: what sim_os and fault_os
 * count, fail and stop at. */
#ifndef TESTS_SUPPORT_OS_CALLS_H
#define TESTS_SUPPORT_OS_CALLS_H

typedef enum {
    OS_CALL_ANY, /* every kind below; memory is asked for so often that it is only failed by name */
    OS_CALL_OPEN,
    OS_CALL_READ,
    OS_CALL_WRITE,
    OS_CALL_SYNC,
    OS_CALL_SIZE,
    OS_CALL_TRUNCATE,
    OS_CALL_ALLOCATE,
    OS_CALL_PUNCH,
    OS_CALL_MAP,
    OS_CALL_LOCK,
    OS_CALL_DIRECTORY_CREATE,
    OS_CALL_DIRECTORY_LIST,
    OS_CALL_DIRECTORY_SYNC,
    OS_CALL_RENAME,
    OS_CALL_REMOVE,
    OS_CALL_STAT,
    OS_CALL_SPACE,
    OS_CALL_THREAD, /* starting one */
    OS_CALL_MUTEX,  /* making a mutex, condition or read-write lock */
    OS_CALL_SOCKET, /* any of the socket table that can fail */
    OS_CALL_MEMORY, /* taking or growing memory */
    OS_CALL_KINDS
} os_call;

#endif
