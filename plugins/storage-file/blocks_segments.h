/* blocks_segments.h - the segments of block_provider/file that are open: opening, sealing, closing.
 *
 * Any segment may be open several times; all of its handles learn that it was sealed, renamed or
 * removed. Reads and writes are the business of one file (file_segment.h) and take no lock of the
 * provider.
 *
 * Threads: synchronized, as the contract asks. */
#ifndef PBASE_BLOCKS_SEGMENTS_H
#define PBASE_BLOCKS_SEGMENTS_H
#include "file_blocks_private.h"

extern const pbase_blocks_segment_ops blocks_segments_ops;

/* Slots of pbase_blocks_name_ops. */
PBASE_MUST_CHECK pbase_status blocks_segments_map(pbase_segment *segment, uint64_t size,
                                                  const uint8_t **out, pbase_error *err);
void blocks_segments_unmap(pbase_segment *segment, const uint8_t *data, uint64_t size);
/* Also of a segment that is sealed or open for reading. */
PBASE_MUST_CHECK pbase_status blocks_segments_punch(pbase_segment *base, const pbase_call *call,
                                                    uint64_t offset, uint64_t size,
                                                    pbase_error *err);

#endif
