/* pending.h - puts of a dictionary that wait to be applied together, in the order of their keys.
 *
 * A tree that is far larger than memory is changed at random places at a high price: each put may
 * have a leaf written again. So puts of which nobody wants to know anything wait in memory; when
 * there are too many of them they are sorted and written as a run, a tree of its own on the storage;
 * and when somebody looks, or the transaction commits, everything is brought together: few puts are
 * put into the tree, and a tree that is small beside what waits is merged with all runs into a new
 * one, whose nodes are full (external merge sort: Knuth, The Art of Computer Programming, volume 3,
 * 1998, section 5.4). Puts whose keys ascend from the first one on are written as they come, into a run
 * that grows (tree_stream.h): that is the whole of a sorted load.
 *
 * Threads: confined, as the handle is. */
#ifndef PROTOBASE_COLLECTION_PENDING_H
#define PROTOBASE_COLLECTION_PENDING_H
#include "collection/change.h"
#include "collection/context.h"

#define PENDING_RUNS_MAX 64u

/* What a handle's tree, or one being built, holds in memory, as far as its growth tells. */
typedef struct {
    uint64_t floor; /* least memory of atoms seen since it was relieved */
} memory_growth;
void memory_growth_init(memory_growth *self, const atom_source *source);
/* Lets `content` stand on the storage when memory has grown by `most`. `budget` NULL: never. */
PBASE_MUST_CHECK pbase_status memory_growth_bound(memory_growth *self, change_budget *budget,
                                                  uint64_t most, tree *content, pbase_error *err);

/* Writes in the name of a budget, which is borrowed. */
atom_writer budget_writer(change_budget *budget);

typedef struct pending pending;
/* `context` has a budget. */
PBASE_MUST_CHECK pbase_status pending_create(const collection_context *context, pending **out,
                                             pbase_error *err);
void pending_destroy(pending *self); /* NULL is fine */
/* True when something waits; NULL: nothing does. */
bool pending_any(const pending *self);
/* Bytes of the puts that lie in memory. */
uint64_t pending_bytes(const pending *self);
/* True when it must be drained before it takes another put. */
bool pending_is_full(const pending *self);
/* Takes a CHANGE_PUT or CHANGE_HASH_PUT: writes it, when keys ascend and older ones are written already;
 * writes a run when memory is full. On failure it is as before. */
PBASE_MUST_CHECK pbase_status pending_put(pending *self, const change *operation, pbase_error *err);
/* Whether a put may be one more of a row of like ones, written as they come; then pending_goes_on takes it: of `lead` and
 * `rest`, which are the value, behind one another. False: it is not like them, and pending_put tells. */
bool pending_is_row(const pending *self);
bool pending_goes_on(pending *self, const encoded_key *key, uint8_t lead, pbase_bytes rest);
/* The same as pending_put, however many there are. */
PBASE_MUST_CHECK pbase_status pending_take(pending *self, const change *operation,
                                           pbase_error *err);
/* Where puts that are taken from now on begin. */
typedef struct {
    size_t count, size;
    bool ascends;
} pending_mark;
pending_mark pending_mark_of(const pending *self);
/* Forgets what was taken since by pending_take alone. */
void pending_forget_since(pending *self, const pending_mark *mark);
/* Writes what ascends behind what was written so, when it is enough. A failure leaves it to wait. */
void pending_advance(pending *self);
/* Brings everything into `target`; then nothing waits. On failure all of it waits as before, and
 * `target` may hold a part of it already: bringing it in again changes nothing. */
PBASE_MUST_CHECK pbase_status pending_drain(pending *self, tree *target, pbase_error *err);
/* Brings everything, which is in memory, into the empty `target` and, as operations `op`, into `log`. On
 * failure nothing has happened. */
PBASE_MUST_CHECK pbase_status pending_apply(pending *self, uint8_t op, tree *target,
                                            change_log *log, pbase_error *err);

#endif
