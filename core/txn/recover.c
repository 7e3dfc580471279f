/* recover.c - coming back: the newest checkpoint, then every record after it, applied again.
 *
 * What is damaged is reported with its position, and nothing is changed. */
#include "txn/engine_private.h"
#include "txn/replay.h"

#include <inttypes.h>

static pbase_status replay_all(engine *self, replay *run, pbase_position from, pbase_position head,
                               pbase_error *err)
{
    record_scan scan;
    if (from >= head) {
        return PBASE_OK; /* everything is settled */
    }
    record_scan_init(&scan, self->bytes, self->storage);
    pbase_status status = record_scan_open(&scan, NULL, from, err);
    while (status == PBASE_OK) {
        replay_record record;
        status = record_scan_next(&scan, NULL, &record, err);
        if (status == PBASE_OK) {
            status = replay_apply(run, &record, err);
        }
    }
    record_scan_close(&scan);
    return status == PBASE_END ? PBASE_OK : status;
}

/* Replays onto `base` and leaves the result as the newest state. */
static pbase_status replay_onto(engine *self, space_state *base, pbase_position from,
                                pbase_position head, pbase_error *err)
{
    replay run;
    pbase_status status = replay_begin(&run, self->host, base, &self->coder.base, err);
    if (status == PBASE_OK) {
        status = replay_all(self, &run, from, head, err);
    }
    self->recovery.replayed_records = run.records;
    self->recovery.replayed_bytes = run.bytes;
    if (status == PBASE_OK) {
        status = replay_finish(&run, &self->newest, err);
    }
    replay_abandon(&run);
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

/* The checkpoint at the anchor and those kept before it; a new space begins empty. */
static pbase_status find_checkpoints(engine *self, const pbase_journal_head *journal,
                                     retained_list *kept, pbase_error *err)
{
    record_head head = {.sequence = 0};
    checkpoint_body body = {.root = PBASE_ATOM_NONE, .replay = journal->first};
    pbase_status status = PBASE_OK;
    if (journal->anchor != 0) {
        status = replay_checkpoint_read(self->bytes, self->storage, NULL, journal->anchor, &head,
                                        &body, kept, err);
    }
    retained_checkpoint newest = {.sequence = head.sequence,
                                  .timestamp_ns = head.timestamp_ns,
                                  .root = body.root,
                                  .replay = body.replay};
    return status == PBASE_OK ? retained_list_add(kept, &newest, err) : status;
}

pbase_status engine_recover(engine *self, pbase_error *err)
{
    pbase_journal_head journal;
    space_state *base = NULL;
    retained_list *kept = &self->history.kept;
    pbase_status status =
        pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &journal, err);
    if (status == PBASE_OK) {
        status = find_checkpoints(self, &journal, kept, err);
    }
    if (status == PBASE_OK) {
        status = history_checkpoint_state(self, &kept->items[kept->count - 1], &base, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    self->settled_sequence = base->sequence;
    status = replay_onto(self, base, kept->items[kept->count - 1].replay, journal.head, err);
    space_state_unref(base);
    if (status != PBASE_OK) {
        return status;
    }
    self->head = self->published = journal.head;
    self->bytes_since_checkpoint = self->recovery.replayed_bytes;
    self->recovery.sequence = self->newest->sequence;
    report_tail(self);
    return PBASE_OK;
}
