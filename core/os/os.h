/* os.h - the real operating system behind <protobase/base/os.h>: Linux through glibc.
 *
 * What it adds to the contract: only regular files are opened; a lock keeps the holder's process
 * id in the first bytes of the locked file, so a lock wants a file of its own, opened for writing;
 * with PBASE_OS_DIRECT the caller aligns offset, size and memory to the device's logical block
 * (4096 always fits); a host name given to a socket is looked up by the system's resolver, which
 * may block for as long as its own time-outs; library threads block all signals.
 *
 * Threads: immutable, one for the process. */
#ifndef PBASE_OS_OS_H
#define PBASE_OS_OS_H
#include <protobase/base/os.h>

/* Lends the one real os, whose memory is the C library's heap. */
const pbase_os *pbase_os_real(void);

/* Its parts, one file each. */
extern const pbase_os_file_ops os_file_real;
extern const pbase_os_directory_ops os_directory_real;
extern const pbase_os_system_ops os_system_real;
extern const pbase_os_thread_ops os_thread_real;
extern const pbase_os_lock_ops os_lock_real;
extern const pbase_os_rwlock_ops os_rwlock_real;
extern const pbase_os_socket_ops os_socket_real;
extern const pbase_alloc os_memory_real;

/* Fills `err` with "<doing> '<path>': <text of number>" and the code that this number means for a
 * path: as PBASE_FAIL_ERRNO, and EXISTS, INVALID, LIMIT or UNSUPPORTED where those say more. A file
 * that stands where a folder should be is named instead of the text. */
#define OS_FAIL_PATH(err, number, doing, path)                                                     \
    os_fail_path((err), (number), __FILE__, (uint32_t)__LINE__, __func__, (doing), (path))
pbase_status os_fail_path(pbase_error *err, int number, const char *file, uint32_t line,
                          const char *function, const char *doing, const char *path);

/* The same of a path that was to be made: a folder that is missing above it is named. */
#define OS_FAIL_NEW_PATH(err, number, doing, path)                                                 \
    os_fail_new_path((err), (number), __FILE__, (uint32_t)__LINE__, __func__, (doing), (path))
pbase_status os_fail_new_path(pbase_error *err, int number, const char *file, uint32_t line,
                              const char *function, const char *doing, const char *path);

#endif
