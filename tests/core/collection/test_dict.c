/* test_dict.c - dictionaries as applications see them. */
#include "fault_alloc.h"
#include "handle_fixture.h"
#include "random_value.h"

static pbase_dict *open_dict(fixture *f)
{
    return collection_dict(open_on(f, PBASE_COLLECTION_DICT, ATOM_REF_NONE));
}

static void put(pbase_dict **dict, pbase_value key, pbase_value value)
{
    assert_int_equal(pbase_dict_put(dict, &key, &value, NULL, NULL), PBASE_OK);
}

static void assert_holds(fixture *f, const pbase_dict *dict, pbase_value key, pbase_value value)
{
    pbase_value out;
    assert_int_equal(pbase_dict_get(dict, &key, &f->arena, &out, NULL), PBASE_OK);
    assert_true(pbase_value_identical(&out, &value));
}

static void what_was_put_is_got(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = open_dict(&f);
    put(&dict, pbase_value_text("a"), pbase_value_int(1));
    put(&dict, pbase_value_null(), pbase_value_null());
    put(&dict, pbase_value_int(7), pbase_value_text("seven"));
    assert_holds(&f, dict, pbase_value_text("a"), pbase_value_int(1));
    assert_holds(&f, dict, pbase_value_null(), pbase_value_null());
    assert_holds(&f, dict, pbase_value_int(7), pbase_value_text("seven"));
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void a_missing_key_is_not_found_by_name(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_error err;
    pbase_value out, key = pbase_value_text("nobody");
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_error_init(&err);
    pbase_dict *dict = open_dict(&f);
    assert_int_equal(pbase_dict_get(dict, &key, &f.arena, &out, &err), PBASE_NOT_FOUND);
    assert_string_equal(err.message, "dict 'things': there is no key 'nobody'");
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void equal_keys_are_one_key_in_its_first_spelling(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_cursor *cursor;
    pbase_value key, one = pbase_value_int(1);
    bool replaced = false;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = open_dict(&f);
    put(&dict, pbase_value_float(1.0), pbase_value_text("first"));
    assert_int_equal(pbase_dict_put(&dict, &one, &one, &replaced, NULL), PBASE_OK);
    assert_true(replaced);
    assert_holds(&f, dict, pbase_value_float(1.0), one);
    assert_int_equal(pbase_dict_cursor(dict, NULL, &cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
    assert_int_equal(key.kind, PBASE_FLOAT);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    assert_log_replays(&f, collection_of_dict(dict));
    pbase_cursor_close(cursor);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void removing_tells_whether_the_key_was_there(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value key = pbase_value_text("a");
    bool removed = false;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = open_dict(&f);
    put(&dict, key, key);
    assert_int_equal(pbase_dict_remove(&dict, &key, &removed, NULL), PBASE_OK);
    assert_true(removed);
    assert_int_equal(pbase_dict_remove(&dict, &key, &removed, NULL), PBASE_OK);
    assert_false(removed);
    assert_int_equal(collection_log(collection_of_dict(dict))->count, 2);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void bytes_are_lent_without_a_copy(void **state)
{
    (void)state; /* no fixture */
    static const uint8_t large[100000] = {1, 2, 3};
    fixture f;
    fault_alloc fa;
    pbase_reader *reader;
    pbase_bytes out;
    pbase_value small_key = pbase_value_text("s"), large_key = pbase_value_text("l");
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    pbase_dict *dict = open_dict(&f);
    pbase_bytes bytes = pbase_bytes_of(large, sizeof large);
    assert_int_equal(pbase_dict_put_bytes(&dict, &large_key, bytes, NULL, NULL), PBASE_OK);
    bytes.size = 3;
    assert_int_equal(pbase_dict_put_bytes(&dict, &small_key, bytes, NULL, NULL), PBASE_OK);
    assert_int_equal(pbase_reader_create(&fa.alloc, &reader, NULL), PBASE_OK);
    /* when: nothing may be allocated */
    fault_alloc_fail_at(&fa, 1);
    assert_int_equal(pbase_dict_get_bytes(dict, &large_key, reader, &out, NULL), PBASE_OK);
    assert_true(pbase_bytes_equal(out, pbase_bytes_of(large, sizeof large)));
    assert_int_equal(pbase_dict_get_bytes(dict, &small_key, reader, &out, NULL), PBASE_OK);
    assert_true(pbase_bytes_equal(out, bytes));
    assert_false(fault_alloc_has_failed(&fa));
    /* then: a miss tells nothing but the code, and ends what was lent */
    pbase_value missing = pbase_value_text("m");
    assert_int_equal(pbase_dict_get_bytes(dict, &missing, reader, &out, NULL), PBASE_NOT_FOUND);
    fault_alloc_fail_at(&fa, 0);
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    fixture_fini(&f);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void a_stored_value_stays_pinned_until_the_reader_is_done(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_reader *reader;
    pbase_bytes out;
    atom_ref stored;
    pbase_value key = pbase_value_text("k");
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = open_dict(&f);
    put(&dict, key, key);
    const tree *t = collection_tree(collection_of_dict(dict));
    assert_int_equal(tree_settle(&f.store.source, t->root, &stored, NULL), PBASE_OK);
    pbase_dict_close(dict);
    dict = collection_dict(open_on(&f, PBASE_COLLECTION_DICT, stored));
    assert_int_equal(pbase_reader_create(NULL, &reader, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_get_bytes(dict, &key, reader, &out, NULL), PBASE_OK);
    assert_int_equal(atomic_load(&f.store.pins), 1);
    pbase_reader_reset(reader);
    assert_int_equal(atomic_load(&f.store.pins), 0);
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void a_kept_version_does_not_change(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_dict *kept;
    bool there = true;
    pbase_value a = pbase_value_text("a"), b = pbase_value_text("b");
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = open_dict(&f);
    put(&dict, a, pbase_value_int(1));
    assert_int_equal(pbase_dict_keep(dict, &kept, NULL), PBASE_OK);
    put(&dict, a, pbase_value_int(2));
    put(&dict, b, pbase_value_int(3));
    put(&kept, pbase_value_text("c"), pbase_value_int(4));
    assert_holds(&f, kept, a, pbase_value_int(1));
    assert_holds(&f, dict, a, pbase_value_int(2));
    assert_int_equal(pbase_dict_has(kept, &b, &there, NULL), PBASE_OK);
    assert_false(there);
    assert_log_replays(&f, collection_of_dict(dict));
    assert_log_replays(&f, collection_of_dict(kept));
    pbase_dict_close(kept);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void a_read_only_dictionary_refuses_edits(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_error err;
    pbase_value key = pbase_value_text("a");
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_error_init(&err);
    f.context.read_only = true;
    pbase_dict *dict = open_dict(&f);
    assert_int_equal(pbase_dict_put(&dict, &key, &key, NULL, &err), PBASE_READ_ONLY);
    assert_string_not_equal(err.hint, "");
    assert_int_equal(pbase_dict_remove(&dict, &key, NULL, NULL), PBASE_READ_ONLY);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void what_cannot_be_a_key_or_value_changes_nothing(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_error err;
    pbase_value key = pbase_value_text("a"), map = pbase_value_map(NULL, 0);
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_error_init(&err);
    pbase_dict *dict = open_dict(&f);
    assert_int_equal(pbase_dict_put(&dict, &map, &key, NULL, &err), PBASE_INVALID);
    assert_non_null(strstr(err.message, "dict 'things'"));
    assert_int_equal(pbase_dict_put(&dict, &key, &map, NULL, NULL), PBASE_INVALID);
    assert_int_equal(collection_log(collection_of_dict(dict))->count, 0);
    assert_int_equal(collection_tree(collection_of_dict(dict))->root, ATOM_REF_NONE);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void edits_without_memory_leave_handle_and_log_as_they_were(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    fault_alloc fa;
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    pbase_dict *dict = open_dict(&f);
    for (int i = 0; i < 300; i++) {
        pbase_value key = pbase_value_int(i * 31 % 300);
        pbase_status status = PBASE_NO_MEMORY;
        for (uint64_t n = 1; status != PBASE_OK; n++) {
            fault_alloc_fail_at(&fa, n);
            status = pbase_dict_put(&dict, &key, &key, NULL, NULL);
            fault_alloc_fail_at(&fa, 0);
            assert_int_equal(collection_log(collection_of_dict(dict))->count,
                             status == PBASE_OK ? i + 1 : i);
        }
    }
    assert_log_replays(&f, collection_of_dict(dict));
    pbase_dict_close(dict);
    fixture_fini(&f);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void reads_are_told_as_exactly_as_conflicts_need(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value out, a = pbase_value_text("a"), b = pbase_value_text("b");
    pbase_range range = {.struct_size = sizeof range, .from = &a, .to = &b, .to_exclusive = true};
    uint64_t count = 0;
    bool flag = false;
    fixture_init(&f, pbase_alloc_default(), true);
    pbase_dict *dict = open_dict(&f);
    put(&dict, a, a);
    assert_reads(&f, ""); /* a blind write reads nothing */
    assert_int_equal(pbase_dict_put(&dict, &a, &b, &flag, NULL), PBASE_OK);
    assert_reads(&f, "key 'a'; ");
    assert_int_equal(pbase_dict_get(dict, &b, &f.arena, &out, NULL), PBASE_NOT_FOUND);
    assert_reads(&f, "key 'b'; ");
    assert_int_equal(pbase_dict_count(dict, &count, NULL), PBASE_OK);
    assert_reads(&f, "whole; ");
    assert_int_equal(pbase_dict_count_range(dict, &range, &count, NULL), PBASE_OK);
    assert_int_equal(count, 1);
    assert_reads(&f, "range 'a': before 'b';");
    assert_int_equal(pbase_dict_remove(&dict, &b, NULL, NULL), PBASE_OK);
    assert_reads(&f, "key 'b'; ");
    f.reads.fail_next = true;
    assert_int_equal(pbase_dict_has(dict, &a, &flag, NULL), PBASE_LIMIT);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void *edit_thousand(void *argument)
{
    pbase_dict **dict = argument;
    for (int i = 0; i < 1000; i++) {
        pbase_value key = pbase_value_int(i * 7 % 1500);
        assert_int_equal(pbase_dict_put(dict, &key, &key, NULL, NULL), PBASE_OK);
    }
    return NULL;
}

static void kept_versions_are_edited_by_threads_of_their_own(void **state)
{
    (void)state; /* no fixture */
    enum { THREADS = 3 };
    fixture f;
    pbase_dict *kept[THREADS];
    pthread_t threads[THREADS];
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = open_dict(&f);
    for (int i = 0; i < 2000; i++) {
        put(&dict, pbase_value_int(i), pbase_value_text("before"));
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pbase_dict_keep(dict, &kept[i], NULL), PBASE_OK);
        assert_int_equal(pthread_create(&threads[i], NULL, edit_thousand, &kept[i]), 0);
    }
    (void)edit_thousand(&dict); /* has no result */
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_holds(&f, kept[i], pbase_value_int(7), pbase_value_int(7));
        assert_log_replays(&f, collection_of_dict(kept[i]));
        pbase_dict_close(kept[i]);
    }
    assert_log_replays(&f, collection_of_dict(dict));
    pbase_dict_close(dict);
    fixture_fini(&f);
}

/* ---------------------------------------------------------------------------- against a model -- */

typedef struct {
    pbase_value key;
    int64_t value;
} pair;
typedef struct {
    pair *pairs; /* ascending */
    size_t count;
} pairs;

static size_t pairs_find(const pairs *self, const pbase_value *key, bool *found)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pbase_value_compare(&self->pairs[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *found = low < self->count && pbase_value_compare(&self->pairs[low].key, key) == 0;
    return low;
}

static void assert_pairs(const pbase_dict *dict, const pairs *expected, bool reverse)
{
    pbase_cursor *cursor;
    pbase_range range = {.struct_size = sizeof range, .reverse = reverse};
    assert_int_equal(pbase_dict_cursor(dict, &range, &cursor, NULL), PBASE_OK);
    for (size_t i = 0; i < expected->count; i++) {
        const pair *want = &expected->pairs[reverse ? expected->count - 1 - i : i];
        pbase_value key, value;
        assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
        assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
        assert_true(pbase_value_identical(&key, &want->key));
        assert_int_equal(pbase_cursor_value(cursor, &value, NULL), PBASE_OK);
        assert_int_equal(value.as.integer, want->value);
    }
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    pbase_cursor_close(cursor);
}

/* Keys of every kind; few enough that they meet again. */
static pbase_value random_key(seed_random *random, pbase_value *items, pbase_arena *arena)
{
    switch (seed_below(random, 6)) {
    case 0:
        return random_scalar(random, 6, arena);
    case 1:
        items[0] = pbase_value_int((int64_t)seed_below(random, 9));
        items[1] = random_scalar(random, 2, arena);
        return pbase_value_list(items, (size_t)seed_below(random, 3));
    case 2:
        return pbase_value_float(0.5 * (int)(seed_below(random, 2000) & 0xffff));
    default:
        return pbase_value_int((int64_t)seed_below(random, 2000));
    }
}

static void random_operations_agree_with_a_sorted_array(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    seed_random random;
    fixture_init(&f, pbase_alloc_default(), false);
    seed_random_init(&random, seed_for("dict"));
    pbase_dict *dict = open_dict(&f), *kept = NULL;
    pairs model = {malloc(20000 * sizeof *model.pairs), 0};
    pairs kept_model = {malloc(20000 * sizeof *model.pairs), 0};
    for (int i = 0; i < 100000; i++) {
        pbase_value *items = pbase_arena_array(&f.arena, 2, sizeof *items);
        pbase_value key = random_key(&random, items, &f.arena);
        bool found = false, flag = false;
        size_t at = pairs_find(&model, &key, &found);
        if (seed_below(&random, 3) != 0 && model.count < 19000) {
            pbase_value value = pbase_value_int(i);
            assert_int_equal(pbase_dict_put(&dict, &key, &value, &flag, NULL), PBASE_OK);
            if (!found) {
                memmove(model.pairs + at + 1, model.pairs + at,
                        (model.count++ - at) * sizeof *model.pairs);
                model.pairs[at].key = key;
            }
            model.pairs[at].value = i;
        } else {
            assert_int_equal(pbase_dict_remove(&dict, &key, &flag, NULL), PBASE_OK);
            if (found) {
                memmove(model.pairs + at, model.pairs + at + 1,
                        (--model.count - at) * sizeof *model.pairs);
            }
        }
        assert_int_equal(flag, found);
        if (i % 10000 == 0) {
            if (kept != NULL) {
                assert_pairs(kept, &kept_model, false);
            }
            pbase_dict_close(kept);
            assert_int_equal(pbase_dict_keep(dict, &kept, NULL), PBASE_OK);
            memcpy(kept_model.pairs, model.pairs, model.count * sizeof *model.pairs);
            kept_model.count = model.count;
            assert_pairs(dict, &model, true);
        }
    }
    assert_pairs(dict, &model, false);
    assert_pairs(kept, &kept_model, true);
    assert_log_replays(&f, collection_of_dict(dict));
    pbase_dict_close(kept);
    pbase_dict_close(dict);
    free(model.pairs);
    free(kept_model.pairs);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_got),
        cmocka_unit_test(a_missing_key_is_not_found_by_name),
        cmocka_unit_test(equal_keys_are_one_key_in_its_first_spelling),
        cmocka_unit_test(removing_tells_whether_the_key_was_there),
        cmocka_unit_test(bytes_are_lent_without_a_copy),
        cmocka_unit_test(a_stored_value_stays_pinned_until_the_reader_is_done),
        cmocka_unit_test(a_kept_version_does_not_change),
        cmocka_unit_test(a_read_only_dictionary_refuses_edits),
        cmocka_unit_test(what_cannot_be_a_key_or_value_changes_nothing),
        cmocka_unit_test(edits_without_memory_leave_handle_and_log_as_they_were),
        cmocka_unit_test(reads_are_told_as_exactly_as_conflicts_need),
        cmocka_unit_test(kept_versions_are_edited_by_threads_of_their_own),
        cmocka_unit_test(random_operations_agree_with_a_sorted_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
