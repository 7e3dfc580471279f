/* history.c - what the journal still tells of commits. */
#include "txn/history.h"
#include "collection/change.h"
#include "index/definition.h"
#include "space/space_private.h"
#include "txn/database_names.h"
#include "txn/replay.h"

#include <protobase/history.h>

pbase_status pbase_history_describe(pbase_space *space, pbase_history_range *out, pbase_error *err)
{
    history_range range;
    pbase_status status = space_refresh(space, err);
    if (status != PBASE_OK) {
        return status;
    }
    history_range_read(space->engine, &range);
    *out = (pbase_history_range){.struct_size = sizeof *out,
                                 .oldest_sequence = range.oldest,
                                 .newest_sequence = range.newest,
                                 .oldest_ns = range.oldest_ns,
                                 .newest_ns = range.newest_ns,
                                 .checkpoints = range.checkpoints,
                                 .journal_bytes = range.journal_bytes};
    return PBASE_OK;
}

typedef struct {
    pbase_space *space;
    const pbase_call *call;
    uint64_t from, to;
    pbase_commit_each each;
    void *state;
    database_names names;
    pbase_buffer origin; /* of the commit being told, NUL behind it */
} history_run;

/* ------------------------------------------------------------------------------ a commit ------ */

static bool is_index_change(const delta_group *group)
{
    return group->form == GROUP_CHANGE && group->id.sequence == INDEX_DEFINITIONS.sequence &&
           group->id.ordinal == INDEX_DEFINITIONS.ordinal;
}

/* Each entry of content that was written before the record counts as one, and so does a change of
 * the indexes. */
static pbase_status count_operations(const delta_group *group, uint64_t *count, pbase_error *err)
{
    if (is_index_change(group)) {
        ++*count;
        return PBASE_OK;
    }
    if (group->form == GROUP_ADOPT) {
        adopted_content content;
        pbase_status read = adopted_content_read(group->operations, &content, err);
        *count += read == PBASE_OK ? content.count : 0;
        return read;
    }
    pbase_reader_bytes reader = pbase_reader_bytes_of(group->operations);
    change operation;
    pbase_status status = change_read(&reader, &operation, err);
    while (status == PBASE_OK) {
        ++*count;
        status = change_read(&reader, &operation, err);
    }
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status describe_delta(history_run *run, pbase_bytes body, pbase_commit_info *out,
                                   pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(body);
    uint64_t database = 0, groups = 0;
    pbase_bytes name;
    if (!pbase_read_varint(&reader, &database) || !pbase_read_varint(&reader, &groups)) {
        return PBASE_FAIL(err, PBASE_CORRUPT, "a delta record is cut");
    }
    pbase_status status = database_names_find(&run->names, database, &name, err);
    for (uint64_t i = 0; i < groups && status == PBASE_OK; i++) {
        delta_group group;
        status = delta_group_read(&reader, &group, err);
        if (status == PBASE_OK) {
            status = count_operations(&group, &out->operations, err);
        }
    }
    if (status == PBASE_OK) {
        out->kind = PBASE_COMMIT_TRANSACTION;
        out->database = (const char *)name.data;
    }
    return status;
}

static uint32_t kind_of_change(const catalog_change *wanted)
{
    switch (wanted->operation) {
    case CATALOG_CREATE:
        return PBASE_COMMIT_CREATE;
    case CATALOG_DROP:
        return PBASE_COMMIT_DROP;
    case CATALOG_RENAME:
        return PBASE_COMMIT_RENAME;
    default:
        return wanted->kind == DATABASE_SNAPSHOT ? PBASE_COMMIT_SNAPSHOT : PBASE_COMMIT_BRANCH;
    }
}

static pbase_status describe_change(history_run *run, const replay_record *record,
                                    pbase_commit_info *out, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(record->body);
    catalog_change wanted;
    pbase_bytes name;
    uint64_t sequence = record->head.sequence;
    pbase_status status = catalog_change_read(&reader, &wanted, err);
    if (status == PBASE_OK) {
        status = database_names_change(&run->names, sequence, &wanted, err);
    }
    bool made = status == PBASE_OK && wanted.operation != CATALOG_DROP &&
                wanted.operation != CATALOG_RENAME;
    if (status == PBASE_OK) {
        status = database_names_find(&run->names, made ? sequence : wanted.database, &name, err);
    }
    run->origin.size = 0;
    if (status == PBASE_OK && wanted.operation != CATALOG_DROP) {
        status = pbase_buffer_append_bytes(&run->origin, wanted.source, err);
    }
    if (status == PBASE_OK) {
        status = pbase_buffer_append_u8(&run->origin, 0, err);
    }
    if (status == PBASE_OK) {
        out->kind = kind_of_change(&wanted);
        out->database = (const char *)name.data;
        out->origin = (const char *)run->origin.data;
        out->operations = 1;
    }
    return status;
}

/* ------------------------------------------------------------------------------- the scan ----- */

static pbase_status tell(history_run *run, const replay_record *record, pbase_error *err)
{
    pbase_commit_info info = {.struct_size = sizeof info,
                              .sequence = record->head.sequence,
                              .time_ns = record->head.timestamp_ns,
                              .origin = "",
                              .bytes = record->wrapped_bytes};
    pbase_status status = record->head.kind == RECORD_CATALOG
                              ? describe_change(run, record, &info, err)
                              : describe_delta(run, record->body, &info, err);
    return status == PBASE_OK && info.sequence >= run->from ? run->each(run->state, &info, err)
                                                            : status;
}

/* Names change with every record from the checkpoint on, also before the first that is told. */
static pbase_status scan(history_run *run, pbase_position from, pbase_error *err)
{
    record_scan records;
    uint64_t sequence = 0;
    record_scan_init(&records, run->space->bytes, wiring_storage(run->space->graph));
    pbase_status status = record_scan_open(&records, run->call, from, err);
    while (status == PBASE_OK && sequence < run->to) {
        replay_record record;
        status = pbase_call_check(run->call, run->space->host->os, err);
        if (status == PBASE_OK) {
            status = record_scan_next(&records, run->call, &record, err);
        }
        if (status == PBASE_OK && record.head.kind != RECORD_CHECKPOINT) {
            sequence = record.head.sequence;
            status = sequence <= run->to ? tell(run, &record, err) : PBASE_OK;
        }
    }
    record_scan_close(&records);
    return status == PBASE_END ? PBASE_OK : status;
}

static pbase_status run_from(history_run *run, const retained_checkpoint *checkpoint,
                             pbase_error *err)
{
    space_state *base = NULL;
    pbase_status status = history_checkpoint_state(run->space->engine, checkpoint, &base, err);
    if (status != PBASE_OK) {
        return status;
    }
    database_names_init(&run->names, base);
    space_state_unref(base);
    status = scan(run, checkpoint->replay, err);
    database_names_fini(&run->names);
    return status;
}

static bool is_older(pbase_space *space, uint64_t sequence)
{
    history_range range;
    history_range_read(space->engine, &range);
    return sequence < range.oldest;
}

pbase_status pbase_history(pbase_space *space, uint64_t from, uint64_t to, const pbase_call *call,
                           pbase_commit_each each, void *state, pbase_error *err)
{
    history_run run = {
        .space = space, .call = call, .from = from, .to = to, .each = each, .state = state};
    history_range range;
    engine_pin pin = {.is_set = false};
    retained_checkpoint checkpoint;
    pbase_status status = space_refresh(space, err);
    if (status != PBASE_OK) {
        return status;
    }
    do { /* what was the oldest may have been let go of when it is to be kept */
        history_range_read(space->engine, &range);
        run.from = from == 0 ? range.oldest + 1 : from;
        run.to = to < range.newest ? to : range.newest;
        if (run.from > run.to && run.from <= range.newest + 1) {
            return PBASE_OK;
        }
        status = history_pin(space->engine, run.from - 1, &pin, &checkpoint, err);
    } while (status == PBASE_NOT_FOUND && from == 0 && is_older(space, range.oldest));
    if (status == PBASE_OK) {
        pbase_buffer_init(&run.origin, space->host->alloc);
        status = run_from(&run, &checkpoint, err);
        pbase_buffer_fini(&run.origin);
    }
    history_unpin(space->engine, &pin);
    return status;
}
