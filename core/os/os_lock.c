/* os_lock.c - mutexes, condition variables and words to sleep on of the real os. Waits run on the
 * monotonic clock, so that setting the wall clock neither wakes nor delays anybody. */
#include "os/os.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000u

struct pbase_os_mutex {
    const pbase_alloc *alloc;
    pthread_mutex_t mutex;
};

struct pbase_os_cond {
    const pbase_alloc *alloc;
    pthread_cond_t cond;
};

/* Recursion and foreign unlocking are bugs: with slow checks the kernel's library reports them. */
static int mutex_init(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    int number = pthread_mutexattr_init(&attributes);
    if (number == 0) {
#ifdef PBASE_SLOW_CHECKS
        number = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
#endif
        number = number != 0 ? number : pthread_mutex_init(mutex, &attributes);
        (void)pthread_mutexattr_destroy(&attributes); /* fails for wrong arguments only */
    }
    return number;
}

static pbase_status mutex_create(const pbase_os *os, pbase_os_mutex **out, pbase_error *err)
{
    pbase_os_mutex *mutex = pbase_alloc_new(os->memory, sizeof(*mutex));
    if (mutex == NULL || mutex_init(&mutex->mutex) != 0) {
        pbase_alloc_free(os->memory, mutex, sizeof(*mutex));
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "making a mutex");
    }
    mutex->alloc = os->memory;
    *out = mutex;
    return PBASE_OK;
}

static void mutex_destroy(pbase_os_mutex *mutex)
{
    if (mutex != NULL) {
        int number = pthread_mutex_destroy(&mutex->mutex);
        PBASE_ASSERT(number == 0); /* else it is still held */
        pbase_alloc_free(mutex->alloc, mutex, sizeof(*mutex));
    }
}

static void mutex_lock(pbase_os_mutex *mutex)
{
    int number = pthread_mutex_lock(&mutex->mutex);
    PBASE_ASSERT(number == 0);
}

static void mutex_unlock(pbase_os_mutex *mutex)
{
    int number = pthread_mutex_unlock(&mutex->mutex);
    PBASE_ASSERT(number == 0);
}

static int cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    int number = pthread_condattr_init(&attributes);
    if (number == 0) {
        number = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        number = number != 0 ? number : pthread_cond_init(cond, &attributes);
        (void)pthread_condattr_destroy(&attributes); /* fails for wrong arguments only */
    }
    return number;
}

static pbase_status cond_create(const pbase_os *os, pbase_os_cond **out, pbase_error *err)
{
    pbase_os_cond *cond = pbase_alloc_new(os->memory, sizeof(*cond));
    if (cond == NULL || cond_init(&cond->cond) != 0) {
        pbase_alloc_free(os->memory, cond, sizeof(*cond));
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "making a condition variable");
    }
    cond->alloc = os->memory;
    *out = cond;
    return PBASE_OK;
}

static void cond_destroy(pbase_os_cond *cond)
{
    if (cond != NULL) {
        int number = pthread_cond_destroy(&cond->cond);
        PBASE_ASSERT(number == 0);
        pbase_alloc_free(cond->alloc, cond, sizeof(*cond));
    }
}

static struct timespec time_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

static bool cond_wait(pbase_os_cond *cond, pbase_os_mutex *mutex, uint64_t deadline_ns)
{
    struct timespec until = time_of(deadline_ns);
    int number = deadline_ns == UINT64_MAX
                     ? pthread_cond_wait(&cond->cond, &mutex->mutex)
                     : pthread_cond_timedwait(&cond->cond, &mutex->mutex, &until);
    PBASE_ASSERT(number == 0 || number == ETIMEDOUT);
    return number == 0;
}

static void cond_signal(pbase_os_cond *cond)
{
    (void)pthread_cond_signal(&cond->cond); /* fails for wrong arguments only */
}

static void cond_broadcast(pbase_os_cond *cond)
{
    (void)pthread_cond_broadcast(&cond->cond); /* fails for wrong arguments only */
}

static bool word_wait(const pbase_os *os, const uint32_t *word, uint32_t seen, uint64_t deadline_ns)
{
    (void)os; /* the real one has no state */
    struct timespec until = time_of(deadline_ns);
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen, /* until a moment */
                          deadline_ns == UINT64_MAX ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    PBASE_ASSERT(result == 0 || errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT);
    return result == 0 || errno != ETIMEDOUT;
}

static void word_wake(const pbase_os *os, const uint32_t *word, bool everybody)
{
    (void)os; /* the real one has no state; what is gone has nobody to wake */
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, everybody ? INT_MAX : 1, NULL, NULL, 0);
}

const pbase_os_lock_ops os_lock_real = {
    .struct_size = sizeof(pbase_os_lock_ops),
    .mutex_create = mutex_create,
    .mutex_destroy = mutex_destroy,
    .mutex_lock = mutex_lock,
    .mutex_unlock = mutex_unlock,
    .cond_create = cond_create,
    .cond_destroy = cond_destroy,
    .cond_wait = cond_wait,
    .cond_signal = cond_signal,
    .cond_broadcast = cond_broadcast,
    .word_wait = word_wait,
    .word_wake = word_wake,
};
