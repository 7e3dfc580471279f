/* join_access.h - how a join reads its inputs: both in order, or one of them by the keys of the other.
 *
 * Three ways, which give the same rows in the same order:
 *   build     the joined rows are read once and kept in a hash table
 *   look up   they are read by an index, or by the key of their collection, for a run of left rows at
 *             a time: those that can match, in collection order, into a table of that run
 *   narrow    the joined rows are kept first; when they have few keys, the left collection is read by
 *             an index for these alone, in collection order
 * Equality is decided by the table in each: reading by keys only leaves out rows that match nothing.
 * Counts of rows are exact where no filter stands before; what is a guess is checked while it runs:
 * looking up ends where building is seen to be cheaper, narrowing is done when it is.
 * Sources: P. A. Bernstein and D. W. Chiu, "Using Semi-Joins to Solve Relational Queries", 1981, for
 * narrowing. */
#ifndef PROTOBASE_QUERY_JOIN_ACCESS_H
#define PROTOBASE_QUERY_JOIN_ACCESS_H
#include "query/access.h"

/* As ACCESS_COST_*, in rows read in order (docs/decisions/0010): a row kept in a table, and the part
 * of the cost of building that is tried on looking up when a guess speaks against it. */
#define JOIN_COST_KEPT 0.5
#define JOIN_TRY_SHARE 0.25

/* What a leading field of an index stands at in a look-up. */
#define JOIN_FIELD_CONSTANT SIZE_MAX
typedef struct {
    size_t pair;          /* the key of that equality of the join, or JOIN_FIELD_CONSTANT: */
    pbase_bytes constant; /* an element that the filter says */
} join_field;

/* Rows of one collection for keys. Without an index they are found by the key of the collection, which
 * is then that of fields[0]. */
typedef struct {
    pbase_bytes index; /* its name; empty: none */
    const join_field *fields;
    size_t field_count;
    double matches; /* rows of one key, about */
} join_lookup;

typedef enum { JOIN_BUILDS, JOIN_LOOKS_UP, JOIN_NARROWS } join_way;

struct join_access {
    join_way way;
    join_lookup by;          /* of the collection that is read by keys */
    double key_cost;         /* of one key */
    double most_cost;        /* looking up may cost this, then the rest is built; narrowing too */
    double left_rows;        /* that will be looked up, exactly; below 0: a guess is all there is */
    pbase_bytes how;         /* for explain: ", right side by index by_who (who) for ..." */
    double cost, build_cost; /* of the way, and of building */
    const access_reason *unused; /* other indexes of the side that is read by keys */
    size_t unused_count;
};

/* Chooses for the join at step `index` of `self`, whose second input has been chosen for already.
 * `out` stays NULL where there is nothing to choose and nothing to say. */
PBASE_MUST_CHECK pbase_status join_access_choose(const plan *self, size_t index,
                                                 query_catalog *catalog, pbase_arena *arena,
                                                 const join_access **out, pbase_error *err);

/* join_lookup.c: what to read for `count` tuples of keys, each `key_count` cells on end, none null.
 * `out` lies in `arena`. */
PBASE_MUST_CHECK pbase_status join_lookup_access(const join_lookup *self, const pbase_value *tuples,
                                                 size_t count, size_t key_count, pbase_arena *arena,
                                                 query_access *out, pbase_error *err);

#endif
