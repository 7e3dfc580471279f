/* deferred.h - commits that wait to be applied.
 *
 * A commit is its record in the journal; the trees it leads to are needed by those who read. So a
 * record whose operations cannot fail (puts into dictionaries that are there, that have no indexes and
 * hold no collections) is appended and put on a list, and the newest state stays what it was. Past
 * DEFERRED_APPLY_BYTES the background takes the list, a round after the other, into one working state
 * that nobody else sees: a node is copied when the first of them changes it, and changed where it lies
 * from then on. Whoever wants to read takes the rest of the list there, and publishes what came of it
 * as the newest state (docs/decisions/0022-applying-ahead-of-the-newest-state.md). Past
 * DEFERRED_BYTES_MAX the next commit waits for the round that runs, and does one if that was not enough.
 *
 * Names, ids and kinds of databases and collections are never behind: records that change them do not
 * wait, and apply what waits before. A transaction that began behind gets the state of its begin when
 * it reads: applying stops at the begin of each that is open. Most of those have ended without reading
 * when the next round comes; for one that has not, the state of its begin is published.
 *
 * When applying fails (memory, a device) the newest state is what it was, whoever wanted to read is
 * told, and the next one tries again: the records of a round stay on the list until all of it is
 * applied, and putting once more what has been put changes nothing.
 *
 * Threads: the list is guarded by the queue lock, the working state by the right to apply; see engine.h
 * for the order of locks. */
#ifndef PROTOBASE_TXN_DEFERRED_H
#define PROTOBASE_TXN_DEFERRED_H
#include "txn/engine.h"

#define DEFERRED_APPLY_BYTES (4u << 20)
#define DEFERRED_BYTES_MAX (8u << 20)

struct deferred_record {
    record_head head;
    pbase_buffer record; /* as its transaction encoded it: behind RECORD_HEAD_BYTES, the body */
    pbase_position end;  /* of the journal after it */
    deferred_record *next;
};

typedef struct {
    deferred_record *first, *last; /* oldest and newest that are not applied; NULL: none */
    size_t bytes;                  /* of the bodies */
    bool is_ahead;                 /* others were applied, and are in no state yet */
    record_head ahead;             /* the last of those */
    pbase_position ahead_end;      /* of the journal after it */
    working *trees;                /* apply: with all of those; NULL: there are none */
} deferred_list;

/* A record that has no bytes yet. NO_MEMORY. Ends with deferred_destroy, NULL is fine. */
PBASE_MUST_CHECK pbase_status deferred_create(const pbase_host *host, const record_head *head,
                                              deferred_record **out, pbase_error *err);
void deferred_destroy(const pbase_host *host, deferred_record *record);

/* With the queue locked: sequence and time of the newest commit, applied or not. */
uint64_t deferred_sequence(const engine *self, int64_t *out_timestamp_ns);
/* Whether all members of a group can wait. If not, all that waits is applied and published; if they can, as
 * much as is more than DEFERRED_BYTES_MAX. Members need no state from here on. The commit lock is held, so that nothing is added. */
PBASE_MUST_CHECK pbase_status deferred_group_begin(engine *self,
                                                   engine_commit_request *const *members,
                                                   size_t count, bool *out_waits, pbase_error *err);
/* Publishes a state with all that waits at the time of the call, and gives those who are behind their
 * states on the way. With the commit lock held nothing waits afterwards; no other lock is. */
PBASE_MUST_CHECK pbase_status deferred_apply(engine *self, pbase_error *err);
/* Applies what waits if it is more than `bytes`, up to the begin of those who are behind; publishes only
 * what they may ask for. */
PBASE_MUST_CHECK pbase_status deferred_advance(engine *self, size_t bytes, pbase_error *err);
/* With the queue locked: puts the members' records on the list, with the bytes that it takes from them. */
void deferred_append(engine *self, engine_commit_request *const *members, size_t count,
                     pbase_position end);
/* Forgets what waits: the journal has it. */
void deferred_fini(engine *self);

#endif
