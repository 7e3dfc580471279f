/* operators.h - the built-in operators, reached as any other: by a table. */
#ifndef PROTOBASE_QUERY_OPERATORS_OPERATORS_H
#define PROTOBASE_QUERY_OPERATORS_OPERATORS_H
#include "query/source.h"
#include <protobase/plugin/operator.h>

extern const pbase_operator_vtable operator_scan;   /* from */
extern const pbase_operator_vtable operator_filter; /* where */
extern const pbase_operator_vtable operator_select; /* select */
extern const pbase_operator_vtable operator_extend; /* extend */
extern const pbase_operator_vtable operator_sort;   /* order */
extern const pbase_operator_vtable operator_limit;  /* limit */
extern const pbase_operator_vtable operator_offset; /* offset */
extern const pbase_operator_vtable operator_count;  /* count */
extern const pbase_operator_vtable operator_group;  /* group */
extern const pbase_operator_vtable operator_join;   /* join */
extern const pbase_operator_vtable operator_distinct;
extern const pbase_operator_vtable operator_union;
extern const pbase_operator_vtable operator_union_all;
extern const pbase_operator_vtable operator_intersect;
extern const pbase_operator_vtable operator_except;
extern const pbase_operator_vtable operator_unnest;
extern const pbase_operator_vtable operator_traverse;

/* Tells a bound from how to read its collection (query/access.h); lent until the plan ends. */
struct access_choice;
void scan_use_access(pbase_operator_node *node, const struct access_choice *choice);

/* The rows of an open from again from the first, read another way; NULL: as was planned. `access` is
 * borrowed until the next call, or close. */
PBASE_MUST_CHECK pbase_status scan_restart(void *shared, const query_access *access,
                                           pbase_error *err);
/* Ends its rows: what they were read by is not looked at any more. */
void scan_stop(void *shared);
/* Rows read since it was opened or restarted. */
uint64_t scan_rows_read(const void *shared);

/* Tells a bound join how its inputs are read (query/join_access.h); lent until the plan ends. */
struct join_access;
void join_use_access(pbase_operator_node *node, const struct join_access *access);
/* Keys as tuples of `key_count` cells on end, none of them null. */
typedef struct {
    const pbase_value *tuples;
    size_t count;
    size_t key_count;
} join_key_list;
/* A join that looks up: begins with chunk `in` of left rows (NULL: goes on). `out_needs` is true when
 * right rows must be built before it is applied: those with the keys in `out`, which lies in `arena`;
 * the ones before are forgotten. */
PBASE_MUST_CHECK pbase_status join_next_keys(void *shared, pbase_chunk *in, pbase_arena *arena,
                                             join_key_list *out, bool *out_needs, pbase_error *err);
/* Right rows are all built from now on, before it is applied next. */
void join_end_lookups(void *shared);
/* The different keys of the right rows; false: more than `most`. */
PBASE_MUST_CHECK pbase_status join_kept_keys(const void *shared, size_t most, pbase_arena *arena,
                                             join_key_list *out, bool *out_fits, pbase_error *err);

/* The operator of a step; NULL when there is none of that name. */
const pbase_operator_vtable *operators_find(pbase_bytes name);

#endif
