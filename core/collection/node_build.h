/* node_build.h - laying out nodes: writing new ones from a plan.
 *
 * A plan is a sequence of entries taken from nodes as they are, with single entries between them.
 * Whatever an edit has to do (grow, compact, split, merge, borrow) is a plan and one or two nodes
 * written from it. References are copied as they are; who counts them is the caller's business.
 *
 * Threads: pure functions over bytes. */
#ifndef PROTOBASE_COLLECTION_NODE_BUILD_H
#define PROTOBASE_COLLECTION_NODE_BUILD_H
#include "collection/node_entry.h"

/* A run of entries of a node or of an array, or one entry. */
typedef struct {
    const node *from;       /* NULL: `many`, or `single` */
    const node_entry *many; /* NULL: `single` */
    uint32_t first, end;
    node_entry single;
} node_run;

#define NODE_RUNS_MAX 8u
typedef struct {
    node_run runs[NODE_RUNS_MAX];
    uint32_t run_count;
    uint32_t count; /* entries in all */
    uint8_t level;
    bool positional;
    bool is_alike; /* node_plan_look: entries of a leaf, all of these sizes */
    uint16_t key_size, value_size;
} node_plan;

void node_plan_init(node_plan *plan, uint8_t level, bool positional);
/* Adds the entries first..end-1 of `from`, which stays borrowed. */
void node_plan_add(node_plan *plan, const node *from, uint32_t first, uint32_t end);
/* Adds a copy of `entry`; what it points to stays borrowed. */
void node_plan_add_entry(node_plan *plan, const node_entry *entry);
/* Adds entries that lie in an array, which stays borrowed. */
void node_plan_add_entries(node_plan *plan, const node_entry *entries, uint32_t count);
void node_plan_entry(const node_plan *plan, uint32_t index, node_entry *out);
/* Looks whether all entries are alike, as in even leaves, once for all that is asked of the plan from here on. */
void node_plan_look(node_plan *plan);

/* Bytes of a node in memory of the entries from..to-1, without free room. */
uint32_t node_plan_size(const node_plan *plan, uint32_t from, uint32_t to);
/* The same of the node as it is stored: what decides when a node is too large or too small. */
uint32_t node_plan_stored_size(const node_plan *plan, uint32_t from, uint32_t to);
/* Where to split so that both parts are about equally large; 1..count-1. Needs two entries. Where the
 * keys are so unlike that a part would be overfull, `border` (the place of an odd one out, 0: none)
 * is taken instead. */
uint32_t node_plan_middle(const node_plan *plan, uint32_t border);
/* Adds the entries of another plan, from `first` on. */
void node_plan_add_plan(node_plan *plan, const node_plan *other, uint32_t first);
/* The shortest key above every key before entry `index` and not above its own: `out` has it as lead
 * and tail. Index 1..count-1 of a keyed plan. */
void node_plan_separator(const node_plan *plan, uint32_t index, node_entry *out);
/* Writes the entries from..to-1 as a node of `size` bytes, at least node_plan_size; room that is left
 * stands before the heap. */
void node_plan_write(const node_plan *plan, uint32_t from, uint32_t to, uint8_t *payload,
                     uint32_t size);
/* Writes all entries as a node as it is stored: node_plan_stored_size bytes. */
void node_plan_store(const node_plan *plan, uint8_t *payload, uint32_t size);

/* The same of `count` entries that are even: `form` is theirs, with the prefix that all of them have. */
uint32_t node_even_stored_size(const entry_form *form, uint32_t count);
void node_even_store(const node_entry *entries, uint32_t count, const entry_form *form,
                     uint8_t *payload);

/* A copy of `self` in memory, of `size` bytes, at least node_live_size plus its dead bytes; what is
 * more becomes free room. */
void node_copy(const node *self, uint8_t *payload, uint32_t size);
/* Bytes of a node once it is stored: a leaf that can be even is stored so. */
uint32_t node_stored_size(const node *self);
/* A copy as it is stored: node_stored_size bytes, entries in order. */
void node_pack(const node *self, uint8_t *payload);

/* How large a node becomes, as it is stored, of entries that come one by one in order. */
typedef struct {
    entry_form whole, even; /* even: as all of them can be written, if they can */
    uint64_t bytes;         /* of their entries, heads and slots where they are not even */
    uint32_t count;
    uint32_t each,
        even_each; /* even: bytes of each of them, in a node that is not and in one that is */
} node_gauge;
void node_gauge_init(node_gauge *self, uint8_t level, bool positional);
/* Bytes of a node of the entries and `next`, if they had no common prefix. */
uint64_t node_gauge_with(const node_gauge *self, const node_entry *next);
void node_gauge_add(node_gauge *self, const node_entry *next);
/* Of even ones: how many fit into a node of so many bytes, if they had no common prefix. */
uint32_t node_gauge_even_most(const node_gauge *self, uint32_t bytes);
/* Adds one that is like those before it, which are even. */
static inline void node_gauge_add_like(node_gauge *self)
{
    self->count++;
}

/* True when a node of so many bytes, as it is stored, and entries has to be split. */
bool node_overfull(uint8_t level, uint32_t size, uint32_t count);
/* True when it should be merged with a neighbour. */
bool node_underfull(uint8_t level, uint32_t size);
/* Bytes to allocate for a node that takes `size` in memory now. */
uint32_t node_capacity(uint8_t level, uint32_t size, bool root);

#endif
