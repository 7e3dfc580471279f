/* fold.c - rewriting trees: parameters to literals, calls of literals to their value. */
#include "expr/function.h"

/* Rebuilds `self` with other arguments; gives `self` back when none differs. */
static pbase_status with_args(const expr *self, const expr *const *args, pbase_arena *arena,
                              const expr **out, pbase_error *err)
{
    for (size_t i = 0; i < self->arg_count; i++) {
        if (args[i] != self->args[i]) {
            return expr_call(arena, self->function, args, self->arg_count, out, err);
        }
    }
    *out = self;
    return PBASE_OK;
}

static pbase_status args_create(const expr *self, pbase_arena *arena, const expr ***out,
                                pbase_error *err)
{
    *out = pbase_arena_array(arena, self->arg_count, sizeof **out);
    return *out != NULL ? PBASE_OK
                        : PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an expression");
}

static pbase_status substitute_parameter(const expr *self, const pbase_value *parameters,
                                         bool must_have, pbase_arena *arena, const expr **out,
                                         pbase_error *err)
{
    const pbase_value *value =
        parameters == NULL ? NULL : pbase_value_field(parameters, self->parameter);
    if (value != NULL) {
        return expr_literal(arena, *value, out, err);
    }
    if (must_have) {
        return PBASE_FAIL(err, PBASE_INVALID, "parameter $%.*s has no value",
                          (int)self->parameter.size, (const char *)self->parameter.data);
    }
    *out = self;
    return PBASE_OK;
}

pbase_status expr_substitute(const expr *self, const pbase_value *parameters, bool must_have,
                             pbase_arena *arena, const expr **out, pbase_error *err)
{
    if (self->kind == EXPR_PARAMETER) {
        return substitute_parameter(self, parameters, must_have, arena, out, err);
    }
    const expr **args = NULL;
    pbase_status status = args_create(self, arena, &args, err);
    for (size_t i = 0; i < self->arg_count && status == PBASE_OK; i++) {
        status = expr_substitute(self->args[i], parameters, must_have, arena, &args[i], err);
    }
    return status == PBASE_OK ? with_args(self, args, arena, out, err) : status;
}

static bool is_constant_call(const expr *self)
{
    for (size_t i = 0; i < self->arg_count; i++) {
        if (self->args[i]->kind != EXPR_LITERAL) {
            return false;
        }
    }
    return self->kind == EXPR_CALL;
}

/* The value of a call of literals; an ERROR cell when it has none. */
static pbase_status compute(const expr *self, pbase_arena *arena, pbase_value *out,
                            pbase_error *err)
{
    static const pbase_schema no_columns = {NULL, 0};
    const pbase_expression *bound = NULL;
    expr_frame frame = {.chunk = NULL, .arena = arena, .row_count = 1};
    expr_rows one = {NULL, 1};
    pbase_vector vector;
    pbase_status status = expr_bind(self, &no_columns, 0, arena, &bound, err);
    if (status == PBASE_OK) {
        status = expr_evaluate(bound, &frame, &one, &vector, err);
    }
    if (status == PBASE_OK) {
        *out = *pbase_vector_cell(&vector, 0);
    }
    return status;
}

pbase_status expr_fold(const expr *self, pbase_arena *arena, const expr **out, pbase_error *err)
{
    if (self->kind != EXPR_CALL) {
        *out = self;
        return PBASE_OK;
    }
    const expr **args = NULL;
    pbase_status status = args_create(self, arena, &args, err);
    for (size_t i = 0; i < self->arg_count && status == PBASE_OK; i++) {
        status = expr_fold(self->args[i], arena, &args[i], err);
    }
    const expr *folded = NULL;
    if (status == PBASE_OK) {
        status = with_args(self, args, arena, &folded, err);
    }
    if (status != PBASE_OK || !is_constant_call(folded)) {
        *out = folded;
        return status;
    }
    pbase_value value;
    status = compute(folded, arena, &value, err);
    if (status == PBASE_OK && value.kind == PBASE_CELL_ERROR) {
        *out = folded; /* raised only if a row needs it */
        return PBASE_OK;
    }
    return status == PBASE_OK ? expr_literal(arena, value, out, err) : status;
}
