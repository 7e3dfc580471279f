/* lookup.c - walks over the entries of an index.
 *
 * Forwards a walk is a cursor with a bound. Backwards it goes from group to group, a group being the
 * entries with equal elements, and through each group forwards. The mark of cut entries, above all
 * others, is never given. */
#include "index/lookup.h"

#include "index/entry.h"
#include "index/upkeep.h"

enum { WALK_BEFORE, WALK_INSIDE, WALK_ENDED };

/* `to`, or the mark where there is none. */
static pbase_bytes upper_of(const index_range *range)
{
    return range->to.size == 0 ? INDEX_CUT_MARK : range->to;
}

pbase_status index_range_count(const tree *entries, const index_range *range, uint64_t *out,
                               pbase_error *err)
{
    uint64_t below = 0, up_to = 0;
    pbase_status status =
        range->from.size == 0 ? PBASE_OK : tree_rank(entries, range->from, &below, NULL, err);
    if (status == PBASE_OK) {
        status = tree_rank(entries, upper_of(range), &up_to, NULL, err);
    }
    if (status == PBASE_OK) {
        *out = up_to > below ? up_to - below : 0;
    }
    return status;
}

/* ------------------------------------------------------------------------------- groups ------- */

/* Entries of the group of the one under the cursor; 0: they have a null, or it is the mark. */
static pbase_status group_count(tree_cursor *at, const tree *entries, size_t elements,
                                pbase_buffer *above, uint64_t *out, pbase_error *err)
{
    encoded_key key;
    *out = 0;
    pbase_status status = tree_cursor_key(at, &key, err);
    size_t size = status == PBASE_OK ? entry_prefix_size(key.bytes, elements) : 0;
    if (size == 0 || entry_has_null(key.bytes, elements)) {
        return status;
    }
    pbase_bytes prefix = pbase_bytes_of(key.bytes.data, size);
    above->size = 0;
    status = pbase_buffer_append_bytes(above, prefix, err);
    status = status == PBASE_OK ? pbase_buffer_append_u8(above, ENTRY_ABOVE, err) : status;
    index_range range = {prefix, pbase_buffer_view(above)};
    return status == PBASE_OK ? index_range_count(entries, &range, out, err) : status;
}

#define GROUPS_LOOKED_AT 8u

/* Entries evenly apart meet a group as often as it is large: the mean size is the harmonic one. */
pbase_status index_group_entries(const tree *entries, size_t elements, const pbase_alloc *alloc,
                                 double *out, pbase_error *err)
{
    uint64_t total = 0;
    double shares = 0;
    unsigned met = 0;
    tree_cursor at;
    pbase_buffer above;
    pbase_status status = tree_count(entries, &total, err);
    tree_cursor_init(&at, entries, alloc);
    pbase_buffer_init(&above, alloc);
    for (uint64_t i = 0; i < GROUPS_LOOKED_AT && total > 0 && status == PBASE_OK; i++) {
        uint64_t count = 0;
        status = tree_cursor_seek_index(&at, (2 * i + 1) * total / (2 * GROUPS_LOOKED_AT), err);
        if (status == PBASE_OK) {
            status = group_count(&at, entries, elements, &above, &count, err);
        }
        met += count > 0;
        shares += count > 0 ? 1.0 / (double)count : 0;
    }
    if (status == PBASE_OK) {
        *out = met == 0 ? 0 : met / shares;
    }
    pbase_buffer_fini(&above);
    tree_cursor_fini(&at);
    return status;
}

void index_walk_init(index_walk *self, const index_definition *definition, const tree *entries,
                     const index_range *range, bool is_reverse, read_observer *reads,
                     const pbase_alloc *alloc)
{
    memset(self, 0, sizeof *self);
    self->definition = definition;
    self->reads = reads;
    self->range = *range;
    self->is_reverse = is_reverse;
    self->state = WALK_BEFORE;
    pbase_buffer_init(&self->group, alloc);
    tree_cursor_init(&self->at, entries, alloc);
}

void index_walk_fini(index_walk *self)
{
    tree_cursor_fini(&self->at);
    pbase_buffer_fini(&self->group);
}

/* ------------------------------------------------------------------------------ observing ------ */

static pbase_status observe_begin(index_walk *self, pbase_error *err)
{
    if (self->reads == NULL || self->is_observed) {
        return PBASE_OK;
    }
    observed_range range = {self->is_reverse ? self->range.to : self->range.from, self->is_reverse,
                            self->is_reverse};
    pbase_status status = self->reads->vtable->range_begin(self->reads, self->definition->entries,
                                                           &range, &self->observed, err);
    self->is_observed = status == PBASE_OK;
    return status;
}

static pbase_status observe_to(index_walk *self, pbase_bytes edge, bool is_exclusive,
                               pbase_error *err)
{
    return self->reads == NULL ? PBASE_OK
                               : self->reads->vtable->range_extend(self->reads, self->observed,
                                                                   edge, is_exclusive, err);
}

/* Nothing is left: the whole range has been read. */
static pbase_status walk_end(index_walk *self, pbase_error *err)
{
    self->state = WALK_ENDED;
    pbase_status status = self->is_reverse ? observe_to(self, self->range.from, false, err)
                                           : observe_to(self, self->range.to, true, err);
    return status == PBASE_OK ? PBASE_END : status;
}

/* --------------------------------------------------------------------------------- moving ------ */

static pbase_status seek_first(index_walk *self, pbase_error *err)
{
    return self->range.from.size == 0 ? tree_cursor_first(&self->at, err)
                                      : tree_cursor_seek(&self->at, self->range.from, false, err);
}

static pbase_status row_here(index_walk *self, bool observes, pbase_bytes *out_row,
                             pbase_error *err)
{
    encoded_key key;
    pbase_status status = tree_cursor_key(&self->at, &key, err);
    if (status == PBASE_OK && !entry_row(key.bytes, self->definition->field_count, out_row)) {
        status =
            PBASE_FAIL(err, PBASE_CORRUPT, "an entry of index '%.*s' is malformed",
                       (int)self->definition->name.size, (const char *)self->definition->name.data);
        pbase_error_hint(err, "drop the index and create it again");
    }
    return status == PBASE_OK && observes ? observe_to(self, key.bytes, false, err) : status;
}

static pbase_status next_forwards(index_walk *self, pbase_bytes *out_row, pbase_error *err)
{
    pbase_status status =
        self->state == WALK_BEFORE ? seek_first(self, err) : tree_cursor_next(&self->at, err);
    self->state = WALK_INSIDE;
    if (status == PBASE_OK && tree_cursor_compare(&self->at, upper_of(&self->range)) >= 0) {
        status = PBASE_END;
    }
    if (status == PBASE_END) {
        return walk_end(self, err);
    }
    return status == PBASE_OK ? row_here(self, true, out_row, err) : status;
}

static pbase_bytes group_of(const index_walk *self)
{
    return pbase_buffer_view(&self->group);
}

/* Takes the elements of the entry under the cursor as the group. */
static pbase_status group_take(index_walk *self, pbase_error *err)
{
    encoded_key key;
    pbase_status status = tree_cursor_key(&self->at, &key, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->group.size = 0;
    size_t size = entry_prefix_size(key.bytes, self->definition->field_count);
    return pbase_buffer_append_bytes(&self->group, pbase_bytes_of(key.bytes.data, size), err);
}

/* To the first entry of the group before the one that was given; END: there is none. */
static pbase_status group_back(index_walk *self, pbase_error *err)
{
    pbase_bytes above = self->state == WALK_BEFORE ? upper_of(&self->range) : group_of(self);
    pbase_status status = tree_cursor_seek_back(&self->at, above, true, err);
    if (status == PBASE_OK && self->range.from.size > 0 &&
        tree_cursor_compare(&self->at, self->range.from) < 0) {
        return PBASE_END;
    }
    status = status == PBASE_OK ? group_take(self, err) : status;
    if (status == PBASE_OK && group_of(self).size > 0) {
        status = tree_cursor_seek(&self->at, group_of(self), false, err);
    }
    return status == PBASE_OK ? observe_to(self, group_of(self), false, err) : status;
}

/* Whether the cursor stands in the group still. */
static pbase_status group_holds(index_walk *self, bool *out, pbase_error *err)
{
    encoded_key key;
    pbase_bytes group = group_of(self);
    pbase_status status = tree_cursor_key(&self->at, &key, err);
    *out = status == PBASE_OK && key.bytes.size > group.size &&
           memcmp(key.bytes.data, group.data, group.size) == 0;
    return status;
}

static pbase_status next_backwards(index_walk *self, pbase_bytes *out_row, pbase_error *err)
{
    bool is_inside = false;
    pbase_status status = PBASE_OK;
    if (self->state == WALK_INSIDE) {
        status = tree_cursor_next(&self->at, err);
        status = status == PBASE_OK ? group_holds(self, &is_inside, err) : status;
        status = status == PBASE_END ? PBASE_OK : status;
    }
    if (status == PBASE_OK && !is_inside) {
        status = group_back(self, err);
        self->state = WALK_INSIDE;
    }
    if (status == PBASE_END) {
        return walk_end(self, err);
    }
    return status == PBASE_OK ? row_here(self, false, out_row, err) : status;
}

pbase_status index_walk_next(index_walk *self, pbase_bytes *out_row, pbase_error *err)
{
    if (self->state == WALK_ENDED) {
        return PBASE_END;
    }
    pbase_status status = observe_begin(self, err);
    if (status != PBASE_OK) {
        return status;
    }
    return self->is_reverse ? next_backwards(self, out_row, err)
                            : next_forwards(self, out_row, err);
}
