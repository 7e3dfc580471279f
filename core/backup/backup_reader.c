/* backup_reader.c - reading a block grows its buffer by what has come, not by what the block claims. */
#include "backup/backup_reader.h"

#include <inttypes.h>

void backup_reader_init(backup_reader *self, const pbase_host *host, backup_input input)
{
    *self = (backup_reader){.host = host, .input = input};
    pbase_buffer_init(&self->block, host->alloc);
}

void backup_reader_fini(backup_reader *self)
{
    pbase_buffer_fini(&self->block);
}

/* Appends exactly `size` bytes to the block. */
static pbase_status take(backup_reader *self, size_t size, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    while (size > 0 && status == PBASE_OK) {
        size_t part = size < BACKUP_BLOCK_BYTES ? size : BACKUP_BLOCK_BYTES, got = 0;
        status = pbase_buffer_reserve(&self->block, part, err);
        if (status == PBASE_OK) {
            status = self->input.read(self->input.state, self->block.data + self->block.size, part,
                                      &got, err);
        }
        if (status == PBASE_OK && got < part) {
            status = PBASE_FAIL(err, PBASE_CORRUPT, "the backup is cut: it ends at byte %" PRIu64,
                                self->sums.bytes + self->block.size + got);
        }
        self->block.size += got;
        size -= part;
    }
    return status;
}

static void account(backup_reader *self)
{
    self->sums.digest = self->host->hash64(self->block.data, self->block.size, self->sums.digest);
    self->sums.bytes += self->block.size;
}

pbase_status backup_reader_begin(backup_reader *self, pbase_error *err)
{
    self->block.size = 0;
    pbase_status status = take(self, BACKUP_PREFIX_BYTES, err);
    const uint8_t *at = self->block.data;
    size_t begun = self->block.size < 8 ? self->block.size : 8; /* less than all when it is cut */
    if ((status == PBASE_OK || status == PBASE_CORRUPT) && begun > 0 &&
        memcmp(at, BACKUP_MAGIC, begun) != 0) {
        status = PBASE_FAIL(err, PBASE_FORMAT, "this is not a backup of ProtoBase");
        pbase_error_hint(err, BACKUP_SOURCE_HINT);
    } else if (status == PBASE_OK && pbase_get_u32(at + 8) != BACKUP_VERSION) {
        status = PBASE_FAIL(err, PBASE_FORMAT,
                            "a backup of format %" PRIu32 "; this library reads "
                            "%u",
                            pbase_get_u32(at + 8), BACKUP_VERSION);
    } else if (status == PBASE_OK && pbase_get_u32(at + 12) != 0) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the beginning of a backup makes no sense");
    }
    if (status == PBASE_OK) {
        account(self);
    }
    return status;
}

static pbase_status check_head(const uint8_t *at, uint32_t *out_size, pbase_error *err)
{
    *out_size = pbase_get_u32(at + 4);
    bool ok = *out_size <= BACKUP_PAYLOAD_BYTES_MAX && at[12] >= BACKUP_HEAD &&
              at[12] <= BACKUP_END && at[13] == 0 && at[14] == 0 && at[15] == 0;
    return ok ? PBASE_OK : PBASE_FAIL(err, PBASE_CORRUPT, "a block of a backup has no valid head");
}

pbase_status backup_block_check(const pbase_host *host, pbase_bytes whole, backup_block *out,
                                uint32_t *out_number, pbase_error *err)
{
    uint32_t size = 0;
    if (whole.size < BACKUP_BLOCK_HEAD_BYTES) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a block of a backup is cut");
    }
    pbase_status status = check_head(whole.data, &size, err);
    if (status == PBASE_OK && whole.size != BACKUP_BLOCK_HEAD_BYTES + (size_t)size) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a block of a backup is cut");
    }
    if (status == PBASE_OK &&
        host->crc32c(0, whole.data + 4, whole.size - 4) != pbase_get_u32(whole.data)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the checksum of a block does not hold");
    }
    if (status == PBASE_OK) {
        out->type = whole.data[12];
        out->payload = pbase_bytes_of(whole.data + BACKUP_BLOCK_HEAD_BYTES, size);
        *out_number = pbase_get_u32(whole.data + 8);
    }
    return status;
}

/* Blocks come in the order of their types; there is one head and one end. */
static pbase_status check_order(const backup_reader *self, const backup_block *block,
                                uint32_t number, pbase_error *err)
{
    bool ok = number == self->number && block->type >= self->type &&
              (self->type == 0) == (block->type == BACKUP_HEAD);
    return ok ? PBASE_OK
              : PBASE_FAIL(err, PBASE_CORRUPT,
                           "block %" PRIu32 " of a backup is missing: number %" PRIu32
                           " of type %u is there",
                           self->number, number, block->type);
}

/* The sums in the last block are those of everything before it, and nothing follows. */
static pbase_status check_end(backup_reader *self, pbase_bytes payload, pbase_error *err)
{
    backup_end end;
    uint8_t more;
    size_t got = 0;
    pbase_status status = backup_end_read(payload, &end, err);
    if (status == PBASE_OK && (end.digest != self->sums.digest || end.bytes != self->sums.bytes)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the sum over the backup does not hold");
    }
    if (status == PBASE_OK) {
        status = self->input.read(self->input.state, &more, 1, &got, err);
    }
    if (status == PBASE_OK && got > 0) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the backup goes on behind its end");
    }
    if (status == PBASE_OK) {
        uint64_t digest = self->sums.digest, bytes = self->sums.bytes;
        self->sums = end;
        self->sums.digest = digest;
        self->sums.bytes = bytes;
    }
    return status;
}

static pbase_status next(backup_reader *self, backup_block *out, pbase_error *err)
{
    uint32_t size = 0, number = 0;
    self->block.size = 0;
    pbase_status status = take(self, BACKUP_BLOCK_HEAD_BYTES, err);
    if (status == PBASE_OK) {
        status = check_head(self->block.data, &size, err);
    }
    if (status == PBASE_OK) {
        status = take(self, size, err);
    }
    if (status == PBASE_OK) {
        status = backup_block_check(self->host, pbase_buffer_view(&self->block), out, &number, err);
    }
    if (status == PBASE_OK) {
        status = check_order(self, out, number, err);
    }
    return status == PBASE_OK && out->type == BACKUP_END ? check_end(self, out->payload, err)
                                                         : status;
}

pbase_status backup_reader_next(backup_reader *self, backup_block *out, pbase_error *err)
{
    if (self->type == BACKUP_END) {
        return PBASE_END;
    }
    pbase_status status = next(self, out, err);
    if (status == PBASE_CORRUPT) {
        pbase_error_note(err, "block %" PRIu32 " of the backup, at byte %" PRIu64, self->number,
                         self->sums.bytes);
    }
    if (status == PBASE_OK) {
        self->type = out->type;
        self->number++;
        account(self);
    }
    return status;
}
