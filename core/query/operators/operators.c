/* operators.c - the built-in operators by name. */
#include "query/operators/operators.h"

const pbase_operator_vtable *operators_find(pbase_bytes name)
{
    static const pbase_operator_vtable *const known[] = {
        &operator_scan,      &operator_filter,    &operator_select,   &operator_extend,
        &operator_sort,      &operator_limit,     &operator_offset,   &operator_count,
        &operator_group,     &operator_join,      &operator_distinct, &operator_union,
        &operator_union_all, &operator_intersect, &operator_except,   &operator_unnest,
        &operator_traverse,
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (pbase_bytes_equal(name, pbase_bytes_text(known[i]->name))) {
            return known[i];
        }
    }
    return NULL;
}
