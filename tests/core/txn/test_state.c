/* test_state.c - the list of states leads through all that somebody holds, newest first. */
#include "heap_source.h"
#include "os/os.h"
#include "txn/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static heap_source heap;
static state_list list;

static space_state *make(uint64_t sequence)
{
    space_state *state = space_state_create(&list, &heap.source, ATOM_REF_NONE, sequence, 0);
    assert_non_null(state);
    return state;
}

static int begin(void **unused)
{
    (void)unused;
    heap_source_init(&heap, pbase_alloc_default());
    return state_list_init(&list, pbase_os_real(), NULL) == PBASE_OK ? 0 : -1;
}

static int end(void **unused)
{
    (void)unused;
    state_list_fini(&list);
    heap_source_fini(&heap);
    return 0;
}

static void the_way_leads_from_the_newest_to_the_oldest(void **unused)
{
    (void)unused;
    space_state *states[4];
    for (uint64_t i = 0; i < 4; i++) {
        states[i] = make(i);
    }
    space_state_unref(states[2]);
    space_state *at = state_list_newest(&list);
    assert_ptr_equal(at, states[3]);
    at = state_list_older(&list, at);
    assert_ptr_equal(at, states[1]);
    space_state_unref(states[1]); /* ours keeps it, and its place */
    space_state *newer = make(9); /* made meanwhile: not on the way */
    at = state_list_older(&list, at);
    assert_ptr_equal(at, states[0]);
    assert_null(state_list_older(&list, at));
    space_state_unref(states[0]);
    space_state_unref(states[3]);
    space_state_unref(newer);
    assert_null(state_list_newest(&list));
}

static void memory_of_an_ended_state_becomes_the_next_one(void **unused)
{
    (void)unused;
    space_state *first = make(1);
    space_state_unref(first);
    assert_false(space_state_try_ref(first)); /* an old address does no harm */
    space_state *second = make(2);
    assert_ptr_equal(second, first);
    assert_true(space_state_try_ref(first)); /* and leads to what is there now */
    assert_int_equal(first->sequence, 2);
    space_state_unref(second);
    assert_ptr_equal(state_list_newest(&list), second);
    space_state_unref(second);
    space_state_unref(second);
    assert_null(state_list_newest(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_leads_from_the_newest_to_the_oldest),
        cmocka_unit_test(memory_of_an_ended_state_becomes_the_next_one),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
