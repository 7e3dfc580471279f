/* codec.c - the checked calls of the codec contract.
 *
 * A failed call leaves the buffer as it was. What is encoded is checked always: this is the door
 * through which every stored value passes once. What is decoded is walked only in builds with
 * PBASE_SLOW_CHECKS; otherwise a look at the kind of the topmost value must do, for decoding is on
 * every path that reads. */
#include "contract.h"
#include <protobase/plugin/codec.h>

pbase_decode_limits pbase_decode_limits_default(void)
{
    pbase_decode_limits limits = {
        .struct_size = sizeof(pbase_decode_limits),
        .depth_max = PBASE_DEPTH_MAX,
        .nodes_max = PBASE_VALUE_BYTES_MAX, /* a value takes at least one encoded byte */
        .bytes_max = (uint64_t)PBASE_VALUE_BYTES_MAX * sizeof(pbase_field),
    };
    return limits;
}

/* ------------------------------------------------------------------------------- serializer --- */

pbase_status pbase_serializer_check(const pbase_serializer_vtable *vtable, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_serializer_vtable, encode),
        CONTRACT_SLOT(pbase_serializer_vtable, decode),
        CONTRACT_SLOT(pbase_serializer_vtable, close),
    };
    return contract_check_required(vtable, "serializer", required, CONTRACT_COUNT(required), err);
}

/* The buffer after a slot appended to it: cut back on failure, never cut by the slot. */
static pbase_status appended(pbase_status status, size_t size_before, pbase_buffer *out,
                             const char *slot, pbase_error *err)
{
    status = contract_result(status, slot, err);
    if (out->size < size_before) {
        return CONTRACT_BROKEN(err, slot, "what the buffer held before stays");
    }
    if (status != PBASE_OK) {
        out->size = size_before;
    }
    return status;
}

pbase_status pbase_serializer_encode(pbase_serializer *serializer, const pbase_value *value,
                                     pbase_buffer *out, pbase_error *err)
{
    size_t size_before = out->size;
    pbase_status status = pbase_value_check(value, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = appended(serializer->vtable->encode(serializer, value, out, err), size_before, out,
                      "serializer.encode", err);
    if (status == PBASE_OK && out->size - size_before > PBASE_VALUE_BYTES_MAX) {
        status = PBASE_FAIL(err, PBASE_LIMIT, "the encoded value has %zu bytes; the limit is %u",
                            out->size - size_before, PBASE_VALUE_BYTES_MAX);
        pbase_error_hint(err, "store it as a blob: pbase_blob_create");
        out->size = size_before;
    }
    return status;
}

static pbase_status check_decoded(const pbase_value *value, const char *slot, pbase_error *err)
{
    if (value->kind > PBASE_CHILD) {
        return CONTRACT_BROKEN(err, slot, "the value is of a known kind");
    }
#ifdef PBASE_SLOW_CHECKS
    pbase_error why;
    pbase_status status = pbase_value_check(value, &why);
    if (status != PBASE_OK && status != PBASE_NO_MEMORY) { /* memory is no fault of the decoder */
        return CONTRACT_BROKEN(err, slot, why.message);
    }
#endif
    return PBASE_OK;
}

pbase_status pbase_serializer_decode(pbase_serializer *serializer, pbase_bytes bytes,
                                     const pbase_decode_limits *limits, pbase_arena *arena,
                                     pbase_value *out, pbase_error *err)
{
    static const char slot[] = "serializer.decode";
    const pbase_decode_limits defaults = pbase_decode_limits_default();
    pbase_value value = pbase_value_null();
    pbase_status status = contract_result(
        serializer->vtable->decode(serializer, bytes, limits != NULL ? limits : &defaults, arena,
                                   &value, err),
        slot, err);
    if (status == PBASE_OK) {
        status = check_decoded(&value, slot, err);
    }
    if (status == PBASE_OK) {
        *out = value;
    }
    return status;
}

/* One step down; NULL when there is nothing. */
static const pbase_value *step_into(const pbase_value *value, const pbase_path_step *step)
{
    if (step->name.data != NULL) {
        return pbase_value_field(value, step->name);
    }
    if (value->kind != PBASE_LIST) {
        return NULL;
    }
    size_t count = value->as.list.count;
    if (step->index >= 0) {
        return (uint64_t)step->index < count ? &value->as.list.items[step->index] : NULL;
    }
    uint64_t from_end = 0u - (uint64_t)step->index;
    return from_end <= count ? &value->as.list.items[count - from_end] : NULL;
}

static pbase_value value_at(const pbase_value *value, const pbase_path *path)
{
    for (size_t i = 0; i < path->count && value != NULL; i++) {
        value = step_into(value, &path->steps[i]);
    }
    if (value != NULL) {
        return *value;
    }
    pbase_value missing = pbase_value_null();
    missing.kind = PBASE_VALUE_MISSING;
    return missing;
}

static pbase_status extract_by_decoding(pbase_serializer *serializer, pbase_bytes bytes,
                                        const pbase_path *paths, size_t count, pbase_arena *arena,
                                        pbase_value *out, pbase_error *err)
{
    pbase_value whole = pbase_value_null();
    pbase_status status = pbase_serializer_decode(serializer, bytes, NULL, arena, &whole, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        out[i] = value_at(&whole, &paths[i]);
    }
    return status;
}

pbase_status pbase_serializer_extract(pbase_serializer *serializer, pbase_bytes bytes,
                                      const pbase_path *paths, size_t count, pbase_arena *arena,
                                      pbase_value *out, pbase_error *err)
{
    static const char slot[] = "serializer.extract";
    if (!contract_has(serializer->vtable, offsetof(pbase_serializer_vtable, extract))) {
        return extract_by_decoding(serializer, bytes, paths, count, arena, out, err);
    }
    pbase_status status = contract_result(
        serializer->vtable->extract(serializer, bytes, paths, count, arena, out, err), slot, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        if (out[i].kind != PBASE_VALUE_MISSING) {
            status = check_decoded(&out[i], slot, err);
        }
    }
    return status;
}

void pbase_serializer_close(pbase_serializer *serializer)
{
    if (serializer != NULL) {
        serializer->vtable->close(serializer);
    }
}

/* -------------------------------------------------------------------------------- transform --- */

pbase_status pbase_transform_check(const pbase_transform_vtable *vtable, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_transform_vtable, encode),
        CONTRACT_SLOT(pbase_transform_vtable, decode),
        CONTRACT_SLOT(pbase_transform_vtable, close),
    };
    pbase_status status =
        contract_check_required(vtable, "transform", required, CONTRACT_COUNT(required), err);
    if (status == PBASE_OK && vtable->stage != PBASE_TRANSFORM_COMPRESS &&
        vtable->stage != PBASE_TRANSFORM_ENCRYPT) {
        status = PBASE_FAIL(err, PBASE_PLUGIN, "the table transform has the unknown stage %u",
                            (unsigned)vtable->stage);
    }
    return status;
}

pbase_status pbase_transform_encode(pbase_transform *transform, pbase_bytes in, pbase_bytes context,
                                    pbase_buffer *out, pbase_error *err)
{
    size_t size_before = out->size;
    return appended(transform->vtable->encode(transform, in, context, out, err), size_before, out,
                    "transform.encode", err);
}

pbase_status pbase_transform_decode(pbase_transform *transform, pbase_bytes in, pbase_bytes context,
                                    size_t size_max, pbase_buffer *out, pbase_error *err)
{
    static const char slot[] = "transform.decode";
    size_t size_before = out->size;
    pbase_status status =
        appended(transform->vtable->decode(transform, in, context, size_max, out, err), size_before,
                 out, slot, err);
    if (status == PBASE_OK && out->size - size_before > size_max) {
        out->size = size_before;
        return CONTRACT_BROKEN(err, slot, "no more is appended than size_max");
    }
    return status;
}

void pbase_transform_close(pbase_transform *transform)
{
    if (transform != NULL) {
        transform->vtable->close(transform);
    }
}

/* ----------------------------------------------------------------------------------- tables --- */

pbase_status pbase_codec_tables_check(const pbase_codec_table_ops *ops, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_codec_table_ops, table_put),
        CONTRACT_SLOT(pbase_codec_table_ops, table_next),
    };
    return ops == NULL ? PBASE_OK
                       : contract_check_required(ops, "codec tables", required,
                                                 CONTRACT_COUNT(required), err);
}

pbase_status pbase_codec_table_put(const pbase_codec_table_ops *ops, void *codec, pbase_bytes id,
                                   pbase_bytes table, pbase_error *err)
{
    if (ops == NULL) {
        pbase_status status =
            PBASE_FAIL(err, PBASE_PLUGIN, "the data needs a newer version of the codec");
        pbase_error_hint(err, "this one knows nothing of the tables that it left in the space");
        return status;
    }
    return ops->table_put(codec, id, table, err);
}

pbase_status pbase_codec_table_next(const pbase_codec_table_ops *ops, void *codec,
                                    pbase_arena *arena, pbase_bytes *out_id, pbase_bytes *out_table,
                                    pbase_error *err)
{
    static const char slot[] = "codec.table_next";
    pbase_bytes id = {NULL, 0}, table = {NULL, 0};
    if (ops == NULL) {
        return PBASE_END;
    }
    pbase_status status = ops->table_next(codec, arena, &id, &table, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (id.size == 0 || id.size > PBASE_TABLE_ID_BYTES_MAX || table.size == 0 ||
        table.size > PBASE_TABLE_BYTES_MAX) {
        return CONTRACT_BROKEN(err, slot,
                               "an id and a table have 1 byte or more, and their limits");
    }
    *out_id = id;
    *out_table = table;
    return PBASE_OK;
}
