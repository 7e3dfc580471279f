/* handle.h - what txn/ and space/ may know of the handles that applications hold.
 *
 * A pbase_dict, pbase_list, pbase_set and so on is a `collection` seen from outside: the tree of this
 * version, the root it started from, and the operations in between.
 * Threads: as the public headers say. */
#ifndef PROTOBASE_COLLECTION_HANDLE_H
#define PROTOBASE_COLLECTION_HANDLE_H
#include "collection/change.h"
#include "collection/context.h"
#include "collection/nest.h"
#include <protobase/counted_set.h>
#include <protobase/dict.h>
#include <protobase/hash_dict.h>
#include <protobase/list.h>
#include <protobase/multi_dict.h>
#include <protobase/nesting.h>
#include <protobase/set.h>

typedef struct collection collection;

typedef struct {
    const collection_context *context; /* borrowed until the handle and its cursors are closed */
    uint8_t kind;                      /* PBASE_COLLECTION_* */
    pbase_collection_id id;
    atom_ref root;         /* of the version to start from; shared (one more count) */
    uint64_t sum;          /* of a counted kind: the sum of its counts */
    pbase_bytes name;      /* for messages: "people"; empty when unknown. Copied */
    bool nests;            /* values of that version may have children */
    bool is_new;           /* made in this transaction: nobody else can have changed it */
    const uint64_t *count; /* entries of that version; NULL: its root is asked */
    bool is_root;          /* `name` is its own: collection_again finds it by that */
    bool is_old; /* `root` is of an earlier state: context->children is asked for the one to start
                         from before anything looks at the entries */
} collection_options;

/* Returns a handle to close with collection_close or the close of its kind. */
PBASE_MUST_CHECK pbase_status collection_open(const collection_options *options, collection **out,
                                              pbase_error *err);
/* The handle on a root that lies ready in the context (collection_idle); NULL: it is not that one. */
collection *collection_again(const collection_context *context, uint8_t kind, pbase_bytes name);
/* What is seen through the context will be something else. */
void collection_idle_forget(collection_idle *self);
void collection_idle_end(collection_idle *self); /* gives its memory back */
PBASE_MUST_CHECK pbase_status collection_keep(const collection *self, collection **out,
                                              pbase_error *err);
/* The same for a handle that works in `context`, which is of the same space, from now on. */
PBASE_MUST_CHECK pbase_status collection_keep_in(const collection *self,
                                                 const collection_context *context,
                                                 collection **out, pbase_error *err);
void collection_close(collection *self); /* NULL is fine */
/* One more holder of a handle that is not edited any more: each holder closes it. */
collection *collection_ref(collection *self);

/* The same object under its public type and back. */
static inline pbase_dict *collection_dict(collection *self)
{
    return (pbase_dict *)self;
}
static inline pbase_list *collection_list(collection *self)
{
    return (pbase_list *)self;
}
static inline pbase_set *collection_set(collection *self)
{
    return (pbase_set *)self;
}
static inline collection *collection_of_dict(pbase_dict *dict)
{
    return (collection *)dict;
}
static inline collection *collection_of_list(pbase_list *list)
{
    return (collection *)list;
}
static inline collection *collection_of_set(pbase_set *set)
{
    return (collection *)set;
}

static inline pbase_hash_dict *collection_hash_dict(collection *self)
{
    return (pbase_hash_dict *)self;
}
static inline collection *collection_of_hash_dict(pbase_hash_dict *dict)
{
    return (collection *)dict;
}
static inline pbase_multi_dict *collection_multi_dict(collection *self)
{
    return (pbase_multi_dict *)self;
}
static inline collection *collection_of_multi_dict(pbase_multi_dict *dict)
{
    return (collection *)dict;
}
static inline pbase_counted_set *collection_counted_set(collection *self)
{
    return (pbase_counted_set *)self;
}
static inline collection *collection_of_counted_set(pbase_counted_set *set)
{
    return (collection *)set;
}

uint8_t collection_kind(const collection *self);
pbase_collection_id collection_id(const collection *self);
/* Brings changes that wait into the tree: before anything looks at it. */
PBASE_MUST_CHECK pbase_status collection_drain(const collection *self, pbase_error *err);
/* True when some of its operations are in the log alone: it was written to without being looked at. */
bool collection_lags(const collection *self);
/* Looks at the entries that the operations which lag will change, so that damage is met before they
 * are committed. CORRUPT, IO, NO_MEMORY. */
PBASE_MUST_CHECK pbase_status collection_probe(const collection *self, pbase_error *err);
/* The tree of this version, once it was drained. Lent until the handle is edited or closed. */
const tree *collection_tree(const collection *self);
/* The root it was opened on, lent until close, and how many entries that had; drained, too. */
atom_ref collection_base(const collection *self);
uint64_t collection_base_count(const collection *self);
/* The operations since the base. Lent until the handle is edited or closed. Empty when it is bulk. */
const change_log *collection_log(const collection *self);
/* There were too many operations to keep: its tree alone says what they led to. */
bool collection_is_bulk(const collection *self);
/* Bulk, and its tree shares nodes with other collections: it has to be copied. */
bool collection_is_foreign(const collection *self);
/* Gives the operations up from now on: what it becomes is adopted as a whole. */
void collection_go_bulk(collection *self);
/* READ_ONLY for a handle that may not be edited. */
PBASE_MUST_CHECK pbase_status collection_writable(const collection *self, pbase_error *err);
/* Where its memory comes from. */
const pbase_alloc *collection_alloc(const collection *self);
/* Lets the tree of a version that is not edited any more stand on the storage; see change_budget. */
PBASE_MUST_CHECK pbase_status collection_relieve(collection *self, pbase_error *err);

/* The versions of children that were put into it, lent; NULL: none. */
const child_versions *collection_children(const collection *self);
/* Values of it may have children; false: none has. */
bool collection_nests(const collection *self);
/* It is the content of another slot's collection, edited or not, that is to be written out under an
 * id of its own: neither its operations nor its nodes can be taken. */
bool collection_copied(const collection *self);
/* A handle on a child that a value of it names. */
PBASE_MUST_CHECK pbase_status collection_child(const collection *self, const stored_child *child,
                                               collection **out, pbase_error *err);

/* The same object as applications hold it when its kind does not matter. */
static inline pbase_collection *collection_any(collection *self)
{
    return (pbase_collection *)self;
}

/* The value under a cursor in its stored form, for those who decode it themselves. INVALID on a set
 * and where the cursor stands nowhere. Lent until the cursor moves. */
PBASE_MUST_CHECK pbase_status cursor_stored(pbase_cursor *cursor, pbase_bytes *out,
                                            pbase_error *err);

#endif
