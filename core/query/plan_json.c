/* plan_json.c - the plan from its JSON form: every key is known or refused. */
#include "base/nearest.h"
#include "query/plan.h"

typedef struct {
    pbase_arena *arena;
    pbase_error *err;
    uint32_t position;
    uint32_t depth; /* of plans inside plans */
} reader;

/* The value of `key` in a step; NULL when it is not there. */
static const pbase_value *get(const pbase_value *step, const char *key)
{
    return pbase_value_field(step, pbase_bytes_text(key));
}

static pbase_status no_memory(const reader *r)
{
    return PBASE_FAIL(r->err, PBASE_NO_MEMORY, "no memory for a plan");
}

/* Refuses a key that is not among `known` (NULL-ended), given twice, and one of `needed` first ones
 * that is missing. */
static pbase_status check_keys(const reader *r, const pbase_value *step, const char *const *known,
                               size_t needed)
{
    for (size_t i = 0; i < step->as.map.count; i++) {
        pbase_bytes key = step->as.map.fields[i].name;
        nearest near;
        nearest_init(&near, key);
        size_t at = 0;
        for (; known[at] != NULL && !pbase_bytes_equal(key, pbase_bytes_text(known[at])); at++) {
            nearest_offer(&near, pbase_bytes_text(known[at]));
        }
        if (known[at] == NULL) {
            pbase_status status =
                PBASE_FAIL(r->err, PBASE_INVALID, "unknown key '%.*s'",
                           (int)(key.size > 64 ? 64 : key.size), (const char *)key.data);
            nearest_hint(&near, r->err);
            return status;
        }
        if (get(step, known[at]) != &step->as.map.fields[i].value) {
            return PBASE_FAIL(r->err, PBASE_INVALID, "the key '%s' is given twice", known[at]);
        }
    }
    for (size_t i = 0; i < needed; i++) {
        if (get(step, known[i]) == NULL) {
            return PBASE_FAIL(r->err, PBASE_INVALID, "the key '%s' is missing", known[i]);
        }
    }
    return PBASE_OK;
}

static pbase_status read_text(const reader *r, const pbase_value *value, const char *what,
                              pbase_bytes *out)
{
    if (value->kind != PBASE_STRING) {
        return PBASE_FAIL(r->err, PBASE_INVALID, "%s is a string, not a %s", what,
                          pbase_value_type_name(value));
    }
    *out = value->as.string;
    return PBASE_OK;
}

/* As read_text, of an optional key; given, it must say something. */
static pbase_status read_name(const reader *r, const pbase_value *step, const char *key,
                              pbase_bytes *out)
{
    const pbase_value *value = get(step, key);
    if (value == NULL) {
        return PBASE_OK;
    }
    pbase_status status = read_text(r, value, key, out);
    if (status == PBASE_OK && out->size == 0) {
        status = PBASE_FAIL(r->err, PBASE_INVALID, "'%s' is empty", key);
    }
    return status;
}

static pbase_status read_expr(const reader *r, const pbase_value *json, const expr **out)
{
    return expr_from_value(json, r->arena, out, r->err);
}

/* A list of at most PLAN_COLUMNS_MAX items at `key`, and room for what is made of them. */
static pbase_status read_list(const reader *r, const pbase_value *step, const char *key,
                              size_t item_size, const pbase_value **out_list, void **out_items)
{
    const pbase_value *list = get(step, key);
    if (list->kind != PBASE_LIST) {
        return PBASE_FAIL(r->err, PBASE_INVALID, "'%s' is a list, not a %s", key,
                          pbase_value_type_name(list));
    }
    if (list->as.list.count > PLAN_COLUMNS_MAX) {
        return PBASE_FAIL(r->err, PBASE_LIMIT, "'%s' has %zu items; the limit is %u", key,
                          list->as.list.count, PLAN_COLUMNS_MAX);
    }
    *out_items = pbase_arena_array(r->arena, list->as.list.count, item_size);
    *out_list = list;
    return *out_items == NULL ? no_memory(r) : PBASE_OK;
}

static bool is_list_of(const pbase_value *value, size_t least, size_t most)
{
    return value->kind == PBASE_LIST && value->as.list.count >= least &&
           value->as.list.count <= most;
}

static pbase_status read_columns(const reader *r, const pbase_value *json, const char *key,
                                 plan_step *step)
{
    const pbase_value *list = NULL;
    void *items = NULL;
    pbase_status status = read_list(r, json, key, sizeof(plan_column), &list, &items);
    plan_column *columns = items;
    for (size_t i = 0; status == PBASE_OK && i < list->as.list.count; i++) {
        const pbase_value *pair = &list->as.list.items[i];
        if (!is_list_of(pair, 2, 2)) {
            return PBASE_FAIL(r->err, PBASE_INVALID, "'%s' item %zu is not [name, expression]", key,
                              i + 1);
        }
        status = read_text(r, &pair->as.list.items[0], "a column's name", &columns[i].name);
        if (status == PBASE_OK) {
            status = read_expr(r, &pair->as.list.items[1], &columns[i].value);
        }
    }
    if (status == PBASE_OK) {
        step->columns = columns;
        step->column_count = list->as.list.count;
    }
    return status;
}

static bool is_text(const pbase_value *value, const char *text)
{
    return value->kind == PBASE_STRING &&
           pbase_bytes_equal(value->as.string, pbase_bytes_text(text));
}

/* [expression, "asc" | "desc", "first" | "last"], the last two optional. */
static pbase_status read_key(const reader *r, const pbase_value *json, plan_key *out)
{
    if (!is_list_of(json, 1, 3)) {
        return PBASE_FAIL(r->err, PBASE_INVALID,
                          "a key is [expression, \"asc\" or \"desc\", \"first\" or \"last\"]");
    }
    const pbase_value *items = json->as.list.items;
    out->is_descending = json->as.list.count > 1 && is_text(&items[1], "desc");
    if (json->as.list.count > 1 && !out->is_descending && !is_text(&items[1], "asc")) {
        return PBASE_FAIL(r->err, PBASE_INVALID, "a key's direction is \"asc\" or \"desc\"");
    }
    out->nulls_first = !out->is_descending;
    if (json->as.list.count > 2) {
        out->nulls_first = is_text(&items[2], "first");
        if (!out->nulls_first && !is_text(&items[2], "last")) {
            return PBASE_FAIL(r->err, PBASE_INVALID, "a key's nulls go \"first\" or \"last\"");
        }
    }
    return read_expr(r, &items[0], &out->value);
}

static pbase_status read_order(const reader *r, const pbase_value *json, plan_step *step)
{
    const pbase_value *list = NULL;
    void *items = NULL;
    pbase_status status = read_list(r, json, "keys", sizeof(plan_key), &list, &items);
    plan_key *keys = items;
    for (size_t i = 0; status == PBASE_OK && i < list->as.list.count; i++) {
        status = read_key(r, &list->as.list.items[i], &keys[i]);
    }
    if (status == PBASE_OK) {
        step->keys = keys;
        step->key_count = list->as.list.count;
    }
    return status;
}

/* {"distinct": bool, "filter": expression} */
static pbase_status read_aggregate_options(const reader *r, const pbase_value *json,
                                           plan_aggregate *out)
{
    static const char *const known[] = {"distinct", "filter", NULL};
    if (json->kind != PBASE_MAP) {
        return PBASE_FAIL(r->err, PBASE_INVALID, "an aggregate's options are a map, not a %s",
                          pbase_value_type_name(json));
    }
    pbase_status status = check_keys(r, json, known, 0);
    const pbase_value *distinct = get(json, "distinct"), *filter = get(json, "filter");
    if (status == PBASE_OK && distinct != NULL) {
        if (distinct->kind != PBASE_BOOL) {
            return PBASE_FAIL(r->err, PBASE_INVALID, "'distinct' is true or false");
        }
        out->is_distinct = distinct->as.boolean;
    }
    return status == PBASE_OK && filter != NULL ? read_expr(r, filter, &out->filter) : status;
}

/* [name, function, expression or null, options] */
static pbase_status read_aggregate(const reader *r, const pbase_value *json, plan_aggregate *out)
{
    if (!is_list_of(json, 2, 4)) {
        return PBASE_FAIL(r->err, PBASE_INVALID,
                          "an aggregate is [name, function, expression or null, options]");
    }
    const pbase_value *items = json->as.list.items;
    pbase_bytes function = pbase_bytes_of(NULL, 0);
    memset(out, 0, sizeof *out);
    pbase_status status = read_text(r, &items[0], "an aggregate's name", &out->name);
    if (status == PBASE_OK) {
        status = read_text(r, &items[1], "an aggregate's function", &function);
    }
    if (status == PBASE_OK && !aggregate_find(function, &out->function, NULL)) {
        status =
            PBASE_FAIL(r->err, PBASE_INVALID, "there is no aggregate '%.*s'",
                       (int)(function.size > 64 ? 64 : function.size), (const char *)function.data);
        (void)aggregate_find(function, &out->function, r->err); /* for the hint */
    }
    if (status == PBASE_OK && json->as.list.count > 2 && items[2].kind != PBASE_NULL) {
        status = read_expr(r, &items[2], &out->argument);
    }
    return status == PBASE_OK && json->as.list.count > 3 ? read_aggregate_options(r, &items[3], out)
                                                         : status;
}

static pbase_status read_group(const reader *r, const pbase_value *json, plan_step *step)
{
    const pbase_value *list = NULL;
    void *items = NULL;
    pbase_status status = read_columns(r, json, "keys", step);
    if (status == PBASE_OK) {
        status = read_list(r, json, "aggs", sizeof(plan_aggregate), &list, &items);
    }
    plan_aggregate *aggregates = items;
    for (size_t i = 0; status == PBASE_OK && i < list->as.list.count; i++) {
        status = read_aggregate(r, &list->as.list.items[i], &aggregates[i]);
    }
    if (status == PBASE_OK) {
        step->aggregates = aggregates;
        step->aggregate_count = list->as.list.count;
    }
    return status;
}

static pbase_status read_number(const reader *r, const pbase_value *json, plan_step *step)
{
    const pbase_value *n = get(json, "n");
    if (n->kind != PBASE_INT || n->as.integer < 0) {
        return PBASE_FAIL(r->err, PBASE_INVALID, "'n' is a whole number of rows, 0 or more");
    }
    step->n = (uint64_t)n->as.integer;
    return PBASE_OK;
}

static pbase_status read_from(const reader *r, const pbase_value *json, plan_step *step)
{
    pbase_status status = read_name(r, json, "source", &step->source);
    if (status == PBASE_OK) {
        status = read_name(r, json, "as", &step->alias);
    }
    return status == PBASE_OK ? read_name(r, json, "key", &step->key_name) : status;
}

/* --- steps with a second input ------------------------------------------------------------------ */

static pbase_status read_plan(const reader *outer, const pbase_value *json, plan *out);

static pbase_status read_second(const reader *r, const pbase_value *json, plan_step *step)
{
    plan *with = pbase_arena_alloc(r->arena, sizeof *with);
    if (with == NULL) {
        return no_memory(r);
    }
    pbase_status status = read_plan(r, get(json, "with"), with);
    if (status != PBASE_OK) {
        pbase_error_note(r->err, "with");
    }
    step->with = with;
    return status;
}

/* As read_name, of a key that may also be null. */
static pbase_status read_alias(const reader *r, const pbase_value *json, const char *key,
                               pbase_bytes *out)
{
    const pbase_value *value = get(json, key);
    return value == NULL || value->kind == PBASE_NULL ? PBASE_OK : read_name(r, json, key, out);
}

static pbase_status read_join(const reader *r, const pbase_value *json, plan_step *step)
{
    pbase_bytes kind = pbase_bytes_of(NULL, 0);
    const pbase_value *on = get(json, "on");
    pbase_status status = read_text(r, get(json, "kind"), "kind", &kind);
    if (status == PBASE_OK && !join_kind_find(kind, &step->kind, NULL)) {
        status = PBASE_FAIL(r->err, PBASE_INVALID, "there is no kind of join '%.*s'",
                            (int)(kind.size > 64 ? 64 : kind.size), (const char *)kind.data);
        (void)join_kind_find(kind, &step->kind, r->err); /* for the hint */
    }
    if (status == PBASE_OK) {
        status = read_name(r, json, "right", &step->alias);
    }
    if (status == PBASE_OK) {
        status = read_alias(r, json, "left", &step->left_alias);
    }
    if (status == PBASE_OK && on != NULL && on->kind != PBASE_NULL) {
        status = read_expr(r, on, &step->condition);
    }
    return status == PBASE_OK ? read_second(r, json, step) : status;
}

/* --- steps over lists and relations ------------------------------------------------------------- */

static pbase_status read_path(const reader *r, const pbase_value *json, const char *key,
                              const expr **out)
{
    pbase_bytes text = pbase_bytes_of(NULL, 0);
    pbase_path path = {NULL, 0};
    pbase_status status = read_text(r, get(json, key), key, &text);
    if (status == PBASE_OK) {
        status = path_parse(text, r->arena, &path, r->err);
    }
    return status == PBASE_OK ? expr_field(r->arena, path, out, r->err) : status;
}

/* An optional true or false. */
static pbase_status read_flag(const reader *r, const pbase_value *json, const char *key, bool *out)
{
    const pbase_value *value = get(json, key);
    if (value == NULL) {
        return PBASE_OK;
    }
    *out = value->kind == PBASE_BOOL && value->as.boolean;
    return value->kind == PBASE_BOOL
               ? PBASE_OK
               : PBASE_FAIL(r->err, PBASE_INVALID, "'%s' is true or false", key);
}

static pbase_status read_unnest(const reader *r, const pbase_value *json, plan_step *step)
{
    plan_column *column = pbase_arena_alloc(r->arena, sizeof *column);
    if (column == NULL) {
        return no_memory(r);
    }
    memset(column, 0, sizeof *column);
    pbase_status status = read_path(r, json, "path", &column->value);
    if (status == PBASE_OK) {
        status = read_name(r, json, "as", &column->name);
    }
    step->columns = column;
    step->column_count = 1;
    return status == PBASE_OK ? read_flag(r, json, "outer", &step->is_outer) : status;
}

/* One of two words at an optional key: true for the first. */
static pbase_status read_choice(const reader *r, const pbase_value *json, const char *key,
                                const char *first, const char *second, bool *out)
{
    const pbase_value *value = get(json, key);
    if (value == NULL) {
        return PBASE_OK;
    }
    *out = is_text(value, first);
    return *out || is_text(value, second)
               ? PBASE_OK
               : PBASE_FAIL(r->err, PBASE_INVALID, "'%s' is \"%s\" or \"%s\"", key, first, second);
}

static pbase_status read_depth(const reader *r, const pbase_value *json, uint64_t *out)
{
    const pbase_value *depth = get(json, "max_depth");
    *out = PLAN_NO_LIMIT;
    if (depth == NULL || depth->kind == PBASE_NULL) {
        return PBASE_OK;
    }
    if (depth->kind != PBASE_INT || depth->as.integer < 0) {
        return PBASE_FAIL(r->err, PBASE_INVALID,
                          "'max_depth' is a whole number, 0 or more, or null");
    }
    *out = (uint64_t)depth->as.integer;
    return PBASE_OK;
}

static pbase_status read_traverse(const reader *r, const pbase_value *json, plan_step *step)
{
    plan_relation *relation = pbase_arena_alloc(r->arena, sizeof *relation);
    if (relation == NULL) {
        return no_memory(r);
    }
    memset(relation, 0, sizeof *relation);
    pbase_status status = read_name(r, json, "source", &step->source);
    if (status == PBASE_OK) {
        status = read_path(r, json, "key", &relation->key);
    }
    if (status == PBASE_OK) {
        status = read_path(r, json, "ref", &relation->ref);
    }
    if (status == PBASE_OK) {
        status = read_choice(r, json, "direction", "up", "down", &relation->is_up);
    }
    if (status == PBASE_OK) {
        status = read_choice(r, json, "order", "dfs", "bfs", &relation->is_depth_first);
    }
    if (status == PBASE_OK) {
        status = read_flag(r, json, "include_start", &relation->has_start);
    }
    step->relation = relation;
    return status == PBASE_OK ? read_depth(r, json, &relation->depth_max) : status;
}

static pbase_status read_step(const reader *r, const pbase_value *json, plan_step *step)
{
    static const struct {
        const char *keys[10];
        size_t needed; /* how many of them must be there */
    } known[] = {
        [PLAN_FROM] = {{"op", "source", "as", "key"}, 2},
        [PLAN_WHERE] = {{"op", "expr"}, 2},
        [PLAN_SELECT] = {{"op", "cols"}, 2},
        [PLAN_EXTEND] = {{"op", "cols"}, 2},
        [PLAN_ORDER] = {{"op", "keys"}, 2},
        [PLAN_LIMIT] = {{"op", "n"}, 2},
        [PLAN_OFFSET] = {{"op", "n"}, 2},
        [PLAN_COUNT] = {{"op"}, 1},
        [PLAN_GROUP] = {{"op", "keys", "aggs"}, 3},
        [PLAN_DISTINCT] = {{"op"}, 1},
        [PLAN_JOIN] = {{"op", "kind", "with", "right", "on", "left"}, 4},
        [PLAN_UNION] = {{"op", "with"}, 2},
        [PLAN_UNION_ALL] = {{"op", "with"}, 2},
        [PLAN_INTERSECT] = {{"op", "with"}, 2},
        [PLAN_EXCEPT] = {{"op", "with"}, 2},
        [PLAN_UNNEST] = {{"op", "path", "as", "outer"}, 3},
        [PLAN_TRAVERSE] = {{"op", "source", "key", "ref", "direction", "max_depth", "include_start",
                            "order"},
                           5},
    };
    pbase_status status = check_keys(r, json, known[step->op].keys, known[step->op].needed);
    if (status != PBASE_OK) {
        return status;
    }
    switch (step->op) {
    case PLAN_FROM:
        return read_from(r, json, step);
    case PLAN_WHERE:
        return read_expr(r, get(json, "expr"), &step->condition);
    case PLAN_SELECT:
    case PLAN_EXTEND:
        return read_columns(r, json, "cols", step);
    case PLAN_ORDER:
        return read_order(r, json, step);
    case PLAN_LIMIT:
    case PLAN_OFFSET:
        return read_number(r, json, step);
    case PLAN_GROUP:
        return read_group(r, json, step);
    case PLAN_JOIN:
        return read_join(r, json, step);
    case PLAN_UNION:
    case PLAN_UNION_ALL:
    case PLAN_INTERSECT:
    case PLAN_EXCEPT:
        return read_second(r, json, step);
    case PLAN_UNNEST:
        return read_unnest(r, json, step);
    case PLAN_TRAVERSE:
        return read_traverse(r, json, step);
    case PLAN_COUNT:
    case PLAN_DISTINCT:
        break;
    }
    return PBASE_OK;
}

/* The step's name first: what else it may say hangs on it. */
static pbase_status read_op(const reader *r, const pbase_value *json, plan_step *step)
{
    memset(step, 0, sizeof *step);
    step->position = r->position;
    step->top = PLAN_NO_LIMIT;
    const pbase_value *op = json->kind == PBASE_MAP ? get(json, "op") : NULL;
    if (op == NULL || op->kind != PBASE_STRING) {
        return PBASE_FAIL(r->err, PBASE_INVALID, "step %u: a step is a map with its name as \"op\"",
                          r->position);
    }
    return plan_op_find(op->as.string, r->position, &step->op, r->err);
}

static void note_step(const plan_step *step, pbase_error *err)
{
    pbase_error_note(err, "step %u (%s)", step->position, plan_op_name(step->op));
}

static pbase_status read_steps(reader *r, const pbase_value *json, plan_step *steps)
{
    for (size_t i = 0; i < json->as.list.count; i++) {
        r->position = (uint32_t)i + 1;
        pbase_status status = read_op(r, &json->as.list.items[i], &steps[i]);
        if (status != PBASE_OK) {
            return status;
        }
        status = read_step(r, &json->as.list.items[i], &steps[i]);
        if (status != PBASE_OK) {
            note_step(&steps[i], r->err);
            return status;
        }
    }
    return PBASE_OK;
}

static pbase_status read_plan(const reader *outer, const pbase_value *json, plan *out)
{
    reader r = {outer->arena, outer->err, 0, outer->depth + 1};
    if (json->kind != PBASE_LIST) {
        return PBASE_FAIL(r.err, PBASE_INVALID, "a plan is a list of steps, not a %s",
                          pbase_value_type_name(json));
    }
    if (json->as.list.count > PLAN_STEPS_MAX) {
        return PBASE_FAIL(r.err, PBASE_LIMIT, "%zu steps; the limit is %u", json->as.list.count,
                          PLAN_STEPS_MAX);
    }
    if (r.depth > PLAN_DEPTH_MAX) {
        return PBASE_FAIL(r.err, PBASE_LIMIT, "plans inside plans deeper than %u", PLAN_DEPTH_MAX);
    }
    plan_step *steps = pbase_arena_array(r.arena, json->as.list.count, sizeof *steps);
    if (steps == NULL) {
        return no_memory(&r);
    }
    plan made = {steps, json->as.list.count};
    size_t wrong = 0;
    pbase_status status = read_steps(&r, json, steps);
    if (status == PBASE_OK) {
        status = plan_check(&made, &wrong, r.err);
        if (status != PBASE_OK && made.count > 0) {
            note_step(&steps[wrong], r.err);
        }
    }
    if (status == PBASE_OK) {
        *out = made;
    }
    return status;
}

pbase_status plan_from_value(const pbase_value *json, pbase_arena *arena, plan *out,
                             pbase_error *err)
{
    const reader outside = {arena, err, 0, 0};
    return read_plan(&outside, json, out);
}
