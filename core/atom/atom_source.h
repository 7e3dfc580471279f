/* atom_source.h - where trees get their atoms from and give them to: declared here, implemented by
 * store/ (a storage with map or cache) and by tests (a heap).
 *
 * A view lends an atom's payload: straight from memory or from a map it costs nothing; from a cache
 * it holds a pin, so every acquire has its release. Payloads of stored atoms have been verified
 * (checksum, then check_payload) at their first touch.
 *
 * Threads: synchronized. */
#ifndef PROTOBASE_ATOM_ATOM_SOURCE_H
#define PROTOBASE_ATOM_ATOM_SOURCE_H
#include "atom/atom.h"
#include "atom/atom_map.h"
#include "atom/atom_pool.h"

typedef struct atom_source atom_source;

typedef struct {
    const uint8_t *payload; /* at least 8-byte aligned */
    uint32_t size;
    uint32_t type; /* ATOM_* */
    void *pin;     /* NULL when nothing has to be released */
} atom_view;

typedef struct {
    /* Lends the payload of a stored atom until release. CORRUPT, FORMAT, IO, NO_MEMORY. */
    pbase_status (*acquire)(atom_source *self, pbase_atom_pointer pointer, atom_view *out,
                            pbase_error *err);
    void (*release)(atom_source *self, void *pin);
    /* Writes payloads as atoms in this order and fills `out`; durable with the next append. The
     * way of a checkpoint. */
    pbase_status (*write)(atom_source *self, const uint32_t *types, const pbase_bytes *payloads,
                          size_t count, pbase_atom_pointer *out, pbase_error *err);
    /* Figures of reading: a clock, and how long a look-up took that was timed by it. NULL, both: nobody
     * wants them. */
    uint64_t (*now_ns)(atom_source *self);
    void (*read_took)(atom_source *self, uint64_t elapsed_ns);
} atom_source_vtable;

struct atom_source {
    const atom_source_vtable *vtable;
    const atom_map *map;           /* of stored atoms that lie in maps; NULL: acquire tells */
    const pbase_alloc *alloc;      /* of atoms in memory */
    _Atomic uint64_t memory_bytes; /* held by atoms in memory: what a checkpoint would settle,
                                          and what old snapshots keep */
    _Atomic uint64_t memory_count;
    atom_pool pool;        /* of nodes in memory; all zero to begin with */
    uint64_t patch_leaves; /* trees of so many get patches (collection/patch.h); 0: none do */
    _Atomic uint64_t patches_folded; /* by edits and moves that made whole leaves of them again */
};

/* A new atom with one count and room for `capacity` bytes; size 0. NULL means no memory. */
atom_memory *atom_memory_create(atom_source *source, uint32_t type, uint32_t capacity);
/* One more count on an atom in memory; nothing for a stored one or none. Yields `ref`. */
atom_ref atom_ref_keep(atom_ref ref);
/* Drops one count. True when that was the last one: the caller then drops what the payload owns
 * and calls atom_memory_destroy. False for a stored ref or none. */
bool atom_ref_drop(atom_ref ref);
/* Frees the memory itself. */
void atom_memory_destroy(atom_source *source, atom_memory *memory);
/* Ends a pin: of a view by the name atom_release, of a pin that was taken out of its view by this one. A pin is
 * the source's, or an atom in memory of which the view has the only count (ATOM_PIN_MEMORY): made for it. */
#define ATOM_PIN_MEMORY ((uintptr_t)1)
void atom_unpin(atom_source *source, void *pin);
/* True when the only count is the caller's and it is not settled: it may be edited in place. */
bool atom_ref_editable(atom_ref ref);

/* Where the payload is, as far as that is known without a call. */
static inline atom_place atom_place_of(const atom_source *source, atom_ref ref)
{
    if (!atom_ref_is_stored(ref)) {
        return (atom_place){atom_ref_memory(ref)->payload, NULL, 0};
    }
    return source->map == NULL ? (atom_place){NULL, NULL, 0}
                               : atom_map_place(source->map, atom_ref_pointer(ref));
}
/* Lends the payload of an atom whose place is this. */
static inline pbase_status atom_acquire_at(atom_source *source, atom_ref ref,
                                           const atom_place *where, atom_view *out,
                                           pbase_error *err)
{
    if (!atom_place_readable(where)) {
        return source->vtable->acquire(source, atom_ref_pointer(ref), out, err);
    }
    out->payload = where->payload;
    out->pin = NULL;
    if (atom_ref_is_stored(ref)) {
        const uint8_t *header = where->payload - ATOM_MAPPED_HEADER;
        out->size = pbase_get_u32(header + ATOM_MAPPED_AT_SIZE);
        out->type = header[ATOM_MAPPED_AT_TYPE];
    } else {
        out->size = atom_ref_memory(ref)->size;
        out->type = atom_ref_memory(ref)->type;
    }
    return PBASE_OK;
}
/* The same wherever it is. */
static inline pbase_status atom_acquire(atom_source *source, atom_ref ref, atom_view *out,
                                        pbase_error *err)
{
    atom_place where = atom_place_of(source, ref);
    return atom_acquire_at(source, ref, &where, out, err);
}
/* Asks for the first `bytes` behind a place, and for what tells whether it may be read. */
static inline void atom_place_prefetch(const atom_place *where, uint32_t bytes)
{
    if (where->verified != NULL) {
        __builtin_prefetch(where->verified);
    }
    for (uint32_t line = 0; where->payload != NULL && line < bytes; line += 64) {
        __builtin_prefetch(where->payload + line);
    }
}
/* Asks for the first `bytes` of an atom's payload, wherever it is, without waiting for them; says
 * nothing of errors, which acquire tells. */
static inline void atom_prefetch(const atom_source *source, atom_ref ref, uint32_t bytes)
{
    atom_place where = atom_place_of(source, ref);
    atom_place_prefetch(&where, bytes);
}
static inline void atom_release(atom_source *source, atom_view *view)
{
    if (view->pin != NULL) {
        atom_unpin(source, view->pin);
        view->pin = NULL;
    }
}

#endif
