/* query.c - making queries, and their parameters. */
#include "query/query.h"
#include "base/nearest.h"
#include "query/text.h"
#include <stdio.h>

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a query");
}

void query_ref(pbase_query *self)
{
    atomic_fetch_add_explicit(&self->counts, 1, memory_order_relaxed);
}

void query_unref(pbase_query *self)
{
    if (self == NULL || atomic_fetch_sub_explicit(&self->counts, 1, memory_order_acq_rel) > 1) {
        return;
    }
    const pbase_alloc *alloc = self->alloc;
    for (size_t i = 0; i < self->parameter_count; i++) {
        pbase_arena_fini(&self->parameters[i].arena);
    }
    pbase_arena_fini(&self->arena);
    pbase_alloc_free(alloc, self, sizeof *self);
}

void pbase_query_destroy(pbase_query *query)
{
    query_unref(query);
}

static pbase_status query_create(const pbase_alloc *alloc, pbase_query **out, pbase_error *err)
{
    alloc = alloc == NULL ? pbase_alloc_default() : alloc;
    pbase_query *self = pbase_alloc_zeroed(alloc, 1, sizeof *self);
    if (self == NULL) {
        return no_memory(err);
    }
    self->alloc = alloc;
    atomic_init(&self->counts, 1);
    pbase_arena_init(&self->arena, alloc);
    *out = self;
    return PBASE_OK;
}

/* --- parameters -------------------------------------------------------------------------------- */

static query_parameter *find(const pbase_query *self, pbase_bytes name)
{
    for (size_t i = 0; i < self->parameter_count; i++) {
        if (pbase_bytes_equal(name, pbase_bytes_text(self->parameters[i].name))) {
            return &self->parameters[i];
        }
    }
    return NULL;
}

static pbase_status add_parameter(pbase_query *self, pbase_bytes name, pbase_error *err)
{
    if (self->parameter_count == self->parameter_capacity) {
        size_t capacity = self->parameter_capacity == 0 ? 8 : self->parameter_capacity * 2;
        query_parameter *grown = pbase_arena_array(&self->arena, capacity, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        if (self->parameter_count > 0) {
            memcpy(grown, self->parameters, self->parameter_count * sizeof *grown);
        }
        self->parameters = grown;
        self->parameter_capacity = capacity;
    }
    char *text = pbase_arena_text(&self->arena, name);
    if (text == NULL) {
        return no_memory(err);
    }
    query_parameter *added = &self->parameters[self->parameter_count++];
    memset(added, 0, sizeof *added);
    added->name = text;
    pbase_arena_init(&added->arena, self->alloc);
    return PBASE_OK;
}

#define PARAMETERS_MAX 1024u

static pbase_status note_parameter(void *state, const expr *node, pbase_error *err)
{
    pbase_query *self = state;
    if (node->kind != EXPR_PARAMETER || find(self, node->parameter) != NULL) {
        return PBASE_OK;
    }
    if (self->parameter_count == PARAMETERS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "more than %u parameters", PARAMETERS_MAX);
    }
    if (memchr(node->parameter.data, 0, node->parameter.size) != NULL) {
        return PBASE_FAIL(err, PBASE_INVALID, "a zero byte in the name of a parameter");
    }
    return add_parameter(self, node->parameter, err);
}

static pbase_status walk_expr(void *state, const expr *before, const expr **after, pbase_error *err)
{
    *after = before;
    return expr_walk(before, note_parameter, state, err);
}

size_t pbase_query_parameter_count(const pbase_query *query)
{
    return query->parameter_count;
}

const char *pbase_query_parameter_name(const pbase_query *query, size_t index)
{
    return index < query->parameter_count ? query->parameters[index].name : NULL;
}

static pbase_status fail_unknown(const pbase_query *self, const char *name, pbase_error *err)
{
    nearest near;
    nearest_init(&near, pbase_bytes_text(name));
    for (size_t i = 0; i < self->parameter_count; i++) {
        nearest_offer(&near, pbase_bytes_text(self->parameters[i].name));
    }
    pbase_status status =
        PBASE_FAIL(err, PBASE_NOT_FOUND, "the query has no parameter $%.64s", name);
    nearest_hint(&near, err);
    return status;
}

pbase_status pbase_query_bind(pbase_query *query, const char *name, const pbase_value *value,
                              pbase_error *err)
{
    query_parameter *parameter = find(query, pbase_bytes_text(name));
    if (parameter == NULL) {
        return fail_unknown(query, name, err);
    }
    pbase_status status = pbase_value_check(value, err);
    pbase_arena arena;
    pbase_value copy;
    pbase_arena_init(&arena, query->alloc);
    if (status == PBASE_OK) {
        status = pbase_value_copy(value, &arena, &copy, err);
    }
    if (status == PBASE_OK) {
        pbase_arena before = parameter->arena;
        parameter->arena = arena;
        parameter->value = copy;
        parameter->is_bound = true;
        arena = before;
    } else {
        pbase_error_note(err, "parameter $%.64s", name);
    }
    pbase_arena_fini(&arena);
    return status;
}

typedef struct {
    const pbase_value *values;
    bool must_have;
    pbase_arena *arena;
} resolving;

static pbase_status resolve_expr(void *state, const expr *before, const expr **after,
                                 pbase_error *err)
{
    const resolving *r = state;
    return expr_substitute(before, r->values, r->must_have, r->arena, after, err);
}

/* Copies values given for one run behind one another; each must be of a parameter. */
static pbase_status copy_given(const pbase_query *self, const pbase_value *given,
                               pbase_arena *arena, pbase_field *fields, size_t *count,
                               pbase_error *err)
{
    if (given->kind != PBASE_MAP) {
        return PBASE_FAIL(err, PBASE_INVALID, "parameters are a map by name, not a %s",
                          pbase_value_type_name(given));
    }
    pbase_status status = pbase_value_check(given, err);
    for (size_t i = 0; i < given->as.map.count && status == PBASE_OK; i++) {
        const pbase_field *field = &given->as.map.fields[i];
        const query_parameter *known = find(self, field->name);
        if (known == NULL) {
            char name[PBASE_NAME_BYTES_MAX];
            (void)snprintf(name, sizeof name, "%.*s",
                           (int)(field->name.size > 64 ? 64 : field->name.size),
                           (const char *)field->name.data); /* cut */
            return fail_unknown(self, name, err);
        }
        fields[*count].name = pbase_bytes_text(known->name);
        status = pbase_value_copy(&field->value, arena, &fields[(*count)++].value, err);
    }
    return status;
}

pbase_status query_resolve(const pbase_query *self, const pbase_value *given, bool must_have,
                           pbase_arena *arena, plan *out, pbase_error *err)
{
    size_t count = 0;
    size_t most = self->parameter_count +
                  (given != NULL && given->kind == PBASE_MAP ? given->as.map.count : 0);
    pbase_field *fields = pbase_arena_array(arena, most, sizeof *fields);
    pbase_status status = fields == NULL ? no_memory(err) : PBASE_OK;
    if (status == PBASE_OK && given != NULL) {
        status = copy_given(self, given, arena, fields, &count, err);
    }
    for (size_t i = 0; i < self->parameter_count && status == PBASE_OK; i++) {
        const query_parameter *parameter = &self->parameters[i];
        if (parameter->is_bound) { /* the first of a name is the one that counts */
            fields[count].name = pbase_bytes_text(parameter->name);
            status = pbase_value_copy(&parameter->value, arena, &fields[count++].value, err);
        }
    }
    const pbase_value values = pbase_value_map(fields, count);
    resolving r = {&values, must_have, arena};
    return status == PBASE_OK ? plan_map(&self->plan, resolve_expr, &r, arena, out, err) : status;
}

/* --- making ------------------------------------------------------------------------------------ */

/* Takes the plan as made: notes its parameters, keeps its JSON form. */
static pbase_status query_complete(pbase_query *self, pbase_error *err)
{
    plan same;
    pbase_status status = plan_map(&self->plan, walk_expr, self, &self->arena, &same, err);
    return status == PBASE_OK ? plan_to_value(&self->plan, &self->arena, &self->json, err) : status;
}

pbase_status pbase_query_parse(const pbase_alloc *alloc, pbase_bytes text, pbase_query **out,
                               pbase_error *err)
{
    pbase_query *self = NULL;
    pbase_bytes kept = pbase_bytes_of(NULL, 0);
    pbase_status status = query_create(alloc, &self, err);
    if (status == PBASE_OK && text.size <= PBASE_QUERY_TEXT_BYTES_MAX) {
        status = pbase_arena_copy(&self->arena, text, &kept, err);
        text = kept;
    }
    if (status == PBASE_OK) {
        status = plan_parse(text, &self->arena, &self->plan, err); /* refuses what is too long */
    }
    if (status == PBASE_OK) {
        status = query_complete(self, err);
    }
    if (status == PBASE_OK) {
        *out = self;
    } else {
        query_unref(self);
    }
    return status;
}

pbase_status pbase_query_from_plan(const pbase_alloc *alloc, const pbase_value *json,
                                   pbase_query **out, pbase_error *err)
{
    pbase_query *self = NULL;
    pbase_value kept;
    pbase_status status = pbase_value_check(json, err);
    if (status == PBASE_OK) {
        status = query_create(alloc, &self, err);
    }
    if (status == PBASE_OK) {
        status = pbase_value_copy(json, &self->arena, &kept, err);
    }
    if (status == PBASE_OK) {
        status = plan_from_value(&kept, &self->arena, &self->plan, err);
    }
    if (status == PBASE_OK) {
        status = query_complete(self, err);
    }
    if (status == PBASE_OK) {
        *out = self;
    } else {
        query_unref(self);
    }
    return status;
}

const pbase_value *pbase_query_plan(const pbase_query *query)
{
    return &query->json;
}
