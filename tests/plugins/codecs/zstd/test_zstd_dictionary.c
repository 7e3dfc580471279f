/* Dictionaries: what they save, which one a frame needs, and what is said when it is not there. */
#include "dictionary_fixture.h"
#include "host/services.h"
#include "os/os.h"
#include <stdint.h>
#include <zstd.h>

static temp_dir dir;
static pbase_host host;
static pbase_error err;
static pbase_buffer coded, back;
static char path_a[PATH_MAX], path_b[PATH_MAX];
static const pbase_bytes no_context = {NULL, 0};

static pbase_status try_open(const char *dictionary, const char *folder, pbase_transform **out)
{
    const fake_option options[] = {{.key = "level", .integer = 3},
                                   {.key = "min_size", .integer = 32},
                                   {.key = "dictionary", .text = dictionary},
                                   {.key = "dictionary_folder", .text = folder}};
    fake_config config;
    void *made = NULL;
    fake_config_init(&config, options, 4);
    pbase_component_open open = {.struct_size = sizeof open, .host = &host, .config = &config.base};
    pbase_error_init(&err);
    pbase_status status = zstd_transform_open(&open, &made, &err);
    *out = (pbase_transform *)made;
    return status;
}

static pbase_transform *open_with(const char *dictionary, const char *folder)
{
    pbase_transform *made = NULL;
    assert_int_equal(try_open(dictionary, folder, &made), PBASE_OK);
    return made;
}

static int set_up(void **state)
{
    (void)state;
    temp_dir_create(&dir);
    services_init(&host, pbase_os_real(), NULL);
    (void)snprintf(path_a, sizeof path_a, "%s", temp_dir_path(&dir, "a"));
    (void)snprintf(path_b, sizeof path_b, "%s", temp_dir_path(&dir, "b"));
    dictionary_train(path_a, 1);
    dictionary_train(path_b, 2);
    pbase_buffer_init(&coded, pbase_alloc_default());
    pbase_buffer_init(&back, pbase_alloc_default());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pbase_buffer_fini(&coded);
    pbase_buffer_fini(&back);
    temp_dir_remove(&dir);
    return 0;
}

static pbase_bytes a_record(void)
{
    static char text[DICTIONARY_RECORD_BYTES];
    seed_random random;
    seed_random_init(&random, 77);
    size_t size = dictionary_record(&random, text);
    return pbase_bytes_of(text, size);
}

static size_t encode(pbase_transform *zstd)
{
    coded.size = 0;
    assert_int_equal(pbase_transform_encode(zstd, a_record(), no_context, &coded, &err), PBASE_OK);
    return coded.size;
}

static pbase_status decode(pbase_transform *zstd)
{
    back.size = 0;
    return pbase_transform_decode(zstd, pbase_buffer_view(&coded), no_context, 1000, &back, &err);
}

static void a_small_record_becomes_a_third_of_what_it_is_without(void **state)
{
    (void)state;
    pbase_transform *plain = open_with(NULL, NULL), *trained = open_with(path_a, NULL);
    size_t without = encode(plain), with = encode(trained);
    assert_int_equal(coded.data[0], 2);
    assert_true(3 * with < without);
    assert_int_equal(decode(trained), PBASE_OK);
    assert_true(pbase_bytes_equal(pbase_buffer_view(&back), a_record()));
    (void)encode(plain);
    assert_int_equal(decode(trained), PBASE_OK); /* written before there was one */
    pbase_transform_close(plain);
    pbase_transform_close(trained);
}

static void a_frame_that_needs_another_dictionary_names_it(void **state)
{
    (void)state;
    char id[32];
    pbase_transform *a = open_with(path_a, NULL), *b = open_with(path_b, NULL);
    (void)encode(a);
    (void)snprintf(id, sizeof id, "dictionary %u",
                   ZSTD_getDictID_fromFrame(coded.data + 1, coded.size - 1));
    assert_int_equal(decode(b), PBASE_CORRUPT);
    assert_non_null(strstr(err.message, id));
    coded.data[0] = 1; /* a frame without one may not name any */
    assert_int_equal(decode(a), PBASE_CORRUPT);
    pbase_transform_close(a);
    pbase_transform_close(b);
}

/* ----------------------------------------------------------------------------------- tables ---- */

static uint8_t id_bytes[4], table_bytes[16];

/* The table that a transform writing with `path` leaves; the id of the dictionary. */
static unsigned table_of(const char *path)
{
    pbase_arena arena;
    pbase_bytes id, table;
    pbase_transform *writer = open_with(path, NULL);
    pbase_arena_init(&arena, pbase_alloc_default());
    assert_int_equal(
        pbase_codec_table_next(&zstd_transform_tables, writer, &arena, &id, &table, &err),
        PBASE_OK);
    assert_int_equal(id.size, sizeof id_bytes);
    assert_int_equal(table.size, sizeof table_bytes);
    memcpy(id_bytes, id.data, id.size);
    memcpy(table_bytes, table.data, table.size);
    assert_int_equal(
        pbase_codec_table_next(&zstd_transform_tables, writer, &arena, &id, &table, &err),
        PBASE_END);
    pbase_arena_fini(&arena);
    pbase_transform_close(writer);
    return pbase_get_u32(id_bytes);
}

static pbase_status put(pbase_transform *zstd)
{
    return pbase_codec_table_put(&zstd_transform_tables, zstd, pbase_bytes_of(id_bytes, 4),
                                 pbase_bytes_of(table_bytes, 16), &err);
}

static void an_older_dictionary_is_fetched_from_the_folder_by_its_id(void **state)
{
    (void)state;
    char name[32], path[PATH_MAX];
    unsigned id = table_of(path_a);
    (void)snprintf(name, sizeof name, "%u.dict", id);
    (void)snprintf(path, sizeof path, "%s", temp_dir_path(&dir, name));
    pbase_transform *a = open_with(path_a, NULL), *b = open_with(path_b, dir.path);
    (void)encode(a);

    assert_int_equal(put(b), PBASE_CONFIG); /* it is not there yet */
    assert_non_null(strstr(err.message, name));
    assert_int_equal(rename(path_b, path), 0); /* another one under its name */
    assert_int_equal(put(b), PBASE_CONFIG);
    dictionary_train(path, 1);
    assert_int_equal(put(b), PBASE_OK);
    assert_int_equal(decode(b), PBASE_OK);
    assert_true(pbase_bytes_equal(pbase_buffer_view(&back), a_record()));
    assert_true(encode(b) < 60);
    assert_int_equal(decode(b), PBASE_OK);
    pbase_transform_close(a);
    pbase_transform_close(b);
}

static void a_missing_dictionary_is_named_with_the_way_to_give_it(void **state)
{
    (void)state;
    char name[32];
    (void)snprintf(name, sizeof name, "%u", table_of(path_a));
    pbase_transform *none = open_with(NULL, NULL);
    assert_int_equal(put(none), PBASE_CONFIG);
    assert_non_null(strstr(err.message, name));
    assert_non_null(strstr(err.hint, "dictionary_folder"));
    pbase_transform_close(none);
}

static void another_dictionary_of_the_same_id_is_refused(void **state)
{
    (void)state;
    (void)table_of(path_a);
    table_bytes[9] ^= 1;
    pbase_transform *a = open_with(path_a, NULL);
    assert_int_equal(put(a), PBASE_CONFIG);
    assert_non_null(strstr(err.message, "another one"));
    table_bytes[9] ^= 1;
    assert_int_equal(put(a), PBASE_OK);
    pbase_transform_close(a);
}

static void what_is_no_dictionary_is_refused_when_opening(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "just some text that is no dictionary",
                                        "\x37\xa4\x30\xec\x01\x02\x03\x04 only its magic"};
    pbase_transform *made = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        FILE *file = fopen(path_a, "we");
        assert_non_null(file);
        assert_true(fputs(texts[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(try_open(path_a, NULL, &made), PBASE_CONFIG);
        assert_non_null(strstr(err.hint, "zstd --train"));
        assert_string_equal(err.where, "test.yaml:1:1");
    }
    assert_int_equal(remove(path_a), 0);
    assert_int_equal(try_open(path_a, NULL, &made), PBASE_CONFIG);
    assert_non_null(strstr(err.message, "no such file"));
}

#define DICTIONARY_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DICTIONARY_TEST(a_small_record_becomes_a_third_of_what_it_is_without),
        DICTIONARY_TEST(a_frame_that_needs_another_dictionary_names_it),
        DICTIONARY_TEST(an_older_dictionary_is_fetched_from_the_folder_by_its_id),
        DICTIONARY_TEST(a_missing_dictionary_is_named_with_the_way_to_give_it),
        DICTIONARY_TEST(another_dictionary_of_the_same_id_is_refused),
        DICTIONARY_TEST(what_is_no_dictionary_is_refused_when_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
