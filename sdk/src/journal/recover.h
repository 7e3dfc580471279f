/* recover.h - finding the head of a journal, and telling a torn tail from damage. */
#ifndef PBASE_JOURNAL_RECOVER_H
#define PBASE_JOURNAL_RECOVER_H
#include "journal/journal_state.h"

/* Sets head, synced, tail and tail_end of a journal whose places are loaded. Changes nothing on
 * disk. Before the journal is shared. */
PBASE_MUST_CHECK pbase_status journal_recover(journal *self, const journal_options *options,
                                              const pbase_call *call, pbase_error *err);

#endif
