/* tree_build.c - a tree of entries that are all there, from the leaves up: each node is filled, written
 * once and never searched. The last node of a level shares with the one before when it would be too
 * small. */
#include "collection/node_build.h"
#include "collection/node_entry.h"
#include "collection/tree_private.h"

#include <inttypes.h>

/* The nodes of one level as entries of the next: references are counts of ours. */
typedef struct {
    node_entry *items;
    size_t count, capacity;
} node_row;

typedef struct {
    atom_source *source;
    bool positional;
    node_row below;  /* entries that are being grouped into nodes */
    size_t coming;   /* entries of the level behind them */
    node_row above;  /* the nodes made of them */
    node_entry last; /* the one before the first of `below` */
} builder;

static pbase_status row_reserve(const builder *self, node_row *row, size_t capacity,
                                pbase_error *err)
{
    const pbase_alloc *alloc = self->source->alloc;
    if (capacity <= row->capacity) {
        return PBASE_OK;
    }
    node_entry *items =
        alloc->resize(alloc, row->items, row->capacity * sizeof *items, capacity * sizeof *items);
    if (items == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to build a tree of %zu nodes", capacity);
    }
    row->items = items;
    row->capacity = capacity;
    return PBASE_OK;
}

/* Drops what the entries of a row refer to, from `first` on, and the row. */
static void row_drop(const builder *self, node_row *row, size_t first, uint8_t level)
{
    for (size_t i = first; i < row->count; i++) {
        tree_drop(self->source, level == 0 ? row->items[i].ref : row->items[i].child.ref);
    }
    pbase_alloc_free(self->source->alloc, row->items, row->capacity * sizeof *row->items);
    memset(row, 0, sizeof *row);
}

/* ------------------------------------------------------------------------------- nodes -------- */

/* Where a group ends that begins at `first`: the entries that fill one node. What keys have in common
 * counts once. */
static size_t group_end(const builder *self, size_t first, uint8_t level)
{
    node_gauge gauge;
    size_t end = first;
    node_gauge_init(&gauge, level, self->positional);
    for (; end < self->below.count; end++) {
        const node_entry *entry = &self->below.items[end];
        uint64_t size = node_gauge_with(&gauge, entry);
        uint32_t count = (uint32_t)(end - first) + 1;
        if (!self->positional && count > 1 && size > NODE_LEAF_BYTES) {
            const node_entry *lowest = &self->below.items[level == 0 ? first : first + 1];
            uint64_t saved = (uint64_t)entry_key_common(lowest, entry) * (count - 1);
            size -= saved < size ? saved : size;
        }
        if (node_overfull(level, (uint32_t)size, count)) {
            break;
        }
        node_gauge_add(&gauge, entry);
    }
    return end;
}

/* Where the last group but one ends, so that the last one is not underfull. */
static size_t last_border(size_t first, size_t end, size_t count)
{
    return count - end < (end - first) / 2 ? first + (count - first) / 2 : end;
}

/* The shortest key that tells a leaf from the one before it. */
static pbase_bytes separator_of(const node_entry *before, const node_entry *first)
{
    pbase_bytes key = first->tail;
    key.size = entry_key_common(before, first) + 1u;
    return key;
}

/* Writes the entries first..end-1 as a node, whose entry joins the row above. */
static pbase_status node_add(builder *self, size_t first, size_t end, uint8_t level,
                             pbase_error *err)
{
    node_plan plan;
    node_plan_init(&plan, level, self->positional);
    node_plan_add_entries(&plan, self->below.items + first, (uint32_t)(end - first));
    uint32_t size = (node_plan_size(&plan, 0, plan.count) + 15u) & ~15u;
    pbase_status status = PBASE_OK;
    if (self->above.count == self->above.capacity) {
        status = row_reserve(self, &self->above, self->above.capacity * 2 + 16, err);
    }
    atom_memory *memory =
        status == PBASE_OK ? atom_memory_create(self->source, ATOM_NODE, size) : NULL;
    if (memory == NULL) {
        return status != PBASE_OK ? status
                                  : PBASE_FAIL(err, PBASE_NO_MEMORY,
                                               "no memory for a node of %" PRIu32 " bytes", size);
    }
    memory->size = size;
    node_plan_write(&plan, 0, plan.count, memory->payload, size);
    node made = node_of(memory->payload, size);
    node_entry *entry = &self->above.items[self->above.count++];
    memset(entry, 0, sizeof *entry);
    entry->child = node_child_of(atom_ref_of_memory(memory), &made);
    if (!self->positional && self->above.count > 1) { /* the first one needs no key */
        entry->tail = level == 0
                          ? separator_of(first > 0 ? &self->below.items[first - 1] : &self->last,
                                         &self->below.items[first])
                          : self->below.items[first].tail;
    }
    return PBASE_OK;
}

/* Makes nodes of the row below as long as more than `ahead` entries of it are left; `*done` goes on
 * over those that went into nodes. */
static pbase_status groups_add(builder *self, size_t ahead, uint8_t level, size_t *done,
                               pbase_error *err)
{
    pbase_status status = PBASE_OK;
    size_t count = self->below.count;
    while (*done < count && count - *done > ahead && status == PBASE_OK) {
        size_t end = group_end(self, *done, level);
        if (end < count || self->coming != 0) {
            end = last_border(*done, end, count + self->coming);
        }
        status = node_add(self, *done, end, level, err);
        *done = status == PBASE_OK ? end : *done;
    }
    return status;
}

/* The row above takes the place of the one below, all of which went into nodes. */
static void level_rise(builder *self)
{
    pbase_alloc_free(self->source->alloc, self->below.items,
                     self->below.capacity * sizeof *self->below.items);
    self->below = self->above;
    self->coming = 0;
    memset(&self->above, 0, sizeof self->above);
}

/* ------------------------------------------------------------------------------ entries ------- */

static pbase_status entry_check(const builder *self, const tree_entry *entry,
                                const tree_entry *before, pbase_error *err)
{
    if (self->positional) {
        return PBASE_OK;
    }
    pbase_status status = tree_key_check(&entry->key, err);
    if (status == PBASE_OK && before != NULL &&
        pbase_bytes_compare(before->key.bytes, entry->key.bytes) >= 0) {
        status = PBASE_FAIL(err, PBASE_INVALID, "keys to be built from must ascend");
    }
    return status;
}

#define WINDOW_ENTRIES 4096u /* of leaves under way: they stay in the cache */
#define WINDOW_AHEAD 1024u   /* more than a leaf and a half can hold */

static pbase_status entry_take(builder *self, const tree_entry *entries, size_t index,
                               pbase_error *err)
{
    node_entry *entry = &self->below.items[self->below.count];
    memset(entry, 0, sizeof *entry);
    entry->tail = entries[index].key.bytes;
    entry->spelling = entries[index].key.spelling;
    pbase_status status =
        entry_check(self, &entries[index], index == 0 ? NULL : &entries[index - 1], err);
    if (status == PBASE_OK) {
        status = tree_entry_value(self->source, &entries[index].value, entry, err);
    }
    self->below.count += status == PBASE_OK;
    return status;
}

/* Forgets what went into nodes. */
static void window_move(builder *self, size_t done)
{
    if (done > 0) {
        self->last = self->below.items[done - 1];
        self->below.count -= done;
        memmove(self->below.items, self->below.items + done,
                self->below.count * sizeof self->below.items[0]);
    }
}

static pbase_status leaves_build(builder *self, const tree_entry *entries, size_t count,
                                 pbase_error *err)
{
    size_t window = count < WINDOW_ENTRIES ? count : WINDOW_ENTRIES, taken = 0;
    pbase_status status = row_reserve(self, &self->below, window, err);
    while (status == PBASE_OK && (taken < count || self->below.count > 0)) {
        size_t done = 0;
        while (taken < count && self->below.count < window && status == PBASE_OK) {
            status = entry_take(self, entries, taken, err);
            taken += status == PBASE_OK;
        }
        self->coming = count - taken;
        if (status == PBASE_OK) {
            status = groups_add(self, taken < count ? WINDOW_AHEAD : 0, 0, &done, err);
        }
        window_move(self, done);
    }
    return status;
}

pbase_status tree_build(atom_source *source, bool positional, const tree_entry *entries,
                        size_t count, tree *out, pbase_error *err)
{
    builder self = {.source = source, .positional = positional};
    uint8_t level = 0;
    if (count == 0) {
        *out = tree_of(source, ATOM_REF_NONE, positional);
        return PBASE_OK;
    }
    size_t done = 0;
    pbase_status status = leaves_build(&self, entries, count, err);
    while (status == PBASE_OK && self.above.count > 1) {
        level_rise(&self);
        done = 0;
        if (++level > NODE_LEVEL_MAX) {
            status =
                PBASE_FAIL(err, PBASE_LIMIT, "a tree of more than %u levels", NODE_LEVEL_MAX + 1u);
        }
        status = status == PBASE_OK ? groups_add(&self, 0, level, &done, err) : status;
    }
    if (status == PBASE_OK) {
        *out = tree_of(source, self.above.items[0].child.ref, positional);
        self.above.count = 0;
        done = self.below.count;
    }
    row_drop(&self, &self.below, done, level);
    row_drop(&self, &self.above, 0, 1);
    return status;
}
