/* nested_model.h - collections in collections as plain trees in memory: what a database should hold.
 *
 * A node is an integer, a dictionary (integer keys), a list, a set of integers, or a document
 * {"n": integer, "c": collection}. Every step asserts. */
#ifndef PBASE_TEST_NESTED_MODEL_H
#define PBASE_TEST_NESTED_MODEL_H
#include "seed.h"
#include <protobase/protobase.h>

typedef enum { MODEL_INT, MODEL_DICT, MODEL_LIST, MODEL_SET, MODEL_DOCUMENT } model_kind;
typedef struct model_node model_node;
typedef struct {
    int64_t key; /* of dictionaries and sets */
    model_node *node;
} model_entry;
struct model_node {
    model_kind kind;
    int64_t number;
    model_entry *entries; /* of a document one: its collection */
    size_t count, capacity;
};

model_node *model_new(model_kind kind, int64_t number);
model_node *model_clone(const model_node *node);
void model_free(model_node *node);                          /* NULL is fine */
model_node *model_get(const model_node *dict, int64_t key); /* NULL: missing */
/* Takes `node`; NULL in a set. */
void model_put(model_node *dict, int64_t key, model_node *node);
void model_remove(model_node *dict, int64_t key);
void model_insert_at(model_node *list, size_t index, model_node *node);
void model_remove_at(model_node *list, size_t index);
/* Levels of collections at and below it. */
unsigned model_depth(const model_node *node);

/* A random collection of at most `depth` levels with a few entries. */
model_node *model_random(seed_random *random, unsigned depth);
/* Builds it as a new collection of the transaction; the caller closes it. */
pbase_collection *model_build(pbase_txn *txn, const model_node *node);
/* The node as a value to be put; handles in it are added to `handles`, to be closed after. */
#define MODEL_HANDLES_MAX 4u
typedef struct {
    pbase_collection *items[MODEL_HANDLES_MAX];
    size_t count;
    pbase_field fields[2];
} model_handles;
pbase_value model_value(pbase_txn *txn, const model_node *node, model_handles *handles);
void model_handles_close(model_handles *handles);

/* Asserts that a collection holds exactly what the node says, at every depth. */
void model_compare(const model_node *node, pbase_collection *held);

#endif
