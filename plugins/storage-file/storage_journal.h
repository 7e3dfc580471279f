/* storage_journal.h - the journal of storage/file as the storage contract has it.
 *
 * In a shared space whatever changes the journal happens in a turn (file_turn.h), and what others
 * appended is taken over when it is asked for. An append that may name atoms waits for their flush;
 * one that names none, a commit, does not.
 *
 * Threads: synchronized, as the contract asks. */
#ifndef PBASE_STORAGE_JOURNAL_H
#define PBASE_STORAGE_JOURNAL_H
#include "file_storage_private.h"

extern const pbase_storage_journal_ops storage_journal_ops;

/* Flushes the journal; in a turn, when that may have to write. */
PBASE_MUST_CHECK pbase_status storage_journal_flush_upto(file_storage *self, const pbase_call *call,
                                                         pbase_position upto, pbase_error *err);

#endif
