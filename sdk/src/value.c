/* value.c - looking into values, copying them, and refusing what may not be stored.
 *
 * Values form trees; the functions here follow them by recursion that stops at PBASE_DEPTH_MAX, so
 * that nesting made by a stranger cannot exhaust the stack. */
#include "field_order.h"
#include <inttypes.h>

const char *pbase_value_type_name(const pbase_value *value)
{
    static const char *const names[] = {
        [PBASE_NULL] = "null",      [PBASE_BOOL] = "bool",     [PBASE_INT] = "num",
        [PBASE_FLOAT] = "num",      [PBASE_STRING] = "str",    [PBASE_BYTES] = "bytes",
        [PBASE_TIMESTAMP] = "time", [PBASE_LIST] = "list",     [PBASE_MAP] = "map",
        [PBASE_VECTOR] = "vec",     [PBASE_REFERENCE] = "ref", [PBASE_CHILD] = "child",
    };
    return value->kind < sizeof names / sizeof names[0] ? names[value->kind] : "unknown";
}

const pbase_value *pbase_value_field(const pbase_value *map, pbase_bytes name)
{
    if (map->kind != PBASE_MAP) {
        return NULL;
    }
    const pbase_field *fields = map->as.map.fields;
    for (size_t i = 0; i < map->as.map.count; i++) {
        if (pbase_bytes_equal(fields[i].name, name)) {
            return &fields[i].value;
        }
    }
    return NULL;
}

/* ----------------------------------------------------------------------------------- copying --- */

static pbase_status copy_at(const pbase_value *value, unsigned depth, pbase_arena *arena,
                            pbase_value *out, pbase_error *err);

static pbase_status no_memory(size_t count, const char *what, pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a copy of %zu %s", count, what);
}

static pbase_status copy_list(const pbase_value *value, unsigned depth, pbase_arena *arena,
                              pbase_value *out, pbase_error *err)
{
    size_t count = value->as.list.count;
    pbase_value *items = (pbase_value *)pbase_arena_array(arena, count, sizeof *items);
    if (items == NULL) {
        return no_memory(count, "items", err);
    }
    for (size_t i = 0; i < count; i++) {
        pbase_status status = copy_at(&value->as.list.items[i], depth + 1, arena, &items[i], err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    *out = pbase_value_list(items, count);
    return PBASE_OK;
}

static pbase_status copy_map(const pbase_value *value, unsigned depth, pbase_arena *arena,
                             pbase_value *out, pbase_error *err)
{
    size_t count = value->as.map.count;
    pbase_field *fields = (pbase_field *)pbase_arena_array(arena, count, sizeof *fields);
    if (fields == NULL) {
        return no_memory(count, "fields", err);
    }
    for (size_t i = 0; i < count; i++) {
        const pbase_field *from = &value->as.map.fields[i];
        pbase_status status = pbase_arena_copy(arena, from->name, &fields[i].name, err);
        if (status == PBASE_OK) {
            status = copy_at(&from->value, depth + 1, arena, &fields[i].value, err);
        }
        if (status != PBASE_OK) {
            return status;
        }
    }
    *out = pbase_value_map(fields, count);
    out->form = value->form;
    return PBASE_OK;
}

static pbase_status copy_vector(const pbase_value *value, pbase_arena *arena, pbase_value *out,
                                pbase_error *err)
{
    size_t count = value->as.vector.count;
    float *items = (float *)pbase_arena_array(arena, count, sizeof *items);
    if (items == NULL) {
        return no_memory(count, "numbers", err);
    }
    if (count != 0) {
        memcpy(items, value->as.vector.items, count * sizeof *items);
    }
    *out = pbase_value_vector(items, count);
    return PBASE_OK;
}

static pbase_status copy_text(const pbase_value *value, pbase_arena *arena, pbase_value *out,
                              pbase_error *err)
{
    pbase_bytes copy;
    pbase_status status = pbase_arena_copy(arena, value->as.string, &copy, err);
    if (status == PBASE_OK) {
        *out = value->kind == PBASE_STRING ? pbase_value_string(copy) : pbase_value_bytes(copy);
    }
    return status;
}

static pbase_status too_deep(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_LIMIT, "the value nests deeper than %u levels", PBASE_DEPTH_MAX);
}

static pbase_status unknown_kind(const pbase_value *value, pbase_error *err)
{
    if (value->kind == PBASE_HANDLE) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "the handle of a collection is no value by itself: it can be put into a "
                          "collection or a root");
    }
    return PBASE_FAIL(err, PBASE_INVALID, "%u is no kind of value", (unsigned)value->kind);
}

static bool is_container(const pbase_value *value)
{
    return value->kind == PBASE_LIST || value->kind == PBASE_MAP;
}

static pbase_status copy_at(const pbase_value *value, unsigned depth, pbase_arena *arena,
                            pbase_value *out, pbase_error *err)
{
    if (is_container(value) && depth == PBASE_DEPTH_MAX) {
        return too_deep(err);
    }
    switch (value->kind) {
    case PBASE_NULL:
    case PBASE_BOOL:
    case PBASE_INT:
    case PBASE_FLOAT:
    case PBASE_TIMESTAMP:
    case PBASE_REFERENCE:
    case PBASE_CHILD:
        *out = *value;
        return PBASE_OK;
    case PBASE_STRING:
    case PBASE_BYTES:
        return copy_text(value, arena, out, err);
    case PBASE_LIST:
        return copy_list(value, depth, arena, out, err);
    case PBASE_MAP:
        return copy_map(value, depth, arena, out, err);
    case PBASE_VECTOR:
        return copy_vector(value, arena, out, err);
    default:
        return unknown_kind(value, err);
    }
}

pbase_status pbase_value_copy(const pbase_value *value, pbase_arena *arena, pbase_value *out,
                              pbase_error *err)
{
    return copy_at(value, 0, arena, out, err);
}

/* ---------------------------------------------------------------------------------- checking --- */

static pbase_status check_at(const pbase_value *value, unsigned depth, pbase_error *err);

static pbase_status check_count(size_t count, const char *what, pbase_error *err)
{
    if (count > PBASE_ITEMS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu %s; the limit is %u", count, what,
                          PBASE_ITEMS_MAX);
    }
    return PBASE_OK;
}

static pbase_status check_list(const pbase_value *value, unsigned depth, pbase_error *err)
{
    size_t count = value->as.list.count;
    pbase_status status = check_count(count, "items in a list", err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = check_at(&value->as.list.items[i], depth + 1, err);
    }
    return status;
}

static pbase_status check_utf8(pbase_bytes text, const char *what, pbase_error *err)
{
    if (!pbase_utf8_valid(text)) {
        return PBASE_FAIL(err, PBASE_INVALID, "a %s of %zu bytes is not UTF-8", what, text.size);
    }
    return PBASE_OK;
}

static pbase_status check_map(const pbase_value *value, unsigned depth, pbase_error *err)
{
    size_t count = value->as.map.count;
    pbase_status status = check_count(count, "fields in a map", err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        const pbase_field *field = &value->as.map.fields[i];
        status = check_utf8(field->name, "field name", err);
        if (status == PBASE_OK) {
            status = check_at(&field->value, depth + 1, err);
        }
    }
    return status == PBASE_OK ? field_order_check_unique(value, NULL, err) : status;
}

static pbase_status check_child(uint64_t ordinal, pbase_error *err)
{
    if (ordinal >= PBASE_CHILDREN_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "child collection %" PRIu64 "; the limit is %u",
                          ordinal, PBASE_CHILDREN_MAX);
    }
    return PBASE_OK;
}

static pbase_status check_at(const pbase_value *value, unsigned depth, pbase_error *err)
{
    if (is_container(value) && depth == PBASE_DEPTH_MAX) {
        return too_deep(err);
    }
    switch (value->kind) {
    case PBASE_NULL:
    case PBASE_BOOL:
    case PBASE_INT:
    case PBASE_FLOAT:
    case PBASE_BYTES:
    case PBASE_TIMESTAMP:
    case PBASE_REFERENCE:
        return PBASE_OK;
    case PBASE_STRING:
        return check_utf8(value->as.string, "string", err);
    case PBASE_LIST:
        return check_list(value, depth, err);
    case PBASE_MAP:
        return check_map(value, depth, err);
    case PBASE_VECTOR:
        return check_count(value->as.vector.count, "numbers in a vector", err);
    case PBASE_CHILD:
        return check_child(value->as.child, err);
    default:
        return unknown_kind(value, err);
    }
}

pbase_status pbase_value_check(const pbase_value *value, pbase_error *err)
{
    return check_at(value, 0, err);
}
