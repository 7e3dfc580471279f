/* join_table.h - the rows of a join's second input, found by the keys they are to equal.
 *
 * Rows are kept in the order they came, their keys beside the cells that later steps read. Once all
 * are there, chains by hash lead from row to row in that order; without keys every row is on the one
 * chain. Keys are equal as the total order says, which for values of one class is what `=` says; a
 * row with a null among its keys matches nothing. */
#ifndef PROTOBASE_QUERY_OPERATORS_JOIN_TABLE_H
#define PROTOBASE_QUERY_OPERATORS_JOIN_TABLE_H
#include "query/chunk.h"

typedef struct {
    uint64_t hash;
    const pbase_value *cells; /* keys, then the layout's; they stay where they are */
    uint32_t next;            /* of the chain, its number + 1; 0: the last */
    bool is_matchable;
    bool is_matched; /* the join's own */
} join_row;

typedef struct {
    const pbase_alloc *alloc; /* borrowed until fini */
    pbase_arena arena;        /* of cells */
    size_t key_count;
    join_row *rows;
    size_t count;
    size_t capacity;
    uint32_t *slots; /* first row of each chain, its number + 1 */
    size_t slot_count;
} join_table;

void join_table_init(join_table *self, const pbase_alloc *alloc, size_t key_count);
void join_table_fini(join_table *self);
/* Forgets all rows. */
void join_table_clear(join_table *self);
/* Keeps a row of `chunk`. LIMIT past 2^32 - 2 rows. */
PBASE_MUST_CHECK pbase_status join_table_add(join_table *self, const pbase_value *const *keys,
                                             const row_layout *layout, const pbase_chunk *chunk,
                                             uint32_t row, pbase_error *err);
/* Links the chains: no row is added any more. */
PBASE_MUST_CHECK pbase_status join_table_link(join_table *self, pbase_error *err);
/* The first row with these keys, its number + 1; 0 when there is none. `compared` counts rows
 * looked at. */
uint32_t join_table_first(const join_table *self, uint64_t hash, const pbase_value *const *keys,
                          uint64_t *compared);
/* The next one behind row `found` - 1. */
uint32_t join_table_next(const join_table *self, uint32_t found, const pbase_value *const *keys,
                         uint64_t *compared);

#endif
