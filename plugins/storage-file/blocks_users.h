/* blocks_users.h - who uses the folder of a block_provider/file: one alone, or several.
 *
 * LOCK is held exclusively by the only user, or shared by each of several; who comes takes it
 * exclusively for a moment when nobody else is there, and so knows to be alone. The mark behind
 * its holder in LOCK says that the last user ended in order and left every name durable; the next one takes it away.
 * What users share besides, named locks, boards and slots, is in file_locks.h.
 *
 * Threads: synchronized, as the contract asks. */
#ifndef PBASE_BLOCKS_USERS_H
#define PBASE_BLOCKS_USERS_H
#include "file_blocks_private.h"

extern const pbase_blocks_share_ops blocks_users_share_ops;

/* Slot of pbase_blocks_name_ops: for this process alone. BUSY names who has it. */
PBASE_MUST_CHECK pbase_status blocks_users_lock(pbase_blocks *base, const pbase_call *call,
                                                pbase_error *err);
/* At the end of the last user: the mark of an orderly end. Without it the next opening syncs a
 * little more. */
void blocks_users_leave_mark(file_blocks *self);

#endif
