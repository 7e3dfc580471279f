/* test_group.c - several transactions in one group: a leader is held up until all of them wait. */
#include "space_fixture.h"
#include "txn/database.h"
#include "txn/engine_private.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static space_fixture f;

static int begin(void **unused)
{
    (void)unused;
    fixture_memory(&f);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_assert_clean(&f);
    fixture_end(&f);
    return 0;
}

typedef struct {
    pbase_txn *txn;
    pbase_os_thread *thread;
    pbase_status status;
} committer;

static void run_committer(void *state)
{
    committer *self = state;
    self->status = fixture_commit(&self->txn);
}

static size_t waiting_count(engine *self)
{
    size_t count = 0;
    engine_lock(self, self->queue_mutex);
    for (const engine_commit_request *at = self->waiting; at != NULL; at = at->next) {
        count++;
    }
    engine_unlock(self, self->queue_mutex);
    return count;
}

/* Commits all transactions as one group, in their order. */
static void commit_together(committer *members, size_t count)
{
    engine *self = f.database->engine;
    const pbase_os *os = engine_host(self)->os;
    engine_lock(self, self->commit_mutex);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(os->thread->start(os, "committer", run_committer, &members[i],
                                           &members[i].thread, NULL),
                         PBASE_OK);
        while (waiting_count(self) < i + 1) {
            os->system->sleep_ns(os, 100000);
        }
    }
    engine_unlock(self, self->commit_mutex);
    for (size_t i = 0; i < count; i++) {
        os->thread->join(members[i].thread);
    }
}

static pbase_txn *begin_change(const char *const *roots, size_t count, int64_t key, int64_t value)
{
    pbase_txn *txn = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    for (size_t i = 0; i < count; i++) {
        pbase_dict *dict = fixture_dict(txn, roots[i]);
        fixture_put(&dict, key, value);
        assert_int_equal(pbase_txn_store_dict(txn, roots[i], dict, NULL), PBASE_OK);
        pbase_dict_close(dict);
    }
    return txn;
}

static void one_group_is_one_append(void **unused)
{
    (void)unused;
    const char *const roots[] = {"a"};
    assert_int_equal(fixture_put_one(&f, "a", 0, 0), PBASE_OK);
    committer members[3] = {{.txn = begin_change(roots, 1, 1, 10)},
                            {.txn = begin_change(roots, 1, 2, 20)},
                            {.txn = begin_change(roots, 1, 3, 30)}};
    uint64_t groups = f.database->engine->counters.groups;
    commit_together(members, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(members[i].status, PBASE_OK);
        assert_int_equal(fixture_get(&f, "a", (int64_t)i + 1), 10 * ((int64_t)i + 1));
    }
    assert_int_equal(f.database->engine->counters.groups, groups + 1);
}

static void of_two_that_write_one_key_in_a_group_the_first_wins(void **unused)
{
    (void)unused;
    const char *const roots[] = {"a"};
    assert_int_equal(fixture_put_one(&f, "a", 1, 0), PBASE_OK);
    committer members[2] = {{.txn = begin_change(roots, 1, 1, 10)},
                            {.txn = begin_change(roots, 1, 1, 20)}};
    commit_together(members, 2);
    assert_int_equal(members[0].status, PBASE_OK);
    assert_int_equal(members[1].status, PBASE_CONFLICT);
    assert_int_equal(fixture_get(&f, "a", 1), 10);
}

static void a_member_that_loses_while_it_is_applied_leaves_nothing_behind(void **unused)
{
    (void)unused;
    const char *const both[] = {"a", "b"}, *const other[] = {"c"};
    assert_int_equal(fixture_put_one(&f, "a", 1, 0), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "b", 1, 0), PBASE_OK);
    committer members[2] = {{.txn = begin_change(other, 1, 1, 7)},
                            {.txn = begin_change(both, 2, 1, 99)}};
    pbase_txn *dropper = fixture_begin(&f, PBASE_SERIALIZABLE);
    assert_int_equal(pbase_txn_drop_root(dropper, "b", NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&dropper), PBASE_OK);

    commit_together(members, 2);

    assert_int_equal(members[0].status, PBASE_OK);
    assert_int_equal(members[1].status, PBASE_CONFLICT); /* "b" is gone, "a" was applied before */
    assert_int_equal(fixture_get(&f, "a", 1), 0);
    assert_int_equal(fixture_get(&f, "c", 1), 7);
}

static void a_commit_whose_time_is_up_while_it_waits_is_not_done(void **unused)
{
    (void)unused;
    const char *const roots[] = {"a"};
    engine *self = f.database->engine;
    const pbase_os *os = engine_host(self)->os;
    committer leader = {.txn = begin_change(roots, 1, 1, 1)};
    pbase_txn *late = begin_change(roots, 1, 2, 2);
    pbase_call call = {.deadline_ns = pbase_os_deadline(os, 20)};
    engine_lock(self, self->commit_mutex);
    assert_int_equal(os->thread->start(os, "leader", run_committer, &leader, &leader.thread, NULL),
                     PBASE_OK);
    while (waiting_count(self) < 1) {
        os->system->sleep_ns(os, 100000);
    }
    assert_int_equal(pbase_txn_commit(&late, &call, NULL, NULL), PBASE_TIMEOUT);
    engine_unlock(self, self->commit_mutex);
    os->thread->join(leader.thread);
    assert_int_equal(leader.status, PBASE_OK);
    assert_int_equal(fixture_count(&f, "a"), 1);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(one_group_is_one_append),
        SENTENCE(of_two_that_write_one_key_in_a_group_the_first_wins),
        SENTENCE(a_member_that_loses_while_it_is_applied_leaves_nothing_behind),
        SENTENCE(a_commit_whose_time_is_up_while_it_waits_is_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
