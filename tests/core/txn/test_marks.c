/* test_marks.c - what is marked counts once, in the segment that holds it. */
#include "txn/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static atom_ref at(uint32_t log_id, uint64_t offset)
{
    return atom_ref_of_pointer(pbase_atom_pointer_of(log_id, offset));
}

static void an_atom_counts_once_with_its_header_and_padding(void **unused)
{
    (void)unused;
    marks m;
    bool first = false;
    marks_init(&m, pbase_alloc_default());
    assert_int_equal(marks_add_segment(&m, 2, 4096, NULL), PBASE_OK);
    assert_int_equal(marks_add_segment(&m, 5, 4096, NULL), PBASE_OK);
    assert_int_equal(marks_add(&m, at(5, 64), 100, &first, NULL), PBASE_OK);
    assert_true(first);
    assert_int_equal(marks_add(&m, at(5, 64), 100, &first, NULL), PBASE_OK);
    assert_false(first);
    assert_int_equal(marks_add(&m, at(5, 4032), 1, &first, NULL), PBASE_OK);
    assert_true(first);
    assert_int_equal(m.items[1].live_bytes, 128 + 64);
    assert_null(m.items[0].begins);
    marks_fini(&m);
}

static void atoms_elsewhere_are_remembered_one_by_one(void **unused)
{
    (void)unused;
    marks m;
    bool first = false;
    marks_init(&m, pbase_alloc_default());
    assert_int_equal(marks_add_segment(&m, 2, 4096, NULL), PBASE_OK);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(marks_add(&m, at(3, 64), 100, &first, NULL), PBASE_OK);
        assert_int_equal(first, round == 0);
        assert_int_equal(marks_add(&m, (atom_ref)0x7f0000001000, 100, &first, NULL), PBASE_OK);
        assert_int_equal(first, round == 0);
    }
    assert_int_equal(m.items[0].live_bytes, 0);
    marks_fini(&m);
}

static void an_atom_behind_the_end_of_its_segment_is_damage(void **unused)
{
    (void)unused;
    marks m;
    bool first = false;
    marks_init(&m, pbase_alloc_default());
    assert_int_equal(marks_add_segment(&m, 2, 4096, NULL), PBASE_OK);
    assert_int_equal(marks_add(&m, at(2, 4096), 100, &first, NULL), PBASE_CORRUPT);
    marks_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_atom_counts_once_with_its_header_and_padding),
        cmocka_unit_test(atoms_elsewhere_are_remembered_one_by_one),
        cmocka_unit_test(an_atom_behind_the_end_of_its_segment_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
