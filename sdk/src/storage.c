/* storage.c - the checked calls of the storage contract.
 *
 * Each refuses impossible arguments, calls its slot with results of its own, and hands them over
 * only when they keep to the contract, so that `out` is untouched on every failure. The checks read
 * a few words; none walks the bytes. */
#include "contract.h"
#include <inttypes.h>
#include <protobase/base/limits.h>
#include <protobase/plugin/storage.h>

/* ------------------------------------------------------------------------------- the tables --- */

static pbase_status check_meta(const pbase_storage_meta_ops *meta, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_storage_meta_ops, get),
        CONTRACT_SLOT(pbase_storage_meta_ops, cas),
    };
    return contract_check_required(meta, "storage.meta", required, CONTRACT_COUNT(required), err);
}

static pbase_status check_journal(const pbase_storage_journal_ops *journal, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_storage_journal_ops, head),
        CONTRACT_SLOT(pbase_storage_journal_ops, append),
        CONTRACT_SLOT(pbase_storage_journal_ops, outcome),
        CONTRACT_SLOT(pbase_storage_journal_ops, sync),
        CONTRACT_SLOT(pbase_storage_journal_ops, scan_open),
        CONTRACT_SLOT(pbase_storage_journal_ops, scan_next),
        CONTRACT_SLOT(pbase_storage_journal_ops, scan_close),
        CONTRACT_SLOT(pbase_storage_journal_ops, wait),
        CONTRACT_SLOT(pbase_storage_journal_ops, trim),
        CONTRACT_SLOT(pbase_storage_journal_ops, tail),
    };
    return contract_check_required(journal, "storage.journal", required, CONTRACT_COUNT(required),
                                   err);
}

static pbase_status check_atoms(const pbase_storage_atom_ops *atoms, uint32_t capabilities,
                                pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_storage_atom_ops, write),
        CONTRACT_SLOT(pbase_storage_atom_ops, read),
    };
    static const contract_option options[] = {
        {PBASE_STORAGE_MAP, "MAP", CONTRACT_SLOT(pbase_storage_atom_ops, map)},
        {PBASE_STORAGE_PUNCH, "PUNCH", CONTRACT_SLOT(pbase_storage_atom_ops, punch)},
        {PBASE_STORAGE_RESERVE, "RESERVE", CONTRACT_SLOT(pbase_storage_atom_ops, reserve)},
    };
    pbase_status status =
        contract_check_required(atoms, "storage.atoms", required, CONTRACT_COUNT(required), err);
    if (status == PBASE_OK) {
        status = contract_check_options(atoms, "storage.atoms", capabilities, options,
                                        CONTRACT_COUNT(options), err);
    }
    return status;
}

static pbase_status check_segments(const pbase_storage_segment_ops *segments, uint32_t capabilities,
                                   pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_storage_segment_ops, list),
        CONTRACT_SLOT(pbase_storage_segment_ops, retire),
    };
    static const contract_option options[] = {
        {PBASE_STORAGE_PIN, "PIN", CONTRACT_SLOT(pbase_storage_segment_ops, pin)},
        {PBASE_STORAGE_PIN, "PIN", CONTRACT_SLOT(pbase_storage_segment_ops, unpin)},
        {PBASE_STORAGE_SEGMENT_IO, "SEGMENT_IO",
         CONTRACT_SLOT(pbase_storage_segment_ops, segment_read)},
        {PBASE_STORAGE_SEGMENT_IO, "SEGMENT_IO",
         CONTRACT_SLOT(pbase_storage_segment_ops, segment_put)},
    };
    pbase_status status = contract_check_required(segments, "storage.segments", required,
                                                  CONTRACT_COUNT(required), err);
    if (status == PBASE_OK) {
        status = contract_check_options(segments, "storage.segments", capabilities, options,
                                        CONTRACT_COUNT(options), err);
    }
    return status;
}

static pbase_status check_locks(const pbase_storage_lock_ops *locks, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_storage_lock_ops, acquire),
        CONTRACT_SLOT(pbase_storage_lock_ops, renew),
        CONTRACT_SLOT(pbase_storage_lock_ops, release),
    };
    return contract_check_required(locks, "storage.locks", required, CONTRACT_COUNT(required), err);
}

static pbase_status check_admin(const pbase_storage_admin_ops *admin, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_storage_admin_ops, stats),
        CONTRACT_SLOT(pbase_storage_admin_ops, verify),
        CONTRACT_SLOT(pbase_storage_admin_ops, close),
    };
    return contract_check_required(admin, "storage.admin", required, CONTRACT_COUNT(required), err);
}

static pbase_status check_durability_mask(uint32_t mask, pbase_error *err)
{
    const uint32_t known = (1u << (PBASE_DURABILITY_REMOTE + 1)) - 1;
    if (mask == 0 || (mask & ~known) != 0) {
        return PBASE_FAIL(err, PBASE_PLUGIN,
                          "the table storage offers the durability levels 0x%x; they must be some "
                          "of 0x%x",
                          (unsigned)mask, (unsigned)known);
    }
    return PBASE_OK;
}

pbase_status pbase_storage_check(const pbase_storage_vtable *vtable, pbase_error *err)
{
    static const contract_slot required[] = {
        CONTRACT_SLOT(pbase_storage_vtable, meta),  CONTRACT_SLOT(pbase_storage_vtable, journal),
        CONTRACT_SLOT(pbase_storage_vtable, atoms), CONTRACT_SLOT(pbase_storage_vtable, segments),
        CONTRACT_SLOT(pbase_storage_vtable, locks), CONTRACT_SLOT(pbase_storage_vtable, admin),
    };
    pbase_status status =
        contract_check_required(vtable, "storage", required, CONTRACT_COUNT(required), err);
    if (status == PBASE_OK) {
        status = check_durability_mask(vtable->durability_mask, err);
    }
    if (status == PBASE_OK) {
        status = check_meta(vtable->meta, err);
    }
    if (status == PBASE_OK) {
        status = check_journal(vtable->journal, err);
    }
    if (status == PBASE_OK) {
        status = check_atoms(vtable->atoms, vtable->capabilities, err);
    }
    if (status == PBASE_OK) {
        status = check_segments(vtable->segments, vtable->capabilities, err);
    }
    if (status == PBASE_OK) {
        status = check_locks(vtable->locks, err);
    }
    if (status == PBASE_OK) {
        status = check_admin(vtable->admin, err);
    }
    return status;
}

/* -------------------------------------------------------------------------- shared arguments --- */

static pbase_status check_durability(const pbase_storage *storage, int32_t durability,
                                     pbase_error *err)
{
    static const char *const names[] = {"none", "async", "sync", "remote"};
    if (durability < PBASE_DURABILITY_NONE || durability > PBASE_DURABILITY_REMOTE) {
        return PBASE_FAIL(err, PBASE_INVALID, "%d is no durability level", (int)durability);
    }
    if ((storage->vtable->durability_mask & 1u << durability) == 0) {
        return PBASE_FAIL(err, PBASE_UNSUPPORTED, "this storage does not offer durability '%s'",
                          names[durability]);
    }
    return PBASE_OK;
}

/* The first PBASE_ATOM_ALIGN bytes of a segment are the storage's own. */
static bool is_atom_place(pbase_atom_pointer pointer)
{
    uint64_t offset = pbase_atom_pointer_offset(pointer);
    return offset >= PBASE_ATOM_ALIGN && offset % PBASE_ATOM_ALIGN == 0;
}

static pbase_status check_pointer(pbase_atom_pointer pointer, pbase_error *err)
{
    if (!is_atom_place(pointer)) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "no atom can begin at log %u offset %" PRIu64
                          "; offsets are multiples of %u above 0",
                          (unsigned)pbase_atom_pointer_log(pointer),
                          pbase_atom_pointer_offset(pointer), PBASE_ATOM_ALIGN);
    }
    return PBASE_OK;
}

static pbase_status check_log_id(uint32_t log_id, pbase_error *err)
{
    if (log_id > PBASE_ATOM_LOG_MAX) {
        return PBASE_FAIL(err, PBASE_INVALID, "log id %u; the largest is %u", (unsigned)log_id,
                          PBASE_ATOM_LOG_MAX);
    }
    return PBASE_OK;
}

static pbase_status check_name(const char *name, const char *what, pbase_error *err)
{
    size_t size = name == NULL ? 0 : strlen(name);
    if (size == 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "the name of a %s is empty", what);
    }
    if (size > PBASE_NAME_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "the name of a %s has %zu bytes; the limit is %u", what,
                          size, PBASE_NAME_BYTES_MAX);
    }
    return PBASE_OK;
}

/* ------------------------------------------------------------------------------------- meta --- */

pbase_status pbase_storage_meta_get(pbase_storage *storage, const pbase_call *call,
                                    pbase_arena *arena, pbase_bytes *out, uint64_t *out_version,
                                    pbase_error *err)
{
    static const char slot[] = "storage.meta.get";
    pbase_bytes document = {NULL, 0};
    uint64_t version = 0;
    pbase_status status = contract_result(
        storage->vtable->meta->get(storage, call, arena, &document, &version, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (document.size > PBASE_META_BYTES_MAX) {
        return CONTRACT_BROKEN(err, slot, "the document is larger than PBASE_META_BYTES_MAX");
    }
    if (document.size != 0 && (document.data == NULL || version == 0)) {
        return CONTRACT_BROKEN(err, slot, "a document has bytes and a version above 0");
    }
    *out = document;
    *out_version = version;
    return PBASE_OK;
}

pbase_status pbase_storage_meta_cas(pbase_storage *storage, const pbase_call *call,
                                    uint64_t expected, pbase_bytes document, pbase_error *err)
{
    if (document.size > PBASE_META_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "a meta document of %zu bytes; the limit is %u",
                          document.size, PBASE_META_BYTES_MAX);
    }
    return contract_result(storage->vtable->meta->cas(storage, call, expected, document, err),
                           "storage.meta.cas", err);
}

/* ---------------------------------------------------------------------------------- journal --- */

pbase_status pbase_storage_journal_head(pbase_storage *storage, const pbase_call *call,
                                        uint32_t consistency, pbase_journal_head *out,
                                        pbase_error *err)
{
    static const char slot[] = "storage.journal.head";
    if (consistency > PBASE_HEAD_LATEST) {
        return PBASE_FAIL(err, PBASE_INVALID, "%u is no consistency of a head",
                          (unsigned)consistency);
    }
    pbase_journal_head head = {0, 0, 0, 0};
    pbase_status status = contract_result(
        storage->vtable->journal->head(storage, call, consistency, &head, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (head.first > head.head || head.synced > head.head || head.anchor > head.head) {
        return CONTRACT_BROKEN(err, slot, "first, synced and anchor are not beyond the head");
    }
    if (head.anchor != 0 && head.anchor < head.first) {
        return CONTRACT_BROKEN(err, slot, "the anchor is kept");
    }
    *out = head;
    return PBASE_OK;
}

static pbase_status check_records(const pbase_bytes *records, size_t count, pbase_error *err)
{
    if (count == 0 || records == NULL) {
        return PBASE_FAIL(err, PBASE_INVALID, "an append without records");
    }
    for (size_t i = 0; i < count; i++) {
        if (records[i].size > PBASE_RECORD_BYTES_MAX) {
            return PBASE_FAIL(err, PBASE_LIMIT, "record %zu has %zu bytes; the limit is %u", i,
                              records[i].size, PBASE_RECORD_BYTES_MAX);
        }
        if (records[i].data == NULL && records[i].size != 0) {
            return PBASE_FAIL(err, PBASE_INVALID, "record %zu has a size but no bytes", i);
        }
    }
    return PBASE_OK;
}

pbase_status pbase_storage_append(pbase_storage *storage, const pbase_call *call,
                                  const pbase_journal_append *append, pbase_journal_appended *out,
                                  pbase_error *err)
{
    static const char slot[] = "storage.journal.append";
    pbase_status status = check_durability(storage, append->durability, err);
    if (status == PBASE_OK) {
        status = check_records(append->records, append->record_count, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_journal_appended appended = {0, 0};
    status = contract_result(
        storage->vtable->journal->append(storage, call, append, &appended, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (appended.first >= appended.end) {
        return CONTRACT_BROKEN(err, slot, "the first record lies before the new head");
    }
    if (append->expected != PBASE_POSITION_ANY && appended.first < append->expected) {
        return CONTRACT_BROKEN(err, slot, "nothing is appended before the expected head");
    }
    *out = appended;
    return PBASE_OK;
}

pbase_status pbase_storage_outcome(pbase_storage *storage, const pbase_call *call,
                                   pbase_token token, int32_t *out_outcome,
                                   pbase_position *out_position, pbase_error *err)
{
    static const char slot[] = "storage.journal.outcome";
    int32_t outcome = -1;
    pbase_position position = 0;
    pbase_status status = contract_result(
        storage->vtable->journal->outcome(storage, call, token, &outcome, &position, err), slot,
        err);
    if (status != PBASE_OK) {
        return status;
    }
    if (outcome < PBASE_OUTCOME_ABSENT || outcome > PBASE_OUTCOME_EXPIRED) {
        return CONTRACT_BROKEN(err, slot, "the outcome is absent, found or expired");
    }
    *out_outcome = outcome;
    if (outcome == PBASE_OUTCOME_FOUND) {
        *out_position = position;
    }
    return PBASE_OK;
}

pbase_status pbase_storage_sync(pbase_storage *storage, const pbase_call *call, pbase_position upto,
                                int32_t durability, pbase_error *err)
{
    pbase_status status = check_durability(storage, durability, err);
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(storage->vtable->journal->sync(storage, call, upto, durability, err),
                           "storage.journal.sync", err);
}

pbase_status pbase_storage_scan_open(pbase_storage *storage, const pbase_call *call,
                                     pbase_position from, pbase_journal_scan **out,
                                     pbase_error *err)
{
    static const char slot[] = "storage.journal.scan_open";
    pbase_journal_scan *scan = NULL;
    pbase_status status = contract_result(
        storage->vtable->journal->scan_open(storage, call, from, &scan, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (scan == NULL) {
        return CONTRACT_BROKEN(err, slot, "an opened scan is not NULL");
    }
    *out = scan;
    return PBASE_OK;
}

pbase_status pbase_storage_scan_next(pbase_storage *storage, const pbase_call *call,
                                     pbase_journal_scan *scan, pbase_journal_record *out,
                                     pbase_error *err)
{
    static const char slot[] = "storage.journal.scan_next";
    pbase_journal_record record;
    memset(&record, 0, sizeof record);
    pbase_status status = contract_result_or_end(
        storage->vtable->journal->scan_next(storage, call, scan, &record, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (record.position >= record.next) {
        return CONTRACT_BROKEN(err, slot, "a record lies before the next one");
    }
    if (record.index >= record.count) {
        return CONTRACT_BROKEN(err, slot, "the index of a record is below the count of its append");
    }
    if (record.bytes.size > PBASE_RECORD_BYTES_MAX ||
        (record.bytes.size != 0 && record.bytes.data == NULL)) {
        return CONTRACT_BROKEN(err, slot, "a record has bytes, at most PBASE_RECORD_BYTES_MAX");
    }
    *out = record;
    return PBASE_OK;
}

void pbase_storage_scan_close(pbase_storage *storage, pbase_journal_scan *scan)
{
    if (scan != NULL) {
        storage->vtable->journal->scan_close(storage, scan);
    }
}

pbase_status pbase_storage_wait(pbase_storage *storage, const pbase_call *call, pbase_position seen,
                                pbase_error *err)
{
    return contract_result(storage->vtable->journal->wait(storage, call, seen, err),
                           "storage.journal.wait", err);
}

pbase_status pbase_storage_trim(pbase_storage *storage, const pbase_call *call, pbase_position upto,
                                pbase_position anchor, pbase_error *err)
{
    if (upto > anchor) {
        return PBASE_FAIL(err, PBASE_INVALID,
                          "a trim up to %" PRIu64 " would drop the anchor at %" PRIu64, upto,
                          anchor);
    }
    return contract_result(storage->vtable->journal->trim(storage, call, upto, anchor, err),
                           "storage.journal.trim", err);
}

const uint64_t *pbase_storage_journal_pulse(pbase_storage *storage)
{
    const pbase_storage_journal_ops *journal = storage->vtable->journal;
    return contract_has(journal, offsetof(pbase_storage_journal_ops, pulse))
               ? journal->pulse(storage)
               : NULL;
}

pbase_status pbase_storage_tail(pbase_storage *storage, pbase_journal_tail *out, pbase_error *err)
{
    pbase_journal_tail tail = {0, 0};
    pbase_status status = contract_result(storage->vtable->journal->tail(storage, &tail, err),
                                          "storage.journal.tail", err);
    if (status == PBASE_OK) {
        *out = tail;
    }
    return status;
}

/* ------------------------------------------------------------------------------------ atoms --- */

static pbase_status check_atom_sizes(const pbase_bytes *atoms, size_t count, pbase_error *err)
{
    if (count == 0) {
        return PBASE_FAIL(err, PBASE_INVALID, "a write without atoms");
    }
    for (size_t i = 0; i < count; i++) {
        if (atoms[i].size == 0 || atoms[i].data == NULL) {
            return PBASE_FAIL(err, PBASE_INVALID, "atom %zu is empty", i);
        }
        if (atoms[i].size > PBASE_ATOM_BYTES_MAX) {
            return PBASE_FAIL(err, PBASE_LIMIT, "atom %zu has %zu bytes; the limit is %u", i,
                              atoms[i].size, PBASE_ATOM_BYTES_MAX);
        }
    }
    return PBASE_OK;
}

pbase_status pbase_storage_atoms_write(pbase_storage *storage, const pbase_call *call,
                                       const pbase_bytes *atoms, size_t count, uint32_t mode,
                                       pbase_atom_pointer *out, pbase_error *err)
{
    static const char slot[] = "storage.atoms.write";
    pbase_status status = check_atom_sizes(atoms, count, err);
    if (status == PBASE_OK && mode > PBASE_ATOMS_STREAMED) {
        status = PBASE_FAIL(err, PBASE_INVALID, "%u is no mode of writing atoms", (unsigned)mode);
    }
    if (status != PBASE_OK) {
        return status;
    }
    status = contract_result(
        storage->vtable->atoms->write(storage, call, atoms, count, mode, out, err), slot, err);
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        if (!is_atom_place(out[i])) {
            status = CONTRACT_BROKEN(err, slot,
                                     "atoms begin at multiples of PBASE_ATOM_ALIGN "
                                     "behind the segment's header");
        }
    }
    return status;
}

pbase_status pbase_storage_atoms_read(pbase_storage *storage, const pbase_call *call,
                                      pbase_atom_pointer pointer, void *out, size_t size,
                                      size_t *out_read, pbase_error *err)
{
    static const char slot[] = "storage.atoms.read";
    pbase_status status = check_pointer(pointer, err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t read = 0;
    status = contract_result(
        storage->vtable->atoms->read(storage, call, pointer, out, size, &read, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (read > size) {
        return CONTRACT_BROKEN(err, slot, "no more is read than was asked for");
    }
    *out_read = read;
    return PBASE_OK;
}

pbase_status pbase_storage_atoms_map(pbase_storage *storage, uint32_t log_id, pbase_atom_map *out,
                                     pbase_error *err)
{
    static const char slot[] = "storage.atoms.map";
    if (!contract_has(storage->vtable->atoms, offsetof(pbase_storage_atom_ops, map))) {
        return CONTRACT_ABSENT(err, slot);
    }
    pbase_status status = check_log_id(log_id, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_atom_map map = {NULL, 0};
    status = contract_result(storage->vtable->atoms->map(storage, log_id, &map, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (map.data != NULL && (uintptr_t)map.data % PBASE_ATOM_UNIT != 0) {
        return CONTRACT_BROKEN(err, slot, "a mapped segment is aligned to PBASE_ATOM_UNIT");
    }
    if (map.data == NULL && map.size_bytes != 0) {
        return CONTRACT_BROKEN(err, slot, "a map without bytes has size 0");
    }
    *out = map;
    return PBASE_OK;
}

pbase_status pbase_storage_atoms_punch(pbase_storage *storage, const pbase_call *call,
                                       pbase_atom_pointer pointer, uint64_t size, pbase_error *err)
{
    static const char slot[] = "storage.atoms.punch";
    if (!contract_has(storage->vtable->atoms, offsetof(pbase_storage_atom_ops, punch))) {
        return CONTRACT_ABSENT(err, slot);
    }
    pbase_status status = check_pointer(pointer, err);
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(storage->vtable->atoms->punch(storage, call, pointer, size, err), slot,
                           err);
}

pbase_status pbase_storage_atoms_reserve(pbase_storage *storage, const pbase_call *call,
                                         uint32_t *out_log_id, pbase_error *err)
{
    static const char slot[] = "storage.atoms.reserve";
    if (!contract_has(storage->vtable->atoms, offsetof(pbase_storage_atom_ops, reserve))) {
        return CONTRACT_ABSENT(err, slot);
    }
    uint32_t log_id = UINT32_MAX;
    pbase_status status =
        contract_result(storage->vtable->atoms->reserve(storage, call, &log_id, err), slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (log_id > PBASE_ATOM_LOG_MAX) {
        return CONTRACT_BROKEN(err, slot, "a log id is at most PBASE_ATOM_LOG_MAX");
    }
    *out_log_id = log_id;
    return PBASE_OK;
}

/* --------------------------------------------------------------------------------- segments --- */

typedef struct {
    pbase_status (*each)(void *state, const pbase_segment_info *segment, pbase_error *err);
    void *state;
} segment_visitor;

static pbase_status visit_segment(void *state, const pbase_segment_info *segment, pbase_error *err)
{
    const segment_visitor *visitor = (const segment_visitor *)state;
    if (segment->log_id > PBASE_ATOM_LOG_MAX || segment->sealed > 3) {
        return CONTRACT_BROKEN(err, "storage.segments.list",
                               "log ids are at most PBASE_ATOM_LOG_MAX, sealed is two bits");
    }
    return visitor->each(visitor->state, segment, err);
}

pbase_status pbase_storage_segments_list(pbase_storage *storage, const pbase_call *call,
                                         pbase_status (*each)(void *state,
                                                              const pbase_segment_info *segment,
                                                              pbase_error *err),
                                         void *state, pbase_error *err)
{
    segment_visitor visitor = {each, state};
    /* What `each` answered comes back here: END is then no fault. */
    return contract_result_or_end(
        storage->vtable->segments->list(storage, call, visit_segment, &visitor, err),
        "storage.segments.list", err);
}

pbase_status pbase_storage_segment_retire(pbase_storage *storage, const pbase_call *call,
                                          uint32_t log_id, pbase_error *err)
{
    pbase_status status = check_log_id(log_id, err);
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(storage->vtable->segments->retire(storage, call, log_id, err),
                           "storage.segments.retire", err);
}

pbase_status pbase_storage_pin(pbase_storage *storage, const pbase_call *call, uint64_t sequence,
                               uint64_t lease_ms, pbase_error *err)
{
    static const char slot[] = "storage.segments.pin";
    if (!contract_has(storage->vtable->segments, offsetof(pbase_storage_segment_ops, pin))) {
        return CONTRACT_ABSENT(err, slot);
    }
    return contract_result(storage->vtable->segments->pin(storage, call, sequence, lease_ms, err),
                           slot, err);
}

pbase_status pbase_storage_unpin(pbase_storage *storage, const pbase_call *call, uint64_t sequence,
                                 pbase_error *err)
{
    static const char slot[] = "storage.segments.unpin";
    if (!contract_has(storage->vtable->segments, offsetof(pbase_storage_segment_ops, unpin))) {
        return CONTRACT_ABSENT(err, slot);
    }
    return contract_result(storage->vtable->segments->unpin(storage, call, sequence, err), slot,
                           err);
}

pbase_status pbase_storage_segment_read(pbase_storage *storage, const pbase_call *call,
                                        uint32_t log_id, uint64_t offset, void *out, size_t size,
                                        size_t *out_read, pbase_error *err)
{
    static const char slot[] = "storage.segments.segment_read";
    if (!contract_has(storage->vtable->segments,
                      offsetof(pbase_storage_segment_ops, segment_read))) {
        return CONTRACT_ABSENT(err, slot);
    }
    pbase_status status = check_log_id(log_id, err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t read = 0;
    status = contract_result(storage->vtable->segments->segment_read(storage, call, log_id, offset,
                                                                     out, size, &read, err),
                             slot, err);
    if (status != PBASE_OK) {
        return status;
    }
    if (read > size) {
        return CONTRACT_BROKEN(err, slot, "no more is read than was asked for");
    }
    *out_read = read;
    return PBASE_OK;
}

pbase_status pbase_storage_segment_put(pbase_storage *storage, const pbase_call *call,
                                       const pbase_segment_info *segment, pbase_bytes bytes,
                                       pbase_error *err)
{
    static const char slot[] = "storage.segments.segment_put";
    if (!contract_has(storage->vtable->segments,
                      offsetof(pbase_storage_segment_ops, segment_put))) {
        return CONTRACT_ABSENT(err, slot);
    }
    pbase_status status = check_log_id(segment->log_id, err);
    if (status == PBASE_OK && segment->size_bytes != bytes.size) {
        status =
            PBASE_FAIL(err, PBASE_INVALID, "a segment of %" PRIu64 " bytes is given with %zu bytes",
                       segment->size_bytes, bytes.size);
    }
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(
        storage->vtable->segments->segment_put(storage, call, segment, bytes, err), slot, err);
}

pbase_status pbase_storage_is_alone(pbase_storage *storage, const pbase_call *call, bool *out,
                                    pbase_error *err)
{
    bool is_shared = (storage->vtable->capabilities & PBASE_STORAGE_SHARED) != 0;
    *out = !is_shared;
    if (!is_shared ||
        !contract_has(storage->vtable->segments, offsetof(pbase_storage_segment_ops, is_alone))) {
        return PBASE_OK;
    }
    return contract_result(storage->vtable->segments->is_alone(storage, call, out, err),
                           "storage.segments.is_alone", err);
}

static bool has_needs(const pbase_storage *storage)
{
    return (storage->vtable->capabilities & PBASE_STORAGE_SHARED) != 0 &&
           contract_has(storage->vtable->segments, offsetof(pbase_storage_segment_ops, need)) &&
           contract_has(storage->vtable->segments,
                        offsetof(pbase_storage_segment_ops, others_need));
}

pbase_status pbase_storage_need(pbase_storage *storage, pbase_bytes needs, pbase_error *err)
{
    if (needs.size > PBASE_NEEDS_BYTES_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "needs of %zu bytes; at most %u", needs.size,
                          PBASE_NEEDS_BYTES_MAX);
    }
    return has_needs(storage)
               ? contract_result(storage->vtable->segments->need(storage, needs, err),
                                 "storage.segments.need", err)
               : PBASE_OK;
}

pbase_status pbase_storage_others_need(pbase_storage *storage, const pbase_call *call,
                                       pbase_status (*each)(void *state, pbase_bytes needs,
                                                            pbase_error *err),
                                       void *state, pbase_error *err)
{
    bool is_alone = false;
    if (has_needs(storage)) {
        return contract_result(
            storage->vtable->segments->others_need(storage, call, each, state, err),
            "storage.segments.others_need", err);
    }
    pbase_status status = pbase_storage_is_alone(storage, call, &is_alone, err);
    if (status == PBASE_OK && !is_alone) {
        status = PBASE_FAIL(err, PBASE_BUSY,
                            "another process has the space open, and the storage "
                            "does not tell what it needs");
    }
    return status;
}

/* ------------------------------------------------------------------------------------ locks --- */

pbase_status pbase_storage_lock_acquire(pbase_storage *storage, const pbase_call *call,
                                        const char *name, uint32_t mode, uint64_t lease_ms,
                                        uint64_t *out_fence, pbase_error *err)
{
    pbase_status status = check_name(name, "lock", err);
    if (status == PBASE_OK && mode > PBASE_LOCK_SHARED) {
        status = PBASE_FAIL(err, PBASE_INVALID, "%u is no mode of a lock", (unsigned)mode);
    }
    if (status != PBASE_OK) {
        return status;
    }
    uint64_t fence = 0;
    status = contract_result(
        storage->vtable->locks->acquire(storage, call, name, mode, lease_ms, &fence, err),
        "storage.locks.acquire", err);
    if (status == PBASE_OK) {
        *out_fence = fence;
    }
    return status;
}

pbase_status pbase_storage_lock_renew(pbase_storage *storage, const pbase_call *call,
                                      const char *name, uint64_t fence, uint64_t lease_ms,
                                      pbase_error *err)
{
    pbase_status status = check_name(name, "lock", err);
    if (status != PBASE_OK) {
        return status;
    }
    return contract_result(storage->vtable->locks->renew(storage, call, name, fence, lease_ms, err),
                           "storage.locks.renew", err);
}

void pbase_storage_lock_release(pbase_storage *storage, const char *name, uint64_t fence)
{
    storage->vtable->locks->release(storage, name, fence);
}

/* ------------------------------------------------------------------------------------ admin --- */

pbase_status pbase_storage_stats(pbase_storage *storage, const pbase_call *call,
                                 pbase_stat_each each, void *state, pbase_error *err)
{
    return contract_result_or_end(storage->vtable->admin->stats(storage, call, each, state, err),
                                  "storage.admin.stats", err);
}

pbase_status pbase_storage_verify(pbase_storage *storage, const pbase_call *call,
                                  pbase_verify_each each, void *state, pbase_error *err)
{
    return contract_result_or_end(storage->vtable->admin->verify(storage, call, each, state, err),
                                  "storage.admin.verify", err);
}

pbase_status pbase_storage_control(pbase_storage *storage, const pbase_call *call, const char *verb,
                                   pbase_bytes value, pbase_buffer *out, pbase_error *err)
{
    static const char slot[] = "storage.admin.control";
    if (!contract_has(storage->vtable->admin, offsetof(pbase_storage_admin_ops, control))) {
        return CONTRACT_ABSENT(err, slot);
    }
    pbase_status status = check_name(verb, "verb", err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t size_before = out->size;
    status = contract_result(storage->vtable->admin->control(storage, call, verb, value, out, err),
                             slot, err);
    if (status != PBASE_OK && out->size > size_before) {
        out->size = size_before;
    }
    return status;
}

void pbase_storage_close(pbase_storage *storage)
{
    if (storage != NULL) {
        storage->vtable->admin->close(storage);
    }
}
