/* Any bytes as CSV: cut into records and cells without harm; what is read and written again is read
 * as the same cells. */
#include "csv.h"

static void write_and_read_again(const csv_cell *cells, size_t count, pbase_arena *arena)
{
    pbase_buffer text;
    csv_cell *again = NULL;
    size_t again_count = 0;
    pbase_buffer_init(&text, pbase_alloc_default());
    for (size_t i = 0; i < count; i++) {
        PBASE_ASSERT(i == 0 || pbase_buffer_append_u8(&text, ',', NULL) == PBASE_OK);
        PBASE_ASSERT(csv_append(cells[i].text, cells[i].quoted, &text, NULL) == PBASE_OK);
    }
    PBASE_ASSERT(csv_split(pbase_buffer_view(&text), arena, &again, &again_count, NULL) ==
                 PBASE_OK);
    PBASE_ASSERT(again_count == count);
    for (size_t i = 0; i < count; i++) {
        PBASE_ASSERT(pbase_bytes_equal(cells[i].text, again[i].text));
        PBASE_ASSERT(cells[i].quoted == again[i].quoted || again[i].quoted);
    }
    pbase_buffer_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        pbase_bytes rest = pbase_bytes_of(data + at, size - at);
        csv_scan whole = {0, 0}, pieces = {0, 0};
        bool ended = csv_scan_record(rest, &whole);
        bool found = false;
        for (size_t seen = 1; seen <= rest.size && !found; seen++) { /* as it comes from a pipe */
            found = csv_scan_record(pbase_bytes_of(rest.data, seen), &pieces);
        }
        PBASE_ASSERT(found == ended && pieces.offset == whole.offset);
        pbase_arena arena;
        pbase_error err;
        csv_cell *cells = NULL;
        size_t count = 0;
        pbase_arena_init(&arena, pbase_alloc_default());
        pbase_error_init(&err);
        pbase_bytes record = pbase_bytes_of(rest.data, whole.offset);
        if (csv_split(record, &arena, &cells, &count, &err) == PBASE_OK) {
            PBASE_ASSERT(count > 0);
            write_and_read_again(cells, count, &arena);
        } else {
            PBASE_ASSERT(err.code == PBASE_LIMIT || err.where[0] != '\0');
        }
        pbase_arena_fini(&arena);
        at += whole.offset + 1;
    }
    return 0;
}
