/* bind.c - resolves names against a schema, from the leaves up. */
#include "expr/bind.h"
#include "expr/function.h"
#include "expr/wanted.h"

typedef struct {
    const pbase_schema *schema;
    uint32_t position;
    pbase_arena *arena;
    pbase_error *err;
} binding;

static pbase_status bind_node(binding *b, const expr *self, pbase_expression **out);

static pbase_status node_create(binding *b, bound_kind kind, pbase_expression **out)
{
    pbase_expression *node = pbase_arena_alloc(b->arena, sizeof *node);
    if (node == NULL) {
        return PBASE_FAIL(b->err, PBASE_NO_MEMORY, "no memory for an expression");
    }
    memset(node, 0, sizeof *node);
    node->kind = kind;
    *out = node;
    return PBASE_OK;
}

static pbase_status bind_constant(binding *b, pbase_value value, pbase_expression **out)
{
    pbase_status status = node_create(b, BOUND_CONSTANT, out);
    if (status == PBASE_OK) {
        (*out)->constant = value;
    }
    return status;
}

/* The named column that holds the first step of `path`, else the nameless document, else count. */
static size_t column_of(const pbase_schema *schema, const pbase_path *path)
{
    size_t nameless = schema->count;
    for (size_t i = 0; i < schema->count; i++) {
        if (schema->columns[i].name.size == 0) {
            nameless = i;
        } else if (path->steps[0].name.data != NULL &&
                   pbase_bytes_equal(schema->columns[i].name, path->steps[0].name)) {
            return i;
        }
    }
    return nameless;
}

static pbase_status bind_document_field(binding *b, size_t column, const pbase_path *path,
                                        bool asks_existence, pbase_expression **out)
{
    pbase_wanted *wanted = b->schema->columns[column].wanted;
    uint32_t slot = 0;
    pbase_status status = wanted_add(wanted, path, asks_existence, b->position, &slot, b->err);
    if (status == PBASE_OK) {
        status = node_create(b, BOUND_FIELD, out);
    }
    if (status == PBASE_OK) {
        (*out)->column = (uint32_t)column;
        (*out)->slot = slot;
    }
    return status;
}

static pbase_status bind_path(binding *b, const pbase_path *path, bool asks_existence,
                              pbase_expression **out)
{
    size_t column = column_of(b->schema, path);
    if (column == b->schema->count) { /* no such column: missing in every row */
        return bind_constant(b, asks_existence ? pbase_value_bool(false) : pbase_value_null(), out);
    }
    const pbase_column *found = &b->schema->columns[column];
    pbase_path rest = path_after(path, found->name.size == 0 ? 0 : 1);
    if (found->wanted != NULL && rest.count > 0) {
        return bind_document_field(b, column, &rest, asks_existence, out);
    }
    if (found->wanted != NULL) {
        wanted_whole(found->wanted, b->position);
    }
    pbase_status status = node_create(b, BOUND_COLUMN, out);
    if (status == PBASE_OK) {
        (*out)->column = (uint32_t)column;
        (*out)->rest = rest;
        (*out)->asks_existence = asks_existence;
    }
    return status;
}

static pbase_status bind_args(binding *b, const expr *self, pbase_expression *node)
{
    const pbase_expression **args = pbase_arena_array(b->arena, self->arg_count, sizeof *args);
    if (args == NULL) {
        return PBASE_FAIL(b->err, PBASE_NO_MEMORY, "no memory for an expression");
    }
    for (size_t i = 0; i < self->arg_count; i++) {
        pbase_expression *arg = NULL;
        pbase_status status = bind_node(b, self->args[i], &arg);
        if (status != PBASE_OK) {
            return status;
        }
        args[i] = arg;
    }
    node->args = args;
    node->arg_count = self->arg_count;
    return PBASE_OK;
}

static pbase_status bind_call(binding *b, const expr *self, pbase_expression **out)
{
    if (self->function->kernel == kernel_exists) {
        return bind_path(b, &self->args[0]->path, true, out);
    }
    pbase_status status = node_create(b, BOUND_CALL, out);
    if (status == PBASE_OK) {
        (*out)->function = self->function;
        status = bind_args(b, self, *out);
    }
    if (status == PBASE_OK && self->function->prepare != NULL) {
        status = self->function->prepare(*out, b->arena, &(*out)->prepared, b->err);
    }
    return status;
}

/* What has no value is an error of every row that asks for it. */
static pbase_status bind_parameter(binding *b, const expr *self, pbase_expression **out)
{
    pbase_value value;
    pbase_status status =
        expr_error_cell(b->arena, &value, b->err, "parameter $%.*s has no value",
                        (int)self->parameter.size, (const char *)self->parameter.data);
    return status == PBASE_OK ? bind_constant(b, value, out) : status;
}

static pbase_status bind_node(binding *b, const expr *self, pbase_expression **out)
{
    switch (self->kind) {
    case EXPR_LITERAL:
        return bind_constant(b, self->literal, out);
    case EXPR_FIELD:
        return bind_path(b, &self->path, false, out);
    case EXPR_CALL:
        return bind_call(b, self, out);
    case EXPR_PARAMETER:
        break;
    }
    return bind_parameter(b, self, out);
}

pbase_status expr_bind(const expr *self, const pbase_schema *schema, uint32_t position,
                       pbase_arena *arena, const pbase_expression **out, pbase_error *err)
{
    binding b = {schema, position, arena, err};
    pbase_expression *node = NULL;
    pbase_status status = bind_node(&b, self, &node);
    if (status == PBASE_OK) {
        *out = node;
    }
    return status;
}
