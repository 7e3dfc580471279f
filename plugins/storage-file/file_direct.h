/* file_direct.h - whether durable writes of a folder go past the page cache, and in what units.
 *
 * Tried rather than asked: the first durable write of whole units goes past the cache, with one system
 * call that returns when the bytes are on the device. A file system that refuses has written nothing;
 * from then on every write of the folder goes through the cache and is flushed. Which way it went is
 * logged once, and told by `geometry`.
 *
 * Threads: synchronized; the state is atomic, the rest does not change. */
#ifndef PBASE_FILE_DIRECT_H
#define PBASE_FILE_DIRECT_H
#include "file_folder.h"
#include <stdatomic.h>

#define FILE_UNIT_BYTES_MIN 512u
#define FILE_UNIT_BYTES_MAX 4096u

/* What the configuration says. */
typedef enum { FILE_DIRECT_AUTO, FILE_DIRECT_ALWAYS, FILE_DIRECT_REFUSED } file_direct_wish;
enum { FILE_WAY_UNTRIED, FILE_WAY_DIRECT, FILE_WAY_CACHED };

typedef struct {
    const file_folder *folder; /* borrowed until close */
    file_direct_wish wish;
    _Atomic uint32_t unit_bytes; /* FILE_UNIT_BYTES_MIN or _MAX, which is right everywhere */
    _Atomic bool is_measured;    /* the device was asked for it */
    _Atomic int way;             /* FILE_WAY_* */
} file_direct;

/* UNSUPPORTED: ALWAYS is wished, and the file system has no direct I/O. */
PBASE_MUST_CHECK pbase_status file_direct_init(file_direct *direct, const file_folder *folder,
                                               file_direct_wish wish, pbase_error *err);
/* Before something is written: asks the device below `file`, which lies in the folder, for the unit, once. An
 * opening that only reads does without. */
void file_direct_measure(file_direct *direct, pbase_os_file *file);
static inline uint32_t file_direct_unit(const file_direct *direct)
{
    return atomic_load_explicit(&direct->unit_bytes, memory_order_relaxed);
}
/* False: do not try. */
static inline bool file_direct_may(const file_direct *direct)
{
    return atomic_load_explicit(&direct->way, memory_order_relaxed) != FILE_WAY_CACHED;
}
/* A write has gone past the cache, or the file system refused it. */
void file_direct_works(file_direct *direct);
void file_direct_refused(file_direct *direct);

#endif
