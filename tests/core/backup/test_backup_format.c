/* test_backup_format.c - what is written is read, and what makes no sense is refused. */
#include "backup/backup_format.h"
#include "backup/backup_index.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void make_head(backup_head *head, uint64_t first, uint64_t second)
{
    backup_head_init(head, pbase_alloc_default());
    memset(head->id, 1, sizeof head->id);
    memset(head->space, 2, sizeof head->space);
    memset(head->lineage, 3, sizeof head->lineage);
    head->made_ns = -5;
    head->newest = 9;
    head->newest_ns = 90;
    head->meta = pbase_bytes_text("protobase space\n");
    const retained_checkpoint items[] = {{first, 10, 64, 0}, {second, 20, 0, 0}};
    assert_int_equal(retained_list_add(&head->kept, &items[0], NULL), PBASE_OK);
    assert_int_equal(retained_list_add(&head->kept, &items[1], NULL), PBASE_OK);
}

static pbase_status there_and_back(const backup_head *head, backup_head *out, pbase_buffer *bytes)
{
    bytes->size = 0;
    assert_int_equal(backup_head_write(head, bytes, NULL), PBASE_OK);
    return backup_head_read(pbase_buffer_view(bytes), out, NULL);
}

static void a_head_is_read_as_it_was_written(void **unused)
{
    (void)unused;
    backup_head head, read;
    pbase_buffer bytes;
    make_head(&head, 3, 7);
    pbase_buffer_init(&bytes, pbase_alloc_default());
    backup_head_init(&read, pbase_alloc_default());
    assert_int_equal(there_and_back(&head, &read, &bytes), PBASE_OK);
    assert_true(backup_head_is_full(&read));
    assert_memory_equal(read.lineage, head.lineage, sizeof head.lineage);
    assert_int_equal(read.made_ns, -5);
    assert_int_equal(read.newest_ns, 90);
    assert_true(pbase_bytes_equal(read.meta, head.meta));
    assert_int_equal(read.kept.count, 2);
    assert_int_equal(read.kept.items[0].root, 64);
    assert_int_equal(read.kept.items[1].sequence, 7);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(backup_head_read(pbase_bytes_of(bytes.data, size), &read, NULL),
                         PBASE_CORRUPT);
    }
    backup_head_fini(&read);
    backup_head_fini(&head);
    pbase_buffer_fini(&bytes);
}

static void a_head_that_contradicts_itself_is_refused(void **unused)
{
    (void)unused;
    backup_head head, read;
    pbase_buffer bytes;
    pbase_buffer_init(&bytes, pbase_alloc_default());
    backup_head_init(&read, pbase_alloc_default());
    make_head(&head, 7, 3); /* out of order */
    assert_int_equal(there_and_back(&head, &read, &bytes), PBASE_CORRUPT);
    backup_head_fini(&head);
    make_head(&head, 3, 10); /* newer than the newest commit */
    assert_int_equal(there_and_back(&head, &read, &bytes), PBASE_CORRUPT);
    backup_head_fini(&head);
    make_head(&head, 3, 7);
    head.number = 1; /* an increment of nothing */
    assert_int_equal(there_and_back(&head, &read, &bytes), PBASE_CORRUPT);
    head.number = 0;
    head.kept.count = 0; /* nothing to begin with */
    assert_int_equal(there_and_back(&head, &read, &bytes), PBASE_CORRUPT);
    backup_head_fini(&head);
    backup_head_fini(&read);
    pbase_buffer_fini(&bytes);
}

static void a_record_is_read_as_it_was_written(void **unused)
{
    (void)unused;
    pbase_buffer bytes;
    backup_record read, record = {.sequence = 5,
                                  .timestamp_ns = 77,
                                  .token = {{1, 2, 3}},
                                  .index = 1,
                                  .count = 3,
                                  .stored = pbase_bytes_text("content")};
    pbase_buffer_init(&bytes, pbase_alloc_default());
    assert_int_equal(backup_record_write(&record, &bytes, NULL), PBASE_OK);
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&bytes));
    assert_int_equal(backup_record_read(&reader, &read, NULL), PBASE_OK);
    assert_int_equal(pbase_reader_bytes_left(&reader), 0);
    assert_int_equal(read.sequence, 5);
    assert_int_equal(read.timestamp_ns, 77);
    assert_memory_equal(read.token.bytes, record.token.bytes, sizeof read.token.bytes);
    assert_true(pbase_bytes_equal(read.stored, record.stored));
    for (size_t size = 0; size < bytes.size; size++) {
        reader = pbase_reader_bytes_of(pbase_bytes_of(bytes.data, size));
        assert_int_equal(backup_record_read(&reader, &read, NULL), PBASE_CORRUPT);
    }
    bytes.size = 0;
    record.index = 3; /* there are three: 0, 1, 2 */
    assert_int_equal(backup_record_write(&record, &bytes, NULL), PBASE_OK);
    reader = pbase_reader_bytes_of(pbase_buffer_view(&bytes));
    assert_int_equal(backup_record_read(&reader, &read, NULL), PBASE_CORRUPT);
    pbase_buffer_fini(&bytes);
}

static pbase_status read_run(uint64_t offset, uint64_t size, uint64_t least)
{
    static uint8_t bytes[16 + 256];
    backup_run run;
    pbase_put_u64(bytes, offset);
    pbase_put_u64(bytes + 8, size);
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_bytes_of(bytes, sizeof bytes));
    return backup_run_read(&reader, &least, &run, NULL);
}

static void runs_that_lie_nowhere_are_refused(void **unused)
{
    (void)unused;
    assert_int_equal(read_run(64, 128, 0), PBASE_OK);
    assert_int_equal(read_run(64, 256, 64), PBASE_OK);
    assert_int_equal(read_run(64, 320, 0), PBASE_CORRUPT); /* more than there is */
    assert_int_equal(read_run(0, 64, 0), PBASE_CORRUPT);   /* in the storage's own header */
    assert_int_equal(read_run(65, 64, 0), PBASE_CORRUPT);
    assert_int_equal(read_run(64, 63, 0), PBASE_CORRUPT);
    assert_int_equal(read_run(64, 0, 0), PBASE_CORRUPT);
    assert_int_equal(read_run(64, 64, 128), PBASE_CORRUPT); /* before what was there */
    assert_int_equal(read_run(UINT64_MAX - 63, 64, 0), PBASE_CORRUPT);
    assert_int_equal(read_run(64, UINT64_MAX - 63, 0), PBASE_CORRUPT);
}

static void put_segment(pbase_buffer *out, uint32_t log_id, const uint64_t *offsets, size_t count)
{
    backup_index_part part;
    backup_index_part_init(&part, pbase_alloc_default());
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(backup_index_part_add(&part, offsets[i], NULL), PBASE_OK);
    }
    assert_int_equal(backup_index_part_put(&part, log_id, out, NULL), PBASE_OK);
    backup_index_part_fini(&part);
}

static bool has(backup_index *index, uint32_t log_id, uint64_t offset)
{
    bool found = false;
    assert_int_equal(backup_index_has(index, log_id, offset, &found, NULL), PBASE_OK);
    return found;
}

static void an_index_knows_its_atoms_and_no_others(void **unused)
{
    (void)unused;
    backup_index index;
    const uint64_t two[] = {64, 128, 4096}, five[] = {192};
    backup_index_init(&index, pbase_alloc_default());
    put_segment(&index.bytes, 2, two, 3);
    put_segment(&index.bytes, 3, NULL, 0); /* nothing: it does not appear */
    put_segment(&index.bytes, 5, five, 1);
    assert_int_equal(backup_index_check(pbase_buffer_view(&index.bytes), NULL), PBASE_OK);
    index.rest = pbase_reader_bytes_of(pbase_buffer_view(&index.bytes));
    assert_false(has(&index, 1, 64));
    assert_true(has(&index, 2, 64));
    assert_true(has(&index, 2, 128));
    assert_false(has(&index, 2, 192));
    assert_true(has(&index, 2, 4096));
    assert_false(has(&index, 2, 8192));
    assert_false(has(&index, 4, 192));
    assert_true(has(&index, 5, 192));
    assert_false(has(&index, 6, 64));
    for (size_t size = 1; size < index.bytes.size; size++) {
        pbase_status status = backup_index_check(pbase_bytes_of(index.bytes.data, size), NULL);
        assert_true(status == PBASE_CORRUPT || size == 5); /* a whole segment */
    }
    backup_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_read_as_it_was_written),
        cmocka_unit_test(a_head_that_contradicts_itself_is_refused),
        cmocka_unit_test(a_record_is_read_as_it_was_written),
        cmocka_unit_test(runs_that_lie_nowhere_are_refused),
        cmocka_unit_test(an_index_knows_its_atoms_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
