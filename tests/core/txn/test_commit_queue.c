/* test_commit_queue.c - who leads, whom a leader waits for and how long, and who is woken. */
#include "committers.h"
#include "os/os.h"
#include "txn/database.h"
#include "txn/engine_private.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

/* The real operating system; it notes who woke others last, which is who appended and answered, and
 * how often somebody did. */
static pbase_os os;
static pbase_os_lock_ops lock_ops;
static _Atomic uint64_t woke_last, wakes;

static void word_wake(const pbase_os *self, const uint32_t *word, bool everybody)
{
    woke_last = os.thread->id(&os);
    wakes++;
    pbase_os_real()->lock->word_wake(self, word, everybody);
}

static space_fixture f;
static const char *const roots[] = {"a"};

static engine *engine_now(void)
{
    return f.database->engine;
}

static int begin(void **unused)
{
    (void)unused;
    os = *pbase_os_real();
    lock_ops = *os.lock;
    lock_ops.word_wake = word_wake;
    os.lock = &lock_ops;
    fixture_prepare(&f, NULL, &os);
    fixture_open(&f);
    assert_int_equal(fixture_put_one(&f, "a", 0, 0), PBASE_OK);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    fixture_assert_clean(&f);
    fixture_end(&f);
    return 0;
}

static uint64_t now_ns(void)
{
    return os.system->monotonic_ns(&os);
}

static pbase_txn *change(int64_t key)
{
    return committer_change(&f, roots, 1, key, key);
}

/* After it two writers are expected back. */
static void commit_two_together(void)
{
    committer members[2] = {{.txn = change(101)}, {.txn = change(102)}};
    committers_run_together(&f, members, 2);
    assert_int_equal(members[0].status, PBASE_OK);
    assert_int_equal(members[1].status, PBASE_OK);
    assert_int_equal(engine_now()->expected, 2);
}

static void a_writer_alone_waits_for_nobody(void **unused)
{
    (void)unused;
    atomic_store(&engine_now()->sync_ns, 60000 * MS);
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(fixture_put_one(&f, "a", i, i), PBASE_OK);
    }
    assert_int_equal(engine_now()->counters.gathers, 0);
}

static void a_leader_waits_for_whom_the_last_flush_answered(void **unused)
{
    (void)unused;
    commit_two_together();
    uint64_t groups = engine_now()->counters.groups;
    committer first = {.txn = change(1)}, second = {.txn = change(2)};
    atomic_store(&engine_now()->sync_ns, 60000 * MS);

    committer_start(&first, &f);
    committers_wait_queued(&f, 1);
    os.system->sleep_ns(&os, 20 * MS); /* would be long done */
    uint64_t groups_before = engine_now()->counters.groups;
    committer_start(&second, &f);

    assert_int_equal(committer_join(&first), PBASE_OK);
    assert_int_equal(committer_join(&second), PBASE_OK);
    assert_int_equal(groups_before, groups);
    assert_int_equal(engine_now()->counters.groups, groups + 1);
    assert_int_equal(engine_now()->counters.gathers, 1);
}

static void a_leader_goes_alone_when_a_part_of_a_flush_has_passed(void **unused)
{
    (void)unused;
    commit_two_together();
    atomic_store(&engine_now()->sync_ns, 100 * MS);

    uint64_t began = now_ns();
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    uint64_t waited = now_ns() - began;
    atomic_store(&engine_now()->sync_ns, 60000 * MS);
    assert_int_equal(fixture_put_one(&f, "a", 2, 2), PBASE_OK); /* nobody is expected any more */

    assert_true(waited >= 70 * MS);
    assert_int_equal(engine_now()->counters.gathers, 1);
}

static void who_completes_a_group_leads_it(void **unused)
{
    (void)unused;
    commit_two_together();
    committer first = {.txn = change(1)};
    pbase_txn *second = change(2);
    atomic_store(&engine_now()->sync_ns, 60000 * MS);
    committer_start(&first, &f);
    committers_wait_queued(&f, 1);

    assert_int_equal(fixture_commit(&second), PBASE_OK);
    uint64_t leader = woke_last;

    assert_int_equal(committer_join(&first), PBASE_OK);
    assert_int_equal(leader, os.thread->id(&os));
    assert_int_equal(fixture_count(&f, "a"), 5);
}

static void who_completes_a_group_too_late_for_itself_gives_the_lead_back(void **unused)
{
    (void)unused;
    commit_two_together();
    committer first = {.txn = change(1)};
    pbase_txn *late = change(2);
    atomic_store(&engine_now()->sync_ns, 200 * MS);
    committer_start(&first, &f);
    committers_wait_queued(&f, 1);
    pbase_call call = {.deadline_ns = now_ns() - 1};

    assert_int_equal(pbase_txn_commit(&late, &call, NULL, NULL), PBASE_TIMEOUT);

    assert_int_equal(committer_join(&first), PBASE_OK);
    assert_int_equal(fixture_count(&f, "a"), 4);
    assert_false(engine_now()->has_leader);
}

static void who_needs_no_flush_waits_for_nobody(void **unused)
{
    (void)unused;
    commit_two_together();
    atomic_store(&engine_now()->sync_ns, 60000 * MS);
    pbase_txn_options options = pbase_txn_options_default();
    options.durability = PBASE_DURABILITY_NONE;
    pbase_txn *txn = NULL;
    assert_int_equal(pbase_txn_begin(f.database, &options, &txn, NULL), PBASE_OK);
    pbase_dict *dict = fixture_dict(txn, "a");
    fixture_put(&dict, 1, 1);
    assert_int_equal(pbase_txn_store_dict(txn, "a", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);

    assert_int_equal(fixture_commit(&txn), PBASE_OK);

    assert_int_equal(engine_now()->counters.gathers, 0);
    assert_int_equal(engine_now()->expected, 0); /* nobody slept through a flush */
}

static void a_commit_whose_time_is_up_while_it_waits_is_not_done(void **unused)
{
    (void)unused;
    engine *self = engine_now();
    committer leader = {.txn = change(1)};
    pbase_txn *late = change(2);
    engine_lock(self, self->commit_mutex);
    committer_start(&leader, &f);
    committers_wait_queued(&f, 1);
    pbase_call call = {.deadline_ns = pbase_os_deadline(&os, 20)};
    assert_int_equal(pbase_txn_commit(&late, &call, NULL, NULL), PBASE_TIMEOUT);
    engine_unlock(self, self->commit_mutex);
    assert_int_equal(committer_join(&leader), PBASE_OK);
    assert_int_equal(fixture_count(&f, "a"), 2);
}

/* Who is first in line sleeps apart from those behind it. */
static void the_lead_goes_past_a_first_in_line_whose_time_is_up(void **unused)
{
    (void)unused;
    enum { BEHIND = 3 };
    engine *self = engine_now();
    committer leader = {.txn = change(1)}, behind[BEHIND];
    pbase_txn *late = change(2);
    pbase_call call = {.deadline_ns = pbase_os_deadline(&os, 300)};
    for (int64_t i = 0; i < BEHIND; i++) {
        behind[i] = (committer){.txn = change(10 + i)};
    }
    committer first = {.txn = late, .call = &call};
    engine_lock(self, self->commit_mutex);
    committer_start(&leader, &f);
    committers_wait_queued(&f, 1);
    committer_start(&first, &f);
    committers_wait_queued(&f, 2);
    for (size_t i = 0; i < BEHIND; i++) {
        committer_start(&behind[i], &f);
    }
    committers_wait_queued(&f, 2 + BEHIND);

    assert_int_equal(committer_join(&first), PBASE_TIMEOUT);
    engine_unlock(self, self->commit_mutex);

    assert_int_equal(committer_join(&leader), PBASE_OK);
    for (size_t i = 0; i < BEHIND; i++) {
        assert_int_equal(committer_join(&behind[i]), PBASE_OK);
    }
    assert_int_equal(fixture_count(&f, "a"), 2 + BEHIND);
}

static void a_commit_whose_time_is_up_before_it_leads_is_not_done(void **unused)
{
    (void)unused;
    pbase_txn *late = change(1);
    pbase_call call = {.deadline_ns = now_ns() - 1};
    assert_int_equal(pbase_txn_commit(&late, &call, NULL, NULL), PBASE_TIMEOUT);
    assert_int_equal(fixture_put_one(&f, "a", 2, 2), PBASE_OK); /* the lead is free */
    assert_int_equal(fixture_count(&f, "a"), 2);
}

static void the_lead_goes_from_one_to_the_next_until_nobody_waits(void **unused)
{
    (void)unused;
    enum { MEMBERS = 12, ROUNDS = 30 };
    for (int64_t round = 0; round < ROUNDS; round++) {
        committer members[MEMBERS];
        for (int64_t i = 0; i < MEMBERS; i++) {
            members[i] = (committer){.txn = change(1000 + round * MEMBERS + i)};
        }
        for (size_t i = 0; i < MEMBERS; i++) {
            committer_start(&members[i], &f);
        }
        for (size_t i = 0; i < MEMBERS; i++) {
            assert_int_equal(committer_join(&members[i]), PBASE_OK);
        }
        assert_false(engine_now()->has_leader);
        assert_int_equal(engine_now()->waiting_count, 0);
    }
    assert_int_equal(fixture_count(&f, "a"), 1 + MEMBERS * ROUNDS);
}

/* One call for all who sleep, and none for who leads: it does not sleep. */
static void a_group_is_woken_by_one_call(void **unused)
{
    (void)unused;
    enum { BEHIND = 6 };
    engine *self = engine_now();
    committer leader = {.txn = change(1)}, behind[BEHIND];
    for (int64_t i = 0; i < BEHIND; i++) {
        behind[i] = (committer){.txn = change(10 + i)};
    }
    engine_lock(self, self->commit_mutex);
    committer_start(&leader, &f);
    committers_wait_queued(&f, 1);
    for (size_t i = 0; i < BEHIND; i++) {
        committer_start(&behind[i], &f);
    }
    committers_wait_queued(&f, 1 + BEHIND);
    wakes = 0;
    engine_unlock(self, self->commit_mutex);

    assert_int_equal(committer_join(&leader), PBASE_OK);
    for (size_t i = 0; i < BEHIND; i++) {
        assert_int_equal(committer_join(&behind[i]), PBASE_OK);
    }
    assert_int_equal(wakes, 1);
}

static void a_writer_alone_wakes_nobody(void **unused)
{
    (void)unused;
    wakes = 0;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    assert_int_equal(wakes, 0);
}

/* So that what is left of those who wait is led by one of them, and a full group, waited for, by who
 * completes it. */
static void more_than_one_group_takes_are_committed_all_the_same(void **unused)
{
    (void)unused;
    enum { MEMBERS = GROUP_MEMBERS_MAX + 40, ROUNDS = 2 };
    static committer members[MEMBERS];
    engine *self = engine_now();
    for (int64_t round = 0; round < ROUNDS; round++) {
        uint64_t groups = self->counters.groups;
        for (int64_t i = 0; i < MEMBERS; i++) {
            members[i] = (committer){.txn = change(1000 + round * MEMBERS + i)};
        }
        atomic_store(&self->sync_ns, 500 * MS); /* the second round finds many expected */
        engine_lock(self, self->commit_mutex);
        for (size_t i = 0; i < MEMBERS; i++) {
            committer_start(&members[i], &f);
        }
        committers_wait_queued(&f, MEMBERS);
        engine_unlock(self, self->commit_mutex);
        for (size_t i = 0; i < MEMBERS; i++) {
            assert_int_equal(committer_join(&members[i]), PBASE_OK);
        }
        assert_true(self->counters.groups >= groups + 2);
        assert_true(self->expected <= GROUP_MEMBERS_MAX);
        self->expected = GROUP_MEMBERS_MAX;
    }
    assert_int_equal(fixture_count(&f, "a"), 1 + MEMBERS * ROUNDS);
    assert_false(self->has_leader);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_writer_alone_waits_for_nobody),
        SENTENCE(a_leader_waits_for_whom_the_last_flush_answered),
        SENTENCE(a_leader_goes_alone_when_a_part_of_a_flush_has_passed),
        SENTENCE(who_completes_a_group_leads_it),
        SENTENCE(who_completes_a_group_too_late_for_itself_gives_the_lead_back),
        SENTENCE(who_needs_no_flush_waits_for_nobody),
        SENTENCE(a_commit_whose_time_is_up_while_it_waits_is_not_done),
        SENTENCE(the_lead_goes_past_a_first_in_line_whose_time_is_up),
        SENTENCE(a_commit_whose_time_is_up_before_it_leads_is_not_done),
        SENTENCE(the_lead_goes_from_one_to_the_next_until_nobody_waits),
        SENTENCE(a_group_is_woken_by_one_call),
        SENTENCE(a_writer_alone_wakes_nobody),
        SENTENCE(more_than_one_group_takes_are_committed_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
