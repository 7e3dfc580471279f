/* call.h - the deadline and the cancel flag that go down with every call that may wait.
 *
 * Threads: the struct is confined to the calling thread; the flag may be set from any thread or
 * signal handler. */
#ifndef PROTOBASE_BASE_CALL_H
#define PROTOBASE_BASE_CALL_H
#include <protobase/base/error.h>
PBASE_BEGIN_DECLS

#define PBASE_NO_DEADLINE UINT64_MAX

typedef struct {
    uint64_t deadline_ns;      /* of the os monotonic clock; PBASE_NO_DEADLINE waits for ever */
    const uint32_t *cancelled; /* borrowed; read atomically, non-zero cancels; NULL: cannot be */
} pbase_call;

PBASE_END_DECLS
#endif
