/* upkeep.h - keeps the entries of indexes in step with the collection they are on.
 *
 * One function serves every way a collection changes: the commit of a transaction, replay after a
 * crash, a transaction that reads its own changes, building an index on what is there. It is given
 * the collection before and after and the rows that may differ; it reads the indexed fields out of
 * the stored values (value_coder.extract), and removes and adds the entries that differ. Nothing else
 * decides what an index holds, so every machine that applies the same records has the same entries.
 *
 * An index is derived: removing an entry that is not there and adding one that is change nothing, so
 * that a damaged index never keeps a space from opening. `index_verify` finds the damage.
 *
 * Threads: confined. */
#ifndef PROTOBASE_INDEX_UPKEEP_H
#define PROTOBASE_INDEX_UPKEEP_H
#include "collection/context.h"
#include "collection/tree.h"
#include "index/definition.h"

struct index_touched; /* touched.h */

/* The key of the count of cut entries; nothing stands above it. */
#define INDEX_CUT_MARK (pbase_bytes_of("\xff", 1))
#define INDEX_ELEMENTS_MAX 65536u /* entries of one document in one index */

/* An index that is kept: its definition and its tree, which is edited in place. */
typedef struct {
    const index_definition *definition; /* borrowed */
    tree entries;
} index_live;

/* Hears each entry that is removed or added, before it happens. A failure ends the upkeep. */
typedef struct {
    const index_definition *definition;
    pbase_bytes key; /* of the entry, or INDEX_CUT_MARK; lent for the call */
    size_t prefix;   /* bytes of its elements */
    bool is_added;   /* else removed */
    bool
        is_exclusive; /* added to a unique index, and no element is null: nobody else may have it */
} index_event;
typedef struct index_listener index_listener;
struct index_listener {
    pbase_status (*entry)(index_listener *self, const index_event *event, pbase_error *err);
};

typedef struct {
    const pbase_alloc *alloc;
    value_coder *coder;
    uint8_t kind; /* of the collection */
    tree before;  /* lent, like the next */
    tree after;
    index_live *indexes;
    size_t count;
    index_listener *listener; /* NULL: nobody */
} index_upkeep;

/* Brings every index from `before` to `after`. EXISTS: two rows would have one key of a unique index;
 * names it, the key and both rows. LIMIT: an entry is too large. CORRUPT: a stored value does not
 * read. On failure the trees are half changed: drop them. */
PBASE_MUST_CHECK pbase_status index_upkeep_run(const index_upkeep *self,
                                               const struct index_touched *touched,
                                               pbase_error *err);

/* Entries of an index, without its mark; and whether any are cut. */
PBASE_MUST_CHECK pbase_status index_entries_count(const tree *entries, uint64_t *out_count,
                                                  uint64_t *out_cut, pbase_error *err);

#endif
