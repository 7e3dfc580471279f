/* list.h - lists: values by position, every operation in O(log n).
 *
 * An index below 0 counts from the end: -1 is the last element. Null is an element like any other.
 * Persistence, consumed handles and threads are those of dict.h.
 *
 * Concurrent transactions: appends merge with appends and with changes of other elements; an insert,
 * a removal or a cut conflicts with every other change of the list. An index below 0, or one that is out
 * of range, reads the length of the list as far as conflicts are concerned. */
#ifndef PROTOBASE_LIST_H
#define PROTOBASE_LIST_H
#include <protobase/collection.h>
#include <protobase/cursor.h>
#include <protobase/reader.h>
PBASE_BEGIN_DECLS

typedef struct pbase_list pbase_list;

/* The element at `index`, decoded into `arena`. NOT_FOUND: out of range. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_get(const pbase_list *list, int64_t index,
                                                       pbase_arena *arena, pbase_value *out,
                                                       pbase_error *err);
/* The element as its codec wrote it, lent as by pbase_dict_get_bytes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_get_bytes(const pbase_list *list, int64_t index,
                                                             pbase_reader *reader, pbase_bytes *out,
                                                             pbase_error *err);

PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_append(pbase_list **list,
                                                          const pbase_value *value,
                                                          pbase_error *err);
/* Appends many values: all of them or none; fast as pbase_dict_put_all. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_append_all(pbase_list **list,
                                                              const pbase_value *values,
                                                              size_t count, pbase_error *err);
/* Replaces the element at `index`; the index equal to the count appends. INVALID beyond either
 * end. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_set(pbase_list **list, int64_t index,
                                                       const pbase_value *value, pbase_error *err);
/* Inserts before the element at `index`, which is moved into 0..count: -1 inserts before the last
 * element, anything past the end appends. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_insert(pbase_list **list, int64_t index,
                                                          const pbase_value *value,
                                                          pbase_error *err);
/* An index out of range is OK and changes nothing. `out_removed` may be NULL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_remove(pbase_list **list, int64_t index,
                                                          bool *out_removed, pbase_error *err);

/* Number of elements, in O(1). Reads the whole list as far as conflicts are concerned. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_count(const pbase_list *list, uint64_t *out,
                                                         pbase_error *err);

/* The elements from..to-1, both counted from the end when below 0 and cut to the list; from at or
 * past to is empty. */
typedef struct {
    uint32_t struct_size; /* sizeof(pbase_slice) */
    bool reverse;         /* from the last of the slice to its first */
    int64_t from;
    int64_t to; /* INT64_MAX: to the end */
} pbase_slice;
/* Opens a cursor the caller closes. `slice` NULL: everything, ascending. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_cursor(const pbase_list *list,
                                                          const pbase_slice *slice,
                                                          pbase_cursor **out, pbase_error *err);

/* ------------------------------------------------------------------------------- parts -------- */

/* Each of the following costs O(log n) and shares structure. A part is a version of this list: stored
 * under the root the list came from it commits the cut alone, under another one it is copied. Ends
 * are those of pbase_slice: below 0 counted from the end, cut to the list, from at or past to is
 * empty. */

/* A new list of the elements from..to-1, which the caller closes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_slice(const pbase_list *list, int64_t from,
                                                         int64_t to, pbase_list **out,
                                                         pbase_error *err);
/* The first `count` elements, all of them when there are fewer. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_head(const pbase_list *list, uint64_t count,
                                                        pbase_list **out, pbase_error *err);
/* The elements from index `from` on: all but the first `from`. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_tail(const pbase_list *list, uint64_t from,
                                                        pbase_list **out, pbase_error *err);
/* Two new lists: the elements before `index`, and the others. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_split(const pbase_list *list, int64_t index,
                                                         pbase_list **out_before,
                                                         pbase_list **out_after, pbase_error *err);
/* Removes the elements from..to-1. `out_removed` (may be NULL) receives how many that were. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_remove_range(pbase_list **list, int64_t from,
                                                                int64_t to, uint64_t *out_removed,
                                                                pbase_error *err);

/* ------------------------------------------------------------------------------- both ends ---- */

PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_append_first(pbase_list **list,
                                                                const pbase_value *value,
                                                                pbase_error *err);
/* An empty list is OK and stays empty. `out_removed` may be NULL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_remove_first(pbase_list **list,
                                                                bool *out_removed,
                                                                pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_remove_last(pbase_list **list, bool *out_removed,
                                                               pbase_error *err);

/* ------------------------------------------------------------------------ lists behind lists -- */

/* Appends every element of `other`: all of them or none. Linear in `other`, which is read whole as
 * far as conflicts are concerned; merges with other appends. INVALID: `other` is of another space. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_extend(pbase_list **list,
                                                          const pbase_list *other,
                                                          pbase_error *err);
/* The same content in O(log n), whatever the size of `other`. One of at most 4,096 elements,
 * or with collections in it, is appended as by extend. Behind a larger one the list is a new whole: storing it writes it whole and
 * conflicts with every other change of the list. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_concat(pbase_list **list,
                                                          const pbase_list *other,
                                                          pbase_error *err);

/* A second, independent handle on this version, which the caller closes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_keep(const pbase_list *list, pbase_list **out,
                                                        pbase_error *err);
/* NULL is fine. */
PBASE_API void pbase_list_close(pbase_list *list);

PBASE_END_DECLS
#endif
