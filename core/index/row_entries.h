/* row_entries.h - the entries that one row has in one index.
 * Threads: confined. */
#ifndef PROTOBASE_INDEX_ROW_ENTRIES_H
#define PROTOBASE_INDEX_ROW_ENTRIES_H
#include "index/definition.h"
#include <protobase/base/arena.h>
#include <protobase/base/value.h>

typedef struct {
    pbase_bytes key;
    uint64_t head;   /* the first bytes of the key, so that most comparisons need no more */
    uint32_t prefix; /* bytes of its elements */
    bool is_cut;     /* one of them is */
    bool has_null;   /* one of them is null */
} index_entry;

typedef struct {
    const pbase_alloc *alloc;
    index_entry *items;
    size_t count, capacity;
} index_entries;
void index_entries_init(index_entries *self, const pbase_alloc *alloc);
void index_entries_fini(index_entries *self);
PBASE_MUST_CHECK pbase_status index_entries_add(index_entries *self, const index_entry *entry,
                                                pbase_error *err);
void index_entries_sort(index_entries *self);

/* Appends the entries of a row, each once and in order; their keys lie in `arena`. `values` are those
 * of the definition's fields, MISSING where there is none. LIMIT: an entry is too large, or they are
 * too many. */
PBASE_MUST_CHECK pbase_status index_row_entries(const index_definition *definition,
                                                const pbase_value *values, pbase_bytes row,
                                                pbase_buffer *scratch, pbase_arena *arena,
                                                index_entries *out, pbase_error *err);

/* A short text of a row for messages: its key, or its position in a list. */
void index_row_describe(uint8_t kind, pbase_bytes row, char *out, size_t out_size);

#endif
