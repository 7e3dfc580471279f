/* call.c - asks whether a call is over. The clock is read only when there is a deadline. */
#include <protobase/base/os.h>

#define NS_PER_MS 1000000u

pbase_status pbase_call_check(const pbase_call *call, const pbase_os *os, pbase_error *err)
{
    if (call == NULL) {
        return PBASE_OK;
    }
    if (call->cancelled != NULL && __atomic_load_n(call->cancelled, __ATOMIC_ACQUIRE) != 0) {
        return PBASE_FAIL(err, PBASE_CANCELLED, "the call was cancelled");
    }
    if (call->deadline_ns != PBASE_NO_DEADLINE &&
        os->system->monotonic_ns(os) >= call->deadline_ns) {
        return PBASE_FAIL(err, PBASE_TIMEOUT, "the deadline of the call has passed");
    }
    return PBASE_OK;
}

uint64_t pbase_os_deadline(const pbase_os *os, uint64_t timeout_ms)
{
    if (timeout_ms == 0) {
        return PBASE_NO_DEADLINE;
    }
    uint64_t now = os->system->monotonic_ns(os);
    if (timeout_ms > (PBASE_NO_DEADLINE - now) / NS_PER_MS) {
        return PBASE_NO_DEADLINE;
    }
    return now + timeout_ms * NS_PER_MS;
}
