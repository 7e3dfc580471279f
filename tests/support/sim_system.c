/* sim_system.c - clock, randomness, threads, locks and the missing sockets of the simulated os. */
#include "os/os.h"
#include "sim_os_internal.h"

#define WAIT_REAL_NS 1000000u /* real time given to other threads before a timed wait times out */

/* ----------------------------------------------------------------------------------- system --- */

static uint64_t system_monotonic_ns(const pbase_os *os)
{
    sim_os *sim = sim_of(os);
    pthread_mutex_lock(&sim->lock);
    uint64_t now = ++sim->clock_ns;
    pthread_mutex_unlock(&sim->lock);
    return now;
}

static int64_t system_wall_ns(const pbase_os *os)
{
    return sim_of(os)->wall_offset_ns + (int64_t)system_monotonic_ns(os);
}

static void clock_advance_to(sim_os *sim, uint64_t ns)
{
    pthread_mutex_lock(&sim->lock);
    sim->clock_ns = ns > sim->clock_ns ? ns : sim->clock_ns;
    pthread_mutex_unlock(&sim->lock);
}

static void system_sleep_ns(const pbase_os *os, uint64_t ns)
{
    sim_os *sim = sim_of(os);
    clock_advance_to(sim, system_monotonic_ns(os) + ns);
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

static pbase_status thread_start(const pbase_os *os, const char *name, void (*run)(void *state),
                                 void *state, pbase_os_thread **out, pbase_error *err)
{
    pbase_status status = sim_call_check(sim_of(os), OS_CALL_THREAD, err);
    return status != PBASE_OK
               ? status
               : pbase_os_real()->thread->start(pbase_os_real(), name, run, state, out, err);
}

static void thread_join(pbase_os_thread *thread)
{
    pbase_os_real()->thread->join(thread);
}

static void thread_yield(const pbase_os *os)
{
    (void)os;
    pbase_os_real()->thread->yield(pbase_os_real());
}

static uint64_t thread_id(const pbase_os *os)
{
    (void)os;
    return pbase_os_real()->thread->id(pbase_os_real());
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
    pbase_os_mutex *real;
};

struct pbase_os_cond {
    sim_os *sim;
    pbase_os_cond *real;
};

struct pbase_os_rwlock {
    sim_os *sim;
    pbase_os_rwlock *real;
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
    status = pbase_os_real()->lock->mutex_create(pbase_os_real(), &mutex->real, err);
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
        pbase_os_real()->lock->mutex_destroy(mutex->real);
        pbase_alloc_free(&mutex->sim->memory, mutex, sizeof(*mutex));
    }
}

static void mutex_lock(pbase_os_mutex *mutex)
{
    pbase_os_real()->lock->mutex_lock(mutex->real);
}

static void mutex_unlock(pbase_os_mutex *mutex)
{
    pbase_os_real()->lock->mutex_unlock(mutex->real);
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
    status = pbase_os_real()->lock->cond_create(pbase_os_real(), &cond->real, err);
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
        pbase_os_real()->lock->cond_destroy(cond->real);
        pbase_alloc_free(&cond->sim->memory, cond, sizeof(*cond));
    }
}

static bool cond_wait(pbase_os_cond *cond, pbase_os_mutex *mutex, uint64_t deadline_ns)
{
    const pbase_os *real = pbase_os_real();
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
    pbase_os_real()->lock->cond_signal(cond->real);
}

static void cond_broadcast(pbase_os_cond *cond)
{
    pbase_os_real()->lock->cond_broadcast(cond->real);
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
    status = pbase_os_real()->rwlock->create(pbase_os_real(), &lock->real, err);
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
        pbase_os_real()->rwlock->destroy(lock->real);
        pbase_alloc_free(&lock->sim->memory, lock, sizeof(*lock));
    }
}

static void rwlock_read_lock(pbase_os_rwlock *lock)
{
    pbase_os_real()->rwlock->read_lock(lock->real);
}

static void rwlock_read_unlock(pbase_os_rwlock *lock)
{
    pbase_os_real()->rwlock->read_unlock(lock->real);
}

static void rwlock_write_lock(pbase_os_rwlock *lock)
{
    pbase_os_real()->rwlock->write_lock(lock->real);
}

static void rwlock_write_unlock(pbase_os_rwlock *lock)
{
    pbase_os_real()->rwlock->write_unlock(lock->real);
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

/* ---------------------------------------------------------------------------------- sockets --- */

static pbase_status no_sockets(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_UNSUPPORTED, "the simulated os has no network");
}

static pbase_status socket_open(const pbase_os *os, const char *endpoint, pbase_os_socket **out,
                                pbase_error *err)
{
    (void)os;
    (void)endpoint;
    (void)out;
    return no_sockets(err);
}

static pbase_status socket_accept(pbase_os_socket *listener, pbase_os_socket **out,
                                  pbase_error *err)
{
    (void)listener;
    (void)out;
    return no_sockets(err);
}

static pbase_status socket_finish_connect(pbase_os_socket *socket, pbase_error *err)
{
    (void)socket;
    return no_sockets(err);
}

static pbase_status socket_receive(pbase_os_socket *socket, void *data, size_t size,
                                   size_t *out_received, pbase_error *err)
{
    (void)socket;
    (void)data;
    (void)size;
    (void)out_received;
    return no_sockets(err);
}

static pbase_status socket_send(pbase_os_socket *socket, const void *data, size_t size,
                                size_t *out_sent, pbase_error *err)
{
    (void)socket;
    (void)data;
    (void)size;
    (void)out_sent;
    return no_sockets(err);
}

static pbase_status socket_wait(const pbase_os *os, pbase_os_poll *polls, size_t count,
                                uint64_t deadline_ns, pbase_error *err)
{
    (void)os;
    (void)polls;
    (void)count;
    (void)deadline_ns;
    return no_sockets(err);
}

static pbase_status socket_local_endpoint(pbase_os_socket *socket, pbase_buffer *out,
                                          pbase_error *err)
{
    (void)socket;
    (void)out;
    return no_sockets(err);
}

static void socket_close(pbase_os_socket *socket)
{
    (void)socket; /* none was ever made */
}

const pbase_os_socket_ops sim_socket_ops = {
    .struct_size = sizeof(pbase_os_socket_ops),
    .listen = socket_open,
    .accept = socket_accept,
    .connect = socket_open,
    .finish_connect = socket_finish_connect,
    .receive = socket_receive,
    .send = socket_send,
    .wait = socket_wait,
    .local_endpoint = socket_local_endpoint,
    .close = socket_close,
};
