/* plan_format.c - the plan to its JSON form, and its steps to query text. */
#include "query/plan.h"

/* --- JSON -------------------------------------------------------------------------------------- */

#define STEP_KEYS_MAX 8u

typedef struct {
    pbase_field *fields; /* STEP_KEYS_MAX of them */
    size_t count;
    pbase_arena *arena;
    pbase_error *err;
    pbase_status status; /* of the first failure; later calls do nothing */
} step_writer;

static void put(step_writer *w, const char *key, pbase_value value)
{
    PBASE_ASSERT(w->count < STEP_KEYS_MAX);
    w->fields[w->count].name = pbase_bytes_text(key);
    w->fields[w->count].value = value;
    w->count++;
}

static pbase_value *items_create(step_writer *w, size_t count)
{
    pbase_value *items = pbase_arena_array(w->arena, count, sizeof *items);
    if (items == NULL && w->status == PBASE_OK) {
        w->status = PBASE_FAIL(w->err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    return items;
}

/* Null when there is none, or after a failure. */
static pbase_value value_of(step_writer *w, const expr *self)
{
    pbase_value value = pbase_value_null();
    if (self != NULL && w->status == PBASE_OK) {
        w->status = expr_to_value(self, w->arena, &value, w->err);
    }
    return value;
}

/* The same where a bare null says that there is none: the literal null is written out. */
static pbase_value given_value(step_writer *w, const expr *self)
{
    pbase_value value = value_of(w, self);
    if (self == NULL || value.kind != PBASE_NULL || w->status != PBASE_OK) {
        return value;
    }
    pbase_field *literal = pbase_arena_alloc(w->arena, sizeof *literal);
    if (literal == NULL) {
        w->status = PBASE_FAIL(w->err, PBASE_NO_MEMORY, "no memory for a plan");
        return value;
    }
    literal->name = pbase_bytes_text("lit");
    literal->value = pbase_value_null();
    return pbase_value_map(literal, 1);
}

static void put_columns(step_writer *w, const char *key, const plan_step *step)
{
    pbase_value *pairs = items_create(w, step->column_count);
    for (size_t i = 0; i < step->column_count && w->status == PBASE_OK; i++) {
        pbase_value *pair = items_create(w, 2);
        if (pair != NULL) {
            pair[0] = pbase_value_string(step->columns[i].name);
            pair[1] = value_of(w, step->columns[i].value);
            pairs[i] = pbase_value_list(pair, 2);
        }
    }
    put(w, key, pbase_value_list(pairs, step->column_count));
}

static void put_order(step_writer *w, const plan_step *step)
{
    pbase_value *keys = items_create(w, step->key_count);
    for (size_t i = 0; i < step->key_count && w->status == PBASE_OK; i++) {
        pbase_value *key = items_create(w, 3);
        if (key != NULL) {
            key[0] = value_of(w, step->keys[i].value);
            key[1] = pbase_value_text(step->keys[i].is_descending ? "desc" : "asc");
            key[2] = pbase_value_text(step->keys[i].nulls_first ? "first" : "last");
            keys[i] = pbase_value_list(key, 3);
        }
    }
    put(w, "keys", pbase_value_list(keys, step->key_count));
    if (step->top != PLAN_NO_LIMIT) {
        put(w, "top", pbase_value_int((int64_t)step->top));
    }
}

static pbase_value aggregate_value(step_writer *w, const plan_aggregate *aggregate)
{
    pbase_value *items = items_create(w, 4);
    pbase_field *options = pbase_arena_array(w->arena, 2, sizeof *options);
    if (items == NULL || options == NULL) {
        w->status = PBASE_FAIL(w->err, PBASE_NO_MEMORY, "no memory for a plan");
        return pbase_value_null();
    }
    items[0] = pbase_value_string(aggregate->name);
    items[1] = pbase_value_text(aggregate_name(aggregate->function));
    items[2] = given_value(w, aggregate->argument);
    size_t count = 0;
    if (aggregate->is_distinct) {
        options[count].name = pbase_bytes_text("distinct");
        options[count++].value = pbase_value_bool(true);
    }
    if (aggregate->filter != NULL) {
        options[count].name = pbase_bytes_text("filter");
        options[count++].value = value_of(w, aggregate->filter);
    }
    items[3] = pbase_value_map(options, count);
    return pbase_value_list(items, count > 0 ? 4 : 3);
}

static void put_aggregates(step_writer *w, const plan_step *step)
{
    pbase_value *items = items_create(w, step->aggregate_count);
    for (size_t i = 0; i < step->aggregate_count && w->status == PBASE_OK; i++) {
        items[i] = aggregate_value(w, &step->aggregates[i]);
    }
    put(w, "aggs", pbase_value_list(items, step->aggregate_count));
}

static void put_from(step_writer *w, const plan_step *step)
{
    put(w, "source", pbase_value_string(step->source));
    if (step->alias.size > 0) {
        put(w, "as", pbase_value_string(step->alias));
    }
    if (step->key_name.size > 0) {
        put(w, "key", pbase_value_string(step->key_name));
    }
}

static void put_second(step_writer *w, const plan_step *step)
{
    pbase_value steps = pbase_value_null();
    if (w->status == PBASE_OK) {
        w->status = plan_to_value(step->with, w->arena, &steps, w->err);
    }
    put(w, "with", steps);
}

static pbase_value pair_value(step_writer *w, const plan_pair *pair)
{
    pbase_value *items = items_create(w, 2);
    if (items == NULL) {
        return pbase_value_null();
    }
    items[0] = value_of(w, pair->left);
    items[1] = value_of(w, pair->right);
    return pbase_value_list(items, 2);
}

/* An optimised join says what it hashes and what it tries on each pair. */
static void put_pairs(step_writer *w, const plan_step *step)
{
    pbase_value *pairs = items_create(w, step->pair_count);
    for (size_t i = 0; i < step->pair_count && w->status == PBASE_OK; i++) {
        pairs[i] = pair_value(w, &step->pairs[i]);
    }
    put(w, "pairs", pbase_value_list(pairs, step->pair_count));
    put(w, "on", given_value(w, step->residual));
}

static void put_join(step_writer *w, const plan_step *step)
{
    bool has_left = step->left_alias.size > 0;
    put(w, "kind", pbase_value_text(join_kind_name(step->kind)));
    put_second(w, step);
    if (step->pair_count > 0) {
        put_pairs(w, step);
    } else {
        put(w, "on", given_value(w, step->condition));
    }
    put(w, "left", has_left ? pbase_value_string(step->left_alias) : pbase_value_null());
    put(w, "right", pbase_value_string(step->alias));
}

static pbase_value path_value(step_writer *w, const expr *field)
{
    pbase_buffer text;
    pbase_bytes copy = pbase_bytes_of(NULL, 0);
    pbase_buffer_init(&text, w->arena->alloc);
    if (w->status == PBASE_OK) {
        w->status = path_format(&field->path, &text, w->err);
    }
    if (w->status == PBASE_OK) {
        w->status = pbase_arena_copy(w->arena, pbase_buffer_view(&text), &copy, w->err);
    }
    pbase_buffer_fini(&text);
    return pbase_value_string(copy);
}

static void put_unnest(step_writer *w, const plan_step *step)
{
    put(w, "path", path_value(w, step->columns[0].value));
    put(w, "as", pbase_value_string(step->columns[0].name));
    put(w, "outer", pbase_value_bool(step->is_outer));
}

static void put_traverse(step_writer *w, const plan_step *step)
{
    const plan_relation *relation = step->relation;
    bool is_bounded = relation->depth_max != PLAN_NO_LIMIT;
    put(w, "source", pbase_value_string(step->source));
    put(w, "key", path_value(w, relation->key));
    put(w, "ref", path_value(w, relation->ref));
    put(w, "direction", pbase_value_text(relation->is_up ? "up" : "down"));
    put(w, "max_depth",
        is_bounded ? pbase_value_int((int64_t)relation->depth_max) : pbase_value_null());
    put(w, "include_start", pbase_value_bool(relation->has_start));
    put(w, "order", pbase_value_text(relation->is_depth_first ? "dfs" : "bfs"));
}

static void put_step(step_writer *w, const plan_step *step)
{
    put(w, "op", pbase_value_text(plan_op_name(step->op)));
    switch (step->op) {
    case PLAN_FROM:
        put_from(w, step);
        break;
    case PLAN_WHERE:
        put(w, "expr", value_of(w, step->condition));
        break;
    case PLAN_SELECT:
    case PLAN_EXTEND:
        put_columns(w, "cols", step);
        break;
    case PLAN_ORDER:
        put_order(w, step);
        break;
    case PLAN_LIMIT:
    case PLAN_OFFSET:
        put(w, "n", pbase_value_int((int64_t)step->n));
        break;
    case PLAN_GROUP:
        put_columns(w, "keys", step);
        put_aggregates(w, step);
        break;
    case PLAN_JOIN:
        put_join(w, step);
        break;
    case PLAN_UNION:
    case PLAN_UNION_ALL:
    case PLAN_INTERSECT:
    case PLAN_EXCEPT:
        put_second(w, step);
        break;
    case PLAN_UNNEST:
        put_unnest(w, step);
        break;
    case PLAN_TRAVERSE:
        put_traverse(w, step);
        break;
    case PLAN_COUNT:
    case PLAN_DISTINCT:
        break;
    }
}

pbase_status plan_step_to_value(const plan_step *step, pbase_arena *arena, pbase_value *out,
                                pbase_error *err)
{
    step_writer w = {NULL, 0, arena, err, PBASE_OK};
    w.fields = pbase_arena_array(arena, STEP_KEYS_MAX, sizeof *w.fields);
    if (w.fields == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    put_step(&w, step);
    if (w.status == PBASE_OK) {
        *out = pbase_value_map(w.fields, w.count);
    }
    return w.status;
}

pbase_status plan_to_value(const plan *self, pbase_arena *arena, pbase_value *out, pbase_error *err)
{
    pbase_value *steps = pbase_arena_array(arena, self->count, sizeof *steps);
    if (steps == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
    }
    for (size_t i = 0; i < self->count; i++) {
        pbase_status status = plan_step_to_value(&self->steps[i], arena, &steps[i], err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    *out = pbase_value_list(steps, self->count);
    return PBASE_OK;
}

/* --- text -------------------------------------------------------------------------------------- */

typedef struct {
    pbase_buffer *out;
    pbase_error *err;
    pbase_status status;
    pbase_bytes second; /* of a second input; empty: as its plan says */
} text_writer;

static void say(text_writer *w, const char *text)
{
    if (w->status == PBASE_OK) {
        w->status = pbase_buffer_append(w->out, text, strlen(text), w->err);
    }
}

static void say_name(text_writer *w, pbase_bytes name)
{
    if (w->status == PBASE_OK) {
        w->status = path_name_format(name, w->out, w->err);
    }
}

static void say_expr(text_writer *w, const expr *self)
{
    if (w->status == PBASE_OK) {
        w->status = expr_format(self, w->out, w->err);
    }
}

static void say_number(text_writer *w, uint64_t n)
{
    if (w->status == PBASE_OK) {
        w->status = pbase_buffer_append_text(w->out, w->err, "%llu", (unsigned long long)n);
    }
}

static void say_columns(text_writer *w, const plan_step *step)
{
    for (size_t i = 0; i < step->column_count; i++) {
        say(w, i > 0 ? ", " : "");
        say_name(w, step->columns[i].name);
        say(w, ": ");
        say_expr(w, step->columns[i].value);
    }
}

static void say_order(text_writer *w, const plan_step *step)
{
    say(w, " by ");
    for (size_t i = 0; i < step->key_count; i++) {
        const plan_key *key = &step->keys[i];
        say(w, i > 0 ? ", " : "");
        say_expr(w, key->value);
        say(w, key->is_descending ? " desc" : "");
        if (key->nulls_first == key->is_descending) {
            say(w, key->nulls_first ? " nulls first" : " nulls last");
        }
    }
}

static void say_aggregate(text_writer *w, const plan_aggregate *aggregate)
{
    say_name(w, aggregate->name);
    say(w, ": ");
    say(w, aggregate_name(aggregate->function));
    say(w, aggregate->is_distinct ? "(distinct " : "(");
    if (aggregate->argument != NULL) {
        say_expr(w, aggregate->argument);
    }
    say(w, ")");
    if (aggregate->filter != NULL) {
        say(w, " filter (where ");
        say_expr(w, aggregate->filter);
        say(w, ")");
    }
}

static void say_group(text_writer *w, const plan_step *step)
{
    say(w, step->column_count > 0 ? " by " : "");
    say_columns(w, step);
    say(w, " {");
    for (size_t i = 0; i < step->aggregate_count; i++) {
        say(w, i > 0 ? ", " : " ");
        say_aggregate(w, &step->aggregates[i]);
    }
    say(w, step->aggregate_count > 0 ? " }" : "}");
}

static void say_from(text_writer *w, const plan_step *step)
{
    say(w, " ");
    say_name(w, step->source);
    if (step->alias.size > 0) {
        say(w, " as ");
        say_name(w, step->alias);
    }
    if (step->key_name.size > 0) {
        say(w, " key ");
        say_name(w, step->key_name);
    }
}

bool plan_is_plain(const plan *self)
{
    return self->count == 1 && self->steps[0].alias.size == 0 && self->steps[0].key_name.size == 0;
}

static void say_second(text_writer *w, const plan *self)
{
    say(w, " ");
    if (plan_is_plain(self)) {
        say_name(w, self->steps[0].source);
        return;
    }
    say(w, "(");
    if (w->second.size > 0) {
        w->status = w->status == PBASE_OK ? pbase_buffer_append_bytes(w->out, w->second, w->err)
                                          : w->status;
        say(w, ")");
        return;
    }
    for (size_t i = 0; i < self->count && w->status == PBASE_OK; i++) {
        say(w, i > 0 ? " | " : "");
        w->status = plan_step_format(&self->steps[i], w->out, w->err);
    }
    say(w, ")");
}

static void say_join(text_writer *w, const plan_step *step)
{
    say(w, " ");
    say(w, join_kind_name(step->kind));
    say_second(w, step->with);
    say(w, " as ");
    say_name(w, step->alias);
    if (step->left_alias.size > 0) {
        say(w, " beside ");
        say_name(w, step->left_alias);
    }
    if (step->condition != NULL) {
        say(w, " on ");
        say_expr(w, step->condition);
    }
}

static void say_unnest(text_writer *w, const plan_step *step)
{
    say(w, step->is_outer ? " outer " : " ");
    say_expr(w, step->columns[0].value);
    say(w, " as ");
    say_name(w, step->columns[0].name);
}

static void say_traverse(text_writer *w, const plan_step *step)
{
    const plan_relation *relation = step->relation;
    say(w, relation->is_up ? " up " : " down ");
    say_name(w, step->source);
    say(w, " key ");
    say_expr(w, relation->key);
    say(w, " ref ");
    say_expr(w, relation->ref);
    if (relation->depth_max != PLAN_NO_LIMIT) {
        say(w, " depth ");
        say_number(w, relation->depth_max);
    }
    say(w, relation->is_depth_first ? " dfs" : "");
    say(w, relation->has_start ? " include start" : "");
}

pbase_status plan_step_format(const plan_step *step, pbase_buffer *out, pbase_error *err)
{
    return plan_step_format_around(step, pbase_bytes_of(NULL, 0), out, err);
}

pbase_status plan_step_format_around(const plan_step *step, pbase_bytes second, pbase_buffer *out,
                                     pbase_error *err)
{
    text_writer w = {out, err, PBASE_OK, second};
    say(&w, plan_op_name(step->op));
    switch (step->op) {
    case PLAN_FROM:
        say_from(&w, step);
        break;
    case PLAN_WHERE:
        say(&w, " ");
        say_expr(&w, step->condition);
        break;
    case PLAN_SELECT:
    case PLAN_EXTEND:
        say(&w, " { ");
        say_columns(&w, step);
        say(&w, " }");
        break;
    case PLAN_ORDER:
        say_order(&w, step);
        break;
    case PLAN_LIMIT:
    case PLAN_OFFSET:
        say(&w, " ");
        say_number(&w, step->n);
        break;
    case PLAN_GROUP:
        say_group(&w, step);
        break;
    case PLAN_JOIN:
        say_join(&w, step);
        break;
    case PLAN_UNION:
    case PLAN_UNION_ALL:
    case PLAN_INTERSECT:
    case PLAN_EXCEPT:
        say_second(&w, step->with);
        break;
    case PLAN_UNNEST:
        say_unnest(&w, step);
        break;
    case PLAN_TRAVERSE:
        say_traverse(&w, step);
        break;
    case PLAN_COUNT:
    case PLAN_DISTINCT:
        break;
    }
    return w.status;
}
