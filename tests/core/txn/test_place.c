/* test_place.c - going up from collections to their roots: with links, without them as in spaces written
 * before there were any, and with links that lead nowhere. */
#include "txn/place.h"

#include "heap_source.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Tables of collections made by hand: (1, n) are the collections, (0, 0) the roots. */
typedef struct {
    heap_source heap;
    tree table;
    pbase_buffer key;
} world;

static world w;

static int begin(void **unused)
{
    (void)unused;
    heap_source_init(&w.heap, pbase_alloc_default());
    w.table = tree_of(&w.heap.source, ATOM_REF_NONE, false);
    pbase_buffer_init(&w.key, pbase_alloc_default());
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    tree_fini(&w.table);
    pbase_buffer_fini(&w.key);
    heap_source_fini(&w.heap); /* asserts that every atom is gone */
    return 0;
}

static place_view view(void)
{
    return (place_view){&w.heap.source, w.table.root};
}

/* A collection of `kind` with one entry under `name` (lists: at the end), whose value is the child (1,
 * ordinal); 0: no entry. `link` empty: it has none. Takes nothing. */
static void add(pbase_collection_id id, uint8_t kind, const char *name, uint8_t ordinal,
                pbase_bytes link)
{
    uint8_t key_bytes[16], slot[CATALOG_SLOT_BYTES_MAX];
    const uint8_t child[] = {1, 1, PBASE_COLLECTION_DICT, 1, ordinal};
    key_scratch scratch;
    encoded_key key, at = {.bytes = pbase_bytes_of(key_bytes, sizeof key_bytes)};
    tree content = tree_of(&w.heap.source, ATOM_REF_NONE, tree_kind_positional(kind));
    tree_value value = tree_value_of(pbase_bytes_of(child, sizeof child));
    pbase_value text = pbase_value_text(name);
    key_scratch_init(&scratch, pbase_alloc_default());
    assert_int_equal(key_encode(&text, &scratch, &key, NULL), PBASE_OK);
    if (ordinal != 0) {
        assert_int_equal(content.positional ? tree_append(&content, &value, NULL)
                                            : tree_put(&content, &key, &value, NULL, NULL),
                         PBASE_OK);
    }
    catalog_collection_key(id, key_bytes);
    tree_value entry = {
        .kind = TREE_VALUE_TREE,
        .tree_kind = kind,
        .root = content.root,
        .bytes = pbase_bytes_of(slot, catalog_slot_write(kind, 0, ordinal != 0, link, slot))};
    assert_int_equal(tree_put(&w.table, &at, &entry, NULL, NULL), PBASE_OK);
    tree_fini(&content);
    key_scratch_fini(&scratch);
}

/* A link to the entry of `by` under a name; NULL: of a list, at its beginning. In a static buffer. */
static pbase_bytes link_to(pbase_collection_id by, const char *name)
{
    static uint8_t bytes[64];
    key_scratch scratch;
    encoded_key key = {.bytes = {NULL, 0}};
    pbase_buffer link;
    pbase_value text = pbase_value_text(name == NULL ? "" : name);
    pbase_buffer_init(&link, pbase_alloc_default());
    key_scratch_init(&scratch, pbase_alloc_default());
    if (name != NULL) {
        assert_int_equal(key_encode(&text, &scratch, &key, NULL), PBASE_OK);
    }
    assert_int_equal(holder_write(by, key.bytes, 0, &link, NULL), PBASE_OK);
    assert_true(link.size <= sizeof bytes);
    memcpy(bytes, link.data, link.size);
    size_t size = link.size;
    key_scratch_fini(&scratch);
    pbase_buffer_fini(&link);
    return pbase_bytes_of(bytes, size);
}

static pbase_bytes no_link(void)
{
    return pbase_bytes_of(NULL, 0);
}

static pbase_collection_id made(uint64_t ordinal)
{
    return (pbase_collection_id){1, ordinal};
}

static place find(uint64_t ordinal)
{
    place at;
    place_view all = view();
    assert_int_equal(place_find(&all, made(ordinal), &w.key, &at, NULL), PBASE_OK);
    return at;
}

static void expect_name(const place *at, const char *name)
{
    pbase_arena arena;
    pbase_value value;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(key_decode(&at->top, &arena, &value, NULL), PBASE_OK);
    assert_true(pbase_bytes_equal(value.as.string, pbase_bytes_text(name)));
    pbase_arena_fini(&arena);
}

static void a_collection_is_found_below_its_root(void **unused)
{
    (void)unused;
    pbase_arena arena;
    pbase_value path;
    place_view all;
    add(CATALOG_ROOTS, PBASE_COLLECTION_DICT, "a", 1, no_link());
    add(made(1), PBASE_COLLECTION_DICT, "k", 2, link_to(CATALOG_ROOTS, "a"));
    add(made(2), PBASE_COLLECTION_LIST, "", 3, link_to(made(1), "k"));
    add(made(3), PBASE_COLLECTION_DICT, "", 0, link_to(made(2), NULL));
    place own = find(1), deep = find(3);
    assert_true(own.found && own.known && own.is_root_own && own.depth == 1);
    assert_true(deep.found && deep.known && !deep.is_root_own && deep.depth == 3);
    expect_name(&deep, "a");
    all = view();
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(place_path(&all, NULL, made(3), &arena, &path, NULL), PBASE_OK);
    assert_int_equal(path.as.list.count, 2);
    assert_true(pbase_bytes_equal(path.as.list.items[0].as.string, pbase_bytes_text("k")));
    assert_int_equal(path.as.list.items[1].as.integer, 0);
    assert_false(find(9).found);
    pbase_arena_fini(&arena);
}

static void without_a_link_a_root_is_looked_for_and_what_is_below_is_not_known(void **unused)
{
    (void)unused;
    add(CATALOG_ROOTS, PBASE_COLLECTION_DICT, "a", 1, no_link());
    add(made(1), PBASE_COLLECTION_DICT, "k", 2, no_link());
    add(made(2), PBASE_COLLECTION_DICT, "", 0, no_link());
    place own = find(1), below = find(2);
    assert_true(own.found && own.known && own.is_root_own);
    expect_name(&own, "a");
    assert_true(below.found && !below.known);
    add(made(2), PBASE_COLLECTION_DICT, "", 0, link_to(made(1), "k")); /* made since */
    below = find(2);
    assert_true(below.found && below.known && !below.is_root_own);
    expect_name(&below, "a");
}

static void links_that_lead_nowhere_or_round_are_damage(void **unused)
{
    (void)unused;
    pbase_arena arena;
    pbase_value path;
    place at;
    add(CATALOG_ROOTS, PBASE_COLLECTION_DICT, "a", 1, no_link());
    add(made(1), PBASE_COLLECTION_DICT, "k", 2, link_to(CATALOG_ROOTS, "a"));
    add(made(2), PBASE_COLLECTION_DICT, "", 0, link_to(made(1), "other"));
    add(made(3), PBASE_COLLECTION_DICT, "", 0, link_to(made(1), NULL));
    add(made(4), PBASE_COLLECTION_DICT, "", 0, link_to(made(5), "k"));
    add(made(5), PBASE_COLLECTION_DICT, "", 0, link_to(made(4), "k"));
    place_view all = view();
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(place_path(&all, NULL, made(2), &arena, &path, NULL), PBASE_CORRUPT);
    assert_int_equal(place_path(&all, NULL, made(3), &arena, &path, NULL), PBASE_CORRUPT);
    assert_int_equal(place_find(&all, made(4), &w.key, &at, NULL), PBASE_CORRUPT);
    assert_int_equal(place_path(&all, NULL, made(4), &arena, &path, NULL), PBASE_CORRUPT);
    pbase_arena_fini(&arena);
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(a_collection_is_found_below_its_root),
        SENTENCE(without_a_link_a_root_is_looked_for_and_what_is_below_is_not_known),
        SENTENCE(links_that_lead_nowhere_or_round_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
