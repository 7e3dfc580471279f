/* operator.c - the checked calls of the query operator contract.
 *
 * The table is checked by its traits before its first use; chunks that come out are checked by a
 * look at their counts, and row by row only in builds with PBASE_SLOW_CHECKS. */
#include "contract.h"
#include <protobase/plugin/operator.h>

#define ROLES (PBASE_OPERATOR_SOURCE | PBASE_OPERATOR_TRANSFORM | PBASE_OPERATOR_SINK)

/* -------------------------------------------------------------------------------- the table --- */

static pbase_status check_role(const pbase_operator_run_ops *run, uint32_t traits, pbase_error *err)
{
    static const contract_slot source[] = {CONTRACT_SLOT(pbase_operator_run_ops, scan)};
    static const contract_slot transform[] = {CONTRACT_SLOT(pbase_operator_run_ops, apply)};
    static const contract_slot sink[] = {
        CONTRACT_SLOT(pbase_operator_run_ops, consume),
        CONTRACT_SLOT(pbase_operator_run_ops, finish),
        CONTRACT_SLOT(pbase_operator_run_ops, scan),
    };
    switch (traits & ROLES) {
    case PBASE_OPERATOR_SOURCE:
        return contract_check_required(run, "operator.run of a source", source,
                                       CONTRACT_COUNT(source), err);
    case PBASE_OPERATOR_TRANSFORM:
        return contract_check_required(run, "operator.run of a transform", transform,
                                       CONTRACT_COUNT(transform), err);
    case PBASE_OPERATOR_SINK:
        return contract_check_required(run, "operator.run of a sink", sink, CONTRACT_COUNT(sink),
                                       err);
    default:
        return PBASE_FAIL(err, PBASE_PLUGIN, "it must be one of source, transform and sink");
    }
}

/* A worker's state that is made must also be ended. */
static pbase_status check_worker(const pbase_operator_run_ops *run, pbase_error *err)
{
    if (contract_has(run, offsetof(pbase_operator_run_ops, open_worker)) &&
        !contract_has(run, offsetof(pbase_operator_run_ops, close_worker))) {
        return PBASE_FAIL(err, PBASE_PLUGIN,
                          "the table operator.run has the slot 'open_worker', but lacks "
                          "'close_worker'");
    }
    return PBASE_OK;
}

bool pbase_operator_builds(const pbase_operator_vtable *vtable)
{
    return contract_has(vtable, offsetof(pbase_operator_vtable, second)) &&
           contract_has(vtable->second, offsetof(pbase_operator_second_ops, build));
}

bool pbase_operator_appends(const pbase_operator_vtable *vtable)
{
    return contract_has(vtable, offsetof(pbase_operator_vtable, second)) &&
           contract_has(vtable->second, offsetof(pbase_operator_second_ops, append));
}

bool pbase_operator_has_rest(const pbase_operator_vtable *vtable)
{
    return pbase_operator_builds(vtable) &&
           contract_has(vtable->second, offsetof(pbase_operator_second_ops, rest));
}

/* A second input is built from or appended, not both; only a transform has rows to append. */
static pbase_status check_second(const pbase_operator_vtable *vtable, pbase_error *err)
{
    static const contract_slot building[] = {CONTRACT_SLOT(pbase_operator_second_ops, built)};
    bool is_transform = (vtable->traits & PBASE_OPERATOR_TRANSFORM) != 0;
    bool builds = pbase_operator_builds(vtable), appends = pbase_operator_appends(vtable);
    if (!contract_has(vtable, offsetof(pbase_operator_vtable, second))) {
        return PBASE_OK;
    }
    if ((vtable->traits & PBASE_OPERATOR_SOURCE) != 0) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "a source has no second input");
    }
    if (builds == appends || (appends && !is_transform) ||
        (pbase_operator_has_rest(vtable) && !is_transform)) {
        return PBASE_FAIL(err, PBASE_PLUGIN,
                          "the table operator.second has 'build' or 'append', and 'append' and "
                          "'rest' only for a transform");
    }
    return builds ? contract_check_required(vtable->second, "operator.second of one that builds",
                                            building, CONTRACT_COUNT(building), err)
                  : PBASE_OK;
}

pbase_status pbase_operator_check(const pbase_operator_vtable *vtable, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_operator_vtable, name),
        CONTRACT_SLOT(pbase_operator_vtable, bind),
        CONTRACT_SLOT(pbase_operator_vtable, run),
    };
    static const contract_slot run_required[] = {
        CONTRACT_SLOT(pbase_operator_run_ops, open),
        CONTRACT_SLOT(pbase_operator_run_ops, close),
    };
    pbase_status status =
        contract_check_required(vtable, "operator", required, CONTRACT_COUNT(required), err);
    if (status != PBASE_OK) {
        return status;
    }
    status = contract_check_required(vtable->run, "operator.run", run_required,
                                     CONTRACT_COUNT(run_required), err);
    if (status == PBASE_OK) {
        status = check_role(vtable->run, vtable->traits, err);
    }
    if (status == PBASE_OK) {
        status = check_worker(vtable->run, err);
    }
    if (status == PBASE_OK) {
        status = check_second(vtable, err);
    }
    if (status != PBASE_OK) {
        pbase_error_note(err, "operator '%s'", vtable->name);
    }
    return status;
}

/* ----------------------------------------------------------------------------------- binding --- */

/* At most one column is nameless, and it is the first. */
static bool is_schema(const pbase_schema *schema)
{
    if (schema->count != 0 && schema->columns == NULL) {
        return false;
    }
    for (size_t i = 1; i < schema->count; i++) {
        if (schema->columns[i].name.size == 0) {
            return false;
        }
    }
    return true;
}

/* What the implementation broke, with the operator's name: a plan has many of them. */
static pbase_status named(const pbase_operator_vtable *vtable, pbase_status status,
                          pbase_error *err)
{
    if (status == PBASE_PLUGIN) {
        pbase_error_note(err, "operator '%s'", vtable->name);
    }
    return status;
}

static pbase_status check_position(const pbase_operator_vtable *vtable, const pbase_value *step,
                                   const pbase_binder *binder, pbase_error *err)
{
    bool is_source = (vtable->traits & PBASE_OPERATOR_SOURCE) != 0;
    if (step->kind != PBASE_MAP) {
        return PBASE_FAIL(err, PBASE_INVALID, "a step of a plan is a map, not a %s",
                          pbase_value_type_name(step));
    }
    if (is_source != (binder->input == NULL)) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          is_source ? "'%s' reads a source and cannot follow a step"
                                    : "'%s' needs a step before it",
                          vtable->name);
    }
    bool has_second = pbase_operator_builds(vtable) || pbase_operator_appends(vtable);
    if (has_second != (binder->second != NULL)) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          has_second ? "'%s' needs a second input" : "'%s' takes one input",
                          vtable->name);
    }
    return PBASE_OK;
}

static pbase_status check_bound(const pbase_operator_node *node, const pbase_schema *schema,
                                pbase_error *err)
{
    static const char slot[] = "operator.bind";
    if (node == NULL) {
        return CONTRACT_BROKEN(err, slot, "a bound node is not NULL");
    }
    if (!is_schema(schema)) {
        return CONTRACT_BROKEN(err, slot, "at most one column is nameless, the first");
    }
    return PBASE_OK;
}

pbase_status pbase_operator_bind(const pbase_operator_vtable *vtable, const pbase_value *step,
                                 pbase_binder *binder, pbase_operator_node **out,
                                 pbase_schema *out_schema, pbase_error *err)
{
    pbase_status status = check_position(vtable, step, binder, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_operator_node *node = NULL;
    pbase_schema schema = {NULL, 0};
    status = contract_result(vtable->bind(step, binder, &node, &schema, err), "operator.bind", err);
    if (status == PBASE_OK) {
        status = check_bound(node, &schema, err);
    }
    if (status != PBASE_OK) {
        return named(vtable, status, err);
    }
    *out = node;
    *out_schema = schema;
    return PBASE_OK;
}

pbase_status pbase_operator_settle(const pbase_operator_vtable *vtable, pbase_operator_node *node,
                                   pbase_binder *binder, pbase_error *err)
{
    if (!contract_has(vtable, offsetof(pbase_operator_vtable, settle))) {
        return PBASE_OK;
    }
    pbase_status status =
        contract_result(vtable->settle(node, binder, err), "operator.settle", err);
    return named(vtable, status, err);
}

/* ----------------------------------------------------------------------------------- running --- */

#ifdef PBASE_SLOW_CHECKS
static bool has_ascending_selection(const pbase_chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->selected_count; i++) {
        if (chunk->selection[i] >= chunk->row_count ||
            (i > 0 && chunk->selection[i - 1] >= chunk->selection[i])) {
            return false;
        }
    }
    return true;
}
#endif

static pbase_status check_chunk(const pbase_chunk *chunk, const char *slot, pbase_error *err)
{
    if (chunk->row_count > PBASE_CHUNK_ROWS || chunk->selected_count > chunk->row_count) {
        return CONTRACT_BROKEN(err, slot, "selected rows <= rows <= PBASE_CHUNK_ROWS");
    }
    if (chunk->selection == NULL && chunk->selected_count != chunk->row_count) {
        return CONTRACT_BROKEN(err, slot, "without a selection every row is selected");
    }
    if (chunk->selected_count != 0 && chunk->column_count != 0 && chunk->columns == NULL) {
        return CONTRACT_BROKEN(err, slot, "rows have columns");
    }
#ifdef PBASE_SLOW_CHECKS
    if (chunk->selection != NULL && !has_ascending_selection(chunk)) {
        return CONTRACT_BROKEN(err, slot, "the selection ascends within the rows");
    }
#endif
    return PBASE_OK;
}

static pbase_status check_state(int32_t state, int32_t least, const char *slot, pbase_error *err)
{
    if (state < least || state > PBASE_DONE) {
        return CONTRACT_BROKEN(err, slot, "the state is one that its header lists");
    }
    return PBASE_OK;
}

/* What a slot that gives rows answered. */
static pbase_status check_given(const pbase_operator_vtable *vtable, const char *slot,
                                pbase_status status, const pbase_chunk *out, int32_t state,
                                int32_t least, int32_t *out_state, pbase_error *err)
{
    status = contract_result(status, slot, err);
    if (status == PBASE_OK) {
        status = check_state(state, least, slot, err);
    }
    if (status == PBASE_OK) {
        status = check_chunk(out, slot, err);
    }
    if (status == PBASE_OK) {
        *out_state = state;
    }
    return named(vtable, status, err);
}

/* What a slot that takes rows answered. */
static pbase_status check_taken(const pbase_operator_vtable *vtable, const char *slot,
                                pbase_status status, int32_t state, int32_t *out_state,
                                pbase_error *err)
{
    status = contract_result(status, slot, err);
    if (status == PBASE_OK && state != PBASE_NEED_INPUT && state != PBASE_DONE) {
        status = CONTRACT_BROKEN(err, slot, "what takes rows needs input or is done");
    }
    if (status == PBASE_OK) {
        *out_state = state;
    }
    return named(vtable, status, err);
}

pbase_status pbase_operator_scan(const pbase_operator_vtable *vtable, void *shared, void *local,
                                 pbase_chunk *out, int32_t *out_state, pbase_error *err)
{
    static const char slot[] = "operator.run.scan";
    if (!contract_has(vtable->run, offsetof(pbase_operator_run_ops, scan))) {
        return CONTRACT_ABSENT(err, slot);
    }
    int32_t state = PBASE_NEED_INPUT;
    pbase_status status = vtable->run->scan(shared, local, out, &state, err);
    return check_given(vtable, slot, status, out, state, PBASE_MORE, out_state, err);
}

pbase_status pbase_operator_rest(const pbase_operator_vtable *vtable, void *shared, void *local,
                                 pbase_chunk *out, int32_t *out_state, pbase_error *err)
{
    static const char slot[] = "operator.second.rest";
    if (!pbase_operator_has_rest(vtable)) {
        return CONTRACT_ABSENT(err, slot);
    }
    int32_t state = PBASE_NEED_INPUT;
    pbase_status status = vtable->second->rest(shared, local, out, &state, err);
    return check_given(vtable, slot, status, out, state, PBASE_MORE, out_state, err);
}

pbase_status pbase_operator_apply(const pbase_operator_vtable *vtable, void *shared, void *local,
                                  pbase_chunk *in, pbase_chunk *out, int32_t *out_state,
                                  pbase_error *err)
{
    static const char slot[] = "operator.run.apply";
    if (!contract_has(vtable->run, offsetof(pbase_operator_run_ops, apply))) {
        return CONTRACT_ABSENT(err, slot);
    }
    int32_t state = PBASE_NEED_INPUT;
    pbase_status status = vtable->run->apply(shared, local, in, out, &state, err);
    return check_given(vtable, slot, status, out, state, PBASE_NEED_INPUT, out_state, err);
}

pbase_status pbase_operator_append(const pbase_operator_vtable *vtable, void *shared, void *local,
                                   pbase_chunk *in, pbase_chunk *out, int32_t *out_state,
                                   pbase_error *err)
{
    static const char slot[] = "operator.second.append";
    if (!pbase_operator_appends(vtable)) {
        return CONTRACT_ABSENT(err, slot);
    }
    int32_t state = PBASE_NEED_INPUT;
    pbase_status status = vtable->second->append(shared, local, in, out, &state, err);
    if (status == PBASE_OK && state == PBASE_MORE) {
        status = CONTRACT_BROKEN(err, slot, "it needs input or is done");
    }
    return check_given(vtable, slot, status, out, state, PBASE_NEED_INPUT, out_state, err);
}

pbase_status pbase_operator_consume(const pbase_operator_vtable *vtable, void *shared, void *local,
                                    pbase_chunk *in, int32_t *out_state, pbase_error *err)
{
    static const char slot[] = "operator.run.consume";
    if (!contract_has(vtable->run, offsetof(pbase_operator_run_ops, consume))) {
        return CONTRACT_ABSENT(err, slot);
    }
    int32_t state = PBASE_NEED_INPUT;
    pbase_status status = vtable->run->consume(shared, local, in, &state, err);
    return check_taken(vtable, slot, status, state, out_state, err);
}

pbase_status pbase_operator_build(const pbase_operator_vtable *vtable, void *shared, void *local,
                                  pbase_chunk *in, int32_t *out_state, pbase_error *err)
{
    static const char slot[] = "operator.second.build";
    if (!pbase_operator_builds(vtable)) {
        return CONTRACT_ABSENT(err, slot);
    }
    int32_t state = PBASE_NEED_INPUT;
    pbase_status status = vtable->second->build(shared, local, in, &state, err);
    return check_taken(vtable, slot, status, state, out_state, err);
}

pbase_status pbase_cell_raise(const pbase_value *cell, pbase_error *err)
{
    if (cell->kind != PBASE_CELL_ERROR) {
        return PBASE_OK;
    }
    size_t size =
        cell->as.string.size > sizeof err->message ? sizeof err->message : cell->as.string.size;
    return PBASE_FAIL(err, PBASE_INVALID, "%.*s", (int)size,
                      size == 0 ? "" : (const char *)cell->as.string.data);
}
