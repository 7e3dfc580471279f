/* join_terms.h - the terms of a join's condition, and of filters behind it, by the side they read.
 *
 * A field belongs to the right row when it begins with its alias, else to the left one; with an alias
 * for the left rows too, a field that begins with neither is missing. */
#ifndef PROTOBASE_QUERY_JOIN_TERMS_H
#define PROTOBASE_QUERY_JOIN_TERMS_H
#include "query/plan.h"

#define SIDE_LEFT 1u
#define SIDE_RIGHT 2u
/* SIDE_* that the expression reads, together. */
unsigned join_sides(const plan_step *join, const expr *self);
/* The same expression over the rows of one side alone, without the alias before its fields. False
 * when there is none: it asks for the whole row. */
PBASE_MUST_CHECK pbase_status join_side_term(const plan_step *join, unsigned side, const expr *self,
                                             pbase_arena *arena, const expr **out, bool *out_can,
                                             pbase_error *err);
/* True when the term says that something of one side equals something of the other. */
bool join_is_equality(const plan_step *join, const expr *term);
/* Sets pairs and residual: the equalities between the two sides, and the other terms. */
PBASE_MUST_CHECK pbase_status join_split(plan_step *join, pbase_arena *arena, pbase_error *err);

#endif
