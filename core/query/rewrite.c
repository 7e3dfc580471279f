/* rewrite.c - substitution of fields by the expressions of columns. */
#include "query/rewrite.h"
#include "expr/function.h"

static const plan_column *column_of(const pbase_path *path, const plan_column *columns,
                                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (path->steps[0].name.data != NULL &&
            pbase_bytes_equal(columns[i].name, path->steps[0].name)) {
            return &columns[i];
        }
    }
    return NULL;
}

static bool can_replace(const expr *field, const plan_column *columns, size_t count, bool is_closed)
{
    const plan_column *column = column_of(&field->path, columns, count);
    if (column == NULL) {
        return !is_closed;
    }
    return (column->value->kind == EXPR_FIELD &&
            column->value->path.count + field->path.count <= PATH_STEPS_MAX) ||
           (column->value->kind == EXPR_LITERAL && field->path.count == 1);
}

bool rewrite_can(const expr *self, const plan_column *columns, size_t count, bool is_closed)
{
    if (self->kind == EXPR_FIELD) {
        return can_replace(self, columns, count, is_closed);
    }
    bool asks_existence = self->kind == EXPR_CALL && self->function->kernel == kernel_exists;
    if (asks_existence && (is_closed || column_of(&self->args[0]->path, columns, count) != NULL)) {
        return false;
    }
    for (size_t i = 0; i < self->arg_count; i++) {
        if (!rewrite_can(self->args[i], columns, count, is_closed)) {
            return false;
        }
    }
    return true;
}

/* `before` and then the steps of `path` behind its first. */
static pbase_status join_paths(const pbase_path *before, const pbase_path *path, pbase_arena *arena,
                               const expr **out, pbase_error *err)
{
    size_t count = before->count + path->count - 1;
    if (count > PATH_STEPS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a path has more than %u steps", PATH_STEPS_MAX);
    }
    pbase_path_step *steps = pbase_arena_array(arena, count, sizeof *steps);
    if (steps == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    memcpy(steps, before->steps, before->count * sizeof *steps);
    memcpy(steps + before->count, path->steps + 1, (path->count - 1) * sizeof *steps);
    pbase_path joined = {steps, count};
    return expr_field(arena, joined, out, err);
}

static pbase_status replace(const expr *self, const plan_column *columns, size_t count,
                            pbase_arena *arena, const expr **out, pbase_error *err)
{
    const plan_column *column = column_of(&self->path, columns, count);
    *out = self;
    if (column == NULL) {
        return PBASE_OK;
    }
    if (self->path.count == 1) {
        *out = column->value;
        return PBASE_OK;
    }
    return column->value->kind == EXPR_FIELD
               ? join_paths(&column->value->path, &self->path, arena, out, err)
               : PBASE_OK;
}

pbase_status rewrite_over(const expr *self, const plan_column *columns, size_t count,
                          pbase_arena *arena, const expr **out, pbase_error *err)
{
    if (self->kind == EXPR_FIELD) {
        return replace(self, columns, count, arena, out, err);
    }
    if (self->arg_count == 0) {
        *out = self;
        return PBASE_OK;
    }
    const expr **args = pbase_arena_array(arena, self->arg_count, sizeof *args);
    if (args == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    for (size_t i = 0; i < self->arg_count; i++) {
        pbase_status status = rewrite_over(self->args[i], columns, count, arena, &args[i], err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    return expr_call(arena, self->function, args, self->arg_count, out, err);
}
