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
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static pbase_status directory_create(const pbase_os *os, const char *path, pbase_error *err)
{
    (void)os; /* the real one has no state */
    return mkdir(path, 0777) == 0 ? PBASE_OK
                                  : OS_FAIL_NEW_PATH(err, errno, "making the directory", path);
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
    DIR *directory;
    (void)os; /* the real one has no state */
    do {
        directory = opendir(path);
    } while (directory == NULL && errno == EINTR);
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
    int fd;
    (void)os; /* the real one has no state */
    do {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
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

/* -------------------------------------------------------------------------- network types --- */

/* Numbers from <linux/magic.h> and the file systems' own sources, which it lacks. */
static const struct {
    uint32_t number;
    char name[12];
} network_types[] = {
    {0x6969, "nfs"},        {0x517b, "smb"},        {0xfe534d42, "smb2"},   {0xff534d42, "cifs"},
    {0x564c, "ncp"},        {0x5346414f, "afs"},    {0x6b414653, "kafs"},   {0x73757245, "coda"},
    {0x00c36400, "ceph"},   {0x01021997, "9p"},     {0x0bd00bd0, "lustre"}, {0x47504653, "gpfs"},
    {0x19830326, "beegfs"}, {0x786f4256, "vboxsf"}, {0xbacbacbc, "vmhgfs"},
};
#define TYPE_FUSE 0x65735546u

/* File systems in user space that keep their files in a local folder or device. */
static const char *const fuse_local[] = {
    "fuseblk",      "fuse.fuse-overlayfs", "fuse.bindfs", "fuse.mergerfs",
    "fuse.unionfs", "fuse.gocryptfs",      "fuse.encfs",  "fuse.cryfs",
};

/* The type of the mount with device number `wanted` in one line of /proc/self/mountinfo: "id parent
 * major:minor root point options [fields...] - type source options". */
static bool mount_line_type(char *line, dev_t wanted, char *out)
{
    char *at = line;
    char *dash = strstr(line, " - ");
    (void)strtoul(at, &at, 10); /* id */
    (void)strtoul(at, &at, 10); /* parent */
    unsigned long major_number = strtoul(at, &at, 10);
    unsigned long minor_number = *at == ':' ? strtoul(at + 1, &at, 10) : ULONG_MAX;
    if (dash == NULL || makedev((unsigned)major_number, (unsigned)minor_number) != wanted) {
        return false;
    }
    char *type = dash + strlen(" - ");
    type[strcspn(type, " \n")] = '\0';
    (void)snprintf(out, PBASE_OS_TYPE_BYTES, "%s", type); /* a longer one is cut */
    return true;
}

/* What a FUSE mount calls itself; "fuse" when that cannot be found out. */
static void fuse_type(const char *path, char *out)
{
    struct stat about;
    char line[1024];
    (void)snprintf(out, PBASE_OS_TYPE_BYTES, "fuse");
    FILE *mounts = stat(path, &about) == 0 ? fopen("/proc/self/mountinfo", "re") : NULL;
    while (mounts != NULL && fgets(line, sizeof(line), mounts) != NULL &&
           !mount_line_type(line, about.st_dev, out)) {
    }
    if (mounts != NULL) {
        (void)fclose(mounts); /* it was only read */
    }
    for (size_t i = 0; i < sizeof(fuse_local) / sizeof(fuse_local[0]); i++) {
        if (strcmp(out, fuse_local[i]) == 0) {
            out[0] = '\0';
            return;
        }
    }
}

static pbase_status directory_network_type(const pbase_os *os, const char *path, char *out,
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
    out[0] = '\0';
    if ((uint32_t)about.f_type == TYPE_FUSE) {
        fuse_type(path, out);
    }
    for (size_t i = 0; i < sizeof(network_types) / sizeof(network_types[0]); i++) {
        if ((uint32_t)about.f_type == network_types[i].number) {
            (void)snprintf(out, PBASE_OS_TYPE_BYTES, "%s", network_types[i].name); /* it fits */
        }
    }
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
    .network_type = directory_network_type,
};
