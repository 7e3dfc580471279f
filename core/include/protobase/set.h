/* set.h - ordered sets: keys alone, each once, in the total order of values.
 *
 * Keys, persistence, consumed handles and threads are those of dict.h. */
#ifndef PROTOBASE_SET_H
#define PROTOBASE_SET_H
#include <protobase/collection.h>
#include <protobase/cursor.h>
PBASE_BEGIN_DECLS

typedef struct pbase_set pbase_set;

PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_has(const pbase_set *set, const pbase_value *key,
                                                      bool *out, pbase_error *err);
/* A key that is there is OK, changes nothing and keeps its first spelling. `out_added` may be
 * NULL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_add(pbase_set **set, const pbase_value *key,
                                                      bool *out_added, pbase_error *err);
/* Adds many keys: all of them or none; fast as pbase_dict_put_all. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_add_all(pbase_set **set, const pbase_value *keys,
                                                          size_t count, pbase_error *err);
/* A missing key is OK and changes nothing. `out_removed` may be NULL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_remove(pbase_set **set, const pbase_value *key,
                                                         bool *out_removed, pbase_error *err);
/* Number of keys, in O(1). Reads the whole set as far as conflicts are concerned. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_count(const pbase_set *set, uint64_t *out,
                                                        pbase_error *err);
/* Number of keys in a range, in O(log n). */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_count_range(const pbase_set *set,
                                                              const pbase_range *range,
                                                              uint64_t *out, pbase_error *err);
/* Opens a cursor the caller closes. `range` NULL: everything, ascending. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_cursor(const pbase_set *set,
                                                         const pbase_range *range,
                                                         pbase_cursor **out, pbase_error *err);
/* ------------------------------------------------------------------------------- algebra ------ */

/* Each gives a new set, which the caller closes, of the context of `a`: the transaction or snapshot it belongs
 * to. Only the elements of the smaller one are visited; of a difference those of `b` where it is
 * smaller, else those of `a`. INVALID: they are of different spaces. */

/* Every element of either. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_union(const pbase_set *a, const pbase_set *b,
                                                        pbase_set **out, pbase_error *err);
/* The elements of both. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_intersection(const pbase_set *a,
                                                               const pbase_set *b, pbase_set **out,
                                                               pbase_error *err);
/* The elements of `a` that `b` lacks. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_difference(const pbase_set *a, const pbase_set *b,
                                                             pbase_set **out, pbase_error *err);
/* The elements of just one of them. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_symmetric_difference(const pbase_set *a,
                                                                       const pbase_set *b,
                                                                       pbase_set **out,
                                                                       pbase_error *err);
/* True when `b` has every element of `a`. Reads both whole, as is_disjoint does. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_is_subset(const pbase_set *a, const pbase_set *b,
                                                            bool *out, pbase_error *err);
/* True when they have no element in common. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_is_disjoint(const pbase_set *a,
                                                              const pbase_set *b, bool *out,
                                                              pbase_error *err);

/* A second, independent handle on this version, which the caller closes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_set_keep(const pbase_set *set, pbase_set **out,
                                                       pbase_error *err);
/* NULL is fine. */
PBASE_API void pbase_set_close(pbase_set *set);

PBASE_END_DECLS
#endif
