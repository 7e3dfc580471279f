/* test_opened.c - what was looked up in a state is found there until it ends. */
#include "fault_alloc.h"
#include "heap_source.h"
#include "os/os.h"
#include "txn/opened.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static fault_alloc memory;
static heap_source heap;
static state_list list;

static int begin(void **unused)
{
    (void)unused;
    fault_alloc_init(&memory);
    heap_source_init(&heap, &memory.alloc);
    return state_list_init(&list, pbase_os_real(), NULL) == PBASE_OK ? 0 : -1;
}

static int end(void **unused)
{
    (void)unused;
    state_list_fini(&list);
    heap_source_fini(&heap);
    return fault_alloc_live_bytes(&memory) == 0 ? 0 : -1; /* nothing has leaked */
}

static space_state *make(uint64_t sequence)
{
    space_state *state = space_state_create(&list, &heap.source, ATOM_REF_NONE, sequence, 0);
    assert_non_null(state);
    return state;
}

static opened_key key_of(uint8_t kind, uint64_t of, const char *name)
{
    return (opened_key){.kind = kind, .of = of, .name = pbase_bytes_text(name)};
}

/* The count that was kept under a key; 0: nothing was. */
static uint64_t count_of(const space_state *state, opened_key key)
{
    const opened_facts *facts = opened_find(state, &key);
    return facts == NULL ? 0 : facts->count;
}

static void keep(space_state *state, opened_key key, uint64_t count)
{
    opened_keep(state, &key, &(opened_facts){.count = count});
}

static void each_of_kind_owner_and_name_tells_entries_apart(void **unused)
{
    (void)unused;
    space_state *state = make(1);
    keep(state, key_of(OPENED_ROOT, 1, "people"), 10);
    keep(state, key_of(OPENED_ROOT, 2, "people"), 20);
    keep(state, key_of(OPENED_ROOT, 1, "purple"), 30); /* of the same length and ends */
    keep(state, key_of(OPENED_DATABASE, 1, "people"), 40);

    assert_int_equal(count_of(state, key_of(OPENED_ROOT, 1, "people")), 10);
    assert_int_equal(count_of(state, key_of(OPENED_ROOT, 2, "people")), 20);
    assert_int_equal(count_of(state, key_of(OPENED_ROOT, 1, "purple")), 30);
    assert_int_equal(count_of(state, key_of(OPENED_DATABASE, 1, "people")), 40);
    assert_int_equal(count_of(state, key_of(OPENED_ROOT, 3, "people")), 0);
    assert_int_equal(count_of(state, key_of(OPENED_ROOT, 1, "peoplf")), 0);
    assert_int_equal(count_of(state, key_of(OPENED_ROOT, 1, "")), 0);
    space_state_unref(state);
}

static void a_state_keeps_the_first_ones_alone(void **unused)
{
    (void)unused;
    space_state *state = make(1);
    char name[16];
    for (uint64_t i = 0; i < OPENED_MAX + 10; i++) {
        (void)snprintf(name, sizeof name, "root %u", (unsigned)i);
        keep(state, key_of(OPENED_ROOT, 1, name), i + 1);
    }

    for (uint64_t i = 0; i < OPENED_MAX + 10; i++) {
        (void)snprintf(name, sizeof name, "root %u", (unsigned)i);
        assert_int_equal(count_of(state, key_of(OPENED_ROOT, 1, name)), i < OPENED_MAX ? i + 1 : 0);
    }
    space_state_unref(state);
}

static void another_state_in_the_same_memory_knows_nothing_of_it(void **unused)
{
    (void)unused;
    space_state *first = make(1);
    keep(first, key_of(OPENED_ROOT, 1, "a"), 5);
    space_state_unref(first);

    space_state *second = make(2);

    assert_ptr_equal(second, first);
    assert_int_equal(count_of(second, key_of(OPENED_ROOT, 1, "a")), 0);
    space_state_unref(second);
}

static void without_memory_nothing_is_kept_and_nothing_is_wrong(void **unused)
{
    (void)unused;
    space_state *state = make(1);
    fault_alloc_fail_at(&memory, 1);
    keep(state, key_of(OPENED_ROOT, 1, "a"), 5);
    assert_int_equal(count_of(state, key_of(OPENED_ROOT, 1, "a")), 0);

    keep(state, key_of(OPENED_ROOT, 1, "a"), 6);

    assert_int_equal(count_of(state, key_of(OPENED_ROOT, 1, "a")), 6);
    space_state_unref(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_of_kind_owner_and_name_tells_entries_apart, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_state_keeps_the_first_ones_alone, begin, end),
        cmocka_unit_test_setup_teardown(another_state_in_the_same_memory_knows_nothing_of_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_kept_and_nothing_is_wrong, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
