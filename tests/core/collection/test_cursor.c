/* test_cursor.c - ranges, directions and seeks, and what the observer hears of them. */
#include "fault_alloc.h"
#include "handle_fixture.h"
#include "seed.h"

/* The even numbers below 20. */
static pbase_dict *evens(fixture *f)
{
    pbase_dict *dict = collection_dict(open_on(f, PBASE_COLLECTION_DICT, ATOM_REF_NONE));
    for (int i = 0; i < 20; i += 2) {
        pbase_value key = pbase_value_int(i);
        assert_int_equal(pbase_dict_put(&dict, &key, &key, NULL, NULL), PBASE_OK);
    }
    return dict;
}

/* What is left in a cursor: "4 6 8 ". */
static void assert_rest(pbase_cursor *cursor, const char *expected)
{
    char text[256] = "";
    pbase_value key;
    pbase_status status;
    while ((status = pbase_cursor_next(cursor, NULL)) == PBASE_OK) {
        assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "%" PRId64 " ", key.as.integer);
    }
    assert_int_equal(status, PBASE_END);
    assert_string_equal(text, expected);
}

static void ranges_hold_their_bounds_in_both_directions(void **state)
{
    (void)state; /* no fixture */
    static const struct {
        int from, to; /* below 0: no bound */
        bool from_exclusive, to_exclusive;
        const char *up, *down;
    } cases[] = {
        {4, 8, false, false, "4 6 8 ", "8 6 4 "},
        {4, 8, true, false, "6 8 ", "8 6 "},
        {4, 8, false, true, "4 6 ", "6 4 "},
        {4, 8, true, true, "6 ", "6 "},
        {3, 9, false, false, "4 6 8 ", "8 6 4 "},
        {3, 9, true, true, "4 6 8 ", "8 6 4 "},
        {14, -1, false, false, "14 16 18 ", "18 16 14 "},
        {-1, 5, false, false, "0 2 4 ", "4 2 0 "},
        {8, 4, false, false, "", ""},
        {5, 5, false, false, "", ""},
        {6, 6, false, false, "6 ", "6 "},
        {6, 6, true, false, "", ""},
        {90, -1, false, false, "", ""},
    };
    fixture f;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = evens(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pbase_value from = pbase_value_int(cases[i].from), to = pbase_value_int(cases[i].to);
        for (int reverse = 0; reverse < 2; reverse++) {
            pbase_cursor *cursor;
            uint64_t count = 0;
            const char *expected = reverse != 0 ? cases[i].down : cases[i].up;
            pbase_range range = {.struct_size = sizeof range,
                                 .from_exclusive = cases[i].from_exclusive,
                                 .to_exclusive = cases[i].to_exclusive,
                                 .reverse = reverse != 0,
                                 .from = cases[i].from < 0 ? NULL : &from,
                                 .to = cases[i].to < 0 ? NULL : &to};
            assert_int_equal(pbase_dict_cursor(dict, &range, &cursor, NULL), PBASE_OK);
            assert_rest(cursor, expected);
            pbase_cursor_close(cursor);
            assert_int_equal(pbase_dict_count_range(dict, &range, &count, NULL), PBASE_OK);
            uint64_t spaces = 0;
            for (const char *c = expected; *c != '\0'; c++) {
                spaces += *c == ' ';
            }
            assert_int_equal(count, spaces);
        }
    }
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void a_seek_stays_within_the_range(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_cursor *cursor;
    pbase_value from = pbase_value_int(4), to = pbase_value_int(12);
    pbase_value seven = pbase_value_int(7), zero = pbase_value_int(0), far = pbase_value_int(50);
    pbase_range range = {
        .struct_size = sizeof range, .from = &from, .to = &to, .from_exclusive = true};
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = evens(&f);
    assert_int_equal(pbase_dict_cursor(dict, &range, &cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_seek(cursor, &seven, NULL), PBASE_OK);
    assert_rest(cursor, "8 10 12 ");
    assert_int_equal(pbase_cursor_seek(cursor, &zero, NULL), PBASE_OK);
    assert_rest(cursor, "6 8 10 12 ");
    assert_int_equal(pbase_cursor_seek(cursor, &far, NULL), PBASE_OK);
    assert_rest(cursor, "");
    pbase_cursor_close(cursor);
    range.reverse = true;
    assert_int_equal(pbase_dict_cursor(dict, &range, &cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_seek(cursor, &seven, NULL), PBASE_OK);
    assert_rest(cursor, "6 ");
    assert_int_equal(pbase_cursor_seek(cursor, &far, NULL), PBASE_OK);
    assert_rest(cursor, "12 10 8 6 ");
    pbase_cursor_close(cursor);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void the_observer_hears_exactly_what_was_passed(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_cursor *cursor;
    pbase_value from = pbase_value_int(3), to = pbase_value_int(8), seek = pbase_value_int(7);
    pbase_range range = {
        .struct_size = sizeof range, .from = &from, .to = &to, .to_exclusive = true};
    fixture_init(&f, pbase_alloc_default(), true);
    pbase_dict *dict = evens(&f);
    assert_int_equal(pbase_dict_cursor(dict, &range, &cursor, NULL), PBASE_OK);
    assert_reads(&f, ""); /* opening reads nothing */
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
    assert_reads(&f, "range 3: 4;");
    assert_rest(cursor, "6 ");
    assert_reads(&f, " 6; before 8;");
    assert_int_equal(pbase_cursor_seek(cursor, &seek, NULL), PBASE_OK);
    assert_rest(cursor, "");
    assert_reads(&f, "range 7: before 8;");
    pbase_cursor_close(cursor);
    range.reverse = true;
    range.from = NULL;
    assert_int_equal(pbase_dict_cursor(dict, &range, &cursor, NULL), PBASE_OK);
    assert_rest(cursor, "6 4 2 0 ");
    assert_reads(&f, "range down past 8: 6; 4; 2; 0; edge;");
    pbase_cursor_close(cursor);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void a_refused_report_skips_no_entry(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_cursor *cursor;
    pbase_value key;
    fixture_init(&f, pbase_alloc_default(), true);
    pbase_dict *dict = evens(&f);
    assert_int_equal(pbase_dict_cursor(dict, NULL, &cursor, NULL), PBASE_OK);
    for (int i = 0; i < 20; i += 2) {
        f.reads.fail_next = true;
        assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_LIMIT);
        assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
        assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
        assert_int_equal(key.as.integer, i);
    }
    f.reads.fail_next = true;
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_LIMIT);
    assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_INVALID);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    pbase_cursor_close(cursor);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void a_failed_read_skips_no_entry(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_cursor *cursor;
    pbase_value key;
    atom_ref stored;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = collection_dict(open_on(&f, PBASE_COLLECTION_DICT, ATOM_REF_NONE));
    for (int i = 0; i < 2000; i++) {
        pbase_value number = pbase_value_int(i);
        assert_int_equal(pbase_dict_put(&dict, &number, &number, NULL, NULL), PBASE_OK);
    }
    const tree *t = collection_tree(collection_of_dict(dict));
    assert_int_equal(tree_settle(&f.store.source, t->root, &stored, NULL), PBASE_OK);
    pbase_dict_close(dict);
    dict = collection_dict(open_on(&f, PBASE_COLLECTION_DICT, stored));
    assert_int_equal(pbase_dict_cursor(dict, NULL, &cursor, NULL), PBASE_OK);
    for (int i = 0; i < 2000; i++) {
        f.store.fail_acquire = 1; /* of this step, if it reads at all */
        pbase_status status = pbase_cursor_next(cursor, NULL);
        f.store.fail_acquire = 0;
        if (status != PBASE_OK) {
            assert_int_equal(status, PBASE_IO);
            assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
        }
        assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
        assert_int_equal(key.as.integer, i);
    }
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    pbase_cursor_close(cursor);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void opening_without_memory_leaks_nothing(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    fault_alloc fa;
    pbase_cursor *cursor = NULL;
    pbase_value from = pbase_value_int(3), to = pbase_value_int(8);
    pbase_range range = {.struct_size = sizeof range, .from = &from, .to = &to};
    pbase_status status = PBASE_NO_MEMORY;
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    pbase_dict *dict = evens(&f);
    uint64_t before = fault_alloc_live_bytes(&fa);
    for (uint64_t n = 1; status != PBASE_OK; n++) {
        fault_alloc_fail_at(&fa, n);
        status = pbase_dict_cursor(dict, &range, &cursor, NULL);
        fault_alloc_fail_at(&fa, 0);
        assert_true(status == PBASE_OK || fault_alloc_live_bytes(&fa) == before);
    }
    assert_rest(cursor, "4 6 8 ");
    pbase_cursor_close(cursor);
    pbase_dict_close(dict);
    fixture_fini(&f);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void values_are_lent_decoded_raw_and_extracted(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_cursor *cursor;
    pbase_value key = pbase_value_text("k"), value, extracted;
    pbase_bytes bytes, stored;
    pbase_path path = {NULL, 0};
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = collection_dict(open_on(&f, PBASE_COLLECTION_DICT, ATOM_REF_NONE));
    assert_int_equal(pbase_dict_put_bytes(&dict, &key, pbase_bytes_text("abc"), NULL, NULL),
                     PBASE_OK);
    assert_int_equal(pbase_dict_cursor(dict, NULL, &cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
    assert_int_equal(pbase_cursor_value(cursor, &value, NULL), PBASE_OK);
    assert_true(pbase_bytes_equal(value.as.string, pbase_bytes_text("abc")));
    assert_int_equal(pbase_cursor_bytes(cursor, &bytes, NULL), PBASE_OK);
    assert_true(pbase_bytes_equal(bytes, pbase_bytes_text("abc")));
    assert_int_equal(cursor_stored(cursor, &stored, NULL), PBASE_OK);
    assert_true(pbase_bytes_equal(stored, pbase_bytes_text("Rabc")));
    assert_int_equal(pbase_cursor_extract(cursor, &path, 1, &extracted, NULL), PBASE_OK);
    assert_true(pbase_value_identical(&extracted, &value));
    pbase_cursor_close(cursor);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

#define MANY 3000 /* entries: over many leaves, some with values in atoms of their own */

static int64_t even_below(int64_t number)
{
    return number % 2 == 0 ? number : number - 1;
}

/* The even numbers below 2 * MANY, each with itself behind some bytes as its value. */
static pbase_dict *many_evens(fixture *f)
{
    static uint8_t padded[1000];
    pbase_dict *dict = collection_dict(open_on(f, PBASE_COLLECTION_DICT, ATOM_REF_NONE));
    for (int64_t i = 0; i < MANY; i++) {
        pbase_value key = pbase_value_int(i * 2);
        size_t size = i % 50 == 7 ? sizeof padded : 8 + (size_t)(i % 90);
        memcpy(padded, &key.as.integer, 8);
        assert_int_equal(
            pbase_dict_put_bytes(&dict, &key, pbase_bytes_of(padded, size), NULL, NULL), PBASE_OK);
    }
    return dict;
}

static void assert_stands_on(pbase_cursor *cursor, int64_t number)
{
    pbase_value key;
    pbase_bytes bytes;
    assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
    assert_int_equal(key.as.integer, number);
    assert_int_equal(pbase_cursor_bytes(cursor, &bytes, NULL), PBASE_OK);
    assert_memory_equal(bytes.data, &number, 8);
}

/* Goes through the numbers from..to or back, now and then from another place in the range on. */
static void assert_goes_through(pbase_dict *dict, seed_random *random, const pbase_range *range,
                                int64_t low, int64_t high)
{
    pbase_cursor *cursor;
    int64_t next = range->reverse ? high : low;
    assert_int_equal(pbase_dict_cursor(dict, range, &cursor, NULL), PBASE_OK);
    while (next >= low && next <= high) {
        if (seed_below(random, 200) == 0) {
            int64_t span = (high - low) / 2 + 1;
            next = low + 2 * (int64_t)seed_below(random, (uint64_t)span);
            pbase_value to = pbase_value_int(next);
            assert_int_equal(pbase_cursor_seek(cursor, &to, NULL), PBASE_OK);
        }
        assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
        assert_stands_on(cursor, next);
        next += range->reverse ? -2 : 2;
    }
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    pbase_cursor_close(cursor);
}

static void ranges_over_many_leaves_end_where_they_should(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    seed_random random;
    seed_random_init(&random, seed_for("test_cursor"));
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = many_evens(&f);
    for (unsigned i = 0; i < 200; i++) {
        pbase_value from = pbase_value_int((int64_t)seed_below(&random, 2 * MANY));
        pbase_value to = pbase_value_int((int64_t)seed_below(&random, 2 * MANY));
        pbase_range range = {.struct_size = sizeof range,
                             .from_exclusive = seed_below(&random, 2) != 0,
                             .to_exclusive = seed_below(&random, 2) != 0,
                             .reverse = seed_below(&random, 2) != 0,
                             .from = seed_below(&random, 4) == 0 ? NULL : &from,
                             .to = seed_below(&random, 4) == 0 ? NULL : &to};
        int64_t low = range.from == NULL ? 0 : even_below(from.as.integer + 1);
        int64_t high = range.to == NULL ? 2 * MANY - 2 : even_below(to.as.integer);
        low += range.from != NULL && range.from_exclusive && low == from.as.integer ? 2 : 0;
        high -= range.to != NULL && range.to_exclusive && high == to.as.integer ? 2 : 0;
        assert_goes_through(dict, &random, &range, low, high);
    }
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void slices_over_many_leaves_end_where_they_should(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    seed_random random;
    seed_random_init(&random, seed_for("test_cursor"));
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = collection_list(open_on(&f, PBASE_COLLECTION_LIST, ATOM_REF_NONE));
    for (int64_t i = 0; i < MANY; i++) {
        pbase_value value = pbase_value_int(i);
        assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
    }
    for (unsigned i = 0; i < 200; i++) {
        int64_t from = (int64_t)seed_below(&random, MANY), to = (int64_t)seed_below(&random, MANY);
        pbase_slice slice = {.struct_size = sizeof slice,
                             .from = from,
                             .to = to,
                             .reverse = seed_below(&random, 2) != 0};
        pbase_cursor *cursor;
        assert_int_equal(pbase_list_cursor(list, &slice, &cursor, NULL), PBASE_OK);
        int64_t count = to > from ? to - from : 0;
        for (int64_t at = 0; at < count; at++) {
            pbase_value index, value;
            assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
            assert_int_equal(pbase_cursor_key(cursor, &index, NULL), PBASE_OK);
            assert_int_equal(pbase_cursor_value(cursor, &value, NULL), PBASE_OK);
            assert_int_equal(index.as.integer, slice.reverse ? to - 1 - at : from + at);
            assert_int_equal(value.as.integer, index.as.integer);
        }
        assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
        pbase_cursor_close(cursor);
    }
    pbase_list_close(list);
    fixture_fini(&f);
}

static void a_key_that_is_long_is_a_bound_like_any_other(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = collection_dict(open_on(&f, PBASE_COLLECTION_DICT, ATOM_REF_NONE));
    char names[9][400];
    pbase_value keys[9];
    for (size_t i = 0; i < 9; i++) {
        memset(names[i], 'n', sizeof names[i]);
        names[i][sizeof names[i] - 1] = (char)('0' + i);
        keys[i] = pbase_value_string(pbase_bytes_of(names[i], sizeof names[i]));
        assert_int_equal(pbase_dict_put(&dict, &keys[i], &keys[i], NULL, NULL), PBASE_OK);
    }
    pbase_range range = {.struct_size = sizeof range, .from = &keys[2], .to = &keys[6]};
    pbase_cursor *cursor;
    assert_int_equal(pbase_dict_cursor(dict, &range, &cursor, NULL), PBASE_OK);
    for (size_t i = 2; i < 12; i++) {
        pbase_value key;
        if (i == 5) { /* before the range: back to its beginning */
            assert_int_equal(pbase_cursor_seek(cursor, &keys[0], NULL), PBASE_OK);
        }
        size_t expected = i < 5 ? i : i - 3;
        assert_int_equal(pbase_cursor_next(cursor, NULL), expected <= 6 ? PBASE_OK : PBASE_END);
        if (expected <= 6) {
            assert_int_equal(pbase_cursor_key(cursor, &key, NULL), PBASE_OK);
            assert_true(pbase_value_identical(&key, &keys[expected]));
        }
    }
    pbase_cursor_close(cursor);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_hold_their_bounds_in_both_directions),
        cmocka_unit_test(a_seek_stays_within_the_range),
        cmocka_unit_test(the_observer_hears_exactly_what_was_passed),
        cmocka_unit_test(a_refused_report_skips_no_entry),
        cmocka_unit_test(a_failed_read_skips_no_entry),
        cmocka_unit_test(opening_without_memory_leaks_nothing),
        cmocka_unit_test(ranges_over_many_leaves_end_where_they_should),
        cmocka_unit_test(slices_over_many_leaves_end_where_they_should),
        cmocka_unit_test(a_key_that_is_long_is_a_bound_like_any_other),
        cmocka_unit_test(values_are_lent_decoded_raw_and_extracted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
