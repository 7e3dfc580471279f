/* change.h - operations on one collection, in the bytes that go into delta records, and the log of
 * them that a handle keeps since its base (docs/formats/delta-op.md).
 *
 * Values are stored values: applying an operation never calls a codec, so replay gives the same
 * content on every machine. A log is a shared, append-only run of bytes; a handle is a log and a
 * length, so versions of a collection share it: the handle at the end of the log appends in place,
 * any other copies its part first.
 *
 * Threads: a change_log is confined to its handle; what lies before its length may be shared. */
#ifndef PROTOBASE_COLLECTION_CHANGE_H
#define PROTOBASE_COLLECTION_CHANGE_H
#include "collection/tree.h"
#include "collection/tree_puts.h"

/* The numbers are stored; others are left for the kinds of collections to come. */
enum {
    CHANGE_PUT = 1,                /* key, spelling, value */
    CHANGE_REMOVE = 2,             /* key */
    CHANGE_SET_ADD = 3,            /* key, spelling */
    CHANGE_SET_REMOVE = 4,         /* key */
    CHANGE_LIST_APPEND = 5,        /* value */
    CHANGE_LIST_SET = 6,           /* index, value */
    CHANGE_LIST_INSERT = 7,        /* index, value */
    CHANGE_LIST_REMOVE = 8,        /* index */
    CHANGE_COUNT_ADD = 9,          /* key, spelling, count: so many more of it */
    CHANGE_COUNT_TAKE = 10,        /* key, count: so many less, and none too many */
    CHANGE_MULTI_ADD = 11,         /* key (a pair), spelling, count */
    CHANGE_MULTI_TAKE = 12,        /* key (a pair), count */
    CHANGE_HASH_PUT = 13,          /* key (hashed), spelling, value */
    CHANGE_HASH_REMOVE = 14,       /* key (hashed) */
    CHANGE_LIST_REMOVE_RANGE = 15, /* index, count */
    CHANGE_ROPE_APPEND = 20,       /* value: the bytes themselves */
    CHANGE_ROPE_SET = 21           /* index, value */
};
typedef struct {
    uint8_t op; /* CHANGE_* */
    encoded_key key;
    uint64_t index;
    uint64_t count;    /* 1..PBASE_COUNT_MAX */
    pbase_bytes value; /* stored form */
} change;

/* PBASE_COLLECTION_* it is an operation of; 0: there is none of that number. */
uint8_t change_kind(uint8_t op);
/* It puts or removes the value of a key. */
static inline bool change_is_of_key(uint8_t op)
{
    return op == CHANGE_PUT || op == CHANGE_REMOVE || op == CHANGE_HASH_PUT ||
           op == CHANGE_HASH_REMOVE;
}

/* ----------------------------------------------------------------------- one operation -------- */

/* Reads the next operation; everything in it points into the reader's bytes. END when none is left.
 * CORRUPT: not an operation, or past a limit. */
PBASE_MUST_CHECK pbase_status change_read(pbase_reader_bytes *reader, change *out,
                                          pbase_error *err);
/* The same of what this process has written itself, or has read with change_read before: the key, which
 * takes half of the time, is not looked at again. */
PBASE_MUST_CHECK pbase_status change_read_again(pbase_reader_bytes *reader, change *out,
                                                pbase_error *err);
PBASE_MUST_CHECK pbase_status change_write(const change *operation, pbase_buffer *out,
                                           pbase_error *err);
/* The feature level of a space that may hold the operation (docs/formats/meta.md). */
static inline uint32_t change_feature(uint8_t op)
{
    return op <= CHANGE_LIST_REMOVE ? 1 : 2;
}
/* Applies it to the tree of a collection of `kind` (PBASE_COLLECTION_*). Removing what is not there
 * and adding what is there change nothing. Of counted kinds `target->sum` follows the counts.
 * CORRUPT: the operation is not one of that kind, its index is out of range, or it takes more than
 * is there. LIMIT: the sum of counts would pass PBASE_COUNT_MAX. */
PBASE_MUST_CHECK pbase_status change_apply(const change *operation, uint8_t kind, tree *target,
                                           pbase_error *err);
/* The same of one whose key is not below that of the one before. */
PBASE_MUST_CHECK pbase_status change_apply_next(const change *operation, uint8_t kind,
                                                tree_puts *target, pbase_error *err);
/* Applies every operation of `operations` in order. On failure `target` holds those before the one
 * that failed, which `err` names by its number: end it. */
PBASE_MUST_CHECK pbase_status change_apply_all(pbase_bytes operations, uint8_t kind, tree *target,
                                               pbase_error *err);

/* The operation that puts an entry of a collection of `kind` into an empty one: `value` is what the
 * tree holds for `key` (of lists: no key). Points into both. CORRUPT: not an entry of that kind. */
PBASE_MUST_CHECK pbase_status change_of_entry(uint8_t kind, const encoded_key *key,
                                              pbase_bytes value, change *out, pbase_error *err);
/* A count as it is stored; `out` takes 10 bytes. */
pbase_bytes change_count_write(uint64_t count, uint8_t *out);
/* How often the entry `item` of a counted kind is there. CORRUPT: it is not a count. */
PBASE_MUST_CHECK pbase_status change_count_of(pbase_bytes value, uint64_t *out, pbase_error *err);
/* The same of `key` in a tree: 0 when it is missing. */
PBASE_MUST_CHECK pbase_status change_count_in(const tree *target, pbase_bytes key, uint64_t *out,
                                              pbase_error *err);

/* ------------------------------------------------------------------------------ merging ------- */

/* What an operation touches, for write sets. */
enum {
    CHANGE_TOUCHES_KEY = 1,    /* one key, or one element of a list (key_of_index) */
    CHANGE_TOUCHES_ADD = 2,    /* one key of a set or counted kind, by an add: merges with adds */
    CHANGE_TOUCHES_APPEND = 3, /* the end of a list: merges with other appends */
    CHANGE_TOUCHES_WHOLE = 4   /* every element of a list: merges with nothing */
};
typedef struct {
    uint8_t scope;   /* CHANGE_TOUCHES_* */
    pbase_bytes key; /* of KEY and ADD; points into the operation or `index_bytes` */
    uint8_t index_bytes[KEY_INDEX_BYTES];
} change_touch;
/* `base_count`: entries of the collection at the base of the log. A list element that the same log
 * appended has no index yet that others would agree on: setting it touches the whole list. */
void change_touches(const change *operation, uint64_t base_count, change_touch *out);
/* True when two operations of concurrent transactions on one collection can both be applied. */
bool change_merges(const change_touch *a, const change_touch *b);

/* --------------------------------------------------------------------------------- logs ------- */

typedef struct change_run change_run; /* the shared bytes */
typedef struct {
    const pbase_alloc *alloc; /* borrowed until fini */
    change_run *run;          /* one count is ours; NULL while empty */
    size_t size;              /* bytes of it that are ours to see */
    size_t claimed;           /* bytes after them that are ours to fill */
    uint8_t op_max;           /* the highest operation in it; 0 while empty */
    uint64_t count;           /* operations in `size` */
} change_log;

static inline void change_log_init(change_log *log, const pbase_alloc *alloc)
{
    memset(log, 0, sizeof *log);
    log->alloc = alloc;
}
void change_log_fini(change_log *log);
/* A second log of the same operations. */
void change_log_keep(const change_log *log, change_log *out);
/* The operations, encoded. Lent until the log is appended to or ended. */
pbase_bytes change_log_view(const change_log *log);
/* Appending cannot fail after a reserve for the same operation: reserve, edit the tree, append.
 * LIMIT: PBASE_TXN_BYTES_MAX. */
PBASE_MUST_CHECK pbase_status change_log_reserve(change_log *log, const change *operation,
                                                 pbase_error *err);
void change_log_append(change_log *log, const change *operation);

#endif
