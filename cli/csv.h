/* csv.h - records and cells of RFC 4180.
 *
 * Cells are parted by commas, records by CR LF or LF. A cell in quotes may hold commas, line ends and
 * doubled quotes. What the RFC does not allow is refused with its place: a quote inside a cell that
 * does not begin with one, anything but a comma behind a closing quote, a quote that is never closed,
 * a CR alone. Knows nothing of types. Threads: confined. */
#ifndef PBASE_CLI_CSV_H
#define PBASE_CLI_CSV_H
#include <protobase/base/arena.h>

#define CSV_CELLS_MAX 16384u /* of one record */

typedef struct {
    pbase_bytes text; /* points into the record, or into the arena where quotes were doubled */
    bool quoted;
    size_t offset; /* of its first byte in the record, its quote included */
} csv_cell;

/* Looks for the end of the record that `data` begins with; all zero at the beginning of one. May be
 * asked again with more data behind what it has seen. True: data[scan->offset] is the LF that ends
 * it. False: the data ends first. */
typedef struct {
    size_t offset;
    uint8_t state; /* private */
} csv_scan;
bool csv_scan_record(pbase_bytes data, csv_scan *scan);

/* The cells of one record without its line end; always at least one. INVALID with err->where "line L
 * column C" from the record's first byte; LIMIT past CSV_CELLS_MAX. */
PBASE_MUST_CHECK pbase_status csv_split(pbase_bytes record, pbase_arena *arena, csv_cell **out,
                                        size_t *out_count, pbase_error *err);
/* Line and column, both from 1, of a byte of a record; columns in characters. */
void csv_place(pbase_bytes record, size_t offset, uint64_t *out_line, uint64_t *out_column);

/* Appends a cell, in quotes when `must_quote` or when its text needs them. */
PBASE_MUST_CHECK pbase_status csv_append(pbase_bytes cell, bool must_quote, pbase_buffer *out,
                                         pbase_error *err);

#endif
