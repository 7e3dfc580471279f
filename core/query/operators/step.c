/* step.c - steps are checked by the plan, and again here: an operator trusts no step. */
#include "query/operators/step.h"

static pbase_status check_kind(const pbase_value *value, const char *what, uint8_t kind,
                               pbase_error *err)
{
    pbase_value wanted = pbase_value_null();
    wanted.kind = kind;
    return value->kind == kind || kind == STEP_ANY_KIND
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_INVALID, "%s is a %s, not a %s", what,
                            pbase_value_type_name(value), pbase_value_type_name(&wanted));
}

pbase_status step_get(const pbase_value *step, const char *key, uint8_t kind,
                      const pbase_value **out, pbase_error *err)
{
    const pbase_value *found = pbase_value_field(step, pbase_bytes_text(key));
    if (found == NULL) {
        return PBASE_FAIL(err, PBASE_INVALID, "the key '%s' is missing", key);
    }
    *out = found;
    return check_kind(found, key, kind, err);
}

pbase_status step_item(const pbase_value *list, size_t index, uint8_t kind, const pbase_value **out,
                       pbase_error *err)
{
    if (list->kind != PBASE_LIST || index >= list->as.list.count) {
        return PBASE_FAIL(err, PBASE_INVALID, "item %zu of a list is missing", index + 1);
    }
    *out = &list->as.list.items[index];
    return check_kind(*out, "an item", kind, err);
}

pbase_status step_name(const pbase_value *step, const char *key, pbase_bytes *out, pbase_error *err)
{
    const pbase_value *found = pbase_value_field(step, pbase_bytes_text(key));
    *out = pbase_bytes_of(NULL, 0);
    if (found == NULL) {
        return PBASE_OK;
    }
    pbase_status status = check_kind(found, key, PBASE_STRING, err);
    if (status == PBASE_OK) {
        *out = found->as.string;
    }
    return status;
}

pbase_status step_rows(const pbase_value *step, uint64_t *out, pbase_error *err)
{
    const pbase_value *n = NULL;
    pbase_status status = step_get(step, "n", PBASE_INT, &n, err);
    if (status == PBASE_OK && n->as.integer < 0) {
        status = PBASE_FAIL(err, PBASE_INVALID, "'n' is a number of rows, 0 or more");
    }
    if (status == PBASE_OK) {
        *out = (uint64_t)n->as.integer;
    }
    return status;
}

pbase_status step_alloc(pbase_binder *binder, size_t count, size_t size, void **out,
                        pbase_error *err)
{
    *out = pbase_arena_array(binder->arena, count, size);
    if (*out == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    memset(*out, 0, count * size);
    return PBASE_OK;
}

static pbase_status read_column(const pbase_value *pair, pbase_binder *binder, pbase_column *column,
                                const pbase_expression **expression, pbase_error *err)
{
    const pbase_value *name = NULL, *value = NULL;
    pbase_status status = step_item(pair, 0, PBASE_STRING, &name, err);
    if (status == PBASE_OK) {
        status = step_item(pair, 1, STEP_ANY_KIND, &value, err);
    }
    if (status == PBASE_OK && name->as.string.size == 0) {
        status = PBASE_FAIL(err, PBASE_INVALID, "a column has no name");
    }
    if (status == PBASE_OK) {
        column->name = name->as.string;
        status = binder->services->compile(binder, value, expression, err);
        if (status != PBASE_OK) {
            pbase_error_note(err, "column '%.*s'", (int)column->name.size,
                             (const char *)column->name.data);
        }
    }
    return status;
}

pbase_status step_columns(const pbase_value *list, pbase_binder *binder, pbase_column **out_columns,
                          const pbase_expression ***out_expressions, pbase_error *err)
{
    size_t count = list->as.list.count;
    void *columns = NULL, *expressions = NULL;
    pbase_status status = step_alloc(binder, count, sizeof(pbase_column), &columns, err);
    if (status == PBASE_OK) {
        status = step_alloc(binder, count, sizeof(pbase_expression *), &expressions, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    *out_columns = columns;
    *out_expressions = expressions;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = read_column(&list->as.list.items[i], binder, &(*out_columns)[i],
                             &(*out_expressions)[i], err);
    }
    return status;
}
