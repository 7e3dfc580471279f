/* query_children.h - the child collections that rows of a query name: noted where a row is read,
 * opened where a step goes through them.
 *
 * A child that the transaction has touched is found beside the collection its entry is in
 * (child_versions.h); so those of every collection that a query has open are kept until it ends.
 * Threads: confined, but for query_children_note, which is synchronized. */
#ifndef PROTOBASE_SPACE_QUERY_CHILDREN_H
#define PROTOBASE_SPACE_QUERY_CHILDREN_H
#include "collection/handle.h"

typedef struct {
    const collection_context *context; /* borrowed until fini */
    child_versions **versions;         /* counts of ours, each table once */
    size_t count, capacity;
} query_children;

void query_children_init(query_children *self, const collection_context *context);
void query_children_fini(query_children *self);
/* Remembers the versions that `from` has of its children. */
PBASE_MUST_CHECK pbase_status query_children_keep(query_children *self, const collection *from,
                                                  pbase_error *err);
/* Notes in every marker among `values`, which were read from `stored` and are nobody else's yet,
 * which collection it stands for. */
PBASE_MUST_CHECK pbase_status query_children_note(pbase_bytes stored, pbase_value *values,
                                                  size_t count, pbase_arena *arena,
                                                  pbase_error *err);
/* The collection that a noted marker stands for, as the transaction or snapshot sees it. */
PBASE_MUST_CHECK pbase_status query_children_open(query_children *self, pbase_collection_id id,
                                                  collection **out, pbase_error *err);

#endif
