/* backup_format.c - heads, records, atoms and ends as bytes; every size is checked before it is used. */
#include "backup/backup_format.h"

#include <inttypes.h>

/* ----------------------------------------------------------------------------------- head ----- */

void backup_head_init(backup_head *head, const pbase_alloc *alloc)
{
    memset(head, 0, sizeof *head);
    retained_list_init(&head->kept, alloc);
}

void backup_head_fini(backup_head *head)
{
    retained_list_fini(&head->kept);
}

bool backup_head_is_full(const backup_head *head)
{
    static const uint8_t none[BACKUP_ID_BYTES];
    return memcmp(head->base, none, sizeof none) == 0;
}

static pbase_status put_u64(pbase_buffer *out, uint64_t value, pbase_error *err)
{
    uint8_t bytes[8];
    pbase_put_u64(bytes, value);
    return pbase_buffer_append(out, bytes, sizeof bytes, err);
}

static pbase_status write_kept(const retained_list *kept, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_varint(out, kept->count, err);
    for (size_t i = 0; i < kept->count && status == PBASE_OK; i++) {
        const retained_checkpoint *item = &kept->items[i];
        status = put_u64(out, item->sequence, err);
        status = status == PBASE_OK ? put_u64(out, (uint64_t)item->timestamp_ns, err) : status;
        status = status == PBASE_OK ? put_u64(out, item->root, err) : status;
    }
    return status;
}

#define HEAD_FIXED_BYTES (4u * BACKUP_ID_BYTES + 8u + 3u * 8u)

pbase_status backup_head_write(const backup_head *head, pbase_buffer *out, pbase_error *err)
{
    uint8_t fixed[HEAD_FIXED_BYTES] = {0};
    memcpy(fixed, head->id, BACKUP_ID_BYTES);
    memcpy(fixed + 16, head->base, BACKUP_ID_BYTES);
    memcpy(fixed + 32, head->space, BACKUP_ID_BYTES);
    memcpy(fixed + 48, head->lineage, BACKUP_ID_BYTES);
    pbase_put_u32(fixed + 64, head->number);
    pbase_put_u64(fixed + 72, (uint64_t)head->made_ns);
    pbase_put_u64(fixed + 80, head->newest);
    pbase_put_u64(fixed + 88, (uint64_t)head->newest_ns);
    pbase_status status = pbase_buffer_append(out, fixed, sizeof fixed, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, head->meta.size, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_bytes(out, head->meta, err);
    }
    return status == PBASE_OK ? write_kept(&head->kept, out, err) : status;
}

/* One more checkpoint; they ascend, and none is newer than the newest commit. */
static pbase_status read_one_kept(pbase_reader_bytes *reader, backup_head *out, pbase_error *err)
{
    retained_checkpoint item = {.replay = 0};
    uint64_t time = 0;
    retained_list *kept = &out->kept;
    bool ok = pbase_read_u64(reader, &item.sequence) && pbase_read_u64(reader, &time) &&
              pbase_read_u64(reader, &item.root);
    item.timestamp_ns = (int64_t)time;
    const retained_checkpoint *last = kept->count > 0 ? &kept->items[kept->count - 1] : NULL;
    if (!ok || item.sequence > out->newest ||
        (last != NULL &&
         (item.sequence <= last->sequence || item.timestamp_ns < last->timestamp_ns))) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the checkpoints of a backup are out of order");
    }
    return retained_list_add(kept, &item, err);
}

pbase_status backup_head_read(pbase_bytes payload, backup_head *out, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(payload);
    pbase_bytes fixed;
    uint64_t count = 0;
    out->kept.count = 0;
    if (!pbase_read_bytes(&reader, HEAD_FIXED_BYTES, &fixed) ||
        !pbase_read_sized(&reader, &out->meta) || out->meta.size > PBASE_META_BYTES_MAX ||
        !pbase_read_varint(&reader, &count) || count == 0 || count > RETAINED_MAX ||
        pbase_get_u32(fixed.data + 68) != 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the head of a backup makes no sense");
    }
    memcpy(out->id, fixed.data, BACKUP_ID_BYTES);
    memcpy(out->base, fixed.data + 16, BACKUP_ID_BYTES);
    memcpy(out->space, fixed.data + 32, BACKUP_ID_BYTES);
    memcpy(out->lineage, fixed.data + 48, BACKUP_ID_BYTES);
    out->number = pbase_get_u32(fixed.data + 64);
    out->made_ns = (int64_t)pbase_get_u64(fixed.data + 72);
    out->newest = pbase_get_u64(fixed.data + 80);
    out->newest_ns = (int64_t)pbase_get_u64(fixed.data + 88);
    pbase_status status = PBASE_OK;
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        status = read_one_kept(&reader, out, err);
    }
    if (status == PBASE_OK &&
        (pbase_reader_bytes_left(&reader) != 0 || backup_head_is_full(out) != (out->number == 0))) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the head of a backup contradicts itself");
    }
    return status;
}

/* -------------------------------------------------------------------------------- records ----- */

pbase_status backup_record_write(const backup_record *record, pbase_buffer *out, pbase_error *err)
{
    pbase_status status = put_u64(out, record->sequence, err);
    if (status == PBASE_OK) {
        status = put_u64(out, (uint64_t)record->timestamp_ns, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append(out, record->token.bytes, sizeof record->token.bytes, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, record->index, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, record->count, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, record->stored.size, err);
    }
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, record->stored, err) : status;
}

pbase_status backup_record_read(pbase_reader_bytes *reader, backup_record *out, pbase_error *err)
{
    uint64_t time = 0;
    pbase_bytes token;
    if (!pbase_read_u64(reader, &out->sequence) || !pbase_read_u64(reader, &time) ||
        !pbase_read_bytes(reader, sizeof out->token.bytes, &token) ||
        !pbase_read_varint(reader, &out->index) || !pbase_read_varint(reader, &out->count) ||
        !pbase_read_sized(reader, &out->stored) || out->stored.size > PBASE_RECORD_BYTES_MAX ||
        out->index >= out->count || out->sequence == 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a record of a backup makes no sense");
    }
    out->timestamp_ns = (int64_t)time;
    memcpy(out->token.bytes, token.data, token.size);
    return PBASE_OK;
}

/* ---------------------------------------------------------------------------------- atoms ----- */

pbase_status backup_atoms_begin(uint32_t log_id, pbase_buffer *out, pbase_error *err)
{
    uint8_t head[BACKUP_ATOMS_HEAD_BYTES] = {0};
    pbase_put_u32(head, log_id);
    return pbase_buffer_append(out, head, sizeof head, err);
}

pbase_status backup_atoms_read(pbase_reader_bytes *reader, uint32_t *out_log_id, pbase_error *err)
{
    uint32_t zero = 0;
    if (!pbase_read_u32(reader, out_log_id) || !pbase_read_u32(reader, &zero) || zero != 0 ||
        *out_log_id == 0 || *out_log_id > PBASE_ATOM_LOG_MAX) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a block of atoms names no segment");
    }
    return PBASE_OK;
}

pbase_status backup_run_read(pbase_reader_bytes *reader, uint64_t *least, backup_run *out,
                             pbase_error *err)
{
    uint64_t size = 0;
    if (!pbase_read_u64(reader, &out->offset) || !pbase_read_u64(reader, &size) ||
        out->offset % PBASE_ATOM_ALIGN != 0 || size % PBASE_ATOM_ALIGN != 0 || size == 0 ||
        out->offset < *least || out->offset < PBASE_ATOM_ALIGN ||
        out->offset > BACKUP_SEGMENT_BYTES_MAX || size > BACKUP_SEGMENT_BYTES_MAX - out->offset ||
        !pbase_read_bytes(reader, (size_t)size, &out->bytes)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a run of atoms in a backup makes no sense");
    }
    *least = out->offset + size;
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------------ end ----- */

void backup_end_write(const backup_end *end, uint8_t out[BACKUP_END_BYTES])
{
    pbase_put_u64(out, end->digest);
    pbase_put_u64(out + 8, end->bytes);
    pbase_put_u64(out + 16, end->index);
    pbase_put_u64(out + 24, end->records);
    pbase_put_u64(out + 32, end->atoms);
    pbase_put_u64(out + 40, end->atom_bytes);
}

pbase_status backup_end_read(pbase_bytes payload, backup_end *out, pbase_error *err)
{
    if (payload.size != BACKUP_END_BYTES) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the end of a backup has %zu bytes, not %u",
                          payload.size, BACKUP_END_BYTES);
    }
    *out = (backup_end){.digest = pbase_get_u64(payload.data),
                        .bytes = pbase_get_u64(payload.data + 8),
                        .index = pbase_get_u64(payload.data + 16),
                        .records = pbase_get_u64(payload.data + 24),
                        .atoms = pbase_get_u64(payload.data + 32),
                        .atom_bytes = pbase_get_u64(payload.data + 40)};
    if (out->index > out->bytes || out->index < BACKUP_PREFIX_BYTES) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the end of a backup leads nowhere");
    }
    return PBASE_OK;
}
