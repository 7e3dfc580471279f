/* engine_private.h - fields shared by the files of the engine. */
#ifndef PROTOBASE_TXN_ENGINE_PRIVATE_H
#define PROTOBASE_TXN_ENGINE_PRIVATE_H
#include "store/latency.h"
#include "txn/deferred.h"
#include "txn/fold_need.h"
#include "txn/history.h"
#include "txn/move_plan.h"
#include "txn/needs.h"
#include "txn/pressure.h"
#include "txn/store_coder.h"
#include "txn/sweep_need.h"

typedef struct {
    uint64_t commits, conflicts, groups, records, record_bytes;
    uint64_t gathers; /* times a leader waited for others to come back */
    uint64_t checkpoints, checkpoint_failures, checkpoint_ns, waits;
    uint64_t held, held_ns;       /* commits that were held back; how long their groups were */
    uint64_t checkpoint_refusals; /* another process had the right */
    uint64_t followed, rebases;   /* records of other processes, and their checkpoints taken over */
    uint64_t sweeps, freed_segments, freed_bytes, punched_bytes, moved_bytes;
    uint64_t applied_rounds;           /* of commits that waited */
    uint64_t live_bytes, live_patches; /* as the last sweep found */
} engine_counters;

/* While one is answered others come; two that share a word wake in vain. */
#define COMMIT_CROWDS 4u

struct engine {
    const pbase_host *host;
    store *bytes;
    store_coder coder; /* of indexed fields */
    pbase_storage *storage;
    engine_options options;
    uint64_t process;          /* that opened it */
    const uint32_t *fork_mark; /* 1 in that process alone; NULL: the system has no such thing */
    bool is_shared;            /* other processes may append; set at open, like the next two */
    bool holds_writer;         /* not shared: the lock `writer`, for life */
    uint64_t use_fence;        /* shared: of the lock `open`, which every user shares */
    uint64_t fence;            /* commit: of the lock `writer` */
    /* Shared: everything that others acknowledged is published, and nobody else may append. */
    _Atomic bool has_turn;
    _Atomic pbase_position applied; /* the journal up to there is in the newest state, or ours */
    const uint64_t *pulse;          /* shared: the storage's; NULL: it has none */
    _Atomic uint64_t pulse_seen; /* as long as it is this, nothing is missing here; 0: not known */
    pbase_recovery recovery;

    state_list states;            /* all that anybody holds */
    engine_needs needs;           /* shared: as it was told to others */
    turns lost;                   /* who lost a conflict */
    pbase_os_mutex *settle_mutex; /* two settles of trees that share atoms must not run at once */
    pbase_os_mutex *commit_mutex; /* the right to append and publish */
    pbase_os_mutex *apply_mutex;  /* applying what waits, one at a time */
    pbase_position head;          /* commit: expected head of the journal */
    uint64_t checkpoint_fence;    /* commit: of the newest checkpoint seen */
    write_window *window;         /* commit */
    uint64_t token_seed;          /* commit: random; with a counter, the token of each append */
    uint64_t token_count;         /* commit */

    pbase_os_mutex *queue_mutex;
    pbase_os_cond *published_more;   /* with queue_mutex: a newer state, for publish_waiters */
    size_t publish_waiters;          /* queue */
    pbase_os_cond *checkpoint_ended; /* with queue_mutex */
    engine_commit_request *waiting;  /* queue: oldest first */
    engine_commit_request **waiting_end;
    size_t waiting_count;            /* queue */
    bool has_leader;                 /* queue; else nobody waits */
    engine_commit_request *gatherer; /* queue: leads, and waits for company; NULL: nobody does */
    bool was_held;                   /* queue: the group that gathers was held back */
    size_t expected;          /* queue: writers that the last flush answered or found waiting */
    _Atomic uint64_t sync_ns; /* what an append with a flush takes lately */
    _Atomic uint32_t crowds[COMMIT_CROWDS]; /* where those sleep who wait behind the first */
    size_t crowd_number;                    /* queue: of those who come now, modulo COMMIT_CROWDS */
    _Atomic(space_state *) newest;          /* replaced with the queue locked */
    pbase_position published;               /* queue: of the record after it */
    deferred_list deferred;                 /* queue: commits after it */
    _Atomic bool has_deferred;              /* there are some; written with the queue locked */
    engine_history history;                 /* queue */
    pbase_position kept_anchor; /* queue: of the checkpoint whose record told history.kept */
    engine_reader *readers_newest, *readers_oldest; /* queue */
    size_t reader_count;                            /* queue */
    size_t behind_count;                            /* queue: of readers */
    size_t unnamed;                                 /* queue: engine_unnamed_begin */
    engine_snapshot *snapshots;                     /* queue: all that were entered, open or not */
    engine_counters counters;                       /* queue */
    latency commits; /* from asking to being done, at whatever durability */
    latency holds;   /* of groups that were held back: how long */
    latency flushes; /* of appends that had to reach the disk, and of syncs */
    bool poisoned;   /* queue: an append failed; only reads go on */

    /* the background */
    bool is_open;                    /* set at the end of opening: closing settles */
    _Atomic bool has_settler;        /* written with the queue lock */
    pbase_os_thread *settler;        /* queue */
    pbase_os_cond *settler_wakes;    /* with queue_mutex */
    bool settler_stops;              /* queue */
    bool settling;                   /* queue: a checkpoint runs */
    uint64_t bytes_since_checkpoint; /* queue: of journal */
    uint64_t unsettled_since_ns;     /* queue: when they began to grow from 0 */
    uint64_t settled_sequence;       /* queue: of the last checkpoint */
    uint64_t settled_memory_bytes;   /* queue: held by atoms in memory after it */
    uint64_t journal_grown_bytes;    /* queue: since opening */
    uint64_t settled_grown_bytes; /* queue: what of that memory was for after the last checkpoint */
    pressure_pace pace;           /* queue */
    uint64_t held_until_ns;       /* queue: the next group; 0: it is not held back */
    sweep_need sweep_need;        /* of the one who settles */
    fold_need fold_need;          /* of the background */
    bool cannot_punch;            /* likewise: the storage found that it cannot */
    uint64_t punch_ns;            /* likewise: what a hole took lately */
    move_plan moves;              /* likewise: of the last sweep, for the next checkpoint */
    uint64_t swept_written_bytes; /* likewise: atoms written before it */
    uint64_t
        long_ago_sequence; /* queue: that was the newest a second before noted_ns, or earlier */
    uint64_t noted_sequence, noted_ns; /* queue: the newest when a sweep looked at the clock last */
    uint32_t sweep_cancelled;          /* atomic: the background is to end */
    bool is_closing; /* it has: one more checkpoint is made, and a sweep in brief */
};

static inline void engine_lock(engine *self, pbase_os_mutex *mutex)
{
    self->host->os->lock->mutex_lock(mutex);
}
static inline void engine_unlock(engine *self, pbase_os_mutex *mutex)
{
    self->host->os->lock->mutex_unlock(mutex);
}

/* Appends wrapped records as one group; the commit lock is held. `names_atoms`: a record among them
 * names atoms, which are made durable before. Moves `head`. A failure that
 * leaves the journal unsure poisons the engine. */
PBASE_MUST_CHECK pbase_status engine_append(engine *self, const pbase_bytes *records, size_t count,
                                            int32_t durability, bool names_atoms,
                                            pbase_journal_appended *out, pbase_error *err);
/* Takes at most GROUP_MEMBERS_MAX requests from validation to publishing, each with its status in the
 * end; the commit lock is held. `records` has room for one of each (group.c). */
#define GROUP_MEMBERS_MAX 256u
void engine_group_run(engine *self, engine_commit_request **members, pbase_bytes *records,
                      size_t count);
/* Encodes what a request asks for, but for the head of its record, so that who leads need not: for
 * whoever enters the queue, by its own thread (group.c). NO_MEMORY. */
PBASE_MUST_CHECK pbase_status engine_request_encode(engine_commit_request *request,
                                                    pbase_error *err);
/* Makes `next` the newest state (taking its count); the commit lock is held. */
void engine_publish(engine *self, space_state *next);
/* Writes a head and what follows, wrapped for the journal. */
PBASE_MUST_CHECK pbase_status engine_record_wrap(engine *self, const record_head *head,
                                                 pbase_bytes body, pbase_buffer *out,
                                                 pbase_error *err);
/* Counts bytes that the next opening after a crash would replay; the queue lock is held. */
void engine_journal_grew(engine *self, uint64_t bytes);
/* READ_ONLY when poisoned. */
PBASE_MUST_CHECK pbase_status engine_writable(engine *self, pbase_error *err);

/* Brings the state back from the journal (recover.c). Fills newest, head, recovery. */
PBASE_MUST_CHECK pbase_status engine_recover(engine *self, pbase_error *err);
/* What the newest checkpoint and the records after it lead to. */
typedef struct {
    space_state *state;      /* one count */
    pbase_position position; /* of what comes after the last record read */
    uint64_t settled;        /* sequence of the checkpoint */
    uint64_t fence;          /* of the checkpoint */
    pbase_position anchor;   /* of its record */
    uint64_t records, bytes; /* replayed */
} engine_loaded;
/* Reads it as the journal is now, and which checkpoints are kept (recover.c). TRIMMED: somebody moved
 * it meanwhile. */
PBASE_MUST_CHECK pbase_status engine_load(engine *self, retained_list *kept, engine_loaded *out,
                                          pbase_error *err);
/* The same from the last of the kept checkpoints, whose root is confirmed (needs.h), up to a record or the
 * head; `fence` and `anchor` of the result are the caller's to fill (recover.c). */
PBASE_MUST_CHECK pbase_status engine_load_from(engine *self, const retained_list *kept,
                                               pbase_position upto, engine_loaded *out,
                                               pbase_error *err);
/* The checkpoint at the anchor of a journal and those kept before it are added to `kept`; a new space
 * begins empty (recover.c). TRIMMED as above. */
PBASE_MUST_CHECK pbase_status engine_find_checkpoints(engine *self,
                                                      const pbase_journal_head *journal,
                                                      retained_list *kept, uint64_t *out_fence,
                                                      pbase_error *err);
/* Adds a checkpoint record to those kept before it (recover.c). */
PBASE_MUST_CHECK pbase_status engine_kept_add(retained_list *kept, const record_head *head,
                                              const checkpoint_body *body, pbase_error *err);

/* A turn to append, with everything that others committed published before; the commit lock is held
 * (follow.c). */
PBASE_MUST_CHECK pbase_status engine_turn_begin(engine *self, const pbase_call *call,
                                                pbase_error *err);
void engine_turn_end(engine *self);
/* Joins those who use the space, and leaves them; leaving says whether nobody else is left. */
PBASE_MUST_CHECK pbase_status engine_join(engine *self, pbase_error *err);
bool engine_leave(engine *self);
/* Takes over the checkpoint that the anchor leads to, when another process made a newer one than is known
 * here. TRIMMED: they are made too fast; nothing is worse than before. */
PBASE_MUST_CHECK pbase_status engine_take_anchor(engine *self, pbase_error *err);
/* Starts the background thread if it does not run yet; it is started by the first who commits, or who
 * sees that others do, so that opening and reading alone need no thread (checkpoint.c). */
PBASE_MUST_CHECK pbase_status engine_settler_ensure(engine *self, pbase_error *err);
/* At the end of opening: starts it when there is something to be settled at once. */
PBASE_MUST_CHECK pbase_status engine_settler_begin(engine *self, pbase_error *err);

/* Commits and checkpoints (backlog.c). With the queue locked: */
bool engine_checkpoint_is_due(engine *self);
/* A checkpoint has taken its base, of so much journal; it has ended, and wakes who waits for that. */
void engine_settling_begins(engine *self, uint64_t journal_bytes);
void engine_settling_ends(engine *self, bool is_done);
/* A group took so much of the journal: decides how long the next one is held back. */
void engine_group_weighs(engine *self, uint64_t journal_bytes);
/* Holds back who leads the next group, while checkpoints are behind; the queue is let go of meanwhile.
 * True: it was. */
bool engine_hold_back(engine *self, const pbase_call *call);
/* How far commits are held back, in thousandths. */
uint32_t engine_pressure(engine *self);
/* Without: waits while far more is unsettled than a checkpoint should leave. */
PBASE_MUST_CHECK pbase_status engine_wait_for_room(engine *self, const pbase_call *call,
                                                   pbase_error *err);

#endif
