/* index.h - secondary indexes: lookups kept beside a collection, in the same commit.
 *
 * An index orders the rows of a collection by one or more of their fields. It is kept by every commit
 * that changes the collection, inside that commit: a snapshot never shows an index that differs from
 * its collection. Queries read by an index where that is cheaper; what they give is the same with and
 * without (docs/indexes.md).
 *
 * Indexes belong to a collection that stands under a root: a dictionary, hash dictionary or list, the
 * kinds that hold documents apart from their keys. They go when it is dropped or replaced by another
 * collection; renaming the root keeps them. The objects of a database (object.h) are one such collection,
 * under the name "$objects": their fields are "class" and "value.NAME". A row without a field counts as one where it is null, and so does a value that is
 * no document.
 *
 * Threads: as of the handles given. */
#ifndef PROTOBASE_INDEX_H
#define PROTOBASE_INDEX_H
#include <protobase/check.h>
#include <protobase/snapshot.h>
PBASE_BEGIN_DECLS

#define PBASE_INDEX_FIELDS_MAX 16u       /* of one index */
#define PBASE_INDEX_VALUE_BYTES_MAX 512u /* of a value that an index tells apart by itself */
#define PBASE_INDEXES_MAX 64u            /* of one collection */

typedef struct {
    uint32_t struct_size;
    /* At most one row for each key. Keys with a null in them are exempt: any number of rows may
     * have them. Values above PBASE_INDEX_VALUE_BYTES_MAX are then refused (LIMIT). */
    bool unique;
    /* Paths in order: "city", "address.zip", "tags[*]". One of them may end in [*]: the index then
     * has an entry for each different element of that list (multikey). */
    const char *const *fields;
    size_t field_count;
} pbase_index_options;

/* Makes an index on the collection under `root`, building it from what is there. It is
 * one commit: visible at once, whole, to whoever begins after it. Transactions that change the
 * collection meanwhile win or lose against it as against each other. NOT_FOUND: no such root. INVALID:
 * a set or a plain value; a field that is no path. EXISTS: the name is taken on this collection, or two
 * rows have one key of a unique index (the message names them). `call` (may be NULL) is looked at
 * before the commit. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_index_create(pbase_database *database,
                                                           const char *root, const char *name,
                                                           const pbase_index_options *options,
                                                           const pbase_call *call,
                                                           pbase_error *err);
/* NOT_FOUND names the nearest. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_index_drop(pbase_database *database, const char *root,
                                                         const char *name, const pbase_call *call,
                                                         pbase_error *err);

/* Lent for the call of `each`. */
typedef struct {
    pbase_bytes root; /* of the collection */
    pbase_bytes name;
    const pbase_bytes *fields; /* as they were given */
    size_t field_count;
    bool unique;
    bool multikey;    /* a row may have several entries */
    uint64_t entries; /* in all */
    uint64_t cut; /* entries with a value above PBASE_INDEX_VALUE_BYTES_MAX: while there are any,
                         the index cannot give an order */
} pbase_index_info;
typedef pbase_status (*pbase_index_each)(void *state, const pbase_index_info *info,
                                         pbase_error *err);
/* Calls `each` for every index of the collection under `root` (NULL: of all), by root
 * and then by name; a result other than OK stops the listing with it. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_index_list(const pbase_snapshot *snapshot,
                                                         const char *root, pbase_index_each each,
                                                         void *state, pbase_error *err);

typedef struct {
    uint64_t indexes;
    uint64_t rows;     /* read, once for each index */
    uint64_t entries;  /* of the indexes */
    uint64_t findings; /* calls of `each`, and what was found beyond the first 1000 of an index */
} pbase_index_report;
/* Compares indexes with their collection, entry by entry and both ways: those of one collection (NULL:
 * of all), one of them (`name` NULL: each). Calls `each` (NULL: nobody) for every finding. OK when it could
 * look everywhere. NOT_FOUND: no such root or index. `report` may be NULL, and after a failure has what was
 * found until then. pbase_space_check does the same for every database. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_index_check(
    const pbase_snapshot *snapshot, const char *root, const char *name, const pbase_call *call,
    pbase_verify_each each, void *state, pbase_index_report *report, pbase_error *err);

PBASE_END_DECLS
#endif
