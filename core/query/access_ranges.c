/* access_ranges.c - from terms to ranges of entries.
 *
 * Field by field from the first: one that stands at points multiplies the prefixes of the ranges; the
 * first that has only bounds gives each prefix its two ends; behind it nothing helps. */
#include "query/access.h"

#include "index/entry.h"
#include <stdlib.h>

#define PREFIX_BYTES_MAX 256u /* of a text that entries must begin with; more narrows little */
enum { CLASS_STRING = 0x05 };

static pbase_status no_memory(pbase_error *err)
{
    return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a plan");
}

typedef struct {
    const index_definition *definition;
    const access_terms *terms;
    pbase_arena *arena;
    pbase_buffer scratch;
    pbase_bytes *prefixes; /* in order */
    size_t count;
    access_ranges *out;
    pbase_error *err;
} maker;

/* ------------------------------------------------------------------------------- elements ------ */

static pbase_status element(maker *m, const pbase_value *value, bool *out_cut, pbase_bytes *out)
{
    m->scratch.size = 0;
    *out_cut = false;
    pbase_status status = entry_element(value, &m->scratch, out_cut, m->err);
    return status == PBASE_OK
               ? pbase_arena_copy(m->arena, pbase_buffer_view(&m->scratch), out, m->err)
               : status;
}

/* `prefix`, then `more`, then the byte `last` unless it is below 0. */
static pbase_status joined(maker *m, pbase_bytes prefix, pbase_bytes more, int last,
                           pbase_bytes *out)
{
    m->scratch.size = 0;
    pbase_status status = pbase_buffer_append_bytes(&m->scratch, prefix, m->err);
    status = status == PBASE_OK ? pbase_buffer_append_bytes(&m->scratch, more, m->err) : status;
    if (status == PBASE_OK && last >= 0) {
        status = pbase_buffer_append_u8(&m->scratch, (uint8_t)last, m->err);
    }
    return status == PBASE_OK
               ? pbase_arena_copy(m->arena, pbase_buffer_view(&m->scratch), out, m->err)
               : status;
}

static int compare_bytes(const void *a, const void *b)
{
    return pbase_bytes_compare(*(const pbase_bytes *)a, *(const pbase_bytes *)b);
}

static size_t sort_apart(pbase_bytes *items, size_t count)
{
    size_t kept = 0;
    if (count > 1) {
        qsort(items, count, sizeof *items, compare_bytes);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !pbase_bytes_equal(items[kept - 1], items[i])) {
            items[kept++] = items[i];
        }
    }
    return kept;
}

/* The elements at which a term lets a field stand, in order. */
static pbase_status points_of(maker *m, const access_term *term, pbase_bytes **out,
                              size_t *out_count)
{
    static const uint8_t loose = ENTRY_LOOSE_TEXT;
    bool has_loose = term->kind == TERM_CONTAINS && term->values[0].kind == PBASE_STRING;
    bool is_cut = false;
    size_t count = 0;
    pbase_bytes *points = pbase_arena_array(m->arena, term->count + 1, sizeof *points);
    pbase_status status = points == NULL ? no_memory(m->err) : PBASE_OK;
    for (size_t i = 0; i < term->count && status == PBASE_OK; i++) {
        status = element(m, &term->values[i], &is_cut, &points[count]);
        count += status == PBASE_OK;
    }
    if (status == PBASE_OK && has_loose) {
        points[count++] = pbase_bytes_of(&loose, 1);
    }
    *out = points;
    *out_count = sort_apart(points, count);
    return status;
}

/* ------------------------------------------------------------------------------ one field ------ */

/* The term that says most about a field: points rather than bounds, few rather than many. */
static const access_term *term_for(const maker *m, const index_field *field, bool wants_points)
{
    const access_term *best = NULL;
    for (size_t i = 0; i < m->terms->count; i++) {
        const access_term *term = &m->terms->items[i];
        bool gives_points = term->kind == TERM_POINTS || term->kind == TERM_CONTAINS;
        if (field->is_each != (term->kind == TERM_CONTAINS) || gives_points != wants_points ||
            !path_equal(&field->path, &term->path)) {
            continue;
        }
        if (best == NULL || (wants_points && term->count < best->count) ||
            (!wants_points && best->kind == TERM_RANGE && term->kind == TERM_PREFIX)) {
            best = term;
        }
    }
    return best;
}

static pbase_status multiply(maker *m, const pbase_bytes *points, size_t count)
{
    pbase_bytes *next = pbase_arena_array(m->arena, m->count * count, sizeof *next);
    pbase_status status = next == NULL ? no_memory(m->err) : PBASE_OK;
    for (size_t i = 0; i < m->count && status == PBASE_OK; i++) {
        for (size_t j = 0; j < count && status == PBASE_OK; j++) {
            status = joined(m, m->prefixes[i], points[j], -1, &next[i * count + j]);
        }
    }
    if (status == PBASE_OK) {
        m->prefixes = next;
        m->count *= count;
    }
    return status;
}

/* The classes of values in entries: numbers share one, bools take two. */
static uint8_t class_first(pbase_bytes element_bytes)
{
    return element_bytes.data[0] == 3 ? 2 : element_bytes.data[0];
}

static uint8_t class_after(pbase_bytes element_bytes)
{
    return element_bytes.data[0] == 2 ? 4 : (uint8_t)(element_bytes.data[0] + 1);
}

/* What of the entries below a prefix is inside the bounds of a term: `low` and `high` are tails. */
typedef struct {
    pbase_bytes low, high;
    int low_last, high_last; /* a byte more, below 0: none */
} field_bounds;

static pbase_status range_bounds(maker *m, const access_term *term, field_bounds *out)
{
    pbase_bytes low = {NULL, 0}, high = {NULL, 0};
    bool low_cut = false, high_cut = false;
    pbase_status status = term->low == NULL ? PBASE_OK : element(m, term->low, &low_cut, &low);
    if (status == PBASE_OK && term->high != NULL) {
        status = element(m, term->high, &high_cut, &high);
    }
    if (status != PBASE_OK) {
        return status;
    }
    out->low = low;
    out->high = high;
    out->low_last = term->low != NULL && term->is_low_open && !low_cut ? ENTRY_ABOVE : -1;
    out->high_last = term->high != NULL && term->is_high_open && !high_cut ? -1 : ENTRY_ABOVE;
    if (term->low == NULL) {
        out->low_last = class_first(high);
    }
    if (term->high == NULL) {
        out->high_last = class_after(low);
    }
    return PBASE_OK;
}

static pbase_status prefix_bounds(maker *m, const access_term *term, field_bounds *out)
{
    pbase_bytes text = term->prefix, bytes;
    bool is_cut = false;
    text.size = text.size > PREFIX_BYTES_MAX ? PREFIX_BYTES_MAX : text.size;
    pbase_value value = pbase_value_bytes(text); /* any bytes: a code point may be cut */
    pbase_status status = element(m, &value, &is_cut, &bytes);
    if (status != PBASE_OK) {
        return status;
    }
    uint8_t *start = (uint8_t *)(uintptr_t)bytes.data; /* arena memory is ours */
    start[0] = CLASS_STRING;
    bytes.size--; /* without its end */
    out->low = out->high = bytes;
    out->low_last = -1;
    out->high_last = ENTRY_ABOVE;
    return PBASE_OK;
}

static pbase_status set_ranges(maker *m, const field_bounds *bounds)
{
    access_ranges *out = m->out;
    out->ranges = pbase_arena_array(m->arena, m->count, sizeof *out->ranges);
    pbase_status status = out->ranges == NULL ? no_memory(m->err) : PBASE_OK;
    for (size_t i = 0; i < m->count && status == PBASE_OK; i++) {
        index_range *range = &out->ranges[i];
        status = joined(m, m->prefixes[i], bounds->low, bounds->low_last, &range->from);
        status = status == PBASE_OK
                     ? joined(m, m->prefixes[i], bounds->high, bounds->high_last, &range->to)
                     : status;
    }
    out->range_count = m->count;
    return status;
}

/* -------------------------------------------------------------------------------- all ---------- */

/* Takes the fields that stand at points, from the first. */
static pbase_status take_points(maker *m)
{
    const index_definition *definition = m->definition;
    pbase_status status = PBASE_OK;
    m->out->is_single = true;
    while (m->out->points < definition->field_count && status == PBASE_OK) {
        const access_term *term = term_for(m, &definition->fields[m->out->points], true);
        pbase_bytes *points = NULL;
        size_t count = 0;
        status = term == NULL ? PBASE_OK : points_of(m, term, &points, &count);
        if (term == NULL || status != PBASE_OK || m->count * count > ACCESS_RANGES_MAX) {
            break;
        }
        status = multiply(m, points, count);
        m->out->is_single = m->out->is_single && count == 1;
        m->out->points++;
        m->out->terms++;
    }
    m->out->bound = m->out->points;
    return status;
}

static pbase_status take_bounds(maker *m)
{
    const index_definition *definition = m->definition;
    const access_term *term = m->out->points < definition->field_count
                                  ? term_for(m, &definition->fields[m->out->points], false)
                                  : NULL;
    field_bounds bounds = {{NULL, 0}, {NULL, 0}, -1, ENTRY_ABOVE}; /* all below each prefix */
    pbase_status status = PBASE_OK;
    if (term != NULL) {
        status = term->kind == TERM_RANGE ? range_bounds(m, term, &bounds)
                                          : prefix_bounds(m, term, &bounds);
        m->out->bound++;
        m->out->terms++;
    }
    return status == PBASE_OK ? set_ranges(m, &bounds) : status;
}

pbase_status access_ranges_make(const index_definition *definition, const access_terms *terms,
                                pbase_arena *arena, access_ranges *out, pbase_error *err)
{
    static pbase_bytes everything[1] = {{NULL, 0}};
    access_ranges made;
    memset(&made, 0, sizeof made);
    maker m = {definition, terms, arena, {0}, everything, 1, &made, err};
    pbase_buffer_init(&m.scratch, arena->alloc);
    pbase_status status = take_points(&m);
    status = status == PBASE_OK ? take_bounds(&m) : status;
    pbase_buffer_fini(&m.scratch);
    if (status == PBASE_OK) {
        *out = made;
    }
    return status;
}
