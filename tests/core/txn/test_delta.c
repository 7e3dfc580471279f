/* test_delta.c - records as bytes: read back as written, refused when cut or foreign. */
#include "txn/delta.h"

#include <protobase/base/limits.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t head_bytes[RECORD_HEAD_BYTES];

static pbase_status read_head(size_t size, record_head *out)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_bytes_of(head_bytes, size));
    return record_head_read(&reader, out, NULL);
}

static int begin(void **unused)
{
    (void)unused;
    record_head head = {.kind = RECORD_DELTA, .sequence = 7, .base = 5, .timestamp_ns = -3};
    record_head_write(&head, head_bytes);
    return 0;
}

static void a_head_reads_back(void **unused)
{
    (void)unused;
    record_head head;
    assert_int_equal(read_head(sizeof head_bytes, &head), PBASE_OK);
    assert_int_equal(head.kind, RECORD_DELTA);
    assert_int_equal(head.sequence, 7);
    assert_int_equal(head.base, 5);
    assert_true(head.timestamp_ns == -3);
}

static void a_cut_head_is_damage(void **unused)
{
    (void)unused;
    record_head head;
    for (size_t size = 0; size < sizeof head_bytes; size++) {
        assert_int_equal(read_head(size, &head), PBASE_CORRUPT);
    }
}

static void newer_versions_and_flags_are_told_from_damage(void **unused)
{
    (void)unused;
    record_head head;
    head_bytes[1] = RECORD_VERSION_NEWEST + 1;
    assert_int_equal(read_head(sizeof head_bytes, &head), PBASE_FORMAT);
    head_bytes[1] = RECORD_VERSION_NEWEST;
    head_bytes[2] = 1; /* a summary follows, which this version cannot skip */
    assert_int_equal(read_head(sizeof head_bytes, &head), PBASE_FORMAT);
    head_bytes[2] = 0;
    head_bytes[0] = RECORD_CHECKPOINT + 1;
    assert_int_equal(read_head(sizeof head_bytes, &head), PBASE_CORRUPT);
}

static void a_group_reads_back_and_is_refused_when_cut(void **unused)
{
    (void)unused;
    pbase_buffer bytes;
    delta_group group = {.id = {300, 2},
                         .form = GROUP_CHANGE,
                         .kind = PBASE_COLLECTION_SET,
                         .operations = pbase_bytes_text("operations")};
    delta_group read;
    pbase_buffer_init(&bytes, pbase_alloc_default());
    assert_int_equal(delta_group_write(&group, &bytes, NULL), PBASE_OK);
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&bytes));
    assert_int_equal(delta_group_read(&reader, &read, NULL), PBASE_OK);
    assert_int_equal(read.id.sequence, 300);
    assert_int_equal(read.id.ordinal, 2);
    assert_int_equal(read.kind, PBASE_COLLECTION_SET);
    assert_true(pbase_bytes_equal(read.operations, group.operations));
    for (size_t size = 0; size < bytes.size; size++) {
        reader = pbase_reader_bytes_of(pbase_bytes_of(bytes.data, size));
        assert_int_equal(delta_group_read(&reader, &read, NULL), PBASE_CORRUPT);
    }
    pbase_buffer_fini(&bytes);
}

static void a_catalog_change_needs_a_name_within_the_limit(void **unused)
{
    (void)unused;
    static const uint8_t long_name[PBASE_NAME_BYTES_MAX + 1];
    const size_t sizes[] = {0, 1, PBASE_NAME_BYTES_MAX, PBASE_NAME_BYTES_MAX + 1};
    for (size_t i = 0; i < 4; i++) {
        pbase_buffer bytes;
        catalog_change read,
            wanted = {.operation = CATALOG_CREATE, .name = pbase_bytes_of(long_name, sizes[i])};
        pbase_buffer_init(&bytes, pbase_alloc_default());
        assert_int_equal(catalog_change_write(&wanted, &bytes, NULL), PBASE_OK);
        pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&bytes));
        assert_int_equal(catalog_change_read(&reader, &read, NULL),
                         i == 1 || i == 2 ? PBASE_OK : PBASE_CORRUPT);
        pbase_buffer_fini(&bytes);
    }
}

static void a_rename_and_a_copy_read_back_and_are_refused_when_cut(void **unused)
{
    (void)unused;
    for (uint8_t operation = CATALOG_RENAME; operation <= CATALOG_COPY; operation++) {
        pbase_buffer bytes;
        catalog_change read, wanted = {.operation = operation,
                                       .kind = DATABASE_SNAPSHOT,
                                       .database = 300,
                                       .source = pbase_bytes_text("old"),
                                       .name = pbase_bytes_text("new")};
        pbase_buffer_init(&bytes, pbase_alloc_default());
        assert_int_equal(catalog_change_write(&wanted, &bytes, NULL), PBASE_OK);
        pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&bytes));
        assert_int_equal(catalog_change_read(&reader, &read, NULL), PBASE_OK);
        assert_int_equal(read.database, 300);
        assert_true(pbase_bytes_equal(read.source, wanted.source));
        assert_true(pbase_bytes_equal(read.name, wanted.name));
        assert_int_equal(read.kind, operation == CATALOG_COPY ? DATABASE_SNAPSHOT : 0);
        for (size_t size = 0; size < bytes.size; size++) {
            reader = pbase_reader_bytes_of(pbase_bytes_of(bytes.data, size));
            assert_int_equal(catalog_change_read(&reader, &read, NULL), PBASE_CORRUPT);
        }
        pbase_buffer_fini(&bytes);
    }
}

static pbase_status read_adopted(const pbase_buffer *bytes, size_t size, adopted_content *out)
{
    return adopted_content_read(pbase_bytes_of(bytes->data, size), out, NULL);
}

static void adopted_content_reads_back_and_is_refused_when_it_makes_no_sense(void **unused)
{
    (void)unused;
    const struct {
        adopted_content content;
        pbase_status status;
    } cases[] = {
        {{.root = 0, .count = 0}, PBASE_OK},
        {{.root = UINT64_C(0x0001000000000040), .count = 10000000, .sum = 77}, PBASE_OK},
        {{.root = 0, .count = 1}, PBASE_CORRUPT},
        {{.root = 64, .count = 0}, PBASE_CORRUPT},
        {{.root = 65, .count = 1}, PBASE_CORRUPT},
        {{.root = 64, .count = 1, .sum = PBASE_COUNT_MAX + 1u}, PBASE_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pbase_buffer bytes;
        adopted_content read = {.count = 77};
        pbase_buffer_init(&bytes, pbase_alloc_default());
        assert_int_equal(adopted_content_write(&cases[i].content, &bytes, NULL), PBASE_OK);
        assert_int_equal(read_adopted(&bytes, bytes.size, &read), cases[i].status);
        assert_true(cases[i].status != PBASE_OK ||
                    (read.root == cases[i].content.root && read.sum == cases[i].content.sum &&
                     read.count == cases[i].content.count));
        for (size_t size = 0; size < bytes.size; size++) {
            assert_int_equal(read_adopted(&bytes, size, &read), PBASE_CORRUPT);
        }
        assert_int_equal(pbase_buffer_append_u8(&bytes, 0, NULL), PBASE_OK);
        assert_int_equal(read_adopted(&bytes, bytes.size, &read), PBASE_CORRUPT);
        pbase_buffer_fini(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_head_reads_back, begin),
        cmocka_unit_test_setup(a_cut_head_is_damage, begin),
        cmocka_unit_test_setup(newer_versions_and_flags_are_told_from_damage, begin),
        cmocka_unit_test(a_group_reads_back_and_is_refused_when_cut),
        cmocka_unit_test(adopted_content_reads_back_and_is_refused_when_it_makes_no_sense),
        cmocka_unit_test(a_catalog_change_needs_a_name_within_the_limit),
        cmocka_unit_test(a_rename_and_a_copy_read_back_and_are_refused_when_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
