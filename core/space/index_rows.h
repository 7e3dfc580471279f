/* index_rows.h - rows of a query by way of an index, or by their keys.
 * Threads: confined. */
#ifndef PROTOBASE_SPACE_INDEX_ROWS_H
#define PROTOBASE_SPACE_INDEX_ROWS_H
#include "collection/handle.h"
#include "index/upkeep.h"
#include "query/source.h"

typedef struct {
    const collection_context *context; /* borrowed until close, like the next three */
    const pbase_row_reader *reader;
    const index_live *index; /* NULL: by the keys of `access` */
    const query_access *access;
    const pbase_alloc *alloc; /* of rows that are gathered */
    collection *handle;       /* taken, on failure too */
} index_rows_options;

PBASE_MUST_CHECK pbase_status index_rows_open(const index_rows_options *options, query_rows **out,
                                              pbase_error *err);

#endif
