/* nesting.h - collections inside documents and inside one another.
 *
 * A value given to a put may hold collections: anywhere in it, or as the whole of it. What is read
 * back shows PBASE_CHILD(n) there, and the n-th child is opened from its entry:
 *
 *     pbase_value tags = pbase_value_of_set(set);                  // a document with a set inside
 *     pbase_field fields[] = {{pbase_bytes_text("name"), ann}, {pbase_bytes_text("tags"), tags}};
 *     pbase_value document = pbase_value_map(fields, 2);
 *     pbase_dict_put(&people, &key, &document, NULL, err);
 *     ...
 *     pbase_dict_child(people, &key, 0, &child, err);              // PBASE_CHILD(0) of that entry
 *     set = pbase_collection_set(child);
 *     pbase_set_add(&set, &element, NULL, err);                    // a change of the set alone:
 *     pbase_dict_put(&people, &key, &document, NULL, err);         //   put it back where it was
 *     pbase_txn_store_dict(txn, "people", people, err);
 *
 * or, at any depth, in one step each way: pbase_txn_at and pbase_txn_store_at.
 *
 * A version put back into the entry it came from commits as the operations since then; the entries
 * above it are not written when nothing else in them changed, so transactions that change different
 * keys of one nested dictionary merge. Put anywhere else, a collection is a new one of the same
 * content: slots never share. Overwriting or removing an entry drops the collections in it, with
 * everything in them. PBASE_CHILD(n) in a value that is put keeps the n-th child that the entry has
 * now: read a document, change a field, put it back, and its collections stay.
 *
 * Versions: a handle on the parent goes on seeing the children it had; editing a child changes its
 * parent only when it is put there. Reading a child reads its entry, and what is read in it, as far
 * as conflicts are concerned.
 * Limits: PBASE_CHILDREN_MAX in one value, PBASE_NESTING_MAX collections in one another. Sets hold
 * none, nor do multi-dictionaries: their elements are keys.
 * Threads: as dict.h says of handles. */
#ifndef PROTOBASE_NESTING_H
#define PROTOBASE_NESTING_H
#include <protobase/counted_set.h>
#include <protobase/cursor.h>
#include <protobase/dict.h>
#include <protobase/hash_dict.h>
#include <protobase/list.h>
#include <protobase/multi_dict.h>
#include <protobase/set.h>
PBASE_BEGIN_DECLS

/* A collection whose kind does not matter, or is not known yet: the same object as a pbase_dict,
 * pbase_list and so on. One handle has one owner, whatever it is called. */
typedef struct pbase_collection pbase_collection;

static inline const pbase_collection *pbase_dict_as_collection(const pbase_dict *dict)
{
    return (const pbase_collection *)(const void *)dict;
}
static inline const pbase_collection *pbase_list_as_collection(const pbase_list *list)
{
    return (const pbase_collection *)(const void *)list;
}
static inline const pbase_collection *pbase_set_as_collection(const pbase_set *set)
{
    return (const pbase_collection *)(const void *)set;
}
static inline const pbase_collection *pbase_counted_set_as_collection(const pbase_counted_set *set)
{
    return (const pbase_collection *)(const void *)set;
}
static inline const pbase_collection *pbase_hash_dict_as_collection(const pbase_hash_dict *dict)
{
    return (const pbase_collection *)(const void *)dict;
}
static inline const pbase_collection *pbase_multi_dict_as_collection(const pbase_multi_dict *dict)
{
    return (const pbase_collection *)(const void *)dict;
}
/* PBASE_COLLECTION_* */
PBASE_API int pbase_collection_kind(const pbase_collection *collection);
/* The same handle under the type of its kind, with which it is closed; NULL: it is of another. */
PBASE_API pbase_dict *pbase_collection_dict(pbase_collection *collection);
PBASE_API pbase_list *pbase_collection_list(pbase_collection *collection);
PBASE_API pbase_set *pbase_collection_set(pbase_collection *collection);
PBASE_API pbase_counted_set *pbase_collection_counted_set(pbase_collection *collection);
PBASE_API pbase_hash_dict *pbase_collection_hash_dict(pbase_collection *collection);
PBASE_API pbase_multi_dict *pbase_collection_multi_dict(pbase_collection *collection);
/* A second handle on this version, which the caller closes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_collection_keep(const pbase_collection *collection,
                                                              pbase_collection **out,
                                                              pbase_error *err);
/* Number of entries, as the count of its kind. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_collection_count(const pbase_collection *collection,
                                                               uint64_t *out, pbase_error *err);
/* A cursor over everything, ascending, which the caller closes. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_collection_cursor(const pbase_collection *collection,
                                                                pbase_cursor **out,
                                                                pbase_error *err);
PBASE_API void pbase_collection_close(pbase_collection *collection); /* NULL is fine */

/* A collection as a value to be put, or a part of one. Borrows the handle until the put returns;
 * what is put is the version it stands for then. */
static inline pbase_value pbase_value_of_collection(const pbase_collection *collection)
{
    return pbase_value_handle(collection);
}
static inline pbase_value pbase_value_of_dict(const pbase_dict *dict)
{
    return pbase_value_handle(pbase_dict_as_collection(dict));
}
static inline pbase_value pbase_value_of_list(const pbase_list *list)
{
    return pbase_value_handle(pbase_list_as_collection(list));
}
static inline pbase_value pbase_value_of_set(const pbase_set *set)
{
    return pbase_value_handle(pbase_set_as_collection(set));
}
static inline pbase_value pbase_value_of_hash_dict(const pbase_hash_dict *dict)
{
    return pbase_value_handle(pbase_hash_dict_as_collection(dict));
}
static inline pbase_value pbase_value_of_multi_dict(const pbase_multi_dict *dict)
{
    return pbase_value_handle(pbase_multi_dict_as_collection(dict));
}
static inline pbase_value pbase_value_of_counted_set(const pbase_counted_set *set)
{
    return pbase_value_handle(pbase_counted_set_as_collection(set));
}

/* The n-th child of an entry, as the handle's transaction or snapshot sees it: a handle the caller
 * closes before that ends. An entry that is a collection itself has it as child 0. NOT_FOUND: there
 * is no such entry, or it has not so many children. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_dict_child(const pbase_dict *dict,
                                                         const pbase_value *key, uint64_t n,
                                                         pbase_collection **out, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_hash_dict_child(const pbase_hash_dict *dict,
                                                              const pbase_value *key, uint64_t n,
                                                              pbase_collection **out,
                                                              pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_list_child(const pbase_list *list, int64_t index,
                                                         uint64_t n, pbase_collection **out,
                                                         pbase_error *err);
/* Of the entry the cursor stands on. INVALID on a set. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_cursor_child(pbase_cursor *cursor, uint64_t n,
                                                           pbase_collection **out,
                                                           pbase_error *err);

PBASE_END_DECLS
#endif
