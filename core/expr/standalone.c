/* standalone.c - pbase_expr: an expression with its arena, computed over one row at a time. */
#include "expr/expr_text.h"
#include "expr/function.h"
#include "expr/wanted.h"
#include <protobase/expr.h>

struct pbase_expr {
    const pbase_alloc *alloc;
    pbase_arena arena;
    const expr *tree;
    pbase_value json;
};

void pbase_expr_destroy(pbase_expr *self)
{
    if (self != NULL) {
        const pbase_alloc *alloc = self->alloc;
        pbase_arena_fini(&self->arena);
        pbase_alloc_free(alloc, self, sizeof *self);
    }
}

static pbase_status create(const pbase_alloc *alloc, pbase_expr **out, pbase_error *err)
{
    alloc = alloc == NULL ? pbase_alloc_default() : alloc;
    pbase_expr *self = pbase_alloc_zeroed(alloc, 1, sizeof *self);
    if (self == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an expression");
    }
    self->alloc = alloc;
    pbase_arena_init(&self->arena, alloc);
    *out = self;
    return PBASE_OK;
}

/* Ends making one: keeps its JSON form, or frees it after a failure. */
static pbase_status complete(pbase_status status, pbase_expr *self, pbase_expr **out,
                             pbase_error *err)
{
    if (status == PBASE_OK) {
        status = expr_to_value(self->tree, &self->arena, &self->json, err);
    }
    if (status == PBASE_OK) {
        *out = self;
    } else {
        pbase_expr_destroy(self);
    }
    return status;
}

static pbase_status parse_all(pbase_expr *self, pbase_bytes text, pbase_error *err)
{
    lexer lx;
    pbase_status status = lexer_init(&lx, text, &self->arena, err);
    if (status == PBASE_OK) {
        status = expr_text_parse(&lx, &self->tree);
    }
    return status == PBASE_OK && lx.current.kind != TOKEN_END ? lexer_fail_expected(&lx, "the end")
                                                              : status;
}

pbase_status pbase_expr_parse(const pbase_alloc *alloc, pbase_bytes text, pbase_expr **out,
                              pbase_error *err)
{
    pbase_expr *self = NULL;
    pbase_bytes kept = pbase_bytes_of(NULL, 0);
    pbase_status status = create(alloc, &self, err);
    if (status == PBASE_OK && text.size <= PBASE_QUERY_TEXT_BYTES_MAX) {
        status = pbase_arena_copy(&self->arena, text, &kept, err);
        text = kept;
    }
    if (status == PBASE_OK) {
        status = parse_all(self, text, err); /* refuses what is too long */
    }
    return complete(status, self, out, err);
}

pbase_status pbase_expr_from_value(const pbase_alloc *alloc, const pbase_value *json,
                                   pbase_expr **out, pbase_error *err)
{
    pbase_expr *self = NULL;
    pbase_value kept;
    pbase_status status = pbase_value_check(json, err);
    if (status == PBASE_OK) {
        status = create(alloc, &self, err);
    }
    if (status == PBASE_OK) {
        status = pbase_value_copy(json, &self->arena, &kept, err);
    }
    if (status == PBASE_OK) {
        status = expr_from_value(&kept, &self->arena, &self->tree, err);
    }
    return complete(status, self, out, err);
}

const pbase_value *pbase_expr_value(const pbase_expr *self)
{
    return &self->json;
}

pbase_status pbase_expr_format(const pbase_expr *self, pbase_buffer *out, pbase_error *err)
{
    return expr_format(self->tree, out, err);
}

/* A chunk of one row, with the document as its nameless column. */
static pbase_status evaluate_row(const pbase_expression *bound, const pbase_column *column,
                                 const pbase_value *row, pbase_arena *arena, pbase_value *out,
                                 pbase_error *err)
{
    pbase_chunk_column data = {row, NULL, NULL, 0, 0};
    pbase_chunk chunk = {sizeof chunk, 1, 1, 1, NULL, &data, arena};
    expr_frame frame = {.chunk = &chunk, .arena = arena, .row_count = 1};
    const expr_rows rows = {NULL, 1};
    pbase_vector vector;
    pbase_status status = wanted_extract(column, &chunk, 0, err);
    if (status == PBASE_OK) {
        status = expr_evaluate(bound, &frame, &rows, &vector, err);
    }
    if (status == PBASE_OK) {
        status = pbase_cell_raise(pbase_vector_cell(&vector, 0), err);
    }
    if (status == PBASE_OK) {
        *out = *pbase_vector_cell(&vector, 0);
    }
    return status;
}

pbase_status pbase_expr_evaluate(const pbase_expr *self, const pbase_value *row,
                                 const pbase_value *parameters, pbase_arena *arena,
                                 pbase_value *out, pbase_error *err)
{
    pbase_column column = {pbase_bytes_of(NULL, 0), NULL};
    const pbase_schema schema = {&column, 1};
    const expr *tree = NULL;
    const pbase_expression *bound = NULL;
    pbase_status status = wanted_create(arena, &column.wanted, err);
    if (status == PBASE_OK) {
        status = expr_substitute(self->tree, parameters, true, arena, &tree, err);
    }
    if (status == PBASE_OK) {
        status = expr_bind(tree, &schema, 1, arena, &bound, err);
    }
    return status == PBASE_OK ? evaluate_row(bound, &column, row, arena, out, err) : status;
}
