/* dict.h - ordered dictionaries: each key once, in the total order of values.
 *
 * A key is any scalar (null, bool, int, float, string, bytes, timestamp, reference) or a list of
 * scalars, 64 KiB encoded. Keys that are equal in the total order are the same key: 1 and 1.0, 0 and
 * -0.0. The stored key keeps its first spelling. A value is anything a codec of the space carries.
 *
 * A dictionary is persistent. Editing functions take `pbase_dict **` and on success only replace the
 * handle: the old one is consumed. A version that nobody else keeps (no `keep`, no open cursor) is
 * edited in place. On failure the handle and its content are as before.
 *
 * Threads: a handle is immutable while nobody edits it, so share it for reading; it is confined while
 * it is edited. A kept handle may go to another thread. */
#ifndef PROTOBASE_DICT_H
#define PROTOBASE_DICT_H
#include <protobase/collection.h>
#include <protobase/cursor.h>
#include <protobase/reader.h>
PBASE_BEGIN_DECLS

typedef struct pbase_dict pbase_dict;

/* The value of `key`, decoded into `arena`. NOT_FOUND: there is none. INVALID: not a key. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_get(const pbase_dict *dict,
                                                       const pbase_value *key, pbase_arena *arena,
                                                       pbase_value *out, pbase_error *err);
/* The value of `key` as its codec wrote it, without decoding, copying or allocating. Lent until the
 * next use of `reader`, or until the next edit or the close of `dict`. NOT_FOUND leaves `err`
 * untouched here: a miss costs as little as a hit. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_get_bytes(const pbase_dict *dict,
                                                             const pbase_value *key,
                                                             pbase_reader *reader, pbase_bytes *out,
                                                             pbase_error *err);
/* The values of many keys, in any order, as pbase_dict_get_bytes gives each: out[i] is that of keys[i],
 * data NULL where there is none. Several times as fast as one after another from about eight keys on:
 * the look-ups wait for memory together. All are lent until the next use of `reader`, or until the next
 * edit or the close of `dict`. INVALID: one is not a key; after a failure nothing is lent and `out` says
 * nothing. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_get_many(const pbase_dict *dict,
                                                            const pbase_value *keys, size_t count,
                                                            pbase_reader *reader, pbase_bytes *out,
                                                            pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_has(const pbase_dict *dict,
                                                       const pbase_value *key, bool *out,
                                                       pbase_error *err);

/* Inserts or replaces. `out_replaced` may be NULL. LIMIT: the key or the encoded value is too
 * large. UNSUPPORTED: the space's serializer cannot carry the value. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_put(pbase_dict **dict, const pbase_value *key,
                                                       const pbase_value *value, bool *out_replaced,
                                                       pbase_error *err);
/* The same with a value of bytes, stored as they are by codec `raw`. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_put_bytes(pbase_dict **dict,
                                                             const pbase_value *key,
                                                             pbase_bytes value, bool *out_replaced,
                                                             pbase_error *err);
/* A missing key is OK and changes nothing. `out_removed` may be NULL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_remove(pbase_dict **dict, const pbase_value *key,
                                                          bool *out_removed, pbase_error *err);

/* Puts many entries: all of them or none, as if one after another. An empty dictionary is built from
 * the leaves up, which is much faster than putting each, the more so when they come in order.
 * Borrows `entries` for the call. LIMIT: more than 2^32 - 1. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_put_all(pbase_dict **dict,
                                                           const pbase_entry *entries, size_t count,
                                                           pbase_error *err);
/* Puts every entry of `other`, whose values win; all of them or none. Linear in `other`, which is
 * read whole as far as conflicts are concerned. INVALID: `other` is of another space. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_merge(pbase_dict **dict, const pbase_dict *other,
                                                         pbase_error *err);

/* Number of entries, in O(1). Reads the whole dictionary as far as conflicts are concerned. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_count(const pbase_dict *dict, uint64_t *out,
                                                         pbase_error *err);
/* Number of entries in a range, in O(log n). `reverse` means nothing here. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_count_range(const pbase_dict *dict,
                                                               const pbase_range *range,
                                                               uint64_t *out, pbase_error *err);
/* Opens a cursor the caller closes. `range` NULL: everything, ascending. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_cursor(const pbase_dict *dict,
                                                          const pbase_range *range,
                                                          pbase_cursor **out, pbase_error *err);

/* A second, independent handle on this version, which the caller closes: editing one does not
 * change the other. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_keep(const pbase_dict *dict, pbase_dict **out,
                                                        pbase_error *err);
/* NULL is fine. */
PBASE_API void pbase_dict_close(pbase_dict *dict);

PBASE_END_DECLS
#endif
