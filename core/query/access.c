/* access.c - the choice between reading a collection and reading it by an index.
 *
 * Each index is looked at for what the filter bounds and for the order that comes next; the cheapest
 * wins, and of each other it is kept why it lost. */
#include "query/access.h"

#include "query/join_access.h"
#include "query/optimizer.h"

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
}

/* The steps of a plan around its from. */
typedef struct {
    const plan *plan;
    const plan_step *from;
    const expr *condition;  /* of the where right behind it; NULL: none */
    const plan_step *order; /* right behind both; NULL: none */
    size_t order_at;
    uint64_t wanted; /* rows that will be read of what comes behind from, where and order */
    access_terms terms;
    uint64_t rows; /* of the collection */
} access_site;

/* What reading by one index would be. */
typedef struct {
    const query_index *index;
    access_ranges ranges;
    uint64_t entries; /* in the ranges */
    bool gives_order, is_reverse;
    double cost;
} candidate;

/* ----------------------------------------------------------------------------------- order ----- */

static bool path_is(const plan_step *from, const expr *value, const pbase_path *path)
{
    pbase_path found;
    return access_path(from, value, &found) && path_equal(&found, path);
}

/* Whether the entries of one range stand in the order that is asked for, or in its reverse. All
 * fields must be in it: then equal keys are equal entries, which stand in collection order. */
static bool gives_order(const access_site *site, const candidate *c, bool *out_reverse)
{
    const index_definition *definition = c->index->definition;
    const plan_step *order = site->order;
    size_t field = c->ranges.points;
    if (order == NULL || c->ranges.range_count != 1 || c->index->cut > 0 ||
        index_is_multikey(definition) || order->key_count != definition->field_count - field ||
        order->key_count == 0) {
        return false;
    }
    for (size_t i = 0; i < order->key_count; i++, field++) {
        const plan_key *key = &order->keys[i];
        if (key->is_descending != order->keys[0].is_descending ||
            key->nulls_first == key->is_descending ||
            !path_is(site->from, key->value, &definition->fields[field].path)) {
            return false;
        }
    }
    *out_reverse = order->keys[0].is_descending;
    return true;
}

/* The entries of the one range stand in collection order as they are. */
static bool is_by_row(const candidate *c)
{
    return c->ranges.range_count == 1 && c->ranges.is_single &&
           c->ranges.points == c->index->definition->field_count &&
           !index_is_multikey(c->index->definition);
}

/* ------------------------------------------------------------------------------------ cost ----- */

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* Rows that have to be read to see `wanted` of those that pass, when `share` of them do. */
static double rows_until(double rows, uint64_t wanted, double share)
{
    return wanted == PLAN_NO_LIMIT || share <= 0 ? rows : least(rows, (double)wanted / share);
}

static double sort_cost(const access_site *site, double rows)
{
    if (site->order == NULL) {
        return 0;
    }
    return rows * (site->wanted == PLAN_NO_LIMIT ? ACCESS_COST_SORTED : ACCESS_COST_KEPT_TOP);
}

/* Of the rows that a scan gives, those that pass come evenly spread; of the terms that no index could
 * use nothing is known, they pass all. */
static double scan_cost(const access_site *site, double share)
{
    double rows = (double)site->rows;
    if (site->order == NULL) {
        rows = rows_until(rows, site->wanted, share);
    }
    return rows * ACCESS_COST_ROW + sort_cost(site, (double)site->rows * share);
}

/* The ranges hold every term. */
static bool is_whole(const access_site *site, const candidate *c)
{
    return c->ranges.terms == site->terms.count && site->terms.others == 0;
}

static double index_cost(const access_site *site, const candidate *c)
{
    double entries = (double)c->entries, read = entries;
    bool streams = c->gives_order || (is_by_row(c) && site->order == NULL);
    if (streams || site->order == NULL) {
        /* terms that the ranges do not hold let perhaps a tenth through */
        read = rows_until(entries, site->wanted, is_whole(site, c) ? 1.0 : 0.1);
    }
    return (streams ? read : entries) * ACCESS_COST_ENTRY + read * ACCESS_COST_ROW_BY_KEY +
           (double)c->ranges.range_count * ACCESS_COST_RANGE +
           (c->gives_order ? 0 : sort_cost(site, entries));
}

/* ------------------------------------------------------------------------------- candidates ---- */

static pbase_status candidate_make(const access_site *site, const query_index *index,
                                   pbase_arena *arena, candidate *out, pbase_error *err)
{
    memset(out, 0, sizeof *out);
    out->index = index;
    pbase_status status =
        access_ranges_make(index->definition, &site->terms, arena, &out->ranges, err);
    for (size_t i = 0; i < out->ranges.range_count && status == PBASE_OK; i++) {
        uint64_t count = 0;
        status = index_range_count(index->entries, &out->ranges.ranges[i], &count, err);
        out->entries += count;
    }
    if (status == PBASE_OK) {
        out->gives_order = gives_order(site, out, &out->is_reverse);
        out->cost = index_cost(site, out);
    }
    return status;
}

/* Why an index cannot be used at all; NULL: it can. */
static const char *why_not(const access_site *site, const candidate *c)
{
    const index_definition *definition = c->index->definition;
    if (c->ranges.bound > 0 || c->gives_order) {
        return NULL;
    }
    if (access_mentions(site->from, site->condition, &definition->fields[0].path)) {
        return "the comparison of its first field is not one that an index has";
    }
    for (size_t i = 1; i < definition->field_count; i++) {
        if (access_mentions(site->from, site->condition, &definition->fields[i].path)) {
            return "its first field is not compared";
        }
    }
    if (site->order != NULL &&
        path_is(site->from, site->order->keys[0].value, &definition->fields[0].path)) {
        return c->index->cut > 0 ? "it has cut values, so its order is not exact"
                                 : "the order is not that of all its fields";
    }
    return "none of its fields is compared";
}

/* Of the rows, how many the index would give; a row may have several entries. */
static double share_of(const access_site *site, const candidate *c)
{
    double share = site->rows == 0 ? 0 : (double)c->entries / (double)site->rows;
    return share > 1 ? 1 : share;
}

static double least_share(const access_site *site, const candidate *candidates, size_t count)
{
    double share = 1;
    for (size_t i = 0; i < count; i++) {
        share =
            candidates[i].ranges.bound > 0 ? least(share, share_of(site, &candidates[i])) : share;
    }
    return share;
}

static const candidate *cheapest(const access_site *site, const candidate *candidates, size_t count)
{
    const candidate *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (why_not(site, &candidates[i]) == NULL &&
            (best == NULL || candidates[i].cost < best->cost)) {
            best = &candidates[i];
        }
    }
    return best != NULL && best->cost < scan_cost(site, least_share(site, candidates, count))
               ? best
               : NULL;
}

/* ------------------------------------------------------------------------------------ words ---- */

pbase_status access_fields_format(const index_definition *definition, pbase_buffer *out,
                                  pbase_error *err)
{
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < definition->field_count && status == PBASE_OK; i++) {
        status = i == 0 ? PBASE_OK : pbase_buffer_append(out, ", ", 2, err);
        status = status == PBASE_OK ? index_field_format(&definition->fields[i], out, err) : status;
    }
    return status;
}

static pbase_status how_format(const candidate *c, pbase_buffer *out, pbase_error *err)
{
    const index_definition *definition = c->index->definition;
    pbase_status status =
        pbase_buffer_append_text(out, err, "by index %.*s (", (int)definition->name.size,
                                 (const char *)definition->name.data);
    status = status == PBASE_OK ? access_fields_format(definition, out, err) : status;
    if (status == PBASE_OK) {
        status = pbase_buffer_append_text(
            out, err, "), %zu range%s of %zu field%s, %llu entries%s", c->ranges.range_count,
            c->ranges.range_count == 1 ? "" : "s", c->ranges.bound, c->ranges.bound == 1 ? "" : "s",
            (unsigned long long)c->entries,
            !c->gives_order ? ""
            : c->is_reverse ? ", in its order backwards"
                            : ", in its order");
    }
    return status;
}

static pbase_status unused_fill(const access_site *site, const candidate *candidates, size_t count,
                                const candidate *best, pbase_arena *arena, access_choice *out,
                                pbase_error *err)
{
    access_reason *reasons = pbase_arena_array(arena, count, sizeof *reasons);
    if (reasons == NULL) {
        return no_memory(err);
    }
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        const candidate *c = &candidates[i];
        const char *why = why_not(site, c);
        access_reason *reason = &reasons[out->unused_count];
        if (c == best) {
            continue;
        }
        reason->share = why == NULL ? share_of(site, c) : -1;
        reason->why = why != NULL           ? why
                      : best != NULL        ? "another index is cheaper"
                      : c->ranges.bound > 0 ? "reading the collection is cheaper"
                                            : "sorting is cheaper";
        status = pbase_arena_copy(arena, c->index->definition->name, &reason->index, err);
        out->unused_count += status == PBASE_OK;
    }
    out->unused = reasons;
    return status;
}

static pbase_status choice_make(const access_site *site, const candidate *candidates, size_t count,
                                const candidate *best, pbase_arena *arena, access_choice **out,
                                pbase_error *err)
{
    pbase_buffer text;
    access_choice *made = pbase_arena_alloc(arena, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    memset(made, 0, sizeof *made);
    pbase_status status = unused_fill(site, candidates, count, best, arena, made, err);
    *out = made;
    if (status != PBASE_OK || best == NULL) {
        return status;
    }
    pbase_buffer_init(&text, arena->alloc);
    made->uses_index = true;
    made->rows = (double)best->entries;
    made->cost = best->cost;
    made->is_exact = is_whole(site, best);
    made->by = (query_access){.ranges = best->ranges.ranges,
                              .range_count = best->ranges.range_count,
                              .is_ordered = best->gives_order,
                              .is_reverse = best->is_reverse,
                              .is_by_row = is_by_row(best),
                              .wanted = site->wanted};
    status = pbase_arena_copy(arena, best->index->definition->name, &made->by.index, err);
    status = status == PBASE_OK ? how_format(best, &text, err) : status;
    made->how = status == PBASE_OK ? pbase_arena_text(arena, pbase_buffer_view(&text)) : NULL;
    pbase_buffer_fini(&text);
    return status == PBASE_OK && made->how == NULL ? no_memory(err) : status;
}

/* ------------------------------------------------------------------------------------- plan ---- */

static void site_read(const plan *self, access_site *out)
{
    size_t at = 1;
    memset(out, 0, sizeof *out);
    out->plan = self;
    out->from = &self->steps[0];
    if (at < self->count && self->steps[at].op == PLAN_WHERE) {
        out->condition = self->steps[at++].condition;
    }
    if (at < self->count && self->steps[at].op == PLAN_ORDER) {
        out->order = &self->steps[at];
        out->order_at = at++;
    }
    out->wanted = plan_rows_wanted(self, at - 1);
}

/* A copy of the steps with the choice in it, without the order when that comes by itself. */
static pbase_status steps_write(const access_site *site, const access_choice *choice,
                                pbase_arena *arena, plan *out, pbase_error *err)
{
    bool drops = choice != NULL && choice->uses_index && choice->by.is_ordered;
    plan_step *steps = pbase_arena_array(arena, site->plan->count, sizeof *steps);
    if (steps == NULL) {
        return no_memory(err);
    }
    size_t count = 0;
    for (size_t i = 0; i < site->plan->count; i++) {
        if (!drops || i != site->order_at) {
            steps[count++] = site->plan->steps[i];
        }
    }
    steps[0].access = choice;
    out->steps = steps;
    out->count = count;
    return PBASE_OK;
}

static pbase_status choose(access_site *site, const query_index *indexes, size_t count,
                           pbase_arena *arena, access_choice **out, pbase_error *err)
{
    candidate *candidates = pbase_arena_array(arena, count, sizeof *candidates);
    pbase_status status = candidates == NULL ? no_memory(err) : PBASE_OK;
    if (status == PBASE_OK) {
        status = access_terms_read(site->from, site->condition, arena, &site->terms, err);
    }
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        status = candidate_make(site, &indexes[i], arena, &candidates[i], err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    /* a comparison of the key narrows the collection itself */
    const candidate *best = site->terms.has_key ? NULL : cheapest(site, candidates, count);
    return choice_make(site, candidates, count, best, arena, out, err);
}

static pbase_status choose_first(const plan *self, query_catalog *catalog, pbase_arena *arena,
                                 plan *out, pbase_error *err)
{
    access_site site;
    query_facts facts = {NULL, 0, 0, false};
    access_choice *choice = NULL;
    site_read(self, &site);
    pbase_status status = catalog->vtable->facts(catalog, site.from->source, &facts, err);
    if (status == PBASE_NOT_FOUND || (status == PBASE_OK && facts.count == 0)) {
        *out = *self; /* opening it says what is missing */
        return PBASE_OK;
    }
    site.rows = facts.rows;
    status = status == PBASE_OK ? choose(&site, facts.indexes, facts.count, arena, &choice, err)
                                : status;
    return status == PBASE_OK ? steps_write(&site, choice, arena, out, err) : status;
}

/* The plans inside the steps of `self`, which are copied when one of them changes. */
static pbase_status choose_inside(plan *self, query_catalog *catalog, uint32_t rules_off,
                                  pbase_arena *arena, pbase_error *err)
{
    plan_step *steps = NULL;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < self->count && status == PBASE_OK; i++) {
        plan *with = self->steps[i].with == NULL ? NULL : pbase_arena_alloc(arena, sizeof *with);
        if (self->steps[i].with == NULL) {
            continue;
        }
        if (steps == NULL) {
            steps = pbase_arena_array(arena, self->count, sizeof *steps);
        }
        if (with == NULL || steps == NULL) {
            return no_memory(err);
        }
        if (self->steps != steps) {
            memcpy(steps, self->steps, self->count * sizeof *steps);
            self->steps = steps;
        }
        status = plan_choose_access(steps[i].with, catalog, rules_off, arena, with, err);
        steps[i].with = with;
        if (status == PBASE_OK && steps[i].op == PLAN_JOIN) {
            status = join_access_choose(self, i, catalog, arena, &steps[i].join, err);
        }
    }
    return status;
}

pbase_status plan_choose_access(const plan *self, query_catalog *catalog, uint32_t rules_off,
                                pbase_arena *arena, plan *out, pbase_error *err)
{
    plan made = *self;
    pbase_status status = PBASE_OK;
    if (catalog == NULL || catalog->vtable->facts == NULL || (rules_off & PBASE_RULE_INDEX) != 0) {
        *out = *self;
        return PBASE_OK;
    }
    status = choose_first(self, catalog, arena, &made, err);
    status = status == PBASE_OK ? choose_inside(&made, catalog, rules_off, arena, err) : status;
    if (status == PBASE_OK) {
        *out = made;
    }
    return status;
}
