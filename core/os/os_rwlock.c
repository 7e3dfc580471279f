/* os_rwlock.c - locks for many readers or one writer. A waiting writer goes before new readers, so
 * a thread must not take the same read lock twice. */
#include "os/os.h"
#include <pthread.h>

struct pbase_os_rwlock {
    const pbase_alloc *alloc;
    pthread_rwlock_t lock;
};

static int rwlock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    int number = pthread_rwlockattr_init(&attributes);
    if (number == 0) {
        number = pthread_rwlockattr_setkind_np(&attributes,
                                               PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        number = number != 0 ? number : pthread_rwlock_init(lock, &attributes);
        (void)pthread_rwlockattr_destroy(&attributes); /* fails for wrong arguments only */
    }
    return number;
}

static pbase_status rwlock_create(const pbase_os *os, pbase_os_rwlock **out, pbase_error *err)
{
    pbase_os_rwlock *lock = pbase_alloc_new(os->memory, sizeof(*lock));
    if (lock == NULL || rwlock_init(&lock->lock) != 0) {
        pbase_alloc_free(os->memory, lock, sizeof(*lock));
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "making a lock");
    }
    lock->alloc = os->memory;
    *out = lock;
    return PBASE_OK;
}

static void rwlock_destroy(pbase_os_rwlock *lock)
{
    if (lock != NULL) {
        int number = pthread_rwlock_destroy(&lock->lock);
        PBASE_ASSERT(number == 0); /* else it is still held */
        pbase_alloc_free(lock->alloc, lock, sizeof(*lock));
    }
}

static void rwlock_read_lock(pbase_os_rwlock *lock)
{
    int number = pthread_rwlock_rdlock(&lock->lock);
    PBASE_ASSERT(number == 0);
}

static void rwlock_write_lock(pbase_os_rwlock *lock)
{
    int number = pthread_rwlock_wrlock(&lock->lock);
    PBASE_ASSERT(number == 0);
}

static void rwlock_unlock(pbase_os_rwlock *lock)
{
    int number = pthread_rwlock_unlock(&lock->lock);
    PBASE_ASSERT(number == 0);
}

const pbase_os_rwlock_ops os_rwlock_real = {
    .struct_size = sizeof(pbase_os_rwlock_ops),
    .create = rwlock_create,
    .destroy = rwlock_destroy,
    .read_lock = rwlock_read_lock,
    .read_unlock = rwlock_unlock,
    .write_lock = rwlock_write_lock,
    .write_unlock = rwlock_unlock,
};
