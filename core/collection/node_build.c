/* node_build.c - plans, and nodes written from them. */
#include "collection/node_build.h"

/* ------------------------------------------------------------------------------- plans -------- */

void node_plan_init(node_plan *plan, uint8_t level, bool positional)
{
    plan->run_count = 0;
    plan->count = 0;
    plan->level = level;
    plan->positional = positional;
    plan->is_alike = false;
}

void node_plan_add(node_plan *plan, const node *from, uint32_t first, uint32_t end)
{
    if (first == end) {
        return;
    }
    PBASE_ASSERT(plan->run_count < NODE_RUNS_MAX);
    node_run *run = &plan->runs[plan->run_count++];
    run->from = from;
    run->many = NULL;
    run->first = first;
    run->end = end;
    plan->count += end - first;
    plan->is_alike = false;
}

void node_plan_add_entry(node_plan *plan, const node_entry *entry)
{
    PBASE_ASSERT(plan->run_count < NODE_RUNS_MAX);
    node_run *run = &plan->runs[plan->run_count++];
    run->from = NULL;
    run->first = 0;
    run->end = 1;
    run->many = NULL;
    run->single = *entry;
    plan->count++;
    plan->is_alike = false;
}

void node_plan_add_entries(node_plan *plan, const node_entry *entries, uint32_t count)
{
    PBASE_ASSERT(plan->run_count < NODE_RUNS_MAX);
    node_run *run = &plan->runs[plan->run_count++];
    run->from = NULL;
    run->many = entries;
    run->first = 0;
    run->end = count;
    plan->count += count;
    plan->is_alike = false;
}

void node_plan_add_plan(node_plan *plan, const node_plan *other, uint32_t first)
{
    for (uint32_t i = 0; i < other->run_count; i++) {
        const node_run *run = &other->runs[i];
        uint32_t size = run->end - run->first;
        if (first >= size) {
            first -= size;
        } else if (run->many != NULL) {
            node_plan_add_entries(plan, run->many + run->first + first, size - first);
            first = 0;
        } else if (run->from == NULL) {
            node_plan_add_entry(plan, &run->single);
        } else {
            node_plan_add(plan, run->from, run->first + first, run->end);
            first = 0;
        }
    }
}

/* Goes through the entries of a plan. */
typedef struct {
    const node_plan *plan;
    uint32_t run;
    uint32_t index; /* in the run, from 0 */
} plan_position;

static plan_position plan_seek(const node_plan *plan, uint32_t index)
{
    plan_position at = {plan, 0, index};
    while (at.run < plan->run_count &&
           at.index >= plan->runs[at.run].end - plan->runs[at.run].first) {
        at.index -= plan->runs[at.run].end - plan->runs[at.run].first;
        at.run++;
    }
    return at;
}

/* The entry at the position, which moves on to the next: lent by the plan, or read into `scratch`. */
static const node_entry *plan_next(plan_position *at, node_entry *scratch)
{
    const node_run *run = &at->plan->runs[at->run];
    const node_entry *entry = scratch;
    if (run->from != NULL) {
        node_entry_read(run->from, run->first + at->index, scratch);
    } else {
        entry = run->many == NULL ? &run->single : &run->many[run->first + at->index];
    }
    if (++at->index == run->end - run->first) {
        at->index = 0;
        at->run++;
    }
    return entry;
}

void node_plan_entry(const node_plan *plan, uint32_t index, node_entry *out)
{
    plan_position at = plan_seek(plan, index);
    node_entry scratch;
    *out = *plan_next(&at, &scratch);
}

/* First entry of from..to-1 that has a key of its own. */
static uint32_t first_keyed(const node_plan *plan, uint32_t from)
{
    return plan->level == 0 ? from : from + 1;
}

/* What the keys of from..to-1 share; a single key shares nothing, so that others can join it. */
static uint32_t plan_prefix(const node_plan *plan, uint32_t from, uint32_t to)
{
    uint32_t first = first_keyed(plan, from);
    if (plan->positional || first + 1 >= to) {
        return 0;
    }
    node_entry low, high;
    node_plan_entry(plan, first, &low);
    node_plan_entry(plan, to - 1, &high);
    return entry_key_common(&low, &high);
}

void node_plan_separator(const node_plan *plan, uint32_t index, node_entry *out)
{
    node_entry right;
    node_plan_entry(plan, index, &right);
    memset(out, 0, sizeof *out);
    out->lead = right.lead;
    out->tail = right.tail;
    if (plan->level != 0) {
        return; /* a separator already */
    }
    node_entry left;
    node_plan_entry(plan, index - 1, &left);
    size_t size = entry_key_common(&left, &right) + 1u;
    if (size <= right.lead.size) {
        out->lead.size = size;
        out->tail.size = 0;
    } else {
        out->tail.size = size - right.lead.size;
    }
}

/* ------------------------------------------------------------------------------- nodes -------- */

/* True when all of the entries from..to-1 can be written in a form, which is even; it is theirs. */
static bool plan_is_even(const node_plan *plan, uint32_t from, uint32_t to, const entry_form *form)
{
    plan_position at = plan_seek(plan, from);
    for (uint32_t i = from; i < to;) {
        const node_run *run = &plan->runs[at.run];
        node_entry scratch;
        uint32_t alike = 1; /* entries of which the first tells all */
        if (run->from != NULL && node_even(run->from)) {
            alike = run->end - run->first - at.index;
        }
        if (!entry_is_even(plan_next(&at, &scratch), form)) {
            return false;
        }
        if (alike > 1) {
            at.run++;
            at.index = 0;
        }
        i += alike;
    }
    return true;
}

void node_plan_look(node_plan *plan)
{
    entry_form form = entry_form_whole(plan->level, plan->positional);
    node_entry first;
    if (plan->level != 0 || plan->count < NODE_EVEN_MIN) {
        return;
    }
    node_plan_entry(plan, 0, &first);
    if (entry_form_make_even(&form, &first) && plan_is_even(plan, 0, plan->count, &form)) {
        plan->is_alike = true;
        plan->key_size = form.tail_size;
        plan->value_size = form.value_size;
    }
}

static entry_form plan_form(const node_plan *plan, uint32_t from, uint32_t to)
{
    entry_form form = entry_form_whole(plan->level, plan->positional);
    form.prefix_size = plan_prefix(plan, from, to);
    if (plan->is_alike && to - from >= NODE_EVEN_MIN) {
        form.even = true;
        form.tail_size = (uint16_t)(plan->key_size - form.prefix_size);
        form.value_size = plan->value_size;
    } else if (plan->level == 0 && to - from >= NODE_EVEN_MIN) {
        node_entry first;
        node_plan_entry(plan, from, &first);
        form.even = entry_form_make_even(&form, &first) && plan_is_even(plan, from, to, &form);
    }
    return form;
}

static bool entry_keyless(const node_plan *plan, bool first)
{
    return first && plan->level != 0;
}

static uint32_t index_bytes(bool positional)
{
    return positional ? 4u : 8u;
}

static uint32_t plan_heap_size(const node_plan *plan, uint32_t from, uint32_t to,
                               const entry_form *form)
{
    plan_position at = plan_seek(plan, from);
    uint32_t size = 0;
    if (form->even) {
        return (to - from) * ((uint32_t)form->tail_size + form->value_size);
    }
    for (uint32_t i = from; i < to; i++) {
        node_entry scratch;
        size += entry_size(plan_next(&at, &scratch), form, entry_keyless(plan, i == from));
    }
    return size;
}

/* Header, prefix, heads and slots; an even node that is stored (`row`) has no slots. */
static uint32_t fixed_size(const entry_form *form, uint32_t count, bool row)
{
    return NODE_HEADER_BYTES + node_prefix_room(form->prefix_size) +
           count * (index_bytes(form->positional) - (row ? 4u : 0u));
}

uint32_t node_plan_size(const node_plan *plan, uint32_t from, uint32_t to)
{
    entry_form form = plan_form(plan, from, to);
    return fixed_size(&form, to - from, false) + plan_heap_size(plan, from, to, &form);
}

uint32_t node_plan_stored_size(const node_plan *plan, uint32_t from, uint32_t to)
{
    entry_form form = plan_form(plan, from, to);
    return fixed_size(&form, to - from, form.even) + plan_heap_size(plan, from, to, &form);
}

/* The border where the bytes before it, written without a common prefix, come nearest to half. */
static uint32_t plan_half(const node_plan *plan)
{
    entry_form form = plan_form(plan, 0, plan->count);
    if (form.even) {
        return (plan->count + 1) / 2; /* of entries of one size */
    }
    form = entry_form_whole(plan->level, plan->positional);
    uint64_t whole = plan_heap_size(plan, 0, plan->count, &form) +
                     (uint64_t)plan->count * index_bytes(plan->positional);
    plan_position at = plan_seek(plan, 0);
    uint64_t before = 0;
    for (uint32_t i = 0; i < plan->count - 1; i++) {
        node_entry scratch;
        const node_entry *entry = plan_next(&at, &scratch);
        uint64_t with = before + entry_size(entry, &form, entry_keyless(plan, i == 0)) +
                        index_bytes(plan->positional);
        if (with * 2 >= whole) { /* the border lies before or after this entry */
            bool after = i == 0 || with * 2 - whole <= whole - before * 2;
            return after ? i + 1 : i;
        }
        before = with;
    }
    return plan->count - 1;
}

uint32_t node_plan_middle(const node_plan *plan, uint32_t border)
{
    uint32_t half = plan_half(plan);
    if (border == 0) {
        return half; /* nothing else to choose */
    }
    bool poor = node_overfull(plan->level, node_plan_stored_size(plan, 0, half), half) ||
                node_overfull(plan->level, node_plan_stored_size(plan, half, plan->count),
                              plan->count - half);
    return poor ? border : half;
}

static void header_write(uint8_t *payload, const entry_form *form, bool row, uint32_t count,
                         const node_sums *sums, uint32_t heap)
{
    uint32_t flags = sums->flags | (form->positional ? NODE_POSITIONAL : 0u) |
                     (form->even ? NODE_EVEN : 0u) | (row ? NODE_ROW : 0u);
    memset(payload, 0, NODE_HEADER_BYTES + node_prefix_room(form->prefix_size));
    payload[NODE_AT_FORMAT] = NODE_FORMAT;
    payload[NODE_AT_LEVEL] = form->level;
    payload[NODE_AT_FLAGS] = (uint8_t)flags;
    pbase_put_u32(payload + NODE_AT_COUNT, count);
    pbase_put_u64(payload + NODE_AT_TOTAL, sums->total);
    pbase_put_u32(payload + NODE_AT_PREFIX, form->prefix_size);
    pbase_put_u32(payload + NODE_AT_HEAP, heap);
    if (form->even) {
        pbase_put_u16(payload + NODE_AT_TAIL, form->tail_size);
        pbase_put_u16(payload + NODE_AT_VALUE, form->value_size);
    }
}

static void prefix_write(const node_plan *plan, uint32_t entry_index, uint8_t *payload,
                         const entry_form *form)
{
    if (form->prefix_size == 0) {
        return;
    }
    node_entry entry;
    node_plan_entry(plan, entry_index, &entry);
    for (uint32_t i = 0; i < form->prefix_size; i++) {
        payload[NODE_HEADER_BYTES + i] = entry_key_byte(&entry, i);
    }
}

/* Lays `count` entries from `from` on in an even form. Those of an even node lie there as they are to lie
 * here, but for a longer prefix. */
static void even_lay(const node_plan *plan, uint32_t from, uint32_t count, const entry_form *form,
                     uint8_t *to)
{
    uint32_t stride = (uint32_t)form->tail_size + form->value_size;
    plan_position at = plan_seek(plan, from);
    for (uint32_t left = count; left > 0;) {
        const node_run *run = &plan->runs[at.run];
        if (run->from == NULL || !node_even(run->from) ||
            run->from->prefix_size > form->prefix_size) {
            node_entry scratch;
            entry_write(to, plan_next(&at, &scratch), form, false);
            to += stride;
            left--;
            continue;
        }
        uint32_t first = run->first + at.index, shared = form->prefix_size - run->from->prefix_size;
        uint32_t end = run->end - first < left ? run->end : first + left;
        left -= end - first;
        for (uint32_t i = first; i < end; i++, to += stride) {
            memcpy(to, node_entry_at(run->from, i) + shared, stride);
        }
        at = (plan_position){plan, at.run + 1, 0};
    }
}

/* Heads and slots of entries that lie behind each other from `heap` on; NULL: there are none. */
static void even_index(const entry_form *form, uint32_t count, uint8_t *payload, uint32_t heap,
                       uint8_t *heads, uint8_t *slots)
{
    uint32_t stride = (uint32_t)form->tail_size + form->value_size, offset = heap;
    for (uint32_t i = 0; i < count; i++, offset += stride) {
        if (slots != NULL) {
            pbase_put_u32(slots + (size_t)i * 4, offset);
        }
        if (heads != NULL) {
            pbase_put_u32(heads + (size_t)i * 4, node_head_of(payload + offset, form->tail_size));
        }
    }
}

/* Writes the entries from..to-1 in a form; `row`: as an even node is stored. */
static void plan_lay(const node_plan *plan, uint32_t from, uint32_t to, const entry_form *form,
                     bool row, uint8_t *payload, uint32_t size)
{
    uint32_t heap = size - plan_heap_size(plan, from, to, form), count = to - from;
    uint8_t *index = payload + NODE_HEADER_BYTES + node_prefix_room(form->prefix_size);
    uint8_t *heads = plan->positional ? NULL : index;
    uint8_t *slots = row ? NULL : plan->positional ? index : index + (size_t)count * 4;
    node_sums sums = {0, 0};
    plan_position at = plan_seek(plan, from);
    uint32_t offset = heap;
    if (form->even) {
        even_lay(plan, from, count, form, payload + heap);
        even_index(form, count, payload, heap, heads, slots);
        sums.total = count;
        offset = size;
    }
    for (uint32_t i = 0; i < count && !form->even; i++) {
        node_entry scratch;
        bool keyless = entry_keyless(plan, i == 0);
        const node_entry *entry = plan_next(&at, &scratch);
        entry_write(payload + offset, entry, form, keyless);
        if (slots != NULL) {
            pbase_put_u32(slots + (size_t)i * 4, offset);
        }
        if (heads != NULL) {
            pbase_put_u32(heads + (size_t)i * 4, entry_head(payload + offset, form));
        }
        node_sums_add(&sums, entry, plan->level);
        offset += entry_size(entry, form, keyless);
    }
    PBASE_ASSERT(offset == size);
    header_write(payload, form, row, count, &sums, heap);
    prefix_write(plan, to - 1, payload, form);
}

void node_plan_write(const node_plan *plan, uint32_t from, uint32_t to, uint8_t *payload,
                     uint32_t size)
{
    entry_form form = plan_form(plan, from, to);
    plan_lay(plan, from, to, &form, false, payload, size);
}

void node_plan_store(const node_plan *plan, uint8_t *payload, uint32_t size)
{
    entry_form form = plan_form(plan, 0, plan->count);
    plan_lay(plan, 0, plan->count, &form, form.even, payload, size);
}

uint32_t node_even_stored_size(const entry_form *form, uint32_t count)
{
    return fixed_size(form, count, true) + count * ((uint32_t)form->tail_size + form->value_size);
}

/* Writes what an even leaf has of an entry: most often a tail and a value that lie together. */
static uint8_t *even_put(uint8_t *at, const node_entry *entry, const entry_form *form)
{
    size_t tail_size = form->tail_size, value_size = form->value_size;
    if (tail_size != 0 && value_size != 0 &&
        entry->bytes.data == entry->tail.data + entry->tail.size) {
        memcpy(at, entry->tail.data + form->prefix_size, tail_size + value_size);
        return at + tail_size + value_size;
    }
    if (tail_size != 0) {
        memcpy(at, entry->tail.data + form->prefix_size, tail_size);
    }
    if (value_size != 0) {
        memcpy(at + tail_size, entry->bytes.data, value_size);
    }
    return at + tail_size + value_size;
}

void node_even_store(const node_entry *entries, uint32_t count, const entry_form *form,
                     uint8_t *payload)
{
    uint8_t *heads = payload + NODE_HEADER_BYTES + node_prefix_room(form->prefix_size);
    uint8_t *row = heads + (form->positional ? 0 : (size_t)count * 4), *at = row;
    const node_sums sums = {.total = count};
    for (uint32_t i = 0; i < count; i++) {
        const node_entry *entry = &entries[i];
        if (!form->positional) {
            pbase_put_u32(heads + (size_t)i * 4,
                          node_head_of(entry->tail.data + form->prefix_size, form->tail_size));
        }
        at = even_put(at, entry, form);
    }
    header_write(payload, form, true, count, &sums, (uint32_t)(row - payload));
    if (form->prefix_size != 0) {
        memcpy(payload + NODE_HEADER_BYTES, entries[0].tail.data, form->prefix_size);
    }
}

/* A copy in memory of a node that lies in a row. */
static void row_copy(const node *self, uint8_t *payload, uint32_t size)
{
    size_t slots_at = (size_t)(self->slots - self->payload);
    uint32_t heap_size = self->count * self->stride + node_base_bytes(self),
             heap = size - heap_size;
    memcpy(payload, self->payload, slots_at);
    memcpy(payload + heap, self->slots, heap_size);
    payload[NODE_AT_FLAGS] &= (uint8_t)~NODE_ROW;
    pbase_put_u32(payload + NODE_AT_HEAP, heap);
    for (uint32_t i = 0; i < self->count; i++) {
        pbase_put_u32(payload + slots_at + (size_t)i * 4, heap + i * self->stride);
    }
}

void node_copy(const node *self, uint8_t *payload, uint32_t size)
{
    if (self->stride != 0) {
        row_copy(self, payload, size);
        return;
    }
    uint32_t heap = pbase_get_u32(self->payload + NODE_AT_HEAP);
    uint32_t heap_size = self->size - heap;
    uint32_t shift = size - self->size; /* of every offset, modulo 2^32 */
    size_t index_end = (size_t)(self->slots - self->payload) + (size_t)self->count * 4;
    memcpy(payload, self->payload, index_end);
    memcpy(payload + size - heap_size, self->payload + heap, heap_size);
    pbase_put_u32(payload + NODE_AT_HEAP, heap + shift);
    uint8_t *slots = payload + (self->slots - self->payload);
    for (uint32_t i = 0; i < self->count; i++) {
        uint8_t *slot = slots + (size_t)i * 4;
        pbase_put_u32(slot, pbase_get_u32(slot) + shift);
    }
}

/* True when a node is even, or can be: edits may have made its entries alike. `form` tells the sizes. */
static bool pack_even(const node *self, entry_form *form)
{
    *form = entry_form_of(self);
    if (form->even || self->level != 0 || (self->flags & NODE_OWNS) != 0 ||
        self->count < NODE_EVEN_MIN) {
        return form->even;
    }
    for (uint32_t i = 0; i < self->count; i++) {
        node_entry entry;
        node_entry_read(self, i, &entry);
        if (i == 0 ? !entry_form_make_even(form, &entry) : !entry_is_even(&entry, form)) {
            return false;
        }
    }
    return true;
}

uint32_t node_stored_size(const node *self)
{
    entry_form form;
    if (!pack_even(self, &form)) {
        return node_live_size(self);
    }
    return node_even_stored_size(&form, self->count) + node_base_bytes(self);
}

/* Puts what a patch says of its base behind its entries. */
static void base_pack(const node *self, uint8_t *at)
{
    uint32_t size = node_base_bytes(self);
    memcpy(at, self->payload + self->size - size, size);
}

/* Lays entries in a row. */
static void even_pack(const node *self, const entry_form *form, uint8_t *payload)
{
    size_t heap = (size_t)(self->slots - self->payload);
    size_t stride = (size_t)form->tail_size + form->value_size;
    memcpy(payload, self->payload, heap);
    payload[NODE_AT_FLAGS] |= NODE_EVEN | NODE_ROW;
    pbase_put_u32(payload + NODE_AT_HEAP, (uint32_t)heap);
    pbase_put_u32(payload + NODE_AT_DEAD, 0);
    pbase_put_u16(payload + NODE_AT_TAIL, form->tail_size);
    pbase_put_u16(payload + NODE_AT_VALUE, form->value_size);
    for (uint32_t i = 0; i < self->count && node_even(self); i++) {
        memcpy(payload + heap + i * stride, node_entry_at(self, i), stride);
    }
    for (uint32_t i = 0; i < self->count && !node_even(self);
         i++) { /* key and value lie together, behind their sizes */
        node_entry entry;
        node_entry_read(self, i, &entry);
        memcpy(payload + heap + i * stride, entry.raw.data + entry.raw.size - stride, stride);
    }
    base_pack(self, payload + heap + self->count * stride);
}

void node_pack(const node *self, uint8_t *payload)
{
    entry_form form;
    if (pack_even(self, &form)) {
        even_pack(self, &form, payload);
        return;
    }
    size_t index_end = (size_t)(self->slots - self->payload) + (size_t)self->count * 4;
    uint8_t *slots = payload + (self->slots - self->payload);
    uint32_t offset = (uint32_t)index_end;
    memcpy(payload, self->payload, index_end);
    pbase_put_u32(payload + NODE_AT_HEAP, offset);
    pbase_put_u32(payload + NODE_AT_DEAD, 0);
    for (uint32_t i = 0; i < self->count; i++) {
        node_entry entry;
        node_entry_read(self, i, &entry);
        memcpy(payload + offset, entry.raw.data, entry.raw.size);
        pbase_put_u32(slots + (size_t)i * 4, offset);
        offset += (uint32_t)entry.raw.size;
    }
    base_pack(self, payload + offset);
}

/* ------------------------------------------------------------------------------- gauge -------- */

void node_gauge_init(node_gauge *self, uint8_t level, bool positional)
{
    memset(self, 0, sizeof *self);
    self->whole = entry_form_whole(level, positional);
}

static uint32_t plain_bytes(const node_gauge *self, const node_entry *entry)
{
    return entry_size(entry, &self->whole, false) + index_bytes(self->whole.positional);
}

#define GAUGE_FIXED_BYTES (NODE_HEADER_BYTES + 7u) /* the prefix is padded */

uint32_t node_gauge_even_most(const node_gauge *self, uint32_t bytes)
{
    return (bytes - GAUGE_FIXED_BYTES) / self->even_each;
}

uint64_t node_gauge_with(const node_gauge *self, const node_entry *next)
{
    uint64_t fixed = GAUGE_FIXED_BYTES;
    if (!self->even.even) {
        return fixed + self->bytes + plain_bytes(self, next);
    }
    return entry_is_even(next, &self->even)
               ? fixed + ((uint64_t)self->count + 1) * self->even_each
               : fixed + (uint64_t)self->count * self->each + plain_bytes(self, next);
}

void node_gauge_add(node_gauge *self, const node_entry *next)
{
    if (self->count == 0) {
        self->even = self->whole;
        (void)entry_form_make_even(&self->even, next); /* it says itself whether it is */
        self->each = plain_bytes(self, next);
        self->even_each = (uint32_t)self->even.tail_size + self->even.value_size +
                          index_bytes(self->whole.positional) - 4u;
    } else if (self->even.even && !entry_is_even(next, &self->even)) {
        self->even.even = false;
        self->bytes = (uint64_t)self->count * self->each;
    }
    self->count++;
    self->bytes += self->even.even ? 0 : plain_bytes(self, next);
}

/* ------------------------------------------------------------------------------ policy -------- */

static uint32_t target_bytes(uint8_t level)
{
    return level == 0 ? NODE_LEAF_BYTES : NODE_INNER_BYTES;
}

bool node_overfull(uint8_t level, uint32_t size, uint32_t count)
{
    return (size > target_bytes(level) && count > NODE_ENTRIES_MIN) ||
           (level != 0 && count > NODE_INNER_ENTRIES);
}

bool node_underfull(uint8_t level, uint32_t size)
{
    return size < target_bytes(level) / 3;
}

/* A full even leaf needs room for slots, which it has not where it is stored: what a block of atom_pool.h holds
 * beside the atom's head anyway. */
#define LEAF_ROOM_BYTES (NODE_LEAF_BYTES + NODE_LEAF_BYTES / 16u - sizeof(atom_memory))

uint32_t node_capacity(uint8_t level, uint32_t size, bool root)
{
    uint32_t full = level == 0 ? (uint32_t)LEAF_ROOM_BYTES : NODE_INNER_BYTES;
    uint32_t wanted = size >= full ? size + size / 8 : full;
    if (root && size < full / 2) {
        wanted = size * 2; /* small collections stay small */
    }
    return (wanted + 15u) & ~15u;
}
