/* test_list.c - lists as applications see them. */
#include "handle_fixture.h"
#include "seed.h"

static pbase_list *list_of(fixture *f, int64_t count)
{
    pbase_list *list = collection_list(open_on(f, PBASE_COLLECTION_LIST, ATOM_REF_NONE));
    for (int64_t i = 0; i < count; i++) {
        pbase_value value = pbase_value_int(i);
        assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
    }
    return list;
}

/* The elements as text: "0 1 2 ". */
static void assert_elements(const pbase_list *list, const pbase_slice *slice, const char *expected)
{
    char text[256] = "";
    pbase_cursor *cursor;
    pbase_value value;
    assert_int_equal(pbase_list_cursor(list, slice, &cursor, NULL), PBASE_OK);
    while (pbase_cursor_next(cursor, NULL) == PBASE_OK) {
        assert_int_equal(pbase_cursor_value(cursor, &value, NULL), PBASE_OK);
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "%" PRId64 " ", value.as.integer);
    }
    assert_string_equal(text, expected);
    pbase_cursor_close(cursor);
}

static void an_index_below_zero_counts_from_the_end(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value out;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 5);
    assert_int_equal(pbase_list_get(list, -1, &f.arena, &out, NULL), PBASE_OK);
    assert_int_equal(out.as.integer, 4);
    assert_int_equal(pbase_list_get(list, -5, &f.arena, &out, NULL), PBASE_OK);
    assert_int_equal(out.as.integer, 0);
    pbase_list_close(list);
    fixture_fini(&f);
}

static void an_index_out_of_range_is_not_found(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_error err;
    pbase_value out;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_error_init(&err);
    pbase_list *list = list_of(&f, 3);
    assert_int_equal(pbase_list_get(list, 3, &f.arena, &out, &err), PBASE_NOT_FOUND);
    assert_string_equal(err.message, "list 'things': index 3 of a list of 3 elements");
    assert_int_equal(pbase_list_get(list, -4, &f.arena, &out, NULL), PBASE_NOT_FOUND);
    assert_int_equal(pbase_list_get(list, INT64_MIN, &f.arena, &out, NULL), PBASE_NOT_FOUND);
    assert_int_equal(pbase_list_get(list, INT64_MAX, &f.arena, &out, NULL), PBASE_NOT_FOUND);
    pbase_list_close(list);
    fixture_fini(&f);
}

static void setting_replaces_or_appends_and_goes_no_further(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value nine = pbase_value_int(9);
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 3);
    assert_int_equal(pbase_list_set(&list, -1, &nine, NULL), PBASE_OK);
    assert_int_equal(pbase_list_set(&list, 3, &nine, NULL), PBASE_OK);
    assert_int_equal(pbase_list_set(&list, 5, &nine, NULL), PBASE_INVALID);
    assert_int_equal(pbase_list_set(&list, -5, &nine, NULL), PBASE_INVALID);
    assert_elements(list, NULL, "0 1 9 9 ");
    assert_log_replays(&f, collection_of_list(list));
    pbase_list_close(list);
    fixture_fini(&f);
}

static void inserting_moves_its_index_into_the_list(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value value = pbase_value_int(7);
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 0);
    assert_int_equal(pbase_list_insert(&list, -1, &value, NULL), PBASE_OK);
    value = pbase_value_int(8);
    assert_int_equal(pbase_list_insert(&list, -1, &value, NULL), PBASE_OK);
    value = pbase_value_int(9);
    assert_int_equal(pbase_list_insert(&list, 100, &value, NULL), PBASE_OK);
    value = pbase_value_int(6);
    assert_int_equal(pbase_list_insert(&list, -100, &value, NULL), PBASE_OK);
    assert_elements(list, NULL, "6 8 7 9 ");
    assert_log_replays(&f, collection_of_list(list));
    pbase_list_close(list);
    fixture_fini(&f);
}

static void removing_out_of_range_changes_nothing(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    bool removed = true;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 3);
    assert_int_equal(pbase_list_remove(&list, 3, &removed, NULL), PBASE_OK);
    assert_false(removed);
    assert_int_equal(pbase_list_remove(&list, -2, &removed, NULL), PBASE_OK);
    assert_true(removed);
    assert_elements(list, NULL, "0 2 ");
    pbase_list_close(list);
    fixture_fini(&f);
}

static void slices_are_cut_to_the_list(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 6);
    pbase_slice slice = {.struct_size = sizeof slice, .from = 2, .to = 4};
    assert_elements(list, &slice, "2 3 ");
    slice.reverse = true;
    assert_elements(list, &slice, "3 2 ");
    slice = (pbase_slice){.struct_size = sizeof slice, .from = -2, .to = INT64_MAX};
    assert_elements(list, &slice, "4 5 ");
    slice = (pbase_slice){.struct_size = sizeof slice, .from = -100, .to = -5};
    assert_elements(list, &slice, "0 ");
    slice = (pbase_slice){.struct_size = sizeof slice, .from = 4, .to = 2};
    assert_elements(list, &slice, "");
    slice = (pbase_slice){.struct_size = sizeof slice, .from = 50, .to = 60, .reverse = true};
    assert_elements(list, &slice, "");
    pbase_list_close(list);
    fixture_fini(&f);
}

static void reads_of_the_length_are_told_apart_from_reads_of_elements(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_value out, nine = pbase_value_int(9);
    fixture_init(&f, pbase_alloc_default(), true);
    pbase_list *list = list_of(&f, 4);
    assert_reads(&f, "");
    assert_int_equal(pbase_list_get(list, 2, &f.arena, &out, NULL), PBASE_OK);
    assert_reads(&f, "key #2; ");
    assert_int_equal(pbase_list_get(list, -1, &f.arena, &out, NULL), PBASE_OK);
    assert_reads(&f, "whole; key #3; ");
    assert_int_equal(pbase_list_get(list, 9, &f.arena, &out, NULL), PBASE_NOT_FOUND);
    assert_reads(&f, "whole; ");
    assert_int_equal(pbase_list_set(&list, 2, &nine, NULL), PBASE_OK);
    assert_reads(&f, "");
    pbase_slice slice = {.struct_size = sizeof slice, .from = 1, .to = 3};
    assert_elements(list, &slice, "1 9 ");
    assert_reads(&f, "range #1: #1; #2; before #3;");
    slice.reverse = true;
    assert_elements(list, &slice, "9 1 ");
    assert_reads(&f, "range down past #3: #2; #1; #1;");
    assert_elements(list, NULL, "0 1 9 3 ");
    assert_reads(&f, "range edge: #0; #1; #2; #3; edge;");
    pbase_list_close(list);
    fixture_fini(&f);
}

static void a_cursor_sees_the_version_it_was_opened_on(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_cursor *cursor;
    pbase_value nine = pbase_value_int(9), value;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 3);
    assert_int_equal(pbase_list_cursor(list, NULL, &cursor, NULL), PBASE_OK);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(pbase_list_set(&list, i, &nine, NULL), PBASE_OK);
        assert_int_equal(pbase_list_append(&list, &nine, NULL), PBASE_OK);
    }
    pbase_list_close(list);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_OK);
        assert_int_equal(pbase_cursor_value(cursor, &value, NULL), PBASE_OK);
        assert_int_equal(value.as.integer, i);
        assert_int_equal(pbase_cursor_key(cursor, &value, NULL), PBASE_OK);
        assert_int_equal(value.as.integer, i);
    }
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    assert_int_equal(pbase_cursor_next(cursor, NULL), PBASE_END);
    pbase_cursor_close(cursor);
    fixture_fini(&f);
}

static void random_operations_agree_with_an_array(void **state)
{
    (void)state; /* no fixture */
    enum { ROOM = 8000 };
    static int64_t model[ROOM];
    size_t count = 0;
    fixture f;
    seed_random random;
    fixture_init(&f, pbase_alloc_default(), false);
    seed_random_init(&random, seed_for("list"));
    pbase_list *list = list_of(&f, 0);
    for (int64_t i = 0; i < 100000; i++) {
        pbase_value value = pbase_value_int(i), out;
        size_t at = (size_t)seed_below(&random, count + 1);
        int64_t index =
            (int64_t)at - (seed_below(&random, 2) == 0 && at < count ? (int64_t)count : 0);
        uint64_t kind = seed_below(&random, count < ROOM - 1 ? 7 : 3);
        if (kind < 2 && at < count) {
            assert_int_equal(pbase_list_remove(&list, index, NULL, NULL), PBASE_OK);
            memmove(model + at, model + at + 1, (--count - at) * sizeof *model);
        } else if (kind == 2 && at < count) {
            assert_int_equal(pbase_list_set(&list, index, &value, NULL), PBASE_OK);
            model[at] = i;
        } else if (kind > 2) {
            assert_int_equal(pbase_list_insert(&list, index, &value, NULL), PBASE_OK);
            memmove(model + at + 1, model + at, (count++ - at) * sizeof *model);
            model[at] = i;
        }
        if (count != 0) {
            size_t probe = (size_t)seed_below(&random, count);
            assert_int_equal(pbase_list_get(list, (int64_t)probe, &f.arena, &out, NULL), PBASE_OK);
            assert_int_equal(out.as.integer, model[probe]);
            pbase_arena_reset(&f.arena);
        }
    }
    assert_log_replays(&f, collection_of_list(list));
    pbase_list_close(list);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_below_zero_counts_from_the_end),
        cmocka_unit_test(an_index_out_of_range_is_not_found),
        cmocka_unit_test(setting_replaces_or_appends_and_goes_no_further),
        cmocka_unit_test(inserting_moves_its_index_into_the_list),
        cmocka_unit_test(removing_out_of_range_changes_nothing),
        cmocka_unit_test(slices_are_cut_to_the_list),
        cmocka_unit_test(reads_of_the_length_are_told_apart_from_reads_of_elements),
        cmocka_unit_test(a_cursor_sees_the_version_it_was_opened_on),
        cmocka_unit_test(random_operations_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
