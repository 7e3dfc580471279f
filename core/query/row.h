/* row.h - a row of a chunk as one value: the document, or a map of its columns.
 *
 * What distinct compares, what a join binds to an alias, and what the result gives. */
#ifndef PROTOBASE_QUERY_ROW_H
#define PROTOBASE_QUERY_ROW_H
#include <protobase/plugin/operator.h>

/* True when rows are documents of their own shape: the first column is nameless. */
bool row_is_open(const pbase_schema *schema);
/* Row `row` as a value in `arena`, or pointing into the chunk. Its cells are neither ENCODED nor
 * ERROR. */
PBASE_MUST_CHECK pbase_status row_value(const pbase_schema *schema, const pbase_chunk *chunk,
                                        uint32_t row, pbase_arena *arena, pbase_value *out,
                                        pbase_error *err);
/* Decodes the documents of the selected rows, and raises the first ERROR among their cells. */
PBASE_MUST_CHECK pbase_status row_open_all(pbase_chunk *chunk, pbase_error *err);
/* Makes `out` the rows of `in` with one column, the whole row. Documents alone are passed on as they
 * are, ENCODED or not; other rows become maps. Both have the arena of `out`. */
PBASE_MUST_CHECK pbase_status row_pack(const pbase_schema *schema, const pbase_chunk *in,
                                       pbase_chunk *out, pbase_error *err);
/* Wants every column of binder->input whole, for row_pack. */
void row_want_all(pbase_binder *binder);

#endif
