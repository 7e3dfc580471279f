/* restore_place.h - a folder that is restored to, as it was before.
 *
 * Threads: confined. */
#ifndef PROTOBASE_SPACE_RESTORE_PLACE_H
#define PROTOBASE_SPACE_RESTORE_PLACE_H
#include <protobase/base/os.h>

typedef enum { PLACE_UNKNOWN = 0, PLACE_MISSING, PLACE_EMPTY, PLACE_FILLED } restore_place_state;

/* How a folder is now; a NULL path is UNKNOWN. */
PBASE_MUST_CHECK pbase_status restore_place_look(const pbase_os *os, const char *path,
                                                 restore_place_state *out, pbase_error *err);
/* Removes everything from a folder that was missing or empty; a missing one goes, too. Nothing of others
 * is touched. */
PBASE_MUST_CHECK pbase_status restore_place_undo(const pbase_os *os, const char *path,
                                                 restore_place_state was, pbase_error *err);

#endif
