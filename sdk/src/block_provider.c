/* block_provider.c - the checked calls of the block provider contract.
 *
 * As in storage.c: impossible arguments are refused before a slot is called, impossible results
 * after it, and `out` is untouched on every failure. */
#include "contract.h"
#include <inttypes.h>
#include <protobase/base/limits.h>
#include <protobase/plugin/block_provider.h>

/* -------------------------------------------------------------------------------- the table --- */

static pbase_status check_segment_ops(const pbase_blocks_segment_ops *segment, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_blocks_segment_ops, geometry),
        CONTRACT_SLOT(pbase_blocks_segment_ops, open),
        CONTRACT_SLOT(pbase_blocks_segment_ops, preallocate),
        CONTRACT_SLOT(pbase_blocks_segment_ops, write),
        CONTRACT_SLOT(pbase_blocks_segment_ops, sync),
        CONTRACT_SLOT(pbase_blocks_segment_ops, read),
        CONTRACT_SLOT(pbase_blocks_segment_ops, size),
        CONTRACT_SLOT(pbase_blocks_segment_ops, seal),
        CONTRACT_SLOT(pbase_blocks_segment_ops, close),
    };
    return contract_check_required(segment, "block_provider.segment", required,
                                   CONTRACT_COUNT(required), err);
}

static pbase_status check_name_ops(const pbase_blocks_name_ops *name, uint32_t capabilities,
                                   pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_blocks_name_ops, remove),
        CONTRACT_SLOT(pbase_blocks_name_ops, rename),
        CONTRACT_SLOT(pbase_blocks_name_ops, list),
        CONTRACT_SLOT(pbase_blocks_name_ops, key_get),
        CONTRACT_SLOT(pbase_blocks_name_ops, key_cas),
        CONTRACT_SLOT(pbase_blocks_name_ops, close),
    };
    static const contract_option options[] = {
        {PBASE_BLOCKS_LOCK, "LOCK", CONTRACT_SLOT(pbase_blocks_name_ops, lock)},
        {PBASE_BLOCKS_MAP, "MAP", CONTRACT_SLOT(pbase_blocks_name_ops, map)},
        {PBASE_BLOCKS_MAP, "MAP", CONTRACT_SLOT(pbase_blocks_name_ops, unmap)},
        {PBASE_BLOCKS_PUNCH, "PUNCH", CONTRACT_SLOT(pbase_blocks_name_ops, punch)},
    };
    pbase_status status = contract_check_required(name, "block_provider.name", required,
                                                  CONTRACT_COUNT(required), err);
    if (status == PBASE_OK) {
        status = contract_check_options(name, "block_provider.name", capabilities, options,
                                        CONTRACT_COUNT(options), err);
    }
    return status;
}

static pbase_status check_share_ops(const pbase_blocks_share_ops *share, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_blocks_share_ops, attach),
        CONTRACT_SLOT(pbase_blocks_share_ops, leave),
        CONTRACT_SLOT(pbase_blocks_share_ops, acquire),
        CONTRACT_SLOT(pbase_blocks_share_ops, release),
        CONTRACT_SLOT(pbase_blocks_share_ops, board),
        CONTRACT_SLOT(pbase_blocks_share_ops, names_sync),
        CONTRACT_SLOT(pbase_blocks_share_ops, slot_take),
        CONTRACT_SLOT(pbase_blocks_share_ops, slots_each),
    };
    return contract_check_required(share, "block_provider.share", required,
                                   CONTRACT_COUNT(required), err);
}

pbase_status pbase_blocks_check(const pbase_blocks_vtable *vtable, pbase_error *err)
{
    static const contract_option options[] = {
        {PBASE_BLOCKS_SHARED, "SHARED", CONTRACT_SLOT(pbase_blocks_vtable, share)},
    };
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_blocks_vtable, segment),
        CONTRACT_SLOT(pbase_blocks_vtable, name),
    };
    pbase_status status =
        contract_check_required(vtable, "block_provider", required, CONTRACT_COUNT(required), err);
    if (status == PBASE_OK) {
        status = check_segment_ops(vtable->segment, err);
    }
    if (status == PBASE_OK) {
        status = check_name_ops(vtable->name, vtable->capabilities, err);
    }
    if (status == PBASE_OK) {
        status = contract_check_options(vtable, "block_provider", vtable->capabilities, options,
                                        CONTRACT_COUNT(options), err);
    }
    if (status == PBASE_OK && (vtable->capabilities & PBASE_BLOCKS_SHARED) != 0) {
        status = check_share_ops(vtable->share, err);
    }
    return status;
}

static pbase_status need(const pbase_blocks *blocks, uint32_t capability, const char *slot,
                         pbase_error *err)
{
    return (blocks->vtable->capabilities & capability) != 0 ? PBASE_OK : CONTRACT_ABSENT(err, slot);
}

/* -------------------------------------------------------------------------------- arguments --- */

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* The size of a well-formed part of a name, up to '/' or the end; 0 when it is not. */
static size_t part_size(const char *part)
{
    size_t size = 0;
    while (is_name_character(part[size])) {
        size++;
    }
    bool is_closed = part[size] == '\0' || part[size] == '/';
    bool is_dots = (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.');
    return is_closed && !is_dots ? size : 0;
}

static bool is_name(const char *name)
{
    for (;;) {
        size_t size = part_size(name);
        if (size == 0 || name[size] == '\0') {
            return size != 0;
        }
        name += size + 1;
    }
}

static pbase_status check_name(const char *name, pbase_error *err)
{
    size_t size = name == NULL ? 0 : strlen(name);
    if (size > PBASE_NAME_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a block name of %zu bytes; the limit is %u", size,
                          PBASE_NAME_BYTES_MAX);
    }
    if (size == 0 || !is_name(name)) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "'%s' is no block name: parts of [a-z0-9._-] between '/'",
                          name == NULL ? "" : name);
    }
    return PBASE_OK;
}

static pbase_status check_flags(uint32_t flags, uint32_t known, const char *slot, pbase_error *err)
{
    if ((flags & ~known) != 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "%s was given unknown flags 0x%x", slot,
                          (unsigned)(flags & ~known));
    }
    return PBASE_OK;
}

static pbase_status check_range(uint64_t offset, uint64_t size, pbase_error *err)
{
    if (size > UINT64_MAX - offset) {
        return PBASE_FAIL(err, PBASE_INVALID, "%" PRIu64 " bytes at offset %" PRIu64 " overflow",
                          size, offset);
    }
    return PBASE_OK;
}

static pbase_status check_document(pbase_bytes document, pbase_error *err)
{
    if (document.size > PBASE_KEY_DOCUMENT_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a key's document of %zu bytes; the limit is %u",
                          document.size, PBASE_KEY_DOCUMENT_BYTES_MAX);
    }
    return PBASE_OK;
}

/* --------------------------------------------------------------------------------- segments --- */

static bool is_power_of_two(uint32_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

pbase_status pbase_blocks_geometry_get(pbase_blocks *blocks, pbase_blocks_geometry *out,
                                       pbase_error *err)
{
    static const char slot[] = "block_provider.segment.geometry";
    pbase_blocks_geometry geometry;
    memset(&geometry, 0, sizeof geometry);
    geometry.struct_size = sizeof geometry;
    pbase_status status =
        contract_result(blocks->vtable->segment->geometry(blocks, &geometry, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (!is_power_of_two(geometry.atomic_bytes) || geometry.preferred_bytes == 0) {
        return CONTRACT_BROKEN(err, slot,
                               "atomic_bytes is a power of two, preferred_bytes above 0");
    }
    if (geometry.segment_bytes == 0 || geometry.segment_bytes > geometry.segment_bytes_max) {
        return CONTRACT_BROKEN(err, slot, "segment_bytes is above 0 and within its maximum");
    }
    *out = geometry;
    return PBASE_OK;
}

pbase_status pbase_blocks_open(pbase_blocks *blocks, const pbase_call *call, const char *name,
                               uint32_t flags, pbase_segment **out, pbase_error *err)
{
    static const char slot[] = "block_provider.segment.open";
    pbase_status status = check_name(name, err);
    if (status == PBASE_OK) {
        status = check_flags(flags, PBASE_SEGMENT_WRITE | PBASE_SEGMENT_CREATE, slot, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_segment *segment = NULL;
    status = contract_result(
        blocks->vtable->segment->open(blocks, call, name, flags, &segment, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (segment == NULL || segment->blocks == NULL) {
        return CONTRACT_BROKEN(err, slot, "an opened segment is not NULL and knows its provider");
    }
    *out = segment;
    return PBASE_OK;
}

pbase_status pbase_segment_preallocate(pbase_segment *segment, const pbase_call *call,
                                       uint64_t size, pbase_error *err)
{
    return contract_result(segment->blocks->vtable->segment->preallocate(segment, call, size, err),
                           "block_provider.segment.preallocate", err);
}

pbase_status pbase_segment_reserve(pbase_segment *segment, const pbase_call *call, uint64_t size,
                                   pbase_error *err)
{
    static const char slot[] = "block_provider.segment.reserve";
    const pbase_blocks_segment_ops *ops = segment->blocks->vtable->segment;
    if (!contract_has(ops, offsetof(pbase_blocks_segment_ops, reserve))) {
        return CONTRACT_ABSENT(err, slot);
    }
    return contract_result(ops->reserve(segment, call, size, err), slot, err);
}

pbase_status pbase_segment_write(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                                 pbase_bytes data, uint32_t flags, pbase_error *err)
{
    static const char slot[] = "block_provider.segment.write";
    pbase_status status = check_flags(flags, PBASE_WRITE_SYNC | PBASE_WRITE_PAST_CACHE, slot, err);
    if (status == PBASE_OK) {
        status = check_range(offset, data.size, err);
    }
    if (status == PBASE_OK && (flags & PBASE_WRITE_SYNC) != 0) {
        status = need(segment->blocks, PBASE_BLOCKS_APPEND_SYNC, slot, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(
        segment->blocks->vtable->segment->write(segment, call, offset, data, flags, err), slot,
        err);
}

pbase_status pbase_segment_sync(pbase_segment *segment, const pbase_call *call, pbase_error *err)
{
    return contract_result(segment->blocks->vtable->segment->sync(segment, call, err),
                           "block_provider.segment.sync", err);
}

pbase_status pbase_segment_read(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                                void *out, size_t size, size_t *out_read, pbase_error *err)
{
    static const char slot[] = "block_provider.segment.read";
    pbase_status status = check_range(offset, size, err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t read = 0;
    status = contract_result(
        segment->blocks->vtable->segment->read(segment, call, offset, out, size, &read, err), slot,
        err);
    if (status != PBASE_OK) {
        return status;
    }
    if (read > size) {
        return CONTRACT_BROKEN(err, slot, "no more is read than was asked for");
    }
    *out_read = read;
    return PBASE_OK;
}

pbase_status pbase_segment_size(pbase_segment *segment, uint64_t *out_bytes, pbase_error *err)
{
    uint64_t size = 0;
    pbase_status status =
        contract_result(segment->blocks->vtable->segment->size(segment, &size, err),
                        "block_provider.segment.size", err);
    if (status == PBASE_OK) {
        *out_bytes = size;
    }
    return status;
}

pbase_status pbase_segment_seal(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                                pbase_error *err)
{
    return contract_result(segment->blocks->vtable->segment->seal(segment, call, size_bytes, err),
                           "block_provider.segment.seal", err);
}

pbase_status pbase_segment_cut(pbase_segment *segment, const pbase_call *call, uint64_t size_bytes,
                               pbase_error *err)
{
    static const char slot[] = "block_provider.segment.cut";
    const pbase_blocks_segment_ops *ops = segment->blocks->vtable->segment;
    if (!contract_has(ops, offsetof(pbase_blocks_segment_ops, cut))) {
        return CONTRACT_ABSENT(err, slot);
    }
    return contract_result(ops->cut(segment, call, size_bytes, err), slot, err);
}

void pbase_segment_close(pbase_segment *segment)
{
    if (segment != NULL) {
        segment->blocks->vtable->segment->close(segment);
    }
}

/* ------------------------------------------------------------------------------------ names --- */

pbase_status pbase_blocks_remove(pbase_blocks *blocks, const pbase_call *call, const char *name,
                                 pbase_error *err)
{
    pbase_status status = check_name(name, err);
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(blocks->vtable->name->remove(blocks, call, name, err),
                           "block_provider.name.remove", err);
}

pbase_status pbase_blocks_rename(pbase_blocks *blocks, const pbase_call *call, const char *from,
                                 const char *to, pbase_error *err)
{
    pbase_status status = check_name(from, err);
    if (status == PBASE_OK) {
        status = check_name(to, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(blocks->vtable->name->rename(blocks, call, from, to, err),
                           "block_provider.name.rename", err);
}

typedef struct {
    const char *prefix;
    pbase_status (*each)(void *state, const pbase_block_info *info, pbase_error *err);
    void *state;
} name_visitor;

static pbase_status visit_name(void *state, const pbase_block_info *info, pbase_error *err)
{
    const name_visitor *visitor = (const name_visitor *)state;
    if (info->name == NULL || !is_name(info->name) || info->sealed > 1 ||
        strncmp(info->name, visitor->prefix, strlen(visitor->prefix)) != 0) {
        return CONTRACT_BROKEN(err, "block_provider.name.list",
                               "what is listed are block names that begin with the prefix");
    }
    return visitor->each(visitor->state, info, err);
}

pbase_status pbase_blocks_list(pbase_blocks *blocks, const pbase_call *call, const char *prefix,
                               pbase_status (*each)(void *state, const pbase_block_info *info,
                                                    pbase_error *err),
                               void *state, pbase_error *err)
{
    name_visitor visitor = {prefix, each, state};
    /* What `each` answered comes back here: END is then no fault. */
    return contract_result_or_end(
        blocks->vtable->name->list(blocks, call, prefix, visit_name, &visitor, err),
        "block_provider.name.list", err);
}

static pbase_status check_found(pbase_bytes document, uint64_t version, const char *slot,
                                pbase_error *err)
{
    if (document.size > PBASE_KEY_DOCUMENT_BYTES_MAX) {
        return CONTRACT_BROKEN(err, slot, "a document is within PBASE_KEY_DOCUMENT_BYTES_MAX");
    }
    if (document.size != 0 && (document.data == NULL || version == 0)) {
        return CONTRACT_BROKEN(err, slot, "a document has bytes and a version above 0");
    }
    return PBASE_OK;
}

static pbase_status check_finding(const pbase_key_finding *finding, const char *slot,
                                  pbase_error *err)
{
    return memchr(finding->text, '\0', sizeof finding->text) == NULL
               ? CONTRACT_BROKEN(err, slot, "a finding is a text that ends")
               : PBASE_OK;
}

pbase_status pbase_blocks_key_get(pbase_blocks *blocks, const pbase_call *call, const char *key,
                                  pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                                  pbase_error *err)
{
    static const char slot[] = "block_provider.name.key_get";
    pbase_status status = check_name(key, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_bytes document = {NULL, 0};
    uint64_t version = 0;
    status = contract_result(
        blocks->vtable->name->key_get(blocks, call, key, arena, &document, &version, err), slot,
        err);
    if (status == PBASE_OK) {
        status = check_found(document, version, slot, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    *out = document;
    *out_version = version;
    return PBASE_OK;
}

pbase_status pbase_blocks_key_verify(pbase_blocks *blocks, const pbase_call *call, const char *key,
                                     pbase_key_finding *out, pbase_error *err)
{
    static const char slot[] = "block_provider.name.key_verify";
    memset(out, 0, sizeof *out);
    pbase_status status = check_name(key, err);
    if (status != PBASE_OK ||
        !contract_has(blocks->vtable->name, offsetof(pbase_blocks_name_ops, key_verify))) {
        return status;
    }
    status =
        contract_result(blocks->vtable->name->key_verify(blocks, call, key, out, err), slot, err);
    return status == PBASE_OK ? check_finding(out, slot, err) : status;
}

pbase_status pbase_blocks_key_read(pbase_blocks *blocks, const pbase_call *call, const char *key,
                                   pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                                   pbase_key_finding *out_finding, pbase_error *err)
{
    static const char slot[] = "block_provider.name.key_read";
    const pbase_blocks_name_ops *ops = blocks->vtable->name;
    pbase_bytes document = {NULL, 0};
    uint64_t version = 0;
    if (!contract_has(ops, offsetof(pbase_blocks_name_ops, key_read))) {
        pbase_status found = pbase_blocks_key_verify(blocks, call, key, out_finding, err);
        return found == PBASE_OK
                   ? pbase_blocks_key_get(blocks, call, key, arena, out, out_version, err)
                   : found;
    }
    memset(out_finding, 0, sizeof *out_finding);
    pbase_status status = check_name(key, err);
    if (status == PBASE_OK) {
        status = contract_result(
            ops->key_read(blocks, call, key, arena, &document, &version, out_finding, err), slot,
            err);
    }
    if (status == PBASE_OK) {
        status = check_found(document, version, slot, err);
    }
    if (status == PBASE_OK) {
        status = check_finding(out_finding, slot, err);
    }
    if (status == PBASE_OK) {
        *out = document;
        *out_version = version;
    }
    return status;
}

pbase_status pbase_blocks_key_cas(pbase_blocks *blocks, const pbase_call *call, const char *key,
                                  uint64_t expected, pbase_bytes document, pbase_error *err)
{
    pbase_status status = check_name(key, err);
    if (status == PBASE_OK) {
        status = check_document(document, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(
        blocks->vtable->name->key_cas(blocks, call, key, expected, document, err),
        "block_provider.name.key_cas", err);
}

pbase_status pbase_blocks_lock(pbase_blocks *blocks, const pbase_call *call, pbase_error *err)
{
    static const char slot[] = "block_provider.name.lock";
    pbase_status status = need(blocks, PBASE_BLOCKS_LOCK, slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(blocks->vtable->name->lock(blocks, call, err), slot, err);
}

/* ------------------------------------------------------------------------------------ share --- */

pbase_status pbase_blocks_attach(pbase_blocks *blocks, const pbase_call *call, bool *out_alone,
                                 pbase_error *err)
{
    static const char slot[] = "block_provider.share.attach";
    bool alone = false;
    pbase_status status = need(blocks, PBASE_BLOCKS_SHARED, slot, err);
    if (status == PBASE_OK) {
        status =
            contract_result(blocks->vtable->share->attach(blocks, call, &alone, err), slot, err);
    }
    if (status == PBASE_OK) {
        *out_alone = alone;
    }
    return status;
}

bool pbase_blocks_leave(pbase_blocks *blocks)
{
    return (blocks->vtable->capabilities & PBASE_BLOCKS_SHARED) != 0 &&
           blocks->vtable->share->leave(blocks);
}

static pbase_status check_lock_name(const char *name, pbase_error *err)
{
    size_t size = name == NULL ? 0 : strlen(name);
    bool is_good = size > 0 && size <= PBASE_LOCK_NAME_BYTES;
    for (size_t i = 0; is_good && i < size; i++) {
        is_good = is_name_character(name[i]) && name[i] != '.' && name[i] != '_';
    }
    return is_good
               ? PBASE_OK
               : PBASE_FAIL(err, PBASE_INVALID, "the name of a lock has 1 to %u of a-z, 0-9 and -",
                            PBASE_LOCK_NAME_BYTES);
}

pbase_status pbase_blocks_acquire(pbase_blocks *blocks, const pbase_call *call, const char *name,
                                  bool shared, pbase_error *err)
{
    static const char slot[] = "block_provider.share.acquire";
    pbase_status status = need(blocks, PBASE_BLOCKS_SHARED, slot, err);
    if (status == PBASE_OK) {
        status = check_lock_name(name, err);
    }
    return status == PBASE_OK
               ? contract_result(blocks->vtable->share->acquire(blocks, call, name, shared, err),
                                 slot, err)
               : status;
}

void pbase_blocks_release(pbase_blocks *blocks, const char *name)
{
    if ((blocks->vtable->capabilities & PBASE_BLOCKS_SHARED) != 0) {
        blocks->vtable->share->release(blocks, name);
    }
}

static pbase_status check_memory(const char *what, const char *name, size_t size, pbase_error *err)
{
    pbase_status status = check_lock_name(name, err);
    return status == PBASE_OK && (size == 0 || size > PBASE_BOARD_BYTES_MAX)
               ? PBASE_FAIL(err, PBASE_LIMIT, "a %s of %zu bytes; it has 1 to %u", what, size,
                            PBASE_BOARD_BYTES_MAX)
               : status;
}

static bool is_word_aligned(const uint8_t *data)
{
    return data != NULL && (uintptr_t)data % sizeof(uint64_t) == 0;
}

pbase_status pbase_blocks_board(pbase_blocks *blocks, const pbase_call *call, const char *name,
                                size_t size, uint8_t **out, pbase_error *err)
{
    static const char slot[] = "block_provider.share.board";
    uint8_t *data = NULL;
    pbase_status status = need(blocks, PBASE_BLOCKS_SHARED, slot, err);
    if (status == PBASE_OK) {
        status = check_memory("board", name, size, err);
    }
    if (status == PBASE_OK) {
        status = contract_result(blocks->vtable->share->board(blocks, call, name, size, &data, err),
                                 slot, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (!is_word_aligned(data)) {
        return CONTRACT_BROKEN(err, slot, "a board is not NULL, and aligned");
    }
    *out = data;
    return PBASE_OK;
}

pbase_status pbase_blocks_slot_take(pbase_blocks *blocks, const pbase_call *call, const char *name,
                                    size_t size, uint8_t **out, pbase_error *err)
{
    static const char slot[] = "block_provider.share.slot_take";
    uint8_t *data = NULL;
    pbase_status status = need(blocks, PBASE_BLOCKS_SHARED, slot, err);
    if (status == PBASE_OK) {
        status = check_memory("slot", name, size, err);
    }
    if (status == PBASE_OK) {
        status = contract_result(
            blocks->vtable->share->slot_take(blocks, call, name, size, &data, err), slot, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    if (!is_word_aligned(data)) {
        return CONTRACT_BROKEN(err, slot, "a slot is not NULL, and aligned");
    }
    *out = data;
    return PBASE_OK;
}

pbase_status pbase_blocks_slots_each(pbase_blocks *blocks, const pbase_call *call, const char *name,
                                     size_t size,
                                     pbase_status (*each)(void *state, const uint8_t *slot,
                                                          pbase_error *err),
                                     void *state, pbase_error *err)
{
    static const char slot[] = "block_provider.share.slots_each";
    pbase_status status = need(blocks, PBASE_BLOCKS_SHARED, slot, err);
    if (status == PBASE_OK) {
        status = check_memory("slot", name, size, err);
    }
    return status == PBASE_OK ? contract_result(blocks->vtable->share->slots_each(
                                                    blocks, call, name, size, each, state, err),
                                                slot, err)
                              : status;
}

pbase_status pbase_blocks_names_sync(pbase_blocks *blocks, const pbase_call *call, pbase_error *err)
{
    static const char slot[] = "block_provider.share.names_sync";
    pbase_status status = need(blocks, PBASE_BLOCKS_SHARED, slot, err);
    return status == PBASE_OK
               ? contract_result(blocks->vtable->share->names_sync(blocks, call, err), slot, err)
               : status;
}

/* ------------------------------------------------------------------------------------- rest --- */

pbase_status pbase_segment_map(pbase_segment *segment, uint64_t size, const uint8_t **out,
                               pbase_error *err)
{
    static const char slot[] = "block_provider.name.map";
    pbase_status status = need(segment->blocks, PBASE_BLOCKS_MAP, slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (size == 0 || size > SIZE_MAX) {
        return PBASE_FAIL(err, PBASE_INVALID, "%" PRIu64 " bytes cannot be mapped", size);
    }
    const uint8_t *data = NULL;
    status =
        contract_result(segment->blocks->vtable->name->map(segment, size, &data, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (data == NULL) {
        return CONTRACT_BROKEN(err, slot, "a map is not NULL");
    }
    *out = data;
    return PBASE_OK;
}

void pbase_segment_unmap(pbase_segment *segment, const uint8_t *data, uint64_t size)
{
    if (data != NULL) {
        segment->blocks->vtable->name->unmap(segment, data, size);
    }
}

pbase_status pbase_segment_punch(pbase_segment *segment, const pbase_call *call, uint64_t offset,
                                 uint64_t size, pbase_error *err)
{
    static const char slot[] = "block_provider.name.punch";
    pbase_status status = need(segment->blocks, PBASE_BLOCKS_PUNCH, slot, err);
    if (status == PBASE_OK) {
        status = check_range(offset, size, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(segment->blocks->vtable->name->punch(segment, call, offset, size, err),
                           slot, err);
}

void pbase_blocks_close(pbase_blocks *blocks)
{
    if (blocks != NULL) {
        blocks->vtable->name->close(blocks);
    }
}
