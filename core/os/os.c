/* os.c - the table of tables, the heap, and what an errno means for a path. */
#include "os/os.h"
#include <errno.h>
#include <stdlib.h>

static void *memory_resize(const pbase_alloc *self, void *memory, size_t old_size, size_t new_size)
{
    (void)self;     /* the C library's heap has no state of ours */
    (void)old_size; /* and knows the sizes itself */
    if (new_size == 0) {
        free(memory);
        return NULL;
    }
    return realloc(memory, new_size);
}

const pbase_alloc os_memory_real = {.resize = memory_resize};

static const pbase_os os_real = {
    .struct_size = sizeof(pbase_os),
    .file = &os_file_real,
    .directory = &os_directory_real,
    .system = &os_system_real,
    .thread = &os_thread_real,
    .lock = &os_lock_real,
    .rwlock = &os_rwlock_real,
    .socket = &os_socket_real,
    .memory = &os_memory_real,
};

const pbase_os *pbase_os_real(void)
{
    return &os_real;
}

/* What errno says about a path beyond PBASE_FAIL_ERRNO; OK: nothing. */
static pbase_status path_status(int number)
{
    switch (number) {
    case EEXIST:
        return PBASE_EXISTS;
    case ELOOP: /* O_NOFOLLOW met a symbolic link */
    case EISDIR:
    case ENOTDIR:
    case ENOTEMPTY:
    case ENAMETOOLONG:
    case EINVAL:
        return PBASE_INVALID;
    case EMFILE:
    case ENFILE:
    case EFBIG:
        return PBASE_LIMIT;
    case EOPNOTSUPP:
        return PBASE_UNSUPPORTED;
    default:
        return PBASE_OK;
    }
}

pbase_status os_fail_path(pbase_error *err, int number, const char *file, uint32_t line,
                          const char *function, const char *doing, const char *path)
{
    pbase_status status =
        pbase_error_set_errno(err, number, file, line, function, "%s '%s'", doing, path);
    pbase_status better = path_status(number);
    if (better != PBASE_OK) {
        status = better;
        if (err != NULL) {
            err->code = better;
        }
    }
    if (number == EMFILE || number == ENFILE) {
        pbase_error_hint(err, "raise the limit of open files (ulimit -n)");
    }
    return status;
}
