/* builder.h - what the halves of the builder share: terms (builder_terms.c), steps (builder.c). */
#ifndef PROTOBASE_QUERY_BUILDER_INSIDE_H
#define PROTOBASE_QUERY_BUILDER_INSIDE_H
#include "query/plan.h"
#include <protobase/query_builder.h>

struct pbase_builder {
    const pbase_alloc *alloc;
    pbase_arena arena;
    pbase_status status; /* of the first failure */
    pbase_error error;
};

/* A plan's last step, behind those of the plan before it. */
struct pbase_plan {
    const pbase_plan *before; /* NULL: this is the first */
    const pbase_plan *with;   /* of a second input */
    plan_step step;
    size_t count; /* of steps */
};

/* A term is the expression itself. */
static inline const expr *builder_expr(const pbase_term *term)
{
    return (const expr *)(const void *)term;
}
static inline const pbase_term *builder_term(const expr *self)
{
    return (const pbase_term *)(const void *)self;
}

/* Keeps the first failure. */
void builder_fail(pbase_builder *b, pbase_status status, const pbase_error *error);
/* Keeps INVALID "<what> is NULL" unless there was a failure before. */
void builder_fail_null(pbase_builder *b, const char *what);
/* A copy of the text, empty for NULL. False after a failure, which is kept. */
bool builder_text(pbase_builder *b, const char *text, pbase_bytes *out);

#endif
