/* test_tree_move.c - atoms that are written anew: the same trees, and nothing left where they were. */
#include "fault_alloc.h"
#include "tree_fixture.h"

/* Moves what lies in every `part`-th place, and counts what it was asked about. */
typedef struct {
    uint32_t part;
    uint64_t asked, wanted;
    uint64_t fail_at; /* the n-th question ends it, 0: none */
} some_places;

static pbase_status wish_some(void *state, atom_ref ref, uint32_t size, tree_move_wish *out,
                              pbase_error *err)
{
    some_places *self = state;
    (void)size;
    if (++self->asked == self->fail_at) {
        return PBASE_FAIL(err, PBASE_CANCELLED, "the test has it fail");
    }
    bool is_wanted = self->part != 0 && (atom_ref_pointer(ref) / 8) % self->part == 0;
    self->wanted += is_wanted;
    *out = is_wanted ? TREE_MOVE_IT : TREE_MOVE_BELOW;
    return PBASE_OK;
}

typedef struct {
    uint32_t part;
    uint64_t found; /* atoms in such places */
    uint64_t sum;   /* of sizes, types and keys, to compare trees by */
} places_left;

static pbase_status count_places(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    places_left *self = state;
    (void)err;
    self->found += self->part != 0 && (atom_ref_pointer(atom->ref) / 8) % self->part == 0;
    self->sum = self->sum * 31 + atom->size + atom->type + atom->count + atom->from.size;
    return PBASE_OK;
}

static places_left places_of(const tree *t, uint32_t part)
{
    places_left found = {.part = part};
    const tree_visitor visitor = {.state = &found, .atom = count_places};
    assert_int_equal(tree_walk(t->source, t->root, t->positional, &visitor, NULL), PBASE_OK);
    return found;
}

/* Trees in trees and large values; settled, its memory is gone. */
static tree stored_tree(heap_source *store, bool nested)
{
    tree t = nested ? tree_of_trees(store, 40) : tree_with_large(store, 6000);
    atom_ref stored;
    assert_int_equal(tree_settle(&store->source, t.root, &stored, NULL), PBASE_OK);
    tree_fini(&t);
    return tree_of(&store->source, stored, false);
}

static void what_moves_is_written_anew_and_nothing_else_changes(void **state)
{
    (void)state; /* no fixture */
    for (uint32_t part = 0; part < 6; part++) {
        heap_source store;
        tree_moves moved;
        heap_source_init(&store, pbase_alloc_default());
        tree_moves_init(&moved, pbase_alloc_default());
        tree t = stored_tree(&store, part % 2 == 1);
        places_left before = places_of(&t, part);
        size_t count = store.count;
        some_places places = {.part = part};
        const tree_mover mover = {.state = &places, .wish = wish_some};
        atom_ref to = ATOM_REF_NONE, found;
        /* when */
        assert_int_equal(tree_move(&store.source, t.root, false, &mover, &moved, &to, NULL),
                         PBASE_OK);
        /* then */
        tree after = tree_of(&store.source, to, false);
        assert_int_equal(places_of(&after, part).sum, before.sum);
        assert_int_equal(places.wanted, before.found);
        assert_int_equal(to == t.root, part == 0);
        assert_int_equal(store.count == count, part == 0);
        assert_true(ref_map_find(&moved.refs, t.root, &found));
        assert_int_equal(found, to);
        if (part == 1) { /* every atom */
            assert_int_equal(store.count, 2 * count);
        }
        tree_moves_fini(&moved);
        heap_source_fini(&store);
    }
}

static void trees_that_share_nodes_share_them_where_they_went(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    tree_moves moved;
    heap_source_init(&store, pbase_alloc_default());
    tree_moves_init(&moved, pbase_alloc_default());
    tree first = stored_tree(&store, false);
    tree second = tree_keep(&first);
    atom_ref stored, a, b;
    assert_int_equal(put_number(&second, 17, pbase_bytes_text("changed"), NULL), PBASE_OK);
    assert_int_equal(tree_settle(&store.source, second.root, &stored, NULL), PBASE_OK);
    size_t count = store.count;
    some_places places = {.part = 1};
    const tree_mover mover = {.state = &places, .wish = wish_some};
    assert_int_equal(tree_move(&store.source, first.root, false, &mover, &moved, &a, NULL),
                     PBASE_OK);
    assert_int_equal(tree_move(&store.source, stored, false, &mover, &moved, &b, NULL), PBASE_OK);
    assert_int_equal(store.count, 2 * count); /* each once */
    tree moved_second = tree_of(&store.source, b, false);
    assert_true(has_number(&moved_second, 17));
    tree_fini(&second);
    tree_moves_fini(&moved);
    heap_source_fini(&store);
}

/* Nothing leads to where something was. */
static pbase_status assert_not_left(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    atom_ref to = atom->ref;
    (void)err;
    assert_true(!ref_map_find(state, atom->ref, &to) || to == atom->ref);
    return PBASE_OK;
}

static void changes_on_top_of_what_has_moved_are_rebased_onto_the_copies(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    tree_moves moved;
    heap_source_init(&store, pbase_alloc_default());
    tree_moves_init(&moved, pbase_alloc_default());
    tree before = stored_tree(&store, false);
    tree newer = tree_keep(&before);
    atom_ref to, rebased;
    assert_int_equal(put_number(&newer, 4000, pbase_bytes_of(large_value, 900), NULL), PBASE_OK);
    assert_int_equal(remove_number(&newer, 5999, NULL, NULL), PBASE_OK);
    some_places places = {.part = 3};
    const tree_mover mover = {.state = &places, .wish = wish_some};
    assert_int_equal(tree_move(&store.source, before.root, false, &mover, &moved, &to, NULL),
                     PBASE_OK);
    places_left was = places_of(&newer, 0);
    /* when */
    assert_int_equal(tree_rebase(&store.source, newer.root, &moved, &rebased, NULL), PBASE_OK);
    tree_fini(&newer);
    newer = tree_of(&store.source, rebased, false);
    /* then */
    assert_int_equal(places_of(&newer, 0).sum, was.sum);
    assert_int_equal(tree_settle(&store.source, newer.root, &rebased, NULL), PBASE_OK);
    tree settled = tree_of(&store.source, rebased, false);
    const tree_visitor visitor = {.state = &moved, .atom = assert_not_left};
    assert_int_equal(tree_walk(&store.source, settled.root, false, &visitor, NULL), PBASE_OK);
    assert_numbers(&settled, 0, 5999, 1);
    tree_fini(&newer);
    tree_moves_fini(&moved);
    heap_source_fini(&store);
}

static void a_move_that_fails_leaves_everything_as_it_was(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    fault_alloc_init(&fa);
    for (int kind = 0; kind < 4; kind++) {
        bool done = false;
        for (uint64_t n = 1; !done; n += kind == 3 || n < 40 ? 1 : 13) {
            heap_source store;
            tree_moves moved;
            heap_source_init(&store, &fa.alloc);
            tree_moves_init(&moved, &fa.alloc);
            tree t = stored_tree(&store, true);
            places_left before = places_of(&t, 2);
            some_places places = {.part = 2, .fail_at = kind == 2 ? n : 0};
            const tree_mover mover = {.state = &places, .wish = wish_some};
            atom_ref to = 77;
            store.fail_write = kind == 0 ? n : 0;
            store.fail_acquire = kind == 1 ? n : 0;
            if (kind == 3) {
                fault_alloc_fail_at(&fa, n);
            }
            done = tree_move(&store.source, t.root, false, &mover, &moved, &to, NULL) == PBASE_OK;
            fault_alloc_fail_at(&fa, 0);
            store.fail_write = store.fail_acquire = 0;
            assert_int_equal(to == 77, !done);
            assert_int_equal(places_of(&t, 2).sum, before.sum);
            tree_moves_fini(&moved);
            heap_source_fini(&store);
        }
    }
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_moves_is_written_anew_and_nothing_else_changes),
        cmocka_unit_test(trees_that_share_nodes_share_them_where_they_went),
        cmocka_unit_test(changes_on_top_of_what_has_moved_are_rebased_onto_the_copies),
        cmocka_unit_test(a_move_that_fails_leaves_everything_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
