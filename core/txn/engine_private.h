/* engine_private.h - fields shared by engine.c, group.c, checkpoint.c and recover.c. */
#ifndef PROTOBASE_TXN_ENGINE_PRIVATE_H
#define PROTOBASE_TXN_ENGINE_PRIVATE_H
#include "txn/history.h"
#include "txn/store_coder.h"

/* Memory of unsettled atoms, as a multiple of checkpoint_bytes: where a checkpoint starts early,
 * and where commits begin to wait for it. */
#define MEMORY_START_FACTOR 4u
#define MEMORY_WAIT_FACTOR 8u

typedef struct {
    uint64_t commits, conflicts, groups, records, record_bytes;
    uint64_t checkpoints, checkpoint_failures, checkpoint_ns, waits;
} engine_counters;

struct engine {
    const pbase_host *host;
    store *bytes;
    store_coder coder; /* of indexed fields */
    pbase_storage *storage;
    engine_options options;
    uint64_t process; /* that opened it */
    uint64_t fence;   /* of the lock `writer`; set at open */
    bool holds_writer;
    pbase_recovery recovery;

    turns lost;                   /* who lost a conflict */
    pbase_os_mutex *settle_mutex; /* two settles of trees that share atoms must not run at once */
    pbase_os_mutex *commit_mutex; /* the right to append and publish */
    pbase_position head;          /* commit: expected head of the journal */
    write_window *window;         /* commit */
    uint64_t token_seed;          /* commit: random; with a counter, the token of each append */
    uint64_t token_count;         /* commit */

    pbase_os_mutex *queue_mutex;
    pbase_os_cond *queue_changed;   /* a request was done, a leader left, or a checkpoint ended */
    engine_commit_request *waiting; /* queue: oldest first */
    engine_commit_request **waiting_end;
    bool has_leader;                                /* queue */
    space_state *newest;                            /* queue */
    pbase_position published;                       /* queue: of the record after it */
    engine_history history;                         /* queue */
    engine_reader *readers_newest, *readers_oldest; /* queue */
    size_t reader_count;                            /* queue */
    engine_counters counters;                       /* queue */
    bool poisoned;                                  /* queue: an append failed; only reads go on */

    /* the background */
    pbase_os_thread *settler;
    pbase_os_cond *settler_wakes;    /* with queue_mutex */
    bool settler_stops;              /* queue */
    bool settling;                   /* queue: a checkpoint runs */
    uint64_t bytes_since_checkpoint; /* queue: of journal */
    uint64_t settled_sequence;       /* queue: of the last checkpoint */
    uint64_t settled_memory_bytes;   /* queue: held by atoms in memory after it */
};

static inline void engine_lock(engine *self, pbase_os_mutex *mutex)
{
    self->host->os->lock->mutex_lock(mutex);
}
static inline void engine_unlock(engine *self, pbase_os_mutex *mutex)
{
    self->host->os->lock->mutex_unlock(mutex);
}

/* Appends wrapped records as one group; the commit lock is held. Moves `head`. A failure that
 * leaves the journal unsure poisons the engine. */
PBASE_MUST_CHECK pbase_status engine_append(engine *self, const pbase_bytes *records, size_t count,
                                            int32_t durability, pbase_journal_appended *out,
                                            pbase_error *err);
/* Makes `next` the newest state (taking its count); the commit lock is held. */
void engine_publish(engine *self, space_state *next);
/* Writes a head and what follows, wrapped for the journal. */
PBASE_MUST_CHECK pbase_status engine_record_wrap(engine *self, const record_head *head,
                                                 pbase_bytes body, pbase_buffer *out,
                                                 pbase_error *err);
/* READ_ONLY when poisoned. */
PBASE_MUST_CHECK pbase_status engine_writable(engine *self, pbase_error *err);

/* Brings the state back from the journal (recover.c). Fills newest, head, recovery. */
PBASE_MUST_CHECK pbase_status engine_recover(engine *self, pbase_error *err);
/* Body of the background thread (checkpoint.c). */
void engine_settler_run(void *engine_pointer);
/* Waits while far more is unsettled than a checkpoint should leave (checkpoint.c). */
PBASE_MUST_CHECK pbase_status engine_wait_for_room(engine *self, const pbase_call *call,
                                                   pbase_error *err);

#endif
