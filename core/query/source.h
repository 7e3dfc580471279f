/* source.h - what a query reads: declared here, implemented by space/ over the collections of a
 * snapshot or a transaction, and by tests over lists in memory.
 *
 * A catalog opens collections by name; rows are read in batches of (key, stored value), the values
 * left encoded. The implementer reports what was read to its transaction; the query never knows it.
 *
 * Threads: a catalog and its rows are confined to the query that took them; the reader it lends is
 * synchronized, as chunk.h says. */
#ifndef PROTOBASE_QUERY_SOURCE_H
#define PROTOBASE_QUERY_SOURCE_H
#include "index/definition.h"
#include "index/range.h"
#include <protobase/plugin/chunk.h>

typedef struct query_catalog query_catalog;
typedef struct query_rows query_rows;

/* Rows by way of an index: those of the entries in its ranges, each row once. Or the rows with
 * certain keys, each once and in collection order; keys that are not there give none. */
typedef struct {
    pbase_bytes index;         /* its name */
    const index_range *ranges; /* in order, apart from one another */
    size_t range_count;
    bool
        is_ordered; /* rows come in the order of the entries (one range), those with equal values in
                        collection order; else all of them come in collection order */
    bool is_reverse; /* when ordered: backwards */
    bool is_by_row;  /* the one range has its entries in collection order as they stand */
    uint64_t wanted; /* about so many rows will be read; UINT64_MAX: all */
    bool is_by_key;  /* by `keys`, without an index */
    const pbase_value *keys;
    size_t key_count;
} query_access;

/* An index of a collection, as the optimizer looks at it. Lent until the catalog is closed. */
typedef struct {
    const index_definition *definition;
    const tree *entries;
    uint64_t cut; /* entries whose order is not exact */
} query_index;

/* What the optimizer knows of a collection. Lent until the catalog is closed. */
typedef struct {
    const query_index *indexes;
    size_t count;
    uint64_t rows;
    bool finds_keys; /* a row is found by its key in O(log n): is_by_key can be asked for */
} query_facts;

/* What the query will read of a collection. Bounds compare keys in the total order; a source may
 * ignore them (and the limit) and give more: everything is checked again. */
typedef struct {
    const pbase_value *low;  /* NULL: from the first. Borrowed until rows are closed */
    const pbase_value *high; /* NULL: to the last */
    bool low_open;           /* the bound itself is left out */
    bool high_open;
    bool wants_keys;
    bool wants_values;          /* false: only how many rows there are matters, or their keys */
    uint64_t limit;             /* no more rows than this will be read; UINT64_MAX: no limit */
    const query_access *access; /* NULL: in collection order. Borrowed until rows are closed */
    const pbase_alloc *alloc;   /* of rows that have to be gathered first; NULL: the source's own */
} query_scan;

/* One read of up to `capacity` rows. The arrays are the caller's. */
typedef struct {
    uint32_t capacity;
    uint32_t count;      /* filled; 0 means the end */
    pbase_value *keys;   /* NULL when not wanted */
    pbase_value *values; /* ENCODED cells for rows->reader, or values as they are; NULL when not
                            wanted */
    pbase_arena *arena;  /* for what both point to, unless it lives until the rows are closed */
} query_batch;

typedef struct {
    /* The next rows in collection order. May block. */
    pbase_status (*next)(query_rows *self, query_batch *batch, pbase_error *err);
    /* How many rows there are in all between the bounds, when that is known without reading them:
     * otherwise out_exact is false and the count a guess. Reading it reads the whole range, as far
     * as conflicts go. */
    pbase_status (*count)(query_rows *self, bool *out_exact, uint64_t *out_count, pbase_error *err);
    void (*close)(query_rows *self);
} query_rows_vtable;
struct query_rows {
    const query_rows_vtable *vtable;
    const pbase_row_reader *reader; /* of ENCODED values, lent until the catalog is closed */
};

typedef struct {
    /* NOT_FOUND when there is no such collection: the query adds the nearest names. */
    pbase_status (*open)(query_catalog *self, pbase_bytes name, const query_scan *scan,
                         query_rows **out, pbase_error *err);
    /* Every name there is; a result other than OK stops the listing with it. */
    pbase_status (*list)(query_catalog *self,
                         pbase_status (*each)(void *state, pbase_bytes name, pbase_error *err),
                         void *state, pbase_error *err);
    void (*close)(query_catalog *self);
    /* Optional: the indexes of a collection, and how many rows it has. NOT_FOUND as of open. */
    pbase_status (*facts)(query_catalog *self, pbase_bytes name, query_facts *out,
                          pbase_error *err);
    /* Optional: the rows of a collection that a row of this catalog holds, from the PBASE_CHILD in
     * its place (child_cell.h). INVALID: it is of no rows of this catalog. */
    pbase_status (*open_child)(query_catalog *self, const pbase_value *marker, query_rows **out,
                               pbase_error *err);
} query_catalog_vtable;
struct query_catalog {
    const query_catalog_vtable *vtable;
};

#endif
