/* history.h - states of the past: which can be read, and how one is made again.
 *
 * The state at sequence N is that of the newest kept checkpoint at or before N, with the records up to
 * N applied to it, by the code of commit. A few states made so are remembered, so that the next one
 * is made from the nearest of them.
 *
 * A pin keeps the journal from a position on while somebody reads there; checkpoints go on, and let
 * go of the journal only before the oldest pin.
 *
 * Threads: synchronized. */
#ifndef PROTOBASE_TXN_HISTORY_H
#define PROTOBASE_TXN_HISTORY_H
#include "txn/engine.h"
#include "txn/replay.h"
#include "txn/retention.h"

/* Journal kept for pins alone, at most; whoever reads further behind loses it (TRIMMED). */
#define HISTORY_PIN_BYTES_MAX (UINT64_C(1) << 30)

typedef struct engine_pin engine_pin;
struct engine_pin {
    bool is_set; /* all of it guarded by the engine */
    pbase_position position;
    pbase_atom_pointer
        root; /* of the checkpoint that the reader begins with; PBASE_ATOM_NONE: none */
    engine_pin *next, *before;
};
/* Keeps the journal behind the newest state on, and gives that state with one count. */
void history_pin_newest(engine *self, engine_pin *pin, space_state **out);
/* Keeps the journal from the kept checkpoint at or before `sequence` on, which `out` gets. NOT_FOUND
 * names the oldest sequence kept, or the newest. */
PBASE_MUST_CHECK pbase_status history_pin(engine *self, uint64_t sequence, engine_pin *pin,
                                          retained_checkpoint *out, pbase_error *err);
/* The state after the record `sequence`, with one count, and a pin on the journal behind it, where
 * `pin->position` is that of the next record. NOT_FOUND as history_pin says. */
PBASE_MUST_CHECK pbase_status history_resume(engine *self, const pbase_call *call,
                                             uint64_t sequence, engine_pin *pin, space_state **out,
                                             pbase_error *err);
/* The state after one more record than `before` has, with one count: the newest one when it is that,
 * else made in memory, *out_made bytes of journal long (0: nothing was made). */
PBASE_MUST_CHECK pbase_status history_follow(engine *self, space_state *before,
                                             const replay_record *record, space_state **out,
                                             uint64_t *out_made, pbase_error *err);
/* Keeps what a root reaches, and nothing of the journal; whoever asks holds it by another pin already. */
void history_pin_root(engine *self, engine_pin *pin, pbase_atom_pointer root);
/* Pins every kept checkpoint with the journal behind it, and says what the newest commit is. `pins` has
 * room for RETAINED_MAX; `out` has room for as many and gets the checkpoints, as many as are pinned.
 * The commits and their journal end at `*out_end`. */
void history_pin_all(engine *self, engine_pin *pins, retained_list *out, uint64_t *out_newest,
                     int64_t *out_newest_ns, pbase_position *out_end);
/* The pin lets go of what lies before `position`. */
void history_pin_move(engine *self, engine_pin *pin, pbase_position position);
/* Nothing for a pin that was never set, or ended. */
void history_unpin(engine *self, engine_pin *pin);

typedef struct {
    uint64_t oldest, newest; /* sequences whose states can be read, both included */
    int64_t oldest_ns, newest_ns;
    uint64_t checkpoints;   /* kept */
    uint64_t journal_bytes; /* behind the oldest of them */
} history_range;
void history_range_read(engine *self, history_range *out);

/* The state after the record `sequence`, with one count. NOT_FOUND as history_pin says. */
PBASE_MUST_CHECK pbase_status history_state_at(engine *self, const pbase_call *call,
                                               uint64_t sequence, space_state **out,
                                               pbase_error *err);
/* The sequence of the newest record at or before a time. NOT_FOUND names the oldest time kept. */
PBASE_MUST_CHECK pbase_status history_sequence_at(engine *self, const pbase_call *call,
                                                  int64_t time_ns, uint64_t *out, pbase_error *err);

/* -------------------------------------------------------------------- for the engine's files -- */

/* States of the past that were made lately. */
#define HISTORY_CACHE_STATES 8u
#define HISTORY_CACHE_BYTES (UINT64_C(64) << 20) /* of journal replayed to make them */
typedef struct {
    space_state *state;  /* one count; NULL: free */
    pbase_position next; /* of the record after it */
    uint64_t bytes;      /* replayed since its checkpoint */
    uint64_t used;       /* grows with each use */
} history_cached;

typedef struct {
    retained_list kept; /* the newest checkpoint is the last of them */
    engine_pin *pins;
    history_cached cached[HISTORY_CACHE_STATES];
    uint64_t uses;
} engine_history; /* guarded by the queue lock */

void history_fini(engine *self);
/* The state a kept checkpoint stored, with one count; nothing of it is read. */
PBASE_MUST_CHECK pbase_status history_checkpoint_state(engine *self,
                                                       const retained_checkpoint *from,
                                                       space_state **out, pbase_error *err);
/* What a checkpoint will keep when it is done, itself included. */
PBASE_MUST_CHECK pbase_status history_checkpoint_begin(engine *self,
                                                       const retained_checkpoint *newest,
                                                       retained_list *out, pbase_error *err);
/* `list` is what is kept from now on, and gets what was. Returns the first position of the journal that
 * has to stay: whoever pinned the past by now has what it needs, and nobody can pin more of it. */
pbase_position history_checkpoint_publish(engine *self, retained_list *list);
/* The same without a position: another process made the checkpoint, or nothing came of it. */
void history_kept_swap(engine *self, retained_list *list);

#endif
