/* executor.c - binding a plan to operators, and the one loop that drives them. */
#include "query/executor.h"
#include "expr/wanted.h"
#include "query/chunk.h"
#include "query/executor_parts.h"
#include "query/join_access.h"
#include "query/operators/operators.h"
#include "query/optimizer.h"
#include "query/services.h"

static bool is_sink(const stage *s)
{
    return (s->vtable->traits & PBASE_OPERATOR_SINK) != 0;
}

static const pbase_schema *branch_schema(const executor_branch *branch)
{
    return &branch->stages[branch->count - 1].schema;
}

/* Says which step failed. */
static pbase_status note(const stage *s, pbase_status status, pbase_error *err)
{
    pbase_error_note(err, "step %u (%s)", s->step->position, plan_op_name(s->step->op));
    return status;
}

/* --- binding ----------------------------------------------------------------------------------- */

static pbase_status branch_create(executor *self, const plan *steps, executor_branch **out,
                                  pbase_error *err);

/* The plan of a stage's second input: what its step says, or the collection it goes through. */
static pbase_status second_plan(executor *self, const plan_step *step, const plan **out,
                                pbase_error *err)
{
    *out = step->with;
    if (step->op != PLAN_TRAVERSE) {
        return PBASE_OK;
    }
    plan *made = pbase_arena_alloc(self->arena, sizeof *made);
    plan_step *from = pbase_arena_alloc(self->arena, sizeof *from);
    if (made == NULL || from == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    memset(from, 0, sizeof *from);
    from->op = PLAN_FROM;
    from->position = step->position;
    from->place = step->place;
    from->source = step->source;
    made->steps = from;
    made->count = 1;
    *out = made;
    return PBASE_OK;
}

static pbase_status bind_second(executor *self, stage *s, pbase_error *err)
{
    const plan *with = NULL;
    pbase_status status = second_plan(self, s->step, &with, err);
    return status == PBASE_OK && with != NULL ? branch_create(self, with, &s->second, err) : status;
}

static void binder_init(pbase_binder *binder, const executor *self, const executor_branch *branch,
                        size_t index)
{
    const stage *s = &branch->stages[index];
    memset(binder, 0, sizeof *binder);
    binder->struct_size = sizeof *binder;
    binder->position = s->position;
    binder->input = index == 0 ? NULL : &branch->stages[index - 1].schema;
    binder->second = s->second == NULL ? NULL : branch_schema(s->second);
    binder->arena = self->arena;
    binder->services = query_services();
    binder->alloc = self->alloc;
}

static pbase_status bind_stage(executor *self, executor_branch *branch, size_t index,
                               pbase_error *err)
{
    stage *s = &branch->stages[index];
    pbase_value step;
    pbase_binder binder;
    s->step = &branch->plan->steps[index];
    s->vtable = operators_find(pbase_bytes_text(plan_op_name(s->step->op)));
    PBASE_ASSERT(s->vtable != NULL);
    pbase_status status = pbase_operator_check(s->vtable, err);
    if (status == PBASE_OK) {
        status = bind_second(self, s, err);
    }
    s->position = self->positions += 2;
    binder_init(&binder, self, branch, index);
    if (status == PBASE_OK) {
        status = plan_step_to_value(s->step, self->arena, &step, err);
    }
    if (status == PBASE_OK) {
        status = pbase_operator_bind(s->vtable, &step, &binder, &s->node, &s->schema, err);
    }
    if (status == PBASE_OK && s->step->access != NULL) {
        scan_use_access(s->node, s->step->access);
    }
    if (status == PBASE_OK && s->step->join != NULL) {
        join_use_access(s->node, s->step->join);
    }
    return status == PBASE_OK ? PBASE_OK : note(s, status, err);
}

static pbase_status branch_create(executor *self, const plan *steps, executor_branch **out,
                                  pbase_error *err)
{
    executor_branch *made = pbase_arena_alloc(self->arena, sizeof *made);
    stage *stages = pbase_arena_array(self->arena, steps->count, sizeof *stages);
    if (made == NULL || stages == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to run a query");
    }
    memset(made, 0, sizeof *made);
    memset(stages, 0, steps->count * sizeof *stages);
    made->plan = steps;
    made->stages = stages;
    made->count = steps->count;
    pbase_arena_init(&made->chunk_arena, self->alloc);
    for (size_t i = 0; i < steps->count; i++) {
        pbase_arena_init(&stages[i].arena, self->alloc);
        pbase_arena_init(&stages[i].lookup_arena, &self->budget.alloc);
    }
    *out = made; /* ended with the executor from here on */
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < made->count && status == PBASE_OK; i++) {
        status = bind_stage(self, made, i, err);
    }
    return status;
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

/* From the last step to the first, a second input after the step it belongs to. */
static pbase_status settle_branch(executor *self, executor_branch *branch, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = branch->count; i > 0 && status == PBASE_OK; i--) {
        stage *s = &branch->stages[i - 1];
        pbase_binder binder;
        binder_init(&binder, self, branch, i - 1);
        status = pbase_operator_settle(s->vtable, s->node, &binder, err);
        if (status != PBASE_OK) {
            return note(s, status, err);
        }
        status = s->second == NULL ? PBASE_OK : settle_branch(self, s->second, err);
    }
    return status;
}

/* The terms of the filter behind the source, as the JSON plan says them. */
static pbase_status offer_terms(executor *self, const executor_branch *branch, pbase_offer *offer,
                                pbase_error *err)
{
    const plan_step *filter = branch->count > 1 ? branch->stages[1].step : NULL;
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
static pbase_status offer_source(executor *self, executor_branch *branch, pbase_error *err)
{
    stage *source = &branch->stages[0];
    pbase_offer offer;
    memset(&offer, 0, sizeof offer);
    offer.struct_size = sizeof offer;
    offer.limit = plan_rows_wanted(branch->plan, 0);
    if (source->vtable->offer == NULL) {
        return PBASE_OK;
    }
    pbase_status status = offer_terms(self, branch, &offer, err);
    if (status == PBASE_OK) {
        status = source->vtable->offer(source->node, &offer, err);
    }
    return status == PBASE_OK ? PBASE_OK : note(source, status, err);
}

static pbase_status offer_branch(executor *self, executor_branch *branch, pbase_error *err)
{
    pbase_status status = offer_source(self, branch, err);
    for (size_t i = 0; i < branch->count && status == PBASE_OK; i++) {
        if (branch->stages[i].second != NULL) {
            status = offer_branch(self, branch->stages[i].second, err);
        }
    }
    return status;
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
    atomic_init(&made->compared, 0);
    budget_init(&made->budget, alloc);
    pbase_status status = branch_create(made, self, &made->main, err);
    if (status == PBASE_OK) {
        want_result(made);
        status = settle_branch(made, made->main, err);
    }
    if (status == PBASE_OK) {
        status =
            (rules_off & PBASE_RULE_OFFER) != 0 ? PBASE_OK : offer_branch(made, made->main, err);
    }
    if (status == PBASE_OK) {
        *out = made;
    } else {
        executor_destroy(made);
    }
    return status;
}

static void branch_destroy(executor_branch *branch)
{
    if (branch == NULL) {
        return;
    }
    for (size_t i = branch->count; i > 0; i--) {
        stage *s = &branch->stages[i - 1];
        if (s->shared != NULL && s->vtable->run->close_worker != NULL) {
            s->vtable->run->close_worker(s->shared, s->local);
        }
        if (s->shared != NULL) {
            s->vtable->run->close(s->shared);
        }
        branch_destroy(s->second);
        pbase_arena_fini(&s->arena);
    }
    for (size_t i = 0; i < branch->count; i++) { /* rows that read by it are closed */
        pbase_arena_fini(&branch->stages[i].lookup_arena);
    }
    pbase_arena_fini(&branch->chunk_arena);
}

void executor_destroy(executor *self)
{
    if (self != NULL) {
        branch_destroy(self->main);
        pbase_alloc_free(self->alloc, self, sizeof *self);
    }
}

/* --- opening ----------------------------------------------------------------------------------- */

static void count_compared(const pbase_run *run, uint64_t pairs)
{
    executor *self = (executor *)(uintptr_t)((const char *)run - offsetof(executor, run));
    atomic_fetch_add_explicit(&self->compared, pairs, memory_order_relaxed);
}

static pbase_status branch_open(executor *self, executor_branch *branch, pbase_error *err)
{
    for (size_t i = 0; i < branch->count; i++) {
        stage *s = &branch->stages[i];
        const pbase_operator_run_ops *ops = s->vtable->run;
        pbase_status status = s->second == NULL ? PBASE_OK : branch_open(self, s->second, err);
        if (status == PBASE_OK) {
            status = ops->open(s->node, &self->run, &s->shared, err);
        }
        if (status == PBASE_OK && ops->open_worker != NULL) {
            status = ops->open_worker(s->shared, &s->local, err);
        }
        if (status != PBASE_OK) {
            return note(s, status, err);
        }
    }
    return PBASE_OK;
}

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
    self->run.compared = count_compared;
    self->budget_max = run->memory_budget_bytes;
    return branch_open(self, self->main, err);
}

/* --- running ----------------------------------------------------------------------------------- */

static pbase_status branch_next(executor *self, executor_branch *branch, pbase_chunk **out,
                                pbase_error *err);

static bool has_tail(const stage *s)
{
    return pbase_operator_appends(s->vtable) || pbase_operator_has_rest(s->vtable);
}

/* The stages from the source to before `stage` are asked for nothing any more. */
static void stop_before(executor_branch *branch, size_t index)
{
    branch->feeder = branch->feeder > index ? branch->feeder : index;
    branch->is_feeder_done = true;
    for (size_t i = branch->source + 1; i <= index; i++) {
        branch->stages[i].has_more = false;
    }
}

/* Rows of the second input, through the stage that appends them. */
static pbase_status feed_second(executor *self, executor_branch *branch, stage *s, int32_t *state,
                                pbase_error *err)
{
    pbase_chunk *chunk = NULL;
    pbase_status status = branch_next(self, s->second, &chunk, err);
    if (status == PBASE_END) {
        *state = PBASE_DONE;
        return PBASE_OK;
    }
    (void)branch;
    return status == PBASE_OK
               ? pbase_operator_append(s->vtable, s->shared, s->local, chunk, &s->chunk, state, err)
               : status;
}

/* The next rows of the stage that feeds the pipeline. */
static pbase_status feed(executor *self, executor_branch *branch, pbase_error *err)
{
    stage *s = &branch->stages[branch->feeder];
    int32_t state = PBASE_MORE;
    pbase_status status = PBASE_OK;
    pbase_arena_reset(&branch->chunk_arena);
    chunk_init(&s->chunk, &branch->chunk_arena);
    if (branch->feeder == branch->source) {
        status = pbase_operator_scan(s->vtable, s->shared, s->local, &s->chunk, &state, err);
    } else if (pbase_operator_appends(s->vtable)) {
        status = feed_second(self, branch, s, &state, err);
    } else {
        status = pbase_operator_rest(s->vtable, s->shared, s->local, &s->chunk, &state, err);
    }
    branch->is_feeder_done = state == PBASE_DONE;
    return status == PBASE_OK ? PBASE_OK : note(s, status, err);
}

/* `in` NULL: the stage said that it has more. */
static pbase_status apply_stage(executor *self, executor_branch *branch, size_t index,
                                pbase_chunk *in, pbase_error *err)
{
    stage *s = &branch->stages[index];
    int32_t state = PBASE_NEED_INPUT;
    bool expands = (s->vtable->traits & PBASE_OPERATOR_EXPANDS) != 0;
    if (expands) { /* what it gave before has been read */
        pbase_arena_reset(&s->arena);
    }
    chunk_init(&s->chunk, expands || in == NULL ? &s->arena : in->arena);
    pbase_status status = stage_looks_up(s) ? executor_look_up(self, s, in, err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = pbase_operator_apply(s->vtable, s->shared, s->local, in, &s->chunk, &state, err);
    }
    s->has_more = state == PBASE_MORE;
    if (state == PBASE_DONE) {
        stop_before(branch, index);
    }
    return status == PBASE_OK ? PBASE_OK : note(s, status, err);
}

/* The last stage before `end` that has more to give without input; the feeder if there is none. */
static size_t resume_at(const executor_branch *branch, size_t end)
{
    size_t at = end;
    while (at > branch->feeder + 1 && !branch->stages[at - 1].has_more) {
        at--;
    }
    return at > branch->feeder + 1 ? at - 1 : branch->feeder;
}

/* The next stage with rows of its own, once the feeder gave all of its; `end` if there is none. */
static bool next_feeder(executor_branch *branch, size_t end)
{
    size_t at = branch->feeder + 1;
    while (at < end && !has_tail(&branch->stages[at])) {
        at++;
    }
    if (at < end) {
        branch->feeder = at;
        branch->is_feeder_done = false;
    }
    return at < end;
}

static pbase_status check_run(executor *self, pbase_error *err)
{
    uint64_t used = budget_used(&self->budget);
    pbase_status status = pbase_call_check(self->run.call, self->run.os, err);
    if (status == PBASE_OK && used > self->budget_max) {
        status =
            PBASE_FAIL(err, PBASE_LIMIT, "the query holds %llu bytes; its memory budget is %llu",
                       (unsigned long long)used, (unsigned long long)self->budget_max);
        pbase_error_hint(err, "raise the budget, filter earlier, or add a limit");
    }
    return status;
}

/* The next chunk with rows of the running pipeline, through every stage before `end`. */
static pbase_status pull(executor *self, executor_branch *branch, size_t end, pbase_chunk **out,
                         pbase_error *err)
{
    for (;;) {
        pbase_status status = check_run(self, err);
        size_t at = resume_at(branch, end);
        if (status != PBASE_OK) {
            return status;
        }
        if (at == branch->feeder && branch->is_feeder_done) {
            if (!next_feeder(branch, end)) {
                return PBASE_END;
            }
            at = branch->feeder;
        }
        status = at == branch->feeder ? feed(self, branch, err)
                                      : apply_stage(self, branch, at, NULL, err);
        while (status == PBASE_OK && ++at < end &&
               branch->stages[at - 1].chunk.selected_count > 0) {
            status = apply_stage(self, branch, at, &branch->stages[at - 1].chunk, err);
        }
        if (status != PBASE_OK) {
            return status;
        }
        if (at == end && branch->stages[end - 1].chunk.selected_count > 0) {
            *out = &branch->stages[end - 1].chunk;
            return PBASE_OK;
        }
    }
}

/* Over the budget, the sink that just took rows is asked for memory first. */
static pbase_status check_budget(executor *self, stage *sink, pbase_error *err)
{
    uint64_t used = budget_used(&self->budget), freed = 0;
    pbase_status status = PBASE_OK;
    if (used > self->budget_max && sink->vtable->run->spill != NULL) {
        status = sink->vtable->run->spill(sink->shared, used - self->budget_max, &freed, err);
    }
    return status == PBASE_OK ? check_run(self, err) : status;
}

pbase_status executor_build(executor *self, stage *s, pbase_error *err)
{
    int32_t state = PBASE_NEED_INPUT;
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && state != PBASE_DONE) {
        pbase_chunk *chunk = NULL;
        status = branch_next(self, s->second, &chunk, err);
        if (status == PBASE_OK) {
            status = pbase_operator_build(s->vtable, s->shared, s->local, chunk, &state, err);
        }
        if (status == PBASE_OK) {
            status = check_budget(self, s, err);
        }
    }
    status = status == PBASE_OK || status == PBASE_END ? s->vtable->second->built(s->shared, err)
                                                       : status;
    return status == PBASE_OK ? PBASE_OK : note(s, status, err);
}

/* What the pipeline up to `end` builds before its first row. */
static pbase_status begin(executor *self, executor_branch *branch, size_t end, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = branch->source + 1; i < end && status == PBASE_OK; i++) {
        if (pbase_operator_builds(branch->stages[i].vtable) &&
            !stage_looks_up(&branch->stages[i])) {
            status = executor_build(self, &branch->stages[i], err);
        }
        if (status == PBASE_OK && stage_narrows(&branch->stages[i])) {
            status = executor_narrow(self, branch, &branch->stages[i], err);
        }
    }
    branch->feeder = branch->source;
    branch->is_feeder_done = false;
    branch->is_begun = status == PBASE_OK;
    return status;
}

/* Runs the pipeline that ends in the sink at `end`. */
static pbase_status drain(executor *self, executor_branch *branch, size_t end, pbase_error *err)
{
    stage *sink = &branch->stages[end];
    const pbase_operator_run_ops *ops = sink->vtable->run;
    int32_t state = PBASE_NEED_INPUT;
    pbase_status status = begin(self, branch, end + 1, err);
    while (status == PBASE_OK && state != PBASE_DONE) {
        pbase_chunk *chunk = NULL;
        status = pull(self, branch, end, &chunk, err);
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
    if (status != PBASE_OK && status != PBASE_END) {
        return status;
    }
    status = ops->combine == NULL ? PBASE_OK : ops->combine(sink->shared, sink->local, err);
    if (status == PBASE_OK) {
        status = ops->finish(sink->shared, err);
    }
    branch->source = end;
    branch->is_begun = false;
    return status == PBASE_OK ? PBASE_OK : note(sink, status, err);
}

static pbase_status branch_next(executor *self, executor_branch *branch, pbase_chunk **out,
                                pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t end = branch->source + 1; end < branch->count && status == PBASE_OK; end++) {
        if (is_sink(&branch->stages[end])) {
            status = drain(self, branch, end, err);
        }
    }
    if (status == PBASE_OK && !branch->is_begun) {
        status = begin(self, branch, branch->count, err);
    }
    return status == PBASE_OK ? pull(self, branch, branch->count, out, err) : status;
}

pbase_status executor_next(executor *self, pbase_chunk **out, pbase_error *err)
{
    return branch_next(self, self->main, out, err);
}

/* --- facts ------------------------------------------------------------------------------------- */

const pbase_schema *executor_schema(const executor *self)
{
    return branch_schema(self->main);
}

uint64_t executor_compared(const executor *self)
{
    return atomic_load_explicit(&self->compared, memory_order_relaxed);
}

const executor_branch *executor_main(const executor *self)
{
    return self->main;
}

size_t executor_count(const executor_branch *branch)
{
    return branch->count;
}

const plan_step *executor_step(const executor_branch *branch, size_t index)
{
    return branch->stages[index].step;
}

const executor_branch *executor_second(const executor_branch *branch, size_t index)
{
    return branch->stages[index].second;
}

bool executor_is_sink(const executor_branch *branch, size_t index)
{
    return is_sink(&branch->stages[index]);
}

pbase_status executor_estimate(const executor_branch *branch, size_t index,
                               const pbase_estimate *inputs, pbase_estimate *out, pbase_error *err)
{
    const stage *s = &branch->stages[index];
    *out = inputs[0];
    return s->vtable->estimate == NULL ? PBASE_OK : s->vtable->estimate(s->node, inputs, out, err);
}

pbase_status executor_explain(const executor_branch *branch, size_t index, pbase_buffer *out,
                              pbase_error *err)
{
    const stage *s = &branch->stages[index];
    return s->vtable->explain == NULL ? PBASE_OK : s->vtable->explain(s->node, out, err);
}
