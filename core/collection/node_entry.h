/* node_entry.h - writing entries of nodes, and the keys of entries in two pieces.
 *
 * Threads: pure functions over bytes. */
#ifndef PROTOBASE_COLLECTION_NODE_ENTRY_H
#define PROTOBASE_COLLECTION_NODE_ENTRY_H
#include "collection/node.h"

/* The key of an entry is its lead and its tail. */
static inline size_t entry_key_size(const node_entry *entry)
{
    return entry->lead.size + entry->tail.size;
}

static inline uint8_t entry_key_byte(const node_entry *entry, size_t at)
{
    return at < entry->lead.size ? entry->lead.data[at] : entry->tail.data[at - entry->lead.size];
}
/* Bytes that two keys begin with alike. */
uint32_t entry_key_common(const node_entry *a, const node_entry *b);

/* How entries are written: one node's level, shape and prefix. */
typedef struct {
    uint32_t prefix_size;
    uint8_t level;
    bool positional;
    bool even;
    uint16_t tail_size, value_size; /* even */
} entry_form;
static inline entry_form entry_form_of(const node *self)
{
    entry_form form = {self->prefix_size, self->level,     node_positional(self),
                       node_even(self),   self->tail_size, self->value_size};
    return form;
}
/* Entries that say everything themselves, their whole keys included. */
static inline entry_form entry_form_whole(uint8_t level, bool positional)
{
    entry_form form = {.level = level, .positional = positional};
    return form;
}
/* True when an entry of a leaf can be written in this form, which is even; it has the prefix. */
static inline bool entry_is_even(const node_entry *entry, const entry_form *form)
{
    return entry->kind == NODE_VALUE_INLINE && entry->spelling.size == 0 &&
           entry->bytes.size == form->value_size &&
           (form->positional ||
            entry_key_size(entry) == (size_t)form->prefix_size + form->tail_size);
}
/* Makes a form, of which level and prefix are known, even: as `entry` is. False: `entry` is no entry of
 * an even leaf. */
bool entry_form_make_even(entry_form *form, const node_entry *entry);
/* Bytes of an entry. `keyless`: the first of an inner node, whose key is not written. */
uint32_t entry_size(const node_entry *entry, const entry_form *form, bool keyless);
/* Writes entry_size bytes. */
void entry_write(uint8_t *at, const node_entry *entry, const entry_form *form, bool keyless);
/* The head of a keyed entry as it was written at `at`. */
uint32_t entry_head(const uint8_t *at, const entry_form *form);

/* What entries add to the header of their node. */
typedef struct {
    uint64_t total;
    uint8_t flags;
} node_sums;
void node_sums_add(node_sums *sums, const node_entry *entry, uint8_t level);

#endif
