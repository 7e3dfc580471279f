/* blocks_names.h - the names of block_provider/file: which segments there are, and under which name.
 *
 * A segment is a file with its own name, or with FILE_FOLDER_SEALED behind it. A change of names is
 * durable when it returns; one that failed half-way leaves `names_durable` false, and whoever comes
 * next syncs every folder first. An open segment follows its rename and knows that it was removed.
 *
 * Threads: the provider's mutex is held by callers of the first four, and taken by the slots. */
#ifndef PBASE_BLOCKS_NAMES_H
#define PBASE_BLOCKS_NAMES_H
#include "file_blocks_private.h"

/* NOT_FOUND unless the segment is there; its suffix. */
PBASE_MUST_CHECK pbase_status blocks_names_require(file_blocks *self, const char *name,
                                                   const char **out_suffix, pbase_error *err);
/* EXISTS if the segment is there. */
PBASE_MUST_CHECK pbase_status blocks_names_refuse(file_blocks *self, const char *name,
                                                  pbase_error *err);
/* Makes the folders on the way to `name`. */
PBASE_MUST_CHECK pbase_status blocks_names_make_parents(file_blocks *self, const char *name,
                                                        pbase_error *err);
/* Renames a file and makes that durable. NO_MEMORY: nothing was changed. */
PBASE_MUST_CHECK pbase_status blocks_names_move(file_blocks *self, const char *old_name,
                                                const char *old_suffix, const char *new_name,
                                                const char *new_suffix, pbase_error *err);

/* Slots of pbase_blocks_name_ops. */
PBASE_MUST_CHECK pbase_status blocks_names_remove(pbase_blocks *base, const pbase_call *call,
                                                  const char *name, pbase_error *err);
PBASE_MUST_CHECK pbase_status blocks_names_rename(pbase_blocks *base, const pbase_call *call,
                                                  const char *old_name, const char *new_name,
                                                  pbase_error *err);
PBASE_MUST_CHECK pbase_status
blocks_names_list(pbase_blocks *base, const pbase_call *call, const char *prefix,
                  pbase_status (*each)(void *state, const pbase_block_info *info, pbase_error *err),
                  void *state, pbase_error *err);

#endif
