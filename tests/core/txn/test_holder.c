/* test_holder.c - links from children up to the entries that hold them, as bytes and back. */
#include "txn/holder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const pbase_collection_id by = {77, 3};

static void a_link_to_a_key_comes_back(void **unused)
{
    (void)unused;
    holder up;
    pbase_buffer link;
    pbase_buffer_init(&link, pbase_alloc_default());
    pbase_bytes key = pbase_bytes_text("\x04name");
    assert_int_equal(holder_write(by, key, 9, &link, NULL), PBASE_OK);
    assert_true(holder_read(pbase_buffer_view(&link), &up));
    assert_false(up.in_list);
    assert_false(up.is_cut);
    assert_true(pbase_bytes_equal(up.key, key));
    assert_true(holder_is(&up, by, key));
    assert_false(holder_is(&up, by, pbase_bytes_text("\x04nam")));
    assert_false(holder_is(&up, by, pbase_bytes_of(NULL, 0)));
    assert_false(holder_is(&up, (pbase_collection_id){77, 4}, key));
    pbase_buffer_fini(&link);
}

static void a_link_into_a_list_has_the_index(void **unused)
{
    (void)unused;
    holder up;
    pbase_buffer link;
    pbase_buffer_init(&link, pbase_alloc_default());
    assert_int_equal(holder_write(by, pbase_bytes_of(NULL, 0), 300, &link, NULL), PBASE_OK);
    assert_true(holder_read(pbase_buffer_view(&link), &up));
    assert_true(up.in_list);
    assert_int_equal(up.index, 300);
    assert_true(holder_is(&up, by, pbase_bytes_of(NULL, 0)));
    assert_false(holder_is(&up, by, pbase_bytes_text("k")));
    pbase_buffer_fini(&link);
}

static void of_a_long_key_the_beginning_is_kept(void **unused)
{
    (void)unused;
    holder up;
    pbase_buffer link;
    char text[HOLDER_KEY_BYTES_MAX + 2];
    memset(text, 'k', sizeof text);
    pbase_buffer_init(&link, pbase_alloc_default());
    pbase_bytes whole = pbase_bytes_of(text, HOLDER_KEY_BYTES_MAX);
    pbase_bytes longer = pbase_bytes_of(text, sizeof text);
    assert_int_equal(holder_write(by, longer, 0, &link, NULL), PBASE_OK);
    assert_true(link.size <= HOLDER_BYTES_MAX);
    assert_true(holder_read(pbase_buffer_view(&link), &up));
    assert_true(up.is_cut);
    assert_true(holder_is(&up, by, longer));
    assert_false(holder_is(&up, by, whole));
    link.size = 0;
    assert_int_equal(holder_write(by, whole, 0, &link, NULL), PBASE_OK);
    assert_true(holder_read(pbase_buffer_view(&link), &up));
    assert_false(up.is_cut);
    assert_true(holder_is(&up, by, whole));
    assert_false(holder_is(&up, by, longer));
    pbase_buffer_fini(&link);
}

static void what_is_cut_or_changed_is_no_link_or_stays_within_bounds(void **unused)
{
    (void)unused;
    holder up;
    pbase_buffer link;
    pbase_buffer_init(&link, pbase_alloc_default());
    assert_int_equal(holder_write(by, pbase_bytes_text("key"), 0, &link, NULL), PBASE_OK);
    for (size_t size = 0; size < link.size; size++) { /* under address sanitizer each in its own */
        uint8_t *cut = malloc(size + 1);
        memcpy(cut, link.data, size);
        assert_false(holder_read(pbase_bytes_of(cut, size), &up));
        free(cut);
    }
    assert_int_equal(pbase_buffer_append_u8(&link, 0, NULL), PBASE_OK);
    assert_false(holder_read(pbase_buffer_view(&link), &up)); /* bytes behind it */
    link.size--;
    for (size_t at = 0; at < link.size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            link.data[at] ^= (uint8_t)(1u << bit);
            if (holder_read(pbase_buffer_view(&link), &up)) {
                assert_true(up.key.size == 0 ||
                            (up.key.data >= link.data &&
                             up.key.data + up.key.size <= link.data + link.size));
            }
            link.data[at] ^= (uint8_t)(1u << bit);
        }
    }
    pbase_buffer_fini(&link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_to_a_key_comes_back),
        cmocka_unit_test(a_link_into_a_list_has_the_index),
        cmocka_unit_test(of_a_long_key_the_beginning_is_kept),
        cmocka_unit_test(what_is_cut_or_changed_is_no_link_or_stays_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
