/* arena.h - memory that ends all at once.
 *
 * Blocks come from a pbase_alloc and grow geometrically; what is handed out is aligned to 16 bytes
 * and lives until reset or fini. Threads: confined. */
#ifndef PROTOBASE_BASE_ARENA_H
#define PROTOBASE_BASE_ARENA_H
#include <protobase/base/bytes.h>
PBASE_BEGIN_DECLS

typedef struct pbase_arena_block pbase_arena_block; /* fields in sdk/src/arena.c */
typedef struct {
    const pbase_alloc *alloc; /* borrowed until fini */
    pbase_arena_block *block; /* newest; NULL before the first use */
    uint8_t *next;            /* first free byte of `block` */
    uint8_t *end;             /* end of `block` */
} pbase_arena;

static inline void pbase_arena_init(pbase_arena *arena, const pbase_alloc *alloc)
{
    arena->alloc = alloc;
    arena->block = NULL;
    arena->next = arena->end = NULL;
}
/* Frees everything the arena lent. NULL blocks are fine. */
PBASE_API void pbase_arena_fini(pbase_arena *arena);
/* Ends everything it lent but keeps the largest block for reuse. */
PBASE_API void pbase_arena_reset(pbase_arena *arena);
/* NULL means no memory. Size 0 gives a valid pointer to nothing. */
PBASE_API void *pbase_arena_alloc(pbase_arena *arena, size_t size);
/* count * size bytes, NULL also on overflow. */
PBASE_API void *pbase_arena_array(pbase_arena *arena, size_t count, size_t size);
/* A copy of `bytes`; PBASE_NO_MEMORY leaves `out` untouched. */
PBASE_API PBASE_MUST_CHECK pbase_status pbase_arena_copy(pbase_arena *arena, pbase_bytes bytes,
                                                         pbase_bytes *out, pbase_error *err);
/* A NUL-ended copy; NULL means no memory. */
PBASE_API char *pbase_arena_text(pbase_arena *arena, pbase_bytes bytes);

PBASE_END_DECLS
#endif
