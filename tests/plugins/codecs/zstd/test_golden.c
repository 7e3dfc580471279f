/* Files of released versions stay readable. (They are not compared with what is written today: a
 * newer library may compress better.) */
#include "fake_config.h"
#include "golden_suite.h"
#include "host/services.h"
#include "os/os.h"
#include "zstd_transform.h"
#include <setjmp.h>

#include <cmocka.h>

static void assert_holds_the_golden_json(const char *path, const char *dictionary)
{
    const fake_option options[] = {{.key = "level", .integer = 3},
                                   {.key = "min_size", .integer = 256},
                                   {.key = "dictionary", .text = dictionary},
                                   {.key = "dictionary_folder"}};
    fake_config config;
    fake_config_init(&config, options, 4);
    pbase_host host;
    services_init(&host, pbase_os_real(), NULL);
    pbase_component_open open = {.struct_size = sizeof open, .host = &host, .config = &config.base};
    pbase_arena arena;
    pbase_buffer out;
    void *made = NULL;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_buffer_init(&out, pbase_alloc_default());
    assert_int_equal(zstd_transform_open(&open, &made, NULL), PBASE_OK);
    pbase_transform *zstd = (pbase_transform *)made;
    pbase_bytes expected = golden_file(GOLDEN_PATH("v1_every_kind.json"), &arena);

    pbase_status status = pbase_transform_decode(zstd, golden_file(path, &arena),
                                                 (pbase_bytes){NULL, 0}, expected.size, &out, NULL);

    assert_int_equal(status, PBASE_OK);
    assert_true(pbase_bytes_equal(pbase_buffer_view(&out), expected));
    pbase_transform_close(zstd);
    pbase_buffer_fini(&out);
    pbase_arena_fini(&arena);
}

static void version_1_is_read_compressed_or_not(void **state)
{
    (void)state;
    assert_holds_the_golden_json(GOLDEN_PATH("v1_frame.zstd"), NULL);
    assert_holds_the_golden_json(GOLDEN_PATH("v1_plain.zstd"), NULL);
}

static void version_1_is_read_with_its_dictionary(void **state)
{
    (void)state;
    assert_holds_the_golden_json(GOLDEN_PATH("v1_dictionary.zstd"), GOLDEN_PATH("v1_orders.dict"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_is_read_compressed_or_not),
        cmocka_unit_test(version_1_is_read_with_its_dictionary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
