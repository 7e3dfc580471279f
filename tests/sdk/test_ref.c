/* Object ids as text, and the parts of an atom pointer. */
#include <protobase/base/ref.h>
#include <setjmp.h>
#include <stdarg.h>
/* after setjmp.h */
#include <cmocka.h>

static void id_comes_back_from_its_text(void **state)
{
    (void)state;
    pbase_object_id id;
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        id.bytes[i] = (uint8_t)(i * 17 + 9);
    }
    char text[33];
    pbase_object_id back;
    pbase_object_id_format(id, text);
    assert_string_equal(text, "091a2b3c4d5e6f8091a2b3c4d5e6f708");
    assert_int_equal(pbase_object_id_parse(pbase_bytes_text(text), &back, NULL), PBASE_OK);
    assert_memory_equal(back.bytes, id.bytes, sizeof id.bytes);
}

static void upper_case_digits_are_accepted(void **state)
{
    (void)state;
    pbase_object_id id;
    pbase_bytes text = pbase_bytes_text("ABCDEFabcdef00112233445566778899");
    char again[33];
    assert_int_equal(pbase_object_id_parse(text, &id, NULL), PBASE_OK);
    pbase_object_id_format(id, again);
    assert_string_equal(again, "abcdefabcdef00112233445566778899");
}

static void anything_but_32_digits_is_invalid(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "0",
                                        "0123456789abcdef0123456789abcde",
                                        "0123456789abcdef0123456789abcdef0",
                                        "0123456789abcdef0123456789abcdeg",
                                        "g123456789abcdef0123456789abcdef",
                                        "0123456789abcdef 123456789abcdef",
                                        "0123456789abcdef@123456789abcdef",
                                        "0123456789abcdef\301123456789abcdef",
                                        "{123456789abcdef0123456789abcdef"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        pbase_object_id id;
        memset(&id, 0x5a, sizeof id);
        pbase_error err;
        assert_int_equal(pbase_object_id_parse(pbase_bytes_text(texts[i]), &id, &err),
                         PBASE_INVALID);
        assert_int_equal(err.code, PBASE_INVALID);
        assert_int_equal(id.bytes[0], 0x5a);
    }
}

static void pointer_keeps_log_and_offset(void **state)
{
    (void)state;
    uint64_t offset_max = UINT64_C(0xffffffffff) * PBASE_ATOM_UNIT;
    pbase_atom_pointer pointer = pbase_atom_pointer_of(PBASE_ATOM_LOG_MAX, offset_max);
    assert_int_equal(pbase_atom_pointer_log(pointer), PBASE_ATOM_LOG_MAX);
    assert_true(pbase_atom_pointer_offset(pointer) == offset_max);
    pointer = pbase_atom_pointer_of(1, 64);
    assert_int_equal(pbase_atom_pointer_log(pointer), 1);
    assert_int_equal(pbase_atom_pointer_offset(pointer), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id_comes_back_from_its_text),
        cmocka_unit_test(upper_case_digits_are_accepted),
        cmocka_unit_test(anything_but_32_digits_is_invalid),
        cmocka_unit_test(pointer_keeps_log_and_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
