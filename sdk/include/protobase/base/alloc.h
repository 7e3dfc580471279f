/* alloc.h - where memory comes from.
 *
 * Long-lived objects take their memory from the pbase_alloc given at their creation, never from
 * malloc, so that an application can account for it and a test can make the n-th request fail.
 * Threads: synchronized; every allocator may be called from any thread. */
#ifndef PROTOBASE_BASE_ALLOC_H
#define PROTOBASE_BASE_ALLOC_H
#include <protobase/base/version.h>
#include <stddef.h>
PBASE_BEGIN_DECLS

typedef struct pbase_alloc pbase_alloc;
struct pbase_alloc {
    /* Grows, shrinks, allocates (`memory` NULL, old_size 0) or frees (new_size 0, returns NULL).
     * Blocks are aligned to 16 bytes. NULL for a new_size above 0 means no memory; the old block is
     * then untouched. */
    void *(*resize)(const pbase_alloc *self, void *memory, size_t old_size, size_t new_size);
    void *state; /* the implementation's */
};

/* The C library's heap. Lends a static object. */
PBASE_API const pbase_alloc *pbase_alloc_default(void);

/* NULL means no memory; size 0 gives NULL too. */
static inline void *pbase_alloc_new(const pbase_alloc *alloc, size_t size)
{
    return size == 0 ? NULL : alloc->resize(alloc, NULL, 0, size);
}
/* As above, filled with zeros; NULL also when count * size overflows. */
PBASE_API void *pbase_alloc_zeroed(const pbase_alloc *alloc, size_t count, size_t size);
/* NULL is fine. `size` is the size it was allocated with. */
static inline void pbase_alloc_free(const pbase_alloc *alloc, void *memory, size_t size)
{
    if (memory != NULL) {
        (void)alloc->resize(alloc, memory, size, 0); /* freeing cannot fail */
    }
}

PBASE_END_DECLS
#endif
