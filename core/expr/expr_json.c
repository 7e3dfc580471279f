/* expr_json.c - the JSON form of expressions: {"f": path}, {"lit": V}, {"param": name}, a bare
 * scalar, or [operator, args...]. */
#include "expr/expr.h"
#include "expr/function.h"

static bool is_key(const pbase_field *field, const char *key)
{
    return pbase_bytes_equal(field->name, pbase_bytes_text(key));
}

static pbase_status parameter_from(const pbase_value *name, pbase_arena *arena, const expr **out,
                                   pbase_error *err)
{
    if (name->kind != PBASE_STRING || name->as.string.size == 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "\"param\" is the name of a parameter, not a %s",
                          pbase_value_type_name(name));
    }
    return expr_parameter(arena, name->as.string, out, err);
}

static pbase_status field_from(const pbase_value *text, pbase_arena *arena, const expr **out,
                               pbase_error *err)
{
    if (text->kind != PBASE_STRING) {
        return PBASE_FAIL(err, PBASE_INVALID, "\"f\" is the path of a field, not a %s",
                          pbase_value_type_name(text));
    }
    pbase_path path = {NULL, 0};
    pbase_status status = path_parse(text->as.string, arena, &path, err);
    return status == PBASE_OK ? expr_field(arena, path, out, err) : status;
}

static pbase_status from_map(const pbase_value *json, pbase_arena *arena, const expr **out,
                             pbase_error *err)
{
    if (json->as.map.count == 1) {
        const pbase_field *field = &json->as.map.fields[0];
        if (is_key(field, "f")) {
            return field_from(&field->value, arena, out, err);
        }
        if (is_key(field, "lit")) {
            return expr_literal(arena, field->value, out, err);
        }
        if (is_key(field, "param")) {
            return parameter_from(&field->value, arena, out, err);
        }
    }
    pbase_error_hint(err, "write {\"lit\": {...}} for a map as a value");
    return PBASE_FAIL(err, PBASE_INVALID,
                      "an expression map has one key: \"f\", \"lit\" or \"param\"");
}

static pbase_status from_list(const pbase_value *json, uint32_t depth, pbase_arena *arena,
                              const expr **out, pbase_error *err);

static pbase_status from_value(const pbase_value *json, uint32_t depth, pbase_arena *arena,
                               const expr **out, pbase_error *err)
{
    if (json->kind == PBASE_MAP) {
        return from_map(json, arena, out, err);
    }
    if (json->kind == PBASE_LIST) {
        return from_list(json, depth, arena, out, err);
    }
    if (json->kind == PBASE_CHILD) {
        return PBASE_FAIL(err, PBASE_INVALID, "a child collection is not an expression");
    }
    return expr_literal(arena, *json, out, err);
}

static pbase_status from_list(const pbase_value *json, uint32_t depth, pbase_arena *arena,
                              const expr **out, pbase_error *err)
{
    const pbase_value *items = json->as.list.items;
    if (depth > EXPR_DEPTH_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "an expression is nested deeper than %u",
                          EXPR_DEPTH_MAX);
    }
    if (json->as.list.count == 0 || items[0].kind != PBASE_STRING) {
        pbase_error_hint(err, "write {\"lit\": [...]} for a list as a value");
        return PBASE_FAIL(err, PBASE_INVALID, "an expression list begins with its operator");
    }
    pbase_bytes name = items[0].as.string;
    const expr_function *function = function_find(name, NULL);
    if (function == NULL) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_INVALID, "unknown operator '%.*s'",
                       (int)(name.size > 64 ? 64 : name.size), (const char *)name.data);
        (void)function_find(name, err); /* for the hint */
        return status;
    }
    size_t count = json->as.list.count - 1;
    const expr **args = pbase_arena_array(arena, count, sizeof *args);
    if (args == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an expression");
    }
    for (size_t i = 0; i < count; i++) {
        pbase_status status = from_value(&items[i + 1], depth + 1, arena, &args[i], err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    return expr_call(arena, function, args, count, out, err);
}

pbase_status expr_from_value(const pbase_value *json, pbase_arena *arena, const expr **out,
                             pbase_error *err)
{
    return from_value(json, 1, arena, out, err);
}

/* {key: value} */
static pbase_status map_of(pbase_arena *arena, const char *key, pbase_value value, pbase_value *out,
                           pbase_error *err)
{
    pbase_field *field = pbase_arena_alloc(arena, sizeof *field);
    if (field == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    field->name = pbase_bytes_text(key);
    field->value = value;
    *out = pbase_value_map(field, 1);
    return PBASE_OK;
}

static pbase_status field_to(const expr *self, pbase_arena *arena, pbase_value *out,
                             pbase_error *err)
{
    pbase_buffer text;
    pbase_buffer_init(&text, arena->alloc);
    pbase_bytes copy = pbase_bytes_of(NULL, 0);
    pbase_status status = path_format(&self->path, &text, err);
    if (status == PBASE_OK) {
        status = pbase_arena_copy(arena, pbase_buffer_view(&text), &copy, err);
    }
    pbase_buffer_fini(&text);
    return status == PBASE_OK ? map_of(arena, "f", pbase_value_string(copy), out, err) : status;
}

static pbase_status call_to(const expr *self, pbase_arena *arena, pbase_value *out,
                            pbase_error *err)
{
    pbase_value *items = pbase_arena_array(arena, self->arg_count + 1, sizeof *items);
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    items[0] = pbase_value_text(self->function->name);
    for (size_t i = 0; i < self->arg_count; i++) {
        pbase_status status = expr_to_value(self->args[i], arena, &items[i + 1], err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    *out = pbase_value_list(items, self->arg_count + 1);
    return PBASE_OK;
}

pbase_status expr_to_value(const expr *self, pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    switch (self->kind) {
    case EXPR_LITERAL:
        if (self->literal.kind > PBASE_STRING) {
            return map_of(arena, "lit", self->literal, out, err);
        }
        *out = self->literal;
        return PBASE_OK;
    case EXPR_FIELD:
        return field_to(self, arena, out, err);
    case EXPR_PARAMETER:
        return map_of(arena, "param", pbase_value_string(self->parameter), out, err);
    case EXPR_CALL:
        break;
    }
    return call_to(self, arena, out, err);
}
