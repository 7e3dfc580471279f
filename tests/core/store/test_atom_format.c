/* test_atom_format.c - headers of atoms: written, read, and every byte of them damaged. */
#include "store/atom_format.h"

#include "atom/atom.h"
#include "os/os.h"
#include "test_host.h"
#include <protobase/base/limits.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PAYLOAD 20u

static test_host host;
static uint8_t atom[ATOM_HEADER_BYTES + PAYLOAD];

static int begin(void **unused)
{
    (void)unused;
    test_host_init(&host, pbase_os_real());
    atom_header header = {.stored_size = PAYLOAD,
                          .raw_size = 77,
                          .type = ATOM_VALUE,
                          .transforms = {3, 4},
                          .birth = 1234567};
    memset(atom, 'p', sizeof atom);
    atom_header_seal(&host.base, &header, atom);
    return 0;
}

static void a_sealed_header_reads_back(void **unused)
{
    (void)unused;
    atom_header header;
    assert_int_equal(atom_header_read(atom, sizeof atom, &header, NULL), PBASE_OK);
    assert_int_equal(header.stored_size, PAYLOAD);
    assert_int_equal(header.raw_size, 77);
    assert_int_equal(header.type, ATOM_VALUE);
    assert_int_equal(header.version, ATOM_FORMAT_VERSION);
    assert_int_equal(header.transforms[0], 3);
    assert_int_equal(header.transforms[1], 4);
    assert_int_equal(header.birth, 1234567);
    assert_int_equal(atom_checksum_verify(&host.base, atom, &header, NULL), PBASE_OK);
}

static void a_changed_bit_anywhere_is_found(void **unused)
{
    (void)unused;
    for (size_t at = 0; at < sizeof atom; at++) {
        atom_header header;
        atom[at] ^= 0x04;
        pbase_status status = atom_header_read(atom, sizeof atom, &header, NULL);
        if (status == PBASE_OK && header.stored_size <= PAYLOAD) {
            status = atom_checksum_verify(&host.base, atom, &header, NULL);
            assert_int_equal(status, PBASE_CORRUPT);
        }
        atom[at] ^= 0x04;
    }
}

static void a_cut_header_is_damage(void **unused)
{
    (void)unused;
    atom_header header;
    for (size_t size = 0; size < ATOM_HEADER_BYTES; size++) {
        assert_int_equal(atom_header_read(atom, size, &header, NULL), PBASE_CORRUPT);
    }
}

static void sizes_past_the_limit_are_damage(void **unused)
{
    (void)unused;
    atom_header header;
    pbase_put_u32(atom + 4, PBASE_ATOM_BYTES_MAX);
    assert_int_equal(atom_header_read(atom, sizeof atom, &header, NULL), PBASE_CORRUPT);
    pbase_put_u32(atom + 4, PAYLOAD);
    pbase_put_u32(atom + 8, UINT32_MAX);
    assert_int_equal(atom_header_read(atom, sizeof atom, &header, NULL), PBASE_CORRUPT);
}

static void a_newer_format_is_told_from_damage(void **unused)
{
    (void)unused;
    atom_header header;
    atom[13] = ATOM_FORMAT_VERSION + 1;
    assert_int_equal(atom_header_read(atom, sizeof atom, &header, NULL), PBASE_FORMAT);
    atom[13] = 0;
    assert_int_equal(atom_header_read(atom, sizeof atom, &header, NULL), PBASE_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_sealed_header_reads_back, begin),
        cmocka_unit_test_setup(a_changed_bit_anywhere_is_found, begin),
        cmocka_unit_test_setup(a_cut_header_is_damage, begin),
        cmocka_unit_test_setup(sizes_past_the_limit_are_damage, begin),
        cmocka_unit_test_setup(a_newer_format_is_told_from_damage, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
