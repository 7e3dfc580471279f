/* committers.c - the commit lock is taken, so that whoever leads waits with its queue. */
#include "committers.h"
#include "txn/database.h"
#include "txn/engine_private.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static engine *engine_of(const space_fixture *fixture)
{
    return fixture->database->engine;
}

static void run_committer(void *state)
{
    committer *self = state;
    self->status = pbase_txn_commit(&self->txn, self->call, NULL, NULL);
}

pbase_txn *committer_change(space_fixture *fixture, const char *const *roots, size_t count,
                            int64_t key, int64_t value)
{
    pbase_txn *txn = fixture_begin(fixture, PBASE_SNAPSHOT_ISOLATION);
    for (size_t i = 0; i < count; i++) {
        pbase_dict *dict = fixture_dict(txn, roots[i]);
        fixture_put(&dict, key, value);
        assert_int_equal(pbase_txn_store_dict(txn, roots[i], dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
    }
    return txn;
}

void committer_start(committer *self, space_fixture *fixture)
{
    const pbase_os *os = engine_host(engine_of(fixture))->os;
    self->fixture = fixture;
    assert_int_equal(os->thread->start(os, "committer", run_committer, self, &self->thread, NULL),
                     PBASE_OK);
}

pbase_status committer_join(committer *self)
{
    engine_host(engine_of(self->fixture))->os->thread->join(self->thread);
    return self->status;
}

void committers_wait_queued(space_fixture *fixture, size_t count)
{
    engine *self = engine_of(fixture);
    const pbase_os *os = engine_host(self)->os;
    for (;;) {
        engine_lock(self, self->queue_mutex);
        size_t waiting = self->waiting_count;
        engine_unlock(self, self->queue_mutex);
        if (waiting >= count) {
            return;
        }
        os->system->sleep_ns(os, 100000);
    }
}

void committers_run_together(space_fixture *fixture, committer *members, size_t count)
{
    engine *self = engine_of(fixture);
    engine_lock(self, self->commit_mutex);
    for (size_t i = 0; i < count; i++) {
        committer_start(&members[i], fixture);
        committers_wait_queued(fixture, i + 1);
    }
    engine_unlock(self, self->commit_mutex);
    for (size_t i = 0; i < count; i++) {
        (void)committer_join(&members[i]); /* the caller looks at them */
    }
}
