/* hash_dict.h - hash dictionaries: any value as key, each key once, in no order of meaning.
 *
 * A key is any value but a child collection: scalars, lists, maps and vectors, nested; encoded at
 * most 64 KiB, a map in it at most 4096 fields. Keys are the same when they are equal in the total
 * order of values: 1 and 1.0, and two maps whose fields stand in another order. The key keeps its
 * first spelling exactly. Entries lie in the order of a hash of their keys, the same on every machine.
 * Persistence, consumed handles and threads are those of dict.h.
 *
 * Concurrent transactions: changes of different keys merge, changes of one key conflict. */
#ifndef PROTOBASE_HASH_DICT_H
#define PROTOBASE_HASH_DICT_H
#include <protobase/collection.h>
#include <protobase/cursor.h>
#include <protobase/reader.h>
PBASE_BEGIN_DECLS

typedef struct pbase_hash_dict pbase_hash_dict;

/* The value of `key`, decoded into `arena`. NOT_FOUND: there is none. INVALID, LIMIT: not a key. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_get(const pbase_hash_dict *dict,
                                                            const pbase_value *key,
                                                            pbase_arena *arena, pbase_value *out,
                                                            pbase_error *err);
/* The value of `key` as its codec wrote it, lent as by pbase_dict_get_bytes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_get_bytes(const pbase_hash_dict *dict,
                                                                  const pbase_value *key,
                                                                  pbase_reader *reader,
                                                                  pbase_bytes *out,
                                                                  pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_has(const pbase_hash_dict *dict,
                                                            const pbase_value *key, bool *out,
                                                            pbase_error *err);

/* Inserts or replaces; a key that is there keeps its spelling. `out_replaced` may be NULL. LIMIT: the
 * key or the encoded value is too large. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_put(pbase_hash_dict **dict,
                                                            const pbase_value *key,
                                                            const pbase_value *value,
                                                            bool *out_replaced, pbase_error *err);
/* The same with a value of bytes, stored as they are by codec `raw`. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_put_bytes(pbase_hash_dict **dict,
                                                                  const pbase_value *key,
                                                                  pbase_bytes value,
                                                                  bool *out_replaced,
                                                                  pbase_error *err);
/* A missing key is OK and changes nothing. `out_removed` may be NULL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_remove(pbase_hash_dict **dict,
                                                               const pbase_value *key,
                                                               bool *out_removed, pbase_error *err);
/* Puts many entries: all of them or none, as if one after another. An empty dictionary is built from
 * the leaves up, which is much faster than putting each, the more so when they come in order.
 * Borrows `entries` for the call. LIMIT: more than 2^32 - 1. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_put_all(pbase_hash_dict **dict,
                                                                const pbase_entry *entries,
                                                                size_t count, pbase_error *err);
/* Puts every entry of `other`, whose values win; all of them or none. Linear in `other`, which is
 * read whole as far as conflicts are concerned. INVALID: `other` is of another space. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_merge(pbase_hash_dict **dict,
                                                              const pbase_hash_dict *other,
                                                              pbase_error *err);

/* Number of entries, in O(1). Reads the whole dictionary as far as conflicts are concerned. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_count(const pbase_hash_dict *dict,
                                                              uint64_t *out, pbase_error *err);
/* Opens a cursor over all entries, which the caller closes. pbase_cursor_seek is INVALID on it. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_cursor(const pbase_hash_dict *dict,
                                                               pbase_cursor **out,
                                                               pbase_error *err);
/* A second, independent handle on this version, which the caller closes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_keep(const pbase_hash_dict *dict,
                                                             pbase_hash_dict **out,
                                                             pbase_error *err);
/* NULL is fine. */
PBASE_API void pbase_hash_dict_close(pbase_hash_dict *dict);

PBASE_END_DECLS
#endif
