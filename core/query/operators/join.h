/* join.h - what the two halves of the join operator share: binding (join.c), pairing (join_probe.c).
 */
#ifndef PROTOBASE_QUERY_OPERATORS_JOIN_H
#define PROTOBASE_QUERY_OPERATORS_JOIN_H
#include "query/join_access.h"
#include "query/operators/join_table.h"
#include "query/plan.h"
#include "query/row.h"
#include <protobase/plugin/operator.h>

/* One of the two inputs. */
typedef struct {
    pbase_schema input;  /* as it comes */
    pbase_schema schema; /* as `on` and later steps see it */
    bool is_viewed;      /* rows of several columns stand under the alias as one */
    row_view view;
} join_side;

typedef struct {
    join_kind kind;
    join_side left;
    join_side right;
    pbase_schema joined; /* the columns of both */
    const pbase_expression **left_keys;
    const pbase_expression **right_keys;
    size_t key_count;
    const pbase_expression *residual; /* NULL: a pair of equal keys matches */
    const pbase_expression *clash;    /* of a left row: it has a field named like the alias */
    pbase_bytes alias;
    pbase_bytes keys_text; /* for explain */
    const join_access
        *access; /* NULL: both inputs are read in order, and nothing to say about it */
    uint32_t position;
} join_node;

/* A pair to try, or the end of a left row. */
typedef struct {
    uint32_t left;
    uint32_t right; /* number + 1 of the kept row; 0: the end of the left row */
} join_item;

typedef struct {
    const join_node *node;
    const pbase_run *run;
    pbase_arena layout_arena;
    row_layout left_layout;
    row_layout right_layout;
    const pbase_row_reader **readers; /* of the right columns */
    join_table table;
    const pbase_value **key; /* of one row */
    /* of the chunk of left rows that is paired at the moment */
    pbase_chunk in;
    pbase_chunk left; /* the same as `on` sees it */
    pbase_vector *keys;
    uint32_t at;         /* the selected row being paired */
    uint32_t until;      /* the right rows of those before it are in the table */
    uint32_t run_rows;   /* left rows to look up at once, when it looks up; 0: the table has all */
    bool is_begun_ahead; /* the chunk was begun for its keys */
    uint32_t candidate;  /* number + 1 of the kept row to try next; 0: none is left */
    bool is_row_begun;
    bool is_row_matched;
    size_t rest; /* kept rows given by `rest`, or passed over */
} join;

/* join_probe.c */
pbase_status join_begin_chunk(join *self, pbase_chunk *in, pbase_error *err);
pbase_status join_apply(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                        int32_t *out_state, pbase_error *err);
pbase_status join_rest(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                       pbase_error *err);
/* Computes the keys of a side's rows; none is an ERROR among those selected. */
pbase_status join_keys(const pbase_query_services *services, pbase_chunk *chunk,
                       const pbase_expression *const *expressions, size_t count, pbase_vector **out,
                       pbase_error *err);

#endif
