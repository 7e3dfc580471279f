/* query_catalog.h - the collections of a snapshot or a transaction as a query reads them. */
#ifndef PROTOBASE_SPACE_QUERY_CATALOG_H
#define PROTOBASE_SPACE_QUERY_CATALOG_H
#include "collection/handle.h"
#include "index/upkeep.h"
#include "query/source.h"
#include "txn/index_view.h"

/* What a catalog stands on: something that opens handles and lists names. */
typedef struct {
    const collection_context *context; /* borrowed until the catalog is closed */
    void *state;
    pbase_status (*open)(void *state, const char *name, collection **out, pbase_error *err);
    pbase_status (*list)(void *state,
                         pbase_status (*each)(void *each_state, pbase_bytes name, pbase_error *err),
                         void *each_state, pbase_error *err);
    /* The indexes of the version that `handle` stands at, for the caller to end. */
    pbase_status (*indexes)(void *state, const collection *handle, index_view *out,
                            pbase_error *err);
} query_catalog_base;

/* Returns a catalog that its close ends. */
PBASE_MUST_CHECK pbase_status query_catalog_create(const query_catalog_base *base,
                                                   query_catalog **out, pbase_error *err);

#endif
