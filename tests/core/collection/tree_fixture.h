/* tree_fixture.h - small words shared by the tests of trees: numbered keys and values. */
#ifndef PBASE_TEST_TREE_FIXTURE_H
#define PBASE_TEST_TREE_FIXTURE_H
#include "collection/tree.h"
#include "collection/tree_cursor.h"
#include "heap_source.h"
#include <protobase/collection.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A key that orders by its number. */
typedef struct {
    char text[24];
    encoded_key key;
} numbered;
static inline numbered numbered_key(uint32_t number)
{
    numbered out;
    memset(&out, 0, sizeof out);
    (void)snprintf(out.text, sizeof out.text, "key-%08u", number);
    return out;
}
/* The key of `name`, which must not move while it is used. */
static inline encoded_key key_of(const numbered *name)
{
    encoded_key key = {pbase_bytes_text(name->text), {NULL, 0}};
    return key;
}
static inline pbase_status put_number(tree *t, uint32_t number, pbase_bytes value, pbase_error *err)
{
    numbered name = numbered_key(number);
    encoded_key key = key_of(&name);
    tree_value stored = tree_value_of(value);
    return tree_put(t, &key, &stored, NULL, err);
}
static inline pbase_status remove_number(tree *t, uint32_t number, bool *out, pbase_error *err)
{
    numbered name = numbered_key(number);
    return tree_remove(t, key_of(&name).bytes, out, err);
}
/* A tree of the numbers from, from + step, ... below end; each value is its key. */
static inline tree tree_of_numbers(heap_source *store, uint32_t from, uint32_t end, uint32_t step)
{
    tree t = tree_of(&store->source, ATOM_REF_NONE, false);
    for (uint32_t i = from; i < end; i += step) {
        numbered name = numbered_key(i);
        assert_int_equal(put_number(&t, i, pbase_bytes_text(name.text), NULL), PBASE_OK);
    }
    return t;
}
static inline bool has_number(const tree *t, uint32_t number)
{
    bool found = false;
    numbered name = numbered_key(number);
    assert_int_equal(tree_has(t, key_of(&name).bytes, &found, NULL), PBASE_OK);
    return found;
}
static inline uint64_t count_of(const tree *t)
{
    uint64_t count = 0;
    assert_int_equal(tree_count(t, &count, NULL), PBASE_OK);
    return count;
}

/* What a walk has seen. */
typedef struct {
    uint64_t atoms, nodes, leaves, values, bytes, leaf_bytes, entered, entries;
} walk_sums;
static inline pbase_status walk_sums_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    (void)err; /* nothing fails */
    walk_sums *sums = state;
    sums->atoms++;
    sums->bytes += atom->size;
    sums->nodes += atom->type == ATOM_NODE;
    sums->values += atom->type == ATOM_VALUE;
    if (atom->type == ATOM_NODE && atom->level == 0) {
        sums->leaves++;
        sums->leaf_bytes += atom->size;
    }
    return PBASE_OK;
}
static inline pbase_status walk_sums_enter(void *state, const encoded_key *key,
                                           const tree_value *value, pbase_error *err)
{
    (void)key; /* only counted */
    (void)value;
    (void)err;
    ((walk_sums *)state)->entered++;
    return PBASE_OK;
}
static inline pbase_status walk_sums_entry(void *state, const encoded_key *key,
                                           const tree_value *value, pbase_error *err)
{
    (void)key; /* only counted */
    (void)value;
    (void)err;
    ((walk_sums *)state)->entries++;
    return PBASE_OK;
}
static inline walk_sums walk_of(const tree *t, bool inner_only)
{
    walk_sums sums;
    pbase_error err;
    memset(&sums, 0, sizeof sums);
    pbase_error_init(&err);
    tree_visitor visitor = {.state = &sums,
                            .atom = walk_sums_atom,
                            .enter = walk_sums_enter,
                            .entry = inner_only ? NULL : walk_sums_entry,
                            .inner_only = inner_only};
    pbase_status status = tree_walk(t->source, t->root, t->positional, &visitor, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(status, PBASE_OK);
    return sums;
}
/* The tree holds exactly the numbers from, from + step, ... below end. */
static inline void assert_numbers(const tree *t, uint32_t from, uint32_t end, uint32_t step)
{
    tree_cursor cursor;
    tree_cursor_init(&cursor, t, pbase_alloc_default());
    pbase_status status = tree_cursor_first(&cursor, NULL);
    for (uint32_t i = from; i < end; i += step) {
        numbered name = numbered_key(i);
        assert_int_equal(status, PBASE_OK);
        assert_int_equal(tree_cursor_compare(&cursor, pbase_bytes_text(name.text)), 0);
        status = tree_cursor_next(&cursor, NULL);
    }
    assert_int_equal(status, PBASE_END);
    tree_cursor_fini(&cursor);
    (void)walk_of(t, false); /* asserts that it is sound */
}

static const uint8_t large_value[3000] = {7};

/* Numbers below `count`; every tenth has a large value. */
static inline tree tree_with_large(heap_source *store, uint32_t count)
{
    tree t = tree_of(&store->source, ATOM_REF_NONE, false);
    for (uint32_t i = 0; i < count; i++) {
        pbase_bytes value = i % 10 == 0 ? pbase_bytes_of(large_value, sizeof large_value)
                                        : pbase_bytes_text("small");
        assert_int_equal(put_number(&t, i, value, NULL), PBASE_OK);
    }
    return t;
}
/* A table of trees, as a store of collections is. */
static inline tree tree_of_trees(heap_source *store, uint32_t count)
{
    tree table = tree_of(&store->source, ATOM_REF_NONE, false);
    for (uint32_t i = 0; i < count; i++) {
        numbered name = numbered_key(i);
        encoded_key key = key_of(&name);
        tree inner = i % 3 == 0 ? tree_of(&store->source, ATOM_REF_NONE, false)
                                : tree_of_numbers(store, 0, i * 7, 1);
        tree_value value = {TREE_VALUE_TREE, PBASE_COLLECTION_DICT, inner.root,
                            pbase_bytes_text("payload")};
        assert_int_equal(tree_put(&table, &key, &value, NULL, NULL), PBASE_OK);
        tree_fini(&inner);
    }
    return table;
}

#endif
