/* index_view.h - the indexes of a collection as a state shows them, and brought forward to a version
 * that no state holds yet.
 *
 * Threads: confined. */
#ifndef PROTOBASE_TXN_INDEX_VIEW_H
#define PROTOBASE_TXN_INDEX_VIEW_H
#include "index/upkeep.h"
#include "txn/access.h"
#include "txn/catalog.h"

typedef struct {
    pbase_arena arena; /* definitions */
    index_live *items; /* each owns a count of its root */
    atom_ref *bases;   /* [count] what they were loaded with, lent by the state */
    size_t count;
} index_view;

/* Loads the indexes of one collection (`id` NULL: of all) from a tree of collections, which must stay
 * alive. A database without indexes costs one look-up. CORRUPT: a definition, or its entries. */
PBASE_MUST_CHECK pbase_status index_view_load(atom_source *atoms, atom_ref collections,
                                              const pbase_collection_id *id, index_view *out,
                                              pbase_error *err);
void index_view_fini(index_view *self); /* a zeroed one is fine */
/* A second view of the same entries. */
PBASE_MUST_CHECK pbase_status index_view_keep(const index_view *self, index_view *out,
                                              pbase_error *err);

/* From one version of the collection to a later one. */
typedef struct {
    value_coder *coder;
    uint8_t kind;           /* of the collection */
    const tree *before;     /* what the view shows */
    const tree *after;      /* what it shall show */
    bool is_whole;          /* any row may differ; no operations tell which */
    pbase_bytes operations; /* from one to the other */
} index_step;
/* Brings the entries forward. With `writes`, adds what changes in them to it, unique keys too: then
 * whoever reads or takes them meanwhile meets a conflict. Errors as index_upkeep_run; the view is
 * then good for nothing but fini. */
PBASE_MUST_CHECK pbase_status index_view_advance(index_view *self, const index_step *step,
                                                 uint64_t database, access_set *writes,
                                                 pbase_error *err);

#endif
