/* test_move_plan.c - which segments are chosen to be emptied. */
#include "txn/move_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIB ((uint64_t)1 << 20)

static const move_limits any = {.bytes_max = 1024 * MIB, .gain_min = 1};

/* A full segment of 64 MiB; what is alive, and what of that is pinned, in MiB. */
static segment_marks *add(marks *m, uint32_t log_id, uint64_t live, uint64_t pinned)
{
    bool first = false;
    segment_marks *segment = NULL;
    pbase_segment_info info = {
        .log_id = log_id, .size_bytes = 64 * MIB, .held_bytes = 64 * MIB, .sealed = 1};
    atom_ref atom = atom_ref_of_pointer(pbase_atom_pointer_of(log_id, 64));
    assert_int_equal(marks_add_segment(m, &info, NULL), PBASE_OK);
    segment = marks_segment(m, log_id);
    if (live > 0) {
        assert_int_equal(marks_add(m, atom, &first, &segment, NULL), PBASE_OK);
    }
    segment->live_bytes = live * MIB;
    segment->pinned_bytes = pinned * MIB;
    return segment;
}

typedef struct {
    marks marks;
    move_plan plan;
} chosen;

static void begin(chosen *c)
{
    marks_init(&c->marks, pbase_alloc_default());
    move_plan_init(&c->plan, pbase_alloc_default());
}

static void end(chosen *c)
{
    marks_fini(&c->marks);
    move_plan_fini(&c->plan);
}

static void segments_that_are_hardly_alive_are_chosen_first(void **unused)
{
    (void)unused;
    chosen c;
    begin(&c);
    add(&c.marks, 1, 60, 0); /* gives back too little */
    add(&c.marks, 2, 20, 0);
    add(&c.marks, 3, 10, 0);
    add(&c.marks, 4, 30, 0);
    add(&c.marks, 5, 0, 0); /* dead: it is retired, not emptied */
    const move_limits limits = {.bytes_max = 35 * MIB, .gain_min = 1};
    assert_int_equal(move_plan_make(&c.plan, &c.marks, &limits, NULL), PBASE_OK);
    assert_int_equal(c.plan.count, 2);
    assert_true(move_plan_has(&c.plan, 2) && move_plan_has(&c.plan, 3));
    assert_int_equal(c.plan.bytes, 30 * MIB);
    assert_int_equal(move_plan_make(&c.plan, &c.marks, &any, NULL), PBASE_OK);
    assert_int_equal(c.plan.count, 3);
    assert_false(move_plan_has(&c.plan, 1) || move_plan_has(&c.plan, 5));
    end(&c);
}

static void what_is_pinned_is_not_paid_for_and_not_given_back(void **unused)
{
    (void)unused;
    chosen c;
    begin(&c);
    add(&c.marks, 1, 30, 30); /* nothing can be moved */
    add(&c.marks, 2, 40, 30); /* what stays takes its blocks */
    add(&c.marks, 3, 12, 2);
    assert_int_equal(move_plan_make(&c.plan, &c.marks, &any, NULL), PBASE_OK);
    assert_int_equal(c.plan.count, 1);
    assert_true(move_plan_has(&c.plan, 3));
    assert_int_equal(c.plan.bytes, 10 * MIB);
    end(&c);
}

static void the_segment_that_grows_and_those_that_are_gone_are_left(void **unused)
{
    (void)unused;
    chosen c;
    begin(&c);
    add(&c.marks, 1, 1, 0)->is_sealed = false;
    add(&c.marks, 2, 1, 0)->held_bytes = 0;
    add(&c.marks, 3, 1, 0)->held_bytes = MIB + 8192; /* holes already */
    assert_int_equal(move_plan_make(&c.plan, &c.marks, &any, NULL), PBASE_OK);
    assert_int_equal(c.plan.count, 0);
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_that_are_hardly_alive_are_chosen_first),
        cmocka_unit_test(what_is_pinned_is_not_paid_for_and_not_given_back),
        cmocka_unit_test(the_segment_that_grows_and_those_that_are_gone_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
