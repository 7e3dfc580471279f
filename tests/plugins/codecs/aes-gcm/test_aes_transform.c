/* Keys by id: which one writes, which ones read, and what is said when one is missing or wrong. */
#include "aes_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static pbase_error err;
static pbase_buffer coded, back;
static pbase_host host;
static const pbase_bytes context = {(const uint8_t *)"here", 4};

static pbase_status try_open(const char *const *keys, size_t count, const char *active,
                             pbase_transform **out)
{
    fake_option options[AES_OPTIONS];
    fake_config config;
    void *made = NULL;
    aes_options(options, keys, count, active);
    fake_config_init(&config, options, AES_OPTIONS);
    pbase_component_open open = {.struct_size = sizeof open, .host = &host, .config = &config.base};
    pbase_error_init(&err);
    pbase_status status = aes_transform_open(&open, &made, &err);
    *out = (pbase_transform *)made;
    return status;
}

static pbase_transform *open_keys(const char *const *keys, size_t count, const char *active)
{
    pbase_transform *made = NULL;
    assert_int_equal(try_open(keys, count, active, &made), PBASE_OK);
    return made;
}

static int set_up(void **state)
{
    (void)state;
    aes_give_key("A", 'a');
    aes_give_key("B", 'b');
    aes_give_key("C", 'c');
    host = (pbase_host){
        .struct_size = sizeof host, .alloc = pbase_alloc_default(), .os = pbase_os_real()};
    pbase_buffer_init(&coded, pbase_alloc_default());
    pbase_buffer_init(&back, pbase_alloc_default());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pbase_buffer_fini(&coded);
    pbase_buffer_fini(&back);
    return 0;
}

static void seal(pbase_transform *aes, const char *text)
{
    coded.size = 0;
    assert_int_equal(pbase_transform_encode(aes, pbase_bytes_text(text), context, &coded, &err),
                     PBASE_OK);
}

static pbase_status unseal(pbase_transform *aes)
{
    back.size = 0;
    return pbase_transform_decode(aes, pbase_buffer_view(&coded), context, 1000, &back, &err);
}

static const char *const a_alone[] = {"a"};
static const char *const b_then_a[] = {"b", "a"};
static const char *const c_alone[] = {"c"};

static void what_is_written_begins_with_the_id_of_the_key_and_hides_the_rest(void **state)
{
    (void)state;
    pbase_transform *aes = open_keys(a_alone, 1, NULL);
    seal(aes, "a text that nobody sees");
    assert_memory_equal(coded.data,
                        "\x01\x01"
                        "a",
                        3);
    assert_int_equal(coded.size, 3 + 24 + 23 + 16);
    assert_null(memmem(coded.data, coded.size, "nobody", 6));
    uint8_t nonce[24];
    memcpy(nonce, coded.data + 3, sizeof nonce);
    seal(aes, "a text that nobody sees");
    assert_memory_not_equal(coded.data + 3, nonce, sizeof nonce);
    pbase_transform_close(aes);
}

static void after_a_rotation_the_new_key_writes_and_the_old_one_reads(void **state)
{
    (void)state;
    pbase_transform *old = open_keys(a_alone, 1, NULL);
    pbase_transform *both = open_keys(b_then_a, 2, NULL);
    pbase_transform *not_yet = open_keys(b_then_a, 2, "a");
    seal(old, "written before");
    assert_int_equal(unseal(both), PBASE_OK);
    assert_true(pbase_bytes_equal(pbase_buffer_view(&back), pbase_bytes_text("written before")));
    seal(both, "written after");
    assert_int_equal(coded.data[2], 'b');
    assert_int_equal(unseal(both), PBASE_OK);
    assert_int_equal(unseal(not_yet), PBASE_OK);
    seal(not_yet, "by the key that is active");
    assert_int_equal(coded.data[2], 'a');
    pbase_transform_close(old);
    pbase_transform_close(both);
    pbase_transform_close(not_yet);
}

static void data_under_a_key_that_is_not_listed_names_it(void **state)
{
    (void)state;
    pbase_transform *both = open_keys(b_then_a, 2, NULL);
    pbase_transform *other = open_keys(c_alone, 1, NULL);
    seal(both, "text");
    assert_int_equal(unseal(other), PBASE_AUTH);
    assert_non_null(strstr(err.message, "'b'"));
    assert_non_null(strstr(err.message, "only 'c' is listed"));
    pbase_transform_close(both);
    pbase_transform_close(other);
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    pbase_transform *both = open_keys(b_then_a, 2, NULL);
    seal(both, "some text");
    for (size_t bit = 0; bit < 8 * coded.size; bit++) {
        coded.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(unseal(both), PBASE_OK);
        coded.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    coded.data[2] = 'a'; /* another key that is there */
    assert_int_equal(unseal(both), PBASE_CORRUPT);
    pbase_transform_close(both);
}

/* ------------------------------------------------------------------------------------ tables --- */

static pbase_status put(pbase_transform *aes, const char *id, pbase_bytes table)
{
    return pbase_codec_table_put(&aes_transform_tables, aes, pbase_bytes_text(id), table, &err);
}

static pbase_status next(pbase_transform *aes, pbase_bytes *id, pbase_bytes *table)
{
    pbase_arena arena;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_status status =
        pbase_codec_table_next(&aes_transform_tables, aes, &arena, id, table, &err);
    pbase_arena_fini(&arena); /* both are lent until close */
    return status;
}

static void a_key_is_told_once_and_known_again_by_its_check(void **state)
{
    (void)state;
    pbase_bytes id, table;
    pbase_transform *both = open_keys(b_then_a, 2, NULL);
    pbase_transform *again = open_keys(b_then_a, 2, NULL);
    assert_int_equal(next(both, &id, &table), PBASE_OK);
    assert_true(pbase_bytes_equal(id, pbase_bytes_text("b")));
    assert_int_equal(next(both, &id, &table), PBASE_END);
    assert_int_equal(put(again, "b", table), PBASE_OK);
    assert_int_equal(next(again, &id, &table), PBASE_END);
    pbase_transform_close(both);
    pbase_transform_close(again);
}

static void a_wrong_or_missing_key_is_an_error_of_its_own_and_no_damage(void **state)
{
    (void)state;
    pbase_bytes id, table;
    pbase_transform *both = open_keys(b_then_a, 2, NULL);
    assert_int_equal(next(both, &id, &table), PBASE_OK);
    aes_give_key("B", 'd');
    pbase_transform *wrong = open_keys(b_then_a, 2, NULL);
    pbase_transform *without = open_keys(a_alone, 1, NULL);

    assert_int_equal(put(wrong, "b", table), PBASE_AUTH);
    assert_non_null(strstr(err.message, "the key 'b' is not the one"));
    assert_non_null(strstr(err.hint, "nothing is damaged"));
    assert_int_equal(put(without, "b", table), PBASE_AUTH);
    assert_non_null(strstr(err.message, "with the key 'b', and only 'a' is listed"));
    assert_int_equal(put(wrong, "b", pbase_bytes_text("short")), PBASE_FORMAT);
    pbase_transform_close(both);
    pbase_transform_close(wrong);
    pbase_transform_close(without);
}

/* ----------------------------------------------------------------------------------- options --- */

static void ids_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "../a", "a b", "-a", ".a", "a/b", "\xc3\xa4", "k123456789.123456789.123456789.12"};
    static const char *const twice[] = {"a", "b", "a"};
    pbase_transform *made = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(try_open(&bad[i], 1, NULL, &made), PBASE_CONFIG);
        assert_string_equal(err.where, "test.yaml:1:1");
    }
    assert_int_equal(try_open(twice, 3, NULL, &made), PBASE_CONFIG);
    assert_non_null(strstr(err.message, "'a' is listed twice"));
    assert_int_equal(try_open(twice, 0, NULL, &made), PBASE_CONFIG);
    assert_int_equal(try_open(b_then_a, 2, "c", &made), PBASE_CONFIG);
    assert_non_null(strstr(err.message, "no key 'c' among keys: 'b', 'a'"));
}

static void a_missing_key_is_named_when_opening(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "lost"};
    pbase_transform *made = NULL;
    assert_int_equal(try_open(keys, 2, NULL, &made), PBASE_AUTH);
    assert_non_null(strstr(err.message, "'lost'"));
    assert_non_null(strstr(err.message, "PBASE_TEST_KEY_LOST"));
}

static void several_keys_need_several_places(void **state)
{
    (void)state;
    fake_option options[AES_OPTIONS];
    fake_config config;
    void *made = NULL;
    aes_options(options, b_then_a, 2, NULL);
    options[3].text = "PBASE_TEST_KEY_A";
    fake_config_init(&config, options, AES_OPTIONS);
    pbase_component_open open = {.struct_size = sizeof open, .host = &host, .config = &config.base};
    assert_int_equal(aes_transform_open(&open, &made, &err), PBASE_CONFIG);
    assert_non_null(strstr(err.hint, "{id}"));
}

/* ------------------------------------------------------------------------------------ memory --- */

static unsigned leaks;
static const uint8_t key_of_a[4] = {0xaa, 0xaa, 0xaa, 0xaa}; /* and so on, 31 bytes of it */

/* As the default one, but looks at what is given back. */
static void *spying_resize(const pbase_alloc *self, void *memory, size_t old_size, size_t new_size)
{
    const pbase_alloc *real = pbase_alloc_default();
    (void)self;
    if (memory != NULL && new_size == 0) {
        leaks += memmem(memory, old_size, key_of_a, sizeof key_of_a) != NULL;
    }
    return real->resize(real, memory, old_size, new_size);
}

static void no_key_is_left_in_memory_that_is_given_back(void **state)
{
    (void)state;
    static const pbase_alloc spy = {.resize = spying_resize};
    host.alloc = &spy;
    leaks = 0;
    pbase_transform *aes = open_keys(a_alone, 1, NULL);
    seal(aes, "text");
    assert_int_equal(unseal(aes), PBASE_OK);
    pbase_transform_close(aes);
    assert_int_equal(leaks, 0);
}

#define AES_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AES_TEST(what_is_written_begins_with_the_id_of_the_key_and_hides_the_rest),
        AES_TEST(after_a_rotation_the_new_key_writes_and_the_old_one_reads),
        AES_TEST(data_under_a_key_that_is_not_listed_names_it),
        AES_TEST(every_flipped_bit_is_found),
        AES_TEST(a_key_is_told_once_and_known_again_by_its_check),
        AES_TEST(a_wrong_or_missing_key_is_an_error_of_its_own_and_no_damage),
        AES_TEST(ids_that_cannot_be_are_refused),
        AES_TEST(a_missing_key_is_named_when_opening),
        AES_TEST(several_keys_need_several_places),
        AES_TEST(no_key_is_left_in_memory_that_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
