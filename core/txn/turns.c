/* turns.c - a queue of places under one lock. */
#include "txn/turns.h"

#define NAP_MS 20u /* how late a cancelled call is noticed */

pbase_status turns_init(turns *self, const pbase_os *os, pbase_error *err)
{
    self->os = os;
    self->first = NULL;
    self->end = &self->first;
    self->pressing = NULL;
    atomic_init(&self->is_pressing, false);
    pbase_status status = os->lock->mutex_create(os, &self->mutex, err);
    return status == PBASE_OK ? os->lock->cond_create(os, &self->moved, err) : status;
}

void turns_fini(turns *self)
{
    if (self->moved != NULL) {
        self->os->lock->cond_destroy(self->moved);
    }
    if (self->mutex != NULL) {
        self->os->lock->mutex_destroy(self->mutex);
    }
    self->moved = NULL;
    self->mutex = NULL;
}

void turns_enter(turns *self, turn *place)
{
    self->os->lock->mutex_lock(self->mutex);
    place->next = NULL;
    *self->end = place;
    self->end = &place->next;
    self->os->lock->mutex_unlock(self->mutex);
}

bool turns_wait(turns *self, const turn *place, uint32_t wait_ms, const pbase_call *call)
{
    const pbase_os_lock_ops *locks = self->os->lock;
    uint64_t last = pbase_os_deadline(self->os, wait_ms);
    locks->mutex_lock(self->mutex);
    while (self->first != place && self->os->system->monotonic_ns(self->os) < last &&
           pbase_call_check(call, self->os, NULL) == PBASE_OK) {
        uint64_t nap = pbase_os_deadline(self->os, NAP_MS);
        (void)locks->cond_wait(self->moved, self->mutex, nap < last ? nap : last);
    }
    bool is_first = self->first == place;
    locks->mutex_unlock(self->mutex);
    return is_first;
}

/* With the lock held. */
static void press(turns *self, const turn *place)
{
    self->pressing = place;
    atomic_store_explicit(&self->is_pressing, place != NULL, memory_order_relaxed);
}

void turns_press(turns *self, const turn *place)
{
    self->os->lock->mutex_lock(self->mutex);
    press(self, place);
    self->os->lock->mutex_unlock(self->mutex);
}

void turns_leave(turns *self, turn *place)
{
    self->os->lock->mutex_lock(self->mutex);
    turn **link = &self->first;
    while (*link != place) {
        link = &(*link)->next;
    }
    *link = place->next;
    if (place->next == NULL) {
        self->end = link;
    }
    if (self->pressing == place) {
        press(self, NULL);
    }
    self->os->lock->cond_broadcast(self->moved);
    self->os->lock->mutex_unlock(self->mutex);
}
