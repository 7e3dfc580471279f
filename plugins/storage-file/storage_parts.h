/* storage_parts.h - brings up the parts of a storage/file, each from what the one before it knows.
 *
 * In this order: the place among the users of the folder, held as a turn until all is open; the super
 * block; the store, which the super block may tell to continue a segment; the journal, which finds
 * its head, by the super block after a clean close, from where others are when there are any, by
 * reading it otherwise; the background thread's work. */
#ifndef PBASE_STORAGE_PARTS_H
#define PBASE_STORAGE_PARTS_H
#include "file_storage_private.h"

/* Fills the zeroed members of `self`, whose vtable, host and blocks are set. What was brought up before
 * a failure is ended with the rest of the storage. */
PBASE_MUST_CHECK pbase_status storage_parts_start(file_storage *self, const pbase_config *config,
                                                  pbase_error *err);

#endif
