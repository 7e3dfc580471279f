/* text_selection.h - one "select ... from ..." as it was read (text_select.c), and its translation
 * to steps (select_plan.c). */
#ifndef PROTOBASE_QUERY_TEXT_SELECTION_H
#define PROTOBASE_QUERY_TEXT_SELECTION_H
#include "query/text_parts.h"

/* A selected column. */
typedef struct {
    pbase_bytes name;
    const expr *value;
    size_t place;
} select_item;

/* An aggregate that some expression of the selection uses, by a field that stands for it. */
typedef struct {
    plan_aggregate aggregate; /* its name stays in the field */
    pbase_path_step *field;
    bool is_named; /* by the column that it is alone in */
    size_t place;
} select_aggregate;

typedef struct {
    select_item *items;
    size_t count;
    size_t capacity;
    bool is_star;
    bool is_distinct;
    select_aggregate *aggregates;
    size_t aggregate_count;
    size_t aggregate_capacity;
    bool may_aggregate; /* at the place that is read */
    plan_step from;
    step_list joins;
    const expr *where;
    column_list keys; /* of group by */
    bool has_group;
    const expr *having;
    plan_step order;
    bool has_order, has_limit, has_offset;
    plan_step limit, offset;
    size_t place;                                              /* of "select" */
    size_t where_place, keys_place, having_place, order_place; /* of those that are there */
} selection;

/* Appends the steps of a selection, with its order and limits. INVALID points to what cannot be
 * said: a column that is neither a key nor an aggregate, a name that no input has. */
PBASE_MUST_CHECK pbase_status select_plan(lexer *lx, selection *s, step_list *steps);
/* Appends order, offset and limit, as the selection says them. */
PBASE_MUST_CHECK pbase_status select_add_order(lexer *lx, const selection *s, step_list *steps);

#endif
