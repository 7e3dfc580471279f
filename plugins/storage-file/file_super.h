/* file_super.h - the super block of an open space: loaded, replaced, never at a commit.
 *
 * Threads: synchronized; one mutex makes replacements follow one another, flags are atomic. */
#ifndef PBASE_FILE_SUPER_H
#define PBASE_FILE_SUPER_H
#include "super.h"

#include <protobase/plugin/block_provider.h>
#include <stdatomic.h>

/* Fencing tokens of one opening; far more than can be granted. */
#define FILE_SUPER_FENCES_PER_OPEN ((uint64_t)1 << 32)

typedef struct {
    const pbase_host *host;  /* borrowed until close */
    pbase_blocks *blocks;    /* borrowed until close */
    _Atomic bool changed;    /* `closed_at` is cleared, durably */
    _Atomic bool failed;     /* a replacement may or may not have been written */
    bool shared, joined;     /* as given to open */
    uint64_t fence_base;     /* tokens of this opening begin above it; constant after open */
    _Atomic uint64_t anchor; /* block.anchor, for whoever does not hold the mutex; shared: as far as
                                it was taken over */
    pbase_os_mutex *mutex;   /* guards the two below */
    super_block block;
    uint64_t version;
} file_super;

/* Loads the super block, or makes that of a new space. CORRUPT: it is missing, but segments are
 * there. Ended by close, also after a failure. `shared`: other users replace it too; `joined`: they
 * were there before. */
PBASE_MUST_CHECK pbase_status file_super_open(file_super *super, const pbase_host *host,
                                              pbase_blocks *blocks, bool shared, bool joined,
                                              pbase_error *err);
void file_super_close(file_super *super);

/* READ_ONLY after a replacement whose effect is not known. */
PBASE_MUST_CHECK pbase_status file_super_check(const file_super *super, pbase_error *err);
/* From now on the space is not cleanly closed; costs nothing when it is not already. */
PBASE_MUST_CHECK pbase_status file_super_change(file_super *super, pbase_error *err);
PBASE_MUST_CHECK pbase_status file_super_trim(file_super *super, pbase_position upto,
                                              pbase_position anchor, uint32_t next_log_id,
                                              pbase_error *err);
/* Remembers the newest segment of the journal. */
PBASE_MUST_CHECK pbase_status file_super_enter(file_super *super, const journal_entered *entered,
                                               pbase_error *err);
/* Makes sure that `log_id` will not be given out again; `next_log_id` is above it. */
PBASE_MUST_CHECK pbase_status file_super_remember(file_super *super, uint32_t log_id,
                                                  uint32_t next_log_id, pbase_error *err);
/* A log id that nobody had and nobody else will get, not below `at_least`. LIMIT: all are used up. */
PBASE_MUST_CHECK pbase_status file_super_take_id(file_super *super, uint32_t at_least,
                                                 uint32_t *out, pbase_error *err);
/* Reads what other users left in it. */
PBASE_MUST_CHECK pbase_status file_super_reload(file_super *super, pbase_error *err);
/* Lets the next opening skip recovery. Only `closed_at`, `entered`, `next_log_id` and what is said of
 * the active segment are taken from `closing`. */
PBASE_MUST_CHECK pbase_status file_super_leave(file_super *super, const super_block *closing,
                                               pbase_error *err);
/* Compares what is stored with what is known. */
PBASE_MUST_CHECK pbase_status file_super_verify(file_super *super, const pbase_call *call,
                                                pbase_verify_each each, void *state,
                                                pbase_error *err);

#endif
