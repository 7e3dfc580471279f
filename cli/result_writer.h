/* result_writer.h - the rows of a query as a table, JSON lines, a JSON array or CSV. */
#ifndef PBASE_CLI_RESULT_WRITER_H
#define PBASE_CLI_RESULT_WRITER_H
#include "cli.h"

typedef enum { RESULT_TABLE, RESULT_JSONL, RESULT_JSON, RESULT_CSV } result_format;

/* `text` NULL: a table when `prefers_table`, else JSON lines. */
result_format result_format_of(const char *text, bool prefers_table);
/* What is asked, and of what: exactly one of the last two. Borrowed. */
typedef struct {
    pbase_query *query;
    pbase_snapshot *snapshot;
    pbase_txn *txn;
} result_source;

/* Runs the query and writes every row to standard output. A table holds its rows until the end, to
 * align them. Rows that are whole documents get a column for every field that any of them has; as CSV
 * the query is run twice for that. */
PBASE_MUST_CHECK pbase_status result_write(cli *self, const result_source *source,
                                           result_format format, pbase_error *err);

#endif
