/* test_nesting.c - random nested structures, edited through paths, copied, dropped, in transactions and
 * transactions nested in them, against a model: in the transaction, committed, in older snapshots,
 * after reopening, and replayed from the journal. */
#include "nested_model.h"
#include "space_case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static pbase_txn *begin_txn(void)
{
    return fixture_begin(&f, PBASE_SERIALIZABLE);
}

/* Steps of a path: keys, and "c" into a document. */
#define STEPS_MAX 32u
typedef struct {
    pbase_value items[STEPS_MAX];
    size_t count;
} steps;

#define ROOTS 3
static const char *const root_names[ROOTS] = {"a", "b", "c"};
typedef struct {
    model_node *roots[ROOTS]; /* NULL: there is none */
} world;

static void world_free(world *self)
{
    for (int i = 0; i < ROOTS; i++) {
        model_free(self->roots[i]);
        self->roots[i] = NULL;
    }
}

static world world_clone(const world *from)
{
    world copy;
    for (int i = 0; i < ROOTS; i++) {
        copy.roots[i] = model_clone(from->roots[i]);
    }
    return copy;
}

static void compare_world(const world *expected, pbase_txn *txn, pbase_snapshot *snapshot)
{
    for (int i = 0; i < ROOTS; i++) {
        pbase_collection *at = NULL;
        pbase_status status = txn != NULL
                                  ? pbase_txn_at(txn, root_names[i], NULL, 0, &at, NULL)
                                  : pbase_snapshot_at(snapshot, root_names[i], NULL, 0, &at, NULL);
        assert_int_equal(status, expected->roots[i] == NULL ? PBASE_NOT_FOUND : PBASE_OK);
        if (status == PBASE_OK) {
            model_compare(expected->roots[i], at);
        }
        pbase_collection_close(at);
    }
}

static void compare_committed(const world *expected, pbase_database *database)
{
    pbase_snapshot *snapshot = NULL;
    assert_int_equal(pbase_snapshot_open(database, &snapshot, NULL), PBASE_OK);
    compare_world(expected, NULL, snapshot);
    pbase_snapshot_close(snapshot);
}

/* A random way down to a collection of the world. */
static model_node *random_place(seed_random *random, const world *in, int root, steps *path)
{
    model_node *at = in->roots[root];
    path->count = 0;
    while (at->count > 0 && at->kind != MODEL_SET && seed_below(random, 4) != 0) {
        size_t index = (size_t)seed_below(random, at->count);
        model_node *next = at->entries[index].node;
        if (next->kind == MODEL_INT) {
            break;
        }
        path->items[path->count++] =
            pbase_value_int(at->kind == MODEL_DICT ? at->entries[index].key : (int64_t)index);
        if (next->kind == MODEL_DOCUMENT) {
            path->items[path->count++] = pbase_value_text("c");
            next = next->entries[0].node;
        }
        at = next;
    }
    return at;
}

/* One edit of a collection, in the model and through its handle. */
static void edit_place(seed_random *random, pbase_txn *txn, model_node *node,
                       pbase_collection *held, unsigned depth)
{
    int64_t key = (int64_t)seed_below(random, 8);
    pbase_value k = pbase_value_int(key);
    pbase_dict *dict = pbase_collection_dict(held);
    pbase_list *list = pbase_collection_list(held);
    pbase_set *set = pbase_collection_set(held);
    bool removes = seed_below(random, 3) == 0;
    if (set != NULL) {
        assert_int_equal(removes ? pbase_set_remove(&set, &k, NULL, NULL)
                                 : pbase_set_add(&set, &k, NULL, NULL),
                         PBASE_OK);
        removes ? model_remove(node, key) : model_put(node, key, NULL);
        return;
    }
    if (removes && dict != NULL) {
        assert_int_equal(pbase_dict_remove(&dict, &k, NULL, NULL), PBASE_OK);
        model_remove(node, key);
        return;
    }
    if (removes && node->count > 0) {
        size_t index = (size_t)seed_below(random, node->count);
        assert_int_equal(pbase_list_remove(&list, (int64_t)index, NULL, NULL), PBASE_OK);
        model_remove_at(node, index);
        return;
    }
    model_handles handles = {.count = 0};
    model_node *fresh = model_new(MODEL_INT, key);
    if (depth > 0 && seed_below(random, 2) == 0) {
        model_free(fresh);
        fresh = model_random(random, depth);
    }
    if (depth > 0 && seed_below(random, 4) == 0) {
        model_free(fresh);
        fresh = model_new(MODEL_DOCUMENT, key);
        model_insert_at(fresh, 0, model_random(random, depth));
    }
    pbase_value value = model_value(txn, fresh, &handles);
    size_t index = node->count == 0 ? 0 : (size_t)seed_below(random, node->count);
    if (dict != NULL) {
        assert_int_equal(pbase_dict_put(&dict, &k, &value, NULL, NULL), PBASE_OK);
        model_put(node, key, fresh);
    } else if (node->count > 0 && seed_below(random, 2) == 0) {
        assert_int_equal(pbase_list_set(&list, (int64_t)index, &value, NULL), PBASE_OK);
        model_remove_at(node, index);
        model_insert_at(node, index, fresh);
    } else {
        assert_int_equal(pbase_list_insert(&list, (int64_t)index, &value, NULL), PBASE_OK);
        model_insert_at(node, index, fresh);
    }
    model_handles_close(&handles);
}

/* What lies at one place goes to another one as a copy. */
static void copy_place(seed_random *random, pbase_txn *txn, world *in, int from_root, int to_root)
{
    steps from, to;
    pbase_collection *held = NULL;
    const model_node *source = random_place(random, in, from_root, &from);
    model_node *target = random_place(random, in, to_root, &to);
    if (target->kind != MODEL_DICT || to.count + model_depth(source) > 12) {
        return;
    }
    int64_t key = (int64_t)seed_below(random, 8);
    to.items[to.count++] = pbase_value_int(key);
    assert_int_equal(pbase_txn_at(txn, root_names[from_root], from.items, from.count, &held, NULL),
                     PBASE_OK);
    assert_int_equal(pbase_txn_store_at(txn, root_names[to_root], to.items, to.count, held, NULL),
                     PBASE_OK);
    model_node *copy = model_clone(source);
    model_put(target, key, copy);
    pbase_collection_close(held);
}

static void random_step(seed_random *random, pbase_txn *txn, world *in)
{
    int root = (int)seed_below(random, ROOTS);
    pbase_collection *held = NULL;
    steps path;
    if (in->roots[root] == NULL || seed_below(random, 40) == 0) {
        model_node *fresh = model_random(random, 3);
        held = model_build(txn, fresh);
        assert_int_equal(pbase_txn_store(txn, root_names[root], held, NULL), PBASE_OK);
        model_free(in->roots[root]);
        in->roots[root] = fresh;
    } else if (seed_below(random, 60) == 0) {
        assert_int_equal(pbase_txn_drop_root(txn, root_names[root], NULL), PBASE_OK);
        model_free(in->roots[root]);
        in->roots[root] = NULL;
    } else if (seed_below(random, 6) == 0) {
        int other = (int)seed_below(random, ROOTS);
        if (in->roots[other] != NULL) {
            copy_place(random, txn, in, root, other);
        }
    } else {
        model_node *node = random_place(random, in, root, &path);
        unsigned depth = path.count < 6 ? 3 : path.count < 10 ? 1 : 0;
        assert_int_equal(pbase_txn_at(txn, root_names[root], path.items, path.count, &held, NULL),
                         PBASE_OK);
        edit_place(random, txn, node, held, depth);
        assert_int_equal(
            pbase_txn_store_at(txn, root_names[root], path.items, path.count, held, NULL),
            PBASE_OK);
    }
    pbase_collection_close(held);
}

/* Some steps in a transaction nested in `txn`, which is dropped half of the time. */
static void random_nested(seed_random *random, pbase_txn *txn, world *in)
{
    pbase_txn *nested = NULL;
    world inside = world_clone(in);
    assert_int_equal(pbase_txn_begin_nested(txn, NULL, &nested, NULL), PBASE_OK);
    for (uint64_t i = seed_below(random, 5); i > 0; i--) {
        random_step(random, nested, &inside);
    }
    compare_world(&inside, nested, NULL);
    bool keeps = seed_below(random, 2) == 0;
    if (keeps) {
        assert_int_equal(pbase_txn_commit(&nested, NULL, NULL, NULL), PBASE_OK);
    } else {
        pbase_txn_abort(&nested);
    }
    world *loser = keeps ? in : &inside;
    world_free(loser);
    if (keeps) {
        *in = inside;
    }
}

/* A second space on a copy of the files as they are now: it replays the journal. */
static void compare_replayed(const world *expected)
{
    space_fixture copy;
    temp_dir dir;
    char command[2 * PATH_MAX + 32];
    temp_dir_create(&dir);
    const char *data = temp_dir_path(&dir, "copy");
    (void)snprintf(command, sizeof command, "cp -a '%s' '%s'", f.data, data);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
    fixture_prepare(&copy, data, NULL);
    fixture_open(&copy);
    compare_committed(expected, copy.database);
    fixture_assert_clean(&copy);
    fixture_close(&copy);
    temp_dir_remove(&dir);
}

static void random_run(uint64_t seed, unsigned rounds)
{
    seed_random random;
    world now = {{NULL}};
    seed_random_init(&random, seed);
    for (unsigned round = 0; round < rounds; round++) {
        pbase_txn *txn = begin_txn();
        pbase_snapshot *before = NULL;
        world next = world_clone(&now);
        assert_int_equal(pbase_snapshot_open(f.database, &before, NULL), PBASE_OK);
        for (uint64_t i = seed_below(&random, 12); i > 0; i--) {
            random_step(&random, txn, &next);
            if (seed_below(&random, 10) == 0) {
                random_nested(&random, txn, &next);
            }
        }
        compare_world(&next, txn, NULL);
        if (seed_below(&random, 8) == 0) {
            pbase_txn_abort(&txn);
            world_free(&next);
            next = world_clone(&now);
        } else {
            assert_int_equal(fixture_commit(&txn), PBASE_OK);
        }
        compare_world(&now, NULL, before);
        pbase_snapshot_close(before);
        world_free(&now);
        now = next;
        compare_committed(&now, f.database);
        if (round % 16 == 5) {
            fixture_assert_clean(&f);
        }
        if (round % 64 == 20 && f.has_dir) {
            compare_replayed(&now);
        }
        if (round % 32 == 11 && f.has_dir) {
            assert_int_equal(pbase_space_checkpoint(f.space, NULL, NULL), PBASE_OK);
        }
        if (round % 64 == 40 && f.has_dir) {
            fixture_reopen(&f);
            compare_committed(&now, f.database);
        }
    }
    world_free(&now);
}

static void random_nested_structures_are_what_a_model_says(void **unused)
{
    (void)unused;
    random_run(seed_for("nesting"), seed_is_long_run() ? 20000 : 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_nested_structures_are_what_a_model_says,
                                        begin_memory, end),
        cmocka_unit_test_setup_teardown(random_nested_structures_are_what_a_model_says, begin_file,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
