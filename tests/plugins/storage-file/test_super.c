/* test_super.c - the super block: what is written is read, what is damaged is refused. */
#include "super.h"

#include "os/os.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const super_block sample = {
    .space_id = 0x1122334455667788u,
    .first = 4096,
    .anchor = 8192,
    .closed_at = 12288,
    .fence_base = (uint64_t)3 << 32,
    .active_bytes = 640,
    .entered = {4096, 16384, 9000},
    .next_log_id = 9,
    .active_log_id = 8,
};

static test_host host;

static int group_setup(void **state)
{
    (void)state;
    test_host_init(&host, pbase_os_real());
    return 0;
}

static pbase_status decode(const uint8_t *bytes, size_t size, super_block *out)
{
    return super_decode(&host.base, pbase_bytes_of(bytes, size), out, NULL);
}

static void a_block_reads_back_as_it_was_written(void **state)
{
    (void)state;
    uint8_t bytes[SUPER_BYTES];
    super_block found;
    super_encode(&host.base, &sample, bytes);
    assert_int_equal(decode(bytes, sizeof bytes, &found), PBASE_OK);
    assert_int_equal(found.space_id, sample.space_id);
    assert_int_equal(found.first, sample.first);
    assert_int_equal(found.anchor, sample.anchor);
    assert_int_equal(found.closed_at, sample.closed_at);
    assert_int_equal(found.fence_base, sample.fence_base);
    assert_int_equal(found.active_bytes, sample.active_bytes);
    assert_int_equal(found.entered.base, sample.entered.base);
    assert_int_equal(found.entered.bytes, sample.entered.bytes);
    assert_int_equal(found.entered.head, sample.entered.head);
    assert_int_equal(found.next_log_id, sample.next_log_id);
    assert_int_equal(found.active_log_id, sample.active_log_id);
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    uint8_t bytes[SUPER_BYTES];
    super_block found;
    super_encode(&host.base, &sample, bytes);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        pbase_status status = decode(bytes, sizeof bytes, &found);
        assert_true(status == PBASE_CORRUPT || status == PBASE_FORMAT);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void every_length_but_the_right_one_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[SUPER_BYTES + 8] = {0};
    super_block found;
    super_encode(&host.base, &sample, bytes);
    for (size_t size = 0; size < sizeof bytes; size++) {
        assert_true((decode(bytes, size, &found) == PBASE_OK) == (size == SUPER_BYTES));
    }
}

static void version_put(uint8_t *bytes, uint32_t version)
{
    pbase_put_u32(bytes + 8, version);
    pbase_put_u32(bytes + 4, host.base.crc32c(0, bytes + 8, SUPER_BYTES - 8));
}

static void a_newer_version_is_format_not_damage(void **state)
{
    (void)state;
    uint8_t bytes[SUPER_BYTES];
    super_block found;
    super_encode(&host.base, &sample, bytes);
    version_put(bytes, 3);
    assert_int_equal(decode(bytes, sizeof bytes, &found), PBASE_FORMAT);
    version_put(bytes, 0);
    assert_int_equal(decode(bytes, sizeof bytes, &found), PBASE_FORMAT);
}

/* Its journal has larger frames, which is no matter of the block. */
static void version_1_is_read(void **state)
{
    (void)state;
    uint8_t bytes[SUPER_BYTES];
    super_block found;
    super_encode(&host.base, &sample, bytes);
    version_put(bytes, 1);
    assert_int_equal(decode(bytes, sizeof bytes, &found), PBASE_OK);
    assert_int_equal(found.anchor, sample.anchor);
}

static void a_block_that_contradicts_itself_is_corrupt(void **state)
{
    (void)state;
    super_block wrong[8];
    for (size_t i = 0; i < 8; i++) {
        wrong[i] = sample;
    }
    wrong[0].anchor = 1;        /* before first */
    wrong[1].closed_at = 8000;  /* before the anchor */
    wrong[2].active_log_id = 9; /* not given out yet */
    wrong[3].next_log_id = 0;
    wrong[4].next_log_id = PBASE_ATOM_LOG_MAX + 2;
    wrong[5].active_bytes = 0;   /* but there is an active segment */
    wrong[6].active_bytes = 641; /* not aligned */
    wrong[7].entered.base = 0;   /* but it has a size */
    for (size_t i = 0; i < 8; i++) {
        uint8_t bytes[SUPER_BYTES];
        super_block found;
        super_encode(&host.base, &wrong[i], bytes);
        assert_int_equal(decode(bytes, sizeof bytes, &found), PBASE_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_reads_back_as_it_was_written),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(every_length_but_the_right_one_is_refused),
        cmocka_unit_test(a_newer_version_is_format_not_damage),
        cmocka_unit_test(version_1_is_read),
        cmocka_unit_test(a_block_that_contradicts_itself_is_corrupt),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
