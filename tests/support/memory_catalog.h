/* memory_catalog.h - collections in memory for query tests, read through query/source.h.
 *
 * Documents go out ENCODED (as a pointer, which only this catalog's reader can open), so that what
 * is decoded and extracted can be counted. Keys are given in order by who fills a collection. The
 * catalog must outlive the queries that read it; closing one that a query took is counted only. */
#ifndef PBASE_TEST_MEMORY_CATALOG_H
#define PBASE_TEST_MEMORY_CATALOG_H
#include "query/source.h"
#include <protobase/base/os.h>

#define MEMORY_COLLECTIONS_MAX 8u

typedef struct {
    const char *name;
    const pbase_value *documents; /* borrowed */
    const pbase_value *keys;      /* borrowed; NULL: positions from 0 */
    size_t count;
} memory_collection;

typedef struct {
    query_catalog base;
    memory_collection collections[MEMORY_COLLECTIONS_MAX];
    size_t count;
    const pbase_alloc *alloc; /* of open rows; set before the first query */
    bool hides_count;         /* exact counts are not told */
    bool ignores_bounds;      /* ranges and limits are not kept */
    bool gives_values;        /* documents as they are, not ENCODED */
    pbase_status fails_with;  /* `next` fails with it after `fails_after` rows, unless OK */
    size_t fails_after;
    uint32_t *raises; /* set to 1 once `raises_after` rows were read, unless NULL */
    size_t raises_after;
    /* what was done */
    size_t closed;    /* catalogs taken back */
    size_t open_rows; /* not yet closed */
    size_t rows_read;
    size_t decoded;
    size_t extracted; /* documents whose fields were extracted */
} memory_catalog;

void memory_catalog_init(memory_catalog *self);
/* Adds a collection. */
void memory_catalog_add(memory_catalog *self, const char *name, const pbase_value *documents,
                        const pbase_value *keys, size_t count);
/* The catalog to hand to a query. */
query_catalog *memory_catalog_take(memory_catalog *self);

#endif
