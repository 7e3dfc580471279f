/* fault_plan.h - which call of a faulty component fails, and how.
 *
 *     fault_plan plan;
 *     fault_plan_init(&plan);
 *     host.base.service = ...returns &plan for FAULT_PLAN_SERVICE...  (test_host does)
 *     for (uint64_t n = 1;; n++) {
 *         fault_plan_fail_at(&plan, NULL, n, PBASE_IO, FAULT_BEFORE);
 *         ... run the script ...
 *         if (!fault_plan_has_failed(&plan)) { break; } // n is beyond the last call
 *     }
 *
 * Every component that is opened while the host knows the plan asks it before each call that can
 * fail. Threads: synchronized; fail_at is for a moment when nothing runs. */
#ifndef PBASE_TEST_FAULT_PLAN_H
#define PBASE_TEST_FAULT_PLAN_H
#include <protobase/base/error.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define FAULT_PLAN_SERVICE "fault-plan/1"

enum {
    FAULT_BEFORE = 0, /* the call fails without effect */
    FAULT_AFTER = 1   /* the call has its effect, and says that it failed: the outcome is UNKNOWN */
};

typedef struct {
    const char *slot;         /* "append"; NULL: every slot */
    pbase_status code;        /* of the failure */
    int32_t when;             /* FAULT_* */
    _Atomic uint64_t fail_at; /* number of the call; 0: never */
    _Atomic uint64_t calls;   /* of matching slots since fail_at */
    _Atomic bool has_failed;  /* since fail_at */
} fault_plan;

static inline void fault_plan_init(fault_plan *plan)
{
    memset(plan, 0, sizeof *plan);
}

/* The n-th call of `slot` from now fails, and only that one; 0: none does. */
static inline void fault_plan_fail_at(fault_plan *plan, const char *slot, uint64_t n,
                                      pbase_status code, int32_t when)
{
    plan->slot = slot;
    plan->code = code;
    plan->when = when;
    atomic_store(&plan->calls, 0);
    atomic_store(&plan->has_failed, false);
    atomic_store(&plan->fail_at, n);
}

static inline bool fault_plan_has_failed(const fault_plan *plan)
{
    return atomic_load(&plan->has_failed);
}

/* For the component: true when this call of `slot` is the one that fails. */
static inline bool fault_plan_hits(fault_plan *plan, const char *slot)
{
    if (plan == NULL || (plan->slot != NULL && strcmp(plan->slot, slot) != 0)) {
        return false;
    }
    if (atomic_fetch_add(&plan->calls, 1) + 1 != atomic_load(&plan->fail_at)) {
        return false;
    }
    atomic_store(&plan->has_failed, true);
    return true;
}

#endif
