/* file_blocks_private.h - what the parts of block_provider/file share: its state and the way in.
 *
 * One mutex makes changes of names atomic within the process and serializes keys; whoever touches
 * names enters, which takes the mutex once what was there before is durable. */
#ifndef PBASE_FILE_BLOCKS_PRIVATE_H
#define PBASE_FILE_BLOCKS_PRIVATE_H
#include "file_blocks.h"
#include "file_folder.h"
#include "file_locks.h"
#include "file_segment.h"

typedef struct {
    pbase_blocks base;
    const pbase_host *host; /* borrowed until close */
    file_folder folder;
    uint64_t segment_bytes;
    file_direct direct;
    bool only_reads;       /* nothing in the folder is changed, not even marks and locks */
    pbase_os_mutex *mutex; /* guards names, keys, and all below */
    bool found_clean;      /* the last who used the folder ended in order: nothing in it was torn */
    bool mark_is_gone;     /* of such an end, for good */
    bool names_durable;    /* what was there when we came, has been synced */
    bool names_pending;    /* a segment was made and closed without a flush */
    file_segment *open_segments;
    pbase_os_file *lock_file; /* NULL while not locked */
    bool keys_failed;         /* a key may or may not have been written: no more writes */
    bool attached;            /* one of several users; else `lock_file` is held exclusively */
    bool alone;               /* after leave: nobody else is left */
    file_locks *locks;        /* between users; has its own lock */
} file_blocks;

static inline file_blocks *file_blocks_from(pbase_blocks *self)
{
    PBASE_ASSERT(self->vtable == &file_blocks_vtable);
    return (file_blocks *)self;
}

static inline void file_blocks_lock(file_blocks *self)
{
    self->host->os->lock->mutex_lock(self->mutex);
}

static inline void file_blocks_unlock(file_blocks *self)
{
    self->host->os->lock->mutex_unlock(self->mutex);
}

/* READ_ONLY when nothing in the folder is changed. */
PBASE_MUST_CHECK pbase_status file_blocks_check_writes(const file_blocks *self, pbase_error *err);
/* Slots that touch names begin so: with names that are durable, and the mutex, if that is OK. */
PBASE_MUST_CHECK pbase_status file_blocks_enter(file_blocks *self, const pbase_call *call,
                                                pbase_error *err);
/* True when the mark in LOCK says that who found the folder clean has been alone with it since: then
 * no slot of a key is torn, but by our own write. With the mutex held. */
bool file_blocks_is_undisturbed(file_blocks *self);

#endif
