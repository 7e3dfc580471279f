/* multi_dict.h - multi-dictionaries: keys, each with a bag of records, ordered by key, then record.
 *
 * A key is what dict.h takes, a record any value but a child collection. A record may be there several
 * times under one key: it is kept once, with how often it is there (at least 1). Keys and records are
 * the same when they are equal in the total order of values; each record keeps its first spelling, and
 * that of the key it came with. Key and record together take at most 64 KiB encoded, a map in a record
 * at most 4096 fields. A key is there as long as it has a record.
 * Persistence, consumed handles and threads are those of dict.h.
 *
 * Concurrent transactions: adds merge, under one key and of one record too: every one of them counts.
 * A removal conflicts with every other change of its record. Removing a key removes the records it
 * had, and is a read of all of them. */
#ifndef PROTOBASE_MULTI_DICT_H
#define PROTOBASE_MULTI_DICT_H
#include <protobase/counted_set.h>
PBASE_BEGIN_DECLS

typedef struct pbase_multi_dict pbase_multi_dict;

/* How often `record` is there under `key`; 0 when it is not. INVALID, LIMIT: not a key, not a
 * record. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_get(const pbase_multi_dict *dict,
                                                             const pbase_value *key,
                                                             const pbase_value *record,
                                                             uint64_t *out_count, pbase_error *err);
/* Whether the key has a record. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_has(const pbase_multi_dict *dict,
                                                             const pbase_value *key, bool *out,
                                                             pbase_error *err);
/* Adds so many occurrences of a record; 0 changes nothing. `out_count` (may be NULL) receives how
 * often it is there now; asking is a read of it. LIMIT: past PBASE_COUNT_MAX in all. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_add(pbase_multi_dict **dict,
                                                             const pbase_value *key,
                                                             const pbase_value *record,
                                                             uint64_t times, uint64_t *out_count,
                                                             pbase_error *err);
/* Adds each record (`value`) under its key once more: all of them or none; fast as pbase_dict_put_all. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_add_all(pbase_multi_dict **dict,
                                                                 const pbase_entry *entries,
                                                                 size_t count, pbase_error *err);
/* Takes so many occurrences of a record, or as many as there are (PBASE_COUNT_ALL). A record that is
 * missing is OK and changes nothing. `out_removed` (may be NULL) receives how many were taken. */
PBASE_API PBASE_MUST_CHECK pbase_status
pbase_multi_dict_remove(pbase_multi_dict **dict, const pbase_value *key, const pbase_value *record,
                        uint64_t times, uint64_t *out_removed, pbase_error *err);
/* Removes a key with all its records, in time linear in their number. A missing key is OK and changes
 * nothing. `out_removed` (may be NULL) receives how many occurrences went. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_remove_key(pbase_multi_dict **dict,
                                                                    const pbase_value *key,
                                                                    uint64_t *out_removed,
                                                                    pbase_error *err);

/* Number of distinct records under all keys, in O(1). Reads the whole dictionary as far as conflicts
 * are concerned, as the next two do. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_count(const pbase_multi_dict *dict,
                                                               uint64_t *out, pbase_error *err);
/* Number of occurrences of all records, in O(1). */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_total(const pbase_multi_dict *dict,
                                                               uint64_t *out, pbase_error *err);
/* Number of keys, in O(log n) for each of them. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_count_keys(const pbase_multi_dict *dict,
                                                                    uint64_t *out,
                                                                    pbase_error *err);
/* Number of distinct records in a range of keys, in O(log n). */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_count_range(const pbase_multi_dict *dict,
                                                                     const pbase_range *range,
                                                                     uint64_t *out,
                                                                     pbase_error *err);
/* Opens a cursor over the distinct records of a range of keys, which the caller closes: its key is
 * the key, its value the record, pbase_cursor_count how often it is there. The records of one key are
 * the range from it to it. `range` NULL: everything, ascending. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_cursor(const pbase_multi_dict *dict,
                                                                const pbase_range *range,
                                                                pbase_cursor **out,
                                                                pbase_error *err);
/* A second, independent handle on this version, which the caller closes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_multi_dict_keep(const pbase_multi_dict *dict,
                                                              pbase_multi_dict **out,
                                                              pbase_error *err);
/* NULL is fine. */
PBASE_API void pbase_multi_dict_close(pbase_multi_dict *dict);

PBASE_END_DECLS
#endif
