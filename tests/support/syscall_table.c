/* syscall_table.c - the table itself: errors as in the pages of section 2 of the Linux manual. */
#include "syscall_table.h"
#include <errno.h>
#include <sys/syscall.h>

#define CALL(call) .number = SYS_##call, .name = #call

#if defined(__x86_64__) /* others lack some of them, and have no gate */
const syscall_entry syscall_table[] = {
    /* files */
    {CALL(openat), .is_slow = true,
     .errors = {EACCES, EBADF,   EBUSY,     EDQUOT,     EEXIST,       EFAULT, EFBIG,
                EINVAL, EISDIR,  ELOOP,     EMFILE,     ENAMETOOLONG, ENFILE, ENODEV,
                ENOENT, ENOMEM,  ENOSPC,    ENOTDIR,    ENXIO,        EPERM,  EOPNOTSUPP,
                EROFS,  ETXTBSY, EOVERFLOW, EWOULDBLOCK}},
    {CALL(close), .is_slow = true, .happens = true, .errors = {EBADF, EIO, ENOSPC, EDQUOT}},
    {CALL(read), .moves_bytes = true, .is_slow = true,
     .errors = {EAGAIN, EBADF, EFAULT, EINVAL, EIO, EISDIR}},
    {CALL(pread64), .moves_bytes = true, .is_slow = true,
     .errors = {EAGAIN, EBADF, EFAULT, EINVAL, EIO, EISDIR, ENXIO, EOVERFLOW, ESPIPE}},
    {CALL(write), .moves_bytes = true, .is_slow = true,
     .errors = {EAGAIN, EBADF, EDESTADDRREQ, EDQUOT, EFAULT, EFBIG, EINVAL, EIO, ENOSPC, EPERM,
                EPIPE}},
    {CALL(pwrite64), .moves_bytes = true, .is_slow = true,
     .errors = {EAGAIN, EBADF, EDESTADDRREQ, EDQUOT, EFAULT, EFBIG, EINVAL, EIO, ENOSPC, ENXIO,
                EOVERFLOW, EPERM, EPIPE, ESPIPE}},
    {CALL(fsync), .is_slow = true, .errors = {EBADF, EDQUOT, EINVAL, EIO, ENOSPC, EROFS}},
    {CALL(fdatasync), .is_slow = true, .errors = {EBADF, EDQUOT, EINVAL, EIO, ENOSPC, EROFS}},
    {CALL(ftruncate), .is_slow = true,
     .errors = {EBADF, EFBIG, EINVAL, EIO, EISDIR, EPERM, EROFS, ETXTBSY}},
    {CALL(fallocate), .is_slow = true,
     .errors = {EBADF, EFBIG, EFAULT, EINVAL, EIO, ENODEV, ENOSPC, ENOSYS, EOPNOTSUPP, EPERM,
                ESPIPE, ETXTBSY}},
    {CALL(flock), .is_slow = true, .errors = {EBADF, EINVAL, ENOLCK, EWOULDBLOCK}},
    {CALL(fcntl), .is_slow = true,
     .errors = {EACCES, EAGAIN, EBADF, EBUSY, EDEADLK, EFAULT, EINVAL, EMFILE, ENOLCK, EPERM}},
    {CALL(mmap), .errors = {EACCES, EAGAIN, EBADF, EEXIST, EINVAL, ENFILE, ENODEV, ENOMEM,
                            EOVERFLOW, EPERM, ETXTBSY}},
    {CALL(munmap), .errors = {EINVAL, ENOMEM}},
    {CALL(msync), .errors = {EBUSY, EINVAL, ENOMEM}},
    /* names */
    {CALL(newfstatat), .errors = {EACCES, EBADF, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT,
                                  ENOMEM, ENOTDIR, EOVERFLOW}},
    {CALL(fstat), .errors = {EBADF, EFAULT, ENOMEM, EOVERFLOW}},
    {CALL(statx),
     .errors = {EACCES, EBADF, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR}},
    {CALL(statfs), .is_slow = true,
     .errors = {EACCES, EFAULT, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOSYS, ENOTDIR,
                EOVERFLOW}},
    {CALL(readlink),
     .errors = {EACCES, EFAULT, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR}},
    {CALL(getcwd), .errors = {EACCES, EFAULT, EINVAL, ENOENT, ENOMEM, ERANGE}},
    {CALL(getdents64), .errors = {EBADF, EFAULT, EINVAL, ENOENT, ENOTDIR}},
    {CALL(mkdir), .errors = {EACCES, EDQUOT, EEXIST, EFAULT, EINVAL, ELOOP, EMLINK, ENAMETOOLONG,
                             ENOENT, ENOMEM, ENOSPC, ENOTDIR, EPERM, EROFS}},
    {CALL(rename),
     .errors = {EACCES, EBUSY, EDQUOT, EEXIST, EFAULT, EINVAL, EISDIR, ELOOP, EMLINK, ENAMETOOLONG,
                ENOENT, ENOMEM, ENOSPC, ENOTDIR, ENOTEMPTY, EPERM, EROFS, EXDEV}},
    {CALL(unlink), .errors = {EACCES, EBUSY, EFAULT, EIO, EISDIR, ELOOP, ENAMETOOLONG, ENOENT,
                              ENOMEM, ENOTDIR, EPERM, EROFS}},
    {CALL(rmdir), .errors = {EACCES, EBUSY, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM,
                             ENOTDIR, ENOTEMPTY, EPERM, EROFS}},
    /* the process */
    {CALL(getrandom), .is_slow = true},
    {CALL(clock_nanosleep), .is_slow = true},
    {CALL(kill), .errors = {EINVAL, EPERM, ESRCH}},
    {CALL(futex)},
    {CALL(getpid)},
    {CALL(sched_yield)},
};

const size_t syscall_table_count = sizeof syscall_table / sizeof *syscall_table;
#else
const syscall_entry syscall_table[1];
const size_t syscall_table_count = 0;
#endif

size_t syscall_table_find(long number)
{
    size_t call = 0;
    while (call < syscall_table_count && syscall_table[call].number != number) {
        call++;
    }
    return call;
}
