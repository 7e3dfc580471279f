/* file_locks.h - named locks between the users of a folder: LOCK.<name>, locked while it is held.
 *
 * They are locks of the operating system on open files, so they end with the process that holds
 * them, whatever becomes of it, and two opens within one process exclude each other too. Whoever has
 * to wait goes through a second lock first (LOCK.<name>.NEXT), and says so in memory that all have
 * mapped from that file; then everybody does, and nobody overtakes: the turnstile of A. B. Downey,
 * "The Little Book of Semaphores", section 4.2.5. Where nobody waits, a lock is one system call. The
 * wait itself polls.
 *
 * A board is a file BOARD.<name> that all users have mapped to be written. A slot is a file
 * SLOT.<name>.<n> that its holder keeps locked: whoever can lock it knows that nobody holds it.
 *
 * Threads: synchronized; but one name is acquired by one thread at a time, which is the caller's
 * duty, and released once for each acquire. */
#ifndef PBASE_FILE_LOCKS_H
#define PBASE_FILE_LOCKS_H
#include "file_folder.h"

typedef struct file_locks file_locks;

/* Borrows the folder until destroy. */
PBASE_MUST_CHECK pbase_status file_locks_create(const file_folder *folder, file_locks **out,
                                                pbase_error *err);
void file_locks_destroy(file_locks *locks); /* releases what is held; NULL is fine */

/* Waits until the call's deadline, at least one try: BUSY then. */
PBASE_MUST_CHECK pbase_status file_locks_acquire(file_locks *locks, const pbase_call *call,
                                                 const char *name, bool shared, pbase_error *err);
void file_locks_release(file_locks *locks, const char *name);

/* The slot board of pbase_blocks_share_ops. */
PBASE_MUST_CHECK pbase_status file_locks_board(file_locks *locks, const char *name, size_t size,
                                               uint8_t **out, pbase_error *err);

/* The slots slot_take and slots_each of it. */
PBASE_MUST_CHECK pbase_status file_locks_slot_take(file_locks *locks, const char *name, size_t size,
                                                   uint8_t **out, pbase_error *err);
PBASE_MUST_CHECK pbase_status
file_locks_slots_each(file_locks *locks, const pbase_call *call, const char *name, size_t size,
                      pbase_status (*each)(void *state, const uint8_t *slot, pbase_error *err),
                      void *state, pbase_error *err);

#endif
