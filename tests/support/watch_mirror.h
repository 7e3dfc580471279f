/* watch_mirror.h - a copy of a database that knows nothing but what a watch has told.
 *
 * Collections are kept by their ids; roots and objects are entries like any others. Every event is
 * applied as its documentation says, and where it has a path, the path is followed in the copy: it
 * has to lead to the very collection that the event names. What the copy and a snapshot hold is
 * written as text to be compared. */
#ifndef PBASE_TEST_WATCH_MIRROR_H
#define PBASE_TEST_WATCH_MIRROR_H
#include <protobase/protobase.h>

typedef struct mirror mirror;

mirror *mirror_create(pbase_space *space);
void mirror_destroy(mirror *self);
/* After the space was opened again. */
void mirror_move(mirror *self, pbase_space *space);
/* Takes in one event that the watch has told just now. */
void mirror_apply(mirror *self, pbase_watch *watch, const pbase_change *event);
/* Everything in it, or only what is under one root; objects only without `root`. */
void mirror_print(const mirror *self, const char *root, pbase_buffer *out);
/* The same of a snapshot. */
void mirror_print_snapshot(pbase_space *space, const pbase_snapshot *snapshot, const char *root,
                           pbase_buffer *out);

#endif
