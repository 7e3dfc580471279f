/* text_parts.h - the pieces of query text that pipes and `select ... from` share. */
#ifndef PROTOBASE_QUERY_TEXT_PARTS_H
#define PROTOBASE_QUERY_TEXT_PARTS_H
#include "expr/expr_text.h"
#include "query/plan.h"

/* Steps, or columns of one step, as they are read. Grows in the lexer's arena. */
typedef struct {
    plan_step *steps;
    size_t count;
    size_t capacity;
} step_list;
typedef struct {
    plan_column *columns;
    size_t count;
    size_t capacity;
} column_list;
typedef struct {
    plan_aggregate *aggregates;
    size_t count;
    size_t capacity;
} aggregate_list;

/* A cleared step at the end of the list, at its position. */
PBASE_MUST_CHECK pbase_status text_add_step(lexer *lx, step_list *list, plan_op op,
                                            plan_step **out);
PBASE_MUST_CHECK pbase_status text_add_column(lexer *lx, column_list *list, plan_column column);
PBASE_MUST_CHECK pbase_status text_add_aggregate(lexer *lx, aggregate_list *list,
                                                 plan_aggregate aggregate);

/* name: expression, expression as name, or a path that names itself. */
PBASE_MUST_CHECK pbase_status text_column(lexer *lx, plan_column *out);
/* column, column, ... */
PBASE_MUST_CHECK pbase_status text_columns(lexer *lx, column_list *out);
/* True when an aggregate call begins here: its name and a parenthesis. */
bool text_is_aggregate(const lexer *lx);
/* fn([distinct] expression) [filter (where expression)]. Its name stays empty. */
PBASE_MUST_CHECK pbase_status text_aggregate(lexer *lx, plan_aggregate *out);
/* What rows come from: a name, or `$objects`. */
PBASE_MUST_CHECK pbase_status text_source(lexer *lx, pbase_bytes *out);
/* name: if it is there. */
PBASE_MUST_CHECK pbase_status text_label(lexer *lx, pbase_bytes *out);
/* [[as] NAME]: an alias that is not one of the words that can follow it. */
PBASE_MUST_CHECK pbase_status text_alias(lexer *lx, pbase_bytes *out);
/* Behind "from": NAME [as ALIAS] [key NAME] */
PBASE_MUST_CHECK pbase_status text_from(lexer *lx, plan_step *step);
/* Behind "order": by key [asc | desc] [nulls first | nulls last], ... */
PBASE_MUST_CHECK pbase_status text_order(lexer *lx, plan_step *step);
/* Behind "limit" and "offset": a number of rows. */
PBASE_MUST_CHECK pbase_status text_rows(lexer *lx, plan_step *step);
/* What `inner` says, at a place of the text. */
pbase_status text_fail_inner(const lexer *lx, size_t offset, const pbase_error *inner);

/* Steps up to the first token that is neither a step nor a pipe, checked as a plan. */
PBASE_MUST_CHECK pbase_status text_plan(lexer *lx, plan *out);

/* text_second.c: a second input, NAME or a plan in parentheses. */
PBASE_MUST_CHECK pbase_status text_second(lexer *lx, const plan **out);
/* The kind of a join that the current word names, in any case of letters. */
bool text_is_kind(const lexer *lx, join_kind *out);
/* [KIND [outer]]; inner when there is none. */
PBASE_MUST_CHECK pbase_status text_kind(lexer *lx, join_kind *out);
/* SECOND [as] ALIAS [beside NAME] [on EXPRESSION] */
PBASE_MUST_CHECK pbase_status text_joined(lexer *lx, plan_step *step);
/* Behind "unnest": [outer] PATH [as NAME] */
PBASE_MUST_CHECK pbase_status text_unnest(lexer *lx, plan_step *step);
/* Behind "traverse": up | down NAME key PATH ref PATH [depth N] [bfs | dfs] [include start] */
PBASE_MUST_CHECK pbase_status text_traverse(lexer *lx, plan_step *step);

/* text_select.c: the whole of "select ... from ...", and of what union and the like join to it;
 * "select" is current. */
PBASE_MUST_CHECK pbase_status text_select(lexer *lx, step_list *steps);

#endif
