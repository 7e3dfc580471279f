/* recover.c - coming back: the newest checkpoint, then every record after it, applied again.
 *
 * What is damaged is reported with its position, and nothing is changed. */
#include "txn/engine_private.h"
#include "txn/replay.h"

#include <inttypes.h>

static pbase_status replay_until(engine *self, replay *run, pbase_position from,
                                 pbase_position upto, pbase_position *out_end, pbase_error *err)
{
    record_scan scan;
    *out_end = from;
    if (from >= upto) {
        return PBASE_OK; /* everything is settled */
    }
    record_scan_init(&scan, self->bytes, self->storage);
    pbase_status status = record_scan_open(&scan, NULL, from, err);
    while (status == PBASE_OK && *out_end < upto) {
        replay_record record;
        status = record_scan_next(&scan, NULL, &record, err);
        if (status == PBASE_OK) {
            status = replay_apply(run, &record, err);
            *out_end = record.next;
        }
    }
    record_scan_close(&scan);
    return status == PBASE_END ? PBASE_OK : status;
}

pbase_status engine_load_from(engine *self, const retained_list *kept, pbase_position upto,
                              engine_loaded *out, pbase_error *err)
{
    replay run;
    space_state *base = NULL;
    const retained_checkpoint *from = &kept->items[kept->count - 1];
    engine_loaded loaded = {.settled = from->sequence};
    pbase_status status = history_checkpoint_state(self, from, &base, err);
    if (status != PBASE_OK) {
        return status;
    }
    status = replay_begin(&run, self->host, base, &self->coder.base, err);
    if (status == PBASE_OK) {
        status = replay_until(self, &run, from->replay, upto, &loaded.position, err);
    }
    loaded.records = run.records;
    loaded.bytes = run.bytes;
    status = engine_needs_explain(self, status, from->replay, err);
    if (status == PBASE_OK) {
        status = replay_finish(&run, &loaded.state, err);
    }
    replay_abandon(&run);
    if (status == PBASE_OK) {
        status = engine_needs_adopted(self, base, loaded.state, from->replay, err);
        if (status != PBASE_OK) {
            space_state_unref(loaded.state);
        }
    }
    space_state_unref(base);
    if (status == PBASE_OK) {
        *out = loaded;
    }
    return status;
}

pbase_status engine_kept_add(retained_list *kept, const record_head *head,
                             const checkpoint_body *body, pbase_error *err)
{
    retained_checkpoint newest = {.sequence = head->sequence,
                                  .timestamp_ns = head->timestamp_ns,
                                  .root = body->root,
                                  .replay = body->replay};
    return retained_list_add(kept, &newest, err);
}

pbase_status engine_find_checkpoints(engine *self, const pbase_journal_head *journal,
                                     retained_list *kept, uint64_t *out_fence, pbase_error *err)
{
    record_head head = {.sequence = 0};
    checkpoint_body body = {.root = PBASE_ATOM_NONE, .replay = journal->first};
    pbase_status status = PBASE_OK;
    if (journal->anchor != 0) {
        status = replay_checkpoint_read(self->bytes, self->storage, NULL, journal->anchor, &head,
                                        &body, kept, err);
    }
    *out_fence = body.fence;
    return status == PBASE_OK ? engine_kept_add(kept, &head, &body, err) : status;
}

pbase_status engine_load(engine *self, retained_list *kept, engine_loaded *out, pbase_error *err)
{
    pbase_journal_head journal;
    engine_pin pin = {.is_set = false};
    uint64_t fence = 0;
    kept->count = 0;
    pbase_status status =
        pbase_storage_journal_head(self->storage, NULL, PBASE_HEAD_LATEST, &journal, err);
    if (status == PBASE_OK) {
        status = engine_find_checkpoints(self, &journal, kept, &fence, err);
    }
    if (status == PBASE_OK) {
        status =
            engine_needs_root(self, &pin, kept->items[kept->count - 1].root, journal.anchor, err);
    }
    if (status == PBASE_OK) {
        status = engine_load_from(self, kept, journal.head, out, err);
    }
    history_unpin(self, &pin); /* the state it led to needs the root itself */
    if (status == PBASE_OK) {
        out->fence = fence;
        out->anchor = journal.anchor;
    }
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

#define LOAD_TRIES 16u

pbase_status engine_recover(engine *self, pbase_error *err)
{
    engine_loaded loaded;
    pbase_error why;
    pbase_status status = PBASE_TRIMMED;
    for (unsigned i = 0; status == PBASE_TRIMMED && i < LOAD_TRIES; i++) {
        pbase_error_init(&why);
        status = engine_load(self, &self->history.kept, &loaded, &why);
    }
    if (status != PBASE_OK) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    self->newest = loaded.state;
    self->head = self->published = loaded.position;
    self->checkpoint_fence = loaded.fence;
    self->kept_anchor = loaded.anchor;
    self->settled_sequence = loaded.settled;
    engine_journal_grew(self, loaded.bytes);
    self->recovery.replayed_records = loaded.records;
    self->recovery.replayed_bytes = loaded.bytes;
    self->recovery.sequence = loaded.state->sequence;
    atomic_store(&self->applied, self->head);
    engine_needs_say(self);
    report_tail(self);
    return PBASE_OK;
}
