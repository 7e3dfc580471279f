/* expr.c - making nodes, walking, comparing. */
#include "expr/expr.h"
#include "expr/function.h"

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an expression");
}

static expr *node_create(pbase_arena *arena, expr_kind kind)
{
    expr *self = pbase_arena_alloc(arena, sizeof *self);
    if (self != NULL) {
        memset(self, 0, sizeof *self);
        self->kind = kind;
        self->depth = 1;
    }
    return self;
}

pbase_status expr_literal(pbase_arena *arena, pbase_value value, const expr **out, pbase_error *err)
{
    expr *self = node_create(arena, EXPR_LITERAL);
    if (self == NULL) {
        return no_memory(err);
    }
    self->literal = value;
    *out = self;
    return PBASE_OK;
}

pbase_status expr_field(pbase_arena *arena, pbase_path path, const expr **out, pbase_error *err)
{
    expr *self = node_create(arena, EXPR_FIELD);
    if (self == NULL) {
        return no_memory(err);
    }
    self->path = path;
    *out = self;
    return PBASE_OK;
}

pbase_status expr_parameter(pbase_arena *arena, pbase_bytes name, const expr **out,
                            pbase_error *err)
{
    expr *self = node_create(arena, EXPR_PARAMETER);
    if (self == NULL) {
        return no_memory(err);
    }
    self->parameter = name;
    *out = self;
    return PBASE_OK;
}

static bool is_same_call(const expr *arg, const expr_function *function)
{
    return function->is_flat && arg->kind == EXPR_CALL && arg->function == function;
}

/* Copies `args`, with those of equal flat calls in their place. */
static pbase_status args_flatten(pbase_arena *arena, const expr_function *function,
                                 const expr *const *args, size_t count, expr *self,
                                 pbase_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += is_same_call(args[i], function) ? args[i]->arg_count : 1;
    }
    const expr **flat = pbase_arena_array(arena, total, sizeof *flat);
    if (flat == NULL) {
        return no_memory(err);
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_same_call(args[i], function)) {
            memcpy(flat + at, args[i]->args, args[i]->arg_count * sizeof *flat);
            at += args[i]->arg_count;
        } else {
            flat[at++] = args[i];
        }
    }
    self->args = flat;
    self->arg_count = total;
    return PBASE_OK;
}

static pbase_status check_count(const expr_function *function, size_t count, pbase_error *err)
{
    if (count >= function->arg_min && count <= function->arg_max) {
        return PBASE_OK;
    }
    if (function->arg_min == function->arg_max) {
        return PBASE_FAIL(err, PBASE_INVALID, "'%s' takes %u argument%s, not %zu", function->name,
                          function->arg_min, function->arg_min == 1 ? "" : "s", count);
    }
    return PBASE_FAIL(err, PBASE_INVALID, "'%s' takes %u to %u arguments, not %zu", function->name,
                      function->arg_min, function->arg_max, count);
}

pbase_status expr_call(pbase_arena *arena, const expr_function *function, const expr *const *args,
                       size_t count, const expr **out, pbase_error *err)
{
    pbase_status status = check_count(function, count, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (function->kernel == kernel_exists && args[0]->kind != EXPR_FIELD) {
        return PBASE_FAIL(err, PBASE_INVALID, "exists() asks for a field, not for an expression");
    }
    expr *self = node_create(arena, EXPR_CALL);
    if (self == NULL) {
        return no_memory(err);
    }
    self->function = function;
    status = args_flatten(arena, function, args, count, self, err);
    if (status != PBASE_OK) {
        return status;
    }
    for (size_t i = 0; i < self->arg_count; i++) {
        self->depth = self->args[i]->depth >= self->depth ? self->args[i]->depth + 1 : self->depth;
    }
    if (self->depth > EXPR_DEPTH_MAX || self->arg_count > EXPR_ARGS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT,
                          "an expression is nested deeper than %u or has more than %u arguments",
                          EXPR_DEPTH_MAX, EXPR_ARGS_MAX);
    }
    *out = self;
    return PBASE_OK;
}

bool expr_equal(const expr *a, const expr *b)
{
    if (a->kind != b->kind || a->function != b->function || a->arg_count != b->arg_count) {
        return false;
    }
    for (size_t i = 0; i < a->arg_count; i++) {
        if (!expr_equal(a->args[i], b->args[i])) {
            return false;
        }
    }
    return a->kind == EXPR_LITERAL     ? pbase_value_identical(&a->literal, &b->literal)
           : a->kind == EXPR_FIELD     ? path_equal(&a->path, &b->path)
           : a->kind == EXPR_PARAMETER ? pbase_bytes_equal(a->parameter, b->parameter)
                                       : true;
}

pbase_status expr_walk(const expr *self,
                       pbase_status (*each)(void *state, const expr *node, pbase_error *err),
                       void *state, pbase_error *err)
{
    pbase_status status = each(state, self, err);
    for (size_t i = 0; i < self->arg_count && status == PBASE_OK; i++) {
        status = expr_walk(self->args[i], each, state, err);
    }
    return status;
}
