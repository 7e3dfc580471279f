/* test_state_roots.c - which roots states need, from when on and how long. */
#include "heap_source.h"
#include "os/os.h"
#include "txn/state_roots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NEEDS_MAX 64u

static heap_source heap;
static state_list list;
static pbase_atom_pointer found[NEEDS_MAX];

static space_state *make(uint64_t sequence)
{
    space_state *state = space_state_create(&list, &heap.source, ATOM_REF_NONE, sequence, 0);
    assert_non_null(state);
    return state;
}

static uint32_t add(pbase_atom_pointer root)
{
    uint32_t number = 0;
    assert_int_equal(state_list_root_add(&list, root, &number, NULL), PBASE_OK);
    return number;
}

static state_needs needs(void)
{
    state_needs out = {.roots = found, .capacity = NEEDS_MAX};
    state_list_needs(&list, &out);
    return out;
}

static bool is_needed(pbase_atom_pointer root)
{
    state_needs now = needs();
    bool is = false;
    for (size_t i = 0; i < now.count; i++) {
        is = is || found[i] == root;
    }
    return is;
}

static int begin(void **unused)
{
    (void)unused;
    heap_source_init(&heap, pbase_alloc_default());
    pbase_status status = state_list_init(&list, pbase_os_real(), NULL);
    list.has_roots = true;
    return status == PBASE_OK ? 0 : -1;
}

static int end(void **unused)
{
    (void)unused;
    state_list_fini(&list);
    heap_source_fini(&heap);
    return 0;
}

static void a_root_is_needed_as_long_as_a_state_that_was_made_from_it(void **unused)
{
    (void)unused;
    space_state *first = make(1);
    space_state_need(first, add(100));
    state_roots adopted = {.count = 0};
    state_roots_add(&adopted, add(200));
    space_state *second = make(2);
    space_state_need_as(second, first, &adopted);
    assert_true(space_state_needs_more(second, first));
    assert_false(space_state_needs_more(first, second));
    space_state_unref(first);
    assert_true(is_needed(100) && is_needed(200));
    space_state_unref(second);
    assert_int_equal(needs().count, 0);
}

static void a_rebased_state_needs_what_was_adopted_since_its_checkpoint_began(void **unused)
{
    (void)unused;
    space_state *before = make(1);
    space_state_need(before, add(100));
    uint32_t from = state_list_root_next(&list);
    space_state_need(before, add(200));
    space_state *rebased = make(1);
    space_state_need(rebased, add(300));
    space_state_need_since(rebased, before, from);
    space_state_unref(before);
    assert_false(is_needed(100));
    assert_true(is_needed(200) && is_needed(300));
    space_state_unref(rebased);
}

static void what_is_written_yet_or_never_was_is_not_told(void **unused)
{
    (void)unused;
    space_state *state = make(1);
    uint32_t number = add(PBASE_ATOM_NONE);
    space_state_need(state, number);
    assert_int_equal(needs().count, 0);
    state_list_root_set(&list, number, 100);
    assert_int_equal(needs().count, 1);
    state_list_root_set(&list, number, PBASE_ATOM_NONE);
    assert_int_equal(needs().count, 0);
    space_state_unref(state);
}

static void roots_that_do_not_fit_are_told_and_inherited(void **unused)
{
    (void)unused;
    space_state *state = make(1);
    for (uint32_t i = 0; i < STATE_ROOTS_MAX; i++) {
        space_state_need(state, add(100 + i));
    }
    assert_false(needs().is_tainted);
    assert_int_equal(needs().count, STATE_ROOTS_MAX);
    space_state_need(state, add(999));
    assert_true(needs().is_tainted);
    space_state *next = make(2);
    space_state_need_as(next, state, NULL);
    space_state_unref(state);
    assert_true(needs().is_tainted);
    space_state_unref(next);
    assert_false(needs().is_tainted);
}

static void a_root_that_is_lost_is_told_by_nobody_and_known_to_who_needed_it(void **unused)
{
    (void)unused;
    space_state *old = make(1), *other = make(2);
    space_state_need(old, add(100));
    space_state_need(other, add(200));
    state_list_root_lose(&list, 100);
    assert_false(is_needed(100));
    assert_true(is_needed(200) && needs().is_tainted);
    space_state_unref(old);
    assert_true(is_needed(200) && !needs().is_tainted);
    space_state_unref(other);
}

static void numbers_go_on_when_old_ones_are_forgotten(void **unused)
{
    (void)unused;
    space_state *last = make(0);
    space_state_need(last, add(1));
    for (uint32_t i = 2; i < 5000; i++) {
        space_state *next = make(i);
        uint32_t number = add(i);
        assert_int_equal(number, state_list_root_next(&list) - 1);
        space_state_need(next, number);
        space_state_unref(last);
        last = next;
        assert_int_equal(needs().count, 1);
        assert_true(is_needed(i));
    }
    assert_true(list.root_capacity < 100);
    space_state_unref(last);
}

static void a_list_without_roots_keeps_none(void **unused)
{
    (void)unused;
    list.has_roots = false;
    space_state *state = make(1);
    assert_int_equal(add(100), 0);
    space_state_need(state, 7);
    assert_int_equal(needs().count, 0);
    space_state_unref(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_root_is_needed_as_long_as_a_state_that_was_made_from_it),
        TEST(a_rebased_state_needs_what_was_adopted_since_its_checkpoint_began),
        TEST(what_is_written_yet_or_never_was_is_not_told),
        TEST(roots_that_do_not_fit_are_told_and_inherited),
        TEST(a_root_that_is_lost_is_told_by_nobody_and_known_to_who_needed_it),
        TEST(numbers_go_on_when_old_ones_are_forgotten),
        TEST(a_list_without_roots_keeps_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
