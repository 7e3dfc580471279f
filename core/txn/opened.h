/* opened.h - what was looked up in a state, kept with it: a database's collections, a root's slot.
 *
 * A state never changes, so whatever was found in it stays true as long as somebody holds it. Looking
 * a collection up takes four descents in the catalog; the next snapshot of the same state, or the next
 * transaction that begins with it, finds it here with one comparison of names. A state keeps
 * OPENED_MAX of them, the first ones asked for.
 * Threads: synchronized, without locks: entries are added with one exchange and end with the state. */
#ifndef PROTOBASE_TXN_OPENED_H
#define PROTOBASE_TXN_OPENED_H
#include "txn/catalog.h"

#define OPENED_MAX 64u

enum {
    OPENED_DATABASE, /* by its id and name: `collections` */
    OPENED_ROOT,     /* by the tree of its database's collections and its name: `slot`, `count` */
    OPENED_INDEXES   /* by the same tree, without a name: `count` is 0 when there are none */
};
typedef struct {
    uint8_t kind; /* OPENED_* */
    uint64_t of;
    pbase_bytes name;
} opened_key;
typedef struct {
    atom_ref collections;
    collection_slot slot; /* of a root that holds a collection */
    uint64_t count;       /* entries of it */
} opened_facts;

/* Lent by the state; NULL: nobody has kept it. */
const opened_facts *opened_find(const space_state *self, const opened_key *key);
/* Keeps it, unless there are enough, or no memory: then the next one looks it up again. */
void opened_keep(space_state *self, const opened_key *key, const opened_facts *facts);
/* The state ends. */
void opened_drop_all(space_state *self);

#endif
