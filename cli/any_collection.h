/* any_collection.h - one handle for a collection of whatever kind a root holds: what import, export,
 * get, put and delete do with all of them.
 * Threads: as the handle inside. */
#ifndef PBASE_CLI_ANY_COLLECTION_H
#define PBASE_CLI_ANY_COLLECTION_H
#include <protobase/protobase.h>

typedef struct {
    uint32_t kind; /* PBASE_ROOT_*; PBASE_ROOT_VALUE: nothing is open */
    union {
        pbase_dict *dict;
        pbase_list *list;
        pbase_set *set;
        pbase_hash_dict *hash_dict;
        pbase_multi_dict *multi_dict;
        pbase_counted_set *counted_set;
    } as;
} any_collection;

/* The kind named "dict", "list", ...; PBASE_ROOT_VALUE for any other text. */
uint32_t any_kind(const char *name);
/* True for kinds whose entries have a key beside their value. */
bool any_kind_keyed(uint32_t kind);

/* True for kinds whose entries say how often they are there. */
bool any_kind_counted(uint32_t kind);

/* The collection under a root, to close. INVALID: it holds a plain value. */
PBASE_MUST_CHECK pbase_status any_of_snapshot(const pbase_snapshot *snapshot, const char *name,
                                              any_collection *out, pbase_error *err);
/* The same of a transaction, made with `kind` when the root is missing. INVALID: it holds something
 * else. */
PBASE_MUST_CHECK pbase_status any_of_txn(pbase_txn *txn, const char *name, uint32_t kind,
                                         any_collection *out, pbase_error *err);
/* A new, empty one. */
PBASE_MUST_CHECK pbase_status any_new(pbase_txn *txn, uint32_t kind, any_collection *out,
                                      pbase_error *err);
/* The handle as a value to be put into another collection; borrowed until that is done. */
pbase_value any_value(const any_collection *self);
PBASE_MUST_CHECK pbase_status any_cursor(const any_collection *self, pbase_cursor **out,
                                         pbase_error *err);
/* The same as any_add and any_put below, with collections made in `txn` where the value has forms. */
PBASE_MUST_CHECK pbase_status any_add_nested(any_collection *self, pbase_txn *txn,
                                             const pbase_value *key, const pbase_value *value,
                                             pbase_error *err);
PBASE_MUST_CHECK pbase_status any_put_nested(any_collection *self, pbase_txn *txn,
                                             const pbase_value *key, const pbase_value *value,
                                             bool *out_replaced, pbase_error *err);
/* The n-th child of the entry under `key`; of a list its index. The caller closes it. */
PBASE_MUST_CHECK pbase_status any_child(const any_collection *self, const pbase_value *key,
                                        uint64_t n, pbase_collection **out, pbase_error *err);
/* Adds one row of an import; `key` only where the kind is keyed. A row of a counted set may be
 * {"value": element, "count": n}, as export writes it. */
PBASE_MUST_CHECK pbase_status any_add(any_collection *self, const pbase_value *key,
                                      const pbase_value *value, pbase_error *err);
/* Adds one entry of a counted kind so often: `count` is a whole number from 1 on, else INVALID. `key`
 * only where the kind is keyed. */
PBASE_MUST_CHECK pbase_status any_add_times(any_collection *self, const pbase_value *key,
                                            const pbase_value *value, const pbase_value *count,
                                            pbase_error *err);
/* Puts an entry of a keyed kind, or one more record of a multi-dictionary. INVALID: not keyed. */
PBASE_MUST_CHECK pbase_status any_put(any_collection *self, const pbase_value *key,
                                      const pbase_value *value, bool *out_replaced,
                                      pbase_error *err);
/* Removes what stands under a key, or an element of a set. INVALID: a list. */
PBASE_MUST_CHECK pbase_status any_remove(any_collection *self, const pbase_value *key,
                                         bool *out_removed, pbase_error *err);
PBASE_MUST_CHECK pbase_status any_store(const any_collection *self, pbase_txn *txn,
                                        const char *name, pbase_error *err);
/* Nothing open is fine. */
void any_close(any_collection *self);

#endif
