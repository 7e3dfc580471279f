/* store_writer.h - the segment of a store that grows: atoms go behind it, full it is sealed.
 *
 * A write is seen as a whole or not at all: bytes beyond the published size belong to nobody and are
 * overwritten by the next write. A flush that fails poisons the store. file_store_write,
 * file_store_flush and file_store_leave_active (file_store.h) are this; here is what the rest of the
 * store asks of it.
 *
 * Threads: `writer` of the store is held by callers of all but check and take_id. */
#ifndef PBASE_STORE_WRITER_H
#define PBASE_STORE_WRITER_H
#include "file_store_private.h"

/* READ_ONLY when a flush has failed. */
PBASE_MUST_CHECK pbase_status store_writer_check(const file_store *store, pbase_error *err);
/* An id that nobody else gets, in this process or in others. */
PBASE_MUST_CHECK pbase_status store_writer_take_id(file_store *store, uint32_t *out,
                                                   pbase_error *err);
/* During open: goes on in the segment that a clean close left to be continued. CORRUPT: it is missing,
 * or shorter than it was. */
PBASE_MUST_CHECK pbase_status store_writer_resume(file_store *store,
                                                  const file_store_options *options,
                                                  const pbase_call *call, pbase_error *err);
/* Another segment grows; NULL: none. */
void store_writer_active_set(file_store *store, store_segment *segment);
/* Makes a new segment with its header. */
PBASE_MUST_CHECK pbase_status store_writer_create(file_store *store, const pbase_call *call,
                                                  uint32_t log_id, pbase_segment **out,
                                                  pbase_error *err);
/* Removes a segment that could not be finished. If it stays, opening finds one that nobody uses. */
void store_writer_leftover_remove(file_store *store, uint32_t log_id);

#endif
