/* backup_index.c - gaps between beginnings, walked beside the marks of what is to be copied. */
#include "backup/backup_index.h"

#include <inttypes.h>

void backup_index_init(backup_index *self, const pbase_alloc *alloc)
{
    memset(self, 0, sizeof *self);
    pbase_buffer_init(&self->bytes, alloc);
}

void backup_index_fini(backup_index *self)
{
    pbase_buffer_fini(&self->bytes);
}

/* -------------------------------------------------------------------------------- walking ----- */

static pbase_status walk_step(backup_index_walk *walk, pbase_error *err)
{
    uint64_t gap = 0;
    walk->has = walk->left > 0;
    if (!walk->has) {
        return PBASE_OK;
    }
    if (!pbase_read_varint(&walk->gaps, &gap) || gap == 0 ||
        gap > BACKUP_SEGMENT_BYTES_MAX / PBASE_ATOM_ALIGN - walk->at) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the index of a backup makes no sense");
    }
    walk->at += gap;
    walk->left--;
    return PBASE_OK;
}

/* Cuts the next segment off `rest`; `*out_log_id` 0: there is none. */
static pbase_status next_segment(pbase_reader_bytes *rest, uint32_t *out_log_id,
                                 backup_index_walk *out, pbase_error *err)
{
    uint64_t log_id = 0, count = 0;
    uint32_t before = *out_log_id;
    *out_log_id = 0;
    if (pbase_reader_bytes_left(rest) == 0) {
        return PBASE_OK;
    }
    if (!pbase_read_varint(rest, &log_id) || log_id <= before || log_id > PBASE_ATOM_LOG_MAX ||
        !pbase_read_varint(rest, &count) || count == 0 || count > pbase_reader_bytes_left(rest)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the index of a backup makes no sense");
    }
    *out_log_id = (uint32_t)log_id;
    *out = (backup_index_walk){.gaps = *rest, .left = count};
    backup_index_walk ahead = *out;
    pbase_status status = walk_step(&ahead, err);
    while (status == PBASE_OK && ahead.has) {
        status = walk_step(&ahead, err);
    }
    *rest = ahead.gaps;
    return status == PBASE_OK ? walk_step(out, err) : status;
}

pbase_status backup_index_check(pbase_bytes payload, pbase_error *err)
{
    pbase_reader_bytes rest = pbase_reader_bytes_of(payload);
    backup_index_walk walk;
    uint32_t log_id = 0;
    pbase_status status = next_segment(&rest, &log_id, &walk, err);
    while (status == PBASE_OK && log_id != 0) {
        status = next_segment(&rest, &log_id, &walk, err);
    }
    return status;
}

pbase_status backup_index_has(backup_index *self, uint32_t log_id, uint64_t offset, bool *out,
                              pbase_error *err)
{
    pbase_status status = PBASE_OK;
    uint64_t unit = offset / PBASE_ATOM_ALIGN;
    while (status == PBASE_OK && self->log_id < log_id &&
           pbase_reader_bytes_left(&self->rest) > 0) {
        status = next_segment(&self->rest, &self->log_id, &self->walk, err);
    }
    if (status != PBASE_OK || self->log_id != log_id) {
        *out = false;
        return status;
    }
    while (status == PBASE_OK && self->walk.has && self->walk.at < unit) {
        status = walk_step(&self->walk, err);
    }
    *out = self->walk.has && self->walk.at == unit;
    return status;
}

/* -------------------------------------------------------------------------------- loading ----- */

/* The whole block at `offset` of a file, into `block`. */
static pbase_status read_block(backup_source *file, uint64_t offset, uint64_t limit,
                               backup_block *out, pbase_error *err)
{
    const pbase_os *os = file->host->os;
    pbase_buffer *buffer = &file->reader.block;
    uint8_t head[BACKUP_BLOCK_HEAD_BYTES];
    uint32_t number = 0;
    size_t got = 0;
    pbase_status status = os->file->read(file->file, offset, head, sizeof head, &got, err);
    uint64_t size = status == PBASE_OK && got == sizeof head ? pbase_get_u32(head + 4) : 0;
    if (status == PBASE_OK && (got < sizeof head || size > limit - offset)) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "a block of a backup is cut");
    }
    size += sizeof head;
    buffer->size = 0;
    if (status == PBASE_OK) {
        status = pbase_buffer_reserve(buffer, (size_t)size, err);
    }
    if (status == PBASE_OK) {
        status = os->file->read(file->file, offset, buffer->data, (size_t)size, &got, err);
    }
    if (status == PBASE_OK) {
        buffer->size = got;
        status = got == size
                     ? backup_block_check(file->host, pbase_buffer_view(buffer), out, &number, err)
                     : PBASE_FAIL(err, PBASE_CORRUPT, "a block of a backup is cut");
    }
    if (status == PBASE_CORRUPT) {
        pbase_error_note(err, "byte %" PRIu64 " of the backup", offset);
    }
    return status;
}

/* The payloads from the first block of the index to the last block. */
static pbase_status read_index(backup_index *self, backup_source *file, uint64_t from,
                               uint64_t upto, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    while (status == PBASE_OK && from < upto) {
        backup_block block;
        status = read_block(file, from, upto, &block, err);
        if (status == PBASE_OK && block.type != BACKUP_INDEX) {
            status = PBASE_FAIL(err, PBASE_CORRUPT, "the index of a backup makes no sense");
        }
        if (status == PBASE_OK) {
            status = pbase_buffer_append_bytes(&self->bytes, block.payload, err);
            from += BACKUP_BLOCK_HEAD_BYTES + block.payload.size;
        }
    }
    self->rest = pbase_reader_bytes_of(pbase_buffer_view(&self->bytes));
    return status == PBASE_OK ? backup_index_check(pbase_buffer_view(&self->bytes), err) : status;
}

static pbase_status load(backup_index *self, backup_source *file, pbase_error *err)
{
    const uint64_t last = BACKUP_BLOCK_HEAD_BYTES + BACKUP_END_BYTES;
    uint64_t size = 0;
    backup_block block;
    backup_end end;
    pbase_status status = file->host->os->file->size(file->file, &size, err);
    if (status == PBASE_OK && size < last) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the backup is cut");
    }
    if (status == PBASE_OK) {
        status = read_block(file, size - last, size, &block, err);
    }
    if (status == PBASE_OK) {
        status = block.type == BACKUP_END
                     ? backup_end_read(block.payload, &end, err)
                     : PBASE_FAIL(err, PBASE_CORRUPT, "the backup is cut: it has no end");
    }
    if (status == PBASE_OK && end.bytes != size - last) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the backup is cut: its parts do not fit");
    }
    return status == PBASE_OK ? read_index(self, file, end.index, size - last, err) : status;
}

pbase_status backup_index_load(backup_index *self, const pbase_host *host, const char *path,
                               backup_head *out_head, pbase_buffer *meta, pbase_error *err)
{
    backup_source file;
    backup_source_init(&file, host);
    pbase_status status = backup_source_open_file(&file, path, err);
    if (status == PBASE_OK) {
        status = backup_source_note(&file, load(self, &file, err), err);
    }
    if (status == PBASE_OK) { /* what the head owns changes hands */
        backup_head_fini(out_head);
        *out_head = file.head;
        pbase_buffer_fini(meta);
        *meta = file.meta;
        backup_head_init(&file.head, host->alloc);
        pbase_buffer_init(&file.meta, host->alloc);
    }
    backup_source_close(&file);
    return status;
}

/* -------------------------------------------------------------------------------- writing ----- */

void backup_index_part_init(backup_index_part *part, const pbase_alloc *alloc)
{
    *part = (backup_index_part){.count = 0};
    pbase_buffer_init(&part->gaps, alloc);
}

void backup_index_part_fini(backup_index_part *part)
{
    pbase_buffer_fini(&part->gaps);
}

pbase_status backup_index_part_add(backup_index_part *part, uint64_t offset, pbase_error *err)
{
    uint64_t unit = offset / PBASE_ATOM_ALIGN;
    pbase_status status = pbase_buffer_append_varint(&part->gaps, unit - part->last, err);
    part->last = unit;
    part->count++;
    return status;
}

pbase_status backup_index_part_put(backup_index_part *part, uint32_t log_id, pbase_buffer *out,
                                   pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (part->count > 0) {
        status = pbase_buffer_append_varint(out, log_id, err);
        status = status == PBASE_OK ? pbase_buffer_append_varint(out, part->count, err) : status;
        status = status == PBASE_OK
                     ? pbase_buffer_append_bytes(out, pbase_buffer_view(&part->gaps), err)
                     : status;
    }
    part->gaps.size = 0;
    part->count = part->last = 0;
    return status;
}
