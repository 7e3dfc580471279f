/* deferred.h - commits that wait to be applied.
 *
 * A commit is its record in the journal; the trees it leads to are needed by those who read. So a
 * record whose operations cannot fail (puts into dictionaries that are there, that have no indexes and
 * hold no collections) is appended and put on a list, and the newest state stays what it was. Whoever
 * wants to read applies the whole list at once, in one working state: a node that ten of them
 * change is copied once. Past DEFERRED_APPLY_BYTES the background does it, past DEFERRED_BYTES_MAX
 * the next commit does.
 *
 * Names, ids and kinds of databases and collections are never behind: records that change them do not
 * wait, and apply what waits before. A transaction that began behind gets the state of its begin when
 * it reads: applying stops at the begin of each that is open.
 *
 * Applying makes a new state out of an old one: when it fails (memory, a device) nothing has changed,
 * whoever wanted to read is told, and the next one tries again.
 *
 * Threads: the list is guarded by the queue lock; see engine.h for the order of locks. */
#ifndef PROTOBASE_TXN_DEFERRED_H
#define PROTOBASE_TXN_DEFERRED_H
#include "txn/engine.h"

#define DEFERRED_APPLY_BYTES (4u << 20)
#define DEFERRED_BYTES_MAX (8u << 20)

struct deferred_record {
    record_head head;
    pbase_buffer body;
    pbase_position end; /* of the journal after it */
    deferred_record *next;
};

typedef struct {
    deferred_record *first, *last; /* oldest and newest; NULL: none */
    size_t bytes;                  /* of the bodies */
} deferred_list;

/* A record with a body of its own. NO_MEMORY. Ends with deferred_destroy, NULL is fine. */
PBASE_MUST_CHECK pbase_status deferred_create(const pbase_host *host, const record_head *head,
                                              pbase_bytes body, deferred_record **out,
                                              pbase_error *err);
void deferred_destroy(const pbase_host *host, deferred_record *record);

/* With the queue locked: sequence and time of the newest commit, applied or not. */
uint64_t deferred_sequence(const engine *self, int64_t *out_timestamp_ns);
/* Whether all members of a group can wait. If not, or if too much waits already, all that waits is
 * applied. Members need no state from here on. The commit lock is held, so that nothing is added. */
PBASE_MUST_CHECK pbase_status deferred_group_begin(engine *self,
                                                   engine_commit_request *const *members,
                                                   size_t count, bool *out_waits, pbase_error *err);
/* Applies what waits at the time of the call, and gives those who are behind their states on the way.
 * With the commit lock held nothing waits afterwards; no other lock is. */
PBASE_MUST_CHECK pbase_status deferred_apply(engine *self, pbase_error *err);
/* With the queue locked: puts the members' records on the list, and wakes who waits for them. */
void deferred_append(engine *self, engine_commit_request *const *members, size_t count,
                     pbase_position end);
/* Forgets what waits: the journal has it. */
void deferred_fini(engine *self);

#endif
