/* arena.c - blocks that double in size, cut from front to back.
 *
 * The blocks form a list, newest first. A request too large for the rest of the newest block opens
 * another one; when the newest would still have more room left over than the other, it stays in
 * use and the other goes behind it. Nothing is freed before reset or fini. */
#include <protobase/base/arena.h>

#define ALIGNMENT 16u
#define BLOCK_BYTES_FIRST 1024u  /* with its head: what heaps keep at hand for each thread */
#define BLOCK_BYTES_MAX 1048576u /* growth stops here; larger requests get a block of their own */

struct pbase_arena_block {
    _Alignas(ALIGNMENT) pbase_arena_block *older;
    size_t size; /* with this head */
};
_Static_assert(sizeof(pbase_arena_block) % ALIGNMENT == 0, "what follows the head is aligned");

static uint8_t *block_begin(pbase_arena_block *block)
{
    return (uint8_t *)(block + 1);
}

static uint8_t *block_end(pbase_arena_block *block)
{
    return (uint8_t *)block + block->size;
}

/* Frees `block` and all older ones. */
static void blocks_free(const pbase_alloc *alloc, pbase_arena_block *block)
{
    while (block != NULL) {
        pbase_arena_block *older = block->older;
        pbase_alloc_free(alloc, block, block->size);
        block = older;
    }
}

void pbase_arena_fini(pbase_arena *arena)
{
    blocks_free(arena->alloc, arena->block);
    pbase_arena_init(arena, arena->alloc);
}

/* Takes the largest block out of the list. */
static pbase_arena_block *largest_detach(pbase_arena *arena)
{
    pbase_arena_block **largest = &arena->block;
    for (pbase_arena_block **at = &arena->block; *at != NULL; at = &(*at)->older) {
        if ((*at)->size > (*largest)->size) {
            largest = at;
        }
    }
    pbase_arena_block *kept = *largest;
    *largest = kept->older;
    return kept;
}

static void block_use(pbase_arena *arena, pbase_arena_block *block)
{
    block->older = arena->block;
    arena->block = block;
    arena->next = block_begin(block);
    arena->end = block_end(block);
}

void pbase_arena_reset(pbase_arena *arena)
{
    if (arena->block == NULL) {
        return;
    }
    pbase_arena_block *kept = largest_detach(arena);
    pbase_arena_fini(arena);
    block_use(arena, kept);
}

static size_t block_size_for(const pbase_arena *arena, size_t needed)
{
    size_t grown = arena->block == NULL ? BLOCK_BYTES_FIRST : arena->block->size * 2;
    if (grown > BLOCK_BYTES_MAX) {
        grown = BLOCK_BYTES_MAX;
    }
    return needed > grown ? needed : grown;
}

/* `size` is rounded up already. */
static void *alloc_from_new_block(pbase_arena *arena, size_t size)
{
    size_t block_size = block_size_for(arena, size + sizeof(pbase_arena_block));
    pbase_arena_block *block = (pbase_arena_block *)pbase_alloc_new(arena->alloc, block_size);
    if (block == NULL) {
        return NULL;
    }
    block->size = block_size;
    size_t left_old = (size_t)(arena->end - arena->next);
    size_t left_new = block_size - sizeof(pbase_arena_block) - size;
    if (arena->block != NULL && left_old > left_new) {
        block->older = arena->block->older;
        arena->block->older = block;
        return block_begin(block);
    }
    block_use(arena, block);
    arena->next += size;
    return block_begin(block);
}

void *pbase_arena_alloc(pbase_arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(pbase_arena_block) - ALIGNMENT) {
        return NULL;
    }
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (arena->block == NULL || size > (size_t)(arena->end - arena->next)) {
        return alloc_from_new_block(arena, size);
    }
    void *memory = arena->next;
    arena->next += size;
    return memory;
}

void *pbase_arena_array(pbase_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return pbase_arena_alloc(arena, count * size);
}

pbase_status pbase_arena_copy(pbase_arena *arena, pbase_bytes bytes, pbase_bytes *out,
                              pbase_error *err)
{
    void *copy = pbase_arena_alloc(arena, bytes.size);
    if (copy == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a copy of %zu bytes", bytes.size);
    }
    if (bytes.size != 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    *out = pbase_bytes_of(copy, bytes.size);
    return PBASE_OK;
}

char *pbase_arena_text(pbase_arena *arena, pbase_bytes bytes)
{
    if (bytes.size == SIZE_MAX) {
        return NULL;
    }
    char *text = (char *)pbase_arena_alloc(arena, bytes.size + 1);
    if (text == NULL) {
        return NULL;
    }
    if (bytes.size != 0) {
        memcpy(text, bytes.data, bytes.size);
    }
    text[bytes.size] = '\0';
    return text;
}
