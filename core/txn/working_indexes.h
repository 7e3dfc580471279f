/* working_indexes.h - the indexes of one database while records are applied to it.
 *
 * Owns the tree of definitions and every tree of entries from their first use until they are put
 * back. A working state tells it of each change of a collection; what it makes of that is the same
 * in commit and in replay.
 * Failure: as of working.h, the whole can only be ended. Threads: confined. */
#ifndef PROTOBASE_TXN_WORKING_INDEXES_H
#define PROTOBASE_TXN_WORKING_INDEXES_H
#include "txn/index_view.h"

/* The entries of one index as a transaction computed them on its own from `base_root`. */
typedef struct {
    pbase_collection_id entries;
    atom_ref base_root;
    atom_ref result_root;
} index_shortcut;

typedef struct working_index working_index; /* working_indexes.c */
typedef struct {
    atom_source *atoms;
    value_coder *coder; /* NULL: a database with indexes is UNSUPPORTED */
    bool is_loaded;
    bool has_definitions; /* there is a tree of them */
    bool is_changed;
    pbase_arena arena; /* definitions */
    tree definitions;
    working_index *items;
    size_t count, capacity;
} working_indexes;

void working_indexes_init(working_indexes *self, atom_source *atoms, value_coder *coder);
void working_indexes_fini(working_indexes *self);

/* Whether the collection has any. Loads them from `collections`, the database's, at first use. */
PBASE_MUST_CHECK pbase_status working_indexes_any(working_indexes *self, const tree *collections,
                                                  pbase_collection_id id, bool *out,
                                                  pbase_error *err);
/* The collection went from step->before to step->after. `shortcuts` hold when that is exactly the
 * step they were computed for. Errors as index_upkeep_run. */
PBASE_MUST_CHECK pbase_status working_indexes_change(working_indexes *self, pbase_collection_id id,
                                                     const index_step *step,
                                                     const index_shortcut *shortcuts,
                                                     size_t shortcut_count, pbase_error *err);
/* The collection is gone, and so are its indexes. */
PBASE_MUST_CHECK pbase_status working_indexes_drop(working_indexes *self, const tree *collections,
                                                   pbase_collection_id id, pbase_error *err);

/* Operations on the definitions, one by one: `content` and `kind` are those of the collection that
 * operation->key names, which the caller looks up. EXISTS, NOT_FOUND, CORRUPT. */
PBASE_MUST_CHECK pbase_status working_indexes_create(working_indexes *self, const tree *collections,
                                                     const index_operation *operation,
                                                     uint64_t sequence, uint8_t kind,
                                                     const tree *content,
                                                     const index_shortcut *shortcut,
                                                     pbase_error *err);
PBASE_MUST_CHECK pbase_status working_indexes_remove(working_indexes *self, const tree *collections,
                                                     const index_operation *operation,
                                                     pbase_error *err);
/* The collection that an operation's key names. False: it is no key. */
bool working_indexes_target(const index_operation *operation, pbase_collection_id *out);

/* Puts every tree back into `collections`; goes on being usable. */
PBASE_MUST_CHECK pbase_status working_indexes_finish(working_indexes *self, tree *collections,
                                                     pbase_error *err);

#endif
