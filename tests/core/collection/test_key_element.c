/* test_key_element.c - any value as an element: order, equality, and back to the identical value. */
#include "collection/key_element.h"
#include "fault_alloc.h"
#include "random_value.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static pbase_arena arena;

static int begin(void **unused)
{
    (void)unused;
    pbase_arena_init(&arena, pbase_alloc_default());
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    pbase_arena_fini(&arena);
    return 0;
}

/* A hashed key of `value` in memory of its own; the caller frees. */
typedef struct {
    key_scratch scratch;
    encoded_key key;
} hashed;

static void hashed_init(hashed *self, const pbase_value *value)
{
    key_scratch_init(&self->scratch, pbase_alloc_default());
    assert_int_equal(key_encode_hashed(value, &self->scratch, &self->key, NULL), PBASE_OK);
}

static pbase_bytes element_of(const hashed *self)
{
    return pbase_bytes_of(self->key.bytes.data + KEY_HASH_BYTES,
                          self->key.bytes.size - KEY_HASH_BYTES);
}

static pbase_value value_of(const char *name, pbase_value value)
{
    pbase_field *field = pbase_arena_array(&arena, 1, sizeof *field);
    assert_non_null(field);
    field->name = pbase_bytes_text(name);
    field->value = value;
    return pbase_value_map(field, 1);
}

static void equal_values_are_one_key_in_its_first_spelling(void **unused)
{
    (void)unused;
    static const float zeros[] = {-0.0f, NAN}, others[] = {0.0f, NAN};
    pbase_field ab[] = {{pbase_bytes_text("a"), pbase_value_int(1)},
                        {pbase_bytes_text("b"), pbase_value_float(-0.0)}};
    pbase_field ba[] = {{pbase_bytes_text("b"), pbase_value_int(0)},
                        {pbase_bytes_text("a"), pbase_value_float(1.0)}};
    pbase_value pairs[][2] = {
        {pbase_value_map(ab, 2), pbase_value_map(ba, 2)},
        {pbase_value_vector(zeros, 2), pbase_value_vector(others, 2)},
        {value_of("x", pbase_value_int(7)), value_of("x", pbase_value_float(7.0))},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        hashed one, other;
        pbase_value back;
        hashed_init(&one, &pairs[i][0]);
        hashed_init(&other, &pairs[i][1]);
        assert_true(pbase_bytes_equal(one.key.bytes, other.key.bytes));
        assert_int_equal(key_decode_hashed(&one.key, &arena, &back, NULL), PBASE_OK);
        assert_true(pbase_value_identical(&back, &pairs[i][0]));
        assert_int_equal(key_decode_hashed(&other.key, &arena, &back, NULL), PBASE_OK);
        assert_true(pbase_value_identical(&back, &pairs[i][1]));
        key_scratch_fini(&one.scratch);
        key_scratch_fini(&other.scratch);
    }
}

static int sign(int order)
{
    return order < 0 ? -1 : order > 0;
}

static void bytes_have_the_order_of_values_and_give_them_back(void **unused)
{
    (void)unused;
    seed_random random;
    random_value_options options = {.depth_max = 4, .items_max = 4};
    seed_random_init(&random, seed_for("key element"));
    pbase_value before = pbase_value_null();
    int rounds = seed_is_long_run() ? 1000000 : 60000;
    pbase_arena kept;
    pbase_arena_init(&kept, pbase_alloc_default());
    for (int i = 0; i < rounds; i++) {
        pbase_value value = random_value(&random, &options, i % 2 == 0 ? &arena : &kept), back;
        hashed one, other;
        hashed_init(&one, &before);
        hashed_init(&other, &value);
        assert_int_equal(sign(pbase_bytes_compare(element_of(&one), element_of(&other))),
                         sign(pbase_value_compare(&before, &value)));
        assert_true(key_valid_as(&other.key, KEY_SHAPE_HASHED));
        pbase_arena decoded;
        pbase_arena_init(&decoded, pbase_alloc_default());
        assert_int_equal(key_decode_hashed(&other.key, &decoded, &back, NULL), PBASE_OK);
        assert_true(pbase_value_identical(&back, &value));
        pbase_arena_fini(&decoded);
        key_scratch_fini(&one.scratch);
        key_scratch_fini(&other.scratch);
        before = value;
        pbase_arena_reset(i % 2 == 0 ? &kept : &arena);
    }
    pbase_arena_fini(&kept);
}

static void pairs_sort_by_key_then_record(void **unused)
{
    (void)unused;
    seed_random random;
    random_value_options options = {.depth_max = 2, .items_max = 3};
    seed_random_init(&random, seed_for("key pair"));
    for (int i = 0; i < 20000; i++) {
        pbase_value keys[2], records[2], key, record;
        key_scratch scratch[4];
        encoded_key pairs[2];
        pbase_bytes low, high;
        pbase_arena_reset(&arena);
        for (size_t k = 0; k < 2; k++) {
            keys[k] =
                k == 1 && seed_below(&random, 2) == 0 ? keys[0] : random_scalar(&random, 3, &arena);
            records[k] = random_value(&random, &options, &arena);
            key_scratch_init(&scratch[k], pbase_alloc_default());
            assert_int_equal(key_encode_pair(&keys[k], &records[k], &scratch[k], &pairs[k], NULL),
                             PBASE_OK);
        }
        int order = pbase_value_compare(&keys[0], &keys[1]);
        order = order != 0 ? order : pbase_value_compare(&records[0], &records[1]);
        assert_int_equal(sign(pbase_bytes_compare(pairs[0].bytes, pairs[1].bytes)), sign(order));
        assert_int_equal(key_decode_pair(&pairs[0], &arena, &key, &record, NULL), PBASE_OK);
        assert_true(pbase_value_identical(&key, &keys[0]));
        assert_true(pbase_value_identical(&record, &records[0]));
        key_scratch_init(&scratch[2], pbase_alloc_default());
        key_scratch_init(&scratch[3], pbase_alloc_default());
        assert_int_equal(key_encode_lead(&keys[0], false, &scratch[2], &low, NULL), PBASE_OK);
        assert_int_equal(key_encode_lead(&keys[0], true, &scratch[3], &high, NULL), PBASE_OK);
        assert_true(pbase_bytes_equal(key_pair_lead(pairs[0].bytes), low));
        for (size_t k = 0; k < 2; k++) {
            bool inside = pbase_bytes_compare(pairs[k].bytes, low) > 0 &&
                          pbase_bytes_compare(pairs[k].bytes, high) < 0;
            assert_int_equal(inside, pbase_value_compare(&keys[k], &keys[0]) == 0);
        }
        for (size_t k = 0; k < 4; k++) {
            key_scratch_fini(&scratch[k]);
        }
    }
}

static void damaged_keys_are_refused_or_decode(void **unused)
{
    (void)unused;
    seed_random random;
    random_value_options options = {.depth_max = 3, .items_max = 4};
    seed_random_init(&random, seed_for("key damage"));
    for (int i = 0; i < 60000; i++) {
        pbase_value key = pbase_value_int(i), record, back, more;
        key_scratch scratch;
        encoded_key pair;
        uint8_t bytes[4096];
        pbase_arena_reset(&arena);
        record = random_value(&random, &options, &arena);
        key_scratch_init(&scratch, pbase_alloc_default());
        assert_int_equal(key_encode_pair(&key, &record, &scratch, &pair, NULL), PBASE_OK);
        if (pair.bytes.size + pair.spelling.size <= sizeof bytes) {
            size_t size = pair.bytes.size, spelled = pair.spelling.size;
            memcpy(bytes, pair.bytes.data, size);
            if (spelled != 0) {
                memcpy(bytes + size, pair.spelling.data, spelled);
            }
            bytes[seed_below(&random, size + spelled)] = (uint8_t)seed_next(&random);
            size_t cut = seed_below(&random, 3) < size ? seed_below(&random, 3) : 0;
            encoded_key damaged = {pbase_bytes_of(bytes, size - cut),
                                   pbase_bytes_of(bytes + size, spelled)};
            bool valid = key_valid_as(&damaged, KEY_SHAPE_PAIR);
            pbase_status status = key_decode_pair(&damaged, &arena, &back, &more, NULL);
            assert_int_equal(status, valid ? PBASE_OK : PBASE_CORRUPT);
            if (valid) { /* then it is what its own value encodes to */
                key_scratch again;
                encoded_key same;
                key_scratch_init(&again, pbase_alloc_default());
                assert_int_equal(key_encode_pair(&back, &more, &again, &same, NULL), PBASE_OK);
                assert_true(pbase_bytes_equal(same.bytes, damaged.bytes));
                assert_true(pbase_bytes_equal(same.spelling, damaged.spelling));
                key_scratch_fini(&again);
            }
        }
        key_scratch_fini(&scratch);
    }
}

static pbase_status try(const pbase_value *value)
{
    key_scratch scratch;
    encoded_key key;
    key_scratch_init(&scratch, pbase_alloc_default());
    pbase_status status = key_encode_hashed(value, &scratch, &key, NULL);
    key_scratch_fini(&scratch);
    return status;
}

static void limits_of_keys_are_told(void **unused)
{
    (void)unused;
    static uint8_t text[PBASE_KEY_BYTES_MAX];
    static pbase_field fields[KEY_FIELDS_MAX + 1];
    static char names[KEY_FIELDS_MAX + 1][8];
    memset(text, 'x', sizeof text);
    pbase_value child = pbase_value_child(0);
    assert_int_equal(try(&child), PBASE_INVALID);
    pbase_value twice[2] = {pbase_value_string(pbase_bytes_of(text, 40000)),
                            pbase_value_string(pbase_bytes_of(text, 40000))};
    pbase_value list = pbase_value_list(twice, 2);
    assert_int_equal(try(&twice[0]), PBASE_OK);
    assert_int_equal(try(&list), PBASE_LIMIT);
    for (size_t i = 0; i <= KEY_FIELDS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "%u", KEY_FIELDS_MAX - (unsigned)i);
        fields[i] = (pbase_field){pbase_bytes_text(names[i]), pbase_value_null()};
    }
    pbase_value map = pbase_value_map(fields, KEY_FIELDS_MAX + 1);
    assert_int_equal(try(&map), PBASE_LIMIT);
    map.as.map.count = KEY_FIELDS_MAX;
    hashed key;
    pbase_value back;
    hashed_init(&key, &map);
    assert_int_equal(key_decode_hashed(&key.key, &arena, &back, NULL), PBASE_OK);
    assert_true(pbase_value_identical(&back, &map));
    key_scratch_fini(&key.scratch);
    fields[1] = fields[0];
    assert_int_equal(try(&map), PBASE_INVALID);
    pbase_value nested = pbase_value_null();
    for (unsigned depth = 0; depth < PBASE_DEPTH_MAX; depth++) {
        nested = value_of("n", nested);
    }
    assert_int_equal(try(&nested), PBASE_OK);
    nested = value_of("n", nested);
    assert_int_equal(try(&nested), PBASE_LIMIT);
}

static void without_memory_nothing_leaks(void **unused)
{
    (void)unused;
    fault_alloc fa;
    static uint8_t text[1000];
    memset(text, 'x', sizeof text);
    pbase_field fields[] = {
        {pbase_bytes_text("b"), pbase_value_float(1.0)},
        {pbase_bytes_text("a"), pbase_value_string(pbase_bytes_of(text, sizeof text))}};
    pbase_value map = pbase_value_map(fields, 2);
    fault_alloc_init(&fa);
    for (uint64_t n = 1;; n++) {
        key_scratch scratch;
        encoded_key key;
        key_scratch_init(&scratch, &fa.alloc);
        fault_alloc_fail_at(&fa, n);
        pbase_status status = key_encode_hashed(&map, &scratch, &key, NULL);
        bool failed = fault_alloc_has_failed(&fa);
        key_scratch_fini(&scratch);
        assert_int_equal(fault_alloc_live_bytes(&fa), 0);
        assert_int_equal(status, failed ? PBASE_NO_MEMORY : PBASE_OK);
        if (!failed) {
            break;
        }
    }
}

int main(void)
{
#define SENTENCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        SENTENCE(equal_values_are_one_key_in_its_first_spelling),
        SENTENCE(bytes_have_the_order_of_values_and_give_them_back),
        SENTENCE(pairs_sort_by_key_then_record),
        SENTENCE(damaged_keys_are_refused_or_decode),
        SENTENCE(limits_of_keys_are_told),
        SENTENCE(without_memory_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
