/* executor_parts.h - what the files of the executor share: bound steps, and the branches they make.
 * executor.c binds and drives them; executor_join.c reads inputs of joins by keys. */
#ifndef PROTOBASE_QUERY_EXECUTOR_PARTS_H
#define PROTOBASE_QUERY_EXECUTOR_PARTS_H
#include "query/budget.h"
#include "query/executor.h"

/* One step of the plan, bound. */
typedef struct {
    const plan_step *step;
    const pbase_operator_vtable *vtable;
    pbase_operator_node *node;
    pbase_schema schema; /* of its output */
    uint32_t position;   /* in the order in which steps run */
    void *shared;        /* NULL until it is open */
    void *local;
    pbase_chunk chunk;       /* its output */
    pbase_arena arena;       /* of that, if it expands: else it has its input's */
    bool has_more;           /* a transform to be called again without input */
    executor_branch *second; /* where its second input comes from; NULL: it has none */
    /* a join that reads an input by keys: */
    pbase_arena lookup_arena; /* of what its rows are read by at the moment */
    double spent;     /* cost of its look-ups so far; below 0: it does not look up any more */
    double looked_up; /* keys so far */
} stage;

/* The stages of one plan, and where its rows come from at the moment: a pipeline is fed by its
 * source, then by each stage that has rows of its own to add when the ones before it ended. */
struct executor_branch {
    const plan *plan;
    stage *stages;
    size_t count;
    pbase_arena chunk_arena;
    size_t source; /* where the running pipeline begins */
    bool is_begun; /* the running pipeline has built what it builds */
    size_t feeder; /* the stage whose rows come now */
    bool is_feeder_done;
};

struct executor {
    const pbase_alloc *alloc;
    pbase_arena *arena; /* borrowed: nodes and schemas */
    executor_branch *main;
    uint32_t positions; /* given to stages so far */
    pbase_run run;
    _Atomic uint64_t compared;
    budget budget;
    uint64_t budget_max;
};

/* Gives a stage its whole second input. */
PBASE_MUST_CHECK pbase_status executor_build(executor *self, stage *s, pbase_error *err);

/* executor_join.c */
/* True for a join whose second input is read by the keys of its first, so is not built before. */
bool stage_looks_up(const stage *s);
/* True for a join whose second input, once built, can say what is read of the first. */
bool stage_narrows(const stage *s);
/* Before `s` is applied to `in` (NULL: once more to the chunk before): gives it the right rows for its
 * next left ones, or from here on all of them when that has become cheaper. */
PBASE_MUST_CHECK pbase_status executor_look_up(executor *self, stage *s, pbase_chunk *in,
                                               pbase_error *err);
/* When `s` has been built: lets the source of its branch read only rows with keys that it has, if
 * those are few. */
PBASE_MUST_CHECK pbase_status executor_narrow(executor *self, executor_branch *branch, stage *s,
                                              pbase_error *err);

#endif
