/* store_staging.c - grows by doubling, in whole blocks; what is there moves along. */
#include "store_staging.h"

#include <string.h>

void store_staging_init(store_staging *staging, const pbase_alloc *alloc)
{
    *staging = (store_staging){.alloc = alloc};
}

void store_staging_fini(store_staging *staging)
{
    if (staging->raw != NULL) {
        pbase_alloc_free(staging->alloc, staging->raw, staging->capacity + STORE_BLOCK_BYTES);
    }
    *staging = (store_staging){.alloc = staging->alloc};
}

static pbase_status reserve(store_staging *staging, size_t more, pbase_error *err)
{
    store_staging grown = {.alloc = staging->alloc, .size = staging->size};
    if (more <= staging->capacity - staging->size) {
        return PBASE_OK;
    }
    grown.capacity = 2 * staging->capacity;
    if (grown.capacity < staging->size + more) {
        grown.capacity =
            (staging->size + more + STORE_BLOCK_BYTES - 1) / STORE_BLOCK_BYTES * STORE_BLOCK_BYTES;
    }
    grown.raw = pbase_alloc_new(staging->alloc, grown.capacity + STORE_BLOCK_BYTES);
    if (grown.raw == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to write %zu bytes of atoms",
                          staging->size + more);
    }
    grown.data = grown.raw +
                 (STORE_BLOCK_BYTES - (uintptr_t)grown.raw % STORE_BLOCK_BYTES) % STORE_BLOCK_BYTES;
    if (staging->size != 0) {
        memcpy(grown.data, staging->data, staging->size);
    }
    store_staging_fini(staging);
    *staging = grown;
    return PBASE_OK;
}

pbase_status store_staging_add(store_staging *staging, pbase_bytes bytes, size_t zeros,
                               pbase_error *err)
{
    pbase_status status = reserve(staging, bytes.size + zeros, err);
    if (status == PBASE_OK) {
        if (bytes.size != 0) {
            memcpy(staging->data + staging->size, bytes.data, bytes.size);
        }
        memset(staging->data + staging->size + bytes.size, 0, zeros);
        staging->size += bytes.size + zeros;
    }
    return status;
}
