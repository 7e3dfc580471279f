/* test_key_encoding.c - the order of encoded keys is the order of values, and decoding gives the
 * identical value back. */
#include "collection/key_encoding.h"
#include "fault_alloc.h"
#include "random_value.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_encodes(const pbase_value *value, key_scratch *scratch, encoded_key *out)
{
    key_scratch_init(scratch, pbase_alloc_default());
    assert_int_equal(key_encode(value, scratch, out, NULL), PBASE_OK);
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void assert_agrees(const pbase_value *a, const pbase_value *b)
{
    key_scratch sa, sb;
    encoded_key ka, kb;
    assert_encodes(a, &sa, &ka);
    assert_encodes(b, &sb, &kb);
    assert_int_equal(sign(pbase_bytes_compare(ka.bytes, kb.bytes)),
                     sign(pbase_value_compare(a, b)));
    key_scratch_fini(&sa);
    key_scratch_fini(&sb);
}

static void assert_comes_back(const pbase_value *value)
{
    key_scratch scratch;
    encoded_key key;
    pbase_arena arena;
    pbase_value back;
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_encodes(value, &scratch, &key);
    assert_true(key_valid(&key));
    assert_int_equal(key_decode(&key, &arena, &back, NULL), PBASE_OK);
    assert_true(pbase_value_identical(value, &back));
    key_scratch_fini(&scratch);
    pbase_arena_fini(&arena);
}

/* Numbers around every border of int64 and double, and one of each other kind. */
static size_t hard_scalars(pbase_value *out)
{
    static const double doubles[] = {0.0,    -0.0,     1.0,      -1.0,    0.5,           -0.5,
                                     0x1p53, 0x1p62,   0x1p63,   -0x1p63, 0x1p64,        -0x1p64,
                                     5e-324, -5e-324,  1e308,    -1e308,  0x1p63 - 1024, 1e300,
                                     2.5,    HUGE_VAL, -HUGE_VAL};
    static const int64_t ints[] = {0,
                                   1,
                                   -1,
                                   INT64_MAX,
                                   INT64_MIN,
                                   INT64_MAX - 1,
                                   INT64_MIN + 1,
                                   INT64_MAX - 1023,
                                   INT64_MAX - 1024,
                                   (1LL << 53),
                                   (1LL << 53) + 1,
                                   (1LL << 53) - 1,
                                   -(1LL << 53) - 1,
                                   (1LL << 62) + 1,
                                   1000};
    size_t count = 0;
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++) {
        out[count++] = pbase_value_float(doubles[i]);
    }
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
        out[count++] = pbase_value_int(ints[i]);
        out[count++] = pbase_value_timestamp(ints[i]);
    }
    out[count++] = pbase_value_float((double)NAN);
    out[count++] = pbase_value_null();
    out[count++] = pbase_value_bool(false);
    out[count++] = pbase_value_bool(true);
    out[count++] = pbase_value_text("");
    out[count++] = pbase_value_text("a");
    out[count++] = pbase_value_string(pbase_bytes_of("a\0", 2));
    out[count++] = pbase_value_string(pbase_bytes_of("a\0b", 3));
    out[count++] = pbase_value_string(pbase_bytes_of("\0", 1));
    out[count++] = pbase_value_text("\xf0\x9f\x98\x80");
    out[count++] = pbase_value_bytes(pbase_bytes_of("\xff\x00\xff", 3));
    out[count++] = pbase_value_bytes(pbase_bytes_of("\xff", 1));
    out[count++] = pbase_value_reference((pbase_object_id){{0, 255, 7}});
    return count;
}
#define HARD_MAX 96u

static void keys_order_as_values_do_at_every_border(void **state)
{
    (void)state; /* no fixture */
    pbase_value scalars[HARD_MAX];
    size_t count = hard_scalars(scalars);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            assert_agrees(&scalars[i], &scalars[j]);
        }
    }
}

static void composite_keys_order_element_by_element(void **state)
{
    (void)state; /* no fixture */
    pbase_value scalars[HARD_MAX];
    size_t count = hard_scalars(scalars);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            pbase_value a[2] = {scalars[i], scalars[j]}, b[2] = {scalars[j], scalars[i]};
            pbase_value pair = pbase_value_list(a, 2), other = pbase_value_list(b, 2);
            pbase_value single = pbase_value_list(a, 1), none = pbase_value_list(NULL, 0);
            assert_agrees(&pair, &other);
            assert_agrees(&pair, &single);
            assert_agrees(&single, &none);
            assert_agrees(&single, &scalars[j]);
        }
    }
}

static void a_decoded_key_is_the_identical_value(void **state)
{
    (void)state; /* no fixture */
    pbase_value scalars[HARD_MAX];
    size_t count = hard_scalars(scalars);
    for (size_t i = 0; i < count; i++) {
        assert_comes_back(&scalars[i]);
    }
    pbase_value all = pbase_value_list(scalars, count);
    assert_comes_back(&all);
}

static void random_keys_agree_with_values(void **state)
{
    (void)state; /* no fixture */
    seed_random random;
    seed_random_init(&random, seed_for("key encoding"));
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    for (int i = 0; i < 20000; i++) {
        pbase_value items[6];
        for (int k = 0; k < 6; k++) {
            items[k] = random_scalar(&random, 20, &arena);
        }
        pbase_value a = pbase_value_list(items, (size_t)seed_below(&random, 4));
        pbase_value b =
            pbase_value_list(items + seed_below(&random, 3), (size_t)seed_below(&random, 4));
        assert_agrees(&a, &b);
        assert_agrees(&items[0], &items[1]);
        assert_comes_back(&a);
        assert_comes_back(&items[2]);
        pbase_arena_reset(&arena);
    }
    pbase_arena_fini(&arena);
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state; /* no fixture */
    pbase_value one = pbase_value_int(1), inner = pbase_value_list(&one, 1);
    float number = 1;
    pbase_field field = {pbase_bytes_text("a"), one};
    pbase_value refused[] = {pbase_value_map(&field, 1), pbase_value_vector(&number, 1),
                             pbase_value_child(0), pbase_value_list(&inner, 1),
                             pbase_value_text("\xff")};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        key_scratch scratch;
        encoded_key key;
        pbase_error err;
        pbase_error_init(&err);
        key_scratch_init(&scratch, pbase_alloc_default());
        assert_int_equal(key_encode(&refused[i], &scratch, &key, &err), PBASE_INVALID);
        assert_string_not_equal(err.message, "");
        key_scratch_fini(&scratch);
    }
}

static void the_longest_key_is_64_kib(void **state)
{
    (void)state; /* no fixture */
    uint8_t *bytes = calloc(1, PBASE_KEY_BYTES_MAX);
    pbase_value longest = pbase_value_bytes(pbase_bytes_of(bytes, PBASE_KEY_BYTES_MAX - 1));
    pbase_value longer = pbase_value_bytes(pbase_bytes_of(bytes, PBASE_KEY_BYTES_MAX));
    pbase_value escaped = pbase_value_list(&longest, 1);
    key_scratch scratch;
    encoded_key key;
    assert_comes_back(&longest);
    key_scratch_init(&scratch, pbase_alloc_default());
    assert_int_equal(key_encode(&longer, &scratch, &key, NULL), PBASE_LIMIT);
    assert_int_equal(key_encode(&escaped, &scratch, &key, NULL), PBASE_LIMIT);
    key_scratch_fini(&scratch);
    free(bytes);
}

static void a_long_key_without_memory_is_no_memory(void **state)
{
    (void)state; /* no fixture */
    fault_alloc fa;
    uint8_t bytes[1000] = {0};
    pbase_value value = pbase_value_bytes(pbase_bytes_of(bytes, sizeof bytes));
    key_scratch scratch;
    encoded_key key;
    fault_alloc_init(&fa);
    fault_alloc_fail_at(&fa, 1);
    key_scratch_init(&scratch, &fa.alloc);
    assert_int_equal(key_encode(&value, &scratch, &key, NULL), PBASE_NO_MEMORY);
    assert_int_equal(key_encode(&value, &scratch, &key, NULL), PBASE_OK);
    key_scratch_fini(&scratch);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void a_mutated_key_is_refused_or_means_what_it_says(void **state)
{
    (void)state; /* no fixture */
    seed_random random;
    seed_random_init(&random, seed_for("key mutations"));
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    for (int i = 0; i < 20000; i++) {
        pbase_value items[3] = {random_scalar(&random, 12, &arena),
                                random_scalar(&random, 12, &arena),
                                random_scalar(&random, 12, &arena)};
        pbase_value list = pbase_value_list(items, 3), back;
        key_scratch scratch, again_scratch;
        encoded_key key, again;
        assert_encodes(i % 2 == 0 ? &list : &items[0], &scratch, &key);
        uint8_t *at = scratch.small + seed_below(&random, key.bytes.size + key.spelling.size);
        *at = (uint8_t)seed_next(&random);
        if (key_decode(&key, &arena, &back, NULL) == PBASE_OK) {
            assert_true(key_valid(&key));
            assert_encodes(&back, &again_scratch, &again);
            assert_true(pbase_bytes_equal(key.bytes, again.bytes));
            assert_true(pbase_bytes_equal(key.spelling, again.spelling));
            key_scratch_fini(&again_scratch);
        } else {
            assert_false(key_valid(&key));
        }
        key_scratch_fini(&scratch);
        pbase_arena_reset(&arena);
    }
    pbase_arena_fini(&arena);
}

static void a_key_is_described_for_people(void **state)
{
    (void)state; /* no fixture */
    pbase_value items[] = {pbase_value_int(1), pbase_value_text("smith"), pbase_value_null()};
    pbase_value list = pbase_value_list(items, 3);
    key_scratch scratch;
    encoded_key key;
    char text[32];
    assert_encodes(&list, &scratch, &key);
    key_describe(key.bytes, text, sizeof text);
    assert_string_equal(text, "[1, 'smith', null]");
    key_describe(key.bytes, text, 12);
    assert_string_equal(text, "[1, 'smi...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_order_as_values_do_at_every_border),
        cmocka_unit_test(composite_keys_order_element_by_element),
        cmocka_unit_test(a_decoded_key_is_the_identical_value),
        cmocka_unit_test(random_keys_agree_with_values),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(the_longest_key_is_64_kib),
        cmocka_unit_test(a_long_key_without_memory_is_no_memory),
        cmocka_unit_test(a_mutated_key_is_refused_or_means_what_it_says),
        cmocka_unit_test(a_key_is_described_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
