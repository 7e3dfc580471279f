/* test_tree_stream.c - trees written while their entries come: what is there is what was added, and the
 * nodes are full. */
#include "collection/node.h"
#include "collection/tree_stream.h"

#include "fault_alloc.h"
#include "seed.h"
#include "tree_fixture.h"

static struct {
    fault_alloc alloc;
    heap_source store;
    tree_stream *stream;
    tree made;
    uint64_t calls;      /* of the writer */
    uint64_t beside;     /* those that were begun */
    atom_writing *begun; /* is not written yet: it will be when it is waited for */
    bool is_late;        /* the writer writes beside */
} w;

static pbase_status write_atoms(void *state, const uint32_t *types, const pbase_bytes *payloads,
                                size_t count, pbase_atom_pointer *out, pbase_error *err)
{
    heap_source *store = state;
    w.calls++;
    return store->source.vtable->write(&store->source, types, payloads, count, out, err);
}

/* A writer as late as may be: nothing is done before it is waited for. It takes one write at a time, so
 * another level's has to go the ordinary way meanwhile. */
static bool begin_late(void *state, atom_writing *writing)
{
    (void)state;
    if (w.begun != NULL) {
        return false;
    }
    w.begun = writing;
    w.beside++;
    return true;
}

static void wait_late(void *state, atom_writing *writing)
{
    assert_ptr_equal(w.begun, writing);
    w.begun = NULL;
    pbase_error_init(&writing->error);
    writing->status = write_atoms(state, writing->types, writing->payloads, writing->count,
                                  writing->out, &writing->error);
    atomic_store(&writing->is_done, true);
}

static pbase_status stream_begin(bool positional)
{
    const atom_writer writer = {.write = write_atoms,
                                .begin = w.is_late ? begin_late : NULL,
                                .wait = w.is_late ? wait_late : NULL,
                                .state = &w.store};
    return tree_stream_create(&w.store.source, &writer, positional, &w.stream, NULL);
}

static int begin(void **unused)
{
    (void)unused;
    memset(&w, 0, sizeof w);
    fault_alloc_init(&w.alloc);
    heap_source_init(&w.store, &w.alloc.alloc);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    tree_stream_destroy(w.stream);
    heap_source_fini(&w.store);
    assert_int_equal(fault_alloc_live_bytes(&w.alloc), 0);
    return 0;
}

/* A value of number `i`: some empty, some of several sizes, some in atoms of their own. */
static pbase_bytes value_at(uint32_t i, uint32_t longest)
{
    static uint8_t bytes[200000];
    static const uint32_t sizes[] = {0, 3, 100, 40, 511, 512, 513, 900, 70000, 20};
    uint32_t size = sizes[i * 7u % 10u];
    size = size > longest ? i % (longest + 1u) : size;
    memset(bytes, (int)(i % 251u), size);
    return pbase_bytes_of(bytes, size);
}

static pbase_status add(uint32_t i, uint32_t longest)
{
    numbered name = numbered_key(i);
    encoded_key key = key_of(&name);
    tree_value value = tree_value_of(value_at(i, longest));
    return tree_stream_add(w.stream, &key, &value, NULL);
}

static pbase_status count_node(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    (void)err;
    uint64_t *nodes = state;
    nodes[0] += atom->type == ATOM_NODE;
    nodes[1] += atom->size;
    return PBASE_OK;
}

/* Walks the tree, which verifies it, and counts its nodes and bytes. */
static void measure(const tree *of, uint64_t out[2])
{
    tree_visitor visitor = {.state = out, .atom = count_node};
    out[0] = out[1] = 0;
    assert_int_equal(tree_walk(&w.store.source, of->root, of->positional, &visitor, NULL),
                     PBASE_OK);
}

static void assert_holds(const tree *of, uint32_t count, uint32_t longest)
{
    uint64_t there = 0;
    assert_int_equal(tree_count(of, &there, NULL), PBASE_OK);
    assert_int_equal(there, count);
    for (uint32_t i = 0; i < count; i++) {
        tree_item item;
        bool found = false;
        numbered name = numbered_key(i);
        pbase_bytes value = value_at(i, longest);
        if (of->positional) {
            assert_int_equal(tree_at(of, i, &item, &found, NULL), PBASE_OK);
        } else {
            assert_int_equal(tree_get(of, key_of(&name).bytes, &item, &found, NULL), PBASE_OK);
        }
        assert_true(found);
        assert_true(pbase_bytes_equal(item.value.bytes, value));
        tree_item_release(&w.store.source, &item);
    }
}

static void make(uint32_t count, uint32_t longest, bool positional)
{
    assert_int_equal(stream_begin(positional), PBASE_OK);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(add(i, longest), PBASE_OK);
    }
    assert_int_equal(tree_stream_count(w.stream), count);
    assert_int_equal(tree_stream_finish(w.stream, &w.made, NULL), PBASE_OK);
    tree_stream_destroy(w.stream);
    w.stream = NULL;
}

static void a_stream_of_any_length_holds_what_was_added(void **unused)
{
    static const uint32_t lengths[] = {0, 1, 2, 3, 17, 40, 41, 42, 100, 1000, 5000};
    (void)unused;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int shape = 0; shape < 2; shape++) {
            uint64_t measured[2];
            make(lengths[i], 200000, shape == 1);
            measure(&w.made, measured);
            assert_holds(&w.made, lengths[i], 200000);
        }
    }
}

/* Two levels; leaves of twice the size, which need less room. */
static void leaves_are_twice_those_of_a_tree_built_in_memory(void **unused)
{
    enum { COUNT = 40000 };
    (void)unused;
    tree_entry *entries = calloc(COUNT, sizeof *entries);
    numbered *names = calloc(COUNT, sizeof *names);
    uint64_t streamed[2], built[2];
    tree at_once;
    assert_non_null(entries);
    assert_non_null(names);
    for (uint32_t i = 0; i < COUNT; i++) {
        names[i] = numbered_key(i);
        entries[i].key = key_of(&names[i]);
        entries[i].value =
            tree_value_of(pbase_bytes_of((const uint8_t *)"twenty bytes of text", 20));
    }
    assert_int_equal(tree_build(&w.store.source, false, entries, COUNT, &at_once, NULL), PBASE_OK);
    assert_int_equal(stream_begin(false), PBASE_OK);

    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(tree_stream_add(w.stream, &entries[i].key, &entries[i].value, NULL),
                         PBASE_OK);
    }
    assert_int_equal(tree_stream_finish(w.stream, &w.made, NULL), PBASE_OK);

    measure(&w.made, streamed);
    measure(&at_once, built);
    assert_in_range(streamed[0], built[0] * 2 / 5, built[0] * 3 / 5);
    assert_true(streamed[1] < built[1]);
    assert_true(atom_ref_is_stored(w.made.root));
    assert_true(w.calls < 40); /* nodes go in batches */
    tree_fini(&at_once);
    free(entries);
    free(names);
}

static void memory_does_not_grow_with_what_is_streamed(void **unused)
{
    (void)unused;
    size_t most = 0;
    assert_int_equal(stream_begin(false), PBASE_OK);
    for (uint32_t i = 0; i < 30000; i++) {
        assert_int_equal(add(i, 100), PBASE_OK);
        size_t held = (size_t)fault_alloc_live_bytes(&w.alloc);
        most = held > most ? held : most;
    }
    assert_true(most < (3u << 20));
}

static void keys_that_do_not_ascend_are_refused_and_change_nothing(void **unused)
{
    (void)unused;
    assert_int_equal(stream_begin(false), PBASE_OK);
    for (uint32_t i = 0; i < 500; i++) {
        assert_int_equal(add(i, 100), PBASE_OK);
        assert_int_equal(add(i, 100), PBASE_INVALID);
        assert_int_equal(add(i / 2, 100), PBASE_INVALID);
    }
    assert_int_equal(tree_stream_finish(w.stream, &w.made, NULL), PBASE_OK);
    assert_holds(&w.made, 500, 100);
}

static void values_and_keys_past_their_limits_are_refused(void **unused)
{
    static const uint8_t byte;
    numbered name = numbered_key(1);
    encoded_key key = key_of(&name), none = {{NULL, 0}, {NULL, 0}};
    tree_value large = tree_value_of(pbase_bytes_of(&byte, (size_t)PBASE_VALUE_BYTES_MAX + 1));
    tree_value small = tree_value_of(pbase_bytes_of(&byte, 1));
    (void)unused;
    assert_int_equal(stream_begin(false), PBASE_OK);
    assert_int_equal(tree_stream_add(w.stream, &key, &large, NULL), PBASE_LIMIT);
    assert_int_equal(tree_stream_add(w.stream, &none, &small, NULL), PBASE_LIMIT);
    assert_int_equal(tree_stream_count(w.stream), 0);
}

/* Each of some writes fails once: what failed is tried again, and nothing is lost or there twice. Returns how
 * many calls failed. */
static uint64_t fail_writes(uint64_t first, uint64_t step)
{
    enum { COUNT = 1500 };
    uint64_t failures = 0;
    for (uint64_t n = first; n < 60; n += step) {
        assert_int_equal(stream_begin(false), PBASE_OK);
        w.store.fail_write = n;
        for (uint32_t i = 0; i < COUNT; i++) {
            pbase_status status = add(i, 200000);
            if (status != PBASE_OK) {
                failures++;
                status = add(i, 200000);
            }
            assert_int_equal(status, PBASE_OK);
        }
        if (tree_stream_finish(w.stream, &w.made, NULL) != PBASE_OK) {
            failures++;
            assert_int_equal(tree_stream_finish(w.stream, &w.made, NULL), PBASE_OK);
        }
        w.store.fail_write = 0;
        assert_holds(&w.made, COUNT, 200000);
        tree_stream_destroy(w.stream);
        w.stream = NULL;
    }
    return failures;
}

static void a_call_that_failed_can_be_tried_again(void **unused)
{
    (void)unused;
    assert_true(fail_writes(1, 1) > 20);
}

static void nodes_written_beside_make_the_same_tree(void **unused)
{
    enum { COUNT = 30000 };
    uint64_t at_once[2], beside[2];
    (void)unused;
    make(COUNT, 100, false);
    measure(&w.made, at_once);

    w.is_late = true;
    make(COUNT, 100, false);

    measure(&w.made, beside);
    assert_holds(&w.made, COUNT, 100);
    assert_true(w.beside > 3);
    assert_null(w.begun);
    assert_int_equal(beside[0], at_once[0]);
    assert_int_equal(beside[1], at_once[1]);
}

static void a_write_beside_that_failed_is_told_later_and_can_be_tried_again(void **unused)
{
    (void)unused;
    w.is_late = true;
    a_call_that_failed_can_be_tried_again(NULL);
    assert_true(w.beside > 20);
}

/* A value of some size, most often the same one: every `other`-th differs. */
static pbase_bytes like_value(uint32_t i, uint32_t size, uint32_t other)
{
    static uint8_t bytes[256];
    memset(bytes, (int)(i % 251u), sizeof bytes);
    return pbase_bytes_of(bytes, i % other == 0 ? size / 2 + 1 : size);
}

/* The atoms of a stream of `count` entries go behind those in the store; returns how many were added alike. */
static uint32_t stream_like(uint32_t count, uint32_t size, uint32_t other, bool tries)
{
    uint32_t taken = 0;
    assert_int_equal(stream_begin(false), PBASE_OK);
    for (uint32_t i = 0; i < count; i++) {
        numbered name = numbered_key(i / 2 * 1000 + i % 2);
        encoded_key key = key_of(&name);
        pbase_bytes value = like_value(i, size, other);
        pbase_bytes rest = pbase_bytes_of(value.data + 1, value.size - 1);
        if (tries && tree_stream_add_like(w.stream, key.bytes, value.data[0], rest)) {
            taken++;
            assert_false(tree_stream_add_like(w.stream, key.bytes, value.data[0], rest));
            continue;
        }
        tree_value stored = tree_value_of(value);
        assert_int_equal(tree_stream_add(w.stream, &key, &stored, NULL), PBASE_OK);
    }
    assert_int_equal(tree_stream_count(w.stream), count);
    assert_int_equal(tree_stream_finish(w.stream, &w.made, NULL), PBASE_OK);
    tree_stream_destroy(w.stream);
    w.stream = NULL;
    return taken;
}

static void entries_added_alike_make_the_same_nodes(void **unused)
{
    (void)unused;
    static const uint32_t sizes[] = {1, 2, 101, 240}, others[] = {7, 200, 1u << 20};
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t count = 3000, size = sizes[i % 4], other = others[i / 4];
        size_t first = w.store.count;
        /* when */
        (void)stream_like(count, size, other, false);
        size_t second = w.store.count;
        uint32_t taken = stream_like(count, size, other, true);
        /* then */
        assert_true(taken > (other == 7 && size > 2 ? 0 : count / 2));
        assert_int_equal(w.store.count - second, second - first);
        for (size_t at = first, leaf = second; at < second; at++, leaf++) {
            assert_int_equal(w.store.sizes[at], w.store.sizes[leaf]);
            if (node_of(w.store.atoms[at], w.store.sizes[at]).level == 0) { /* no addresses in it */
                assert_memory_equal(w.store.atoms[at], w.store.atoms[leaf], w.store.sizes[at]);
            }
        }
    }
}

static void a_stream_that_is_given_up_waits_for_what_it_began(void **unused)
{
    (void)unused;
    w.is_late = true;
    assert_int_equal(stream_begin(true), PBASE_OK); /* inner nodes without keys take many leaves */
    for (uint32_t i = 0; w.begun == NULL; i++) {
        assert_int_equal(add(i, 100), PBASE_OK);
    }
    tree_stream_destroy(w.stream);
    w.stream = NULL;
    assert_null(w.begun);
}

static void lack_of_memory_at_any_request_can_be_tried_again(void **unused)
{
    enum { COUNT = 800 };
    bool failed = true;
    (void)unused;
    for (uint64_t n = 1; failed; n++) {
        fault_alloc_fail_at(&w.alloc, n);
        failed = false;
        pbase_status status = stream_begin(false);
        if (status != PBASE_OK) {
            failed = true;
            assert_int_equal(stream_begin(false), PBASE_OK);
        }
        for (uint32_t i = 0; i < COUNT; i++) {
            if (add(i, 600) != PBASE_OK) {
                failed = true;
                assert_int_equal(add(i, 600), PBASE_OK);
            }
        }
        if (tree_stream_finish(w.stream, &w.made, NULL) != PBASE_OK) {
            failed = true;
            assert_int_equal(tree_stream_finish(w.stream, &w.made, NULL), PBASE_OK);
        }
        fault_alloc_fail_at(&w.alloc, 0);
        assert_holds(&w.made, COUNT, 600);
        tree_stream_destroy(w.stream);
        w.stream = NULL;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_of_any_length_holds_what_was_added),
        TEST(leaves_are_twice_those_of_a_tree_built_in_memory),
        TEST(memory_does_not_grow_with_what_is_streamed),
        TEST(keys_that_do_not_ascend_are_refused_and_change_nothing),
        TEST(values_and_keys_past_their_limits_are_refused),
        TEST(a_call_that_failed_can_be_tried_again),
        TEST(nodes_written_beside_make_the_same_tree),
        TEST(a_write_beside_that_failed_is_told_later_and_can_be_tried_again),
        TEST(entries_added_alike_make_the_same_nodes),
        TEST(a_stream_that_is_given_up_waits_for_what_it_began),
        TEST(lack_of_memory_at_any_request_can_be_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
