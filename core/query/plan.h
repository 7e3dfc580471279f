/* plan.h - the logical plan: what a query asks, step by step.
 *
 * Text (text.h) and the JSON plan make the same one. Plans are immutable and lie with everything
 * they point to in the arena they were made in; a rewritten plan shares what did not change. Rows
 * flow from step to step: the first is a from, and there is no other. */
#ifndef PROTOBASE_QUERY_PLAN_H
#define PROTOBASE_QUERY_PLAN_H
#include "expr/expr.h"
#include "query/aggregate.h"

#define PLAN_STEPS_MAX 1024u
#define PLAN_COLUMNS_MAX 1024u /* of one step, keys and aggregates together */
#define PLAN_NO_LIMIT UINT64_MAX

typedef enum {
    PLAN_FROM,
    PLAN_WHERE,
    PLAN_SELECT,
    PLAN_EXTEND,
    PLAN_ORDER,
    PLAN_LIMIT,
    PLAN_OFFSET,
    PLAN_COUNT,
    PLAN_GROUP
} plan_op;

typedef struct {
    pbase_bytes name;
    const expr *value;
} plan_column;

typedef struct {
    const expr *value;
    bool is_descending;
    bool nulls_first;
} plan_key;

typedef struct {
    pbase_bytes name;
    aggregate_kind function;
    const expr *argument; /* NULL: count of rows */
    const expr *filter;   /* NULL: every row */
    bool is_distinct;
} plan_aggregate;

typedef struct {
    plan_op op;
    uint32_t position;          /* in the plan as it was written, from 1 */
    pbase_bytes source;         /* from */
    pbase_bytes alias;          /* from: empty when rows are the documents themselves */
    pbase_bytes key_name;       /* from: empty when keys are not asked for */
    const expr *condition;      /* where */
    const plan_column *columns; /* select, extend; group: its keys */
    size_t column_count;
    const plan_key *keys; /* order */
    size_t key_count;
    const plan_aggregate *aggregates; /* group */
    size_t aggregate_count;
    uint64_t n;   /* limit, offset */
    uint64_t top; /* order: how many rows will be read of it; PLAN_NO_LIMIT: all */
} plan_step;

typedef struct {
    const plan_step *steps;
    size_t count;
} plan;

const char *plan_op_name(plan_op op);
/* UNSUPPORTED for a step that PLAN.md has and this version has not, INVALID for any other word,
 * with the nearest. `position`: of the step. */
PBASE_MUST_CHECK pbase_status plan_op_find(pbase_bytes name, uint32_t position, plan_op *out,
                                           pbase_error *err);
/* What holds for every plan, however it was written: from first and nowhere else, names that are
 * there and differ, limits. `out_step` tells which step is wrong. */
PBASE_MUST_CHECK pbase_status plan_check(const plan *self, size_t *out_step, pbase_error *err);

/* From the JSON plan. Errors name the step: "step 3 (where): ...". */
PBASE_MUST_CHECK pbase_status plan_from_value(const pbase_value *json, pbase_arena *arena,
                                              plan *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status plan_to_value(const plan *self, pbase_arena *arena, pbase_value *out,
                                            pbase_error *err);
/* One step: what an operator binds. */
PBASE_MUST_CHECK pbase_status plan_step_to_value(const plan_step *step, pbase_arena *arena,
                                                 pbase_value *out, pbase_error *err);
/* Appends a step, without its pipe, as query text. */
PBASE_MUST_CHECK pbase_status plan_step_format(const plan_step *step, pbase_buffer *out,
                                               pbase_error *err);

/* Rewrites every expression of a plan. */
typedef pbase_status plan_rewrite(void *state, const expr *before, const expr **after,
                                  pbase_error *err);
PBASE_MUST_CHECK pbase_status plan_map(const plan *self, plan_rewrite *rewrite, void *state,
                                       pbase_arena *arena, plan *out, pbase_error *err);

#endif
