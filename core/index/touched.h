/* touched.h - which rows of a collection a run of operations touches.
 *
 * An index is brought up to date by comparing these rows before and after, so neither the order of
 * the operations nor what became of them in between matters. Rows are named as the collection's tree
 * names them: by key, or by position.
 *
 * Threads: confined. */
#ifndef PROTOBASE_INDEX_TOUCHED_H
#define PROTOBASE_INDEX_TOUCHED_H
#include "collection/change.h"

typedef struct index_touched {
    bool is_positional;
    bool is_all;       /* every row; the rest says nothing */
    pbase_bytes *keys; /* keyed: in order, each once; they point into the operations */
    uint64_t *places;  /* positional: elements that were set, in order, each once, below `from` */
    size_t count;
    uint64_t from; /* positional: from here on, every element; UINT64_MAX: none */
} index_touched;

/* Reads `operations` on a collection of `kind` that had `base_count` entries before them; lies in
 * `arena` and in `operations`. CORRUPT: malformed. */
PBASE_MUST_CHECK pbase_status index_touched_read(pbase_bytes operations, uint8_t kind,
                                                 uint64_t base_count, pbase_arena *arena,
                                                 index_touched *out, pbase_error *err);
/* Every row: of an index that is built. */
index_touched index_touched_all(uint8_t kind);

#endif
