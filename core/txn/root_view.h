/* root_view.h - the roots of one database in one state, as snapshots and transactions read them.
 * Threads: immutable; pure reads. */
#ifndef PROTOBASE_TXN_ROOT_VIEW_H
#define PROTOBASE_TXN_ROOT_VIEW_H
#include "collection/handle.h"
#include "txn/database.h"
#include "txn/opened.h"
#include <protobase/snapshot.h>

typedef struct {
    const collection_context *context; /* what handles opened here report to */
    atom_ref collections;              /* lent by the state behind it */
    space_state *state;                /* where what is found is kept (opened.h); NULL: nowhere */
    bool is_old; /* names and ids are as they are now, entries are not: handles ask for them anew */
} root_view;

/* The collections of a database in the newest state, as database_collections gives them, kept with it
 * for the next one who asks. */
PBASE_MUST_CHECK pbase_status root_view_database(const pbase_database *database, space_state *base,
                                                 atom_ref *out, pbase_error *err);
/* What root `name` holds, without checking the name: `stored` lies in `buffer`, which the caller ends, and
 * is empty when it is a collection that was asked for before. NOT_FOUND. */
PBASE_MUST_CHECK pbase_status root_view_entry(const root_view *view, pbase_bytes name,
                                              root_entry *out, pbase_buffer *buffer,
                                              pbase_error *err);
/* Whether the database has indexes at all, or had some. */
PBASE_MUST_CHECK pbase_status root_view_has_indexes(const root_view *view, bool *out,
                                                    pbase_error *err);
/* A handle on the collection of `kind` under `name`. NOT_FOUND, INVALID: it holds something else. */
PBASE_MUST_CHECK pbase_status root_view_collection(const root_view *view, pbase_bytes name,
                                                   uint8_t kind, collection **out,
                                                   pbase_error *err);
/* The same of whatever kind it is. INVALID: it holds a plain value. */
PBASE_MUST_CHECK pbase_status root_view_any(const root_view *view, pbase_bytes name,
                                            collection **out, pbase_error *err);
/* The plain value under `name`, copied to `arena`. INVALID: it holds a collection. */
PBASE_MUST_CHECK pbase_status root_view_value(const root_view *view, pbase_bytes name,
                                              pbase_arena *arena, pbase_value *out,
                                              pbase_error *err);
/* A handle on the n-th child of the plain value under `name`. NOT_FOUND: it has not so many. */
PBASE_MUST_CHECK pbase_status root_view_child(const root_view *view, pbase_bytes name, uint64_t n,
                                              collection **out, pbase_error *err);
/* What pbase_root_info says of an entry. */
PBASE_MUST_CHECK pbase_status root_view_info(const root_view *view, pbase_bytes name,
                                             const root_entry *entry, pbase_root_info *out,
                                             pbase_error *err);
/* INVALID unless a name of 1..PBASE_NAME_BYTES_MAX bytes of UTF-8 without control characters. */
PBASE_MUST_CHECK pbase_status root_name_check(const char *what, pbase_bytes name, pbase_error *err);

#endif
