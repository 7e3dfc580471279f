/* node_entry.c - entries as bytes, and their keys. */
#include "collection/node_entry.h"

/* ------------------------------------------------------------------------------- keys --------- */

/* Bytes that two strings begin with alike, at most `end`: eight at a time. */
static size_t common_bytes(const uint8_t *a, const uint8_t *b, size_t end)
{
    size_t at = 0;
    for (; at + 8 <= end; at += 8) {
        uint64_t differs = pbase_get_u64(a + at) ^ pbase_get_u64(b + at);
        if (differs != 0) {
            return at + (size_t)__builtin_ctzll(differs) / 8; /* little-endian: the first byte */
        }
    }
    while (at < end && a[at] == b[at]) {
        at++;
    }
    return at;
}

uint32_t entry_key_common(const node_entry *a, const node_entry *b)
{
    if (a->lead.size == 0 && b->lead.size == 0) {
        size_t shorter = a->tail.size < b->tail.size ? a->tail.size : b->tail.size;
        return (uint32_t)common_bytes(a->tail.data, b->tail.data, shorter);
    }
    size_t end = entry_key_size(a) < entry_key_size(b) ? entry_key_size(a) : entry_key_size(b);
    size_t at = 0;
    if (a->lead.data == b->lead.data) {
        at = a->lead.size < b->lead.size ? a->lead.size : b->lead.size;
    }
    while (at < end && entry_key_byte(a, at) == entry_key_byte(b, at)) {
        at++;
    }
    return (uint32_t)at;
}

/* Copies the key from byte `from` on. */
static uint8_t *entry_key_copy(uint8_t *to, const node_entry *entry, size_t from)
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

/* ------------------------------------------------------------------------------ entries ------- */

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
    return entry->raw.size != 0 && entry->lead.size == form->prefix_size && !keyless &&
           entry->even == form->even;
}

bool entry_form_make_even(entry_form *form, const node_entry *entry)
{
    size_t tail = form->positional ? 0 : entry_key_size(entry) - form->prefix_size;
    if (form->level != 0 || tail > UINT16_MAX || entry->bytes.size > NODE_INLINE_MAX ||
        tail + entry->bytes.size == 0) {
        return false;
    }
    form->tail_size = (uint16_t)tail;
    form->value_size = (uint16_t)entry->bytes.size;
    form->even = entry_is_even(entry, form);
    return form->even;
}

uint32_t entry_size(const node_entry *entry, const entry_form *form, bool keyless)
{
    if (entry_is_raw(entry, form, keyless)) {
        return (uint32_t)entry->raw.size;
    }
    if (form->even) {
        return (uint32_t)form->tail_size + form->value_size;
    }
    size_t tail = keyless ? 0 : entry_key_size(entry) - form->prefix_size;
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
    if (form->even) {
        at = form->positional ? at : entry_key_copy(at, entry, form->prefix_size);
        value_write(at, entry);
        return;
    }
    *at++ = (uint8_t)(entry->kind | (spelled ? NODE_ENTRY_SPELLED : 0u));
    if (!form->positional) {
        at = varint_put(at, entry_key_size(entry) - form->prefix_size);
    }
    at = varint_put(at, value_size(entry));
    if (spelled) {
        at = varint_put(at, entry->spelling.size);
    }
    if (!form->positional) {
        at = entry_key_copy(at, entry, form->prefix_size);
    }
    if (spelled) {
        memmove(at, entry->spelling.data, entry->spelling.size);
        at += entry->spelling.size;
    }
    value_write(at, entry);
}

void entry_write(uint8_t *at, const node_entry *entry, const entry_form *form, bool keyless)
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
    at = varint_put(at, keyless ? 0 : entry_key_size(entry) - form->prefix_size);
    if (!keyless) {
        (void)entry_key_copy(at, entry, form->prefix_size); /* the entry ends with it */
    }
}

uint32_t entry_head(const uint8_t *at, const entry_form *form)
{
    bool spelled = false;
    if (form->even) {
        return node_head_of(at, form->tail_size);
    }
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

void node_sums_add(node_sums *sums, const node_entry *entry, uint8_t level)
{
    if (level == 0) {
        sums->total++;
        sums->flags |= entry->kind != NODE_VALUE_INLINE ? NODE_OWNS : 0u;
    } else {
        sums->total += entry->child.count;
        sums->flags |= entry->child.flags & NODE_OWNS;
    }
}
