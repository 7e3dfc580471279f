/* format.c - expressions as query text, with no more parentheses than needed. */
#include "base/number_text.h"
#include "expr/function.h"
#include <math.h>

typedef struct {
    pbase_buffer *out;
    pbase_error *err;
    pbase_status status; /* of the first failure; later calls do nothing */
} writer;

static void write_expr(writer *w, const expr *self, uint8_t context);

static void put(writer *w, const char *text)
{
    if (w->status == PBASE_OK) {
        w->status = pbase_buffer_append(w->out, text, strlen(text), w->err);
    }
}

static void put_bytes(writer *w, pbase_bytes bytes)
{
    if (w->status == PBASE_OK) {
        w->status = pbase_buffer_append_bytes(w->out, bytes, w->err);
    }
}

static void put_name(writer *w, pbase_bytes name)
{
    if (w->status == PBASE_OK) {
        w->status = path_name_format(name, w->out, w->err);
    }
}

static void put_quoted(writer *w, pbase_bytes text)
{
    put(w, "'");
    size_t start = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\'') {
            put_bytes(w, pbase_bytes_of(text.data + start, i + 1 - start));
            start = i;
        }
    }
    if (text.size > 0) {
        put_bytes(w, pbase_bytes_of(text.data + start, text.size - start));
    }
    put(w, "'");
}

static void put_hex(writer *w, pbase_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    put(w, "x'");
    for (size_t i = 0; i < bytes.size; i++) {
        const char pair[3] = {digits[bytes.data[i] >> 4], digits[bytes.data[i] & 15], '\0'};
        put(w, pair);
    }
    put(w, "'");
}

static void put_float(writer *w, double real)
{
    char text[NUMBER_TEXT_BYTES];
    if (isnan(real)) {
        put(w, "float 'nan'");
    } else if (isinf(real)) {
        put(w, real > 0 ? "float 'inf'" : "float '-inf'");
    } else {
        number_text_format(real, text);
        put(w, text);
    }
}

static void put_value(writer *w, const pbase_value *value);

static void put_list(writer *w, const pbase_value *list)
{
    put(w, "[");
    for (size_t i = 0; i < list->as.list.count; i++) {
        put(w, i > 0 ? ", " : "");
        put_value(w, &list->as.list.items[i]);
    }
    put(w, "]");
}

static void put_map(writer *w, const pbase_value *map)
{
    put(w, "{");
    for (size_t i = 0; i < map->as.map.count; i++) {
        put(w, i > 0 ? ", " : "");
        put_name(w, map->as.map.fields[i].name);
        put(w, ": ");
        put_value(w, &map->as.map.fields[i].value);
    }
    put(w, "}");
}

static void put_vector(writer *w, const pbase_value *vector)
{
    put(w, "vec [");
    for (size_t i = 0; i < vector->as.vector.count; i++) {
        put(w, i > 0 ? ", " : "");
        put_float(w, (double)vector->as.vector.items[i]);
    }
    put(w, "]");
}

static void put_scalar(writer *w, const pbase_value *value)
{
    char text[PBASE_TIME_TEXT_BYTES];
    switch (value->kind) {
    case PBASE_NULL:
        put(w, "null");
        break;
    case PBASE_BOOL:
        put(w, value->as.boolean ? "true" : "false");
        break;
    case PBASE_FLOAT:
        put_float(w, value->as.real);
        break;
    case PBASE_STRING:
        put_quoted(w, value->as.string);
        break;
    case PBASE_BYTES:
        put_hex(w, value->as.string);
        break;
    case PBASE_TIMESTAMP:
        pbase_time_format(value->as.time_ns, text);
        put(w, "timestamp '");
        put(w, text);
        put(w, "'");
        break;
    default:
        pbase_object_id_format(value->as.reference, text);
        put(w, "ref '");
        put(w, text);
        put(w, "'");
        break;
    }
}

static void put_value(writer *w, const pbase_value *value)
{
    switch (value->kind) {
    case PBASE_INT:
        if (w->status == PBASE_OK) {
            w->status =
                pbase_buffer_append_text(w->out, w->err, "%lld", (long long)value->as.integer);
        }
        break;
    case PBASE_LIST:
        put_list(w, value);
        break;
    case PBASE_MAP:
        put_map(w, value);
        break;
    case PBASE_VECTOR:
        put_vector(w, value);
        break;
    default:
        put_scalar(w, value);
        break;
    }
}

static void write_arguments(writer *w, const expr *self, size_t first)
{
    put(w, "(");
    for (size_t i = first; i < self->arg_count; i++) {
        put(w, i > first ? ", " : "");
        write_expr(w, self->args[i], 0);
    }
    put(w, ")");
}

static void write_case(writer *w, const expr *self)
{
    put(w, "case");
    for (size_t i = 0; i + 1 < self->arg_count; i += 2) {
        put(w, " when ");
        write_expr(w, self->args[i], 0);
        put(w, " then ");
        write_expr(w, self->args[i + 1], 0);
    }
    if (self->arg_count % 2 == 1) {
        put(w, " else ");
        write_expr(w, self->args[self->arg_count - 1], 0);
    }
    put(w, " end");
}

/* in, between, case */
static void write_own(writer *w, const expr *self)
{
    if (self->function->kernel == kernel_case) {
        write_case(w, self);
        return;
    }
    write_expr(w, self->args[0], EXPR_PRECEDENCE_ADD);
    if (self->function->kernel == kernel_in) {
        put(w, " in ");
        write_arguments(w, self, 1);
        return;
    }
    put(w, " between ");
    write_expr(w, self->args[1], EXPR_PRECEDENCE_ADD);
    put(w, " and ");
    write_expr(w, self->args[2], EXPR_PRECEDENCE_ADD);
}

static void write_infix(writer *w, const expr *self)
{
    const expr_function *function = self->function;
    /* Comparisons do not chain; the others group to the left. */
    uint8_t tighter = (uint8_t)(function->precedence + 1);
    uint8_t first = function->precedence == EXPR_PRECEDENCE_COMPARE || function->is_flat
                        ? tighter
                        : function->precedence;
    for (size_t i = 0; i < self->arg_count; i++) {
        if (i > 0) {
            put(w, " ");
            put(w, function->symbol);
            put(w, " ");
        }
        write_expr(w, self->args[i], i == 0 ? first : tighter);
    }
}

/* A negated number is put in parentheses: "- 5" reads as the literal. */
static void write_negation(writer *w, const expr *arg)
{
    bool is_number = arg->kind == EXPR_LITERAL &&
                     (arg->literal.kind == PBASE_INT || arg->literal.kind == PBASE_FLOAT);
    put(w, is_number ? "-(" : "-");
    write_expr(w, arg, EXPR_PRECEDENCE_ATOM);
    put(w, is_number ? ")" : "");
}

static uint8_t precedence_of(const expr *self)
{
    if (self->kind != EXPR_CALL || self->arg_count == 0) {
        return EXPR_PRECEDENCE_ATOM;
    }
    bool is_infix = self->function->notation == EXPR_NOTATION_INFIX;
    if (is_infix && self->arg_count == 1) { /* -x; and(x) is written as a call */
        return self->function->is_flat ? EXPR_PRECEDENCE_ATOM : EXPR_PRECEDENCE_NEGATE;
    }
    return self->function->precedence;
}

static void write_call(writer *w, const expr *self)
{
    const expr_function *function = self->function;
    switch (function->notation) {
    case EXPR_NOTATION_PREFIX:
        put(w, "not ");
        write_expr(w, self->args[0], EXPR_PRECEDENCE_NOT);
        return;
    case EXPR_NOTATION_POSTFIX:
        write_expr(w, self->args[0], EXPR_PRECEDENCE_ADD);
        put(w, " ");
        put(w, function->symbol);
        return;
    case EXPR_NOTATION_OWN:
        write_own(w, self);
        return;
    case EXPR_NOTATION_INFIX:
        if (self->arg_count == 1 && !function->is_flat) {
            write_negation(w, self->args[0]);
            return;
        }
        if (self->arg_count > 1) {
            write_infix(w, self);
            return;
        }
        break;
    case EXPR_NOTATION_CALL:
        break;
    }
    if (function->notation == EXPR_NOTATION_INFIX) { /* and(x) is x and true */
        put(w, "(");
        write_expr(w, self->args[0], (uint8_t)(function->precedence + 1));
        put(w, function->precedence == EXPR_PRECEDENCE_AND ? " and true)" : " or false)");
        return;
    }
    put(w, function->name);
    write_arguments(w, self, 0);
}

static void write_expr(writer *w, const expr *self, uint8_t context)
{
    bool is_wrapped = precedence_of(self) < context;
    put(w, is_wrapped ? "(" : "");
    switch (self->kind) {
    case EXPR_LITERAL:
        put_value(w, &self->literal);
        break;
    case EXPR_FIELD:
        if (w->status == PBASE_OK) {
            w->status = path_format(&self->path, w->out, w->err);
        }
        break;
    case EXPR_PARAMETER:
        put(w, "$");
        put_bytes(w, self->parameter);
        break;
    case EXPR_CALL:
        write_call(w, self);
        break;
    }
    put(w, is_wrapped ? ")" : "");
}

pbase_status expr_format(const expr *self, pbase_buffer *out, pbase_error *err)
{
    writer w = {out, err, PBASE_OK};
    write_expr(&w, self, 0);
    return w.status;
}
