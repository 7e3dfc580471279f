/* hold.h - everything that a copy of the space needs, kept from being given back while it is made.
 *
 * A hold begins at the newest commit. It pins every kept checkpoint, the journal behind the oldest of
 * them up to that commit, and the content that records of it adopt; commits and checkpoints go on.
 * What is pinned is marked by following references (marks.h), so that nobody copies what is dead.
 *
 * What a pin has to hold: each atom that its root reaches, byte for byte, and the records from its
 * position on. Whoever retires segments or punches holes must have marked the roots of all pins
 * (engine_pin.root), also of those that hold nothing of the journal.
 *
 * Another process cannot take atoms away while this one has the space open (sweep.h); it can let go of
 * the journal, so in a shared space the lock `checkpoint` is held until the records have been read.
 *
 * Threads: confined. */
#ifndef PROTOBASE_TXN_HOLD_H
#define PROTOBASE_TXN_HOLD_H
#include "txn/history.h"
#include "txn/marks.h"

typedef struct hold_root hold_root;
typedef struct {
    engine *engine; /* NULL: nothing is held */
    retained_list kept;
    uint64_t newest; /* the newest commit */
    int64_t newest_ns;
    pbase_position end; /* of the journal up to it */
    engine_pin *pins;   /* RETAINED_MAX; of `kept` */
    size_t pin_count;
    hold_root *roots; /* that records adopt */
    uint64_t fence;   /* of the lock `checkpoint`; 0: not held */
    marks marks;      /* all that is to be copied, by segment */
} engine_hold;

/* Pins, and marks what the checkpoints reach. Ended by end, also after a failure. */
PBASE_MUST_CHECK pbase_status engine_hold_begin(engine *self, const pbase_call *call,
                                                engine_hold *out, pbase_error *err);
/* Tells every delta and catalog record from the oldest checkpoint on, in order, and marks what they
 * adopt; then the journal is let go of. Once. */
typedef pbase_status (*hold_record_each)(void *state, const replay_record *record,
                                         pbase_error *err);
PBASE_MUST_CHECK pbase_status engine_hold_records(engine_hold *hold, const pbase_call *call,
                                                  hold_record_each each, void *state,
                                                  pbase_error *err);
void engine_hold_end(engine_hold *hold);

#endif
