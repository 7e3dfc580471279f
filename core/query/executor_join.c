/* executor_join.c - inputs of joins that are read by the keys of the other one.
 *
 * Looking up: each run of left rows starts the right branch anew, its source reading the keys of that
 * run, and builds the join from it; the cost is counted, and when it passes that of building, the
 * branch is run once in order and kept. Narrowing: the built join has few keys, so the source of the
 * left rows is started anew to read these alone. */
#include "query/executor_parts.h"
#include "query/join_access.h"
#include "query/operators/operators.h"

static bool goes(const stage *s, join_way way)
{
    return s->step->join != NULL && s->step->join->way == way;
}

bool stage_looks_up(const stage *s)
{
    return goes(s, JOIN_LOOKS_UP) && s->spent >= 0;
}

bool stage_narrows(const stage *s)
{
    return goes(s, JOIN_NARROWS);
}

/* --- looking up ---------------------------------------------------------------------------------- */

/* The branch again from its first row, its source reading by `access` (NULL: as planned). */
static pbase_status branch_restart(executor_branch *branch, const query_access *access,
                                   pbase_error *err)
{
    branch->source = branch->feeder = 0;
    branch->is_feeder_done = false;
    for (size_t i = 0; i < branch->count; i++) {
        branch->stages[i].has_more = false;
    }
    return scan_restart(branch->stages[0].shared, access, err);
}

/* Looking up has cost what building would have: the rest of the left rows meet all right ones. */
static pbase_status build_rest(executor *self, stage *s, pbase_error *err)
{
    s->spent = -1;
    join_end_lookups(s->shared);
    pbase_status status = branch_restart(s->second, NULL, err);
    return status == PBASE_OK ? executor_build(self, s, err) : status;
}

static pbase_status build_run(executor *self, stage *s, const join_key_list *keys, pbase_error *err)
{
    const join_access *access = s->step->join;
    query_access *by = pbase_arena_alloc(&s->lookup_arena, sizeof *by);
    if (by == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to look up the keys of a join");
    }
    pbase_status status = join_lookup_access(&access->by, keys->tuples, keys->count,
                                             keys->key_count, &s->lookup_arena, by, err);
    status = status == PBASE_OK ? branch_restart(s->second, by, err) : status;
    status = status == PBASE_OK ? executor_build(self, s, err) : status;
    if (status == PBASE_OK) { /* as many rows as come, not as were thought to */
        uint64_t read = scan_rows_read(s->second->stages[0].shared);
        double matched = (double)keys->count * access->by.matches;
        double cost = (double)keys->count * access->key_cost +
                      ((double)read - matched) * (ACCESS_COST_ENTRY + ACCESS_COST_ROW_BY_KEY);
        s->spent += cost > 0 ? cost : 0;
        s->looked_up += (double)keys->count;
    }
    return status;
}

/* Whether looking up `more` keys costs too much, or all that are still to come when it is known how
 * many those are. Keys cost what they have cost so far. */
static bool is_dear(const stage *s, double more)
{
    const join_access *access = s->step->join;
    double mean = s->looked_up > 0 ? s->spent / s->looked_up : access->key_cost;
    double left = access->left_rows - s->looked_up;
    double coming = s->looked_up > 0 && left > more ? left : more;
    return s->spent + coming * mean > access->most_cost;
}

pbase_status executor_look_up(executor *self, stage *s, pbase_chunk *in, pbase_error *err)
{
    join_key_list keys = {NULL, 0, 0};
    bool needs_rows = false;
    scan_stop(s->second->stages[0].shared); /* its rows were read by what lies in the arena */
    pbase_arena_reset(&s->lookup_arena);
    pbase_status status = join_next_keys(s->shared, in, &s->lookup_arena, &keys, &needs_rows, err);
    if (status != PBASE_OK || !needs_rows) {
        return status;
    }
    return is_dear(s, (double)keys.count) ? build_rest(self, s, err)
                                          : build_run(self, s, &keys, err);
}

/* --- narrowing ----------------------------------------------------------------------------------- */

static size_t most_keys(const join_access *access)
{
    double most = access->key_cost > 0 ? access->most_cost / access->key_cost : 0;
    return most < 1e9 ? (size_t)most : (size_t)1e9;
}

pbase_status executor_narrow(executor *self, executor_branch *branch, stage *s, pbase_error *err)
{
    const join_access *access = s->step->join;
    join_key_list keys = {NULL, 0, 0};
    bool fits = false;
    (void)self;
    PBASE_ASSERT(branch->source == 0);
    query_access *by = pbase_arena_alloc(&s->lookup_arena, sizeof *by);
    if (by == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to look up the keys of a join");
    }
    pbase_status status =
        join_kept_keys(s->shared, most_keys(access), &s->lookup_arena, &keys, &fits, err);
    if (status == PBASE_OK && fits) {
        status = join_lookup_access(&access->by, keys.tuples, keys.count, keys.key_count,
                                    &s->lookup_arena, by, err);
        status = status == PBASE_OK ? scan_restart(branch->stages[0].shared, by, err) : status;
    }
    return status;
}
