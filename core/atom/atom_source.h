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
#include "atom/atom_pool.h"

typedef struct atom_source atom_source;

typedef struct {
    const uint8_t *payload; /* at least 8-byte aligned */
    uint32_t size;
    uint32_t type; /* ATOM_* */
    void *pin;     /* NULL when nothing has to be released */
} atom_view;

typedef struct {
    uint32_t at, bytes; /* in the payload */
} atom_part;

typedef struct {
    /* Lends the payload of a stored atom until release. CORRUPT, FORMAT, IO, NO_MEMORY. */
    pbase_status (*acquire)(atom_source *self, pbase_atom_pointer pointer, atom_view *out,
                            pbase_error *err);
    void (*release)(atom_source *self, void *pin);
    /* Writes payloads as atoms in this order and fills `out`; durable with the next append. The
     * way of a checkpoint. */
    pbase_status (*write)(atom_source *self, const uint32_t *types, const pbase_bytes *payloads,
                          size_t count, pbase_atom_pointer *out, pbase_error *err);
    /* Asks for the first `bytes` of the payload of a stored atom and for `count` more parts of it, without
     * waiting for them; says nothing of errors, which acquire tells. NULL: there is nothing to ask
     * for. */
    void (*prefetch)(atom_source *self, pbase_atom_pointer pointer, uint32_t bytes,
                     const atom_part *parts, size_t count);
    /* May be NULL. True: the atom has been lent before and acquire will lend it again. What it says is known
     * without touching the atom. */
    bool (*is_known)(atom_source *self, pbase_atom_pointer pointer);
    /* Figures of reading: a clock, and how long a look-up took that was timed by it. NULL, both: nobody
     * wants them. */
    uint64_t (*now_ns)(atom_source *self);
    void (*read_took)(atom_source *self, uint64_t elapsed_ns);
} atom_source_vtable;

struct atom_source {
    const atom_source_vtable *vtable;
    const pbase_alloc *alloc;      /* of atoms in memory */
    _Atomic uint64_t memory_bytes; /* held by atoms in memory: what a checkpoint would settle,
                                          and what old snapshots keep */
    _Atomic uint64_t memory_count;
    atom_pool pool; /* of nodes in memory; all zero to begin with */
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
/* True when the only count is the caller's and it is not settled: it may be edited in place. */
bool atom_ref_editable(atom_ref ref);

/* Lends the payload wherever it is. */
static inline pbase_status atom_acquire(atom_source *source, atom_ref ref, atom_view *out,
                                        pbase_error *err)
{
    if (atom_ref_is_stored(ref)) {
        return source->vtable->acquire(source, atom_ref_pointer(ref), out, err);
    }
    atom_memory *memory = atom_ref_memory(ref);
    out->payload = memory->payload;
    out->size = memory->size;
    out->type = memory->type;
    out->pin = NULL;
    return PBASE_OK;
}
/* Asks for the first `bytes` of an atom's payload, wherever it is. */
static inline void atom_prefetch(atom_source *source, atom_ref ref, uint32_t bytes)
{
    if (!atom_ref_is_stored(ref)) {
        const uint8_t *at = (const uint8_t *)atom_ref_memory(ref);
        for (uint32_t line = 0; line < bytes; line += 64) {
            __builtin_prefetch(at + line);
        }
    } else if (source->vtable->prefetch != NULL) {
        source->vtable->prefetch(source, atom_ref_pointer(ref), bytes, NULL, 0);
    }
}
static inline void atom_release(atom_source *source, atom_view *view)
{
    if (view->pin != NULL) {
        source->vtable->release(source, view->pin);
        view->pin = NULL;
    }
}

#endif
