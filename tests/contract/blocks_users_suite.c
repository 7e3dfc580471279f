/* blocks_users_suite.c - several users of one folder: locks, boards, slots. */
#include "blocks_fixture.h"

#include <stdio.h>

/* -------------------------------------------------------------------------- optional groups --- */

static void the_lock_is_exclusive(void **state)
{
    blocks_fixture *f = *state;
    char holder[32];
    if (!blocks_has(f, PBASE_BLOCKS_LOCK)) {
        skip();
    }
    assert_ok(f, pbase_blocks_lock(f->blocks, NULL, &f->err));
    assert_int_equal(pbase_blocks_lock(f->blocks, NULL, &f->err), PBASE_BUSY);
    snprintf(holder, sizeof holder, "%llu",
             (unsigned long long)f->host.base.os->system->process_id(f->host.base.os));
    assert_non_null(strstr(f->err.message, holder));
}

static void the_lock_excludes_another_opening(void **state)
{
    blocks_fixture *f = *state;
    test_graph *other = NULL;
    if (!blocks_has(f, PBASE_BLOCKS_LOCK) || !blocks_has(f, PBASE_BLOCKS_PERSISTENT)) {
        skip();
    }
    assert_ok(f, pbase_blocks_lock(f->blocks, NULL, &f->err));
    assert_ok(f, test_wiring_open(f->subject->wiring(f->folder.path), &f->host, &other, &f->err));
    assert_int_equal(pbase_blocks_lock(test_graph_object(other), NULL, &f->err), PBASE_BUSY);
    blocks_close(f);
    assert_ok(f, pbase_blocks_lock(test_graph_object(other), NULL, &f->err));
    test_wiring_close(other);
    blocks_open(f);
}

static void users_share_and_the_first_and_last_are_alone(void **state)
{
    blocks_fixture *f = *state;
    test_graph *other = NULL;
    bool alone = false;
    if (!blocks_has(f, PBASE_BLOCKS_SHARED)) {
        skip();
    }
    assert_ok(f, pbase_blocks_attach(f->blocks, NULL, &alone, &f->err));
    assert_true(alone);
    assert_ok(f, test_wiring_open(f->subject->wiring(f->folder.path), &f->host, &other, &f->err));
    pbase_blocks *second = test_graph_object(other);
    assert_int_equal(pbase_blocks_lock(second, NULL, &f->err), PBASE_BUSY);
    assert_ok(f, pbase_blocks_attach(second, NULL, &alone, &f->err));
    assert_false(alone);
    assert_ok(f, pbase_blocks_names_sync(second, NULL, &f->err));
    assert_false(pbase_blocks_leave(f->blocks));
    assert_true(pbase_blocks_leave(second));
    test_wiring_close(other);
}

static void a_named_lock_excludes_other_users_until_it_is_released(void **state)
{
    blocks_fixture *f = *state;
    test_graph *other = NULL;
    if (!blocks_has(f, PBASE_BLOCKS_SHARED)) {
        skip();
    }
    const pbase_os *os = f->host.base.os;
    assert_ok(f, test_wiring_open(f->subject->wiring(f->folder.path), &f->host, &other, &f->err));
    pbase_blocks *second = test_graph_object(other);
    pbase_call now = {.deadline_ns = os->system->monotonic_ns(os)};
    assert_ok(f, pbase_blocks_acquire(f->blocks, NULL, "one", false, &f->err));
    assert_int_equal(pbase_blocks_acquire(second, &now, "one", false, &f->err), PBASE_BUSY);
    assert_int_equal(pbase_blocks_acquire(second, &now, "one", true, &f->err), PBASE_BUSY);
    assert_ok(f, pbase_blocks_acquire(second, &now, "two", false, &f->err));
    pbase_blocks_release(f->blocks, "one");
    assert_ok(f, pbase_blocks_acquire(second, &now, "one", true, &f->err));
    assert_ok(f, pbase_blocks_acquire(f->blocks, &now, "one", true, &f->err));
    assert_int_equal(pbase_blocks_acquire(f->blocks, &now, "two", false, &f->err), PBASE_BUSY);
    test_wiring_close(other); /* ends its holds */
    assert_ok(f, pbase_blocks_acquire(f->blocks, &now, "two", false, &f->err));
    assert_int_equal(pbase_blocks_acquire(f->blocks, &now, "No", false, &f->err), PBASE_INVALID);
    assert_int_equal(pbase_blocks_acquire(f->blocks, &now, "", false, &f->err), PBASE_INVALID);
}

static void a_board_shows_each_user_what_the_others_store(void **state)
{
    blocks_fixture *f = *state;
    test_graph *other = NULL;
    uint8_t *here = NULL, *there = NULL;
    if (!blocks_has(f, PBASE_BLOCKS_SHARED)) {
        skip();
    }
    assert_ok(f, test_wiring_open(f->subject->wiring(f->folder.path), &f->host, &other, &f->err));
    assert_ok(f, pbase_blocks_board(f->blocks, NULL, "b", 96, &here, &f->err));
    assert_ok(f, pbase_blocks_board(test_graph_object(other), NULL, "b", 96, &there, &f->err));
    for (size_t i = 0; i < 96; i++) {
        assert_int_equal(here[i], 0);
        here[i] = (uint8_t)(i + 1);
        assert_int_equal(there[i], i + 1);
    }
    assert_int_equal(pbase_blocks_board(f->blocks, NULL, "b", 0, &here, &f->err), PBASE_LIMIT);
    assert_int_equal(
        pbase_blocks_board(f->blocks, NULL, "b", PBASE_BOARD_BYTES_MAX + 1, &here, &f->err),
        PBASE_LIMIT);
    assert_int_equal(pbase_blocks_board(f->blocks, NULL, "B", 8, &here, &f->err), PBASE_INVALID);
    test_wiring_close(other);
}

typedef struct {
    unsigned count;
    uint8_t first; /* byte of each, summed up */
} slots_seen;

static pbase_status see_slot(void *state, const uint8_t *slot, pbase_error *err)
{
    slots_seen *self = state;
    (void)err;
    self->count++;
    self->first = (uint8_t)(self->first + slot[0]);
    return PBASE_OK;
}

static void expect_slots(blocks_fixture *f, pbase_blocks *of, unsigned count, uint8_t first)
{
    slots_seen seen = {.count = 0};
    assert_ok(f, pbase_blocks_slots_each(of, NULL, "s", 64, see_slot, &seen, &f->err));
    assert_int_equal(seen.count, count);
    assert_int_equal(seen.first, first);
}

static void a_slot_is_seen_by_others_until_its_user_goes(void **state)
{
    blocks_fixture *f = *state;
    test_graph *others[3] = {NULL, NULL, NULL};
    uint8_t *ours = NULL, *theirs = NULL;
    if (!blocks_has(f, PBASE_BLOCKS_SHARED)) {
        skip();
    }
    expect_slots(f, f->blocks, 0, 0);
    assert_ok(f, pbase_blocks_slot_take(f->blocks, NULL, "s", 64, &ours, &f->err));
    assert_int_equal(ours[0], 0);
    ours[0] = 1;
    expect_slots(f, f->blocks, 0, 0); /* one's own is not told */
    for (uint8_t i = 0; i < 3; i++) {
        const test_wiring *wiring = f->subject->wiring(f->folder.path);
        assert_ok(f, test_wiring_open(wiring, &f->host, &others[i], &f->err));
        pbase_blocks *other = test_graph_object(others[i]);
        assert_ok(f, pbase_blocks_slot_take(other, NULL, "s", 64, &theirs, &f->err));
        theirs[0] = (uint8_t)(10 << i);
        expect_slots(f, other, 1u + i, (uint8_t)(1 + (10 << i) - 10));
    }
    expect_slots(f, f->blocks, 3, 70);
    test_wiring_close(others[1]);
    expect_slots(f, f->blocks, 2, 50);
    const test_wiring *wiring = f->subject->wiring(f->folder.path);
    assert_ok(f, test_wiring_open(wiring, &f->host, &others[1], &f->err));
    assert_ok(
        f, pbase_blocks_slot_take(test_graph_object(others[1]), NULL, "s", 64, &theirs, &f->err));
    assert_int_equal(theirs[0], 20); /* the free one, as it was left */
    expect_slots(f, f->blocks, 3, 70);
    slots_seen seen = {.count = 0};
    assert_ok(f, pbase_blocks_slots_each(f->blocks, NULL, "t", 64, see_slot, &seen, &f->err));
    assert_int_equal(seen.count, 0);
    for (unsigned i = 0; i < 3; i++) {
        test_wiring_close(others[i]);
    }
    expect_slots(f, f->blocks, 0, 0);
}

/* ------------------------------------------------------------------------------------ suite --- */

int blocks_users_suite_run(const blocks_subject *subject)
{
    const struct CMUnitTest tests[] = {
        BLOCKS_TEST(the_lock_is_exclusive),
        BLOCKS_TEST(the_lock_excludes_another_opening),
        BLOCKS_TEST(users_share_and_the_first_and_last_are_alone),
        BLOCKS_TEST(a_named_lock_excludes_other_users_until_it_is_released),
        BLOCKS_TEST(a_board_shows_each_user_what_the_others_store),
        BLOCKS_TEST(a_slot_is_seen_by_others_until_its_user_goes),
    };
    return _cmocka_run_group_tests(subject->name, tests, COUNT_OF(tests), NULL, NULL);
}
