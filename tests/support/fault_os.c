/* fault_os.c - copies the tables of the os underneath and puts itself before the calls that fail.
 *
 * Files and listeners are wrapped, since their calls do not say which os they belong to; mutexes,
 * conditions, threads and locks are those of the os underneath. */
#include "fault_os.h"
#include <stdlib.h>

struct pbase_os_file {
    fault_os *faulty;
    pbase_os_file *inner;
};

static fault_os *from(const pbase_os *os)
{
    return os->state;
}

/* Counts one call; the code to fail with, or OK. */
static pbase_status strike(fault_os *faulty, os_call kind, pbase_error *err)
{
    uint64_t count = atomic_fetch_add(&faulty->calls[kind], 1) + 1;
    uint64_t any =
        kind == OS_CALL_MEMORY ? 0 : atomic_fetch_add(&faulty->calls[OS_CALL_ANY], 1) + 1;
    uint64_t now = faulty->kind == kind ? count : faulty->kind == OS_CALL_ANY ? any : 0;
    if (faulty->at == 0 || now < faulty->at || (now > faulty->at && !faulty->forever)) {
        return PBASE_OK;
    }
    atomic_store(&faulty->has_failed, true);
    return PBASE_FAIL(err, faulty->code, "injected fault");
}

/* ------------------------------------------------------------------------------------ files --- */

static pbase_status file_open(const pbase_os *os, const char *path, uint32_t flags,
                              pbase_os_file **out, pbase_error *err)
{
    fault_os *faulty = from(os);
    pbase_os_file *file;
    pbase_status status = strike(faulty, OS_CALL_OPEN, err);
    if (status != PBASE_OK) {
        return status;
    }
    file = malloc(sizeof(*file));
    if (file == NULL) {
        abort(); /* a test without memory cannot go on */
    }
    file->faulty = faulty;
    status = faulty->inner->file->open(faulty->inner, path, flags, &file->inner, err);
    if (status != PBASE_OK) {
        free(file);
        return status;
    }
    *out = file;
    return PBASE_OK;
}

static const pbase_os_file_ops *inner_files(const pbase_os_file *file)
{
    return file->faulty->inner->file;
}

static pbase_status file_read(pbase_os_file *file, uint64_t offset, void *data, size_t size,
                              size_t *out_read, pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_READ, err);
    return status != PBASE_OK
               ? status
               : inner_files(file)->read(file->inner, offset, data, size, out_read, err);
}

static pbase_status file_write(pbase_os_file *file, uint64_t offset, const void *data, size_t size,
                               pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_WRITE, err);
    return status != PBASE_OK ? status
                              : inner_files(file)->write(file->inner, offset, data, size, err);
}

static pbase_status file_sync(pbase_os_file *file, pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_SYNC, err);
    return status != PBASE_OK ? status : inner_files(file)->sync(file->inner, err);
}

static pbase_status file_size(pbase_os_file *file, uint64_t *out_bytes, pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_SIZE, err);
    return status != PBASE_OK ? status : inner_files(file)->size(file->inner, out_bytes, err);
}

static pbase_status file_truncate(pbase_os_file *file, uint64_t size_bytes, pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_TRUNCATE, err);
    return status != PBASE_OK ? status : inner_files(file)->truncate(file->inner, size_bytes, err);
}

static pbase_status file_allocate(pbase_os_file *file, uint64_t offset, uint64_t size,
                                  pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_ALLOCATE, err);
    return status != PBASE_OK ? status
                              : inner_files(file)->allocate(file->inner, offset, size, err);
}

static pbase_status file_punch(pbase_os_file *file, uint64_t offset, uint64_t size,
                               pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_PUNCH, err);
    return status != PBASE_OK ? status : inner_files(file)->punch(file->inner, offset, size, err);
}

static pbase_status file_map(pbase_os_file *file, uint64_t size, pbase_os_map **out,
                             const uint8_t **out_data, pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_MAP, err);
    return status != PBASE_OK ? status
                              : inner_files(file)->map(file->inner, size, out, out_data, err);
}

static pbase_status file_map_shared(pbase_os_file *file, uint64_t size, pbase_os_map **out,
                                    uint8_t **out_data, pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_MAP, err);
    return status != PBASE_OK
               ? status
               : inner_files(file)->map_shared(file->inner, size, out, out_data, err);
}

static pbase_status file_lock(pbase_os_file *file, uint64_t *out_holder, pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_LOCK, err);
    return status != PBASE_OK ? status : inner_files(file)->lock(file->inner, out_holder, err);
}

static pbase_status file_lock_try(pbase_os_file *file, bool shared, pbase_error *err)
{
    pbase_status status = strike(file->faulty, OS_CALL_LOCK, err);
    return status != PBASE_OK ? status : inner_files(file)->lock_try(file->inner, shared, err);
}

static void file_unlock(pbase_os_file *file)
{
    inner_files(file)->unlock(file->inner);
}

static void file_close(pbase_os_file *file)
{
    if (file != NULL) {
        inner_files(file)->close(file->inner);
        free(file);
    }
}

static void file_pieces(pbase_os_file *file, pbase_os_pieces *out)
{
    inner_files(file)->pieces(file->inner, out);
}

static void files_init(fault_os *faulty)
{
    faulty->file = (pbase_os_file_ops){
        .struct_size = sizeof(pbase_os_file_ops),
        .open = file_open,
        .read = file_read,
        .write = file_write,
        .sync = file_sync,
        .size = file_size,
        .truncate = file_truncate,
        .allocate = file_allocate,
        .punch = file_punch,
        .map = file_map,
        .map_shared = file_map_shared,
        .unmap = faulty->inner->file->unmap,
        .lock = file_lock,
        .lock_try = file_lock_try,
        .unlock = file_unlock,
        .close = file_close,
        .pieces = file_pieces,
        .map_read = faulty->inner->file->map_read,
    };
}

/* ------------------------------------------------------------------------------ directories --- */

static pbase_status directory_create(const pbase_os *os, const char *path, pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_DIRECTORY_CREATE, err);
    return status != PBASE_OK ? status : inner->directory->create(inner, path, err);
}

static pbase_status directory_list(const pbase_os *os, const char *path,
                                   pbase_status (*each)(void *state, const char *name,
                                                        pbase_error *err),
                                   void *state, pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_DIRECTORY_LIST, err);
    return status != PBASE_OK ? status : inner->directory->list(inner, path, each, state, err);
}

static pbase_status directory_sync(const pbase_os *os, const char *path, pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_DIRECTORY_SYNC, err);
    return status != PBASE_OK ? status : inner->directory->sync(inner, path, err);
}

static pbase_status directory_rename(const pbase_os *os, const char *old_path, const char *new_path,
                                     pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_RENAME, err);
    return status != PBASE_OK ? status : inner->directory->rename(inner, old_path, new_path, err);
}

static pbase_status directory_remove_file(const pbase_os *os, const char *path, pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_REMOVE, err);
    return status != PBASE_OK ? status : inner->directory->remove_file(inner, path, err);
}

static pbase_status directory_remove_directory(const pbase_os *os, const char *path,
                                               pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_REMOVE, err);
    return status != PBASE_OK ? status : inner->directory->remove_directory(inner, path, err);
}

static pbase_status directory_stat(const pbase_os *os, const char *path, pbase_os_stat *out,
                                   pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_STAT, err);
    return status != PBASE_OK ? status : inner->directory->stat(inner, path, out, err);
}

static pbase_status directory_resolve(const pbase_os *os, const char *path, pbase_buffer *out,
                                      pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_STAT, err);
    return status != PBASE_OK ? status : inner->directory->resolve(inner, path, out, err);
}

static pbase_status directory_space(const pbase_os *os, const char *path, uint64_t *out_free,
                                    uint64_t *out_total, pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_SPACE, err);
    return status != PBASE_OK ? status
                              : inner->directory->space(inner, path, out_free, out_total, err);
}

static pbase_status directory_network_type(const pbase_os *os, const char *path, char *out,
                                           pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_STAT, err);
    return status != PBASE_OK ? status : inner->directory->network_type(inner, path, out, err);
}

static void directories_init(fault_os *faulty)
{
    faulty->directory = (pbase_os_directory_ops){
        .struct_size = sizeof(pbase_os_directory_ops),
        .create = directory_create,
        .list = directory_list,
        .sync = directory_sync,
        .rename = directory_rename,
        .remove_file = directory_remove_file,
        .remove_directory = directory_remove_directory,
        .stat = directory_stat,
        .resolve = directory_resolve,
        .space = directory_space,
        .network_type = directory_network_type,
    };
}

/* ----------------------------------------------------------------------------------- system --- */

static uint64_t system_monotonic_ns(const pbase_os *os)
{
    return from(os)->inner->system->monotonic_ns(from(os)->inner);
}

static int64_t system_wall_ns(const pbase_os *os)
{
    return from(os)->inner->system->wall_ns(from(os)->inner);
}

static void system_sleep_ns(const pbase_os *os, uint64_t ns)
{
    from(os)->inner->system->sleep_ns(from(os)->inner, ns);
}

static void system_random(const pbase_os *os, void *out, size_t size)
{
    from(os)->inner->system->random(from(os)->inner, out, size);
}

static uint64_t system_process_id(const pbase_os *os)
{
    return from(os)->inner->system->process_id(from(os)->inner);
}

static uint32_t system_user_id(const pbase_os *os)
{
    return from(os)->inner->system->user_id(from(os)->inner);
}

static bool system_is_privileged(const pbase_os *os)
{
    return from(os)->inner->system->is_privileged(from(os)->inner);
}

static uint32_t system_cpu_count(const pbase_os *os)
{
    return from(os)->inner->system->cpu_count(from(os)->inner);
}

static const char *system_environment(const pbase_os *os, const char *name)
{
    return from(os)->inner->system->environment(from(os)->inner, name);
}

static uint64_t system_coarse_ns(const pbase_os *os)
{
    return from(os)->inner->system->coarse_ns(from(os)->inner);
}

static uint64_t system_memory_bytes(const pbase_os *os)
{
    return from(os)->inner->system->memory_bytes(from(os)->inner);
}

static pbase_status system_fork_mark_create(const pbase_os *os, const uint32_t **out,
                                            pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_MAP, err);
    return status != PBASE_OK ? status : inner->system->fork_mark_create(inner, out, err);
}

static void system_fork_mark_destroy(const pbase_os *os, const uint32_t *mark)
{
    from(os)->inner->system->fork_mark_destroy(from(os)->inner, mark);
}

static void system_init(fault_os *faulty)
{
    faulty->system = (pbase_os_system_ops){
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
    const pbase_os_system_ops *inner = faulty->inner->system;
    faulty->system.coarse_ns = inner->coarse_ns == NULL ? NULL : system_coarse_ns;
    faulty->system.memory_bytes = inner->memory_bytes == NULL ? NULL : system_memory_bytes;
    if (inner->fork_mark_create != NULL) {
        faulty->system.fork_mark_create = system_fork_mark_create;
        faulty->system.fork_mark_destroy = system_fork_mark_destroy;
    }
}

/* ------------------------------------------------------------------------- threads and locks --- */

static pbase_status thread_start(const pbase_os *os, const char *name, void (*run)(void *state),
                                 void *state, pbase_os_thread **out, pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_THREAD, err);
    return status != PBASE_OK ? status : inner->thread->start(inner, name, run, state, out, err);
}

static void thread_yield(const pbase_os *os)
{
    from(os)->inner->thread->yield(from(os)->inner);
}

static uint64_t thread_id(const pbase_os *os)
{
    return from(os)->inner->thread->id(from(os)->inner);
}

static pbase_status mutex_create(const pbase_os *os, pbase_os_mutex **out, pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_MUTEX, err);
    return status != PBASE_OK ? status : inner->lock->mutex_create(inner, out, err);
}

static pbase_status cond_create(const pbase_os *os, pbase_os_cond **out, pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_MUTEX, err);
    return status != PBASE_OK ? status : inner->lock->cond_create(inner, out, err);
}

static bool word_wait(const pbase_os *os, const uint32_t *word, uint32_t seen, uint64_t deadline_ns)
{
    const pbase_os *inner = from(os)->inner;
    return inner->lock->word_wait(inner, word, seen, deadline_ns);
}

static void word_wake(const pbase_os *os, const uint32_t *word, bool everybody)
{
    const pbase_os *inner = from(os)->inner;
    inner->lock->word_wake(inner, word, everybody);
}

static pbase_status rwlock_create(const pbase_os *os, pbase_os_rwlock **out, pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_MUTEX, err);
    return status != PBASE_OK ? status : inner->rwlock->create(inner, out, err);
}

static void threads_init(fault_os *faulty)
{
    faulty->thread = *faulty->inner->thread;
    faulty->thread.start = thread_start;
    faulty->thread.yield = thread_yield;
    faulty->thread.id = thread_id;
    faulty->lock = *faulty->inner->lock;
    faulty->lock.mutex_create = mutex_create;
    faulty->lock.cond_create = cond_create;
    faulty->lock.word_wait = word_wait;
    faulty->lock.word_wake = word_wake;
    faulty->rwlock = *faulty->inner->rwlock;
    faulty->rwlock.create = rwlock_create;
}

/* ---------------------------------------------------------------------------------- sockets --- */

static pbase_status socket_listen(const pbase_os *os, const char *endpoint, pbase_os_socket **out,
                                  pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_SOCKET, err);
    return status != PBASE_OK ? status : inner->socket->listen(inner, endpoint, out, err);
}

static pbase_status socket_connect(const pbase_os *os, const char *endpoint, pbase_os_socket **out,
                                   pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_SOCKET, err);
    return status != PBASE_OK ? status : inner->socket->connect(inner, endpoint, out, err);
}

static pbase_status socket_wait(const pbase_os *os, pbase_os_poll *polls, size_t count,
                                uint64_t deadline_ns, pbase_error *err)
{
    const pbase_os *inner = from(os)->inner;
    pbase_status status = strike(from(os), OS_CALL_SOCKET, err);
    return status != PBASE_OK ? status : inner->socket->wait(inner, polls, count, deadline_ns, err);
}

/* The calls on an open socket go straight to the os underneath. */
static void sockets_init(fault_os *faulty)
{
    faulty->socket = *faulty->inner->socket;
    faulty->socket.listen = socket_listen;
    faulty->socket.connect = socket_connect;
    faulty->socket.wait = socket_wait;
}

/* ------------------------------------------------------------------------------------- life --- */

static void *memory_resize(const pbase_alloc *self, void *memory, size_t old_size, size_t new_size)
{
    fault_os *faulty = self->state;
    if (new_size > old_size && strike(faulty, OS_CALL_MEMORY, NULL) != PBASE_OK) {
        return NULL;
    }
    return faulty->inner->memory->resize(faulty->inner->memory, memory, old_size, new_size);
}

void fault_os_init(fault_os *faulty, const pbase_os *inner)
{
    memset(faulty, 0, sizeof(*faulty));
    faulty->inner = inner;
    faulty->memory = (pbase_alloc){.resize = memory_resize, .state = faulty};
    files_init(faulty);
    directories_init(faulty);
    system_init(faulty);
    threads_init(faulty);
    sockets_init(faulty);
    faulty->os = (pbase_os){
        .struct_size = sizeof(pbase_os),
        .file = &faulty->file,
        .directory = &faulty->directory,
        .system = &faulty->system,
        .thread = &faulty->thread,
        .lock = &faulty->lock,
        .rwlock = &faulty->rwlock,
        .socket = &faulty->socket,
        .memory = &faulty->memory,
        .state = faulty,
    };
}

void fault_os_fini(fault_os *faulty)
{
    memset(faulty, 0, sizeof(*faulty)); /* whoever still uses it finds out */
}

void fault_os_fail_at(fault_os *faulty, os_call kind, uint64_t n, pbase_status code, bool forever)
{
    faulty->kind = kind;
    faulty->at = n == 0 ? 0 : atomic_load(&faulty->calls[kind]) + n;
    faulty->code = code;
    faulty->forever = forever;
    atomic_store(&faulty->has_failed, false);
}

bool fault_os_has_failed(const fault_os *faulty)
{
    return atomic_load(&faulty->has_failed);
}

uint64_t fault_os_calls(const fault_os *faulty, os_call kind)
{
    return atomic_load(&faulty->calls[kind]);
}
