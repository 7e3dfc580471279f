/* operator.h - the contract of a query operator: a source, a transform or a sink over chunks.
 *
 * The executor drives operators; they never call each other. A plan is cut into pipelines: a
 * source, transforms, a sink; a finished sink is the source of the next pipeline. Built-in
 * operators, plugins and test fakes use this same table.
 *
 * Life of an operator: `bind` turns its step of the plan into a node, which `settle` completes when
 * all are bound, and which is immutable from then on, but that `offer` lets a
 * source take work over from the steps after it; `open` makes the shared state of one run,
 * `open_worker` the state of each worker; then scan, apply or consume per chunk; `combine` when a
 * worker ended, `finish` when all did; the closers in the end, whatever happened.
 *
 * An operator with a second input, the plan at "with" of its step, has a table `second`. It either
 * builds: the whole second input comes before the first chunk of the first (a join's hash table);
 * or appends: the second input comes behind the first (a union). Rows that are left when both ended
 * come through `rest`.
 *
 * Expressions, and the fields of documents, are core's work: it lends a table of services.
 *
 * Threads: the table and a bound node are immutable; `shared` is synchronized by the operator;
 * `local` is confined to one worker. Calls may block only where they read a source. Errors: the
 * executor adds the operator's name and its place in the plan. */
#ifndef PROTOBASE_PLUGIN_OPERATOR_H
#define PROTOBASE_PLUGIN_OPERATOR_H
#include <protobase/base/call.h>
#include <protobase/base/os.h>
#include <protobase/plugin/chunk.h>
PBASE_BEGIN_DECLS

/* What an operator is: one of the first three. The rows of a sink come out again through `scan`. */
#define PBASE_OPERATOR_SOURCE 0x01u
#define PBASE_OPERATOR_TRANSFORM 0x02u
#define PBASE_OPERATOR_SINK 0x04u
#define PBASE_OPERATOR_KEEPS_ORDER 0x08u
#define PBASE_OPERATOR_PARALLEL 0x10u /* several workers may run it at once */
#define PBASE_OPERATOR_EXPANDS 0x20u  /* a transform that answers MORE: many rows of one */

/* What scan, apply and consume answer besides errors. */
#define PBASE_NEED_INPUT 0 /* apply, consume: give me the next chunk */
#define PBASE_MORE 1       /* scan, apply: call again, without new input */
#define PBASE_DONE 2       /* nothing further will come, or is wanted; stop feeding */

typedef struct {
    double rows; /* below 0: unknown */
    double cost; /* nanoseconds, roughly */
} pbase_estimate;

/* An expression bound to a schema. Immutable; lives as long as the binder's arena. */
typedef struct pbase_expression pbase_expression;
typedef struct pbase_binder pbase_binder;

/* What core does for an operator. Threads: synchronized, but for the binder and the chunk given. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    /* An expression of the JSON plan over binder->input. The fields of documents that it reads are
     * wanted from the source from then on. INVALID: malformed, with the place inside it. */
    pbase_status (*compile)(pbase_binder *binder, const pbase_value *expression,
                            const pbase_expression **out, pbase_error *err);
    /* Says that the step reads column `index` of its input whole, not by expressions alone. */
    void (*want)(pbase_binder *binder, size_t index);
    /* For a source: makes `out` a document column, whose fields the steps after it may want. */
    pbase_status (*document)(pbase_binder *binder, pbase_bytes name, pbase_column *out,
                             pbase_error *err);
    /* For a source, once the whole plan is bound: whether anybody wants the documents of `column`
     * whole, and how many fields of them. */
    bool (*wants_whole)(const pbase_column *column);
    size_t (*wants_fields)(const pbase_column *column);
    /* For a source: extracts every wanted field from the selected rows of column `index`, whose
     * cells hold the documents, encoded or not, into chunk->arena. */
    pbase_status (*extract)(const pbase_column *column, pbase_chunk *chunk, size_t index,
                            pbase_error *err);
    /* Computes an expression for the selected rows. A row that cannot be computed gets an ERROR
     * cell. Lent with chunk->arena. */
    pbase_status (*evaluate)(const pbase_expression *expression, pbase_chunk *chunk,
                             pbase_vector *out, pbase_error *err);
} pbase_query_services;

/* What bind is lent. */
struct pbase_binder {
    uint32_t struct_size;
    uint32_t position;          /* in the order in which steps run; even, from 2. What a step reads
                                   of its second input while it builds counts at position - 1 */
    const pbase_schema *input;  /* NULL for a source */
    const pbase_schema *second; /* of the second input; NULL: there is none */
    pbase_arena *arena;         /* where node and schema go; lives until the result is closed */
    const pbase_query_services *services;
    const pbase_alloc *alloc;
    void *state; /* core's own */
};

/* What the steps after a source would like it to do itself; it marks what it takes. */
#define PBASE_OFFER_LEFT 0u
#define PBASE_OFFER_PARTLY 1u /* fewer rows come, but they must be checked again */
#define PBASE_OFFER_TAKEN 2u
typedef struct {
    uint32_t struct_size;
    uint32_t filter_count;
    const pbase_value *filters; /* terms that must all be true, as expressions of the JSON plan */
    uint8_t *filter_taken;      /* [filter_count] of PBASE_OFFER_* */
    uint64_t limit;             /* no more rows than this will be read; UINT64_MAX: no limit */
    uint8_t limit_taken;
    uint8_t reserved[7];
} pbase_offer;

/* What a run lends to an operator, from open to close. */
typedef struct pbase_run pbase_run;
struct pbase_run {
    uint32_t struct_size;
    uint32_t worker_count;
    uint32_t chunk_rows; /* rows to put in a chunk, PBASE_CHUNK_ROWS at most */
    uint32_t reserved;
    const pbase_os *os;
    const pbase_alloc *alloc; /* counted against the query's memory budget */
    const pbase_call *call;   /* checked by the executor at every chunk */
    const pbase_query_services *services;
    void *catalog; /* what core's own sources read; opaque to everybody else */
    /* Optional: is told how many pairs of rows were tried against one another. */
    void (*compared)(const pbase_run *run, uint64_t pairs);
};

typedef struct pbase_operator_node pbase_operator_node; /* the operator's own, made by bind */
typedef struct pbase_operator_run_ops pbase_operator_run_ops;
typedef struct pbase_operator_second_ops pbase_operator_second_ops;

typedef struct {
    uint32_t struct_size;
    uint32_t traits;  /* PBASE_OPERATOR_* */
    const char *name; /* as steps of the JSON plan call it */
    /* From the step (a map value) and binder->input to a node and its output schema, both in
     * binder->arena. INVALID names the key of the step that is wrong. */
    pbase_status (*bind)(const pbase_value *step, pbase_binder *binder, pbase_operator_node **out,
                         pbase_schema *out_schema, pbase_error *err);
    /* Optional: rows and cost from those of the input (NULL for a source; two of them, the first
     * input's first, with a second input). */
    pbase_status (*estimate)(const pbase_operator_node *node, const pbase_estimate *input,
                             pbase_estimate *out, pbase_error *err);
    /* Optional, sources only: before open, the node may be changed. */
    pbase_status (*offer)(pbase_operator_node *node, pbase_offer *offer, pbase_error *err);
    /* Optional: appends a few words about what the node will do that the step does not say. */
    pbase_status (*explain)(const pbase_operator_node *node, pbase_buffer *out, pbase_error *err);
    const pbase_operator_run_ops *run;
    const pbase_operator_second_ops *second; /* NULL: one input. Transforms and sinks only */
    /* Optional, once the whole plan is bound, from its last step to its first: what later steps want
     * of a document column that this one made may now be asked of its inputs. The node may be
     * changed; `binder` is that of bind. */
    pbase_status (*settle)(pbase_operator_node *node, pbase_binder *binder, pbase_error *err);
} pbase_operator_vtable;

struct pbase_operator_run_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* `run` is borrowed until close. */
    pbase_status (*open)(const pbase_operator_node *node, const pbase_run *run, void **out_shared,
                         pbase_error *err);
    /* Optional: `local` is NULL without it. */
    pbase_status (*open_worker)(void *shared, void **out_local, pbase_error *err);
    /* Source, and sink after finish. `out` comes with its arena and no rows; MORE or DONE; a chunk
     * may be empty. */
    pbase_status (*scan)(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                         pbase_error *err);
    /* Transform. `in` is NULL after MORE, when the chunk before is still there. `out` comes with the
     * arena of `in`; it may share the columns of `in`. One that EXPANDS gets an arena of its own,
     * emptied at every call, and may share the cells of `in` alone: whoever opens documents changes
     * columns. NEED_INPUT, MORE or DONE. */
    pbase_status (*apply)(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                          int32_t *out_state, pbase_error *err);
    /* Sink. NEED_INPUT, or DONE to stop the pipeline early. */
    pbase_status (*consume)(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                            pbase_error *err);
    /* Sink, optional: a worker ended; its state is merged into `shared`. */
    pbase_status (*combine)(void *shared, void *local, pbase_error *err);
    /* Sink: every worker combined; from now on scan gives its rows. */
    pbase_status (*finish)(void *shared, pbase_error *err);
    /* Sink, optional: over its budget, the executor asks for bytes back between chunks. */
    pbase_status (*spill)(void *shared, uint64_t want_bytes, uint64_t *out_freed, pbase_error *err);
    void (*close_worker)(void *shared, void *local); /* with open_worker; NULL is fine */
    void (*close)(void *shared);                     /* NULL is fine */
};

/* Either `build` and `built`, or `append`. */
struct pbase_operator_second_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* Takes a chunk of the second input; all of them come before the first input's first. NEED_INPUT
     * or DONE. */
    pbase_status (*build)(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                          pbase_error *err);
    /* The second input has ended. */
    pbase_status (*built)(void *shared, pbase_error *err);
    /* Transform: as apply, for the chunks of the second input, which come when the first has ended.
     * NEED_INPUT or DONE. */
    pbase_status (*append)(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                           int32_t *out_state, pbase_error *err);
    /* Transform that builds, optional: rows that are left when the first input has ended. As scan. */
    pbase_status (*rest)(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                         pbase_error *err);
};

/* PLUGIN unless the table has what its traits promise. Every table is checked before its use. */
PBASE_MUST_CHECK pbase_status pbase_operator_check(const pbase_operator_vtable *vtable,
                                                   pbase_error *err);

/* Checked calls: they verify that chunks, schemas and states that come out keep to the contract
 * (PLUGIN when not), and give optional slots their default. */
PBASE_MUST_CHECK pbase_status pbase_operator_bind(const pbase_operator_vtable *vtable,
                                                  const pbase_value *step, pbase_binder *binder,
                                                  pbase_operator_node **out,
                                                  pbase_schema *out_schema, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_operator_scan(const pbase_operator_vtable *vtable, void *shared,
                                                  void *local, pbase_chunk *out, int32_t *out_state,
                                                  pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_operator_apply(const pbase_operator_vtable *vtable,
                                                   void *shared, void *local, pbase_chunk *in,
                                                   pbase_chunk *out, int32_t *out_state,
                                                   pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_operator_consume(const pbase_operator_vtable *vtable,
                                                     void *shared, void *local, pbase_chunk *in,
                                                     int32_t *out_state, pbase_error *err);

PBASE_MUST_CHECK pbase_status pbase_operator_build(const pbase_operator_vtable *vtable,
                                                   void *shared, void *local, pbase_chunk *in,
                                                   int32_t *out_state, pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_operator_append(const pbase_operator_vtable *vtable,
                                                    void *shared, void *local, pbase_chunk *in,
                                                    pbase_chunk *out, int32_t *out_state,
                                                    pbase_error *err);
PBASE_MUST_CHECK pbase_status pbase_operator_rest(const pbase_operator_vtable *vtable, void *shared,
                                                  void *local, pbase_chunk *out, int32_t *out_state,
                                                  pbase_error *err);
/* OK without the slot. */
PBASE_MUST_CHECK pbase_status pbase_operator_settle(const pbase_operator_vtable *vtable,
                                                    pbase_operator_node *node, pbase_binder *binder,
                                                    pbase_error *err);
/* What an operator with a second input has. */
bool pbase_operator_builds(const pbase_operator_vtable *vtable);
bool pbase_operator_appends(const pbase_operator_vtable *vtable);
bool pbase_operator_has_rest(const pbase_operator_vtable *vtable);

/* Raises an ERROR cell; OK for any other. */
PBASE_MUST_CHECK pbase_status pbase_cell_raise(const pbase_value *cell, pbase_error *err);

PBASE_END_DECLS
#endif
