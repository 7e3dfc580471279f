/* check_atoms.h - the first half of a check: every segment read in order, every atom's checksum
 * verified, and for each damaged one who needs it.
 *
 * After the reading, the trees of everything that is kept are followed through inner nodes alone: the
 * newest state, database by database, then what records adopt, then the past, newest first. A damaged
 * atom is told once, for the first that needs it; one that nothing reaches is told as such.
 *
 * Threads: confined. */
#ifndef PROTOBASE_SPACE_CHECK_ATOMS_H
#define PROTOBASE_SPACE_CHECK_ATOMS_H
#include "space/space_private.h"
#include "store/segment_scan.h"

#include <protobase/check.h>

typedef struct {
    pbase_space *space;
    const pbase_check_options *options;
    const pbase_call *call;
    const space_state *newest; /* borrowed; taken before the segments are listed */
    segment_scan scan;
    pbase_position listed_replay; /* of the newest checkpoint when the segments were listed */
    pbase_check_report *report;
    pbase_status (*tell)(void *state, pbase_status code, const char *place, const char *message,
                         pbase_error *err);
    void *tell_state;
    /* where the following is */
    const char *when;       /* "": the newest state */
    pbase_bytes database;   /* name */
    atom_ref collections;   /* its table */
    pbase_collection_id id; /* of the collection, with `kind` */
    uint8_t kind;           /* 0: a table */
    bool has_damaged_inner; /* below it, nobody knows who needs what */
} check_atoms;

/* Reads, follows, tells. */
PBASE_MUST_CHECK pbase_status check_atoms_run(check_atoms *self, pbase_error *err);

#endif
