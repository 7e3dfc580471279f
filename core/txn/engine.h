/* engine.h - the commit engine: publishes states, groups commits, settles, comes back.
 *
 * One engine serves an open space. The newest state is published by one store of its address, and got
 * without a lock (docs/decisions/0012-opening-a-snapshot.md). Commits queue;
 * the first becomes leader, gives those whom the last flush answered a moment to come back, takes
 * everybody who waits, checks each against the window of writes,
 * applies them to one working state, appends their records as one group with one flush, publishes,
 * and wakes them (flat combining: Hendler, Incze, Shavit, Tzafrir, "Flat Combining and the
 * Synchronization-Parallelism Tradeoff", 2010). A background thread checkpoints.
 *
 * Threads: synchronized. Locks, in the order they may nest:
 *   settle    writing trees as atoms: a checkpoint or a large transaction, never with the others
 *   commit    the right to append and publish: one leader, or a checkpoint's short parts
 *             In a space that several processes share, it is held around the turn that the storage's
 *             lock `writer` grants (follow.c).
 *   apply     applying what waits (deferred.h)
 *   turns     the line of those who lost (turns.h), never with the others
 *   queue     waiting commits, the window's oldest base, publishing, counters, the past */
#ifndef PROTOBASE_TXN_ENGINE_H
#define PROTOBASE_TXN_ENGINE_H
#include "txn/access.h"
#include "txn/turns.h"
#include "txn/working.h"
#include <protobase/space.h>

typedef struct engine engine;

typedef struct {
    const pbase_host *host; /* borrowed until close, like the rest */
    store *bytes;           /* what the trees stand on */
    pbase_storage *storage;
    int32_t durability;        /* PBASE_DURABILITY_* of a commit that does not say */
    uint64_t checkpoint_bytes; /* journal growth that starts a checkpoint */
    retention_policy retention;
} engine_options;

/* Recovers. On a storage that cannot be shared it takes the lock
 * `writer` for its whole life before: BUSY, another process has it. */
PBASE_MUST_CHECK pbase_status engine_open(const engine_options *options, engine **out,
                                          pbase_error *err);
/* Settles everything, unless other processes go on, then ends. NULL is fine. */
void engine_close(engine *self);

/* UNSUPPORTED in a child of the process that opened the engine: locks, threads and files of the
 * parent's are not the child's. */
PBASE_MUST_CHECK pbase_status engine_process_check(const engine *self, pbase_error *err);

store *engine_store(engine *self);
pbase_storage *engine_storage(engine *self);
/* The line of transactions that lost. */
turns *engine_turns(engine *self);
const pbase_host *engine_host(engine *self);
void engine_recovery(const engine *self, pbase_recovery *out);

/* Takes over what other processes committed and applies what waits (deferred.h): afterwards the newest
 * state has every commit that anybody acknowledged before the call. Costs a few loads when there is
 * nothing. */
PBASE_MUST_CHECK pbase_status engine_refresh(engine *self, pbase_error *err);
/* The same, but commits of this process may go on waiting. */
PBASE_MUST_CHECK pbase_status engine_refresh_others(engine *self, pbase_error *err);

/* The newest state known here, with one count for the caller. */
space_state *engine_state(engine *self);

/* Waits until the state after the record `sequence` is published. TIMEOUT, CANCELLED. */
PBASE_MUST_CHECK pbase_status engine_wait_published(engine *self, uint64_t sequence,
                                                    const pbase_call *call, pbase_error *err);

/* A transaction's place in the list of open ones: the window keeps what they need. */
typedef struct engine_reader engine_reader;
struct engine_reader {
    space_state *base; /* the state at its begin, or while it is behind one before; one count */
    uint64_t sequence; /* of the newest commit at its begin */
    bool is_behind; /* commits up to `sequence` are not in `base`: they wait. Written with the queue
                          locked, by its owner alone, like `base` */
    space_state *made; /* queue: the state at its begin, for engine_reader_settle; NULL: not yet */
    bool leaves;       /* queue: its commit is under way */
    engine_reader *newer, *older;
};
/* Registers with the newest state. It is behind when commits wait to be applied: names and ids of
 * databases and collections are those of its begin nevertheless, what is in collections is not. */
void engine_reader_begin(engine *self, engine_reader *reader);
/* Has `base` be the state at its begin. IO, CORRUPT, NO_MEMORY: it is behind as before. */
PBASE_MUST_CHECK pbase_status engine_reader_settle(engine *self, engine_reader *reader,
                                                   pbase_error *err);
void engine_reader_end(engine *self, engine_reader *reader);

/* A snapshot's place in the list that is there for figures alone. It is entered once; opening and
 * ending a snapshot there, again and again, are a few stores. */
typedef struct engine_snapshot engine_snapshot;
struct engine_snapshot {
    space_state *state;         /* while it is open; one count */
    _Atomic uint64_t sequence;  /* of the state */
    _Atomic uint64_t opened_ns; /* by the monotonic clock, coarsely; 0: it is not open */
    engine_snapshot *newer, *older;
};
void engine_snapshot_enter(engine *self, engine_snapshot *snapshot);
void engine_snapshot_leave(engine *self, engine_snapshot *snapshot); /* not open */
/* Opens the newest state. */
void engine_snapshot_begin(engine *self, engine_snapshot *snapshot);
/* Opens `state`, whose count it takes. */
void engine_snapshot_begin_at(engine *self, engine_snapshot *snapshot, space_state *state);
void engine_snapshot_end(engine *self, engine_snapshot *snapshot);

typedef struct {
    delta_group group;
    working_shortcut shortcut;
    bool can_wait; /* puts alone, of which the transaction has not seen what they lead to */
} commit_group;

typedef enum {
    COMMIT_IN_LINE, /* waits for its answer, or for the lead */
    COMMIT_LEADS,
    COMMIT_DONE
} commit_place;
typedef struct deferred_record deferred_record;

typedef struct engine_commit_request engine_commit_request;
struct engine_commit_request {
    /* what is asked */
    uint8_t kind;               /* RECORD_DELTA or RECORD_CATALOG */
    int32_t durability;         /* PBASE_DURABILITY_* or PBASE_DURABILITY_DEFAULT */
    uint64_t database;          /* of a delta */
    const commit_group *groups; /* of a delta */
    size_t group_count;
    catalog_change catalog;  /* of a catalog record */
    uint64_t base;           /* sequence the reads and writes were made against */
    engine_reader *reader;   /* registered with engine_reader_begin; NULL: not */
    const access_set *reads; /* NULL: not validated */
    const access_set *writes;
    const state_roots *wrote; /* of trees that it has on the storage; NULL: none */
    /* what came of it */
    uint64_t sequence;
    /* the queue's */
    pbase_status status;
    pbase_error error;
    _Atomic uint32_t place;  /* commit_place; the queue's lock guards it until a leader takes it */
    bool is_prepared;        /* it leads at once */
    _Atomic uint32_t *crowd; /* the word its thread sleeps on; NULL: `place` */
    engine_commit_request *next;
    pbase_buffer plain;  /* the record before it is wrapped; its head is filled by the leader */
    pbase_buffer record; /* wrapped */
    deferred_record *deferred; /* to be applied later; NULL: it was applied */
};
/* Commits one request; returns when it is done at its durability. */
PBASE_MUST_CHECK pbase_status engine_commit(engine *self, engine_commit_request *request,
                                            const pbase_call *call, pbase_error *err);

/* Writes what `ref` has in memory as atoms, durable with the next record that is appended; `*out`
 * names it on the storage, and `wrote` gets it as a root that a state with its tree needs. `base`:
 * sequence of the state that the writer began with. READ_ONLY. */
PBASE_MUST_CHECK pbase_status engine_settle(engine *self, uint64_t base, atom_ref ref,
                                            atom_ref *out, state_roots *wrote, pbase_error *err);
/* Payloads to be written as atoms. */
typedef struct {
    const uint32_t *types;
    const pbase_bytes *payloads;
    size_t count;
    bool streamed; /* many more came before them: few are read soon */
} engine_atoms;
/* Writes payloads in the same way; fills `out`. */
PBASE_MUST_CHECK pbase_status engine_write_atoms(engine *self, uint64_t base,
                                                 const engine_atoms *atoms, pbase_atom_pointer *out,
                                                 pbase_error *err);
/* A transaction begins, or ends, to have atoms on the storage that no published state reaches: nothing
 * is let go of meanwhile. */
void engine_unnamed_begin(engine *self);
void engine_unnamed_end(engine *self);
/* False when what is settled stays in the memory of the process. */
bool engine_settles_elsewhere(const engine *self);
PBASE_MUST_CHECK pbase_status engine_checkpoint(engine *self, const pbase_call *call,
                                                pbase_error *err);
PBASE_MUST_CHECK pbase_status engine_sync(engine *self, const pbase_call *call, pbase_error *err);
PBASE_MUST_CHECK pbase_status engine_outcome(engine *self, const pbase_call *call,
                                             pbase_token token, bool *out_applied,
                                             pbase_error *err);
/* UNSUPPORTED when the storage lacks the level. */
PBASE_MUST_CHECK pbase_status engine_durability_check(const engine *self, int32_t durability,
                                                      pbase_error *err);
PBASE_MUST_CHECK pbase_status engine_stats(engine *self, pbase_stat_each each, void *each_state,
                                           pbase_error *err);

#endif
