/* aggregate.c - one step and one result per function. */
#include "query/aggregate.h"
#include "base/nearest.h"
#include <math.h>

static const char *const names[] = {
    [AGGREGATE_COUNT] = "count", [AGGREGATE_SUM] = "sum",   [AGGREGATE_AVG] = "avg",
    [AGGREGATE_MIN] = "min",     [AGGREGATE_MAX] = "max",   [AGGREGATE_COLLECT] = "collect",
    [AGGREGATE_FIRST] = "first", [AGGREGATE_LAST] = "last", [AGGREGATE_VARIANCE] = "variance",
};
#define NAME_COUNT (sizeof names / sizeof names[0])

bool aggregate_find(pbase_bytes name, aggregate_kind *out, pbase_error *err)
{
    nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; i < NAME_COUNT; i++) {
        pbase_bytes known = pbase_bytes_text(names[i]);
        if (pbase_bytes_equal(known, name)) {
            *out = (aggregate_kind)i;
            return true;
        }
        nearest_offer(&near, known);
    }
    nearest_hint(&near, err);
    return false;
}

const char *aggregate_name(aggregate_kind kind)
{
    return names[kind];
}

void aggregate_init(aggregate_state *state)
{
    memset(state, 0, sizeof *state);
}

/* Neumaier's variant of Kahan's summation: the low part of the larger operand's rounding. */
static void add_real(aggregate_state *state, double x)
{
    double sum = state->sum + x;
    if (fabs(state->sum) >= fabs(x)) {
        state->correction += (state->sum - sum) + x;
    } else {
        state->correction += (x - sum) + state->sum;
    }
    state->sum = sum;
    state->has_float = true;
}

static void add_number(aggregate_state *state, const pbase_value *value)
{
    if (value->kind == PBASE_INT) {
        state->int_sum += value->as.integer;
        state->count++;
    } else if (value->kind == PBASE_FLOAT) {
        add_real(state, value->as.real);
        state->count++;
    }
}

static double total(const aggregate_state *state)
{
    double ints = (double)state->int_sum;
    if (!isfinite(state->sum)) {
        return state->sum; /* the correction of an infinity is not a number */
    }
    return state->has_float ? state->sum + (state->correction + ints) : ints;
}

static void add_variance(aggregate_state *state, const pbase_value *value)
{
    if (value->kind != PBASE_INT && value->kind != PBASE_FLOAT) {
        return;
    }
    double x = value->kind == PBASE_INT ? (double)value->as.integer : value->as.real;
    state->count++;
    double before = x - state->correction;
    state->correction += before / (double)state->count;
    state->squares += before * (x - state->correction);
}

/* Strings are rewritten in place while they fit, so that a long run of new maxima needs no memory. */
static pbase_status keep_bytes(aggregate_state *state, const pbase_value *value, pbase_arena *arena,
                               pbase_error *err)
{
    pbase_bytes bytes = value->as.string;
    if (state->place == NULL || state->room < bytes.size) {
        size_t room = 2 * bytes.size;
        uint8_t *place = pbase_arena_alloc(arena, room);
        if (place == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an aggregate");
        }
        state->place = place;
        state->room = room;
    }
    if (bytes.size > 0) {
        memcpy(state->place, bytes.data, bytes.size);
    }
    state->kept = *value;
    state->kept.as.string = pbase_bytes_of(state->place, bytes.size);
    return PBASE_OK;
}

static pbase_status keep(aggregate_state *state, const pbase_value *value, pbase_arena *arena,
                         pbase_error *err)
{
    state->count++;
    if (value->kind == PBASE_STRING || value->kind == PBASE_BYTES) {
        return keep_bytes(state, value, arena, err);
    }
    return pbase_value_copy(value, arena, &state->kept, err);
}

static pbase_status collect(aggregate_state *state, const pbase_value *value, pbase_arena *arena,
                            pbase_error *err)
{
    if (state->count == state->room) {
        size_t room = state->room == 0 ? 4 : state->room * 2;
        pbase_value *items = pbase_arena_array(arena, room, sizeof *items);
        if (items == NULL) {
            return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for an aggregate");
        }
        if (state->count > 0) {
            memcpy(items, state->items, state->count * sizeof *items);
        }
        state->items = items;
        state->room = room;
    }
    pbase_status status = pbase_value_copy(value, arena, &state->items[state->count], err);
    state->count += status == PBASE_OK;
    return status;
}

static bool is_better(aggregate_kind kind, const aggregate_state *state, const pbase_value *value)
{
    if (state->count == 0 || kind == AGGREGATE_LAST) {
        return true;
    }
    if (kind == AGGREGATE_FIRST) {
        return false;
    }
    int order = pbase_value_compare(value, &state->kept);
    return kind == AGGREGATE_MIN ? order < 0 : order > 0;
}

pbase_status aggregate_add(aggregate_kind kind, aggregate_state *state, const pbase_value *value,
                           pbase_arena *arena, pbase_error *err)
{
    if (kind == AGGREGATE_COLLECT) {
        return collect(state, value, arena, err);
    }
    if (value->kind == PBASE_NULL) {
        return PBASE_OK;
    }
    switch (kind) {
    case AGGREGATE_COUNT:
        state->count++;
        return PBASE_OK;
    case AGGREGATE_SUM:
    case AGGREGATE_AVG:
        add_number(state, value);
        return PBASE_OK;
    case AGGREGATE_VARIANCE:
        add_variance(state, value);
        return PBASE_OK;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST:
    case AGGREGATE_COLLECT:
        break;
    }
    return is_better(kind, state, value) ? keep(state, value, arena, err) : PBASE_OK;
}

static pbase_status sum_result(const aggregate_state *state, pbase_value *out, pbase_error *err)
{
    if (state->count == 0) {
        *out = pbase_value_null();
    } else if (state->has_float) {
        *out = pbase_value_float(total(state));
    } else if (state->int_sum < INT64_MIN || state->int_sum > INT64_MAX) {
        return PBASE_FAIL(err, PBASE_INVALID, "integer overflow: a sum is outside int64");
    } else {
        *out = pbase_value_int((int64_t)state->int_sum);
    }
    return PBASE_OK;
}

pbase_status aggregate_result(aggregate_kind kind, const aggregate_state *state, pbase_value *out,
                              pbase_error *err)
{
    double count = (double)state->count;
    switch (kind) {
    case AGGREGATE_COUNT:
        *out = pbase_value_int((int64_t)state->count);
        return PBASE_OK;
    case AGGREGATE_SUM:
        return sum_result(state, out, err);
    case AGGREGATE_AVG:
        *out = state->count == 0 ? pbase_value_null() : pbase_value_float(total(state) / count);
        return PBASE_OK;
    case AGGREGATE_VARIANCE:
        *out =
            state->count < 2 ? pbase_value_null() : pbase_value_float(state->squares / (count - 1));
        return PBASE_OK;
    case AGGREGATE_COLLECT:
        *out = pbase_value_list(state->items, state->count);
        return PBASE_OK;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST:
        break;
    }
    *out = state->kept; /* null while nothing was taken */
    return PBASE_OK;
}
