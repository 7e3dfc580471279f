/* test_change.c - operations as bytes, what they do, what they touch, and logs that are shared. */
#include "collection/change.h"
#include "collection/key_element.h"
#include "fault_alloc.h"
#include "random_value.h"
#include "tree_fixture.h"
#include <protobase/collection.h>

static const uint8_t key_bytes[] = {5, 'a'}; /* "a" */

/* A key of the shape that the operation's kind has: "a", or the pair of null and "a". */
static pbase_bytes bytes_of_key(uint8_t op)
{
    static const uint8_t pair[] = {1, 5, 'a', 0};
    static const uint8_t element[] = {5, 'a', 0};
    static uint8_t hashed[KEY_HASH_BYTES + sizeof element];
    if (op == CHANGE_MULTI_ADD || op == CHANGE_MULTI_TAKE) {
        return pbase_bytes_of(pair, sizeof pair);
    }
    if (op != CHANGE_HASH_PUT && op != CHANGE_HASH_REMOVE) {
        return pbase_bytes_of(key_bytes, sizeof key_bytes);
    }
    key_scratch scratch;
    encoded_key key;
    pbase_value text = pbase_value_text("a");
    key_scratch_init(&scratch, pbase_alloc_default());
    assert_int_equal(key_encode_hashed(&text, &scratch, &key, NULL), PBASE_OK);
    assert_int_equal(key.bytes.size, sizeof hashed);
    memcpy(hashed, key.bytes.data, sizeof hashed);
    key_scratch_fini(&scratch);
    return pbase_bytes_of(hashed, sizeof hashed);
}

static change change_of(uint8_t op)
{
    change operation = {.op = op,
                        .key = {bytes_of_key(op), {NULL, 0}},
                        .index = 300,
                        .count = 7,
                        .value = pbase_bytes_text("value")};
    return operation;
}

static void every_operation_comes_back_from_its_bytes(void **state)
{
    (void)state; /* no fixture */
    pbase_buffer bytes;
    pbase_buffer_init(&bytes, pbase_alloc_default());
    for (uint8_t op = CHANGE_PUT; op <= CHANGE_LIST_REMOVE_RANGE; op++) {
        change operation = change_of(op);
        assert_int_equal(change_write(&operation, &bytes, NULL), PBASE_OK);
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&bytes));
    for (uint8_t op = CHANGE_PUT; op <= CHANGE_LIST_REMOVE_RANGE; op++) {
        change back;
        assert_int_equal(change_read(&reader, &back, NULL), PBASE_OK);
        assert_int_equal(back.op, op);
        if (op == CHANGE_PUT) {
            assert_true(pbase_bytes_equal(back.key.bytes, change_of(op).key.bytes));
            assert_true(pbase_bytes_equal(back.value, pbase_bytes_text("value")));
        }
        if (op == CHANGE_LIST_INSERT) {
            assert_int_equal(back.index, 300);
        }
        if (op == CHANGE_COUNT_ADD || op == CHANGE_COUNT_TAKE) {
            assert_int_equal(back.count, 7);
        }
    }
    change none;
    assert_int_equal(change_read(&reader, &none, NULL), PBASE_END);
    pbase_buffer_fini(&bytes);
}

/* Sizes of values around those that are told in one byte. */
static void an_operation_read_again_is_the_same(void **state)
{
    (void)state; /* no fixture */
    static const uint8_t value[300] = {7, 9};
    static const size_t sizes[] = {0, 1, 126, 127, 128, 129, 300};
    for (uint8_t op = CHANGE_PUT; op <= CHANGE_LIST_REMOVE_RANGE; op++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            pbase_buffer bytes;
            pbase_buffer_init(&bytes, pbase_alloc_default());
            change operation = change_of(op), first, again;
            operation.value = pbase_bytes_of(value, sizes[i]);
            assert_int_equal(change_write(&operation, &bytes, NULL), PBASE_OK);
            pbase_reader_bytes a = pbase_reader_bytes_of(pbase_buffer_view(&bytes)), b = a;
            assert_int_equal(change_read(&a, &first, NULL), PBASE_OK);
            assert_int_equal(change_read_again(&b, &again, NULL), PBASE_OK);
            assert_ptr_equal(a.at, b.at);
            assert_int_equal(first.op, again.op);
            assert_true(pbase_bytes_equal(first.key.bytes, again.key.bytes));
            assert_true(pbase_bytes_equal(first.key.spelling, again.key.spelling));
            assert_true(pbase_bytes_equal(first.value, again.value));
            assert_true(first.index == again.index && first.count == again.count);
            for (size_t cut = 1; cut < bytes.size; cut++) { /* no byte behind the end is read */
                b = pbase_reader_bytes_of(pbase_bytes_of(bytes.data, bytes.size - cut));
                assert_int_equal(change_read_again(&b, &again, NULL), PBASE_CORRUPT);
            }
            pbase_buffer_fini(&bytes);
        }
    }
}

static void damaged_operations_are_corrupt(void **state)
{
    (void)state; /* no fixture */
    seed_random random;
    seed_random_init(&random, seed_for("change"));
    for (int i = 0; i < 20000; i++) {
        pbase_buffer bytes;
        pbase_buffer_init(&bytes, pbase_alloc_default());
        change operation = change_of((uint8_t)(1 + seed_below(&random, CHANGE_LIST_REMOVE_RANGE)));
        assert_int_equal(change_write(&operation, &bytes, NULL), PBASE_OK);
        bytes.data[seed_below(&random, bytes.size)] = (uint8_t)seed_next(&random);
        bytes.size -= seed_below(&random, 3);
        pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&bytes));
        pbase_status status = PBASE_OK;
        while (status == PBASE_OK) {
            change back;
            status = change_read(&reader, &back, NULL);
        }
        assert_true(status == PBASE_END || status == PBASE_CORRUPT);
        pbase_buffer_fini(&bytes);
    }
}

static void an_operation_of_another_kind_is_corrupt(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    heap_source_init(&store, pbase_alloc_default());
    tree t = tree_of(&store.source, ATOM_REF_NONE, false);
    change append = change_of(CHANGE_LIST_APPEND), put = change_of(CHANGE_PUT);
    assert_int_equal(change_apply(&append, PBASE_COLLECTION_DICT, &t, NULL), PBASE_CORRUPT);
    assert_int_equal(change_apply(&put, PBASE_COLLECTION_SET, &t, NULL), PBASE_CORRUPT);
    tree list = tree_of(&store.source, ATOM_REF_NONE, true);
    change set = change_of(CHANGE_LIST_SET);
    assert_int_equal(change_apply(&set, PBASE_COLLECTION_LIST, &list, NULL), PBASE_CORRUPT);
    change take = change_of(CHANGE_COUNT_TAKE); /* more than is there */
    assert_int_equal(change_apply(&take, PBASE_COLLECTION_COUNTED_SET, &t, NULL), PBASE_CORRUPT);
    heap_source_fini(&store);
}

static void operations_applied_in_order_give_the_content(void **state)
{
    (void)state; /* no fixture */
    heap_source store;
    pbase_buffer bytes;
    heap_source_init(&store, pbase_alloc_default());
    pbase_buffer_init(&bytes, pbase_alloc_default());
    tree list = tree_of(&store.source, ATOM_REF_NONE, true);
    static const struct {
        uint8_t op;
        uint64_t index;
        const char *value;
    } steps[] = {{CHANGE_LIST_APPEND, 0, "b"}, {CHANGE_LIST_INSERT, 0, "a"},
                 {CHANGE_LIST_APPEND, 0, "x"}, {CHANGE_LIST_SET, 2, "c"},
                 {CHANGE_LIST_INSERT, 1, "-"}, {CHANGE_LIST_REMOVE, 1, ""}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        change step = {
            .op = steps[i].op, .index = steps[i].index, .value = pbase_bytes_text(steps[i].value)};
        assert_int_equal(change_write(&step, &bytes, NULL), PBASE_OK);
    }
    pbase_status status =
        change_apply_all(pbase_buffer_view(&bytes), PBASE_COLLECTION_LIST, &list, NULL);
    assert_int_equal(status, PBASE_OK);
    assert_int_equal(count_of(&list), 3);
    for (uint64_t i = 0; i < 3; i++) {
        tree_item item;
        bool found = false;
        assert_int_equal(tree_at(&list, i, &item, &found, NULL), PBASE_OK);
        assert_true(found);
        assert_int_equal(item.value.bytes.data[0], "abc"[i]);
        tree_item_release(&store.source, &item);
    }
    pbase_buffer_fini(&bytes);
    tree_fini(&list);
    heap_source_fini(&store);
}

/* ------------------------------------------------------------------------------- merging ------ */

static bool merges(const change *a, const change *b, uint64_t base_count)
{
    change_touch ta, tb;
    change_touches(a, base_count, &ta);
    change_touches(b, base_count, &tb);
    assert_int_equal(change_merges(&ta, &tb), change_merges(&tb, &ta));
    return change_merges(&ta, &tb);
}

static void keys_conflict_with_themselves_only(void **state)
{
    (void)state; /* no fixture */
    change put = change_of(CHANGE_PUT), remove = change_of(CHANGE_REMOVE);
    change other = change_of(CHANGE_PUT), add = change_of(CHANGE_SET_ADD);
    change drop = change_of(CHANGE_SET_REMOVE);
    other.key.bytes.size = 1; /* the empty string */
    assert_false(merges(&put, &put, 0));
    assert_false(merges(&put, &remove, 0));
    assert_true(merges(&put, &other, 0));
    assert_true(merges(&add, &add, 0));
    assert_false(merges(&add, &drop, 0));
    assert_false(merges(&drop, &drop, 0));
    change more = change_of(CHANGE_COUNT_ADD), less = change_of(CHANGE_COUNT_TAKE);
    assert_true(merges(&more, &more, 0));
    assert_false(merges(&more, &less, 0));
    assert_false(merges(&less, &less, 0));
    change record = change_of(CHANGE_MULTI_ADD), gone = change_of(CHANGE_MULTI_TAKE);
    assert_true(merges(&record, &record, 0));
    assert_false(merges(&record, &gone, 0));
    change hashed = change_of(CHANGE_HASH_PUT), unhashed = change_of(CHANGE_HASH_REMOVE);
    assert_false(merges(&hashed, &unhashed, 0));
}

static void lists_merge_appends_and_different_elements(void **state)
{
    (void)state; /* no fixture */
    change append = change_of(CHANGE_LIST_APPEND), insert = change_of(CHANGE_LIST_INSERT);
    change set = change_of(CHANGE_LIST_SET), other = change_of(CHANGE_LIST_SET);
    change remove = change_of(CHANGE_LIST_REMOVE);
    other.index = 301;
    assert_true(merges(&append, &append, 1000));
    assert_true(merges(&append, &set, 1000));
    assert_true(merges(&set, &other, 1000));
    assert_false(merges(&set, &set, 1000));
    assert_false(merges(&insert, &append, 1000));
    assert_false(merges(&insert, &other, 1000));
    assert_false(merges(&remove, &append, 1000));
    assert_false(merges(&append, &set, 300)); /* an element that the same log appended */
}

/* --------------------------------------------------------------------------------- logs ------- */

static void append_number(change_log *log, uint64_t number)
{
    change operation = {.op = CHANGE_LIST_REMOVE, .index = number};
    assert_int_equal(change_log_reserve(log, &operation, NULL), PBASE_OK);
    change_log_append(log, &operation);
}

static void assert_log(const change_log *log, const uint64_t *numbers, size_t count)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(change_log_view(log));
    assert_int_equal(log->count, count);
    for (size_t i = 0; i < count; i++) {
        change operation;
        assert_int_equal(change_read(&reader, &operation, NULL), PBASE_OK);
        assert_int_equal(operation.index, numbers[i]);
    }
    assert_int_equal(pbase_reader_bytes_left(&reader), 0);
}

static void kept_logs_go_their_own_ways(void **state)
{
    (void)state; /* no fixture */
    change_log first, second, third;
    change_log_init(&first, pbase_alloc_default());
    append_number(&first, 1);
    append_number(&first, 2);
    change_log_keep(&first, &second);
    append_number(&first, 3); /* in place: it stands at the end */
    assert_ptr_equal(first.run, second.run);
    append_number(&second, 4); /* in a copy */
    assert_ptr_not_equal(first.run, second.run);
    change_log_keep(&first, &third);
    change_log_fini(&first);
    append_number(&third, 5);
    assert_log(&second, (const uint64_t[]){1, 2, 4}, 3);
    assert_log(&third, (const uint64_t[]){1, 2, 3, 5}, 4);
    change_log_fini(&second);
    change_log_fini(&third);
}

static void random_logs_agree_with_arrays(void **state)
{
    (void)state; /* no fixture */
    enum { LOGS = 6, LENGTH = 4000 };
    static uint64_t arrays[LOGS][LENGTH];
    size_t counts[LOGS] = {0};
    change_log logs[LOGS];
    seed_random random;
    seed_random_init(&random, seed_for("change log"));
    for (size_t i = 0; i < LOGS; i++) {
        change_log_init(&logs[i], pbase_alloc_default());
    }
    for (int i = 0; i < 20000; i++) {
        size_t a = seed_below(&random, LOGS), b = seed_below(&random, LOGS);
        if (seed_below(&random, 100) == 0 && a != b) {
            change_log_fini(&logs[b]);
            change_log_keep(&logs[a], &logs[b]);
            memcpy(arrays[b], arrays[a], sizeof arrays[a]);
            counts[b] = counts[a];
        } else if (seed_below(&random, 50) == 0) { /* reserved, but then the edit failed */
            change operation = {.op = CHANGE_LIST_REMOVE, .index = UINT64_MAX};
            assert_int_equal(change_log_reserve(&logs[a], &operation, NULL), PBASE_OK);
        } else if (counts[a] < LENGTH) {
            arrays[a][counts[a]] = seed_below(&random, 1000);
            append_number(&logs[a], arrays[a][counts[a]++]);
        }
    }
    for (size_t i = 0; i < LOGS; i++) {
        assert_log(&logs[i], arrays[i], counts[i]);
        change_log_fini(&logs[i]);
    }
}

static void a_log_without_memory_stays_as_it_was(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    change_log log, kept;
    fault_alloc_init(&fa);
    change_log_init(&log, &fa.alloc);
    change operation = {.op = CHANGE_LIST_REMOVE, .index = 7};
    fault_alloc_fail_at(&fa, 1);
    assert_int_equal(change_log_reserve(&log, &operation, NULL), PBASE_NO_MEMORY);
    append_number(&log, 7);
    change_log_keep(&log, &kept);
    append_number(&log, 8);
    fault_alloc_fail_at(&fa, 1);
    assert_int_equal(change_log_reserve(&kept, &operation, NULL), PBASE_NO_MEMORY);
    assert_log(&kept, (const uint64_t[]){7}, 1);
    change_log_fini(&kept);
    change_log_fini(&log);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_comes_back_from_its_bytes),
        cmocka_unit_test(an_operation_read_again_is_the_same),
        cmocka_unit_test(damaged_operations_are_corrupt),
        cmocka_unit_test(an_operation_of_another_kind_is_corrupt),
        cmocka_unit_test(operations_applied_in_order_give_the_content),
        cmocka_unit_test(keys_conflict_with_themselves_only),
        cmocka_unit_test(lists_merge_appends_and_different_elements),
        cmocka_unit_test(kept_logs_go_their_own_ways),
        cmocka_unit_test(random_logs_agree_with_arrays),
        cmocka_unit_test(a_log_without_memory_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
