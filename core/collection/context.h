/* context.h - what a collection handle needs from the rooms around it: atoms and coding from below,
 * somebody who is told of reads and changes above.
 *
 * The structs are filled by their implementations (store/, txn/, tests) and borrowed by every handle
 * until it is closed. */
#ifndef PROTOBASE_COLLECTION_CONTEXT_H
#define PROTOBASE_COLLECTION_CONTEXT_H
#include "collection/atom_writer.h"
#include "collection/tree.h"
#include <protobase/plugin/codec.h>

/* ------------------------------------------------------------------------ values <-> bytes ---- */

/* Stored values: an envelope that names the codec, then its bytes. Implemented by store/.
 * Threads: synchronized. */
typedef struct value_coder value_coder;
typedef struct {
    /* Appends the stored form of `value`. LIMIT, UNSUPPORTED, INVALID as the codec says. */
    pbase_status (*encode)(value_coder *self, const pbase_value *value, pbase_buffer *out,
                           pbase_error *err);
    /* The same by codec `raw`: bytes as they are, behind what is the same for all of them. */
    pbase_status (*encode_raw)(value_coder *self, pbase_bytes bytes, pbase_buffer *out,
                               pbase_error *err);
    /* The value of `stored`. Text may point into it; the rest is in `arena`. */
    pbase_status (*decode)(value_coder *self, pbase_bytes stored, pbase_arena *arena,
                           pbase_value *out, pbase_error *err);
    /* The codec's bytes inside `stored`. Where they are all but its first byte, they are that of every
     * stored value with the same first byte: value_coder_payload asks once. */
    pbase_status (*payload)(value_coder *self, pbase_bytes stored, pbase_bytes *out,
                            pbase_error *err);
    /* The values at `paths`; out[i].kind is PBASE_VALUE_MISSING where there is none. */
    pbase_status (*extract)(value_coder *self, pbase_bytes stored, const pbase_path *paths,
                            size_t count, pbase_arena *arena, pbase_value *out, pbase_error *err);
} value_coder_vtable;
struct value_coder {
    const value_coder_vtable *vtable;
    _Atomic uint64_t
        plain[2]; /* bit n: of a stored value that begins with n, all but that byte is the
                                  codec's; 0 at first */
};
static inline void value_coder_init(value_coder *coder, const value_coder_vtable *vtable)
{
    coder->vtable = vtable;
    atomic_init(&coder->plain[0], 0);
    atomic_init(&coder->plain[1], 0);
}
/* The slot `payload`, and remembers what it tells of others. */
PBASE_MUST_CHECK pbase_status value_coder_learn(value_coder *coder, pbase_bytes stored,
                                                pbase_bytes *out, pbase_error *err);
/* The codec's bytes inside `stored`. */
static inline PBASE_MUST_CHECK pbase_status value_coder_payload(value_coder *coder,
                                                                pbase_bytes stored,
                                                                pbase_bytes *out, pbase_error *err)
{
    uint8_t head = stored.size > 0 ? stored.data[0] : UINT8_MAX;
    if (head >= 128 ||
        (atomic_load_explicit(&coder->plain[head / 64], memory_order_relaxed) >> (head % 64) &
         1u) == 0) {
        return value_coder_learn(coder, stored, out, err);
    }
    *out = pbase_bytes_of(stored.data + 1, stored.size - 1);
    return PBASE_OK;
}

/* ---------------------------------------------------------------------------- reads told ------ */

/* Hears what a transaction reads, as exactly as conflicts need it. Keys are encoded (of lists:
 * key_of_index) and lent for the call. NULL in a context: nobody listens (snapshots).
 * Threads: confined to the transaction. */
typedef struct read_observer read_observer;

/* Where a range begins and which way it grows. It is empty until it is extended. */
typedef struct {
    pbase_bytes start;    /* empty: from the very beginning (of a reverse range: the very end) */
    bool start_exclusive; /* `start` itself is not read */
    bool reverse;         /* grows downwards */
} observed_range;
typedef struct {
    /* Whether `key` is there, and what it holds. */
    pbase_status (*key_read)(read_observer *self, pbase_collection_id id, pbase_bytes key,
                             pbase_error *err);
    /* Begins a range; `*out_range` names it to range_extend. */
    pbase_status (*range_begin)(read_observer *self, pbase_collection_id id,
                                const observed_range *range, uint64_t *out_range, pbase_error *err);
    /* Everything from its start to `edge` has now been read; `edge` itself unless exclusive. An
     * empty edge: to the very end. Edges only move outwards. */
    pbase_status (*range_extend)(read_observer *self, uint64_t range, pbase_bytes edge,
                                 bool edge_exclusive, pbase_error *err);
    /* Everything in the collection: its count, a full scan. */
    pbase_status (*whole_read)(read_observer *self, pbase_collection_id id, pbase_error *err);
} read_observer_vtable;
struct read_observer {
    const read_observer_vtable *vtable;
};

/* ------------------------------------------------------------------------ memory bounded ------ */

/* Bounds what the changes of a transaction hold in memory. NULL in a context: nobody does.
 * Threads: confined to the transaction. */
typedef struct change_budget change_budget;
typedef struct {
    /* Writes what `content`, a handle's own tree, has in memory to the storage, and lets it stand
     * there. On failure it is as before. */
    pbase_status (*relieve)(change_budget *self, tree *content, pbase_error *err);
    /* Writes payloads as the slot `write` of an atom source does, in the transaction's name: nothing of
     * it is let go of before the transaction ends. */
    pbase_status (*write)(change_budget *self, const uint32_t *types, const pbase_bytes *payloads,
                          size_t count, pbase_atom_pointer *out, pbase_error *err);
    /* Optional, both or none: the same beside the thread of the transaction, as an atom_writer does. */
    bool (*write_begin)(change_budget *self, atom_writing *writing);
    void (*write_wait)(change_budget *self, atom_writing *writing);
} change_budget_vtable;
struct change_budget {
    const change_budget_vtable *vtable;
    uint64_t memory_bytes_max; /* growth of atoms in memory after which a handle is relieved */
    bool spills;               /* what is relieved leaves the memory of the process */
    bool lags;                 /* puts that nobody has looked for may wait in a handle's log */
    uint64_t log_bytes_max;    /* operations of a handle, past which it keeps none: it is bulk */
};

/* --------------------------------------------------------------------- child collections ------ */

/* Where handles find the committed children that stored values name, and get ids for new ones.
 * NULL in a context: values may have no children. Threads: confined to the transaction; `find` of a
 * snapshot's is synchronized. */
typedef struct child_source child_source;
typedef struct {
    uint8_t kind;  /* PBASE_COLLECTION_* */
    bool nests;    /* its values may have children */
    atom_ref root; /* lent by the state behind the source */
    uint64_t sum;  /* of a counted kind */
} child_found;
typedef struct {
    /* The committed collection `id`. CORRUPT: it is not there. */
    pbase_status (*find)(child_source *self, pbase_collection_id id, child_found *out,
                         pbase_error *err);
    /* A new id (0, ordinal), unique in the transaction. NULL, like `place`: nothing is stored. */
    pbase_status (*create)(child_source *self, uint64_t *out_ordinal, pbase_error *err);
    /* Notes that (0, ordinal) has got its slot; *out_first: it had none before. */
    pbase_status (*place)(child_source *self, uint64_t ordinal, bool *out_first, pbase_error *err);
} child_source_vtable;
struct child_source {
    const child_source_vtable *vtable;
};

/* ------------------------------------------------------------------------------- together ----- */

/* A closed handle that lies ready for the next one who opens one in the same context: its memory, and
 * as long as nothing else is seen through the context, what it is a handle on.
 * Threads: synchronized; collection_idle_forget and _end: nobody has a handle of the context. */
typedef struct {
    _Atomic(struct collection *) handle; /* NULL: none */
    uint64_t age; /* of what is seen; a handle of another age is no more than memory */
} collection_idle;

typedef struct collection_context collection_context;
struct collection_context {
    atom_source *source;
    const pbase_alloc *alloc; /* of handles, cursors and logs */
    value_coder *coder;
    read_observer *reads;   /* NULL: nobody listens */
    change_budget *budget;  /* NULL: memory is not bounded */
    child_source *children; /* NULL: no collections in values */
    bool read_only;         /* edits are READ_ONLY: handles of a snapshot */
    /* A context of the same things that outlives this one, for what is kept beside a collection:
     * that of the outermost transaction. NULL: this one. */
    const collection_context *lasting;
    collection_idle *idle; /* of a read_only one; NULL: closed handles are given back at once */
};

#endif
