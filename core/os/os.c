/* os.c - the table of tables, the heap, and what an errno means for a path. */
#include "os/os.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

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

/* Whether `path` stands in the way of what lies below it: a file, or nothing at all. */
static bool is_file(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISDIR(about.st_mode);
}

static bool is_missing(const char *path)
{
    struct stat about;
    return stat(path, &about) != 0 && errno == ENOENT;
}

/* The bytes of the shortest beginning of `path`, whole names, that `is` holds for; 0: of none. */
static size_t beginning_find(const char *path, bool (*is)(const char *path))
{
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof part) {
        return 0;
    }
    memcpy(part, path, size + 1);
    for (size_t end = 1; end <= size; end++) {
        if (path[end] == '/' || path[end] == '\0') {
            part[end] = '\0';
            if (is(part)) {
                return end;
            }
            part[end] = path[end];
        }
    }
    return 0;
}

static pbase_status fail_below_file(pbase_error *err, const char *file, uint32_t line,
                                    const char *function, const char *doing, const char *path,
                                    size_t part)
{
    pbase_status status = path[part] == '\0'
                              ? pbase_error_set(err, PBASE_INVALID, file, line, function,
                                                "%s '%s': it is a file, not a folder", doing, path)
                              : pbase_error_set(err, PBASE_INVALID, file, line, function,
                                                "%s '%s': '%.*s' is a file, not a folder", doing,
                                                path, (int)part, path);
    pbase_error_hint(err, "give the path of a folder");
    if (err != NULL) {
        err->system_errno = ENOTDIR;
    }
    return status;
}

pbase_status os_fail_path(pbase_error *err, int number, const char *file, uint32_t line,
                          const char *function, const char *doing, const char *path)
{
    size_t part = number == ENOTDIR ? beginning_find(path, is_file) : 0;
    if (part > 0) {
        return fail_below_file(err, file, line, function, doing, path, part);
    }
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
    } else if (number == EACCES) {
        pbase_error_hint(err, "give this user the permission, or run as a user who has it");
    }
    return status;
}

pbase_status os_fail_new_path(pbase_error *err, int number, const char *file, uint32_t line,
                              const char *function, const char *doing, const char *path)
{
    const char *last = strrchr(path, '/');
    size_t part = number == ENOENT && last != NULL ? beginning_find(path, is_missing) : 0;
    if (part == 0 || part > (size_t)(last - path)) {
        return os_fail_path(err, number, file, line, function, doing, path);
    }
    pbase_status status =
        pbase_error_set(err, PBASE_NOT_FOUND, file, line, function,
                        "%s '%s': there is no folder '%.*s'", doing, path, (int)part, path);
    pbase_error_hint(err, "make the folder '%.*s' first", (int)(last - path), path);
    if (err != NULL) {
        err->system_errno = ENOENT;
    }
    return status;
}
