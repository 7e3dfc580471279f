/* replay.c - scanning records and applying them.
 *
 * Records carry the sequences S+1, S+2, ... without a gap; anything else is damage. Nothing here
 * publishes: a failure leaves the state one began with. */
#include "txn/replay.h"

#include <inttypes.h>

/* ------------------------------------------------------------------------------------ scan ---- */

void record_scan_init(record_scan *scan, store *bytes, pbase_storage *storage)
{
    *scan = (record_scan){.bytes = bytes, .storage = storage};
    pbase_buffer_init(&scan->plain, store_atoms(bytes)->alloc);
}

pbase_status record_scan_open(record_scan *scan, const pbase_call *call, pbase_position from,
                              pbase_error *err)
{
    return pbase_storage_scan_open(scan->storage, call, from, &scan->scan, err);
}

void record_scan_close(record_scan *scan)
{
    pbase_storage_scan_close(scan->storage, scan->scan);
    scan->scan = NULL;
    pbase_buffer_fini(&scan->plain);
}

/* Unwraps a record and reads its head. */
static pbase_status unwrap(record_scan *scan, pbase_bytes wrapped, replay_record *out,
                           pbase_error *err)
{
    scan->plain.size = 0;
    pbase_status status = store_record_decode(scan->bytes, wrapped, &scan->plain, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(&scan->plain));
    status = record_head_read(&reader, &out->head, err);
    out->body = pbase_bytes_of(reader.at, pbase_reader_bytes_left(&reader));
    return status;
}

static pbase_status note_position(pbase_status status, pbase_position position, pbase_error *err)
{
    if (status != PBASE_OK) {
        pbase_error_note(err, "journal record at position %" PRIu64, position);
    }
    return status;
}

pbase_status record_scan_next(record_scan *scan, const pbase_call *call, replay_record *out,
                              pbase_error *err)
{
    pbase_journal_record found;
    pbase_status status = pbase_storage_scan_next(scan->storage, call, scan->scan, &found, err);
    if (status != PBASE_OK) {
        return status;
    }
    replay_record record = {.position = found.position,
                            .next = found.next,
                            .wrapped_bytes = found.bytes.size,
                            .wrapped = found.bytes,
                            .token = found.token,
                            .index = found.index,
                            .count = found.count};
    status = note_position(unwrap(scan, found.bytes, &record, err), found.position, err);
    if (status == PBASE_OK) {
        *out = record;
    }
    return status;
}

/* ------------------------------------------------------------------------------ checkpoint ---- */

static pbase_status checkpoint_read(record_scan *scan, const pbase_call *call,
                                    pbase_position position, replay_record *out,
                                    checkpoint_body *out_body, retained_list *kept,
                                    pbase_error *err)
{
    pbase_status status = record_scan_open(scan, call, position, err);
    if (status == PBASE_OK) {
        status = record_scan_next(scan, call, out, err);
    }
    if (status == PBASE_END) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "there is no record");
    }
    if (status == PBASE_OK && out->head.kind != RECORD_CHECKPOINT) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "the anchor does not lead to a checkpoint");
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(out->body);
    status = checkpoint_body_read(&reader, out_body, kept, err);
    if (status == PBASE_OK && out_body->replay > position) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "it claims to have settled what came after it");
    }
    return status;
}

pbase_status replay_checkpoint_read(store *bytes, pbase_storage *storage, const pbase_call *call,
                                    pbase_position position, record_head *out_head,
                                    checkpoint_body *out, retained_list *kept, pbase_error *err)
{
    record_scan scan;
    replay_record record;
    checkpoint_body body;
    record_scan_init(&scan, bytes, storage);
    pbase_status status = checkpoint_read(&scan, call, position, &record, &body, kept, err);
    record_scan_close(&scan);
    if (status != PBASE_OK) {
        pbase_error_note(err, "checkpoint at journal position %" PRIu64, position);
        return status;
    }
    *out_head = record.head;
    *out = body;
    return PBASE_OK;
}

pbase_status replay_checkpoint_state(store *bytes, state_list *states, const record_head *head,
                                     const checkpoint_body *body, space_state **out,
                                     pbase_error *err)
{
    atom_ref root = body->root == PBASE_ATOM_NONE ? ATOM_REF_NONE : atom_ref_of_pointer(body->root);
    space_state *state =
        space_state_create(states, store_atoms(bytes), root, head->sequence, head->timestamp_ns);
    if (state == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a state");
    }
    *out = state;
    return PBASE_OK;
}

/* ---------------------------------------------------------------------------------- replay ---- */

pbase_status replay_begin(replay *self, const pbase_host *host, space_state *base,
                          value_coder *coder, pbase_error *err)
{
    *self = (replay){.sequence = base->sequence, .timestamp_ns = base->timestamp_ns};
    pbase_status status = working_begin(host, base, coder, &self->trees, err);
    if (status == PBASE_OK) {
        self->base = space_state_ref(base);
    }
    return status;
}

pbase_status replay_apply(replay *self, const replay_record *record, pbase_error *err)
{
    const record_head *head = &record->head;
    if (head->kind == RECORD_CHECKPOINT) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_OK;
    if (head->sequence != self->sequence + 1) {
        status = PBASE_FAIL(err, PBASE_CORRUPT,
                            "it carries sequence %" PRIu64 " where %" PRIu64 " is due",
                            head->sequence, self->sequence + 1);
    } else {
        status = working_apply(self->trees, head, record->body, NULL, err);
        if (status == PBASE_CONFLICT) { /* commit never appends such a record */
            status = PBASE_CORRUPT;
            if (err != NULL) {
                err->code = status;
            }
        }
    }
    if (status != PBASE_OK) {
        return note_position(status, record->position, err);
    }
    self->sequence = head->sequence;
    self->timestamp_ns = head->timestamp_ns;
    self->records++;
    self->bytes += record->wrapped_bytes;
    return PBASE_OK;
}

pbase_status replay_finish(replay *self, space_state **out, pbase_error *err)
{
    pbase_status status = PBASE_OK;
    if (self->records == 0) {
        *out = space_state_ref(self->base);
    } else {
        status = working_finish(&self->trees, out, err);
    }
    replay_abandon(self);
    return status;
}

void replay_abandon(replay *self)
{
    working_abandon(&self->trees);
    space_state_unref(self->base);
    self->base = NULL;
}

/* --------------------------------------------------------------------------------- adopted ---- */

static pbase_status tell_adopted(uint64_t database, const delta_group *group, adopted_each each,
                                 void *state, pbase_error *err)
{
    adopted_content content;
    if (group->form != GROUP_ADOPT) {
        return PBASE_OK;
    }
    pbase_status status = adopted_content_read(group->operations, &content, err);
    return status != PBASE_OK || content.root == PBASE_ATOM_NONE
               ? status
               : each(state, database, group, &content, err);
}

pbase_status record_adopted_each(const replay_record *record, adopted_each each, void *state,
                                 pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(record->body);
    uint64_t database = 0, count = 0;
    if (record->head.kind != RECORD_DELTA) {
        return PBASE_OK;
    }
    if (!pbase_read_varint(&reader, &database) || !pbase_read_varint(&reader, &count)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut");
    }
    pbase_status status = PBASE_OK;
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        delta_group group;
        status = delta_group_read(&reader, &group, err);
        if (status == PBASE_OK) {
            status = tell_adopted(database, &group, each, state, err);
        }
    }
    return status;
}
