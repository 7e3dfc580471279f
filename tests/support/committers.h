/* committers.h - threads that commit at the same time: a leader is held up until all of them wait. */
#ifndef PBASE_TEST_COMMITTERS_H
#define PBASE_TEST_COMMITTERS_H
#include "space_fixture.h"

typedef struct {
    space_fixture *fixture;
    pbase_txn *txn;         /* taken */
    const pbase_call *call; /* NULL: without a deadline */
    pbase_os_thread *thread;
    pbase_status status;
} committer;

/* A transaction that puts `value` under `key` into each of the roots. */
pbase_txn *committer_change(space_fixture *fixture, const char *const *roots, size_t count,
                            int64_t key, int64_t value);
/* Starts the thread; it commits self->txn. */
void committer_start(committer *self, space_fixture *fixture);
/* Waits for its end; what commit said. */
pbase_status committer_join(committer *self);
/* Waits until `count` commits are in the queue. */
void committers_wait_queued(space_fixture *fixture, size_t count);
/* Commits all transactions as one group, in their order. */
void committers_run_together(space_fixture *fixture, committer *members, size_t count);

#endif
