/* raw is the identity of bytes. */
#include "raw_serializer.h"
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static pbase_serializer *raw;
static pbase_error err;

static int set_up(void **state)
{
    (void)state;
    static pbase_host host;
    host = (pbase_host){.struct_size = sizeof host, .alloc = pbase_alloc_default()};
    pbase_component_open open = {.struct_size = sizeof open, .host = &host};
    void *made = NULL;
    assert_int_equal(raw_serializer_open(&open, &made, &err), PBASE_OK);
    raw = (pbase_serializer *)made;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pbase_serializer_close(raw);
    return 0;
}

static void bytes_are_stored_as_they_are_and_lent_back(void **state)
{
    (void)state;
    static const pbase_bytes bytes = {(const uint8_t *)"\x00\xff raw", 6};
    pbase_value value = pbase_value_bytes(bytes), back;
    pbase_buffer out;
    pbase_buffer_init(&out, pbase_alloc_default());

    assert_int_equal(pbase_serializer_encode(raw, &value, &out, &err), PBASE_OK);
    assert_int_equal(pbase_serializer_decode(raw, pbase_buffer_view(&out), NULL, NULL, &back, &err),
                     PBASE_OK);

    assert_int_equal(out.size, bytes.size);
    assert_memory_equal(out.data, bytes.data, bytes.size);
    assert_ptr_equal(back.as.string.data, out.data);
    pbase_buffer_fini(&out);
}

static void a_string_is_refused_with_the_codec_to_use_instead(void **state)
{
    (void)state;
    pbase_value value = pbase_value_text("text");
    pbase_buffer out;
    pbase_buffer_init(&out, pbase_alloc_default());

    assert_int_equal(pbase_serializer_encode(raw, &value, &out, &err), PBASE_UNSUPPORTED);

    assert_non_null(strstr(err.message, "str"));
    assert_non_null(strstr(err.hint, "msgpack"));
    pbase_buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_stored_as_they_are_and_lent_back),
        cmocka_unit_test(a_string_is_refused_with_the_codec_to_use_instead),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
