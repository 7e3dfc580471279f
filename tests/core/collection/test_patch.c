/* test_patch.c - leaves of which only what changed is stored: when, how they read, and what is refused. */
#include "atom/ref_map.h"
#include "collection/patch.h"
#include "fault_alloc.h"
#include "tree_fixture.h"

#define NUMBERS 4000u

/* A stored tree of which nothing is in memory. */
static tree stored_numbers(heap_source *store)
{
    tree t = tree_of_numbers(store, 0, NUMBERS, 1);
    atom_ref stored;
    assert_int_equal(tree_settle(&store->source, t.root, &stored, NULL), PBASE_OK);
    tree_fini(&t);
    return tree_of(&store->source, stored, false);
}

static void settle_and_let_go(tree *t)
{
    atom_ref stored;
    assert_int_equal(tree_settle(t->source, t->root, &stored, NULL), PBASE_OK);
    atom_source *source = t->source;
    tree_fini(t);
    *t = tree_of(source, stored, false);
}

static uint32_t written_of(const heap_source *store, size_t from, uint32_t type)
{
    uint32_t count = 0;
    for (size_t i = from; i < store->count; i++) {
        count += store->types[i] == type;
    }
    return count;
}

static void assert_value(const tree *t, uint32_t number, const char *text)
{
    tree_item item;
    bool found = false;
    numbered name = numbered_key(number);
    assert_int_equal(tree_get(t, key_of(&name).bytes, &item, &found, NULL), PBASE_OK);
    assert_true(found);
    assert_int_equal(item.value.bytes.size, strlen(text));
    assert_memory_equal(item.value.bytes.data, text, strlen(text));
    tree_item_release(t->source, &item);
}

static void few_changes_of_many_leaves_are_stored_as_patches(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = stored_numbers(&store);
    size_t before = store.count;
    /* when */
    for (uint32_t i = 0; i < NUMBERS; i += 500) {
        assert_int_equal(put_number(&t, i, pbase_bytes_text("changed"), NULL), PBASE_OK);
    }
    settle_and_let_go(&t);
    /* then */
    assert_int_equal(written_of(&store, before, ATOM_PATCH), NUMBERS / 500);
    assert_numbers(&t, 0, NUMBERS, 1);
    for (uint32_t i = 0; i < NUMBERS; i += 500) {
        numbered next = numbered_key(i + 1);
        assert_value(&t, i, "changed");
        assert_value(&t, i + 1, next.text);
    }
    heap_source_fini(&store);
}

static void a_patch_is_of_a_leaf_and_becomes_one_when_it_has_grown(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = stored_numbers(&store);
    uint32_t whole = 0, patches = 0;
    /* when */
    for (uint32_t i = 0; i < 40; i++) {
        size_t before = store.count;
        assert_int_equal(put_number(&t, 2000 + i, pbase_bytes_text("another value"), NULL),
                         PBASE_OK);
        settle_and_let_go(&t);
        for (size_t at = before; at < store.count; at++) {
            if (store.types[at] == ATOM_PATCH) {
                node patch = node_of(store.atoms[at], store.sizes[at]);
                patch_base base = patch_base_of(&patch);
                size_t leaf = (size_t)(atom_ref_pointer(base.ref) / 8) - 1;
                assert_int_equal(store.types[leaf], ATOM_NODE);
                assert_true(store.sizes[at] <= base.size / PATCH_PART);
                patches++;
            } else {
                whole += store.atoms[at][NODE_AT_LEVEL] == 0;
            }
        }
    }
    /* then */
    assert_true(patches > 5);
    assert_true(whole > 0 && whole < patches);
    uint64_t folded = atomic_load(&store.source.patches_folded);
    assert_true(folded > 0 && folded <= whole);
    assert_numbers(&t, 0, NUMBERS, 1);
    heap_source_fini(&store);
}

static void what_is_new_or_removed_in_a_patched_leaf_counts(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    bool removed = false;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, NUMBERS, 2);
    settle_and_let_go(&t);
    size_t before = store.count;
    /* when */
    assert_int_equal(put_number(&t, 1001, pbase_bytes_text("new"), NULL), PBASE_OK);
    settle_and_let_go(&t);
    /* then */
    assert_int_equal(written_of(&store, before, ATOM_PATCH), 1);
    assert_int_equal(count_of(&t), NUMBERS / 2 + 1);
    assert_true(has_number(&t, 1001));
    /* when */
    assert_int_equal(remove_number(&t, 1001, &removed, NULL), PBASE_OK);
    settle_and_let_go(&t);
    /* then */
    assert_true(removed);
    assert_int_equal(atomic_load(&store.source.patches_folded), 1);
    assert_numbers(&t, 0, NUMBERS, 2);
    heap_source_fini(&store);
}

/* Leaves of a tree that were made for the cursor, and how many of them lie in a row. */
static void count_merged(const tree *t, uint32_t *merged, uint32_t *rows)
{
    tree_cursor cursor;
    *merged = *rows = 0;
    tree_cursor_init(&cursor, t, pbase_alloc_default());
    pbase_status status = tree_cursor_first(&cursor, NULL);
    while (status == PBASE_OK) {
        const tree_cursor_step *leaf = &cursor.steps[cursor.depth - 1];
        bool is_merged = ((uintptr_t)leaf->view.pin & ATOM_PIN_MEMORY) != 0;
        if (is_merged && leaf->index == 0) {
            ++*merged;
            *rows += (leaf->node.flags & NODE_ROW) != 0;
            assert_int_equal(
                tree_node_check(pbase_bytes_of(leaf->view.payload, leaf->view.size), NULL),
                PBASE_OK);
        }
        status = tree_cursor_next(&cursor, NULL);
    }
    assert_int_equal(status, PBASE_END);
    tree_cursor_fini(&cursor);
}

/* Every value is its key, but of those in `changed` its key of the other case. */
static void assert_values(const tree *t, const bool *there, const bool *changed)
{
    for (uint32_t i = 0; i < NUMBERS; i++) {
        numbered name = numbered_key(i);
        assert_int_equal(has_number(t, i), there[i]);
        name.text[0] = changed[i] ? 'K' : 'k';
        if (there[i]) {
            assert_value(t, i, name.text);
        }
    }
}

/* Replaced and new, first, last and between: entries that are as those of the leaf give a leaf in a row. */
static void what_is_put_into_leaves_in_a_row_is_merged_in_a_row(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    static bool there[NUMBERS], changed[NUMBERS];
    uint32_t merged = 0, rows = 0, random = 1;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, NUMBERS, 2);
    settle_and_let_go(&t);
    for (uint32_t i = 0; i < NUMBERS; i++) {
        there[i] = i % 2 == 0;
        changed[i] = false;
    }
    for (uint32_t round = 0; round < 8; round++) {
        /* when */
        for (uint32_t i = 0; i < 60; i++) {
            random = random * 1664525u + 1013904223u;
            uint32_t number = (random >> 8) % NUMBERS;
            numbered name = numbered_key(number);
            name.text[0] = 'K';
            assert_int_equal(put_number(&t, number, pbase_bytes_text(name.text), NULL), PBASE_OK);
            there[number] = changed[number] = true;
        }
        settle_and_let_go(&t);
        /* then */
        count_merged(&t, &merged, &rows);
        assert_true(merged > 0);
        assert_int_equal(rows, merged);
        assert_values(&t, there, changed);
        (void)walk_of(&t, false); /* asserts that it is sound */
    }
    /* when one is of another shape */
    assert_int_equal(put_number(&t, 2000, pbase_bytes_text("changed"), NULL), PBASE_OK);
    settle_and_let_go(&t);
    /* then */
    uint32_t others = 0;
    count_merged(&t, &others, &rows);
    assert_true(rows + 1 == others || others < merged); /* or its patch had grown too large */
    assert_value(&t, 2000, "changed");
    (void)walk_of(&t, false);
    heap_source_fini(&store);
}

/* A patched tree; yields the payload of its only patch. */
static uint8_t *patched(heap_source *store, tree *t, uint32_t *size)
{
    *t = stored_numbers(store);
    assert_int_equal(put_number(t, 2000, pbase_bytes_text("changed"), NULL), PBASE_OK);
    settle_and_let_go(t);
    for (size_t i = 0; i < store->count; i++) {
        if (store->types[i] == ATOM_PATCH) {
            *size = store->sizes[i];
            return store->atoms[i];
        }
    }
    fail_msg("no patch");
    return NULL;
}

static void assert_corrupt(const tree *t, const char *why)
{
    tree_item item;
    bool found;
    pbase_error err;
    numbered name = numbered_key(2001);
    pbase_error_init(&err);
    assert_int_equal(tree_get(t, key_of(&name).bytes, &item, &found, &err), PBASE_CORRUPT);
    if (strstr(err.message, why) == NULL) {
        fail_msg("%s", err.message);
    }
    tree_visitor visitor = {.atom = walk_sums_atom, .state = &(walk_sums){0}};
    assert_int_equal(tree_walk(t->source, t->root, false, &visitor, NULL), PBASE_CORRUPT);
}

static void a_patch_whose_leaf_is_not_what_it_says_is_refused(void **state)
{
    (void)state; /* no fixture */
    for (unsigned fault = 0; fault < 4; fault++) {
        heap_source store;
        tree t;
        uint32_t size = 0;
        heap_source_init(&store, pbase_alloc_default());
        uint8_t *payload = patched(&store, &t, &size);
        node patch = node_of(payload, size);
        patch_base base = patch_base_of(&patch);
        /* when */
        if (fault == 0) {
            base.ref = atom_ref_of_pointer(8 * (store.count + 100));
        } else if (fault == 1) { /* an inner node: the root */
            base.ref = t.root;
        } else if (fault == 2) {
            base.count++;
        } else { /* itself */
            for (size_t i = 0; i < store.count; i++) {
                base.ref = store.atoms[i] == payload ? atom_ref_of_pointer(8 * (i + 1)) : base.ref;
            }
            base.size = size;
        }
        patch_base_put(payload, size, &base);
        /* then */
        assert_corrupt(&t, fault == 0 ? "leaf of the patch" : "is not the leaf of");
        heap_source_fini(&store);
    }
}

/* Before a commit that waits leaves are looked at, and not what is in them: a patch is read, its leaf is too. */
static void what_is_probed_of_a_patch_is_its_leaf_as_well(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    tree t;
    uint32_t size = 0;
    numbered names[] = {numbered_key(2000), numbered_key(2001), numbered_key(10)};
    heap_source_init(&store, pbase_alloc_default());
    uint8_t *payload = patched(&store, &t, &size);
    pbase_bytes keys[3];
    for (size_t i = 0; i < 3; i++) {
        keys[i] = key_of(&names[i]).bytes;
    }
    assert_int_equal(tree_probe_many(&t, keys, 3, NULL), PBASE_OK);
    node patch = node_of(payload, size);
    patch_base base = patch_base_of(&patch);
    base.ref = atom_ref_of_pointer(8 * (store.count + 100));
    patch_base_put(payload, size, &base);
    /* when */
    pbase_status of_patch = tree_probe_many(&t, keys, 1, NULL);
    pbase_status of_leaf = tree_probe_many(&t, keys + 1, 1, NULL);
    pbase_status of_other = tree_probe_many(&t, keys + 2, 1, NULL);
    /* then */
    assert_value(&t, 2000, "changed"); /* which is found in the patch */
    assert_int_equal(of_patch, PBASE_CORRUPT);
    assert_int_equal(of_leaf, PBASE_CORRUPT);
    assert_int_equal(of_other, PBASE_OK);
    assert_int_equal(atomic_load(&store.pins), 0);
    heap_source_fini(&store);
}

static void a_malformed_patch_does_not_pass_the_check(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    tree t;
    uint32_t size = 0;
    heap_source_init(&store, pbase_alloc_default());
    const uint8_t *payload = patched(&store, &t, &size);
    assert_int_equal(tree_atom_check(ATOM_PATCH, pbase_bytes_of(payload, size), NULL), PBASE_OK);
    assert_int_equal(tree_atom_check(ATOM_NODE, pbase_bytes_of(payload, size), NULL),
                     PBASE_CORRUPT);
    for (unsigned fault = 0; fault < 6; fault++) {
        uint8_t *copy = malloc(size);
        assert_non_null(copy);
        memcpy(copy, payload, size);
        uint64_t total = pbase_get_u64(copy + NODE_AT_TOTAL);
        if (fault == 0) {
            pbase_put_u64(copy + NODE_AT_TOTAL, total + 2); /* more than it can add */
        } else if (fault == 1) {
            pbase_put_u64(copy + NODE_AT_TOTAL, total - 1); /* less than its leaf has */
        } else if (fault == 2) {
            pbase_put_u64(copy + size - NODE_BASE_BYTES, 0); /* no leaf */
        } else if (fault == 3) {
            copy[NODE_AT_FLAGS] |= NODE_OWNS;
        } else if (fault == 4) {
            copy[NODE_AT_LEVEL] = 1;
        } else {
            copy[NODE_AT_FLAGS] &= (uint8_t)~NODE_PATCH;
        }
        assert_int_equal(tree_atom_check(ATOM_PATCH, pbase_bytes_of(copy, size), NULL),
                         PBASE_CORRUPT);
        free(copy);
    }
    assert_int_equal(tree_atom_check(ATOM_PATCH, pbase_bytes_of(payload, size - 1), NULL),
                     PBASE_CORRUPT);
    heap_source_fini(&store);
}

/* ----------------------------------------------------------------------------- damage --------- */

typedef struct {
    uint64_t damaged, lost, entries;
    bool is_base;
} damage_seen;

static pbase_status see_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    (void)state; /* only damage and entries count */
    (void)atom;
    (void)err;
    return PBASE_OK;
}

static pbase_status see_damage(void *state, const tree_walk_atom *atom, pbase_status code,
                               const char *why, pbase_error *err)
{
    damage_seen *self = state;
    (void)why;
    (void)err;
    assert_int_equal(code, PBASE_CORRUPT);
    self->damaged++;
    self->lost += atom->count;
    self->is_base = atom->is_base;
    return PBASE_OK;
}

static pbase_status see_entry(void *state, const encoded_key *key, const tree_value *value,
                              pbase_error *err)
{
    damage_seen *self = state;
    (void)key;
    (void)value;
    (void)err;
    self->entries++;
    return PBASE_OK;
}

static void what_was_put_since_is_there_without_the_leaf_and_what_is_lost_is_counted(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    tree t;
    uint32_t size = 0;
    damage_seen seen = {.damaged = 0};
    heap_source_init(&store, pbase_alloc_default());
    uint8_t *payload = patched(&store, &t, &size);
    node patch = node_of(payload, size);
    patch_base base = patch_base_of(&patch);
    base.ref = t.root; /* no leaf */
    patch_base_put(payload, size, &base);
    tree_visitor visitor = {
        .state = &seen, .atom = see_atom, .entry = see_entry, .damaged = see_damage};
    /* when */
    assert_int_equal(tree_walk(t.source, t.root, false, &visitor, NULL), PBASE_OK);
    /* then */
    assert_int_equal(seen.damaged, 1);
    assert_true(seen.is_base);
    assert_int_equal(seen.lost, base.count - 1);
    assert_int_equal(seen.entries, NUMBERS - seen.lost);
    assert_value(&t, 2000, "changed");
    heap_source_fini(&store);
}

/* ----------------------------------------------------------------------------- moving --------- */

static pbase_status wish_leaves(void *state, atom_ref ref, uint32_t size, tree_move_wish *out,
                                pbase_error *err)
{
    const heap_source *store = state;
    (void)size;
    (void)err;
    size_t at = (size_t)(atom_ref_pointer(ref) / 8) - 1;
    bool is_leaf = store->types[at] == ATOM_NODE && store->atoms[at][NODE_AT_LEVEL] == 0;
    *out = is_leaf ? TREE_MOVE_IT : TREE_MOVE_BELOW;
    return PBASE_OK;
}

static pbase_status see_moved(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    atom_ref to = atom->ref;
    (void)err;
    assert_true(!ref_map_find(state, atom->ref, &to) || to == atom->ref);
    return PBASE_OK;
}

/* Patches that are stored, and patches in memory on top of what has moved. */
static void a_leaf_that_moves_is_followed_by_its_patches(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    tree older;
    uint32_t size = 0;
    tree_moves moved;
    atom_ref to, rebased;
    heap_source_init(&store, pbase_alloc_default());
    tree_moves_init(&moved, pbase_alloc_default());
    (void)patched(&store, &older, &size);
    tree newer = tree_keep(&older);
    assert_int_equal(put_number(&newer, 2002, pbase_bytes_text("again"), NULL), PBASE_OK);
    assert_int_equal(put_number(&newer, 3000, pbase_bytes_text("another"), NULL), PBASE_OK);
    const tree_mover mover = {.state = &store, .wish = wish_leaves};
    /* when */
    assert_int_equal(tree_move(&store.source, older.root, false, &mover, &moved, &to, NULL),
                     PBASE_OK);
    assert_int_equal(tree_rebase(&store.source, newer.root, &moved, &rebased, NULL), PBASE_OK);
    tree_fini(&newer);
    newer = tree_of(&store.source, rebased, false);
    older = tree_of(&store.source, to, false);
    /* then */
    const tree_visitor visitor = {.state = &moved.refs, .atom = see_moved};
    assert_int_equal(tree_walk(&store.source, older.root, false, &visitor, NULL), PBASE_OK);
    assert_int_equal(tree_walk(&store.source, newer.root, false, &visitor, NULL), PBASE_OK);
    assert_value(&older, 2000, "changed");
    settle_and_let_go(&newer);
    assert_value(&newer, 2000, "changed");
    assert_value(&newer, 2002, "again");
    assert_value(&newer, 3000, "another");
    assert_numbers(&newer, 0, NUMBERS, 1);
    tree_moves_fini(&moved);
    heap_source_fini(&store);
}

/* What parents of leaves say of them is what they are: the size, and whether they are patches. */
static uint32_t assert_children_known(const heap_source *store, atom_ref ref)
{
    size_t at = (size_t)(atom_ref_pointer(ref) / 8) - 1;
    node parent = atom_ref_is_stored(ref)
                      ? node_of(store->atoms[at], store->sizes[at])
                      : node_of(atom_ref_memory(ref)->payload, atom_ref_memory(ref)->size);
    uint32_t patches = 0;
    for (uint32_t i = 0; parent.level > 0 && i < parent.count; i++) {
        node_child child = node_child_at(&parent, i);
        size_t below = (size_t)(atom_ref_pointer(child.ref) / 8) - 1;
        if (atom_ref_is_stored(child.ref) && parent.level == 1) {
            node leaf = node_of(store->atoms[below], store->sizes[below]);
            assert_int_equal(child.size, leaf.size);
            assert_int_equal(child.flags, leaf.flags & (NODE_OWNS | NODE_ROW | NODE_PATCH));
            assert_int_equal(child.count, node_total(&leaf));
            patches += node_is_patch(&leaf);
        } else if (parent.level > 1) {
            patches += assert_children_known(store, child.ref);
        }
    }
    return patches;
}

static void a_patch_whose_leaf_moves_becomes_one_with_it_and_parents_know_its_size(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    tree_moves moved;
    atom_ref to, other_to, rebased;
    heap_source_init(&store, pbase_alloc_default());
    tree_moves_init(&moved, pbase_alloc_default());
    tree older = stored_numbers(&store);
    for (uint32_t i = 0; i < NUMBERS; i += 500) {
        assert_int_equal(put_number(&older, i, pbase_bytes_text("changed"), NULL), PBASE_OK);
    }
    settle_and_let_go(&older);
    assert_int_equal(assert_children_known(&store, older.root), NUMBERS / 500);
    tree other = tree_keep(&older), newer = tree_keep(&older); /* that share its patches */
    assert_int_equal(put_number(&other, 700, pbase_bytes_text("other"), NULL), PBASE_OK);
    settle_and_let_go(&other);
    assert_int_equal(put_number(&newer, 1200, pbase_bytes_text("newer"), NULL), PBASE_OK);
    const tree_mover mover = {.state = &store, .wish = wish_leaves};
    uint64_t folded = atomic_load(&store.source.patches_folded);
    /* when */
    assert_int_equal(tree_move(&store.source, older.root, false, &mover, &moved, &to, NULL),
                     PBASE_OK);
    assert_int_equal(tree_move(&store.source, other.root, false, &mover, &moved, &other_to, NULL),
                     PBASE_OK);
    assert_int_equal(tree_rebase(&store.source, newer.root, &moved, &rebased, NULL), PBASE_OK);
    tree_fini(&newer);
    newer = tree_of(&store.source, rebased, false);
    older = tree_of(&store.source, to, false);
    other = tree_of(&store.source, other_to, false);
    /* then: one more for the leaf with 700, which is another patch or a leaf in each */
    assert_true(atomic_load(&store.source.patches_folded) - folded >= NUMBERS / 500);
    assert_int_equal(assert_children_known(&store, older.root), 0);
    assert_int_equal(assert_children_known(&store, other.root), 0);
    assert_int_equal(assert_children_known(&store, newer.root), 0); /* the new one is in memory */
    assert_value(&older, 500, "changed");
    assert_value(&other, 700, "other");
    assert_value(&newer, 1200, "newer");
    assert_value(&newer, 500, "changed");
    settle_and_let_go(&newer);
    assert_int_equal(assert_children_known(&store, newer.root), 1);
    assert_numbers(&newer, 0, NUMBERS, 1);
    tree_moves_fini(&moved);
    heap_source_fini(&store);
}

/* One leaf that cannot be read would keep all others from becoming one with their patches. */
static void a_patch_whose_leaf_cannot_be_read_stays_and_the_others_move(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    tree t;
    tree_moves moved;
    atom_ref to;
    uint32_t size = 0;
    heap_source_init(&store, pbase_alloc_default());
    tree_moves_init(&moved, pbase_alloc_default());
    uint8_t *payload = patched(&store, &t, &size);
    node patch = node_of(payload, size);
    patch_base base = patch_base_of(&patch);
    static uint8_t junk[64]; /* of level 0, and no leaf */
    base.ref = atom_ref_of_pointer(
        heap_source_store(&store, ATOM_NODE, pbase_bytes_of(junk, sizeof junk)));
    patch_base_put(payload, size, &base);
    const tree_mover mover = {.state = &store, .wish = wish_leaves};
    /* when */
    assert_int_equal(tree_move(&store.source, t.root, false, &mover, &moved, &to, NULL), PBASE_OK);
    /* then */
    assert_int_not_equal(to, t.root);
    t = tree_of(&store.source, to, false);
    assert_int_equal(assert_children_known(&store, t.root), 1);
    assert_value(&t, 2000, "changed");
    tree_moves_fini(&moved);
    heap_source_fini(&store);
}

/* Else a leaf that becomes one with its patch again and again would grow for ever. */
static void a_leaf_that_has_grown_by_its_patches_is_split_by_what_is_new_in_it(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of_numbers(&store, 0, NUMBERS, 50);
    settle_and_let_go(&t);
    /* when: a round of puts into one place, a move of everything, and again */
    for (uint32_t i = 1; i < NUMBERS; i++) {
        tree_moves moved;
        atom_ref to;
        assert_int_equal(put_number(&t, i, pbase_bytes_text("put"), NULL), PBASE_OK);
        if (i % 10 == 0) {
            const tree_mover mover = {.state = &store, .wish = wish_leaves};
            settle_and_let_go(&t);
            tree_moves_init(&moved, pbase_alloc_default());
            assert_int_equal(tree_move(&store.source, t.root, false, &mover, &moved, &to, NULL),
                             PBASE_OK);
            t = tree_of(&store.source, to, false);
            tree_moves_fini(&moved);
        }
    }
    settle_and_let_go(&t);
    /* then */
    assert_numbers(&t, 0, NUMBERS, 1);
    for (size_t i = 0; i < store.count; i++) {
        assert_true(store.sizes[i] <= NODE_LEAF_BYTES + NODE_LEAF_BYTES / 2);
    }
    heap_source_fini(&store);
}

/* ----------------------------------------------------------------------------- failures ------- */

/* Whether a put of `number` fails for want of memory at every request, and changes nothing then. */
static void put_with_failures(fault_alloc *fa, tree *t, uint32_t number, const char *text)
{
    pbase_status status = PBASE_NO_MEMORY;
    for (uint64_t n = 1; status != PBASE_OK; n++) {
        atom_ref before = t->root;
        fault_alloc_fail_at(fa, n);
        status = put_number(t, number, pbase_bytes_text(text), NULL);
        fault_alloc_fail_at(fa, 0);
        if (status != PBASE_OK) {
            assert_int_equal(status, PBASE_NO_MEMORY);
            assert_true(t->root == before && count_of(t) == NUMBERS);
        }
    }
    assert_value(t, number, text);
}

/* The first change, further ones stored and in memory, and the one that makes a leaf of the patch. */
static void puts_into_patches_survive_every_failure(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    heap_source store;
    fault_alloc_init(&fa);
    heap_source_init(&store, &fa.alloc);
    tree t = stored_numbers(&store);
    size_t before = store.count;
    for (uint32_t i = 0; i < 40; i++) {
        put_with_failures(&fa, &t, 2000 + i, "another value");
        if (i % 3 == 0) {
            settle_and_let_go(&t);
        }
    }
    settle_and_let_go(&t);
    assert_true(written_of(&store, before, ATOM_PATCH) > 0);
    assert_numbers(&t, 0, NUMBERS, 1);
    heap_source_fini(&store);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void reading_a_patched_leaf_without_memory_fails_and_leaks_nothing(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    heap_source store;
    tree t;
    uint32_t size = 0;
    fault_alloc_init(&fa);
    heap_source_init(&store, &fa.alloc);
    (void)patched(&store, &t, &size);
    numbered name = numbered_key(2001);
    pbase_status status = PBASE_NO_MEMORY;
    uint64_t failures = 0;
    for (uint64_t n = 1; status != PBASE_OK; n++) {
        uint64_t rank = 0;
        bool found = false;
        fault_alloc_fail_at(&fa, n);
        status = tree_rank(&t, key_of(&name).bytes, &rank, &found, NULL); /* of the whole leaf */
        fault_alloc_fail_at(&fa, 0);
        assert_int_equal(atomic_load(&store.pins), 0);
        assert_int_equal(atomic_load(&store.source.memory_count), 0);
        if (status != PBASE_OK) {
            assert_int_equal(status, PBASE_NO_MEMORY);
            failures++;
        } else {
            assert_true(found && rank == 2001);
        }
    }
    assert_true(failures > 0);
    heap_source_fini(&store);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_changes_of_many_leaves_are_stored_as_patches),
        cmocka_unit_test(a_patch_is_of_a_leaf_and_becomes_one_when_it_has_grown),
        cmocka_unit_test(what_is_new_or_removed_in_a_patched_leaf_counts),
        cmocka_unit_test(what_is_put_into_leaves_in_a_row_is_merged_in_a_row),
        cmocka_unit_test(a_patch_whose_leaf_is_not_what_it_says_is_refused),
        cmocka_unit_test(what_is_probed_of_a_patch_is_its_leaf_as_well),
        cmocka_unit_test(a_malformed_patch_does_not_pass_the_check),
        cmocka_unit_test(what_was_put_since_is_there_without_the_leaf_and_what_is_lost_is_counted),
        cmocka_unit_test(a_leaf_that_moves_is_followed_by_its_patches),
        cmocka_unit_test(a_patch_whose_leaf_moves_becomes_one_with_it_and_parents_know_its_size),
        cmocka_unit_test(a_patch_whose_leaf_cannot_be_read_stays_and_the_others_move),
        cmocka_unit_test(a_leaf_that_has_grown_by_its_patches_is_split_by_what_is_new_in_it),
        cmocka_unit_test(puts_into_patches_survive_every_failure),
        cmocka_unit_test(reading_a_patched_leaf_without_memory_fails_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
