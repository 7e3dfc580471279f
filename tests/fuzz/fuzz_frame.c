/* fuzz_frame - opening and scanning a journal whose segments hold arbitrary bytes.
 *
 * The input is the content of two segments. The bytes are tried as they are, and once more with
 * the checksum of the claim at their beginning made right, so that what lies behind the checksum is
 * reached. Whatever they hold: no crash, no hang, nothing read out of bounds, and, when the journal
 * opens, an append that is there after opening again. */
#include "host/services.h"
#include "journal/frame.h"
#include "journal/journal.h"
#include "os/os.h"
#include "os_blocks.h"
#include "sim_os.h"
#include <stdlib.h>

#define SEGMENT_BYTES 4096u
#define JOURNAL_ID 0x0706050403020100u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void segment_put(const pbase_os *os, const char *path, const uint8_t *data, size_t size)
{
    pbase_os_file *file = NULL;
    must(os->file->open(os, path, PBASE_OS_WRITE | PBASE_OS_CREATE, &file, NULL) == PBASE_OK);
    must(os->file->write(file, 0, data, size, NULL) == PBASE_OK);
    os->file->close(file);
}

static void scan_all(journal *opened)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    pbase_journal_head head = {0, 0, 0, 0};
    journal_head(opened, &head);
    if (journal_scan_open(opened, NULL, 0, &scan, NULL) != PBASE_OK) {
        return;
    }
    while (journal_scan_next(scan, NULL, &record, NULL) == PBASE_OK) {
        must(record.position < head.head && record.next <= head.head);
        must(record.position < record.next && record.index < record.count);
        for (size_t i = 0; i < record.bytes.size; i++) { /* the sanitizer looks at each */
            must(record.bytes.data[i] <= 0xff);
        }
    }
    journal_scan_close(scan);
}

/* Begins to read at every place where a record might lie. */
static void scan_anywhere(journal *opened)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    for (pbase_position at = JOURNAL_POSITION_FIRST; at < JOURNAL_POSITION_FIRST + 512; at += 8) {
        if (journal_scan_open(opened, NULL, at, &scan, NULL) == PBASE_OK) {
            (void)journal_scan_next(scan, NULL, &record, NULL);
            journal_scan_close(scan);
        }
    }
}

static pbase_status append_one(journal *opened)
{
    pbase_bytes record = pbase_bytes_text("appended");
    pbase_journal_appended done;
    pbase_journal_append append = {.struct_size = sizeof(append),
                                   .durability = PBASE_DURABILITY_SYNC,
                                   .records = &record,
                                   .record_count = 1,
                                   .expected = PBASE_POSITION_ANY};
    return journal_append(opened, NULL, &append, &done, NULL);
}

static void try_bytes(const uint8_t *data, size_t size)
{
    sim_os *sim = sim_os_create(1);
    const pbase_os *os = sim_os_interface(sim);
    pbase_host host;
    pbase_blocks *blocks = NULL;
    journal *opened = NULL;
    size_t first = size < SEGMENT_BYTES ? size : SEGMENT_BYTES;
    os_blocks_options provider = {
        .os = os, .directory = "/", .atomic_bytes = 512, .segment_bytes = SEGMENT_BYTES};
    services_init(&host, os, NULL);
    segment_put(os, "/journal+0000000000001000", data, first);
    if (size > first) {
        segment_put(os, "/journal+0000000000002000", data + first, size - first);
    }
    must(os_blocks_open(&provider, &blocks, NULL) == PBASE_OK);
    journal_options options = {.host = &host, .blocks = blocks, .id = JOURNAL_ID};
    if (journal_open(&options, NULL, &opened, NULL) == PBASE_OK) {
        scan_all(opened);
        scan_anywhere(opened);
        must(append_one(opened) == PBASE_OK);
        journal_close(opened);
        opened = NULL;
        must(journal_open(&options, NULL, &opened, NULL) == PBASE_OK);
        scan_all(opened);
    }
    journal_close(opened);
    pbase_blocks_close(blocks);
    must(sim_os_memory_used(sim) == 0);
    sim_os_destroy(sim);
}

/* Makes the first header a claim of this journal with the right checksum, if its size allows. */
static void repair(uint8_t *data, size_t size)
{
    frame_header header;
    pbase_host host;
    if (size < FRAME_HEADER_BYTES) {
        return;
    }
    services_init(&host, pbase_os_real(), NULL);
    pbase_put_u32(data, FRAME_MAGIC);
    pbase_put_u16(data + 8, FRAME_HEADER_BYTES);
    pbase_put_u16(data + 10, FRAME_VERSION);
    pbase_put_u64(data + 24, JOURNAL_POSITION_FIRST);
    pbase_put_u64(data + 32, JOURNAL_ID);
    pbase_put_u64(data + 40, JOURNAL_POSITION_FIRST);
    if (frame_header_decode(data, JOURNAL_ID, JOURNAL_POSITION_FIRST, &header) == FRAME_CLAIM &&
        header.bytes <= size) {
        uint32_t crc = host.crc32c(0, data + FRAME_CRC_FROM, (size_t)header.bytes - FRAME_CRC_FROM);
        pbase_put_u32(data + 4, crc);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t copy[2 * SEGMENT_BYTES];
    if (size > sizeof(copy)) {
        return 0;
    }
    memcpy(copy, data, size);
    try_bytes(copy, size);
    repair(copy, size);
    try_bytes(copy, size);
    return 0;
}
