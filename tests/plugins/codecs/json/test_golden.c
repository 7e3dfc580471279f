/* Files of released versions stay readable. */
#include "golden_suite.h"
#include "json_fixture.h"

static void version_1_is_read_and_still_written(void **state)
{
    (void)state;
    pbase_value expected = golden_value(&arena), value;
    pbase_bytes file = golden_file(GOLDEN_PATH("v1_every_kind.json"), &arena);
    pbase_buffer written;
    pbase_buffer_init(&written, pbase_alloc_default());

    assert_int_equal(pbase_serializer_decode(json, file, NULL, &arena, &value, &err), PBASE_OK);
    assert_int_equal(pbase_serializer_encode(json, &expected, &written, &err), PBASE_OK);

    assert_true(pbase_value_identical(&expected, &value));
    assert_true(pbase_bytes_equal(pbase_buffer_view(&written), file));
    pbase_buffer_fini(&written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_is_read_and_still_written),
    };
    return cmocka_run_group_tests(tests, json_set_up, json_tear_down);
}
