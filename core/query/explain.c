/* explain.c - a plan in words: query text with a remark per step, a stable JSON form, or the JSON
 * plan as it was asked.
 *
 * The JSON form: {"version": 1, "pipelines": [[step, ...], ...]}; a step is {"op", "position" in the
 * text, "text", and if known "does", "rows", "exact"}. A from of a collection with indexes also has
 * "index", the name of the one it reads by or null, and "unused": [{"index", "why"}]; a join with
 * equalities has "join": {"way": "build", "look up" or "narrow", "index", "cost", "build_cost",
 * "unused"}, costs in rows read in order. */
#include "query/access.h"
#include "query/executor.h"
#include "query/join_access.h"
#include "query/optimizer.h"
#include "query/query.h"
#include "query/run.h"

typedef struct {
    executor *executor;
    query_catalog *catalog; /* NULL: nothing is known about the data */
    pbase_arena *arena;
    pbase_error *err;
} telling;

/* How far the steps of one plan have been told. */
typedef struct {
    const executor_branch *branch;
    pbase_estimate estimate; /* of the step told last */
    bool is_exact;
} telling_branch;

/* What a step does and how many rows it gives. */
typedef struct {
    pbase_bytes text;
    pbase_bytes does; /* empty: nothing to say */
    double rows;      /* below 0: unknown */
    bool is_exact;
} step_facts;

/* The rows of the source, as the catalog knows them. An unknown collection is an error here too. */
static pbase_status ask_source(telling *t, telling_branch *b, const plan_step *from)
{
    const query_scan whole = {.limit = UINT64_MAX};
    query_rows *rows = NULL;
    uint64_t count = 0;
    if (t->catalog == NULL) {
        return PBASE_OK;
    }
    if (from->access != NULL && from->access->uses_index) {
        b->estimate.rows = from->access->rows;
        return PBASE_OK;
    }
    pbase_status status = t->catalog->vtable->open(t->catalog, from->source, &whole, &rows, t->err);
    if (status != PBASE_OK) {
        return status;
    }
    status = rows->vtable->count(rows, &b->is_exact, &count, t->err);
    b->estimate.rows = (double)count;
    rows->vtable->close(rows);
    return status;
}

static pbase_status copy_text(telling *t, pbase_buffer *text, pbase_bytes *out)
{
    pbase_status status = pbase_arena_copy(t->arena, pbase_buffer_view(text), out, t->err);
    text->size = 0;
    return status;
}

/* Rows that come out of step `index`, from those of what was told before it. `second`: of its
 * second input. */
static pbase_status estimate_step(telling *t, telling_branch *b, size_t index,
                                  const pbase_estimate *second)
{
    const plan_step *step = executor_step(b->branch, index);
    bool keeps_count = step->op == PLAN_EXTEND || step->op == PLAN_SELECT;
    pbase_estimate inputs[2] = {b->estimate, *second};
    if (index == 0) {
        return ask_source(t, b, step);
    }
    b->is_exact = (b->is_exact && keeps_count) || step->op == PLAN_COUNT;
    return executor_estimate(b->branch, index, inputs, &b->estimate, t->err);
}

/* A remark stays on its line, whatever the names and strings in it. */
static void flatten(pbase_buffer *text)
{
    for (size_t i = 0; i < text->size; i++) {
        if (text->data[i] == '\n' || text->data[i] == '\r') {
            text->data[i] = ' ';
        }
    }
}

/* `second`: what was told of its second input, `inside` as text. */
static pbase_status gather(telling *t, telling_branch *b, size_t index,
                           const pbase_estimate *second, pbase_bytes inside, step_facts *out)
{
    const plan_step *step = executor_step(b->branch, index);
    pbase_buffer text;
    pbase_buffer_init(&text, t->arena->alloc);
    pbase_status status = plan_step_format_around(step, inside, &text, t->err);
    if (status == PBASE_OK) {
        status = copy_text(t, &text, &out->text);
    }
    if (status == PBASE_OK) {
        status = executor_explain(b->branch, index, &text, t->err);
    }
    flatten(&text);
    if (status == PBASE_OK) {
        status = copy_text(t, &text, &out->does);
    }
    if (status == PBASE_OK) {
        status = estimate_step(t, b, index, second);
    }
    out->rows = t->catalog == NULL ? -1 : b->estimate.rows;
    out->is_exact = b->is_exact;
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

#define INDENT_MAX 64

static pbase_status new_line(telling *t, int depth, pbase_buffer *text)
{
    int spaces = 4 * depth < INDENT_MAX ? 4 * depth : INDENT_MAX;
    return pbase_buffer_append_text(text, t->err, "\n%*s", spaces, "");
}

static pbase_status tell_lines(telling *t, telling_branch *b, int depth, pbase_buffer *text);

/* The steps of a second input, on lines of their own; nothing when a name says it all. */
static pbase_status tell_inside(telling *t, const plan_step *step, telling_branch *second,
                                int depth, pbase_buffer *text)
{
    bool is_shown = step->with != NULL && !plan_is_plain(step->with);
    pbase_buffer unseen;
    pbase_buffer_init(&unseen, t->arena->alloc);
    pbase_status status = PBASE_OK;
    if (second->branch != NULL) {
        status = tell_lines(t, second, depth + 1, is_shown ? text : &unseen);
    }
    if (status == PBASE_OK && is_shown) {
        status = new_line(t, depth, text);
    }
    pbase_buffer_fini(&unseen);
    return status;
}

static pbase_status tell_line(telling *t, telling_branch *b, size_t index, int depth,
                              pbase_buffer *text)
{
    telling_branch second = {executor_second(b->branch, index), {-1, 0}, false};
    step_facts facts;
    pbase_buffer inside;
    memset(&facts, 0, sizeof facts);
    pbase_buffer_init(&inside, t->arena->alloc);
    pbase_status status = tell_inside(t, executor_step(b->branch, index), &second, depth, &inside);
    if (status == PBASE_OK) {
        status = gather(t, b, index, &second.estimate, pbase_buffer_view(&inside), &facts);
    }
    if (status == PBASE_OK && (index > 0 || depth > 0)) {
        status = new_line(t, depth, text);
    }
    if (status == PBASE_OK && index > 0) {
        status = pbase_buffer_append_text(text, t->err, "| ");
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(text, facts.text, t->err);
    }
    if (status == PBASE_OK) {
        status = tell_remark(&facts, text, t->err);
    }
    pbase_buffer_fini(&inside);
    return status;
}

static pbase_status tell_lines(telling *t, telling_branch *b, int depth, pbase_buffer *text)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < executor_count(b->branch) && status == PBASE_OK; i++) {
        status = tell_line(t, b, i, depth, text);
    }
    return status;
}

static pbase_status tell_text(telling *t, pbase_value *out)
{
    telling_branch main = {executor_main(t->executor), {-1, 0}, false};
    pbase_buffer text;
    pbase_buffer_init(&text, t->arena->alloc);
    pbase_bytes copy = pbase_bytes_of(NULL, 0);
    pbase_status status = tell_lines(t, &main, 0, &text);
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

#define STEP_FIELDS_MAX 10u

static pbase_status no_memory(const telling *t)
{
    return PBASE_FAIL(t->err, PBASE_NO_MEMORY, "no memory to explain a plan");
}

static pbase_field field(const char *name, pbase_value value)
{
    pbase_field made = {pbase_bytes_text(name), value};
    return made;
}

static pbase_status pipelines_value(telling *t, telling_branch *b, pbase_value *out);

/* [{"index", "why"}, ...] */
static pbase_status unused_value(telling *t, const access_reason *unused, size_t count,
                                 pbase_value *out)
{
    pbase_value *reasons = pbase_arena_array(t->arena, count, sizeof *reasons);
    pbase_field *pairs = pbase_arena_array(t->arena, 2 * count, sizeof *pairs);
    if (reasons == NULL || pairs == NULL) {
        return no_memory(t);
    }
    for (size_t i = 0; i < count; i++) {
        pairs[2 * i] = field("index", pbase_value_string(unused[i].index));
        pairs[2 * i + 1] = field("why", pbase_value_text(unused[i].why));
        reasons[i] = pbase_value_map(&pairs[2 * i], 2);
    }
    *out = pbase_value_list(reasons, count);
    return PBASE_OK;
}

/* Which index a from reads by, and why not by the others. */
static pbase_status access_fields(telling *t, const access_choice *access, pbase_field *fields,
                                  size_t *count)
{
    pbase_value unused = pbase_value_null();
    pbase_status status = unused_value(t, access->unused, access->unused_count, &unused);
    fields[(*count)++] = field("index", access->uses_index ? pbase_value_string(access->by.index)
                                                           : pbase_value_null());
    fields[(*count)++] = field("unused", unused);
    return status;
}

#define JOIN_FIELDS 5u

/* How a join reads its inputs, what that costs, and why not by other indexes. */
static pbase_status join_field_of(telling *t, const join_access *access, pbase_field *out)
{
    static const char *const ways[] = {"build", "look up", "narrow"};
    pbase_value unused = pbase_value_null();
    pbase_field *fields = pbase_arena_array(t->arena, JOIN_FIELDS, sizeof *fields);
    pbase_status status = fields == NULL
                              ? no_memory(t)
                              : unused_value(t, access->unused, access->unused_count, &unused);
    if (status != PBASE_OK) {
        return status;
    }
    bool has_index = access->way != JOIN_BUILDS && access->by.index.size > 0;
    fields[0] = field("way", pbase_value_text(ways[access->way]));
    fields[1] =
        field("index", has_index ? pbase_value_string(access->by.index) : pbase_value_null());
    fields[2] = field("cost", pbase_value_float(access->cost));
    fields[3] = field("build_cost", pbase_value_float(access->build_cost));
    fields[4] = field("unused", unused);
    *out = field("join", pbase_value_map(fields, JOIN_FIELDS));
    return PBASE_OK;
}

static pbase_status step_value(telling *t, telling_branch *b, size_t index, pbase_value *out)
{
    const plan_step *step = executor_step(b->branch, index);
    telling_branch second = {executor_second(b->branch, index), {-1, 0}, false};
    pbase_field *fields = pbase_arena_array(t->arena, STEP_FIELDS_MAX, sizeof *fields);
    pbase_value with = pbase_value_null();
    step_facts facts;
    size_t count = 0;
    memset(&facts, 0, sizeof facts);
    pbase_status status = fields == NULL ? no_memory(t) : PBASE_OK;
    if (status == PBASE_OK && second.branch != NULL) {
        status = pipelines_value(t, &second, &with);
    }
    if (status == PBASE_OK) {
        status = gather(t, b, index, &second.estimate, pbase_bytes_of(NULL, 0), &facts);
    }
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
    if (second.branch != NULL) {
        fields[count++] = field("with", with);
    }
    if (step->access != NULL) {
        status = access_fields(t, step->access, fields, &count);
    }
    if (status == PBASE_OK && step->join != NULL) {
        status = join_field_of(t, step->join, &fields[count++]);
    }
    *out = pbase_value_map(fields, count);
    return status;
}

/* A pipeline ends in its sink, which begins the next. */
static pbase_status pipelines_value(telling *t, telling_branch *b, pbase_value *out)
{
    size_t count = executor_count(b->branch), begin = 0, pipelines = 0;
    pbase_value *steps = pbase_arena_array(t->arena, count, sizeof *steps);
    pbase_value *lists = pbase_arena_array(t->arena, count, sizeof *lists);
    if (steps == NULL || lists == NULL) {
        return no_memory(t);
    }
    for (size_t i = 0; i < count; i++) {
        pbase_status status = step_value(t, b, i, &steps[i]);
        if (status != PBASE_OK) {
            return status;
        }
        if (executor_is_sink(b->branch, i)) {
            lists[pipelines++] = pbase_value_list(steps + begin, i + 1 - begin);
            begin = i;
        }
    }
    lists[pipelines++] = pbase_value_list(steps + begin, count - begin);
    *out = pbase_value_list(lists, pipelines);
    return PBASE_OK;
}

static pbase_status tell_json(telling *t, pbase_value *out)
{
    telling_branch main = {executor_main(t->executor), {-1, 0}, false};
    pbase_field *fields = pbase_arena_array(t->arena, 2, sizeof *fields);
    pbase_value pipelines = pbase_value_null();
    pbase_status status = fields == NULL ? no_memory(t) : pipelines_value(t, &main, &pipelines);
    if (status == PBASE_OK) {
        fields[0] = field("version", pbase_value_int(1));
        fields[1] = field("pipelines", pipelines);
        *out = pbase_value_map(fields, 2);
    }
    return status;
}

/* --- all forms --------------------------------------------------------------------------------- */

static pbase_status explain_run(const pbase_query *query, query_catalog *catalog,
                                pbase_explain_form form, pbase_arena *arena, pbase_value *out,
                                pbase_error *err)
{
    plan resolved, optimised;
    telling t = {NULL, catalog, arena, err};
    pbase_status status = query_resolve(query, NULL, false, arena, &resolved, err);
    if (status == PBASE_OK) {
        status = plan_optimize(&resolved, 0, arena, &optimised, err);
    }
    if (status == PBASE_OK) {
        status = plan_choose_access(&optimised, catalog, 0, arena, &optimised, err);
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
