/* operator.h - the contract of a query operator: a source, a transform or a sink over chunks of rows.
 *
 * The executor drives operators; they never call each other. A plan is cut into pipelines: a
 * source, transforms, a sink; a finished sink is the source of the next pipeline. Built-in
 * operators, plugins and test fakes use this same table.
 *
 * A chunk is up to PBASE_CHUNK_ROWS rows by columns. Cells are values (null for missing). It
 * belongs to its producer and is valid until the next call on the same local state; what its cells
 * point to lives in chunk->arena or longer (a pinned snapshot).
 *
 * Threads: the table and a bound node are immutable; `shared` is synchronized by the operator;
 * `local` is confined to one worker. Errors: the executor adds the operator's name and place. */
#ifndef PROTOBASE_PLUGIN_OPERATOR_H
#define PROTOBASE_PLUGIN_OPERATOR_H
#include <protobase/base/call.h>
#include <protobase/base/os.h>
#include <protobase/base/value.h>
PBASE_BEGIN_DECLS

typedef struct {
    pbase_bytes name;
} pbase_column;
typedef struct {
    const pbase_column *columns;
    size_t count;
} pbase_schema;

/* Rows of one document column are either open documents (column name empty: the whole row is the
 * map in column 0) or named columns. */
typedef struct {
    uint32_t struct_size;
    uint32_t row_count;      /* rows before selection */
    uint32_t selected_count; /* rows that count; equals row_count when selection is NULL */
    uint32_t column_count;
    const uint16_t *selection; /* ascending row numbers, or NULL: all rows */
    pbase_value **columns;     /* columns[c][row] */
    pbase_arena *arena;        /* for what cells point to; reset by the executor per chunk */
} pbase_chunk;

#define PBASE_OPERATOR_SOURCE 0x01u
#define PBASE_OPERATOR_TRANSFORM 0x02u
#define PBASE_OPERATOR_SINK 0x04u
#define PBASE_OPERATOR_KEEPS_ORDER 0x08u
#define PBASE_OPERATOR_PARALLEL 0x10u /* several workers may run it at once */

/* What apply and scan answer besides errors. */
#define PBASE_NEED_INPUT 0
#define PBASE_MORE 1 /* call again without new input */
#define PBASE_DONE 2 /* nothing further will come; stop feeding */

typedef struct {
    double rows;
    double cost; /* nanoseconds, roughly */
} pbase_estimate;

/* What downstream would like a source to do itself. The source sets `taken` flags. */
typedef struct {
    uint32_t struct_size;
    uint32_t filter_count;
    const pbase_value *filters; /* conjuncts, as JSON-plan expressions */
    uint8_t *filter_taken;      /* 0 left, 1 partly (recheck), 2 taken */
    const void *columns;        /* wanted paths; NULL: all of the document */
    uint64_t limit;             /* UINT64_MAX: none */
    uint8_t limit_taken;
    uint8_t reserved[7];
} pbase_offer;

/* What a run lends to an operator. */
typedef struct {
    uint32_t struct_size;
    uint32_t worker_count;
    const pbase_os *os;
    const pbase_alloc *alloc;
    const pbase_call *call; /* checked by the executor at every chunk */
    uint64_t memory_budget_bytes;
    const void *snapshot; /* what sources read; opaque to transforms and sinks */
} pbase_run;

typedef struct pbase_operator_node pbase_operator_node; /* the operator's own, made by bind */

typedef struct {
    uint32_t struct_size;
    uint32_t traits; /* PBASE_OPERATOR_* */
    const char *name;
    /* From the step of the JSON plan (a map value) and the input's schema to a node and its output
     * schema, both in `arena`. INVALID names the key of the step that is wrong. */
    pbase_status (*bind)(const pbase_value *step, const pbase_schema *input, pbase_arena *arena,
                         pbase_operator_node **out, pbase_schema *out_schema, pbase_error *err);
    pbase_status (*estimate)(const pbase_operator_node *node, const pbase_estimate *input,
                             pbase_estimate *out, pbase_error *err); /* optional */
    pbase_status (*offer)(pbase_operator_node *node, pbase_offer *offer, pbase_error *err);
    pbase_status (*explain)(const pbase_operator_node *node, pbase_buffer *out, pbase_error *err);
    const struct pbase_operator_run_ops *run;
} pbase_operator_vtable;

typedef struct pbase_operator_run_ops {
    uint32_t struct_size;
    uint32_t reserved;
    pbase_status (*open)(const pbase_operator_node *node, const pbase_run *run, void **out_shared,
                         pbase_error *err);
    pbase_status (*open_worker)(void *shared, void **out_local, pbase_error *err);
    /* Source. `out_state` is MORE or DONE; a chunk may be empty. */
    pbase_status (*scan)(void *shared, void *local, pbase_chunk *out, int32_t *out_state,
                         pbase_error *err);
    /* Transform. `in` NULL while MORE. */
    pbase_status (*apply)(void *shared, void *local, pbase_chunk *in, pbase_chunk *out,
                          int32_t *out_state, pbase_error *err);
    /* Sink. `out_state` DONE stops the pipeline early. */
    pbase_status (*consume)(void *shared, void *local, pbase_chunk *in, int32_t *out_state,
                            pbase_error *err);
    pbase_status (*combine)(void *shared, void *local, pbase_error *err); /* a worker ended */
    pbase_status (*finish)(void *shared,
                           pbase_error *err); /* all workers combined; now scan works */
    pbase_status (*spill)(void *shared, uint64_t want_bytes, uint64_t *out_freed,
                          pbase_error *err);         /* optional */
    void (*close_worker)(void *shared, void *local); /* NULL is fine */
    void (*close)(void *shared);                     /* NULL is fine */
} pbase_operator_run_ops;

PBASE_MUST_CHECK pbase_status pbase_operator_check(const pbase_operator_vtable *vtable,
                                                   pbase_error *err);

PBASE_END_DECLS
#endif
