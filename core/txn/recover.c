/* recover.c - coming back: the newest checkpoint, then every record after it, applied again.
 *
 * Replay uses the code of commit (working_apply), so it gives the same content. Records must carry
 * the sequences S+1, S+2, ... without a gap; anything else is damage and nothing is changed. */
#include "txn/engine_private.h"

#include <inttypes.h>

typedef struct {
    working *trees;
    uint64_t sequence;
    int64_t timestamp_ns;
    pbase_buffer plain; /* the record being read, unwrapped */
} replay_run;

static pbase_status note_position(pbase_error *err, pbase_position position, pbase_status status)
{
    if (status != PBASE_OK) {
        pbase_error_note(err, "journal record at position %" PRIu64, position);
    }
    return status;
}

/* Unwraps a record and reads its head; `out_body` lies in `plain`. */
static pbase_status unwrap(engine *self, pbase_bytes wrapped, pbase_buffer *plain,
                           record_head *out_head, pbase_bytes *out_body, pbase_error *err)
{
    plain->size = 0;
    pbase_status status = store_record_decode(self->bytes, wrapped, plain, err);
    if (status != PBASE_OK) {
        return status;
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(plain));
    status = record_head_read(&reader, out_head, err);
    *out_body = pbase_bytes_of(reader.at, pbase_reader_bytes_left(&reader));
    return status;
}

/* -------------------------------------------------------------------------- checkpoint ---- */

static pbase_status read_checkpoint(engine *self, pbase_bytes wrapped, record_head *out_head,
                                    checkpoint_body *out, pbase_error *err)
{
    pbase_buffer plain;
    pbase_bytes body;
    pbase_buffer_init(&plain, self->host->alloc);
    pbase_status status = unwrap(self, wrapped, &plain, out_head, &body, err);
    if (status == PBASE_OK && out_head->kind != RECORD_CHECKPOINT) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "the anchor does not lead to a checkpoint");
    }
    if (status == PBASE_OK) {
        pbase_reader_bytes reader = pbase_reader_bytes_of(body);
        status = checkpoint_body_read(&reader, out, err);
    }
    pbase_buffer_fini(&plain);
    return status;
}

static pbase_status load_checkpoint(engine *self, pbase_position anchor, record_head *out_head,
                                    checkpoint_body *out, pbase_error *err)
{
    pbase_journal_scan *scan = NULL;
    pbase_journal_record record;
    pbase_status status = pbase_storage_scan_open(self->storage, NULL, anchor, &scan, err);
    if (status == PBASE_OK) {
        status = pbase_storage_scan_next(self->storage, NULL, scan, &record, err);
    }
    if (status == PBASE_END) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "there is no record");
    }
    if (status == PBASE_OK) {
        status = read_checkpoint(self, record.bytes, out_head, out, err);
    }
    if (status == PBASE_OK && out->replay > anchor) {
        status = PBASE_FAIL(err, PBASE_CORRUPT, "it claims to have settled what came after it");
    }
    pbase_storage_scan_close(self->storage, scan);
    return note_position(err, anchor, status);
}

/* ------------------------------------------------------------------------------- replay ---- */

static pbase_status replay_record(engine *self, replay_run *run, pbase_bytes wrapped,
                                  pbase_error *err)
{
    record_head head;
    pbase_bytes body;
    pbase_status status = unwrap(self, wrapped, &run->plain, &head, &body, err);
    if (status != PBASE_OK || head.kind == RECORD_CHECKPOINT) {
        return status;
    }
    if (head.sequence != run->sequence + 1) {
        return PBASE_FAIL(err, PBASE_CORRUPT,
                          "it carries sequence %" PRIu64 " where %" PRIu64 " is due", head.sequence,
                          run->sequence + 1);
    }
    status = working_apply(run->trees, &head, body, NULL, err);
    if (status == PBASE_CONFLICT) { /* commit never appends such a record */
        status = PBASE_CORRUPT;
    }
    if (status == PBASE_OK) {
        run->sequence = head.sequence;
        run->timestamp_ns = head.timestamp_ns;
        self->recovery.replayed_records++;
        self->recovery.replayed_bytes += wrapped.size;
    }
    return status;
}

static pbase_status replay_all(engine *self, pbase_position from, pbase_position head,
                               replay_run *run, pbase_error *err)
{
    pbase_journal_scan *scan = NULL;
    if (from >= head) {
        return PBASE_OK; /* everything is settled */
    }
    pbase_status status = pbase_storage_scan_open(self->storage, NULL, from, &scan, err);
    while (status == PBASE_OK) {
        pbase_journal_record record;
        status = pbase_storage_scan_next(self->storage, NULL, scan, &record, err);
        if (status == PBASE_OK) {
            status =
                note_position(err, record.position, replay_record(self, run, record.bytes, err));
        }
    }
    pbase_storage_scan_close(self->storage, scan);
    return status == PBASE_END ? PBASE_OK : status;
}

/* Replays onto `base` (whose count it takes) and leaves the result as the newest state. */
static pbase_status replay_onto(engine *self, space_state *base, pbase_position from,
                                pbase_position head, pbase_error *err)
{
    replay_run run = {.sequence = base->sequence, .timestamp_ns = base->timestamp_ns};
    pbase_buffer_init(&run.plain, self->host->alloc);
    pbase_status status = working_begin(self->host, base, &run.trees, err);
    if (status == PBASE_OK) {
        status = replay_all(self, from, head, &run, err);
    }
    if (status == PBASE_OK && run.sequence == base->sequence) {
        self->newest = space_state_ref(base);
    } else if (status == PBASE_OK) {
        status = working_finish(&run.trees, &self->newest, err);
    }
    working_abandon(&run.trees);
    pbase_buffer_fini(&run.plain);
    space_state_unref(base);
    return status;
}

static void report_tail(engine *self)
{
    pbase_journal_tail tail = {0, 0};
    if (pbase_storage_tail(self->storage, &tail, NULL) != PBASE_OK) {
        return; /* a figure for people, nothing depends on it */
    }
    self->recovery.torn_bytes = tail.torn_bytes;
    if (tail.torn_bytes > 0) {
        pbase_log_write(self->host->log, PBASE_LOG_WARNING, "core/recovery",
                        "cut %" PRIu64 " bytes of an unfinished commit at journal position "
                        "%" PRIu64 ", after sequence %" PRIu64,
                        tail.torn_bytes, tail.torn_position, self->newest->sequence);
    }
}

pbase_status engine_recover(engine *self, pbase_error *err)
{
    pbase_journal_head journal;
    record_head head = {.sequence = 0};
    checkpoint_body body = {.root = PBASE_ATOM_NONE, .replay = 0};
    pbase_status status =
        pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &journal, err);
    if (status == PBASE_OK && journal.anchor != 0) {
        status = load_checkpoint(self, journal.anchor, &head, &body, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    atom_ref root = body.root == PBASE_ATOM_NONE ? ATOM_REF_NONE : atom_ref_of_pointer(body.root);
    space_state *base =
        space_state_create(store_atoms(self->bytes), root, head.sequence, head.timestamp_ns);
    if (base == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to recover");
    }
    self->settled_sequence = head.sequence;
    pbase_position from = journal.anchor == 0 ? journal.first : body.replay;
    status = replay_onto(self, base, from, journal.head, err);
    if (status != PBASE_OK) {
        return status;
    }
    self->head = journal.head;
    self->bytes_since_checkpoint = self->recovery.replayed_bytes;
    self->recovery.sequence = self->newest->sequence;
    report_tail(self);
    return PBASE_OK;
}
