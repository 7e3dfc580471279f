/* super.c - encoding and checking of the super block. */
#include "super.h"

#include <inttypes.h>

#define SUPER_MAGIC 0x55534250u /* "PBSU" */
#define SUPER_VERSION 2u
#define SUPER_VERSION_READ                                                                         \
    1u /* the oldest that is read; of the journal it says that frames are larger */

void super_encode(const pbase_host *host, const super_block *block, uint8_t *out)
{
    memset(out, 0, SUPER_BYTES);
    pbase_put_u32(out, SUPER_MAGIC);
    pbase_put_u32(out + 8, SUPER_VERSION);
    pbase_put_u32(out + 12, SUPER_BYTES);
    pbase_put_u64(out + 16, block->space_id);
    pbase_put_u64(out + 24, block->first);
    pbase_put_u64(out + 32, block->anchor);
    pbase_put_u64(out + 40, block->closed_at);
    pbase_put_u64(out + 48, block->fence_base);
    pbase_put_u64(out + 56, block->active_bytes);
    pbase_put_u32(out + 64, block->next_log_id);
    pbase_put_u32(out + 68, block->active_log_id);
    pbase_put_u64(out + 72, block->entered.base);
    pbase_put_u64(out + 80, block->entered.bytes);
    pbase_put_u64(out + 88, block->entered.head);
    pbase_put_u32(out + 4, host->crc32c(0, out + 8, SUPER_BYTES - 8));
}

static bool is_possible(const super_block *block)
{
    return block->anchor >= block->first && block->next_log_id >= 1 &&
           block->next_log_id <= PBASE_ATOM_LOG_MAX + 1 &&
           block->active_log_id < block->next_log_id &&
           (block->closed_at == 0 || block->closed_at >= block->anchor) &&
           (block->active_log_id == 0) == (block->active_bytes == 0) &&
           block->active_bytes % PBASE_ATOM_ALIGN == 0 &&
           (block->entered.base != 0 || block->entered.bytes == 0);
}

pbase_status super_decode(const pbase_host *host, pbase_bytes bytes, super_block *out,
                          pbase_error *err)
{
    const uint8_t *at = bytes.data;
    if (bytes.size < 16 || pbase_get_u32(at) != SUPER_MAGIC) {
        return PBASE_FAIL(err, PBASE_FORMAT, "the super block is not one of storage/file");
    }
    if (host->crc32c(0, at + 8, bytes.size - 8) != pbase_get_u32(at + 4)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the checksum of the super block does not hold");
    }
    uint32_t version = pbase_get_u32(at + 8);
    if (version < SUPER_VERSION_READ || version > SUPER_VERSION) {
        pbase_status status = PBASE_FAIL(
            err, PBASE_FORMAT, "the space has format %" PRIu32 ", this version reads %u to %u",
            version, SUPER_VERSION_READ, SUPER_VERSION);
        pbase_error_hint(err, "open it with the version of ProtoBase that wrote it");
        return status;
    }
    if (bytes.size != SUPER_BYTES || pbase_get_u32(at + 12) != SUPER_BYTES) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the super block has %zu bytes, not %u", bytes.size,
                          SUPER_BYTES);
    }
    super_block block = {
        .space_id = pbase_get_u64(at + 16),
        .first = pbase_get_u64(at + 24),
        .anchor = pbase_get_u64(at + 32),
        .closed_at = pbase_get_u64(at + 40),
        .fence_base = pbase_get_u64(at + 48),
        .active_bytes = pbase_get_u64(at + 56),
        .entered = {pbase_get_u64(at + 72), pbase_get_u64(at + 80), pbase_get_u64(at + 88)},
        .next_log_id = pbase_get_u32(at + 64),
        .active_log_id = pbase_get_u32(at + 68),
    };
    if (!is_possible(&block)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the super block contradicts itself");
    }
    *out = block;
    return PBASE_OK;
}
