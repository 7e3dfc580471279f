/* executor.c - binding a plan to operators, and the one loop that drives them. */
#include "query/executor.h"
#include "expr/wanted.h"
#include "query/budget.h"
#include "query/chunk.h"
#include "query/operators/operators.h"
#include "query/optimizer.h"
#include "query/services.h"

/* One step of the plan, bound. */
typedef struct {
    const plan_step *step;
    const pbase_operator_vtable *vtable;
    pbase_operator_node *node;
    pbase_schema schema; /* of its output */
    void *shared;        /* NULL until it is open */
    void *local;
    pbase_chunk chunk; /* its output */
    bool has_more;     /* a transform to be called again without input */
} stage;

struct executor {
    const pbase_alloc *alloc;
    pbase_arena *arena; /* borrowed: nodes and schemas */
    const plan *plan;
    stage *stages;
    size_t count;
    pbase_run run;
    budget budget;
    uint64_t budget_max;
    pbase_arena chunk_arena;
    size_t source;       /* where the running pipeline begins */
    bool is_source_done; /* of the running pipeline */
};

static bool is_sink(const stage *s)
{
    return (s->vtable->traits & PBASE_OPERATOR_SINK) != 0;
}

/* Says which step failed. */
static pbase_status note(const stage *s, pbase_status status, pbase_error *err)
{
    pbase_error_note(err, "step %u (%s)", s->step->position, plan_op_name(s->step->op));
    return status;
}

/* --- binding ----------------------------------------------------------------------------------- */

static pbase_status bind_stage(executor *self, size_t index, pbase_error *err)
{
    stage *s = &self->stages[index];
    pbase_value step;
    pbase_binder binder;
    memset(&binder, 0, sizeof binder);
    binder.struct_size = sizeof binder;
    binder.position = (uint32_t)index + 1; /* the order in which steps run */
    binder.input = index == 0 ? NULL : &self->stages[index - 1].schema;
    binder.arena = self->arena;
    binder.services = query_services();
    binder.alloc = self->alloc;
    s->step = &self->plan->steps[index];
    s->vtable = operators_find(pbase_bytes_text(plan_op_name(s->step->op)));
    PBASE_ASSERT(s->vtable != NULL);
    pbase_status status = pbase_operator_check(s->vtable, err);
    if (status == PBASE_OK) {
        status = plan_step_to_value(s->step, self->arena, &step, err);
    }
    if (status == PBASE_OK) {
        status = pbase_operator_bind(s->vtable, &step, &binder, &s->node, &s->schema, err);
    }
    return status == PBASE_OK ? PBASE_OK : note(s, status, err);
}

/* Whoever reads the result reads its documents whole. */
static void want_result(executor *self)
{
    const pbase_schema *schema = executor_schema(self);
    for (size_t i = 0; i < schema->count; i++) {
        if (schema->columns[i].wanted != NULL) {
            wanted_whole(schema->columns[i].wanted, WANTED_ALWAYS);
        }
    }
}

/* The terms of the filter behind the source, as the JSON plan says them. */
static pbase_status offer_terms(executor *self, pbase_offer *offer, pbase_error *err)
{
    const plan_step *filter = self->count > 1 ? self->stages[1].step : NULL;
    if (filter == NULL || filter->op != PLAN_WHERE) {
        return PBASE_OK;
    }
    const expr *const *terms = NULL;
    size_t count = plan_terms(filter->condition, &terms);
    terms = count == 0 ? &filter->condition : terms;
    count = count == 0 ? 1 : count;
    pbase_value *filters = pbase_arena_array(self->arena, count, sizeof *filters);
    uint8_t *taken = pbase_arena_array(self->arena, count, sizeof *taken);
    if (filters == NULL || taken == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    memset(taken, PBASE_OFFER_LEFT, count);
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = expr_to_value(terms[i], self->arena, &filters[i], err);
    }
    offer->filters = filters;
    offer->filter_taken = taken;
    offer->filter_count = (uint32_t)count;
    return status;
}

/* What the source takes makes it give fewer rows; every step stays and checks again. */
static pbase_status offer_source(executor *self, pbase_error *err)
{
    stage *source = &self->stages[0];
    pbase_offer offer;
    memset(&offer, 0, sizeof offer);
    offer.struct_size = sizeof offer;
    offer.limit = plan_rows_wanted(self->plan, 0);
    if (source->vtable->offer == NULL) {
        return PBASE_OK;
    }
    pbase_status status = offer_terms(self, &offer, err);
    if (status == PBASE_OK) {
        status = source->vtable->offer(source->node, &offer, err);
    }
    return status == PBASE_OK ? PBASE_OK : note(source, status, err);
}

pbase_status executor_create(const plan *self, uint32_t rules_off, const pbase_alloc *alloc,
                             pbase_arena *arena, executor **out, pbase_error *err)
{
    executor *made = pbase_alloc_zeroed(alloc, 1, sizeof *made);
    if (made == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to run a query");
    }
    made->alloc = alloc;
    made->arena = arena;
    made->plan = self;
    made->stages = pbase_arena_array(arena, self->count, sizeof *made->stages);
    budget_init(&made->budget, alloc);
    pbase_arena_init(&made->chunk_arena, alloc);
    pbase_status status = PBASE_OK;
    if (made->stages == NULL) {
        status = PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to run a query");
    } else {
        memset(made->stages, 0, self->count * sizeof *made->stages);
        made->count = self->count;
    }
    for (size_t i = 0; i < made->count && status == PBASE_OK; i++) {
        status = bind_stage(made, i, err);
    }
    if (status == PBASE_OK) {
        want_result(made);
        status = (rules_off & PBASE_RULE_OFFER) != 0 ? PBASE_OK : offer_source(made, err);
    }
    if (status == PBASE_OK) {
        *out = made;
    } else {
        executor_destroy(made);
    }
    return status;
}

void executor_destroy(executor *self)
{
    if (self == NULL) {
        return;
    }
    for (size_t i = self->count; i > 0; i--) {
        stage *s = &self->stages[i - 1];
        if (s->shared != NULL && s->vtable->run->close_worker != NULL) {
            s->vtable->run->close_worker(s->shared, s->local);
        }
        if (s->shared != NULL) {
            s->vtable->run->close(s->shared);
        }
    }
    pbase_arena_fini(&self->chunk_arena);
    pbase_alloc_free(self->alloc, self, sizeof *self);
}

/* --- opening ----------------------------------------------------------------------------------- */

pbase_status executor_open(executor *self, const executor_run *run, pbase_error *err)
{
    memset(&self->run, 0, sizeof self->run);
    self->run.struct_size = sizeof self->run;
    self->run.worker_count = 1;
    self->run.chunk_rows = run->chunk_rows;
    self->run.os = run->os;
    self->run.alloc = &self->budget.alloc;
    self->run.call = run->call;
    self->run.services = query_services();
    self->run.catalog = run->catalog;
    self->budget_max = run->memory_budget_bytes;
    for (size_t i = 0; i < self->count; i++) {
        stage *s = &self->stages[i];
        const pbase_operator_run_ops *ops = s->vtable->run;
        pbase_status status = ops->open(s->node, &self->run, &s->shared, err);
        if (status == PBASE_OK && ops->open_worker != NULL) {
            status = ops->open_worker(s->shared, &s->local, err);
        }
        if (status != PBASE_OK) {
            return note(s, status, err);
        }
    }
    return PBASE_OK;
}

/* --- running ----------------------------------------------------------------------------------- */

static pbase_status scan_stage(executor *self, size_t index, pbase_error *err)
{
    stage *s = &self->stages[index];
    int32_t state = PBASE_MORE;
    pbase_arena_reset(&self->chunk_arena);
    chunk_init(&s->chunk, &self->chunk_arena);
    pbase_status status =
        pbase_operator_scan(s->vtable, s->shared, s->local, &s->chunk, &state, err);
    self->is_source_done = state == PBASE_DONE;
    return status == PBASE_OK ? PBASE_OK : note(s, status, err);
}

/* `in` NULL: the stage said that it has more. */
static pbase_status apply_stage(executor *self, size_t index, pbase_chunk *in, pbase_error *err)
{
    stage *s = &self->stages[index];
    int32_t state = PBASE_NEED_INPUT;
    chunk_init(&s->chunk, &self->chunk_arena);
    pbase_status status =
        pbase_operator_apply(s->vtable, s->shared, s->local, in, &s->chunk, &state, err);
    s->has_more = state == PBASE_MORE;
    if (state == PBASE_DONE) { /* nobody before it is asked again */
        self->is_source_done = true;
        for (size_t i = self->source + 1; i <= index; i++) {
            self->stages[i].has_more = false;
        }
    }
    return status == PBASE_OK ? PBASE_OK : note(s, status, err);
}

/* The last stage before `end` that has more to give without input; the source if there is none. */
static size_t resume_at(const executor *self, size_t end)
{
    size_t at = end;
    while (at > self->source + 1 && !self->stages[at - 1].has_more) {
        at--;
    }
    return at > self->source + 1 ? at - 1 : self->source;
}

/* The next chunk with rows of the running pipeline, through every stage before `end`. */
static pbase_status pull(executor *self, size_t end, pbase_chunk **out, pbase_error *err)
{
    for (;;) {
        pbase_status status = pbase_call_check(self->run.call, self->run.os, err);
        size_t at = resume_at(self, end);
        if (status != PBASE_OK) {
            return status;
        }
        if (at == self->source && self->is_source_done) {
            return PBASE_END;
        }
        status = at == self->source ? scan_stage(self, at, err) : apply_stage(self, at, NULL, err);
        while (status == PBASE_OK && ++at < end && self->stages[at - 1].chunk.selected_count > 0) {
            status = apply_stage(self, at, &self->stages[at - 1].chunk, err);
        }
        if (status != PBASE_OK) {
            return status;
        }
        if (at == end && self->stages[end - 1].chunk.selected_count > 0) {
            *out = &self->stages[end - 1].chunk;
            return PBASE_OK;
        }
    }
}

static pbase_status check_budget(executor *self, stage *sink, pbase_error *err)
{
    uint64_t used = budget_used(&self->budget), freed = 0;
    pbase_status status = PBASE_OK;
    if (used > self->budget_max && sink->vtable->run->spill != NULL) {
        status = sink->vtable->run->spill(sink->shared, used - self->budget_max, &freed, err);
        used = budget_used(&self->budget);
    }
    if (status == PBASE_OK && used > self->budget_max) {
        status =
            PBASE_FAIL(err, PBASE_LIMIT, "the query holds %llu bytes; its memory budget is %llu",
                       (unsigned long long)used, (unsigned long long)self->budget_max);
        pbase_error_hint(err, "raise the budget, filter earlier, or add a limit");
    }
    return status;
}

/* Runs the pipeline that ends in the sink at `end`. */
static pbase_status drain(executor *self, size_t end, pbase_error *err)
{
    stage *sink = &self->stages[end];
    const pbase_operator_run_ops *ops = sink->vtable->run;
    int32_t state = PBASE_NEED_INPUT;
    while (state != PBASE_DONE) {
        pbase_chunk *chunk = NULL;
        pbase_status status = pull(self, end, &chunk, err);
        if (status == PBASE_END) {
            break;
        }
        if (status != PBASE_OK) {
            return status;
        }
        status =
            pbase_operator_consume(sink->vtable, sink->shared, sink->local, chunk, &state, err);
        if (status == PBASE_OK) {
            status = check_budget(self, sink, err);
        }
        if (status != PBASE_OK) {
            return note(sink, status, err);
        }
    }
    pbase_status status =
        ops->combine == NULL ? PBASE_OK : ops->combine(sink->shared, sink->local, err);
    if (status == PBASE_OK) {
        status = ops->finish(sink->shared, err);
    }
    self->source = end;
    self->is_source_done = false;
    return status == PBASE_OK ? PBASE_OK : note(sink, status, err);
}

pbase_status executor_next(executor *self, pbase_chunk **out, pbase_error *err)
{
    for (size_t end = self->source + 1; end < self->count; end++) {
        if (is_sink(&self->stages[end])) {
            pbase_status status = drain(self, end, err);
            if (status != PBASE_OK) {
                return status;
            }
        }
    }
    return pull(self, self->count, out, err);
}

/* --- facts ------------------------------------------------------------------------------------- */

const pbase_schema *executor_schema(const executor *self)
{
    return &self->stages[self->count - 1].schema;
}

size_t executor_count(const executor *self)
{
    return self->count;
}

const plan_step *executor_step(const executor *self, size_t index)
{
    return self->stages[index].step;
}

bool executor_is_sink(const executor *self, size_t index)
{
    return is_sink(&self->stages[index]);
}

pbase_status executor_estimate(const executor *self, size_t index, const pbase_estimate *input,
                               pbase_estimate *out, pbase_error *err)
{
    const stage *s = &self->stages[index];
    *out = *input;
    return s->vtable->estimate == NULL ? PBASE_OK : s->vtable->estimate(s->node, input, out, err);
}

pbase_status executor_explain(const executor *self, size_t index, pbase_buffer *out,
                              pbase_error *err)
{
    const stage *s = &self->stages[index];
    return s->vtable->explain == NULL ? PBASE_OK : s->vtable->explain(s->node, out, err);
}
