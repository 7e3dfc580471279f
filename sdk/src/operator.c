/* operator.c - checked calls of query operators. */
#include <protobase/plugin/operator.h>

static pbase_status broken(const pbase_operator_vtable *vtable, const char *what, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_PLUGIN, "operator '%s': %s", vtable->name, what);
}

static bool has_slots(const pbase_operator_vtable *vtable)
{
    const pbase_operator_run_ops *run = vtable->run;
    bool is_source = (vtable->traits & PBASE_OPERATOR_SOURCE) != 0;
    bool is_transform = (vtable->traits & PBASE_OPERATOR_TRANSFORM) != 0;
    bool is_sink = (vtable->traits & PBASE_OPERATOR_SINK) != 0;
    return run->open != NULL && run->close != NULL && (!is_transform || run->apply != NULL) &&
           (!is_sink || (run->consume != NULL && run->finish != NULL)) &&
           (!(is_source || is_sink) || run->scan != NULL) &&
           (run->open_worker == NULL || run->close_worker != NULL);
}

pbase_status pbase_operator_check(const pbase_operator_vtable *vtable, pbase_error *err)
{
    const uint32_t roles = PBASE_OPERATOR_SOURCE | PBASE_OPERATOR_TRANSFORM | PBASE_OPERATOR_SINK;
    if (vtable == NULL || vtable->struct_size < sizeof *vtable || vtable->name == NULL) {
        return PBASE_FAIL(err, PBASE_PLUGIN, "an operator's table is too short or has no name");
    }
    uint32_t role = vtable->traits & roles;
    if (role == 0 || (role & (role - 1)) != 0) {
        return broken(vtable, "it must be one of source, transform and sink", err);
    }
    if (vtable->run == NULL || vtable->run->struct_size < sizeof *vtable->run) {
        return broken(vtable, "its table of run slots is missing or too short", err);
    }
    if (vtable->bind == NULL || !has_slots(vtable)) {
        return broken(vtable, "a slot that its role needs is missing", err);
    }
    return PBASE_OK;
}

static pbase_status check_schema(const pbase_operator_vtable *vtable, const pbase_schema *schema,
                                 pbase_error *err)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (schema->columns[i].name.size == 0 && i > 0) {
            return broken(vtable, "only the first column of a schema may be nameless", err);
        }
    }
    return schema->count > 0 && schema->columns == NULL
               ? broken(vtable, "its schema has no columns", err)
               : PBASE_OK;
}

pbase_status pbase_operator_bind(const pbase_operator_vtable *vtable, const pbase_value *step,
                                 pbase_binder *binder, pbase_operator_node **out,
                                 pbase_schema *out_schema, pbase_error *err)
{
    bool is_source = (vtable->traits & PBASE_OPERATOR_SOURCE) != 0;
    if (is_source != (binder->input == NULL)) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          is_source ? "'%s' reads a source and cannot follow a step"
                                    : "'%s' needs a step before it",
                          vtable->name);
    }
    pbase_status status = vtable->bind(step, binder, out, out_schema, err);
    return status == PBASE_OK ? check_schema(vtable, out_schema, err) : status;
}

static bool is_selection_sound(const pbase_chunk *chunk)
{
    for (uint32_t n = 0; n < chunk->selected_count; n++) {
        if (chunk->selection[n] >= chunk->row_count ||
            (n > 0 && chunk->selection[n] <= chunk->selection[n - 1])) {
            return false;
        }
    }
    return true;
}

static pbase_status check_chunk(const pbase_operator_vtable *vtable, const pbase_chunk *chunk,
                                int32_t state, int32_t least, pbase_error *err)
{
    if (state < least || state > PBASE_DONE) {
        return broken(vtable, "it answered with an unknown state", err);
    }
    if (chunk->row_count > PBASE_CHUNK_ROWS || chunk->selected_count > chunk->row_count ||
        (chunk->selection == NULL && chunk->selected_count != chunk->row_count)) {
        return broken(vtable, "its chunk counts more rows than it may", err);
    }
    if (chunk->row_count > 0 && chunk->column_count > 0 && chunk->columns == NULL) {
        return broken(vtable, "its chunk has no columns", err);
    }
    PBASE_ASSERT_SLOW(chunk->selection == NULL || is_selection_sound(chunk));
    return PBASE_OK;
}

pbase_status pbase_operator_scan(const pbase_operator_vtable *vtable, void *shared, void *local,
                                 pbase_chunk *out, int32_t *out_state, pbase_error *err)
{
    pbase_status status = vtable->run->scan(shared, local, out, out_state, err);
    return status == PBASE_OK ? check_chunk(vtable, out, *out_state, PBASE_MORE, err) : status;
}

pbase_status pbase_operator_apply(const pbase_operator_vtable *vtable, void *shared, void *local,
                                  pbase_chunk *in, pbase_chunk *out, int32_t *out_state,
                                  pbase_error *err)
{
    pbase_status status = vtable->run->apply(shared, local, in, out, out_state, err);
    return status == PBASE_OK ? check_chunk(vtable, out, *out_state, PBASE_NEED_INPUT, err)
                              : status;
}

pbase_status pbase_operator_consume(const pbase_operator_vtable *vtable, void *shared, void *local,
                                    pbase_chunk *in, int32_t *out_state, pbase_error *err)
{
    pbase_status status = vtable->run->consume(shared, local, in, out_state, err);
    if (status == PBASE_OK && *out_state != PBASE_NEED_INPUT && *out_state != PBASE_DONE) {
        return broken(vtable, "it answered with an unknown state", err);
    }
    return status;
}

pbase_status pbase_cell_raise(const pbase_value *cell, pbase_error *err)
{
    return cell->kind == PBASE_CELL_ERROR
               ? PBASE_FAIL(err, PBASE_INVALID, "%.*s", (int)cell->as.string.size,
                            (const char *)cell->as.string.data)
               : PBASE_OK;
}
