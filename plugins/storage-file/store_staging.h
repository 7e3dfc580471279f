/* store_staging.h - bytes gathered for one write, where a write past the page cache wants them.
 *
 * They lie together and begin at a multiple of STORE_BLOCK_BYTES, however much is added; the memory is
 * kept for the next write when `size` is set to 0.
 * Threads: confined. */
#ifndef PBASE_STORE_STAGING_H
#define PBASE_STORE_STAGING_H
#include <protobase/base/alloc.h>
#include <protobase/base/bytes.h>
#include <protobase/base/error.h>

#define STORE_BLOCK_BYTES 4096u

typedef struct {
    const pbase_alloc *alloc; /* borrowed until fini */
    uint8_t *raw, *data;      /* what was allocated; the first block in it */
    size_t size, capacity;    /* bytes at `data` */
} store_staging;

void store_staging_init(store_staging *staging, const pbase_alloc *alloc);
void store_staging_fini(store_staging *staging); /* also zeroed */
/* Appends `bytes` and `zeros` zeros behind them. NO_MEMORY: nothing is changed. */
PBASE_MUST_CHECK pbase_status store_staging_add(store_staging *staging, pbase_bytes bytes,
                                                size_t zeros, pbase_error *err);

#endif
