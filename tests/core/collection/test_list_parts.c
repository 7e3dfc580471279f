/* test_list_parts.c - slices, splits, ranges removed and lists behind lists, and the edge cases that
 * docs/collections.md decides. */
#include "fault_alloc.h"
#include "handle_fixture.h"
#include "seed.h"

static pbase_list *open_list(fixture *f)
{
    return collection_list(open_on(f, PBASE_COLLECTION_LIST, ATOM_REF_NONE));
}

static pbase_list *list_of(fixture *f, int64_t from, int64_t end)
{
    pbase_list *list = open_list(f);
    for (int64_t i = from; i < end; i++) {
        pbase_value value = pbase_value_int(i);
        assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
    }
    return list;
}

/* The elements as "0 1 2 "; closes the list when `ends`. */
static void assert_list(fixture *f, pbase_list *list, const char *text)
{
    char met[256] = "";
    size_t used = 0;
    uint64_t count = 0;
    assert_int_equal(pbase_list_count(list, &count, NULL), PBASE_OK);
    for (uint64_t i = 0; i < count; i++) {
        pbase_value value;
        assert_int_equal(pbase_list_get(list, (int64_t)i, &f->arena, &value, NULL), PBASE_OK);
        used += (size_t)snprintf(met + used, sizeof met - used, "%" PRId64 " ", value.as.integer);
    }
    assert_string_equal(met, text);
    if (!collection_is_bulk(collection_of_list(list))) {
        assert_log_replays(f, collection_of_list(list));
    }
}

static void assert_part(fixture *f, pbase_list *part, const char *text)
{
    assert_list(f, part, text);
    pbase_list_close(part);
}

static void slices_are_half_open_and_cut_to_the_list(void **state)
{
    (void)state; /* no fixture */
    static const struct {
        int64_t from, to;
        const char *text;
    } slices[] = {{1, 3, "1 2 "},
                  {0, INT64_MAX, "0 1 2 3 4 "},
                  {-2, INT64_MAX, "3 4 "},
                  {-99, 2, "0 1 "},
                  {3, -1, "3 "},
                  {-1, -3, ""},
                  {4, 2, ""},
                  {5, 9, ""},
                  {99, INT64_MAX, ""},
                  {INT64_MIN, INT64_MIN, ""},
                  {2, 2, ""}};
    fixture f;
    pbase_list *part = NULL;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 0, 5);
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        assert_int_equal(pbase_list_slice(list, slices[i].from, slices[i].to, &part, NULL),
                         PBASE_OK);
        assert_part(&f, part, slices[i].text);
    }
    assert_int_equal(pbase_list_head(list, 2, &part, NULL), PBASE_OK);
    assert_part(&f, part, "0 1 ");
    assert_int_equal(pbase_list_head(list, UINT64_MAX, &part, NULL), PBASE_OK);
    assert_part(&f, part, "0 1 2 3 4 ");
    assert_int_equal(pbase_list_tail(list, 2, &part, NULL), PBASE_OK);
    assert_part(&f, part, "2 3 4 ");
    assert_int_equal(pbase_list_tail(list, 9, &part, NULL), PBASE_OK);
    assert_part(&f, part, "");
    assert_part(&f, list, "0 1 2 3 4 "); /* itself as it was */
    fixture_fini(&f);
}

static void a_split_gives_both_sides(void **state)
{
    (void)state; /* no fixture */
    static const struct {
        int64_t at;
        const char *before, *after;
    } splits[] = {{0, "", "0 1 2 "}, {1, "0 ", "1 2 "},  {3, "0 1 2 ", ""},
                  {9, "0 1 2 ", ""}, {-1, "0 1 ", "2 "}, {-9, "", "0 1 2 "}};
    fixture f;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 0, 3), *before = NULL, *after = NULL;
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        assert_int_equal(pbase_list_split(list, splits[i].at, &before, &after, NULL), PBASE_OK);
        assert_part(&f, before, splits[i].before);
        assert_part(&f, after, splits[i].after);
    }
    pbase_list_close(list);
    fixture_fini(&f);
}

static void ends_are_taken_and_put_on(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    bool removed = true;
    uint64_t count = 9;
    pbase_value value = pbase_value_int(7);
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = open_list(&f);
    assert_int_equal(pbase_list_remove_first(&list, &removed, NULL), PBASE_OK);
    assert_false(removed); /* an empty list stays empty */
    assert_int_equal(pbase_list_remove_last(&list, &removed, NULL), PBASE_OK);
    assert_false(removed);
    assert_int_equal(pbase_list_remove_range(&list, 0, INT64_MAX, &count, NULL), PBASE_OK);
    assert_int_equal(count, 0);
    assert_int_equal(pbase_list_append_first(&list, &value, NULL), PBASE_OK);
    value = pbase_value_int(6);
    assert_int_equal(pbase_list_append_first(&list, &value, NULL), PBASE_OK);
    value = pbase_value_int(8);
    assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
    assert_list(&f, list, "6 7 8 ");
    assert_int_equal(pbase_list_remove_first(&list, &removed, NULL), PBASE_OK);
    assert_true(removed);
    assert_int_equal(pbase_list_remove_last(&list, &removed, NULL), PBASE_OK);
    assert_true(removed);
    assert_part(&f, list, "7 ");
    list = list_of(&f, 0, 6);
    assert_int_equal(pbase_list_remove_range(&list, 1, -2, &count, NULL), PBASE_OK);
    assert_int_equal(count, 3);
    assert_list(&f, list, "0 4 5 ");
    assert_int_equal(pbase_list_remove_range(&list, 2, 1, &count, NULL), PBASE_OK);
    assert_int_equal(count, 0);
    assert_part(&f, list, "0 4 5 ");
    fixture_fini(&f);
}

static void one_list_goes_behind_another(void **state)
{
    (void)state; /* no fixture */
    fixture f, elsewhere;
    fixture_init(&f, pbase_alloc_default(), false);
    fixture_init(&elsewhere, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 0, 2), *other = list_of(&f, 5, 8), *none = open_list(&f);
    pbase_list *stranger = list_of(&elsewhere, 0, 1);
    assert_int_equal(pbase_list_extend(&list, other, NULL), PBASE_OK);
    assert_list(&f, list, "0 1 5 6 7 ");
    assert_int_equal(pbase_list_concat(&list, none, NULL), PBASE_OK);
    assert_int_equal(pbase_list_concat(&none, other, NULL), PBASE_OK);
    assert_list(&f, none, "5 6 7 ");
    assert_int_equal(pbase_list_concat(&other, other, NULL), PBASE_OK); /* behind itself */
    assert_list(&f, other, "5 6 7 5 6 7 ");
    assert_list(&f, list, "0 1 5 6 7 ");
    assert_int_equal(pbase_list_extend(&list, stranger, NULL), PBASE_INVALID);
    assert_int_equal(pbase_list_concat(&list, stranger, NULL), PBASE_INVALID);
    pbase_list_close(stranger);
    pbase_list_close(none);
    pbase_list_close(other);
    pbase_list_close(list);
    fixture_fini(&elsewhere);
    fixture_fini(&f);
}

static void a_large_concatenation_is_a_new_whole_that_can_be_edited(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 0, 5000), *other = list_of(&f, 5000, 30000);
    uint64_t atoms = atomic_load(&f.store.source.memory_count), count = 0;
    pbase_value value = pbase_value_int(-1), out;
    assert_int_equal(pbase_list_concat(&list, other, NULL), PBASE_OK);
    assert_true(atomic_load(&f.store.source.memory_count) - atoms <= 6); /* all else is shared */
    assert_true(collection_is_foreign(collection_of_list(list)));
    assert_int_equal(collection_log(collection_of_list(list))->size, 0);
    assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
    assert_int_equal(pbase_list_count(list, &count, NULL), PBASE_OK);
    assert_int_equal(count, 30001);
    for (int64_t i = 0; i < 30000; i += 997) {
        assert_int_equal(pbase_list_get(list, i, &f.arena, &out, NULL), PBASE_OK);
        assert_int_equal(out.as.integer, i);
    }
    assert_int_equal(pbase_list_count(other, &count, NULL), PBASE_OK);
    assert_int_equal(count, 25000);
    pbase_list *kept = NULL;
    assert_int_equal(pbase_list_keep(list, &kept, NULL), PBASE_OK);
    assert_true(collection_is_foreign(collection_of_list(kept)));
    pbase_list_close(kept);
    pbase_list_close(other);
    pbase_list_close(list);
    fixture_fini(&f);
}

/* The operations that made a list are its content: a part of a long one does not copy them. */
static void parts_of_a_long_new_list_cost_no_copy_of_its_operations(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    fixture f;
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    pbase_list *list = list_of(&f, 0, 50000), *part = NULL;
    uint64_t before = fault_alloc_live_bytes(&fa), count = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pbase_list_slice(list, 10000, 40000, &part, NULL), PBASE_OK);
        assert_true(fault_alloc_live_bytes(&fa) - before < 32768); /* the nodes along the cut */
        assert_int_equal(pbase_list_count(part, &count, NULL), PBASE_OK);
        assert_int_equal(count, 30000);
        pbase_list_close(part);
    }
    assert_false(collection_is_bulk(collection_of_list(list)));
    assert_log_replays(&f, collection_of_list(list));
    pbase_list_close(list);
    fixture_fini(&f);
}

static void parts_tell_what_they_read(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    fixture_init(&f, pbase_alloc_default(), true);
    pbase_list *list = list_of(&f, 0, 9), *part = NULL, *after = NULL;
    assert_reads(&f, "");
    assert_int_equal(pbase_list_slice(list, 2, 5, &part, NULL), PBASE_OK);
    assert_reads(&f, "range #2: before #5;");
    pbase_list_close(part);
    assert_int_equal(pbase_list_slice(list, 2, INT64_MAX, &part, NULL), PBASE_OK);
    assert_reads(&f, "range #2: before edge;"); /* what is appended would be in it */
    pbase_list_close(part);
    assert_int_equal(pbase_list_slice(list, 0, -3, &part, NULL), PBASE_OK);
    assert_reads(&f, "whole; range edge: before #6;");
    pbase_list_close(part);
    assert_int_equal(pbase_list_split(list, 3, &part, &after, NULL), PBASE_OK);
    assert_reads(&f, "whole; ");
    assert_int_equal(pbase_list_extend(&part, after, NULL), PBASE_OK);
    assert_reads(&f, "whole; ");
    assert_int_equal(pbase_list_remove_range(&list, 2, 4, NULL, NULL), PBASE_OK);
    assert_reads(&f, "");
    pbase_list_close(after);
    pbase_list_close(part);
    pbase_list_close(list);
    fixture_fini(&f);
}

static void a_read_only_list_has_parts_but_is_not_cut(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_list *list = list_of(&f, 0, 5), *part = NULL;
    f.context.read_only = true;
    assert_int_equal(pbase_list_slice(list, 1, 3, &part, NULL), PBASE_OK);
    assert_int_equal(pbase_list_remove_range(&list, 1, 3, NULL, NULL), PBASE_READ_ONLY);
    assert_int_equal(pbase_list_extend(&list, part, NULL), PBASE_READ_ONLY);
    assert_part(&f, part, "1 2 ");
    assert_part(&f, list, "0 1 2 3 4 ");
    fixture_fini(&f);
}

/* What one step of the sweep below does. */
static pbase_status step(int which, pbase_list **list, const pbase_list *other)
{
    pbase_list *before = NULL, *after = NULL;
    pbase_status status;
    switch (which) {
    case 0:
        return pbase_list_extend(list, other, NULL);
    case 1:
        return pbase_list_concat(list, other, NULL);
    case 2:
        return pbase_list_remove_range(list, 100, 9000, NULL, NULL);
    default:
        status = pbase_list_split(*list, 777, &before, &after, NULL);
        pbase_list_close(before);
        pbase_list_close(after);
        return status;
    }
}

static void without_memory_lists_stay_as_they_are(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    fixture f;
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    pbase_list *small = list_of(&f, 0, 300), *large = list_of(&f, 0, 5000);
    for (int which = 0; which < 4; which++) {
        pbase_list *list = list_of(&f, 0, 10000);
        for (uint64_t n = 1;; n++) {
            uint64_t count = 0, logged = collection_log(collection_of_list(list))->count;
            fault_alloc_fail_at(&fa, n);
            pbase_status status = step(which, &list, which == 0 ? small : large);
            bool failed = fault_alloc_has_failed(&fa);
            fault_alloc_fail_at(&fa, 0);
            if (!failed) {
                assert_int_equal(status, PBASE_OK);
                break;
            }
            assert_int_equal(status, PBASE_NO_MEMORY);
            assert_int_equal(pbase_list_count(list, &count, NULL), PBASE_OK);
            assert_int_equal(count, 10000);
            assert_int_equal(collection_log(collection_of_list(list))->count, logged);
            assert_false(collection_is_bulk(collection_of_list(list)));
        }
        pbase_list_close(list);
    }
    pbase_list_close(small);
    pbase_list_close(large);
    fixture_fini(&f);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

/* -------------------------------------------------------------------------------- at random --- */

enum { MODEL_MAX = 20000 };
typedef struct {
    int64_t items[MODEL_MAX];
    size_t count;
} model;

static void assert_same(fixture *f, const pbase_list *list, const model *m, seed_random *random)
{
    uint64_t count = 0;
    assert_int_equal(pbase_list_count(list, &count, NULL), PBASE_OK);
    assert_int_equal(count, m->count);
    for (int i = 0; i < 3 && count > 0; i++) {
        size_t at = (size_t)seed_below(random, count);
        pbase_value out;
        assert_int_equal(pbase_list_get(list, (int64_t)at, &f->arena, &out, NULL), PBASE_OK);
        assert_int_equal(out.as.integer, m->items[at]);
    }
    pbase_arena_reset(&f->arena);
}

static void model_remove(model *m, size_t at, size_t count)
{
    memmove(m->items + at, m->items + at + count, (m->count - at - count) * sizeof m->items[0]);
    m->count -= count;
}

static void random_parts_agree_with_an_array(void **state)
{
    (void)state; /* no fixture */
    static model m, part_model;
    fixture f;
    seed_random random;
    int64_t next = 0;
    fixture_init(&f, pbase_alloc_default(), false);
    seed_random_init(&random, seed_for("list parts"));
    pbase_list *list = open_list(&f);
    m.count = 0;
    int rounds = seed_is_long_run() ? 200000 : 20000;
    for (int i = 0; i < rounds; i++) {
        uint64_t what = seed_below(&random, 10);
        size_t a = (size_t)seed_below(&random, m.count + 1);
        size_t b = a + (size_t)seed_below(&random, m.count - a + 1);
        pbase_list *part = NULL, *rest = NULL;
        if (what < 5 && m.count + 30 < MODEL_MAX) {
            for (int k = 0; k < 30; k++) {
                pbase_value value = pbase_value_int(next);
                assert_int_equal(pbase_list_append(&list, &value, NULL), PBASE_OK);
                m.items[m.count++] = next++;
            }
        } else if (what == 5) {
            assert_int_equal(pbase_list_remove_range(&list, (int64_t)a, (int64_t)b, NULL, NULL),
                             PBASE_OK);
            model_remove(&m, a, b - a);
        } else if (what == 6) { /* a part goes behind */
            assert_int_equal(pbase_list_slice(list, (int64_t)a, (int64_t)b, &part, NULL), PBASE_OK);
            part_model.count = b - a;
            memcpy(part_model.items, m.items + a, (b - a) * sizeof m.items[0]);
            assert_same(&f, part, &part_model, &random);
            if (m.count + (b - a) <= MODEL_MAX) {
                assert_int_equal(i % 2 == 0 ? pbase_list_concat(&list, part, NULL)
                                            : pbase_list_extend(&list, part, NULL),
                                 PBASE_OK);
                memcpy(m.items + m.count, part_model.items, (b - a) * sizeof m.items[0]);
                m.count += b - a;
            }
        } else if (what == 7) { /* the two sides change places */
            assert_int_equal(pbase_list_split(list, (int64_t)a, &part, &rest, NULL), PBASE_OK);
            assert_int_equal(pbase_list_concat(&rest, part, NULL), PBASE_OK);
            part_model.count = a;
            memcpy(part_model.items, m.items, a * sizeof m.items[0]);
            model_remove(&m, 0, a);
            memcpy(m.items + m.count, part_model.items, a * sizeof m.items[0]);
            m.count += a;
            pbase_list_close(list);
            list = rest;
        } else if (m.count > 0) {
            pbase_value value = pbase_value_int(next);
            a = a == m.count ? a - 1 : a;
            assert_int_equal(pbase_list_set(&list, (int64_t)a, &value, NULL), PBASE_OK);
            m.items[a] = next++;
        }
        pbase_list_close(part);
        assert_same(&f, list, &m, &random);
    }
    pbase_list_close(list);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_half_open_and_cut_to_the_list),
        cmocka_unit_test(a_split_gives_both_sides),
        cmocka_unit_test(ends_are_taken_and_put_on),
        cmocka_unit_test(one_list_goes_behind_another),
        cmocka_unit_test(a_large_concatenation_is_a_new_whole_that_can_be_edited),
        cmocka_unit_test(parts_of_a_long_new_list_cost_no_copy_of_its_operations),
        cmocka_unit_test(parts_tell_what_they_read),
        cmocka_unit_test(a_read_only_list_has_parts_but_is_not_cut),
        cmocka_unit_test(without_memory_lists_stay_as_they_are),
        cmocka_unit_test(random_parts_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
