/* tree.h - the counted B+tree behind every collection.
 *
 * A tree is a root reference: everything else lies in immutable atoms, partly in memory and partly
 * on storage (atom/atom.h). It is keyed (entries in the order of their encoded keys) or positional
 * (entries by index); both know how many entries lie below every node, so that ranks, positions and
 * counts of ranges cost O(log n). Nodes are laid out as docs/formats/node.md says and are searched in
 * place wherever they are.
 *
 * Persistence: versions share nodes. tree_keep gives a second tree on the same root; an edit changes
 * in place those nodes that nobody else can see (atom_ref_editable along the whole path) and copies
 * the others. Every edit either happens or leaves the tree exactly as it was, also when memory or
 * the storage fails.
 *
 * What a leaf entry holds: bytes inline; a value of more than NODE_INLINE_MAX bytes in an atom of its
 * own; or the root of another tree with some bytes beside it. A tree owns what its entries refer to.
 *
 * Threads: a tree is confined while it is edited, and may be read by many threads otherwise. */
#ifndef PROTOBASE_COLLECTION_TREE_H
#define PROTOBASE_COLLECTION_TREE_H
#include "atom/atom_source.h"
#include "atom/ref_map.h"
#include "collection/key_encoding.h"

typedef struct {
    atom_source *source; /* borrowed */
    atom_ref root;       /* one count is ours; ATOM_REF_NONE while empty */
    bool positional;     /* by index instead of by key */
    uint64_t sum; /* goes with the version, for the owner to keep: the sum of counts (change.h) */
} tree;

/* What a leaf entry holds. The numbers are stored. */
enum {
    TREE_VALUE_BYTES = 0, /* `bytes`; where they lie (inline or an own atom) does not show */
    TREE_VALUE_TREE = 1   /* root of another tree: `root`, `tree_kind`, and `bytes` beside it */
};
typedef struct {
    uint8_t kind;      /* TREE_VALUE_* */
    uint8_t tree_kind; /* of TREE: PBASE_COLLECTION_*; tells whether that tree is positional */
    atom_ref root;     /* of TREE: shared when it is put (one more count), lent when it is got */
    pbase_bytes bytes; /* BYTES: up to PBASE_VALUE_BYTES_MAX. TREE: up to TREE_PAYLOAD_MAX */
} tree_value;
#define TREE_PAYLOAD_MAX 512u

static inline tree_value tree_value_of(pbase_bytes bytes)
{
    tree_value value = {TREE_VALUE_BYTES, 0, ATOM_REF_NONE, bytes};
    return value;
}
/* True for kinds whose trees are positional. */
bool tree_kind_positional(uint8_t tree_kind);

/* Takes one count of `root`. */
static inline tree tree_of(atom_source *source, atom_ref root, bool positional)
{
    tree self = {source, root, positional, 0};
    return self;
}
/* A second tree on the same version. */
static inline tree tree_keep(const tree *self)
{
    tree kept = tree_of(self->source, atom_ref_keep(self->root), self->positional);
    kept.sum = self->sum;
    return kept;
}
/* Drops the root; the tree is empty afterwards. */
void tree_fini(tree *self);
/* Drops one count of any atom and, if it was the last, of everything the atom owns. */
void tree_drop(atom_source *source, atom_ref ref);

/* ------------------------------------------------------------------------------- reading ----- */

/* An entry that was found; what it lends is valid until tree_item_release, or until the tree is
 * edited or ended. */
typedef struct {
    tree_value value;
    pbase_bytes spelling; /* of its key */
    atom_view node;       /* the pins */
    atom_view large;
} tree_item;
void tree_item_release(atom_source *source, tree_item *item);

PBASE_MUST_CHECK pbase_status tree_count(const tree *self, uint64_t *out, pbase_error *err);
/* `out` is filled and must be released only when *out_found. CORRUPT, IO, NO_MEMORY as the source
 * says. */
PBASE_MUST_CHECK pbase_status tree_get(const tree *self, pbase_bytes key, tree_item *out,
                                       bool *out_found, pbase_error *err);
#define TREE_MANY_MAX 16u
/* The same of `count` keys, at most TREE_MANY_MAX: descents go side by side, so that the misses of one
 * are waited for together with those of the others. Each out[i] is filled and must be released when
 * out_found[i]. A failure holds nothing. */
PBASE_MUST_CHECK pbase_status tree_get_many(const tree *self, const pbase_bytes *keys, size_t count,
                                            tree_item *out, bool *out_found, pbase_error *err);
/* Whether the leaves that serve `count` keys, at most TREE_MANY_MAX, can be read: CORRUPT, IO, NO_MEMORY.
 * What is in them is not looked at. */
PBASE_MUST_CHECK pbase_status tree_probe_many(const tree *self, const pbase_bytes *keys,
                                              size_t count, pbase_error *err);
/* Asks for the leaves that serve ascending keys without waiting for them: for who goes there soon. */
void tree_ask(const tree *self, const pbase_bytes *keys, size_t count);
PBASE_MUST_CHECK pbase_status tree_has(const tree *self, pbase_bytes key, bool *out_found,
                                       pbase_error *err);
/* The entry at `index`, of both shapes. */
PBASE_MUST_CHECK pbase_status tree_at(const tree *self, uint64_t index, tree_item *out,
                                      bool *out_found, pbase_error *err);
/* Number of keys below `key`; *out_found (may be NULL) tells whether the key itself is there. */
PBASE_MUST_CHECK pbase_status tree_rank(const tree *self, pbase_bytes key, uint64_t *out,
                                        bool *out_found, pbase_error *err);

/* ------------------------------------------------------------------------------- editing ----- */

/* Inserts, or replaces the value and leaves the key's first spelling. `out_replaced` may be NULL.
 * LIMIT: key, value or payload too large. */
PBASE_MUST_CHECK pbase_status tree_put(tree *self, const encoded_key *key, const tree_value *value,
                                       bool *out_replaced, pbase_error *err);
PBASE_MUST_CHECK pbase_status tree_remove(tree *self, pbase_bytes key, bool *out_removed,
                                          pbase_error *err);
/* Positional: index 0..count-1, for insert 0..count. INVALID: out of range. */
PBASE_MUST_CHECK pbase_status tree_set_at(tree *self, uint64_t index, const tree_value *value,
                                          pbase_error *err);
PBASE_MUST_CHECK pbase_status tree_insert_at(tree *self, uint64_t index, const tree_value *value,
                                             pbase_error *err);
PBASE_MUST_CHECK pbase_status tree_remove_at(tree *self, uint64_t index, pbase_error *err);
PBASE_MUST_CHECK pbase_status tree_append(tree *self, const tree_value *value, pbase_error *err);
/* Bulk load: a key above every key of the tree (INVALID otherwise), so that leaves end up full. */
PBASE_MUST_CHECK pbase_status tree_append_key(tree *self, const encoded_key *key,
                                              const tree_value *value, pbase_error *err);

/* An entry of a tree that is built at once; a positional one's key is not looked at. */
typedef struct {
    encoded_key key;
    tree_value value;
} tree_entry;
/* A new tree of entries in ascending order (INVALID otherwise), each node full and written once.
 * LIMIT: a key, value or payload too large. */
PBASE_MUST_CHECK pbase_status tree_build(atom_source *source, bool positional,
                                         const tree_entry *entries, size_t count, tree *out,
                                         pbase_error *err);

/* ----------------------------------------------------------------- cutting and joining ------- */

/* Of positional trees only, in O(log n); nodes off the cut are shared. Each happens, or leaves
 * everything as it was. */

/* Puts the entries of `behind`, which stays as it is, behind those of `self`. */
PBASE_MUST_CHECK pbase_status tree_join(tree *self, const tree *behind, pbase_error *err);
/* Two new trees: the entries before `index`, at most the count, and the others. INVALID: past it. */
PBASE_MUST_CHECK pbase_status tree_split(const tree *self, uint64_t index, tree *out_left,
                                         tree *out_right, pbase_error *err);
/* Removes `count` entries from `index` on. INVALID: there are not so many. */
PBASE_MUST_CHECK pbase_status tree_remove_range(tree *self, uint64_t index, uint64_t count,
                                                pbase_error *err);

/* ------------------------------------------------------------------------------- storing ----- */

/* Writes every atom in memory that is reachable from `ref` and not yet settled: children before
 * parents, in key order, the children of a node in one call of the source. `*out` names the stored
 * root (nothing to drop). Readers and editors of other versions go on meanwhile; two settles of
 * trees that share atoms must not run at once. After a failure nothing is broken, and a later settle
 * goes on where this one ended. */
PBASE_MUST_CHECK pbase_status tree_settle(atom_source *source, atom_ref ref, atom_ref *out,
                                          pbase_error *err);
/* Forgets where atoms in memory that `ref` reaches were settled: a later settle writes them again. Not
 * beside a settle or rebase of trees that share atoms with it. */
void tree_unsettle(atom_ref ref);
/* Where atoms went, and what parents say of the leaves that took the place of patches. */
typedef struct {
    ref_map refs;
    ref_map leaves; /* by where each is: the size of its payload << 8 | its flags */
} tree_moves;
void tree_moves_init(tree_moves *self, const pbase_alloc *alloc);
void tree_moves_fini(tree_moves *self);
/* A tree of the same content in which every settled atom in memory is replaced by where it was
 * stored, and what `moved` (may be NULL) has by where that leads; only unsettled nodes above such ones
 * are copied. `*out` is one count for the caller. */
PBASE_MUST_CHECK pbase_status tree_rebase(atom_source *source, atom_ref ref,
                                          const tree_moves *moved, atom_ref *out, pbase_error *err);

typedef enum {
    TREE_MOVE_NOTHING, /* neither the atom nor anything below it */
    TREE_MOVE_BELOW,   /* perhaps something below it */
    TREE_MOVE_IT       /* the atom, and perhaps something below it */
} tree_move_wish;
typedef struct {
    void *state;
    /* What is wanted of a stored atom with `size` bytes of payload, 0: not known. Another result than
     * OK ends the move with it. */
    pbase_status (*wish)(void *state, atom_ref ref, uint32_t size, tree_move_wish *out,
                         pbase_error *err);
} tree_mover;
/* Writes atoms of a settled tree anew, and those above them, which name them; durable with the next
 * append. A leaf that moves and has a patch becomes one with it. `*out` names the root of a tree of the
 * same content. `moved` gets where each of them went (itself: a node in which nothing moved); what it has
 * before is not asked for again. After a failure nothing is broken; what was written is reached by nobody. */
PBASE_MUST_CHECK pbase_status tree_move(atom_source *source, atom_ref root, bool positional,
                                        const tree_mover *mover, tree_moves *moved, atom_ref *out,
                                        pbase_error *err);

/* ------------------------------------------------------------------------------- checking ---- */

/* Structural check of an untrusted node payload: every offset, size, kind, count and the order of
 * its keys. After it, search and cursors can trust the node. CORRUPT, or FORMAT: newer version. */
PBASE_MUST_CHECK pbase_status tree_node_check(pbase_bytes payload, pbase_error *err);
/* The same of the payload of an atom of a type: patches are of one of their own, large values are anything. */
PBASE_MUST_CHECK pbase_status tree_atom_check(uint32_t type, pbase_bytes payload, pbase_error *err);

/* An atom met on a walk. Keys are lent for the call; an empty one is no bound. */
typedef struct {
    atom_ref ref;
    uint32_t size;    /* of the payload */
    uint32_t type;    /* ATOM_* */
    uint32_t level;   /* of a node: 0 is a leaf */
    uint64_t count;   /* of a node: entries below it */
    pbase_bytes from; /* lowest key it may serve, in the tree it belongs to; of a value its key */
    pbase_bytes to;   /* first key it does not serve; of a value its key */
    uint64_t before;  /* entries of that tree before it */
    bool is_base;     /* a leaf behind a patch, which has newer entries */
} tree_walk_atom;
typedef struct {
    void *state;
    /* Every atom, parents first. END: what it refers to is left out; another result than OK ends the
     * walk with it. */
    pbase_status (*atom)(void *state, const tree_walk_atom *atom, pbase_error *err);
    /* May be NULL. An entry that owns another tree, before going into it; END: leave it out. */
    pbase_status (*enter)(void *state, const encoded_key *key, const tree_value *value,
                          pbase_error *err);
    /* May be NULL. Every entry of every leaf; not called when inner_only. */
    pbase_status (*entry)(void *state, const encoded_key *key, const tree_value *value,
                          pbase_error *err);
    /* May be NULL: damage ends the walk. An atom that cannot be used (CORRUPT, FORMAT, IO or LOST, of
     * the source, of its place in the tree, or of `atom` above), as its parent knows it: of a root
     * nothing but the reference. OK: the walk goes on beside it. */
    pbase_status (*damaged)(void *state, const tree_walk_atom *atom, pbase_status code,
                            const char *why, pbase_error *err);
    /* Read only the nodes that refer to others: leaves without references are told from what their
     * parents know of them. Exact sizes at a hundredth of the reading. */
    bool inner_only;
} tree_visitor;
/* Whether the stored tree at `root` is one of positions, as its root says itself; of a value: no. */
PBASE_MUST_CHECK pbase_status tree_root_positional(atom_source *source, atom_ref root,
                                                   bool *out_positional, pbase_error *err);
/* Visits every atom reachable from `root`, and verifies levels, counts and the order of keys across
 * nodes (CORRUPT names the place). */
PBASE_MUST_CHECK pbase_status tree_walk(atom_source *source, atom_ref root, bool positional,
                                        const tree_visitor *visitor, pbase_error *err);

#endif
