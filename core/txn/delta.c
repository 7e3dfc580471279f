/* delta.c - journal records to bytes and back; every field of a read is checked. */
#include "txn/delta.h"

#include "collection/kind.h"
#include "index/definition.h"

#include <protobase/base/limits.h>

void record_head_write(const record_head *head, uint8_t out[RECORD_HEAD_BYTES])
{
    memset(out, 0, RECORD_HEAD_BYTES);
    out[0] = head->kind;
    out[1] = RECORD_VERSION_NEWEST;
    pbase_put_u64(out + 8, head->sequence);
    pbase_put_u64(out + 16, head->base);
    pbase_put_u64(out + 24, (uint64_t)head->timestamp_ns);
}

pbase_status record_head_read(pbase_reader_bytes *reader, record_head *out, pbase_error *err)
{
    pbase_bytes head;
    if (!pbase_read_bytes(reader, RECORD_HEAD_BYTES, &head)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a journal record of %zu bytes is too short",
                          pbase_reader_bytes_left(reader));
    }
    const uint8_t *at = head.data;
    if (at[1] > RECORD_VERSION_NEWEST || pbase_get_u16(at + 2) != 0) {
        pbase_status status = PBASE_FAIL(err, PBASE_FORMAT,
                                         "journal record of version %u with flags %u; this "
                                         "library reads version %u without",
                                         at[1], pbase_get_u16(at + 2), RECORD_VERSION_NEWEST);
        pbase_error_hint(err, "open the space with a newer ProtoBase");
        return status;
    }
    if (at[0] < RECORD_DELTA || at[0] > RECORD_CHECKPOINT || at[1] == 0) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "journal record of unknown kind %u", at[0]);
    }
    out->kind = at[0];
    out->sequence = pbase_get_u64(at + 8);
    out->base = pbase_get_u64(at + 16);
    out->timestamp_ns = (int64_t)pbase_get_u64(at + 24);
    return PBASE_OK;
}

static pbase_status append_sized(pbase_buffer *out, pbase_bytes bytes, pbase_error *err)
{
    pbase_status status = pbase_buffer_append_varint(out, bytes.size, err);
    return status == PBASE_OK ? pbase_buffer_append_bytes(out, bytes, err) : status;
}

pbase_status delta_group_write(const delta_group *group, pbase_buffer *out, pbase_error *err)
{
    uint8_t marks[2] = {group->form, group->kind};
    pbase_status status = pbase_buffer_append_varint(out, group->id.sequence, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, group->id.ordinal, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append(out, marks, sizeof marks, err);
    }
    return status == PBASE_OK ? append_sized(out, group->operations, err) : status;
}

pbase_status delta_group_read(pbase_reader_bytes *reader, delta_group *out, pbase_error *err)
{
    delta_group group = {.form = 0};
    if (!pbase_read_varint(reader, &group.id.sequence) ||
        !pbase_read_varint(reader, &group.id.ordinal) || !pbase_read_u8(reader, &group.form) ||
        !pbase_read_u8(reader, &group.kind) || !pbase_read_sized(reader, &group.operations)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut inside a group");
    }
    bool is_known = kind_known(group.kind) || group.kind == COLLECTION_INDEX;
    if (group.form < GROUP_CHANGE || group.form > GROUP_ADOPT || !is_known) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta group of unknown form %u or kind %u",
                          group.form, group.kind);
    }
    *out = group;
    return PBASE_OK;
}

pbase_status adopted_content_write(const adopted_content *content, pbase_buffer *out,
                                   pbase_error *err)
{
    uint8_t pointer[8];
    pbase_put_u64(pointer, content->root);
    pbase_status status = pbase_buffer_append(out, pointer, sizeof pointer, err);
    status = status == PBASE_OK ? pbase_buffer_append_varint(out, content->count, err) : status;
    return status == PBASE_OK ? pbase_buffer_append_varint(out, content->sum, err) : status;
}

pbase_status adopted_content_read(pbase_bytes operations, adopted_content *out, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(operations);
    adopted_content content = {.count = 0};
    if (!pbase_read_u64(&reader, &content.root) || !pbase_read_varint(&reader, &content.count) ||
        !pbase_read_varint(&reader, &content.sum) || content.sum > PBASE_COUNT_MAX ||
        pbase_reader_bytes_left(&reader) > 0 || (content.root & 7u) != 0 ||
        (content.root == PBASE_ATOM_NONE) != (content.count == 0)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "an adopted root makes no sense");
    }
    *out = content;
    return PBASE_OK;
}

static bool names_two(uint8_t operation)
{
    return operation == CATALOG_RENAME || operation == CATALOG_COPY;
}

pbase_status catalog_change_write(const catalog_change *change, pbase_buffer *out, pbase_error *err)
{
    bool drops = change->operation == CATALOG_DROP;
    pbase_status status = pbase_buffer_append_u8(out, change->operation, err);
    if (status == PBASE_OK) {
        status = pbase_buffer_append_varint(out, change->database, err);
    }
    if (status == PBASE_OK) {
        status = append_sized(out, drops ? change->source : change->name, err);
    }
    if (status == PBASE_OK && names_two(change->operation)) {
        status = append_sized(out, change->source, err);
    }
    return status == PBASE_OK && change->operation == CATALOG_COPY
               ? pbase_buffer_append_u8(out, change->kind, err)
               : status;
}

static bool read_name(pbase_reader_bytes *reader, pbase_bytes *out)
{
    return pbase_read_sized(reader, out) && out->size > 0 && out->size <= PBASE_NAME_BYTES_MAX;
}

/* What follows the operation and the database. */
static bool read_names(pbase_reader_bytes *reader, catalog_change *change)
{
    switch (change->operation) {
    case CATALOG_CREATE:
        return read_name(reader, &change->name);
    case CATALOG_DROP:
        return read_name(reader, &change->source);
    case CATALOG_RENAME:
        return read_name(reader, &change->name) && read_name(reader, &change->source);
    case CATALOG_COPY:
        return read_name(reader, &change->name) && read_name(reader, &change->source) &&
               pbase_read_u8(reader, &change->kind) &&
               (change->kind == DATABASE_SNAPSHOT || change->kind == DATABASE_BRANCH);
    default:
        return false;
    }
}

pbase_status catalog_change_read(pbase_reader_bytes *reader, catalog_change *out, pbase_error *err)
{
    catalog_change change = {.operation = 0};
    if (!pbase_read_u8(reader, &change.operation) || !pbase_read_varint(reader, &change.database) ||
        !read_names(reader, &change)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a catalog record makes no sense");
    }
    *out = change;
    return PBASE_OK;
}

pbase_status checkpoint_body_write(const checkpoint_body *body, const retained_list *kept,
                                   pbase_buffer *out, pbase_error *err)
{
    uint8_t bytes[24];
    pbase_put_u64(bytes, body->root);
    pbase_put_u64(bytes + 8, body->replay);
    pbase_put_u64(bytes + 16, body->fence);
    pbase_status status = pbase_buffer_append(out, bytes, sizeof bytes, err);
    return status == PBASE_OK ? retained_list_write(kept, out, err) : status;
}

pbase_status checkpoint_body_read(pbase_reader_bytes *reader, checkpoint_body *out,
                                  retained_list *kept, pbase_error *err)
{
    if (!pbase_read_u64(reader, &out->root) || !pbase_read_u64(reader, &out->replay) ||
        !pbase_read_u64(reader, &out->fence)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a checkpoint record is cut");
    }
    return kept == NULL ? PBASE_OK : retained_list_read(reader, kept, err);
}
