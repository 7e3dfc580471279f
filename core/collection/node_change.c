/* node_change.c - changing a node where it lies. */
#include "collection/node_change.h"
#include "collection/node_entry.h"

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
    if (entry_key_size(item) < self->prefix_size) {
        return false;
    }
    const uint8_t *prefix = self->payload + NODE_HEADER_BYTES;
    for (uint32_t i = 0; i < self->prefix_size; i++) {
        if (entry_key_byte(item, i) != prefix[i]) {
            return false;
        }
    }
    return true;
}

/* Bytes that a change adds and removes, and whether it keeps what its node's form depends on: the first
 * child, the prefix, entries that are all alike. */
typedef struct {
    uint32_t adds, removes;
    bool keeps_form;
} change_cost;

static change_cost cost_of(const node *self, const node_change *change)
{
    bool inner = self->level != 0;
    change_cost cost = {.removes = node_change_removes(self, change),
                        .keeps_form = !(inner && change->from == 0 && change->to != 0)};
    if (!change->has_item) {
        return cost;
    }
    entry_form form = entry_form_of(self);
    if (!item_has_prefix(self, &change->item)) {
        form.prefix_size = 0;
        form.even = false;
        cost.keeps_form = false;
    } else if (form.even && !entry_is_even(&change->item, &form)) {
        form.even = false;
        cost.keeps_form = false;
    }
    cost.adds = entry_size(&change->item, &form, false) + node_index_bytes(self);
    return cost;
}

uint32_t node_change_adds(const node *self, const node_change *change)
{
    return cost_of(self, change).adds;
}

static uint32_t stored_size(const node *self, const node_change *change, const change_cost *cost)
{
    uint32_t size = node_live_size(self) + cost->adds - cost->removes;
    return size - (node_even(self) ? 4 * node_change_count(self, change) : 0); /* no slots */
}

uint32_t node_change_stored_size(const node *self, const node_change *change)
{
    change_cost cost = cost_of(self, change);
    return stored_size(self, change, &cost);
}

uint32_t node_change_count(const node *self, const node_change *change)
{
    return self->count - (change->to - change->from) + (change->has_item ? 1u : 0u);
}

static bool has_room(const node *self, const node_change *change, const change_cost *cost,
                     uint32_t size)
{
    if (!cost->keeps_form) {
        return false;
    }
    if (cost->adds != 0 && cost->adds <= cost->removes && change->to - change->from == 1) {
        return true; /* it goes over the entry it replaces */
    }
    uint32_t taken = node_live_size(self) + pbase_get_u32(self->payload + NODE_AT_DEAD);
    return node_change_count(self, change) != 0 && size - taken >= cost->adds;
}

bool node_change_has_room(const node *self, const node_change *change, uint32_t size)
{
    change_cost cost = cost_of(self, change);
    return has_room(self, change, &cost, size);
}

bool node_change_fits(const node *self, const node_change *change, uint32_t size)
{
    change_cost cost = cost_of(self, change);
    return has_room(self, change, &cost, size) &&
           (cost.adds <= cost.removes ||
            !node_overfull(self->level, stored_size(self, change, &cost),
                           node_change_count(self, change)));
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

/* Where the item goes: over an entry that it replaces and that is no smaller, else below the heap. */
static uint32_t item_place(const node *self, uint8_t *payload, const node_change *change,
                           uint32_t removed, uint32_t size)
{
    if (size != 0 && size <= removed && change->to - change->from == 1) {
        pbase_put_u32(payload + NODE_AT_DEAD,
                      pbase_get_u32(payload + NODE_AT_DEAD) + (removed - size));
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
    entry_form form = entry_form_of(self);
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
                          entry_head(payload + place, &form));
        }
    }
    return after;
}
