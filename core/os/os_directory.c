/* os_directory.c - directories and names of the real os. */
#include "os/os.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

static pbase_status directory_create(const pbase_os *os, const char *path, pbase_error *err)
{
    (void)os; /* the real one has no state */
    return mkdir(path, 0777) == 0 ? PBASE_OK
                                  : OS_FAIL_PATH(err, errno, "making the directory", path);
}

static bool name_is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static pbase_status directory_list(const pbase_os *os, const char *path,
                                   pbase_status (*each)(void *state, const char *name,
                                                        pbase_error *err),
                                   void *state, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    DIR *directory = opendir(path);
    (void)os; /* the real one has no state */
    if (directory == NULL) {
        return OS_FAIL_PATH(err, errno, "listing", path);
    }
    while (status == PBASE_OK) {
        errno = 0; /* the only way readdir tells an error from the end */
        struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            status = errno == 0 ? PBASE_OK : OS_FAIL_PATH(err, errno, "listing", path);
            break;
        }
        if (!name_is_dots(entry->d_name)) {
            status = each(state, entry->d_name, err);
        }
    }
    (void)closedir(directory); /* it was only read */
    return status;
}

static pbase_status directory_sync(const pbase_os *os, const char *path, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    int result;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)os; /* the real one has no state */
    if (fd < 0) {
        return OS_FAIL_PATH(err, errno, "opening the directory", path);
    }
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        status = OS_FAIL_PATH(err, errno, "flushing the directory", path);
    }
    (void)close(fd); /* it was only read */
    return status;
}

static pbase_status directory_rename(const pbase_os *os, const char *from, const char *to,
                                     pbase_error *err)
{
    pbase_status status = PBASE_OK;
    (void)os; /* the real one has no state */
    if (rename(from, to) != 0) {
        status = OS_FAIL_PATH(err, errno, "renaming", from);
        pbase_error_note(err, "to '%s'", to);
    }
    return status;
}

static pbase_status directory_remove_file(const pbase_os *os, const char *path, pbase_error *err)
{
    (void)os; /* the real one has no state */
    return unlink(path) == 0 ? PBASE_OK : OS_FAIL_PATH(err, errno, "removing", path);
}

static pbase_status directory_remove_directory(const pbase_os *os, const char *path,
                                               pbase_error *err)
{
    (void)os; /* the real one has no state */
    return rmdir(path) == 0 ? PBASE_OK : OS_FAIL_PATH(err, errno, "removing the directory", path);
}

static pbase_status directory_stat(const pbase_os *os, const char *path, pbase_os_stat *out,
                                   pbase_error *err)
{
    struct stat about;
    (void)os; /* the real one has no state */
    if (lstat(path, &about) != 0) {
        return OS_FAIL_PATH(err, errno, "looking at", path);
    }
    *out = (pbase_os_stat){
        .size_bytes = (uint64_t)about.st_size,
        .allocated_bytes = (uint64_t)about.st_blocks * 512u, /* st_blocks counts 512-byte units */
        .modified_ns = (int64_t)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec,
        .mode = about.st_mode & 07777u,
        .owner = about.st_uid,
        .is_directory = S_ISDIR(about.st_mode),
        .is_regular = S_ISREG(about.st_mode),
        .is_symlink = S_ISLNK(about.st_mode),
    };
    return PBASE_OK;
}

static pbase_status directory_resolve(const pbase_os *os, const char *path, pbase_buffer *out,
                                      pbase_error *err)
{
    char resolved[PATH_MAX];
    pbase_status status;
    (void)os; /* the real one has no state */
    if (realpath(path, resolved) == NULL) {
        return OS_FAIL_PATH(err, errno, "resolving", path);
    }
    status = pbase_buffer_reserve(out, strlen(resolved) + 1, err);
    if (status == PBASE_OK) {
        memcpy(out->data + out->size, resolved, strlen(resolved) + 1);
        out->size += strlen(resolved); /* the NUL follows and is not counted */
    }
    return status;
}

static pbase_status directory_space(const pbase_os *os, const char *path, uint64_t *out_free,
                                    uint64_t *out_total, pbase_error *err)
{
    struct statvfs about;
    int result;
    (void)os; /* the real one has no state */
    do {
        result = statvfs(path, &about);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return OS_FAIL_PATH(err, errno, "asking for the space of", path);
    }
    *out_free = (uint64_t)about.f_bavail * about.f_frsize;
    *out_total = (uint64_t)about.f_blocks * about.f_frsize;
    return PBASE_OK;
}

/* Numbers from <linux/magic.h> and the file systems' own sources, which it lacks. */
static bool is_network_type(uint32_t type)
{
    static const uint32_t types[] = {
        0x6969,     /* NFS */
        0x517b,     /* SMB */
        0xfe534d42, /* SMB2 */
        0xff534d42, /* CIFS */
        0x5346414f, /* OpenAFS */
        0x6b414653, /* kAFS */
        0x73757245, /* Coda */
        0x00c36400, /* Ceph */
        0x01021997, /* 9P */
        0x0bd00bd0, /* Lustre */
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i] == type) {
            return true;
        }
    }
    return false;
}

static pbase_status directory_is_network(const pbase_os *os, const char *path, bool *out,
                                         pbase_error *err)
{
    struct statfs about;
    int result;
    (void)os; /* the real one has no state */
    do {
        result = statfs(path, &about);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return OS_FAIL_PATH(err, errno, "asking for the file system of", path);
    }
    *out = is_network_type((uint32_t)about.f_type);
    return PBASE_OK;
}

const pbase_os_directory_ops os_directory_real = {
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
    .is_network = directory_is_network,
};
