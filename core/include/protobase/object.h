/* object.h - documents with a class name and an id of their own, found by that id.
 *
 * An object lives in its database beside the roots. Its id is 128 random bits, given when it is
 * created and never again; updates keep it. A reference is an id as a value (pbase_value_reference):
 * any document, list or key may hold one, and it may dangle. Attributes are the fields of a map; one
 * that is missing reads as null. They may hold collections, as any value (nesting.h).
 *
 *     pbase_object_create(txn, "Person", &attributes, &ann, err);
 *     pbase_object_get(txn, ann, &arena, &person, err);
 *     pbase_value name = pbase_object_attribute(&person, "name");
 *     pbase_object_follow(txn, &person, "employer", &arena, &company, err);
 *
 * Conflicts are per object: transactions on different objects merge. A query reads them as the
 * collection `$objects`, whose rows are {"class": ..., "value": {...}} with the id as key.
 * Threads: as the transaction or snapshot. */
#ifndef PROTOBASE_OBJECT_H
#define PROTOBASE_OBJECT_H
#include <protobase/txn.h>
PBASE_BEGIN_DECLS

typedef struct {
    pbase_object_id id;
    bool found; /* false: there is none of that id, and what follows is empty */
    pbase_bytes class_name;
    pbase_value attributes; /* a map; in the arena it was read to, like the class name */
} pbase_object;

/* The value of an attribute; null when the object lacks it. Lent by the object. */
static inline pbase_value pbase_object_attribute(const pbase_object *object, const char *name)
{
    const pbase_value *value = pbase_value_field(&object->attributes, pbase_bytes_text(name));
    return value == NULL ? pbase_value_null() : *value;
}
/* Tells a missing attribute from one that is null. */
static inline bool pbase_object_has(const pbase_object *object, const char *name)
{
    return pbase_value_field(&object->attributes, pbase_bytes_text(name)) != NULL;
}

/* ------------------------------------------------------------------------- in a transaction ---- */

/* A new object. The class name is one of PBASE_NAME_BYTES_MAX bytes without control characters, the
 * attributes are a map: INVALID otherwise. READ_ONLY as for roots. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_create(pbase_txn *txn, const char *class_name,
                                                            const pbase_value *attributes,
                                                            pbase_object_id *out, pbase_error *err);
/* An object by id, decoded into `arena`. NOT_FOUND: there is none. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_get(pbase_txn *txn, pbase_object_id id,
                                                         pbase_arena *arena, pbase_object *out,
                                                         pbase_error *err);
/* Many at once: out[i] is that of ids[i], with `found` false where there is none. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_get_many(pbase_txn *txn,
                                                              const pbase_object_id *ids,
                                                              size_t count, pbase_arena *arena,
                                                              pbase_object *out, pbase_error *err);
/* The object that attribute `name` refers to. NOT_FOUND: the attribute is null or missing, or the
 * reference dangles. INVALID: it is no reference. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_follow(pbase_txn *txn,
                                                            const pbase_object *object,
                                                            const char *name, pbase_arena *arena,
                                                            pbase_object *out, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_exists(pbase_txn *txn, pbase_object_id id,
                                                            bool *out, pbase_error *err);
/* New attributes in place of the old ones; id and class stay. NOT_FOUND: there is none. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_put(pbase_txn *txn, pbase_object_id id,
                                                         const pbase_value *attributes,
                                                         pbase_error *err);
/* The object of that id, created or replaced with its class: what loading a dump needs. `out_replaced`
 * may be NULL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_put_as(pbase_txn *txn, pbase_object_id id,
                                                            const char *class_name,
                                                            const pbase_value *attributes,
                                                            bool *out_replaced, pbase_error *err);
/* One that is not there is OK and changes nothing. References to it dangle from then on.
 * `out_removed` may be NULL. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_remove(pbase_txn *txn, pbase_object_id id,
                                                            bool *out_removed, pbase_error *err);
/* The n-th collection in its attributes, as pbase_dict_child. To store a changed one, put attributes
 * with its handle in place of PBASE_CHILD(n). */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_child(pbase_txn *txn, pbase_object_id id,
                                                           uint64_t n, pbase_collection **out,
                                                           pbase_error *err);

/* Every object of a class (NULL: of all), in the order of ids. What `object` holds is lent for the
 * call; a result other than OK stops with it. Reads all objects, whatever their class, unless
 * there is an index on "class" alone (index.h): then those of the class. */
typedef pbase_status (*pbase_object_visit)(void *state, const pbase_object *object,
                                           pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_each(pbase_txn *txn, const char *class_name,
                                                          pbase_object_visit visit, void *state,
                                                          pbase_error *err);
/* How many there are, in O(1). */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_object_count(pbase_txn *txn, uint64_t *out,
                                                           pbase_error *err);

/* ---------------------------------------------------------------------------- in a snapshot ---- */

PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_object(const pbase_snapshot *snapshot,
                                                              pbase_object_id id,
                                                              pbase_arena *arena, pbase_object *out,
                                                              pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_object_get_many(
    const pbase_snapshot *snapshot, const pbase_object_id *ids, size_t count, pbase_arena *arena,
    pbase_object *out, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_object_child(const pbase_snapshot *snapshot,
                                                                    pbase_object_id id, uint64_t n,
                                                                    pbase_collection **out,
                                                                    pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_object_each(const pbase_snapshot *snapshot,
                                                                   const char *class_name,
                                                                   pbase_object_visit visit,
                                                                   void *state, pbase_error *err);
PBASE_API PBASE_MUST_CHECK pbase_status pbase_snapshot_object_count(const pbase_snapshot *snapshot,
                                                                    uint64_t *out,
                                                                    pbase_error *err);

PBASE_END_DECLS
#endif
