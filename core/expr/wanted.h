/* wanted.h - which fields of a document column a plan reads, and their extraction.
 *
 * Filled while the plan is bound, from the source down; immutable while it runs. Every path is
 * extracted once, whoever asks; a path asked for by exists() has a slot of its own, whose cells are
 * booleans. Each slot knows the last step that reads it, so that sorts carry no more than they
 * must. */
#ifndef PROTOBASE_EXPR_WANTED_H
#define PROTOBASE_EXPR_WANTED_H
#include "expr/path.h"
#include <protobase/plugin/chunk.h>

#define WANTED_FIELDS_MAX 1024u
#define WANTED_ALWAYS UINT32_MAX /* read by whoever reads the result */

struct pbase_wanted {
    pbase_arena *arena; /* borrowed: where paths grow */
    pbase_path *paths;  /* [count] */
    bool *is_existence; /* [count] */
    uint32_t *last_use; /* [count] position of the last step that reads it */
    uint32_t count;
    uint32_t capacity;
    uint32_t whole_last_use; /* 0: nobody reads documents whole */
    bool has_existence;
};

PBASE_MUST_CHECK pbase_status wanted_create(pbase_arena *arena, pbase_wanted **out,
                                            pbase_error *err);
/* The slot of `path`, a new one if need be. */
PBASE_MUST_CHECK pbase_status wanted_add(pbase_wanted *self, const pbase_path *path,
                                         bool is_existence, uint32_t position, uint32_t *out_slot,
                                         pbase_error *err);
void wanted_whole(pbase_wanted *self, uint32_t position);

/* Fills column `index`'s fields from its cells, for the selected rows: the `extract` service. */
PBASE_MUST_CHECK pbase_status wanted_extract(const pbase_column *column, pbase_chunk *chunk,
                                             size_t index, pbase_error *err);
/* Gives a column cells that are not ENCODED in `count` rows (`rows` NULL: the first). */
PBASE_MUST_CHECK pbase_status chunk_open_cells(pbase_chunk *chunk, size_t index,
                                               const uint16_t *rows, uint32_t count,
                                               pbase_error *err);

#endif
