/* counted_set.h - counted sets (multisets): elements, each with how often it is there, in the total
 * order of values.
 *
 * An element is a key as dict.h has it; elements that are equal in the total order are one element,
 * which keeps its first spelling. Its count is at least 1: taking the last occurrence removes it. The
 * sum of all counts is at most PBASE_COUNT_MAX.
 * Persistence, consumed handles and threads are those of dict.h.
 *
 * Concurrent transactions: adds merge, of one element too: every one of them counts. A removal
 * conflicts with every other change of its element. */
#ifndef PROTOBASE_COUNTED_SET_H
#define PROTOBASE_COUNTED_SET_H
#include <protobase/collection.h>
#include <protobase/cursor.h>
PBASE_BEGIN_DECLS

typedef struct pbase_counted_set pbase_counted_set;

#define PBASE_COUNT_ALL UINT64_MAX /* of a removal: every occurrence */

/* How often the element is there; 0 when it is not. INVALID: not a key. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_get(const pbase_counted_set *set,
                                                              const pbase_value *element,
                                                              uint64_t *out_count,
                                                              pbase_error *err);
/* Adds so many occurrences; 0 changes nothing. `out_count` (may be NULL) receives how often the
 * element is there now; asking is a read of it. LIMIT: past PBASE_COUNT_MAX in all. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_add(pbase_counted_set **set,
                                                              const pbase_value *element,
                                                              uint64_t times, uint64_t *out_count,
                                                              pbase_error *err);
/* Adds each of many elements once more: all of them or none; fast as pbase_dict_put_all. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_add_all(pbase_counted_set **set,
                                                                  const pbase_value *elements,
                                                                  size_t count, pbase_error *err);
/* Takes so many occurrences, or as many as there are. An element that is missing is OK and changes
 * nothing. `out_removed` (may be NULL) receives how many were taken. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_remove(pbase_counted_set **set,
                                                                 const pbase_value *element,
                                                                 uint64_t times,
                                                                 uint64_t *out_removed,
                                                                 pbase_error *err);

/* Number of distinct elements, in O(1). Reads the whole set as far as conflicts are concerned. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_count(const pbase_counted_set *set,
                                                                uint64_t *out, pbase_error *err);
/* Number of occurrences, the sum of all counts, in O(1). Reads the whole set likewise. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_total(const pbase_counted_set *set,
                                                                uint64_t *out, pbase_error *err);
/* Number of distinct elements in a range, in O(log n). */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_count_range(const pbase_counted_set *set,
                                                                      const pbase_range *range,
                                                                      uint64_t *out,
                                                                      pbase_error *err);
/* Opens a cursor over the distinct elements, which the caller closes; pbase_cursor_count gives how
 * often the one it stands on is there. `range` NULL: everything, ascending. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_cursor(const pbase_counted_set *set,
                                                                 const pbase_range *range,
                                                                 pbase_cursor **out,
                                                                 pbase_error *err);
/* ------------------------------------------------------------------------------- algebra ------ */

/* Each gives a new counted set, which the caller closes, of the context of `a`: the transaction or snapshot it belongs
 * to. Only the elements of the smaller one are visited; of a difference those of `b` where it is
 * smaller, else those of `a`. INVALID: they are of different spaces. */

/* An element is there as often as in the one that has more of it. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_union(const pbase_counted_set *a,
                                                                const pbase_counted_set *b,
                                                                pbase_counted_set **out,
                                                                pbase_error *err);
/* As often as in the one that has fewer of it. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_intersection(const pbase_counted_set *a,
                                                                       const pbase_counted_set *b,
                                                                       pbase_counted_set **out,
                                                                       pbase_error *err);
/* As often as `a` has more of it than `b`. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_difference(const pbase_counted_set *a,
                                                                     const pbase_counted_set *b,
                                                                     pbase_counted_set **out,
                                                                     pbase_error *err);
/* As often as one has more of it than the other. */
PBASE_API PBASE_MUST_CHECK pbase_status
pbase_counted_set_symmetric_difference(const pbase_counted_set *a, const pbase_counted_set *b,
                                       pbase_counted_set **out, pbase_error *err);
/* As often as in both together. LIMIT: past PBASE_COUNT_MAX in all. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_sum(const pbase_counted_set *a,
                                                              const pbase_counted_set *b,
                                                              pbase_counted_set **out,
                                                              pbase_error *err);
/* True when `b` has every element of `a`, at least as often. Reads both whole, as is_disjoint does. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_is_subset(const pbase_counted_set *a,
                                                                    const pbase_counted_set *b,
                                                                    bool *out, pbase_error *err);
/* True when they have no element in common. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_is_disjoint(const pbase_counted_set *a,
                                                                      const pbase_counted_set *b,
                                                                      bool *out, pbase_error *err);

/* A second, independent handle on this version, which the caller closes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_counted_set_keep(const pbase_counted_set *set,
                                                               pbase_counted_set **out,
                                                               pbase_error *err);
/* NULL is fine. */
PBASE_API void pbase_counted_set_close(pbase_counted_set *set);

PBASE_END_DECLS
#endif
