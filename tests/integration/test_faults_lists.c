/* test_faults_lists.c - lists, their parts and lists behind lists, with every call below them made to
 * fail (fault_scene.h). */
#include "fault_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 400u

static void many_values(fault_scene *s)
{
    pbase_value *values = calloc(MANY, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < MANY; i++) {
        values[i] = pbase_value_text("one of very many, which were appended all at once");
    }
    s->given = values;
}

static void free_given(fault_scene *s)
{
    free(s->given);
    s->given = NULL;
}

static pbase_value text(void)
{
    return pbase_value_text("a text of some length, so that not many of it go into one leaf");
}

static pbase_status held(fault_scene *s, pbase_list *list, pbase_status status)
{
    fault_hold(s, 0, pbase_list_as_collection(list));
    return status;
}

static pbase_status made(fault_scene *s, pbase_list *list, pbase_status status)
{
    fault_make(s, 0, pbase_list_as_collection(list));
    return status;
}

static pbase_status list_read(fault_scene *s, pbase_error *err)
{
    const pbase_list *list = fault_list(s, 0);
    pbase_slice slice = {
        .struct_size = sizeof slice, .from = -20, .to = INT64_MAX, .reverse = true};
    pbase_reader *reader = NULL;
    pbase_cursor *cursor = NULL;
    pbase_bytes bytes = {0};
    pbase_value value;
    uint64_t count = 0, met = 0;
    pbase_status status = pbase_list_get(list, -5, &s->arena, &value, err);
    status = status == PBASE_OK ? pbase_reader_create(s->memory, &reader, err) : status;
    status = status == PBASE_OK ? pbase_list_get_bytes(list, 3, reader, &bytes, err) : status;
    pbase_reader_close(reader);
    status = status == PBASE_OK ? pbase_list_count(list, &count, err) : status;
    status = status == PBASE_OK ? pbase_list_cursor(list, &slice, &cursor, err) : status;
    while (status == PBASE_OK) {
        status = pbase_cursor_next(cursor, err);
        met += status == PBASE_OK;
    }
    pbase_cursor_close(cursor);
    assert_true(status != PBASE_END || (count == 300 && met == 20));
    return status == PBASE_END ? PBASE_OK : status;
}

/* ------------------------------------------------------------------------------ single elements -- */

static pbase_status list_append(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    pbase_value value = text();
    pbase_status status = pbase_list_append(&list, &value, err);
    return held(s, list, status);
}

static pbase_status list_append_first(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    pbase_value value = text();
    pbase_status status = pbase_list_append_first(&list, &value, err);
    return held(s, list, status);
}

static pbase_status list_append_all(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    pbase_status status = pbase_list_append_all(&list, s->given, MANY, err);
    return held(s, list, status);
}

static pbase_status list_set(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    pbase_value value = text();
    pbase_status status = pbase_list_set(&list, 150, &value, err);
    return held(s, list, status);
}

static pbase_status list_insert(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    pbase_value value = text();
    pbase_status status = pbase_list_insert(&list, 150, &value, err);
    return held(s, list, status);
}

static pbase_status list_remove(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    bool removed = false;
    pbase_status status = pbase_list_remove(&list, 150, &removed, err);
    assert_true(removed == (status == PBASE_OK));
    return held(s, list, status);
}

static pbase_status list_remove_first(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    bool removed = false;
    pbase_status status = pbase_list_remove_first(&list, &removed, err);
    assert_true(removed == (status == PBASE_OK));
    return held(s, list, status);
}

static pbase_status list_remove_last(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    bool removed = false;
    pbase_status status = pbase_list_remove_last(&list, &removed, err);
    assert_true(removed == (status == PBASE_OK));
    return held(s, list, status);
}

/* ---------------------------------------------------------------------------------------- parts -- */

static pbase_status list_remove_range(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    uint64_t removed = 0;
    pbase_status status = pbase_list_remove_range(&list, 30, 230, &removed, err);
    assert_int_equal(removed, status == PBASE_OK ? 200 : 0);
    return held(s, list, status);
}

static pbase_status list_slice(fault_scene *s, pbase_error *err)
{
    pbase_list *part = NULL;
    pbase_status status = pbase_list_slice(fault_list(s, 0), 30, -30, &part, err);
    return made(s, part, status);
}

static pbase_status list_head(fault_scene *s, pbase_error *err)
{
    pbase_list *part = NULL;
    pbase_status status = pbase_list_head(fault_list(s, 0), 77, &part, err);
    return made(s, part, status);
}

static pbase_status list_tail(fault_scene *s, pbase_error *err)
{
    pbase_list *part = NULL;
    pbase_status status = pbase_list_tail(fault_list(s, 0), 77, &part, err);
    return made(s, part, status);
}

static pbase_status list_split(fault_scene *s, pbase_error *err)
{
    pbase_list *before = NULL, *after = NULL;
    pbase_status status = pbase_list_split(fault_list(s, 0), 123, &before, &after, err);
    fault_make(s, 1, pbase_list_as_collection(after));
    return made(s, before, status);
}

static pbase_status list_keep(fault_scene *s, pbase_error *err)
{
    pbase_list *kept = NULL;
    pbase_status status = pbase_list_keep(fault_list(s, 0), &kept, err);
    return made(s, kept, status);
}

/* A part that was made in the transaction, put behind another one. */
static void part_in_place_of_other(fault_scene *s)
{
    pbase_list *part = NULL;
    assert_int_equal(pbase_list_tail(fault_list(s, 1), 100, &part, NULL), PBASE_OK);
    pbase_collection_close(s->held[1]);
    fault_hold(s, 1, pbase_list_as_collection(part));
}

static pbase_status list_extend(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    pbase_status status = pbase_list_extend(&list, fault_list(s, 1), err);
    return held(s, list, status);
}

static pbase_status list_concat(fault_scene *s, pbase_error *err)
{
    pbase_list *list = fault_list(s, 0);
    pbase_status status = pbase_list_concat(&list, fault_list(s, 1), err);
    return held(s, list, status);
}

#define EDIT(noun, covers)                                                                         \
    {                                                                                              \
        .name = #noun, .functions = (covers), .place = FAULT_IN_TXN, .roots = {"list"},            \
        .when = (noun), .edits = true                                                              \
    }
#define PART(noun, covers)                                                                         \
    {                                                                                              \
        .name = #noun, .functions = (covers), .place = FAULT_IN_TXN, .roots = {"list"},            \
        .when = (noun), .is_cold = true                                                            \
    }

static const fault_scenario scenarios[] = {
    PART(list_read, "pbase_list_get pbase_list_get_bytes pbase_list_count pbase_list_cursor"),
    EDIT(list_append, "pbase_list_append"),
    EDIT(list_append_first, "pbase_list_append_first"),
    {.name = "list_append_all",
     .functions = "pbase_list_append_all",
     .place = FAULT_IN_TXN,
     .roots = {"list"},
     .given = many_values,
     .when = list_append_all,
     .end = free_given,
     .edits = true},
    EDIT(list_set, "pbase_list_set"),
    EDIT(list_insert, "pbase_list_insert"),
    EDIT(list_remove, "pbase_list_remove"),
    EDIT(list_remove_first, "pbase_list_remove_first"),
    EDIT(list_remove_last, "pbase_list_remove_last"),
    EDIT(list_remove_range, "pbase_list_remove_range"),
    PART(list_slice, "pbase_list_slice"),
    PART(list_head, "pbase_list_head"),
    PART(list_tail, "pbase_list_tail"),
    PART(list_split, "pbase_list_split"),
    PART(list_keep, "pbase_list_keep"),
    {.name = "list_extend",
     .functions = "pbase_list_extend",
     .place = FAULT_IN_TXN,
     .roots = {"list", "list2"},
     .when = list_extend,
     .edits = true},
    {.name = "list_concat_short",
     .functions = "pbase_list_concat",
     .place = FAULT_IN_TXN,
     .roots = {"list", "list2"},
     .when = list_concat,
     .edits = true},
    {.name = "list_concat_long",
     .functions = "pbase_list_concat",
     .place = FAULT_IN_TXN,
     .roots = {"list", "long"},
     .when = list_concat,
     .edits = true},
    {.name = "list_concat_part",
     .functions = "pbase_list_concat",
     .place = FAULT_IN_TXN,
     .roots = {"list", "long"},
     .given = part_in_place_of_other,
     .when = list_concat,
     .edits = true},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
