/* staged.h - the roots a transaction has set or dropped, and what they become in a delta record.
 *
 * A nested transaction has a table of its own above that of the outer one: what is looked up in it
 * and is not there is looked up below. Folding moves a table into the one below it.
 * Threads: confined to the transaction. */
#ifndef PROTOBASE_TXN_STAGED_H
#define PROTOBASE_TXN_STAGED_H
#include "txn/adopt.h"
#include "txn/root_view.h"

typedef struct {
    pbase_bytes name;    /* in the arena of the table */
    collection *version; /* a kept handle in the table's context; NULL: a value or dropped */
    bool dropped;
    pbase_buffer stored;      /* of a value */
    child_versions *children; /* of a value: the versions of its children; NULL: none */
} staged_root;

/* Where the objects of the database wait among them: no root can be called so. */
#define STAGED_OBJECTS "\001objects"
static inline bool staged_is_root(const staged_root *self)
{
    return self->name.data[0] >= 0x20;
}

typedef struct staged_roots staged_roots;
struct staged_roots {
    const collection_context *context; /* borrowed: of the transaction */
    const staged_roots *outer;         /* borrowed: below it; NULL: outermost */
    pbase_arena arena;                 /* names */
    staged_root *items;
    size_t count, capacity;
};

void staged_roots_init(staged_roots *self, const collection_context *context,
                       const staged_roots *outer);
void staged_roots_fini(staged_roots *self);
/* The staged root `name` as this table and those below it show it, NULL when there is none. */
const staged_root *staged_roots_find(const staged_roots *self, pbase_bytes name);
/* The same in this table alone. */
staged_root *staged_roots_own(const staged_roots *self, pbase_bytes name);
/* The first staged root, in byte order, behind `after` and before `before` (NULL: no bound). */
const staged_root *staged_roots_between(const staged_roots *self, const pbase_bytes *after,
                                        const pbase_bytes *before);
/* Stages a version (kept), a stored value (copied), or neither: a removal. Replaces what was
 * staged under that name. */
PBASE_MUST_CHECK pbase_status staged_roots_put(staged_roots *self, pbase_bytes name,
                                               const collection *version, const pbase_bytes *stored,
                                               pbase_error *err);
/* Lets every staged version stand on the storage. */
PBASE_MUST_CHECK pbase_status staged_roots_relieve(staged_roots *self, pbase_error *err);
/* Stages a stored value (copied) with the versions of its children (takes one count of them on
 * success; NULL: none). */
PBASE_MUST_CHECK pbase_status staged_roots_put_value(staged_roots *self, pbase_bytes name,
                                                     pbase_bytes stored, child_versions *children,
                                                     pbase_error *err);
/* Moves everything staged in `self` into `below`, the table it stands on, over what was there.
 * On failure both are as before. */
PBASE_MUST_CHECK pbase_status staged_roots_fold(staged_roots *self, staged_roots *below,
                                                pbase_error *err);

/* What a commit appends: groups of operations, the bytes behind them, and what they write. */
typedef struct {
    const pbase_host *host;
    txn_budget *budget; /* borrowed: writes what is adopted */
    commit_group *groups;
    size_t count, capacity;
    pbase_arena arena; /* contents written out whole */
    pbase_buffer root_operations;
    access_set writes;
    struct delta_indexes *indexes; /* of changed collections, brought forward; newest first */
    uint32_t feature;              /* level of the space that the record needs */
    uint64_t database;
    uint64_t operation_bytes; /* of all groups */
} staged_delta;
void staged_delta_init(staged_delta *self, const pbase_host *host, txn_budget *budget,
                       uint64_t database);
void staged_delta_fini(staged_delta *self);
/* Turns the staged roots into groups against the roots of `view`, children before those that hold
 * them. No groups: nothing to write. LIMIT: collections nest too deep. */
PBASE_MUST_CHECK pbase_status staged_delta_build(staged_delta *self, const staged_roots *roots,
                                                 const root_view *view, pbase_error *err);

#endif
