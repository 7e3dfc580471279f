/* explain.c - a plan in words: query text with a remark per step, a stable JSON form, or the JSON
 * plan as it was asked.
 *
 * The JSON form: {"version": 1, "pipelines": [[step, ...], ...]}; a step is {"op", "position" in the
 * text, "text", and if known "does", "rows", "exact"}. */
#include "query/executor.h"
#include "query/optimizer.h"
#include "query/query.h"
#include "query/run.h"

typedef struct {
    executor *executor;
    query_catalog *catalog; /* NULL: nothing is known about the data */
    pbase_arena *arena;
    pbase_error *err;
    pbase_estimate estimate; /* of the step told last */
    bool is_exact;
} telling;

/* What a step does and how many rows it gives. */
typedef struct {
    pbase_bytes text;
    pbase_bytes does; /* empty: nothing to say */
    double rows;      /* below 0: unknown */
    bool is_exact;
} step_facts;

/* The rows of the source, as the catalog knows them. An unknown collection is an error here too. */
static pbase_status ask_source(telling *t, const plan_step *from)
{
    const query_scan whole = {.limit = UINT64_MAX};
    query_rows *rows = NULL;
    uint64_t count = 0;
    if (t->catalog == NULL) {
        return PBASE_OK;
    }
    pbase_status status = t->catalog->vtable->open(t->catalog, from->source, &whole, &rows, t->err);
    if (status != PBASE_OK) {
        return status;
    }
    status = rows->vtable->count(rows, &t->is_exact, &count, t->err);
    t->estimate.rows = (double)count;
    rows->vtable->close(rows);
    return status;
}

static pbase_status copy_text(telling *t, pbase_buffer *text, pbase_bytes *out)
{
    pbase_status status = pbase_arena_copy(t->arena, pbase_buffer_view(text), out, t->err);
    text->size = 0;
    return status;
}

static pbase_status gather(telling *t, size_t index, step_facts *out)
{
    const plan_step *step = executor_step(t->executor, index);
    pbase_buffer text;
    pbase_buffer_init(&text, t->arena->alloc);
    pbase_status status = plan_step_format(step, &text, t->err);
    if (status == PBASE_OK) {
        status = copy_text(t, &text, &out->text);
    }
    if (status == PBASE_OK) {
        status = executor_explain(t->executor, index, &text, t->err);
    }
    if (status == PBASE_OK) {
        status = copy_text(t, &text, &out->does);
    }
    if (status == PBASE_OK && index == 0) {
        status = ask_source(t, step);
    } else if (status == PBASE_OK) {
        pbase_estimate input = t->estimate;
        bool keeps_count = step->op == PLAN_EXTEND || step->op == PLAN_SELECT;
        t->is_exact = (t->is_exact && keeps_count) || step->op == PLAN_COUNT;
        status = executor_estimate(t->executor, index, &input, &t->estimate, t->err);
    }
    out->rows = t->catalog == NULL ? -1 : t->estimate.rows;
    out->is_exact = t->is_exact;
    pbase_buffer_fini(&text);
    return status;
}

/* --- text -------------------------------------------------------------------------------------- */

static pbase_status tell_remark(const step_facts *facts, pbase_buffer *out, pbase_error *err)
{
    bool has_does = facts->does.size > 0, has_rows = facts->rows >= 0;
    if (!has_does && !has_rows) {
        return PBASE_OK;
    }
    pbase_status status = pbase_buffer_append_text(out, err, "  -- %.*s", (int)facts->does.size,
                                                   (const char *)facts->does.data);
    return status == PBASE_OK && has_rows
               ? pbase_buffer_append_text(out, err, "%s%s%.0f rows", has_does ? ", " : "",
                                          facts->is_exact ? "" : "about ", facts->rows)
               : status;
}

static pbase_status tell_text(telling *t, pbase_value *out)
{
    pbase_buffer text;
    pbase_buffer_init(&text, t->arena->alloc);
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < executor_count(t->executor) && status == PBASE_OK; i++) {
        step_facts facts;
        memset(&facts, 0, sizeof facts);
        status = gather(t, i, &facts);
        if (status == PBASE_OK && i > 0) {
            status = pbase_buffer_append(&text, "\n| ", 3, t->err);
        }
        if (status == PBASE_OK) {
            status = pbase_buffer_append_bytes(&text, facts.text, t->err);
        }
        if (status == PBASE_OK) {
            status = tell_remark(&facts, &text, t->err);
        }
    }
    pbase_bytes copy = pbase_bytes_of(NULL, 0);
    if (status == PBASE_OK) {
        status = copy_text(t, &text, &copy);
    }
    if (status == PBASE_OK) {
        *out = pbase_value_string(copy);
    }
    pbase_buffer_fini(&text);
    return status;
}

/* --- JSON -------------------------------------------------------------------------------------- */

#define STEP_FIELDS_MAX 6u

static pbase_status no_memory(const telling *t)
{
    return PBASE_FAIL(t->err, PBASE_NO_MEMORY, "no memory to explain a plan");
}

static pbase_field field(const char *name, pbase_value value)
{
    pbase_field made = {pbase_bytes_text(name), value};
    return made;
}

static pbase_status step_value(telling *t, size_t index, pbase_value *out)
{
    const plan_step *step = executor_step(t->executor, index);
    pbase_field *fields = pbase_arena_array(t->arena, STEP_FIELDS_MAX, sizeof *fields);
    step_facts facts;
    size_t count = 0;
    memset(&facts, 0, sizeof facts);
    pbase_status status = fields == NULL ? no_memory(t) : gather(t, index, &facts);
    if (status != PBASE_OK) {
        return status;
    }
    fields[count++] = field("op", pbase_value_text(plan_op_name(step->op)));
    fields[count++] = field("position", pbase_value_int(step->position));
    fields[count++] = field("text", pbase_value_string(facts.text));
    if (facts.does.size > 0) {
        fields[count++] = field("does", pbase_value_string(facts.does));
    }
    if (facts.rows >= 0) {
        fields[count++] = field("rows", pbase_value_float(facts.rows));
        fields[count++] = field("exact", pbase_value_bool(facts.is_exact));
    }
    *out = pbase_value_map(fields, count);
    return PBASE_OK;
}

/* A pipeline ends in its sink, which begins the next. */
static pbase_status tell_json(telling *t, pbase_value *out)
{
    size_t count = executor_count(t->executor), begin = 0, pipelines = 0;
    pbase_value *steps = pbase_arena_array(t->arena, count, sizeof *steps);
    pbase_value *lists = pbase_arena_array(t->arena, count, sizeof *lists);
    pbase_field *fields = pbase_arena_array(t->arena, 2, sizeof *fields);
    if (steps == NULL || lists == NULL || fields == NULL) {
        return no_memory(t);
    }
    for (size_t i = 0; i < count; i++) {
        pbase_status status = step_value(t, i, &steps[i]);
        if (status != PBASE_OK) {
            return status;
        }
        if (executor_is_sink(t->executor, i)) {
            lists[pipelines++] = pbase_value_list(steps + begin, i + 1 - begin);
            begin = i;
        }
    }
    lists[pipelines++] = pbase_value_list(steps + begin, count - begin);
    fields[0] = field("version", pbase_value_int(1));
    fields[1] = field("pipelines", pbase_value_list(lists, pipelines));
    *out = pbase_value_map(fields, 2);
    return PBASE_OK;
}

/* --- all forms --------------------------------------------------------------------------------- */

static pbase_status explain_run(const pbase_query *query, query_catalog *catalog,
                                pbase_explain_form form, pbase_arena *arena, pbase_value *out,
                                pbase_error *err)
{
    plan resolved, optimised;
    telling t = {NULL, catalog, arena, err, {-1, 0}, false};
    pbase_status status = query_resolve(query, false, arena, &resolved, err);
    if (status == PBASE_OK) {
        status = plan_optimize(&resolved, 0, arena, &optimised, err);
    }
    if (status == PBASE_OK) {
        status = executor_create(&optimised, 0, arena->alloc, arena, &t.executor, err);
    }
    if (status == PBASE_OK) {
        status = form == PBASE_EXPLAIN_TEXT ? tell_text(&t, out) : tell_json(&t, out);
    }
    executor_destroy(t.executor);
    return status;
}

pbase_status query_explain(const pbase_query *query, query_catalog **catalog, const pbase_os *os,
                           pbase_explain_form form, pbase_arena *arena, pbase_value *out,
                           pbase_error *err)
{
    query_catalog *taken = *catalog;
    (void)os; /* nothing is waited for yet */
    *catalog = NULL;
    pbase_status status = form == PBASE_EXPLAIN_PLAN
                              ? pbase_value_copy(&query->json, arena, out, err)
                              : explain_run(query, taken, form, arena, out, err);
    if (taken != NULL) {
        taken->vtable->close(taken);
    }
    return status;
}

pbase_status pbase_query_explain(const pbase_query *query, pbase_explain_form form,
                                 pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    query_catalog *none = NULL;
    return query_explain(query, &none, NULL, form, arena, out, err);
}
