/* access.h - how a from reads its collection: in order, or by one of its indexes.
 *
 * Chosen by cost before a plan is bound, from what the catalog knows: entries of a range are counted
 * exactly in O(log n). Every term of the filter is checked again on the rows that come, so an index
 * only has to give all rows that may pass. An order step is dropped when the index gives that very
 * order, ties included.
 * Sources: P. G. Selinger et al., "Access Path Selection in a Relational Database Management System",
 * 1979, section 4; with exact counts in place of its factors. */
#ifndef PROTOBASE_QUERY_ACCESS_H
#define PROTOBASE_QUERY_ACCESS_H
#include "query/access_terms.h"
#include "query/source.h"

/* Costs in units of reading one row of a collection in order (docs/decisions/0007). A row read by its
 * key, an entry of an index, a range of one, a row sorted. */
#define ACCESS_COST_ROW 1.0
#define ACCESS_COST_ROW_BY_KEY 2.5
#define ACCESS_COST_ENTRY 0.3
#define ACCESS_COST_RANGE 3.0
#define ACCESS_COST_SORTED 1.0
#define ACCESS_COST_KEPT_TOP 0.2 /* a row offered to an order that keeps the top ones */
#define ACCESS_RANGES_MAX 1024u  /* of one access; more points are not used */

/* Why an index is not used. Names of indexes lie in the arena: they outlive the catalog. */
typedef struct {
    pbase_bytes index;
    const char *why;
    double share; /* of the rows that it would give; below 0: not looked at */
} access_reason;

struct access_choice {
    query_access by; /* when `uses_index` */
    bool uses_index;
    const char *how; /* "index by_city (city): 1 range, in order" */
    double rows;     /* that come, about; below 0: not known */
    double cost;     /* of reading by the index */
    bool is_exact;   /* its ranges hold all terms of the filter behind it */
    const access_reason *unused;
    size_t unused_count;
};

/* Chooses for every from in the plan and in those inside it, and drops orders that come by themselves.
 * `out` shares what did not change. With no indexes it is the plan as it was. */
PBASE_MUST_CHECK pbase_status plan_choose_access(const plan *self, query_catalog *catalog,
                                                 uint32_t rules_off, pbase_arena *arena, plan *out,
                                                 pbase_error *err);

/* Appends "city, tags[*]". */
PBASE_MUST_CHECK pbase_status access_fields_format(const index_definition *definition,
                                                   pbase_buffer *out, pbase_error *err);

/* access_ranges.c: the ranges of one index that hold every row for which the terms are true. */
typedef struct {
    index_range *ranges; /* in order, apart */
    size_t range_count;
    size_t points;  /* leading fields that stand still in each range */
    size_t bound;   /* leading fields that the terms bound at all */
    bool is_single; /* each of those stands at one value */
    size_t terms;   /* used */
} access_ranges;
PBASE_MUST_CHECK pbase_status access_ranges_make(const index_definition *definition,
                                                 const access_terms *terms, pbase_arena *arena,
                                                 access_ranges *out, pbase_error *err);

#endif
