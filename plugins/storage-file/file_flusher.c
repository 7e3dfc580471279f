/* file_flusher.c - one thread that sleeps until a request, then until its time. */
#include "file_flusher.h"

#define COMPONENT "storage/file"

struct file_flusher {
    file_flusher_options options;
    pbase_os_mutex *mutex; /* guards all below */
    pbase_os_cond *changed;
    pbase_os_thread *thread; /* NULL until the first request */
    uint64_t flush_at_ns;    /* PBASE_NO_DEADLINE: none is requested */
    bool prepare;
    bool stop;
};

pbase_status file_flusher_create(const file_flusher_options *options, file_flusher **out,
                                 pbase_error *err)
{
    const pbase_host *host = options->host;
    file_flusher *flusher = pbase_alloc_zeroed(host->alloc, 1, sizeof *flusher);
    if (flusher == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for background flushes");
    }
    flusher->options = *options;
    flusher->flush_at_ns = PBASE_NO_DEADLINE;
    pbase_status status = host->os->lock->mutex_create(host->os, &flusher->mutex, err);
    if (status == PBASE_OK) {
        status = host->os->lock->cond_create(host->os, &flusher->changed, err);
    }
    if (status != PBASE_OK) {
        file_flusher_destroy(flusher);
        return status;
    }
    *out = flusher;
    return PBASE_OK;
}

void file_flusher_destroy(file_flusher *flusher)
{
    if (flusher == NULL) {
        return;
    }
    const pbase_os *os = flusher->options.host->os;
    if (flusher->thread != NULL) {
        os->lock->mutex_lock(flusher->mutex);
        flusher->stop = true;
        os->lock->cond_signal(flusher->changed);
        os->lock->mutex_unlock(flusher->mutex);
        os->thread->join(flusher->thread);
    }
    if (flusher->changed != NULL) {
        os->lock->cond_destroy(flusher->changed);
    }
    if (flusher->mutex != NULL) {
        os->lock->mutex_destroy(flusher->mutex);
    }
    pbase_alloc_free(flusher->options.host->alloc, flusher, sizeof *flusher);
}

/* Does one piece of work without the mutex. */
static void work(file_flusher *flusher, pbase_status (*run)(void *state, pbase_error *err),
                 const char *what)
{
    const pbase_host *host = flusher->options.host;
    pbase_error failure;
    pbase_error_init(&failure);
    host->os->lock->mutex_unlock(flusher->mutex);
    if (run(flusher->options.state, &failure) != PBASE_OK) {
        pbase_log_write(host->log, PBASE_LOG_ERROR, COMPONENT, "%s in the background: %s", what,
                        failure.message);
    }
    host->os->lock->mutex_lock(flusher->mutex);
}

static void flusher_run(void *state)
{
    file_flusher *flusher = state;
    const pbase_os *os = flusher->options.host->os;
    os->lock->mutex_lock(flusher->mutex);
    while (!flusher->stop) {
        if (os->system->monotonic_ns(os) >= flusher->flush_at_ns) {
            flusher->flush_at_ns = PBASE_NO_DEADLINE;
            work(flusher, flusher->options.flush, "flushing the journal");
        } else if (flusher->prepare) {
            flusher->prepare = false;
            work(flusher, flusher->options.prepare, "making a journal segment");
        } else {
            (void)os->lock->cond_wait(flusher->changed, flusher->mutex, flusher->flush_at_ns);
        }
    }
    os->lock->mutex_unlock(flusher->mutex);
}

/* With the mutex held. */
static pbase_status thread_ensure(file_flusher *flusher, pbase_error *err)
{
    const pbase_os *os = flusher->options.host->os;
    return flusher->thread != NULL
               ? PBASE_OK
               : os->thread->start(os, "pbase-flush", flusher_run, flusher, &flusher->thread, err);
}

pbase_status file_flusher_request(file_flusher *flusher, pbase_error *err)
{
    const pbase_os *os = flusher->options.host->os;
    os->lock->mutex_lock(flusher->mutex);
    pbase_status status = thread_ensure(flusher, err);
    if (status == PBASE_OK && flusher->flush_at_ns == PBASE_NO_DEADLINE) {
        flusher->flush_at_ns = os->system->monotonic_ns(os) + flusher->options.interval_ns;
        os->lock->cond_signal(flusher->changed);
    }
    os->lock->mutex_unlock(flusher->mutex);
    return status;
}

void file_flusher_request_prepare(file_flusher *flusher)
{
    const pbase_os *os = flusher->options.host->os;
    os->lock->mutex_lock(flusher->mutex);
    if (thread_ensure(flusher, NULL) == PBASE_OK) {
        flusher->prepare = true;
        os->lock->cond_signal(flusher->changed);
    }
    os->lock->mutex_unlock(flusher->mutex);
}
