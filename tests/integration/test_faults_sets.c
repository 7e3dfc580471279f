/* test_faults_sets.c - sets, counted sets and their algebra, with every call below them made to fail
 * (fault_scene.h). */
#include "fault_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 400u
#define ELEMENT_BYTES 48u

/* As fault_space.h has them. */
static pbase_value element(char *buffer, int n)
{
    (void)snprintf(buffer, ELEMENT_BYTES, "element %032d", n);
    return pbase_value_text(buffer);
}

/* Elements in no order, some of which are there. */
static void many_elements(fault_scene *s)
{
    pbase_value *elements = calloc(MANY, sizeof *elements + ELEMENT_BYTES);
    assert_non_null(elements);
    char *texts = (char *)(elements + MANY);
    for (size_t i = 0; i < MANY; i++) {
        elements[i] = element(texts + i * ELEMENT_BYTES, (int)(i * 37 % MANY + 150));
    }
    s->given = elements;
}

static void free_given(fault_scene *s)
{
    free(s->given);
    s->given = NULL;
}

/* --------------------------------------------------------------------------------------- sets ---- */

static pbase_status set_read(fault_scene *s, pbase_error *err)
{
    const pbase_set *set = fault_set(s, 0);
    char text[ELEMENT_BYTES];
    pbase_value key = element(text, 200), value;
    pbase_range range = {.struct_size = sizeof range, .to = &key, .to_exclusive = true};
    pbase_cursor *cursor = NULL;
    uint64_t count = 0, below = 0;
    bool has = false;
    pbase_status status = pbase_set_has(set, &key, &has, err);
    status = status == PBASE_OK ? pbase_set_count(set, &count, err) : status;
    status = status == PBASE_OK ? pbase_set_count_range(set, &range, &below, err) : status;
    status = status == PBASE_OK ? pbase_set_cursor(set, &range, &cursor, err) : status;
    status = status == PBASE_OK ? pbase_cursor_seek(cursor, &key, err) : status;
    if (status == PBASE_OK) {
        status = pbase_cursor_next(cursor, err);
        status = status == PBASE_END ? PBASE_OK : status;
        assert_true(status != PBASE_OK || pbase_cursor_key(cursor, &value, NULL) == PBASE_INVALID);
    }
    pbase_cursor_close(cursor);
    if (status == PBASE_OK) {
        assert_true(has && count == 300 && below == 200);
    }
    return status;
}

static pbase_status set_add(fault_scene *s, pbase_error *err)
{
    pbase_set *set = fault_set(s, 0);
    char text[ELEMENT_BYTES];
    pbase_value key = element(text, 777);
    bool added = false;
    pbase_status status = pbase_set_add(&set, &key, &added, err);
    fault_hold(s, 0, pbase_set_as_collection(set));
    assert_true(added == (status == PBASE_OK));
    return status;
}

static pbase_status set_add_all(fault_scene *s, pbase_error *err)
{
    pbase_set *set = fault_set(s, 0);
    pbase_status status = pbase_set_add_all(&set, s->given, MANY, err);
    fault_hold(s, 0, pbase_set_as_collection(set));
    return status;
}

static pbase_status set_remove(fault_scene *s, pbase_error *err)
{
    pbase_set *set = fault_set(s, 0);
    char text[ELEMENT_BYTES];
    pbase_value key = element(text, 100);
    bool removed = false;
    pbase_status status = pbase_set_remove(&set, &key, &removed, err);
    fault_hold(s, 0, pbase_set_as_collection(set));
    assert_true(removed == (status == PBASE_OK));
    return status;
}

static pbase_status set_keep(fault_scene *s, pbase_error *err)
{
    pbase_set *kept = NULL;
    pbase_status status = pbase_set_keep(fault_set(s, 0), &kept, err);
    fault_make(s, 0, pbase_set_as_collection(kept));
    return status;
}

/* The four that give a set, told apart by the scenario's entry. */
typedef pbase_status (*set_algebra)(const pbase_set *a, const pbase_set *b, pbase_set **out,
                                    pbase_error *err);

static pbase_status set_combine(fault_scene *s, set_algebra combine, uint64_t expected,
                                pbase_error *err)
{
    pbase_set *made = NULL;
    uint64_t count = 0;
    pbase_status status = combine(fault_set(s, 0), fault_set(s, 1), &made, err);
    fault_make(s, 0, pbase_set_as_collection(made));
    if (status == PBASE_OK) {
        assert_int_equal(pbase_set_count(made, &count, NULL), PBASE_OK);
        assert_int_equal(count, expected);
    }
    return status;
}

static pbase_status set_union(fault_scene *s, pbase_error *err)
{
    return set_combine(s, pbase_set_union, 350, err);
}

static pbase_status set_intersection(fault_scene *s, pbase_error *err)
{
    return set_combine(s, pbase_set_intersection, 50, err);
}

static pbase_status set_difference(fault_scene *s, pbase_error *err)
{
    return set_combine(s, pbase_set_difference, 250, err);
}

static pbase_status set_symmetric_difference(fault_scene *s, pbase_error *err)
{
    return set_combine(s, pbase_set_symmetric_difference, 300, err);
}

static pbase_status set_compare(fault_scene *s, pbase_error *err)
{
    bool is_subset = true, is_disjoint = true;
    pbase_status status = pbase_set_is_subset(fault_set(s, 1), fault_set(s, 0), &is_subset, err);
    if (status == PBASE_OK) {
        status = pbase_set_is_disjoint(fault_set(s, 0), fault_set(s, 1), &is_disjoint, err);
    }
    if (status == PBASE_OK) {
        assert_true(!is_subset && !is_disjoint);
    }
    return status;
}

/* ------------------------------------------------------------------------------- counted sets ---- */

static pbase_status counted_read(fault_scene *s, pbase_error *err)
{
    const pbase_counted_set *set = fault_counted_set(s, 0);
    char text[ELEMENT_BYTES];
    pbase_value key = element(text, 200);
    pbase_range range = {.struct_size = sizeof range, .from = &key};
    pbase_cursor *cursor = NULL;
    uint64_t times = 0, count = 0, total = 0, above = 0, met = 0;
    pbase_status status = pbase_counted_set_get(set, &key, &times, err);
    status = status == PBASE_OK ? pbase_counted_set_count(set, &count, err) : status;
    status = status == PBASE_OK ? pbase_counted_set_total(set, &total, err) : status;
    status = status == PBASE_OK ? pbase_counted_set_count_range(set, &range, &above, err) : status;
    status = status == PBASE_OK ? pbase_counted_set_cursor(set, &range, &cursor, err) : status;
    status = status == PBASE_OK ? pbase_cursor_next(cursor, err) : status;
    status = status == PBASE_OK ? pbase_cursor_count(cursor, &met, err) : status;
    pbase_cursor_close(cursor);
    if (status == PBASE_OK) {
        assert_true(times == 3 && count == 300 && total == 600 && above == 100 && met == 3);
    }
    return status;
}

static pbase_status counted_add(fault_scene *s, pbase_error *err)
{
    pbase_counted_set *set = fault_counted_set(s, 0);
    char text[ELEMENT_BYTES];
    pbase_value key = element(text, 777);
    uint64_t count = 0;
    pbase_status status = pbase_counted_set_add(&set, &key, 5, &count, err);
    fault_hold(s, 0, pbase_counted_set_as_collection(set));
    assert_int_equal(count, status == PBASE_OK ? 5 : 0);
    return status;
}

static pbase_status counted_add_all(fault_scene *s, pbase_error *err)
{
    pbase_counted_set *set = fault_counted_set(s, 0);
    pbase_status status = pbase_counted_set_add_all(&set, s->given, MANY, err);
    fault_hold(s, 0, pbase_counted_set_as_collection(set));
    return status;
}

static pbase_status counted_remove(fault_scene *s, pbase_error *err)
{
    pbase_counted_set *set = fault_counted_set(s, 0);
    char text[ELEMENT_BYTES];
    pbase_value key = element(text, 2);
    uint64_t removed = 0;
    pbase_status status = pbase_counted_set_remove(&set, &key, 2, &removed, err);
    fault_hold(s, 0, pbase_counted_set_as_collection(set));
    assert_int_equal(removed, status == PBASE_OK ? 2 : 0);
    return status;
}

static pbase_status counted_keep(fault_scene *s, pbase_error *err)
{
    pbase_counted_set *kept = NULL;
    pbase_status status = pbase_counted_set_keep(fault_counted_set(s, 0), &kept, err);
    fault_make(s, 0, pbase_counted_set_as_collection(kept));
    return status;
}

typedef pbase_status (*counted_algebra)(const pbase_counted_set *a, const pbase_counted_set *b,
                                        pbase_counted_set **out, pbase_error *err);

static pbase_status counted_combine(fault_scene *s, counted_algebra combine, uint64_t expected,
                                    pbase_error *err)
{
    pbase_counted_set *made = NULL;
    uint64_t total = 0;
    pbase_status status = combine(fault_counted_set(s, 0), fault_counted_set(s, 1), &made, err);
    fault_make(s, 0, pbase_counted_set_as_collection(made));
    if (status == PBASE_OK) {
        assert_int_equal(pbase_counted_set_total(made, &total, NULL), PBASE_OK);
        assert_int_equal(total, expected);
    }
    return status;
}

static pbase_status counted_union(fault_scene *s, pbase_error *err)
{
    return counted_combine(s, pbase_counted_set_union, 699, err);
}

static pbase_status counted_intersection(fault_scene *s, pbase_error *err)
{
    return counted_combine(s, pbase_counted_set_intersection, 101, err);
}

static pbase_status counted_difference(fault_scene *s, pbase_error *err)
{
    return counted_combine(s, pbase_counted_set_difference, 499, err);
}

static pbase_status counted_symmetric_difference(fault_scene *s, pbase_error *err)
{
    return counted_combine(s, pbase_counted_set_symmetric_difference, 598, err);
}

static pbase_status counted_sum(fault_scene *s, pbase_error *err)
{
    return counted_combine(s, pbase_counted_set_sum, 800, err);
}

static pbase_status counted_compare(fault_scene *s, pbase_error *err)
{
    const pbase_counted_set *a = fault_counted_set(s, 0), *b = fault_counted_set(s, 1);
    bool is_subset = true, is_disjoint = true;
    pbase_status status = pbase_counted_set_is_subset(b, a, &is_subset, err);
    status = status == PBASE_OK ? pbase_counted_set_is_disjoint(a, b, &is_disjoint, err) : status;
    if (status == PBASE_OK) {
        assert_true(!is_subset && !is_disjoint);
    }
    return status;
}

#define EDIT(noun, root, covers)                                                                   \
    {                                                                                              \
        .name = #noun, .functions = (covers), .place = FAULT_IN_TXN, .roots = {(root)},            \
        .when = (noun), .edits = true                                                              \
    }
#define ALGEBRA(noun, one, other, covers)                                                          \
    {                                                                                              \
        .name = #noun, .functions = (covers), .place = FAULT_IN_TXN, .roots = {(one), (other)},    \
        .when = (noun), .is_cold = true                                                            \
    }

static const fault_scenario scenarios[] = {
    {.name = "set_read",
     .functions = "pbase_set_has pbase_set_count pbase_set_count_range pbase_set_cursor",
     .place = FAULT_IN_TXN,
     .roots = {"set"},
     .when = set_read,
     .is_cold = true},
    EDIT(set_add, "set", "pbase_set_add"),
    {.name = "set_add_all",
     .functions = "pbase_set_add_all",
     .place = FAULT_IN_TXN,
     .roots = {"set"},
     .given = many_elements,
     .when = set_add_all,
     .end = free_given,
     .edits = true},
    EDIT(set_remove, "set", "pbase_set_remove"),
    {.name = "set_keep",
     .functions = "pbase_set_keep",
     .place = FAULT_IN_SNAPSHOT,
     .roots = {"set"},
     .when = set_keep},
    ALGEBRA(set_union, "set", "set2", "pbase_set_union"),
    ALGEBRA(set_intersection, "set", "set2", "pbase_set_intersection"),
    ALGEBRA(set_difference, "set", "set2", "pbase_set_difference"),
    ALGEBRA(set_symmetric_difference, "set", "set2", "pbase_set_symmetric_difference"),
    ALGEBRA(set_compare, "set", "set2", "pbase_set_is_subset pbase_set_is_disjoint"),
    {.name = "counted_read",
     .functions = "pbase_counted_set_get pbase_counted_set_count pbase_counted_set_total "
                  "pbase_counted_set_count_range pbase_counted_set_cursor",
     .place = FAULT_IN_TXN,
     .roots = {"counted"},
     .when = counted_read,
     .is_cold = true},
    EDIT(counted_add, "counted", "pbase_counted_set_add"),
    {.name = "counted_add_all",
     .functions = "pbase_counted_set_add_all",
     .place = FAULT_IN_TXN,
     .roots = {"counted"},
     .given = many_elements,
     .when = counted_add_all,
     .end = free_given,
     .edits = true},
    EDIT(counted_remove, "counted", "pbase_counted_set_remove"),
    {.name = "counted_keep",
     .functions = "pbase_counted_set_keep",
     .place = FAULT_IN_SNAPSHOT,
     .roots = {"counted"},
     .when = counted_keep},
    ALGEBRA(counted_union, "counted", "counted2", "pbase_counted_set_union"),
    ALGEBRA(counted_intersection, "counted", "counted2", "pbase_counted_set_intersection"),
    ALGEBRA(counted_difference, "counted", "counted2", "pbase_counted_set_difference"),
    ALGEBRA(counted_symmetric_difference, "counted", "counted2",
            "pbase_counted_set_symmetric_difference"),
    ALGEBRA(counted_sum, "counted", "counted2", "pbase_counted_set_sum"),
    ALGEBRA(counted_compare, "counted", "counted2",
            "pbase_counted_set_is_subset pbase_counted_set_is_disjoint"),
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
