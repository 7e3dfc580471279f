/* os.h - everything that core and plugins may ask of the operating system.
 *
 * Files, directories, clock, randomness, threads, locks, waits, sockets and memory are reached
 * through these tables only, never through libc, so that a test can fail the n-th call of each and
 * a simulated disk, clock and network can stand in (tests/support/sim_os). The real one is in
 * core/os/. One pbase_os serves a process or a simulation; the host lends it to plugins.
 *
 * Contract of every call: errors fill `err` with the path and the errno text; EINTR is handled
 * inside; short reads and writes never reach the caller. What a call returns belongs to the caller
 * until the named ender. Threads: all tables are synchronized; one file may be used by many
 * threads (reads and writes carry their offset). */
#ifndef PROTOBASE_BASE_OS_H
#define PROTOBASE_BASE_OS_H
#include <protobase/base/bytes.h>
#include <protobase/base/call.h>
PBASE_BEGIN_DECLS

typedef struct pbase_os pbase_os;
typedef struct pbase_os_file pbase_os_file;     /* an open file */
typedef struct pbase_os_map pbase_os_map;       /* a read-only mapping of a file */
typedef struct pbase_os_thread pbase_os_thread; /* a running or finished thread */
typedef struct pbase_os_mutex pbase_os_mutex;   /* not recursive */
typedef struct pbase_os_cond pbase_os_cond;     /* condition variable */
typedef struct pbase_os_rwlock pbase_os_rwlock; /* many readers or one writer */
typedef struct pbase_os_socket pbase_os_socket; /* a stream socket, listening or connected */

/* Flags of file open. */
#define PBASE_OS_READ 0x01u
#define PBASE_OS_WRITE 0x02u
#define PBASE_OS_CREATE 0x04u    /* make it if it is missing */
#define PBASE_OS_EXCLUSIVE 0x08u /* with CREATE: PBASE_EXISTS if it is there */
#define PBASE_OS_DIRECT 0x10u    /* bypass the page cache; UNSUPPORTED if the file system cannot */
#define PBASE_OS_DSYNC 0x20u     /* each write is durable when it returns */
#define PBASE_OS_TRUNCATE 0x40u
#define PBASE_OS_PRIVATE 0x80u /* created with mode 0600 instead of 0666 less umask */

#define PBASE_OS_TYPE_BYTES 32u /* the longest name of a file system's type, NUL included */

typedef struct {
    uint64_t size_bytes;
    uint64_t allocated_bytes; /* on the device; below size_bytes when sparse */
    int64_t modified_ns;      /* wall clock */
    uint32_t mode;            /* permission bits */
    uint32_t owner;           /* user id */
    uint8_t is_directory;
    uint8_t is_regular;
    uint8_t is_symlink; /* never followed by file_stat */
    uint8_t reserved[5];
} pbase_os_stat;

/* In what pieces the device below a file takes writes; 0: not known. */
typedef struct {
    uint32_t direct_bytes; /* offsets and sizes with PBASE_OS_DIRECT are multiples of it */
    uint32_t
        whole_bytes; /* a write of this size and alignment is not torn when the power fails, and
                              puts nothing beside it at risk */
} pbase_os_pieces;

/* How a map is going to be read. */
#define PBASE_OS_READ_ORDINARY 0u /* as if nothing had been said */
/* Here and there, a few times: nothing but what is touched is worth reading. */
#define PBASE_OS_READ_FEW 1u
/* It is written, and read all over, again and again: the system may bring it in large pieces and map it
 * with large pages. What it has in small ones, because few were read, may go and come back. */
#define PBASE_OS_READ_ALL_OVER 2u
/* This part is read at once: what of it is not in memory may be brought in one piece. */
#define PBASE_OS_READ_NOW 3u

/* Files. Offsets and sizes in bytes. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* Symbolic links in the last component are refused. */
    pbase_status (*open)(const pbase_os *os, const char *path, uint32_t flags, pbase_os_file **out,
                         pbase_error *err);
    /* Reads exactly `size` bytes unless the file ends first; `out_read` tells. */
    pbase_status (*read)(pbase_os_file *file, uint64_t offset, void *data, size_t size,
                         size_t *out_read, pbase_error *err);
    /* Writes all of it or fails; what a failed write left behind is unspecified. */
    pbase_status (*write)(pbase_os_file *file, uint64_t offset, const void *data, size_t size,
                          pbase_error *err);
    /* Data and size durable. After a failure the file must not be trusted: never call it again. */
    pbase_status (*sync)(pbase_os_file *file, pbase_error *err);
    pbase_status (*size)(pbase_os_file *file, uint64_t *out_bytes, pbase_error *err);
    pbase_status (*truncate)(pbase_os_file *file, uint64_t size_bytes, pbase_error *err);
    /* Reserves disk space without changing what is read; UNSUPPORTED where it cannot. */
    pbase_status (*allocate)(pbase_os_file *file, uint64_t offset, uint64_t size, pbase_error *err);
    /* Gives a range back to the file system; it then reads as zeros. */
    pbase_status (*punch)(pbase_os_file *file, uint64_t offset, uint64_t size, pbase_error *err);
    /* Read-only view of the first `size` bytes, valid until unmap, also after close and remove.
     * `size` may reach beyond the end of the file, for one that grows: touching such bytes before
     * they have been written raises SIGBUS. */
    pbase_status (*map)(pbase_os_file *file, uint64_t size, pbase_os_map **out,
                        const uint8_t **out_data, pbase_error *err);
    /* The first `size` bytes, which the file has, as memory that may be written, too: what one process
     * stores, every other that maps them so reads at once. Flushed by nothing but `sync`. */
    pbase_status (*map_shared)(pbase_os_file *file, uint64_t size, pbase_os_map **out,
                               uint8_t **out_data, pbase_error *err);
    void (*unmap)(pbase_os_map *map); /* of either kind */
    /* Whole-file lock that ends with the file or the process. BUSY: `out_holder` (may be NULL) is
     * the process id that has it, 0 if unknown. Also exclusive between two opens of one process. */
    pbase_status (*lock)(pbase_os_file *file, uint64_t *out_holder, pbase_error *err);
    /* The same lock without a name, for one that is taken often: never writes, and does not wait to
     * learn who has it. `shared`: many may hold it at once, and nobody exclusively. An open that
     * holds it already changes its mode; after BUSY it holds nothing. */
    pbase_status (*lock_try)(pbase_os_file *file, bool shared, pbase_error *err);
    void (*unlock)(pbase_os_file *file); /* of lock or lock_try; nothing held is fine */
    void (*close)(pbase_os_file *file);
    void (*pieces)(pbase_os_file *file, pbase_os_pieces *out);
    /* Optional: how what lies between data and data + size, of a map, is going to be read; PBASE_OS_READ_.
     * A hint: nothing but speed depends on it. Any thread, also while others read there. */
    void (*map_read)(const uint8_t *data, uint64_t size, uint32_t how);
} pbase_os_file_ops;

/* Directories and names. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* Makes one level with mode 0777 less umask. EXISTS if the name is taken. */
    pbase_status (*create)(const pbase_os *os, const char *path, pbase_error *err);
    /* Names without "." and "..", in no order; `each` returning anything but OK stops the listing
     * with that status. `each` must not call back into this directory. */
    pbase_status (*list)(const pbase_os *os, const char *path,
                         pbase_status (*each)(void *state, const char *name, pbase_error *err),
                         void *state, pbase_error *err);
    /* Makes creations, renames and removals in it durable. */
    pbase_status (*sync)(const pbase_os *os, const char *path, pbase_error *err);
    /* Atomic; replaces `to`. Durable after `sync` of the directory. */
    pbase_status (*rename)(const pbase_os *os, const char *from, const char *to, pbase_error *err);
    pbase_status (*remove_file)(const pbase_os *os, const char *path, pbase_error *err);
    pbase_status (*remove_directory)(const pbase_os *os, const char *path, pbase_error *err);
    pbase_status (*stat)(const pbase_os *os, const char *path, pbase_os_stat *out,
                         pbase_error *err);
    /* Absolute, symbolic links resolved; the buffer gets the bytes and a NUL that is not counted. */
    pbase_status (*resolve)(const pbase_os *os, const char *path, pbase_buffer *out,
                            pbase_error *err);
    /* Bytes that this user may still write, and the total, of the file system of `path`. */
    pbase_status (*space)(const pbase_os *os, const char *path, uint64_t *out_free,
                          uint64_t *out_total, pbase_error *err);
    /* The name of the file system's type ("nfs", "cifs", "9p", "fuse.sshfs", ...) when it is reached
     * over a network or through a program that may do so, and its locks and flushes can therefore
     * not be relied on; empty when it is local. Fills at most PBASE_OS_TYPE_BYTES, NUL included. */
    pbase_status (*network_type)(const pbase_os *os, const char *path, char *out, pbase_error *err);
} pbase_os_directory_ops;

/* Clock, randomness, and facts about the process. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t (*monotonic_ns)(const pbase_os *os);
    int64_t (*wall_ns)(const pbase_os *os); /* since 1970-01-01 UTC; may jump */
    void (*sleep_ns)(const pbase_os *os, uint64_t ns);
    /* Cryptographic quality; cannot fail after start-up. */
    void (*random)(const pbase_os *os, void *out, size_t size);
    uint64_t (*process_id)(const pbase_os *os);
    uint32_t (*user_id)(const pbase_os *os);
    bool (*is_privileged)(const pbase_os *os); /* set-user-id and the like */
    uint32_t (*cpu_count)(const pbase_os *os);
    /* An environment variable, NULL when unset. Lent until the environment changes. */
    const char *(*environment)(const pbase_os *os, const char *name);
    /* Optional: monotonic_ns as it was some milliseconds ago at most, for a fraction of its price. */
    uint64_t (*coarse_ns)(const pbase_os *os);
    /* Optional, both or none: a word that is 1 in the process that made it and 0 in every child that
     * is forked from it, so that asking "am I the one who opened this?" costs a load instead of a
     * system call. UNSUPPORTED where the system has no such memory: compare process_id. */
    pbase_status (*fork_mark_create)(const pbase_os *os, const uint32_t **out, pbase_error *err);
    void (*fork_mark_destroy)(const pbase_os *os, const uint32_t *mark); /* by the process itself */
    /* Optional: memory of the machine, or what the process's group may take of it; 0: nobody knows. */
    uint64_t (*memory_bytes)(const pbase_os *os);
} pbase_os_system_ops;

/* Threads. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* `name` is at most 15 bytes. NO_MEMORY or LIMIT when it cannot start. */
    pbase_status (*start)(const pbase_os *os, const char *name, void (*run)(void *state),
                          void *state, pbase_os_thread **out, pbase_error *err);
    void (*join)(pbase_os_thread *thread); /* waits for its end and frees it */
    void (*yield)(const pbase_os *os);
    uint64_t (*id)(const pbase_os *os); /* of the calling thread */
} pbase_os_thread_ops;

/* Locks and waits. Locking and waiting cannot fail; unlocking what is not held is a bug. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    pbase_status (*mutex_create)(const pbase_os *os, pbase_os_mutex **out, pbase_error *err);
    void (*mutex_destroy)(pbase_os_mutex *mutex);
    void (*mutex_lock)(pbase_os_mutex *mutex);
    void (*mutex_unlock)(pbase_os_mutex *mutex);
    pbase_status (*cond_create)(const pbase_os *os, pbase_os_cond **out, pbase_error *err);
    void (*cond_destroy)(pbase_os_cond *cond);
    /* Spurious wake-ups happen. Returns false when `deadline_ns` (monotonic) passed. */
    bool (*cond_wait)(pbase_os_cond *cond, pbase_os_mutex *mutex, uint64_t deadline_ns);
    void (*cond_signal)(pbase_os_cond *cond);
    void (*cond_broadcast)(pbase_os_cond *cond);
    /* A word to sleep on, of this process: for who would take a mutex only to wait for a value that is
     * changed without it. Sleeps until `word` is woken, and not at all when it is not `seen` any more: one
     * step for whoever changes it first and wakes then. Spurious wake-ups happen. Returns false when
     * `deadline_ns` (monotonic) passed. Every os has both, as all that stands above. */
    bool (*word_wait)(const pbase_os *os, const uint32_t *word, uint32_t seen,
                      uint64_t deadline_ns);
    /* Wakes one who sleeps on `word`, or all. The word itself is not looked at and may be gone. */
    void (*word_wake)(const pbase_os *os, const uint32_t *word, bool everybody);
} pbase_os_lock_ops;

typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    pbase_status (*create)(const pbase_os *os, pbase_os_rwlock **out, pbase_error *err);
    void (*destroy)(pbase_os_rwlock *lock);
    void (*read_lock)(pbase_os_rwlock *lock);
    void (*read_unlock)(pbase_os_rwlock *lock);
    void (*write_lock)(pbase_os_rwlock *lock);
    void (*write_unlock)(pbase_os_rwlock *lock);
} pbase_os_rwlock_ops;

/* Stream sockets, never blocking; `wait` is the one place where a thread sleeps for them. */
#define PBASE_OS_READABLE 0x01u
#define PBASE_OS_WRITABLE 0x02u
typedef struct {
    pbase_os_socket *socket;
    uint32_t events; /* wanted */
    uint32_t ready;  /* filled by wait */
} pbase_os_poll;
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* `endpoint` is "host:port" or "[v6]:port"; port 0 picks one. */
    pbase_status (*listen)(const pbase_os *os, const char *endpoint, pbase_os_socket **out,
                           pbase_error *err);
    /* BUSY: nobody is waiting. */
    pbase_status (*accept)(pbase_os_socket *listener, pbase_os_socket **out, pbase_error *err);
    /* Starts; becomes writable when done, and `finish_connect` then tells how it went. */
    pbase_status (*connect)(const pbase_os *os, const char *endpoint, pbase_os_socket **out,
                            pbase_error *err);
    pbase_status (*finish_connect)(pbase_os_socket *socket, pbase_error *err);
    /* BUSY: nothing now. OK with 0 bytes: the peer closed. */
    pbase_status (*receive)(pbase_os_socket *socket, void *data, size_t size, size_t *out_received,
                            pbase_error *err);
    pbase_status (*send)(pbase_os_socket *socket, const void *data, size_t size, size_t *out_sent,
                         pbase_error *err);
    /* TIMEOUT when nothing became ready by `deadline_ns`. */
    pbase_status (*wait)(const pbase_os *os, pbase_os_poll *polls, size_t count,
                         uint64_t deadline_ns, pbase_error *err);
    /* "address:port" of this end. */
    pbase_status (*local_endpoint)(pbase_os_socket *socket, pbase_buffer *out, pbase_error *err);
    void (*close)(pbase_os_socket *socket);
} pbase_os_socket_ops;

/* The whole of it. Every table is present in every implementation. */
struct pbase_os {
    uint32_t struct_size;
    uint32_t reserved;
    const pbase_os_file_ops *file;
    const pbase_os_directory_ops *directory;
    const pbase_os_system_ops *system;
    const pbase_os_thread_ops *thread;
    const pbase_os_lock_ops *lock;
    const pbase_os_rwlock_ops *rwlock;
    const pbase_os_socket_ops *socket;
    const pbase_alloc *memory; /* the allocator everything above and its users take from */
    void *state;               /* the implementation's */
};

/* CANCELLED or TIMEOUT when `call` (NULL never ends) is over, else OK. Every wait loop asks. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_call_check(const pbase_call *call, const pbase_os *os,
                                                         pbase_error *err);
/* Deadline of a call that may take `timeout_ms` from now; 0 means no deadline. */
PBASE_API uint64_t pbase_os_deadline(const pbase_os *os, uint64_t timeout_ms);

PBASE_END_DECLS
#endif
