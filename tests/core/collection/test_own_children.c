/* test_own_children.c - children of a stored value by number and by id. */
#include "collection/own_children.h"
#include "fault_alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A stored value with `count` children: the ids (7, 1), (7, 2), ... */
static void make_stored(pbase_buffer *out, size_t count)
{
    stored_child *children = pbase_alloc_zeroed(pbase_alloc_default(), count, sizeof *children);
    pbase_buffer_init(out, pbase_alloc_default());
    for (size_t i = 0; i < count; i++) {
        children[i] = (stored_child){.kind = 3, .id = {7, i + 1}};
    }
    assert_int_equal(stored_children_write(4, children, count, pbase_bytes_text("rest"), out, NULL),
                     PBASE_OK);
    pbase_alloc_free(pbase_alloc_default(), children, count * sizeof *children);
}

static void children_are_found_by_number_and_by_id(void **unused)
{
    (void)unused;
    pbase_buffer stored;
    own_children own;
    make_stored(&stored, 60000);
    own_children_init(&own, pbase_alloc_default());
    assert_int_equal(own_children_read(&own, pbase_buffer_view(&stored), NULL, NULL, NULL),
                     PBASE_OK);
    assert_int_equal(own.count, 60000);
    for (size_t i = 0; i < own.count; i++) {
        assert_int_equal(own.items[i].child.id.ordinal, i + 1);
        assert_ptr_equal(own_children_find(&own, own.items[i].child.id), &own.items[i]);
    }
    assert_null(own_children_find(&own, (pbase_collection_id){7, 60001}));
    assert_null(own_children_find(&own, (pbase_collection_id){8, 1}));
    own_children_fini(&own);
    pbase_buffer_fini(&stored);
}

/* The version of every child is (1, 1). */
static pbase_collection_id one_version(const void *state, pbase_collection_id id)
{
    (void)state;
    (void)id;
    return (pbase_collection_id){1, 1};
}

static void of_several_with_one_version_the_first_is_found(void **unused)
{
    (void)unused;
    pbase_buffer stored;
    own_children own;
    make_stored(&stored, 3);
    own_children_init(&own, pbase_alloc_default());
    assert_int_equal(own_children_read(&own, pbase_buffer_view(&stored), one_version, NULL, NULL),
                     PBASE_OK);
    assert_ptr_equal(own_children_find(&own, (pbase_collection_id){1, 1}), &own.items[0]);
    assert_null(own_children_find(&own, (pbase_collection_id){7, 1}));
    own_children_fini(&own);
    pbase_buffer_fini(&stored);
}

static void a_value_without_children_and_a_cut_list_have_what_is_there(void **unused)
{
    (void)unused;
    pbase_buffer stored;
    own_children own;
    own_children_init(&own, pbase_alloc_default());
    assert_int_equal(own_children_read(&own, pbase_bytes_of("\x04x", 2), NULL, NULL, NULL),
                     PBASE_OK);
    assert_int_equal(own.count, 0);
    assert_null(own_children_find(&own, (pbase_collection_id){7, 1}));
    own_children_fini(&own);
    make_stored(&stored, 3);
    pbase_bytes cut = pbase_buffer_view(&stored);
    cut.size -= 4 + 2; /* the rest, and most of the last child */
    assert_int_equal(own_children_read(&own, cut, NULL, NULL, NULL), PBASE_OK);
    assert_int_equal(own.count, 2);
    own_children_fini(&own);
    pbase_buffer_fini(&stored);
}

static void without_memory_nothing_is_read(void **unused)
{
    (void)unused;
    pbase_buffer stored;
    own_children own;
    fault_alloc fa;
    make_stored(&stored, 3);
    fault_alloc_init(&fa);
    own_children_init(&own, &fa.alloc);
    for (uint64_t n = 1; n <= 2; n++) {
        fault_alloc_fail_at(&fa, n);
        assert_int_equal(own_children_read(&own, pbase_buffer_view(&stored), NULL, NULL, NULL),
                         PBASE_NO_MEMORY);
        assert_int_equal(own.count, 0);
        assert_int_equal(fault_alloc_live_bytes(&fa), 0);
    }
    fault_alloc_fail_at(&fa, 0);
    assert_int_equal(own_children_read(&own, pbase_buffer_view(&stored), NULL, NULL, NULL),
                     PBASE_OK);
    assert_int_equal(own.count, 3);
    own_children_fini(&own);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
    pbase_buffer_fini(&stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_are_found_by_number_and_by_id),
        cmocka_unit_test(of_several_with_one_version_the_first_is_found),
        cmocka_unit_test(a_value_without_children_and_a_cut_list_have_what_is_there),
        cmocka_unit_test(without_memory_nothing_is_read),
    };
    return cmocka_run_group_tests_name("core.collection.own_children", tests, NULL, NULL);
}
