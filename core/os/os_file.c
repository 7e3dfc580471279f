/* os_file.c - files of the real os.
 *
 * Every read and write carries its offset (pread, pwrite), so one file serves many threads. EINTR
 * and short transfers are finished here. A lock is flock(2): it belongs to the open file, so it is
 * exclusive between two opens of one process too and ends with it; the process id that flock does
 * not tell is kept as decimal text at the beginning of the locked file. */
#include "os/os.h"
#include "os/os_device.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRANSFER_BYTES_MAX ((size_t)0x40000000) /* of one system call; the kernel stops at 2 GiB */
#define HOLDER_DIGITS 20
#define HOLDER_TEXT_BYTES 24 /* a decimal 64-bit number filled with blanks, a newline, a NUL */

struct pbase_os_file {
    const pbase_alloc *alloc;
    size_t bytes; /* of this struct, path included */
    int fd;
    uint32_t flags; /* PBASE_OS_* */
    char path[];    /* for messages */
};

struct pbase_os_map {
    const pbase_alloc *alloc;
    void *data;
    size_t size;
};

static int open_flags(uint32_t flags)
{
    int access = (flags & PBASE_OS_WRITE) == 0  ? O_RDONLY
                 : (flags & PBASE_OS_READ) != 0 ? O_RDWR
                                                : O_WRONLY;
    /* O_NONBLOCK: a pipe or device in the way must not hang the open; regular files ignore it. */
    return access | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK |
           ((flags & PBASE_OS_CREATE) != 0 ? O_CREAT : 0) |
           ((flags & PBASE_OS_EXCLUSIVE) != 0 ? O_EXCL : 0) |
           ((flags & PBASE_OS_DIRECT) != 0 ? O_DIRECT : 0) |
           ((flags & PBASE_OS_DSYNC) != 0 ? O_DSYNC : 0) |
           ((flags & PBASE_OS_TRUNCATE) != 0 ? O_TRUNC : 0);
}

static pbase_status open_failed(const char *path, uint32_t flags, int number, pbase_error *err)
{
    if (number == EINVAL && (flags & PBASE_OS_DIRECT) != 0) {
        return PBASE_FAIL(err, PBASE_UNSUPPORTED, "'%s': its file system has no direct I/O", path);
    }
    if (number == ELOOP) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_INVALID, "'%s' is a symbolic link, which is not followed", path);
        pbase_error_hint(err, "give the path that it points to");
        return status;
    }
    return (flags & PBASE_OS_CREATE) != 0 ? OS_FAIL_NEW_PATH(err, number, "opening", path)
                                          : OS_FAIL_PATH(err, number, "opening", path);
}

static pbase_status regular_check(int fd, const char *path, pbase_error *err)
{
    struct stat about;
    if (fstat(fd, &about) != 0) {
        return OS_FAIL_PATH(err, errno, "looking at", path);
    }
    if (S_ISDIR(about.st_mode)) {
        pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "'%s' is a folder, not a file", path);
        pbase_error_hint(err, "give the path of a file");
        return status;
    }
    if (!S_ISREG(about.st_mode)) {
        return PBASE_FAIL(err, PBASE_INVALID, "'%s' is not a regular file", path);
    }
    return PBASE_OK;
}

static pbase_status file_open(const pbase_os *os, const char *path, uint32_t flags,
                              pbase_os_file **out, pbase_error *err)
{
    size_t path_bytes = strlen(path) + 1;
    size_t bytes = sizeof(pbase_os_file) + path_bytes;
    mode_t mode = (flags & PBASE_OS_PRIVATE) != 0 ? 0600 : 0666;
    pbase_status status = PBASE_OK;
    pbase_os_file *file = pbase_alloc_new(os->memory, bytes);
    if (file == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "opening '%s'", path);
    }
    do {
        file->fd = open(path, open_flags(flags), mode);
    } while (file->fd < 0 && errno == EINTR);
    if (file->fd < 0) {
        status = open_failed(path, flags, errno, err);
        goto failed;
    }
    status = regular_check(file->fd, path, err);
    if (status != PBASE_OK) {
        goto failed;
    }
    file->alloc = os->memory;
    file->bytes = bytes;
    file->flags = flags;
    memcpy(file->path, path, path_bytes);
    *out = file;
    return PBASE_OK;
failed:
    if (file->fd >= 0) {
        (void)close(file->fd); /* nothing was written */
    }
    pbase_alloc_free(os->memory, file, bytes);
    return status;
}

/* File offsets of the kernel are signed. */
static pbase_status range_check(const pbase_os_file *file, uint64_t offset, uint64_t size,
                                pbase_error *err)
{
    if (offset > INT64_MAX || size > (uint64_t)INT64_MAX - offset) {
        return PBASE_FAIL(err, PBASE_LIMIT, "'%s': offset %" PRIu64 " + %" PRIu64 " is past 2^63",
                          file->path, offset, size);
    }
    return PBASE_OK;
}

static size_t transfer_size(size_t left)
{
    return left < TRANSFER_BYTES_MAX ? left : TRANSFER_BYTES_MAX;
}

static pbase_status file_read(pbase_os_file *file, uint64_t offset, void *data, size_t size,
                              size_t *out_read, pbase_error *err)
{
    size_t done = 0;
    pbase_status status = range_check(file, offset, size, err);
    if (status != PBASE_OK) {
        return status;
    }
    while (done < size) {
        ssize_t got = pread(file->fd, (uint8_t *)data + done, transfer_size(size - done),
                            (off_t)(offset + done));
        if (got == 0) {
            break;
        }
        if (got > 0) {
            done += (size_t)got;
        } else if (errno != EINTR) {
            return OS_FAIL_PATH(err, errno, "reading", file->path);
        }
    }
    *out_read = done;
    return PBASE_OK;
}

static pbase_status file_write(pbase_os_file *file, uint64_t offset, const void *data, size_t size,
                               pbase_error *err)
{
    size_t done = 0;
    pbase_status status = range_check(file, offset, size, err);
    if (status != PBASE_OK) {
        return status;
    }
    while (done < size) {
        ssize_t put = pwrite(file->fd, (const uint8_t *)data + done, transfer_size(size - done),
                             (off_t)(offset + done));
        if (put > 0) {
            done += (size_t)put;
        } else if (put == 0) {
            return PBASE_FAIL(err, PBASE_IO, "writing '%s': the device takes nothing", file->path);
        } else if (errno != EINTR) {
            return OS_FAIL_PATH(err, errno, "writing", file->path);
        }
    }
    return PBASE_OK;
}

/* fdatasync also makes a changed size durable; times of the file may be lost. */
static pbase_status file_sync(pbase_os_file *file, pbase_error *err)
{
    int result;
    do {
        result = fdatasync(file->fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? PBASE_OK : OS_FAIL_PATH(err, errno, "flushing", file->path);
}

static pbase_status file_size(pbase_os_file *file, uint64_t *out_bytes, pbase_error *err)
{
    struct stat about;
    if (fstat(file->fd, &about) != 0) {
        return OS_FAIL_PATH(err, errno, "looking at", file->path);
    }
    *out_bytes = (uint64_t)about.st_size;
    return PBASE_OK;
}

static pbase_status file_truncate(pbase_os_file *file, uint64_t size_bytes, pbase_error *err)
{
    int result;
    pbase_status status = range_check(file, size_bytes, 0, err);
    if (status != PBASE_OK) {
        return status;
    }
    do {
        result = ftruncate(file->fd, (off_t)size_bytes);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? PBASE_OK : OS_FAIL_PATH(err, errno, "resizing", file->path);
}

/* Sandboxes and odd drivers say otherwise that there is no fallocate here. */
static bool is_refused_here(int number)
{
    return number == ENOSYS || number == EPERM || number == EINVAL;
}

static pbase_status file_reserve(pbase_os_file *file, int mode, uint64_t offset, uint64_t size,
                                 const char *doing, pbase_error *err)
{
    int result;
    pbase_status status = range_check(file, offset, size, err);
    if (status != PBASE_OK || size == 0) {
        return status;
    }
    do {
        result = fallocate(file->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return PBASE_OK;
    }
    return OS_FAIL_PATH(err, is_refused_here(errno) ? EOPNOTSUPP : errno, doing, file->path);
}

static pbase_status file_allocate(pbase_os_file *file, uint64_t offset, uint64_t size,
                                  pbase_error *err)
{
    return file_reserve(file, 0, offset, size, "reserving space in", err);
}

static pbase_status file_punch(pbase_os_file *file, uint64_t offset, uint64_t size,
                               pbase_error *err)
{
    return file_reserve(file, FALLOC_FL_PUNCH_HOLE, offset, size, "freeing a range of", err);
}

static pbase_status map_as(pbase_os_file *file, uint64_t size, int protection, pbase_os_map **out,
                           pbase_error *err)
{
    if (size == 0 || size > SIZE_MAX) {
        return PBASE_FAIL(err, PBASE_INVALID, "cannot map %" PRIu64 " bytes of '%s'", size,
                          file->path);
    }
    pbase_os_map *map = pbase_alloc_new(file->alloc, sizeof(*map));
    if (map == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "mapping '%s'", file->path);
    }
    map->alloc = file->alloc;
    map->size = (size_t)size;
    map->data = mmap(NULL, map->size, protection, MAP_SHARED, file->fd, 0);
    if (map->data == MAP_FAILED) {
        pbase_status status = OS_FAIL_PATH(err, errno, "mapping", file->path);
        pbase_alloc_free(map->alloc, map, sizeof(*map));
        return status;
    }
    *out = map;
    return PBASE_OK;
}

static pbase_status file_map(pbase_os_file *file, uint64_t size, pbase_os_map **out,
                             const uint8_t **out_data, pbase_error *err)
{
    pbase_status status = map_as(file, size, PROT_READ, out, err);
    if (status == PBASE_OK) {
        *out_data = (*out)->data;
    }
    return status;
}

static pbase_status file_map_shared(pbase_os_file *file, uint64_t size, pbase_os_map **out,
                                    uint8_t **out_data, pbase_error *err)
{
    pbase_status status = map_as(file, size, PROT_READ | PROT_WRITE, out, err);
    if (status == PBASE_OK) {
        *out_data = (*out)->data;
    }
    return status;
}

static void file_unmap(pbase_os_map *map)
{
    if (map != NULL) {
        (void)munmap(map->data, map->size); /* fails for wrong arguments only */
        pbase_alloc_free(map->alloc, map, sizeof(*map));
    }
}

#define LARGE_BYTES ((size_t)2 << 20)    /* of a large page, on what we run on */
#define SMALL_PAGES (LARGE_BYTES / 4096) /* in it, when pages have the least size there is */
#define FEW_PAGES_MAX (SMALL_PAGES / 4)  /* of these: more are cheaper kept than read again */

/* Lets go of a large page's worth of which some small pages are in memory and few: a system does not put
 * them together, so it would stay small for good. */
static void few_pages_drop(uint8_t *at)
{
    unsigned char pages[SMALL_PAGES];
    size_t found = 0;
    if (mincore(at, LARGE_BYTES, pages) != 0) {
        return; /* then it stays as it is */
    }
    for (size_t i = 0; i < SMALL_PAGES; i++) {
        found += pages[i] & 1u;
    }
    if (found != 0 && found <= FEW_PAGES_MAX) {
        (void)madvise(at, LARGE_BYTES, MADV_PAGEOUT); /* a hint */
    }
}

/* Whole large pages only: what is left at the ends is mapped as ever. A system that knows no large pages
 * of files says EINVAL or reads ahead as far. */
static void large_pages_want(uint8_t *at, size_t size)
{
    bool is_known = sysconf(_SC_PAGESIZE) == (long)(LARGE_BYTES / SMALL_PAGES);
    for (size_t i = 0; is_known && i + LARGE_BYTES <= size; i += LARGE_BYTES) {
        few_pages_drop(at + i);
    }
    /* A table of small pages would keep a large one from being mapped for good: since Linux 6.14 it goes with
     * what it maps. The pages stay in memory. */
    (void)madvise(at, size, MADV_DONTNEED); /* a hint, of a map that is shared */
    (void)madvise(at, size, MADV_HUGEPAGE); /* a hint */
}

static void file_map_read(const uint8_t *data, uint64_t size, uint32_t how)
{
    uint8_t *at = (uint8_t *)(uintptr_t)data;
    if (size == 0) {
        return;
    }
    if (how == PBASE_OS_READ_NOW) {
        size_t before = (uintptr_t)at % (uintptr_t)sysconf(_SC_PAGESIZE);
        (void)madvise(at - before, (size_t)size + before, MADV_WILLNEED); /* a hint */
        return;
    }
    (void)madvise(at, (size_t)size,
                  how == PBASE_OS_READ_FEW ? MADV_RANDOM : MADV_NORMAL); /* a hint */
    if (how == PBASE_OS_READ_ALL_OVER) {
        large_pages_want(at, (size_t)size);
    } else if (how == PBASE_OS_READ_ORDINARY) { /* of few, what lies in large pages is mapped so */
        (void)madvise(at, (size_t)size, MADV_NOHUGEPAGE); /* a hint */
    }
}

/* The process id in a lock file; 0 when there is none or that process is gone. */
static uint64_t holder_read(pbase_os_file *file)
{
    char text[HOLDER_TEXT_BYTES];
    size_t size = 0;
    uint64_t id;
    if (file_read(file, 0, text, sizeof(text) - 1, &size, NULL) != PBASE_OK) {
        return 0;
    }
    text[size] = '\0';
    id = strtoull(text, NULL, 10);
    if (id == 0 || id > INT32_MAX || (kill((pid_t)id, 0) != 0 && errno == ESRCH)) {
        return 0;
    }
    return id;
}

/* One text replaces another of the same length, in one write: cutting the file first would have the
 * file system free its block and write a new one at every opening. */
static pbase_status holder_write(pbase_os_file *file, pbase_error *err)
{
    char text[HOLDER_TEXT_BYTES], before[HOLDER_TEXT_BYTES];
    int size = snprintf(text, sizeof(text), "%-*" PRIu64 "\n", HOLDER_DIGITS, (uint64_t)getpid());
    size_t got = 0;
    if (file_read(file, 0, before, (size_t)size, &got, NULL) == PBASE_OK && got == (size_t)size &&
        memcmp(before, text, got) == 0) {
        return PBASE_OK; /* this process had it last */
    }
    return file_write(file, 0, text, (size_t)size, err);
}

/* A holder writes its id just after it has the lock: a moment later it can be read. */
#define HOLDER_TRIES 50u
#define HOLDER_PAUSE_NS 1000000

/* 0: the lock is ours; -1 with errno. EWOULDBLOCK comes with the holder, 0 if it stays unknown. */
static int lock_try(pbase_os_file *file, uint64_t *out_holder)
{
    int result = -1;
    *out_holder = 0;
    for (unsigned i = 0; i < HOLDER_TRIES; i++) {
        result = flock(file->fd, LOCK_EX | LOCK_NB);
        if (result == 0 || (errno != EWOULDBLOCK && errno != EINTR)) {
            return result;
        }
        *out_holder = holder_read(file);
        if (*out_holder != 0) {
            break;
        }
        const struct timespec pause = {.tv_nsec = HOLDER_PAUSE_NS};
        (void)nanosleep(&pause, NULL); /* a signal only makes it shorter */
    }
    errno = EWOULDBLOCK;
    return -1;
}

static pbase_status file_lock(pbase_os_file *file, uint64_t *out_holder, pbase_error *err)
{
    uint64_t holder = 0;
    int result = lock_try(file, &holder);
    if (result != 0 && errno == EWOULDBLOCK) {
        if (out_holder != NULL) {
            *out_holder = holder;
        }
        return PBASE_FAIL(err, PBASE_BUSY, "'%s' is locked by process %" PRIu64 "%s", file->path,
                          holder, holder == 0 ? " (unknown)" : "");
    }
    if (result != 0) {
        return OS_FAIL_PATH(err, errno, "locking", file->path);
    }
    return (file->flags & PBASE_OS_WRITE) == 0 ? PBASE_OK : holder_write(file, err);
}

static pbase_status file_lock_try(pbase_os_file *file, bool shared, pbase_error *err)
{
    int result;
    do {
        result = flock(file->fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return PBASE_OK;
    }
    if (errno == EWOULDBLOCK) {
        (void)flock(file->fd, LOCK_UN); /* a change of mode may or may not have lost the old one */
        return PBASE_FAIL(err, PBASE_BUSY, "'%s' is locked by another process", file->path);
    }
    return OS_FAIL_PATH(err, errno, "locking", file->path);
}

static void file_unlock(pbase_os_file *file)
{
    (void)flock(file->fd, LOCK_UN); /* fails for wrong arguments only */
}

static void file_close(pbase_os_file *file)
{
    if (file != NULL) {
        (void)close(file->fd); /* what must be durable was synced; nothing can be done here */
        pbase_alloc_free(file->alloc, file, file->bytes);
    }
}

static void file_pieces(pbase_os_file *file, pbase_os_pieces *out)
{
    os_device_pieces(file->fd, out);
}

const pbase_os_file_ops os_file_real = {
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
    .unmap = file_unmap,
    .map_read = file_map_read,
    .lock = file_lock,
    .lock_try = file_lock_try,
    .unlock = file_unlock,
    .close = file_close,
    .pieces = file_pieces,
};
