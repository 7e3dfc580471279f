/* test_nested.c - transactions inside transactions: what they see, what commit and abort leave. */
#include "seed.h"
#include "sim_os.h"
#include "space_case.h"
#include <inttypes.h>
#include <protobase/base/limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static pbase_txn *nest(pbase_txn *outer)
{
    pbase_txn *inner = NULL;
    pbase_error err;
    pbase_error_init(&err);
    pbase_status status = pbase_txn_begin_nested(outer, NULL, &inner, &err);
    assert_ok(status, &err);
    return inner;
}

static void write_key(pbase_txn *txn, const char *name, int64_t key, int64_t value)
{
    pbase_dict *dict = fixture_dict(txn, name);
    fixture_put(&dict, key, value);
    assert_int_equal(pbase_txn_store_dict(txn, name, dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
}

/* The value of `key` in a version; INT64_MIN when missing. */
static int64_t get_of(const pbase_dict *dict, int64_t key)
{
    pbase_arena arena;
    pbase_value k = pbase_value_int(key), v = pbase_value_int(INT64_MIN);
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status = pbase_dict_get(dict, &k, &arena, &v, NULL);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    int64_t found = v.as.integer;
    pbase_arena_fini(&arena);
    return found;
}

/* The same through a transaction; INT64_MIN when the root is missing too. */
static int64_t read_key(pbase_txn *txn, const char *name, int64_t key)
{
    pbase_dict *dict = NULL;
    pbase_status status = pbase_txn_dict(txn, name, &dict, NULL);
    assert_true(status == PBASE_OK || status == PBASE_NOT_FOUND);
    int64_t found = status == PBASE_OK ? get_of(dict, key) : INT64_MIN;
    pbase_dict_close(dict);
    return found;
}

/* ------------------------------------------------------------------------ what it sees ---- */

static void a_nested_transaction_sees_what_the_outer_one_staged_and_its_own(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 10), PBASE_OK);
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE);
    write_key(outer, "a", 2, 20);

    pbase_txn *inner = nest(outer);
    write_key(inner, "a", 3, 30);

    assert_int_equal(read_key(inner, "a", 1), 10);
    assert_int_equal(read_key(inner, "a", 2), 20);
    assert_int_equal(read_key(inner, "a", 3), 30);
    assert_int_equal(read_key(outer, "a", 3), INT64_MIN);
    assert_int_equal(fixture_commit(&inner), PBASE_OK);
    assert_null(inner);
    assert_int_equal(read_key(outer, "a", 3), 30);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(fixture_count(&f, "a"), 3);
}

static void abort_of_a_nested_transaction_drops_its_changes_alone(void **unused)
{
    (void)unused;
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE);
    write_key(outer, "a", 1, 1);
    pbase_txn *inner = nest(outer);
    write_key(inner, "a", 1, 2);
    write_key(inner, "new", 1, 1);
    assert_int_equal(pbase_txn_drop_root(inner, "new", NULL), PBASE_OK);
    assert_int_equal(pbase_txn_drop_root(inner, "a", NULL), PBASE_OK);
    pbase_txn_abort(&inner);

    assert_int_equal(read_key(outer, "a", 1), 1);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(fixture_get(&f, "a", 1), 1);
    assert_int_equal(fixture_count(&f, "new"), 0);
}

static void a_root_dropped_inside_is_gone_outside_once_committed(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "old", 1, 1), PBASE_OK);
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE);
    write_key(outer, "staged", 1, 1);
    pbase_txn *inner = nest(outer);
    assert_int_equal(pbase_txn_drop_root(inner, "old", NULL), PBASE_OK);
    assert_int_equal(pbase_txn_drop_root(inner, "staged", NULL), PBASE_OK);
    assert_int_equal(pbase_txn_drop_root(inner, "staged", NULL), PBASE_NOT_FOUND);
    assert_int_equal(fixture_commit(&inner), PBASE_OK);

    assert_int_equal(read_key(outer, "old", 1), INT64_MIN);
    assert_int_equal(read_key(outer, "staged", 1), INT64_MIN);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(fixture_count(&f, "old") + fixture_count(&f, "staged"), 0);
}

typedef struct {
    char text[256];
} names;

static pbase_status add_name(void *state, const pbase_root_info *root, pbase_error *err)
{
    (void)err;
    names *seen = state;
    size_t used = strlen(seen->text);
    (void)snprintf(seen->text + used, sizeof seen->text - used, "%.*s:%" PRIu64 " ",
                   (int)root->name.size, (const char *)root->name.data, root->count);
    return PBASE_OK;
}

static void the_list_of_roots_merges_every_level(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "b", 1, 1), PBASE_OK);
    assert_int_equal(fixture_put_one(&f, "d", 1, 1), PBASE_OK);
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE);
    write_key(outer, "a", 1, 1);
    write_key(outer, "c", 1, 1);
    pbase_txn *inner = nest(outer);
    write_key(inner, "b", 2, 2);
    write_key(inner, "c", 2, 2);
    write_key(inner, "e", 1, 1);
    assert_int_equal(pbase_txn_drop_root(inner, "a", NULL), PBASE_OK);
    names of_inner = {""}, of_outer = {""};
    assert_int_equal(pbase_txn_roots(inner, add_name, &of_inner, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_roots(outer, add_name, &of_outer, NULL), PBASE_OK);
    assert_string_equal(of_inner.text, "b:2 c:2 d:1 e:1 ");
    assert_string_equal(of_outer.text, "a:1 b:1 c:1 d:1 ");
    pbase_txn_abort(&inner);
    pbase_txn_abort(&outer);
}

/* ----------------------------------------------------------------------- handles and kinds ---- */

static void an_edit_inside_never_changes_a_version_kept_outside(void **unused)
{
    (void)unused;
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(outer, "a");
    for (int64_t key = 0; key < 1000; key++) {
        fixture_put(&dict, key, key);
    }
    assert_int_equal(pbase_txn_store_dict(outer, "a", dict, NULL), PBASE_OK);
    pbase_dict *kept = NULL;
    assert_int_equal(pbase_dict_keep(dict, &kept, NULL), PBASE_OK);

    pbase_txn *inner = nest(outer);
    for (int64_t key = 0; key < 1000; key += 7) { /* the outer one's handle, edited in here */
        fixture_put(&dict, key, -1);
    }
    assert_int_equal(pbase_txn_store_dict(inner, "a", dict, NULL), PBASE_OK);
    pbase_dict *own = fixture_dict(inner, "a");
    fixture_put(&own, 1, -2);
    assert_int_equal(pbase_txn_store_dict(inner, "a", own, NULL), PBASE_OK);
    pbase_dict_close(own);

    assert_int_equal(get_of(kept, 0), 0);
    assert_int_equal(get_of(kept, 1), 1);
    assert_int_equal(get_of(kept, 994), 994);
    assert_int_equal(read_key(outer, "a", 7), 7);
    assert_int_equal(read_key(inner, "a", 7), -1);
    assert_int_equal(read_key(inner, "a", 1), -2);
    pbase_txn_abort(&inner);
    assert_int_equal(read_key(outer, "a", 7), 7);
    fixture_put(&dict, 2, -3); /* and it goes on outside */
    assert_int_equal(get_of(kept, 2), 2);
    pbase_dict_close(kept);
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(fixture_get(&f, "a", 7), 7);
}

static void a_collection_created_inside_keeps_its_identity(void **unused)
{
    (void)unused;
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *inner = nest(outer);
    write_key(inner, "made", 1, 1);
    assert_int_equal(fixture_commit(&inner), PBASE_OK);
    write_key(outer, "made", 2, 2); /* goes on with the same collection */
    inner = nest(outer);
    write_key(inner, "made", 3, 3);
    write_key(inner, "other", 1, 1);
    assert_int_equal(fixture_commit(&inner), PBASE_OK);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(fixture_count(&f, "made"), 3);
    assert_int_equal(fixture_count(&f, "other"), 1);
    assert_int_equal(fixture_put_one(&f, "made", 4, 4), PBASE_OK);
    assert_int_equal(fixture_count(&f, "made"), 4);
    assert_int_equal(fixture_count(&f, "other"), 1);
}

static void values_lists_and_sets_are_folded_too(void **unused)
{
    (void)unused;
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *inner = nest(outer);
    pbase_list *list = NULL;
    pbase_set *set = NULL;
    pbase_value one = pbase_value_int(1), seen;
    assert_int_equal(pbase_txn_new_list(inner, &list, NULL), PBASE_OK);
    assert_int_equal(pbase_list_append(&list, &one, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_list(inner, "list", list, NULL), PBASE_OK);
    pbase_list_close(list);
    assert_int_equal(pbase_txn_new_set(inner, &set, NULL), PBASE_OK);
    assert_int_equal(pbase_set_add(&set, &one, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_txn_store_set(inner, "set", set, NULL), PBASE_OK);
    pbase_set_close(set);
    assert_int_equal(pbase_txn_store_value(inner, "value", &one, NULL), PBASE_OK);
    assert_int_equal(fixture_commit(&inner), PBASE_OK);

    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(pbase_txn_value(outer, "value", &arena, &seen, NULL), PBASE_OK);
    assert_int_equal(seen.as.integer, 1);
    pbase_arena_fini(&arena);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(
        fixture_count(&f, "list") + fixture_count(&f, "set") + fixture_count(&f, "value"), 3);
}

/* ------------------------------------------------------------------------------ conflicts ---- */

static void what_an_aborted_nested_transaction_read_still_counts(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *inner = nest(outer);
    assert_int_equal(read_key(inner, "a", 1), 1);
    pbase_txn_abort(&inner);
    write_key(outer, "b", 1, 1);
    assert_int_equal(fixture_put_one(&f, "a", 1, 2), PBASE_OK);
    assert_int_equal(fixture_commit(&outer), PBASE_CONFLICT);
}

static void what_an_aborted_nested_transaction_wrote_does_not_count(void **unused)
{
    (void)unused;
    assert_int_equal(fixture_put_one(&f, "a", 1, 1), PBASE_OK);
    pbase_txn *outer = fixture_begin(&f, PBASE_SNAPSHOT_ISOLATION);
    pbase_txn *inner = nest(outer);
    write_key(inner, "a", 1, 3);
    pbase_txn_abort(&inner);
    write_key(outer, "b", 1, 1);
    assert_int_equal(fixture_put_one(&f, "a", 1, 2), PBASE_OK);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(fixture_get(&f, "a", 1), 2);
}

/* -------------------------------------------------------------------------------- refusals ---- */

static void the_outer_one_can_only_be_read_while_a_nested_one_is_open(void **unused)
{
    (void)unused;
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE), *second = NULL, *same = outer;
    write_key(outer, "a", 1, 1);
    pbase_dict *dict = fixture_dict(outer, "a");
    pbase_txn *inner = nest(outer);
    pbase_value one = pbase_value_int(1);
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(read_key(outer, "a", 1), 1);
    assert_int_equal(pbase_txn_store_dict(outer, "a", dict, &err), PBASE_INVALID);
    assert_non_null(strstr(err.message, "nested transaction is open"));
    assert_non_null(strstr(err.hint, "first"));
    assert_int_equal(pbase_txn_store_value(outer, "v", &one, NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_drop_root(outer, "a", NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_begin_nested(outer, NULL, &second, NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_commit(&outer, NULL, NULL, NULL), PBASE_INVALID);
    assert_ptr_equal(outer, same); /* it stays */
    pbase_dict_close(dict);
    assert_int_equal(fixture_commit(&inner), PBASE_OK);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
    assert_int_equal(fixture_get(&f, "a", 1), 1);
}

static void aborting_the_outer_one_leaves_the_nested_ones_nothing_but_abort(void **unused)
{
    (void)unused;
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *inner = nest(outer), *innermost = nest(inner);
    write_key(innermost, "a", 1, 1);
    pbase_txn_abort(&outer);
    pbase_dict *dict = NULL;
    pbase_value one = pbase_value_int(1);
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(pbase_txn_dict(inner, "a", &dict, &err), PBASE_INVALID);
    assert_non_null(strstr(err.message, "has ended"));
    assert_int_equal(pbase_txn_new_dict(innermost, &dict, NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_store_value(innermost, "v", &one, NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_commit(&innermost, NULL, NULL, NULL), PBASE_INVALID);
    pbase_txn_abort(&inner); /* in any order */
    pbase_txn_abort(&innermost);
    assert_int_equal(fixture_count(&f, "a"), 0);
}

static void depth_has_a_named_limit(void **unused)
{
    (void)unused;
    pbase_txn *levels[PBASE_TXN_DEPTH_MAX + 1];
    pbase_txn *beyond = NULL;
    levels[0] = fixture_begin(&f, PBASE_SERIALIZABLE);
    for (uint32_t i = 1; i <= PBASE_TXN_DEPTH_MAX; i++) {
        levels[i] = nest(levels[i - 1]);
        write_key(levels[i], "a", (int64_t)i, (int64_t)i);
    }
    assert_int_equal(pbase_txn_begin_nested(levels[PBASE_TXN_DEPTH_MAX], NULL, &beyond, NULL),
                     PBASE_LIMIT);
    for (uint32_t i = PBASE_TXN_DEPTH_MAX + 1; i-- > 0;) {
        assert_int_equal(fixture_commit(&levels[i]), PBASE_OK);
    }
    assert_int_equal(fixture_count(&f, "a"), PBASE_TXN_DEPTH_MAX);
}

static void a_nested_transaction_can_be_read_only(void **unused)
{
    (void)unused;
    pbase_txn *outer = fixture_begin(&f, PBASE_SERIALIZABLE), *inner = NULL;
    pbase_txn_options options = pbase_txn_options_default();
    pbase_value one = pbase_value_int(1);
    options.read_only = true;
    write_key(outer, "a", 1, 1);
    assert_int_equal(pbase_txn_begin_nested(outer, &options, &inner, NULL), PBASE_OK);
    assert_int_equal(read_key(inner, "a", 1), 1);
    assert_int_equal(pbase_txn_store_value(inner, "v", &one, NULL), PBASE_READ_ONLY);
    assert_int_equal(fixture_commit(&inner), PBASE_OK);
    assert_int_equal(fixture_commit(&outer), PBASE_OK);
}

static void a_call_without_a_transaction_is_refused(void **unused)
{
    (void)unused;
    pbase_txn *txn = fixture_begin(&f, PBASE_SERIALIZABLE), *inner = NULL;
    pbase_dict *dict = NULL;
    pbase_value value;
    names seen = {""};
    assert_int_equal(fixture_commit(&txn), PBASE_OK);
    assert_null(txn);
    pbase_error err;
    pbase_error_init(&err);
    assert_int_equal(pbase_txn_commit(&txn, NULL, NULL, &err), PBASE_INVALID);
    assert_non_null(strstr(err.message, "committed or aborted"));
    assert_int_equal(pbase_txn_dict(txn, "a", &dict, NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_new_dict(txn, &dict, NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_value(txn, "a", NULL, &value, NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_roots(txn, add_name, &seen, NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_drop_root(txn, "a", NULL), PBASE_INVALID);
    assert_int_equal(pbase_txn_begin_nested(txn, NULL, &inner, NULL), PBASE_INVALID);
    pbase_txn_abort(&txn);
}

/* A version stored into a transaction that outlives the one it was made in. */
static void a_stored_version_outlives_the_transaction_it_came_from(void **unused)
{
    (void)unused;
    pbase_txn *first = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_txn *second = fixture_begin(&f, PBASE_SERIALIZABLE);
    pbase_dict *dict = fixture_dict(first, "a");
    fixture_put(&dict, 1, 1);
    assert_int_equal(pbase_txn_store_dict(second, "a", dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
    pbase_txn_abort(&first);
    write_key(second, "a", 2, 2);
    assert_int_equal(fixture_commit(&second), PBASE_OK);
    assert_int_equal(fixture_count(&f, "a"), 2);
}

/* --------------------------------------------------------------------------- random nesting ---- */

enum { MODEL_ROOTS = 4, MODEL_KEYS = 24, MODEL_DEPTH = 6 };
static const char *const model_names[MODEL_ROOTS] = {"r0", "r1", "r2", "r3"};

/* What one level shows: 0 is no key; a root without any is a root all the same. */
typedef struct {
    bool there[MODEL_ROOTS];
    int64_t values[MODEL_ROOTS][MODEL_KEYS];
} model;

typedef struct {
    seed_random random;
    pbase_txn *levels[MODEL_DEPTH];
    model states[MODEL_DEPTH];
    int depth; /* of the innermost */
    int64_t stamp;
} nesting;

static int64_t model_value(const model *state, int root, int key)
{
    return state->there[root] && state->values[root][key] != 0 ? state->values[root][key]
                                                               : INT64_MIN;
}

static void model_change(nesting *run)
{
    pbase_txn *txn = run->levels[run->depth];
    model *state = &run->states[run->depth];
    int root = (int)seed_below(&run->random, MODEL_ROOTS);
    if (state->there[root] && seed_below(&run->random, 8) == 0) {
        assert_int_equal(pbase_txn_drop_root(txn, model_names[root], NULL), PBASE_OK);
        state->there[root] = false;
        memset(state->values[root], 0, sizeof state->values[root]);
        return;
    }
    pbase_dict *dict = fixture_dict(txn, model_names[root]);
    for (uint64_t edits = 1 + seed_below(&run->random, 5); edits > 0; edits--) {
        int key = (int)seed_below(&run->random, MODEL_KEYS);
        pbase_value k = pbase_value_int(key);
        if (seed_below(&run->random, 3) == 0) {
            assert_int_equal(pbase_dict_remove(&dict, &k, NULL, NULL), PBASE_OK);
            state->values[root][key] = 0;
        } else {
            fixture_put(&dict, key, ++run->stamp);
            state->values[root][key] = run->stamp;
        }
    }
    state->there[root] = true;
    assert_int_equal(pbase_txn_store_dict(txn, model_names[root], dict, NULL), PBASE_OK);
    pbase_dict_close(dict);
}

/* Every level shows exactly its model, by key and by count. */
static void model_compare(const nesting *run)
{
    for (int level = 0; level <= run->depth; level++) {
        for (int root = 0; root < MODEL_ROOTS; root++) {
            pbase_dict *dict = NULL;
            uint64_t count = 0, expected = 0;
            pbase_status status =
                pbase_txn_dict(run->levels[level], model_names[root], &dict, NULL);
            assert_int_equal(status, run->states[level].there[root] ? PBASE_OK : PBASE_NOT_FOUND);
            for (int key = 0; key < MODEL_KEYS && status == PBASE_OK; key++) {
                assert_int_equal(get_of(dict, key), model_value(&run->states[level], root, key));
                expected += run->states[level].values[root][key] != 0;
            }
            if (status == PBASE_OK) {
                assert_int_equal(pbase_dict_count(dict, &count, NULL), PBASE_OK);
                assert_int_equal(count, expected);
            }
            pbase_dict_close(dict);
        }
    }
}

static void model_step(nesting *run)
{
    uint64_t choice = seed_below(&run->random, 10);
    if (choice < 2 && run->depth + 1 < MODEL_DEPTH) {
        run->levels[run->depth + 1] = nest(run->levels[run->depth]);
        run->states[run->depth + 1] = run->states[run->depth];
        run->depth++;
    } else if (choice == 2 && run->depth > 0) {
        assert_int_equal(fixture_commit(&run->levels[run->depth]), PBASE_OK);
        run->states[run->depth - 1] = run->states[run->depth];
        run->depth--;
    } else if (choice == 3 && run->depth > 0) {
        pbase_txn_abort(&run->levels[run->depth]);
        run->depth--;
    } else {
        model_change(run);
    }
}

static void random_nesting_agrees_with_a_model(void **unused)
{
    (void)unused;
    nesting run = {.stamp = 0};
    seed_random_init(&run.random, seed_for("core.txn.nested"));
    model committed = {.there = {false}};
    for (int round = 0; round < (seed_is_long_run() ? 2000 : 60); round++) {
        run.depth = 0;
        run.levels[0] = fixture_begin(&f, PBASE_SERIALIZABLE);
        run.states[0] = committed;
        for (uint64_t steps = 10 + seed_below(&run.random, 40); steps > 0; steps--) {
            model_step(&run);
            if (seed_below(&run.random, 4) == 0) {
                model_compare(&run);
            }
        }
        while (run.depth > 0) {
            assert_int_equal(fixture_commit(&run.levels[run.depth]), PBASE_OK);
            run.states[run.depth - 1] = run.states[run.depth];
            run.depth--;
        }
        if (seed_below(&run.random, 5) == 0) {
            pbase_txn_abort(&run.levels[0]);
        } else {
            assert_int_equal(fixture_commit(&run.levels[0]), PBASE_OK);
            committed = run.states[0];
        }
        for (int root = 0; root < MODEL_ROOTS; root++) {
            for (int key = 0; key < MODEL_KEYS; key++) {
                assert_int_equal(fixture_get(&f, model_names[root], key),
                                 model_value(&committed, root, key));
            }
        }
    }
}

/* ---------------------------------------------------------------------------------- memory ---- */

static pbase_status put_in(pbase_txn *txn, const char *name, int64_t number)
{
    pbase_dict *dict = NULL;
    pbase_value value = pbase_value_int(number);
    pbase_status status = pbase_txn_dict(txn, name, &dict, NULL);
    status = status == PBASE_NOT_FOUND ? pbase_txn_new_dict(txn, &dict, NULL) : status;
    status = status == PBASE_OK ? pbase_dict_put(&dict, &value, &value, NULL, NULL) : status;
    status = status == PBASE_OK ? pbase_txn_store_dict(txn, name, dict, NULL) : status;
    pbase_dict_close(dict);
    return status;
}

/* Two levels in one transaction; a failed fold leaves the outer one as it was. */
static pbase_status nest_and_commit(pbase_txn *outer, int64_t number)
{
    pbase_txn *inner = NULL;
    pbase_status status = pbase_txn_begin_nested(outer, NULL, &inner, NULL);
    status = status == PBASE_OK ? put_in(inner, "left", number) : status;
    status = status == PBASE_OK ? put_in(inner, "right", number) : status;
    if (status == PBASE_OK) {
        return pbase_txn_commit(&inner, NULL, NULL, NULL);
    }
    pbase_txn_abort(&inner);
    return status;
}

static void folding_survives_every_failing_allocation(void **unused)
{
    (void)unused;
    sim_os *sim = sim_os_create(1);
    space_fixture s;
    fixture_prepare(&s, "/space", sim_os_interface(sim));
    fixture_open(&s);
    bool failed = true;
    int64_t n = 1;
    for (; failed; n++) {
        pbase_txn *outer = fixture_begin(&s, PBASE_SERIALIZABLE);
        assert_int_equal(put_in(outer, "left", -n), PBASE_OK);
        uint64_t before = sim_os_calls(sim, OS_CALL_MEMORY);
        sim_os_fail_at(sim, OS_CALL_MEMORY, (uint64_t)n, PBASE_NO_MEMORY, false);
        pbase_status status = nest_and_commit(outer, n);
        sim_os_fail_at(sim, OS_CALL_MEMORY, 0, PBASE_OK, false);
        failed = sim_os_calls(sim, OS_CALL_MEMORY) - before >= (uint64_t)n;
        assert_int_equal(status, failed ? PBASE_NO_MEMORY : PBASE_OK);
        assert_int_equal(read_key(outer, "left", n), failed ? INT64_MIN : n);
        assert_int_equal(read_key(outer, "right", n), failed ? INT64_MIN : n);
        assert_int_equal(read_key(outer, "left", -n), -n);
        assert_int_equal(fixture_commit(&outer), PBASE_OK);
        assert_int_equal(fixture_get(&s, "left", -n), -n);
        assert_int_equal(fixture_get(&s, "left", n), failed ? INT64_MIN : n);
    }
    assert_true(n > 8);
    print_message("%" PRId64 " allocations\n", n - 2);
    fixture_assert_clean(&s);
    fixture_close(&s);
    assert_int_equal(sim_os_memory_used(sim), 0);
    sim_os_destroy(sim);
}

#define IN_A_SPACE(test) cmocka_unit_test_setup_teardown(test, begin_memory, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_SPACE(a_nested_transaction_sees_what_the_outer_one_staged_and_its_own),
        IN_A_SPACE(abort_of_a_nested_transaction_drops_its_changes_alone),
        IN_A_SPACE(a_root_dropped_inside_is_gone_outside_once_committed),
        IN_A_SPACE(the_list_of_roots_merges_every_level),
        IN_A_SPACE(an_edit_inside_never_changes_a_version_kept_outside),
        IN_A_SPACE(a_collection_created_inside_keeps_its_identity),
        IN_A_SPACE(values_lists_and_sets_are_folded_too),
        IN_A_SPACE(what_an_aborted_nested_transaction_read_still_counts),
        IN_A_SPACE(what_an_aborted_nested_transaction_wrote_does_not_count),
        IN_A_SPACE(the_outer_one_can_only_be_read_while_a_nested_one_is_open),
        IN_A_SPACE(aborting_the_outer_one_leaves_the_nested_ones_nothing_but_abort),
        IN_A_SPACE(depth_has_a_named_limit),
        IN_A_SPACE(a_nested_transaction_can_be_read_only),
        IN_A_SPACE(a_call_without_a_transaction_is_refused),
        IN_A_SPACE(a_stored_version_outlives_the_transaction_it_came_from),
        IN_A_SPACE(random_nesting_agrees_with_a_model),
        cmocka_unit_test(folding_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
