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

/* A row under one name: a document column that stands for all columns of a schema. What later steps
 * want of it is found in those columns, so that documents among them stay encoded; the whole row is
 * made a value only if somebody wants it. */
typedef struct {
    uint32_t column; /* of the input; UINT32_MAX: missing */
    uint32_t slot;   /* of its fields, or ROW_LAYOUT_WHOLE */
    pbase_path rest; /* inside its cells */
} row_view_field;
typedef struct {
    pbase_schema input;
    const pbase_column *column; /* the one that stands for it; borrowed */
    row_view_field *fields;     /* per slot of the column */
    bool is_whole;
} row_view;

/* Makes `out` the column of that name; it must stay where it is. */
PBASE_MUST_CHECK pbase_status row_view_bind(row_view *self, const pbase_schema *input,
                                            pbase_bytes name, pbase_binder *binder,
                                            pbase_column *out, pbase_error *err);
/* Once the plan is bound: asks the input for what is wanted of the column. `binder` has the position
 * at which rows are viewed. */
PBASE_MUST_CHECK pbase_status row_view_settle(row_view *self, pbase_binder *binder,
                                              pbase_error *err);
/* Makes `out` the rows of `in` with that column, in the arena of `out`. */
PBASE_MUST_CHECK pbase_status row_view_apply(const row_view *self, const pbase_chunk *in,
                                             pbase_chunk *out, pbase_error *err);

#endif
