/* services.h - the host table: what the process lends to plugins.
 *
 * Counters and one-time set-ups are shared by the whole process, as their contract says; they are
 * the only mutable globals of the library, and are touched with atomic operations alone.
 *
 * Threads: synchronized. */
#ifndef PROTOBASE_HOST_SERVICES_H
#define PROTOBASE_HOST_SERVICES_H
#include <protobase/plugin/host.h>

#define SERVICES_METRICS_MAX 256u /* counters; further names are not counted */
#define SERVICES_ONCE_MAX 64u     /* keys of run_once */

/* Fills `host`, which borrows `os` and `log` as long as it is used. */
void services_init(pbase_host *host, const pbase_os *os, const pbase_log *log);

/* Calls `each` with every counter of the process. */
void services_metrics(void (*each)(void *state, const char *name, uint64_t value), void *state);

#endif
