/* test_tree.c - trees against a plain sorted array, versions that stay, failures that leave no
 * trace. */
#include "collection/tree.h"
#include "collection/tree_cursor.h"
#include "fault_alloc.h"
#include "heap_source.h"
#include "seed.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ------------------------------------------------------------------------------- the model ---- */

#define MODEL_KEY_MAX 40u
typedef struct {
    uint8_t key[MODEL_KEY_MAX];
    uint32_t key_size;
    uint32_t value; /* seed of the value's bytes */
    uint32_t value_size;
} model_entry;
typedef struct {
    model_entry *entries; /* ascending */
    size_t count, room;
} model;

static void model_fini(model *self)
{
    free(self->entries);
}

static model model_copy(const model *self)
{
    model copy = {malloc((self->count + 1) * sizeof *self->entries), self->count, self->count + 1};
    memcpy(copy.entries, self->entries, self->count * sizeof *self->entries);
    return copy;
}

static pbase_bytes model_key(const model_entry *entry)
{
    return pbase_bytes_of(entry->key, entry->key_size);
}

static size_t model_find(const model *self, pbase_bytes key, bool *found)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pbase_bytes_compare(model_key(&self->entries[middle]), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *found = low < self->count && pbase_bytes_equal(model_key(&self->entries[low]), key);
    return low;
}

static void model_insert(model *self, size_t at, const model_entry *entry)
{
    if (self->count == self->room) {
        self->room = self->room == 0 ? 64 : self->room * 2;
        self->entries = realloc(self->entries, self->room * sizeof *self->entries);
    }
    memmove(self->entries + at + 1, self->entries + at, (self->count - at) * sizeof *self->entries);
    self->entries[at] = *entry;
    self->count++;
}

static void model_remove(model *self, size_t at)
{
    memmove(self->entries + at, self->entries + at + 1,
            (self->count - at - 1) * sizeof *self->entries);
    self->count--;
}

/* ------------------------------------------------------------------------------- values ------- */

#define VALUE_MAX 3000u
static uint8_t value_buffer[VALUE_MAX];

static pbase_bytes value_of(const model_entry *entry)
{
    seed_random random;
    seed_random_init(&random, entry->value);
    seed_fill(&random, value_buffer, entry->value_size);
    return pbase_bytes_of(value_buffer, entry->value_size);
}

static void assert_value(const model_entry *entry, const tree_value *value)
{
    assert_int_equal(value->kind, TREE_VALUE_BYTES);
    assert_int_equal(value->bytes.size, entry->value_size);
    assert_true(pbase_bytes_equal(value->bytes, value_of(entry)));
}

static uint32_t random_value_size(seed_random *random)
{
    switch (seed_below(random, 40)) {
    case 0:
        return 513 + (uint32_t)seed_below(random, VALUE_MAX - 513);
    case 1:
        return (uint32_t)seed_below(random, 513);
    default:
        return (uint32_t)seed_below(random, 60);
    }
}

/* Keys of several families, so that prefixes, ties of heads and outliers all occur. */
static void random_key(seed_random *random, model_entry *out)
{
    int size;
    uint64_t n = seed_below(random, 3000);
    switch (seed_below(random, 4)) {
    case 0:
        size = snprintf((char *)out->key, MODEL_KEY_MAX, "user:%06" PRIu64, n);
        break;
    case 1:
        size = snprintf((char *)out->key, MODEL_KEY_MAX, "user:%06" PRIu64 ":name:%" PRIu64, n / 16,
                        n);
        break;
    case 2:
        size = snprintf((char *)out->key, MODEL_KEY_MAX, "%" PRIx64, n * 0x9e3779b97f4a7c15u);
        break;
    default:
        size = 1 + (int)seed_below(random, 3);
        seed_fill(random, out->key, (size_t)size);
        break;
    }
    out->key_size = (uint32_t)size;
}

/* -------------------------------------------------------------------------------- checks ------ */

static pbase_status count_atom(void *state, const tree_walk_atom *atom, pbase_error *err)
{
    (void)err; /* nothing fails */
    (void)atom;
    (*(uint64_t *)state)++;
    return PBASE_OK;
}

static void assert_sound(const tree *t)
{
    uint64_t atoms = 0;
    pbase_error err;
    pbase_error_init(&err);
    tree_visitor visitor = {.state = &atoms, .atom = count_atom};
    pbase_status status = tree_walk(t->source, t->root, t->positional, &visitor, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(status, PBASE_OK);
}

/* Everything a tree can be asked agrees with the model. */
static void assert_same(const tree *t, const model *m)
{
    uint64_t count = 0;
    assert_int_equal(tree_count(t, &count, NULL), PBASE_OK);
    assert_int_equal(count, m->count);
    assert_sound(t);
    tree_cursor cursor;
    tree_cursor_init(&cursor, t, pbase_alloc_default());
    pbase_status status = tree_cursor_first(&cursor, NULL);
    for (size_t i = 0; i < m->count; i++) {
        encoded_key key;
        tree_value value;
        assert_int_equal(status, PBASE_OK);
        if (!t->positional) {
            assert_int_equal(tree_cursor_key(&cursor, &key, NULL), PBASE_OK);
            assert_true(pbase_bytes_equal(key.bytes, model_key(&m->entries[i])));
        }
        assert_int_equal(tree_cursor_value(&cursor, &value, NULL), PBASE_OK);
        assert_value(&m->entries[i], &value);
        status = tree_cursor_next(&cursor, NULL);
    }
    assert_int_equal(status, PBASE_END);
    status = tree_cursor_last(&cursor, NULL);
    for (size_t i = m->count; i-- > 0;) {
        tree_value value;
        assert_int_equal(status, PBASE_OK);
        assert_int_equal(tree_cursor_value(&cursor, &value, NULL), PBASE_OK);
        assert_int_equal(value.bytes.size, m->entries[i].value_size);
        status = tree_cursor_prev(&cursor, NULL);
    }
    assert_int_equal(status, PBASE_END);
    tree_cursor_fini(&cursor);
}

/* Seeks from both sides, ranks and reads around one key. */
static void assert_around(const tree *t, const model *m, pbase_bytes key)
{
    bool in_model = false, found = false;
    size_t at = model_find(m, key, &in_model);
    uint64_t rank = 0;
    tree_item item;
    assert_int_equal(tree_rank(t, key, &rank, &found, NULL), PBASE_OK);
    assert_int_equal(rank, at);
    assert_int_equal(found, in_model);
    assert_int_equal(tree_get(t, key, &item, &found, NULL), PBASE_OK);
    assert_int_equal(found, in_model);
    if (found) {
        assert_value(&m->entries[at], &item.value);
        tree_item_release(t->source, &item);
    }
    for (int exclusive = 0; exclusive < 2; exclusive++) {
        tree_cursor cursor;
        tree_cursor_init(&cursor, t, pbase_alloc_default());
        size_t up = at + (in_model && exclusive ? 1u : 0u);
        pbase_status status = tree_cursor_seek(&cursor, key, exclusive != 0, NULL);
        assert_int_equal(status, up < m->count ? PBASE_OK : PBASE_END);
        if (status == PBASE_OK) {
            assert_int_equal(tree_cursor_compare(&cursor, model_key(&m->entries[up])), 0);
        }
        size_t down = at + (in_model && !exclusive ? 1u : 0u); /* one past it */
        status = tree_cursor_seek_back(&cursor, key, exclusive != 0, NULL);
        assert_int_equal(status, down > 0 ? PBASE_OK : PBASE_END);
        if (status == PBASE_OK) {
            assert_int_equal(tree_cursor_compare(&cursor, model_key(&m->entries[down - 1])), 0);
        }
        tree_cursor_fini(&cursor);
    }
}

/* --------------------------------------------------------------------- random, keyed ---------- */

#define VERSIONS 12u
typedef struct {
    heap_source store;
    tree live;
    model shadow;
    seed_random random;
    tree kept[VERSIONS];
    model kept_shadows[VERSIONS];
    uint32_t kept_count;
} world;

static void world_init(world *self, const char *name, bool positional)
{
    memset(self, 0, sizeof *self);
    heap_source_init(&self->store, pbase_alloc_default());
    self->live = tree_of(&self->store.source, ATOM_REF_NONE, positional);
    seed_random_init(&self->random, seed_for(name));
}

static void world_drop_kept(world *self, uint32_t index)
{
    tree_fini(&self->kept[index]);
    model_fini(&self->kept_shadows[index]);
    self->kept_count--;
    self->kept[index] = self->kept[self->kept_count];
    self->kept_shadows[index] = self->kept_shadows[self->kept_count];
}

static void world_keep(world *self)
{
    if (self->kept_count == VERSIONS) {
        uint32_t index = (uint32_t)seed_below(&self->random, VERSIONS);
        assert_same(&self->kept[index], &self->kept_shadows[index]);
        world_drop_kept(self, index);
    }
    self->kept[self->kept_count] = tree_keep(&self->live);
    self->kept_shadows[self->kept_count++] = model_copy(&self->shadow);
}

/* Settles and, half of the time, lets go of the memory. */
static void world_settle(world *self)
{
    atom_ref stored = ATOM_REF_NONE, rebased = ATOM_REF_NONE;
    assert_int_equal(tree_settle(&self->store.source, self->live.root, &stored, NULL), PBASE_OK);
    assert_true(stored == ATOM_REF_NONE || atom_ref_is_stored(stored));
    if (seed_below(&self->random, 2) == 0) {
        assert_int_equal(tree_rebase(&self->store.source, self->live.root, NULL, &rebased, NULL),
                         PBASE_OK);
        assert_int_equal(rebased, stored);
        tree_drop(&self->store.source, self->live.root);
        self->live.root = rebased;
    }
}

static void world_fini(world *self)
{
    assert_same(&self->live, &self->shadow);
    while (self->kept_count > 0) {
        uint32_t last = self->kept_count - 1;
        assert_same(&self->kept[last], &self->kept_shadows[last]);
        world_drop_kept(self, last);
    }
    tree_fini(&self->live);
    model_fini(&self->shadow);
    heap_source_fini(&self->store);
}

static void put_random(world *self)
{
    model_entry entry;
    bool in_model = false, replaced = false;
    random_key(&self->random, &entry);
    entry.value = (uint32_t)seed_next(&self->random);
    entry.value_size = random_value_size(&self->random);
    encoded_key key = {model_key(&entry), {NULL, 0}};
    tree_value value = tree_value_of(value_of(&entry));
    assert_int_equal(tree_put(&self->live, &key, &value, &replaced, NULL), PBASE_OK);
    size_t at = model_find(&self->shadow, key.bytes, &in_model);
    assert_int_equal(replaced, in_model);
    if (in_model) {
        self->shadow.entries[at] = entry;
    } else {
        model_insert(&self->shadow, at, &entry);
    }
}

static void remove_random(world *self)
{
    model_entry entry;
    bool in_model = false, removed = false;
    random_key(&self->random, &entry);
    if (self->shadow.count != 0 && seed_below(&self->random, 4) != 0) {
        entry = self->shadow.entries[seed_below(&self->random, self->shadow.count)];
    }
    assert_int_equal(tree_remove(&self->live, model_key(&entry), &removed, NULL), PBASE_OK);
    size_t at = model_find(&self->shadow, model_key(&entry), &in_model);
    assert_int_equal(removed, in_model);
    if (in_model) {
        model_remove(&self->shadow, at);
    }
}

static void random_operations_agree_with_a_sorted_array(void **state)
{
    (void)state; /* no fixture */
    world w;
    world_init(&w, "tree keyed", false);
    uint32_t rounds = seed_is_long_run() ? 1000000 : 100000;
    bool growing = true;
    for (uint32_t i = 0; i < rounds; i++) {
        growing = seed_below(&w.random, 8000) == 0 ? !growing : growing;
        bool put = seed_below(&w.random, 10) < (growing ? 7u : 3u);
        put ? put_random(&w) : remove_random(&w);
        if (i % 16 == 0) {
            model_entry probe;
            random_key(&w.random, &probe);
            assert_around(&w.live, &w.shadow, model_key(&probe));
        }
        if (seed_below(&w.random, 2000) == 0) {
            world_keep(&w);
        }
        if (seed_below(&w.random, 1500) == 0) {
            world_settle(&w);
        }
        if (i % 5000 == 0) {
            assert_same(&w.live, &w.shadow);
        }
    }
    world_fini(&w);
}

/* --------------------------------------------------------------------- random, positional ----- */

static void list_edit_random(world *self, bool growing)
{
    model_entry entry = {.value = (uint32_t)seed_next(&self->random),
                         .value_size = random_value_size(&self->random)};
    tree_value value = tree_value_of(value_of(&entry));
    size_t count = self->shadow.count;
    uint64_t kind = seed_below(&self->random, 10);
    size_t at = count == 0 ? 0 : (size_t)seed_below(&self->random, count);
    if (count != 0 && kind < (growing ? 3u : 7u)) {
        assert_int_equal(tree_remove_at(&self->live, at, NULL), PBASE_OK);
        model_remove(&self->shadow, at);
    } else if (count != 0 && kind == 7) {
        assert_int_equal(tree_set_at(&self->live, at, &value, NULL), PBASE_OK);
        self->shadow.entries[at] = entry;
    } else if (kind == 8) {
        assert_int_equal(tree_append(&self->live, &value, NULL), PBASE_OK);
        model_insert(&self->shadow, count, &entry);
    } else {
        at = (size_t)seed_below(&self->random, count + 1);
        assert_int_equal(tree_insert_at(&self->live, at, &value, NULL), PBASE_OK);
        model_insert(&self->shadow, at, &entry);
    }
}

static void assert_element(const tree *t, const model *m, size_t at)
{
    tree_item item;
    bool found = false;
    assert_int_equal(tree_at(t, at, &item, &found, NULL), PBASE_OK);
    assert_int_equal(found, at < m->count);
    if (found) {
        assert_value(&m->entries[at], &item.value);
        tree_item_release(t->source, &item);
    }
}

static void random_list_operations_agree_with_an_array(void **state)
{
    (void)state; /* no fixture */
    world w;
    world_init(&w, "tree positional", true);
    uint32_t rounds = seed_is_long_run() ? 1000000 : 100000;
    bool growing = true;
    for (uint32_t i = 0; i < rounds; i++) {
        growing = seed_below(&w.random, 8000) == 0 ? !growing : growing;
        list_edit_random(&w, growing);
        if (i % 8 == 0) {
            assert_element(&w.live, &w.shadow, seed_below(&w.random, w.shadow.count + 2));
        }
        if (seed_below(&w.random, 2000) == 0) {
            world_keep(&w);
        }
        if (seed_below(&w.random, 1500) == 0) {
            world_settle(&w);
        }
        if (i % 5000 == 0) {
            assert_same(&w.live, &w.shadow);
        }
    }
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_a_sorted_array),
        cmocka_unit_test(random_list_operations_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
