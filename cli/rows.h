/* rows.h - the rows of an input file, one text at a time, in constant memory.
 *
 * jsonl: a value a line, blank lines left out. json: the elements of one array, whose borders a
 * small scanner finds (strings and nesting honoured); the codec judges what is inside. csv: records,
 * line ends within quotes honoured, the header first; a byte order mark before it is passed over.
 * Threads: confined. */
#ifndef PBASE_CLI_ROWS_H
#define PBASE_CLI_ROWS_H
#include "cli.h"

typedef enum { ROWS_LINES = 0, ROWS_ARRAY, ROWS_CSV } rows_format;

/* A place in the input (private). */
typedef struct {
    size_t start;
    bool in_array, array_ended;
    uint64_t line, line_column, bytes_given;
} rows_mark;

typedef struct {
    const char *name; /* of the file, for messages */
    FILE *file;
    rows_format format;
    const pbase_call *call;
    /* private */
    uint8_t *buffer;
    size_t capacity, start, end; /* what is read and not yet given lies in start..end */
    bool at_end, in_array, array_ended;
    uint64_t line;        /* of buffer[start] */
    uint64_t line_column; /* of buffer[start], from 1 */
    uint64_t bytes_given;
    bool has_mark;
    rows_mark marked;
} rows;

typedef struct {
    pbase_bytes text; /* lent until the next call */
    uint64_t line;    /* where it begins, from 1 */
    uint64_t column;
} row;

#define ROWS_BYTES_MAX ((size_t)PBASE_VALUE_BYTES_MAX * 2) /* of one row */
#define ROWS_MARKED_BYTES_MAX ((size_t)16 << 20)

/* `path` "-" is standard input. NOT_FOUND, IO. */
PBASE_MUST_CHECK pbase_status rows_open(const char *path, rows_format format,
                                        const pbase_call *call, rows *out, pbase_error *err);
/* END after the last. INVALID: not an array, or cut in the middle; LIMIT: a row is too long. */
PBASE_MUST_CHECK pbase_status rows_next(rows *self, row *out, pbase_error *err);
/* What follows can be given again, unless it gets longer than ROWS_MARKED_BYTES_MAX: it is kept until
 * the next mark. */
void rows_mark_here(rows *self);
/* Goes back to the mark. False: too much has been given since, nothing is changed. */
PBASE_MUST_CHECK bool rows_go_back(rows *self);
void rows_close(rows *self);
/* Bytes of the file, 0 when unknown (a pipe). */
uint64_t rows_file_bytes(const rows *self);

#endif
