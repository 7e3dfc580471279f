/* memory_journal.h - a journal as an array of frames, one for each append.
 *
 * Threads: confined; the storage's mutex guards it. */
#ifndef PBASE_MEMORY_JOURNAL_H
#define PBASE_MEMORY_JOURNAL_H
#include "memory_budget.h"

#include <protobase/plugin/storage.h>

typedef struct memory_frame memory_frame; /* fields in memory_journal.c */

typedef struct {
    memory_budget *budget; /* borrowed */
    memory_frame **frames; /* in order of position */
    size_t frame_count;
    size_t frame_capacity;
    pbase_journal_head head;
    uint64_t append_count; /* since the beginning */
} memory_journal;

void memory_journal_init(memory_journal *journal, memory_budget *budget);
void memory_journal_fini(memory_journal *journal);

/* As the slots of pbase_storage_journal_ops; records are copied. */
PBASE_MUST_CHECK pbase_status memory_journal_append(memory_journal *journal,
                                                    const pbase_journal_append *append,
                                                    pbase_journal_appended *out, pbase_error *err);
void memory_journal_outcome(const memory_journal *journal, pbase_token token, int32_t *out_outcome,
                            pbase_position *out_position);
PBASE_MUST_CHECK pbase_status memory_journal_trim(memory_journal *journal, pbase_position upto,
                                                  pbase_position anchor, pbase_error *err);
/* TRIMMED, or INVALID unless a record begins at `from` or `from` is the head. */
PBASE_MUST_CHECK pbase_status memory_journal_seek(const memory_journal *journal,
                                                  pbase_position from, pbase_error *err);
/* Lends the record at `from` until the next trim. END at the head. */
PBASE_MUST_CHECK pbase_status memory_journal_read(const memory_journal *journal,
                                                  pbase_position from, pbase_journal_record *out,
                                                  pbase_error *err);

#endif
