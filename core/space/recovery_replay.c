/* recovery_replay.c - the commits after the base, applied with the code of commit and recovery.
 *
 * A record that cannot be applied as a whole is applied group by group; what still fails is told and
 * left out. Behind a missing commit, and in a list that lost elements, an index means nothing: such
 * operations are refused rather than applied to something else. Adopted content lies in the source's
 * atoms and is copied. */
#include "collection/change.h"
#include "collection/kind.h"
#include "index/definition.h"
#include "space/recovery.h"
#include "txn/replay.h"
#include "txn/working.h"

#include <inttypes.h>
#include <stdio.h>

/* Ordinals of the trees of indexes that are made again: no record of the source gave out such. */
#define INDEX_ORDINAL_FIRST (UINT64_C(1) << 40)

typedef struct {
    recovery *run;
    space_state *state; /* one count */
    bool behind_gap;
    pbase_buffer body; /* of the record as it is applied */
} replaying;

static pbase_status note(replaying *self, uint64_t sequence, pbase_status code, const char *message,
                         pbase_error *err)
{
    char place[64];
    (void)snprintf(place, sizeof place, "commit %" PRIu64, sequence);
    return recovery_tell(self->run, code, place, message, err);
}

static bool ends_it(pbase_status status)
{
    return status == PBASE_NO_MEMORY || status == PBASE_NO_SPACE || status == PBASE_TIMEOUT ||
           status == PBASE_CANCELLED || status == PBASE_AUTH;
}

/* Applies one record; on failure the state stays as it is. */
static pbase_status apply(replaying *self, const record_head *head, pbase_bytes body,
                          pbase_error *err)
{
    working *trees = NULL;
    space_state *next = NULL;
    recovery *run = self->run;
    pbase_status status =
        working_begin(run->to->host, self->state, &run->to->coder.base, &trees, err);
    if (status == PBASE_OK) {
        status = working_apply(trees, head, body, NULL, err);
    }
    if (status == PBASE_OK) {
        status = working_finish(&trees, &next, err);
    }
    working_abandon(&trees);
    if (status == PBASE_OK) {
        space_state_unref(self->state);
        self->state = next;
    }
    return status;
}

/* ------------------------------------------------------------------------------ one group ----- */

/* Whether every operation means the same wherever it is applied. */
static bool is_placed(const replaying *self, uint64_t database, const delta_group *group)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(group->operations);
    change operation;
    bool is_doubtful = self->behind_gap || recovery_is_cut(self->run, database, group->id);
    if (!tree_kind_positional(group->kind) || group->form != GROUP_CHANGE || !is_doubtful) {
        return true;
    }
    while (change_read(&reader, &operation, NULL) == PBASE_OK) {
        if (operation.op != CHANGE_LIST_APPEND) {
            return false;
        }
    }
    return true;
}

/* The group with its adopted content copied, appended to the body. */
static pbase_status group_add(replaying *self, uint64_t database, delta_group group,
                              pbase_error *err)
{
    adopted_content content;
    tree copy;
    pbase_buffer operations;
    if (group.form != GROUP_ADOPT) {
        return delta_group_write(&group, &self->body, err);
    }
    pbase_status status = adopted_content_read(group.operations, &content, err);
    if (status == PBASE_OK) {
        status =
            recovery_copy_tree(self->run, database, group.id, group.kind, content.root, &copy, err);
    }
    if (status != PBASE_OK) {
        return status;
    }
    pbase_buffer_init(&operations, self->run->to->host->alloc);
    status = tree_count(&copy, &content.count, err);
    content.root = copy.root == ATOM_REF_NONE ? PBASE_ATOM_NONE : atom_ref_pointer(copy.root);
    content.sum = copy.sum;
    if (status == PBASE_OK) {
        status = adopted_content_write(&content, &operations, err);
    }
    group.operations = pbase_buffer_view(&operations);
    if (status == PBASE_OK) {
        status = delta_group_write(&group, &self->body, err);
    }
    pbase_buffer_fini(&operations);
    tree_fini(&copy);
    return status;
}

static pbase_status refuse(replaying *self, uint64_t sequence, const delta_group *group,
                           const char *why, pbase_error *err)
{
    char message[600];
    self->run->report->refused_changes++;
    (void)snprintf(message, sizeof message,
                   "its change of collection (%" PRIu64 ", %" PRIu64 "), a %s, is left out: %s",
                   group->id.sequence == 0 && group->id.ordinal > 2 ? sequence : group->id.sequence,
                   group->id.ordinal, pbase_collection_kind_name(group->kind), why);
    return note(self, sequence, PBASE_LOST, message, err);
}

/* ----------------------------------------------------------------------------- one record ----- */

static pbase_status body_begin(replaying *self, uint64_t database, uint64_t groups,
                               pbase_error *err)
{
    self->body.size = 0;
    pbase_status status = pbase_buffer_append_varint(&self->body, database, err);
    return status == PBASE_OK ? pbase_buffer_append_varint(&self->body, groups, err) : status;
}

/* Each group as a record of its own; what still fails is told. */
static pbase_status apply_apart(replaying *self, const replay_record *record, pbase_error *err)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(record->body);
    uint64_t database = 0, count = 0, sequence = record->head.sequence;
    pbase_status status = PBASE_OK;
    if (!pbase_read_varint(&reader, &database) || !pbase_read_varint(&reader, &count)) {
        return note(self, sequence, PBASE_CORRUPT, "its record makes no sense", err);
    }
    for (uint64_t i = 0; i < count && status == PBASE_OK; i++) {
        delta_group group;
        pbase_error why;
        pbase_error_init(&why);
        pbase_status one = delta_group_read(&reader, &group, &why);
        if (one != PBASE_OK) {
            return note(self, sequence, PBASE_CORRUPT, why.message, err);
        }
        if (!is_placed(self, database, &group)) {
            status = refuse(self, sequence, &group,
                            "it goes by positions, and what they counted is not all there", err);
            continue;
        }
        one = body_begin(self, database, 1, &why);
        one = one == PBASE_OK ? group_add(self, database, group, &why) : one;
        one = one == PBASE_OK ? apply(self, &record->head, pbase_buffer_view(&self->body), &why)
                              : one;
        if (ends_it(one)) {
            if (err != NULL) {
                *err = why;
            }
            return one;
        }
        status = one == PBASE_OK ? PBASE_OK : refuse(self, sequence, &group, why.message, err);
    }
    return status;
}

/* True when it can be applied as it is written. */
static bool is_plain(const replaying *self, const replay_record *record)
{
    pbase_reader_bytes reader = pbase_reader_bytes_of(record->body);
    uint64_t database = 0, count = 0;
    delta_group group;
    if (record->head.kind != RECORD_DELTA) {
        return true;
    }
    bool ok = pbase_read_varint(&reader, &database) && pbase_read_varint(&reader, &count);
    for (uint64_t i = 0; ok && i < count; i++) {
        ok = delta_group_read(&reader, &group, NULL) == PBASE_OK && group.form != GROUP_ADOPT &&
             is_placed(self, database, &group);
    }
    return ok;
}

static pbase_status apply_record(replaying *self, const replay_record *record, pbase_error *err)
{
    pbase_error why;
    pbase_error_init(&why);
    pbase_status status = PBASE_CORRUPT;
    if (is_plain(self, record)) {
        status = apply(self, &record->head, record->body, &why);
    }
    if (status == PBASE_OK) {
        return PBASE_OK;
    }
    if (ends_it(status)) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    if (record->head.kind != RECORD_DELTA) {
        self->run->report->refused_changes++;
        return note(self, record->head.sequence, PBASE_LOST, why.message, err);
    }
    return apply_apart(self, record, err);
}

/* ---------------------------------------------------------------------------- the journal ----- */

static pbase_status tell_gap(replaying *self, uint64_t from, uint64_t to, pbase_error *err)
{
    char place[80];
    self->run->report->lost_commits += to - from + 1;
    self->behind_gap = true;
    (void)snprintf(place, sizeof place,
                   from == to ? "commit %" PRIu64 : "commits %" PRIu64 " to %" PRIu64, from, to);
    return recovery_tell(self->run, PBASE_LOST, place,
                         self->run->options->stop_at_gap
                             ? "lost; what came after is left out"
                             : "lost; what came after is applied: together it is no state that "
                               "ever was",
                         err);
}

/* `*out_stop`: no more records are wanted. */
static pbase_status meet(replaying *self, const replay_record *record, bool *out_stop,
                         pbase_error *err)
{
    recovery *run = self->run;
    uint64_t sequence = record->head.sequence;
    if (record->head.kind == RECORD_CHECKPOINT || sequence <= run->sequence) {
        return PBASE_OK;
    }
    pbase_status status = PBASE_OK;
    if (sequence > run->sequence + 1) {
        status = tell_gap(self, run->sequence + 1, sequence - 1, err);
        *out_stop = run->options->stop_at_gap;
    }
    if (status != PBASE_OK || *out_stop) {
        return status;
    }
    status = apply_record(self, record, err);
    if (status == PBASE_OK) {
        run->sequence = sequence;
        run->timestamp_ns = record->head.timestamp_ns;
        run->report->applied_commits++;
    }
    return status;
}

/* Something behind the last whole record shows that there was more. */
static pbase_status tell_end(replaying *self, pbase_error *err)
{
    pbase_journal_tail tail = {0, 0};
    char place[64], message[200];
    pbase_status status = pbase_storage_tail(wiring_storage(self->run->from->graph), &tail, err);
    if (status != PBASE_OK || tail.torn_bytes == 0) {
        return status;
    }
    (void)snprintf(place, sizeof place, "commits after %" PRIu64, self->run->sequence);
    (void)snprintf(message, sizeof message,
                   "there was more in the journal at position %" PRIu64
                   ": lost, or torn by a crash before it was acknowledged",
                   tail.torn_position);
    return recovery_tell(self->run, PBASE_LOST, place, message, err);
}

static pbase_status replay_journal(replaying *self, pbase_error *err)
{
    recovery *run = self->run;
    record_scan scan;
    bool stops = false;
    record_scan_init(&scan, run->from->bytes, wiring_storage(run->from->graph));
    pbase_status status = record_scan_open(&scan, run->call, 0, err);
    while (status == PBASE_OK && !stops) {
        replay_record record;
        pbase_error why;
        pbase_error_init(&why);
        status = record_scan_next(&scan, run->call, &record, &why);
        if (status == PBASE_OK) {
            status = meet(self, &record, &stops, err);
        } else if (status == PBASE_CORRUPT || status == PBASE_FORMAT || status == PBASE_IO) {
            status = recovery_tell(run, status, "journal", why.message, err);
        } else if (status != PBASE_END && err != NULL) {
            *err = why;
        }
    }
    record_scan_close(&scan);
    return status == PBASE_END && !stops ? tell_end(self, err)
           : status == PBASE_END         ? PBASE_OK
                                         : status;
}

/* ----------------------------------------------------------------------------- indexes -------- */

static pbase_status index_record(replaying *self, const lost_index *index, uint64_t ordinal,
                                 char name[80], pbase_error *err)
{
    index_definition definition;
    pbase_arena arena;
    pbase_buffer value, operations;
    const pbase_alloc *alloc = self->run->to->host->alloc;
    pbase_arena_init(&arena, alloc);
    pbase_buffer_init(&value, alloc);
    pbase_buffer_init(&operations, alloc);
    pbase_status status = index_definition_read(
        pbase_buffer_view(&index->key), pbase_buffer_view(&index->value), &arena, &definition, err);
    if (status == PBASE_OK) {
        (void)snprintf(name, 80, "%.*s", (int)definition.name.size,
                       (const char *)definition.name.data);
        definition.entries = (pbase_collection_id){0, ordinal};
        status = index_definition_write(&definition, &value, err);
    }
    index_operation operation = {INDEX_CREATE, pbase_buffer_view(&index->key),
                                 pbase_buffer_view(&value)};
    if (status == PBASE_OK) {
        status = index_operation_write(&operation, &operations, err);
    }
    delta_group group = {.id = INDEX_DEFINITIONS,
                         .form = GROUP_CHANGE,
                         .kind = COLLECTION_INDEX,
                         .operations = pbase_buffer_view(&operations)};
    status = status == PBASE_OK ? body_begin(self, index->database, 1, err) : status;
    status = status == PBASE_OK ? delta_group_write(&group, &self->body, err) : status;
    pbase_buffer_fini(&operations);
    pbase_buffer_fini(&value);
    pbase_arena_fini(&arena);
    return status;
}

static pbase_status make_indexes(replaying *self, pbase_error *err)
{
    recovery *run = self->run;
    pbase_status status = PBASE_OK;
    for (size_t i = 0; i < run->index_count && status == PBASE_OK; i++) {
        char name[80] = "?", place[120];
        pbase_error why;
        pbase_error_init(&why);
        const record_head head = {.kind = RECORD_DELTA,
                                  .sequence = run->sequence,
                                  .base = run->sequence,
                                  .timestamp_ns = run->timestamp_ns};
        pbase_status one =
            index_record(self, &run->indexes[i], INDEX_ORDINAL_FIRST + i, name, &why);
        one = one == PBASE_OK ? apply(self, &head, pbase_buffer_view(&self->body), &why) : one;
        if (ends_it(one)) {
            if (err != NULL) {
                *err = why;
            }
            return one;
        }
        if (one != PBASE_OK) {
            (void)snprintf(place, sizeof place, "index '%s'", name);
            status = recovery_tell(run, PBASE_LOST, place, why.message, err);
        }
    }
    return status;
}

/* Where the kind of a copied database stands in what is beside its tree; NULL: it is no copy. */
static uint8_t *copy_kind(pbase_buffer *payload)
{
    pbase_bytes name;
    pbase_reader_bytes reader = pbase_reader_bytes_of(pbase_buffer_view(payload));
    bool ok = pbase_read_sized(&reader, &name) && pbase_reader_bytes_left(&reader) > 0;
    return ok ? payload->data + (payload->size - pbase_reader_bytes_left(&reader)) : NULL;
}

/* Databases with indexes to be made are no snapshots for that time: nothing changes one of those. */
static pbase_status snapshots_turn(recovery *self, uint8_t from, uint8_t to, pbase_buffer *turned,
                                   pbase_error *err)
{
    pbase_status status = PBASE_OK;
    bool is_back = turned->size > 0;
    size_t count = is_back ? turned->size / sizeof(uint64_t) : self->index_count;
    for (size_t i = 0; i < count && status == PBASE_OK; i++) {
        uint64_t database = 0;
        tree table;
        pbase_buffer payload;
        bool found = false;
        if (is_back) {
            memcpy(&database, turned->data + i * sizeof database, sizeof database);
        } else {
            database = self->indexes[i].database;
        }
        pbase_buffer_init(&payload, self->to->host->alloc);
        status = recovery_table(self, database, &table, &payload, &found, err);
        uint8_t *kind = status == PBASE_OK && found ? copy_kind(&payload) : NULL;
        if (kind != NULL && *kind == from) {
            *kind = to;
            status =
                is_back ? PBASE_OK : pbase_buffer_append(turned, &database, sizeof database, err);
        }
        if (found) {
            pbase_status put =
                recovery_table_put(self, database, &table, pbase_buffer_view(&payload), err);
            status = status == PBASE_OK ? put : status;
        }
        pbase_buffer_fini(&payload);
    }
    return status;
}

/* Runs a step on the target's content as a state. */
static pbase_status run_step(recovery *self, pbase_status (*step)(replaying *, pbase_error *),
                             pbase_error *err)
{
    replaying run = {.run = self};
    run.state = space_state_create(NULL, self->target, self->catalog.root, self->sequence,
                                   self->timestamp_ns);
    if (run.state == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory for a state");
    }
    self->catalog.root = ATOM_REF_NONE; /* the state's now */
    pbase_buffer_init(&run.body, self->to->host->alloc);
    pbase_status status = step(&run, err);
    self->catalog.root = atom_ref_keep(run.state->catalog);
    space_state_unref(run.state);
    pbase_buffer_fini(&run.body);
    return status;
}

pbase_status recovery_replay(recovery *self, pbase_error *err)
{
    pbase_buffer turned;
    pbase_buffer_init(&turned, self->to->host->alloc);
    pbase_status status = snapshots_turn(self, DATABASE_SNAPSHOT, DATABASE_BRANCH, &turned, err);
    if (status == PBASE_OK) {
        status = run_step(self, make_indexes, err);
    }
    if (status == PBASE_OK && turned.size > 0) {
        status = snapshots_turn(self, DATABASE_BRANCH, DATABASE_SNAPSHOT, &turned, err);
    }
    pbase_buffer_fini(&turned);
    return status == PBASE_OK ? run_step(self, replay_journal, err) : status;
}
