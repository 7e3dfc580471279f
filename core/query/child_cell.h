/* child_cell.h - a marker of a child in a row that has left its entry.
 *
 * PBASE_CHILD(n) is the n-th child of the entry it was read from, and rows on their way through a
 * query have left theirs. So a catalog notes which collection is meant in the parts of the marker
 * that its value does not use: copies keep it, and comparing, hashing and writing do not look at it.
 * Threads: pure functions. */
#ifndef PROTOBASE_QUERY_CHILD_CELL_H
#define PROTOBASE_QUERY_CHILD_CELL_H
#include <protobase/base/ref.h>
#include <protobase/base/value.h>

#define CHILD_CELL_ORDINAL_MAX ((UINT64_C(1) << 48) - 1)
#define CHILD_CELL_SEQUENCE_AT                                                                     \
    8u /* in the 16 bytes of a value; the number of the child is before */

_Static_assert(sizeof((pbase_value *)0)->as >= CHILD_CELL_SEQUENCE_AT + sizeof(uint64_t),
               "a value has room for a sequence behind the number of a child");

/* Nothing happens to a marker whose collection does not fit: then nobody knows it. */
static inline void child_cell_note(pbase_value *marker, pbase_collection_id id)
{
    if (id.ordinal <= CHILD_CELL_ORDINAL_MAX) {
        memcpy((uint8_t *)&marker->as + CHILD_CELL_SEQUENCE_AT, &id.sequence, sizeof id.sequence);
        for (unsigned i = 0; i < sizeof marker->reserved; i++) {
            marker->reserved[i] = (uint8_t)(id.ordinal >> 8 * i);
        }
    }
}

/* False: it was never noted. No child has ordinal 0. */
static inline bool child_cell_id(const pbase_value *marker, pbase_collection_id *out)
{
    out->ordinal = 0;
    for (unsigned i = 0; i < sizeof marker->reserved; i++) {
        out->ordinal |= (uint64_t)marker->reserved[i] << 8 * i;
    }
    memcpy(&out->sequence, (const uint8_t *)&marker->as + CHILD_CELL_SEQUENCE_AT,
           sizeof out->sequence);
    return marker->kind == PBASE_CHILD && out->ordinal > 0;
}

#endif
