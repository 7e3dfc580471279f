/* plan.h - the logical plan: what a query asks, step by step.
 *
 * Text (text.h) and the JSON plan make the same one. Plans are immutable and lie with everything
 * they point to in the arena they were made in; a rewritten plan shares what did not change. Rows
 * flow from step to step: the first is a from, and there is no other. A join or a set operation has
 * a second plan, whose rows meet those of the steps before it. */
#ifndef PROTOBASE_QUERY_PLAN_H
#define PROTOBASE_QUERY_PLAN_H
#include "expr/expr.h"
#include "query/aggregate.h"

#define PLAN_STEPS_MAX 1024u
#define PLAN_COLUMNS_MAX 1024u /* of one step, keys and aggregates together */
#define PLAN_DEPTH_MAX 16u     /* of plans inside plans */
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
    PLAN_GROUP,
    PLAN_DISTINCT,
    PLAN_JOIN,
    PLAN_UNION,
    PLAN_UNION_ALL,
    PLAN_INTERSECT,
    PLAN_EXCEPT,
    PLAN_UNNEST,
    PLAN_TRAVERSE
} plan_op;

typedef enum {
    JOIN_INNER,
    JOIN_LEFT,
    JOIN_RIGHT,
    JOIN_FULL,
    JOIN_SEMI,
    JOIN_ANTI,
    JOIN_CROSS
} join_kind;

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

/* An equality of a join: what it compares of either side. */
typedef struct {
    const expr *left;
    const expr *right; /* of the right row's own fields, behind its alias */
} plan_pair;

/* How a traverse goes from row to row. */
typedef struct {
    const expr *key; /* a field, as `ref` */
    const expr *ref;
    uint64_t depth_max; /* PLAN_NO_LIMIT: none */
    bool is_up;
    bool has_start;
    bool is_depth_first;
} plan_relation;

typedef struct plan plan;
typedef struct access_choice access_choice; /* access.h */
typedef struct join_access join_access;     /* join_access.h */

typedef struct {
    plan_op op;
    uint32_t position;           /* in the plan as it was written, from 1 */
    size_t place;                /* in the text it was read from; 0 in other forms */
    pbase_bytes source;          /* from, traverse */
    pbase_bytes alias;           /* from: empty when rows are the documents themselves;
                                   join: of the right row */
    pbase_bytes left_alias;      /* join: empty when the left row's fields stay at the top */
    pbase_bytes key_name;        /* from: empty when keys are not asked for */
    const access_choice *access; /* from, once chosen: how the collection is read; NULL: as it is */
    const expr *condition;       /* where; join: NULL when every pair matches */
    const plan_column *columns;  /* select, extend; group: its keys; unnest: the one, a field */
    size_t column_count;
    const plan *with;       /* join, set operations: the second input */
    join_kind kind;         /* join */
    const plan_pair *pairs; /* join, once optimised: equalities of `condition` */
    size_t pair_count;
    const expr *residual;    /* join: the terms of `condition` that are not among the pairs */
    const join_access *join; /* join, once chosen: how its inputs are read; NULL: as they are */
    bool is_outer;           /* unnest */
    const plan_relation *relation; /* traverse */
    const plan_key *keys;          /* order */
    size_t key_count;
    const plan_aggregate *aggregates; /* group */
    size_t aggregate_count;
    uint64_t n;   /* limit, offset */
    uint64_t top; /* order: how many rows will be read of it; PLAN_NO_LIMIT: all */
} plan_step;

struct plan {
    const plan_step *steps;
    size_t count;
};

const char *plan_op_name(plan_op op);
const char *join_kind_name(join_kind kind);
/* False when there is no such kind; the hint then gets the nearest if err is not NULL. */
bool join_kind_find(pbase_bytes name, join_kind *out, pbase_error *err);
/* True for steps with a second input that the plan says. */
bool plan_op_has_second(plan_op op);
/* UNSUPPORTED for a step that PLAN.md has and this version has not, INVALID for any other word,
 * with the nearest. `position`: of the step. */
PBASE_MUST_CHECK pbase_status plan_op_find(pbase_bytes name, uint32_t position, plan_op *out,
                                           pbase_error *err);
/* What holds for every plan, however it was written: from first and nowhere else, names that are
 * there and differ, limits. Plans inside it were checked before. `out_step` tells which step is
 * wrong. */
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
/* The same with `second` between the parentheses of its second input, unless that is empty. */
PBASE_MUST_CHECK pbase_status plan_step_format_around(const plan_step *step, pbase_bytes second,
                                                      pbase_buffer *out, pbase_error *err);
/* True for a plan that says no more than the name of a collection. */
bool plan_is_plain(const plan *self);

/* Rewrites every expression of a plan, those of plans inside it too. */
typedef pbase_status plan_rewrite(void *state, const expr *before, const expr **after,
                                  pbase_error *err);
PBASE_MUST_CHECK pbase_status plan_map(const plan *self, plan_rewrite *rewrite, void *state,
                                       pbase_arena *arena, plan *out, pbase_error *err);

#endif
