/* test_mapping_many.c - many look-ups at once give what one after another give, and hold nothing after
 * a failure. */
#include "fault_alloc.h"
#include "handle_fixture.h"
#include "seed.h"

#define KEYS_MAX 200u

static pbase_dict *open_dict(fixture *f, atom_ref root)
{
    return collection_dict(open_on(f, PBASE_COLLECTION_DICT, root));
}

/* A dictionary of 0, 3, 6, ...; each value has a size of its own, some are large. */
static pbase_dict *filled(fixture *f, int64_t count)
{
    static const uint8_t bytes[2000] = {9, 8, 7};
    pbase_dict *dict = open_dict(f, ATOM_REF_NONE);
    for (int64_t i = 0; i < count; i++) {
        pbase_value key = pbase_value_int(i * 3);
        size_t size = i % 50 == 0 ? sizeof bytes : (size_t)(i % 100 + 1);
        assert_int_equal(pbase_dict_put_bytes(&dict, &key, pbase_bytes_of(bytes, size), NULL, NULL),
                         PBASE_OK);
    }
    return dict;
}

/* The same content on storage. */
static pbase_dict *settled(fixture *f, pbase_dict *dict)
{
    atom_ref stored;
    const tree *content = collection_tree(collection_of_dict(dict));
    assert_int_equal(tree_settle(&f->store.source, content->root, &stored, NULL), PBASE_OK);
    pbase_dict_close(dict);
    return open_dict(f, stored);
}

static void assert_agrees(const pbase_dict *dict, const pbase_value *keys, size_t count)
{
    pbase_reader *one, *many;
    pbase_bytes values[KEYS_MAX];
    assert_int_equal(pbase_reader_create(NULL, &one, NULL), PBASE_OK);
    assert_int_equal(pbase_reader_create(NULL, &many, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_get_many(dict, keys, count, many, values, NULL), PBASE_OK);
    for (size_t i = 0; i < count; i++) {
        pbase_bytes value;
        pbase_status status = pbase_dict_get_bytes(dict, &keys[i], one, &value, NULL);
        assert_int_equal(values[i].data != NULL, status == PBASE_OK);
        assert_true(status != PBASE_OK || pbase_bytes_equal(values[i], value));
    }
    pbase_reader_close(many);
    pbase_reader_close(one);
}

static void many_agree_with_one_after_another(void **state)
{
    (void)state; /* no fixture */
    static const int64_t counts[] = {0, 1, 5, 40, 3000};
    seed_random random;
    seed_random_init(&random, seed_for("many_agree_with_one_after_another"));
    for (size_t i = 0; i < 2 * sizeof counts / sizeof counts[0]; i++) {
        fixture f;
        fixture_init(&f, pbase_alloc_default(), false);
        int64_t size = counts[i / 2];
        pbase_dict *dict = filled(&f, size);
        dict = i % 2 == 1 && size > 0 ? settled(&f, dict) : dict;
        for (size_t count = 0; count <= KEYS_MAX; count += 1 + count / 3) {
            pbase_value keys[KEYS_MAX]; /* there, missing, and some twice */
            for (size_t k = 0; k < count; k++) {
                keys[k] = pbase_value_int((int64_t)seed_below(&random, (uint64_t)size * 4 + 2) - 1);
            }
            assert_agrees(dict, keys, count);
        }
        assert_int_equal(atomic_load(&f.store.pins), 0);
        pbase_dict_close(dict);
        fixture_fini(&f);
    }
}

static void all_are_lent_until_the_reader_is_used_again(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_reader *reader;
    pbase_value keys[40];
    pbase_bytes values[40];
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = settled(&f, filled(&f, 1000));
    for (int64_t i = 0; i < 40; i++) {
        keys[i] = pbase_value_int(i * 75);
    }
    assert_int_equal(pbase_reader_create(NULL, &reader, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_get_many(dict, keys, 40, reader, values, NULL), PBASE_OK);
    assert_true(atomic_load(&f.store.pins) >= 40);
    assert_int_equal(pbase_dict_get_bytes(dict, &keys[1], reader, &values[0], NULL), PBASE_OK);
    assert_int_equal(atomic_load(&f.store.pins), 1);
    assert_int_equal(pbase_dict_get_many(dict, keys, 0, reader, values, NULL), PBASE_OK);
    assert_int_equal(atomic_load(&f.store.pins), 0);
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void what_is_no_key_lends_nothing(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_reader *reader;
    pbase_error err;
    pbase_value keys[20];
    pbase_bytes values[20];
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_error_init(&err);
    pbase_dict *dict = settled(&f, filled(&f, 100));
    for (int64_t i = 0; i < 20; i++) {
        keys[i] = pbase_value_int(i * 3);
    }
    keys[18] = pbase_value_map(NULL, 0); /* in the second batch */
    assert_int_equal(pbase_reader_create(NULL, &reader, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_get_many(dict, keys, 20, reader, values, &err), PBASE_INVALID);
    assert_non_null(strstr(err.message, "dict 'things'"));
    assert_int_equal(atomic_load(&f.store.pins), 0);
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void an_atom_that_cannot_be_read_lends_nothing(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_reader *reader;
    pbase_value keys[20];
    pbase_bytes values[20];
    fixture_init(&f, pbase_alloc_default(), false);
    pbase_dict *dict = settled(&f, filled(&f, 2000));
    for (int64_t i = 0; i < 20; i++) {
        keys[i] = pbase_value_int(i * 150); /* some have large values */
    }
    assert_int_equal(pbase_reader_create(NULL, &reader, NULL), PBASE_OK);
    pbase_status status = PBASE_IO;
    uint64_t n = 0;
    while (status != PBASE_OK) {
        f.store.fail_acquire = ++n;
        status = pbase_dict_get_many(dict, keys, 20, reader, values, NULL);
        assert_true(status == PBASE_OK || status == PBASE_IO);
        assert_true(status == PBASE_OK || atomic_load(&f.store.pins) == 0);
    }
    f.store.fail_acquire = 0;
    assert_true(n > 42); /* a root for each batch, twenty leaves, twenty large values */
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

static void without_memory_nothing_is_lent(void **state)
{
    (void)state; /* no fixture */
    static char text[1000];
    fixture f;
    fault_alloc fa;
    pbase_reader *reader;
    pbase_value keys[20];
    pbase_bytes values[20];
    fault_alloc_init(&fa);
    fixture_init(&f, &fa.alloc, false);
    pbase_dict *dict = settled(&f, filled(&f, 2000));
    memset(text, 'x', sizeof text - 1);
    for (int64_t i = 0; i < 20; i++) {
        keys[i] = pbase_value_int(i * 3);
    }
    keys[3] = keys[19] = pbase_value_text(text); /* too long for the scratch */
    assert_int_equal(pbase_reader_create(&fa.alloc, &reader, NULL), PBASE_OK);
    pbase_status status = PBASE_NO_MEMORY;
    uint64_t n = 0;
    while (status != PBASE_OK) {
        fault_alloc_fail_at(&fa, ++n);
        status = pbase_dict_get_many(dict, keys, 20, reader, values, NULL);
        assert_true(status == PBASE_OK || status == PBASE_NO_MEMORY);
        assert_true(status == PBASE_OK || atomic_load(&f.store.pins) == 0);
    }
    fault_alloc_fail_at(&fa, 0);
    assert_true(n > 2);
    assert_non_null(values[0].data);
    assert_null(values[3].data);
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    fixture_fini(&f);
    assert_int_equal(fault_alloc_live_bytes(&fa), 0);
}

static void each_key_is_a_read(void **state)
{
    (void)state; /* no fixture */
    fixture f;
    pbase_reader *reader;
    pbase_value keys[] = {pbase_value_text("a"), pbase_value_text("b")};
    pbase_bytes values[2];
    fixture_init(&f, pbase_alloc_default(), true);
    pbase_dict *dict = open_dict(&f, ATOM_REF_NONE);
    assert_int_equal(pbase_reader_create(NULL, &reader, NULL), PBASE_OK);
    assert_int_equal(pbase_dict_get_many(dict, keys, 2, reader, values, NULL), PBASE_OK);
    assert_reads(&f, "key 'a'; key 'b'; ");
    f.reads.fail_next = true;
    assert_int_equal(pbase_dict_get_many(dict, keys, 2, reader, values, NULL), PBASE_LIMIT);
    pbase_reader_close(reader);
    pbase_dict_close(dict);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_agree_with_one_after_another),
        cmocka_unit_test(all_are_lent_until_the_reader_is_used_again),
        cmocka_unit_test(what_is_no_key_lends_nothing),
        cmocka_unit_test(an_atom_that_cannot_be_read_lends_nothing),
        cmocka_unit_test(without_memory_nothing_is_lent),
        cmocka_unit_test(each_key_is_a_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
