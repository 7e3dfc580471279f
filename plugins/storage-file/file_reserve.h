/* file_reserve.h - a little room on the disk that nothing but giving space back may use.
 *
 * To give space back, the newest state has to be settled first, which writes: on a full disk it could
 * not begin. So a space holds a file of zeros ready, made at a checkpoint while there is room, and a
 * compaction that finds none lets go of it. Others may take what it let go of: it is no promise, but
 * the next checkpoint makes it again.
 * Threads: synchronized. */
#ifndef PBASE_FILE_RESERVE_H
#define PBASE_FILE_RESERVE_H
#include <protobase/plugin/block_provider.h>
#include <protobase/plugin/host.h>
#include <stdatomic.h>

#define FILE_RESERVE_BYTES (1u << 20)

typedef struct {
    pbase_blocks *blocks; /* borrowed */
    _Atomic bool is_made; /* or nobody can make it now */
    _Atomic bool is_busy; /* one thread is at it; others let it be */
} file_reserve;

/* Makes it, unless it is there. Nobody needs to know when that fails: the next call tries again. */
void file_reserve_make(file_reserve *self);
/* Gives its bytes to the disk. OK too when it is not there. */
PBASE_MUST_CHECK pbase_status file_reserve_release(file_reserve *self, const pbase_call *call,
                                                   pbase_error *err);

#endif
