/* journal_bed.h - a journal on a simulated disk, for the tests of this folder: static functions, so
 * that each test program has its own. */
#ifndef TESTS_SDK_JOURNAL_BED_H
#define TESTS_SDK_JOURNAL_BED_H
#include "host/services.h"
#include "journal/journal.h"
#include "os_blocks.h"
#include "sim_os.h"
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BED_SEGMENT_BYTES 8192u
#define BED_JOURNAL_ID 0x1122334455667788u

typedef struct {
    sim_os *sim;
    pbase_host host;
    pbase_blocks *blocks;
    journal *journal;
    journal_options
        options; /* of the next open; `first` and `start` are what a storage would keep */
    os_blocks_options provider;
    bool refuses; /* to remember a segment */
} bed;

/* Remembers as a storage would. */
static inline pbase_status bed_enter(void *state, const journal_entered *entered, pbase_error *err)
{
    bed *on = state;
    if (on->refuses) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to remember");
    }
    on->options.entered = *entered;
    return PBASE_OK;
}

/* Around a simulated machine, which the caller ends after the bed. */
static inline void bed_init(bed *on, sim_os *sim)
{
    *on = (bed){.sim = sim};
    services_init(&on->host, sim_os_interface(sim), NULL);
    on->options =
        (journal_options){.host = &on->host, .id = BED_JOURNAL_ID, .enter = bed_enter, .state = on};
    on->provider = (os_blocks_options){
        .os = sim_os_interface(sim),
        .directory = "/",
        .atomic_bytes = 512,
        .segment_bytes = BED_SEGMENT_BYTES,
    };
}

static inline void bed_close(bed *on)
{
    journal_close(on->journal);
    pbase_blocks_close(on->blocks);
    on->journal = NULL;
    on->blocks = NULL;
}

static inline pbase_status bed_open(bed *on, pbase_error *err)
{
    pbase_status status = os_blocks_open(&on->provider, &on->blocks, err);
    if (status == PBASE_OK) {
        on->options.blocks = on->blocks;
        status = journal_open(&on->options, NULL, &on->journal, err);
    }
    if (status != PBASE_OK) {
        bed_close(on);
    }
    return status;
}

static inline pbase_token bed_token(uint64_t number)
{
    pbase_token token = {{0}};
    pbase_put_u64(token.bytes, number);
    return token;
}

/* Appends `count` records of `size` bytes each, filled with the token's number and the index. */
static inline pbase_status bed_append(bed *on, uint64_t number, size_t count, size_t size,
                                      int32_t durability, pbase_journal_appended *out,
                                      pbase_error *err)
{
    pbase_bytes records[8];
    uint8_t *data = malloc(count * size + 1);
    pbase_journal_append append = {
        .struct_size = sizeof(append),
        .durability = durability,
        .records = records,
        .record_count = count,
        .expected = PBASE_POSITION_ANY,
        .token = bed_token(number),
    };
    assert_non_null(data);
    assert_true(count <= sizeof(records) / sizeof(records[0]));
    for (size_t i = 0; i < count; i++) {
        memset(data + i * size, (int)((number * 8 + i) % 251 + 1), size);
        records[i] = pbase_bytes_of(data + i * size, size);
    }
    pbase_status status = journal_append(on->journal, NULL, &append, out, err);
    free(data);
    return status;
}

/* True when the record is what bed_append wrote for its token and index. */
static inline bool bed_record_is_right(const pbase_journal_record *record)
{
    uint64_t number = pbase_get_u64(record->token.bytes);
    for (size_t i = 0; i < record->bytes.size; i++) {
        if (record->bytes.data[i] != (uint8_t)((number * 8 + record->index) % 251 + 1)) {
            return false;
        }
    }
    return true;
}

/* Numbers of the appends that a scan from `from` shows, each once, up to `max`; the last status. */
static inline pbase_status bed_scan(bed *on, pbase_position from, uint64_t *out_numbers, size_t max,
                                    size_t *out_count)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    *out_count = 0;
    pbase_status status = journal_scan_open(on->journal, NULL, from, &scan, NULL);
    while (status == PBASE_OK) {
        status = journal_scan_next(scan, NULL, &record, NULL);
        if (status == PBASE_OK && !bed_record_is_right(&record)) {
            status = PBASE_INTERNAL; /* something was invented */
        }
        if (status == PBASE_OK && record.index + 1 == record.count && *out_count < max) {
            out_numbers[(*out_count)++] = pbase_get_u64(record.token.bytes);
        }
    }
    journal_scan_close(scan);
    return status;
}

#endif
