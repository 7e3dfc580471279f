/* test_load.c - many entries at once: the same content as one by one, from any order, all or none. */
#include "collection/load.h"
#include "collection/node_build.h"
#include "collection/tree_cursor.h"
#include "fault_alloc.h"
#include "handle_fixture.h"
#include "random_value.h"

/* Levels, counts and order are sound, and only the root, or the last of many equal ones, is small. */
typedef struct {
    uint64_t nodes, small, bytes;
} shape;

static pbase_status see_node(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    (void)err; /* nothing fails */
    shape *seen = state;
    seen->nodes += atom->type == ATOM_NODE;
    seen->small += atom->type == ATOM_NODE && node_underfull((uint8_t)atom->level, atom->size);
    seen->bytes += atom->size;
    return PBASE_OK;
}

static shape shape_of(const tree *t)
{
    shape seen = {0, 0, 0};
    pbase_error err;
    pbase_error_init(&err);
    tree_visitor visitor = {.state = &seen, .atom = see_node};
    assert_int_equal(tree_walk(t->source, t->root, t->positional, &visitor, &err), PBASE_OK);
    return seen;
}

/* Both trees have the same entries, spellings and sum. */
static void assert_same(const tree *a, const tree *b)
{
    tree_cursor x, y;
    assert_int_equal(a->sum, b->sum);
    tree_cursor_init(&x, a, pbase_alloc_default());
    tree_cursor_init(&y, b, pbase_alloc_default());
    pbase_status status = tree_cursor_first(&x, NULL);
    assert_int_equal(status, tree_cursor_first(&y, NULL));
    while (status == PBASE_OK) {
        tree_value v, w;
        if (!a->positional) {
            encoded_key k, l;
            assert_int_equal(tree_cursor_key(&x, &k, NULL), PBASE_OK);
            assert_int_equal(tree_cursor_key(&y, &l, NULL), PBASE_OK);
            assert_true(pbase_bytes_equal(k.bytes, l.bytes));
            assert_true(pbase_bytes_equal(k.spelling, l.spelling));
        }
        assert_int_equal(tree_cursor_value(&x, &v, NULL), PBASE_OK);
        assert_int_equal(tree_cursor_value(&y, &w, NULL), PBASE_OK);
        assert_true(pbase_bytes_equal(v.bytes, w.bytes));
        status = tree_cursor_next(&x, NULL);
        assert_int_equal(status, tree_cursor_next(&y, NULL));
    }
    tree_cursor_fini(&x);
    tree_cursor_fini(&y);
}

static pbase_status put_all(collection **handle, const pbase_entry *entries,
                            const pbase_value *keys, size_t count)
{
    switch (collection_kind(*handle)) {
    case PBASE_COLLECTION_DICT:
        return pbase_dict_put_all((pbase_dict **)handle, entries, count, NULL);
    case PBASE_COLLECTION_HASH_DICT:
        return pbase_hash_dict_put_all((pbase_hash_dict **)handle, entries, count, NULL);
    case PBASE_COLLECTION_MULTI_DICT:
        return pbase_multi_dict_add_all((pbase_multi_dict **)handle, entries, count, NULL);
    case PBASE_COLLECTION_SET:
        return pbase_set_add_all((pbase_set **)handle, keys, count, NULL);
    case PBASE_COLLECTION_COUNTED_SET:
        return pbase_counted_set_add_all((pbase_counted_set **)handle, keys, count, NULL);
    default:
        return pbase_list_append_all((pbase_list **)handle, keys, count, NULL);
    }
}

static pbase_status put_one(collection **handle, const pbase_entry *entry)
{
    const pbase_value *key = &entry->key, *value = &entry->value;
    switch (collection_kind(*handle)) {
    case PBASE_COLLECTION_DICT:
        return pbase_dict_put((pbase_dict **)handle, key, value, NULL, NULL);
    case PBASE_COLLECTION_HASH_DICT:
        return pbase_hash_dict_put((pbase_hash_dict **)handle, key, value, NULL, NULL);
    case PBASE_COLLECTION_MULTI_DICT:
        return pbase_multi_dict_add((pbase_multi_dict **)handle, key, value, 1, NULL, NULL);
    case PBASE_COLLECTION_SET:
        return pbase_set_add((pbase_set **)handle, key, NULL, NULL);
    case PBASE_COLLECTION_COUNTED_SET:
        return pbase_counted_set_add((pbase_counted_set **)handle, key, 1, NULL, NULL);
    default:
        return pbase_list_append((pbase_list **)handle, key, NULL);
    }
}

static const uint8_t kinds[] = {PBASE_COLLECTION_DICT,       PBASE_COLLECTION_LIST,
                                PBASE_COLLECTION_SET,        PBASE_COLLECTION_HASH_DICT,
                                PBASE_COLLECTION_MULTI_DICT, PBASE_COLLECTION_COUNTED_SET};
#define KINDS (sizeof kinds / sizeof kinds[0])

enum { ENTRIES_MAX = 3000 };
typedef struct {
    pbase_entry entries[ENTRIES_MAX];
    pbase_value keys[ENTRIES_MAX];
    size_t count;
} input;

/* Keys that repeat, as ints and floats, some of them long; values of a few bytes or many. */
static void draw(seed_random *random, size_t count, bool sorted, pbase_arena *arena, input *out)
{
    static uint8_t bytes[700];
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        int64_t number =
            sorted ? (int64_t)(2 * i) : (int64_t)seed_below(random, 1 + 2 * (uint64_t)count);
        pbase_value *key = &out->entries[i].key;
        *key = seed_below(random, 4) == 0 ? pbase_value_float((double)number)
                                          : pbase_value_int(number);
        if (!sorted && seed_below(random, 5) == 0) {
            *key = random_scalar(random, 40, arena);
        }
        size_t size = seed_below(random, 50) == 0 ? sizeof bytes : seed_below(random, 20);
        out->entries[i].value = pbase_value_bytes(pbase_bytes_of(bytes, size));
        out->keys[i] = *key;
    }
}

static void many_at_once_are_as_one_by_one(void **state)
{
    (void)state; /* no fixture */
    static input in;
    seed_random random;
    seed_random_init(&random, seed_for("load"));
    for (int i = 0; i < (seed_is_long_run() ? 600 : 60); i++) {
        fixture f;
        fixture_init(&f, pbase_alloc_default(), false);
        size_t most = i % 3 == 0 ? 20 : ENTRIES_MAX;
        draw(&random, seed_below(&random, most + 1), i % 2 == 0, &f.arena, &in);
        for (size_t k = 0; k < KINDS; k++) {
            collection *whole = open_on(&f, kinds[k], ATOM_REF_NONE);
            collection *singly = open_on(&f, kinds[k], ATOM_REF_NONE);
            size_t before = i % 5 == 4 ? in.count / 2 : 0; /* some are there already */
            for (size_t e = 0; e < in.count; e++) {
                assert_int_equal(put_one(&singly, &in.entries[e]), PBASE_OK);
                assert_int_equal(e < before ? put_one(&whole, &in.entries[e]) : PBASE_OK, PBASE_OK);
            }
            assert_int_equal(
                put_all(&whole, in.entries + before, in.keys + before, in.count - before),
                PBASE_OK);
            assert_same(collection_tree(whole), collection_tree(singly));
            assert_log_replays(&f, whole);
            collection_close(whole);
            collection_close(singly);
        }
        fixture_fini(&f);
    }
}

static void what_was_built_is_compact_and_can_be_edited(void **state)
{
    (void)state; /* no fixture */
    enum { COUNT = 60000 };
    static pbase_entry entries[COUNT];
    fixture f;
    fixture_init(&f, pbase_alloc_default(), false);
    for (int64_t i = 0; i < COUNT; i++) {
        entries[i].key = pbase_value_int(i * 7919 % COUNT);
        entries[i].value = pbase_value_int(i);
    }
    collection *built = open_on(&f, PBASE_COLLECTION_DICT, ATOM_REF_NONE);
    collection *put = open_on(&f, PBASE_COLLECTION_DICT, ATOM_REF_NONE);
    assert_int_equal(put_all(&built, entries, NULL, COUNT), PBASE_OK);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(put_one(&put, &entries[i]), PBASE_OK);
    }
    shape compact = shape_of(collection_tree(built)), other = shape_of(collection_tree(put));
    assert_true(compact.small <= 1);
    assert_true(compact.nodes < other.nodes);
    atom_ref stored; /* every node passes the check of nodes from a disk */
    assert_int_equal(tree_settle(&f.store.source, collection_tree(built)->root, &stored, NULL),
                     PBASE_OK);
    for (int64_t i = 0; i < COUNT; i += 3) {
        pbase_value key = pbase_value_int(i);
        pbase_dict *dict = collection_dict(built);
        assert_int_equal(pbase_dict_remove(&dict, &key, NULL, NULL), PBASE_OK);
        built = collection_of_dict(dict);
    }
    (void)shape_of(collection_tree(built));
    assert_log_replays(&f, built);
    collection_close(built);
    collection_close(put);
    fixture_fini(&f);
}

static void trees_are_built_of_any_number_of_entries(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    static tree_entry entries[70000];
    static uint8_t keys[70000][4];
    heap_source_init(&store, pbase_alloc_default());
    for (size_t i = 0; i < 70000; i++) {
        keys[i][0] = (uint8_t)(1 + i / 65536);
        keys[i][1] = (uint8_t)(i / 256);
        keys[i][2] = (uint8_t)i;
        entries[i].key.bytes = pbase_bytes_of(keys[i], 3);
        entries[i].value = tree_value_of(pbase_bytes_of(keys[i], 1));
    }
    for (size_t count = 0; count <= 70000; count = count < 700 ? count + 1 : count * 2 + 1) {
        for (int positional = 0; positional < 2; positional++) {
            tree t;
            uint64_t counted = 1;
            assert_int_equal(tree_build(&store.source, positional != 0, entries, count, &t, NULL),
                             PBASE_OK);
            assert_int_equal(tree_count(&t, &counted, NULL), PBASE_OK);
            assert_int_equal(counted, count);
            assert_true(count == 0 || shape_of(&t).small <= 1);
            tree_fini(&t);
        }
    }
    tree t;
    entries[5] = entries[4];
    assert_int_equal(tree_build(&store.source, false, entries, 10, &t, NULL), PBASE_INVALID);
    entries[5].key.bytes = pbase_bytes_of(keys[5], 0);
    assert_int_equal(tree_build(&store.source, false, entries, 10, &t, NULL), PBASE_LIMIT);
    heap_source_fini(&store);
}

static void an_entry_that_cannot_be_put_leaves_none(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_error err;
    pbase_entry entries[3] = {{pbase_value_int(1), pbase_value_int(1)},
                              {pbase_value_int(2), pbase_value_int(2)},
                              {pbase_value_map(NULL, 0), pbase_value_int(3)}};
    uint64_t count = 9;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_error_init(&err);
    pbase_dict *dict = collection_dict(open_on(&f, PBASE_COLLECTION_DICT, ATOM_REF_NONE));
    assert_int_equal(pbase_dict_put_all(&dict, entries, 3, &err), PBASE_INVALID);
    assert_int_equal(pbase_dict_count(dict, &count, NULL), PBASE_OK);
    assert_int_equal(count, 0);
    assert_int_equal(pbase_dict_put_all(&dict, NULL, 0, NULL), PBASE_OK);
    f.context.read_only = true;
    assert_int_equal(pbase_dict_put_all(&dict, entries, 2, NULL), PBASE_READ_ONLY);
    f.context.read_only = false;
    pbase_counted_set *set =
        collection_counted_set(open_on(&f, PBASE_COLLECTION_COUNTED_SET, ATOM_REF_NONE));
    pbase_value one = pbase_value_int(1);
    assert_int_equal(pbase_counted_set_add(&set, &one, PBASE_COUNT_MAX - 1, NULL, NULL), PBASE_OK);
    pbase_value ones[] = {one, one};
    assert_int_equal(pbase_counted_set_add_all(&set, ones, 2, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_counted_set_total(set, &count, NULL), PBASE_OK);
    assert_true(count == PBASE_COUNT_MAX - 1);
    pbase_counted_set_close(set);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void without_memory_nothing_is_loaded(void **state)
{
    (void)state; /* no fixture */
    static input in;
    fault_alloc fa;
    fixture f;
    seed_random random;
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    seed_random_init(&random, 11);
    draw(&random, 700, false, &f.arena, &in);
    for (size_t k = 0; k < KINDS; k++) {
        for (int filled = 0; filled < 2; filled++) {
            collection *handle = open_on(&f, kinds[k], ATOM_REF_NONE);
            uint64_t before = 0, after = 0;
            assert_int_equal(filled ? put_one(&handle, &in.entries[0]) : PBASE_OK, PBASE_OK);
            assert_int_equal(tree_count(collection_tree(handle), &before, NULL), PBASE_OK);
            for (uint64_t n = 1;; n += 1 + n / 50) {
                fault_alloc_fail_at(&fa, n);
                pbase_status status = put_all(&handle, in.entries, in.keys, in.count);
                bool failed = fault_alloc_has_failed(&fa);
                fault_alloc_fail_at(&fa, 0);
                assert_int_equal(tree_count(collection_tree(handle), &after, NULL), PBASE_OK);
                assert_int_equal(status, failed ? PBASE_NO_MEMORY : PBASE_OK);
                if (!failed) {
                    break;
                }
                assert_int_equal(after, before);
                assert_int_equal(collection_log(handle)->count, before);
            }
            assert_log_replays(&f, handle);
            collection_close(handle);
        }
    }
    fixture_fini(&f);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_at_once_are_as_one_by_one),
        cmocka_unit_test(what_was_built_is_compact_and_can_be_edited),
        cmocka_unit_test(trees_are_built_of_any_number_of_entries),
        cmocka_unit_test(an_entry_that_cannot_be_put_leaves_none),
        cmocka_unit_test(without_memory_nothing_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
