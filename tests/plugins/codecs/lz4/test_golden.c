/* Files of released versions stay readable. (They are not compared with what is written today: a
 * newer library may compress better.) */
#include "fake_config.h"
#include "golden_suite.h"
#include "lz4_transform.h"
#include <setjmp.h>

#include <cmocka.h>

static void assert_holds_the_golden_json(const char *path)
{
    static const fake_option options[] = {{.key = "level", .integer = 0},
                                          {.key = "min_size", .integer = 256}};
    fake_config config;
    fake_config_init(&config, options, 2);
    pbase_host host = {.struct_size = sizeof host, .alloc = pbase_alloc_default()};
    pbase_component_open open = {.struct_size = sizeof open, .host = &host, .config = &config.base};
    pbase_arena arena;
    pbase_buffer out;
    void *made = NULL;
    pbase_arena_init(&arena, pbase_alloc_default());
    pbase_buffer_init(&out, pbase_alloc_default());
    assert_int_equal(lz4_transform_open(&open, &made, NULL), PBASE_OK);
    pbase_transform *lz4 = (pbase_transform *)made;
    pbase_bytes expected = golden_file(GOLDEN_PATH("v1_every_kind.json"), &arena);

    pbase_status status = pbase_transform_decode(lz4, golden_file(path, &arena),
                                                 (pbase_bytes){NULL, 0}, expected.size, &out, NULL);

    assert_int_equal(status, PBASE_OK);
    assert_true(pbase_bytes_equal(pbase_buffer_view(&out), expected));
    pbase_transform_close(lz4);
    pbase_buffer_fini(&out);
    pbase_arena_fini(&arena);
}

static void version_1_is_read_compressed_or_not(void **state)
{
    (void)state;
    assert_holds_the_golden_json(GOLDEN_PATH("v1_block.lz4"));
    assert_holds_the_golden_json(GOLDEN_PATH("v1_plain.lz4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_is_read_compressed_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
