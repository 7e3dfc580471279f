/* node_build.c - plans, and nodes written from them. */
#include "collection/node_build.h"

/* ------------------------------------------------------------------------------- plans -------- */

void node_plan_init(node_plan *plan, uint8_t level, bool positional)
{
    plan->run_count = 0;
    plan->count = 0;
    plan->level = level;
    plan->positional = positional;
}

void node_plan_add(node_plan *plan, const node *from, uint32_t first, uint32_t end)
{
    if (first == end) {
        return;
    }
    PBASE_ASSERT(plan->run_count < NODE_RUNS_MAX);
    node_run *run = &plan->runs[plan->run_count++];
    run->from = from;
    run->first = first;
    run->end = end;
    plan->count += end - first;
}

void node_plan_add_entry(node_plan *plan, const node_entry *entry)
{
    PBASE_ASSERT(plan->run_count < NODE_RUNS_MAX);
    node_run *run = &plan->runs[plan->run_count++];
    run->from = NULL;
    run->first = 0;
    run->end = 1;
    run->single = *entry;
    plan->count++;
}

void node_plan_add_plan(node_plan *plan, const node_plan *other, uint32_t first)
{
    for (uint32_t i = 0; i < other->run_count; i++) {
        const node_run *run = &other->runs[i];
        uint32_t size = run->end - run->first;
        if (first >= size) {
            first -= size;
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

/* The entry at the position, which moves on to the next. */
static void plan_next(plan_position *at, node_entry *out)
{
    const node_run *run = &at->plan->runs[at->run];
    if (run->from == NULL) {
        *out = run->single;
    } else {
        node_entry_read(run->from, run->first + at->index, out);
    }
    if (++at->index == run->end - run->first) {
        at->index = 0;
        at->run++;
    }
}

void node_plan_entry(const node_plan *plan, uint32_t index, node_entry *out)
{
    plan_position at = plan_seek(plan, index);
    plan_next(&at, out);
}

/* ------------------------------------------------------------------------------- keys --------- */

static size_t key_size(const node_entry *entry)
{
    return entry->lead.size + entry->tail.size;
}

static uint8_t key_byte(const node_entry *entry, size_t at)
{
    return at < entry->lead.size ? entry->lead.data[at] : entry->tail.data[at - entry->lead.size];
}

static uint32_t key_common(const node_entry *a, const node_entry *b)
{
    size_t end = key_size(a) < key_size(b) ? key_size(a) : key_size(b);
    size_t at = 0;
    if (a->lead.data == b->lead.data) {
        at = a->lead.size < b->lead.size ? a->lead.size : b->lead.size;
    }
    while (at < end && key_byte(a, at) == key_byte(b, at)) {
        at++;
    }
    return (uint32_t)at;
}

/* Copies the key from byte `from` on. */
static uint8_t *key_copy(uint8_t *to, const node_entry *entry, size_t from)
{
    if (from < entry->lead.size) {
        memmove(to, entry->lead.data + from, entry->lead.size - from);
        to += entry->lead.size - from;
        from = entry->lead.size;
    }
    from -= entry->lead.size;
    if (from < entry->tail.size) {
        memmove(to, entry->tail.data + from, entry->tail.size - from);
        to += entry->tail.size - from;
    }
    return to;
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
    return key_common(&low, &high);
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
    size_t size = key_common(&left, &right) + 1u;
    if (size <= right.lead.size) {
        out->lead.size = size;
        out->tail.size = 0;
    } else {
        out->tail.size = size - right.lead.size;
    }
}

/* ------------------------------------------------------------------------------ entries ------- */

/* How entries are written: one node's level, shape and prefix. */
typedef struct {
    uint32_t prefix_size;
    uint8_t level;
    bool positional;
} entry_form;

static uint32_t varint_size(size_t value)
{
    uint32_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

static uint8_t *varint_put(uint8_t *at, size_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static size_t value_size(const node_entry *entry)
{
    switch (entry->kind) {
    case NODE_VALUE_LARGE:
        return NODE_LARGE_BYTES;
    case NODE_VALUE_TREE:
        return NODE_TREE_BYTES + entry->bytes.size;
    default:
        return entry->bytes.size;
    }
}

static bool entry_is_raw(const node_entry *entry, const entry_form *form, bool keyless)
{
    return entry->raw.size != 0 && entry->lead.size == form->prefix_size && !keyless;
}

/* `keyless`: the first entry of an inner node, whose key is not written. */
static uint32_t entry_size(const node_entry *entry, const entry_form *form, bool keyless)
{
    if (entry_is_raw(entry, form, keyless)) {
        return (uint32_t)entry->raw.size;
    }
    size_t tail = keyless ? 0 : key_size(entry) - form->prefix_size;
    size_t size = form->positional ? 0 : varint_size(tail) + tail;
    if (form->level != 0) {
        return (uint32_t)(NODE_CHILD_BYTES + size);
    }
    size += 1 + varint_size(value_size(entry)) + value_size(entry);
    if (entry->spelling.size != 0) {
        size += varint_size(entry->spelling.size) + entry->spelling.size;
    }
    return (uint32_t)size;
}

static void value_write(uint8_t *at, const node_entry *entry)
{
    if (entry->kind != NODE_VALUE_INLINE) {
        pbase_put_u64(at, entry->ref);
        at += 8;
    }
    if (entry->kind == NODE_VALUE_LARGE) {
        pbase_put_u32(at, entry->length);
        return;
    }
    if (entry->kind == NODE_VALUE_TREE) {
        *at++ = entry->tree_kind;
    }
    if (entry->bytes.size != 0) {
        memmove(at, entry->bytes.data, entry->bytes.size);
    }
}

static void leaf_entry_write(uint8_t *at, const node_entry *entry, const entry_form *form)
{
    bool spelled = entry->spelling.size != 0;
    *at++ = (uint8_t)(entry->kind | (spelled ? NODE_ENTRY_SPELLED : 0u));
    if (!form->positional) {
        at = varint_put(at, key_size(entry) - form->prefix_size);
    }
    at = varint_put(at, value_size(entry));
    if (spelled) {
        at = varint_put(at, entry->spelling.size);
    }
    if (!form->positional) {
        at = key_copy(at, entry, form->prefix_size);
    }
    if (spelled) {
        memmove(at, entry->spelling.data, entry->spelling.size);
        at += entry->spelling.size;
    }
    value_write(at, entry);
}

static void entry_write(uint8_t *at, const node_entry *entry, const entry_form *form, bool keyless)
{
    if (entry_is_raw(entry, form, keyless)) {
        memcpy(at, entry->raw.data, entry->raw.size);
        return;
    }
    if (form->level == 0) {
        leaf_entry_write(at, entry, form);
        return;
    }
    node_child_put(at, &entry->child);
    at += NODE_CHILD_BYTES;
    if (form->positional) {
        return;
    }
    at = varint_put(at, keyless ? 0 : key_size(entry) - form->prefix_size);
    if (!keyless) {
        (void)key_copy(at, entry, form->prefix_size); /* the entry ends with it */
    }
}

/* The head of an entry as it was written at `at`. */
static uint32_t head_of_written(const uint8_t *at, const entry_form *form)
{
    bool spelled = false;
    if (form->level != 0) {
        at += NODE_CHILD_BYTES;
    } else {
        spelled = (*at++ & NODE_ENTRY_SPELLED) != 0;
    }
    uint32_t tail_size = node_varint(&at);
    if (form->level == 0) {
        (void)node_varint(&at); /* size of the value */
    }
    if (spelled) {
        (void)node_varint(&at); /* size of the spelling */
    }
    return node_head_of(at, tail_size);
}

/* ------------------------------------------------------------------------------- nodes -------- */

static entry_form plan_form(const node_plan *plan, uint32_t from, uint32_t to)
{
    entry_form form = {plan_prefix(plan, from, to), plan->level, plan->positional};
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
    for (uint32_t i = from; i < to; i++) {
        node_entry entry;
        plan_next(&at, &entry);
        size += entry_size(&entry, form, entry_keyless(plan, i == from));
    }
    return size;
}

static uint32_t fixed_size(uint32_t prefix_size, uint32_t count, bool positional)
{
    return NODE_HEADER_BYTES + node_prefix_room(prefix_size) + count * index_bytes(positional);
}

uint32_t node_plan_size(const node_plan *plan, uint32_t from, uint32_t to)
{
    entry_form form = plan_form(plan, from, to);
    return fixed_size(form.prefix_size, to - from, plan->positional) +
           plan_heap_size(plan, from, to, &form);
}

/* The border where the bytes before it, written without a common prefix, come nearest to half. */
static uint32_t plan_half(const node_plan *plan)
{
    entry_form form = {0, plan->level, plan->positional};
    uint64_t whole = plan_heap_size(plan, 0, plan->count, &form) +
                     (uint64_t)plan->count * index_bytes(plan->positional);
    plan_position at = plan_seek(plan, 0);
    uint64_t before = 0;
    for (uint32_t i = 0; i < plan->count - 1; i++) {
        node_entry entry;
        plan_next(&at, &entry);
        uint64_t with = before + entry_size(&entry, &form, entry_keyless(plan, i == 0)) +
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
    bool poor =
        node_overfull(plan->level, node_plan_size(plan, 0, half), half) ||
        node_overfull(plan->level, node_plan_size(plan, half, plan->count), plan->count - half);
    return poor && border != 0 ? border : half;
}

/* What writing has found out about the entries. */
typedef struct {
    uint64_t total;
    uint8_t flags;
} node_sums;

static void node_sums_add(node_sums *sums, const node_entry *entry, uint8_t level)
{
    if (level == 0) {
        sums->total++;
        sums->flags |= entry->kind != NODE_VALUE_INLINE ? NODE_OWNS : 0u;
    } else {
        sums->total += entry->child.count;
        sums->flags |= entry->child.flags & NODE_OWNS;
    }
}

static void header_write(uint8_t *payload, const entry_form *form, uint32_t count,
                         const node_sums *sums, uint32_t heap)
{
    memset(payload, 0, NODE_HEADER_BYTES + node_prefix_room(form->prefix_size));
    payload[NODE_AT_FORMAT] = NODE_FORMAT;
    payload[NODE_AT_LEVEL] = form->level;
    payload[NODE_AT_FLAGS] = (uint8_t)(sums->flags | (form->positional ? NODE_POSITIONAL : 0u));
    pbase_put_u32(payload + NODE_AT_COUNT, count);
    pbase_put_u64(payload + NODE_AT_TOTAL, sums->total);
    pbase_put_u32(payload + NODE_AT_PREFIX, form->prefix_size);
    pbase_put_u32(payload + NODE_AT_HEAP, heap);
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
        payload[NODE_HEADER_BYTES + i] = key_byte(&entry, i);
    }
}

void node_plan_write(const node_plan *plan, uint32_t from, uint32_t to, uint8_t *payload,
                     uint32_t size)
{
    entry_form form = plan_form(plan, from, to);
    uint32_t heap = size - plan_heap_size(plan, from, to, &form);
    uint32_t count = to - from;
    uint8_t *index = payload + NODE_HEADER_BYTES + node_prefix_room(form.prefix_size);
    uint8_t *heads = plan->positional ? NULL : index;
    uint8_t *slots = plan->positional ? index : index + (size_t)count * 4;
    node_sums sums = {0, 0};
    plan_position at = plan_seek(plan, from);
    uint32_t offset = heap;
    for (uint32_t i = 0; i < count; i++) {
        node_entry entry;
        bool keyless = entry_keyless(plan, i == 0);
        plan_next(&at, &entry);
        entry_write(payload + offset, &entry, &form, keyless);
        pbase_put_u32(slots + (size_t)i * 4, offset);
        if (heads != NULL) {
            pbase_put_u32(heads + (size_t)i * 4, head_of_written(payload + offset, &form));
        }
        node_sums_add(&sums, &entry, plan->level);
        offset += entry_size(&entry, &form, keyless);
    }
    PBASE_ASSERT(offset == size);
    header_write(payload, &form, count, &sums, heap);
    prefix_write(plan, to - 1, payload, &form);
}

void node_copy(const node *self, uint8_t *payload, uint32_t size)
{
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

void node_pack(const node *self, uint8_t *payload)
{
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

uint32_t node_capacity(uint8_t level, uint32_t size, bool root)
{
    uint32_t full = target_bytes(level);
    uint32_t wanted = size >= full ? size + size / 8 : full;
    if (root && size < full / 2) {
        wanted = size * 2; /* small collections stay small */
    }
    return (wanted + 15u) & ~15u;
}

/* ------------------------------------------------------------------------------ in place ------ */

void node_plan_changed(node_plan *plan, const node *self, const node_change *change)
{
    uint32_t next = 0;
    if (change->patch) {
        node_entry patched;
        node_entry_read(self, change->patch_at, &patched);
        patched.child = change->patch_child;
        patched.raw = pbase_bytes_of(NULL, 0);
        node_plan_add(plan, self, 0, change->patch_at);
        node_plan_add_entry(plan, &patched);
        next = change->patch_at + 1;
    }
    node_plan_add(plan, self, next, change->from);
    if (change->has_item) {
        node_plan_add_entry(plan, &change->item);
    }
    node_plan_add(plan, self, change->to, self->count);
}

static uint32_t node_entry_bytes(const node *self, uint32_t index)
{
    node_entry entry;
    node_entry_read(self, index, &entry);
    return (uint32_t)entry.raw.size;
}

static entry_form node_form(const node *self)
{
    entry_form form = {self->prefix_size, self->level, node_positional(self)};
    return form;
}

uint32_t node_change_removes(const node *self, const node_change *change)
{
    uint32_t size = 0;
    for (uint32_t i = change->from; i < change->to; i++) {
        size += node_entry_bytes(self, i) + node_index_bytes(self);
    }
    return size;
}

static bool item_has_prefix(const node *self, const node_entry *item)
{
    if (item->lead.data == self->payload + NODE_HEADER_BYTES) {
        return true; /* an entry of this very node */
    }
    if (key_size(item) < self->prefix_size) {
        return false;
    }
    const uint8_t *prefix = self->payload + NODE_HEADER_BYTES;
    for (uint32_t i = 0; i < self->prefix_size; i++) {
        if (key_byte(item, i) != prefix[i]) {
            return false;
        }
    }
    return true;
}

uint32_t node_change_adds(const node *self, const node_change *change)
{
    if (!change->has_item) {
        return 0;
    }
    entry_form form = node_form(self);
    if (!item_has_prefix(self, &change->item)) {
        form.prefix_size = 0;
    }
    return entry_size(&change->item, &form, false) + node_index_bytes(self);
}

uint32_t node_change_count(const node *self, const node_change *change)
{
    return self->count - (change->to - change->from) + (change->has_item ? 1u : 0u);
}

bool node_change_fits(const node *self, const node_change *change, uint32_t size)
{
    bool inner = self->level != 0;
    if ((inner && change->from == 0 && change->to != 0) ||
        (change->has_item && !item_has_prefix(self, &change->item))) {
        return false; /* another first child, or another prefix */
    }
    uint32_t removes = node_change_removes(self, change), adds = node_change_adds(self, change);
    if (removes == adds && change->to - change->from == 1) {
        return true;
    }
    uint32_t count = node_change_count(self, change);
    if (count == 0 ||
        (adds > removes &&
         node_overfull(self->level, node_packed_size(self) + adds - removes, count))) {
        return false;
    }
    uint32_t index_end =
        (uint32_t)(self->slots - self->payload) + self->count * 4; /* before the change */
    uint32_t heap = pbase_get_u32(self->payload + NODE_AT_HEAP) + (size - self->size);
    return heap - index_end >= adds;
}

static void move(uint8_t *to, const uint8_t *from, size_t count)
{
    memmove(to, from, count * 4);
}

/* Makes the heads and slots of from..to-1 those of `added` new entries. */
static void index_splice(const node *self, uint8_t *payload, const node_change *change,
                         uint32_t added)
{
    uint32_t count = self->count, after = count - (change->to - change->from) + added;
    uint32_t rest = count - change->to, rest_at = after - rest;
    uint8_t *index = payload + NODE_HEADER_BYTES + node_prefix_room(self->prefix_size);
    uint8_t *slots = payload + (self->slots - self->payload);
    if (node_positional(self)) {
        move(slots + (size_t)rest_at * 4, slots + (size_t)change->to * 4, rest);
        return;
    }
    uint8_t *new_slots = index + (size_t)after * 4;
    if (after > count) {
        move(new_slots + (size_t)rest_at * 4, slots + (size_t)change->to * 4, rest);
        move(new_slots, slots, change->from);
        move(index + (size_t)rest_at * 4, index + (size_t)change->to * 4, rest);
    } else if (after < count) {
        move(index + (size_t)rest_at * 4, index + (size_t)change->to * 4, rest);
        move(new_slots, slots, change->from);
        move(new_slots + (size_t)rest_at * 4, slots + (size_t)change->to * 4, rest);
    }
}

/* Where the item goes: over an entry of the same size, else below the heap. */
static uint32_t item_place(const node *self, uint8_t *payload, const node_change *change,
                           uint32_t removed, uint32_t size)
{
    if (change->to - change->from == 1 && removed == size) {
        return pbase_get_u32(self->slots + (size_t)change->from * 4);
    }
    uint32_t dead = pbase_get_u32(payload + NODE_AT_DEAD) + removed;
    uint32_t heap = pbase_get_u32(payload + NODE_AT_HEAP) - size;
    pbase_put_u32(payload + NODE_AT_DEAD, dead);
    pbase_put_u32(payload + NODE_AT_HEAP, heap);
    return heap;
}

static void totals_update(uint8_t *payload, const node *before, const node_change *change)
{
    uint64_t total = pbase_get_u64(payload + NODE_AT_TOTAL);
    uint8_t owns = 0;
    for (uint32_t i = change->from; i < change->to; i++) {
        total -= before->level == 0 ? 1 : node_child_at(before, i).count;
    }
    if (change->patch) {
        total += change->patch_child.count - node_child_at(before, change->patch_at).count;
        owns |= change->patch_child.flags;
    }
    if (change->has_item) {
        node_sums sums = {0, 0};
        node_sums_add(&sums, &change->item, before->level);
        total += sums.total;
        owns |= sums.flags;
    }
    pbase_put_u64(payload + NODE_AT_TOTAL, total);
    payload[NODE_AT_FLAGS] |= owns & NODE_OWNS;
}

node node_change_apply(const node *self, uint8_t *payload, const node_change *change)
{
    entry_form form = node_form(self);
    uint32_t added = change->has_item ? 1 : 0, size = 0;
    uint32_t removed =
        node_change_removes(self, change) - (change->to - change->from) * node_index_bytes(self);
    totals_update(payload, self, change);
    if (change->patch) {
        node_child_put(payload + (node_entry_at(self, change->patch_at) - self->payload),
                       &change->patch_child);
    }
    if (change->has_item) {
        size = entry_size(&change->item, &form, false);
    }
    uint32_t place = item_place(self, payload, change, removed, size);
    if (change->has_item) {
        entry_write(payload + place, &change->item, &form, false);
    }
    index_splice(self, payload, change, added);
    pbase_put_u32(payload + NODE_AT_COUNT, self->count - (change->to - change->from) + added);
    node after = node_of(payload, self->size);
    if (change->has_item) {
        pbase_put_u32(payload + (after.slots - payload) + (size_t)change->from * 4, place);
        if (after.heads != NULL) {
            pbase_put_u32(payload + (after.heads - payload) + (size_t)change->from * 4,
                          head_of_written(payload + place, &form));
        }
    }
    return after;
}
