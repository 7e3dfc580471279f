/* child_view.h - child collections as one state has them, and ids for those a transaction makes:
 * the child_source of its handles.
 * Threads: `find` is synchronized; a transaction's view is confined to it. */
#ifndef PROTOBASE_TXN_CHILD_VIEW_H
#define PROTOBASE_TXN_CHILD_VIEW_H
#include "collection/context.h"

typedef struct {
    child_source base; /* first member: the contract of collection/ */
    atom_source *atoms;
    const pbase_alloc *alloc;
    atom_ref collections; /* the table of collections; lent by the state */
    uint64_t created;     /* ids up to (0, created) are given out */
    uint8_t *placed;      /* a bit for each: it has its slot */
    size_t placed_bytes;
    /* Before the first look: brings `collections` up to the state of the transaction. NULL: it is. */
    pbase_status (*settle)(void *owner, pbase_error *err);
    void *owner;
} child_view;

/* Of a snapshot: nothing can be stored. */
void child_view_init(child_view *self, atom_source *atoms, atom_ref collections);
/* Of a transaction. */
void child_view_init_writable(child_view *self, atom_source *atoms, const pbase_alloc *alloc,
                              atom_ref collections);
void child_view_fini(child_view *self);

#endif
