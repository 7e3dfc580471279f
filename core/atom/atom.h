/* atom.h - atoms in memory and on storage, and the one reference that names either.
 *
 * An atom is an immutable unit of bytes: a tree node or a large value. It is born in memory (an
 * atom_memory, counted), and a checkpoint settles it on the storage, where an atom pointer names it.
 * An atom_ref names an atom in either place, so that a tree can hang partly in memory and partly on
 * storage, and never asks which.
 *
 *   ref == 0          no atom (an empty tree)
 *   ref & 1 == 0      address of an atom_memory (16-byte aligned); the holder owns one count
 *   ref & 1 == 1      atom pointer | 1 (pointers are multiples of 8 units, so their low bits are 0)
 *
 * Threads: an atom_memory is confined while its only count is with the one who edits it, immutable
 * from the moment a second holder can see it. Counts and `settled` are atomic. */
#ifndef PROTOBASE_ATOM_ATOM_H
#define PROTOBASE_ATOM_ATOM_H
#include <protobase/base/ref.h>
#include <stdatomic.h>

typedef uint64_t atom_ref;
#define ATOM_REF_NONE ((atom_ref)0)

/* What the payload is; stored in the atom's header (docs/formats/atom.md). */
enum {
    ATOM_NODE = 1,
    ATOM_VALUE = 2,
    ATOM_PATCH = 3 /* what changed of a leaf, which it refers to */
};

typedef struct {
    _Atomic uint32_t counts;  /* holders */
    uint32_t type;            /* ATOM_* */
    _Atomic uint64_t settled; /* its atom pointer once a checkpoint has written it, else 0 */
    uint32_t size;            /* bytes of payload that are filled */
    uint32_t capacity;        /* bytes of payload that fit */
    struct atom_slab *slab;   /* that it lies in (atom_pool.h); NULL: in memory of its own */
    _Alignas(16) uint8_t payload[];
} atom_memory;

static inline bool atom_ref_is_memory(atom_ref ref)
{
    return (ref & 1u) == 0 && ref != ATOM_REF_NONE;
}
static inline bool atom_ref_is_stored(atom_ref ref)
{
    return (ref & 1u) != 0;
}
static inline atom_memory *atom_ref_memory(atom_ref ref)
{
    return (atom_memory *)(uintptr_t)ref;
}
static inline pbase_atom_pointer atom_ref_pointer(atom_ref ref)
{
    return ref & ~(uint64_t)1;
}
static inline atom_ref atom_ref_of_memory(atom_memory *memory)
{
    return (atom_ref)(uintptr_t)memory;
}
static inline atom_ref atom_ref_of_pointer(pbase_atom_pointer pointer)
{
    return pointer | 1u;
}
/* True when both name the same content: equal refs, or one is where the other was settled. */
bool atom_ref_same(atom_ref a, atom_ref b);

#endif
