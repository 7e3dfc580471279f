/* side_writer.c - a queue and the thread that empties it. */
#include "txn/side_writer.h"

struct side_writer {
    const pbase_host *host;
    side_write write;
    void *state;
    pbase_os_thread *thread;
    pbase_os_mutex *mutex; /* guards all below */
    pbase_os_cond *changed;
    atom_writing *first, *last; /* begun; the first is being written */
    bool stops;
};

/* Writes the first of the queue, without the mutex. */
static void write_first(side_writer *self)
{
    const pbase_os_lock_ops *locks = self->host->os->lock;
    atom_writing *writing = self->first;
    locks->mutex_unlock(self->mutex);
    pbase_error_init(&writing->error);
    writing->status = self->write(self->state, writing, &writing->error);
    locks->mutex_lock(self->mutex);
    self->first = writing->next;
    self->last = self->first == NULL ? NULL : self->last;
    atomic_store_explicit(&writing->is_done, true, memory_order_release); /* it may be gone now */
    locks->cond_broadcast(self->changed);
}

static void side_writer_run(void *state)
{
    side_writer *self = state;
    const pbase_os_lock_ops *locks = self->host->os->lock;
    locks->mutex_lock(self->mutex);
    while (self->first != NULL || !self->stops) {
        if (self->first != NULL) {
            write_first(self);
        } else {
            (void)locks->cond_wait(self->changed, self->mutex, PBASE_NO_DEADLINE);
        }
    }
    locks->mutex_unlock(self->mutex);
}

pbase_status side_writer_create(const pbase_host *host, side_write write, void *state,
                                side_writer **out, pbase_error *err)
{
    const pbase_os *os = host->os;
    side_writer *self = pbase_alloc_zeroed(host->alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to write beside a transaction");
    }
    self->host = host;
    self->write = write;
    self->state = state;
    pbase_status status = os->lock->mutex_create(os, &self->mutex, err);
    if (status == PBASE_OK) {
        status = os->lock->cond_create(os, &self->changed, err);
    }
    if (status == PBASE_OK) {
        status = os->thread->start(os, "pbase-write", side_writer_run, self, &self->thread, err);
    }
    if (status != PBASE_OK) {
        side_writer_destroy(self);
        return status;
    }
    *out = self;
    return PBASE_OK;
}

void side_writer_destroy(side_writer *self)
{
    if (self == NULL) {
        return;
    }
    const pbase_os *os = self->host->os;
    if (self->thread != NULL) {
        os->lock->mutex_lock(self->mutex);
        self->stops = true;
        os->lock->cond_broadcast(self->changed);
        os->lock->mutex_unlock(self->mutex);
        os->thread->join(self->thread);
    }
    if (self->changed != NULL) {
        os->lock->cond_destroy(self->changed);
    }
    if (self->mutex != NULL) {
        os->lock->mutex_destroy(self->mutex);
    }
    pbase_alloc_free(self->host->alloc, self, sizeof *self);
}

void side_writer_begin(side_writer *self, atom_writing *writing)
{
    const pbase_os_lock_ops *locks = self->host->os->lock;
    writing->next = NULL;
    locks->mutex_lock(self->mutex);
    *(self->last == NULL ? &self->first : &self->last->next) = writing;
    self->last = writing;
    locks->cond_broadcast(self->changed);
    locks->mutex_unlock(self->mutex);
}

void side_writer_wait(side_writer *self, atom_writing *writing)
{
    const pbase_os_lock_ops *locks = self->host->os->lock;
    locks->mutex_lock(self->mutex);
    while (!atom_writing_done(writing)) {
        (void)locks->cond_wait(self->changed, self->mutex, PBASE_NO_DEADLINE);
    }
    locks->mutex_unlock(self->mutex);
}
