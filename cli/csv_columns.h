/* csv_columns.h - which columns a collection has as CSV, and its rows under them.
 *
 * Documents of one collection may differ: the columns are all fields that any of them has, in the
 * order in which they first come. Finding them takes a pass over the snapshot, so that nothing is
 * left out and memory stays constant. Values that are no documents have the one column "value".
 * Threads: confined. */
#ifndef PBASE_CLI_CSV_COLUMNS_H
#define PBASE_CLI_CSV_COLUMNS_H
#include "csv_cells.h"

typedef struct {
    pbase_arena *arena; /* of the names; borrowed */
    pbase_bytes *names;
    size_t count, room;
} csv_columns;

/* Adds the fields of one value. LIMIT past CSV_CELLS_MAX columns. */
PBASE_MUST_CHECK pbase_status csv_columns_add(csv_columns *self, const pbase_value *value,
                                              pbase_error *err);
PBASE_MUST_CHECK pbase_status csv_columns_add_name(csv_columns *self, pbase_bytes name,
                                                   pbase_error *err);
/* Takes "a,b" as the columns. */
PBASE_MUST_CHECK pbase_status csv_columns_choose(csv_columns *self, const char *text,
                                                 pbase_error *err);
/* What stands in a column: a field, or under "value" what is no document. NULL: nothing. */
const pbase_value *csv_columns_cell(const pbase_value *value, pbase_bytes name);
/* Appends the header, or one row. `key` (may be NULL) stands in a column "key" before the others. */
PBASE_MUST_CHECK pbase_status csv_columns_header(const csv_columns *self, bool with_key,
                                                 pbase_buffer *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status csv_columns_row(cli *run, const csv_columns *self, csv_types types,
                                              const pbase_value *key, const pbase_value *value,
                                              pbase_buffer *out, pbase_error *err);

#endif
