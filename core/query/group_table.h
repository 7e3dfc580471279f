/* group_table.h - groups by key, and the values that a distinct aggregate has seen.
 *
 * Open addressing over hashes kept beside the groups; groups are numbered in the order of their
 * first row. Keys are equal as the total order says, and keep their first spelling. */
#ifndef PROTOBASE_QUERY_GROUP_TABLE_H
#define PROTOBASE_QUERY_GROUP_TABLE_H
#include <protobase/base/value.h>

typedef struct {
    uint64_t hash;
    const pbase_value *keys; /* key_count of them */
    void *state;             /* the owner's, state_size bytes, zeroed, aligned to 16 */
} group_entry;

typedef struct {
    const pbase_alloc *alloc; /* borrowed until fini */
    pbase_arena arena;        /* keys and states */
    size_t key_count;
    size_t state_size;
    group_entry *groups;
    size_t count;
    size_t capacity;
    uint32_t *slots;   /* group number + 1, 0: free */
    size_t slot_count; /* a power of two, at least twice capacity */
} group_table;

void group_table_init(group_table *self, const pbase_alloc *alloc, size_t key_count,
                      size_t state_size);
void group_table_fini(group_table *self);
/* The number of the group with these keys, made if need be. LIMIT past 2^32 - 2 groups. */
PBASE_MUST_CHECK pbase_status group_table_find(group_table *self, const pbase_value *const *keys,
                                               uint32_t *out, bool *out_is_new, pbase_error *err);
/* The number of the group with these keys, or GROUP_NONE. */
#define GROUP_NONE UINT32_MAX
uint32_t group_table_lookup(const group_table *self, const pbase_value *const *keys);
/* Equal keys, as the total order says, have equal hashes. */
uint64_t group_keys_hash(const pbase_value *const *keys, size_t count);

#endif
