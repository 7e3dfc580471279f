/* csv_cells.h - between the cells of CSV and values.
 *
 * auto: what stands without quotes and is a JSON number, true, false or null is that value; what is a
 *   JSON list or map, in quotes or not, is that; nothing at all (not even quotes) leaves the field
 *   out; everything else is a string. Integers beyond int64 stay strings.
 * text: every cell is a string; null is written as nothing.
 * json: every cell that is not empty is JSON; exact for every value. */
#ifndef PBASE_CLI_CSV_CELLS_H
#define PBASE_CLI_CSV_CELLS_H
#include "cli.h"
#include "csv.h"

typedef enum { CSV_AUTO = 0, CSV_TEXT, CSV_JSON } csv_types;
/* NULL and "auto", "text", "json". */
csv_types csv_types_of(const char *text);

/* The first record: the names of the fields. */
typedef struct {
    pbase_bytes *names;
    size_t count;
} csv_header;

/* Takes a record as the header, copied into `arena`. INVALID: a name twice, or bad UTF-8. */
PBASE_MUST_CHECK pbase_status csv_header_read(pbase_bytes record, pbase_arena *arena,
                                              csv_header *out, pbase_error *err);
/* A record as a document in `arena`; its strings may point into the record. INVALID with its place in
 * the record: not as many cells as names, bad UTF-8, under `json` a cell that is not JSON. */
PBASE_MUST_CHECK pbase_status csv_read_document(cli *run, const csv_header *header, csv_types types,
                                                pbase_bytes record, pbase_arena *arena,
                                                pbase_value *out, pbase_error *err);

/* Appends `value` as one cell that reads back as it was; `scratch` is for its text. NULL: no field. */
PBASE_MUST_CHECK pbase_status csv_append_value(cli *run, csv_types types, const pbase_value *value,
                                               pbase_buffer *scratch, pbase_buffer *out,
                                               pbase_error *err);

#endif
