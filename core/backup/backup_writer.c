/* backup_writer.c - one buffer is one block; the digest runs over all that goes out. */
#include "backup/backup_writer.h"

void backup_writer_init(backup_writer *self, const pbase_host *host, backup_sink sink)
{
    *self = (backup_writer){.host = host, .sink = sink};
    pbase_buffer_init(&self->block, host->alloc);
}

void backup_writer_fini(backup_writer *self)
{
    pbase_buffer_fini(&self->block);
}

static pbase_status put(backup_writer *self, pbase_bytes bytes, pbase_error *err)
{
    pbase_status status = self->sink.write(self->sink.state, bytes, err);
    if (status == PBASE_OK) {
        self->sums.digest = self->host->hash64(bytes.data, bytes.size, self->sums.digest);
        self->sums.bytes += bytes.size;
    }
    return status;
}

pbase_status backup_writer_begin(backup_writer *self, pbase_error *err)
{
    uint8_t prefix[BACKUP_PREFIX_BYTES] = BACKUP_MAGIC;
    pbase_put_u32(prefix + 8, BACKUP_VERSION);
    return put(self, pbase_bytes_of(prefix, sizeof prefix), err);
}

pbase_status backup_writer_open(backup_writer *self, uint8_t type, pbase_error *err)
{
    self->type = type;
    self->block.size = 0;
    return pbase_buffer_append_zeros(&self->block, BACKUP_BLOCK_HEAD_BYTES, err);
}

size_t backup_writer_filled(const backup_writer *self)
{
    return self->block.size - BACKUP_BLOCK_HEAD_BYTES;
}

pbase_status backup_writer_flush(backup_writer *self, pbase_error *err)
{
    uint8_t *at = self->block.data;
    PBASE_ASSERT(backup_writer_filled(self) <= BACKUP_PAYLOAD_BYTES_MAX);
    pbase_put_u32(at + 4, (uint32_t)backup_writer_filled(self));
    pbase_put_u32(at + 8, self->number);
    at[12] = self->type;
    pbase_put_u32(at, self->host->crc32c(0, at + 4, self->block.size - 4));
    if (self->type == BACKUP_INDEX && self->sums.index == 0) {
        self->sums.index = self->sums.bytes;
    }
    self->number++;
    return put(self, pbase_buffer_view(&self->block), err);
}

pbase_status backup_writer_end(backup_writer *self, pbase_error *err)
{
    uint8_t end[BACKUP_END_BYTES];
    self->sums.index = self->sums.index == 0 ? self->sums.bytes : self->sums.index;
    backup_end_write(&self->sums, end);
    pbase_status status = backup_writer_open(self, BACKUP_END, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append(&self->block, end, sizeof end, err);
    }
    return status == PBASE_OK ? backup_writer_flush(self, err) : status;
}
