/* sim_system.c - clock, randomness, threads and locks of the simulated os: of the real one when the
 * machine stands alone, of the scheduler when it is in a world. */
#include "os/os.h"
#include "sim_world_internal.h"

#define WAIT_REAL_NS 1000000u /* real time given to other threads before a timed wait times out */

/* ----------------------------------------------------------------------------------- system --- */

static uint64_t system_monotonic_ns(const pbase_os *os)
{
    sim_os *sim = sim_of(os);
    sim_enter(sim);
    uint64_t now = ++*sim_clock(sim);
    sim_leave(sim);
    return now;
}

static int64_t system_wall_ns(const pbase_os *os)
{
    return sim_of(os)->wall_offset_ns + (int64_t)system_monotonic_ns(os);
}

static void clock_advance_to(sim_os *sim, uint64_t ns)
{
    pthread_mutex_lock(&sim->lock);
    uint64_t *clock = sim_clock(sim);
    *clock = ns > *clock ? ns : *clock;
    pthread_mutex_unlock(&sim->lock);
}

static void system_sleep_ns(const pbase_os *os, uint64_t ns)
{
    sim_os *sim = sim_of(os);
    uint64_t until_ns = system_monotonic_ns(os) + ns;
    if (sim->world != NULL) {
        (void)sim_world_wait(sim->world, os, until_ns); /* nobody wakes a sleeper */
        return;
    }
    clock_advance_to(sim, until_ns);
    pbase_os_real()->thread->yield(pbase_os_real());
}

static void system_random(const pbase_os *os, void *out, size_t size)
{
    sim_os *sim = sim_of(os);
    uint8_t *at = out;
    pthread_mutex_lock(&sim->lock);
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)seed_next(&sim->random);
    }
    pthread_mutex_unlock(&sim->lock);
}

static uint64_t system_process_id(const pbase_os *os)
{
    (void)os;
    return SIM_PROCESS_ID;
}

static uint32_t system_user_id(const pbase_os *os)
{
    (void)os;
    return 1000;
}

static bool system_is_privileged(const pbase_os *os)
{
    (void)os;
    return false;
}

static uint32_t system_cpu_count(const pbase_os *os)
{
    (void)os;
    return 2;
}

static const char *system_environment(const pbase_os *os, const char *name)
{
    (void)os;
    (void)name;
    return NULL;
}

const pbase_os_system_ops sim_system_ops = {
    .struct_size = sizeof(pbase_os_system_ops),
    .monotonic_ns = system_monotonic_ns,
    .wall_ns = system_wall_ns,
    .sleep_ns = system_sleep_ns,
    .random = system_random,
    .process_id = system_process_id,
    .user_id = system_user_id,
    .is_privileged = system_is_privileged,
    .cpu_count = system_cpu_count,
    .environment = system_environment,
};

/* ---------------------------------------------------------------------------------- threads --- */

/* Known by one of the two. */
struct pbase_os_thread {
    sim_os *sim;
    sim_thread *scheduled;
    pbase_os_thread *real;
};

static pbase_status thread_start(const pbase_os *os, const char *name, void (*run)(void *state),
                                 void *state, pbase_os_thread **out, pbase_error *err)
{
    sim_os *sim = sim_of(os);
    pbase_status status = sim_call_check(sim, OS_CALL_THREAD, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_os_thread *thread = pbase_alloc_zeroed(os->memory, 1, sizeof *thread);
    if (thread == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "starting a thread");
    }
    thread->sim = sim;
    if (sim->world != NULL) {
        thread->scheduled = sim_world_thread_start(sim->world, name, run, state);
    } else {
        status =
            pbase_os_real()->thread->start(pbase_os_real(), name, run, state, &thread->real, err);
    }
    if (status != PBASE_OK) {
        pbase_alloc_free(os->memory, thread, sizeof *thread);
        return status;
    }
    *out = thread;
    return PBASE_OK;
}

static void thread_join(pbase_os_thread *thread)
{
    sim_os *sim = thread->sim;
    if (sim->world != NULL) {
        sim_world_thread_join(sim->world, thread->scheduled);
    } else {
        pbase_os_real()->thread->join(thread->real);
    }
    pbase_alloc_free(&sim->memory, thread, sizeof *thread);
}

static void thread_yield(const pbase_os *os)
{
    sim_os *sim = sim_of(os);
    if (sim->world != NULL) {
        sim_world_pass(sim->world);
    } else {
        pbase_os_real()->thread->yield(pbase_os_real());
    }
}

static uint64_t thread_id(const pbase_os *os)
{
    const sim_os *sim = sim_of(os);
    return sim->world != NULL ? sim_world_thread_id(sim->world)
                              : pbase_os_real()->thread->id(pbase_os_real());
}

const pbase_os_thread_ops sim_thread_ops = {
    .struct_size = sizeof(pbase_os_thread_ops),
    .start = thread_start,
    .join = thread_join,
    .yield = thread_yield,
    .id = thread_id,
};

/* ------------------------------------------------------------------------------------ locks --- */

struct pbase_os_mutex {
    sim_os *sim;
    pbase_os_mutex *real; /* NULL in a world */
    bool held;            /* in a world */
};

struct pbase_os_cond {
    sim_os *sim;
    pbase_os_cond *real;
};

struct pbase_os_rwlock {
    sim_os *sim;
    pbase_os_rwlock *real; /* NULL in a world */
    uint32_t readers;      /* in a world */
    bool written;
};

static pbase_status mutex_create(const pbase_os *os, pbase_os_mutex **out, pbase_error *err)
{
    pbase_os_mutex *mutex = NULL;
    pbase_status status = sim_call_check(sim_of(os), OS_CALL_MUTEX, err);
    if (status != PBASE_OK) {
        return status;
    }
    mutex = pbase_alloc_zeroed(os->memory, 1, sizeof(*mutex));
    if (mutex == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "making a mutex");
    }
    mutex->sim = sim_of(os);
    if (mutex->sim->world == NULL) {
        status = pbase_os_real()->lock->mutex_create(pbase_os_real(), &mutex->real, err);
    }
    if (status != PBASE_OK) {
        pbase_alloc_free(os->memory, mutex, sizeof(*mutex));
        return status;
    }
    *out = mutex;
    return PBASE_OK;
}

static void mutex_destroy(pbase_os_mutex *mutex)
{
    if (mutex != NULL) {
        if (mutex->real != NULL) {
            pbase_os_real()->lock->mutex_destroy(mutex->real);
        }
        pbase_alloc_free(&mutex->sim->memory, mutex, sizeof(*mutex));
    }
}

/* In a world, without letting others go first. */
static void mutex_take(pbase_os_mutex *mutex)
{
    while (mutex->held) {
        (void)sim_world_wait(mutex->sim->world, mutex, SIM_NO_DEADLINE);
    }
    mutex->held = true;
}

static void mutex_give(pbase_os_mutex *mutex)
{
    PBASE_ASSERT(mutex->held);
    mutex->held = false;
    sim_world_wake(mutex->sim->world, mutex, true);
}

static void mutex_lock(pbase_os_mutex *mutex)
{
    if (mutex->real != NULL) {
        pbase_os_real()->lock->mutex_lock(mutex->real);
        return;
    }
    sim_world_pass(mutex->sim->world);
    mutex_take(mutex);
}

static void mutex_unlock(pbase_os_mutex *mutex)
{
    if (mutex->real != NULL) {
        pbase_os_real()->lock->mutex_unlock(mutex->real);
        return;
    }
    mutex_give(mutex);
    sim_world_pass(mutex->sim->world);
}

static pbase_status cond_create(const pbase_os *os, pbase_os_cond **out, pbase_error *err)
{
    pbase_os_cond *cond = NULL;
    pbase_status status = sim_call_check(sim_of(os), OS_CALL_MUTEX, err);
    if (status != PBASE_OK) {
        return status;
    }
    cond = pbase_alloc_zeroed(os->memory, 1, sizeof(*cond));
    if (cond == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "making a condition variable");
    }
    cond->sim = sim_of(os);
    if (cond->sim->world == NULL) {
        status = pbase_os_real()->lock->cond_create(pbase_os_real(), &cond->real, err);
    }
    if (status != PBASE_OK) {
        pbase_alloc_free(os->memory, cond, sizeof(*cond));
        return status;
    }
    *out = cond;
    return PBASE_OK;
}

static void cond_destroy(pbase_os_cond *cond)
{
    if (cond != NULL) {
        if (cond->real != NULL) {
            pbase_os_real()->lock->cond_destroy(cond->real);
        }
        pbase_alloc_free(&cond->sim->memory, cond, sizeof(*cond));
    }
}

static bool cond_wait(pbase_os_cond *cond, pbase_os_mutex *mutex, uint64_t deadline_ns)
{
    const pbase_os *real = pbase_os_real();
    if (cond->sim->world != NULL) {
        mutex_give(mutex);
        bool woken = sim_world_wait(cond->sim->world, cond, deadline_ns);
        mutex_take(mutex);
        return woken;
    }
    if (deadline_ns == UINT64_MAX) {
        return real->lock->cond_wait(cond->real, mutex->real, UINT64_MAX);
    }
    if (real->lock->cond_wait(cond->real, mutex->real,
                              real->system->monotonic_ns(real) + WAIT_REAL_NS)) {
        return true;
    }
    clock_advance_to(cond->sim, deadline_ns);
    return false;
}

static void cond_signal(pbase_os_cond *cond)
{
    if (cond->sim->world != NULL) {
        sim_world_wake(cond->sim->world, cond, false);
    } else {
        pbase_os_real()->lock->cond_signal(cond->real);
    }
}

static void cond_broadcast(pbase_os_cond *cond)
{
    if (cond->sim->world != NULL) {
        sim_world_wake(cond->sim->world, cond, true);
    } else {
        pbase_os_real()->lock->cond_broadcast(cond->real);
    }
}

/* In a world nobody else runs between the look at the word and the sleep. */
static bool word_wait(const pbase_os *os, const uint32_t *word, uint32_t seen, uint64_t deadline_ns)
{
    const pbase_os *real = pbase_os_real();
    sim_os *sim = sim_of(os);
    if (sim->world != NULL) {
        sim_world_pass(sim->world);
        return __atomic_load_n(word, __ATOMIC_SEQ_CST) != seen ||
               sim_world_wait(sim->world, word, deadline_ns);
    }
    if (deadline_ns == UINT64_MAX) {
        return real->lock->word_wait(real, word, seen, UINT64_MAX);
    }
    if (real->lock->word_wait(real, word, seen, real->system->monotonic_ns(real) + WAIT_REAL_NS)) {
        return true;
    }
    clock_advance_to(sim, deadline_ns);
    return false;
}

static void word_wake(const pbase_os *os, const uint32_t *word, bool everybody)
{
    sim_os *sim = sim_of(os);
    if (sim->world != NULL) {
        sim_world_wake(sim->world, word, everybody);
    } else {
        pbase_os_real()->lock->word_wake(pbase_os_real(), word, everybody);
    }
}

const pbase_os_lock_ops sim_lock_ops = {
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

static pbase_status rwlock_create(const pbase_os *os, pbase_os_rwlock **out, pbase_error *err)
{
    pbase_os_rwlock *lock = NULL;
    pbase_status status = sim_call_check(sim_of(os), OS_CALL_MUTEX, err);
    if (status != PBASE_OK) {
        return status;
    }
    lock = pbase_alloc_zeroed(os->memory, 1, sizeof(*lock));
    if (lock == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "making a lock");
    }
    lock->sim = sim_of(os);
    if (lock->sim->world == NULL) {
        status = pbase_os_real()->rwlock->create(pbase_os_real(), &lock->real, err);
    }
    if (status != PBASE_OK) {
        pbase_alloc_free(os->memory, lock, sizeof(*lock));
        return status;
    }
    *out = lock;
    return PBASE_OK;
}

static void rwlock_destroy(pbase_os_rwlock *lock)
{
    if (lock != NULL) {
        if (lock->real != NULL) {
            pbase_os_real()->rwlock->destroy(lock->real);
        }
        pbase_alloc_free(&lock->sim->memory, lock, sizeof(*lock));
    }
}

static void rwlock_read_lock(pbase_os_rwlock *lock)
{
    if (lock->real != NULL) {
        pbase_os_real()->rwlock->read_lock(lock->real);
        return;
    }
    sim_world_pass(lock->sim->world);
    while (lock->written) {
        (void)sim_world_wait(lock->sim->world, lock, SIM_NO_DEADLINE);
    }
    lock->readers++;
}

static void rwlock_read_unlock(pbase_os_rwlock *lock)
{
    if (lock->real != NULL) {
        pbase_os_real()->rwlock->read_unlock(lock->real);
        return;
    }
    PBASE_ASSERT(lock->readers > 0);
    lock->readers--;
    sim_world_wake(lock->sim->world, lock, true);
    sim_world_pass(lock->sim->world);
}

static void rwlock_write_lock(pbase_os_rwlock *lock)
{
    if (lock->real != NULL) {
        pbase_os_real()->rwlock->write_lock(lock->real);
        return;
    }
    sim_world_pass(lock->sim->world);
    while (lock->written || lock->readers > 0) {
        (void)sim_world_wait(lock->sim->world, lock, SIM_NO_DEADLINE);
    }
    lock->written = true;
}

static void rwlock_write_unlock(pbase_os_rwlock *lock)
{
    if (lock->real != NULL) {
        pbase_os_real()->rwlock->write_unlock(lock->real);
        return;
    }
    PBASE_ASSERT(lock->written);
    lock->written = false;
    sim_world_wake(lock->sim->world, lock, true);
    sim_world_pass(lock->sim->world);
}

const pbase_os_rwlock_ops sim_rwlock_ops = {
    .struct_size = sizeof(pbase_os_rwlock_ops),
    .create = rwlock_create,
    .destroy = rwlock_destroy,
    .read_lock = rwlock_read_lock,
    .read_unlock = rwlock_read_unlock,
    .write_lock = rwlock_write_lock,
    .write_unlock = rwlock_write_unlock,
};
