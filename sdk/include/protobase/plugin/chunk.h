/* chunk.h - rows on their way through a query.
 *
 * A chunk is up to PBASE_CHUNK_ROWS rows by columns, with a selection of the rows that still count.
 * A schema says what the columns are. Cells are values; besides the kinds of value.h a cell may be
 *   ENCODED  a whole document as it is stored: as.string holds its bytes, the column's reader opens
 *            it. Filters, sorts and limits pass it on unopened;
 *   ERROR    what an expression made of a row it cannot compute: as.string holds the message. It
 *            travels with the row and is raised where the row is used, so that a row which a filter
 *            drops cannot fail a query.
 * Null stands for missing.
 *
 * A document column carries, beside (or instead of) the whole documents, the fields of them that
 * the plan reads: one array of cells per wanted path, extracted by the source in one pass.
 *
 * Lifetime: a chunk belongs to its producer until the next call on the same local state. What its
 * cells point to lies in chunk->arena, which the executor resets when it asks the source for more,
 * or lives longer. Who keeps rows copies them. Threads: confined. */
#ifndef PROTOBASE_PLUGIN_CHUNK_H
#define PROTOBASE_PLUGIN_CHUNK_H
#include <protobase/base/value.h>
#include <protobase/plugin/codec.h>
PBASE_BEGIN_DECLS

#define PBASE_CELL_ENCODED 0xfeu
#define PBASE_CELL_ERROR 0xfdu

/* The paths of one document column that a plan reads, filled while operators bind. Core's own. */
typedef struct pbase_wanted pbase_wanted;

typedef struct {
    pbase_bytes name;     /* field of the row; empty: the column is the row itself, and its fields
                            are the row's fields unless a named column replaces them */
    pbase_wanted *wanted; /* a document column; NULL: plain values */
} pbase_column;

/* The row as a map: the fields of the nameless column (there is one at most, the first), each
 * replaced by the named column of that name if there is one, then the other named columns. */
typedef struct {
    const pbase_column *columns;
    size_t count;
} pbase_schema;

/* Opens encoded documents. Threads: synchronized. Errors as those of a serializer. */
typedef struct pbase_row_reader pbase_row_reader;
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    pbase_status (*decode)(const pbase_row_reader *self, pbase_bytes encoded, pbase_arena *arena,
                           pbase_value *out, pbase_error *err);
    /* Only the values at `paths`, in one pass; out[i].kind is PBASE_VALUE_MISSING when missing. */
    pbase_status (*extract)(const pbase_row_reader *self, pbase_bytes encoded,
                            const pbase_path *paths, size_t count, pbase_arena *arena,
                            pbase_value *out, pbase_error *err);
} pbase_row_reader_vtable;
struct pbase_row_reader {
    const pbase_row_reader_vtable *vtable;
};

typedef struct {
    const pbase_value *cells;       /* [row]; NULL when nobody wants the whole value */
    const pbase_row_reader *reader; /* of ENCODED cells, the same in every chunk of a run that has
                                       some; NULL: there are none */
    const pbase_value **fields;     /* [slot][row] of a document column; a slot may be NULL once
                                       nobody reads it any more */
    uint32_t field_count;
    uint32_t reserved;
} pbase_chunk_column;

typedef struct {
    uint32_t struct_size;
    uint32_t row_count;        /* rows before selection, PBASE_CHUNK_ROWS at most */
    uint32_t selected_count;   /* rows that count; equals row_count when selection is NULL */
    uint32_t column_count;     /* as in the schema */
    const uint16_t *selection; /* ascending row numbers, or NULL: all rows */
    pbase_chunk_column *columns;
    pbase_arena *arena; /* for what cells point to */
} pbase_chunk;

/* The number of the n-th selected row. */
static inline uint32_t pbase_chunk_row(const pbase_chunk *chunk, uint32_t n)
{
    return chunk->selection == NULL ? n : chunk->selection[n];
}

/* A column of results: the cell of `row` is cells[row & mask]; mask 0 makes it a constant. */
typedef struct {
    const pbase_value *cells;
    uint32_t mask;
    uint32_t reserved;
} pbase_vector;
static inline const pbase_value *pbase_vector_cell(const pbase_vector *vector, uint32_t row)
{
    return &vector->cells[row & vector->mask];
}

PBASE_END_DECLS
#endif
