/* chunk.h - making chunks, and keeping their rows beyond their time. */
#ifndef PROTOBASE_QUERY_CHUNK_H
#define PROTOBASE_QUERY_CHUNK_H
#include <protobase/plugin/operator.h>

/* An empty chunk of no columns. */
void chunk_init(pbase_chunk *chunk, pbase_arena *arena);
/* `count` cleared columns in chunk->arena. */
PBASE_MUST_CHECK pbase_status chunk_columns(pbase_chunk *chunk, size_t count, pbase_error *err);
/* Cells for every row of the chunk; nothing is cleared. */
PBASE_MUST_CHECK pbase_status chunk_cells(pbase_chunk *chunk, pbase_value **out, pbase_error *err);
/* The same rows as `in`: columns shared, selection too. */
void chunk_share(pbase_chunk *out, const pbase_chunk *in);
/* A vector as a column of cells: lent, unless it is a constant, which is written out for the
 * selected rows. */
PBASE_MUST_CHECK pbase_status chunk_column_of(pbase_chunk *chunk, const pbase_vector *vector,
                                              const pbase_value **out, pbase_error *err);

/* A copy of a cell, of any kind, with everything it points to in `arena`. */
PBASE_MUST_CHECK pbase_status cell_copy(const pbase_value *cell, pbase_arena *arena,
                                        pbase_value *out, pbase_error *err);

/* Which cells of a row are worth keeping for the steps behind `position`: whole columns, and fields
 * of documents. One row is then a run of `width` cells. */
typedef struct {
    uint32_t column;
    uint32_t slot; /* of a field, or ROW_LAYOUT_WHOLE */
} row_part;
#define ROW_LAYOUT_WHOLE UINT32_MAX
#define ROW_NONE UINT32_MAX /* instead of the number of a row */
typedef struct {
    const row_part *parts;
    uint32_t width;
    const pbase_column *columns; /* of the schema */
    uint32_t column_count;
} row_layout;

/* In `arena`, which the layout borrows. To be made once the whole plan is bound. */
PBASE_MUST_CHECK pbase_status row_layout_make(const pbase_schema *schema, uint32_t position,
                                              pbase_arena *arena, row_layout *out,
                                              pbase_error *err);
/* Copies one row into `out`, `width` cells, and what they point to into `arena`. */
PBASE_MUST_CHECK pbase_status row_layout_keep(const row_layout *layout, const pbase_chunk *chunk,
                                              uint32_t row, pbase_arena *arena, pbase_value *out,
                                              pbase_error *err);
/* Puts kept rows into the columns of `out` from `first` on; a row that is NULL has nulls, and no
 * fields. The chunk has its rows and its columns, the latter cleared. */
PBASE_MUST_CHECK pbase_status row_layout_fill(const row_layout *layout,
                                              const pbase_value *const *rows,
                                              const pbase_row_reader *const *readers,
                                              pbase_chunk *out, size_t first, pbase_error *err);
/* The same with rows of another chunk, rows[i] for row i; ROW_NONE for one of nulls. */
PBASE_MUST_CHECK pbase_status row_layout_gather(const row_layout *layout, const pbase_chunk *in,
                                                const uint32_t *rows, pbase_chunk *out,
                                                size_t first, pbase_error *err);
/* Makes a chunk of kept rows. `readers[column]` opens ENCODED cells. */
PBASE_MUST_CHECK pbase_status row_layout_emit(const row_layout *layout,
                                              const pbase_value *const *rows, uint32_t count,
                                              const pbase_row_reader *const *readers,
                                              pbase_chunk *out, pbase_error *err);

#endif
