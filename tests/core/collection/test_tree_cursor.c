/* test_tree_cursor.c - cursors over trees of any height. */
#include "fault_alloc.h"
#include "tree_fixture.h"

#define LEVELS 9u /* inner nodes of one child each: higher than any tree that grew */

static heap_source heap;

static atom_ref store(const uint8_t *payload, size_t size)
{
    pbase_bytes bytes = pbase_bytes_of(payload, size);
    pbase_error err;
    pbase_error_init(&err);
    if (tree_node_check(bytes, &err) != PBASE_OK) {
        fail_msg("%s", err.message);
    }
    return atom_ref_of_pointer(heap_source_store(&heap, ATOM_NODE, bytes));
}

static void put_header(uint8_t *payload, uint8_t level, uint32_t count, uint64_t total)
{
    payload[NODE_AT_FORMAT] = NODE_FORMAT;
    payload[NODE_AT_LEVEL] = level;
    payload[NODE_AT_FLAGS] = NODE_POSITIONAL;
    pbase_put_u32(payload + NODE_AT_COUNT, count);
    pbase_put_u64(payload + NODE_AT_TOTAL, total);
    pbase_put_u32(payload + NODE_AT_HEAP, NODE_HEADER_BYTES + count * 4);
}

/* A list of one element under LEVELS inner nodes. */
static atom_ref high_root(void)
{
    uint8_t leaf[NODE_HEADER_BYTES + 4 + 3] = {0}, inner[NODE_HEADER_BYTES + 4 + NODE_CHILD_BYTES];
    put_header(leaf, 0, 1, 1);
    pbase_put_u32(leaf + NODE_HEADER_BYTES, NODE_HEADER_BYTES + 4);
    leaf[NODE_HEADER_BYTES + 5] = 1; /* the size of an inline value */
    leaf[NODE_HEADER_BYTES + 6] = 'x';
    node_child child = {.ref = store(leaf, sizeof leaf), .count = 1, .size = sizeof leaf};
    for (uint8_t level = 1; level <= LEVELS; level++) {
        memset(inner, 0, sizeof inner);
        put_header(inner, level, 1, 1);
        pbase_put_u32(inner + NODE_HEADER_BYTES, NODE_HEADER_BYTES + 4);
        node_child_put(inner + NODE_HEADER_BYTES + 4, &child);
        child.ref = store(inner, sizeof inner);
        child.size = sizeof inner;
    }
    return child.ref;
}

static void a_tree_of_many_levels_is_gone_through_or_there_is_no_memory(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    tree_cursor cursor;
    tree_value value;
    fault_alloc_init(&fa);
    heap_source_init(&heap, pbase_alloc_default());
    tree high = tree_of(&heap.source, high_root(), true);
    tree_cursor_init(&cursor, &high, &fa.alloc);
    fault_alloc_fail_at(&fa, 1);

    assert_int_equal(tree_cursor_first(&cursor, NULL), PBASE_NO_MEMORY);
    assert_int_equal(tree_cursor_next(&cursor, NULL), PBASE_END); /* it stands nowhere */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(tree_cursor_first(&cursor, NULL), PBASE_OK);
        assert_int_equal(tree_cursor_value(&cursor, &value, NULL), PBASE_OK);
        assert_true(pbase_bytes_equal(value.bytes, pbase_bytes_text("x")));
        assert_int_equal(tree_cursor_next(&cursor, NULL), PBASE_END);
    }
    assert_int_equal(tree_cursor_seek_index(&cursor, 0, NULL), PBASE_OK);

    tree_cursor_fini(&cursor);
    heap_source_fini(&heap); /* nothing is pinned */
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

/* What tree_cursor_ahead must say, by going there. */
static uint32_t count_ahead(const tree_cursor *at, bool forward, pbase_bytes end, bool exclusive)
{
    const tree_cursor_step *leaf = &at->steps[at->depth - 1];
    uint32_t count = 0;
    for (uint32_t i = leaf->index; forward ? i + 1 < leaf->node.count : i > 0; count++) {
        i = forward ? i + 1 : i - 1;
        int order = end.size == 0 ? -1 : node_key_compare(&leaf->node, i, end);
        order = forward || end.size == 0 ? order : -order;
        if (order > 0 || (order == 0 && exclusive)) {
            break;
        }
    }
    return count;
}

static void what_lies_ahead_in_a_leaf_is_what_going_there_meets(void **state)
{
    (void)state; /* no fixture */
    heap_source_init(&heap, pbase_alloc_default());
    tree t = tree_of_numbers(&heap, 0, 400, 2);
    tree_cursor cursor;
    tree_cursor_init(&cursor, &t, pbase_alloc_default());
    for (uint32_t at = 0; at < 400; at += 14) {
        numbered here = numbered_key(at);
        assert_int_equal(tree_cursor_seek(&cursor, key_of(&here).bytes, false, NULL), PBASE_OK);
        for (uint32_t end = 0; end <= 400; end++) {
            numbered name = numbered_key(end);
            pbase_bytes bound = end == 400 ? pbase_bytes_of(NULL, 0) : key_of(&name).bytes;
            for (unsigned how = 0; how < 4; how++) {
                bool forward = how % 2 == 0, exclusive = how / 2 == 0;
                bool is_passed = end < 400 && (forward ? end < at : end > at);
                if (!is_passed) { /* a cursor never stands past its end */
                    assert_int_equal(tree_cursor_ahead(&cursor, forward, bound, exclusive),
                                     count_ahead(&cursor, forward, bound, exclusive));
                }
            }
        }
    }
    tree_cursor_fini(&cursor);
    tree_fini(&t);
    heap_source_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_of_many_levels_is_gone_through_or_there_is_no_memory),
        cmocka_unit_test(what_lies_ahead_in_a_leaf_is_what_going_there_meets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
