/* memory_block.h - the bytes of one named segment of block_provider/memory.
 *
 * A block lives as long as its name or an open handle needs it. Its bytes may move when they grow,
 * unless they are mapped: the old place then stays, is kept up to date, and ends with the block.
 *
 * Threads: confined; the provider's mutex guards it. Mapped bytes may be read by anybody. */
#ifndef PBASE_MEMORY_BLOCK_H
#define PBASE_MEMORY_BLOCK_H
#include "memory_budget.h"

typedef struct memory_place memory_place; /* where bytes once were and are still mapped */

typedef struct memory_block memory_block;
struct memory_block {
    memory_block *next; /* in the provider's list of names */
    memory_budget *budget;
    char *name;
    size_t name_bytes; /* with the NUL */
    uint8_t *data;
    uint64_t size;
    uint64_t capacity;
    memory_place *outgrown;
    uint32_t handle_count;
    uint32_t map_count;
    bool sealed;
    bool removed; /* from the list of names */
};

PBASE_MUST_CHECK pbase_status memory_block_create(memory_budget *budget, const char *name,
                                                  memory_block **out, pbase_error *err);
void memory_block_destroy(memory_block *block); /* NULL is fine */
PBASE_MUST_CHECK pbase_status memory_block_rename(memory_block *block, const char *name,
                                                  pbase_error *err);
/* A gap between the end and `offset` reads as zeros. Nothing is written on failure. */
PBASE_MUST_CHECK pbase_status memory_block_write(memory_block *block, uint64_t offset,
                                                 pbase_bytes data, pbase_error *err);
/* Zeros the part of the range that exists. */
void memory_block_clear(memory_block *block, uint64_t offset, uint64_t size);
void memory_block_cut(memory_block *block, uint64_t size);
/* Makes the first `size` bytes, written or not, stay where they are until the block ends. */
PBASE_MUST_CHECK pbase_status memory_block_map(memory_block *block, uint64_t size,
                                               const uint8_t **out, pbase_error *err);

#endif
