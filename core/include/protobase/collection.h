/* collection.h - the kinds of collections there are.
 *
 * Collections are persistent: a change gives a new version that shares structure with the old one.
 * See dict.h, list.h, set.h, hash_dict.h, multi_dict.h and counted_set.h for each kind, cursor.h for
 * going through them. */
#ifndef PROTOBASE_COLLECTION_H
#define PROTOBASE_COLLECTION_H
#include <protobase/base/value.h>
PBASE_BEGIN_DECLS

/* The numbers are stored. */
enum {
    PBASE_COLLECTION_DICT = 1,        /* ordered, each key once */
    PBASE_COLLECTION_LIST = 2,        /* by position */
    PBASE_COLLECTION_SET = 3,         /* ordered, keys alone */
    PBASE_COLLECTION_HASH_DICT = 4,   /* any value as key, in no order of meaning */
    PBASE_COLLECTION_MULTI_DICT = 5,  /* ordered, each key with a bag of records */
    PBASE_COLLECTION_COUNTED_SET = 6, /* ordered, elements with how often they are there */
    PBASE_COLLECTION_ROPE = 7         /* the bytes of a blob in chunks: see blob.h */
};

/* What is put many at a time: a key and its value, or a key and a record of a multi-dictionary. */
typedef struct {
    pbase_value key;
    pbase_value value;
} pbase_entry;

/* "dict", "list", "set", "hash_dict", "multi_dict", "counted_set", "rope"; "unknown" for any
 * other number. */
PBASE_API const char *pbase_collection_kind_name(int kind);

PBASE_END_DECLS
#endif
