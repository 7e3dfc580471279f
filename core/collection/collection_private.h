/* collection_private.h - shared by the files of the handles: one for each kind, and the cursor. */
#ifndef PROTOBASE_COLLECTION_COLLECTION_PRIVATE_H
#define PROTOBASE_COLLECTION_COLLECTION_PRIVATE_H
#include "collection/handle.h"
#include "collection/pending.h"

#include <inttypes.h>

struct collection {
    const collection_context *context;
    uint8_t kind;
    pbase_collection_id id;
    tree tree;     /* of this version */
    atom_ref base; /* one count is ours */
    uint64_t base_count;
    change_log log;
    size_t applied; /* bytes of `log` that are in `tree`: the rest lags */
    bool is_old;    /* `tree` and `base` are of an earlier state; nothing is applied yet */
    bool bulk;      /* `log` was given up; context->budget says when */
    bool foreign;   /* bulk, and its tree shares nodes with other collections */
    bool is_new;    /* made in this transaction, from nothing */
    bool was_asked; /* somebody looked while puts waited: more of them wait only when it is bulk */
    bool marked;    /* several changes are under way that may be undone together: none waits */
    pending *waiting; /* puts that are not in `tree` yet; NULL: none ever */
    memory_growth growth;
    pbase_buffer stored; /* the value of the edit under way, in its stored form */
    bool has_raw_lead;   /* bytes were encoded by codec `raw`, behind one byte: */
    uint8_t raw_lead;
    nest placing; /* the children of that value */
    child_versions *children;
    _Atomic uint32_t uses; /* holders; more than one: it is not edited any more */
    uint32_t height;       /* levels of collections that were put into it */
    bool nests, copied;    /* as handle.h says */
    bool is_root;
    bool is_plain;     /* collection_open made it in a context that keeps closed ones */
    uint64_t idle_age; /* of its context when it was opened */
    size_t name_size;
    char name[]; /* NUL-ended */
};

/* --------------------------------------------------- closed ones: idle.c ---------------------- */

/* One to open anew, of which name, log and everything else that edits touch are as collection_open
 * leaves them; NULL: there is none. */
collection *idle_take(const collection_options *options);
/* True: it lies ready, or its memory was given back. Nobody holds it. */
bool idle_put(collection *self);

/* What a reader holds; `source` NULL: nothing. */
struct pbase_reader {
    const pbase_alloc *alloc;
    atom_source *source;
    tree_item item;
    pbase_buffer pins; /* void *: of a look-up of many, released by `many_source` */
    atom_source *many_source;
    uint32_t gets; /* to time one of READ_SAMPLE */
};
#define READ_SAMPLE 64u
/* Whether pbase_reader_reset has anything to release. */
static inline bool reader_pins(const pbase_reader *self)
{
    return self->pins.size != 0 ||
           (self->source != NULL && (self->item.node.pin != NULL || self->item.large.pin != NULL));
}
/* Takes over what an item pins, if anything; NO_MEMORY: nothing was taken. */
PBASE_MUST_CHECK pbase_status reader_take(pbase_reader *reader, atom_source *source,
                                          tree_item *item, pbase_error *err);

/* Yields `status` after naming the collection in `err`, unless it is OK or END. */
pbase_status collection_noted(const collection *self, pbase_status status, pbase_error *err);
/* Encodes a key of one value; errors name the collection. */
PBASE_MUST_CHECK pbase_status collection_key(const collection *self, const pbase_value *value,
                                             key_scratch *scratch, encoded_key *out,
                                             pbase_error *err);

/* A bound of a range of keys, in the bytes of the tree. `upper`: the range ends there. */
PBASE_MUST_CHECK pbase_status collection_key_bound(const collection_context *context, uint8_t kind,
                                                   const pbase_value *value, bool upper,
                                                   bool exclusive, key_scratch *scratch,
                                                   pbase_bytes *out, pbase_error *err);
/* True when something has to be done before the tree may be looked at. */
static inline bool collection_waits(const collection *self)
{
    return (self->waiting != NULL && pending_any(self->waiting)) ||
           self->applied < self->log.size || self->is_old;
}

/* Tell the read observer, if there is one. */
static inline pbase_status collection_read_key(const collection *self, pbase_bytes key,
                                               pbase_error *err)
{
    read_observer *reads = self->context->reads;
    if (collection_waits(self)) {
        pbase_status status = collection_drain(self, err);
        if (status != PBASE_OK) {
            return status;
        }
    }
    return reads == NULL ? PBASE_OK : reads->vtable->key_read(reads, self->id, key, err);
}
static inline pbase_status collection_read_whole(const collection *self, pbase_error *err)
{
    read_observer *reads = self->context->reads;
    pbase_status status = collection_waits(self) ? collection_drain(self, err) : PBASE_OK;
    return status != PBASE_OK || reads == NULL ? status
                                               : reads->vtable->whole_read(reads, self->id, err);
}

/* That everything between two bounds was read; an empty one is no bound. */
PBASE_MUST_CHECK pbase_status collection_read_range(const collection *self, pbase_bytes from,
                                                    bool from_exclusive, pbase_bytes to,
                                                    bool to_exclusive, pbase_error *err);

/* The value of an item, decoded into `arena`; nothing of it points into the item. */
PBASE_MUST_CHECK pbase_status collection_decode(const collection *self, const tree_item *item,
                                                pbase_arena *arena, pbase_value *out,
                                                pbase_error *err);
/* CORRUPT: an entry that holds anything but bytes is not an application's. */
PBASE_MUST_CHECK pbase_status collection_not_stored(const collection *self, pbase_error *err);
/* The codec's bytes of an item, lent as long as it is. */
static inline PBASE_MUST_CHECK pbase_status collection_payload(const collection *self,
                                                               const tree_item *item,
                                                               pbase_bytes *out, pbase_error *err)
{
    if (item->value.kind != TREE_VALUE_BYTES) {
        return collection_not_stored(self, err);
    }
    pbase_status status = value_coder_payload(self->context->coder, item->value.bytes, out, err);
    return status == PBASE_OK ? status : collection_noted(self, status, err);
}
/* READ_ONLY for a handle that may not be edited. */
PBASE_MUST_CHECK pbase_status collection_edit_check(const collection *self, pbase_error *err);
/* Puts the stored form of `value`, or of `raw` when `value` is NULL, into self->stored. */
PBASE_MUST_CHECK pbase_status collection_encode(collection *self, const pbase_value *value,
                                                pbase_bytes raw, pbase_error *err);
/* The same for the value of `operation`, whose key or index is set: children that its entry has now
 * may be named. Sets the operation's value. */
PBASE_MUST_CHECK pbase_status collection_encode_for(collection *self, change *operation,
                                                    const pbase_value *value, pbase_bytes raw,
                                                    pbase_error *err);
/* Sets the value of `operation`, whose key or index is set, to a stored value of `other`: collections
 * in it are placed as new ones. */
PBASE_MUST_CHECK pbase_status collection_take_value(collection *self, change *operation,
                                                    const collection *other, pbase_bytes stored,
                                                    pbase_error *err);
/* The n-th child of the value of an item of the collection. NOT_FOUND: it has not so many. */
PBASE_MUST_CHECK pbase_status collection_child_of_item(const collection *self,
                                                       const tree_item *item, uint64_t n,
                                                       collection **out, pbase_error *err);
/* The n-th child of a stored value of the collection that `slot` describes. NOT_FOUND: it has not
 * so many. */
PBASE_MUST_CHECK pbase_status collection_child_of(const nest_slot *slot, pbase_bytes stored,
                                                  uint64_t n, pbase_bytes name, collection **out,
                                                  pbase_error *err);
/* Carries an operation out in the tree and in the log, or in neither. */
PBASE_MUST_CHECK pbase_status collection_change(collection *self, const change *operation,
                                                pbase_error *err);
/* A second handle that is about to go its own way. The operations of a long one that was made from
 * nothing are its whole content: they are not copied, the part is written whole when it is stored. */
PBASE_MUST_CHECK pbase_status collection_keep_part(const collection *self,
                                                   const collection_context *context,
                                                   collection **out, pbase_error *err);
/* --------------------------------------------------- puts that wait: waiting.c ---------------- */

/* Operations of a new collection in more bytes than that are given up: its nodes are written once, before the
 * record, instead of into the record and again at a checkpoint. Below, one flush of the journal costs
 * less than two. */
#define COLLECTION_BULK_BYTES (1u << 20)
/* The same for a collection whose transaction may hold less. It has a budget. */
uint64_t collection_bulk_bytes(const collection *self);
/* True when the operation can wait for others: a put of which nobody asks what was there. */
bool waiting_takes(collection *self, const change *operation);
PBASE_MUST_CHECK pbase_status waiting_put(collection *self, const change *operation,
                                          pbase_error *err);
/* Whether the next put may go on a row of like ones in the order of their keys. */
static inline bool waiting_is_row(const collection *self)
{
    return self->bulk && self->has_raw_lead && !self->nests && !self->marked &&
           self->placing.count == 0 && self->waiting != NULL && pending_is_row(self->waiting);
}
/* Puts that wait may be followed by more, which are all taken or none. */
typedef struct {
    bool has_begun; /* several puts can wait */
    pending_mark mark;
} waiting_batch;
PBASE_MUST_CHECK pbase_status waiting_batch_begin(collection *self, waiting_batch *out,
                                                  pbase_error *err);
PBASE_MUST_CHECK pbase_status waiting_batch_put(collection *self, const change *operation,
                                                pbase_error *err);
void waiting_batch_end(collection *self, const waiting_batch *batch, pbase_status status);
/* The operations of a new bulk collection, made of its content. LIMIT: too many of them, or it is
 * not new. */
PBASE_MUST_CHECK pbase_status waiting_log_again(collection *self, pbase_error *err);

/* What several operations began from: each succeeds, or all are taken back. */
typedef struct {
    tree content;
    change_log log;
    size_t applied;
    bool bulk, foreign;
    child_versions *children;
    bool nests;
    uint32_t height;
} collection_mark;
void collection_mark_set(collection *self, collection_mark *out);
/* Ends the mark; unless `status` is OK, the collection is again what it was then. */
void collection_mark_end(collection *self, collection_mark *mark, pbase_status status);
/* INVALID unless both are of one space. */
PBASE_MUST_CHECK pbase_status collection_same_space(const collection *self, const collection *other,
                                                    pbase_error *err);
PBASE_MUST_CHECK pbase_status collection_count(const collection *self, uint64_t *out,
                                               pbase_error *err);
/* Sum of the counts of a counted kind, and that everything was read. */
PBASE_MUST_CHECK pbase_status collection_total(const collection *self, uint64_t *out,
                                               pbase_error *err);
/* Number of keys in a range, and that it was read. */
PBASE_MUST_CHECK pbase_status collection_count_range(const collection *self,
                                                     const pbase_range *range, uint64_t *out,
                                                     pbase_error *err);
/* Lists: what `index` means now. `*out_index` is counted from the front, and may be anything below
 * 0 or past the end when it is not `*out_inside`. An index that depends on the length is a read of
 * it. */
PBASE_MUST_CHECK pbase_status collection_index(const collection *self, int64_t index,
                                               int64_t *out_index, uint64_t *out_count,
                                               bool *out_inside, pbase_error *err);

/* An end of a slice as an index in 0..count. */
uint64_t collection_slice_end(int64_t index, uint64_t count);

/* ----------------------------------------------------------- algebra: combine.c --------------- */

/* What becomes of an element that is there `mine` and `theirs` times; in sets once or not at all. */
enum {
    COMBINE_UNION,        /* the greater */
    COMBINE_INTERSECTION, /* the lesser */
    COMBINE_DIFFERENCE,   /* mine less theirs */
    COMBINE_SYMMETRIC,    /* what one has more than the other */
    COMBINE_SUM           /* both; counted kinds only */
};
/* A new handle in the context of `a`; both are sets, or counted sets. */
PBASE_MUST_CHECK pbase_status combine(const collection *a, const collection *b, uint8_t how,
                                      collection **out, pbase_error *err);
PBASE_MUST_CHECK pbase_status combine_is_subset(const collection *a, const collection *b, bool *out,
                                                pbase_error *err);
PBASE_MUST_CHECK pbase_status combine_is_disjoint(const collection *a, const collection *b,
                                                  bool *out, pbase_error *err);

/* ----------------------------------------- counted set and multi-dictionary: bag.c ------------ */

PBASE_MUST_CHECK pbase_status bag_get(const collection *self, pbase_bytes key, uint64_t *out_count,
                                      pbase_error *err);
/* `out_count` NULL: nobody asks, and nothing is read. */
PBASE_MUST_CHECK pbase_status bag_add(collection *self, const encoded_key *key, uint64_t times,
                                      uint64_t *out_count, pbase_error *err);
/* Fewer than asked for is a read. */
PBASE_MUST_CHECK pbase_status bag_take(collection *self, const encoded_key *key, uint64_t times,
                                       uint64_t *out_removed, pbase_error *err);

/* ---------------------------------------- dictionary and hash dictionary: mapping.c ---------- */

PBASE_MUST_CHECK pbase_status mapping_get(const collection *self, const pbase_value *key,
                                          pbase_arena *arena, pbase_value *out, pbase_error *err);
PBASE_MUST_CHECK pbase_status mapping_child(const collection *self, const pbase_value *key,
                                            uint64_t n, pbase_collection **out, pbase_error *err);
PBASE_MUST_CHECK pbase_status mapping_get_many(const collection *self, const pbase_value *keys,
                                               size_t count, pbase_reader *reader, pbase_bytes *out,
                                               pbase_error *err);
PBASE_MUST_CHECK pbase_status mapping_get_bytes(const collection *self, const pbase_value *key,
                                                pbase_reader *reader, pbase_bytes *out,
                                                pbase_error *err);
PBASE_MUST_CHECK pbase_status mapping_has(const collection *self, const pbase_value *key, bool *out,
                                          pbase_error *err);
/* Puts `value`, or `raw` when it is NULL. */
PBASE_MUST_CHECK pbase_status mapping_put(collection *self, const pbase_value *key,
                                          const pbase_value *value, pbase_bytes raw,
                                          bool *out_replaced, pbase_error *err);
PBASE_MUST_CHECK pbase_status mapping_remove(collection *self, const pbase_value *key,
                                             bool *out_removed, pbase_error *err);
/* Puts every entry of `other`, which is of the same kind. */
PBASE_MUST_CHECK pbase_status mapping_merge(collection *self, const collection *other,
                                            pbase_error *err);

/* ------------------------------------------------------------------------------ cursors ------- */

/* A cursor over keys; `range` NULL: everything. */
PBASE_MUST_CHECK pbase_status cursor_open_range(const collection *self, const pbase_range *range,
                                                pbase_cursor **out, pbase_error *err);
/* A cursor over positions; `slice` NULL: everything. */
PBASE_MUST_CHECK pbase_status cursor_open_slice(const collection *self, const pbase_slice *slice,
                                                pbase_cursor **out, pbase_error *err);

#endif
