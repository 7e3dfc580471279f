/* file_segment.h - an open segment: one file, read and written through the page cache, or past it.
 *
 * A SYNC write of whole aligned units goes through a second descriptor with direct I/O, where the
 * file system has that (file_direct.h): one system call that returns when the bytes are on the device.
 * A PAST_CACHE write of such units goes through a third one, which does not wait for the device's cache.
 * Everything else is an ordinary write, and a SYNC one is followed by a flush of the file.
 *
 * Threads: synchronized, as the contract asks; `mutex` guards the lists and the bounce buffer,
 * flags are atomic. */
#ifndef PBASE_FILE_SEGMENT_H
#define PBASE_FILE_SEGMENT_H
#include "file_direct.h"

#include <protobase/base/limits.h>
#include <stdatomic.h>

typedef struct file_map file_map; /* fields in file_segment.c */

/* Which descriptor serves direct I/O. */
enum { FILE_DIRECT_UNTRIED, FILE_DIRECT_OPEN, FILE_DIRECT_NEVER };

typedef struct file_segment file_segment;
struct file_segment {
    pbase_segment base;
    file_segment *next; /* in the provider's list of open segments; its mutex guards both */
    char name[PBASE_NAME_BYTES_MAX + 1]; /* follows a rename; guarded by the provider's mutex */
    bool removed;                        /* likewise */
    const file_folder *folder;           /* borrowed until close */
    pbase_os_file *file;
    bool writable;
    _Atomic bool sealed;
    _Atomic bool failed;       /* a flush failed: only reads from now on */
    _Atomic uint64_t begun;    /* writes through the cache, so far */
    _Atomic uint64_t ended;    /* of those: returned by the system */
    _Atomic uint64_t flushed;  /* of those: covered by a flush that has returned */
    _Atomic bool name_pending; /* created, and its folder not synced yet */
    pbase_os_mutex *mutex;     /* guards all below */
    pbase_os_file *direct;     /* DIRECT and DSYNC */
    int direct_state;          /* FILE_DIRECT_* */
    file_direct *way;          /* of the folder; borrowed until close; not of the mutex */
    pbase_os_file *past_cache; /* DIRECT alone */
    int past_cache_state;      /* FILE_DIRECT_* */
    uint8_t *bounce;           /* for direct writes of memory that is not aligned */
    file_map *maps;
};

/* Wraps `file`, which it takes. Borrows `way` until destroy. */
PBASE_MUST_CHECK pbase_status file_segment_create(const file_folder *folder, const char *name,
                                                  bool writable, file_direct *way,
                                                  pbase_os_file **file, file_segment **out,
                                                  pbase_error *err);
void file_segment_destroy(file_segment *segment); /* NULL is fine */

/* The slots of pbase_blocks_segment_ops that concern the open file alone. */
PBASE_MUST_CHECK pbase_status file_segment_preallocate(file_segment *segment,
                                                       const pbase_call *call, uint64_t size,
                                                       pbase_error *err);
PBASE_MUST_CHECK pbase_status file_segment_reserve(file_segment *segment, uint64_t size,
                                                   pbase_error *err);
PBASE_MUST_CHECK pbase_status file_segment_write(file_segment *segment, uint64_t offset,
                                                 pbase_bytes data, uint32_t flags,
                                                 pbase_error *err);
PBASE_MUST_CHECK pbase_status file_segment_sync(file_segment *segment, pbase_error *err);
PBASE_MUST_CHECK pbase_status file_segment_read(file_segment *segment, uint64_t offset, void *out,
                                                size_t size, size_t *out_read, pbase_error *err);
/* Cuts the file to `size_bytes` and flushes it; the name is the provider's business. */
PBASE_MUST_CHECK pbase_status file_segment_cut(file_segment *segment, uint64_t size_bytes,
                                               pbase_error *err);
PBASE_MUST_CHECK pbase_status file_segment_map(file_segment *segment, uint64_t size,
                                               const uint8_t **out, pbase_error *err);
void file_segment_unmap(file_segment *segment, const uint8_t *data);
/* READ_ONLY when it may not be written, for whatever reason. */
PBASE_MUST_CHECK pbase_status file_segment_check_writable(const file_segment *segment,
                                                          pbase_error *err);

#endif
