/* needs.h - what this process still needs of a space that others use too, and what those need.
 *
 * Whoever gives space back marks what it knows to be alive, and what the others say they need: roots on
 * the storage, from which their states reach everything they have there (state_roots.h), or for a
 * moment everything. Each process says so by the storage (pbase_storage_need).
 *
 * What is said grows before it is relied on, and is confirmed afterwards: the process says that it needs
 * the root of a checkpoint, and then looks whether the anchor still leads to it. Letting go happens in
 * the other order: the anchor is moved, then it is asked who needs what. So either the asker
 * is told, or the process sees that the anchor has moved and begins again. In the same way content that a
 * record adopted is confirmed by the record still being kept. What is said shrinks at leisure: by the
 * background thread, and whenever something is said anyway.
 *
 * Where nobody else can be, all of this is nothing.
 * Threads: synchronized. */
#ifndef PROTOBASE_TXN_NEEDS_H
#define PROTOBASE_TXN_NEEDS_H
#include "txn/history.h"
#include "txn/state_roots.h"

typedef struct {
    pbase_os_mutex *mutex; /* guards saying: the locks of queue and states are taken under it */
    uint8_t said[PBASE_NEEDS_BYTES_MAX];
    size_t said_bytes;
} engine_needs;

PBASE_MUST_CHECK pbase_status engine_needs_init(engine *self, pbase_error *err);
void engine_needs_fini(engine *self); /* also after an init that failed */

/* Says what is needed now. */
void engine_needs_say(engine *self);
/* Pins the root of the checkpoint that the journal's anchor led to, and confirms it. TRIMMED: the anchor
 * has moved on; the pin is not set. */
PBASE_MUST_CHECK pbase_status engine_needs_root(engine *self, engine_pin *pin,
                                                pbase_atom_pointer root, pbase_position anchor,
                                                pbase_error *err);
/* Confirms that the anchor leads where the kept checkpoints known here come from, or will. TRIMMED: no
 * more. */
PBASE_MUST_CHECK pbase_status engine_needs_kept(engine *self, pbase_error *err);
/* True when it does lead there. */
bool engine_needs_anchored(engine *self);
/* Confirms what `next`, made from `base` and the records from `from` on, has of adopted content. TRIMMED:
 * it may be gone. */
PBASE_MUST_CHECK pbase_status engine_needs_adopted(engine *self, const space_state *base,
                                                   const space_state *next, pbase_position from,
                                                   pbase_error *err);
/* The same for records that could not be applied: what looks like damage may be gone. TRIMMED, or `status`
 * as it was. */
PBASE_MUST_CHECK pbase_status engine_needs_explain(engine *self, pbase_status status,
                                                   pbase_position from, pbase_error *err);

/* What the others need, put together. */
typedef struct {
    const pbase_alloc *alloc;
    pbase_atom_pointer *roots;
    size_t count, capacity;
    size_t users;    /* others */
    bool everything; /* one of them does */
} others_needs;
void others_needs_init(others_needs *self, const pbase_alloc *alloc);
void others_needs_fini(others_needs *self);
/* Whether one of them needs `root` now. A root that cannot be followed, and is not needed any more, may have
 * been said by one that looked too late. True also when it cannot be told. */
bool others_need_root(engine *self, const pbase_call *call, pbase_atom_pointer root);
/* Adds to what `out` has. BUSY: of somebody it cannot be told. */
PBASE_MUST_CHECK pbase_status others_needs_read(engine *self, const pbase_call *call,
                                                others_needs *out, pbase_error *err);

#endif
