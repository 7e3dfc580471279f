/* builder_terms.c - expressions made by calls, in the builder's arena. */
#include "expr/expr_text.h"
#include "expr/function.h"
#include "query/builder.h"

/* What `status` says of a term that was made, or not. */
static const pbase_term *made(pbase_builder *b, pbase_status status, const expr *self,
                              const pbase_error *error)
{
    if (status != PBASE_OK) {
        builder_fail(b, status, error);
        return NULL;
    }
    return builder_term(self);
}

const pbase_term *pbase_term_field(pbase_builder *b, const char *path)
{
    pbase_error error;
    pbase_bytes text = pbase_bytes_of(NULL, 0);
    pbase_path parsed = {NULL, 0};
    const expr *self = NULL;
    pbase_error_init(&error);
    if (path == NULL) {
        builder_fail_null(b, "the path of a field");
        return NULL;
    }
    if (!builder_text(b, path, &text)) {
        return NULL;
    }
    pbase_status status = path_parse(text, &b->arena, &parsed, &error);
    if (status == PBASE_OK) {
        status = expr_field(&b->arena, parsed, &self, &error);
    }
    return made(b, status, self, &error);
}

const pbase_term *pbase_term_parameter(pbase_builder *b, const char *name)
{
    pbase_error error;
    pbase_bytes text = pbase_bytes_of(NULL, 0);
    const expr *self = NULL;
    pbase_error_init(&error);
    if (name == NULL || name[0] == '\0') {
        builder_fail_null(b, "the name of a parameter");
        return NULL;
    }
    if (!builder_text(b, name, &text)) {
        return NULL;
    }
    pbase_status status = expr_parameter(&b->arena, text, &self, &error);
    return made(b, status, self, &error);
}

const pbase_term *pbase_term_value(pbase_builder *b, const pbase_value *value)
{
    pbase_error error;
    pbase_value copy;
    const expr *self = NULL;
    pbase_error_init(&error);
    if (value == NULL) {
        builder_fail_null(b, "a value");
        return NULL;
    }
    pbase_status status = pbase_value_check(value, &error);
    if (status == PBASE_OK) {
        status = pbase_value_copy(value, &b->arena, &copy, &error);
    }
    if (status == PBASE_OK) {
        status = expr_literal(&b->arena, copy, &self, &error);
    }
    return made(b, status, self, &error);
}

const pbase_term *pbase_term_null(pbase_builder *b)
{
    const pbase_value value = pbase_value_null();
    return pbase_term_value(b, &value);
}

const pbase_term *pbase_term_bool(pbase_builder *b, bool value)
{
    const pbase_value boolean = pbase_value_bool(value);
    return pbase_term_value(b, &boolean);
}

const pbase_term *pbase_term_int(pbase_builder *b, int64_t value)
{
    const pbase_value integer = pbase_value_int(value);
    return pbase_term_value(b, &integer);
}

const pbase_term *pbase_term_float(pbase_builder *b, double value)
{
    const pbase_value real = pbase_value_float(value);
    return pbase_term_value(b, &real);
}

const pbase_term *pbase_term_text(pbase_builder *b, const char *value)
{
    if (value == NULL) {
        builder_fail_null(b, "a text");
        return NULL;
    }
    const pbase_value text = pbase_value_text(value);
    return pbase_term_value(b, &text);
}

static bool has_args(pbase_builder *b, const pbase_term *const *args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (args[i] == NULL) {
            builder_fail_null(b, "an argument");
            return false;
        }
    }
    return true;
}

static pbase_status find_function(const char *name, const expr_function **out, pbase_error *err)
{
    *out = function_find(pbase_bytes_text(name), NULL);
    if (*out != NULL) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_FAIL(err, PBASE_INVALID, "unknown operator '%.64s'", name);
    (void)function_find(pbase_bytes_text(name), err); /* for the hint */
    return status;
}

const pbase_term *pbase_term_call(pbase_builder *b, const char *name, const pbase_term *const *args,
                                  size_t count)
{
    pbase_error error;
    const expr_function *function = NULL;
    const expr *self = NULL;
    pbase_error_init(&error);
    if (name == NULL) {
        builder_fail_null(b, "the name of an operator");
        return NULL;
    }
    if (!has_args(b, args, count)) {
        return NULL;
    }
    pbase_status status = find_function(name, &function, &error);
    if (status == PBASE_OK) {
        status = expr_call(&b->arena, function, (const expr *const *)(const void *)args, count,
                           &self, &error);
    }
    return made(b, status, self, &error);
}

const pbase_term *pbase_term_unary(pbase_builder *b, const char *name, const pbase_term *a)
{
    return pbase_term_call(b, name, &a, 1);
}

const pbase_term *pbase_term_binary(pbase_builder *b, const char *name, const pbase_term *left,
                                    const pbase_term *right)
{
    const pbase_term *args[2] = {left, right};
    return pbase_term_call(b, name, args, 2);
}

const pbase_term *pbase_term_parse(pbase_builder *b, const char *text)
{
    pbase_error error;
    pbase_bytes copy = pbase_bytes_of(NULL, 0);
    const expr *self = NULL;
    lexer lx;
    pbase_error_init(&error);
    if (text == NULL) {
        builder_fail_null(b, "the text of an expression");
        return NULL;
    }
    if (!builder_text(b, text, &copy)) {
        return NULL;
    }
    pbase_status status = lexer_init(&lx, copy, &b->arena, &error);
    if (status == PBASE_OK) {
        status = expr_text_parse(&lx, &self);
    }
    if (status == PBASE_OK && lx.current.kind != TOKEN_END) {
        status = lexer_fail_expected(&lx, "the end");
    }
    return made(b, status, self, &error);
}
