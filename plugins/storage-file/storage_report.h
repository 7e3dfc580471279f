/* storage_report.h - what a storage/file tells of itself: its figures, and what is wrong with it.
 *
 * Threads: synchronized; beside whatever else runs. */
#ifndef PBASE_STORAGE_REPORT_H
#define PBASE_STORAGE_REPORT_H
#include "file_storage_private.h"

/* Slots of pbase_storage_admin_ops. */
PBASE_MUST_CHECK pbase_status storage_report_stats(pbase_storage *base, const pbase_call *call,
                                                   pbase_stat_each each, void *state,
                                                   pbase_error *err);
/* Compares the super block and the keys with what is known, reads every kept record, and looks at the
 * header and the size of every segment; atoms are verified by whoever can read them. */
PBASE_MUST_CHECK pbase_status storage_report_verify(pbase_storage *base, const pbase_call *call,
                                                    pbase_verify_each each, void *state,
                                                    pbase_error *err);

#endif
