/* operators.h - the built-in operators, reached as any other: by a table. */
#ifndef PROTOBASE_QUERY_OPERATORS_OPERATORS_H
#define PROTOBASE_QUERY_OPERATORS_OPERATORS_H
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

/* The operator of a step; NULL when there is none of that name. */
const pbase_operator_vtable *operators_find(pbase_bytes name);

#endif
