/* turns.h - the line in which those stand who lost a conflict, so that each gets its turn.
 *
 * Optimistic transactions never block one another, but one that is slow can lose to quick ones again
 * and again. Whoever has lost takes a place in this line; the first of it runs while the others
 * wait, so it meets only those who have not lost yet. Waits are bounded: past its time a transaction
 * runs out of turn, since what it waits for may wait for it. The first of the line that goes on losing
 * to newcomers presses: from then on newcomers stand in line too, until it has left.
 *
 * Threads: synchronized by a lock of its own, under which nothing else is taken. */
#ifndef PROTOBASE_TXN_TURNS_H
#define PROTOBASE_TXN_TURNS_H
#include <protobase/base/os.h>
#include <stdatomic.h>

typedef struct turn turn;
struct turn { /* a place in the line; memory of the one who stands there */
    turn *next;
};

typedef struct {
    const pbase_os *os; /* borrowed */
    pbase_os_mutex *mutex;
    pbase_os_cond *moved; /* somebody left */
    turn *first;
    turn **end;               /* where the next place is linked */
    const turn *pressing;     /* NULL: nobody */
    _Atomic bool is_pressing; /* the same, without the lock */
} turns;

PBASE_MUST_CHECK pbase_status turns_init(turns *self, const pbase_os *os, pbase_error *err);
void turns_fini(turns *self); /* after a failed init too */

/* Takes a place at the end. */
void turns_enter(turns *self, turn *place);
/* Waits until `place` is the first, at most wait_ms and no longer than `call` allows; true: it is. */
bool turns_wait(turns *self, const turn *place, uint32_t wait_ms, const pbase_call *call);
/* Newcomers are to stand in line, until `place` leaves it. */
void turns_press(turns *self, const turn *place);
static inline bool turns_pressed(const turns *self)
{
    return atomic_load_explicit(&self->is_pressing, memory_order_relaxed);
}
/* Leaves the line from wherever it is. */
void turns_leave(turns *self, turn *place);

#endif
