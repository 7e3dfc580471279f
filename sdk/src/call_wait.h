/* call_wait.h - one wait on a condition variable that respects the end of a call.
 *
 * A cancel flag is only memory: nobody signals when it is set. A wait of a call that carries one is
 * therefore cut into slices, after each of which the caller's loop asks pbase_call_check. */
#ifndef PBASE_CALL_WAIT_H
#define PBASE_CALL_WAIT_H
#include <protobase/base/os.h>

#define CALL_WAIT_SLICE_MS 20u

/* Returns after a signal, a slice, the call's deadline or `until_ns`, whichever comes first. */
static inline void call_wait(const pbase_os *os, const pbase_call *call, pbase_os_cond *cond,
                             pbase_os_mutex *mutex, uint64_t until_ns)
{
    if (call != NULL && call->deadline_ns < until_ns) {
        until_ns = call->deadline_ns;
    }
    if (call != NULL && call->cancelled != NULL) {
        uint64_t slice_ns = pbase_os_deadline(os, CALL_WAIT_SLICE_MS);
        until_ns = slice_ns < until_ns ? slice_ns : until_ns;
    }
    (void)os->lock->cond_wait(cond, mutex, until_ns); /* the caller looks at its condition again */
}

#endif
