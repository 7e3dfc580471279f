/* test_atom_map.c - an atom in a map is lent without a call once it has been verified, not before. */
#include "atom/atom_source.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEGMENT_BYTES 4096u
#define AT (2 * PBASE_ATOM_ALIGN) /* where the one atom of the segment begins */
#define LOG_ID 4097u              /* not on the first page of the table */

typedef struct {
    atom_source source;
    atom_map *map;
    atom_map_page *page;
    mapped_segment segment;
    _Atomic uint64_t verified[SEGMENT_BYTES / PBASE_ATOM_ALIGN / 64];
    uint8_t data[SEGMENT_BYTES];
} fixture;

/* Says that it was asked. */
static pbase_status hear_acquire(atom_source *self, pbase_atom_pointer pointer, atom_view *out,
                                 pbase_error *err)
{
    (void)self;
    (void)pointer;
    (void)out;
    (void)err;
    return PBASE_CANCELLED;
}

static const atom_source_vtable hearing = {.acquire = hear_acquire};

static int begin(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->map = calloc(1, sizeof *f->map);
    f->page = calloc(1, sizeof *f->page);
    assert_true(f->map != NULL && f->page != NULL);
    f->source.vtable = &hearing;
    f->source.map = f->map;
    f->segment.data = f->data;
    f->segment.verified = f->verified;
    f->segment.verified_bits = SEGMENT_BYTES / PBASE_ATOM_ALIGN;
    atomic_store(&f->segment.size_bytes, SEGMENT_BYTES / 2);
    atomic_store(&f->page->slots[LOG_ID % ATOM_MAP_FANOUT], &f->segment);
    atomic_store(&f->map->pages[LOG_ID / ATOM_MAP_FANOUT], f->page);
    pbase_put_u32(f->data + AT + ATOM_MAPPED_AT_SIZE, 100);
    f->data[AT + ATOM_MAPPED_AT_TYPE] = ATOM_VALUE;
    *state = f;
    return 0;
}

static int end(void **state)
{
    fixture *f = *state;
    free(f->map);
    free(f->page);
    free(f);
    return 0;
}

static pbase_status lend(fixture *f, uint32_t log_id, uint64_t offset, atom_view *out)
{
    atom_ref ref = atom_ref_of_pointer(pbase_atom_pointer_of(log_id, offset));
    atom_prefetch(&f->source, ref, 1000); /* never more than a hint */
    return atom_acquire(&f->source, ref, out, NULL);
}

static void verify(fixture *f, uint64_t offset)
{
    uint64_t bit = offset / PBASE_ATOM_ALIGN;
    atomic_fetch_or(&f->verified[bit / 64], (uint64_t)1 << (bit % 64));
}

static void an_atom_that_was_verified_is_lent_in_place(void **state)
{
    fixture *f = *state;
    atom_view view = {0};
    verify(f, AT);

    assert_int_equal(lend(f, LOG_ID, AT, &view), PBASE_OK);

    assert_ptr_equal(view.payload, f->data + AT + ATOM_MAPPED_HEADER);
    assert_int_equal(view.size, 100);
    assert_int_equal(view.type, ATOM_VALUE);
    assert_null(view.pin);
}

static void whoever_was_not_verified_is_asked_for(void **state)
{
    fixture *f = *state;
    atom_view view;
    verify(f, AT + PBASE_ATOM_ALIGN); /* the bit of another one */

    assert_int_equal(lend(f, LOG_ID, AT, &view), PBASE_CANCELLED);
}

static void what_lies_nowhere_is_asked_for(void **state)
{
    fixture *f = *state;
    atom_view view;
    verify(f, AT);
    verify(f, SEGMENT_BYTES / 2);

    assert_int_equal(lend(f, LOG_ID, AT + 16, &view), PBASE_CANCELLED); /* no atom begins there */
    assert_int_equal(lend(f, LOG_ID, SEGMENT_BYTES / 2, &view), PBASE_CANCELLED); /* past its end */
    assert_int_equal(lend(f, LOG_ID + 1, AT, &view), PBASE_CANCELLED); /* no such segment */
    assert_int_equal(lend(f, 1, AT, &view), PBASE_CANCELLED);          /* no such page */
    f->source.map = NULL;
    assert_int_equal(lend(f, LOG_ID, AT, &view), PBASE_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_atom_that_was_verified_is_lent_in_place, begin, end),
        cmocka_unit_test_setup_teardown(whoever_was_not_verified_is_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(what_lies_nowhere_is_asked_for, begin, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
