/* recover.c - the order of recovering: open both, find a checkpoint, copy, mend, replay, name the
 * result, check it. */
#include "space/outside.h"
#include "space/recovery.h"
#include "store/atom_format.h"
#include "txn/replay.h"

#include <inttypes.h>
#include <protobase/check.h>
#include <stdio.h>

#define SETTLE_BYTES (UINT64_C(64) << 20) /* of atoms in memory */
#define SETS_MAX 64u

/* ------------------------------------------------------------------------------- shared ------- */

pbase_status recovery_tell(recovery *self, pbase_status code, const char *place,
                           const char *message, pbase_error *err)
{
    self->report->findings++;
    return self->options->each == NULL
               ? PBASE_OK
               : self->options->each(self->options->state, code, place, message, err);
}

pbase_status recovery_room(const recovery *self, void *items, size_t count, size_t *capacity,
                           size_t size, pbase_error *err)
{
    void **array = items;
    const pbase_alloc *alloc = self->to->host->alloc;
    if (count < *capacity) {
        return PBASE_OK;
    }
    size_t larger = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = alloc->resize(alloc, *array, *capacity * size, larger * size);
    if (grown == NULL) {
        return PBASE_FAIL(err, PBASE_NO_MEMORY, "no memory to note what is lost");
    }
    *array = grown;
    *capacity = larger;
    return PBASE_OK;
}

pbase_status recovery_settle(recovery *self, tree *content, bool always, pbase_error *err)
{
    atom_ref stored = ATOM_REF_NONE, settled = ATOM_REF_NONE;
    if (content->root == ATOM_REF_NONE ||
        (!always && atomic_load(&self->target->memory_bytes) < SETTLE_BYTES)) {
        return PBASE_OK;
    }
    store_birth_set(self->to->bytes, self->sequence);
    pbase_status status = tree_settle(self->target, content->root, &stored, err);
    if (status == PBASE_OK) {
        status = tree_rebase(self->target, content->root, NULL, &settled, err);
    }
    if (status == PBASE_OK) {
        uint64_t sum = content->sum;
        tree_fini(content);
        content->root = settled;
        content->sum = sum;
    }
    return status;
}

pbase_status recovery_table(recovery *self, uint64_t database, tree *out, pbase_buffer *payload,
                            bool *out_found, pbase_error *err)
{
    uint8_t key[8];
    tree_item item;
    catalog_database_key(database, key);
    pbase_status status =
        tree_get(&self->catalog, pbase_bytes_of(key, sizeof key), &item, out_found, err);
    if (status != PBASE_OK || !*out_found) {
        return status;
    }
    *out = tree_of(self->target, atom_ref_keep(item.value.root), false);
    status = pbase_buffer_append_bytes(payload, item.value.bytes, err);
    tree_item_release(self->target, &item);
    if (status != PBASE_OK) {
        tree_fini(out);
    }
    return status;
}

pbase_status recovery_table_put(recovery *self, uint64_t database, tree *table, pbase_bytes payload,
                                pbase_error *err)
{
    uint8_t key[8];
    catalog_database_key(database, key);
    encoded_key place = {pbase_bytes_of(key, sizeof key), pbase_bytes_of(NULL, 0)};
    tree_value entry = {TREE_VALUE_TREE, PBASE_COLLECTION_DICT, table->root, payload};
    pbase_status status = tree_put(&self->catalog, &place, &entry, NULL, err);
    tree_fini(table);
    return status;
}

/* --------------------------------------------------------------------------- checkpoints ------ */

static pbase_status checkpoint_add(recovery *self, const known_checkpoint *found, pbase_error *err)
{
    for (size_t i = 0; i < self->checkpoint_count; i++) {
        if (self->checkpoints[i].sequence == found->sequence) {
            return PBASE_OK;
        }
    }
    pbase_status status = recovery_room(self, &self->checkpoints, self->checkpoint_count,
                                        &self->checkpoint_capacity, sizeof *self->checkpoints, err);
    if (status != PBASE_OK) {
        return status;
    }
    size_t at = self->checkpoint_count++;
    for (; at > 0 && self->checkpoints[at - 1].sequence < found->sequence; at--) {
        self->checkpoints[at] = self->checkpoints[at - 1];
    }
    self->checkpoints[at] = *found;
    return PBASE_OK;
}

/* A checkpoint record, and those it keeps. */
static pbase_status checkpoint_meet(recovery *self, const replay_record *record, pbase_error *err)
{
    checkpoint_body body;
    retained_list kept;
    pbase_reader_bytes reader = pbase_reader_bytes_of(record->body);
    retained_list_init(&kept, self->to->host->alloc);
    pbase_error why;
    pbase_error_init(&why);
    pbase_status read = checkpoint_body_read(&reader, &body, &kept, &why);
    if (read == PBASE_NO_MEMORY) {
        retained_list_fini(&kept);
        return PBASE_FAIL(err, read, "%s", why.message);
    }
    known_checkpoint own = {record->head.sequence, record->head.timestamp_ns, body.root};
    pbase_status status = read == PBASE_OK ? checkpoint_add(self, &own, err) : PBASE_OK;
    for (size_t i = 0; i < kept.count && read == PBASE_OK && status == PBASE_OK; i++) {
        known_checkpoint older = {kept.items[i].sequence, kept.items[i].timestamp_ns,
                                  kept.items[i].root};
        status = checkpoint_add(self, &older, err);
    }
    retained_list_fini(&kept);
    return status;
}

/* Every checkpoint that any whole record names; `*out_first`: the lowest sequence of a commit. */
static pbase_status checkpoints_find(recovery *self, uint64_t *out_first, pbase_error *err)
{
    record_scan scan;
    replay_record record;
    *out_first = UINT64_MAX;
    record_scan_init(&scan, self->from->bytes, wiring_storage(self->from->graph));
    pbase_status status = record_scan_open(&scan, self->call, 0, err);
    while (status == PBASE_OK) {
        pbase_error why;
        pbase_error_init(&why);
        status = record_scan_next(&scan, self->call, &record, &why);
        if (status == PBASE_CORRUPT || status == PBASE_FORMAT || status == PBASE_IO) {
            status = PBASE_OK; /* told when it is missed */
        } else if (status == PBASE_OK && record.head.kind == RECORD_CHECKPOINT) {
            status = checkpoint_meet(self, &record, err);
        } else if (status == PBASE_OK) {
            *out_first = record.head.sequence < *out_first ? record.head.sequence : *out_first;
        } else if (status != PBASE_END && err != NULL) {
            *err = why;
        }
    }
    record_scan_close(&scan);
    return status == PBASE_END ? PBASE_OK : status;
}

/* The newest checkpoint of which the root can be read. */
static pbase_status base_choose(recovery *self, pbase_error *err)
{
    char place[80];
    pbase_status status = PBASE_OK;
    for (; self->base < self->checkpoint_count && status == PBASE_OK; self->base++) {
        const known_checkpoint *at = &self->checkpoints[self->base];
        atom_view view;
        pbase_error why;
        pbase_error_init(&why);
        pbase_status read = PBASE_OK;
        if (at->root != PBASE_ATOM_NONE) {
            read = atom_acquire(self->source, atom_ref_of_pointer(at->root), &view, &why);
        }
        if (read == PBASE_OK) {
            if (at->root != PBASE_ATOM_NONE) {
                atom_release(self->source, &view);
            }
            self->sequence = at->sequence;
            self->timestamp_ns = at->timestamp_ns;
            self->report->base_sequence = at->sequence;
            return PBASE_OK;
        }
        if (read == PBASE_NO_MEMORY) {
            if (err != NULL) {
                *err = why;
            }
            return read;
        }
        (void)snprintf(place, sizeof place, "checkpoint of commit %" PRIu64, at->sequence);
        status = recovery_tell(self, read, place, why.message, err);
    }
    return status;
}

/* No record is left that says what is where; atoms may be whole all the same. */
static pbase_status begin_bare(recovery *self, pbase_error *err)
{
    bool has_atoms = false;
    for (size_t i = 0; i < self->scan.count && !has_atoms; i++) {
        has_atoms = segment_scan_unreached(&self->scan.items[i], PBASE_ATOM_ALIGN) != UINT64_MAX;
    }
    if (!has_atoms || self->options->without_orphans) {
        pbase_status status = PBASE_FAIL(
            err, PBASE_CORRUPT, "neither a checkpoint nor a commit is left that could be read");
        pbase_error_hint(err, "restore a backup");
        return status;
    }
    const pbase_os *os = self->to->host->os;
    self->is_bare = true;
    self->sequence = 1;
    self->timestamp_ns = os->system->wall_ns(os);
    return recovery_tell(self, PBASE_LOST, "all checkpoints and commits",
                         "lost: whole leaves of collections are kept apart, in 'lost+found'", err);
}

static pbase_status base_find(recovery *self, pbase_error *err)
{
    uint64_t first = 0;
    pbase_status status = checkpoints_find(self, &first, err);
    if (status == PBASE_OK) {
        status = base_choose(self, err);
    }
    if (status == PBASE_OK && self->base == self->checkpoint_count && first == UINT64_MAX) {
        status = begin_bare(self, err);
    } else if (status == PBASE_OK && self->base == self->checkpoint_count && first > 1) {
        status =
            recovery_tell(self, PBASE_LOST, "all checkpoints",
                          "lost: what is saved are the commits that the journal still has", err);
    }
    return status;
}

/* ------------------------------------------------------------------------------- naming ------- */

static pbase_status checkpoint_write(recovery *self, atom_ref root, pbase_position position,
                                     pbase_buffer *out, pbase_error *err)
{
    uint8_t head_bytes[RECORD_HEAD_BYTES];
    pbase_buffer record;
    retained_list none;
    record_head head = {.kind = RECORD_CHECKPOINT,
                        .sequence = self->sequence,
                        .base = self->sequence,
                        .timestamp_ns = self->timestamp_ns};
    checkpoint_body body = {.root =
                                root == ATOM_REF_NONE ? PBASE_ATOM_NONE : atom_ref_pointer(root),
                            .replay = position};
    retained_list_init(&none, self->to->host->alloc);
    pbase_buffer_init(&record, self->to->host->alloc);
    record_head_write(&head, head_bytes);
    pbase_status status = pbase_buffer_append(&record, head_bytes, sizeof head_bytes, err);
    if (status == PBASE_OK) {
        status = checkpoint_body_write(&body, &none, &record, err);
    }
    if (status == PBASE_OK) {
        status = store_record_encode(self->to->bytes, pbase_buffer_view(&record), out, err);
    }
    pbase_buffer_fini(&record);
    retained_list_fini(&none);
    return status;
}

/* The target has its content from here on. */
static pbase_status name_result(recovery *self, pbase_error *err)
{
    atom_ref root = ATOM_REF_NONE;
    pbase_storage *storage = wiring_storage(self->to->graph);
    pbase_journal_head head;
    pbase_journal_appended appended = {0, 0};
    uint64_t fence = 0;
    pbase_buffer record;
    pbase_buffer_init(&record, self->to->host->alloc);
    store_birth_set(self->to->bytes, self->sequence);
    pbase_status status = PBASE_OK;
    if (self->catalog.root != ATOM_REF_NONE) {
        status = tree_settle(self->target, self->catalog.root, &root, err);
    }
    if (status == PBASE_OK) {
        status = pbase_storage_lock_acquire(storage, self->call, "writer", PBASE_LOCK_EXCLUSIVE, 0,
                                            &fence, err);
    }
    if (status != PBASE_OK) {
        pbase_buffer_fini(&record);
        return status;
    }
    status = pbase_storage_journal_head(storage, self->call, PBASE_HEAD_LATEST, &head, err);
    if (status == PBASE_OK) {
        status = checkpoint_write(self, root, head.head, &record, err);
    }
    if (status == PBASE_OK) {
        pbase_bytes bytes = pbase_buffer_view(&record);
        pbase_journal_append append = {.struct_size = sizeof append,
                                       .durability = PBASE_DURABILITY_SYNC,
                                       .records = &bytes,
                                       .record_count = 1,
                                       .expected = head.head,
                                       .fence = fence};
        const pbase_os *os = self->to->host->os;
        os->system->random(os, append.token.bytes, sizeof append.token.bytes);
        status = pbase_storage_append(storage, self->call, &append, &appended, err);
    }
    if (status == PBASE_OK) {
        status = pbase_storage_trim(storage, self->call, 0, appended.first, err);
    }
    pbase_storage_lock_release(storage, "writer", fence);
    pbase_buffer_fini(&record);
    return status;
}

/* ------------------------------------------------------------------------------ opening ------- */

/* The source as `source` describes it, its storage told to trust nothing and to change nothing. */
static pbase_status open_source(recovery *self, const pbase_config_source *source, pbase_error *err)
{
    const char *sets[SETS_MAX];
    pbase_config_source wanted = *source;
    if (source->set_count + 2 > SETS_MAX) {
        return PBASE_FAIL(err, PBASE_LIMIT, "%zu settings; at most %u", source->set_count,
                          SETS_MAX - 2);
    }
    for (size_t i = 0; i < source->set_count; i++) {
        sets[i] = source->sets[i];
    }
    sets[source->set_count] = "storage.salvage=true";
    sets[source->set_count + 1] = "storage.blocks.read_only=true";
    wanted.sets = sets;
    wanted.set_count = source->set_count + 2;
    pbase_status status = space_open_parts(&wanted, NULL, NULL, &self->from, err);
    if (status != PBASE_OK) {
        pbase_error_note(err, "opening the damaged space");
    }
    return status;
}

/* The new space lies beside the damaged one, which is only read. Told before anything is made. */
static pbase_status check_target(const recovery *self, const pbase_config_source *target,
                                 pbase_error *err)
{
    const wiring_options wanted = {.os = target->os};
    const char *path = NULL;
    wiring *graph = NULL;
    pbase_status status = wiring_plan(target, &wanted, &graph, err);
    for (size_t i = 0; status == PBASE_OK && (path = wiring_path(graph, i)) != NULL; i++) {
        status = outside_require(self->from->graph, path, err);
    }
    wiring_close(graph);
    return status;
}

/* The meta document comes first: numbers of codecs and the space's id are those of the source. */
static pbase_status take_meta(void *state, pbase_storage *storage, pbase_error *err)
{
    recovery *self = state;
    pbase_arena arena;
    pbase_bytes document = {NULL, 0}, before = {NULL, 0};
    uint64_t version = 0;
    pbase_arena_init(&arena, self->from->host->alloc);
    pbase_status status =
        pbase_storage_meta_get(storage, self->call, &arena, &before, &version, err);
    if (status == PBASE_OK && version != 0) {
        status = PBASE_FAIL(err, PBASE_EXISTS, "the target holds a space already");
        pbase_error_hint(err, "recover into a new folder");
    }
    if (status == PBASE_OK) {
        uint64_t from_version = 0;
        status = pbase_storage_meta_get(wiring_storage(self->from->graph), self->call, &arena,
                                        &document, &from_version, err);
    }
    if (status == PBASE_OK) {
        status = pbase_storage_meta_cas(storage, self->call, 0, document, err);
    }
    pbase_arena_fini(&arena);
    return status;
}

/* ------------------------------------------------------------------------------ all of it ----- */

static pbase_status recover(recovery *self, pbase_error *err)
{
    const segment_scan_options options = {
        .call = self->call, .progress = self->options->progress, .state = self->options->state};
    self->source = store_atoms(self->from->bytes);
    self->target = store_atoms(self->to->bytes);
    self->catalog = tree_of(self->target, ATOM_REF_NONE, false);
    segment_scan_init(&self->scan, self->from->host, wiring_storage(self->from->graph));
    pbase_status status = segment_scan_list(&self->scan, self->call, err);
    if (status == PBASE_OK) {
        status = segment_scan_run(&self->scan, &options, err);
    }
    status = status == PBASE_OK ? base_find(self, err) : status;
    status = status == PBASE_OK ? recovery_copy(self, err) : status;
    status = status == PBASE_OK ? recovery_mend(self, err) : status;
    status = status == PBASE_OK ? recovery_replay(self, err) : status;
    status = status == PBASE_OK ? recovery_orphans(self, err) : status;
    status = status == PBASE_OK ? name_result(self, err) : status;
    self->report->sequence = self->sequence;
    tree_fini(&self->catalog);
    segment_scan_fini(&self->scan);
    return status;
}

static void recovery_fini(recovery *self, const pbase_alloc *alloc)
{
    for (size_t i = 0; i < self->loss_count; i++) {
        pbase_buffer_fini(&self->losses[i].from);
        pbase_buffer_fini(&self->losses[i].to);
    }
    for (size_t i = 0; i < self->index_count; i++) {
        pbase_buffer_fini(&self->indexes[i].key);
        pbase_buffer_fini(&self->indexes[i].value);
    }
    pbase_alloc_free(alloc, self->losses, self->loss_capacity * sizeof *self->losses);
    pbase_alloc_free(alloc, self->indexes, self->index_capacity * sizeof *self->indexes);
    pbase_alloc_free(alloc, self->checkpoints,
                     self->checkpoint_capacity * sizeof *self->checkpoints);
}

typedef struct {
    const pbase_recover_options *options;
    char first[400];
} verdict;

static pbase_status hear_verdict(void *state, pbase_status code, const char *place,
                                 const char *message, pbase_error *err)
{
    verdict *self = state;
    (void)code;
    (void)err;
    if (self->first[0] == '\0') {
        (void)snprintf(self->first, sizeof self->first, "%.150s: %.200s", place, message);
    }
    return PBASE_OK;
}

/* What is given back must be sound: an engine opens it and a check finds nothing. */
static pbase_status prove(const pbase_config_source *target, const pbase_recover_options *options,
                          const pbase_call *call, pbase_recover_report *report, pbase_error *err)
{
    pbase_space *space = NULL;
    pbase_check_report check = {.findings = 0};
    verdict heard = {.options = options};
    pbase_space_options wanted = PBASE_SPACE_OPTIONS_INIT;
    wanted.must_exist = true;
    pbase_status status = pbase_space_open(target, &wanted, &space, err);
    if (status == PBASE_OK) {
        status = pbase_space_check(space, call, hear_verdict, &heard, &check, err);
    }
    if (status == PBASE_OK && check.findings > 0) {
        status =
            PBASE_FAIL(err, PBASE_CORRUPT,
                       "the recovered space does not pass its check (%" PRIu64 " findings): %s",
                       check.findings, heard.first);
    }
    report->databases = check.databases;
    report->collections = check.collections;
    report->entries = check.entries;
    pbase_space_close(space);
    return status;
}

pbase_status pbase_space_recover(const pbase_config_source *source,
                                 const pbase_config_source *target,
                                 const pbase_recover_options *options, const pbase_call *call,
                                 pbase_recover_report *report, pbase_error *err)
{
    static const pbase_recover_options all_defaults = {.each = NULL};
    pbase_recover_report unheard;
    options = options != NULL ? options : &all_defaults;
    report = report != NULL ? report : &unheard;
    recovery run = {.options = options, .call = call, .report = report};
    memset(report, 0, sizeof *report);
    pbase_status status = open_source(&run, source, err);
    if (status == PBASE_OK) {
        status = check_target(&run, target, err);
        status =
            status == PBASE_OK ? space_open_parts(target, take_meta, &run, &run.to, err) : status;
        if (status != PBASE_OK) {
            pbase_error_note(err, "opening the new space");
        }
    }
    if (status == PBASE_OK) {
        status = recover(&run, err);
    }
    if (run.to != NULL) {
        recovery_fini(&run, run.to->host->alloc);
    }
    pbase_space_close(run.to);
    pbase_space_close(run.from);
    return status == PBASE_OK ? prove(target, options, call, report, err) : status;
}
